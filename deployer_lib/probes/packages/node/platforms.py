"""Is the application bound to one platform without a word (B5)?

Three ways: a locked package that installs on some systems alone and that nobody may leave out; a package of one platform
declared as a plain dependency; a lock file made on one platform that forgot the native parts of the others
(https://github.com/npm/cli/issues/4828). What a document or the manifest's ``os`` field says is no finding.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.check import Fix, Location, Result, failed
from deployer_lib.probes.packages.model import Examined
from deployer_lib.probes.packages.node.sources import layout_known
from deployer_lib.probes.packages.node.words import add_command, chain_to, lock_known, terminal
from deployer_lib.probes.variables.documents import documents_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployer_lib.probes.context import Context
    from deployer_lib.probes.packages.node.lock_entry import Entry
    from deployer_lib.probes.packages.node.locks import Lock
    from deployer_lib.probes.packages.node.manifests import Layout, Manifest

__all__ = ["platform_examined"]

_DOCS: Final = "https://docs.npmjs.com/cli/configuring-npm/package-json#optionaldependencies"
_NATIVE: Final = re.compile(
    r"(?:^|[-/._])(?P<os>darwin|linux|linuxmusl|win32|windows|freebsd|android|openharmony|sunos|netbsd|openbsd|aix)"
    r"[-_](?P<cpu>x64|arm64|ia32|arm|armv7|arm-gnueabihf|riscv64|ppc64|ppc64le|s390x|loong64|mips64el|x86|64|universal)"
    r"(?:-(?P<libc>gnu|musl|msvc|gnueabihf|musleabihf|eabi))?$"
)
#: Platforms that are missed: where teams develop, and where containers run.
_COMMON: Final = re.compile(
    r"(?:linux-(?:x64|arm64|64)(?:-gnu|-musl)?|linuxmusl-(?:x64|arm64)|darwin-(?:x64|arm64|64)|win32-x64(?:-msvc)?|windows-64)$"
)
_SERVERS: Final = re.compile(r"linux-(?:x64|64)(?:-gnu)?$")
#: Packages of one platform whose locks of old say nothing of it.
_KNOWN: Final = {"fsevents": "darwin", "windows-build-tools": "win32", "node-mac-permissions": "darwin"}
_SYSTEMS: Final = {"darwin": "macOS", "linux": "Linux", "win32": "Windows"}


def platform_examined(ctx: Context) -> Examined:
    """Return packages that bind the application to a platform."""
    layout = layout_known(ctx)
    problems: list[Result] = []
    unknown = list(layout.problems)
    looked = 0
    for root in layout.install_roots():
        lock = lock_known(ctx, layout, root)
        if lock is not None and lock.problem:
            unknown.append(lock.problem)
            continue
        if lock is not None and lock.silent_on_platforms:
            unknown.append(lock.silent_on_platforms)
        bound = {} if lock is None else _bound(lock)
        looked += len(lock.entries) if lock else 0
        own = [each for each in layout.manifests.values() if layout.install_root(each) is root]
        declared = [problem for each in own for problem in _declared(ctx, layout, each, lock, bound)]
        problems += declared
        told = {problem.subject for problem in declared}
        if lock is not None:
            problems += (_through(root, lock, entry) for name, entry in bound.items() if name not in told and not _is_told(ctx, root, name))  # fmt: skip
            problems += _forgotten(ctx, root, lock)
    return Examined(
        tuple(problems),
        {"packages": looked, "manifests": [*layout.manifests]},
        tuple(unknown),
    )


def _bound(lock: Lock) -> dict[str, Entry]:
    """Return locked packages that can't be left out and don't install everywhere."""
    asked_firmly = {name for entry in lock.entries for name in entry.dependencies}
    found: dict[str, Entry] = {}
    for entry in lock.entries:
        restricted = _restricts(entry.os) or _restricts(entry.cpu)
        # Where the lock file has no word for optional, a package that nobody firmly asks for is.
        optional = entry.optional or (lock.manager in {"yarn", "bun"} and entry.name not in asked_firmly)
        if restricted and not optional and not entry.link:
            found.setdefault(entry.name, entry)
    return found


def _restricts(words: tuple[str, ...]) -> bool:
    """Tell whether an ``os`` or ``cpu`` field leaves a common platform out."""
    if not words or words == ("any",):
        return False
    refused = {word[1:] for word in words if word.startswith("!")}
    wanted = {word for word in words if not word.startswith("!")}
    common = ({"linux", "darwin", "win32"}, {"x64", "arm64"})
    if wanted:
        return not any(group <= wanted for group in common)
    return any(refused & group for group in common)


def _declared(
    ctx: Context, layout: Layout, manifest: Manifest, lock: Lock | None, bound: dict[str, Entry]
) -> Iterator[Result]:
    for section in ("dependencies", "devDependencies"):
        for name, wanted in manifest.section(section).items():
            entry = bound.get(name)
            native = _NATIVE.search(name)
            system = _KNOWN.get(name) or (native["os"] if native else "")
            if name in manifest.section("optionalDependencies") or (entry is None and not system):
                continue
            if _is_told(ctx, manifest, name) or _is_told(ctx, layout.install_root(manifest), name):
                continue
            limits = _limits(entry) if entry is not None else _SYSTEMS.get(system, system)
            line = manifest.line(section, name)
            yield failed(
                f"{manifest.file}:{line} declares {name} as a plain dependency, and it installs on {limits} alone.",
                subject=name,
                root_cause=f"{name} stands in {section} of {manifest.file}, where an install can't leave it out.",
                impact=f"npm ci ends with EBADPLATFORM wherever the system is not {limits}.",
                fix=Fix(
                    (
                        f"Move {name} to optionalDependencies, and import it only where it is there.",
                        "Or say in the README, and in the manifest's os field, which platform the application needs.",
                    ),
                    (terminal(_optional(ctx, layout, manifest, f"{name}@{wanted}")),),
                    _DOCS,
                    10,
                ),
                locations=[Location(manifest.file, line), *_lock_place(lock, name)],
                package=name,
                platforms=limits,
                section=section,
            )


def _optional(ctx: Context, layout: Layout, manifest: Manifest, wanted: str) -> str:
    command = add_command(ctx, layout, manifest, [wanted])
    flag = {"npm": " install", "pnpm": " add", "yarn": " add", "bun": "bun add"}[command.split(" ", 1)[0]]
    return command.replace(flag, f"{flag} --save-optional" if command.startswith(("npm", "pnpm")) else f"{flag} --optional", 1)  # fmt: skip


def _through(root: Manifest, lock: Lock, entry: Entry) -> Result:
    own = [name for section in ("dependencies", "devDependencies") for name in root.section(section)]
    chain = chain_to(lock, own, entry.name)
    first = chain[0] if chain else ""
    line = root.line(root.declares(first), first) if first and root.declares(first) else 0
    limits = _limits(entry)
    shown = f" ({' → '.join([*chain, entry.name])})" if chain else ""
    return failed(
        f"{lock.file} locks {entry.name} {entry.version}, which installs on {limits} alone and may not be left out{shown}.",
        subject=entry.name,
        root_cause=f"{chain[-1] if chain else lock.file} asks for {entry.name} as a plain dependency.",
        impact=f"npm ci ends with EBADPLATFORM wherever the system is not {limits}.",
        fix=Fix(
            (
                f"Say in the README which platform the application needs, or replace {first or entry.name}.",
                "Where the lock file was made with --force or --no-optional, make it again.",
            ),
            (terminal("rm -rf node_modules package-lock.json && npm install --package-lock-only"),),
            _DOCS,
            20,
        ),
        locations=[*([Location(root.file, line)] if line else []), *_lock_place(lock, entry.name)],
        package=entry.name,
        platforms=limits,
        through=[*chain],
    )


def _forgotten(ctx: Context, root: Manifest, lock: Lock) -> Iterator[Result]:
    """Yield packages whose native parts for other platforms are not in npm's lock file."""
    if lock.manager != "npm" or lock.version == "1":
        return
    held = {entry.name for entry in lock.entries}
    seen: set[str] = set()
    for entry in lock.entries:
        native = [name for name in entry.optional_dependencies if _NATIVE.search(name)]
        missing = [name for name in native if name not in held]
        common = [name for name in missing if _COMMON.search(name)]
        if len(native) < 2 or not common or entry.name in seen or _is_told(ctx, root, entry.name):  # noqa: PLR2004  (one platform alone is its own matter)
            continue
        seen.add(entry.name)
        own = [name for section in ("dependencies", "devDependencies") for name in root.section(section)]
        chain = [entry.name] if root.declares(entry.name) else chain_to(lock, own, entry.name)
        first = chain[0] if chain else ""
        present = [name for name in native if name in held]
        servers = any(_SERVERS.search(name) for name in common)
        yield failed(
            f"{lock.file} holds {', '.join(present) or 'none'} of the native parts of {entry.name} and lacks {', '.join(common)}.",
            subject=entry.name,
            severity=Severity.HIGH if servers else None,
            root_cause=f"{lock.file} was made on one platform over an installed node_modules, and npm left out the parts of the others "
            "(https://github.com/npm/cli/issues/4828).",
            impact=f"npm ci installs {entry.name} without its native part elsewhere, and it fails with: Cannot find module '{common[0]}'.",
            fix=Fix(
                ("Make the lock file again without an installed node_modules beside it, and commit it.",),
                (terminal("rm -rf node_modules package-lock.json && npm install --package-lock-only"),),
                "https://github.com/npm/cli/issues/4828",
                10,
            ),
            locations=[
                *_lock_place(lock, entry.name),
                *(
                    [Location(root.file, root.line(root.declares(first), first))]
                    if first and root.declares(first)
                    else []
                ),
            ],
            package=entry.name,
            held=[*present],
            lacking=[*missing],
        )


def _limits(entry: Entry) -> str:
    systems = [_SYSTEMS.get(word, word) for word in entry.os]
    return " ".join(filter(None, (" or ".join(systems), "/".join(entry.cpu), "/".join(entry.libc))))


def _lock_place(lock: Lock | None, name: str) -> list[Location]:
    return [Location(lock.file, lock.line(name))] if lock is not None and lock.line(name) else []


def _is_told(ctx: Context, manifest: Manifest, name: str) -> bool:
    """Tell whether the manifest limits its platforms itself, or a document names the package."""
    return bool(manifest.data.get("os") or manifest.data.get("cpu")) or (
        documents_of(ctx).mention(name) is not None
    )
