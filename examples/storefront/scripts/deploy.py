"""Install releases side by side, and switch from one to another.

    deploy.py install  --wheel dist/storefront-1.4.0-py3-none-any.whl --releases DIR --release NAME
    deploy.py activate --releases DIR --release NAME
    deploy.py migrate  --releases DIR
    deploy.py rollback --releases DIR

A release is a folder in DIR with a virtual environment of its own, made from requirements.lock.
`current` and `previous` are links. Restarting `DIR/current/bin/storefront serve` after a switch
is up to the process manager.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Written last: a folder without it is an installation that was cut short.
RECEIPT = "release.json"


class DeployError(Exception):
    """Say in one line why a step did not happen."""


def main() -> int:
    """Run one step; exit status 1 and one line on stderr if it fails."""
    options = parse()
    try:
        options.step(options)
    except DeployError as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        program = Path(error.cmd[0]).name
        print(f"deploy: {program} ended with exit status {error.returncode}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"deploy: {error.strerror}: {error.filename}", file=sys.stderr)
        return 1
    return 0


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Install, activate, migrate and roll back.")
    steps = parser.add_subparsers(required=True, metavar="STEP")
    for step in (install, activate, migrate, rollback):
        choice = steps.add_parser(step.__name__, help=(step.__doc__ or "").splitlines()[0])
        choice.set_defaults(step=step)
        choice.add_argument("--releases", type=Path, required=True, metavar="DIR")
        if step in (install, activate):
            choice.add_argument("--release", type=release_name, required=True, metavar="NAME")
        if step is install:
            choice.add_argument("--wheel", type=Path, required=True)
            choice.add_argument("--lock", type=Path, default=ROOT / "requirements.lock")
    return parser.parse_args()


def release_name(text: str) -> str:
    """Accept what is safe as the name of a folder and isn't one of the links."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}", text) or text in (
        "current",
        "previous",
    ):
        raise argparse.ArgumentTypeError(f"{text!r} can't be the name of a release")
    return text


def install(options: argparse.Namespace) -> None:
    """Make DIR/NAME with the wheel and its locked dependencies."""
    release = options.releases.resolve() / options.release
    digest = hashlib.sha256(options.wheel.read_bytes()).hexdigest()
    lock_digest = hashlib.sha256(options.lock.read_bytes()).hexdigest()
    if (release / RECEIPT).exists():
        receipt = json.loads((release / RECEIPT).read_text("utf-8"))
        if (receipt["sha256"], receipt["lock_sha256"]) != (digest, lock_digest):
            raise DeployError(f"{release} exists, and was made from another wheel or lock")
        print(f"deploy: {release} is installed already")
        return
    shutil.rmtree(release, ignore_errors=True)
    release.mkdir(parents=True)
    fill(release, options.wheel.resolve(), options.lock.resolve())
    receipt = {
        "wheel": options.wheel.name,
        "sha256": digest,
        "lock_sha256": lock_digest,
        "installed_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    (release / RECEIPT).write_text(json.dumps(receipt, indent=2) + "\n", "utf-8")
    print(f"deploy: installed {options.wheel.name} in {release}")


def fill(release: Path, wheel: Path, lock: Path) -> None:
    """Make the virtual environment, with uv where there is one, else with venv and pip."""
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    python = str(release / "bin/python")
    if uv:
        run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(release))
        pip = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python]
    else:
        run(sys.executable, "-m", "venv", str(release))
        pip = [python, "-m", "pip", "install", "--quiet"]
    run(*pip, "--require-hashes", "-r", str(lock))
    run(*pip, "--no-deps", str(wheel))


def activate(options: argparse.Namespace) -> None:
    """Let DIR/current point to NAME, and DIR/previous to the release before it."""
    releases = options.releases.resolve()
    before = target(releases, "current")
    if not (releases / options.release / RECEIPT).exists():
        raise DeployError(f"{releases / options.release} is not an installed release")
    if before == options.release:
        print(f"deploy: {before} is current already")
        return
    if before:
        link(releases, "previous", before)
    link(releases, "current", options.release)
    print(f"deploy: current is {options.release}, previous is {before or 'none'}")


def migrate(options: argparse.Namespace) -> None:
    """Bring the database (DATABASE_URL) to what the current release needs."""
    current = target(options.releases, "current")
    if current is None:
        raise DeployError(f"nothing is active in {options.releases}")
    run(str(options.releases.resolve() / current / "bin/storefront"), "migrate")
    print(f"deploy: migrated with {current}")


def rollback(options: argparse.Namespace) -> None:
    """Let DIR/current point to what it pointed to before."""
    releases = options.releases.resolve()
    current, previous = target(releases, "current"), target(releases, "previous")
    if previous is None:
        raise DeployError(f"there is no previous release in {releases}")
    link(releases, "current", previous)
    # A second rollback then fails, and doesn't bring the bad release back.
    (releases / "previous").unlink()
    print(f"deploy: rolled back from {current} to {previous}")


def target(releases: Path, name: str) -> str | None:
    """Return the name of the release that a link points to."""
    path = releases / name
    return path.readlink().name if path.is_symlink() else None


def link(releases: Path, name: str, release: str) -> None:
    """Point a link to a release in one step: at every moment there is an old or a new one."""
    temporary = releases / f".{name}.{os.getpid()}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(release)
    temporary.replace(releases / name)


def run(*command: str) -> None:
    """Run a program, and let its failure be the step's."""
    subprocess.run(command, check=True)


if __name__ == "__main__":
    sys.exit(main())
