"""What a finding names stands where it says: definitions first, tests only where nothing else does, vendored code never."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from deployer_lib.check import Location
from deployer_lib.probes.sources import Sources, locate

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "pyproject.toml": '[project]\ndependencies = [\n  "fastapi>=0.115",\n]\n',
    "README.md": "Ask `/health/db`.\n",
    "src/app.py": "from shop.cors import Cors\n\napp.add_middleware(Cors)\napp.include_router(health, prefix='/health')\n",
    "src/health.py": '# "/health"\n@router.get("/db")\ndef db(): ...\n\n@router.get("/orders/{order_id}")\ndef order(): ...\n',
    "src/cors.py": "class Cors:\n    name = 'Access-Control-Allow-Origin'\n",
    "tests/test_app.py": 'client.get("/health/db")\nclient.get("/orders/42")\nCors()\n',
    "node_modules/x/index.js": 'app.get("/health/db")\n',
}


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_definitions_come_before_uses_and_tests_stay_out(tmp_path: Path) -> None:
    places = locate(written(tmp_path, FILES), re.compile(r"\bCors\b"), limit=9)
    assert [(p.file, p.line) for p in places[:2]] == [("src/app.py", 3), ("src/cors.py", 1)]
    assert all(not p.file.startswith("tests/") for p in places)
    assert [Location("README.md", 1)] == list(locate(tmp_path, "Ask `"))


def test_vendored_binary_and_large_files_are_left_out(tmp_path: Path) -> None:
    written(tmp_path, FILES)
    (tmp_path / "blob.py").write_bytes(b"\0needle")
    (tmp_path / "large.py").write_text("needle\n" + "x" * 1_000_001)
    (tmp_path / "loop.py").symlink_to("loop.py")
    assert locate(tmp_path, "needle") == ()
    assert all("node_modules" not in p.file for p in locate(tmp_path, "/health/db", limit=9))


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/health/db", Location("src/health.py", 2)),
        ("/orders/42", Location("src/health.py", 5)),
        ("/orders/42?full=1", Location("src/health.py", 5)),
        ("/nowhere", None),
        ("/nowhere/42", None),
    ],
)
def test_routes_are_found_also_composed_and_with_parameters(
    tmp_path: Path, path: str, place: Location | None
) -> None:
    found = Sources.read(written(tmp_path, FILES)).route(path)
    assert place == (found[0] if found else None)


@pytest.mark.parametrize(
    ("text", "path", "method", "line"),
    [
        (
            'router = APIRouter(prefix="/api/products")\n@router.get("")\n@router.get("/{id}")\n',
            "/api/products",
            "GET",
            1,
        ),
        (
            'router = APIRouter(prefix="/api/products")\n@router.get("")\n@router.get("/{id}")\n',
            "/api/products/7",
            "GET",
            3,
        ),
        (
            'router = APIRouter(prefix="/api")\n@router.get("/me")\n@router.post("/login")\n',
            "/api/login",
            "POST",
            3,
        ),
        ('@router.get("/orders")\n@router.post("/orders")\n', "/orders", "POST", 2),
        ("@bp.route('/users/<int:id>')\n", "/users/3", "GET", 1),
        ("urlpatterns = [\n    path('orders/<int:pk>/', view),\n]\n", "/orders/5/", "GET", 2),
        ("await fetch('/orders');\napp.get('/orders', list);\n", "/orders", "GET", 2),
        ("app.use('/api', api);\napi.get('/orders/:id', one);\n", "/api/orders/9", "GET", 2),
        ("@Controller('orders')\nclass C {\n  @Get()\n  all() {}\n  @Get(':id')\n", "/orders/9", "GET", 5),
        ('let app = Router::new().route("/orders/{id}", get(one));\n', "/orders/9", "GET", 1),
        ('#[get("/orders")]\nasync fn all() {}\n', "/orders", "GET", 1),
        ("const url = '/orders';\n", "/orders", "GET", 1),
    ],
)
def test_routes_of_every_framework_are_found(
    tmp_path: Path, text: str, path: str, method: str, line: int
) -> None:
    found = Sources.read(written(tmp_path, {"app.py": text})).route(path, method)
    assert Location("app.py", line) == found[0]


@pytest.mark.parametrize(
    ("files", "stack", "framework"),
    [
        ({"requirements.txt": "Flask==3.1\n"}, "python", "flask"),
        ({"pyproject.toml": 'dependencies = ["django>=5"]'}, "python", "django"),
        ({"pyproject.toml": 'dependencies = ["fastapi", "starlette"]'}, "python", "fastapi"),
        ({"package.json": '{"dependencies": {"express": "5"}}'}, "node", "express"),
        ({"package.json": '{"dependencies": {"@nestjs/core": "11", "express": "5"}}'}, "node", "nest"),
        ({"Cargo.toml": '[dependencies]\naxum = "0.8"\n'}, "rust", "axum"),
        ({"Cargo.toml": "not toml ["}, "rust", ""),
        ({"web/package.json": '{"dependencies": {}}', "pyproject.toml": "[project]"}, "python", ""),
        ({"README.md": "fastapi"}, "", ""),
    ],
)
def test_the_framework_is_read_from_the_manifest(
    tmp_path: Path, files: dict[str, str], stack: str, framework: str
) -> None:
    found = Sources.read(written(tmp_path, files))
    assert (stack, framework) == (found.stack, found.framework)
