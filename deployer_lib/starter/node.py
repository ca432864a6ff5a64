"""A Node project: package.json, its scripts and workspaces; Express, Fastify, Nest, Next, Vite."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Final

from deployer_lib.starter.facts import Found, Stack, line_of
from deployer_lib.starter.launch import launch, ported

if TYPE_CHECKING:
    from deployer_lib.starter.facts import Project

__all__ = ["node"]

_FRAMEWORKS: Final = (
    "next",
    "@nestjs/core",
    "nuxt",
    "express",
    "fastify",
    "koa",
    "hono",
    "@hapi/hapi",
    "vite",
    "react-scripts",
)
_INSTALLS: Final = {
    "package-lock.json": ["npm", "ci"],
    "pnpm-lock.yaml": ["pnpm", "install", "--frozen-lockfile"],
    "yarn.lock": ["yarn", "install", "--frozen-lockfile"],
    "bun.lock": ["bun", "install", "--frozen-lockfile"],
    "bun.lockb": ["bun", "install", "--frozen-lockfile"],
}
_DEVELOPMENT: Final = re.compile(
    r"nodemon|ts-node|tsx watch|--watch|nx serve|\bdev\b|vite(?! preview)|react-scripts start|nest start$"
)
_PAGES: Final = {
    "vite": ("dist", "dist/assets"),
    "react-scripts": ("build", "build/static"),
    "next": (".next", ".next/static"),
}


def node(project: Project) -> Stack:
    """Return what a Node project's files say."""
    text = project.text("package.json")
    about = _object(text)
    scripts = {name: str(script) for name, script in _inner(about, "scripts").items()}
    framework = _framework(text, about)
    name = framework.value if framework else ""
    lock = project.has(*_INSTALLS)
    install = Found(_INSTALLS[lock], lock) if lock else None
    runner = install.value[0] if install else "npm"
    output, bundle = _PAGES.get(name, ("dist", ""))
    start, unknown = _start(project, name, scripts, runner)
    steps = (
        [("install", install.value, install.file)]
        if install and name not in {"vite", "react-scripts"}
        else []
    )
    if schema := project.has("prisma/schema.prisma", "src/prisma/schema.prisma"):
        steps.append(("migrate", ["npx", "prisma", "migrate", "deploy", "--schema", schema], schema))
    return Stack(
        "node",
        Found(str(about.get("name", "")), "package.json", _line(text, '"name"')),
        framework,
        profile={"vite": "static", "react-scripts": "static", "next": "web", "nuxt": "web"}.get(name, "api"),
        lock=lock,
        install=install,
        tests=_script(text, scripts, "test", [runner, "test"]),
        build=_script(text, scripts, "build", [runner, "run", "build"]),
        output=(output,) if "build" in scripts else (),
        bundle=bundle if "build" in scripts else "",
        steps=tuple(steps),
        start=start,
        variables={"PORT": "{port}"} if _reads_port(project, name) else {},
        unknown=unknown,
    )


def _object(text: str) -> dict[str, object]:
    try:
        read = json.loads(text)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _inner(table: dict[str, object], name: str) -> dict[str, object]:
    inner = table.get(name)
    return inner if isinstance(inner, dict) else {}


def _line(text: str, part: str) -> int:
    position = text.find(part)
    return line_of(text, position) if position >= 0 else 0


def _framework(text: str, about: dict[str, object]) -> Found[str] | None:
    for name in _FRAMEWORKS:
        for kind in ("dependencies", "devDependencies"):
            if name in _inner(about, kind) and (kind == "dependencies" or name in {"vite", "react-scripts"}):
                return Found(name, "package.json", _line(text, f'"{name}"'))
    return None


def _script(text: str, scripts: dict[str, str], name: str, words: list[str]) -> Found[list[str]] | None:
    if name not in scripts or "no test specified" in scripts[name]:
        return None
    return Found(words, "package.json", _line(text, f'"{name}":'))


def _reads_port(project: Project, framework: str) -> bool:
    return framework in {"next", "nuxt"} or any(
        re.search(r"process\.env(\.PORT\b|\[['\"]PORT['\"]\])|env\.PORT\b", text)
        for _, text in project.sources((".js", ".ts", ".mjs", ".cjs", ".tsx"))
    )


def _start(
    project: Project, framework: str, scripts: dict[str, str], runner: str
) -> tuple[Found[list[str]] | None, tuple[str, ...]]:
    text = project.text("package.json")
    if framework == "vite":
        words = ["npx", "vite", "preview", "--host", "127.0.0.1", "--port", "{port}", "--strictPort"]
        why = "deploy: who serves the built files; vite preview stands in for it"
        return Found(words, "package.json", _line(text, '"vite"')), (why,)
    for name in ("start:prod", "start:production", "serve:prod", "start"):
        script = scripts.get(name, "")
        if script and not _DEVELOPMENT.search(script):
            words = [runner, "run", name]
            if re.match(r"(node|next|nuxt)\b", script) and not re.search(r"[|&;$]", script):
                words = ported(shlex.split(script))
                words = ["npx", *words] if words[0] != "node" else words
            return Found(words, "package.json", _line(text, f'"{name}":')), ()
    if (given := launch(project)) is not None:
        why = f"deploy.start: {given.place} starts it inside its image; whether the path is the same in the working copy"
        return Found(ported(given.value), given.file, given.line), (why,)
    return None, ()
