"""What an earlier build left must not reach the new artifact (C1)."""

from __future__ import annotations

import secrets
import shutil
import tarfile
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Code, Fix, Skip, errored, failed, passed, skipped
from deployer_lib.probes.build_output import build_script, output_paths
from deployer_lib.probes.context import probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from deployer_lib.check import Result
    from deployer_lib.parameters.model import Build
    from deployer_lib.probes.context import Context

__all__ = ["Planted", "clean", "looked_at", "plant", "remove"]

_LISTED: Final = 50
#: Folders in which build tools keep what they made before, whatever a build declares as its output.
_INTERMEDIATE: Final = {"python": ("build/lib",)}


@dataclass(frozen=True, slots=True)
class Planted:
    """The markers that were planted before a build, and what became of them."""

    marker: str  # part of every planted file's name
    places: tuple[str, ...]
    files: int = 0  # of the new output that were looked at, members of archives included
    stale: tuple[str, ...] = ()  # names of the new output that hold the marker
    again: str = ""  # how a second build over the first one's whole output went; empty where none was made

    @property
    def file(self) -> str:
        """Return the name of the files that were planted."""
        return f"{self.marker}.py"


def plant(ctx: Context, declared: Build) -> Planted:
    """Leave marked files where an earlier build would have left its own."""
    marker = f"deployer_stale_{secrets.token_hex(4)}"
    folders = [name for name in (*declared.output, declared.bundle) if name and not Path(name).suffix]
    packages = _packages(ctx.workspace)
    for stack, intermediate in _INTERMEDIATE.items():
        if (ctx.parameters.project.stack or "python") == stack and packages:
            folders += [f"{folder}/{package}" for folder in intermediate for package in packages]
    planted = Planted(marker, tuple(folders))
    for folder in folders:
        (ctx.workspace / folder).mkdir(parents=True, exist_ok=True)
        (ctx.workspace / folder / planted.file).write_text("stale = True\n", encoding="utf-8")
    return planted


def looked_at(ctx: Context, declared: Build, planted: Planted) -> Planted:
    """Look for the markers in the new output, and inside its archives."""
    names = [name for path in output_paths(ctx, declared) for name in _names(path, ctx.workspace)]
    stale = tuple(name for name in names if planted.marker in name)
    return replace(planted, files=len(names), stale=stale)


def remove(ctx: Context, names: Iterable[str]) -> None:
    """Remove files and folders of the working copy, those that are not there included."""
    for name in names:
        path = ctx.workspace / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _packages(workspace: Path) -> list[str]:
    if not (workspace / "pyproject.toml").exists() and not (workspace / "setup.py").exists():
        return []
    return sorted(
        {path.parent.name for base in ("", "src") for path in (workspace / base).glob("*/__init__.py")}
        - {"tests"}
    )


@probe("build.clean")
def clean(ctx: Context) -> Iterable[Result]:
    """Say whether a marker that was planted in earlier output reached the new one."""
    planted, declared = ctx.memo.get("planted"), ctx.parameters.build
    if ctx.parameters.artifact is not None:
        yield skipped(Skip.NOT_APPLICABLE, "the artifact was given, not built here")
        return
    if not isinstance(planted, Planted) or declared is None:
        yield errored("the build did not run in this phase")
        return
    if planted.again.startswith("failed"):
        yield _not_twice(ctx, declared, planted)
        return
    if not planted.files:
        yield errored("the build left nothing to look at")
        return
    if planted.stale:
        shown = [name.replace(planted.marker, "<marker>") for name in planted.stale]
        yield failed(
            f"{len(shown)} file(s) of an earlier build are in the new output: {', '.join(shown[:3])}.",
            root_cause=_why_stale(planted),
            impact="A file that was deleted or renamed is still shipped, and may still be imported or served.",
            fix=_fix_clean(ctx, declared),
            locations=build_script(ctx, declared),
            stale=[*planted.stale[:_LISTED]],
            planted=[*planted.places],
            again=planted.again or "not made",
        )
    else:
        yield passed(
            f"none of {len(planted.places)} markers that stood in earlier output is among {planted.files} files of the new one",
            planted=[*planted.places],
            files=planted.files,
            again=planted.again or "not made",
        )


def _why_stale(planted: Planted) -> str:
    places = ", ".join(planted.places)
    if planted.again:
        return (
            f"Built a second time over its own output ({places}), the build left what stood there: it takes an earlier "
            "output for this one's, or adds to it. (What is deployed here was built in an empty place.)"
        )
    return (
        f"The build does not remove what an earlier one left in its output and intermediate folders ({places}), and "
        "ships it. (What is deployed here was built again without it.)"
    )


def _not_twice(ctx: Context, declared: Build, planted: Planted) -> Result:
    return failed(
        f"The build can't be made a second time over its own output; it {planted.again}.",
        root_cause="The build does not remove what an earlier one left, and stumbles over it.",
        impact="Where folders are kept between builds, a build server's cache say, the next release can't be built.",
        fix=_fix_clean(ctx, declared),
        locations=build_script(ctx, declared),
        planted=[*planted.places],
        again=planted.again,
    )


def _names(path: Path, workspace: Path) -> Iterator[str]:
    """Yield the names of the files below a path, and of the members of archives among them."""
    for file in sorted(p for p in ([path] if path.is_file() else path.rglob("*")) if p.is_file()):
        name = file.relative_to(workspace).as_posix()
        yield name
        try:
            if zipfile.is_zipfile(file):
                with zipfile.ZipFile(file) as archive:
                    yield from (f"{name}!{member}" for member in archive.namelist())
            elif tarfile.is_tarfile(file):
                with tarfile.open(file) as tar:
                    yield from (f"{name}!{member}" for member in tar.getnames())
        except (zipfile.BadZipFile, tarfile.TarError, OSError):
            continue  # not an archive after all


def _fix_clean(ctx: Context, declared: Build) -> Fix:
    script = next(
        (str(word) for word in declared.command if str(word).endswith((".py", ".sh", ".js", ".mjs"))), ""
    )
    if script.endswith(".py"):
        code = Code(
            script,
            'for folder in ("build", "dist"):\n    shutil.rmtree(folder, ignore_errors=True)',
            language="python",
        )
    elif (ctx.workspace / "package.json").exists() and not script:
        code = Code("package.json", '"prebuild": "rm -rf dist build"', language="json")
    else:
        code = Code(script or "Makefile", "rm -rf build dist", language="shell")
    return Fix(
        steps=(
            "Remove the folders of earlier builds first thing in the build.",
            "Or let Deployer do so: name them in build.clean.",
        ),
        code=(code,),
        docs="https://setuptools.pypa.io/en/latest/userguide/distribution.html",
        minutes=10,
    )
