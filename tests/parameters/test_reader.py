"""What a file says arrives as it was written, with its file and line."""

from __future__ import annotations

import string
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer_lib.catalogue import Effect, Severity
from deployer_lib.parameters import Origin, environments, load
from deployer_lib.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

DEPLOY = "deploy: {kind: none, address: https://shop.example}\n"
LEAST = "environment: staging\n" + DEPLOY
ODD = [
    "1.10", "0012", "no", "22:22", "12e4567", "4e5", "0x1F", "0b11", "0o17", "1_000", ".inf", ".nan", "-0", "+1",
    "2026-03-01", "2026-03-01T09:30:00Z", "yes", "True", "OFF", "1e3", "1.", "=", "<<", "190:20:30", "Nulls",
]  # fmt: skip


@pytest.mark.parametrize("text", ODD)
def test_a_text_field_gets_what_somebody_wrote(write: Callable[..., Path], text: str) -> None:
    """No YAML guess reaches a text field: not for scalars, not for variables, not in lists."""
    loaded = load(
        write(
            f"environment: staging\nversion: {text}\nproject: {{exclude: [{text}]}}\n"
            f"deploy: {{kind: none, address: https://shop.example, variables: {{A: {text}}}}}\n"
        ),
        "staging",
    ).parameters

    assert (text, [text], {"A": text}) == (loaded.version, loaded.project.exclude, loaded.deploy.variables)


@given(st.text("0123456789abcdef", min_size=7, max_size=7))
def test_every_commit_id_arrives_as_written(commit: str) -> None:
    """5.65 % of random ids would be numbers to papermill's -p, 3.4 % to YAML; none is here."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "parameters" / "staging.yaml"
        path.parent.mkdir()
        path.write_text(LEAST + f"commit: {commit}\n")
        assert commit == load(Path(folder), "staging").parameters.commit
        assert commit == load(Path(folder), "staging", injected={"commit": commit}).parameters.commit


@given(
    st.text(string.ascii_letters + string.digits + "._:+-~/ ", min_size=1).filter(lambda text: text.strip())
)
def test_every_quoted_text_arrives_as_written(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "parameters" / "staging.yaml"
        path.parent.mkdir()
        path.write_text(LEAST + f"description: '{text}'\n")
        assert text == load(Path(folder), "staging").parameters.description


def test_typed_values_are_read_by_their_type(write: Callable[..., Path]) -> None:
    loaded = load(
        write(
            LEAST
            + "max_requests: 20_000\nbudget_s: 1.5e3\nprotected: True\nblock_on: high\nallow: [observe, write]\n"
            "severities: {smoke.health: low, team.orders_fresh: high}\nversion: ~\n"
            "smoke: {endpoints: [{path: /, status: [200, 204]}, {path: /x, status: 404}]}\n"
        ),
        "staging",
    ).parameters

    assert loaded.max_requests == 20_000
    assert loaded.budget_s == 1500.0
    assert loaded.protected is True
    assert Severity.HIGH is loaded.block_on
    assert loaded.allow == [Effect.OBSERVE, Effect.WRITE]
    assert loaded.severities == {"smoke.health": Severity.LOW, "team.orders_fresh": Severity.HIGH}
    assert loaded.version == ""
    assert [endpoint.status for endpoint in loaded.smoke.endpoints] == [[200, 204], 404]


def test_a_body_is_json_and_its_texts_may_be_secrets(write: Callable[..., Path]) -> None:
    body = '{a: 1, b: 1.5, c: true, d: ~, e: "1", f: no, g: 0012, h: 12e4567, i: ["${env:X}"], password: "${env:P}"}'
    loaded = load(write(LEAST + f"smoke: {{health: {{path: /, body: {body}}}}}\n"), "staging")

    health = loaded.parameters.smoke.health
    assert health is not None
    assert {
        "a": 1, "b": 1.5, "c": True, "d": None, "e": "1", "f": "no", "g": "0012", "h": "12e4567",
        "i": [Secret("${env:X}")], "password": Secret("${env:P}"),
    } == health.body  # fmt: skip
    assert [Secret("${env:X}"), Secret("${env:P}")] == loaded.secrets()


def test_extends_merges_maps_replaces_lists_and_takes_away(write: Callable[..., Path]) -> None:
    root = write(
        "environment: staging\nextends: middle.yaml\nhosts: [c]\ndeploy:\n  port: 2\n  variables:\n    B: ~\n    C: own\n",
        middle="extends: base.yaml\ndeploy:\n  variables: {C: middle, D: middle}\n",
        base="environment: base\nhosts: [a, b]\ndeploy:\n  kind: process\n  start: [run]\n  variables:\n    A: base\n    B: base\n",
    )
    loaded = load(root, "staging")

    assert loaded.files == ("parameters/staging.yaml", "parameters/middle.yaml", "parameters/base.yaml")
    assert loaded.parameters.hosts == ["c"]
    assert loaded.parameters.deploy.variables == {"A": "base", "C": "own", "D": "middle"}
    assert Origin("parameters/staging.yaml", 5, "2") == loaded.origins["deploy.port"]
    assert Origin("parameters/base.yaml", 7, "base") == loaded.origins["deploy.variables.A"]
    assert Origin("parameters/middle.yaml", 3, "middle") == loaded.origins["deploy.variables.D"]
    assert sorted(environments(root)) == ["base", "staging"]


def test_anchors_and_merge_keys_are_followed(write: Callable[..., Path]) -> None:
    loaded = load(
        write(
            LEAST + "smoke:\n  health: &h {path: /health, headers: {A: x}}\n"
            "  endpoints:\n    - <<: *h\n      path: /other\n"
        ),
        "staging",
    ).parameters

    assert (loaded.smoke.endpoints[0].path, loaded.smoke.endpoints[0].headers) == ("/other", {"A": "x"})


def test_environments_in_folders_have_their_path_as_id(write: Callable[..., Path]) -> None:
    root = write()
    (root / "parameters" / "api").mkdir()
    (root / "parameters" / "api" / "staging.yaml").write_text(LEAST.replace("staging", "api/staging"))
    (root / "parameters" / "waivers.yaml").write_text("- check: smoke.health\n")

    assert environments(root) == ["api/staging", "staging"]
    assert load(root, "api/staging").parameters.environment == "api/staging"


def test_effective_values_show_their_place_and_no_secret(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB", "hunter2")
    loaded = load(
        write(
            "environment: staging\ndeploy:\n  kind: process\n  start: [run, '${env:DB}']\n"
            "  variables:\n    DB_PASSWORD: ${env:DB}\n  steps:\n    - {name: a, command: [b]}\n"
        ),
        "staging",
    )
    for secret in loaded.secrets():
        secret.resolve(root=Path(), made=Path())
    rows = {dotted: (value, file, line) for dotted, value, file, line in loaded.effective()}

    assert rows["deploy.variables.DB_PASSWORD"] == ("[secure] ${env:DB}", "parameters/staging.yaml", 6)
    assert rows["deploy.start"] == ('["run", "[secure] ${env:DB}"]', "parameters/staging.yaml", 4)
    assert rows["deploy.steps[0].name"] == ("a", "parameters/staging.yaml", 8)
    assert rows["profile"] == ("web", "default", 0)
    assert "hunter2" not in str(rows)


def test_the_digest_is_of_the_values_not_of_how_they_are_written(write: Callable[..., Path]) -> None:
    one = load(write(LEAST + "version: 1.10\n"), "staging").digest
    same = load(write("# remark\nversion: '1.10'\n" + LEAST), "staging").digest
    confirmed = load(write(LEAST + "version: 1.10\n"), "staging", injected={"confirm": "staging"}).digest
    other = load(write(LEAST + "version: 1.1\n"), "staging").digest

    assert one.startswith("sha256:")
    assert one == same == confirmed
    assert one != other


def test_counts_and_empty_texts_under_secret_names_are_no_secrets(write: Callable[..., Path]) -> None:
    loaded = load(
        write(
            LEAST.replace("}", ', variables: {MAX_TOKENS: 100, SMTP_PASSWORD: "", USE_TOKEN: false}}'),
        ),
        "staging",
    ).parameters

    assert loaded.deploy.variables == {"MAX_TOKENS": "100", "SMTP_PASSWORD": "", "USE_TOKEN": "false"}
