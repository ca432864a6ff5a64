"""How a project is started elsewhere: Procfile, Dockerfile, compose."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Final

from deployer_lib.starter.facts import Found, line_of

if TYPE_CHECKING:
    from deployer_lib.starter.facts import Project

__all__ = ["COMPOSE", "launch", "port", "ported"]

COMPOSE: Final = ("compose.yml", "compose.yaml", "docker-compose.yml", "docker-compose.yaml")
_SHELL: Final = re.compile(r"[|&;<>`]|\$\(")
_SERVERS: Final = {
    "uvicorn": "--port",
    "hypercorn": "--bind",
    "gunicorn": "--bind",
    "fastapi": "--port",
    "flask": "--port",
}
_LISTENS: Final = re.compile(
    r"""(?:listen\(|bind\(|bind:\s*|from\(\()\s*&?["'(\[]*(?:["']?(?:\d{1,3}(?:\.\d{1,3}){3}|localhost|\[::\]?)["':,\s]*)?(\d{4,5})\b"""
)


def launch(project: Project) -> Found[list[str]] | None:
    """Return the command that starts the application, by Procfile or Dockerfile."""
    return _procfile(project) or _dockerfile(project)


def _procfile(project: Project) -> Found[list[str]] | None:
    for number, line in enumerate(project.text("Procfile").splitlines(), 1):
        kind, colon, command = line.partition(":")
        if colon and kind.strip() == "web":
            return Found(_argv(command.strip()), "Procfile", number)
    return None


def _dockerfile(project: Project) -> Found[list[str]] | None:
    """Return the last stage's ENTRYPOINT and CMD."""
    text = re.sub(r"\\\n", "  ", project.text("Dockerfile"))
    parts: dict[str, tuple[list[str], int]] = {}
    copied: dict[str, str] = {}  # what stands in the image, by where the project has it
    for number, line in enumerate(project.text("Dockerfile").splitlines(), 1):
        word = line.strip().partition(" ")[0].upper()
        if word == "FROM":
            parts.clear()
        elif match := re.match(r"\s*COPY\s+([\w./-]+)\s+(?:\./)?([\w./-]+)\s*$", line):
            copied[match[2]] = match[1]
        elif word in {"CMD", "ENTRYPOINT"} and (
            whole := re.search(re.escape(line.rstrip(" \\")) + r".*", text)
        ):
            parts[word] = (_argv(whole[0].strip().partition(" ")[2].strip()), number)
    words = [word for name in ("ENTRYPOINT", "CMD") for word in parts.get(name, ([], 0))[0]]
    words = [copied.get(word, word) for word in words]
    return Found(words, "Dockerfile", max(number for _, number in parts.values())) if words else None


def _argv(command: str) -> list[str]:
    if command.startswith("["):
        try:
            return [str(word) for word in json.loads(command)]
        except ValueError:
            return []
    if _SHELL.search(command):
        return ["sh", "-c", re.sub(r"\$\{?PORT(:-?\d+)?\}?", "{port}", command)]
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


def ported(words: list[str]) -> list[str]:
    """Return a command whose port is Deployer's: ``{port}`` for the one that stands there, or added for known servers."""
    done = [re.sub(r"\$\{?PORT(:-?\d+)?\}?", "{port}", word) for word in words]
    for index, word in enumerate(done):
        if index and done[index - 1] in {"--port", "-p", "-P"} and word.isdigit():
            done[index] = "{port}"
        done[index] = re.sub(r"^(--port=)\d+$", r"\1{port}", done[index])
        done[index] = re.sub(
            r"^(--bind=|-b)?(\d[\d.]*|localhost):\d{2,5}$", r"\g<1>127.0.0.1:{port}", done[index]
        )
    done = ["127.0.0.1" if word == "0.0.0.0" else word for word in done]  # noqa: S104  (what stands there is taken out)
    server = next((word.rsplit("/", 1)[-1] for word in done if word.rsplit("/", 1)[-1] in _SERVERS), "")
    if server and "{port}" not in " ".join(done):
        option = _SERVERS[server]
        done += [option, "{port}" if option == "--port" else "127.0.0.1:{port}"]
    return done


def port(project: Project, suffixes: tuple[str, ...]) -> Found[int] | None:
    """Return a port that the code listens on, or that the Dockerfile exposes."""
    for file, text in project.sources(suffixes):
        if match := _LISTENS.search(text):
            return Found(int(match[1]), file, line_of(text, match.start(1)))
    if match := re.search(r"^EXPOSE\s+(\d+)", project.text("Dockerfile"), re.MULTILINE):
        return Found(int(match[1]), "Dockerfile", line_of(project.text("Dockerfile"), match.start()))
    return None
