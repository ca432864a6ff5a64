"""Django's graph read from files: leaves, holes, squashings, labels, and what Django itself passes over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from deployer_lib.probes.migrations import django, read_migrations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from deployer_lib.probes.migrations import History
    from deployer_lib.probes.migrations.model import Query

    Write = Callable[[Mapping[str, str]], Path]


def migration(*after: str, more: str = "") -> str:
    pairs = ", ".join(f'("{word.partition(".")[0]}", "{word.partition(".")[2]}")' for word in after)
    return f"from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    dependencies = [{pairs}]\n{more}    operations = []\n"


def app(name: str = "shop", **files: str) -> dict[str, str]:
    """Return an app's files; ``n0001_initial`` stands for 0001_initial."""
    own = {f"{name}/migrations/{key.removeprefix('n')}.py": text for key, text in files.items()}
    return {"manage.py": "", f"{name}/migrations/__init__.py": "", **own}


CHAIN = {"n0001_initial": migration("auth.0012_x"), "n0002_stock": migration("shop.0001_initial")}


def kinds(history: History) -> list[str]:
    return [each.kind for each in history.problems]


def test_a_chain_has_one_head(project: Write) -> None:
    (history,) = read_migrations(project(app(**CHAIN)))
    assert ("django", "shop", ("shop.0002_stock",), ()) == (
        history.tool.name, history.app, history.heads, history.problems,
    )  # fmt: skip


def test_two_leaf_nodes_are_a_conflict(project: Write) -> None:
    two = {"n0003_a": migration("shop.0002_stock"), "n0003_b": migration("shop.0002_stock")}
    (history,) = read_migrations(project(app(**CHAIN, **two)))
    assert (("shop.0003_a", "shop.0003_b"), ["heads"]) == (history.heads, kinds(history))
    assert history.problems[0].message.startswith("Conflicting migrations")
    assert 5 == history.problems[0].locations[0].line


def test_a_merge_ends_the_conflict(project: Write) -> None:
    more = {
        "n0003_a": migration("shop.0002_stock"),
        "n0003_b": migration("shop.0002_stock"),
        "n0004_merge": migration("shop.0003_a", "shop.0003_b"),
    }
    (history,) = read_migrations(project(app(**CHAIN, **more)))
    assert (("shop.0004_merge",), []) == (history.heads, kinds(history))


def test_a_parent_that_no_file_defines_is_missing(project: Write) -> None:
    (history,) = read_migrations(project(app(n0001_initial=migration(), n0003_a=migration("shop.0002_gone"))))
    assert ("shop.0002_gone",) == history.missing
    hole = next(each for each in history.problems if each.kind == "missing")
    assert ("shop/migrations/0003_a.py", 5) == (hole.locations[0].file, hole.locations[0].line)


@pytest.mark.parametrize("keep", [True, False])
def test_a_squashed_migration_stands_for_what_it_replaces(project: Write, keep: bool) -> None:  # noqa: FBT001
    """While the old files are there, and after they were removed."""
    squashed = {
        "n0001_squashed": migration(
            "auth.0012_x", more='    replaces = [("shop", "0001_initial"), ("shop", "0002_stock")]\n'
        ),
        "n0003_next": migration("shop.0002_stock"),
    }
    (history,) = read_migrations(project(app(**(CHAIN if keep else {}), **squashed)))
    assert (("shop.0003_next",), []) == (history.heads, kinds(history))
    assert ["shop.0001_squashed", "shop.0003_next"] == [each.id for each in history.revisions]


def test_other_apps_are_known_where_they_are_the_projects_own(project: Write) -> None:
    files = {
        **app(n0001_initial=migration("taggit.0005_x", "crm.0001_initial", "crm.0002_gone", "auth.0099_x")),
        **app("crm", n0001_initial=migration()),
    }
    broken, _ = read_migrations(project(files))
    assert ("crm.0002_gone",) == broken.missing


def test_an_app_is_called_as_its_configuration_says(project: Write) -> None:
    config = {"shop/apps.py": 'class ShopConfig(AppConfig):\n    name = "shop"\n    label = "store"\n'}
    chain = {"n0001_initial": migration(), "n0002_b": migration("store.0001_initial")}
    (history,) = read_migrations(project({**app(**chain), **config}))
    assert ("store", ("store.0002_b",), []) == (history.app, history.heads, kinds(history))


def test_an_app_without_configuration_is_called_as_its_migrations_name_it(project: Write) -> None:
    (history,) = read_migrations(
        project(app("plugins/core", **{**CHAIN, "n0003_c": migration("shop.0002_stock")}))
    )
    assert ("shop", ("shop.0003_c",)) == (history.app, history.heads)


def test_swappable_dependencies_and_run_before_lead_to_other_apps(project: Write) -> None:
    text = migration(more='    run_before = [("crm", "0001_initial")]\n').replace(
        "dependencies = []", "dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]"
    )
    (history,) = read_migrations(project(app(n0001_initial=text)))
    assert ([], ()) == (kinds(history), history.unclear)


def test_computed_dependencies_are_unclear_and_no_conflict(project: Write) -> None:
    text = migration().replace("dependencies = []", "dependencies = OTHERS + later()")
    (history,) = read_migrations(project(app(**CHAIN, n0003_a=text)))
    assert ([], ["shop/migrations/0003_a.py"]) == (kinds(history), [each[0] for each in history.unclear])


def test_a_folder_that_is_no_package_is_passed_over_by_django(project: Write) -> None:
    files = app(**CHAIN)
    del files["shop/migrations/__init__.py"]
    (history,) = read_migrations(project(files))
    assert ["ignored"] == kinds(history)


@pytest.mark.parametrize("text", ["def (", "x = 1\n", "\x00"])
def test_a_module_that_django_cannot_load_is_a_finding(project: Write, text: str) -> None:
    (history,) = read_migrations(project(app(**CHAIN, n0003_broken=text)))
    assert (["unread"], ("shop/migrations/0003_broken.py",)) == (kinds(history), history.unread)


def test_names_of_tests_are_names_like_others(project: Write) -> None:
    """A file called 0003_load_test.py is a migration, not a test."""
    more = {"n0003_load_test": migration("shop.0002_stock"), "n0004_d": migration("shop.0003_load_test")}
    (history,) = read_migrations(project(app(**CHAIN, **more)))
    assert (("shop.0004_d",), []) == (history.heads, kinds(history))


def test_two_projects_do_not_mix(project: Write) -> None:
    """Both have an app of the same label."""
    one = {f"one/{name}": text for name, text in app("core", n0001_initial=migration()).items()}
    two = {
        f"two/{name}": text
        for name, text in app("core", n0001_a=migration(), n0002_b=migration("core.0001_a")).items()
    }
    histories = read_migrations(project({**one, **two}))
    assert {("core.0001_initial",), ("core.0002_b",)} == {history.heads for history in histories}


@pytest.mark.parametrize(
    ("rows", "pending", "unknown"),
    [
        ((), ["shop.0001_initial", "shop.0002_stock"], []),
        ((("shop", "0001_initial"), ("auth", "0001_initial")), ["shop.0002_stock"], []),
        ((("shop", "0001_initial"), ("shop", "0002_stock"), ("shop", "0009_newer")), [], ["shop.0009_newer"]),
        ((("shop", "0000_removed"), ("shop", "0001_initial"), ("shop", "0002_stock")), [], []),
    ],
)
def test_a_database_is_compared_app_by_app(
    project: Write, database: Callable[..., Query], rows: Any, pending: list[str], unknown: list[str]
) -> None:
    (history,) = read_migrations(project(app(**CHAIN)))
    state = django.state(history, database("CREATE TABLE django_migrations (app, name)", rows))
    assert (pending, unknown) == ([*state.pending], [*state.unknown])


def test_what_a_squashed_one_replaces_counts_as_applied(
    project: Write, database: Callable[..., Query]
) -> None:
    squashed = migration(more='    replaces = [("shop", "0001_initial"), ("shop", "0002_stock")]\n')
    (history,) = read_migrations(project(app(n0001_squashed=squashed)))
    create = "CREATE TABLE django_migrations (app, name)"
    both = database(create, (("shop", "0001_initial"), ("shop", "0002_stock")))
    assert ((), ()) == (django.state(history, both).pending, django.state(history, both).unknown)
    assert ("shop.0001_squashed",) == django.state(
        history, database(create, (("shop", "0001_initial"),))
    ).pending


def test_a_class_from_elsewhere_is_unclear(project: Write) -> None:
    (history,) = read_migrations(project(app(**CHAIN, n0003_c="from shop.base import Migration\n")))
    assert ([], ["shop/migrations/0003_c.py"]) == (kinds(history), [each[0] for each in history.unclear])


def test_a_package_that_is_called_so_is_no_app(project: Write) -> None:
    """Somebody's own framework, such as Django's own."""
    files = {
        "core/migrations/__init__.py": "",
        "core/migrations/base.py": "class Migration:\n    dependencies = []\n",
    }
    assert () == read_migrations(project(files))


def test_migrations_in_a_circle_are_a_finding(project: Write) -> None:
    files = {
        f"shop/migrations/{name}.py": f"class Migration(migrations.Migration):\n    dependencies = [('shop', '{down}')]\n"
        for name, down in (("0001_a", "0002_b"), ("0002_b", "0001_a"))
    }
    (history,) = read_migrations(project({"shop/migrations/__init__.py": "", **files}))
    assert ["circle of shop"] == [each.subject for each in history.problems]


def test_an_app_none_of_whose_migrations_can_be_read_is_not_forgotten(project: Write) -> None:
    """The only migration holds the marks of a merge, and another app is sound."""
    files = {
        "shop/migrations/__init__.py": "",
        "shop/migrations/0001_a.py": "from django.db import migrations\n<<<<<<< HEAD\n",
        "crm/migrations/__init__.py": "",
        "crm/migrations/0001_a.py": "class Migration(migrations.Migration):\n    dependencies = []\n",
    }
    broken, sound = read_migrations(project(files))
    assert (("shop/migrations/0001_a.py",), ("crm.0001_a",)) == (broken.unread, sound.heads)
