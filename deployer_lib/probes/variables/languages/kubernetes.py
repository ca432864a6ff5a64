"""Kubernetes manifests, Helm templates and kustomizations: what is still to be filled in, and what containers read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import yaml

from deployer_lib.probes.variables.languages.placeholders import assigned_in, line_of, placeholders
from deployer_lib.probes.variables.languages.shell import read_commands
from deployer_lib.probes.variables.languages.yaml_nodes import (
    Unparsable,
    children,
    documents,
    entries,
    scalars,
    under,
    written,
)
from deployer_lib.probes.variables.model import Read, Reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from deployer_lib.probes.variables.model import Need

__all__ = ["of_manifest", "of_template", "variables_of_kustomize"]

_CONTAINERS: Final = frozenset({"containers", "initContainers", "ephemeralContainers"})
#: $(X) of Kubernetes itself; $$(X) is meant as it stands.
_REFERRED: Final = re.compile(r"(?<!\$)\$\(([A-Z_][A-Z0-9_]*)\)")
_UPPER: Final = re.compile(r"[A-Z_][A-Z0-9_]*")
_SHELL: Final = re.compile(r"(?:\S*/)?(?:ba|da|a|z)?sh")
_COMMENT: Final = re.compile(r"(?:^|(?<=\s))#.*")
_ACTION: Final = re.compile(r"\{\{.*?\}\}")
_NAMED: Final = re.compile(r"^\s*-\s*name:\s*[\"']?([A-Za-z_]\w*)[\"']?\s*$", re.MULTILINE)
#: Data that brings placeholders of another program's along.
_FOREIGN: Final = (".json", ".js", ".xml", ".groovy", ".java", ".py", ".lua", ".vcl", ".ps1")


@dataclass(frozen=True, slots=True)
class _Text:
    path: str
    text: str
    kustomize: frozenset[str]

    def read(self, name: str, need: Need, default: str | None, at: int, idiom: str) -> Read:
        line, column = line_of(self.text, at)
        return Read(name, need, default, Reference(self.path, line, column, idiom))


def variables_of_kustomize(texts: Sequence[str]) -> frozenset[str]:
    """Return the names that kustomizations fill in themselves.

    Args:
        texts: of the kustomization files.
    """
    found: set[str] = set()
    for text in texts:
        if "vars:" not in text:
            continue
        try:
            parsed = documents(text)
        except Unparsable:
            continue
        names = [under(item, "name") for document in parsed for item in children(under(document, "vars"))]
        found.update(name.value for name in names if isinstance(name, yaml.ScalarNode))
    return frozenset(found)


def of_manifest(path: str, text: str, kustomize: frozenset[str]) -> Iterator[Read]:
    """Yield what a file of Kubernetes objects leaves to be filled in.

    Args:
        path: relative to the project.
        text: the file's.
        kustomize: names that a kustomization fills in.

    Raises:
        Unparsable: it is no YAML.
    """
    file = _Text(path, text, kustomize)
    for document in documents(text):
        keys = dict(entries(document))
        if "kind" not in keys or "apiVersion" not in keys:
            continue
        known = set(kustomize)
        kind = keys["kind"].value
        if kind == "Template":  # of OpenShift: it declares what it is filled in with
            names = [under(item, "name") for item in children(keys.get("parameters"))]
            known |= {name.value for name in names if isinstance(name, yaml.ScalarNode)}
        done: set[int] = set()
        for container in _containers(document):
            yield from _of_container(file, container, frozenset(known), done)
        data = set(map(id, _foreign(document))) if kind in {"ConfigMap", "Secret"} else set()
        for scalar in scalars(document):
            if id(scalar) not in done | data:
                yield from _of_scalar(file, scalar, frozenset(known))


def of_template(path: str, text: str, kustomize: frozenset[str]) -> Iterator[Read]:
    """Yield what a template of manifests leaves to be filled in, line by line: it is no YAML yet.

    Args:
        path: relative to the project.
        text: the file's.
        kustomize: names that a kustomization fills in.
    """
    file = _Text(path, text, kustomize)
    known = kustomize | set(_NAMED.findall(text)) | assigned_in(text)
    at = 0
    for line in text.splitlines(keepends=True):
        plain = _ACTION.sub(lambda match: " " * len(match[0]), _COMMENT.sub("", line))
        for match in _REFERRED.finditer(plain):
            if match[1] not in known:
                yield file.read(match[1], "optional", None, at + match.start(), "$(X)")
        for one in placeholders(plain, bare=False, start=at):
            if one.name not in known and _UPPER.fullmatch(one.name):
                yield file.read(one.name, one.need, one.default, one.at, one.idiom)
        at += len(line)


def _containers(document: yaml.Node) -> Iterator[yaml.Node]:
    seen: set[int] = set()
    stack = [document]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        for key, value in entries(node):
            if key in _CONTAINERS and isinstance(value, yaml.SequenceNode):
                yield from value.value
        stack.extend(children(node))


def _foreign(document: yaml.Node) -> Iterator[yaml.Node]:
    for part in ("data", "stringData"):
        for key, value in entries(under(document, part)):
            if key.endswith(_FOREIGN):
                yield value


def _of_container(file: _Text, container: yaml.Node, known: frozenset[str], done: set[int]) -> Iterator[Read]:
    """Read a container's own commands and values: what its ``env`` defines is there."""
    names = [under(item, "name") for item in children(under(container, "env"))]
    own = known | {name.value for name in names if isinstance(name, yaml.ScalarNode)}
    script = _script(container)
    for part in ("command", "args", "env", "lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
        for scalar in scalars(under(container, part)):
            if id(scalar) in done:
                continue
            done.add(id(scalar))
            if scalar is script:
                yield from _of_shell(file, scalar, own)
            else:
                yield from _of_scalar(file, scalar, own)


def _script(container: yaml.Node) -> yaml.Node | None:
    """Return the scalar that a container hands to a shell: what follows ``sh -c``."""
    words = [*children(under(container, "command")), *children(under(container, "args"))]
    for index, word in enumerate(words[:-1]):
        if isinstance(word, yaml.ScalarNode) and re.fullmatch(r"-[a-z]*c", str(word.value)):
            before = words[index - 1] if index else None
            if isinstance(before, yaml.ScalarNode) and (
                _SHELL.fullmatch(before.value) or before.value.startswith("-")
            ):
                return words[index + 1]
    return None


def _of_shell(file: _Text, scalar: yaml.ScalarNode, known: frozenset[str]) -> Iterator[Read]:
    raw, start = written(file.text, scalar)
    block = raw[:1] in {"|", ">"}
    first = raw.find("\n") + 1 if block else 0
    line, _ = line_of(file.text, start + first)
    # Kubernetes fills in $(X) before the shell sees it, where X is defined; where not, the shell runs a command X.
    for one in read_commands(str(scalar.value), known):
        yield Read(
            one.name,
            one.need,
            one.default,
            Reference(file.path, line + one.row, one.column + 1, f"sh -c {one.idiom}"),
        )


def _of_scalar(file: _Text, scalar: yaml.ScalarNode, known: frozenset[str]) -> Iterator[Read]:
    raw, start = written(file.text, scalar)
    if "$" not in raw:
        return
    if str(scalar.value).startswith("#!"):
        if _SHELL.search(str(scalar.value).split("\n", 1)[0]):
            yield from _of_shell(file, scalar, known)
        return
    own = known | assigned_in(raw)
    for match in _REFERRED.finditer(raw):
        if match[1] not in own:
            yield file.read(match[1], "optional", None, start + match.start(), "$(X)")
    for one in placeholders(raw, bare=False, start=start):
        if one.name not in own and _UPPER.fullmatch(one.name):
            yield file.read(one.name, one.need, one.default, one.at, one.idiom)
