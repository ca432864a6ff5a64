"""The configuration of production holds the team's rules, and four that count for every application (SPEC B9)."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.check import Code, Fix, Location, Result, Skip, errored, failed, passed, skipped
from deployer_lib.probes.configuration.masking import mask, mask_text
from deployer_lib.probes.configuration.model import Settings, Unreadable
from deployer_lib.probes.configuration.operands import Operand, Statement, fallbacks_of, operands_of
from deployer_lib.probes.configuration.reading import Reader
from deployer_lib.probes.configuration.starter import FILES, STARTER, StarterRule
from deployer_lib.probes.configuration.team_rules import judge
from deployer_lib.probes.configuration.written import code_of
from deployer_lib.probes.context import Context, probe
from deployer_lib.probes.variables.known import known_scan
from deployer_lib.probes.variables.sources import list_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["configuration"]

_CHECK: Final = "environment.configuration"
_PLACES: Final = 5
_SHOWN: Final = 8  # settings of a passing rule that its evidence lists
_DJANGO: Final = "DJANGO_SETTINGS_MODULE"


@probe("environment.configuration")
def configuration(ctx: Context) -> Iterable[Result]:
    """Hold every rule: each is kept, broken, or could not be told."""
    declared = ctx.parameters.configuration
    reader = Reader.of(ctx)
    seen: Counter[str] = Counter()
    for rule in declared.rules:
        seen[rule.name] += 1
        subject = rule.name if seen[rule.name] == 1 else f"{rule.name} ({seen[rule.name]})"
        ctx.progress(f"holding the rule {subject} …")
        yield judge(rule, subject, reader)
    if declared.starter:
        yield from _starter(ctx, reader)
    elif not declared.rules:
        yield skipped(
            Skip.UNAVAILABLE,
            f"No rule is declared and the starter rules are off: declare configuration.rules, or say not_applicable: {{{_CHECK}: why}}.",
        )


def _starter(ctx: Context, reader: Reader) -> Iterator[Result]:
    """Hold the starter rules against the target's variables and production's files.

    A rule for which no setting is found says nothing of this application, where something was looked at; where nothing at
    all could be looked at, nobody knows, and the check is unavailable.
    """
    files: list[Settings] = []
    named = list(ctx.parameters.configuration.files)
    listing = list_files(ctx.project, ctx.parameters.project.exclude)
    for folder, why, _ in listing.skipped:  # production's settings may lie in it
        yield _unread(reader, folder, Unreadable(why))
    found = [file for file in _usual_files(listing.files, reader) if file not in named]
    for file in (*named, *found):
        ctx.progress(f"reading {file} …")
        try:
            files.append(reader.read(file))
        except Unreadable as problem:
            yield _unread(reader, file, problem)
    operands = [
        *operands_of(reader.variables, files),
        *fallbacks_of(reader.variables, known_scan(ctx).variables, files),
    ]
    if not reader.variables.told and not files:
        if not (named or found or listing.skipped):
            yield skipped(
                Skip.UNAVAILABLE,
                "Nothing of this environment's configuration is known: declare deploy.variables, configuration.files or "
                f"configuration.rules, or say not_applicable: {{{_CHECK}: why}}.",
            )
        return
    for rule in STARTER:
        yield _judged(ctx, reader, rule, operands, files)


def _usual_files(files: Sequence[str], reader: Reader) -> list[str]:
    stem = reader.variables.values.get(_DJANGO, "").replace(".", "/")
    modules = (f"/{stem}.py", f"/{stem}/__init__.py") if stem else ()
    return [file for file in files if FILES.search(file) or f"/{file}".endswith(modules)]


def _unread(reader: Reader, file: str, problem: Unreadable) -> Result:
    where = f"{file}:{problem.line}" if problem.line else file
    return errored(
        f"{where} could not be read: {problem.why}.",
        subject=file.encode("utf-8", "replace").decode(),
        root_cause=problem.why,
        fix=Fix(
            (f"Mend {file}, or leave it out with project.exclude where production does not use it.",),
            (Code(reader.parameters, f"project:\n  exclude: [{json.dumps(file)}]", language="yaml"),),
            minutes=10,
        ),
        why=problem.why,
        line=problem.line,
    )


def _judged(
    ctx: Context, reader: Reader, rule: StarterRule, operands: Sequence[Operand], files: Sequence[Settings]
) -> Result:
    # A fallback that is an expression of the code says nothing by itself.
    statements = [
        statement
        for statement in rule.statements(operands)
        if statement.kept is not None or not statement.operand.fallback
    ]
    broken = [statement for statement in statements if statement.kept is False]
    untold = [statement for statement in statements if statement.kept is None]
    if broken:
        return _broken(ctx, reader, rule, broken, statements)
    if untold:
        return _untold(reader, rule, untold)
    if not statements:
        looked = len(reader.variables.values) + len(reader.variables.unknown)
        return skipped(
            Skip.NOT_APPLICABLE,
            f"None of {looked} variable(s) and {len(files)} configuration file(s) of production says anything of it "
            f"(looked for: {rule.looks_for}, and the like); configuration.rules takes a rule for another name.",
            subject=rule.name,
        )
    shown = [mask_text(_shown(statement), reader.variables.secrets) for statement in statements[:_SHOWN]]
    return passed(
        f"As far as settings tell, {rule.claim}: {mask_text(statements[0].why, reader.variables.secrets)}.",
        subject=rule.name,
        settings=[*shown],
        files=[settings.file for settings in files],
    )


def _shown(statement: Statement) -> str:
    operand = statement.operand
    return (
        f"{statement.why} ({operand.place.file}:{operand.place.line})"
        if operand.place.file
        else statement.why
    )


def _untold(reader: Reader, rule: StarterRule, untold: Sequence[Statement]) -> Result:
    first = untold[0]
    place = first.operand.place
    secrets = reader.variables.secrets
    return errored(
        f"{rule.name} could not be told: {mask_text(_shown(first), secrets)}.",
        subject=rule.name,
        root_cause=mask_text(first.why, secrets),
        fix=Fix(
            (
                "Declare the target's value, or a rule of your own in configuration.rules with starter: false.",
            ),
            (
                Code(
                    reader.parameters,
                    "deploy:\n  variables:\n    NAME: value   # the variable that the setting reads",
                    language="yaml",
                ),
            ),
            rule.docs,
            5,
        ),
        file=place.file,
        line=place.line,
        settings=[mask_text(_shown(statement), secrets) for statement in untold[:_SHOWN]],
    )


def _broken(
    ctx: Context,
    reader: Reader,
    rule: StarterRule,
    broken: Sequence[Statement],
    statements: Sequence[Statement],
) -> Result:
    first = broken[0]
    secrets = reader.variables.secrets
    more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
    environment = ctx.parameters.environment
    codes = [_code(ctx, statement, secrets) for statement in broken[:_PLACES]]
    names = ", ".join(dict.fromkeys(statement.operand.name for statement in broken[:_PLACES]))
    return failed(
        f"{mask_text(first.why, secrets)}, {first.operand.source} of {environment}{more}."
        if not first.operand.file and not first.operand.fallback
        else f"{mask_text(first.why, secrets)}, {first.operand.source}{more}.",
        subject=rule.name,
        severity=Severity.LOW if all(statement.mild for statement in broken) else None,
        root_cause=rule.root_cause,
        impact=rule.impact,
        fix=Fix(
            (f"Change {names} as below, and deploy again: afterwards {rule.claim}.",),
            tuple(codes),
            rule.docs,
            rule.minutes,
        ),
        locations=[_place(ctx, statement.operand) for statement in broken[:_PLACES]],
        seen={s.operand.name: mask(s.operand.shown(), secrets) for s in broken},
        settings=[mask_text(_shown(statement), secrets) for statement in statements[:_SHOWN]],
    )


def _place(ctx: Context, operand: Operand) -> Location:
    if operand.place.file:
        return operand.place
    return Location(f"parameters/{ctx.parameters.environment}.yaml", 0)


def _code(ctx: Context, statement: Statement, secrets: frozenset[str]) -> Code:
    """Return the line to write: in the file that says it, else under deploy.variables of the environment."""
    operand = statement.operand
    value = mask_text(statement.line, secrets)
    if operand.file:
        literal = (
            value
            if value in {"true", "false"} or value.isdecimal() or value[:1] == "{"
            else json.dumps(value)
        )
        entry = operand.path[-1].isdecimal()
        if entry:
            literal = f"[{literal}]"
        path = operand.path[:-1] if entry else operand.path
        if statement.key:
            path = (*path[:-1], statement.key)
        return code_of(ctx.project, operand.place, path, literal)
    place = (
        Location(f"parameters/{ctx.parameters.environment}.yaml")
        if operand.fallback
        else _place(ctx, operand)
    )
    text = json.dumps(value) if value in {"true", "false"} or value.isdecimal() else value
    return Code(
        place.file,
        f"deploy:\n  variables:\n    {statement.key or operand.path[0]}: {text}",
        place.line,
        "yaml",
    )
