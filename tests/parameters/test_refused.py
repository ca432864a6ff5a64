"""Every way to write a parameters file wrong, with the exact message that a person reads."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from deployer_lib.errors import ParametersError, UsageError
from deployer_lib.parameters import environments, find_root, load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEAD = "environment: staging\n"
DEPLOY = "deploy: {kind: none, address: https://shop.example}\n"
FILE = "parameters/staging.yaml"
DELETE = "\n  Delete executed notebooks that were made with it."

REFUSED = {
    "unknown key": (
        HEAD + "deploy: {kind: none, adress: https://shop.example}\n",
        f"{FILE}:2: there is no key adress in deploy; did you mean address? (and 1 more)",
    ),
    "unknown section": (
        HEAD + DEPLOY + "smok: {}\n",
        f"{FILE}:3: there is no key smok in this file; did you mean smoke?",
    ),
    "unknown key, nothing near": (
        HEAD + DEPLOY + "coordination: {zzz: 1}\n",
        f"{FILE}:3: there is no key zzz in coordination\n  There are ",
    ),
    "whole number": (
        HEAD + "deploy:\n  kind: none\n  address: https://shop.example\n  port: eighty\n",
        f"{FILE}:5: deploy.port: expected a whole number, and «eighty» stands there",
    ),
    "leading zero": (
        HEAD + DEPLOY + "max_requests: 0012\n",
        f"{FILE}:3: max_requests: expected a whole number, and «0012» stands there\n  Take the leading zero off.",
    ),
    "number": (
        HEAD + DEPLOY + "budget_s: soon\n",
        f"{FILE}:3: budget_s: expected a number, and «soon» stands there",
    ),
    "infinite": (
        HEAD + DEPLOY + "budget_s: 1e999\n",
        f"{FILE}:3: budget_s: expected a number, and «1e999» stands there",
    ),
    "yes": (
        HEAD + DEPLOY + "protected: yes\n",
        f"{FILE}:3: protected: expected true or false, and «yes» stands there\n  Write true.",
    ),
    "off": (
        HEAD + DEPLOY + "protected: Off\n",
        f"{FILE}:3: protected: expected true or false, and «Off» stands there\n  Write false.",
    ),
    "choice": (
        HEAD + DEPLOY + "block_on: critcal\n",
        (
            f"{FILE}:3: block_on: expected one of critical, high, medium, low, and «critcal» stands there\n"
            "  Did you mean critical?"
        ),
    ),
    "list for a text": (
        HEAD + DEPLOY + "version: [1, 2]\n",
        f"{FILE}:3: version: expected a text, and a list stands there",
    ),
    "text for a section": (
        HEAD + DEPLOY + "smoke: yes\n",
        f"{FILE}:3: smoke: expected a map, and «yes» stands there",
    ),
    "command as one text": (
        HEAD + DEPLOY + "build:\n  command: npm run 'my build'\n",
        (
            f"{FILE}:4: build.command: expected a list, and «npm run 'my build'» stands there\n"
            '  Write ["npm", "run", "my build"].'
        ),
    ),
    "unquoted placeholder": (
        HEAD + DEPLOY + "build:\n  command: [cp, {artifact}]\n",
        (
            f"{FILE}:4: build.command[1]: expected a text, and a map stands there\n"
            '  Put {artifact} in quotes: "{…}".'
        ),
    ),
    "empty entry": (
        HEAD + "deploy:\n  kind: none\n  address: https://shop.example\n  variables:\n    LEVEL:\n",
        f'{FILE}:6: deploy.variables.LEVEL: expected a text, and nothing stands there\n  For an empty text write "".',
    ),
    "limit": (
        HEAD + "deploy:\n  kind: none\n  address: https://shop.example\n  port: 70000\n",
        f"{FILE}:5: deploy.port: expected at most 65535, and «70000» stands there",
    ),
    "no time": (
        HEAD + DEPLOY + "budget_s: 0\n",
        f"{FILE}:3: budget_s: expected more than 0, and «0» stands there",
    ),
    "empty list": (
        HEAD + DEPLOY + "build: {command: []}\n",
        f"{FILE}:3: build.command: expected at least one entry",
    ),
    "missing": (
        HEAD + "deploy:\n  kind: process\n  start: [run]\n  steps:\n    - name: migrate\n",
        f"{FILE}:6: deploy.steps[0].command is missing\n  The command.",
    ),
    "missing deploy": (
        HEAD,
        f"{FILE}: deploy is missing\n  Deployment and target.",
    ),
    "process without start": (
        HEAD + "deploy:\n  kind: process\n",
        f"{FILE}:3: deploy.kind process needs deploy.start: the command of the process",
    ),
    "command without commands": (
        HEAD + "deploy:\n  kind: command\n  address: https://shop.example\n",
        f"{FILE}:3: deploy.kind command needs deploy.commands: one command a capability",
    ),
    "command without address": (
        HEAD + "deploy:\n  kind: command\n  commands: {deploy: [kubectl, apply]}\n",
        f"{FILE}:3: deploy.kind command needs deploy.address: the base URL that users reach",
    ),
    "none without address": (
        HEAD + "deploy:\n  kind: none\n",
        f"{FILE}:3: deploy.kind none needs deploy.address: the base URL that users reach",
    ),
    "environment of another file": (
        "environment: production\n" + DEPLOY,
        (
            f"{FILE}:1: environment is the file's path below parameters/ without .yaml, staging, "
            "and «production» stands there"
        ),
    ),
    "no environment": (
        DEPLOY,
        f"{FILE}:1: environment is missing\n  Write environment: staging",
    ),
    "confirm": (
        HEAD + DEPLOY + "confirm: staging\n",
        f"{FILE}:3: confirm is given at the run, never in a file\n  Take it out, and run with --yes staging.",
    ),
    "scheme": (
        HEAD + "deploy: {kind: none, address: shop.example}\n",
        f"{FILE}:2: deploy.address: «shop.example» needs http:// or https:// in front; write https://shop.example",
    ),
    "no host": (
        HEAD + "deploy: {kind: none, address: 'https://'}\n",
        f"{FILE}:2: deploy.address: «https://» names no host; write https://shop.example",
    ),
    "port of a URL": (
        HEAD + "deploy: {kind: none, address: 'https://shop.example:99999'}\n",
        f"{FILE}:2: deploy.address: «https://shop.example:99999» is no URL; write https://shop.example",
    ),
    "origin with a path": (
        HEAD + DEPLOY + "smoke:\n  cors:\n    path: /\n    origins: [https://shop.example/app]\n",
        (
            f"{FILE}:6: smoke.cors.origins[0]: «https://shop.example/app» has a path, and an origin has none; "
            "write https://shop.example"
        ),
    ),
    "any origin": (
        HEAD + DEPLOY + "smoke:\n  cors:\n    path: /\n    origins: ['*']\n",
        f"{FILE}:6: smoke.cors.origins[0]: «*» is no origin; write https://shop.example",
    ),
    "path": (
        HEAD + DEPLOY + "smoke: {health: {path: health}}\n",
        f"{FILE}:3: smoke.health.path: «health» is no path; it begins with /",
    ),
    "host": (
        HEAD + DEPLOY + "hosts: [https://pay.example, pay.example:8443, pay example]\n",
        f"{FILE}:3: hosts[2]: «pay example» is no host; write api.example:8443 or https://api.example",
    ),
    "regular expression": (
        HEAD + DEPLOY + "health: {logs: {allow: ['(']}}\n",
        f"{FILE}:3: health.logs.allow[0]: «(» is no regular expression: missing ), unterminated subpattern at position 0",
    ),
    "file mode": (
        HEAD + DEPLOY + "bugs: {log_files: {max_mode: rw-}}\n",
        f"{FILE}:3: bugs.log_files.max_mode: «rw-» is no file mode; write 0640",
    ),
    "digest": (
        HEAD + DEPLOY + "artifact: {path: a, digest: abc}\n",
        f"{FILE}:3: artifact.digest: «abc» is not sha256: and 64 hex digits",
    ),
    "check id in severities": (
        HEAD + DEPLOY + "severities:\n  smoke.heath: low\n",
        f"{FILE}:4: severities: there is no check «smoke.heath»; did you mean smoke.health?",
    ),
    "check id in required": (
        HEAD + DEPLOY + "required: [smoke.helth]\n",
        f"{FILE}:3: required[0]: there is no check «smoke.helth»; did you mean smoke.health?",
    ),
    "check id in not_applicable": (
        HEAD + DEPLOY + "not_applicable: {smoke.zzzzzzzz: because}\n",
        f"{FILE}:3: not_applicable: there is no check «smoke.zzzzzzzz»; deployer checks lists them",
    ),
    "duplicate key": (
        HEAD + DEPLOY + "version: a\nversion: b\n",
        f"{FILE}:4: the key version stands twice, here and in line 3.",
    ),
    "tab": (
        HEAD + "deploy:\n\tkind: none\n",
        f"{FILE}:3: a tab stands here, and YAML takes only spaces.\n  Replace it by spaces.",
    ),
    "broken YAML": (
        HEAD + "allow: [observe\n" + DEPLOY,
        f"{FILE}:3: is no YAML: expected ',' or ']', but got ':'.",
    ),
    "reserved character": (
        HEAD + DEPLOY + "version: @1\n",
        (
            f"{FILE}:3: is no YAML: found character '@' that cannot start any token.\n"
            "  Put the text in quotes."
        ),
    ),
    "two documents": (HEAD + "---\n" + DEPLOY, f"{FILE}:2: a second document begins here (---)."),
    "tag": (
        HEAD + DEPLOY + "version: !!python/name:os.system x\n",
        (
            f"{FILE}:3: the tag tag:yaml.org,2002:python/name:os.system means nothing here.\n"
            "  Take it out, or quote the text."
        ),
    ),
    "key that is a list": (HEAD + "? [a]\n: b\n", f"{FILE}:2: a key is a text, not a list or a map."),
    "empty": ("", f"{FILE}: is empty.\n  deployer init PATH writes a file to start from."),
    "comments alone": (
        "# nothing\n",
        f"{FILE}: is empty.\n  deployer init PATH writes a file to start from.",
    ),
    "list": ("- a\n", f"{FILE}:1: expected keys with values, and a list stands there."),
    "text": ("hello\n", f"{FILE}:1: expected keys with values, and a text stands there."),
    "not UTF-8": (
        b"environment: staging\nversion: \xff\n",
        f"{FILE}:2: is not UTF-8.\n  Save the file as UTF-8.",
    ),
    "control character": (b"environment: \x01\n", f"{FILE}: is no YAML: unacceptable character #x0001"),
    "deep": (
        "[" * 3000,
        f"{FILE}: is nested too deeply.",
    ),
    "alias bomb": (
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(
            f"{n}: &{n} [{','.join(['*' + p] * 9)}]\n" for p, n in zip("abcdef", "bcdefg", strict=True)
        ),
        f"{FILE}:",
    ),
    "alias of itself": (
        "a: &a [*a]\n",
        f"{FILE}:1: is too large or too deep once its aliases are written out.",
    ),
    "literal secret": (
        HEAD
        + "deploy:\n  kind: none\n  address: https://shop.example\n  variables:\n    DB_PASSWORD: hunter2\n",
        f"{FILE}:6: deploy.variables.DB_PASSWORD holds a literal secret; rotate it and write ${{env:DB_PASSWORD}}"
        + DELETE,
    ),
    "literal secret in a header": (
        HEAD + DEPLOY + "smoke: {health: {path: /, headers: {X-Api-Key: hunter2}}}\n",
        f"{FILE}:3: smoke.health.headers.X-Api-Key holds a literal secret; rotate it and write ${{env:X_API_KEY}}"
        + DELETE,
    ),
    "literal secret in a body": (
        HEAD + DEPLOY + "smoke: {health: {path: /, body: {user: {password: hunter2}}}}\n",
        f"{FILE}:3: smoke.health.body.user.password holds a literal secret; rotate it and write ${{env:PASSWORD}}"
        + DELETE,
    ),
    "literal secret in a command": (
        HEAD + DEPLOY + "build: {command: [make, --token, hunter2]}\n",
        f"{FILE}:3: build.command[2] holds a literal secret; rotate it and write ${{env:TOKEN}}" + DELETE,
    ),
    "password in a URL": (
        HEAD
        + DEPLOY
        + "build: {command: [make], variables: {DATABASE_URL: 'postgres://shop:hunter2@db/shop'}}\n",
        f"{FILE}:3: build.variables.DATABASE_URL holds a literal secret, the password in a URL; "
        "rotate it and write ${env:DATABASE_URL} for the whole text" + DELETE,
    ),
    "password in the address": (
        HEAD + "deploy: {kind: none, address: 'https://shop:hunter2@shop.example'}\n",
        f"{FILE}:2: deploy.address holds a literal secret, the password in a URL; rotate it and take it out"
        + DELETE,
    ),
    "reference where none may stand": (
        HEAD + "deploy: {kind: none, address: '${env:ADDRESS}'}\n",
        (
            f"{FILE}:2: deploy.address takes no secret, and a reference stands there: ${{env:ADDRESS}}\n"
            "  References may stand in variables, headers, bodies, commands and database.scratch."
        ),
    ),
    "reference inside a text": (
        HEAD + DEPLOY + "smoke: {health: {path: /, headers: {Authorization: 'Bearer ${env:TOKEN}'}}}\n",
        (
            f"{FILE}:3: smoke.health.headers.Authorization holds a reference inside a longer text; "
            "a reference is the whole value\n"
            "  Put the whole text, with what stands around it, where the reference points."
        ),
    ),
    "reference of no kind": (
        HEAD + DEPLOY + "build: {command: [make], variables: {A: '${vault:a}'}}\n",
        f"{FILE}:3: build.variables.A: there are no secrets of kind vault; there are env, file, cmd and made",
    ),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_wrong_file_is_refused_with_place_and_way_out(
    write: Callable[..., Path], text: str | bytes, message: str
) -> None:
    """Whatever is wrong: one message with file, line and what to write instead, and never the secret itself."""
    with pytest.raises(ParametersError) as caught:
        load(write(text), "staging")

    shown = str(caught.value)
    assert message == shown[: len(message)]
    assert shown == message or message.endswith((":", "There are ", "x0001"))
    assert "hunter2" not in shown


def test_the_first_problem_in_the_file_is_named_and_the_others_are_counted(
    write: Callable[..., Path],
) -> None:
    root = write(HEAD + "budget_s: soon\nmax_requests: 0\nversoin: 1\n" + DEPLOY)

    with pytest.raises(ParametersError) as caught:
        load(root, "staging")

    assert f"{FILE}:2: budget_s: expected a number, and «soon» stands there (and 2 more)" == str(caught.value)


def test_a_missing_file_names_the_nearest_environment_and_all(write: Callable[..., Path]) -> None:
    root = write(production=HEAD, base="version: 1\n")

    with pytest.raises(ParametersError) as caught:
        load(root, "stagin")

    assert environments(root) == ["production", "staging"]
    expected = "parameters/stagin.yaml: There is no such file.\n  Did you mean staging? There are production, staging."
    assert expected == str(caught.value)


def test_a_root_without_environments_says_how_to_begin(tmp_path: Path) -> None:
    (tmp_path / "parameters").mkdir()

    with pytest.raises(ParametersError, match="deployer init PATH writes one"):
        load(tmp_path, "staging")


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../b", "", ".hidden", "a//b"])
def test_a_name_that_leads_out_of_parameters_is_refused(write: Callable[..., Path], name: str) -> None:
    with pytest.raises(
        ParametersError, match="is no environment; it is the path of a file below parameters/"
    ):
        load(write(), name)


def test_a_link_that_leads_out_of_parameters_is_refused(write: Callable[..., Path], tmp_path: Path) -> None:
    root = write()
    (tmp_path / "outside.yaml").write_text("environment: linked\n")
    (root / "parameters" / "linked.yaml").symlink_to(tmp_path / "outside.yaml")

    with pytest.raises(ParametersError, match=r"linked.yaml: leads out of parameters/"):
        load(root, "linked")


def test_what_is_no_file_or_too_large_is_refused(write: Callable[..., Path]) -> None:
    root = write("#" * 1_000_001)
    (root / "parameters" / "folder.yaml").mkdir()
    os.mkfifo(root / "parameters" / "pipe.yaml")

    for name, message in {
        "staging": "is larger than 1 MB",
        "folder": "is a folder, not a file",
        "pipe": "is not a regular file",
    }.items():
        with pytest.raises(ParametersError, match=message):
            load(root, name)


def test_an_unreadable_file_says_so(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    root = write()

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refused)  # root may read everything, whatever its mode
    with pytest.raises(ParametersError, match=r"staging.yaml: can't be read: Permission denied"):
        load(root, "staging")


def test_extends_goes_round_in_no_circle_and_leads_nowhere_outside(write: Callable[..., Path]) -> None:
    root = write("environment: staging\nextends: a.yaml\n", a="extends: staging.yaml\n")
    with pytest.raises(ParametersError) as caught:
        load(root, "staging")
    expected = (
        "parameters/a.yaml:1: extends goes in a circle: "
        "parameters/staging.yaml → parameters/a.yaml → parameters/staging.yaml."
    )
    assert expected == str(caught.value)

    for extends, message in {
        "nowhere.yaml": "extends nowhere.yaml, and there is no such file beside it",
        "../../etc/hosts": "extends ../../etc/hosts, ",
        "[a, b]": "extends takes the name of one file",
    }.items():
        with pytest.raises(ParametersError, match=message):
            load(write(f"environment: staging\nextends: {extends}\n"), "staging")


def test_the_root_is_found_upwards_or_by_variable(write: Callable[..., Path], tmp_path: Path) -> None:
    root = write()
    deep = root / "a" / "b"
    deep.mkdir(parents=True)

    assert root.resolve() == find_root(deep, {})
    assert root.resolve() == find_root(tmp_path.parent, {"DEPLOYER_HOME": str(root)})
    with pytest.raises(UsageError, match="there is no folder parameters in it"):
        find_root(root, {"DEPLOYER_HOME": str(deep)})
    with pytest.raises(UsageError, match="deployer init PATH"):
        find_root(root.parent, {})
