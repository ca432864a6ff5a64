from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer_lib.reports.text import (
    clean,
    cut,
    duration,
    fence_for,
    inline,
    marker,
    minutes,
    moment,
    one_line,
    plain,
    size,
)

ANY = st.text(st.characters(), max_size=60)
HOSTILE = st.text(st.sampled_from("ab \\<>![]-`#~*\n\r\t\x1b\x85\u2028\u202e\ud800(){}:%x"), max_size=60)


@pytest.mark.parametrize(
    ("given_", "wanted"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("a\r\nb\rc\u2028d\x85e", "a\nb\nc\nd\ne"),
        ("\ufeffa\x00b\u202ec", "abc"),
        ("\ud800", "\ufffd"),
        ("\n\n  kept\t\n\n", "  kept\t"),
    ],
)
def test_clean(given_: str, wanted: str) -> None:
    assert wanted == clean(given_)


@given(ANY | HOSTILE)
def test_inline_is_read_back(text: str) -> None:
    """One line comes back as it was, and holds nothing that a line splitter would split at."""
    assert one_line(text) == plain(inline(text))
    assert len(inline(text).splitlines()) <= 1


@given(ANY | HOSTILE)
def test_clean_twice_is_clean_once(text: str) -> None:
    assert clean(text) == clean(clean(text))
    clean(text).encode()


@given(ANY | HOSTILE)
def test_inline_opens_no_html(text: str) -> None:
    """No tag, comment, image or box begins in text of others."""
    unescaped = re.sub(r"\\[\\<\[]", "_", inline(text))
    assert not re.search(r"<[A-Za-z/!?]|!\[|^\[", unescaped)


@given(HOSTILE | ANY, HOSTILE | ANY)
def test_marker_is_one_word_that_ends_no_comment(id_: str, subject: str) -> None:
    made = marker(f"{id_.replace(':', '')}:{subject}")
    assert re.fullmatch(r"[!-~]+", made)
    assert "--" not in made
    assert ">" not in made
    assert not made.endswith("-")


@given(HOSTILE, HOSTILE)
def test_markers_differ_where_keys_do(one: str, other: str) -> None:
    assert (one == other) is (marker(f"a:{one}") == marker(f"a:{other}"))


def test_marker_of_a_plain_subject_is_readable() -> None:
    assert marker("smoke.health:/health") == "smoke.health:/health"
    assert marker("a.b:x --> y") == "a.b:x%20-%2D%3E%20y"


@given(HOSTILE)
def test_fence_is_longer_than_any_run(text: str) -> None:
    assert fence_for(text) not in text


@pytest.mark.parametrize(
    ("seconds", "wanted"), [(0.84, "0.8s"), (34, "34s"), (154, "2m 34s"), (3900, "1h 05m"), (119.6, "2m 00s")]
)
def test_duration(seconds: float, wanted: str) -> None:
    assert wanted == duration(seconds)


@pytest.mark.parametrize(
    ("count", "wanted"), [(999, "999 bytes"), (387_000, "387 KB"), (1_204_000, "1.2 MB"), (999_900, "1.0 MB")]
)
def test_size(count: int, wanted: str) -> None:
    assert wanted == size(count)


def test_other_words() -> None:
    assert minutes(132) == "2h 12m"
    assert moment("2024-01-15T16:30:00+02:00") == "2024-01-15 14:30:00 UTC"
    assert moment("yesterday") is None
    assert moment("0001-01-01T00:00:00+23:00") is None
    assert cut("one two three", 9) == "one two…"
    assert cut("a" * 20, 5) == "aaaa…"
