"""A Python project: pyproject.toml, requirements, FastAPI, Flask, Django."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Final

from deployer_lib.starter.facts import Found, Stack, line_of
from deployer_lib.starter.launch import launch, ported

if TYPE_CHECKING:
    from deployer_lib.starter.facts import Project

__all__ = ["MANIFESTS", "python"]

MANIFESTS: Final = ("pyproject.toml", "requirements.txt", "setup.cfg", "setup.py", "Pipfile")
_REQUIREMENTS: Final = (
    "requirements.lock",
    "requirements.txt",
    "requirements/production.txt",
    "requirements/prod.txt",
)
_FRAMEWORKS: Final = (
    "fastapi",
    "flask",
    "django",
    "starlette",
    "litestar",
    "aiohttp",
    "quart",
    "sanic",
    "tornado",
)
_MADE: Final = re.compile(
    r"^(\w+)\s*(?::[^=\n]+)?=\s*(?:\w+\.)?(FastAPI|Flask|Starlette|Litestar|Quart)\(", re.MULTILINE
)
_FACTORY: Final = re.compile(r"^def\s+(create_app|make_app|build_app|get_app)\(", re.MULTILINE)


def python(project: Project) -> Stack:
    """Return what a Python project's files say."""
    manifest = project.has(*MANIFESTS)
    about = _pyproject(project)
    framework = _framework(project)
    folder, steps, install = _environment(project)
    start, unknown = _start(project, about, framework)
    if start is not None:
        start = Found(_from(folder, start.value), start.file, start.line)
    build = None
    if "build-system" in about:
        line = _line(project, "pyproject.toml", "[build-system]")
        build = Found(["uv", "build", "--wheel", "--out-dir", "dist"], "pyproject.toml", line)
    return Stack(
        "python",
        Found(str(_table(about, "project").get("name", "")), manifest, _line(project, manifest, "name")),
        framework,
        lock=_lock(project),
        install=install,
        tests=_tests(project),
        build=build,
        output=("dist",) if build else (),
        steps=(*steps, *_migrate(project, folder)),
        start=start,
        unknown=unknown,
    )


def _pyproject(project: Project) -> dict[str, object]:
    try:
        return tomllib.loads(project.text("pyproject.toml"))
    except tomllib.TOMLDecodeError:
        return {}


def _table(table: dict[str, object], *names: str) -> dict[str, object]:
    for name in names:
        inner = table.get(name)
        table = inner if isinstance(inner, dict) else {}
    return table


def _line(project: Project, file: str, text: str) -> int:
    position = project.text(file).find(text)
    return line_of(project.text(file), position) if position >= 0 else 0


def _framework(project: Project) -> Found[str] | None:
    for file in MANIFESTS:
        text = project.text(file)
        for name in _FRAMEWORKS:
            if match := re.search(
                rf"""^\s*["']?{name}\b(?![-_.\w]*\s*=\s*\{{?\s*path)""", text, re.IGNORECASE | re.MULTILINE
            ):
                return Found(name, file, line_of(text, match.end()))
            if match := re.search(rf"""["']{name}\b[^-\w]""", text, re.IGNORECASE):
                return Found(name, file, line_of(text, match.start()))
    return None


def _environment(
    project: Project,
) -> tuple[str, tuple[tuple[str, list[str], str], ...], Found[list[str]] | None]:
    """Return the folder of executables, the steps that make it, and the clean install."""
    if project.has("uv.lock"):
        return (
            "{project}/.venv/bin",
            (("install", ["uv", "sync", "--frozen", "--no-dev"], "uv.lock"),),
            Found(["uv", "sync", "--frozen"], "uv.lock"),
        )
    if project.has("poetry.lock"):
        return (
            "",
            (("install", ["poetry", "install", "--only", "main", "--no-interaction"], "poetry.lock"),),
            Found(["poetry", "install", "--no-interaction"], "poetry.lock"),
        )
    locked = project.has(*_REQUIREMENTS)
    what = (["-r", locked] if locked else []) + (["."] if project.has("pyproject.toml", "setup.py") else [])
    into = ["uv", "pip", "install", "--python", "{state}/venv/bin/python"]
    steps = (
        ("environment", ["uv", "venv", "--clear", "{state}/venv"], ""),
        ("install", [*into, *(what or ["."])], locked),
    )
    return "{state}/venv/bin", steps, None


def _migrate(project: Project, folder: str) -> tuple[tuple[str, list[str], str], ...]:
    """Return the step that brings the database up to date, where Alembic or Django do that."""
    if project.has("alembic.ini"):
        return (("migrate", _from(folder, ["alembic", "upgrade", "head"]), "alembic.ini"),)
    if project.has("manage.py"):
        return (("migrate", _from(folder, ["python", "manage.py", "migrate", "--noinput"]), "manage.py"),)
    return ()


def _from(folder: str, words: list[str]) -> list[str]:
    """Return a command with its program from the environment that the steps made."""
    if not folder:
        return ["poetry", "run", *words]
    if not words or "/" in words[0] or words[0] in {"sh", "bash", "uv", "npm", "node", "make"}:
        return words
    return [f"{folder}/{words[0]}", *words[1:]]


def _start(
    project: Project, about: dict[str, object], framework: Found[str] | None
) -> tuple[Found[list[str]] | None, tuple[str, ...]]:
    if (given := launch(project)) is not None:
        return Found(ported(given.value), given.file, given.line), ()
    name = framework.value if framework else ""
    if name == "django" and project.has("manage.py"):
        if match := re.search(
            r"""DJANGO_SETTINGS_MODULE["'],\s*["']([\w.]+)\.settings""", project.text("manage.py")
        ):
            words = ["python", "-m", "gunicorn", f"{match[1]}.wsgi", "--bind", "127.0.0.1:{port}"]
            return Found(words, "manage.py", line_of(project.text("manage.py"), match.start())), ()
        return Found(["python", "manage.py", "runserver", "127.0.0.1:{port}", "--noreload"], "manage.py"), ()
    scripts = _table(about, "project", "scripts")
    if scripts:
        script = str(_table(about, "project").get("name", ""))
        script = script if script in scripts else next(iter(scripts))
        line = _line(project, "pyproject.toml", "[project.scripts]")
        return Found([script], "pyproject.toml", line), (
            f"deploy.start: arguments of {script}; it must listen on {{port}}",
        )
    return _server(project), ()


def _server(project: Project) -> Found[list[str]] | None:
    """Return the command of a server for the application object that the sources make."""
    for pattern in (_MADE, _FACTORY):
        for file, text in project.sources((".py",)):
            if match := pattern.search(text):
                module = (
                    file.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")
                )
                line = line_of(text, match.start())
                return Found(
                    _served(module, match[1], flask="Flask" in text, factory=pattern is _FACTORY), file, line
                )
    return None


def _served(module: str, name: str, *, flask: bool, factory: bool) -> list[str]:
    if flask:
        call = f"{module}:{name}()" if factory else f"{module}:{name}"
        return ["python", "-m", "flask", "--app", call, "run", "--port", "{port}"]
    words = ["python", "-m", "uvicorn", f"{module}:{name}", "--host", "127.0.0.1", "--port", "{port}"]
    return [*words, "--factory"] if factory else words


def _tests(project: Project) -> Found[list[str]] | None:
    for file in ("pyproject.toml", "pytest.ini", "setup.cfg", "tox.ini", "requirements-dev.txt"):
        if "pytest" in project.text(file):
            words = ["uv", "run", "--all-extras"]
            if not project.has("pyproject.toml"):
                words = [
                    "uv",
                    "run",
                    "--no-project",
                    "--with-requirements",
                    "requirements.txt",
                    "--with",
                    "pytest",
                ]
            words += ["python", "-m", "pytest", "--junitxml=report.xml"]
            return Found(words, file, _line(project, file, "pytest"))
    return None


def _lock(project: Project) -> str:
    """Return the file from which an install can be repeated: a lock, or requirements that are pinned."""
    for file in ("uv.lock", "poetry.lock", *_REQUIREMENTS):
        if project.has(file) and (file.endswith(".lock") or "==" in project.text(file)):
            return file
    return ""
