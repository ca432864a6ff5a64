"""Where something stands in the project's own sources, so that a finding names file and line.

Sources are read once a phase (:func:`sources`); vendored folders, binaries and files over 1 MB are left out. Places are
ranked: definitions before uses, code before configuration; documents and tests where nothing else names it.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Fix, Location
from deployer_lib.fixes import snippet
from deployer_lib.probes.routes import Source, find_route

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.probes.context import Context

__all__ = ["Sources", "fix_for", "locate", "sources"]

_MAX_FILE_BYTES: Final = 1_000_000
_MAX_FILES: Final = 20_000
_MAX_ALL_BYTES: Final = 64_000_000
_NOT_OURS: Final = frozenset(
    [
        "node_modules",
        "bower_components",
        "vendor",
        "third_party",
        "site-packages",
        "__pycache__",
        "target",
        "dist",
        "build",
        "out",
        "coverage",
        "outputs",
        "htmlcov",
        "venv",
        "env",
        "virtualenv",
    ]
)
_CODE: Final = frozenset(
    [
        ".py",
        ".js",
        ".mjs",
        ".cjs",
        ".jsx",
        ".ts",
        ".mts",
        ".cts",
        ".tsx",
        ".vue",
        ".svelte",
        ".rs",
        ".go",
        ".rb",
        ".php",
        ".java",
        ".kt",
        ".cs",
        ".ex",
        ".scala",
    ]
)
_CONFIGURATION: Final = frozenset(
    [".toml", ".yaml", ".yml", ".json", ".ini", ".cfg", ".conf", ".env", ".properties", ".tf", ".sh", ".xml"]
)
_DOCUMENTS: Final = frozenset([".md", ".rst", ".txt", ".html", ".adoc"])
_LOCKS: Final = frozenset({"package-lock.json", "npm-shrinkwrap.json"})
_TESTS: Final = re.compile(
    r"(^|/)(tests?|__tests__|specs?|e2e|fixtures|examples?)/|(^|/)(test_|conftest)|[._](test|spec)\."
)
#: Lines on which things are set up rather than used.
_DEFINITION: Final = re.compile(
    r"""^\s*(@|def\s|async\s+def\s|class\s|fn\s|pub\s|func\s|function\s|export\s|const\s|let\s|static\s)
    |\.(get|post|put|patch|delete|head|options|route|use|add_route|add_api_route|add_middleware|nest|mount|layer|service)\s*\(
    |\b(path|re_path|Route|Mount|APIRouter|Blueprint|Router|Controller|include_router|register_blueprint)\s*\(
    |^\s*[A-Za-z_][\w.]*\s*(:[^=]+)?=[^=]""",
    re.VERBOSE,
)
_COMMENT: Final = re.compile(r"^\s*(#|//|/\*|\*|--|;|import\s|from\s+\S+\s+import|use\s+\w)")
#: Dependency (or import) → framework; the first that is found counts, so what builds on others comes first.
_FRAMEWORKS: Final = {
    "python": ("fastapi", "django", "flask", "starlette"),
    "node": ("@nestjs/core", "fastify", "express", "next"),
    "rust": ("axum", "actix-web"),
}
_NAMES: Final = {"@nestjs/core": "nest", "actix-web": "actix", "starlette": "fastapi"}


@dataclass(frozen=True, slots=True)
class Sources:
    """The project's own text files."""

    files: tuple[Source, ...]
    stack: str = ""  # python, node, rust; empty where no manifest says
    framework: str = (
        ""  # fastapi, flask, django, express, nest, fastify, next, axum, actix; empty where unknown
    )

    @classmethod
    def read(cls, project: Path) -> Sources:
        """Read the text files below a folder."""
        files = tuple(_read(project))
        stack, framework = _stack(files)
        return cls(files, stack, framework)

    def locate(self, *needles: str | re.Pattern[str], limit: int = 3) -> tuple[Location, ...]:
        """Return the best places where any of the needles stands, the needles in order of preference.

        Args:
            needles: texts, matched as they are, or patterns.
            limit: how many places.
        """
        found: list[tuple[int, int, int, str, int]] = []
        for preference, needle in enumerate(needles):
            matches = (
                needle.search if isinstance(needle, re.Pattern) else re.compile(re.escape(needle)).search
            )
            found += [
                (source.rank, preference, _use(line), source.file, number)
                for source in self.files
                for number, line in enumerate(source.lines, 1)
                if matches(line)
            ]
        ours = [
            f for f in found if f[0] <= 1
        ] or found  # documents and tests only where nothing else names it
        places = dict.fromkeys(Location(file, number) for *_, file, number in sorted(ours))
        return tuple(places)[:limit]

    def route(self, path: str, method: str = "", limit: int = 2) -> tuple[Location, ...]:
        """Return where the route of a path is defined, also as a pattern (``/orders/{id}``) or composed of prefixes.

        Args:
            path: path as it is asked, with or without its query.
            method: routes of this method come first.
            limit: how many places.
        """
        return find_route(self.files, path, method)[:limit]


def sources(ctx: Context) -> Sources:
    """Return the project's sources, read once a phase."""
    found = ctx.memo.get("sources")
    if not isinstance(found, Sources):
        found = ctx.memo["sources"] = Sources.read(ctx.project)
    return found


def fix_for(
    ctx: Context,
    topic: str,
    *steps: str,
    minutes: int,
    at: tuple[Location, ...] = (),
    **values: str,
) -> Fix:
    """Return a fix with the code of a topic for the project's own framework.

    Args:
        ctx: the probe's context.
        topic: file name in ``fixes/`` without suffix.
        steps: what a person does, one sentence each.
        minutes: how long that takes.
        at: places that were found; the first one is where the code goes, where its language fits.
        values: what the code's blanks stand for.
    """
    found = snippet(topic, sources(ctx).framework, **values)
    return Fix(steps, (found.code(at[0] if at else None),), found.docs, minutes)


def locate(project: Path, *needles: str | re.Pattern[str], limit: int = 3) -> tuple[Location, ...]:
    """Return the best places in a project where any of the needles stands; see :meth:`Sources.locate`."""
    return Sources.read(project).locate(*needles, limit=limit)


def _use(line: str) -> int:
    return 2 if _COMMENT.match(line) else 0 if _DEFINITION.search(line) else 1


def _read(project: Path) -> Iterator[Source]:
    left_bytes, left_files = _MAX_ALL_BYTES, _MAX_FILES
    for folder, names, files in os.walk(project):
        names[:] = sorted(
            n for n in names if n not in _NOT_OURS and (not n.startswith(".") or n == ".github")
        )
        for name in sorted(files):
            path = Path(folder, name)
            relative = path.relative_to(project).as_posix()
            rank = _rank(relative)
            text = "" if rank is None else _text(path)
            if rank is None or not text:
                continue
            left_bytes -= len(text)
            left_files -= 1
            if left_bytes < 0 or left_files < 0:
                return
            yield Source(relative, tuple(text.splitlines()), rank)


def _rank(relative: str) -> int | None:
    path = PurePosixPath(relative)
    name, suffix = path.name.lower(), path.suffix.lower()
    if name in _LOCKS or name.endswith((".lock", ".min.js")):
        return None
    if suffix in _CODE:
        rank = 0
    elif suffix in _CONFIGURATION or name.startswith((".env", "dockerfile", "makefile", "procfile")):
        rank = 1
    elif suffix in _DOCUMENTS:
        rank = 2
    else:
        return None
    return rank + 3 * bool(_TESTS.search(relative))


def _text(path: Path) -> str:
    try:
        if path.is_symlink() or path.stat().st_size > _MAX_FILE_BYTES:
            return ""
        data = path.read_bytes()
    except OSError:
        return ""
    return "" if b"\0" in data[:8_000] else data.decode("utf-8", "replace")


def _stack(files: tuple[Source, ...]) -> tuple[str, str]:
    """Return stack and framework, from the manifest that lies highest."""
    manifests = {
        "pyproject.toml": "python",
        "requirements.txt": "python",
        "package.json": "node",
        "Cargo.toml": "rust",
    }
    found = [f for f in files if PurePosixPath(f.file).name in manifests]
    found.sort(key=lambda f: (f.rank >= 3, f.file.count("/")))  # noqa: PLR2004  (tests rank from 3)
    stacks = []
    for source in found:
        stack = manifests[PurePosixPath(source.file).name]
        stacks.append(stack)
        names = _dependencies(source)
        for name in _FRAMEWORKS[stack]:
            if name in names:
                return stack, _NAMES.get(name, name)
    return (stacks[0] if stacks else ""), ""


def _dependencies(source: Source) -> frozenset[str]:
    text = "\n".join(source.lines)
    name = PurePosixPath(source.file).name
    try:
        if name == "package.json":
            data = json.loads(text)
            return frozenset({**data.get("dependencies", {}), **data.get("devDependencies", {})})
        if name == "Cargo.toml":
            return frozenset(tomllib.loads(text).get("dependencies", {}))
    except (ValueError, AttributeError, TypeError):
        return frozenset()
    # requirements.txt and pyproject.toml of every tool: a name at the begin of a line or of a quoted text.
    return frozenset(n.lower() for n in re.findall(r"""(?:^|["'])\s*([A-Za-z][\w.-]*)""", text, re.MULTILINE))
