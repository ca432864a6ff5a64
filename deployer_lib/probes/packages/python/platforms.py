"""Is a distribution that exists for one platform declared for all, without a word about it (B5)?

Judged by names that are known to be bound, by the lock file (where every file of a package is a wheel for some platforms and none
for the others, nothing can be installed there), and by what an installed package says of itself in its classifiers. A marker (``; sys_platform == "win32"``) or a document that says so settles it.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from deployer_lib.check import Code, Fix, Location, Result, failed
from deployer_lib.probes.packages.documented import says_platform
from deployer_lib.probes.packages.model import Examined
from deployer_lib.probes.packages.python.bound import PLATFORM_DISTRIBUTIONS
from deployer_lib.probes.packages.python.clean_environment import clean_environment
from deployer_lib.probes.packages.python.declared import (
    Declared,
    declared_in,
    read_toml,
    section_of,
    unread_manifests,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from deployer_lib.check import JSONValue
    from deployer_lib.probes.context import Context

__all__ = ["platforms_examined"]

_DOCS: Final = (
    "https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers"
)
_LOCKS: Final = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml")
_MARKED: Final = re.compile(
    r"sys_platform|platform_system|os_name|platform_machine|platform_release|implementation_name"
)
_MARKERS: Final = {
    "Windows": "sys_platform == 'win32'",
    "macOS": "sys_platform == 'darwin'",
    "Linux": "sys_platform == 'linux'",
    "Linux and macOS": "sys_platform != 'win32'",
}
#: Part of a classifier's text → the system that it names; what names none of them may be any.
_SYSTEMS: Final = (("Linux", "Linux"), ("BSD", "Linux"), ("Microsoft", "Windows"), ("MacOS", "macOS"))


def platforms_examined(ctx: Context) -> Examined:
    """Return declared distributions of one platform that no marker and no document limits to it."""
    by_files, by_word = _bound_by_files(ctx.workspace), _bound_by_word(ctx)
    problems: list[Result] = []
    marked: list[JSONValue] = []
    documented: dict[str, JSONValue] = {}
    seen: set[str] = set()
    declared = [item for item in declared_in(ctx.workspace) if item.use == "production"]
    for item in declared:
        platform = PLATFORM_DISTRIBUTIONS.get(item.name) or by_files.get(item.name) or by_word.get(item.name)
        if platform is None or item.name in seen:
            continue
        if _is_marked(ctx.workspace, item):
            marked.append(item.text)
            continue
        seen.add(item.name)
        where = says_platform(ctx.workspace, item.name, platform)
        if where:
            documented[item.name] = where
        else:
            why = (
                "its name is known for it"
                if item.name in PLATFORM_DISTRIBUTIONS
                else f"the lock file holds wheels for {platform} and nothing else"
                if item.name in by_files
                else f"its classifiers name {platform} and no other system"
            )
            problems.append(_finding(item, platform, why))
    return Examined(
        tuple(problems),
        {"declared": len(declared), "conditional": marked, "documented": documented},
        tuple(unread_manifests(ctx.workspace)),
        ""
        if clean_environment(ctx).ok
        else "what packages say of their platforms can't be read: the clean install failed",
    )


def _is_marked(project: Path, item: Declared) -> bool:
    """Tell whether an environment marker limits a dependency, as PEP 508, poetry or Pipfile write it."""
    try:
        marker = Requirement(item.text).marker
    except InvalidRequirement:
        marker = None
    if marker is not None:
        return _MARKED.search(str(marker)) is not None
    if item.file.endswith(("pyproject.toml", "Pipfile")):
        data = read_toml(project / item.file)[1]
        return any(
            isinstance(value, dict) and bool({"markers", "platform", "sys_platform"} & value.keys())
            for table in _tables(data)
            for name, value in table.items()
            if canonicalize_name(name) == item.name
        )
    return False


def _tables(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield section_of(data, "packages")
    yield section_of(data, "tool", "poetry", "dependencies")


def _bound_by_word(ctx: Context) -> dict[str, str]:
    """Return installed packages whose classifiers name one system alone; BSD beside Linux is no other for most teams."""
    environment = clean_environment(ctx)
    found: dict[str, str] = {}
    for name, systems in (environment.systems or {}).items():
        kinds = {next((kind for word, kind in _SYSTEMS if word in system), "") for system in systems}
        if len(kinds) == 1 and (kind := kinds.pop()):
            found[canonicalize_name(name)] = kind
    return found


# -- what the lock file holds of each package ------------------------------------------------------------------------


def _bound_by_files(project: Path) -> dict[str, str]:
    """Return packages of which the lock file names wheels for one platform alone and no source."""
    found: dict[str, str] = {}
    for name in _LOCKS:
        data = read_toml(project / name)[1]
        for item in data.get("package", data.get("packages", [])):
            if isinstance(item, dict) and isinstance(item.get("name"), str):
                platform = _platform_of([*_files(item)])
                if platform:
                    found[canonicalize_name(item["name"])] = platform
    return found


def _files(item: Mapping[str, Any]) -> Iterator[str]:
    listed = [*_list(item.get("files")), *_list(item.get("wheels"))]
    if isinstance(item.get("sdist"), dict):
        listed.append(item["sdist"])
    for each in listed:
        if isinstance(each, dict):
            yield str(
                each.get("file") or each.get("name") or each.get("url") or each.get("path") or ""
            ).rpartition("/")[2]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _platform_of(files: list[str]) -> str:
    wheels = [file.removesuffix(".whl").rpartition("-")[2] for file in files if file.endswith(".whl")]
    if not wheels or len(wheels) < len(files) or any(tag == "any" for tag in wheels):
        return ""
    kinds = {
        "Windows"
        if "win" in tag.split("_")[0]
        else "macOS"
        if "macos" in tag
        else "Linux"
        if "linux" in tag
        else ""
        for tag in wheels
    }
    if kinds == {"Linux", "macOS"}:
        return "Linux and macOS"
    return next(iter(kinds)) if len(kinds) == 1 else ""


# -- findings --------------------------------------------------------------------------------------------------------


def _finding(item: Declared, platform: str, why: str) -> Result:
    marker = _MARKERS[platform]
    is_toml = item.file.endswith(".toml")
    table = f'[tool.poetry.dependencies]\n{item.name} = {{ version = "*", markers = {json.dumps(marker)} }}'
    plain = f'"{item.text}; {marker}",' if is_toml else f"{item.text} ; {marker}"
    return failed(
        f"{item.file} declares {item.text}, which exists for {platform} alone, without a marker, and no document says so.",
        subject=item.name,
        root_cause=f"{item.name} at {item.file}:{item.line} is asked for on every platform; {why}.",
        impact=f"An install on anything but {platform} fails or lacks it, and nobody is told.",
        fix=Fix(
            (
                f"Limit {item.name} to {platform} by a marker, and let the code do without it elsewhere,",
                f"or say in README.md that {platform} is required.",
            ),
            (
                Code(
                    item.file,
                    table if is_toml and item.text == item.name and _is_bare(item) else plain,
                    item.line,
                    "toml" if is_toml else "",
                ),
            ),
            _DOCS,
            10,
        ),
        locations=(Location(item.file, item.line),),
        platform=platform,
        judged_by=why,
    )


def _is_bare(item: Declared) -> bool:
    return item.group == "" and not any(sign in item.text for sign in "<>=~!")
