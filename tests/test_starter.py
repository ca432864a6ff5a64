"""``deployer init`` writes a file that loads, says where it found each thing, and asks for what it can't know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from deployer_lib.errors import UsageError
from deployer_lib.parameters import load
from deployer_lib.secret import Secret
from deployer_lib.starter import start
from deployer_lib.starter.facts import Project
from deployer_lib.starter.routes import routes

if TYPE_CHECKING:
    from pathlib import Path

    from deployer_lib.parameters.model import Parameters

FASTAPI = {
    "pyproject.toml": '[build-system]\nrequires = ["hatchling"]\n[project]\nname = "shop"\ndependencies = [\n  "fastapi",\n]\n'
    '[project.optional-dependencies]\ndev = ["pytest"]\n',
    "uv.lock": "",
    "alembic.ini": "",
    ".env.example": "# Signs tokens\nJWT_SECRET=\nDATABASE_URL=postgres://shop:hunter2@db/shop\nLOG_LEVEL=info # or warn\nMODE=yes\n",
    "src/shop/config.py": 'PREFIX: str = "/api/v1"\n',
    "src/shop/main.py": "from fastapi import FastAPI\nfrom shop import config, users, health\n\napp = FastAPI()\n"
    "app.include_router(users.router, prefix=config.PREFIX)\napp.include_router(health.router)\n"
    'app.add_middleware(CORSMiddleware, allow_origins=["*"])\n',
    "src/shop/users.py": "from fastapi import APIRouter\n\nrouter = APIRouter(prefix='/users')\n\n\n"
    "@router.post('/login')\ndef login(form: Credentials): ...\n\n\n@router.get('/me')\ndef me(): ...\n\n\n"
    "@router.get('/{user_id}')\ndef one(user_id: int): ...\n",
    "src/shop/health.py": "router = APIRouter()\n\n\n@router.get('/healthz')\ndef health(): ...\n\n\n"
    "@router.get('/ready')\ndef ready(): ...\n\n\n@router.get('/version')\ndef version(): ...\n\n\n"
    "@router.get('/metrics')\ndef metrics(): ...\n",
    "tests/test_users.py": "@router.get('/health')\ndef test(): ...\n",
}
EXPRESS = {
    "package.json": '{\n  "name": "@acme/api",\n  "scripts": {\n    "start": "node dist/main.js",\n    "build": "tsc",\n'
    '    "test": "vitest"\n  },\n  "dependencies": {\n    "express": "4"\n  }\n}\n',
    "pnpm-lock.yaml": "",
    "prisma/schema.prisma": 'datasource db {\n  url = env("DATABASE_URL")\n}\n',
    "src/main.ts": "import express from 'express';\nimport cors from 'cors';\nimport users from './users/users.controller';\n"
    "const app = express();\napp.use(cors());\napp.use('/api', users);\napp.get('/health', (q, s) => s.json({}));\n"
    "app.listen(process.env.PORT || 3000);\n",
    "src/users/users.controller.ts": "const router = Router();\nrouter.post('/users/login', async (req, res) => login(req.body.user));\n"
    "router.get('/user', auth.required, me);\nexport default router;\n",
}
AXUM = {
    "Cargo.toml": '[package]\nname = "ledger"\n\n[dependencies]\naxum = "0.8"\n',
    "Cargo.lock": "",
    "src/main.rs": 'mod accounts;\nfn app() -> Router {\n    Router::new()\n        .route("/health", get(health))\n'
    '        .nest("/api", accounts::router())\n}\nasync fn main() {\n    TcpListener::bind("0.0.0.0:8080").await;\n}\n',
    "src/accounts.rs": 'pub fn router() -> Router {\n    Router::new()\n        .route("/accounts", get(list))\n}\n',
}


def make(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def begun(
    tmp_path: Path, files: dict[str, str], name: str = "first"
) -> tuple[str, Parameters, tuple[str, ...]]:
    started = start(make(tmp_path / "project", files), tmp_path, name)
    assert started.text == started.path.read_text()
    return started.text, load(tmp_path, name).parameters, started.unknown


def test_a_fastapi_project_is_read_with_places(tmp_path: Path) -> None:
    text, parameters, unknown = begun(tmp_path, FASTAPI)

    assert (parameters.project.path, parameters.project.name, parameters.project.stack) == (
        "project",
        "shop",
        "python",
    )
    assert parameters.allow == ["observe"]
    assert parameters.install.command == ["uv", "sync", "--frozen"]
    assert parameters.deploy.start == [
        "{project}/.venv/bin/python", "-m", "uvicorn", "shop.main:app", "--host", "127.0.0.1", "--port", "{port}"
    ]  # fmt: skip
    assert [step.name for step in parameters.deploy.steps] == ["install", "migrate"]
    assert (parameters.deploy.ready.path, parameters.deploy.ready.version_path) == ("/healthz", "/version")
    assert parameters.smoke.database is not None
    assert parameters.smoke.database.path == "/ready"
    assert parameters.health.metrics is not None
    assert "path: /healthz  # src/shop/health.py:4" in text
    assert "path: /api/v1/users/login  # src/shop/users.py:6" in text
    assert "smoke.cors: CORSMiddleware stands at src/shop/main.py:7" in text
    assert len(unknown) == text.count("# UNKNOWN: ")


def test_secrets_of_the_example_become_references_and_are_never_copied(tmp_path: Path) -> None:
    text, parameters, _ = begun(tmp_path, FASTAPI)

    assert parameters.deploy.variables == {
        "JWT_SECRET": Secret("${env:JWT_SECRET}"),
        "DATABASE_URL": Secret("${env:DATABASE_URL}"),
        "LOG_LEVEL": "info",
        "MODE": "yes",
    }
    assert "hunter2" not in text
    assert "${env:JWT_SECRET}  # .env.example:2" in text


def test_names_alone_are_taken_from_a_committed_env_file(tmp_path: Path) -> None:
    files = {**FASTAPI, ".env": "MODE_OF_OLD=1\nMODE=private-value\n", ".env.example": ""}
    text, _, _ = begun(tmp_path, files)

    assert "MODE: ${env:MODE}  # .env:2" in text
    assert "private-value" not in text


def test_an_express_project_is_read_with_places(tmp_path: Path) -> None:
    text, parameters, _ = begun(tmp_path, EXPRESS)

    assert parameters.install.command == ["pnpm", "install", "--frozen-lockfile"]
    assert parameters.deploy.start == ["node", "dist/main.js"]
    assert parameters.deploy.variables == {"PORT": "{port}", "DATABASE_URL": Secret("${env:DATABASE_URL}")}
    assert parameters.deploy.ready.path == "/health"
    assert [step.name for step in parameters.deploy.steps] == ["install", "migrate"]
    assert "path: /api/users/login  # src/users/users.controller.ts:2" in text
    assert "body: {user: {email:" in text
    assert "smoke.cors: cors stands at src/main.ts:5" in text


def test_a_rust_project_is_read_with_places(tmp_path: Path) -> None:
    text, parameters, unknown = begun(tmp_path, AXUM)

    assert parameters.build is not None
    assert parameters.build.command == ["cargo", "build", "--release", "--locked"]
    assert parameters.deploy.start == ["{project}/target/release/ledger"]
    assert parameters.deploy.port == 8080
    assert "port: 8080  # src/main.rs:8" in text
    assert "{path: /api/accounts}  # src/accounts.rs:3" in text
    assert any(line.startswith("smoke.auth: no log-in route was found") for line in unknown)


def test_the_blocks_that_stand_as_remarks_load_once_they_are_meant(tmp_path: Path) -> None:
    """Taking the # away is all that a person has to do."""
    text, _, _ = begun(tmp_path, FASTAPI)
    (tmp_path / "parameters" / "first.yaml").write_text(
        re.sub(r"^  # (?=(auth|cors|endpoints):| )", "  ", text, flags=re.MULTILINE)
    )
    parameters = load(tmp_path, "first").parameters

    assert parameters.smoke.auth is not None
    assert parameters.smoke.auth.protected.path == "/api/v1/users/me"
    assert parameters.smoke.cors is not None


@pytest.mark.parametrize(
    ("files", "start_words"),
    [
        (
            {"requirements.txt": "flask==3\n", "app.py": "from flask import Flask\napp = Flask(__name__)\n"},
            ["{state}/venv/bin/python", "-m", "flask", "--app", "app:app", "run", "--port", "{port}"],
        ),
        (
            {
                "requirements.txt": "Django==5\n",
                "manage.py": "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n",
            },
            ["{state}/venv/bin/python", "-m", "gunicorn", "shop.wsgi", "--bind", "127.0.0.1:{port}"],
        ),
        (
            {"requirements.txt": "starlette\n", "Procfile": "web: gunicorn shop:app --bind 0.0.0.0:$PORT\n"},
            ["{state}/venv/bin/gunicorn", "shop:app", "--bind", "0.0.0.0:{port}"],
        ),
        (
            {"requirements.txt": "fastapi\n", "Dockerfile": 'FROM python\nCMD ["uvicorn", "a:b", \\\n  "--port", "80"]\n'},
            ["{state}/venv/bin/uvicorn", "a:b", "--port", "{port}"],
        ),
        (
            {"package.json": '{"dependencies": {"next": "15"}, "scripts": {"start": "next start -p 3000"}}'},
            ["npx", "next", "start", "-p", "{port}"],
        ),
        (
            {"package.json": '{"dependencies": {"fastify": "5"}, "scripts": {"start": "nodemon a.js", "start:prod": "node a.js"}}'},
            ["node", "a.js"],
        ),
        (
            {"package.json": '{"devDependencies": {"vite": "6"}, "scripts": {"build": "vite build"}}'},
            ["npx", "vite", "preview", "--host", "127.0.0.1", "--port", "{port}", "--strictPort"],
        ),
        (
            {
                "package.json": '{"dependencies": {"koa": "2"}}',
                "Dockerfile": 'FROM a AS b\nCMD ["x"]\nFROM node\nCOPY dist/api api\nCMD ["node", "api"]\n',
            },
            ["node", "dist/api"],
        ),
        ({"package.json": "{}"}, ["./start", "{port}"]),
        ({"Cargo.toml": '[package]\nname = "a"\n[[bin]]\nname = "server"\n'}, ["{project}/target/release/server"]),
    ],
)  # fmt: skip
def test_the_start_is_found_where_a_project_says_it(
    tmp_path: Path, files: dict[str, str], start_words: list[str]
) -> None:
    _, parameters, _ = begun(tmp_path, files)

    assert parameters.deploy.start == start_words


@pytest.mark.parametrize(
    ("stack", "files", "expected"),
    [
        (
            "python",
            {
                "shop/urls.py": "urlpatterns = [path('api/', include('orders.urls')), path('health/', health)]\n",
                "orders/urls.py": "urlpatterns = [path('orders/', views.orders)]\n",
            },
            {"GET /health/", "GET /api/orders/"},
        ),
        (
            "python",
            {
                "a.py": "app.register_blueprint(bp, url_prefix='/v1')\nfrom b import bp\n",
                "b.py": "bp = Blueprint('b', __name__)\n\n@bp.route('/login', methods=['POST'])\ndef login(): ...\n",
            },
            {"POST /v1/login"},
        ),
        (
            "node",
            {
                "src/main.ts": "app.setGlobalPrefix('api');\n",
                "src/auth.controller.ts": "@Controller('auth')\nclass A {\n  @Post('login')\n  a() {}\n  @Get()\n  b() {}\n}\n",
            },
            {"POST /api/auth/login", "GET /api/auth"},
        ),
        (
            "node",
            {
                "app/api/health/route.ts": "export async function GET() {}\n",
                "pages/api/me.ts": "export default x\n",
            },
            {"GET /api/health", "GET /api/me"},
        ),
        (
            "rust",
            {
                "src/lib.rs": 'rocket::build().mount("/api", routes![routes::users::login])\n',
                "src/routes/users.rs": '#[post("/users/login", format = "json")]\npub fn login() {}\n',
            },
            {"POST /api/users/login"},
        ),
    ],
)
def test_routes_are_found_with_their_prefixes(
    tmp_path: Path, stack: str, files: dict[str, str], expected: set[str]
) -> None:
    found = routes(Project(make(tmp_path, files)), stack)

    assert {f"{route.method} {route.path}" for route in found} == expected


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    begun(tmp_path, AXUM)
    with pytest.raises(UsageError, match=r"is not written over.\n  Choose another with --name"):
        start(tmp_path / "project", tmp_path, "first")


def test_the_name_is_the_projects_where_none_is_given(tmp_path: Path) -> None:
    started = start(make(tmp_path / "project", EXPRESS), tmp_path)

    assert started.path == tmp_path / "parameters" / "acme-api.yaml"
    assert load(tmp_path, "acme-api").parameters.environment == "acme-api"


def test_what_is_no_project_is_refused_with_a_way_out(tmp_path: Path) -> None:
    make(tmp_path / "all" / "api", AXUM)
    make(tmp_path / "space", {"package.json": '{"workspaces": ["web"]}', "web/package.json": "{}"})
    for folder, message in {
        "all": "holds no pyproject.toml.*\n  Did you mean one of api",
        "space": "is a workspace .package.json., not one application.\n  Name one of its members: web",
        "spac": "is no folder.\n  Did you mean .*space",
    }.items():
        with pytest.raises(UsageError, match=message):
            start(tmp_path / folder, tmp_path)
    with pytest.raises(UsageError, match="is no environment's name"):
        start(tmp_path / "all" / "api", tmp_path, "../x")
    assert not (tmp_path / "parameters").exists()
