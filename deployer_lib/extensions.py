"""What other distributions add to Deployer: entry points, looked up by name and loaded when they are needed.

::

    [project.entry-points."deployer.checks"]
    "team.orders_fresh" = "team_checks:orders_fresh"

An installed package costs nothing until its name is used: names are read from metadata, and nothing is imported for it
(https://packaging.python.org/en/latest/specifications/entry-points/).
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Final, Literal

from deployer_lib.errors import UsageError

__all__ = ["Group", "load_extension", "names_of"]

Group = Literal["checks", "targets", "secrets"]
_PREFIX: Final = "deployer."


def names_of(group: Group) -> dict[str, str]:
    """Return the names that are installed in a group, each with where it points (``team_checks:orders_fresh``)."""
    return {point.name: point.value for point in sorted(entry_points(group=_PREFIX + group))}


def load_extension(group: Group, name: str) -> object:
    """Import what a name of a group points to.

    Raises:
        UsageError: nothing, or more than one thing, has this name, or it can't be imported.
    """
    points = list(entry_points(group=_PREFIX + group, name=name))
    if not points:
        raise UsageError(
            f"No installed package has {name} among its {_PREFIX}{group}.",
            hint=f"Installed: {', '.join(names_of(group)) or 'none'}.",
        )
    if len({point.value for point in points}) > 1:
        raise UsageError(
            f"{_PREFIX}{group} has {name} twice: {' and '.join(sorted(point.value for point in points))}.",
            hint="Uninstall one of the two packages.",
        )
    try:
        return points[0].load()
    except Exception as error:  # an import may raise whatever the package's code raises
        raise UsageError(
            f"{name} ({points[0].value}) can't be imported: {type(error).__name__}: {error}.",
            hint="Install what it needs, or uninstall its package.",
        ) from error
