"""Working copies: builds, installs and patches happen in a copy of the project, never in the project itself."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from deployer_lib.app.commands import Done, run_command
from deployer_lib.app.surroundings import base_environment
from deployer_lib.errors import DeployerError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Workspace", "digest_file", "digest_path", "digest_tree", "ignored_by", "make_workspace"]

_GIT_S: Final = 60.0
#: What a project without git is copied without. ``.env`` holds secrets of whoever develops.
_JUNK: Final = frozenset(
    {".git", ".hg", ".svn", ".jj", "node_modules", ".venv", "venv", "__pycache__", ".tox", ".nox"}
    | {".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".idea", ".DS_Store"}
    | {".deployer", ".env", ".env.local", ".next", ".turbo", ".parcel-cache"}
)
_SUBMODULE: Final = b"160000"
_PATCH_FAILED: Final = re.compile(r"error: patch failed: (?P<file>.+):(?P<line>\d+)")


@dataclass(frozen=True, slots=True)
class Workspace:
    """A working copy, and what it was made from."""

    path: Path
    files: int  # copied files and links
    commit: str  # of the project; empty outside git
    dirty: bool  # whether the project's folder holds changes that are not committed
    left_out: tuple[str, ...] = ()  # a sentence on each file that could not be copied
    patches: tuple[str, ...] = ()  # applied to it


def make_workspace(
    project: Path, destination: Path, *, exclude: Sequence[str], patches: Sequence[str], root: Path
) -> Workspace:
    """Copy the project's working tree to ``destination``, which is made anew, and apply patches there.

    In git these are the tracked files as they lie there and the untracked that are not ignored, submodules included;
    elsewhere all but the usual caches and installed packages.

    Args:
        project: the project's folder, possibly in a bigger repository.
        destination: folder of the copy; what stands there is removed.
        exclude: patterns as in .gitignore of what is left out besides.
        patches: unified diffs against the project's folder (``a/…``, ``b/…``), relative to ``root``.
        root: folder that holds parameters/; its outputs and state are never copied.

    Raises:
        UsageError: the project or a patch is not there.
        DeployerError: a patch does not apply.
    """
    project = project.resolve()
    if not project.is_dir():
        raise UsageError(f"The project {project} is not a folder.", hint="Look at project.path.")
    ignored = ignored_by(exclude)
    own = [path.resolve() for path in (destination, root / "outputs", root / ".deployer")]
    listed, left_out = _list(project)
    shutil.rmtree(destination, ignore_errors=True)
    destination.mkdir(parents=True)
    copier = _Copier(project, destination, left_out)
    for name in listed:
        source = project / name
        if not ignored(name) and not any(source == path or path in source.parents for path in own):
            copier.copy(name)
    for patch in patches:
        _apply(root / patch, destination)
    commit, dirty = _revision(project)
    return Workspace(destination, copier.files, commit, dirty, tuple(left_out), tuple(patches))


def digest_file(path: Path) -> str:
    """Return ``sha256:<hex>`` of a file's bytes."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def digest_tree(path: Path) -> str:
    """Return ``sha256:<hex>`` of a folder: names, contents, executable bits and links; not times, not owners."""
    whole = hashlib.sha256()
    entries = [(p.relative_to(path).as_posix(), p) for p in path.rglob("*") if p.is_symlink() or p.is_file()]
    for name, entry in sorted((os.fsencode(name), entry) for name, entry in entries):
        if entry.is_symlink():
            kind, content = b"l", os.fsencode(entry.readlink())
        else:
            executable = entry.stat().st_mode & stat.S_IXUSR
            kind, content = b"x" if executable else b"-", digest_file(entry).encode()
        whole.update(b"\0".join((kind, name, content)) + b"\n")
    return f"sha256:{whole.hexdigest()}"


def digest_path(path: Path) -> str:
    """Return the digest of a file or of a folder."""
    return digest_tree(path) if path.is_dir() else digest_file(path)


def ignored_by(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Return what tells whether a path (with ``/``, relative) is left out by patterns as in .gitignore."""
    rules = [(not p.startswith("!"), re.compile(_regex(p.removeprefix("!")))) for p in patterns if p.strip()]

    def ignored(path: str) -> bool:
        verdict = False
        for leaves_out, rule in rules:
            if rule.match(path):
                verdict = leaves_out
        return verdict

    return ignored


def _regex(pattern: str) -> str:
    """Translate one pattern; a folder's match covers what lies in it. See gitignore(5)."""
    body = pattern.strip().strip("/")
    anchored = "/" in pattern.strip().rstrip("/")
    parts = re.split(r"(/\*\*/|\*\*/|/\*\*|\*|\?)", body)
    table = {"/**/": "/(?:.*/)?", "**/": "(?:.*/)?", "/**": "/.*", "*": "[^/]*", "?": "[^/]"}
    text = "".join(table.get(part, re.escape(part)) for part in parts)
    below = "/.*" if pattern.rstrip().endswith("/") else "(?:/.*)?"
    return f"{'' if anchored else '(?:.*/)?'}{text}{below}$"


def _list(project: Path) -> tuple[list[str], list[str]]:
    left_out: list[str] = []
    if _git(project, "rev-parse", "--is-inside-work-tree").output.strip() == "true":
        names = sorted(_listed_by_git(project, left_out))
        if names:
            return names, left_out
    return sorted(_walk(project, left_out)), left_out


def _listed_by_git(folder: Path, left_out: list[str]) -> set[str]:
    names: set[str] = set()
    for entry in _git_bytes(folder, "ls-files", "-z", "--stage"):
        head, _, raw = entry.partition(b"\t")
        name = os.fsdecode(raw)
        if not head.startswith(_SUBMODULE):
            names.add(name)
        elif (folder / name / ".git").exists():
            names |= {f"{name}/{inner}" for inner in _listed_by_git(folder / name, left_out)}
        else:
            left_out.append(f"{_shown(name)}: a submodule that is not checked out")
    untracked = _git_bytes(folder, "ls-files", "-z", "--others", "--exclude-standard")
    return names | {os.fsdecode(raw) for raw in untracked}


def _walk(project: Path, left_out: list[str]) -> Iterator[str]:
    def failed(error: OSError) -> None:
        left_out.append(f"{_shown(os.path.relpath(error.filename, project))}: {error.strerror}")

    for folder, folders, files in os.walk(project, onerror=failed):
        junk = _JUNK | ({"target"} if "Cargo.toml" in files else set())
        here = Path(folder).relative_to(project)
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        folders[:] = sorted(name for name in folders if name not in junk and name not in links)
        for name in (*files, *links):
            if name not in junk:
                yield (here / name).as_posix()


@dataclass(slots=True)
class _Copier:
    project: Path
    destination: Path
    left_out: list[str]
    files: int = 0
    _made: set[Path] = field(default_factory=set)

    def copy(self, name: str) -> None:
        source, target = self.project / name, self.destination / name
        if target.parent not in self._made:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(target.parent)
        try:
            mode = source.lstat().st_mode
            if stat.S_ISLNK(mode):
                self._link(source, target, name)
            elif stat.S_ISREG(mode):
                shutil.copy2(source, target)
                target.chmod(stat.S_IMODE(mode) | stat.S_IWUSR)  # patches and builds write here
                self.files += 1
            elif not stat.S_ISDIR(mode):
                self.left_out.append(f"{_shown(name)}: neither a file nor a link")
        except FileNotFoundError:
            pass  # tracked, and deleted from the working tree
        except OSError as error:
            self.left_out.append(f"{_shown(name)}: {error.strerror}")

    def _link(self, source: Path, target: Path, name: str) -> None:
        inside = Path(os.path.normpath(source.parent / source.readlink()))
        if not inside.is_relative_to(self.project):
            self.left_out.append(f"{_shown(name)}: a link out of the project")
            return
        target.symlink_to(os.path.relpath(inside, source.parent))  # an absolute one would leave the copy
        self.files += 1


def _apply(patch: Path, destination: Path) -> None:
    if not patch.is_file():
        raise UsageError(f"The patch {patch.name} is not there.", hint="Look at project.patches.")
    done = _git(
        destination,
        "apply",
        "--whitespace=nowarn",
        str(patch.resolve()),
        ceiling=destination.resolve().parent,
    )
    if done.ok:
        return
    match = _PATCH_FAILED.search(done.output)
    where = (
        f"{match['file']}, the hunk at line {match['line']}" if match else done.output.strip() or "git failed"
    )
    raise DeployerError(
        f"The patch {patch.name} does not apply: {where}.",
        hint=f"Make it anew against the project's present state. {done.output.strip()}",
    )


def _revision(project: Path) -> tuple[str, bool]:
    head = _git(project, "rev-parse", "--verify", "HEAD")
    if not head.ok:
        return "", False
    return head.output.strip(), bool(_git(project, "status", "--porcelain", "--", ".").output.strip())


def _environment(ceiling: Path | None) -> dict[str, str]:
    env = base_environment(os.environ) | {
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    return env | ({"GIT_CEILING_DIRECTORIES": str(ceiling)} if ceiling else {})


def _argv(words: tuple[str, ...]) -> list[str]:
    # A checkout may belong to another user (a mounted volume); reading it runs nothing of its configuration.
    return ["git", "-c", "safe.directory=*", "-c", "core.fsmonitor=false", *words]


def _git(folder: Path, *words: str, ceiling: Path | None = None) -> Done:
    try:
        return run_command(_argv(words), cwd=folder, env=_environment(ceiling), timeout_s=_GIT_S)
    except DeployerError as error:
        return Done(127, 0.0, error.message, 1)


def _git_bytes(folder: Path, *words: str) -> list[bytes]:
    """Return NUL-ended entries; names need not be UTF-8, so the text of :func:`run_command` will not do."""
    done = subprocess.run(
        _argv(words), cwd=folder, env=_environment(None), capture_output=True, timeout=_GIT_S, check=False
    )
    return [entry for entry in done.stdout.split(b"\0") if entry]


def _shown(name: str) -> str:
    return str(PurePosixPath(name)).encode("utf-8", "backslashreplace").decode()
