"""Projects in which no migrations are found: nothing to migrate, models without migrations, tools that are not read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deployer_lib.check import Outcome, Result, Skip
from deployer_lib.probes.migrations_deployed import migrations_deployed
from deployer_lib.probes.migrations_probe import migrations

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.probes.context import Context

    Make = Callable[..., Context]

SQLALCHEMY = {"pyproject.toml": '[project]\nname = "x"\ndependencies = ["sqlalchemy>=2"]\n'}
DJANGO = {"requirements.txt": "django==5.2\n"}


def asked(context: Make, files: dict[str, str]) -> Result:
    ctx = context("http://127.0.0.1:9")
    for name, text in files.items():
        (ctx.workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (ctx.workspace / name).write_text(text, encoding="utf-8")
    (result,) = migrations(ctx)
    return result


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"pyproject.toml": '[project]\nname = "x"\ndependencies = ["httpx"]\n'},
        SQLALCHEMY,
        {"package.json": '{"dependencies": {"react": "19"}}'},
        {"src/main/java/app/migration/Backup.java": "class Backup {}"},
        {**DJANGO, "shop/views.py": "import django"},
    ],
)
def test_nothing_to_migrate_is_not_applicable(context: Make, files: dict[str, str]) -> None:
    assert Skip.NOT_APPLICABLE is asked(context, files).skip


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({**SQLALCHEMY, "shop/db.py": "class Base(DeclarativeBase): ..."}, ("pyproject.toml", 3)),
        ({**DJANGO, "shop/models.py": "x = 1\nclass Mug(models.Model):\n    pass\n"}, ("shop/models.py", 2)),
    ],
)
def test_models_without_migrations_are_a_finding(
    context: Make, files: dict[str, str], place: tuple[str, int]
) -> None:
    result = asked(context, files)
    assert (Outcome.FAIL, *place) == (result.outcome, result.locations[0].file, result.locations[0].line)


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ({"requirements.txt": "tortoise-orm==0.2\n"}, "tortoise-orm"),
        ({"package.json": '{"dependencies": {"@mikro-orm/core": "6"}}'}, "@mikro-orm/core"),
        ({"go.mod": "require gorm.io/gorm v1.2.3\n"}, "gorm.io/gorm"),
        ({"pom.xml": "<artifactId>hibernate-core</artifactId>"}, "hibernate-core"),
        ({"store/migration/001_first.go": "package migration"}, "store/migration"),
    ],
)
def test_a_tool_that_is_not_read_is_named_and_never_passes(
    context: Make, files: dict[str, str], word: str
) -> None:
    result = asked(context, files)
    assert Skip.UNAVAILABLE is result.skip
    assert word in result.message


def test_a_deployment_without_migrations_has_none_to_look_for(context: Make) -> None:
    (result,) = migrations_deployed(context("http://127.0.0.1:9"))
    assert Skip.NOT_APPLICABLE is result.skip
