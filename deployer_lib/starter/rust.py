"""A Rust project: Cargo.toml; axum, actix, rocket."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Final

from deployer_lib.starter.facts import Found, Stack, line_of

if TYPE_CHECKING:
    from deployer_lib.starter.facts import Project

__all__ = ["rust"]

_FRAMEWORKS: Final = ("axum", "actix-web", "rocket", "warp", "poem", "tide", "salvo")


def rust(project: Project) -> Stack:
    """Return what a Rust project's files say."""
    text = project.text("Cargo.toml")
    try:
        about = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        about = {}
    package = about.get("package", {})
    dependencies = about.get("dependencies", {})
    name = str(package.get("name", ""))
    programs = [str(one.get("name", "")) for one in about.get("bin", [])]
    program = package.get("default-run") or (programs[0] if programs else name)
    locked = ["--locked"] if project.has("Cargo.lock") else []
    framework = next((one for one in _FRAMEWORKS if one in dependencies), "")
    variables = {"ROCKET_PORT": "{port}"} if framework == "rocket" else {}
    if any(re.search(r'env::var(_os)?\(\s*"PORT"', source) for _, source in project.sources((".rs",))):
        variables["PORT"] = "{port}"
    unknown = [] if locked else ["install: there is no Cargo.lock, and an application commits it"]
    if len(programs) > 1:
        unknown.append(f"deploy.start: which of {', '.join(programs)} is the server")
    line = _line(text, r"^\[\[bin\]\]") if programs else _line(text, r"^name\s*=")
    return Stack(
        "rust",
        Found(name, "Cargo.toml", _line(text, r"^name\s*=")),
        Found(framework, "Cargo.toml", _line(text, rf"^(\[dependencies\.)?{framework}\b"))
        if framework
        else None,
        lock="Cargo.lock" if locked else "",
        install=Found(["cargo", "fetch", *locked], "Cargo.lock") if locked else None,
        tests=Found(["cargo", "test", *locked], "Cargo.toml"),
        build=Found(["cargo", "build", "--release", *locked], "Cargo.toml"),
        output=(f"target/release/{program}",),
        start=Found([f"{{project}}/target/release/{program}"], "Cargo.toml", line) if program else None,
        variables=variables,
        unknown=tuple(unknown),
    )


def _line(text: str, pattern: str) -> int:
    match = re.search(pattern, text, re.MULTILINE)
    return line_of(text, match.start()) if match else 0
