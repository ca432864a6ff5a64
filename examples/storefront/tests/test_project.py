"""The documents say what the code does, and the build contains what it should."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import build

ROOT = Path(__file__).parent.parent


def variables(path: str, pattern: str) -> set[str]:
    return set(re.findall(pattern, (ROOT / path).read_text("utf-8"), re.MULTILINE))


def test_every_variable_is_in_the_readme_and_in_the_example() -> None:
    read = variables("src/storefront/settings.py", r'environ(?:\.get\(|\[)"([A-Z_]+)"')

    assert read == variables("README.md", r"^\| `([A-Z_]+)` \|")
    assert read == variables(".env.example", r"^#? ?([A-Z_]+)=")


def test_the_front_end_is_built_under_hashed_names(tmp_path: Path) -> None:
    static = tmp_path / "static"
    build.build_front_end(ROOT / "frontend", static)
    page = (static / "index.html").read_text("utf-8")
    names = {path.name for path in static.iterdir()} - {"index.html"}

    assert names == set(re.findall(r'"/static/([^"]+)"', page))
    assert all(re.fullmatch(r"\w+\.[0-9a-f]{12}\.\w+", name) for name in names)


def test_the_build_id_follows_the_sources(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1")
    first = build.digest(tmp_path)
    assert build.digest(tmp_path) == first

    (tmp_path / "a.py").write_text("2")
    assert build.digest(tmp_path) != first


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "release.json").write_text(json.dumps({}))
    return tmp_path


def deploy(releases: Path, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "scripts/deploy.py", *arguments, "--releases", str(releases)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)  # noqa: S603
    return done.returncode, done.stdout + done.stderr


def test_releases_are_switched_and_switched_back(releases: Path) -> None:
    assert deploy(releases, "activate", "--release", "one")[0] == 0
    assert deploy(releases, "rollback")[0] == 1
    assert deploy(releases, "activate", "--release", "two")[0] == 0
    assert (releases / "current").readlink() == Path("two")

    assert deploy(releases, "rollback")[0] == 0
    assert (releases / "current").readlink() == Path("one")
    assert not (releases / "previous").is_symlink()


def test_only_what_is_installed_can_be_activated(releases: Path) -> None:
    (releases / "partial").mkdir()

    status, output = deploy(releases, "activate", "--release", "partial")

    assert (status, output.count("\n")) == (1, 1)
    assert not (releases / "current").exists()
    assert deploy(releases, "activate", "--release", "../one")[0] == 2
