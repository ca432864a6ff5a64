"""Lock files of Python projects: which one counts, what it pins, how it is installed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from deployer_lib.probes.packages.python.declared import read_requirements, read_toml, section_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Lock", "find_lock"]

#: In order of preference. ``requirements.txt`` counts as the lock where none of the others is there.
_NAMES: Final = (
    "requirements.lock",
    "requirements.lock.txt",
    "requirements-lock.txt",
    "pylock.toml",
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "Pipfile.lock",
    "requirements.txt",
    "requirements/production.txt",
    "requirements/prod.txt",
    "requirements/base.txt",
)


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock file."""

    file: str  # relative to the project
    pins: dict[str, str] = field(default_factory=dict)  # normalised name -> version
    lines: dict[str, int] = field(default_factory=dict)
    unpinned: tuple[tuple[str, int], ...] = ()  # (requirement, line) without one exact version
    hashes: bool = False  # every pin has a digest
    problem: str = ""  # why it can't be read
    requirements: str = ""  # text of a requirements file made from it, where uv does not read it by itself


def find_lock(project: Path) -> Lock | None:
    """Return the project's lock file as it was read, None where there is none."""
    for name in _NAMES:
        path = project / name
        if path.is_file():
            if path.suffix == ".toml" or name in {"uv.lock", "poetry.lock", "pdm.lock"}:
                return _toml_lock(path, name)
            return _pipfile_lock(path, name) if name == "Pipfile.lock" else _requirements_lock(project, path)
    return None


def _requirements_lock(project: Path, path: Path) -> Lock:
    pins: dict[str, str] = {}
    lines: dict[str, int] = {}
    unpinned: list[tuple[str, int]] = []
    for _, line, text in read_requirements(path):
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        exact = [
            each.version
            for each in requirement.specifier
            if each.operator in {"==", "==="} and "*" not in each.version
        ]
        key = _key(requirement.name)
        lines[key] = line
        if exact or requirement.url:
            pins[key] = exact[0] if exact else requirement.url or ""
        else:
            unpinned.append((text, line))
    text = path.read_text(encoding="utf-8", errors="replace")
    hashes = bool(pins) and text.count("--hash=") >= len(pins)
    return Lock(path.relative_to(project).as_posix(), pins, lines, tuple(unpinned), hashes)


def _key(name: str) -> str:
    return canonicalize_name(name)  # a plain text, as the other modules hold it


def _toml_lock(path: Path, name: str) -> Lock:
    text, data, problem = read_toml(path)
    if problem:
        return Lock(name, problem=problem)
    packages = [item for item in data.get("package", data.get("packages", [])) if isinstance(item, dict)]
    kept = [item for item in packages if _is_main(item)]
    pins = {_key(str(item["name"])): str(item.get("version", "")) for item in kept if "name" in item}
    lines = {key: _line(text, key) for key in pins}
    own = name in {"poetry.lock", "pdm.lock"}  # uv reads the others
    return Lock(
        name, pins, lines, (), hashes=True, requirements="\n".join(_as_requirements(kept)) if own else ""
    )


def _is_main(item: dict[str, Any]) -> bool:
    groups = item.get("groups", ["default"])
    source = item.get("source", {})
    virtual = isinstance(source, dict) and ({"virtual", "editable"} & source.keys())
    return not virtual and bool({"main", "default"} & set(groups)) and not item.get("optional", False)


def _as_requirements(items: list[dict[str, Any]]) -> Iterator[str]:
    for item in items:
        marker = item.get("markers", item.get("marker"))
        after = f" ; {marker}" if isinstance(marker, str) and marker else ""
        digests = [
            f"--hash={each['hash']}"
            for each in item.get("files", [])
            if isinstance(each, dict) and "hash" in each
        ]
        yield " ".join([f"{item['name']}=={item['version']}{after}", *digests])


def _pipfile_lock(path: Path, name: str) -> Lock:
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Lock(name, problem=f"it is not valid JSON: {error}")
    default = {key: item for key, item in section_of(data, "default").items() if isinstance(item, dict)}
    pins = {_key(key): str(item.get("version", "")).removeprefix("==") for key, item in default.items()}
    made = [
        " ".join(
            [f"{key}{item.get('version', '')}", *(f"--hash={digest}" for digest in item.get("hashes", []))]
        )
        for key, item in default.items()
    ]
    return Lock(
        name, pins, {key: _line(text, key) for key in pins}, (), hashes=True, requirements="\n".join(made)
    )


def _line(text: str, name: str) -> int:
    pattern = re.compile(rf"^\s*(?:name = )?\"{re.escape(name)}\"", re.IGNORECASE)
    return next((number for number, line in enumerate(text.splitlines(), 1) if pattern.match(line)), 0)
