"""Each format is read with its values, its lines, and what can't be told of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from deployer_lib.check import Location
from deployer_lib.probes.configuration.javascript_file import Evaluator
from deployer_lib.probes.configuration.model import MAX_BYTES, Settings, TargetVariables, Unknown, Unreadable
from deployer_lib.probes.configuration.reading import Reader

if TYPE_CHECKING:
    from pathlib import Path

COMPLETE = TargetVariables({"DB_HOST": "db.internal", "DB_SSL": "true"}, complete=True)


def read(tmp_path: Path, file: str, text: str | bytes, variables: TargetVariables = COMPLETE) -> Settings:
    project = tmp_path / "project"
    path = project / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Reader(project, variables, Evaluator(project, tmp_path / "copy")).read(file)


def line(settings: Settings, *path: str) -> int:
    return settings.place(path).line


def test_yaml_has_values_and_lines(tmp_path: Path) -> None:
    """Words of truth, numbers, dates as text, anchors and merges; texts in quotes stay texts."""
    text = """\
base: &base
  ssl: true
  pool: 5
database:
  <<: *base
  pool: 10
  since: 2024-01-02
  port: "5432"
  mode: off
  none: ~
list: [a, 1.5]
8080: x
"""
    found = read(tmp_path, "config/production.yaml", text)
    assert {
        "base": {"ssl": True, "pool": 5},
        "database": {
            "ssl": True,
            "pool": 10,
            "since": "2024-01-02",
            "port": "5432",
            "mode": False,
            "none": None,
        },
        "list": ["a", 1.5],
        "8080": "x",
    } == found.known()
    assert 6 == line(found, "database", "pool")
    assert 11 == line(found, "list", "1")


def test_yaml_that_readers_differ_on_is_unknown(tmp_path: Path) -> None:
    """Doubled keys, octal or decimal, not a number, tags of other tools: nobody can tell."""
    text = "ssl: true\nssl: false\nmode: 0644\nratio: .nan\nkey: !vault |\n  abc\nok: 1\nhost: '{{ host }}'\n"
    found = read(tmp_path, "a.yaml", text)
    assert {"ok": 1} == found.known()
    assert {"ssl", "mode", "ratio", "key", "host"} == {path[0] for path, _ in found.unknowns()}


def test_spring_documents_lie_over_each_other_by_profile(tmp_path: Path) -> None:
    """The production profile's document wins, another profile's is left out; placeholders have types."""
    text = """\
server: {ssl: {enabled: false}}
logging: {level: {root: debug}}
---
spring: {config: {activate: {on-profile: prod}}}
logging: {level: {root: info}}
db: {ssl: "${DB_SSL}", host: "${DB_HOST:localhost}", port: "${DB_PORT:5432}"}
---
spring: {config: {activate: {on-profile: dev}}}
logging: {level: {root: trace}}
"""
    found = read(tmp_path, "application-prod.yml", text).known()
    assert isinstance(found, dict)
    assert {"level": {"root": "info"}} == found["logging"]
    assert {"ssl": True, "host": "db.internal", "port": 5432} == found["db"]


def test_a_placeholder_that_nobody_declares_is_unknown(tmp_path: Path) -> None:
    """Of a target whose variables are not all known, an undeclared one may be set or not."""
    found = read(tmp_path, "a.yml", "ssl: ${OTHER:false}\n", TargetVariables())
    assert [(("ssl",), Unknown("the variable OTHER is not among deploy.variables", 1))] == found.unknowns()
    assert {"ssl": False} == read(tmp_path, "a.yml", "ssl: ${OTHER:false}\n").known()


def test_json_has_values_and_lines(tmp_path: Path) -> None:
    found = read(tmp_path, "a.json", '{\n  "a": {\n    "b": [1, true,\n      null]\n  },\n  "e": "x\\n"\n}\n')
    assert {"a": {"b": [1, True, None]}, "e": "x\n"} == found.known()
    assert (3, 4, 6) == (line(found, "a", "b"), line(found, "a", "b", "2"), line(found, "e"))


def test_dotnet_settings_may_have_comments(tmp_path: Path) -> None:
    text = '{ // of production\n "Logging": {"LogLevel": {"Default": "Information",}}, /* x */ }'
    found = read(tmp_path, "appsettings.Production.json", text)
    assert {"Logging": {"LogLevel": {"Default": "Information"}}} == found.known()


def test_a_doubled_key_of_json_is_unknown(tmp_path: Path) -> None:
    found = read(tmp_path, "a.json", '{"ssl": true,\n "ssl": false, "ok": 1}')
    assert {"ok": 1} == found.known()


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ('{"a": NaN}', 1),
        ('{"a": 1,}', 1),
        ('{\n"a": 1 // x\n}', 2),
        ("", 1),
        ('{"a"', 1),
        ("[1] x", 1),
        ("[" * 5000, 1),
    ],
)
def test_what_is_no_json_is_named_with_its_line(tmp_path: Path, text: str, at: int) -> None:
    with pytest.raises(Unreadable, match="it is no JSON") as raised:
        read(tmp_path, "a.json", text)
    assert at == raised.value.line


def test_toml_has_values_and_lines(tmp_path: Path) -> None:
    text = 'top = 1\n[database]\nssl = true # yes\nwhen = 2024-01-02\nratio = nan\n\n[[servers]]\nname.first = "a"\n'
    found = read(tmp_path, "config.toml", text)
    assert {
        "top": 1, "database": {"ssl": True, "when": "2024-01-02"}, "servers": [{"name": {"first": "a"}}]
    } == found.known()  # fmt: skip
    assert (3, 8) == (line(found, "database", "ssl"), line(found, "servers", "0", "name", "first"))


def test_dotenv_has_texts_and_lines(tmp_path: Path) -> None:
    text = (
        "# a comment\nexport A='x # y'\nB=1 # one\nC=\"two\nlines\"\nD=${B}-${DB_HOST}\nE=\nF='${B}'\n"
        "G=${NOBODY:-fallback}\nPASSED_ON\n"
    )
    found = read(tmp_path, ".env.production", text)
    wanted = {
        "A": "x # y", "B": "1", "C": "two\nlines", "D": "1-db.internal", "E": "", "F": "${B}", "G": "fallback"
    }  # fmt: skip
    assert wanted == found.known()
    assert 6 == line(found, "D")


def test_ini_has_sections(tmp_path: Path) -> None:
    found = read(tmp_path, "a.ini", "; x\n[log]\nlevel = info\nfiles = a\n  b\n[db]\nurl: sqlite:///x\n")
    assert {"log": {"level": "info", "files": "a\nb"}, "db": {"url": "sqlite:///x"}} == found.known()
    assert 7 == line(found, "db", "url")
    assert {"a": {}} == read(tmp_path, "b.ini", "[a]\nx = 1\nx = 2\n").known()


def test_properties_are_maps_by_their_dots(tmp_path: Path) -> None:
    text = "# x\nlogging.level.root=INFO\nlogging.level=x\na.b: long \\\n  line\n! y\nspring.datasource.url=jdbc:h2:mem:x\n"
    found = read(tmp_path, "application-prod.properties", text)
    assert {
        "logging": {"level": {"root": "INFO", "": "x"}},
        "a": {"b": "long line"},
        "spring": {"datasource": {"url": "jdbc:h2:mem:x"}},
    } == found.known()
    assert 2 == line(found, "logging", "level", "root")


@pytest.mark.parametrize(
    ("file", "text", "why"),
    [
        ("a.yaml", "a: [1\nb: 2\n", "no YAML"),
        ("a.yaml", "\ta: 1\n", "no YAML"),
        ("a.toml", "a = \n", "no TOML"),
        ("a.toml", "a = 1\na = 2\n", "no TOML"),
        (".env", "just words\n", "no .env file"),
        ("a.ini", "just words\n", "no INI file"),
        ("a.py", "DEBUG = (\n", "no Python"),
        ("a.py", "x = " + "(" * 300, "no Python"),
        ("a.yaml", b"a: \xff\xfe\n", "not UTF-8"),
        ("a.yaml", b"a: \x00\n", "binary"),
        ("a.yaml", b"x" * (MAX_BYTES + 1), "larger than 1 MB"),
        ("a.rb", "x", "format is not read"),
        ("a.yaml", "a: &a [*a]\n", "nested too deeply, or refers to itself"),
        ("a.yaml", "a: " + "[" * 3000, "YAML"),
    ],
)
def test_what_can_not_be_read_says_why(tmp_path: Path, file: str, text: str | bytes, why: str) -> None:
    with pytest.raises(Unreadable) as raised:
        read(tmp_path, file, text)
    assert why in raised.value.why


def test_a_yaml_bomb_is_refused(tmp_path: Path) -> None:
    """A few lines of aliases that make a billion values end soon, with a reason."""
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
    )
    with pytest.raises(Unreadable, match="aliases"):
        read(tmp_path, "a.yaml", bomb)


def test_places_that_are_no_files_say_so(tmp_path: Path) -> None:
    """A missing file, a folder, a circle of links, a path out of the project, a name that is no text."""
    project = tmp_path / "project"
    (project / "folder.yaml").mkdir(parents=True)
    (project / "circle.yaml").symlink_to(project / "circle.yaml")
    (tmp_path / "outside.yaml").write_text("a: 1", encoding="utf-8")
    (project / "out.yaml").symlink_to(tmp_path / "outside.yaml")
    reader = Reader(project, COMPLETE, Evaluator(project, tmp_path / "copy"))
    for file, why in [
        ("none.yaml", "no such file"),
        ("folder.yaml", "a folder"),
        ("circle.yaml", ""),
        ("out.yaml", "outside of the project"),
        ("../outside.yaml", "outside of the project"),
        ("nul\0.yaml", ""),
    ]:
        with pytest.raises(Unreadable) as raised:
            reader.read(file)
        assert why in raised.value.why


def test_a_path_with_spaces_is_read(tmp_path: Path) -> None:
    assert {"a": 1} == read(tmp_path, "con fig/pro duction.json", json.dumps({"a": 1})).known()


def test_a_place_is_that_of_the_nearest_key(tmp_path: Path) -> None:
    found = read(tmp_path, "config.toml", "\ninline = {a = {b = 1}}\n")
    assert Location("config.toml", 2) == found.place(("inline", "a", "b"))


def test_a_quote_that_nobody_closes_is_named(tmp_path: Path) -> None:
    """Taken as a text up to the end, it would swallow every setting below it."""
    with pytest.raises(Unreadable) as caught:
        read(tmp_path, ".env", "A=1\nB='abc\nLOG_LEVEL=debug\n")
    assert (2, "the text of B has no closing quote") == (caught.value.line, caught.value.why)


def test_what_is_no_json_is_not_repeated(tmp_path: Path) -> None:
    """A password that lacks its quotes stays in the file."""
    with pytest.raises(Unreadable) as caught:
        read(tmp_path, "a.json", '{"password": hunter22}')
    assert "hunter" not in caught.value.why
