"""What cargo and a build script give to the code that is compiled: nobody sets it."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.flow.grammar import text
from deployer_lib.probes.variables.flow.nodes import descend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from deployer_lib.probes.variables.flow.program import Program

__all__ = ["by_cargo"]

#: What cargo itself gives to every program it builds.
_CARGO: Final = re.compile(r"CARGO_|CARGO$|DEP_")
#: What cargo gives to a build script, and what one may hand to ``env!``.
_BUILD: Final = frozenset(
    {"OUT_DIR", "TARGET", "HOST", "PROFILE", "NUM_JOBS", "OPT_LEVEL", "DEBUG", "RUSTC", "RUSTDOC", "RUSTC_LINKER", "RUSTC_WRAPPER",
     "RUSTC_WORKSPACE_WRAPPER", "RUSTFLAGS", "MAKEFLAGS", "CARGO", "RUSTUP_TOOLCHAIN"}
)  # fmt: skip
_SCRIPT: Final = "build.rs"
_GIVEN: Final = re.compile(r"rustc-env=([A-Za-z_][A-Za-z0-9_]*)=")
#: What stands around a gift that is not always made: git may not be there.
_CHOICES: Final = frozenset(
    {"if_expression", "match_arm", "for_expression", "while_expression", "closure_expression"}
)


def by_cargo(names: list[str], macro: str, path: str, program: Program) -> bool:
    """Tell whether cargo or a build script gives every one of some variables.

    Args:
        names: of the variables.
        macro: the macro that reads them, with its sign; empty where a function does.
        path: the file that reads them.
        program: all files.
    """
    in_build = bool(macro) or PurePosixPath(path).name == _SCRIPT
    ours = [n for n in names if not _CARGO.match(n) and not (in_build and n in _BUILD)]
    if not ours or not macro:
        return bool(names) and not ours
    given = dict(_given(program))
    # option_env! foresees that a build script has nothing to give: then the environment's own counts.
    return all(name in given and (macro == "env!" or given[name]) for name in ours)


def _given(program: Program) -> Iterator[tuple[str, bool]]:
    """Yield what build scripts hand to ``env!``, and whether they always do."""
    for path in program.holding(b"rustc-env="):
        if PurePosixPath(path).name == _SCRIPT:
            for node in descend(program.file(path).root):
                if node.type == "string_literal" and (found := _GIVEN.search(text(node))):
                    yield found[1], not _is_chosen(node)


def _is_chosen(node: Node) -> bool:
    here: Node | None = node
    while here is not None and here.type != "function_item":
        if here.type in _CHOICES:
            return True
        here = here.parent
    return False
