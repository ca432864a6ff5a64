"""Is every import of production code declared? Judged in the clean install's own environment (B1).

What is only loaded by name at run time (database drivers, ``INSTALLED_APPS``) is never an import, and no matter here.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from packaging.utils import canonicalize_name

from deployer_lib.check import Code, Fix, Location, Result, failed
from deployer_lib.probes.packages.model import Examined, Kind
from deployer_lib.probes.packages.python.clean_environment import Environment, clean_environment
from deployer_lib.probes.packages.python.declared import Declared, declared_in, line_of, unread_manifests
from deployer_lib.probes.packages.python.extras import with_installed_extras
from deployer_lib.probes.packages.python.imports import Import, production_imports
from deployer_lib.probes.packages.python.tools import locked_tools, misplaced_tools

if TYPE_CHECKING:
    from pathlib import Path

    from deployer_lib.probes.context import Context

__all__ = ["imports_examined"]

_DOCS: Final = (
    "https://packaging.python.org/en/latest/guides/writing-pyproject-toml/#dependencies-and-requirements"
)
_PLACES: Final = 5
_REQUIREMENT: Final = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[([^\]]*)\])?")
_EXTRA: Final = re.compile(r"""\bextra\s*==\s*["']([\w.-]+)["']""")
#: Distributions whose modules have another name, for imports that the clean install does not have.
_OTHER_NAMES: Final = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "corsheaders": "django-cors-headers",
    "Crypto": "pycryptodome",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "decouple": "python-decouple",
    "dotenv": "python-dotenv",
    "environ": "django-environ",
    "git": "gitpython",
    "jose": "python-jose",
    "jwt": "pyjwt",
    "magic": "python-magic",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyopenssl",
    "PIL": "pillow",
    "pkg_resources": "setuptools",
    "psycopg2": "psycopg2-binary",
    "rest_framework": "djangorestframework",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "socks": "pysocks",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}


@dataclass(frozen=True, slots=True)
class _World:
    """What is declared and what was installed."""

    declared: dict[str, list[Declared]]  # normalised name ->
    modules: dict[str, list[str]]  # top-level module -> normalised distributions
    versions: dict[str, str]
    requires: dict[str, list[str]]  # normalised -> normalised
    written: dict[str, list[str]]  # the same, as the distributions say it

    def is_told_by_name(self, top: str) -> bool:
        """Tell whether a module's distribution is sure without an install: a lock file or a group names it as the module."""
        return any(
            name in self.versions or name in self.declared for name in self.distributions(top) if name
        ) and not any(name.replace("-", "_").startswith(f"{top}_") for name in self.declared)

    def needed(self) -> frozenset[str]:
        """Return the distributions that production declares, and all that these require, extras only where asked for."""
        seen: set[str] = set()
        stack = [
            _asked(entry.text)
            for entries in self.declared.values()
            for entry in entries
            if entry.use != "development"
        ]
        done: set[tuple[str, frozenset[str]]] = set()
        while stack:
            name, extras = stack.pop()
            if (name, extras) in done:
                continue
            done.add((name, extras))
            seen.add(name)
            for line in self.written.get(name, ()):
                extra = _EXTRA.search(line)
                if extra is None or canonicalize_name(extra[1]) in extras:
                    stack.append(_asked(line))
        return frozenset(seen)

    def distributions(self, top: str) -> list[str]:
        """Return the distributions that may bring a module."""
        installed = self.modules.get(top)
        if installed:
            return installed
        return (
            [_OTHER_NAMES.get(top, ""), canonicalize_name(top)]
            if top in _OTHER_NAMES
            else [canonicalize_name(top)]
        )


def imports_examined(ctx: Context, kind: Kind) -> Examined:
    """Compare imports of production code with what the manifests declare.

    Args:
        ctx: what the probe was given.
        kind: ``undeclared``, or ``dev_in_production`` for what development groups alone declare.
    """
    imports, files, unparsed = production_imports(ctx.workspace, ctx.parameters.project.exclude)
    if not files:
        return Examined(unknown=(*unparsed, "No production source file (.py) was found."))
    environment = clean_environment(ctx)
    world = _world(ctx.workspace, environment)
    by_top: dict[str, list[Import]] = {}
    for item in imports:
        by_top.setdefault(item.top, []).append(item)
    unread = unread_manifests(ctx.workspace)
    judged = [
        found
        for top, items in sorted(by_top.items())
        if not unread
        and (environment.ok or world.is_told_by_name(top))
        and (found := _judge(ctx, world, top, items))
    ]
    problems = [problem for its_kind, problem in judged if its_kind == kind]
    if kind == "dev_in_production":
        every = (item for items in world.declared.values() for item in items)
        problems += misplaced_tools(every, frozenset(by_top))
        if environment.lock is not None and environment.ok:
            known = frozenset(problem.subject for problem in problems)
            problems += locked_tools(world.declared, environment.lock, world.needed(), known)
    return Examined(
        tuple(problems),
        {
            "files": files,
            "imports": {top: ", ".join(world.distributions(top)) for top in sorted(by_top)},
            "declared_in": [*sorted({item.file for items in world.declared.values() for item in items})],
        },
        (*unread, *(f"{text}, so that its imports are unknown." for text in unparsed)),
        "" if environment.ok else "not all imports can be told apart: the clean install failed",
    )


def _world(project: Path, environment: Environment) -> _World:
    declared: dict[str, list[Declared]] = {}
    for item in with_installed_extras(project, declared_in(project)):
        declared.setdefault(item.name, []).append(item)
    modules: dict[str, list[str]] = {
        top: sorted({canonicalize_name(name) for name in names})
        for top, names in (environment.modules or {}).items()
    }
    pins = environment.lock.pins if environment.lock and not environment.ok else {}
    versions: dict[str, str] = {
        canonicalize_name(name): version for name, version in (environment.versions or pins).items()
    }
    requires: dict[str, list[str]] = {
        canonicalize_name(name): [
            canonicalize_name(match.group()) for line in lines if (match := re.match(r"[\w.-]+", line))
        ]
        for name, lines in (environment.requires or {}).items()
    }
    written: dict[str, list[str]] = {
        canonicalize_name(name): lines for name, lines in (environment.requires or {}).items()
    }
    return _World(declared, modules, versions, requires, written)


def _asked(line: str) -> tuple[str, frozenset[str]]:
    """Return name and extras of a requirement."""
    match = _REQUIREMENT.match(line)
    if match is None:
        return canonicalize_name(line.strip()), frozenset()
    extras = frozenset(
        canonicalize_name(extra.strip()) for extra in (match[2] or "").split(",") if extra.strip()
    )
    return canonicalize_name(match[1]), extras


def _judge(ctx: Context, world: _World, top: str, items: list[Import]) -> tuple[Kind, Result] | None:
    candidates = world.distributions(top)
    entries = [entry for name in candidates for entry in world.declared.get(name, ())]
    if any(entry.use == "production" for entry in entries):
        return None
    firm = [item for item in items if not item.optional and not item.typing_only]
    if not firm:
        return None  # guarded, or for the type checker: it may be absent
    if any(entry.use == "extra" for entry in entries) and all(
        item.lazy or _in_optional_module(items, item) for item in firm
    ):
        return None
    development = bool(entries) and all(entry.use == "development" for entry in entries)
    problem = _problem(ctx, world, top, firm, candidates, entries)
    return ("dev_in_production" if development else "undeclared"), problem


def _in_optional_module(items: list[Import], item: Import) -> bool:
    """Tell whether an import stands in a module named for it (``postgres.py`` imports pg8000): optional as a whole."""
    name = item.file.rpartition("/")[2].removesuffix(".py").lower()
    return item.top.lower() in name or any(other.optional for other in items if other.file != item.file)


def _problem(
    ctx: Context, world: _World, top: str, items: list[Import], candidates: list[str], entries: list[Declared]
) -> Result:
    name = next((each for each in candidates if each in world.versions), candidates[0])
    version = world.versions.get(name, "")
    via = _via(world, name)
    first = items[0]
    how, cause = _how(top, name, version, via, entries)
    manifest, line, text = _line_to_add(ctx.workspace, name, version)
    fails = f"The application fails with ModuleNotFoundError: No module named '{top}'"
    return failed(
        f"{first.file}:{first.line} imports {top}, which {how}.",
        subject=name,
        root_cause=cause,
        impact=f"{fails} as soon as the package that brings it drops it."
        if via
        else f"{fails} in production.",
        fix=Fix(
            (
                f"Add {name} to the dependencies in {manifest}.",
                "Compile the lock file again and commit both.",
            ),
            (Code(manifest, text, line, "toml" if manifest.endswith(".toml") else ""),),
            _DOCS,
            5,
        ),
        locations=[Location(item.file, item.line) for item in items[:_PLACES]],
        module=top,
        distribution=name,
        installed_version=version,
        via=[*via],
        imports=[f"{item.file}:{item.line}" for item in items],
    )


def _how(top: str, name: str, version: str, via: list[str], entries: list[Declared]) -> tuple[str, str]:
    if entries:
        groups = ", ".join(sorted({f"{entry.group} ({entry.file}:{entry.line})" for entry in entries}))
        kind = "development" if all(entry.use == "development" for entry in entries) else "an extra"
        return (
            f"is declared for {kind} only",
            f"{name} is declared in {groups}, which a production install leaves out.",
        )
    if via:
        chain = " → ".join([*via, name])
        return (
            f"is not declared and only installed via {via[-1]}",
            f"{name} {version} comes in transitively ({chain}); nothing declares it.",
        )
    if version:
        return "is not declared", f"{name} {version} is in the lock file, and no manifest declares it."
    return (
        "is neither declared nor installed",
        f"No manifest declares a distribution that brings {top}, and the clean install has none.",
    )


def _via(world: _World, name: str) -> list[str]:
    """Return the shortest chain of distributions from a declared one to this."""
    roots = [
        each
        for each, entries in world.declared.items()
        if any(entry.use == "production" for entry in entries)
    ]
    queue = deque([[root] for root in sorted(roots)])
    seen = set(roots)
    while queue:
        chain = queue.popleft()
        for following in world.requires.get(chain[-1], ()):
            if following == name:
                return chain
            if following not in seen and following in world.versions:
                seen.add(following)
                queue.append([*chain, following])
    return []


def _line_to_add(project: Path, name: str, version: str) -> tuple[str, int, str]:
    bound = f"{name}>={version}" if version else name
    path = project / "pyproject.toml"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    if "[tool.poetry.dependencies]" in text:
        return (
            "pyproject.toml",
            line_of(text, "[tool.poetry.dependencies]") + 1,
            f'{name} = ">={version or "0"}"',
        )
    if "[project]" in text:
        line = next(
            (n for n, raw in enumerate(text.splitlines(), 1) if re.match(r"dependencies\s*=\s*\[", raw)), 0
        )
        if line:
            return "pyproject.toml", line + 1, f'  "{bound}",'
        return "pyproject.toml", 0, f'dependencies = [\n  "{bound}",\n]'
    for manifest in ("requirements.in", "requirements.txt"):
        if (project / manifest).is_file():
            exact = f"{name}=={version}" if version and manifest.endswith(".txt") else bound
            return manifest, 0, exact
    return "pyproject.toml", 0, f'dependencies = [\n  "{bound}",\n]'
