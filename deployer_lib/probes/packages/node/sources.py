"""Which files of a project are production code of its packages, and what each imports; read once a phase."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.packages.kept import kept
from deployer_lib.probes.packages.node.imports import SUFFIXES, Import, imports_in
from deployer_lib.probes.packages.node.manifests import Layout, layout_of
from deployer_lib.probes.variables.sources import is_apart, list_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from deployer_lib.probes.context import Context

__all__ = ["Sources", "is_tool_package", "layout_known", "sources_known", "style_imports"]

STYLES: Final = frozenset({".css", ".scss", ".sass", ".less", ".pcss", ".postcss"})
_MAX_BYTES: Final = 5_000_000  # a source file beyond this is generated
_MARKERS: Final = re.compile(rb"\b(?:import|require|from)\b")
#: Folders of tools for developers, of templates, and of files that are served as they are, directly below a package's own.
_TOOL_FOLDERS: Final = frozenset(
    {"scripts", "script", "tools", "tool", "tooling", "ci", "hack", "gulp", "grunt", "webpack", "codegen", "generators"}
    | {"plop", "public", "static", "wwwroot", "load-tests", "k6", "perf", "devtools", "playground", "release", "patches"}
    | {"templates"}
)  # fmt: skip
#: The same at any depth.
_DATA_FOLDERS: Final = frozenset({"seeds", "seeders", "seed", "mock", "test-utils", "testutils", "e2e-tests"})
#: Files of the package's own folder that only its build runs.
_BUILD_FILE: Final = re.compile(r"^(?:build|release|publish|bump[\w-]*)\.\w+$")
_TOOL_FILE: Final = re.compile(
    r"^(?:[\w.-]+\.(?:config|conf|setup|mock|mocks|fixture|fixtures|bench|benchmark|tests|specs|seed|stub)\.\w+"
    r"|\..*|(?:webpack|rollup|vite|vitest|jest|babel|karma|protractor|playwright|cypress|gulp|grunt|esbuild|tsup)[\w.-]*\.\w+"
    r"|(?:[Gg]ulpfile|[Gg]runtfile|Cakefile|[Jj]akefile|plopfile|setup[-_]?[Tt]ests?|test[-_]?[Ss]etup|test[-_]?[Uu]tils?"
    r"|tests?|specs?|seeds?|seeder|ember-cli-build|testem|config-overrides|lint-staged|commitlint)\.\w+"
    r"|[\w.-]+[-_](?:test|spec|tests)\.[cm]?[jt]sx?|seed[-_.][\w.-]+)$"
)
_TOOL_PACKAGE: Final = re.compile(
    r"(?:^|[/_-])(?:e2e|tests?|testing|test-utils|eslint|eslint-config|eslint-plugin|lint|prettier|prettier-config|tsconfig"
    r"|ts-config|typescript-config|storybook|tooling|playgrounds?|benchmarks?|codemods?|configs?|scripts|docs|examples?)(?:$|[-_/])"
)
_STYLE_BLOCK: Final = re.compile(rb"<style\b[^>]*>(.*?)</style\s*>", re.DOTALL | re.IGNORECASE)
_STYLE: Final = re.compile(
    rb"""@(?:import|use|forward|plugin|reference|require)\s+(?:\([^)]*\)\s*)?(?:url\(\s*)?["'](?:pkg:)?([^"'\n]+)["']|url\(\s*["']?(~[^"')\s]+)"""
)
_COMMENT: Final = re.compile(rb"/\*.*?\*/|(?<![:\w])//[^\n]*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Sources:
    """Production code: file -> its imports."""

    imports: dict[str, list[Import]] = field(default_factory=dict)
    styles: dict[str, list[Import]] = field(default_factory=dict)
    unparsed: list[str] = field(default_factory=list)  # what could not be read, with the reason
    passed_over: list[str] = field(default_factory=list)  # too large to be written by people, with the size

    def unknown(self) -> list[str]:
        """Return a sentence for each file whose imports are unknown."""
        return [f"{file} could not be read, so that its imports are unknown." for file in self.unparsed]


def layout_known(ctx: Context) -> Layout:
    """Return the manifests of the project, read once a phase."""
    return kept(ctx, "node_layout", Layout, lambda: layout_of(ctx.workspace))


def sources_known(ctx: Context) -> Sources:
    """Return the imports of production code, read once a phase."""

    def read() -> Sources:
        ctx.progress("reading imports of JavaScript and TypeScript …")
        return _read(ctx.workspace, layout_known(ctx), ctx.parameters.project.exclude)

    return kept(ctx, "node_sources", Sources, read)


def is_tool_package(folder: str, name: str) -> bool:
    """Tell whether a package serves developers: shared configuration, end-to-end tests, documentation."""
    return bool(folder) and (
        _TOOL_PACKAGE.search(folder.rpartition("/")[2]) is not None
        or _TOOL_PACKAGE.search(name.rpartition("/")[2]) is not None
    )


def style_imports(source: bytes) -> Iterator[Import]:
    """Yield what a style sheet imports by name, with the line."""
    plain = _COMMENT.sub(lambda found: re.sub(rb"[^\n]", b" ", found[0]), source)
    for found in _STYLE.finditer(plain):
        written = (found[1] or found[2]).decode("utf-8", "replace")
        yield Import(written, plain.count(b"\n", 0, found.start()) + 1)


def _read(root: Path, layout: Layout, exclude: Iterable[str]) -> Sources:
    found = Sources()
    listing = list_files(root, exclude)
    found.unparsed.extend(f"{name} ({why})" for name, why, _ in listing.skipped)
    for file in listing.files:
        suffix = Path(file).suffix
        if suffix not in SUFFIXES | STYLES or not _is_production(layout, file):
            continue
        if (size := listing.size(file)) > _MAX_BYTES:
            found.passed_over.append(f"{file} ({size:,} bytes)")
            continue
        try:
            file.encode()
            _of_file(found, file, (root / file).read_bytes())
        except OSError as error:
            found.unparsed.append(f"{file} ({error.strerror})")
        except UnicodeEncodeError:
            shown = os.fsencode(file).decode("utf-8", "backslashreplace")
            found.unparsed.append(f"{shown} (its name is no UTF-8)")
    return found


def _of_file(found: Sources, file: str, source: bytes) -> None:
    if file.endswith(tuple(STYLES)):
        found.styles[file] = [*style_imports(source)]
        return
    if file.endswith((".vue", ".svelte", ".astro")):
        blocks = _STYLE_BLOCK.finditer(source)
        found.styles[file] = [item for block in blocks for item in style_imports(_kept(source, block))]
    found.imports[file] = []
    if b"\0" not in source[:1_000] and _MARKERS.search(source):
        found.imports[file], whole = imports_in(source, file)
        found.unparsed.extend(() if whole else (file,))


def _kept(source: bytes, block: re.Match[bytes]) -> bytes:
    """Return a block with as many lines before it as it has in its file."""
    return b"\n" * source.count(b"\n", 0, block.start(1)) + block[1]


def _is_production(layout: Layout, file: str) -> bool:
    owner = layout.owner(file)
    if owner is None:
        return False
    if owner.folder and (is_tool_package(owner.folder, owner.name) or is_apart(Path(owner.file))):
        return False
    inner = file.removeprefix(f"{owner.folder}/") if owner.folder else file
    *folders, name = inner.split("/")
    if _TOOL_FILE.match(name) or (not folders and _BUILD_FILE.match(name)):
        return False
    served = folders[:2] in (["src", "public"], ["src", "static"])
    return not (
        served
        or any(part in _TOOL_FOLDERS for part in folders[:1])
        or any(p in _DATA_FOLDERS for p in folders)
    )
