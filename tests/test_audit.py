"""``deployer audit variables``: a folder's sources alone, its document, its exit codes, and whatever a folder may hold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from deployer_lib.auditing import audit as audit_of
from deployer_lib.auditing.making import folder_context
from deployer_lib.errors import NotAllowed
from deployer_lib.probes.variables.flow import FlowReader
from deployer_lib.probes.variables.sources import list_files

STOREFRONT = Path(__file__).parents[1] / "examples" / "storefront"


def audit(path: Path, *words: str, subject: str = "variables") -> tuple[int, dict[str, Any], str]:
    done = subprocess.run(
        [sys.executable, "-m", "deployer_lib", "audit", subject, str(path), "--json", *words],
        capture_output=True,
        timeout=120,
        check=False,
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr.decode()


def test_the_sample_is_clean_and_told_whole() -> None:
    """Each variable has need, default, places, and whether example and documents name it; nothing is a finding."""
    code, told, said = audit(STOREFRONT)
    assert (0, "audit-variables/1") == (code, told["schema"]), said
    by_name = {row["name"]: row for row in told["variables"]}
    assert ("required", None, True, True) == tuple(
        by_name["JWT_SECRET"][key] for key in ("need", "default", "in_example", "documented")
    )
    assert ("default", "8000") == (by_name["PORT"]["need"], by_name["PORT"]["default"])
    place = by_name["PORT"]["references"][0]
    line = (STOREFRONT / place["file"]).read_text(encoding="utf-8").splitlines()[place["line"] - 1]
    assert line[place["column"] - 1 :].startswith('os.environ.get("PORT"')
    assert {"environment.variables_read", "environment.variables_documented"} == {
        c["id"] for c in told["checks"]
    }
    assert {"pass"} == {c["outcome"] for c in told["checks"]}


def test_findings_no_source_and_no_folder_have_their_exit_codes(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text('import os\nkey = os.environ["API_KEY"]\n', encoding="utf-8")
    code, told, _ = audit(tmp_path)
    assert (1, ["API_KEY"]) == (code, [row["name"] for row in told["variables"]])
    empty = tmp_path / "empty"
    empty.mkdir()
    code, told, _ = audit(empty)
    assert (3, {"error"}) == (code, {c["outcome"] for c in told["checks"]})
    code, told, said = audit(tmp_path / "nowhere")
    assert (2, {}) == (code, told)
    assert "is no folder." in said


def test_whatever_a_folder_holds_the_rest_is_read(tmp_path: Path) -> None:
    """Broken syntax, a huge file, binary files, a circle of links, spaces and bytes that are no UTF-8 in names: what can't be
    read is named, and nothing else is lost."""
    (tmp_path / "good file.py").write_text('import os\nx = os.environ["GOOD"]\n', encoding="utf-8")
    (tmp_path / "broken.py").write_text("import os\nx = os.environ['A'\n", encoding="utf-8")
    (tmp_path / "binary.py").write_bytes(b"\x00\xff\xfe" * 100)
    with (tmp_path / "huge.py").open("wb") as file:
        file.truncate(100_000_000)
    (tmp_path / "circle").symlink_to(tmp_path)
    odd = os.fsencode(tmp_path) + b"/odd\xff.py"
    Path(os.fsdecode(odd)).write_text('import os\ny = os.environ["ODD"]\n', encoding="utf-8")
    code, told, said = audit(tmp_path)
    assert 1 == code, said
    names = {row["name"]: row["references"] for row in told["variables"]}
    assert {"GOOD", "ODD"} == set(names)
    assert 1 == len(names["GOOD"])  # not once more through the link
    assert "odd�.py" == names["ODD"][0]["file"]
    assert {"broken.py", "binary.py", "huge.py"} == {s["file"] for s in told["files_skipped"]}
    assert 2 == next(s["line"] for s in told["files_skipped"] if s["file"] == "broken.py")
    assert "100 MB" in next(s["why"] for s in told["files_skipped"] if s["file"] == "huge.py")


def test_a_reader_that_fails_costs_its_language_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is nested deeper than a reader can follow, or a defect of ours, is said; it is no pass, and no finding either."""
    (tmp_path / "main.go").write_text('package main\nvar a = os.Getenv("A")\n', encoding="utf-8")
    (tmp_path / "app.py").write_text('import os\nb = os.environ["B"]\n', encoding="utf-8")

    def fail(*_: object) -> None:
        raise RecursionError("maximum recursion depth exceeded")

    monkeypatch.setattr(FlowReader, "read", fail)
    found = audit_of("variables", tmp_path)
    told = found.document
    assert ["B"] == [row["name"] for row in told["variables"]]
    assert [
        "the reader of go failed, and read none of 1 files: RecursionError: maximum recursion depth exceeded"
    ] == [row["why"] for row in told["files_skipped"]]
    assert {"environment.variables_read": ["error"]} == {
        "environment.variables_read": [
            c["outcome"] for c in told["checks"] if c["id"] == "environment.variables_read"
        ]
    }


def test_a_folder_that_can_t_be_opened_is_named() -> None:
    """Root opens every folder, so that root looks as somebody else here."""
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        root.chmod(0o755)
        (root / "app.py").write_text('import os\nx = os.environ["A"]\n', encoding="utf-8")
        shut = root / "shut"
        shut.mkdir(mode=0o000)
        if as_root := os.geteuid() == 0:
            os.seteuid(65534)
        try:
            listing = list_files(root)
        finally:
            if as_root:
                os.seteuid(0)
            shut.chmod(0o700)
    assert (["app.py"], ["shut"]) == (listing.files, [file for file, _, _ in listing.skipped])
    assert "Permission denied" in listing.skipped[0][1]


def test_dependencies_are_told_by_kind(tmp_path: Path) -> None:
    """Each list of the document is there; an import that nothing declares has its file and line."""
    (tmp_path / "package.json").write_text(
        '{"name": "shop", "version": "1.0.0", "main": "app.js"}', encoding="utf-8"
    )
    lock = {"name": "shop", "version": "1.0.0", "lockfileVersion": 3, "requires": True,
            "packages": {"": {"name": "shop", "version": "1.0.0"}}}  # fmt: skip
    (tmp_path / "package-lock.json").write_text(json.dumps(lock), encoding="utf-8")
    (tmp_path / "app.js").write_text('const pad = require("left-pad");\n', encoding="utf-8")
    code, told, said = audit(tmp_path, subject="dependencies")
    assert (1, "audit-dependencies/1", ["npm"]) == (code, told["schema"], told["ecosystems"]), said
    kinds = ("undeclared", "dev_in_production", "peers", "conflicts", "platform", "drift")
    assert [1, 0, 0, 0, 0, 0] == [len(told[kind]) for kind in kinds]
    row = told["undeclared"][0]
    assert ("left-pad", "app.js", 1) == (row["name"], row["file"], row["line"])
    assert not (tmp_path / "node_modules").exists()


def test_secrets_are_told_without_their_values(tmp_path: Path) -> None:
    value = "hunter2024!Zk"
    (tmp_path / "app.js").write_text(
        f'const pool = new Pool({{ user: "app", password: "{value}", host: "x" }});\n', encoding="utf-8"
    )
    code, told, said = audit(tmp_path, subject="secrets")
    assert (1, "audit-secrets/1") == (code, told["schema"]), said
    (row,) = told["secrets"]
    assert ("app.js", 1, None) == (row["file"], row["line"], row["committed"])
    assert value not in json.dumps(told) + said


def test_fallbacks_are_shown_without_what_is_secret(tmp_path: Path) -> None:
    """In the table and in the document: a secret's fallback not at all, an address's without its password."""
    (tmp_path / "app.py").write_text(
        "import os\nA = os.getenv('JWT_SECRET', 'hunter2024!Zk')\nB = os.getenv('DATABASE_URL', 'pg://shop:pa55word@db/x')\n",
        encoding="utf-8",
    )
    _, told, said = audit(tmp_path)
    shown = {row["name"]: row["default"] for row in told["variables"]}
    assert {"JWT_SECRET": "[secure]", "DATABASE_URL": "pg://shop:[secure]@db/x"} == shown
    table = subprocess.run(
        [sys.executable, "-m", "deployer_lib", "audit", "variables", str(tmp_path)],
        capture_output=True, timeout=120, check=False, env={**os.environ, "COLUMNS": "160"},
    ).stdout.decode()  # fmt: skip
    assert "[secure]" in table
    for secret in ("hunter2024", "pa55word"):
        assert secret not in json.dumps(told) + said + table


def test_fallbacks_that_could_not_be_read_are_no_clean_end(tmp_path: Path) -> None:
    """The rest is told; what waits for the mending of a file that does not parse says so, and the command ends with 3."""
    text = 'import os\ndef f(:\nK = os.environ.get("JWT_SECRET", "changeme")\n'
    (tmp_path / "app.py").write_text(text, encoding="utf-8")
    code, told, said = audit(tmp_path, subject="secrets")
    assert (3, ["app.py"]) == (code, [row["file"] for row in told["files_unread"]]), said
    (blocked,) = [check for check in told["checks"] if check["outcome"] == "skip"]
    assert ("blocked", "environment.variables_read") == (blocked["skip"], blocked["because"])
    assert "Fallbacks of variables can't be told in 1 file(s): app.py" in blocked["message"]


def test_two_heads_of_migrations_are_told(tmp_path: Path) -> None:
    versions = tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = migrations\n", encoding="utf-8")
    (tmp_path / "migrations" / "env.py").write_text("", encoding="utf-8")
    for name, down in (("a", "None"), ("b", '"a"'), ("c", '"a"')):
        text = f'revision = "{name}"\ndown_revision = {down}\n\n\ndef upgrade(): ...\n'
        (versions / f"{name}.py").write_text(text, encoding="utf-8")
    code, told, said = audit(tmp_path, subject="migrations")
    assert (1, "audit-migrations/1", "alembic", ["b", "c"]) == (
        code, told["schema"], told["tool"], sorted(told["heads"]),
    ), said  # fmt: skip
    assert ([], [], [], None) == (told["missing"], told["pending"], told["edited"], told["database"])


def test_what_is_not_read_is_never_clean(tmp_path: Path) -> None:
    """A project of a stack whose packages are not read ends with 3, which says that it could not be told."""
    (tmp_path / "go.mod").write_text("module shop\n", encoding="utf-8")
    (tmp_path / "main.go").write_text("package main\n\nfunc main() {}\n", encoding="utf-8")
    code, told, _ = audit(tmp_path, subject="dependencies")
    assert (3, {"unavailable"}) == (code, {check["skip"] for check in told["checks"]})


def test_an_audit_sends_nothing(tmp_path: Path) -> None:
    """A probe that would ask a server ends as not allowed."""
    with (
        folder_context(tmp_path, (), lambda _: None) as ctx,
        pytest.raises(NotAllowed, match="sends nothing"),
    ):
        ctx.http.get("/")
