"""A mix of requests from a file: what can be said, what is refused with its line, and what is never shown."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest
from load_servers import OK, Scripted, answers

from deployer_lib.errors import UsageError
from deployer_lib.load.mix import KEYS, read_mix
from deployer_lib.load.wording import expected

SECRET: Final = "Bearer not-for-any-eyes"
MIX: Final = """
- path: /products?page={n}
  weight: 8
- name: order
  method: post
  path: /orders
  headers: {Authorization: "${env:SHOP_TOKEN}", X-Team: blue}
  json: {id: "{uuid}", product: 7, "text": "ä"}
  expect: [200, 201]
"""


def written(folder: Path, text: str, name: str = "mix.yaml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def command(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deployer_lib", "load", url, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "SHOP_TOKEN": SECRET},
    )


def test_requests_go_out_by_weight_and_are_told_apart(tmp_path: Path) -> None:
    """Paths lie below the URL's; each request has its own figures under its own name, and a share by its weight."""
    with Scripted(answers(OK)) as server:
        mix = str(written(tmp_path, MIX))
        done = command(f"{server.url}api/", "--mix", mix, "-n", "400", "-c", "2", "--json")
        told = json.loads(done.stdout)
        assert (0, 400) == (done.returncode, told["requests"]), done.stderr
    asked = Counter(request.partition(b" HTTP/1.1")[0].partition(b"?")[0] for request in server.requests)
    assert {b"GET /api/products", b"POST /api/orders"} == set(asked)
    assert 20 < asked[b"POST /api/orders"] < 80
    assert [("GET /api/products?page={n}", asked[b"GET /api/products"]), ("order", asked[b"POST /api/orders"])] == [
        (part["name"], part["requests"]) for part in told["specs"]
    ]  # fmt: skip
    order = next(request for request in server.requests if request.startswith(b"POST")).decode()
    assert f"\r\nAuthorization: {SECRET}\r\n" in order
    assert "\r\nContent-Type: application/json\r\n" in order
    body = json.loads(order.rpartition("\r\n\r\n")[2])
    assert (7, "ä", 36) == (body["product"], body["text"], len(body["id"]))


def test_a_secret_is_sent_and_never_shown(tmp_path: Path) -> None:
    """Neither on the screen nor in the document, nor where the requests are looked at in Python."""
    mix = written(tmp_path, MIX)
    with Scripted(answers(OK)) as server:
        shown = [command(server.url, "--mix", str(mix), "-n", "40", *words) for words in ((), ("--json",))]
    for done in shown:
        assert 0 == done.returncode
        assert SECRET not in done.stdout + done.stderr
    assert "order" in shown[0].stdout
    os.environ["SHOP_TOKEN"] = SECRET
    try:
        assert SECRET not in repr(read_mix(mix))
    finally:
        del os.environ["SHOP_TOKEN"]


def test_json_says_the_same(tmp_path: Path) -> None:
    """Tabs, escapes and characters beyond 16 bits included."""
    text = '[\n\t{"path": "/a", "method": "PUT", "body": "\\ud83d\\ude00 \\u00e4", "contains": "\\/"}\n]'
    mix = read_mix(written(tmp_path, text, "mix.json"))
    assert ("PUT", "/a", "😀 ä".encode(), b"/") == (
        mix.specs[0].method,
        mix.specs[0].path,
        mix.specs[0].body,
        mix.specs[0].contains,
    )


def test_what_the_command_line_says_holds_where_a_request_says_nothing(tmp_path: Path) -> None:
    """Headers and expectations of the command are everybody's; a request's own win."""
    text = "- {path: /, headers: {x-team: own}, expect: 2xx}\n- {path: /b}"
    file = written(tmp_path, text)
    first, second = read_mix(
        file, below="/api", headers={"X-Team": "all", "X-Run": "7"}, expect=expected(["404"])
    ).specs
    assert {"X-Run": "7", "x-team": "own"} == dict(first.headers)
    assert {"X-Team": "all", "X-Run": "7"} == dict(second.headers)
    assert (frozenset(range(200, 300)), frozenset({404})) == (first.expect, second.expect)
    assert ("/api/", "/api/b") == (first.path, second.path)


@pytest.mark.parametrize(
    ("says", "statuses", "contains"),
    [
        ("expect: 200", {200}, None),
        ("expect: 2xx", set(range(200, 300)), None),
        ("expect: [200, 404]", {200, 404}, None),
        ("expect: [2xx, 404]", {*range(200, 300), 404}, None),
        ("expect: 'status < 202'", {*range(100, 202)}, None),
        ("expect: ['status < 202', 'text.contains(\"ok\")']", {*range(100, 202)}, b"ok"),
        ("expect: 201\n  contains: in stock", {201}, b"in stock"),
        ("contains: in stock", None, b"in stock"),
        ("name: x", None, None),
    ],
)
def test_what_is_expected(
    tmp_path: Path, says: str, statuses: set[int] | None, contains: bytes | None
) -> None:
    """Of statuses in a list any one will do; of conditions all must hold."""
    (spec,) = read_mix(written(tmp_path, f"- path: /\n  {says}")).specs
    assert (statuses, contains) == (None if spec.expect is None else set(spec.expect), spec.contains)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 0, "holds no request"),
        ("[]", 0, "holds no request"),
        ("requests: []", 1, "expected a list of requests, and a map stands there"),
        ("- /products", 1, "expected a map, and a text stands there"),
        ("- path: /\n- method: GET", 2, "requests[1].path is missing"),
        ("- path: /\n  wieght: 3", 2, "there is no key wieght in requests[0]; did you mean weight?"),
        ("- path: /\n  url: 3", 2, "There are name, method, path"),
        ("- path: products", 1, "it begins with /"),
        ("- path: http://other/", 1, "it begins with /"),
        ("- path: /a b", 1, "is not a path"),
        ("- path: /\n  weight: 0", 2, "weight of 0"),
        ("- path: /\n  weight: -1", 2, "weight of -1"),
        ("- path: /\n  weight: much", 2, "expected a number, and «much» stands there"),
        ("- path: /\n  method: CONNECT", 2, "not a method"),
        ("- path: /\n  method: G T", 2, "not a method"),
        ("- path: /\n  headers: [a]", 2, "expected a map"),
        ("- path: /\n  headers:\n    X-A: 1\n    Host: x", 4, "Host is set by the load engine"),
        ('- path: /\n  headers:\n    X-A: "a\\nX-B: 1"', 3, "'X-A' cannot be sent"),
        ("- path: /\n  headers: {Authorization: Bearer abcdef}", 2, "write ${env:AUTHORIZATION}"),
        ("- path: /\n  headers: {X: 'a ${env:HOME}'}", 2, "a reference is the whole value"),
        ("- path: /\n  headers: {X: '${vault:a}'}", 2, "there are no secrets of kind vault"),
        ("- path: /\n  headers: {X: '${env:NO_SUCH_VARIABLE}'}", 2, "is not set"),
        ("- path: /\n  headers: {X: '${file:nowhere}'}", 2, "can't be read"),
        ("- path: /\n  headers: {X: '${made:it}'}", 2, "Write ${env:NAME}"),
        ("- path: /\n  body: '${file:filled}'", 2, "which would be filled in"),
        ("- path: /\n  body: a\n  json: {}", 3, "has body and json"),
        ("- path: /\n  json: {password: hunter2}", 2, "holds a literal secret"),
        ("- path: /\n  expect: fine", 2, "expected of an answer"),
        ("- path: /\n  expect: [fine, 200]", 2, "expected of an answer"),
        ("- path: /\n  expect: 'text.contains(\"a\")'\n  contains: b", 3, "A second text is expected"),
        ('- path: /\n  body: "\\ud83d"', 2, "Half of a character"),
        ("- path: /\n  path: /", 2, "stands twice"),
        ("- path: /\n\tweight: 1", 2, "a tab stands here"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    """As in parameters: file, line, what stands there, and the nearest right word."""
    (tmp_path / "filled").write_text("a{n}", encoding="ascii")
    file = written(tmp_path, text)
    with pytest.raises(UsageError) as raised:
        read_mix(file)
    told = str(raised.value)
    assert told.startswith(f"{file}:{line}: " if line else f"{file}: "), told
    assert said in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--mix", "{mix}", "--body", "x"), "--mix says what is sent"),
        (("--mix", "{mix}", "--method", "PUT"), "--mix says what is sent"),
        (("--mix", "{nowhere}"), "is not a regular file"),
        (("--mix", "{folder}"), "is a folder"),
        (("--mix", "{wrong}"), "wrong.yaml:1: there is no key pth in requests[0]; did you mean path?"),
    ],
)
def test_the_command_refuses_a_mix_before_anything_is_sent(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    """Exit 2, nothing on stdout, and a way out."""
    places: dict[str, Any] = {
        "mix": written(tmp_path, "- path: /"),
        "wrong": written(tmp_path, "- pth: /", "wrong.yaml"),
        "nowhere": tmp_path / "nowhere",
        "folder": tmp_path,
    }
    with Scripted(answers(OK)) as server:
        done = command(server.url, "-n", "5", "--json", *(word.format(**places) for word in words))
    assert (2, "") == (done.returncode, done.stdout)
    assert said in done.stderr
    assert 0 == server.accepted


def test_what_was_never_sent_is_said(tmp_path: Path) -> None:
    """A request of little weight in a short load has no figures, and that is no pass of it."""
    mix = written(tmp_path, "- {path: /a, weight: 100000}\n- {path: /rare, weight: 0.001}")
    with Scripted(answers(OK)) as server:
        done = command(server.url, "--mix", str(mix), "-n", "5", "--json")
    told = json.loads(done.stdout)
    assert "Never sent, for want of requests: GET /rare." in told["notes"]
    assert ["GET /a"] == [part["name"] for part in told["specs"]]


def test_one_bad_request_of_a_mix_is_found(tmp_path: Path) -> None:
    """The table says which one failed, and how."""
    mix = written(tmp_path, "- {path: /a, name: good}\n- {path: /b, name: bad, expect: 201}")
    with Scripted(answers(OK)) as server:
        done = command(server.url, "--mix", str(mix), "-n", "40")
    assert 1 == done.returncode
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line.startswith(("good", "bad"))}
    assert "status 200" in rows["bad"]
    assert "status" not in rows["good"]


def test_the_example_of_the_page_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What docs/load.md shows can be pasted."""
    page = (Path(__file__).parents[1] / "docs" / "load.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(- path:.*?)```", page, re.DOTALL)
    monkeypatch.setenv("SHOP_TOKEN", SECRET)
    assert ("GET /products?page={n}", "order") == read_mix(written(tmp_path, block)).names
    assert set() == {f"`{key}`" for key in KEYS} - set(re.findall(r"`[a-z]+`", page))


def test_another_seed_sends_others(tmp_path: Path) -> None:
    """The same seed repeats what was sent, to the byte."""
    mix = str(written(tmp_path, "- {path: '/{uuid}'}\n- {path: '/{random}'}"))
    sent = []
    for seed in ("1", "1", "2"):
        with Scripted(answers(OK)) as server:
            assert 0 == command(server.url, "--mix", mix, "-n", "20", "--seed", seed).returncode
            sent.append([request.split()[1] for request in server.requests])
    assert sent[0] == sent[1]
    assert set() == set(sent[0]) & set(sent[2])
