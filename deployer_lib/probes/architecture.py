"""Does ARCHITECTURE.md agree with what is declared? Variables, ports and external systems that it names (A1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Code, Fix, Location, Result, errored, failed, passed
from deployer_lib.probes.context import Context, probe
from deployer_lib.probes.preflight import coordination_folder, read_text, report_path
from deployer_lib.probes.report_lines import Line, plain, read_lines, sections
from deployer_lib.probes.variables.documents import example_of
from deployer_lib.probes.variables.known import known_scan, platform_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["architecture"]

_FILE: Final = "ARCHITECTURE.md"
_CODE_NAME: Final = re.compile(r"`\$?\{?([A-Z][A-Z0-9_]{2,})\}?(?:=[^`]*)?`")
_BARE_NAME: Final = re.compile(r"\b([A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9])\b")
_VARIABLES_HEADING: Final = re.compile(
    r"\b(environment|env|configuration|variables|settings)\b", re.IGNORECASE
)
_PORT: Final = re.compile(
    r"\bports?\b\W{0,4}(\d{2,5})\b|(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::\]):(\d{2,5})\b", re.IGNORECASE
)
_PORT_HEADER: Final = re.compile(r"\bports?\b", re.IGNORECASE)
_DOCS: Final = "https://c4model.com/"
#: Ports of other systems, which a document may name and nobody declares here.
_FOREIGN_PORTS: Final = frozenset(
    {22, 25, 80, 443, 465, 587, 1433, 3306, 5432, 5672, 6379, 9092, 9200, 11211, 27017, 4317, 4318}
)


@probe("preflight.architecture")
def architecture(ctx: Context) -> Iterable[Result]:
    """Compare the names in ARCHITECTURE.md with parameters, example file and code."""
    text, why = read_text(coordination_folder(ctx) / _FILE)
    if text is None:
        yield errored(f"{report_path(ctx, _FILE)}: {why}.", root_cause="Without it nothing can be compared.")
        return
    lines = read_lines(text)
    compared = 0
    for part in (_variables(ctx, lines), _ports(ctx, lines)):
        for result in part:
            compared += 1
            yield result
    if not compared:
        yield errored(
            f"{report_path(ctx, _FILE)} names neither variables nor ports, so that nothing could be compared.",
            root_cause='Sections such as "Environment variables" and "Services" with ports are missing.',
        )


# -- variables -------------------------------------------------------------------------------------------------------


def _named(lines: list[Line]) -> dict[str, int]:
    """Return the variables that the document names, with the line of the first mention."""
    inside: set[int] = set()
    for section in sections(lines):
        if section.heading is not None and _VARIABLES_HEADING.search(section.heading.text):
            inside |= {line.number for line in section.lines}
    found: dict[str, int] = {}
    for line in lines:
        names = list(_CODE_NAME.findall(line.text)) if line.number in inside else []
        names += [name for name in _CODE_NAME.findall(line.text) if "_" in name]
        names += _BARE_NAME.findall(line.text) if line.number in inside else []
        if line.number in inside and line.code:
            names += re.findall(r"^\s*(?:export\s+)?([A-Z][A-Z0-9_]+)=", line.text)
        for name in names:
            found.setdefault(name, line.number)
    return found


def _variables(ctx: Context, lines: list[Line]) -> Iterator[Result]:
    file = report_path(ctx, _FILE)
    named = _named(lines)
    if not named:
        return
    in_code = {variable.name: variable for variable in known_scan(ctx).variables}
    example = example_of(ctx)
    ignored = set(ctx.parameters.variables.ignore) | platform_names()
    declared = set(ctx.parameters.deploy.variables) | set(in_code) | set(example.names if example else ())
    unknown = [name for name in named if name not in declared | ignored]
    for name in unknown:
        yield _unknown_variable(ctx, file, name, named[name])
    if not unknown:
        yield passed(
            f"The {len(named)} variables that {file} names are declared or read.",
            subject="variables",
            named=[*sorted(named)],
            in_code=len(in_code),
        )


def _unknown_variable(ctx: Context, file: str, name: str, line: int) -> Result:
    return failed(
        f"{file} names the variable {name}, which nothing declares or reads.",
        subject=name,
        root_cause=f"{file}:{line} names it; neither the code, the example file nor deploy.variables does.",
        impact="Somebody relies on a setting that has no effect, or its name is misspelt.",
        fix=Fix(
            (f"Take {name} out of {file}, or declare it where it is missing.",),
            (
                Code(
                    f"parameters/{ctx.parameters.environment}.yaml",
                    f"deploy:\n  variables:\n    {name}: <value>",
                    language="yaml",
                ),
            ),
            _DOCS,
            10,
        ),
        locations=(Location(file, line),),
        line=line,
    )


# -- ports -----------------------------------------------------------------------------------------------------------


def _port_lines(lines: list[Line]) -> dict[int, int]:
    found: dict[int, int] = {}
    for line in lines:
        numbers = [int(a or b) for a, b in _PORT.findall(plain(line.text))]
        for name, cell in zip(line.header, line.cells, strict=False):
            if _PORT_HEADER.search(name):
                numbers += [int(number) for number in re.findall(r"(?<![\d.])(\d{2,5})(?![\d.])", cell)]
        for number in numbers:
            found.setdefault(number, line.number)
    return found


def _declared_ports(ctx: Context) -> dict[int, str]:
    deploy = ctx.parameters.deploy
    found: dict[int, str] = {}
    if deploy.port:
        found[deploy.port] = "deploy.port"
    address = re.search(r":(\d{2,5})(?:/|$)", deploy.address)
    if address:
        found.setdefault(int(address.group(1)), "deploy.address")
    example = example_of(ctx)
    values = {
        **(example.values if example else {}),
        **{name: value for name, value in deploy.variables.items() if isinstance(value, str)},
    }
    defaults = {variable.name: variable.default or "" for variable in known_scan(ctx).variables}
    # A placeholder ({port}) says nothing, so the code's own default stays beside what is declared.
    for name, value in [*values.items(), *defaults.items()]:
        if (name == "PORT" or name.endswith("_PORT")) and value.isdigit():
            found.setdefault(int(value), name)
    return found


def _ports(ctx: Context, lines: list[Line]) -> Iterator[Result]:
    file = report_path(ctx, _FILE)
    named = _port_lines(lines)
    declared = _declared_ports(ctx)
    if not named:
        return
    if not declared:
        yield errored(
            f"{file} names port(s) {', '.join(map(str, sorted(named)))}, and nothing that could be compared declares one.",
            subject="ports",
            root_cause="deploy.port is 0 or absent, deploy.address has no port, and no *PORT variable has a value.",
        )
        return
    unknown = {
        port: line for port, line in named.items() if port not in declared and port not in _FOREIGN_PORTS
    }
    for port, line in unknown.items():
        yield failed(
            f"{file} names port {port}; declared are {', '.join(f'{p} ({w})' for p, w in sorted(declared.items()))}.",
            subject=f"port {port}",
            root_cause=f"{file}:{line} and the declaration differ.",
            impact="Whoever connects by the document reaches nothing, or something else.",
            fix=Fix(
                (f"Correct the port in {file}, or in the declaration.",),
                (Code(file, f"port {min(declared)}", line, "markdown"),),
                _DOCS,
                5,
            ),
            locations=(Location(file, line),),
            documented=port,
            declared=[*sorted(declared)],
        )
    if not unknown:
        yield passed(
            f"The ports that {file} names are those declared, or well-known ones of other systems.",
            subject="ports",
            named=[*sorted(named)],
            declared={str(port): where for port, where in sorted(declared.items())},
        )
