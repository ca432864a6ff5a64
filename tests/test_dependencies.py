"""What is declared, locked and installed is one set; its licences are permissive; nothing names this or that machine."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution, packages_distributions
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from ruamel.yaml import YAML

ROOT: Final = Path(__file__).parent.parent
#: Identifiers (SPDX) and words of classifiers that ask for nothing but their text to be kept. MPL-2.0 counts: it asks
#: for changes of its own files alone.
PERMISSIVE: Final = re.compile(
    r"\b(MIT|MIT-0|MIT-CMU|HPND|BSD|0BSD|BSD-[23]-Clause|Apache|Apache-2\.0|ISC|PSF|PSF-2\.0|PSFL|Python Software Foundation|Zlib|CC0-1\.0|"
    r"MPL-2\.0|Mozilla Public License 2\.0|Unlicense)\b",
    re.IGNORECASE,
)
ASKING: Final = re.compile(r"\b(A?GPL|LGPL|GNU|EUPL|SSPL|BUSL|Commons Clause|proprietary)", re.IGNORECASE)
#: Declared for what they start or bring, and imported nowhere in the library.
NOT_IMPORTED: Final = {
    "jupyter": "make lab, and whoever opens a notebook",
    "nbclient": "papermill's, held to a version whose metadata the record reads",
    "nbformat": "papermill's, held to a version that writes stable cell ids",
    "ripgrep": "a command",
    "uv": "a command",
}


def _project() -> dict[str, object]:
    return dict(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"])


def _declared(*extras: str) -> dict[str, Requirement]:
    project = _project()
    lines = list(project["dependencies"])  # type: ignore[call-overload]  # TOML is untyped
    for extra in extras:
        lines += project["optional-dependencies"][extra]  # type: ignore[index]
    found = [Requirement(line) for line in lines]
    return {canonicalize_name(one.name): one for one in found}


def _conda() -> dict[str, Requirement]:
    data = YAML(typ="safe").load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    lines: list[str] = []
    for entry in data["dependencies"]:
        lines += entry["pip"] if isinstance(entry, dict) else [entry]
    found = [Requirement(line) for line in lines if line not in {"python=3.11", "pip", "-e ."}]
    return {canonicalize_name(one.name): one for one in found}


def _locked() -> dict[str, Version]:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pins = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE)
    return {canonicalize_name(name): Version(version) for name, version in pins}


def _tracked(*patterns: str) -> list[Path]:
    """Return the files that are, or could be, committed."""
    argv = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [path for line in done.stdout.splitlines() if (path := ROOT / line).is_file()]


def test_conda_users_get_the_same_set() -> None:
    """environment.yml holds exactly pyproject's dependencies, with the same lower bounds."""
    assert _declared() == _conda()


def test_the_lock_satisfies_what_is_declared() -> None:
    """Every declared dependency, of development too, is locked at a version that it allows."""
    locked = _locked()
    declared = _declared("dev")
    assert [] == [name for name in declared if name not in locked]
    assert [] == [str(one) for name, one in declared.items() if not one.specifier.contains(locked[name])]


def test_the_lock_is_held_by_hashes() -> None:
    """No line of the lock is without a hash, or pip would refuse the whole."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert [] == [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry]


def test_every_import_is_declared() -> None:
    """The library keeps the rule that it checks in others: nothing is imported that only comes along."""
    imported: dict[str, str] = {}
    for path in (ROOT / "deployer_lib").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            imported |= {name.partition(".")[0]: path.name for name in names}
    own = {*sys.stdlib_module_names, "deployer_lib", "IPython"}  # IPython is what ipykernel is for
    homes = packages_distributions()
    undeclared = {
        top: file
        for top, file in imported.items()
        if top not in own
        and not {canonicalize_name(home) for home in homes.get(top, [])} & _declared().keys()
    }
    assert {} == undeclared


def test_what_is_declared_is_used() -> None:
    """A dependency that nothing imports has its reason here."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "deployer_lib").rglob("*.py"))
    homes: dict[str, set[str]] = {}
    for top, names in packages_distributions().items():
        for name in names:
            homes.setdefault(canonicalize_name(name), set()).add(top)
    unused = {
        name
        for name in _declared()
        if not any(
            re.search(rf"^\s*(import|from) {re.escape(top)}\b", text, re.MULTILINE)
            for top in homes.get(name, {name})
        )
    }
    assert set(NOT_IMPORTED) == unused


def _licence(name: str) -> str:
    metadata = distribution(name).metadata.json
    classifiers = [c for c in metadata.get("classifier", []) if c.startswith("License ::")]
    stated = str(metadata.get("license_expression", ""))
    short = str(metadata.get("license", "")).partition("\n")[0]
    return stated or " ".join(c.rpartition("::")[2].strip() for c in classifiers) or short


def _everything_below(roots: dict[str, Requirement]) -> list[str]:
    seen: set[str] = set()
    todo = [one.name for one in roots.values()]
    while todo:
        name = canonicalize_name(todo.pop())
        if name in seen:
            continue
        seen.add(name)
        below = [Requirement(line) for line in distribution(name).requires or []]
        todo += [one.name for one in below if one.marker is None or one.marker.evaluate({"extra": ""})]
    return sorted(seen)


def test_licences_are_permissive() -> None:
    """Nothing that comes along with the core asks more of a user than to keep its text."""
    names = _everything_below(_declared())
    licences = {name: _licence(name) for name in names}
    assert {} == {n: one for n, one in licences.items() if not PERMISSIVE.search(one) or ASKING.search(one)}
    assert len(names) > len(_declared())


def test_no_lock_names_an_index() -> None:
    """Whoever installs uses the index that is set up there."""
    locks = [ROOT / "requirements.lock", *_tracked("*.lock", "*package-lock.json")]
    wrong = re.compile(r"--(extra-)?index-url|--find-links|--trusted-host|\bfile://|^-i ", re.MULTILINE)
    assert [] == [str(p.relative_to(ROOT)) for p in locks if wrong.search(p.read_text(encoding="utf-8"))]


def test_no_file_names_a_folder_of_a_machine() -> None:
    """A path below somebody's home or work folder means that a file was made by hand on one machine."""
    wrong = re.compile(
        rb"/(?:hom[e]|Users)/(?!user\b|me\b|app\b|<)[a-z][\w.-]+/|/roo[t]/|(?<![\w.-])/wo" + rb"rk/"
    )
    found = []
    for path in _tracked():
        data = path.read_bytes()
        if b"\0" not in data[:8000] and (match := wrong.search(data)):
            found.append(f"{path.relative_to(ROOT)}: {match[0].decode()}")
    assert [] == found
