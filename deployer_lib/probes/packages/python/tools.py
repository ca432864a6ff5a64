"""Tools of developers that are declared for production and that production code does not import (B6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.check import Code, Fix, Location, Result, failed
from deployer_lib.probes.packages.python.bound import TOOLS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from deployer_lib.probes.packages.python.declared import Declared

__all__ = ["misplaced_tools"]

_DOCS: Final = "https://packaging.python.org/en/latest/specifications/dependency-groups/"


def misplaced_tools(declared: Iterable[Declared], imported: frozenset[str]) -> Iterator[Result]:
    """Yield tools among production's dependencies.

    Args:
        declared: what all manifests declare.
        imported: top-level modules that production code imports.
    """
    seen: set[str] = set()
    for item in declared:
        module = TOOLS.get(item.name)
        if (
            item.use == "production"
            and module is not None
            and module not in imported
            and item.name not in seen
        ):
            seen.add(item.name)
            yield _finding(item)


def _finding(item: Declared) -> Result:
    is_toml = item.file.endswith(".toml")
    code = (
        Code(item.file, f'[dependency-groups]\ndev = [\n  "{item.text}",\n]', 0, "toml")
        if is_toml
        else Code("requirements-dev.txt", f"-r {item.file.rpartition('/')[2]}\n{item.text}")
    )
    return failed(
        f"{item.file} declares {item.text} for production; it is a tool of developers, and production code does not import it.",
        subject=item.name,
        severity=Severity.LOW,
        root_cause=f"{item.name} stands at {item.file}:{item.line}, among what production needs.",
        impact="Every deployment installs it with all that it needs: more to download, to scan and to attack.",
        fix=Fix(
            (
                f"Move {item.name} to the development dependencies.",
                "Compile the lock file again and commit both.",
            ),
            (code,),
            _DOCS,
            5,
        ),
        locations=(Location(item.file, item.line),),
        declared=item.text,
    )
