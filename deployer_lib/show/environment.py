"""Variables and dependencies of the environment phase as tables that a person acts on, made from its checks alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.check import Outcome
from deployer_lib.show.tables import Table
from deployer_lib.show.words import place_of, places_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from deployer_lib.check import Check

__all__ = ["environment_tables"]

_READ: Final = "environment.variables_read"
_DOCUMENTED: Final = "environment.variables_documented"
_SET: Final = "environment.variables_set"
#: Checks of dependencies → what is wrong with a package.
_DEPENDENCIES: Final = {
    "environment.dependencies_declared": "undeclared",
    "environment.development_dependencies": "for developers",
    "environment.peers": "unmet peer",
    "environment.conflicts": "conflict",
    "environment.platform_packages": "one platform",
    "environment.clean_install": "install",
}
_HEAD: Final = ("status", "variable", "need", "default", "read at", "example", "docs", "set")
_NAMES: Final = frozenset({1, 4})  # columns of names and places
_PLACES: Final = 1
_FINE: Final = 2  # rank of a variable that needs nothing


@dataclass(slots=True)
class _Variable:
    """What the checks say of one variable; None where they don't say."""

    name: str
    need: str = ""
    default: str | None = None
    read: tuple[str, ...] = ()
    example: bool | None = None
    documented: bool | None = None
    set: bool | None = None

    @property
    def status(self) -> tuple[int, str]:
        """Return rank and words of what is to be done."""
        if self.set is False and self.need == "required":
            return 0, "❌ set it"
        if self.example is False or self.documented is False:
            return 1, "❌ write it down"
        return _FINE, "✅ fine"

    def row(self) -> tuple[str, ...]:
        """Return the cells of the table."""
        more = f" and {len(self.read) - _PLACES} more" if len(self.read) > _PLACES else ""
        return (
            self.status[1],
            self.name,
            self.need,
            "" if self.default is None else self.default,
            ", ".join(self.read[:_PLACES]) + more,
            _yes(self.example),
            _yes(self.documented),
            _yes(self.set),
        )


def _yes(value: bool | None) -> str:  # noqa: FBT001  (a cell of three values)
    return "?" if value is None else "yes" if value else "no"


def environment_tables(checks: Sequence[Check]) -> list[Table]:
    """Return the tables of variables and of dependencies; none where the checks say nothing of them."""
    tables = []
    variables = sorted(_variables(checks), key=lambda v: (v.status[0], v.need != "required", v.name))
    if variables:
        open_ = sum(variable.status[0] < _FINE for variable in variables)
        title = f"Environment variables: {len(variables)} are read, {open_} need something"
        tables.append(Table(title, _HEAD, tuple(variable.row() for variable in variables), paths=_NAMES))
    findings = [
        check
        for check_id in _DEPENDENCIES
        for check in checks
        if check.id == check_id and check.outcome is Outcome.FAIL
    ]
    if findings:
        rows = tuple(
            (
                _DEPENDENCIES[check.id],
                check.subject,
                check.result.message,
                ", ".join(places_of(check)),
                _first_step(check),
            )
            for check in findings
        )
        title = f"Dependencies to mend: {len(findings)}"
        tables.append(Table(title, ("problem", "package", "what was seen", "where", "do"), rows))
    return tables


def _first_step(check: Check) -> str:
    return check.result.fix.steps[0] if check.result.fix.steps else ""


def _variables(checks: Iterable[Check]) -> Iterable[_Variable]:
    found: dict[str, _Variable] = {}
    for check in checks:
        evidence: dict[str, Any] = dict(check.result.evidence)
        if check.id == _READ:
            for item in evidence.get("variables", ()):
                read = tuple(dict.fromkeys(place_of(r["file"], r["line"]) for r in item["references"]))
                found[item["name"]] = _Variable(item["name"], item["need"], item["default"], read)
    for check in checks:
        evidence = dict(check.result.evidence)
        variable = found.get(check.subject)
        if variable is not None and check.id == _DOCUMENTED:
            variable.example, variable.documented = evidence.get("in_example"), evidence.get("documented")
        elif variable is not None and check.id == _SET:
            variable.set = evidence.get("set")
        elif check.id == _SET:
            _optional(found, evidence)
    return found.values()


def _optional(found: dict[str, _Variable], evidence: dict[str, Any]) -> None:
    """Take over what is told of all optional variables at once."""
    names = evidence.get("set")
    for name in names if isinstance(names, list) else ():
        if name in found:
            found[name].set = True
    for name in evidence.get("unset") or ():
        if name in found:
            found[name].set = False
