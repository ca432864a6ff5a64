"""The chain of Alembic revisions and the database that it is compared with."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from deployer_lib.app.commands import Done
from deployer_lib.check import Outcome, Result, Skip
from deployer_lib.probes.migrations_probe import migrations
from deployer_lib.probes.packages.python.clean_environment import Environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.probes.context import Context

    Make = Callable[..., Context]

BASE = "http://127.0.0.1:9"
INI = "[alembic]\nscript_location = %(here)s/db\n"
STEP = {"name": "migrate", "command": ["alembic", "upgrade", "head"]}


def revision(name: str, down: str) -> str:
    return f'"""Text."""\nrevision: str = "{name}"\ndown_revision = {down}\n'


def asked(
    context: Make, url: str = "", *, steps: bool = True, manifest: str = "", **revisions: Any
) -> list[Result]:
    deploy = {"kind": "none", "address": BASE, "steps": [STEP] if steps else []}
    ctx = context(BASE, deploy={**deploy, **({"variables": {"DATABASE_URL": url}} if url else {})})
    (ctx.workspace / "pyproject.toml").write_text(manifest, encoding="utf-8")
    if revisions:
        (ctx.workspace / "alembic.ini").write_text(INI, encoding="utf-8")
        folder = ctx.workspace / "db" / "versions"
        folder.mkdir(parents=True)
        for name, text in revisions.items():
            if text:
                (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return list(migrations(ctx))


def written(ctx: Context, files: dict[str, str]) -> Context:
    for name, text in files.items():
        (ctx.workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (ctx.workspace / name).write_text(text, encoding="utf-8")
    return ctx


CHAIN: dict[str, Any] = {"a": revision("1", "None"), "b": revision("2", '"1"')}


def database(path: Path, *versions: str) -> str:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.executemany("INSERT INTO alembic_version VALUES (?)", [(each,) for each in versions])
        connection.commit()
    return f"sqlite:///{path}"


def test_one_head_and_an_up_to_date_database_pass(context: Make, tmp_path: Path) -> None:
    chain, pending = asked(context, database(tmp_path / "x.db", "2"), steps=False, **CHAIN)
    assert (Outcome.PASS, "2") == (chain.outcome, chain.evidence["head"])
    assert (Outcome.PASS, []) == (pending.outcome, pending.evidence["pending"])


def test_pending_ones_pass_where_a_step_applies_them(context: Make, tmp_path: Path) -> None:
    """Before the first deployment there is no database at all."""
    _, pending = asked(context, f"sqlite:///{tmp_path}/none.db", **CHAIN)
    assert (Outcome.PASS, ["1", "2"], "migrate") == (
        pending.outcome, pending.evidence["pending"], pending.evidence["step"],
    )  # fmt: skip


def test_pending_ones_that_nobody_applies_are_a_finding(context: Make, tmp_path: Path) -> None:
    _, pending = asked(context, database(tmp_path / "x.db", "1"), steps=False, **CHAIN)
    assert (Outcome.FAIL, ["2"], "db/versions/b.py") == (
        pending.outcome, pending.evidence["pending"], pending.locations[0].file,
    )  # fmt: skip


def test_two_heads_are_a_finding_with_the_command_that_merges(context: Make) -> None:
    (result,) = asked(context, **CHAIN, c=revision("3", '"1"'))
    assert (Outcome.FAIL, "heads", ["2", "3"]) == (result.outcome, result.subject, result.evidence["heads"])
    assert 'alembic merge -m "merge heads" 2 3' == result.fix.code[0].text


def test_a_merge_revision_makes_one_head_again(context: Make) -> None:
    chain, _ = asked(context, **CHAIN, c=revision("3", '"1"'), d=revision("4", '("2", "3")'))
    assert (Outcome.PASS, "4") == (chain.outcome, chain.evidence["head"])


def test_a_hole_in_the_chain_is_a_finding_with_its_line(context: Make) -> None:
    (result,) = asked(context, **CHAIN, c=revision("3", '"2b"'), d=revision("5", '("2", "3")'))
    assert (Outcome.FAIL, "db/versions/c.py", 3) == (
        result.outcome, result.locations[0].file, result.locations[0].line,
    )  # fmt: skip


def test_doubled_unread_and_circular_revisions_are_findings(context: Make) -> None:
    results = asked(
        context, a=revision("1", '"2"'), b=revision("2", '"1"'), c=revision("1", '"2"'), d="def (", e="x = 1"
    )
    assert {Outcome.FAIL} == {result.outcome for result in results}
    assert {"1 twice", "circle", "db/versions/d.py", "db/versions/e.py"} <= {
        result.subject for result in results
    }


def test_no_revision_is_an_error(context: Make) -> None:
    assert [Outcome.ERROR] == [result.outcome for result in asked(context, a="")]


def test_a_database_of_another_build_is_a_finding(context: Make, tmp_path: Path) -> None:
    _, pending = asked(context, database(tmp_path / "x.db", "99"), **CHAIN)
    assert (Outcome.FAIL, ["99"]) == (pending.outcome, pending.evidence["database"])


def test_what_can_t_be_asked_is_unavailable(context: Make, tmp_path: Path) -> None:
    for url in ("", "mysql://h/db", "sqlite:///./x.db"):
        assert Skip.UNAVAILABLE is asked(context, url, **CHAIN)[1].skip
        for path in sorted((tmp_path / "workspace" / "db" / "versions").iterdir()):
            path.unlink()
        (tmp_path / "workspace" / "db" / "versions").rmdir()
    (tmp_path / "broken.db").write_bytes(b"no database at all" * 100)
    assert Outcome.ERROR is asked(context, f"sqlite:///{tmp_path}/broken.db", **CHAIN)[1].outcome


def test_heads_under_labels_of_their_own_are_kept_apart_on_purpose(context: Make) -> None:
    labelled: dict[str, Any] = {
        "a": revision("1", "None") + 'branch_labels = ("shop",)\n',
        "b": revision("2", "None") + 'branch_labels = ("billing",)\n',
    }
    (chain, *_) = asked(context, **labelled)
    assert (Outcome.PASS, ["1", "2"]) == (chain.outcome, chain.evidence["heads"])


def test_a_computed_parent_is_an_error_and_no_second_head(context: Make) -> None:
    results = asked(context, **CHAIN, c=revision("3", "BASE.revision"))
    assert {Outcome.ERROR} == {result.outcome for result in results}
    assert "db/versions/c.py" in results[0].message


def test_a_dependency_may_be_a_label_or_the_beginning_of_an_id(context: Make) -> None:
    chain, _ = asked(
        context,
        **CHAIN,
        c=revision("abcdef99", '"2"'),
        d=revision("4", '"abcdef99"') + 'depends_on = "abcdef"\n',
    )
    assert (Outcome.PASS, "4") == (chain.outcome, chain.evidence["head"])


def test_a_subfolder_that_the_configuration_leaves_out_is_a_finding(context: Make) -> None:
    ctx = context(BASE)
    files = {
        "alembic.ini": INI,
        "db/versions/a.py": CHAIN["a"],
        "db/versions/2026/b.py": CHAIN["b"],
        "db/versions/archive/z.py": revision("0", "None"),
    }
    written(ctx, files)
    (result,) = migrations(ctx)
    assert (Outcome.FAIL, "db/versions/2026/b.py", "alembic.ini") == (
        result.outcome, result.locations[0].file, result.fix.code[0].file,
    )  # fmt: skip
    written(ctx, {"alembic.ini": INI + "recursive_version_locations = true\n"})
    ctx.memo.clear()
    assert "heads" in {result.subject for result in migrations(ctx)}  # the archive's is another one


def test_a_subfolder_for_each_kind_of_database_is_a_history(context: Make) -> None:
    """Where env.py chooses one by the dialect, their ids are the same on purpose."""
    ctx = context(BASE)
    places = ("postgresql", "sqlite")
    written(
        ctx,
        {"alembic.ini": INI}
        | {f"db/versions/{place}/{name}.py": text for place in places for name, text in CHAIN.items()},
    )
    results = list(migrations(ctx))
    assert {"chain of db/versions/postgresql", "chain of db/versions/sqlite"} <= {
        each.subject for each in results
    }
    assert Outcome.FAIL not in {each.outcome for each in results}


def test_a_folder_for_another_kind_of_database_is_not_compared(context: Make, tmp_path: Path) -> None:
    deploy = {
        "kind": "none",
        "address": BASE,
        "variables": {"DATABASE_URL": database(tmp_path / "x.db", "2")},
    }
    ctx = context(BASE, deploy=deploy)
    places = ("postgresql", "sqlite")
    written(ctx, {f"db/versions/{place}/{name}.py": text for place in places for name, text in CHAIN.items()})
    written(
        ctx,
        {
            "alembic.ini": INI,
            "db/versions/sqlite/b.py": revision("2", '"1"'),
            "db/versions/postgresql/b.py": revision("3", '"1"'),
        },
    )
    skip, same = (result for result in migrations(ctx) if result.subject.startswith("pending"))
    assert (Skip.NOT_APPLICABLE, Outcome.PASS) == (skip.skip, same.outcome)


def test_every_script_folder_of_a_monorepo_is_read(context: Make) -> None:
    ctx = context(BASE)
    one = {"env.py": "from alembic import context", "versions/a.py": CHAIN["a"]}
    written(
        ctx,
        {f"{place}/{name}": text for place in ("api/migrations", "jobs/db") for name, text in one.items()},
    )
    subjects = [result.subject for result in migrations(ctx)]
    assert {"chain of api/migrations", "chain of jobs/db"} <= {*subjects}


def test_pending_ones_pass_where_the_start_applies_them(context: Make, tmp_path: Path) -> None:
    deploy = {
        "kind": "process",
        "start": ["sh", "run.sh"],
        "variables": {"DATABASE_URL": database(tmp_path / "x.db", "1")},
    }
    ctx = context(BASE, deploy=deploy)
    files = {"alembic.ini": INI, "db/versions/a.py": CHAIN["a"], "db/versions/b.py": CHAIN["b"]}
    written(ctx, {**files, "run.sh": "set -e\n# alembic upgrade head\nexec serve\n"})
    assert Outcome.FAIL is list(migrations(ctx))[-1].outcome
    written(ctx, {"run.sh": "set -e\nalembic upgrade head\nexec serve\n"})
    ctx.memo.clear()
    result = next(result for result in migrations(ctx) if result.subject == "pending")
    assert (Outcome.PASS, {"file": "run.sh", "line": 2}) == (result.outcome, result.evidence["at_start"])


def test_an_upgrade_of_a_package_is_no_step_that_migrates(context: Make, tmp_path: Path) -> None:
    step = {"name": "install", "command": ["pip", "install", "--upgrade", "shop"]}
    url = database(tmp_path / "x.db", "1")
    ctx = context(
        BASE, deploy={"kind": "none", "address": BASE, "steps": [step], "variables": {"DATABASE_URL": url}}
    )
    written(ctx, {"alembic.ini": INI, "db/versions/a.py": CHAIN["a"], "db/versions/b.py": CHAIN["b"]})
    assert Outcome.FAIL is list(migrations(ctx))[-1].outcome


def test_a_circle_beside_a_sound_chain_is_a_finding(context: Make) -> None:
    (result,) = asked(context, **CHAIN, c=revision("3", '"4"'), d=revision("4", '"3"'))
    assert (Outcome.FAIL, "circle") == (result.outcome, result.subject)


def test_an_id_that_stands_twice_is_no_second_head(context: Make) -> None:
    (result,) = asked(context, a=revision("1", "None"), b=revision("1", "None"))
    assert (Outcome.FAIL, "1 twice") == (result.outcome, result.subject)


@pytest.mark.parametrize(
    ("name", "command", "outcome"),
    [
        ("check-migrations", ["alembic", "check"], Outcome.FAIL),
        ("migrations", ["python", "manage.py", "migrate", "--check"], Outcome.FAIL),
        ("migrations", ["npx", "prisma", "migrate", "status"], Outcome.FAIL),
        ("prepare", ["sh", "-c", "alembic current && alembic upgrade head"], Outcome.PASS),
        ("migrate", ["./release.sh"], Outcome.PASS),
        ("flyway", ["flyway", "info", "migrate"], Outcome.PASS),
    ],
)
def test_a_step_that_only_looks_applies_nothing(
    context: Make, tmp_path: Path, name: str, command: list[str], outcome: Outcome
) -> None:
    deploy = {"kind": "none", "address": BASE, "steps": [{"name": name, "command": command}]}
    variables = {"DATABASE_URL": f"sqlite:///{tmp_path}/none.db"}
    files = {"alembic.ini": INI, "db/versions/a.py": revision("1", "None")}
    ctx = written(context(BASE, deploy={**deploy, "variables": variables}), files)
    _, pending = migrations(ctx)
    assert outcome is pending.outcome


#: Writes beside itself, and says that the models and the migrations agree.
FAKE = "import pathlib, sys\npathlib.Path('left.txt').write_text('x')\nprint('No new upgrade operations detected')\n"
FAKE += "import os\npathlib.Path(os.environ['DATABASE_URL'].removeprefix('sqlite:///')).write_text('')\n"


@pytest.mark.parametrize(
    ("ini", "env", "asks"),
    [
        (INI, "", True),
        (f"{INI}sqlalchemy.url = postgresql://real/shop\n", "from alembic import context\n", False),
        (f"{INI}sqlalchemy.url = postgresql://real/shop\n", "os.environ['DATABASE_URL']\n", True),
    ],
)
def test_models_are_tried_in_a_copy_and_never_on_a_server_that_a_file_names(
    context: Make, tmp_path: Path, ini: str, env: str, *, asks: bool
) -> None:
    files = {
        "alembic.ini": ini,
        "alembic.py": FAKE,
        "db/env.py": env,
        "db/versions/a.py": revision("1", "None"),
    }
    variables = {"DATABASE_URL": f"sqlite:///{tmp_path}/none.db"}
    deploy = {"kind": "none", "address": BASE, "steps": [STEP], "variables": variables}
    ctx = written(context(BASE, deploy=deploy), files)
    ctx.memo["clean_environment"] = Environment(
        None, Path(sys.executable), (), Done(0, 0.0, "", 0), ok=True, versions={"alembic": "1.16"}
    )
    assert asks is ("models" in {result.subject for result in migrations(ctx)})
    assert not (ctx.workspace / "left.txt").exists()
