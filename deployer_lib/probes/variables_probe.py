"""Environment variables: what the code reads against the example file, the documents and the target (SPEC B7, B8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.charts import variables as variables_chart
from deployer_lib.check import Code, Fix, Location, Result, Skip, errored, failed, passed, skipped
from deployer_lib.errors import Unavailable
from deployer_lib.probes.context import Context, probe, show
from deployer_lib.probes.variables.documents import (
    EXAMPLE_NAMES,
    Documents,
    Example,
    documents_of,
    example_of,
)
from deployer_lib.probes.variables.known import is_platform, known_scan, own_variables
from deployer_lib.probes.variables.model import NEEDS
from deployer_lib.secret import is_secret_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from deployer_lib.probes.variables.model import Reference, Variable

__all__ = ["proposed_example", "variables_documented", "variables_read", "variables_set"]

_DOCS: Final = "https://12factor.net/config"
_DESCRIBED: Final = 160  # characters of a document's line in the example file
_PLACES: Final = 3  # of a variable's reads that a finding lists
#: Values for the example file, by the end of a name; the first that fits.
_EXAMPLES: Final = (
    ("DATABASE_URL", "postgresql://user:password@localhost:5432/app"),
    ("REDIS_URL", "redis://localhost:6379/0"),
    ("DSN", "https://key@errors.example.com/1"),
    ("ORIGINS", "https://app.example.com"),
    ("URL", "https://app.example.com"),
    ("URI", "https://app.example.com"),
    ("EMAIL", "admin@example.com"),
    ("PORT", "8000"),
    ("HOST", "127.0.0.1"),
    ("REGION", "eu-central-1"),
    ("LEVEL", "info"),
    ("TIMEOUT", "30"),
    ("DEBUG", "false"),
    ("ENABLED", "true"),
    ("FILE", "/var/log/app.log"),
    ("PATH", "/var/lib/app"),
    ("DIR", "/var/lib/app"),
)
_SECRET_EXAMPLE: Final = "change-me-to-a-long-random-value"  # noqa: S105  (what an example file says)


# -- B7 --------------------------------------------------------------------------------------------------------------


@probe("environment.variables_read")
def variables_read(ctx: Context) -> Iterable[Result]:
    """Read every source file for environment variables, with file, line and fallback."""
    found = known_scan(ctx)
    for file, why, line in found.files_skipped:
        yield _unread(file, why, line)
    if not found.files_scanned:
        yield errored(
            "No source file of a language that is read here was found.",
            root_cause="The project's path holds no such file, or project.exclude leaves all out.",
        )
    elif not found.files_skipped:
        if found.computed:
            yield _computed(found.computed)
        yield passed(
            f"{len(found.variables)} variables are read in {found.files_scanned} source files.",
            files_scanned=found.files_scanned,
            languages=dict(found.by_language),
            variables=[variable.to_json() for variable in found.variables],
        )


def _computed(places: Sequence[Reference]) -> Result:
    """Return a finding for names that no reading of the code can tell."""
    first = places[0]
    return failed(
        f"{len(places)} read(s) of a variable whose name is made at run time: {first.file}:{first.line}.",
        subject="names made at run time",
        root_cause="The name is put together from values that are known only when the code runs.",
        impact="Nobody can tell which variables this code reads: they stand in no example, and none is missed at the start.",
        fix=Fix(
            (
                "Read each variable by its whole name, in one place; choose among the values, not among the names.",
            ),
            (
                Code(
                    first.file,
                    'LIMITS = {\n    "admin": os.environ.get("LIMIT_ADMIN", "100"),\n    "user": os.environ.get("LIMIT_USER", "10"),\n}\nlimit = LIMITS[role]',
                    first.line,
                    "python",
                ),
            ),
            "https://12factor.net/config",
            20,
        ),
        locations=tuple(Location(place.file, place.line) for place in places[:8]),
        reads=[f"{place.file}:{place.line}" for place in places],
    )


def _unread(file: str, why: str, line: int) -> Result:
    if (
        file == "."
    ):  # the folder itself, or what a reader of ours failed at: nothing that is wrong with the application
        return errored(
            f"The sources were not read whole: {why}.",
            subject="sources",
            root_cause="Variables that they read are unknown.",
        )
    return failed(
        f"{file} could not be read for variables: {why}.",
        subject=file,
        root_cause=f"{file}:{line}: {why}." if line else why,
        impact="Variables that this file reads are unknown, and importing it fails in production.",
        fix=Fix(
            (f"Mend {file}, or leave it out with project.exclude where it is no code of the application.",),
            (Code("terminal", f"python -m py_compile {file}", language="shell"),),
            "https://docs.python.org/3/library/py_compile.html",
            10,
        ),
        locations=(Location(file, line),),
        why=why,
    )


# -- B8: written down ------------------------------------------------------------------------------------------------


@probe("environment.variables_documented")
def variables_documented(ctx: Context) -> Iterable[Result]:
    """Look for each variable in the example file and in README or docs."""
    found = own_variables(ctx)
    if not known_scan(ctx).files_scanned:
        yield errored("No source file was read, so that nothing can be compared.")
        return
    if not found:
        yield passed("The code reads no variable of its own.", files_scanned=known_scan(ctx).files_scanned)
        return
    example, documents = example_of(ctx), documents_of(ctx)
    if example is None:
        yield _no_example(ctx, found)
    for variable in found:
        yield _documented(variable, example, documents)


def _documented(variable: Variable, example: Example | None, documents: Documents) -> Result:
    mention = documents.mention(variable.name)
    in_example = example is not None and variable.name in example.names
    if mention is not None and (in_example or example is None):
        where = f"{mention[0]}:{mention[1]}"
        shown = f"{example.file}:{example.names[variable.name]}" if example is not None else ""
        return passed(
            f"{variable.name} is documented.",
            subject=variable.name,
            need=variable.need,
            in_example=in_example,
            documented=True,
            document=where,
            example=shown,
            description=mention[2].strip()[:200],
            read=[*_reads(variable)],
        )
    code: list[Code] = []
    missing: list[str] = []
    if example is not None and not in_example:
        missing.append(example.file)
        code.append(Code(example.file, _example_line(variable), language="sh"))
    if mention is None:
        readme = documents.files[0] if documents.files else "README.md"
        missing.append("the documents" if documents.files else "a README")
        code.append(Code(readme, _table_row(variable), language="markdown"))
    return failed(
        f"{variable.name} is missing in {' and '.join(missing)}.",
        subject=variable.name,
        severity=Severity.HIGH if variable.need == "required" else Severity.LOW,
        root_cause=f"The code reads it ({', '.join(_reads(variable)[:_PLACES])}); nobody wrote it down.",
        impact=_undocumented_impact(variable),
        fix=Fix((f"Add {variable.name} to {' and '.join(missing)}.",), tuple(code), _DOCS, 5),
        locations=_places(variable),
        need=variable.need,
        default=variable.shown_default,
        in_example=in_example,
        documented=mention is not None,
        missing_in=[*missing],
    )


def _undocumented_impact(variable: Variable) -> str:
    if variable.need == "required":
        return (
            "Whoever sets up an environment does not know that it must be set; the application fails there."
        )
    return "Whoever runs the application does not know that it can be set."


def _no_example(ctx: Context, found: list[Variable]) -> Result:
    name = ctx.parameters.variables.example or EXAMPLE_NAMES[0]
    text = proposed_example(found, documents_of(ctx))
    kept = ctx.propose(name, text)
    return failed(
        f"There is no example file ({name}) that lists the {len(found)} variables of the code.",
        subject=name,
        severity=Severity.HIGH if any(variable.need == "required" for variable in found) else Severity.LOW,
        root_cause=f"None of {', '.join((name, *EXAMPLE_NAMES[1:4]))} stands in the project's folder.",
        impact="An environment is set up by guessing; a forgotten variable shows at the start in production.",
        fix=Fix(
            (f"Write {name} as below (it lies in the run's folder too) and commit it.",),
            (Code(name, text, language="sh"),),
            _DOCS,
            10,
        ),
        locations=(Location(name),),
        proposed=kept,
        variables=[variable.name for variable in found],
    )


def proposed_example(found: list[Variable], documents: Documents | None = None) -> str:
    """Return a whole example file: required variables first, each with what documents say of it and where it is read."""
    blocks = [
        "# Environment variables of this application. Copy to .env and fill in; never commit that copy.\n"
    ]
    for need, title in (("required", "Required"), ("default", "With a default"), ("optional", "Optional")):
        some = [variable for variable in found if variable.need == need]
        if some:
            lines = [_example_entry(variable, documents) for variable in some]
            blocks.append(f"# --- {title} ---\n" + "\n".join(lines) + "\n")
    return "\n".join(blocks)


def _example_entry(variable: Variable, documents: Documents | None) -> str:
    mention = documents.mention(variable.name) if documents is not None else None
    described = f"# {_one_line(mention[2])}\n" if mention is not None else ""
    more = f" and {len(variable.references) - 1} more" if len(variable.references) > 1 else ""
    return f"{described}# {variable.need}; read in {_reads(variable)[0]}{more}\n{_example_line(variable)}"


def _one_line(text: str) -> str:
    return " ".join(text.strip().strip("|").replace("`", "").split())[:_DESCRIBED]


def _example_line(variable: Variable) -> str:
    value = _example_value(variable)
    return f"{variable.name}={value}" if variable.need == "required" else f"# {variable.name}={value}"


def _example_value(variable: Variable) -> str:
    if is_secret_name(variable.name):
        return _SECRET_EXAMPLE
    if variable.shown_default is not None and len(variable.shown_default.split()) <= 1:
        return variable.shown_default
    return next((value for end, value in _EXAMPLES if variable.name.endswith(end)), "value")


def _table_row(variable: Variable) -> str:
    default = f"`{variable.shown_default}`" if variable.shown_default is not None else ""
    need = "yes" if variable.need == "required" else "no"
    return (
        "| Variable | Required | Default | Meaning |\n| --- | --- | --- | --- |\n"
        f"| `{variable.name}` | {need} | {default} | <what it is for> |"
    )


def _reads(variable: Variable) -> list[str]:
    return [f"{place.file}:{place.line}" for place in variable.references]


def _places(variable: Variable) -> tuple[Location, ...]:
    return tuple(Location(place.file, place.line) for place in variable.references[:_PLACES])


# -- B8: set ---------------------------------------------------------------------------------------------------------


@probe("environment.variables_set")
def variables_set(ctx: Context) -> Iterable[Result]:
    """Compare each required variable with what is set for the target; hand the required names on."""
    found = own_variables(ctx)
    required = [variable for variable in found if variable.need == "required"]
    ctx.memo["required"] = tuple(variable.name for variable in required)
    if not known_scan(ctx).files_scanned:
        yield errored("No source file was read, so that the required variables are unknown.")
        return
    try:
        names = ctx.target.variable_names()
    except Unavailable as why:
        yield skipped(Skip.UNAVAILABLE, f"The target does not tell which variables are set: {why.message}")
        return
    for variable in required:
        if variable.name in names:
            yield passed(
                f"{variable.name} is set.",
                subject=variable.name,
                need="required",
                set=True,
                read=[*_reads(variable)[:_PLACES]],
            )
        else:
            yield _unset(ctx, variable)
    yield from _others(ctx, found, names)
    if found:
        counted: dict[str, tuple[int, int]] = {
            need: (
                sum(variable.name in names for variable in found if variable.need == need),
                sum(variable.name not in names for variable in found if variable.need == need),
            )
            for need in NEEDS
        }
        show(ctx, variables_chart(counted))


def _others(ctx: Context, found: list[Variable], names: frozenset[str]) -> Iterator[Result]:
    others = [variable for variable in found if variable.need != "required"]
    read = {variable.name for variable in known_scan(ctx).variables}
    stray = sorted(name for name in names - read if not is_platform(name))
    if others or not found:
        yield passed(
            f"{sum(variable.name in names for variable in others)} of {len(others)} variables that may be left out are set.",
            subject="optional variables",
            need="optional",
            set=[variable.name for variable in others if variable.name in names],
            unset={variable.name: variable.need for variable in others if variable.name not in names},
            set_but_not_read=[*stray],
        )


def _unset(ctx: Context, variable: Variable) -> Result:
    example = example_of(ctx)
    shown = example.values.get(variable.name, "") if example is not None else ""
    secret = is_secret_name(variable.name)
    value = f"${{env:{variable.name}}}" if secret else shown or _example_value(variable)
    file = f"parameters/{ctx.parameters.environment}.yaml"
    place = variable.references[0]
    return failed(
        f"{variable.name} is required and not set in {ctx.parameters.environment}.",
        subject=variable.name,
        root_cause=f"{place.file}:{place.line} reads it ({place.idiom}) without a fallback; the target has no value for it.",
        impact="The application does not start, or fails where it reads the variable.",
        fix=Fix(
            (
                f"Set {variable.name} for {ctx.parameters.environment}; for a process that Deployer starts, in {file}.",
                *(
                    (f"Keep its value out of the file: export {variable.name}=… before the run.",)
                    if secret
                    else ()
                ),
            ),
            (Code(file, f"deploy:\n  variables:\n    {variable.name}: {_quoted(value)}", language="yaml"),),
            _DOCS,
            10,
        ),
        locations=_places(variable),
        need="required",
        set=False,
        example=(_SECRET_EXAMPLE if secret else shown or _example_value(variable)),
        description=example.comments.get(variable.name, "") if example is not None else "",
    )


def _quoted(value: str) -> str:
    return value if value and not set(value) & set(":#{}[]&*!|>'\"%@`") else f'"{value}"'
