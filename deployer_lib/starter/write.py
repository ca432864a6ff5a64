"""The first parameters file, as text: every line says what was found and where, or what is not known."""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deployer_lib.starter.facts import Found, Stack
    from deployer_lib.starter.guesses import Guesses
    from deployer_lib.starter.routes import Route
    from deployer_lib.starter.variables import Wanted

__all__ = ["Sheet", "yaml"]

_HEAD = """\
# {name}: what deployer init found in {path}. Look at every line; those marked UNKNOWN need you.
# What each key means: docs/parameters.md. Nothing here has touched the application yet.
"""


@dataclass(slots=True)
class Sheet:
    """Everything that the file is written from."""

    name: str
    path: str  # of the project, relative to the root
    stack: Stack
    port: Found[int] | None
    wanted: list[Wanted]  # what must be set
    more: list[Wanted]  # what the code reads besides
    example: str
    guesses: Guesses
    above: str = ""  # a lock file in a folder above: the project is part of a workspace
    unknown: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def add(self, text: str, remark: str = "") -> None:
        """Write one line, with a remark behind it."""
        self.lines.append(f"{text}  # {_line(remark)}" if remark else text)

    def ask(self, indent: str, question: str) -> None:
        """Write what is not known, and keep it for the end."""
        self.unknown.append(question)
        self.lines.append(f"{indent}# UNKNOWN: {_line(question)}")


def yaml(sheet: Sheet) -> str:
    """Return the file's text; ``sheet.unknown`` then holds what it asks."""
    _top(sheet)
    _build(sheet)
    _deploy(sheet)
    _smoke(sheet)
    _health(sheet)
    return _HEAD.format(name=sheet.name, path=sheet.path) + "\n".join(sheet.lines) + "\n"


def _line(text: str) -> str:
    """Return a text as one line: a file's name may hold anything."""
    return " ".join(text.split())


def _words(words: list[str]) -> str:
    return "[" + ", ".join(_text(word) for word in words) + "]"


def _text(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z/][\w./-]*", text) else json.dumps(text, ensure_ascii=False)


def _top(sheet: Sheet) -> None:
    stack, add = sheet.stack, sheet.add
    add(f"environment: {sheet.name}")
    found = f"{stack.framework.value}, {stack.framework.place}" if stack.framework else ""
    add(f"profile: {stack.profile}", found or "web, api, worker, job or static")
    if not stack.framework:
        sheet.ask("", "profile: no framework that is known was found")
    add(
        "# observe only asks. Add write (log-ins, data), stress (load) and disrupt (deploy, restart, faults) once the"
    )
    add("# database and services below may be used for that; without disrupt nothing is deployed.")
    add("allow: [observe]")
    add("")
    add("project:")
    add(f"  path: {_text(sheet.path)}")
    add(f"  name: {_text(stack.application.value or sheet.name)}", stack.application.place)
    add(f"  stack: {stack.name}")
    add("")
    if stack.tests:
        add("preflight:")
        add("  tests:")
        add(f"    command: {_words(stack.tests.value)}", stack.tests.place)
        if "--junitxml=report.xml" in stack.tests.value:
            add("    report: report.xml")
        add("")
    if stack.install:
        add("install:")
        add(f"  command: {_words(stack.install.value)}", stack.install.place)
        add("")
    elif not stack.lock:
        above = (
            f"; one lies in the folder above, {sheet.above}, which the working copy leaves out"
            if sheet.above
            else ""
        )
        sheet.ask("", f"install: no lock file was found{above}; without one no two installs are the same")
        add("")
    if sheet.example:
        add("variables:")
        add(f"  example: {_text(sheet.example)}")
        add("")


def _build(sheet: Sheet) -> None:
    stack, add = sheet.stack, sheet.add
    if not stack.build:
        sheet.ask("", "build: no build was found; leave it out if the sources are what is deployed")
        add("")
        return
    add("build:")
    add(f"  command: {_words(stack.build.value)}", stack.build.place)
    add(f"  output: {_words(list(stack.output))}", "where this build usually writes; removed before it")
    if stack.bundle:
        add(f"  bundle: {stack.bundle}")
    if public := [one for one in sheet.wanted if _in_bundle(one)]:
        add("  variables:", "these end up in what browsers load, so none may be a secret")
        _given(sheet, "    ", "build.variables", public)
    add("")


def _deploy(sheet: Sheet) -> None:
    stack, add, guesses = sheet.stack, sheet.add, sheet.guesses
    add("deploy:")
    add("  kind: process", "started here; command or none for a target elsewhere")
    reads_port = bool(stack.variables) or (
        stack.start is not None and "{port}" in " ".join(stack.start.value)
    )
    if not reads_port:
        if sheet.port:
            add(f"  port: {sheet.port.value}", sheet.port.place)
        else:
            sheet.ask("  ", "deploy.port: the port on which it listens, or how it is told {port}")
    _steps(sheet)
    for question in stack.unknown:
        sheet.ask("  ", question)
    if stack.start:
        add(f"  start: {_words(stack.start.value)}", stack.start.place)
    else:
        sheet.ask("  ", "deploy.start: the command that starts it")
        add('  start: ["./start", "{port}"]')
    _variables(sheet)
    add("  ready:")
    if guesses.health:
        add(f"    path: {_text(guesses.health.path)}", guesses.health.place)
    else:
        root = next((route.place for route in guesses.roots), "")
        if stack.profile != "static":
            sheet.ask("    ", "deploy.ready.path: no health route was found; / stands in for it")
        add("    path: /", root)
    if guesses.version:
        add(f"    version_path: {_text(guesses.version.path)}", guesses.version.place)
    elif stack.profile != "static":
        sheet.ask("    ", "deploy.ready.version_path: a path whose JSON says which version runs")
    add("  rollback:")
    sheet.ask("    ", "deploy.rollback: the steps back, and their risk (LOW, MEDIUM, HIGH) with its reason")
    add("    steps: []")
    add("")


def _steps(sheet: Sheet) -> None:
    if sheet.stack.steps:
        sheet.add("  steps:")
    for name, command, place in sheet.stack.steps:
        sheet.add(f"    - {{name: {name}, command: {_words(command)}}}", place)


def _variables(sheet: Sheet) -> None:
    own = sheet.stack.variables
    rest = [one for one in sheet.wanted if one.name not in own and not _in_bundle(one)]
    if sheet.more:
        names = ", ".join(f"{one.name} ({one.file}:{one.line})" for one in sheet.more)
        sheet.add("  # Read by the code as well, with a default or not:")
        for line in textwrap.wrap(_line(names), 100):
            sheet.add(f"  #   {line}")
    if own or rest:
        sheet.add("  variables:", "nothing else of this machine's environment reaches the process")
    elif not sheet.more and sheet.stack.profile != "static":
        sheet.ask("  ", "deploy.variables: nothing that the code reads was found; name what it needs")
    for name, value in own.items():
        sheet.add(f"    {name}: {json.dumps(value)}")
    _given(sheet, "    ", "deploy.variables", rest)


def _given(sheet: Sheet, indent: str, section: str, wanted: list[Wanted]) -> None:
    for one in wanted:
        place = f"{one.file}:{one.line}"
        if one.value:
            sheet.add(f"{indent}{one.name}: {_text(one.value)}", f"{place} says so; does it fit here?")
        else:
            sheet.add(f"{indent}{one.name}: ${{env:{one.name}}}", place)
    if names := [one.name for one in wanted if not one.value]:
        sheet.ask(
            indent, f"{section}: export {', '.join(names)} before a run, or take out what has a default"
        )


def _in_bundle(one: Wanted) -> bool:
    """Tell whether a variable is read by the build, and ends up in what browsers load."""
    return one.name.startswith(("VITE_", "NEXT_PUBLIC_", "REACT_APP_", "NUXT_PUBLIC_"))


def _smoke(sheet: Sheet) -> None:
    add, guesses = sheet.add, sheet.guesses
    if sheet.stack.profile == "static":
        add("smoke:")
        add('  endpoints: [{path: "/", expect_headers: {content-type: text/html*}}]')
        add("")
        return
    add("smoke:")
    if guesses.health:
        add(
            f"  health: {{path: {_text(guesses.health.path)}}}",
            f"{guesses.health.place}; add expect: for what it says",
        )
    else:
        sheet.ask("  ", "smoke.health: the health route")
        add("  health: {path: /}")
    if guesses.ready:
        add(f"  database: {{path: {_text(guesses.ready.path)}}}", guesses.ready.place)
    else:
        sheet.ask("  ", "smoke.database: a path that answers whether the database is reached")
    if guesses.reads:
        add("  # Found, and to be asked once their status is known (200, or 401 without a log-in):")
        add("  # endpoints:")
        for route in guesses.reads:
            add(f"  #   - {{path: {_text(route.path)}}}", route.place)
    else:
        sheet.ask("  ", "smoke.endpoints: what callers ask for")
    _auth(sheet)
    if guesses.cors:
        sheet.ask(
            "  ",
            f"smoke.cors: {guesses.cors.value} stands at {guesses.cors.place}; which front ends may call",
        )
        path = next((route.path for route in guesses.reads), "/")
        add("  # cors:")
        add("  #   origins: [https://front-end.example]")
        add(f"  #   path: {_text(path)}")
    add("")


def _auth(sheet: Sheet) -> None:
    add, login = sheet.add, sheet.guesses.login
    if login is None:
        sheet.ask(
            "  ",
            "smoke.auth: no log-in route was found; not_applicable: {smoke.authentication: why} if there is none",
        )
        return
    form = re.search(r"OAuth2PasswordRequestForm|urlencoded|Form\(", login.near)
    shape = "it takes a form, and bodies are sent as JSON" if form else "the names in its body"
    sheet.ask("  ", f"smoke.auth: {shape}, where the token stands in the answer, and an account for it")
    add("  # auth:")
    add("  #   login:")
    add(f"  #     path: {_text(login.path)}", login.place)
    add("  #     method: POST")
    add(f"  #     body: {_body(login)}")
    add("  #   token: $.access_token")
    protected = sheet.guesses.protected
    add(
        f"  #   protected: {{path: {_text(protected.path if protected else '/me')}}}",
        protected.place if protected else "not found: something that needs the token",
    )


def _body(login: Route) -> str:
    name = "username" if re.search(r"username", login.near) and "email" not in login.near else "email"
    inner = f'{name}: "${{env:SMOKE_USER}}", password: "${{env:SMOKE_PASSWORD}}"'
    return f"{{user: {{{inner}}}}}" if re.search(r"body\.user\b", login.near) else f"{{{inner}}}"


def _health(sheet: Sheet) -> None:
    add, guesses = sheet.add, sheet.guesses
    add("health:")
    if guesses.metrics:
        add(f"  metrics: {{path: {_text(guesses.metrics.value)}}}", guesses.metrics.place)
    elif sheet.stack.profile != "static":
        sheet.ask("  ", "health.metrics: no route /metrics was found")
    if sheet.stack.profile != "static":
        add("  logs: {}", "what the process prints; path: for a file")
    path = next((route.path for route in guesses.reads), guesses.health.path if guesses.health else "/")
    add(f"  load: {{path: {_text(path)}}}", "asked only where allow holds stress")
    add("  headers:")
    add('    paths: ["/"]')
    add("    https: false", "true where users reach it by https")
