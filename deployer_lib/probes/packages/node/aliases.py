"""Names in imports that a project gives to its own files: ``paths`` of TypeScript, aliases of bundlers, import maps."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.probes.packages.node.lock_entry import as_map
from deployer_lib.probes.packages.node.manifests import read_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["Aliases", "own_file"]

_TSCONFIG: Final = re.compile(r"^[tj]sconfig(?:\.[\w.-]+)?\.json$")
_BUNDLER: Final = re.compile(
    r"^(?:(?:vite|vitest|webpack|rollup|rspack|rsbuild|next|nuxt|craco|svelte|astro|vue|quasar|metro|babel|esbuild|remix"
    r"|electron|farm|snowpack|gatsby|docusaurus|ember|config-overrides|mix|tsup|encore|aliases?)[\w.-]*\.(?:[cm]?[jt]s)"
    r"|\.babelrc(?:\.json|\.js)?|gatsby-node\.[jt]s|config-overrides\.js|ember-cli-build\.js|deno\.jsonc?|import_map\.json"
    r"|importmap\.(?:rb|json))$"
)
_FOLDERS_OF_CONFIG: Final = ("", "config", "build", "webpack", "configs", ".config", "scripts", ".webpack")
_OPEN: Final = re.compile(
    r"""\b(?:alias(?:es)?|externals?|imports|moduleNameMapper)["']?\s*(?::|=|\()\s*(?:\w+\()?\s*([\[{])"""
)
_KEY: Final = re.compile(r"""(?:^|[{,\n])\s*(?:\[?\s*(["'`])([^"'`\n]+)\1\s*\]?|([A-Za-z_$][\w$]*))\s*:""")
_ENTRY: Final = re.compile(r"""(["'`])([@~\w][^"'`\n]*)\1\s*[,\]]""")
_FIND: Final = re.compile(
    r"""\bfind\s*:\s*(?:(["'`])(?P<text>[^"'`]+)\1|/\^?(?P<pattern>(?:\\.|[^/\\\n])+)/)"""
)
_SET: Final = re.compile(
    r"""\balias(?:es)?(?:\.set\(\s*|\.addAlias\(\s*|\[\s*|\(\s*)(["'`])(?P<text>[^"'`\n]+)\1|\balias\.(?P<word>[A-Za-z_$][\w$]*)\s*="""
)
_PIN: Final = re.compile(
    r"""^\s*pin(?P<all>_all_from)?\s+["']([^"']+)["'](?:.*\bunder:\s*["']([^"']+))?""", re.MULTILINE
)
_JSONC: Final = re.compile(
    r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/|,(?=\s*(?://[^\n]*\s*|/\*.*?\*/\s*)*[}\]])', re.DOTALL
)
_ENDS: Final = ("", ".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mjs", ".cjs", ".vue", ".svelte", ".json", ".scss", ".css",
                "/index.ts", "/index.tsx", "/index.js", "/index.jsx", "/index.vue")  # fmt: skip
_SOURCE_FOLDERS: Final = (
    "",
    "src",
    "app",
    "client",
    "server",
    "lib",
    "source",
    "assets",
    "resources/js",
    "app/javascript",
)
_HOPS: Final = 8  # of ``extends``


@dataclass(frozen=True, slots=True)
class _Rules:
    """What the configuration files of one folder say."""

    exact: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()  # ``@app/`` of ``@app/*``
    bases: tuple[str, ...] = ()  # folders from which bare names are looked up


@dataclass(slots=True)
class Aliases:
    """All aliases of a project, by the folder in which they hold."""

    root: Path
    _known: dict[str, _Rules] = field(default_factory=dict)

    def covers(self, specifier: str, file: str) -> bool:
        """Tell whether an import of a file is an alias, or a file of the project named from a base folder."""
        plain = specifier.rpartition("!")[2].partition("?")[0]
        folder = file.rpartition("/")[0]
        while True:
            rules = self._rules(folder)
            if (
                plain in rules.exact
                or any(plain.startswith(prefix) for prefix in rules.prefixes)
                or any(own_file(self.root / base, plain) for base in rules.bases)
            ):
                return True
            if not folder:
                return False
            folder = folder.rpartition("/")[0]

    def lies_in(self, specifier: str, folder: str) -> bool:
        """Tell whether a bare name is a file below a package's usual source folders, by whatever configuration."""
        plain = specifier.rpartition("!")[2].partition("?")[0].removeprefix("~")
        return "/" in plain and any(own_file(self.root / folder / inner, plain) for inner in _SOURCE_FOLDERS)

    def _rules(self, folder: str) -> _Rules:
        if folder not in self._known:
            self._known[folder] = _rules_of(self.root, folder)
        return self._known[folder]


def own_file(base: Path, plain: str) -> bool:
    """Tell whether a name without its suffix is a file below a folder."""
    return any(os.path.isfile(f"{base}/{plain}{end}") for end in _ENDS)  # noqa: PTH113  (many thousand times)


def _rules_of(root: Path, folder: str) -> _Rules:
    exact: set[str] = set()
    prefixes: set[str] = set()
    bases: set[str] = set()
    for path in _configs(root / folder):
        try:
            text = read_text(path)
        except (OSError, ValueError):
            continue
        if _TSCONFIG.match(path.name):
            some, more = _of_tsconfig(path, root, text)
            _sort(some, exact, prefixes)
            bases |= more
        elif path.name == "importmap.rb":
            for pinned in _PIN.finditer(text):
                exact.add(pinned[2])
                prefixes.update([f"{pinned[3]}/"] if pinned[3] else [])
        else:
            _sort(_of_code(text), exact, prefixes)
    _sort(_of_manifest(root / folder / "package.json"), exact, prefixes)
    return _Rules(frozenset(exact), tuple(sorted(prefixes)), tuple(sorted(bases)))


def _configs(folder: Path) -> Iterator[Path]:
    for inner in _FOLDERS_OF_CONFIG:
        try:
            names = sorted(entry.name for entry in (folder / inner).iterdir())
        except OSError:
            continue
        for name in names:
            if _BUNDLER.match(name) or (not inner and _TSCONFIG.match(name)):
                yield folder / inner / name


def _sort(names: Iterable[str], exact: set[str], prefixes: set[str]) -> None:
    """Put each alias where it belongs: ``@app/*`` begins names, ``vue$`` is one, ``@app`` is one and begins others."""
    for name in names:
        plain = name.removesuffix("$")
        if "*" in plain:
            prefix = plain.partition("*")[0]
            prefixes.update([prefix] if prefix else [])
        elif plain.endswith("/"):
            prefixes.add(plain)
        elif plain:
            exact.add(plain)
            if plain == name:
                prefixes.add(f"{plain}/")


# -- TypeScript ------------------------------------------------------------------------------------------------------


def _of_tsconfig(path: Path, root: Path, text: str) -> tuple[list[str], set[str]]:
    """Return the patterns that lead to files of the project, and the base folders, with what is extended."""
    found: list[str] = []
    bases: set[str] = set()
    waiting = [(path, text, 0)]
    while waiting:
        here, content, hops = waiting.pop()
        data = _jsonc(content)
        options = as_map(data.get("compilerOptions"))
        base = options.get("baseUrl")
        inside = _inside(here.parent / base, root) if isinstance(base, str) else None
        if inside is not None:
            bases.add(inside)
        for pattern, targets in as_map(options.get("paths")).items():
            listed = [each for each in targets if isinstance(each, str)] if isinstance(targets, list) else []
            if any("node_modules" not in target for target in listed):
                found.append(pattern)
                bases.update(_catch_all(pattern, listed, here, base, root))
        extends = data.get("extends")
        for other in extends if isinstance(extends, list) else [extends]:
            if isinstance(other, str) and other.startswith(".") and hops < _HOPS:
                target = here.parent / (other if other.endswith(".json") else f"{other}.json")
                try:
                    waiting.append((target, read_text(target), hops + 1))
                except (OSError, ValueError):
                    continue
    return found, bases


def _catch_all(pattern: str, targets: list[str], path: Path, base: object, root: Path) -> Iterator[str]:
    """Yield the folders of ``"*": ["./src/*"]``, which are base folders by another name."""
    if pattern == "*":
        start = path.parent / base if isinstance(base, str) else path.parent
        for target in targets:
            inside = _inside(start / target.partition("*")[0], root)
            if inside is not None and "node_modules" not in target:
                yield inside


def _inside(folder: Path, root: Path) -> str | None:
    relative = os.path.relpath(folder, root)
    return None if relative.startswith("..") else "" if relative == "." else relative


def _jsonc(text: str) -> dict[str, Any]:
    plain = _JSONC.sub(lambda found: found[0] if found[0].startswith('"') else "", text)
    try:
        return as_map(json.loads(plain))
    except (ValueError, RecursionError):
        return {}


# -- bundlers --------------------------------------------------------------------------------------------------------


def _of_code(text: str) -> Iterator[str]:
    """Yield the keys of ``alias`` and ``externals`` in a configuration, literal as they stand."""
    for opened in _OPEN.finditer(text):
        block = _block(text, opened.start(1))
        if opened[1] == "[":
            yield from (entry[2] for entry in _ENTRY.finditer(block))
            continue
        for found in _KEY.finditer(block):
            yield (found[2] or found[3]).removeprefix("^").replace("/(.*)", "/*").replace("(.*)", "*")
    for found in _FIND.finditer(text):
        pattern = found["pattern"]
        yield found["text"] or re.split(r"[(\[.*+?$]", pattern.replace("\\/", "/"), maxsplit=1)[0] + "*"
    for found in _SET.finditer(text):
        yield found["text"] or found["word"]


def _block(text: str, start: int) -> str:
    """Return what stands between a bracket and the one that closes it."""
    depth = 0
    for number in range(start, len(text)):
        depth += (text[number] in "[{(") - (text[number] in "]})")
        if depth == 0:
            return text[start : number + 1]
    return text[start:]


def _of_manifest(path: Path) -> Iterator[str]:
    try:
        data = as_map(json.loads(read_text(path)))
    except (OSError, ValueError, RecursionError):
        return
    for key in ("_moduleAliases", "alias"):
        yield from as_map(data.get(key))
    yield from _of_code(json.dumps(data.get("babel", {})))
