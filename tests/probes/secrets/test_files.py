"""Files that are there to hold secrets, and what git says of them."""

from __future__ import annotations

import base64
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from deployer_lib.catalogue import Severity
from deployer_lib.probes.secrets import find_secrets
from deployer_lib.probes.secrets.model import Origin
from deployer_lib.probes.secrets.places import Place, place_of
from deployer_lib.probes.variables.model import Scan

if TYPE_CHECKING:
    from pathlib import Path

    from deployer_lib.probes.secrets import FoundSecret

NO_VARIABLES = Scan((), 0, ())


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def search(folder: Path) -> tuple[FoundSecret, ...]:
    return find_secrets(folder, variables=NO_VARIABLES).found


@pytest.fixture
def project(tmp_path: Path, made: Any) -> Path:
    """Return a folder with a .env that holds two secrets and two values that are none."""
    (tmp_path / "app.py").write_text("print('x')\n")
    (tmp_path / ".env").write_text(
        f"PORT=8000\nJWT_SECRET={made.text(40)}\nDB_PASSWORD=Winter2024!\nAPI_KEY=changeme\nTOKEN=\n"
    )
    return tmp_path


def test_a_committed_env_file_is_told_by_variable(project: Path) -> None:
    git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "x")
    assert [
        (".env", 2, "JWT_SECRET", True, Severity.CRITICAL),
        (".env", 3, "DB_PASSWORD", True, Severity.HIGH),
    ] == [(one.file, one.line, one.name, one.committed, one.severity) for one in search(project)]


def test_an_ignored_env_file_is_no_finding(project: Path) -> None:
    git(project, "init", "-q")
    (project / ".gitignore").write_text(".env\n")
    git(project, "add", "-A")
    assert () == search(project)


def test_an_env_file_that_git_would_take_with_the_next_add_is_one_mild_finding(project: Path) -> None:
    git(project, "init", "-q")
    git(project, "add", "app.py")
    assert [(Origin.UNIGNORED, Severity.LOW, False)] == [
        (one.origin, one.severity, one.committed) for one in search(project)
    ]


def test_a_file_that_was_committed_before_it_was_ignored_is_found(project: Path) -> None:
    git(project, "init", "-q")
    git(project, "add", "-A")
    (project / ".gitignore").write_text(".env\n")
    assert [True, True] == [one.committed for one in search(project)]


def test_without_git_it_cannot_be_told_whether_it_is_committed(project: Path) -> None:
    assert [None, None] == [one.committed for one in search(project)]
    (project / ".gitignore").write_text("*.env\n.env\n")
    assert () == search(project)


def test_a_folder_that_an_outer_repository_ignores_is_searched_as_if_without_git(
    tmp_path: Path, made: Any
) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / ".gitignore").write_text("work/\n")
    work = tmp_path / "work"
    work.mkdir()
    (work / "app.py").write_text(f'SECRET_KEY = "{made.text(40)}"\n')
    assert [("app.py", None)] == [(one.file, one.committed) for one in search(work)]


@pytest.mark.parametrize(
    ("file", "text", "name"),
    [
        (".npmrc", "//packages.example.org/:_authToken=RANDOM", "_authToken"),
        (".pypirc", "[pypi]\nusername = a\npassword = Winter2024!", "password"),
        (".netrc", "machine acme-corp.io login a password Winter2024!", "password"),
        (".pgpass", "db.acme-corp.io:5432:shop:app:Winter2024!", "app"),
        ("infra/terraform.tfstate", '{"attributes": {"master_password": "RANDOM"}}', "master_password"),
        ("infra/prod.tfvars", 'db_password = "Winter2024!"', "db_password"),
        ("config/secrets.yml", "production:\n  secret_key_base: RANDOM", "secret_key_base"),
        (".env.production", "STRIPE_SECRET=RANDOM", "STRIPE_SECRET"),
        ("deploy/kubeconfig", "users:\n- user:\n    token: RANDOM", "token"),
    ],
)
def test_each_kind_of_file_is_read_in_its_own_form(
    file: str, text: str, name: str, tmp_path: Path, made: Any
) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.replace("RANDOM", made.text(40)) + "\n")
    assert [(file, name, len(text.split("\n")))] == [
        (one.file, one.name, one.line) for one in search(tmp_path)
    ]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (".npmrc", "//packages.example.org/:_authToken=${NPM_TOKEN}\nsave-exact=true"),
        (".env.example", "JWT_SECRET=change-me-to-a-long-random-value\nDB_PASSWORD=Winter2024!\nAPI_KEY="),
        (".env.test", "JWT_SECRET=RANDOM"),
        (
            ".env",
            "JWT_SECRET=changeme\nDB_PASSWORD=postgres\nAPI_KEY=<your key>\nSECRET_FILE=/run/secrets/x\n# TOKEN=RANDOM",
        ),
        ("secret.yaml", "kind: SealedSecret\nspec:\n  encryptedData:\n    password: RANDOM"),
        ("secret.yaml", "kind: Secret\nstringData:\n  password: ${DB_PASSWORD}\n  token: changeme"),
    ],
)
def test_references_and_placeholders_are_no_secrets(file: str, text: str, tmp_path: Path, made: Any) -> None:
    (tmp_path / file).write_text(text.replace("RANDOM", made.text(40)) + "\n")
    assert () == search(tmp_path)


def test_an_example_with_a_real_looking_value_is_a_mild_finding(tmp_path: Path, made: Any) -> None:
    (tmp_path / ".env.example").write_text(f"PORT=80\nJWT_SECRET={made.text(44)}\n")
    assert [(".env.example", 2, Severity.MEDIUM)] == [
        (one.file, one.line, one.severity) for one in search(tmp_path)
    ]


def test_base64_does_not_hide_a_kubernetes_secret(tmp_path: Path) -> None:
    hidden = base64.b64encode(b"Winter2024!x").decode()
    text = f"kind: ConfigMap\ndata:\n  a: b\n---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: shop\ndata:\n  user: YWRtaW4=\n  password: {hidden}\n"
    (tmp_path / "shop.yaml").write_text(text)
    assert [("password", 11)] == [(one.name, one.line) for one in search(tmp_path)]


@pytest.mark.parametrize(
    ("place", "file"),
    [
        (Place.PRODUCTION, "src/app.py"),
        (Place.PRODUCTION, ".env"),
        (Place.PRODUCTION, "web/src/latest.ts"),
        (Place.PRODUCTION, "build/Dockerfile"),
        (Place.EXAMPLE, ".env.example"),
        (Place.EXAMPLE, "config.toml.sample"),
        (Place.TEST, ".env.test"),
        (Place.TEST, "Shop.Tests/A.cs"),
        (Place.TEST, "src/user.spec.ts"),
        (Place.DEVELOPMENT, "docker-compose.dev.yml"),
        (Place.DEVELOPMENT, "src/main/resources/application-local.yml"),
        (Place.CI, ".github/workflows/ci.yml"),
        (Place.DOCUMENT, "README.md"),
        (Place.GENERATED, "package-lock.json"),
    ],
)
def test_a_path_tells_what_a_file_is_there_for(place: Place, file: str) -> None:
    assert place is place_of(file)


def test_dockers_own_logins_are_read(tmp_path: Path, made: Any) -> None:
    """``.docker/config.json`` holds logins; another ``config.json`` holds an application's settings."""
    login = json.dumps({"auths": {"registry.corp.io": {"auth": made.text(32)}}})
    for file in (".docker/config.json", "web/config.json"):
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).write_text(login)
    assert [".docker/config.json"] == [one.file for one in find_secrets(tmp_path).found]


def test_a_shells_assigning_fallback_counts(tmp_path: Path) -> None:
    (tmp_path / "start.sh").write_text(': "${JWT_SECRET:=changemenow}"\nexec node app.js\n')
    assert ["JWT_SECRET"] == [one.name for one in find_secrets(tmp_path).found]
