"""No migrations were found: is that as it should be, a finding, or a tool that is not read here?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.check import Code, Fix, Location, Result, Skip, failed, skipped
from deployer_lib.probes.migrations.tree import inside
from deployer_lib.probes.packages.python.declared import declared_in

if TYPE_CHECKING:
    from deployer_lib.probes.context import Context
    from deployer_lib.probes.migrations.tree import Tree
    from deployer_lib.probes.packages.python.declared import Declared

__all__ = ["without_migrations"]

_TOOLS: Final = frozenset({"alembic", "flask-migrate"})
_ORMS: Final = frozenset({"sqlalchemy", "sqlmodel", "flask-sqlalchemy"})
#: Of Python; what makes or carries migrations that are not read here.
_OTHERS: Final = frozenset(
    {"aerich", "django", "peewee", "peewee-migrate", "piccolo", "pony", "tortoise-orm", "yoyo-migrations"}
)
#: What stands in a manifest for a tool, or a way to a database, whose migrations were not found or are not read.
_DECLARED: Final[dict[str, re.Pattern[str]]] = {
    "package.json": re.compile(
        r"\"(@prisma/client|prisma|knex|sequelize|typeorm|drizzle-orm|@mikro-orm/(?:core|migrations)|objection|kysely|db-migrate|"
        r"node-pg-migrate|postgrator|umzug|migrate-mongo|bookshelf)\"\s*:"
    ),
    "Cargo.toml": re.compile(
        r"^\s*\"?(sqlx|diesel|sea-orm|sea-orm-migration|refinery|rusqlite_migration)\"?(?:\.workspace)?\s*=",
        re.MULTILINE,
    ),
    "go.mod": re.compile(
        r"(gorm\.io/gorm|golang-migrate/migrate|pressly/goose|amacneil/dbmate|ariga\.io/atlas|entgo\.io/ent|uptrace/bun|"
        r"xormigrate|xorm\.io/xorm|rubenv/sql-migrate|go-pg/migrations)"
    ),
    "pom.xml": re.compile(
        r"(flyway-core|liquibase-core|hibernate-core|spring-boot-starter-data-(?:jpa|jdbc|r2dbc))"
    ),
    "build.gradle": re.compile(
        r"(flyway-core|liquibase-core|hibernate-core|spring-boot-starter-data-(?:jpa|jdbc|r2dbc))"
    ),
    "build.gradle.kts": re.compile(
        r"(flyway-core|liquibase-core|hibernate-core|spring-boot-starter-data-(?:jpa|jdbc|r2dbc))"
    ),
    "Gemfile": re.compile(r"^\s*gem\s+[\"'](activerecord|sequel|rom-sql)[\"']", re.MULTILINE),
    "composer.json": re.compile(
        r"\"(doctrine/(?:orm|migrations|doctrine-migrations-bundle)|robmorgan/phinx)\"\s*:"
    ),
    "mix.exs": re.compile(r"\{:(ecto_sql)\b"),
}
#: Where Python maps a class to a table.
_MODEL: Final = re.compile(
    r"\bDeclarativeBase(?:NoMeta)?\b|\bdeclarative_base\s*\(|\bas_declarative\b|\bdb\.Model\b|\btable\s*=\s*True\b|\bregistry\(\)"
)
_DJANGO_MODEL: Final = re.compile(r"^class\s+\w+\([^)]*\bmodels\.Model\b[^)]*\):", re.MULTILINE)
_NUMBERED: Final = re.compile(r"^\D{0,2}\d+[\d._-]*\w*.*\.\w+$")
_FOLDER: Final = re.compile(r"migrations?|migrate", re.IGNORECASE)
_DOCS: Final = "https://alembic.sqlalchemy.org/en/latest/tutorial.html"


def without_migrations(ctx: Context, tree: Tree) -> Result:
    """Say what it means that a project has none: no database, models without migrations, or another tool."""
    declared = {item.name: item for item in declared_in(ctx.workspace) if item.use != "development"}
    if "django" in declared and (place := _first(tree, _DJANGO_MODEL, "models")):
        return _django(place)
    tool = next((declared[name] for name in sorted(_TOOLS & declared.keys())), None)
    orm = next((declared[name] for name in sorted(_ORMS & declared.keys())), None)
    if tool is not None or (orm is not None and _first(tree, _MODEL, "")):
        return _unmade(ctx, tool or orm or declared["sqlalchemy"])
    if other := _other(tree, declared):
        return skipped(
            Skip.UNAVAILABLE,
            f"{other}, and no migrations that are read here were found; say not_applicable: "
            "{environment.migrations: why}, or check by hand how the schema comes to the database.",
        )
    if orm is not None:
        return skipped(
            Skip.NOT_APPLICABLE, f"{orm.file} declares {orm.text}, and no class is mapped to a table."
        )
    return skipped(
        Skip.NOT_APPLICABLE,
        "The project declares neither a migration tool nor an object-relational mapper, and has no folder of migrations.",
    )


def _first(tree: Tree, pattern: re.Pattern[str], name: str) -> Location | None:
    for folder, names in tree.folders.items():
        for each in names:
            file = inside(folder, each)
            if each.endswith(".py") and name in file:
                text = tree.text(file) or ""
                if match := pattern.search(text):
                    return Location(file, text.count("\n", 0, match.start()) + 1)
    return None


def _other(tree: Tree, declared: dict[str, Declared]) -> str:
    if names := sorted(
        _OTHERS & declared.keys() - ({"django"} if not _first(tree, _DJANGO_MODEL, "") else set())
    ):
        return f"{declared[names[0]].file} declares {names[0]}"
    for manifest, pattern in _DECLARED.items():
        for file in tree.named(manifest):
            if match := pattern.search(tree.text(file) or ""):
                return f"{file} declares {match[1]}"
    for folder, files in sorted(tree.folders.items()):
        if _FOLDER.search(folder.rpartition("/")[2]) and any(_NUMBERED.match(name) for name in files):
            return f"{folder} looks like the migrations of a tool that is not read"
    return ""


def _django(place: Location) -> Result:
    return failed(
        f"{place.file}:{place.line} declares a model, and no app has migrations.",
        root_cause="makemigrations was never run, or the folders migrations/ are not committed.",
        impact="manage.py migrate makes no table for the models; every query on them fails in a new environment.",
        fix=Fix(
            ("Make the migrations of each app, read them, and commit them.",),
            (
                Code(
                    "terminal",
                    "python manage.py makemigrations <app>\ngit add '*/migrations/*.py'",
                    language="shell",
                ),
            ),
            "https://docs.djangoproject.com/en/stable/topics/migrations/",
            30,
        ),
        locations=(place,),
        model=place.file,
    )


def _unmade(ctx: Context, item: Declared) -> Result:
    return failed(
        f"{item.file} declares {item.text}, and the project has no migrations.",
        root_cause="No folder with env.py and versions/ was found, and no alembic.ini names one.",
        impact="The schema in production can't be brought to what the code expects, nor told from it.",
        fix=Fix(
            (
                "Set Alembic up, and make the first revision from the models.",
                "Apply it by a step in deploy.steps.",
            ),
            (
                Code(
                    "terminal",
                    'alembic init migrations\nalembic revision --autogenerate -m "first"',
                    language="shell",
                ),
                Code(
                    f"parameters/{ctx.parameters.environment}.yaml",
                    "deploy:\n  steps:\n    - name: migrate\n      command: [alembic, upgrade, head]",
                    language="yaml",
                ),
            ),
            _DOCS,
            60,
        ),
        locations=(Location(item.file, item.line),),
        severity=Severity.HIGH,
        declared=item.text,
    )
