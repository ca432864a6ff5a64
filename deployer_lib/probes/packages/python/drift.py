"""What a Python project's manifest declares against what its lock file pins (B2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from packaging.requirements import InvalidRequirement, Requirement

from deployer_lib.catalogue import Severity
from deployer_lib.check import Code, Fix, Location, Result, failed
from deployer_lib.probes.packages.model import Examined
from deployer_lib.probes.packages.python.declared import Declared, declared_in, unread_manifests
from deployer_lib.probes.packages.python.locks import find_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deployer_lib.probes.packages.python.locks import Lock

__all__ = ["drift_examined"]

_DOCS: Final = "https://docs.astral.sh/uv/pip/compile/"


def drift_examined(project: Path) -> Examined:
    """Return declared dependencies that the lock file lacks or pins out of range, and what it does not pin."""
    lock = find_lock(project)
    declared = [item for item in declared_in(project) if item.use == "production"]
    return Examined(
        tuple(_problems(lock, declared)),
        {
            "lock": lock.file if lock else "",
            "declared": len(declared),
            "pinned": len(lock.pins) if lock else 0,
        },
        tuple(unread_manifests(project)),
    )


def _problems(lock: Lock | None, declared: list[Declared]) -> Iterator[Result]:
    if lock is None:
        if declared:
            yield _no_lock(declared)
        return
    if lock.problem:
        yield _broken(lock, declared)
        return
    if lock.unpinned:
        yield _unpinned(lock)
    for item in declared:
        # Another requirements file beside one that is its own lock is installed besides, or instead.
        beside = item.file.endswith(".txt") and lock.file.endswith(".txt")
        if item.file != lock.file and not beside:
            yield from _drift(lock, item)


def _no_lock(declared: list[Declared]) -> Result:
    return failed(
        f"There is no lock file; {len(declared)} dependencies are resolved anew at each install.",
        subject="lock file",
        severity=Severity.HIGH,
        root_cause=f"{declared[0].file} declares ranges, and no file pins them.",
        impact="Two installs of the same commit may differ, so that what was tested is not what runs.",
        fix=Fix(
            ("Pin all dependencies with their digests and commit the file.",),
            (
                Code(
                    "terminal",
                    f"uv pip compile {declared[0].file} --generate-hashes -o requirements.lock",
                    language="shell",
                ),
            ),
            _DOCS,
            10,
        ),
        locations=(Location(declared[0].file, declared[0].line),),
        declared=[item.text for item in declared],
    )


def _broken(lock: Lock, declared: list[Declared]) -> Result:
    line = re.search(r"line (\d+)", lock.problem)
    manifest = declared[0].file if declared else "pyproject.toml"
    return failed(
        f"{lock.file} can't be read: {lock.problem}.",
        subject=lock.file,
        root_cause=lock.problem,
        impact="Nothing says which versions belong to this commit, and the application can't be installed from it.",
        fix=Fix(
            (f"Take {lock.file} from before it broke, bring it up to {manifest}, and commit it.",),
            (
                Code(
                    "terminal",
                    f"git checkout HEAD~1 -- {lock.file} && {_relock(lock, manifest)}",
                    language="shell",
                ),
            ),
            _DOCS,
            10,
        ),
        locations=(Location(lock.file, int(line[1]) if line else 0),),
    )


def _unpinned(lock: Lock) -> Result:
    first = lock.unpinned[0]
    return failed(
        f"{lock.file} does not pin {len(lock.unpinned)} requirement(s): {', '.join(text for text, _ in lock.unpinned[:5])}.",
        subject="pins",
        severity=Severity.HIGH,
        root_cause=f"{lock.file}:{first[1]} names no exact version.",
        impact="Two installs of the same commit may differ, so that what was tested is not what runs.",
        fix=Fix(
            (f"Keep {lock.file} as the declaration (requirements.in), and compile the lock file from it.",),
            (
                Code(
                    "terminal",
                    f"uv pip compile {lock.file} --generate-hashes -o requirements.lock",
                    language="shell",
                ),
            ),
            _DOCS,
            10,
        ),
        locations=[Location(lock.file, line) for _, line in lock.unpinned[:5]],
        unpinned=[text for text, _ in lock.unpinned],
    )


def _drift(lock: Lock, item: Declared) -> Iterator[Result]:
    try:
        requirement = Requirement(item.text)
    except InvalidRequirement:
        return
    if requirement.marker is not None and not requirement.marker.evaluate():
        return
    pinned = lock.pins.get(item.name)
    if item.name in lock.lines and (
        not pinned or not pinned[0].isdigit() or requirement.specifier.contains(pinned, prereleases=True)
    ):
        return
    what = f"pins {pinned}" if pinned else "does not hold it"
    yield failed(
        f"{item.file} declares {item.text}, and {lock.file} {what}.",
        subject=item.name,
        severity=Severity.CRITICAL if not pinned else Severity.HIGH,
        root_cause=f"{lock.file} was not compiled again after {item.file}:{item.line} was changed.",
        impact="An install from the lock file lacks what the code was written against."
        if not pinned
        else "What is installed is not what the project says it needs.",
        fix=Fix(
            (f"Compile {lock.file} again and commit it.",),
            (Code("terminal", _relock(lock, item.file), language="shell"),),
            _DOCS,
            5,
        ),
        locations=(Location(item.file, item.line), Location(lock.file, lock.lines.get(item.name, 0))),
        declared=item.text,
        pinned=pinned,
    )


def _relock(lock: Lock, manifest: str) -> str:
    tool = {
        "uv.lock": "uv lock",
        "poetry.lock": "poetry lock",
        "pdm.lock": "pdm lock",
        "Pipfile.lock": "pipenv lock",
    }
    hashes = " --generate-hashes" if lock.hashes else ""
    return tool.get(lock.file, f"uv pip compile {manifest}{hashes} -o {lock.file}")
