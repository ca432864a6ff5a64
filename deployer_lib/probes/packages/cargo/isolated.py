"""cargo, asked in a copy that holds manifests, lock file and empty sources; everything that it said, kept for the phase.

Fetching downloads and unpacks packages; it runs no code of theirs. The copy has a home of its own, so that nothing that this
machine has in its cache helps, and lies in the system's folder for temporary files: cargo looks for workspaces in all folders above.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.app.commands import Done, run_command
from deployer_lib.errors import ProcessError
from deployer_lib.probes.packages.cargo.locks import LOCK
from deployer_lib.probes.packages.cargo.manifests import MANIFEST
from deployer_lib.probes.packages.python.clean_environment import surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from deployer_lib.probes.context import Context

__all__ = ["Asked", "asked", "says_nothing"]

_METADATA: Final = ("metadata", "--format-version", "1", "--all-features", "--color", "never")
_NETWORK: Final = re.compile(
    r"spurious network error|Could not resolve host|Could not connect|network failure seems to have happened|Timeout was reached"
    r"|failed to resolve address|Couldn't resolve|Connection refused|timed out|SSL connect error|status code 5\d\d"
)
#: What a newer or a nightly cargo would understand, which says nothing of the project either.
_OTHER_CARGO: Final = re.compile(
    r"requires a nightly version|only allowed on the nightly|lock file version `?\d+`? (?:requires|was found)|is not stable(?:ized)? (?:on|in) this"
    r"|this version of Cargo is older than|unknown `?edition|is not a valid edition|feature `edition\d+` is required"
    r"|requires `-Z|the `-Z` flag|rustc \S+ is not supported|could not execute process `rustc"
)
#: Tables of a configuration that say where packages come from; the others may run programs.
_CONFIGURED: Final = ("registries", "registry", "source", "net", "http", "patch")
_MAX_COPIES: Final = 50_000
_CONFIG_BYTES: Final = 1_000_000
_FOREIGN: Final = frozenset({"target", "node_modules", ".git"})


@dataclass(frozen=True, slots=True)
class Asked:
    """What cargo answered in one folder with a lock file."""

    command: tuple[str, ...]
    fetched: Done | None  # None: cargo is not there
    resolved: Done | None = None  # ``cargo metadata`` without --locked, where the fetch failed
    graph: Mapping[str, Any] | None = None  # what ``cargo metadata`` said
    why: str = ""  # there is no answer: why

    @property
    def ok(self) -> bool:
        """Tell whether the fetch succeeded."""
        return self.fetched is not None and self.fetched.ok

    @property
    def said(self) -> str:
        """Return cargo's own words of a failure, from its first error on."""
        return _error(self.fetched.output) if self.fetched is not None else self.why


def says_nothing(output: str) -> str:
    """Return why a failure says nothing of the project (no network, another cargo is needed), empty where it does."""
    if _NETWORK.search(output):
        return "the network could not be reached"
    return "another version of cargo is needed" if _OTHER_CARGO.search(output) else ""


def asked(ctx: Context, root: Path) -> Asked:
    """Return cargo's answers for a workspace, asked once a phase."""
    key = f"cargo:{root.as_posix()}"
    known = ctx.memo.get(key)
    if not isinstance(known, Asked):
        with tempfile.TemporaryDirectory(prefix="deployer-cargo-", ignore_cleanup_errors=True) as folder:
            known = ctx.memo[key] = _ask(ctx, root, Path(folder))
    return known


def _ask(ctx: Context, root: Path, folder: Path) -> Asked:
    copy, home = folder / "copy", folder / "home"
    _copy(ctx.workspace, copy)
    home.mkdir()
    _configure(_own_home(), home)
    for place in (root, *root.parents):
        _configure(ctx.workspace / place / ".cargo", copy / place / ".cargo", ctx.workspace / place)
    locked = ("--locked",) if (copy / root / LOCK).is_file() else ()
    command = ("cargo", "fetch", *locked, "--color", "never")
    try:
        fetched = _run(ctx, command, copy / root, home)
    except ProcessError as error:
        return Asked(command, None, why=f"{error.message} {error.hint}".strip())
    fetched = _plain(fetched, copy)
    if fetched.ok:
        said, done = _metadata(ctx, copy / root, home, folder, *locked, "--offline")
        return Asked(command[:-2], fetched, None, said, "" if said else done.output[-300:])
    if says_nothing(fetched.output):
        return Asked(command[:-2], fetched)
    said, done = _metadata(ctx, copy / root, home, folder)
    return Asked(command[:-2], fetched, _plain(done, copy), said)


def _metadata(
    ctx: Context, root: Path, home: Path, folder: Path, *more: str
) -> tuple[Mapping[str, Any] | None, Done]:
    """Return the graph; it goes by a file, as it is longer than what is kept of a command's output."""
    log = folder / "metadata.json"
    with (folder / "metadata.err").open("w+b") as errors:
        done = run_command(
            ["cargo", *_METADATA, *more],
            cwd=root,
            env=_environment(home),
            timeout_s=ctx.parameters.install.timeout_s,
            log=log,
            stderr=errors,
        )
        errors.seek(0)
        said = errors.read().decode("utf-8", "replace")
    if done.ok:
        try:
            return json.loads(log.read_text(encoding="utf-8")), done
        except ValueError:
            return None, done
    return None, Done(done.exit_code, done.duration_s, said, len(said.splitlines()))


def _run(ctx: Context, command: tuple[str, ...], cwd: Path, home: Path) -> Done:
    ctx.progress(f"{' '.join(command[:3])} …")
    return run_command(
        command,
        cwd=cwd,
        env=_environment(home),
        timeout_s=ctx.parameters.install.timeout_s,
        on_line=lambda line: ctx.progress(f"cargo: {line.strip()[:100]}"),
    )


def _environment(home: Path) -> dict[str, str]:
    """Return cargo's environment: no cache of this machine's, no wrappers, the toolchain that is there."""
    return {
        **surroundings(),
        "CARGO_HOME": str(home),
        "CARGO_TERM_PROGRESS_WHEN": "never",
        "RUSTC_WRAPPER": "",
        "RUSTC_WORKSPACE_WRAPPER": "",
        "CARGO_BUILD_RUSTC_WRAPPER": "",
        "RUSTUP_AUTO_INSTALL": "0",
    }


def _own_home() -> Path:
    return Path(surroundings().get("CARGO_HOME") or Path.home() / ".cargo")


def _plain(done: Done, copy: Path) -> Done:
    """Take the copy's own folder out of what was said, so that it reads as the project's."""
    output = done.output.replace(f"{os.path.realpath(copy)}/", "").replace(f"{copy}/", "")
    return Done(done.exit_code, done.duration_s, output, done.line_count)


def _error(output: str) -> str:
    lines = output.splitlines()
    first = next(
        (number for number, line in enumerate(lines) if line.startswith("error")), max(len(lines) - 3, 0)
    )
    kept = [
        line.strip() for line in lines[first:] if line.strip() and not line.startswith("warning: spurious")
    ]
    return " ".join(kept).removeprefix("error: ")[:900] or "no output"


# -- the copy --------------------------------------------------------------------------------------------------------


def _copy(project: Path, copy: Path) -> None:
    """Copy manifests and lock files; of sources, the names alone: cargo finds targets by them."""
    copy.mkdir()
    count = 0
    for file in _cargo_files(project):
        count += 1
        if count > _MAX_COPIES:
            return
        target = copy / file
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if file.suffix == ".rs":
                target.touch()
            else:
                shutil.copyfile(project / file, target)
        except OSError:
            continue  # cargo will say what it misses


def _cargo_files(project: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(project):
        names[:] = sorted(name for name in names if name not in _FOREIGN and not name.startswith("."))
        for name in files:
            if name in {MANIFEST, LOCK} or name.endswith(".rs"):
                yield Path(folder, name).relative_to(project)


def _configure(source: Path, target: Path, base: Path | None = None) -> None:
    """Copy what a configuration says of registries, and nothing that runs a program.

    Args:
        source: a folder with ``config.toml``.
        target: where it is written.
        base: folder from which paths in it are meant.
    """
    path = next((source / name for name in ("config.toml", "config") if (source / name).is_file()), None)
    if path is None:
        return
    try:
        if path.stat().st_size > _CONFIG_BYTES:
            return
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    kept = {name: data[name] for name in _CONFIGURED if isinstance(data.get(name), dict)}
    target.mkdir(parents=True, exist_ok=True)
    (target / "config.toml").write_text("\n".join(_toml((), kept, base or source.parent)), encoding="utf-8")


def _toml(prefix: tuple[str, ...], table: Mapping[str, Any], base: Path) -> Iterator[str]:
    if prefix:
        yield f"[{'.'.join(json.dumps(part) for part in prefix)}]"
    for key, value in table.items():
        if isinstance(value, dict) or "credential" in key:
            continue
        if isinstance(value, str) and key in {"directory", "local-registry"}:
            value = str((base / value).resolve())  # noqa: PLW2901  (of the copy, the folder would not be there)
        if isinstance(value, str | int | float | list):
            yield f"{json.dumps(key)} = {json.dumps(value)}"
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _toml((*prefix, key), value, base)
