"""What people type for a load is read as they mean it, or refused with an example that works."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deployer_lib.errors import UsageError
from deployer_lib.load.wording import duration_s, expected, header, rate_per_s, stages, url_parts

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("500ms", 0.5), ("1m30s", 90), ("2", 2), ("1.5s", 1.5), ("1h", 3600), ("250us", 0.00025), ("0", 0)],
)  # fmt: skip
def test_durations(text: str, seconds: float) -> None:
    assert seconds == pytest.approx(duration_s(text))


@pytest.mark.parametrize(
    ("text", "per_s"),
    [
        ("50", 50),
        ("50/s", 50),
        ("3000/m", 50),
        ("50/1s", 50),
        ("100/2s", 50),
        ("-1", -1),
        ("1e9", 1e9),
        ("0", 0),
    ],
)
def test_rates(text: str, per_s: float) -> None:
    assert per_s == pytest.approx(rate_per_s(text))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("10:5s,100:20s", [(10, 5), (100, 20)]),
        ("5s:10, 20s:100", [(10, 5), (100, 20)]),  # k6's order
        ("600/m:1m", [(10, 60)]),
    ],
)
def test_stages(text: str, wanted: list[tuple[float, float]]) -> None:
    assert wanted == stages(text)


def test_headers() -> None:
    assert ("Accept", "text/html; q=1") == header("Accept: text/html; q=1")
    assert ("X-Empty", "") == header("X-Empty:")


@pytest.mark.parametrize(
    ("texts", "fit", "unfit"),
    [
        (["200"], {200}, {201, 404}),
        (["200,404"], {200, 404}, {201}),
        (["2xx"], {200, 299}, {199, 300}),
        (["200-204"], {200, 204}, {205}),
        (["status == 200"], {200}, {201}),
        (["status < 500"], {100, 429, 499}, {500}),
        (["status == 200 || status == 429"], {200, 429}, {500}),
        (["status in [200, 503]"], {200, 503}, {201}),
        (["status >= 200", "status < 300"], {200, 299}, {199, 300}),
        (["status >= 200 && status < 300"], {200, 299}, {199, 300}),
    ],
)
def test_expected_statuses(texts: list[str], fit: set[int], unfit: set[int]) -> None:
    statuses = expected(texts).statuses
    assert statuses is not None
    assert fit <= statuses
    assert set() == unfit & statuses


@pytest.mark.parametrize(
    "text",
    [
        """text.contains("a && b")""",
        """body contains 'a && b'""",
        """status == 200 && text.contains("a && b")""",
    ],
)
def test_expected_text(text: str) -> None:
    """What stands in quotes is the text, whatever it is."""
    assert b"a && b" == expected([text]).contains


def test_nothing_is_expected_where_nothing_is_said() -> None:
    assert (None, None) == (expected([]).statuses, expected([]).contains)


@pytest.mark.parametrize(
    "read",
    [
        lambda: duration_s("soon"),
        lambda: duration_s("5x"),
        lambda: duration_s(""),
        lambda: duration_s("-5s"),
        lambda: rate_per_s("many"),
        lambda: rate_per_s("5/0s"),
        lambda: rate_per_s("5/d"),
        lambda: stages("10"),
        lambda: stages("10:5s,"),
        lambda: stages("a:b"),
        lambda: header("nothing"),
        lambda: header(": nothing"),
        lambda: url_parts("localhost:8000"),
        lambda: url_parts("ftp://127.0.0.1/"),
        lambda: url_parts("http:///path"),
        lambda: url_parts("http://127.0.0.1:http/"),
        lambda: url_parts("http://user:secret@127.0.0.1/"),
        lambda: url_parts("http://127.0.0.1/a b"),
        lambda: expected(["fine"]),
        lambda: expected(["status =="]),
        lambda: expected(["200", "404"]),
        lambda: expected(["status"]),
        lambda: expected(["text.contains('a')", "text.contains('b')"]),
    ],
)
def test_the_rest_is_refused_with_an_example(read: Callable[[], object]) -> None:
    with pytest.raises(UsageError) as caught:
        read()
    assert caught.value.hint
    assert "secret" not in str(caught.value)
