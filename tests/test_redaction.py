"""No form of a secret survives, and nothing else is touched."""

from __future__ import annotations

import base64
import gzip
import html
import io
import itertools
import json
import struct
import time
import urllib.parse
import zipfile
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer_lib.errors import UsageError
from deployer_lib.redaction import Redactor, StreamRedactor
from deployer_lib.redaction_forms import forms, parts
from deployer_lib.redaction_scan import UNSEEN, Hit, scan
from deployer_lib.secret import SECURE, Secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TOKEN = "tr0ub4dor&3/plus+'q\"<ö>\\n"
PLAIN = "correct-horse-battery"

VALUES = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_categories=("Cs", "Cc", "Zs")),
    min_size=6,
    max_size=40,
).filter(lambda value: not any(part.common for part in parts(value)) and "://" not in value)
AROUND = st.text(st.characters(max_codepoint=0x2FF, exclude_categories=["Cs"]), max_size=40)
#: How programs write a value that stands between other text.
WRITERS: dict[str, Callable[[str, str, str], str]] = {
    "plain": lambda a, value, b: a + value + b,
    "quote": lambda a, value, b: urllib.parse.quote(a + value + b),
    "quote_plus": lambda a, value, b: urllib.parse.quote_plus(a + value + b).replace("%2F", "%2f"),
    "encodeURIComponent": lambda a, value, b: urllib.parse.quote(a + value + b, safe="!'()*~"),
    "base64": lambda a, value, b: base64.b64encode((a + value + b).encode()).decode(),
    "base64url": lambda a, value, b: base64.urlsafe_b64encode((a + value + b).encode()).decode().rstrip("="),
    "hex": lambda a, value, b: (a + value + b).encode().hex(),
    "HEX": lambda a, value, b: (a + value + b).encode().hex().upper(),
    "json": lambda a, value, b: json.dumps({a: [value + b]}),
    "json as it is": lambda a, value, b: json.dumps(a + value + b, ensure_ascii=False),
    "json in json": lambda a, value, b: json.dumps({"x": json.dumps(a + value + b)}),
    "html": lambda a, value, b: html.escape(a + value + b),
    "json in html": lambda a, value, b: html.escape(json.dumps(a + value + b)),
    "repr": lambda a, value, b: repr(a + value + b),
    "repr with both quotes": lambda a, value, b: repr("'\"" + a + value + b),
    "repr of bytes": lambda a, value, b: repr((a + value + b).encode()),
    "repr in html": lambda a, value, b: html.escape(repr([a + value + b])),
    "quoted base64": lambda a, value, b: urllib.parse.quote(
        base64.b64encode((a + value + b).encode()), safe=""
    ),
    "coloured": lambda a, value, b: f"{a}\x1b[31m{value[:3]}\x1b[0m\x1b[38;5;9m{value[3:]}\x1b[0m{b}",
}


def redactor(*values: str) -> Redactor:
    made = Redactor()
    for number, value in enumerate(values):
        made.add(value, f"S{number}")
    return made


@pytest.mark.parametrize("writer", WRITERS)
@settings(max_examples=60)
@given(value=VALUES, before=AROUND, after=AROUND)
def test_no_form_survives(writer: str, value: str, before: str, after: str) -> None:
    """For any value, between any text, written in any of these ways, no form of it is left."""
    text = redactor(value).redact_text(WRITERS[writer](before, value, after))
    assert SECURE in text
    assert [form for form in forms(value) if form in text] == []


@settings(max_examples=300)
@given(value=VALUES, text=AROUND)
def test_other_text_is_unchanged(value: str, text: str) -> None:
    """A text in which no form of a secret stands comes back as it is, also from a stream."""
    stripped = "".join(text.split())
    if any(form in text or form in stripped for form in forms(value)):
        return
    made = redactor(value)
    stream = StreamRedactor(made)
    assert text == made.redact_text(text)
    assert text == "".join(map(stream.feed, text)) + stream.flush()


@settings(max_examples=300)
@given(
    values=st.lists(VALUES, min_size=1, max_size=3),
    around=st.lists(AROUND, min_size=4, max_size=4),
    cuts=st.lists(st.integers(0, 200), max_size=8),
)
def test_a_stream_cut_anywhere_is_the_text_redacted(
    values: list[str], around: list[str], cuts: list[int]
) -> None:
    """Wherever a text is cut into pieces, what comes out, joined, holds no form."""
    made = redactor(*values)
    text = around[0] + "".join(value + a for value, a in zip(values, around[1:], strict=False))
    stream = StreamRedactor(made)
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    shown = [stream.feed(text[a:b]) for a, b in itertools.pairwise(edges)] + [stream.flush()]
    assert [value for value in values if value in "".join(shown)] == []
    assert made.redact_text(text) == "".join(shown)


@settings(max_examples=200)
@given(
    value=VALUES,
    tree=st.recursive(
        st.one_of(st.just("SECRET"), st.text(max_size=5), st.integers(), st.none(), st.booleans()),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.just("SECRET"), inner), st.tuples(inner)
        ),
        max_leaves=8,
    ),
)
def test_nested_values_hold_none(value: str, tree: object) -> None:
    """However deep, in keys, lists, tuples and bytes."""

    def plant(node: object) -> object:
        if isinstance(node, dict):
            return {plant(k): plant(v) for k, v in node.items()}
        if isinstance(node, (list, tuple)):
            return type(node)(map(plant, node))
        return value if node == "SECRET" else node

    planted = [plant(tree), value.encode(), bytearray(value.encode()), {"k": memoryview(value.encode())}]
    safe = redactor(value).redact(planted)
    assert isinstance(safe, list)
    assert value not in str(safe)
    assert [SECURE.encode(), SECURE.encode(), {"k": SECURE.encode()}] == safe[1:]


@pytest.mark.parametrize(
    ("url", "secret", "shown"),
    [
        ("postgres://app:hunter22x@db.example/shop", "hunter22x", "db.example/shop"),
        ("postgres://app:p%40ss%2Fword@db.example/shop", "p@ss/word", "db.example"),
        ("postgres://app:p@ss/w?rd1@db.example/shop", "p@ss/w?rd1", "db.example"),
        ("redis://:only-password@cache:6379/0", "only-password", "cache:6379"),
        ("https://abcdef0123456789abcd@sentry.example/4", "abcdef0123456789abcd", "sentry.example/4"),
        ("https://x.example/blob?sv=1&access_token=abcdefgh12&se=2", "abcdefgh12", "x.example/blob"),
        ("jdbc:postgresql://db/shop?user=app&password=jdbc-pass", "jdbc-pass", "user=app"),
        ("Server=db;User Id=app;Password=odbc-pass;", "odbc-pass", None),
        ("https://hooks.example/services/T000/B000/abcd", "services/T000/B000/abcd", None),
    ],
)
def test_a_url_is_redacted_by_its_password(url: str, secret: str, shown: str | None) -> None:
    """What is not secret in a URL stays readable; the password goes, quoted or not, wherever it stands."""
    made = redactor(url)
    text = made.redact_text(f"connecting to {url} with {secret}")
    assert secret not in text
    assert urllib.parse.quote(secret, safe="") not in text
    assert shown is None or shown in text


@pytest.mark.parametrize(
    "url", ["redis://localhost:6379/0", "sqlite:////srv/shop.db", "http://127.0.0.1:8000"]
)
def test_a_url_without_credentials_is_not_secret(url: str) -> None:
    """An address that happens to come from a reference stays readable."""
    assert redactor(url).redact_text(f"at {url}") == f"at {url}"


SHORT = [
    ("PGPASSWORD=admin psql", "PGPASSWORD=[secure] psql"),
    ("db_password: 'admin'", "db_password: '[secure]'"),
    ('{"password": "admin"}', '{"password": "[secure]"}'),
    (r"{\"password\": \"admin\"}", r"{\"password\": \"[secure]\"}"),
    ("{&quot;password&quot;: &quot;admin&quot;}", "{&quot;password&quot;: &quot;[secure]&quot;}"),
    ("postgres://admin:admin@db/admin", "postgres://admin:[secure]@db/admin"),
    ("?user=admin&token=admin&x=admin", "?user=admin&token=[secure]&x=admin"),
    ("Authorization: Basic " + base64.b64encode(b"admin:admin").decode(), "Authorization: Basic [secure]"),
    ("the admin page is /admin", "the admin page is /admin"),
    ("password=administrator", "password=administrator"),
]


@pytest.mark.parametrize(("text", "expected"), SHORT)
def test_short_values_go_only_in_context(text: str, expected: str) -> None:
    """A password "admin" is hidden where it is one, and the word stays where it is not; also in a stream."""
    made = redactor("postgres://admin:admin@db/admin")
    assert expected == made.redact_text(text)
    stream = StreamRedactor(made)
    assert expected + "\n" == "".join(map(stream.feed, text + "\n")) + stream.flush()


def test_short_values_under_a_secret_key() -> None:
    """In nested values the key is the context."""
    made = redactor("admin", "4711")
    assert made.redact({"user": "admin", "password": "admin", "pin_secret": 4711}) == {
        "user": "admin",
        "password": SECURE,
        "pin_secret": SECURE,
    }


def test_a_password_that_is_a_name_stays_a_name() -> None:
    """storefront:storefront@…/storefront hides the password there, not the word everywhere."""
    made = redactor("postgres://storefront:storefront@127.0.0.1/storefront")
    assert made.redact_text("storefront started") == "storefront started"
    assert "storefront:[secure]@" in made.redact_text("postgres://storefront:storefront@127.0.0.1/storefront")


def test_overlapping_values_leave_no_rest() -> None:
    """Where values overlap in a text, their union goes; the longest first where one begins another."""
    made = redactor("abcdef-ghijkl", "ghijkl-mnopqr", "abcdef")
    assert made.redact_text("x abcdef-ghijkl-mnopqr y abcdef z") == f"x {SECURE} y {SECURE} z"


def test_key_files_are_redacted_line_by_line() -> None:
    """One line of a private key is a leak as well."""
    lines = [base64.b64encode(bytes(range(n, n + 48))).decode() for n in (0, 50, 100)]
    pem = "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----"]) + "\n"
    made = redactor(pem)
    text = made.redact_text(f"line {lines[1]} of the key; {json.dumps(pem)}")
    assert [line for line in lines if line in text] == []
    account = redactor(json.dumps({"type": "service_account", "private_key": pem}))
    assert lines[1] not in account.redact_text(f"line {lines[1]}")
    assert account.redact_text("service_account") == "service_account"


def test_wrapped_and_cut_values_are_found() -> None:
    """Base64 wrapped at 76 columns, a value over two lines of a narrow console, a value cut by an ellipsis."""
    value = "0123456789abcdefghijklmnopqrstuvwxyz-" * 3
    made = redactor(value)
    for text in (
        base64.encodebytes(value.encode()).decode(),
        f"{value[:40]}\n    {value[40:80]}\n    {value[80:]}",
        f"{value[:47]}...",
        f"│ {value[:30]}… │",
    ):
        assert SECURE in made.redact_text(text)
        assert value[:20] not in made.redact_text(text)
    assert made.redact_text("and so on...") == "and so on..."


def test_numbers_that_are_secrets() -> None:
    """A number in JSON is its digits; other numbers stay."""
    made = redactor("90817263544")
    assert made.redact({"pin": 90817263544, "n": 3, "ok": True, "x": 1.5}) == {
        "pin": SECURE,
        "n": 3,
        "ok": True,
        "x": 1.5,
    }


def test_lines_of_one_text_are_read_as_one() -> None:
    """A notebook's list of lines that holds a value over two items holds it no more."""
    value = "first-line-of-it\nsecond-line-of-it"
    safe = redactor(value).redact(["a\n", "first-line-of-it\n", "second-line-of-it\n"])
    assert "-line-of-it" not in str(safe)


def test_the_log_counts_by_place_and_name() -> None:
    """Redactions are logged by place and name, not value; the redactor's own repr holds none."""
    made = redactor(PLAIN)
    made.redact({"a": PLAIN}, "display_data")
    made.redact_text(PLAIN, "stdout")
    assert made.log == {("display_data", "S0"): 1, ("stdout", "S0"): 1}
    assert PLAIN not in repr(made)


def test_secrets_of_parameters() -> None:
    """A resolved Secret is added under its reference; one that is not resolved is refused."""
    secret = Secret("${env:SHOP_TOKEN}")
    with pytest.raises(UsageError):
        Redactor([secret])
    secret._value = PLAIN
    made = Redactor([secret])
    assert made.find(PLAIN)[0].name == "${env:SHOP_TOKEN}"


def test_many_values_and_much_text_in_linear_time() -> None:
    """Fifty secrets over ten megabytes take seconds; twice the text, not four times as long."""
    made = redactor(*(f"secret-number-{n:04}-{n * 7919:06x}" for n in range(50)))
    line = "2026-01-01 12:00:00 INFO secret-number request done in 12 ms from 10.0.0.1 ok\n"

    def cost_s(text: str) -> float:
        started = time.process_time()
        made.redact_text(text)
        return time.process_time() - started

    small, large = cost_s(line * 12_500), cost_s(line * 50_000)
    assert large < 10.0
    assert large < 12 * small + 0.5


def test_a_stream_that_repeats_a_secret_is_let_go() -> None:
    """A value that overlaps itself without end does not hold a stream back without end."""
    stream = StreamRedactor(redactor("abcabcabc"))
    shown = "".join(stream.feed("abc" * 25_000) for _ in range(4))
    assert stream.held <= 200_000
    assert "abcabcabc" not in shown + stream.flush()


# The scan before sealing


def notebook(*outputs: object) -> bytes:
    cells = [
        {"cell_type": "code", "id": f"cell-{n}", "metadata": {}, "source": [], "outputs": [output]}
        for n, output in enumerate(outputs)
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1).encode()


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    packed = [struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def zipped(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


HALVES = [PLAIN[:9], PLAIN[9:]]
STREAM = {"output_type": "stream", "name": "stdout"}
PICTURE = png((b"zTXt", b"Comment\0\0" + zlib.compress(b"made with " + PLAIN.encode())))
PLACES: dict[str, tuple[str, bytes]] = {
    "a report": ("DEPLOYMENT_LOG.md", f"one\ntwo {PLAIN}\n".encode()),
    "evidence without suffix": ("evidence/abc", b"\0\xff" + PLAIN.encode() + b"\xff"),
    "a notebook's stream over two items": ("04.ipynb", notebook(STREAM | {"text": HALVES})),
    "a notebook's text": ("04.ipynb", notebook({"output_type": "error", "traceback": [PLAIN]})),
    "a notebook's picture": (
        "04.ipynb",
        notebook({"data": {"image/png": base64.b64encode(PICTURE).decode()}}),
    ),
    "a JSON key": ("run.json", json.dumps({"a": {"x" + PLAIN: 1}}).encode()),
    "escaped JSON": ("run.json", PLAIN.join(['{"a": "', '"}']).replace("-", "\\u002d").encode()),
    "a line of JSON": ("app.log", b"{}\n" + b'{"m": "' + PLAIN.replace("-", "\\u002d").encode() + b'"}\n'),
    "a wheel": ("shop-1.0-py3-none-any.whl", zipped("shop/settings.py", PLAIN.encode())),
    "a zip in a zip": ("a.zip", zipped("b.zip", zipped("c.txt", PLAIN.encode()))),
    "a compressed log": ("app.log.gz", gzip.compress(b"\n\n" + PLAIN.encode())),
    "a zip in a gz": ("x.gz", gzip.compress(zipped("c.txt", PLAIN.encode()))),
    "a picture's text": ("chart.png", png((b"tEXt", b"Comment\0" + PLAIN.encode()))),
    "a picture's compressed text": ("chart.png", PICTURE),
    "UTF-16": ("windows.txt", PLAIN.encode("utf-16")),
    "a file's name": (f"log-{PLAIN}.txt", b""),
    "a member's name": ("a.zip", zipped(f"{PLAIN}.txt", b"")),
    "base64 in a header": ("h.txt", b"Basic " + base64.b64encode(f"user:{PLAIN}".encode())),
}


@pytest.mark.parametrize("place", PLACES)
def test_the_scan_finds_it(place: str, tmp_path: Path) -> None:
    """Wherever a value lies in a run's folder, the scan says where and whose, and does not repeat it."""
    name, data = PLACES[place]
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    hits = scan(tmp_path, redactor(PLAIN))
    assert hits
    assert {"S0"} == {hit.name for hit in hits}
    assert PLAIN not in str(hits)
    assert all(hit.file.startswith(name.replace(PLAIN, SECURE)) for hit in hits)
    assert {name} == {hit.path for hit in hits}


def test_a_hit_names_line_or_cell(tmp_path: Path) -> None:
    """A person finds the place: the line of a text, the line of a notebook's cell."""
    (tmp_path / "a.md").write_text(f"one\ntwo {PLAIN}\n")
    assert [Hit("a.md", 2, "S0", "plain")] == scan(tmp_path, redactor(PLAIN))
    (tmp_path / "a.md").write_bytes(b"")
    data = notebook(STREAM | {"text": "ok"}, STREAM | {"text": HALVES})
    (tmp_path / "b.ipynb").write_bytes(data)
    line = data.decode().splitlines().index('   "id": "cell-1",') + 1
    assert [Hit("b.ipynb", line, "S0", "plain")] == scan(tmp_path, redactor(PLAIN))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("damaged.zip", zipped("a.txt", bytes(100))[:40]),
        ("damaged.gz", gzip.compress(bytes(range(256)))[:30]),
        ("deep.zip", zipped("1.zip", zipped("2.zip", zipped("3.zip", zipped("4.zip", b""))))),
    ],
    ids=["damaged zip", "damaged gz", "zips in zips"],
)
def test_what_cannot_be_looked_into_is_a_hit(name: str, data: bytes, tmp_path: Path) -> None:
    """Could not tell is never a pass."""
    (tmp_path / name).write_bytes(data)
    assert UNSEEN in {hit.form for hit in scan(tmp_path, redactor(PLAIN))}


def test_a_clean_folder_has_no_hits(tmp_path: Path) -> None:
    """Nothing is found where nothing is; links are not followed."""
    (tmp_path / "run").mkdir()
    for name, data in (
        ("a.ipynb", notebook(STREAM | {"text": ["hello\n", "world\n"]})),
        ("b.zip", zipped("x.txt", b"fine")),
        ("c.png", png((b"tEXt", b"Comment\0fine"))),
        ("d.json", b"{not json"),
        ("e.bin", bytes(range(256)) * 100),
    ):
        (tmp_path / "run" / name).write_bytes(data)
    (tmp_path / "outside").write_text(PLAIN)
    (tmp_path / "run" / "link").symlink_to(tmp_path / "outside")
    assert scan(tmp_path / "run", redactor(PLAIN, TOKEN)) == []
