"""The Django sample: sound as it is, broken by its fault, and its models asked of a manage.py that is really run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deployer_lib.app.commands import Done
from deployer_lib.check import Outcome
from deployer_lib.probes.migrations import read_migrations
from deployer_lib.probes.migrations_probe import migrations
from deployer_lib.probes.packages.python.clean_environment import Environment
from deployer_lib.proving import read_fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.check import Result
    from deployer_lib.probes.context import Context

    Make = Callable[..., Context]

TESTS = Path(__file__).parents[2]
SITE = TESTS / "projects" / "django_site"
FAULT = TESTS / "faults" / "django_site" / "environment.migrations.patch"
ADDED = "Migrations for 'shop':\n  shop/migrations/0003_x.py\n    + Add field weight to product\n"
NEEDED = "Field 'x' on model 'product' not migrated: it is impossible to add a non-nullable field without specifying a default.\n"


def test_the_sample_is_sound() -> None:
    (history,) = read_migrations(SITE)
    assert ("shop", ("shop.0002_product_stock",), ()) == (history.app, history.heads, history.problems)


def test_the_fault_is_a_conflict_and_nothing_else(tmp_path: Path) -> None:
    shutil.copytree(SITE, tmp_path / "site")
    subprocess.run(["git", "apply", str(FAULT)], cwd=tmp_path / "site", check=True)
    (history,) = read_migrations(tmp_path / "site")
    assert ("environment.migrations",) == read_fault(FAULT).trips
    assert [("heads", ("shop.0003_product_description", "shop.0003_product_weight_g"))] == [
        (each.kind, each.ids) for each in history.problems
    ]


def asked(context: Make, manage: str) -> list[Result]:
    """Ask the sample with another manage.py, run by this Python in the place of a clean install."""
    variables = {"DATABASE_URL": "sqlite:////nowhere/site.sqlite3", "DJANGO_SECRET_KEY": "x"}
    step = {"name": "migrate", "command": ["python", "manage.py", "migrate"]}
    deploy = {"kind": "none", "address": "http://127.0.0.1:9", "variables": variables, "steps": [step]}
    ctx = context("http://127.0.0.1:9", deploy=deploy)
    shutil.copytree(SITE, ctx.workspace, dirs_exist_ok=True)
    (ctx.workspace / "manage.py").write_text(manage, encoding="utf-8")
    ctx.memo["clean_environment"] = Environment(
        None, Path(sys.executable), (), Done(0, 0.0, "", 0), ok=True, versions={"Django": "5.2"}
    )
    return [result for result in migrations(ctx) if result.subject == "models"]


def printing(text: str, code: int = 0) -> str:
    return f"import sys\nprint({text!r})\nsys.exit({code})\n"


def test_models_without_a_change_pass(context: Make) -> None:
    assert [Outcome.PASS] == [result.outcome for result in asked(context, printing("No changes detected"))]


@pytest.mark.parametrize(
    ("output", "code", "said"), [(ADDED, 0, "Add field weight"), (NEEDED, 3, "Field 'x'")]
)
def test_a_changed_model_is_a_finding_at_the_head(context: Make, output: str, code: int, said: str) -> None:
    (result,) = asked(context, printing(output, code))
    assert (Outcome.FAIL, "shop/migrations/0002_product_stock.py") == (
        result.outcome,
        result.locations[0].file,
    )
    assert said in result.message
    assert "python manage.py makemigrations shop" == result.fix.code[0].text


def test_a_change_of_a_foreign_app_and_a_command_that_fails_claim_nothing(context: Make) -> None:
    assert [] == asked(context, printing("Migrations for 'auth':\n    + Add field x to user\n"))
    assert [] == asked(context, printing("ModuleNotFoundError: No module named 'x'", 1))


def test_the_command_sees_a_scratch_database_and_writes_nothing_into_the_project(context: Make) -> None:
    manage = (
        "import os, pathlib\n"
        "pathlib.Path('left.txt').write_text('x')\n"
        "assert 'nowhere' not in os.environ['DATABASE_URL'], os.environ['DATABASE_URL']\n"
        "assert os.environ['DJANGO_SECRET_KEY'] == 'x'\n"
        "print('No changes detected')\n"
    )
    ctx_results = asked(context, manage)
    assert [Outcome.PASS] == [result.outcome for result in ctx_results]
