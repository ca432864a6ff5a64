"""Providers' tokens: a checksum or a structure decides, wherever the format has one."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from deployer_lib.catalogue import Severity
from deployer_lib.probes.secrets import find_secrets
from deployer_lib.probes.secrets.structure import bech32, crc_base62, private_key
from deployer_lib.probes.variables.model import Scan

if TYPE_CHECKING:
    from pathlib import Path

NO_VARIABLES = Scan((), 0, ())


def found(folder: Path, file: str, text: str) -> list[tuple[str, int]]:
    """Return kind and line of what stands in one file."""
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return [(one.kind, one.line) for one in find_secrets(folder, variables=NO_VARIABLES).found]


def jwt(payload: dict[str, Any], made: Any) -> str:
    parts = (json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, payload))
    return ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), made.text(43)])


@pytest.mark.parametrize("prefix", ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"])
def test_a_github_token_is_found_by_its_checksum(prefix: str, made: Any, tmp_path: Path) -> None:
    assert [("GitHub token", 2)] == found(
        tmp_path, "src/app.py", f"import x\nclient = x.Client('{made.checked(prefix)}')\n"
    )


def test_a_published_token_proves_the_checksum() -> None:
    assert crc_base62(
        "ghp_" + "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ" + "0mLq17"
    )  # from public write-ups of the format


def test_a_wrong_checksum_is_no_token(made: Any, tmp_path: Path) -> None:
    token = made.checked("ghp_")
    last = "0" if token[-1] != "0" else "1"
    assert [] == found(tmp_path, "src/app.py", f"token = '{token[:-1]}{last}'\n")


def test_each_provider_is_named(made: Any, tmp_path: Path) -> None:
    """One line for each form; what has no checksum needs its length, its alphabet and enough entropy."""
    lines = {
        "npm token": made.checked("npm_"),
        "PyPI token": made.macaroon(),
        "live secret key of a payment provider": made.live_key(),
        "Slack token": f"xoxb-{made.text(12, '123456789')}-{made.text(12, '123456789')}-{made.text(24)}",
        "Slack webhook": f"https://hooks.slack.com/services/T{made.text(9, 'ABCDEFGH0189')}/B{made.text(9, 'ABCDEFGH0189')}/{made.text(24)}",
        "SendGrid key": f"SG.{made.text(22)}.{made.text(43)}",
        "GitLab token": f"glpat-{made.text(20)}",
        "Hugging Face token": "hf_" + made.text(34, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        "DigitalOcean token": f"dop_v1_{made.hex(64)}",
        "Telegram bot token": f"{made.text(10, '123456789')}:AA{made.text(33)}",
        "OpenAI key": f"sk-proj-{made.text(48)}T3BlbkFJ{made.text(48)}",
        "Anthropic key": f"sk-ant-api03-{made.text(93)}AA",
        "Shopify token": f"shpat_{made.hex(32)}",
        "Databricks token": f"dapi{made.hex(32)}",
        "Vault token": f"hvs.{made.text(95)}",
        "Azure storage key": f"AccountKey={base64.b64encode(bytes(made._random.randbytes(64))).decode()}",
    }
    text = "".join(f"use({value!r})\n" for value in lines.values())
    assert [(kind, line) for line, kind in enumerate(lines, start=1)] == found(tmp_path, "src/app.js", text)


@pytest.mark.parametrize(
    "text",
    [
        "sk_live_xxxxxxxxxxxxxxxxxxxxxxxx",
        "sk_live_aaaaaaaaaaaaaaaaaaaaaaaa",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
        "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
        "SG.your-key-here-goes-1234.your-key-here-goes-here-your-key-here-goes-x",
    ],
)
def test_an_example_is_no_token(text: str, tmp_path: Path) -> None:
    assert [] == found(tmp_path, "src/app.js", f'use("{text}")\n')


def test_an_aws_id_beside_its_secret_is_critical_and_alone_is_not(made: Any, tmp_path: Path) -> None:
    (tmp_path / "pair.js").write_text(f'aws("{made.aws_id()}",\n  "{made.aws_secret()}")\n')
    (tmp_path / "alone.js").write_text(f'aws("{made.aws_id()}")\n')
    seen = {
        one.file: (one.kind, one.line, one.severity)
        for one in find_secrets(tmp_path, variables=NO_VARIABLES).found
    }
    assert {
        "pair.js": ("AWS secret access key", 2, Severity.CRITICAL),
        "alone.js": ("AWS access key id", 1, Severity.MEDIUM),
    } == seen


@pytest.mark.parametrize(
    "file", ["tests/test_app.py", "README.md", "docs/use.rst", "src/app.test.ts", "spec/fixtures/a.json"]
)
def test_in_tests_and_documents_only_a_token_that_proves_itself_counts_and_little(
    file: str, made: Any, tmp_path: Path
) -> None:
    text = f"{made.checked('ghp_')}\n{made.live_key()}\nSECRET_KEY = '{made.text(40)}'\n{made.pem()}"
    assert [("GitHub token", 1)] == found(tmp_path, file, text)
    assert [Severity.LOW] == [one.severity for one in find_secrets(tmp_path, variables=NO_VARIABLES).found]


def test_a_test_key_of_a_payment_provider_weighs_little(made: Any, tmp_path: Path) -> None:
    (tmp_path / "pay.js").write_text(f'stripe("{made.live_key().replace("live", "test")}")\n')
    assert [Severity.LOW] == [one.severity for one in find_secrets(tmp_path, variables=NO_VARIABLES).found]


def test_a_browser_key_of_firebase_is_public(made: Any, tmp_path: Path) -> None:
    config = f'initializeApp({{ apiKey: "AIza{made.text(35)}", authDomain: "shop.firebaseapp.com" }})\n'
    assert [] == found(tmp_path, "src/app.js", config)


def test_a_jwt_that_lasts_is_found_and_a_session_or_an_example_is_not(made: Any, tmp_path: Path) -> None:
    lasting = jwt({"iss": "shop", "sub": "service", "iat": 1700000000, "exp": 1900000000}, made)
    session = jwt({"iss": "shop", "sub": "service", "iat": 1700000000, "exp": 1700003600}, made)
    example = jwt({"sub": "1234567890", "name": "John Doe", "iat": 1516239022}, made)
    assert [("JSON Web Token", 1)] == found(
        tmp_path, "src/a.js", f'a("{lasting}")\nb("{session}")\nc("{example}")\n'
    )


def test_age_keys_have_a_checksum() -> None:
    key = (
        "AGE-SECRET-KEY-1" + "GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
    )  # of age's own documentation
    assert bech32(key)
    assert not bech32(key[:-1] + "Q")


def test_a_private_key_is_one_whole_sequence_without_a_passphrase(made: Any, tmp_path: Path) -> None:
    pem = made.pem()
    assert [("private key", 1)] == found(tmp_path, "certs/server.key", pem)
    assert [("private key", 1)] == found(
        tmp_path, "certs/server.key", f'key = "{pem.strip()}"'.replace("\n", "\\n")
    )
    assert [] == found(tmp_path, "certs/server.key", pem.replace("RSA PRIVATE", "ENCRYPTED PRIVATE"))
    assert [] == found(tmp_path, "certs/server.key", pem[:200] + pem[-40:])
    assert [] == found(tmp_path, "certs/server.key", made.pem("CERTIFICATE") + made.pem("PUBLIC KEY"))


def test_an_openssh_key_tells_whether_it_is_encrypted(made: Any, tmp_path: Path) -> None:
    head = b"openssh-key-v1\0"
    plain = made.block(
        "OPENSSH PRIVATE KEY", head + b"\0\0\0\4none\0\0\0\4none" + bytes(made._random.randbytes(200))
    )
    locked = made.block(
        "OPENSSH PRIVATE KEY", head + b"\0\0\0\x0aaes256-ctr" + bytes(made._random.randbytes(200))
    )
    assert [("private key", 1)] == found(tmp_path, "deploy/id_ed25519", plain)
    assert [] == found(tmp_path, "deploy/id_ed25519", locked)


def test_a_service_account_is_named_as_such(made: Any, tmp_path: Path) -> None:
    account = {"type": "service_account", "project_id": "shop", "private_key": made.pem("PRIVATE KEY")}
    assert ["service account key"] == [
        kind for kind, _ in found(tmp_path, "deploy/gcp.json", json.dumps(account, indent=1))
    ]


def test_words_are_no_key() -> None:
    assert not private_key("put the key here, please", "PRIVATE KEY")


def test_a_token_across_pieces_of_a_big_file_is_found_with_its_line(made: Any, tmp_path: Path) -> None:
    token, filler = made.checked("ghp_"), "x = 1\n"
    before = 4_000_000 // len(filler)
    text = filler * before + f"token = '{token}'\n" + filler * 300_000
    assert [("GitHub token", before + 1)] == found(tmp_path, "src/data.py", text)
