from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from deployer_lib.app.workspace import (
    Workspace,
    digest_file,
    digest_path,
    digest_tree,
    ignored_by,
    make_workspace,
)
from deployer_lib.errors import DeployerError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

PATCH = """A sentence about the fault.
trips: [smoke.health]

--- a/src/app.py
+++ b/src/app.py
@@ -1,2 +1,2 @@
 one
-two
+zwei
"""


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example", "-c", "protocol.file.allow=always"]
    return subprocess.run(
        ["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout


def write(path: Path, text: str = "x\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def listing(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir() or p.is_symlink()}


def copy(project: Path, root: Path, **options: list[str]) -> Workspace:
    return make_workspace(
        project,
        root / "work",
        exclude=options.get("exclude", []),
        patches=options.get("patches", []),
        root=root,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a project in a subfolder of a repository, with changes, ignored and untracked files."""
    repository = tmp_path / "repository"
    project = repository / "services" / "shop"
    write(repository / "other.txt")
    write(project / "src" / "app.py", "one\ntwo\n")
    write(project / "gone.txt")
    write(repository / ".gitignore", "*.log\nnode_modules/\n")
    git(repository, "init", "-q")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "first")
    write(project / "new.py")
    write(project / "debug.log")
    write(project / "node_modules" / "x" / "index.js")
    (project / "gone.txt").unlink()
    return project


def test_the_working_tree_is_copied_and_nothing_else(project: Path, tmp_path: Path) -> None:
    """Tracked and new files; not the rest of the repository, not what is ignored, not what was deleted."""
    work = copy(project, tmp_path)
    assert {"src/app.py", "new.py"} == listing(work.path)
    assert (2, True, git(project, "rev-parse", "HEAD").strip()) == (work.files, work.dirty, work.commit)


def test_a_clean_project_is_not_dirty(project: Path, tmp_path: Path) -> None:
    """Changes elsewhere in the repository do not count."""
    git(project, "checkout", "-q", ".")
    (project / "new.py").unlink()
    write(project.parents[1] / "other.txt", "changed")
    assert not copy(project, tmp_path).dirty


def test_what_an_earlier_build_left_is_gone(project: Path, tmp_path: Path) -> None:
    """The copy is made anew each time."""
    write(copy(project, tmp_path).path / "dist" / "old.js")
    assert "dist/old.js" not in listing(copy(project, tmp_path).path)


def test_submodules_are_copied(project: Path, tmp_path: Path) -> None:
    """Where they are checked out; else they are named."""
    library = tmp_path / "library"
    write(library / "lib.py")
    git(library, "init", "-q")
    git(library, "add", ".")
    git(library, "commit", "-qm", "first")
    git(project, "submodule", "--quiet", "add", str(library), "vendor/lib")
    assert "vendor/lib/lib.py" in listing(copy(project, tmp_path).path)
    git(project, "submodule", "--quiet", "deinit", "-f", "vendor/lib")
    assert copy(project, tmp_path).left_out == ("vendor/lib: a submodule that is not checked out",)


def test_links_stay_links_inside_and_are_named_when_they_lead_out(project: Path, tmp_path: Path) -> None:
    """An absolute link to a file of the project leads to its copy."""
    (project / "inside").symlink_to(project / "src" / "app.py")
    (project / "outside").symlink_to("../../other.txt")
    work = copy(project, tmp_path)
    assert (work.path / "inside").resolve() == (work.path / "src" / "app.py").resolve()
    assert work.left_out == ("outside: a link out of the project",)


def test_names_that_are_not_utf8_are_copied(project: Path, tmp_path: Path) -> None:
    """As bytes, whatever they mean."""
    name = os.fsdecode(b"caf\xe9.txt")
    write(project / name, "x")
    assert (copy(project, tmp_path).path / name).read_text(encoding="utf-8") == "x"


def test_pipes_are_named_and_never_read(tmp_path: Path) -> None:
    """Reading one would wait for ever."""
    (tmp_path / "p").mkdir()
    os.mkfifo(tmp_path / "p" / "pipe")
    assert copy(tmp_path / "p", tmp_path).left_out == ("pipe: neither a file nor a link",)


def test_without_git_the_usual_junk_is_left_out(tmp_path: Path) -> None:
    """Installed packages, caches and a developer's .env stay where they are."""
    project = tmp_path / "plain"
    for name in ("app.py", ".env", ".env.example", "node_modules/a.js", ".venv/x", "a/__pycache__/b.pyc"):
        write(project / name)
    write(project / "rust" / "Cargo.toml")
    write(project / "rust" / "target" / "debug")
    write(project / "target" / "kept")
    work = copy(project, tmp_path)
    assert {"app.py", ".env.example", "rust/Cargo.toml", "target/kept"} == listing(work.path)
    assert (work.commit, work.dirty) == ("", False)


def test_a_project_that_holds_our_own_folders_is_not_copied_into_itself(tmp_path: Path) -> None:
    """Root and project may be one folder."""
    write(tmp_path / "app.py")
    write(tmp_path / "outputs" / "local" / "x")
    write(tmp_path / ".deployer" / "local" / "secrets" / "x")
    work = make_workspace(
        tmp_path, tmp_path / ".deployer" / "local" / "work", exclude=[], patches=[], root=tmp_path
    )
    assert {"app.py"} == listing(work.path)


def test_executable_bits_stay(project: Path, tmp_path: Path) -> None:
    """And what is read-only can be written in the copy, for patches and builds."""
    write(project / "run.sh").chmod(0o555)
    mode = (copy(project, tmp_path).path / "run.sh").stat().st_mode & 0o777
    assert mode == 0o755


@pytest.mark.parametrize(
    ("patterns", "path", "left_out"),
    [
        (["*.log"], "a/b.log", True),
        (["/dist"], "dist/a", True),
        (["/dist"], "a/dist/b", False),
        (["docs/"], "a/docs/b", True),
        (["docs/"], "docs", False),
        (["a/**/z"], "a/b/c/z", True),
        (["a/**/z"], "a/z", True),
        (["a?c"], "abc", True),
        (["*.log", "!keep.log"], "keep.log", False),
        (["a.b"], "axb", False),
    ],
)
def test_exclude_reads_as_gitignore(patterns: list[str], path: str, *, left_out: bool) -> None:
    """The patterns that people know."""
    assert left_out is ignored_by(patterns)(path)


def test_patches_apply_to_the_copy_alone(project: Path, tmp_path: Path) -> None:
    """The project stays as it is, also where the copy lies inside a repository."""
    write(tmp_path / "faults" / "x.patch", PATCH)
    root = project.parents[1]
    write(root / "faults" / "x.patch", PATCH)
    for where in (tmp_path, root):
        work = copy(project, where, patches=["faults/x.patch"])
        assert (work.path / "src" / "app.py").read_text(encoding="utf-8") == "one\nzwei\n"
    assert (project / "src" / "app.py").read_text(encoding="utf-8") == "one\ntwo\n"


def test_a_patch_that_does_not_apply_says_where(project: Path, tmp_path: Path) -> None:
    """File and hunk are named; a missing one is a wrong parameter."""
    write(tmp_path / "x.patch", PATCH.replace("-two", "-three"))
    with pytest.raises(DeployerError, match=r"x\.patch does not apply: src/app\.py, the hunk at line 1"):
        copy(project, tmp_path, patches=["x.patch"])
    with pytest.raises(UsageError, match=r"y\.patch is not there"):
        copy(project, tmp_path, patches=["y.patch"])


def test_a_missing_project_is_a_wrong_parameter(tmp_path: Path) -> None:
    """Nothing is made for it."""
    with pytest.raises(UsageError, match="is not a folder"):
        copy(tmp_path / "no", tmp_path)


def test_digests_tell_contents_names_and_bits_and_nothing_else(tmp_path: Path) -> None:
    """The same tree has the same digest anywhere, at any time."""
    for name in ("a", "b"):
        write(tmp_path / name / "x" / "one", "1")
        write(tmp_path / name / "two", "2")
    one = tmp_path / "b" / "x" / "one"
    os.utime(one, (0, 0))
    before = digest_tree(tmp_path / "b")
    assert before == digest_tree(tmp_path / "a")
    one.chmod(0o755)
    executable = digest_tree(tmp_path / "b")
    one.rename(tmp_path / "b" / "x" / "uno")
    assert len({before, executable, digest_path(tmp_path / "b")}) == 3
    empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert empty == digest_file(write(tmp_path / "e", ""))
