"""See to what the tests need besides Python packages: by apt where this is root, else say what is missing and fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

#: Program → Debian package.
WANTED = {
    "git": "git",
    "chromium": "chromium",
    "node": "nodejs",
    "npm": "npm",
    "cargo": "cargo",
    "initdb": "postgresql",  # a server of its own is made from it, as a user without rights
}
#: What the full figures are compared with: `make proof`.
PROOF = {"ab": "apache2-utils", "hey": "hey"}
#: Where Debian keeps what it does not put on the path.
ELSEWHERE = {"initdb": "usr/lib/postgresql/*/bin/initdb"}


def missing(wanted: dict[str, str]) -> dict[str, str]:
    """Return the programs that are not there, with their packages."""
    return {program: package for program, package in wanted.items() if not _found(program)}


def _found(program: str) -> bool:
    elsewhere = ELSEWHERE.get(program)
    return shutil.which(program) is not None or bool(elsewhere and list(Path("/").glob(elsewhere)))


def main(words: list[str]) -> int:
    """Install what is missing and return 0, or say what to install and return 1; ``proof`` wants more."""
    wanted = {**WANTED, **PROOF} if "proof" in words else WANTED
    lacking = missing(wanted)
    if not lacking:
        return 0
    packages = sorted(lacking.values())
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"installing {', '.join(packages)}", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", *packages]):
            done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
            if done.returncode:
                print(f"{' '.join(command)} ended with {done.returncode}", file=sys.stderr)
        lacking = missing(wanted)
    if lacking:
        print(f"The tests need {', '.join(lacking)}: apt-get install {' '.join(packages)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
