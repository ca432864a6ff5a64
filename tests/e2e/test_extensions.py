"""What an installed package adds by entry points: checks, kinds of targets, kinds of secrets; all loaded late."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from deployer_lib import assert_trips
from deployer_lib.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from e2e_parts import Recorder

    from tests.conftest import Root

MODULE = '''
"""What a team packaged."""
import pathlib, sys
pathlib.Path({imported!r}).touch()
from deployer_lib import Fix, own_check, passed, failed
from deployer_lib.app.none import NoTarget

@own_check("team.orders_fresh", title="Orders are fresh", severity="critical")
def orders_fresh(ctx):
    answer = ctx.http.get("/health", headers={{"X-Key": ctx.parameters.smoke.health.headers["X-Key"].reveal()}})
    if answer.status == 200:
        yield passed("The newest order is 3 s old.", status=answer.status)
    else:
        yield failed("Orders are not there.", root_cause="no import", impact="wrong stock",
                     fix=Fix(("Start the import.",), minutes=5), status=answer.status)

def elsewhere(request):
    return NoTarget(request.parameters.deploy.address)

def vault(path):
    if path != "shop/key":
        raise LookupError(f"nothing at {{path}}")
    return "v4ult-0f-the-te4m-9931"

no_target = lambda request: "http://elsewhere"
'''
ENTRY_POINTS = """
[deployer.checks]
team.orders_fresh = team_things:orders_fresh
team.broken = team_things_missing:check

[deployer.targets]
elsewhere = team_things:elsewhere
nothing = team_things:no_target

[deployer.secrets]
vault = team_things:vault
"""
SHOP = """
environment: {name}
project: {{path: project}}
deploy: {{kind: {kind}, address: "{address}"}}
smoke:
  health: {{path: /health, headers: {{X-Key: "${{{secret}}}"}}}}
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return a folder with an installed package, as pip leaves one."""
    folder = tmp_path / "site"
    about = folder / "team_things-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: team-things\nVersion: 1.0\n", encoding="utf-8"
    )
    (about / "entry_points.txt").write_text(ENTRY_POINTS, encoding="utf-8")
    text = MODULE.format(imported=str(tmp_path / "imported"))
    (folder / "team_things.py").write_text(text, encoding="utf-8")
    return folder


def test_a_package_brings_a_check_a_target_and_a_secret(
    root: Root, recorder: Recorder, site: Path, notebook: Callable[..., Path]
) -> None:
    """All three are used by their names in a run; the secret's value is in no file of its record."""
    root.write(
        "shop", SHOP.format(name="shop", kind="elsewhere", address=recorder.url, secret="vault:shop/key")
    )
    notebook(
        root.path / "runbooks" / "45_team.ipynb",
        '# Parameters of this notebook.\nenvironment = "shop"',
        'from deployer_lib import Phase\nphase = Phase.open("team", globals())',
        'phase.check("team.orders_fresh")',
        'phase.check("team.orders_fresh_too", lambda ctx: [])',
        "phase.close()",
    )
    done = root.run("run", "shop", "--phases", "smoke,team", PYTHONPATH=str(site))
    checks = {c["id"]: c for c in root.results("shop")["checks"]}
    assert ("pass", "Orders are fresh") == (
        checks["team.orders_fresh"]["outcome"],
        checks["team.orders_fresh"]["title"],
    ), done.stderr
    assert "error" == checks["team.orders_fresh_too"]["outcome"]
    held = [p for p in (root.path / "outputs").rglob("*") if p.is_file() and b"v4ult-0f" in p.read_bytes()]
    assert [] == held


def test_nothing_is_imported_before_it_is_used(root: Root, recorder: Recorder, site: Path) -> None:
    """``deployer checks`` names an installed check, and ``plan`` takes an installed kind, without importing either."""
    root.write(
        "shop", SHOP.format(name="shop", kind="elsewhere", address=recorder.url, secret="vault:shop/key")
    )
    listed = json.loads(root.run("checks", "--json", PYTHONPATH=str(site)).stdout)
    assert {"id": "team.orders_fresh", "from": "team_things:orders_fresh"} in listed["installed"]
    planned = root.run("plan", "shop", PYTHONPATH=str(site))
    assert 0 == planned.returncode, planned.stderr
    assert not (root.path / "imported").exists()


@pytest.mark.parametrize(
    ("kind", "secret", "words"),
    [
        (
            "elsewere",
            "vault:shop/key",
            "there is no target of kind «elsewere», there are process, command, none, elsewhere, nothing; did you mean elsewhere?",
        ),
        (
            "none",
            "volt:shop/key",
            "there are no secrets of kind volt; there are env, file, cmd, made and vault",
        ),
        ("none", "vault:shop/other", "can't be had: LookupError: nothing at shop/other"),
    ],
)
def test_what_is_not_installed_is_refused_by_name(
    root: Root, recorder: Recorder, site: Path, kind: str, secret: str, words: str
) -> None:
    """Exit 2, with the nearest name, before anything is asked."""
    root.write("shop", SHOP.format(name="shop", kind=kind, address=recorder.url, secret=secret))
    done = root.run("run", "shop", "--phases", "smoke", PYTHONPATH=str(site))
    assert (2, []) == (done.returncode, recorder.seen), done.stderr
    assert words in done.stderr


def test_a_package_that_does_not_do_what_it_says(
    root: Root, recorder: Recorder, site: Path, notebook: Callable[..., Path]
) -> None:
    """A factory that makes no target, and a check whose module is missing, end a notebook with one line that names them."""
    root.write("shop", SHOP.format(name="shop", kind="none", address=recorder.url, secret="vault:shop/key"))
    notebook(
        root.path / "runbooks" / "45_team.ipynb",
        '# Parameters of this notebook.\nenvironment = "shop"',
        'from deployer_lib import Phase\nphase = Phase.open("team", globals())',
        'phase.check("team.broken")',
        "phase.close()",
    )
    root.run("run", "shop", "--phases", "smoke,team", PYTHONPATH=str(site))
    (crashed,) = [p for p in root.results("shop")["phases"] if p["name"] == "team"]
    assert "crashed" == crashed["state"]
    text = (root.runs("shop")[-1] / "45_team.ipynb").read_text(encoding="utf-8")
    assert "team.broken (team_things_missing:check) can't be imported: ModuleNotFoundError" in text

    root.write("off", SHOP.format(name="off", kind="nothing", address=recorder.url, secret="vault:shop/key"))
    done = root.run("run", "off", "--phases", "smoke", PYTHONPATH=str(site))
    assert "The entry point nothing of deployer.targets makes no target" in done.stderr + "".join(
        p.read_text(encoding="utf-8") for p in (root.path / "outputs" / "off").rglob("04_smoke.ipynb")
    )


FAULT = """trips: ["{trips}"]
why: the answer lost its version
parameters: {{}}

diff --git a/server.py b/server.py
{diff}"""


def test_assert_trips_runs_the_faulty_application(
    tiny: Root, notebook: Callable[..., Path], tmp_path: Path
) -> None:
    """A fault that trips an own check alone is accepted; one that trips nothing, or something else, is told."""
    source = (tiny.path / "project" / "server.py").read_text(encoding="utf-8")
    notebook(
        tiny.path / "runbooks" / "45_team.ipynb",
        '# Parameters of this notebook.\nenvironment = "tiny"',
        'from deployer_lib import Fix, Phase, passed, failed\nphase = Phase.open("team", globals())',
        "def ok(ctx):\n"
        '    said = ctx.http.get("/health").json().get("status")\n'
        '    text = (ctx.project / "server.py").read_text()\n'
        '    if "# spoilt" in text:\n'
        '        yield failed("It is spoilt.", root_cause="a patch", impact="none", fix=Fix(("Mend it.",), minutes=5), said=said)\n'
        "    else:\n"
        '        yield passed("It is sound.", said=said)\n'
        'phase.check("team.sound", ok)',
        "phase.close()",
    )
    first, second = source.splitlines()[:2]

    def patch(name: str, line: str, trips: str) -> Path:
        diff = f"--- a/server.py\n+++ b/server.py\n@@ -1,2 +1,3 @@\n {first}\n+{line}\n {second}\n"
        path = tmp_path / f"{name}.patch"
        path.write_text(FAULT.format(trips=trips, diff=diff), encoding="utf-8")
        return path

    asked = {"environment": "tiny", "root": tiny.path, "phases": ("deploy", "team")}
    assert_trips("team.sound", patch("spoilt", "# spoilt", "team.sound"), **asked)  # type: ignore[arg-type]
    with pytest.raises(
        AssertionError, match=r"should trip team\.sound alone, and the run told\n  no finding at all"
    ):
        assert_trips("team.sound", patch("harmless", "# harmless", "team.sound"), **asked)  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match=r"does not say that it trips team\.sound, but smoke\.health"):
        assert_trips("team.sound", patch("other", "# spoilt", "smoke.health"), **asked)  # type: ignore[arg-type]
    (tmp_path / "plain.patch").write_text("diff --git a/x b/x\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"plain\.patch is no fault"):
        assert_trips("team.sound", tmp_path / "plain.patch", **asked)  # type: ignore[arg-type]
    tiny.write("far", "environment: far\ndeploy: {kind: none, address: http://127.0.0.1:9}\n")
    with pytest.raises(UsageError, match="far is no process that is started here"):
        assert_trips("team.sound", tmp_path / "spoilt.patch", environment="far", root=tiny.path)
