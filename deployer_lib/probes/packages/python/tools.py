"""Tools of developers that are declared, or locked, for production and that production code does not import (B6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.check import Code, Fix, Location, Result, failed
from deployer_lib.probes.packages.python.bound import TOOLS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from deployer_lib.probes.packages.python.declared import Declared
    from deployer_lib.probes.packages.python.locks import Lock

__all__ = ["locked_tools", "misplaced_tools"]

#: Lock files that hold every group, each marked or told by the manifest: what production installs is chosen from them.
_WITH_GROUPS: Final = frozenset({"uv.lock", "poetry.lock", "pdm.lock", "pylock.toml"})
_NAMED: Final = 5  # packages that a sentence names
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


def locked_tools(
    declared: Mapping[str, Sequence[Declared]], lock: Lock, needed: frozenset[str], known: frozenset[str]
) -> Iterator[Result]:
    """Yield one finding where production's lock file pins what is declared for development alone.

    Args:
        declared: normalised name -> where it is declared.
        lock: what production is installed from.
        needed: what production declares, and all that it requires.
        known: names that are findings already.
    """
    if lock.file in _WITH_GROUPS:
        return
    names = sorted(
        name
        for name, entries in declared.items()
        if name in lock.pins
        and name not in needed | known
        and all(entry.use == "development" for entry in entries)
        and all(entry.file != lock.file for entry in entries)
    )
    if not names:
        return
    first = declared[names[0]][0]
    shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    yield failed(
        f"{lock.file} pins {shown} for production, which {first.file} declares for development alone.",
        subject=lock.file,
        severity=Severity.MEDIUM,
        root_cause=f"{lock.file} was compiled with the development dependencies ({first.group or 'dev'}) in it.",
        impact="Every deployment installs the developers' tools: more to download, to scan and to attack.",
        fix=Fix(
            (
                f"Compile {lock.file} without the development dependencies, and keep these in a lock file of their own.",
            ),
            (
                Code(
                    "terminal",
                    f"uv pip compile {first.file}{' --generate-hashes' if lock.hashes else ''} -o {lock.file}",
                    language="shell",
                ),
            ),
            _DOCS,
            5,
        ),
        locations=[Location(lock.file, lock.lines.get(name, 0)) for name in names[:_NAMED]],
        pinned=[*names],
    )


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
