"""Which routes a project's sources declare, as far as text alone shows: method, path, file, line.

Prefixes are followed where one file mounts another's router by name (include_router, register_blueprint, app.use,
nest, mount) and where a constant holds the prefix. What can't be followed keeps its own path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from deployer_lib.starter.facts import line_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deployer_lib.starter.facts import Project

__all__ = ["SUFFIXES", "Route", "routes"]

#: Endings of the files that are read, by stack.
SUFFIXES: Final[dict[str, tuple[str, ...]]] = {
    "python": (".py",),
    "node": (".js", ".ts", ".mjs", ".cjs", ".tsx"),
    "rust": (".rs",),
}
_Q: Final = "[\"'`]"
_METHODS: Final = "get|post|put|patch|delete"
#: What declares a route: the groups are method (or ``methods``) and path.
_ROUTES: Final = {
    "python": (
        re.compile(rf"@\w+\.(?P<method>{_METHODS})\(\s*(?:path\s*=\s*)?{_Q}(?P<path>[^\"']*){_Q}"),
        re.compile(rf"@\w+\.route\(\s*{_Q}(?P<path>[^\"']*){_Q}(?:[^)]*methods\s*=\s*\[\s*{_Q}(?P<method>\w+))?"),
        re.compile(rf"(?<![\w.])(?:re_)?path\(\s*r?{_Q}(?P<path>[^\"']*){_Q}\s*,(?!\s*include)"),
        re.compile(rf"\bRoute\(\s*{_Q}(?P<path>/[^\"']*){_Q}(?:[^)]*methods\s*=\s*\[\s*{_Q}(?P<method>\w+))?"),
    ),
    "node": (
        re.compile(rf"\b\w*(?:app|router|route|server|fastify|api|routes)\w*\s*\.(?P<method>{_METHODS})\(\s*{_Q}(?P<path>/[^\"'`]*){_Q}", re.IGNORECASE),
        re.compile(rf"@(?P<method>Get|Post|Put|Patch|Delete)\(\s*(?:{_Q}(?P<path>[^\"'`]*){_Q})?\s*\)"),
    ),
    "rust": (
        re.compile(rf"\.route\(\s*\"(?P<path>/[^\"]*)\"\s*,\s*(?:\w+::)*(?P<method>{_METHODS})\("),
        re.compile(rf"#\[(?P<method>{_METHODS})\(\s*\"(?P<path>/[^\"]*)\""),
        re.compile(rf"\.route\(\s*\"(?P<path>/[^\"]*)\"\s*,\s*web::(?P<method>{_METHODS})\("),
    ),
}  # fmt: skip
#: What gives every route of its own file a prefix.
_OWN: Final = re.compile(
    rf"(?:APIRouter\([^)]*?prefix\s*=\s*|Blueprint\([^)]*?url_prefix\s*=\s*|@Controller\(\s*){_Q}(?P<path>[^\"'`]+){_Q}"
)
#: What mounts other files' routes: what stands in the brackets is looked through for names and a prefix.
_MOUNT: Final = re.compile(
    r"(?:include_router|register_blueprint|\.use|\.nest|\.mount|\.register|\bpath|\.merge|\.include)\("
)
_PREFIX: Final = re.compile(rf"(?:url_)?prefix\s*[=:]\s*(?:{_Q}(?P<text>[^\"'`]*){_Q}|(?P<name>[\w.]+))")
_FIRST: Final = re.compile(rf"^\s*r?{_Q}(?P<text>[^\"'`]*){_Q}\s*,")
_MADE: Final = re.compile(r"(?:const|let|var)?\s*(\w+)\s*=\s*(?:express\.)?(?:APIRouter|Blueprint|Router)\(")
_IMPORT: Final = re.compile(
    r"""import\s+(?:\{([^}]*)\}|(\w+))\s+from\s+["']([^"']+)["']|(?:const|let|var)\s+(\w+)\s*=\s*require\(\s*["']([^"']+)["']"""
)
_GLOBAL: Final = re.compile(rf"setGlobalPrefix\(\s*{_Q}([^\"'`]+){_Q}")
_NEXT: Final = re.compile(
    r"(?:^|/)(?:src/)?(?:app/(?P<app>.*?)/?route|pages/(?P<pages>api/.+?))\.(?:ts|js|tsx)$"
)
_NEXT_METHOD: Final = re.compile(r"export\s+(?:async\s+)?function\s+(GET|POST|PUT|PATCH|DELETE)\b")
#: Words in a mount that name no file.
_COMMON: Final = frozenset(
    {"router", "app", "prefix", "url_prefix", "express", "api", "crate", "include", "self"}
)
_DEPTH: Final = 6  # of mounts within mounts


@dataclass(frozen=True, slots=True)
class Route:
    """One declared route."""

    method: str  # GET, POST, …
    path: str
    file: str
    line: int
    near: str = ""  # the lines after it, for what they say about a body

    @property
    def place(self) -> str:
        """Return ``file:line``."""
        return f"{self.file}:{self.line}"

    @property
    def fixed(self) -> bool:
        """Tell whether the path has no parameter in it."""
        return not re.search(r"[{}:<>*$\[\]()\\^]", self.path)


@dataclass(slots=True)
class _File:
    name: str
    routes: list[Route] = field(default_factory=list)
    names: set[str] = field(default_factory=set)  # by which other files may mount it
    mounts: list[tuple[str, set[str]]] = field(default_factory=list)  # prefix and what is mounted


def routes(project: Project, stack: str) -> list[Route]:
    """Return every route that the sources declare, without doubles, in the order of files and lines."""
    texts = dict(project.sources(SUFFIXES[stack]))
    constants = _constants(texts.values())
    files = [_read(name, text, stack, constants) for name, text in texts.items()]
    everywhere = next((match[1] for text in texts.values() if (match := _GLOBAL.search(text))), "")
    found: dict[tuple[str, str], Route] = {}
    for file in files:
        prefix = _join(everywhere, _prefix(file, files, 0))
        for route in file.routes:
            whole = replace(route, path=_join(prefix, route.path) or "/")
            found.setdefault((whole.method, whole.path), whole)
    return list(found.values())


def _constants(texts: Iterable[str]) -> dict[str, str]:
    """Return constants that hold a path, by name."""
    found: dict[str, str] = {}
    for text in texts:
        for match in re.finditer(rf"\b([A-Z][A-Z0-9_]+)\s*(?::\s*[&\w']+)?\s*=\s*{_Q}(/[\w/.-]*){_Q}", text):
            found.setdefault(match[1], match[2])
    return found


def _join(prefix: str, path: str) -> str:
    if not prefix.strip("/"):
        return path if path.startswith("/") or not path else f"/{path}"
    return "/" + prefix.strip("/") + (f"/{path.lstrip('/')}" if path.strip("/") or path == "/" else "")


def _read(name: str, text: str, stack: str, constants: dict[str, str]) -> _File:
    file = _File(name, names=_own_names(name, text))
    own = match["path"] if (match := _OWN.search(text)) else ""
    for pattern in _ROUTES[stack]:
        for match in pattern.finditer(text):
            groups = match.groupdict()
            path = re.sub(r"^\^|\$$", "", groups.get("path") or "")
            line = line_of(text, match.start())
            near = _until_next(text, match.start(), match.end())
            file.routes.append(
                Route((groups.get("method") or "get").upper(), _join(own, path), name, line, near)
            )
    if stack == "node" and (match := _NEXT.search(name)):
        path = "/" + re.sub(r"\([^)]*\)/", "", match["app"] if match["app"] is not None else match["pages"])
        for method in _NEXT_METHOD.findall(text) or ["GET"]:
            file.routes.append(Route(method, path, name, 1, text[:600]))
    file.routes.sort(key=lambda route: route.line)
    file.mounts = _mounts(text, constants)
    return file


def _until_next(text: str, start: int, end: int) -> str:
    """Return a route's own lines, up to what seems to be the next one."""
    after = re.search(r"\n(@|#\[|\w*router\.|\w*app\.|/\*\*)", text[end : end + 600])
    return text[start : end + (after.start() if after else 600)]


def _own_names(name: str, text: str) -> set[str]:
    """Return the names under which other files may mean this one: its stem, its folder for an index, its routers."""
    path = PurePosixPath(name)
    stem = path.name.split(".")[0] if path.suffix == ".py" else path.stem
    names = {path.parent.name if stem in {"index", "__init__", "mod"} else stem}
    return names | {match[1] for match in _MADE.finditer(text) if match[1] not in {"router", "app", "api"}}


def _mounts(text: str, constants: dict[str, str]) -> list[tuple[str, set[str]]]:
    imported: dict[str, set[str]] = {}
    for match in _IMPORT.finditer(text):
        source = PurePosixPath(match[3] or match[5]).name
        stem = re.sub(r"\.(js|ts|mjs|cjs)$", "", source)
        for name in [one.strip() for one in (match[1] or match[2] or match[4] or "").split(",")]:
            imported[name] = {stem, name}
    found = []
    for match in _MOUNT.finditer(text):
        inside = _brackets(text, match.end())
        prefix = ""
        if (named := _PREFIX.search(inside)) or (named := _FIRST.search(inside)):
            groups = named.groupdict()
            prefix = groups.get("text") or constants.get((groups.get("name") or "").rsplit(".", 1)[-1], "")
        rest = re.sub(rf"{_Q}[^\"'`]*{_Q}", _included, inside)
        names: set[str] = set()
        for name in re.findall(r"\w+", rest):
            names |= imported.get(name, {name})
        found.append((prefix, names - (_COMMON - set(imported))))
    return _through_locals(text, found)


def _included(match: re.Match[str]) -> str:
    """Keep the module names of Django's include("shop.urls"); drop every other text."""
    text = match[0].strip("\"'`")
    return text.rsplit(".", 2)[-2] + "_urls" if text.endswith(".urls") and "." in text else ""


def _through_locals(text: str, mounts: list[tuple[str, set[str]]]) -> list[tuple[str, set[str]]]:
    """Give what a file gathers without a prefix the one prefix under which the file mounts what it gathered."""
    match = re.search(rf"\.use\(\s*{_Q}(/[\w/-]+){_Q}\s*,\s*(\w+)\s*\)", text)
    if match and re.search(rf"(?:const|let|var)\s+{match[2]}\b", text):
        return [(prefix or match[1], names) for prefix, names in mounts]
    return mounts


def _brackets(text: str, start: int) -> str:
    depth = 1
    for position in range(start, min(len(text), start + 3000)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if not depth:
            return text[start:position]
    return text[start : start + 300]


def _prefix(file: _File, files: list[_File], depth: int) -> str:
    """Return the prefix under which a file is mounted, through those that mount it."""
    if depth > _DEPTH:
        return ""
    names = file.names
    if file.name.endswith("urls.py"):  # Django's, by its folder
        names = {f"{PurePosixPath(file.name).parent.name}_urls"}
    for other in files:
        for prefix, mounted in other.mounts if other is not file else ():
            if names & mounted:
                above = _prefix(other, files, depth + 1)
                return _join(above, prefix) if prefix else above
    return ""
