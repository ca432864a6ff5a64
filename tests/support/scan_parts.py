"""A language's reader of environment variables, asked of files that a test writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer_lib.probes.variables.flow import FlowReader
from deployer_lib.probes.variables.model import NEEDS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from deployer_lib.probes.variables.flow.grammar import Language
    from deployer_lib.probes.variables.model import Found

__all__ = ["labels", "needs", "read_files"]


def read_files(language: Language, root: Path, files: Mapping[str, str], pattern: str = "*") -> Found:
    """Write the files below a folder and return what the language's reader finds in those that the pattern names."""
    for name, source in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    paths = sorted(path.relative_to(root) for path in root.rglob(pattern) if path.is_file())
    return FlowReader(language).read(root, paths)


def needs(found: Found) -> dict[str, tuple[str, str | None]]:
    """Return the strongest need and the first fallback of every name."""
    out: dict[str, tuple[str, str | None]] = {}
    for one in found.reads:
        need, default = out.get(one.name, ("optional", None))
        out[one.name] = (
            min(need, one.need, key=NEEDS.index),
            default if default is not None else one.default,
        )
    return out


def labels(found: Found) -> dict[str, str]:
    """Return the strongest need of every name."""
    return {name: need for name, (need, _) in needs(found).items()}
