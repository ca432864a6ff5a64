"""CORS: the declared front end gets in everywhere, nobody else does, and a browser's rules decide which is which."""

from __future__ import annotations

from typing import Any

import pytest

from deployer_lib.catalogue import Severity
from deployer_lib.check import Outcome, Skip
from deployer_lib.probes.cors import cors, cors_foreign
from deployer_lib.probes.origins import hostile_origins

SHOP = "https://shop.example"
SMOKE = {"cors": {"origins": [SHOP], "path": "/api/products", "method": "PATCH", "credentials": True}}


class Api:
    """A service that allows an origin where ``lets_in`` says so; ``spoil`` changes an answer's headers."""

    def __init__(
        self, lets_in: Any = None, spoil: Any = None, *, flight: int = 204, errors: bool = True
    ) -> None:
        self.lets_in = lets_in or (lambda origin: origin == SHOP)
        self.spoil = spoil or (lambda pairs, _asked: pairs)
        self.flight, self.errors = flight, errors

    def __call__(self, asked: Any) -> Any:
        origin = asked.headers.get("origin", "")
        known = asked.path == "/api/products"
        pairs = [("Vary", "Accept-Encoding, Origin")]
        if origin and self.lets_in(origin) and (known or self.errors):
            pairs += [("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true")]
        if asked.method == "OPTIONS":
            pairs += [
                ("Access-Control-Allow-Methods", "GET, PATCH"),
                ("Access-Control-Allow-Headers", "Authorization, content-type"),
            ]
            return self.flight if self.lets_in(origin) else 403, self.spoil(pairs, asked), b""
        return 200 if known else 404, self.spoil(pairs, asked), {}


def without(name: str) -> Any:
    return lambda pairs, _asked: [p for p in pairs if p[0] != name]


def replaced(name: str, value: str) -> Any:
    return lambda pairs, _asked: [(n, value if n == name else v) for n, v in pairs]


def found(results: Any) -> set[str]:
    return {r.subject for r in results if r.outcome is Outcome.FAIL}


def test_a_sound_api_lets_the_front_end_in_and_nobody_else(served: Any, context: Any) -> None:
    ctx = context(served(Api()), smoke=SMOKE)
    results = [*cors(ctx), *cors_foreign(ctx)]
    assert {Outcome.PASS} == {r.outcome for r in results}
    assert [f"{SHOP} GET", f"{SHOP} preflight", f"{SHOP} error answers", ""] == [r.subject for r in results]
    assert all(r.evidence for r in results)


@pytest.mark.parametrize(
    ("api", "subjects", "said"),
    [
        (Api(lambda _origin: False), {"GET", "preflight", "error answers"}, "no Access-Control-Allow-Origin"),
        (Api(errors=False), {"error answers"}, "404"),
        (Api(flight=401), {"preflight"}, "status 401"),
        (Api(spoil=without("Vary")), {"GET"}, "without Vary: Origin"),
        (
            Api(spoil=without("Access-Control-Allow-Credentials")),
            {"GET", "preflight", "error answers"},
            "Credentials",
        ),
        (
            Api(spoil=replaced("Access-Control-Allow-Origin", "https://www.shop.example")),
            {"GET", "preflight", "error answers"},
            "is https://www.shop.example",
        ),
        (
            Api(spoil=replaced("Access-Control-Allow-Origin", "*")),
            {"GET", "preflight", "error answers"},
            "is *",
        ),
        (
            Api(spoil=lambda pairs, _asked: [*pairs, ("Access-Control-Allow-Origin", SHOP)]),
            {"GET", "preflight", "error answers"},
            "2 values",
        ),
        (Api(spoil=replaced("Access-Control-Allow-Methods", "GET, POST")), {"preflight"}, "method PATCH"),
        (
            Api(spoil=replaced("Access-Control-Allow-Headers", "content-type")),
            {"preflight"},
            "headers authorization",
        ),
        (
            Api(spoil=replaced("Access-Control-Allow-Headers", "*")),
            {"preflight"},
            "headers authorization, content-type",
        ),
    ],
)
def test_each_way_to_keep_the_front_end_out_is_a_finding(
    served: Any, context: Any, api: Api, subjects: set[str], said: str
) -> None:
    results = list(cors(context(served(api), smoke=SMOKE)))
    assert {f"{SHOP} {subject}" for subject in subjects} == found(results)
    assert any(said in r.message for r in results)
    assert all(r.fix.code and r.fix.docs and r.root_cause for r in results if r.outcome is Outcome.FAIL)
    assert all(SHOP in r.fix.code[0].text for r in results if r.outcome is Outcome.FAIL)


def test_without_credentials_a_star_lets_in_except_for_authorization(served: Any, context: Any) -> None:
    star = [
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Allow-Methods", "*"),
        ("Access-Control-Allow-Headers", "*"),
    ]
    url = served(lambda asked: (200 if asked.path == "/p" else 404, star, {}))
    declared = {"origins": [SHOP], "path": "/p", "method": "PUT", "headers": ["content-type"]}
    assert {Outcome.PASS} == {r.outcome for r in cors(context(url, smoke={"cors": declared}))}
    declared["headers"] = ["authorization"]
    assert {f"{SHOP} preflight"} == found(cors(context(url, smoke={"cors": declared})))


def test_a_constant_origin_needs_no_vary(served: Any, context: Any) -> None:
    constant = [
        ("Access-Control-Allow-Origin", SHOP),
        ("Access-Control-Allow-Headers", "authorization, content-type"),
    ]
    url = served(lambda asked: (200 if asked.path == "/p" else 404, constant, {}))
    results = cors(context(url, smoke={"cors": {"origins": [SHOP], "path": "/p"}}))
    assert {Outcome.PASS} == {r.outcome for r in results}


@pytest.mark.parametrize(
    ("lets_in", "subjects"),
    [
        (lambda _origin: True, {"any origin"}),
        (lambda origin: origin in {SHOP, "null"}, {"null"}),
        (lambda origin: origin.startswith(SHOP), {"suffix"}),
        (lambda origin: origin.endswith("shop.example"), {"prefix", "http for https"}),
        (lambda origin: origin in {SHOP, "https://shopxexample"}, {"unescaped dot"}),
        (lambda origin: origin == SHOP or origin.endswith(".shop.example"), {"any subdomain"}),
        (lambda origin: origin.endswith("://shop.example"), {"http for https"}),
        (lambda origin: origin == SHOP or "_" in origin, {"underscore"}),
        (lambda origin: origin == SHOP or "`" in origin, {"backtick"}),
        (lambda origin: origin == SHOP or origin.startswith("http://localhost:"), {"localhost"}),
    ],
)
def test_each_careless_comparison_is_a_finding(
    served: Any, context: Any, lets_in: Any, subjects: set[str]
) -> None:
    results = list(cors_foreign(context(served(Api(lets_in)), smoke=SMOKE)))
    assert subjects == found(results)
    assert {None} == {r.severity for r in results}  # with credentials: as grave as the catalogue says


def test_another_port_of_a_local_front_end_is_not_the_front_end(served: Any, context: Any) -> None:
    local = "http://localhost:5173"
    smoke = {"cors": {"origins": [local], "path": "/api/products", "credentials": True}}
    api = Api(lambda origin: origin.startswith("http://localhost:"))
    assert found(cors_foreign(context(served(api), smoke=smoke))) >= {"localhost"}
    assert [r.outcome for r in cors_foreign(context(served(Api(lambda o: o == local)), smoke=smoke))] == [
        Outcome.PASS
    ]


def test_a_preflight_alone_that_lets_strangers_in_is_a_finding(served: Any, context: Any) -> None:
    def handler(asked: Any) -> Any:
        return Api(lambda origin: asked.method == "OPTIONS" or origin == SHOP)(asked)

    assert {"any origin"} == found(cors_foreign(context(served(handler), smoke=SMOKE)))


def test_a_star_where_front_ends_are_declared_is_a_finding(served: Any, context: Any) -> None:
    url = served(Api(lambda _origin: True, replaced("Access-Control-Allow-Origin", "*")))
    [result] = cors_foreign(context(url, smoke=SMOKE))
    assert (result.outcome, result.severity) == (Outcome.FAIL, Severity.HIGH)
    assert "with credentials" in result.message


def test_two_headers_are_a_finding(served: Any, context: Any) -> None:
    doubled = [("Access-Control-Allow-Origin", SHOP), ("Access-Control-Allow-Origin", "https://old.example")]
    assert {"two headers"} == found(cors_foreign(context(served(lambda _a: (200, doubled, {})), smoke=SMOKE)))


def test_refusing_everybody_proves_nothing(served: Any, context: Any) -> None:
    [result] = cors_foreign(context(served(Api(lambda _origin: False)), smoke=SMOKE))
    assert result.outcome is Outcome.ERROR


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        ({}, Outcome.PASS),
        ({"Access-Control-Allow-Origin": "*"}, Outcome.PASS),
        ({"Access-Control-Allow-Credentials": "true"}, Outcome.PASS),
        ({"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Credentials": "true"}, Outcome.FAIL),
    ],
)
def test_without_declared_front_ends_only_credentials_for_strangers_are_a_finding(
    served: Any, context: Any, headers: dict[str, str], outcome: Outcome
) -> None:
    assert [outcome] == [r.outcome for r in cors_foreign(context(served(lambda _asked: (200, headers, {}))))]


def test_without_declared_front_ends_an_echo_with_credentials_is_a_finding(served: Any, context: Any) -> None:
    def handler(asked: Any) -> Any:
        echo = {
            "Access-Control-Allow-Origin": asked.headers.get("origin", ""),
            "Access-Control-Allow-Credentials": "true",
        }
        return 200, echo, {}

    assert {"any origin"} == found(cors_foreign(context(served(handler))))


def test_server_errors_tell_nothing(served: Any, context: Any) -> None:
    assert [r.outcome for r in cors_foreign(context(served(lambda _asked: (503, {}, {}))))] == [Outcome.ERROR]


def test_undeclared_is_unavailable(served: Any, context: Any) -> None:
    [result] = cors(context(served(Api())))
    assert result.skip is Skip.UNAVAILABLE


def test_each_hostile_origin_is_tried_once_and_none_is_declared() -> None:
    declared = ("https://shop.example", "https://deployer.shop.example", "http://localhost:31337")
    tried = [h.origin for h in hostile_origins(declared, "http://127.0.0.1:8000")]
    assert len(set(tried)) == len(tried)
    assert not set(tried) & set(declared)
    assert tried[0] == "https://deployer-foreign.example"


def test_the_place_where_cors_is_set_up_is_named(served: Any, context: Any) -> None:
    files = {
        "app.py": "\napp.add_middleware(\n    CORSMiddleware,\n    allow_origins=['*'],\n)\n",
        "requirements.txt": "fastapi",
    }
    [result] = cors_foreign(context(served(Api(lambda _origin: True)), smoke=SMOKE, files=files))
    assert (result.locations[0].file, result.locations[0].line) == ("app.py", 4)
    assert "CORSMiddleware" in result.fix.code[0].text


def test_a_star_that_becomes_an_echo_with_a_cookie_is_any_origin(served: Any, context: Any) -> None:
    def handler(asked: Any) -> Any:
        origin = asked.headers.get("origin", "") if "cookie" in asked.headers else "*"
        return 200, {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true"}, {}

    [result] = cors_foreign(context(served(handler), smoke=SMOKE))
    assert (result.subject, result.severity) == ("any origin", None)
