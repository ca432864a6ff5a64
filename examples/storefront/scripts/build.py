"""Build the release: one wheel with the front end inside.

    python scripts/build.py [--out dist] [--build-id ID]

makes, in an output folder that it empties first,

    storefront-<version>-py3-none-any.whl
    static/            the front end, under hashed names, as it is in the wheel
    build-info.json    version, build id and commit, as /version will answer them

The same sources give the same build id and the same wheel, byte for byte.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: ZIP can't tell a time before 1980; any fixed time will do.
SOURCE_DATE_EPOCH = "315619200"


def main() -> int:
    """Build, or say in one line what went wrong."""
    parser = argparse.ArgumentParser(description="Build the wheel with the front end inside.")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="emptied first")
    parser.add_argument("--build-id", help="default: made from the sources")
    options = parser.parse_args()
    try:
        build(options.out.resolve(), options.build_id)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"build: {error}", file=sys.stderr)
        return 1
    return 0


def build(out: Path, build_id: str | None) -> None:
    """Make the output folder anew."""
    if out == ROOT or out in ROOT.parents:
        raise OSError(f"refusing to empty {out}")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    # The wheel comes from a fresh copy: setuptools would otherwise pack whatever an earlier
    # build left in build/lib, modules long deleted included.
    with tempfile.TemporaryDirectory(prefix="storefront-build-") as name:
        stage = Path(name)
        copy_sources(stage)
        info = describe(stage, build_id)
        static = stage / "src/storefront/static"
        build_front_end(ROOT / "frontend", static)
        text = json.dumps(info, indent=2) + "\n"
        (stage / "src/storefront/_build.json").write_text(text, "utf-8")
        build_wheel(stage, out)
        shutil.copytree(static, out / "static")
        (out / "build-info.json").write_text(text, "utf-8")
    report(out, info)


def copy_sources(stage: Path) -> None:
    """Copy what the wheel is made from."""
    leave = shutil.ignore_patterns("__pycache__", "*.egg-info", "static", "_build.json")
    shutil.copytree(ROOT / "src", stage / "src", ignore=leave)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy2(ROOT / name, stage / name)


def describe(stage: Path, build_id: str | None) -> dict[str, str]:
    """Return version, build id and commit of the copy."""
    project = tomllib.loads((stage / "pyproject.toml").read_text("utf-8"))["project"]
    return {
        "version": project["version"],
        "build_id": build_id or digest(stage, ROOT / "frontend"),
        "commit": commit(),
    }


def digest(*folders: Path) -> str:
    """Return an id that changes when any name or byte in the folders does."""
    result = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                result.update(f"{path.relative_to(folder).as_posix()}\0".encode())
                result.update(hashlib.sha256(path.read_bytes()).digest())
    return result.hexdigest()[:12]


def commit() -> str:
    """Return the commit that the sources are at, or `unknown` outside of a repository."""
    git = shutil.which("git")
    if git is None:
        return "unknown"
    answer = subprocess.run(
        [git, "rev-parse", "--verify", "HEAD"], cwd=ROOT, capture_output=True, text=True
    )
    return answer.stdout.strip() if answer.returncode == 0 else "unknown"


def build_front_end(source: Path, target: Path) -> None:
    """Copy the front end; every file but the page gets a name that changes with its content."""
    target.mkdir()
    page = (source / "index.html").read_text("utf-8")
    for path in sorted(source.iterdir()):
        if path.name == "index.html":
            continue
        content = path.read_bytes()
        name = f"{path.stem}.{hashlib.sha256(content).hexdigest()[:12]}{path.suffix}"
        (target / name).write_bytes(content)
        if f'"{path.name}"' not in page:
            raise OSError(f"{path.name} is in frontend/, but index.html does not use it")
        page = page.replace(f'"{path.name}"', f'"/static/{name}"')
    (target / "index.html").write_text(page, "utf-8")


def build_wheel(stage: Path, out: Path) -> None:
    """Build with uv where there is one, else with pip."""
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv:
        command = [uv, "build", "--quiet", "--wheel", "--python", sys.executable]
        command += ["--out-dir", str(out), "--no-create-gitignore", str(stage)]
    else:
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
        command += ["--wheel-dir", str(out), str(stage)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": SOURCE_DATE_EPOCH}
    subprocess.run(command, check=True, env=environment)


def report(out: Path, info: dict[str, str]) -> None:
    """Say what was built, with sizes."""
    print(f"build: storefront {info['version']}, build {info['build_id']}, {info['commit']}")
    for path in sorted(out.rglob("*")):
        if path.is_file():
            print(f"build: {path.stat().st_size:>7} bytes  {path.relative_to(out)}")


if __name__ == "__main__":
    sys.exit(main())
