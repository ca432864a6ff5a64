"""Kubernetes manifests, systemd units, Procfiles and the descriptions of hosting services."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

import yaml

from deployer_lib.probes.variables.languages.compose import is_compose
from deployer_lib.probes.variables.languages.files import texts_of
from deployer_lib.probes.variables.languages.kubernetes import (
    of_manifest,
    of_template,
    variables_of_kustomize,
)
from deployer_lib.probes.variables.languages.placeholders import assigned_in, line_of, placeholders
from deployer_lib.probes.variables.languages.shell import read_commands
from deployer_lib.probes.variables.languages.yaml_nodes import Unparsable, documents, entries, under
from deployer_lib.probes.variables.model import Found, Read, Reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from deployer_lib.probes.variables.model import Need

__all__ = ["Manifests"]

_YAML: Final = frozenset({".yaml", ".yml"})
_CLAIMS: Final = (re.compile(r"^apiVersion\s*:", re.MULTILINE), re.compile(r"^kind\s*:", re.MULTILINE))
_PROCFILE: Final = re.compile(r"Procfile(?:\.\w+)?")
_PROCESS: Final = re.compile(r"^([\w-]+):[ \t]*", re.MULTILINE)
_RENDER: Final = frozenset({"render.yaml", "render.yml", "heroku.yml"})
_COMMANDS: Final = frozenset({"startCommand", "buildCommand", "preDeployCommand", "initialDeployHook"})
_UNIT_SUFFIXES: Final = frozenset({".service"})
_UNIT: Final = re.compile(r"^\[Service\]", re.MULTILINE)
_SETTING: Final = re.compile(r"^([A-Za-z]+)=((?:.*\\\n)*.*)$", re.MULTILINE)
_WORD: Final = re.compile(r"""["']?([A-Za-z_]\w*)(=)?""")
#: Set by systemd itself for what it starts.
_SYSTEMD: Final = re.compile(
    r"MAINPID|MANAGERPID|INVOCATION_ID|JOURNAL_STREAM|NOTIFY_SOCKET|SERVICE_RESULT|EXIT_(?:CODE|STATUS)|WATCHDOG_\w+|LISTEN_\w+"
    r"|(?:STATE|RUNTIME|LOGS|CACHE|CONFIGURATION|CREDENTIALS)_DIRECTORY|HOME|USER|LOGNAME|SHELL|PATH|LANG|XDG_RUNTIME_DIR"
)


class Manifests:
    """Reads what describes a deployment."""

    language = "manifests"
    suffixes: frozenset[str] = frozenset()
    deploy = True

    def wants(self, relative: Path, head: bytes) -> bool:
        """Tell whether a file may describe a deployment; what it is shows when it is read.

        Args:
            relative: the file, relative to the project.
            head: its first bytes.
        """
        if relative.suffix in _YAML:
            return not is_compose(relative)
        if relative.name == "app.json":
            return b"expo" not in head
        return relative.suffix in _UNIT_SUFFIXES or _PROCFILE.fullmatch(relative.name) is not None

    def read(self, root: Path, files: Sequence[Path]) -> Found:
        """Return what the files, given relative to ``root``, leave to be filled in or passed on."""
        found = Found()
        texts = dict(texts_of(root, files, found))
        vars_ = variables_of_kustomize(
            [text for path, text in texts.items() if path.name.startswith("kustomization")]
        )
        for relative, text in texts.items():
            path = relative.as_posix()
            try:
                found.reads.extend(_reads(relative, text, vars_))
            except Unparsable as error:
                if "{{" in text or "{%" in text:
                    found.reads.extend(of_template(path, text, vars_))
                else:
                    found.skipped.append((path, f"it does not parse: {error.why}", error.line))
        return found


def _reads(relative: Path, text: str, kustomize: frozenset[str]) -> Iterator[Read]:
    path = relative.as_posix()
    if relative.name in _RENDER:
        yield from _of_host(path, text)
    elif relative.suffix in _YAML:
        # Most YAML is something else, and parsing is dear.
        if "$" in text and all(claim.search(text) for claim in _CLAIMS):
            yield from of_manifest(path, text, kustomize)
    elif relative.suffix in _UNIT_SUFFIXES:
        if _UNIT.search(text):
            yield from _of_unit(path, text)
    elif relative.name == "app.json":
        yield from _of_app(path, text)
    else:
        yield from _of_procfile(path, text)


def _of_procfile(path: str, text: str) -> Iterator[Read]:
    for match in _PROCESS.finditer(text):
        end = text.find("\n", match.end())
        command = text[match.end() : end if end >= 0 else len(text)]
        yield from _commands(path, text, command, match.end(), "Procfile")


def _commands(path: str, text: str, command: str, at: int, what: str) -> Iterator[Read]:
    line, column = line_of(text, at)
    for one in read_commands(command):
        place = one.column + (column if one.row == 0 else 1)
        yield Read(
            one.name, one.need, one.default, Reference(path, line + one.row, place, f"{what} {one.idiom}")
        )


def _of_host(path: str, text: str) -> Iterator[Read]:
    """Read render.yaml and heroku.yml: their commands, and what a person is asked for."""
    for document in documents(text):
        for _, process in entries(under(document, "run")):
            command = under(process, "command") or process
            for node in command.value if isinstance(command, yaml.SequenceNode) else [command]:
                yield from _command_node(path, text, node)
        for listed in ("services", "jobs"):
            services = under(document, listed)
            for service in services.value if isinstance(services, yaml.SequenceNode) else ():
                for key, value in entries(service):
                    if key in _COMMANDS:
                        yield from _command_node(path, text, value)
                yield from _asked(path, text, under(service, "envVars"))
        for group in _items(under(document, "envVarGroups")):
            yield from _asked(path, text, under(group, "envVars"))


def _items(node: yaml.Node | None) -> list[yaml.Node]:
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _command_node(path: str, text: str, node: yaml.Node) -> Iterator[Read]:
    if isinstance(node, yaml.ScalarNode):
        yield from _commands(path, text, node.value, node.start_mark.index, "command")


def _asked(path: str, text: str, listed: yaml.Node | None) -> Iterator[Read]:
    for item in _items(listed):
        key, sync = under(item, "key"), under(item, "sync")
        if isinstance(key, yaml.ScalarNode) and isinstance(sync, yaml.ScalarNode) and sync.value == "false":
            yield _at(path, text, key.value, "optional", None, key.start_mark.index, "sync: false")


def _of_app(path: str, text: str) -> Iterator[Read]:
    """Read Heroku's app.json: each variable that an application is to be given."""
    try:
        declared = json.loads(text)
    except (ValueError, RecursionError) as error:
        if '"env"' in text and '"buildpacks"' in text:
            raise Unparsable(str(error), getattr(error, "lineno", 0)) from error
        return
    variables = declared.get("env") if isinstance(declared, dict) and "expo" not in declared else None
    for name, said in variables.items() if isinstance(variables, dict) else ():
        at = max(text.find(f'"{name}"', text.find('"env"')), 0)
        if isinstance(said, dict):
            value = said.get("value")
            generated = said.get("generator") is not None
            need: Need = "default" if value is not None or generated else "required"
            if need == "required" and said.get("required") is False:
                need = "optional"
            yield _at(path, text, name, need, None if value is None else str(value), at, "app.json env")
        else:
            yield _at(path, text, name, "default", str(said), at, "app.json env")


def _of_unit(path: str, text: str) -> Iterator[Read]:
    """Read a systemd unit: what its commands are filled in with, and what it passes on."""
    settings = [
        (match[1], match[2], match.start(2))
        for match in _SETTING.finditer(text)
        if not match[0].startswith(("#", ";"))
    ]
    known = {found[1] for key, value, _ in settings if key == "Environment" for found in _set_in(value)}
    for key, value, at in settings:
        if key == "PassEnvironment":
            for match in _WORD.finditer(value):
                yield _at(path, text, match[1], "optional", None, at + match.start(1), "PassEnvironment")
        elif key.startswith("Exec"):
            own = known | assigned_in(value)
            for one in placeholders(value, start=at):
                if one.name not in own and not _SYSTEMD.fullmatch(one.name):
                    yield _at(path, text, one.name, one.need, one.default, one.at, f"{key} {one.idiom}")


def _set_in(value: str) -> Iterator[re.Match[str]]:
    return re.finditer(r"""(?:^|[\s"'])([A-Za-z_]\w*)=""", value)


def _at(path: str, text: str, name: str, need: Need, default: str | None, at: int, idiom: str) -> Read:
    line, column = line_of(text, at)
    return Read(name, need, default, Reference(path, line, column, idiom))
