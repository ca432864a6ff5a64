"""Which files of a package Node itself runs in production: those that its entries reach.

A development dependency is missing where Node looks for it at run time. What a bundler put together beforehand (a front
end, a server built by esbuild or tsup) holds it already. So the question is asked of the files that are reached from
what production starts: ``start`` scripts, ``bin``, ``main``, a Procfile, a Dockerfile. A built file stands for its source.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.packages.node.lock_entry import as_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.probes.context import Context
    from deployer_lib.probes.packages.node.manifests import Layout, Manifest
    from deployer_lib.probes.packages.node.sources import Sources

__all__ = ["Serving", "serving_files"]

_START: Final = re.compile(
    r"^(?:start|serve|server|prod|production|worker|cron|run)(?:[:_-](?P<kind>[\w:-]+))?$"
)
_NOT_PRODUCTION: Final = re.compile(r"dev|debug|watch|test|local|storybook|docs|mock|e2e|lint|preview|swc")
_RUNNERS: Final = frozenset(
    {"node", "nodejs", "tsx", "ts-node", "pm2", "pm2-runtime", "forever", "bun", "deno", "ts-node-esm", "sucrase-node", "nodemon"}
)  # fmt: skip
_BUNDLES: Final = re.compile(
    r"\b(?:esbuild|tsup|ncc|webpack|rollup|rspack|parcel|microbundle|unbuild|tsdown|bun\s+build|vite\s+build\s+--ssr|pkgroll"
    r"|wrangler|next|nuxt|react-router|remix|astro|svelte-kit|electron-vite|react-scripts|vue-cli-service|ng|gatsby|expo)\b"
)
_OPEN_BUNDLES: Final = re.compile(r"--packages[= ]external|nodeExternals|node-externals")
_BUILT: Final = frozenset(
    {"dist", "build", "lib", "out", "output", ".output", "compiled", "js", "bin", "cjs", "esm"}
)
_SOURCES: Final = ("", "src/", "source/", "server/", "app/", "lib/")
_ENDS: Final = ("", ".ts", ".js", ".mjs", ".cjs", ".mts", ".cts", ".tsx", ".jsx", "/index.ts", "/index.js", "/index.mjs", "/index.tsx", "/main.ts")  # fmt: skip
_LOADS: Final = re.compile(
    rb"readdirSync|readdir\(|require-all|requireAll|require-directory|glob(?:Sync)?\(|@fastify/autoload|fastify-autoload"
    rb"|import\.meta\.glob|__dirname[^\n]*\*"
)
#: Options of runners that take the next word.
_WITH_VALUE: Final = frozenset(
    {"-r", "--require", "--import", "--loader", "-P", "--project", "--name", "-n", "-i", "-e"}
)
_RUNS: Final = re.compile(r"\b(?:npm|pnpm|yarn|bun)(?:\s+run)?\s+(?:-\S+\s+)*([\w:.-]+)")
_DOCKER: Final = re.compile(r"^\s*(?:CMD|ENTRYPOINT)\s+(.+)$", re.MULTILINE | re.IGNORECASE)
_PROCESS: Final = re.compile(r"^\s*(?:web|worker|server|api|release)[\w-]*:\s*(.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Serving:
    """What Node runs of a project in production."""

    files: frozenset[str]
    entries: dict[str, str] = field(default_factory=dict)  # file -> what starts it


def serving_files(ctx: Context, layout: Layout, sources: Sources) -> Serving:
    """Return the files that entries reach, over relative imports, aliases of folders, and members of the workspace."""
    entries: dict[str, str] = {}
    for manifest in layout.manifests.values():
        if _is_bundled(ctx, manifest):
            continue
        for written, why in _entries(ctx, layout, manifest):
            for file in _sources_of(sources, manifest, written):
                entries.setdefault(file, why)
    reach = _Reach(ctx, layout, sources)
    return Serving(frozenset(reach.all_from(entries)), entries)


def _is_bundled(ctx: Context, manifest: Manifest) -> bool:
    """Tell whether the program of a package is put together by a bundler, which takes development dependencies in."""
    scripts = manifest.scripts()
    build = " ; ".join(command for name, command in scripts.items() if name.split(":")[0] in {"build", "compile", "bundle", "prepack", "prepublishOnly"})  # fmt: skip
    started = " ; ".join(_whole(scripts, name) for name in scripts if _is_start(name))
    if not _BUNDLES.search(f"{build} ; {started}"):
        return False
    if _OPEN_BUNDLES.search(build) or re.search(
        r"\b(?:tsc|babel|swc|nest\s+build)\b(?![^;&]*--noEmit)", build
    ):
        return False
    # A source that Node runs as it stands is not bundled, whatever the front end beside it is.
    return not any((ctx.workspace / manifest.folder / word).is_file() for word in _files_run(started))


def _is_start(name: str) -> bool:
    found = _START.match(name)
    return found is not None and not (found["kind"] and _NOT_PRODUCTION.search(found["kind"]))


def _entries(ctx: Context, layout: Layout, manifest: Manifest) -> Iterator[tuple[str, str]]:
    for name in manifest.scripts():
        if _is_start(name):
            command = _whole(manifest.scripts(), name)
            for word in _files_run(command):
                yield word, f"{manifest.file}: scripts.{name}"
            if re.match(r"nest\s+start", command):
                yield "src/main", f"{manifest.file}: scripts.{name}"
    main = manifest.data.get("main")
    if isinstance(main, str) and (manifest.folder not in layout.members or not _is_library(manifest)):
        yield main, f"{manifest.file}: main"
    yield from _programs(manifest)
    yield from _served_elsewhere(ctx, manifest)


def _programs(manifest: Manifest) -> Iterator[tuple[str, str]]:
    programs = manifest.data.get("bin")
    for program in [programs] if isinstance(programs, str) else as_words(programs).values():
        yield program, f"{manifest.file}: bin"


def _served_elsewhere(ctx: Context, manifest: Manifest) -> Iterator[tuple[str, str]]:
    for file, pattern in (("Procfile", _PROCESS), ("Dockerfile", _DOCKER)):
        try:
            text = (ctx.workspace / manifest.folder / file).read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue
        for found in pattern.finditer(text):
            for word in _files_run(re.sub(r'[\[\]",]', " ", found[1])):
                yield word, f"{file}: {found[1].strip()[:80]}"


def _is_library(manifest: Manifest) -> bool:
    """Tell whether a member is there for others: it starts nothing by itself, and is judged where it is reached."""
    return not any(_is_start(name) for name in manifest.scripts())


def _files_run(command: str) -> Iterator[str]:
    """Yield the files that a command lets Node run: ``dotenv -- node --enable-source-maps dist/main``."""
    for part in re.split(r"&&|\|\||[;|&]", command):
        try:
            words = shlex.split(part)
        except ValueError:
            words = part.split()
        first = next((n for n, word in enumerate(words) if PurePosixPath(word).name in _RUNNERS), len(words))
        for word in words[:first]:
            if " " in word:  # sh -c 'node server.js', concurrently "node a.js" "node b.js"
                yield from _files_run(word)
        for number, word in enumerate(words[first + 1 :], first + 1):
            if word in {"start", "run", "watch"} or word.startswith("-") or "=" in word:
                continue
            if words[number - 1] not in _WITH_VALUE:
                yield word.removeprefix("./")
                break


def _whole(scripts: dict[str, str], name: str, seen: tuple[str, ...] = ()) -> str:
    """Return a script with the scripts that it runs put in after it."""
    command = scripts.get(name, "")
    if name in seen:
        return ""
    called = [found[1] for found in _RUNS.finditer(command) if found[1] in scripts]
    return " && ".join([command, *(_whole(scripts, other, (*seen, name)) for other in called)])


def _sources_of(sources: Sources, manifest: Manifest, written: str) -> list[str]:
    """Return the source of what is started: the file itself, or what it was built from."""
    prefix = f"{manifest.folder}/" if manifest.folder else ""
    plain = written.removeprefix("./").rstrip("/")
    exact = [f"{prefix}{plain}{end}" for end in _ENDS]
    found = [file for file in exact if file in sources.imports]
    if found:
        return found[:1]
    parts = plain.split("/")
    for number, part in enumerate(parts[:-1]):
        if part not in _BUILT:
            continue
        before = "".join(f"{each}/" for each in parts[:number])
        stem = re.sub(r"\.[cm]?js$", "", "/".join(parts[number + 1 :]))
        for folder in _SOURCES:
            for end in _ENDS[1:]:
                if f"{prefix}{before}{folder}{stem}{end}" in sources.imports:
                    return [f"{prefix}{before}{folder}{stem}{end}"]
    return []


class _Reach:
    """Follow imports from file to file."""

    def __init__(self, ctx: Context, layout: Layout, sources: Sources) -> None:
        self.ctx, self.layout, self.sources = ctx, layout, sources
        self.members = layout.member_names()
        self.below: dict[str, list[str]] = {}
        for file in sources.imports:
            folder = file
            while folder:
                folder = folder.rpartition("/")[0]
                self.below.setdefault(folder, []).append(file)

    def all_from(self, entries: dict[str, str]) -> set[str]:
        reached: set[str] = set()
        waiting = [*entries]
        while waiting:
            file = waiting.pop()
            if file not in reached:
                reached.add(file)
                waiting += self._next(file)
        return reached

    def _next(self, file: str) -> Iterator[str]:
        for item in self.sources.imports.get(file, ()):
            if item.types or item.development:
                continue
            if item.computed:
                yield from self._beside(file)
            elif item.specifier.startswith("."):
                yield from self._file(PurePosixPath(file).parent.as_posix(), item.specifier)
            else:
                yield from self._named(file, item.specifier)
        if _LOADS.search((self.ctx.workspace / file).read_bytes()):
            yield from self._beside(file)

    def _beside(self, file: str) -> list[str]:
        """Return the files below a file's folder, which it may load by names that only the run knows."""
        folder = file.rpartition("/")[0]
        owner = self.layout.owner(file)
        return self.below.get(folder, []) if owner is None or folder != owner.folder else []

    def _file(self, folder: str, written: str) -> Iterator[str]:
        parts = [] if folder == "." else folder.split("/")
        for part in written.split("/"):
            if part == "..":
                parts = parts[:-1]
            elif part not in {"", "."}:
                parts.append(part)
        yield from self._stem("/".join(parts))

    def _stem(self, path: str) -> Iterator[str]:
        for base in (path, re.sub(r"\.[cm]?jsx?$", "", path)):
            for end in _ENDS[:-1]:
                if f"{base}{end}" in self.sources.imports:
                    yield f"{base}{end}"
                    return

    def _named(self, file: str, specifier: str) -> Iterator[str]:
        """Return files behind an alias (its tail below a usual source folder), or a member of the workspace."""
        owner = self.layout.owner(file)
        scope, _, rest = specifier.partition("/")
        name = f"{scope}/{rest.partition('/')[0]}" if scope.startswith("@") and len(scope) > 1 else scope
        member = self.members.get(name)
        if member is not None:
            inner = specifier.removeprefix(name).strip("/")
            yield from self._member(member, inner)
            return
        if owner is None or owner.declares(name):
            return
        prefix = f"{owner.folder}/" if owner.folder else ""
        tails = (specifier, rest) if scope.startswith(("@", "~", "#", "$")) else (specifier,)
        for tail in tails:
            for folder in _SOURCES:
                yield from self._stem(f"{prefix}{folder}{tail}")

    def _member(self, member: Manifest, inner: str) -> Iterator[str]:
        main = member.data.get("main") or member.data.get("module")
        if inner:
            yield from (f for folder in _SOURCES for f in self._stem(f"{member.folder}/{folder}{inner}"))
            return
        written = main if isinstance(main, str) else "index"
        found = _sources_of(self.sources, member, written)
        yield from found or [f for folder in _SOURCES for f in self._stem(f"{member.folder}/{folder}index")]
