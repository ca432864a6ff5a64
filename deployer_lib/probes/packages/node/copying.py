"""What npm needs of a project, copied to where it may write: manifests, lock file, local packages, settings without secrets."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from deployer_lib.app.commands import Done, run_command
from deployer_lib.probes.packages.node.locks import LOCKS
from deployer_lib.probes.packages.node.sources import layout_known
from deployer_lib.probes.packages.python.clean_environment import surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from deployer_lib.probes.context import Context
    from deployer_lib.probes.packages.node.manifests import Manifest

__all__ = ["copy_known", "npm_settings", "run_npm"]

#: Settings that hold secrets, or that only hold on the machine they were written for.
_SECRET: Final = re.compile(
    r"(?i)_?auth|password|username|email|\$\{|^\s*(?:cafile|certfile|keyfile|cache|prefix)\b"
)
_LOCAL: Final = re.compile(r"^(?:file|link|portal):(.+)$")
_OTHER_FILES: Final = (
    ".npmrc",
    "pnpm-workspace.yaml",
    ".yarnrc.yml",
    ".yarnrc",
    "bunfig.toml",
    ".pnpmfile.cjs",
)


def copy_known(ctx: Context, manifest: Manifest) -> Path:
    """Return a copy of an install root, made once a phase."""
    key = f"node_copy:{manifest.folder}"
    known = ctx.memo.get(key)
    if not isinstance(known, Path):
        known = ctx.memo[key] = _copy(ctx, manifest)
    return known


def npm_settings(ctx: Context, manifest: Manifest) -> dict[str, str]:
    """Return the project's own settings of npm, lower case; without secrets."""
    try:
        text = (ctx.workspace / manifest.folder / ".npmrc").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return {}
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line and not _SECRET.search(line))
    return {
        name.strip().lower(): value.strip().lower()
        for name, _, value in pairs
        if name.strip()[:1] not in "#;"
    }


def run_npm(
    ctx: Context, words: Sequence[str], folder: Path, *, timeout_s: float, log: Path | None = None
) -> Done:
    """Run npm in a copy, with a cache of the phase's own.

    Raises:
        ProcessError: npm did not start.
    """
    ctx.progress(f"npm {' '.join(words[:2])} …")
    errors = folder / ".npm-stderr.log"
    argv = [
        "npm",
        *words,
        "--cache",
        str(ctx.scratch / "npm-cache"),
        "--no-update-notifier",
        "--no-audit",
        "--no-fund",
    ]
    env = {**surroundings(), "CI": "true", "NO_COLOR": "1"}
    if log is None:
        return run_command(
            argv,
            cwd=folder,
            env=env,
            timeout_s=timeout_s,
            on_line=lambda line: ctx.progress(f"npm: {line[:100]}"),
        )
    with errors.open("wb") as stream:
        return run_command(argv, cwd=folder, env=env, timeout_s=timeout_s, log=log, stderr=stream)


def _copy(ctx: Context, manifest: Manifest) -> Path:
    number = sum(1 for key in ctx.memo if key.startswith("node_copy:"))
    target = (
        ctx.scratch / f"npm-{number}" / (ctx.workspace.name if ctx.workspace.name.isascii() else "project")
    )
    target.mkdir(parents=True, exist_ok=True)
    root = ctx.workspace / manifest.folder
    for relative in _wanted(ctx, manifest):
        source = root / relative
        if source.is_file() and not (target / relative).exists():
            (target / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target / relative)
    _settings(root / ".npmrc", target / ".npmrc")
    return target


def _wanted(ctx: Context, manifest: Manifest) -> Iterator[str]:
    layout = layout_known(ctx)
    prefix = f"{manifest.folder}/" if manifest.folder else ""
    yield from (*LOCKS, *(name for name in _OTHER_FILES if name != ".npmrc"))
    for folder in layout.folders:
        if f"{folder}/".startswith(prefix) or folder == manifest.folder:
            inner = f"{folder}/"[len(prefix) :]
            yield f"{inner}package.json" if inner != "/" else "package.json"
    yield "package.json"
    for section in ("dependencies", "devDependencies", "optionalDependencies"):
        for wanted in manifest.section(section).values():
            local = _LOCAL.match(wanted)
            if local and local[1].endswith((".tgz", ".tar.gz")) and ".." not in local[1]:
                yield local[1].removeprefix("./")


def _settings(source: Path, target: Path) -> None:
    try:
        text = source.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return
    kept = [line for line in text.splitlines() if not _SECRET.search(line)]
    target.write_text("\n".join(kept) + "\n", encoding="utf-8")
