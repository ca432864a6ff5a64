"""What notebooks and teams import from ``deployer_lib``, and what a command does not load for it."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import deployer_lib

FILES = sorted(Path(deployer_lib.__file__).parent.rglob("*.py"))


def test_public_names_are_sorted_and_there() -> None:
    assert sorted(deployer_lib.__all__) == deployer_lib.__all__
    for name in deployer_lib.__all__:
        assert getattr(deployer_lib, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        deployer_lib.nothing  # noqa: B018  (asking is what raises)


def test_every_modules_all_is_true() -> None:
    for path in FILES:
        module = ".".join(("deployer_lib", *path.relative_to(FILES[0].parent).with_suffix("").parts))
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = [
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
        ]
        loaded = import_module(module.removesuffix(".__init__"))
        for name in named[0] if named else ():
            assert hasattr(loaded, name), f"{module}.{name}"


def test_the_command_says_its_version() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deployer_lib", "--version"], capture_output=True, text=True, check=True
    )
    assert f"deployer {deployer_lib.__version__}\n" == done.stdout


def test_importing_the_package_loads_no_heavy_library() -> None:
    code = "import sys, deployer_lib; print([m for m in ('pandas', 'matplotlib', 'papermill', 'httpx') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == done.stdout.strip()


def test_an_audit_of_variables_loads_no_client_and_no_numbers() -> None:
    """Half of its time was spent on what other commands need."""
    code = (
        "import sys; from pathlib import Path; from deployer_lib.auditing import audit; audit('variables', Path(sys.argv[1]));"
        "print([m for m in ('numpy', 'httpx', 'ruamel.yaml', 'deployer_lib.phase', 'deployer_lib.probes.packages')"
        " if m in sys.modules])"
    )
    folder = Path(__file__).parents[1] / "examples" / "storefront"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True
    )
    assert "[]" == done.stdout.strip()


def test_no_module_is_longer_than_500_lines() -> None:
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {} == {name: lines for name, lines in lengths.items() if lines > 500}
