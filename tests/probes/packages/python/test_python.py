"""Clean install and declared imports, with small wheels of the test's own and no index."""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deployer_lib.catalogue import Severity
from deployer_lib.check import Outcome, Result, Skip
from deployer_lib.probes.dependencies import (
    conflicts,
    dependencies_declared,
    development_dependencies,
    peers,
    platform_packages,
)
from deployer_lib.probes.install import clean_install
from deployer_lib.probes.packages.python.declared import declared_in
from deployer_lib.probes.packages.python.interpreter import says_outside
from deployer_lib.probes.packages.python.locks import find_lock
from deployer_lib.probes.packages.python.roots import python_roots

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.probes.context import Context

    Make = Callable[..., Context]

BASE = "http://127.0.0.1:9"
PROJECT = '[project]\nname = "shop"\nversion = "1"\ndependencies = [\n  "alpha>=1",\n]\n'
LOCK = "alpha==1.0\nbeta-dist==2.0\n    # via alpha\n"
CODE = "import alpha\nimport os\nfrom shop import other\n"


def wheel(folder: Path, name: str, version: str, module: str, requires: str = "", code: str = "") -> str:
    """Write a wheel with one module, and return its digest."""
    path = folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    texts = {
        f"{module}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{file},,\n" for file in (*texts, f"{info}/RECORD"))
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in {**texts, f"{info}/RECORD": record}.items():
            archive.writestr(file, text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Two wheels that uv finds, and nothing else: alpha brings beta along."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_OFFLINE", "1")
    return {
        "alpha": wheel(folder, "alpha", "1.0", "alpha", "Requires-Dist: beta-dist>=1\n"),
        "beta-dist": wheel(folder, "beta-dist", "2.0", "beta"),
        "dev-only": wheel(folder, "dev-only", "1.0", "devonly"),
    }


def made(context: Make, **files: str) -> Context:
    ctx = context(BASE)
    texts = {
        "pyproject.toml": PROJECT, "requirements.lock": LOCK,
        "src/shop/__init__.py": "", "src/shop/other.py": "", "src/shop/main.py": CODE,
    }  # fmt: skip
    for name, text in {**texts, **files}.items():
        if text is not None:
            (ctx.workspace / name).parent.mkdir(parents=True, exist_ok=True)
            (ctx.workspace / name).write_text(text, encoding="utf-8")
    return ctx


def outcomes(results: list[Result]) -> list[tuple[str, str]]:
    return [(result.outcome.value, result.subject) for result in results]


pytestmark = pytest.mark.usefixtures("shelf")


def test_a_sound_project_installs_and_declares_all(context: Make) -> None:
    ctx = made(context)
    (declared,) = dependencies_declared(ctx)
    (installed,) = clean_install(ctx)
    assert (Outcome.PASS, {"alpha": "alpha"}) == (declared.outcome, declared.evidence["imports"])
    assert (Outcome.PASS, {"alpha": "1.0", "beta-dist": "2.0"}) == (
        installed.outcome, installed.evidence["installed"],
    )  # fmt: skip
    assert "import shop: exit code 0" == installed.evidence["own_import"]


def test_digests_are_required_where_the_lock_has_them(context: Make, shelf: dict[str, str]) -> None:
    lock = "".join(
        f"{name}=={version} \\\n    --hash=sha256:{shelf[name]}\n"
        for name, version in (("alpha", "1.0"), ("beta-dist", "2.0"))
    )
    (sound,) = clean_install(made(context, **{"requirements.lock": lock}))
    assert (Outcome.PASS, True) == (sound.outcome, sound.evidence["hashes_required"])


def test_a_wrong_digest_is_a_finding_that_says_so(context: Make, shelf: dict[str, str]) -> None:
    lock = f"alpha==1.0 --hash=sha256:{'0' * 64}\nbeta-dist==2.0 --hash=sha256:{shelf['beta-dist']}\n"
    (result,) = clean_install(made(context, **{"requirements.lock": lock}))
    assert (Outcome.FAIL, "install") == (result.outcome, result.subject)
    assert "hash" in result.root_cause.lower()
    assert ("requirements.lock", 1) == (result.locations[0].file, result.locations[0].line)


def test_a_version_that_does_not_exist_is_a_finding_with_the_resolver_s_line(context: Make) -> None:
    ctx = made(context, **{"requirements.lock": "alpha==9.9\n    # via shop\n"})
    assert [("skip", "pip")] == outcomes(list(dependencies_declared(ctx)))
    (result,) = clean_install(ctx)
    assert Outcome.FAIL is result.outcome
    assert "alpha==9.9" in result.root_cause


def test_an_import_that_comes_only_along_with_another_is_a_finding(context: Make) -> None:
    ctx = made(context, **{"src/shop/main.py": "import alpha\n\nimport beta\n"})
    (result,) = dependencies_declared(ctx)
    assert (Outcome.FAIL, "beta-dist", "src/shop/main.py", 3) == (
        result.outcome, result.subject, result.locations[0].file, result.locations[0].line,
    )  # fmt: skip
    assert ["alpha"] == result.evidence["via"]
    code = result.fix.code[0]
    assert ("pyproject.toml", '  "beta-dist>=2.0",', 5) == (code.file, code.text, code.line)


def test_an_import_that_nothing_brings_is_a_finding(context: Make) -> None:
    (result,) = dependencies_declared(made(context, **{"src/shop/main.py": "import yaml\n"}))
    assert (Outcome.FAIL, "pyyaml") == (result.outcome, result.subject)


def test_a_development_dependency_in_production_code_is_a_finding(context: Make) -> None:
    manifest = PROJECT + '[project.optional-dependencies]\ndev = ["dev-only"]\n'
    ctx = made(context, **{"pyproject.toml": manifest, "src/shop/main.py": "import devonly\n"})
    # The clean install has no module to tell by; the name of the distribution is not the module's.
    (result,) = dependencies_declared(ctx)
    assert Outcome.FAIL is result.outcome


def test_a_development_dependency_of_the_module_s_name_is_told_apart(context: Make) -> None:
    manifest = PROJECT + '[dependency-groups]\ndev = ["devonly"]\n'
    ctx = made(context, **{"pyproject.toml": manifest, "src/shop/late.py": "def f():\n    import devonly\n"})
    (result,) = development_dependencies(ctx)
    assert (Outcome.FAIL, "devonly", "src/shop/late.py") == (
        result.outcome, result.subject, result.locations[0].file,
    )  # fmt: skip
    assert [Outcome.PASS] == [r.outcome for r in dependencies_declared(ctx)]


def test_a_tool_declared_for_production_is_a_small_finding(context: Make, tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "ruff", "1.0", "ruff")
    manifest = PROJECT.replace('"alpha>=1",', '"alpha>=1",\n  "ruff>=1",')
    ctx = made(context, **{"pyproject.toml": manifest, "requirements.lock": LOCK + "ruff==1.0\n"})
    (result,) = development_dependencies(ctx)
    assert (Outcome.FAIL, "ruff", Severity.LOW, 6) == (
        result.outcome, result.subject, result.severity, result.locations[0].line,
    )  # fmt: skip
    ctx = made(
        context,
        **{
            "pyproject.toml": manifest,
            "requirements.lock": LOCK + "ruff==1.0\n",
            "src/shop/lint.py": "import ruff\n",
        },
    )
    ctx.memo.clear()
    assert [Outcome.PASS] == [r.outcome for r in development_dependencies(ctx)], "production code uses it"


# -- platform --------------------------------------------------------------------------------------------------------

UVLOOP = PROJECT.replace('"alpha>=1",', '"alpha>=1",\n  "uvloop>=0.20",')


def test_a_distribution_of_one_platform_without_a_word_is_a_finding(context: Make) -> None:
    """It needs no install: a package of another platform can't be installed here at all."""
    (result,) = platform_packages(made(context, **{"pyproject.toml": UVLOOP}))
    assert (Outcome.FAIL, "uvloop", 6) == (result.outcome, result.subject, result.locations[0].line)
    assert "\"uvloop>=0.20; sys_platform != 'win32'\"," == result.fix.code[0].text


@pytest.mark.parametrize(
    "files",
    [
        {"README.md": "The service runs on Linux and macOS.\n"},
        {"docs/setup.rst": "The loop is uvloop's.\n"},
        {"pyproject.toml": UVLOOP.replace("uvloop>=0.20", "uvloop>=0.20; sys_platform != 'win32'")},
    ],
)
def test_a_marker_or_a_document_settles_it(context: Make, files: dict[str, str]) -> None:
    ctx = made(context, **{"pyproject.toml": UVLOOP, **files})
    assert [("pass", "pip")] == outcomes(list(platform_packages(ctx)))


def test_a_document_that_names_other_platforms_too_does_not(context: Make) -> None:
    ctx = made(context, **{"pyproject.toml": UVLOOP, "README.md": "It runs on Linux, macOS and Windows.\n"})
    assert [("fail", "uvloop")] == outcomes(list(platform_packages(ctx)))


def test_wheels_for_one_platform_alone_are_a_finding(context: Make) -> None:
    lock = """version = 1
[[package]]
name = "alpha"
version = "1.0"
source = { registry = "x" }
wheels = [{ url = "x/alpha-1.0-cp311-cp311-win_amd64.whl" }, { url = "x/alpha-1.0-cp312-cp312-win32.whl" }]
"""
    ctx = made(context, **{"uv.lock": lock})
    (result,) = platform_packages(ctx)
    assert ("alpha", "Windows") == (result.subject, result.evidence["platform"])
    ctx = made(context, **{"uv.lock": lock.replace("win32", "manylinux_2_17_x86_64")})
    assert [("pass", "pip")] == outcomes(list(platform_packages(ctx)))


# -- several projects in one repository ------------------------------------------------------------------------------


def nested(context: Make, **more: str) -> Context:
    ctx = context(BASE)
    files = {
        "backend/pyproject.toml": PROJECT, "backend/requirements.lock": LOCK, "backend/src/shop/__init__.py": "",
        "backend/src/shop/main.py": "import alpha\nimport shared.money\n", "shared/money.py": "", "frontend/app.js": "", **more,
    }  # fmt: skip
    for name, text in files.items():
        (ctx.workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (ctx.workspace / name).write_text(text, encoding="utf-8")
    return ctx


def test_a_project_in_a_subfolder_is_found(context: Make) -> None:
    ctx = nested(context)
    assert [("pass", "pip in backend")] == outcomes(list(clean_install(ctx)))
    assert [("pass", "pip")] == outcomes(list(dependencies_declared(ctx)))


def test_its_findings_are_relative_to_the_repository(context: Make) -> None:
    (result,) = dependencies_declared(nested(context, **{"backend/src/shop/late.py": "import gamma\n"}))
    assert ("gamma", "backend/src/shop/late.py", "backend/pyproject.toml") == (
        result.subject, result.locations[0].file, result.fix.code[0].file,
    )  # fmt: skip


def test_members_of_a_workspace_are_one_project(tmp_path: Path) -> None:
    (tmp_path / "backend").mkdir()
    (tmp_path / "backend" / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "backend" / "main.py").write_text("import alpha\n")
    (tmp_path / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["backend"]\n')
    assert [Path()] == python_roots(tmp_path)
    assert [("alpha", "backend/pyproject.toml", 5)] == [
        (d.name, d.file, d.line) for d in declared_in(tmp_path)
    ]


def test_dependencies_that_setuptools_reads_from_a_file_are_declared(tmp_path: Path) -> None:
    (tmp_path / "deps").mkdir()
    (tmp_path / "deps" / "main.txt").write_text("alpha>=1\n")
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "a"\ndynamic = ["dependencies"]\n[tool.setuptools.dynamic]\ndependencies = { file = ["deps/main.txt"] }\n'
    )
    assert [("alpha", "deps/main.txt")] == [(d.name, d.file) for d in declared_in(tmp_path)]


@pytest.mark.parametrize(
    ("dockerfile", "outcome"),
    [
        ("RUN pip install --no-cache-dir .[metrics,web]", Outcome.PASS),
        ("RUN uv sync --frozen --extra metrics", Outcome.PASS),
        ("RUN poetry install --extras metrics", Outcome.PASS),
        ("RUN uv sync --all-extras", Outcome.PASS),
        ("RUN pip install .[web]", Outcome.FAIL),
    ],
)
def test_an_extra_that_the_image_installs_is_production_s(
    context: Make, dockerfile: str, outcome: Outcome
) -> None:
    manifest = PROJECT + '[project.optional-dependencies]\nmetrics = ["gamma"]\n'
    files = {
        "pyproject.toml": manifest,
        "src/shop/main.py": "import gamma\n",
        "Dockerfile": f"FROM x\n{dockerfile}\n",
    }
    assert [outcome] == [r.outcome for r in dependencies_declared(made(context, **files))]


def test_requirements_for_a_developer_s_machine_are_development(tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    for name in ("base", "local", "production"):
        (tmp_path / "requirements" / f"{name}.txt").write_text(f"{name}==1\n")
    assert {"base": "production", "local": "development", "production": "production"} == {
        d.name: d.use for d in declared_in(tmp_path)
    }


def test_another_python_than_the_project_s_is_an_error_and_no_finding(context: Make) -> None:
    ctx = made(
        context,
        **{
            "requirements.lock": "alpha==1.0 ; python_version < '3'\nbeta-dist==9.9\n",
            ".python-version": "3.2",
        },
    )
    assert [Outcome.FAIL] == [r.outcome for r in clean_install(ctx)], (
        "a version that is not there is a fault on any Python"
    )
    said = "Because the current Python version (3.11.7) does not satisfy Python>=3.12 and a depends on Python>=3.12"
    assert "another is asked for" in says_outside(ctx.workspace, said)
    assert "made for 3.2" in says_outside(ctx.workspace, "error: Failed to build greenlet")
    assert not says_outside(ctx.workspace, "error: No solution found")


def test_bad_input_is_no_crash(context: Make) -> None:
    """A manifest of the wrong shapes, a lock of bytes, a folder in a file's place, a link in a circle."""
    ctx = made(
        context,
        **{
            "pyproject.toml": 'project = 3\ntool = []\n[dependency-groups]\ndev = "x"\n',
            "setup.cfg": "[options\n",
            "Pipfile": "= =",
        },
    )
    (ctx.workspace / "uv.lock").write_bytes(b"\xff\0")
    (ctx.workspace / "README.md").mkdir()
    (ctx.workspace / "loop").symlink_to(ctx.workspace)
    assert [] == declared_in(ctx.workspace)
    (told,) = platform_packages(ctx)
    assert ("error", "Pipfile") == (told.outcome.value, told.message.split()[0])


OPTIONAL = {
    "src/shop/guarded.py": "try:\n    import gamma\nexcept ImportError:\n    gamma = None\n",
    "src/shop/typed.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import gamma\n",
    "src/shop/own.py": "from . import other\nimport shop.other\nimport json\n",
    "src/shop/named.py": "engine = 'postgresql+pg8000://'\nINSTALLED_APPS = ['gamma']\n",
    "tests/test_a.py": "import pytest\n",
    "scripts/x.py": "import nox\n",
}


def test_optional_own_and_named_modules_are_no_findings(context: Make) -> None:
    assert [Outcome.PASS] == [result.outcome for result in dependencies_declared(made(context, **OPTIONAL))]


def test_an_import_inside_a_function_fails_when_it_is_called(context: Make) -> None:
    late = {"src/shop/late.py": "def f():\n    import gamma\n"}
    (result,) = dependencies_declared(made(context, **late))
    assert (Outcome.FAIL, 2) == (result.outcome, result.locations[0].line)


def test_a_build_backend_of_the_project_s_own_is_no_application(context: Make) -> None:
    """Below ``backend-path`` runs what ``build-system.requires`` brings; the same import elsewhere is a finding."""
    system = (
        '[build-system]\nrequires = ["gamma"]\nbuild-backend = "steps"\nbackend-path = ["packaging_steps"]\n'
    )
    files = {"pyproject.toml": PROJECT + system, "packaging_steps/steps.py": "import gamma\n"}
    assert [Outcome.PASS] == [r.outcome for r in dependencies_declared(made(context, **files))]
    files["src/shop/late.py"] = "import gamma\n"
    assert [Outcome.FAIL] == [r.outcome for r in dependencies_declared(made(context, **files))]


def test_no_production_code_is_an_error(context: Make) -> None:
    ctx = context(BASE)
    (ctx.workspace / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    assert [Outcome.ERROR] == [result.outcome for result in dependencies_declared(ctx)]


def test_other_stacks_are_unavailable(context: Make) -> None:
    for probe in (dependencies_declared, clean_install):
        assert [Skip.UNAVAILABLE] == [result.skip for result in probe(context(BASE))]


def test_a_declared_dependency_that_the_lock_lacks_is_a_finding(context: Make) -> None:
    manifest = PROJECT.replace('"alpha>=1",', '"alpha>=1",\n  "dev-only>=1",')
    results = list(clean_install(made(context, **{"pyproject.toml": manifest})))
    assert ("fail", "dev-only") == outcomes(results)[0]
    assert [("pyproject.toml", 6), ("requirements.lock", 0)] == [
        (p.file, p.line) for p in results[0].locations
    ]


def test_a_pin_outside_the_declared_range_is_a_finding(context: Make) -> None:
    results = list(
        clean_install(made(context, **{"pyproject.toml": PROJECT.replace("alpha>=1", "alpha>=2")}))
    )
    assert (("fail", "alpha"), Severity.HIGH) == (outcomes(results)[0], results[0].severity)


def test_without_a_lock_file_ranges_are_installed_and_a_finding_says_so(context: Make) -> None:
    ctx = made(context)
    (ctx.workspace / "requirements.lock").unlink()
    assert [("fail", "lock file"), ("pass", "pip")] == outcomes(list(clean_install(ctx)))


def test_a_second_requirements_file_is_no_drift_of_the_first(context: Make) -> None:
    ctx = made(
        context,
        **{"requirements.txt": "alpha==1.0\nbeta-dist==2.0\n", "requirements-server.txt": "dev-only==1.0\n"},
    )
    (ctx.workspace / "requirements.lock").unlink()
    assert [("pass", "pip")] == outcomes(list(clean_install(ctx)))


def test_many_distributions_are_all_known(context: Make, tmp_path: Path) -> None:
    """What the new environment says of itself is longer than what is kept of a command's output."""
    names = [f"package-with-a-rather-long-name-{number}" for number in range(150)]
    for name in names:
        wheel(tmp_path / "wheels", name, "1.0", name.replace("-", "_"), "Requires-Dist: alpha>=1\n")
    lock = LOCK + "".join(f"{name}==1.0\n" for name in names)
    manifest = PROJECT.replace('"alpha>=1",', '"alpha>=1",\n  "package-with-a-rather-long-name-7",')
    ctx = made(context, **{"requirements.lock": lock, "pyproject.toml": manifest})
    assert [("pass", "pip")] == outcomes(list(dependencies_declared(ctx)))


def test_requirements_without_versions_are_a_finding(context: Make) -> None:
    ctx = made(context, **{"requirements.txt": "alpha\n"})
    (ctx.workspace / "requirements.lock").unlink()
    (ctx.workspace / "pyproject.toml").unlink()
    assert [("fail", "pins"), ("pass", "pip")] == outcomes(list(clean_install(ctx)))


def test_packages_that_do_not_fit_together_are_a_finding(context: Make) -> None:
    """A poetry lock is installed as it is, so that a pin edited by hand shows in the check afterwards."""
    text = '[[package]]\nname = "alpha"\nversion = "1.0"\ngroups = ["main"]\n'
    ctx = made(context, **{"poetry.lock": text})
    (ctx.workspace / "requirements.lock").unlink()
    assert [("fail", "beta-dist")] == outcomes(list(peers(ctx)))
    assert [("pass", "pip")] == outcomes(list(conflicts(ctx)))


def test_a_version_outside_of_what_another_asks_for_is_a_conflict(context: Make, tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "beta-dist", "0.5", "beta")
    text = "".join(
        f'[[package]]\nname = "{name}"\nversion = "{version}"\ngroups = ["main"]\n'
        for name, version in (("alpha", "1.0"), ("beta-dist", "0.5"))
    )
    ctx = made(context, **{"poetry.lock": text})
    (ctx.workspace / "requirements.lock").unlink()
    (found,) = conflicts(ctx)
    assert (Outcome.FAIL, "beta-dist") == (found.outcome, found.subject)
    assert ("poetry.lock", 6) == (found.locations[0].file, found.locations[0].line)
    assert [("pass", "pip")] == outcomes(list(peers(ctx)))


def test_a_package_that_can_t_be_imported_is_a_finding(context: Make) -> None:
    (result,) = clean_install(made(context, **{"src/shop/__init__.py": "import nowhere\n"}))
    assert (Outcome.FAIL, "import") == (result.outcome, result.subject)
    assert "nowhere" in result.message


def test_a_declared_command_is_believed_by_its_exit_status(context: Make) -> None:
    for code, outcome in ((0, Outcome.PASS), (3, Outcome.FAIL)):
        command = [sys.executable, "-c", f"import sys; print('error: no'); sys.exit({code})"]
        assert [outcome] == [
            result.outcome for result in clean_install(context(BASE, install={"command": command}))
        ]


def test_lock_files_of_other_tools_are_read(tmp_path: Path) -> None:
    (tmp_path / "Pipfile.lock").write_text('{"default": {"a": {"version": "==1.2", "hashes": ["sha256:0"]}}}')
    found = find_lock(tmp_path)
    assert found is not None
    assert ({"a": "1.2"}, "a==1.2 --hash=sha256:0") == (found.pins, found.requirements)
    (tmp_path / "uv.lock").write_text(
        '[[package]]\nname = "b"\nversion = "3"\n[[package]]\nname = "me"\nversion = "1"\nsource = { virtual = "." }\n'
    )
    found = find_lock(tmp_path)
    assert found is not None
    assert {"b": "3"} == found.pins


def test_tools_in_the_lock_of_production_are_a_finding(context: Make) -> None:
    """What development declares alone is not pinned for production; what production requires by itself is."""
    manifest = PROJECT + '[project.optional-dependencies]\ndev = ["dev-only", "beta-dist"]\n'
    lock = {"pyproject.toml": manifest, "requirements.lock": LOCK + "dev-only==1.0\n"}
    (result,) = development_dependencies(made(context, **lock))
    assert (Outcome.FAIL, ["dev-only"]) == (result.outcome, result.evidence["pinned"])
    sound = development_dependencies(made(context, **{"pyproject.toml": manifest}))
    assert [Outcome.PASS] == [each.outcome for each in sound]


@pytest.mark.parametrize(
    ("systems", "code", "outcome"),
    [
        ("POSIX :: Linux", "import ctypes\n", Outcome.FAIL),
        ("POSIX :: Linux", "import datetime\n", Outcome.PASS),
        ("OS Independent", "import ctypes\n", Outcome.PASS),
    ],
)
def test_what_a_package_says_of_its_systems_counts_where_its_files_bear_it_out(
    systems: str, code: str, outcome: Outcome, context: Make, tmp_path: Path
) -> None:
    """Authors name the system that they work on for pure Python too."""
    classifier = f"Classifier: Operating System :: {systems}\n"
    wheel(tmp_path / "wheels", "alpha", "1.0", "alpha", classifier, code)
    lock = {"requirements.lock": "alpha==1.0\n    # via shop\n"}
    assert [outcome] == [each.outcome for each in platform_packages(made(context, **lock))]


def sdist(folder: Path, name: str, mark: Path) -> None:
    """Write a source distribution whose setup leaves a mark where it is run."""
    setup = f"open({str(mark)!r}, 'w').close()\nfrom setuptools import setup\nsetup(name={name!r}, version='1.0')\n"
    top = f"{name}-1.0"
    with tarfile.open(folder / f"{top}.tar.gz", "w:gz") as archive:
        for file, text in {
            "setup.py": setup,
            "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        }.items():
            entry = tarfile.TarInfo(f"{top}/{file}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))


@pytest.mark.usefixtures("shelf")
def test_a_source_distribution_is_not_built_unless_scripts_are_allowed(context: Make, tmp_path: Path) -> None:
    """Building runs a stranger's code: it could not be told, with what allows it, and nothing was run."""
    ctx = context(BASE)
    sdist(tmp_path / "wheels", "crafted", tmp_path / "was-run")
    (ctx.workspace / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    (ctx.workspace / "requirements.lock").write_text("crafted==1.0\n", encoding="utf-8")
    result = next(one for one in clean_install(ctx) if one.subject == "pip")
    assert Outcome.ERROR is result.outcome
    assert "install.scripts: true allows" in result.message
    assert not (tmp_path / "was-run").exists()


@pytest.mark.usefixtures("shelf")
def test_the_project_s_own_code_runs_only_where_it_may(context: Make, tmp_path: Path) -> None:
    """install.imports: false leaves the project's package alone, as every audit does."""
    ctx = context(BASE, install={"imports": False})
    mark = tmp_path / "was-run"
    (ctx.workspace / "shop").mkdir()
    (ctx.workspace / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    (ctx.workspace / "requirements.lock").write_text(LOCK, encoding="utf-8")
    code = f"open({str(mark)!r}, 'w').close()\n"
    (ctx.workspace / "shop" / "__init__.py").write_text(code, encoding="utf-8")
    result = next(one for one in clean_install(ctx) if one.subject == "pip")
    assert Outcome.PASS is result.outcome
    assert "not imported: install.imports is false" == result.evidence["own_import"]
    assert not mark.exists()
