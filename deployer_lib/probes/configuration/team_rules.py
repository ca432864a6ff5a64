"""Hold one of the team's own rules against a configuration file and the target's variables."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Code, Fix, JSONValue, Location, Result, errored, failed, passed
from deployer_lib.expect import holds
from deployer_lib.probes.configuration.masking import mask, mask_text, secrets_of
from deployer_lib.probes.configuration.model import (
    Path,
    Settings,
    TargetVariables,
    Tree,
    Unknown,
    Unreadable,
    shown_path,
)
from deployer_lib.probes.configuration.written import code_of, language_of
from deployer_lib.secret import SECURE, is_secret_name

if TYPE_CHECKING:
    from deployer_lib.parameters.model import ConfigurationRule
    from deployer_lib.probes.configuration.reading import Reader
    from deployer_lib.threshold import Held

__all__ = ["judge"]

_DOCS: Final = "https://github.com/google/cel-spec/blob/master/doc/langdef.md"
_ROOT: Final = re.compile(r"""(?<![\w.\]"'])(config|env)\b((?:\.\w+|\[\s*(?:\d+|"[^"]*"|'[^']*')\s*\])*)""")
_STEP: Final = re.compile(r"""\.(\w+)|\[\s*(?:(\d+)|"([^"]*)"|'([^']*)')\s*\]""")
_LITERAL: Final = re.compile(r"""(?<![\w"'])-?\d+(?:\.\d+)?|"([^"\\]*)"|'([^'\\]*)'""")
_NAME: Final = re.compile(r"(?<![\w.])[A-Za-z_]\w*\b(?!\s*[(:])")
_BOUND: Final = re.compile(r"\.(?:exists|exists_one|all|map|filter)\(\s*([A-Za-z_]\w*)\s*,")
_WORDS: Final = frozenset({"config", "env", "true", "false", "null", "in", "r", "b"})
#: With these an expression asks itself whether something is there.
_GUARDED: Final = re.compile(r"\bhas\(|\bin\b|\?|\.(?:exists|exists_one|all|map|filter)\(")
#: What stands for a value that can't be told, to see whether a rule's answer depends on it.
_SAMPLES: Final[tuple[JSONValue, ...]] = ("", "deployer", True, False, 0, 1, None, [], {})
_EQUALS: Final = re.compile(
    r"""^\s*config([\w.\["'\]]*)\s*==\s*(true|false|-?\d+(?:\.\d+)?|"[^"]*"|'[^']*')\s*$"""
)


@dataclass(frozen=True, slots=True)
class _Given:
    """What a rule is held against."""

    rule: ConfigurationRule
    subject: str
    settings: Settings
    variables: TargetVariables  # with every name that the rule uses: those that are not declared are unknown
    secrets: frozenset[str]

    def told(self) -> dict[str, JSONValue]:
        """Return the names of the expression; what can't be told is left out."""
        return {"config": self.settings.known(), "env": dict(self.variables.values)}

    def supposing(self, sample: JSONValue) -> dict[str, JSONValue]:
        """Return the same with one value for all that can't be told."""
        unknown = dict.fromkeys(self.variables.unknown, sample)
        return {"config": self.settings.supposing(sample), "env": {**self.variables.values, **unknown}}

    def has_unknowns(self) -> bool:
        return bool(self.variables.unknown) or bool(self.settings.unknowns())


def judge(rule: ConfigurationRule, subject: str, reader: Reader) -> Result:
    """Return whether a rule is kept; an error where its file can't be read, or what it uses can't be told."""
    used = _used(rule.holds)
    if names := _undefined(rule.holds):
        return _error(reader, rule, subject, f"{names[0]} is not defined: there are config and env")
    if not used:
        return _error(
            reader,
            rule,
            subject,
            "it uses neither config nor env, so that it says nothing of the configuration",
        )
    if any(root == "config" for root, _ in used) and not rule.file:
        return _error(reader, rule, subject, "it uses config and names no file")
    if any(root == "env" for root, _ in used) and not reader.variables.told:
        return _error(
            reader,
            rule,
            subject,
            "it uses env, and the target's variables are not known: declare deploy.variables",
        )
    try:
        settings = reader.read(rule.file) if rule.file else Settings("", {})
    except Unreadable as problem:
        where = f"{rule.file}:{problem.line}" if problem.line else rule.file
        return _error(reader, rule, subject, f"{where}: {problem.why}", Location(rule.file, problem.line))
    given = _Given(rule, subject, settings, _with_used(reader.variables, used), _secrets(settings, reader))
    return _judged(given, used, reader)


def _judged(given: _Given, used: list[tuple[str, Path]], reader: Reader) -> Result:
    held = holds(given.rule.holds, given.told())
    if held.held is not None and (missing := _missing(given, used)):
        return _error(
            reader,
            given.rule,
            given.subject,
            f"there is no key {missing} in {given.rule.file or 'deploy.variables'}",
        )
    if held.held is None or not _settled(given, held):
        return _untold(reader, given, held, used)
    shown = _shown(given, held)
    places = _places(given, used)
    seen = ", ".join(f"{name} is {json.dumps(value, ensure_ascii=False)}" for name, value in shown.items())
    if held.held:
        return passed(
            f"{given.rule.holds} holds" + (f": {seen}." if seen else "."),
            subject=given.subject,
            rule=given.rule.holds,
            file=given.rule.file,
            operands=shown,
            places=[f"{place.file}:{place.line}" for place in places],
        )
    return failed(
        f"{given.rule.holds} does not hold" + (f": {seen}." if seen else "."),
        subject=given.subject,
        severity=given.rule.severity,
        root_cause=f"{_where(places) or given.rule.file or 'deploy.variables'} says otherwise than the rule of the team.",
        impact=f"Production runs without what the rule asks for: {given.rule.name}.",
        fix=Fix(
            (
                f"Change {_where(places) or given.rule.file or 'deploy.variables'} so that {given.rule.holds}.",
            ),
            (_code(given, places, reader),),
            _DOCS,
            10,
        ),
        locations=places,
        rule=given.rule.holds,
        file=given.rule.file,
        operands=shown,
    )


def _error(reader: Reader, rule: ConfigurationRule, subject: str, why: str, *places: Location) -> Result:
    made = errored(
        f"{rule.name} could not be told: {why}.",
        subject=subject,
        root_cause=why,
        fix=Fix(
            (f"Mend the file, or the rule «{rule.name}» in configuration.rules.",),
            (
                Code(
                    reader.parameters,
                    f"configuration:\n  rules:\n    - name: {rule.name}\n      file: {rule.file or 'config/production.yaml'}\n      holds: {json.dumps(rule.holds)}",
                    language="yaml",
                ),
            ),
            _DOCS,
            10,
        ),
        rule=rule.holds,
        file=rule.file,
    )
    return made if not places else _located(made, places)


def _located(result: Result, places: tuple[Location, ...]) -> Result:
    return replace(result, locations=places)


def _with_used(variables: TargetVariables, used: list[tuple[str, Path]]) -> TargetVariables:
    """Return the variables with those that the rule names: what nobody declared is not known to be unset."""
    if variables.complete:
        return variables
    names = {path[0] for root, path in used if root == "env" and path} - set(variables.values)
    return replace(
        variables,
        unknown={**dict.fromkeys(names, "is not among deploy.variables"), **variables.unknown},
    )


def _settled(given: _Given, held: Held) -> bool:
    """Tell whether the answer is the same whatever stands where something can't be told."""
    if not given.has_unknowns():
        return True
    literals: list[JSONValue] = []
    for match in _LITERAL.finditer(given.rule.holds):
        quoted = match[1] if match[1] is not None else match[2]
        number = float(match[0]) if quoted is None else 0.0
        literals.append(quoted if quoted is not None else int(number) if number.is_integer() else number)
    return all(
        holds(given.rule.holds, given.supposing(sample)).held in {held.held, None}
        for sample in (*_SAMPLES, *literals)
    )


def _untold(reader: Reader, given: _Given, held: Held, used: list[tuple[str, Path]]) -> Result:
    """Return that a rule could not be told, naming what it uses and nobody knows, with its line."""
    reasons: list[str] = []
    places: list[Location] = []
    known = [("config", path, value) for path, value in given.settings.unknowns()]
    known += [("env", (name,), Unknown(f"{name} {why}")) for name, why in given.variables.unknown.items()]
    for root, path, value in known:
        if any(root == r and (path[: len(p)] == p or p[: len(path)] == path) for r, p in used):
            place = given.settings.place(path) if root == "config" else given.variables.places.get(path[0])
            line = value.line or (place.line if place else 0)
            where = Location(place.file if place else given.rule.file, line)
            reasons.append(f"{root}.{shown_path(path)} ({where.file}:{where.line}): {value.why}")
            places.append(where)
    if not reasons:
        quiet = holds(given.rule.holds, given.told(), show=False)
        reasons.append(mask_text(quiet.why if held.held is None else held.why, given.secrets))
        places.append(Location(given.rule.file, 0))
    return _error(reader, given.rule, given.subject, "; ".join(reasons[:3]), *places[:3])


# -- what is shown --


def _secrets(settings: Settings, reader: Reader) -> frozenset[str]:
    env: dict[str, JSONValue] = dict(reader.variables.values)
    return frozenset({*reader.variables.secrets, *secrets_of(settings.known()), *secrets_of(env)})


def _shown(given: _Given, held: Held) -> dict[str, JSONValue]:
    """Return the operands' values, secrets masked: by name, and wherever a secret's text occurs."""
    masked: dict[str, JSONValue] = {
        "config": mask(given.settings.known(), given.secrets),
        "env": mask(dict(given.variables.values), given.secrets),
    }
    again = holds(given.rule.holds, masked).operands
    shown: dict[str, JSONValue] = {}
    for name, value in held.operands.items():
        last = (_path(match[2]) if (match := _ROOT.fullmatch(name)) else ()) or ("",)
        if any(is_secret_name(step) for step in last):
            shown[name] = SECURE
        elif isinstance(value, str | list | dict):
            shown[name] = mask(again.get(name, SECURE), given.secrets)
        else:
            shown[name] = value
    return shown


def _places(given: _Given, used: list[tuple[str, Path]]) -> tuple[Location, ...]:
    found: dict[Location, None] = {}
    for root, path in used:
        if root == "config" and path:
            found[given.settings.place(path)] = None
        elif root == "env" and path and path[0] in given.variables.places:
            found[given.variables.places[path[0]]] = None
    return tuple(found)[:5]


def _where(places: tuple[Location, ...]) -> str:
    return ", ".join(f"{place.file}:{place.line}" if place.line else place.file for place in places[:2])


def _code(given: _Given, places: tuple[Location, ...], reader: Reader) -> Code:
    place = places[0] if places else Location(given.rule.file, 0)
    equals = _EQUALS.match(given.rule.holds)
    if given.rule.fix:
        return Code(place.file, given.rule.fix, place.line, language_of(place.file))
    path = _path(equals[1]) if equals else ()
    if equals and path:
        return code_of(reader.root, place, path, equals[2].replace("'", '"'))
    return Code(place.file, f"# must hold: {given.rule.holds}", place.line, language_of(place.file))


def _used(expression: str) -> list[tuple[str, Path]]:
    """Return the settings that an expression names, each with its root; a method's name is no key."""
    blanked = _blanked(expression)
    found = []
    for match in _ROOT.finditer(blanked):
        path = _path(match[2])
        called = blanked[match.end() :].lstrip().startswith("(")
        found.append((match[1], path[:-1] if called else path))
    return found


def _undefined(expression: str) -> list[str]:
    """Return names that nobody defined: CEL passes over them where the rest of an expression decides."""
    blanked = re.sub(r"""(["']).*?\1""", '""', expression)
    bound = {*_BOUND.findall(blanked), *_WORDS}
    return [name for name in _NAME.findall(blanked) if name not in bound]


def _missing(given: _Given, used: list[tuple[str, Path]]) -> str:
    """Return a key that is not there, where the expression does not ask itself whether it is."""
    if _GUARDED.search(_blanked(given.rule.holds)):
        return ""
    tree: dict[str, Tree] = {"config": given.settings.tree}
    names = {*given.variables.values, *given.variables.unknown}
    tree["env"] = {name: given.variables.values.get(name, Unknown("")) for name in names}
    for root, path in used:
        here: Tree = tree[root]
        for step in path:
            if isinstance(here, Unknown):
                break
            if isinstance(here, list) and step.isdecimal() and int(step) < len(here):
                here = here[int(step)]
            elif isinstance(here, dict) and step in here:
                here = here[step]
            else:
                return f"{root}.{shown_path(path)}"
    return ""


def _path(text: str) -> Path:
    return tuple(next(part for part in match.groups() if part is not None) for match in _STEP.finditer(text))


def _blanked(expression: str) -> str:
    """Return an expression without the words in its texts, keys in brackets kept."""
    return re.sub(r"""(?<!\[)(["'])(?:(?!\1).)*\1(?!\])""", '""', expression)
