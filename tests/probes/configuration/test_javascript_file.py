"""JavaScript settings are evaluated by node in a process that can do nothing else; what they try does no harm."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from deployer_lib.probes.configuration.javascript_file import Evaluator, read_javascript
from deployer_lib.probes.configuration.model import Settings, TargetVariables, Unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

COMPLETE = TargetVariables({"DB_SSL": "true", "NODE_OPTIONS": "--require /nowhere"}, complete=True)


def evaluate(
    tmp_path: Path,
    text: str,
    name: str = "production.js",
    variables: TargetVariables = COMPLETE,
    files: Mapping[str, str] | None = None,
) -> Settings:
    project = tmp_path / "project with space"
    (project / "config").mkdir(parents=True, exist_ok=True)
    for file, content in {name: text, **(files or {})}.items():
        (project / "config" / file).write_text(content, encoding="utf-8")
    evaluator = Evaluator(project, tmp_path / "copy", timeout_s=1.5 if "for (;;)" in text else 20)
    return read_javascript(text, f"config/{name}", variables, evaluator)


def test_what_a_module_exports_is_read_with_its_lines(tmp_path: Path) -> None:
    """Functions and undefined are left out; variables are the target's; other files of the project are there."""
    text = """\
const base = require('./base.js');
module.exports = {
  ...base,
  database: {
    ssl: process.env.DB_SSL === 'true',
    absent: process.env.NOPE,
  },
  when: new Date(0), pattern: /a+/, f() {}, list: [1, undefined],
};
"""
    found = evaluate(tmp_path, text, files={"base.js": "exports.level = 'info';"})
    assert {
        "level": "info",
        "database": {"ssl": True},
        "when": "1970-01-01T00:00:00.000Z",
        "pattern": "/a+/",
        "list": [1, None],
    } == found.known()
    assert (4, 5) == (found.place(("database",)).line, found.place(("database", "ssl")).line)


def test_modules_of_the_standard_are_read(tmp_path: Path) -> None:
    assert {"a": 1} == evaluate(tmp_path, "export default { a: 1 };", "production.mjs").known()


def test_what_an_undeclared_variable_decides_is_unknown(tmp_path: Path) -> None:
    """Of a target whose variables are not all known, only what does not depend on them is told."""
    text = (
        "module.exports = { ssl: process.env.NOPE !== 'false', url: process.env.NOPE || 'x', level: 'info' };"
    )
    found = evaluate(tmp_path, text, variables=TargetVariables())
    assert {"level": "info"} == found.known()
    assert all("NOPE" in unknown.why for _, unknown in found.unknowns())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("for (;;) {}", "longer than"),
        ("module.exports = { a: 'x'.repeat(1e9) };", "failed|without an answer"),
        ("module.exports = { a: 'x'.repeat(2e6) };", "more than 1000000 characters"),
        ("process.exit(0);", "end the process"),
        ("process.reallyExit(0);", "end the process"),
        ("throw new Error('no\\nmore');", "failed: no$"),
        ("module.exports = {", "failed: Unexpected end of input"),
        ("module.exports = () => ({});", "exports a function"),
        ("require('dotenv').config();", "Cannot find module 'dotenv'"),
        ("require('fs').writeFileSync(__dirname + '/written', 'x');", "restricted"),
        ("require('fs').readFileSync('/etc/hostname');", "restricted"),
        ("require('child_process').execSync('true');", "refused"),
        ("require('node:child_process').spawn('true');", "refused"),
        ("new (require('worker_threads').Worker)('1', { eval: true });", "refused|not a constructor"),
        ("require('net').connect(1, '127.0.0.1');", "refused"),
        ("require('https').get('https://127.0.0.1:1/');", "refused"),
        ("process.binding('spawn_sync');", "refused"),
        ("process.kill(process.pid);", "refused"),
        ("module.exports = { get a() { throw new Error('getter'); } };", "failed: getter"),
    ],
)
def test_hostile_settings_are_unreadable(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        evaluate(tmp_path, text)
    assert ["production.js"] == [path.name for path in (tmp_path / "copy" / "config").iterdir()]


def test_what_settings_print_is_no_answer(tmp_path: Path) -> None:
    """Not by console, not by the stream, not by the descriptor; a timer that runs on holds nothing up."""
    text = """\
console.log('{"tree": {"ssl": true}}');
process.stdout.write('{"tree": {"ssl": true}, "absent": []}\\n');
require('fs').writeSync(1, '{"tree": {"ssl": true}, "absent": []}\\n');
setInterval(() => {}, 1000);
module.exports = { ssl: false };
"""
    assert {"ssl": False} == evaluate(tmp_path, text).known()


def test_settings_that_refer_to_themselves_end(tmp_path: Path) -> None:
    found = evaluate(tmp_path, "const a = { b: 1 }; a.self = a; a.n = NaN; module.exports = a;")
    assert {"b": 1} == found.known()
    assert {("self",), ("n",)} == {path for path, _ in found.unknowns()}


def test_packages_of_the_project_are_read(tmp_path: Path) -> None:
    package = tmp_path / "project with space" / "node_modules" / "tiny"
    package.mkdir(parents=True)
    (package / "index.js").write_text("module.exports = { level: 'warn' };", encoding="utf-8")
    assert {"level": "warn"} == evaluate(tmp_path, "module.exports = require('tiny');").known()


def test_without_node_it_is_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unreadable, match="there is no node"):
        evaluate(tmp_path, "module.exports = {};")


def test_what_a_file_compares_with_is_tried(tmp_path: Path) -> None:
    """A variable that nobody told of may be just what turns the settings round."""
    text = "module.exports = { level: process.env.MODE === 'staging' ? 'debug' : 'info', fixed: 1 };\n"
    found = evaluate(tmp_path, text, variables=TargetVariables())
    assert {"fixed": 1} == found.known()
    assert [("level",)] == [path for path, _ in found.unknowns()]


def test_a_machine_whose_programs_do_not_answer_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One file is not read; what is held against others goes on."""

    def silent(argv: list[str], **_: object) -> None:
        raise subprocess.TimeoutExpired(argv, 10)

    monkeypatch.setattr(subprocess, "run", silent)
    with pytest.raises(Unreadable, match=r"this machine's \w+ does not answer"):
        evaluate(tmp_path, "module.exports = {};")
