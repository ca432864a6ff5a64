"""Compose files: what is interpolated into them, and what they pass on from where they are run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import yaml

from deployer_lib.probes.variables.languages.files import texts_of
from deployer_lib.probes.variables.languages.placeholders import line_of, placeholders
from deployer_lib.probes.variables.languages.yaml_nodes import (
    Unparsable,
    documents,
    entries,
    is_null,
    scalars,
    under,
    written,
)
from deployer_lib.probes.variables.model import Found, Read, Reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from deployer_lib.probes.variables.model import Need

__all__ = ["Compose", "is_compose"]

#: compose.yaml, docker-compose.prod.yml, production.docker-compose.yml, docker-stack.yml
_NAMES: Final = re.compile(
    r"(?:.*[._-])?(?:docker-?)?compose(?:[._-].*)?\.ya?ml|docker-stack(?:[._-].*)?\.ya?ml", re.IGNORECASE
)
_NAME: Final = re.compile(r"[A-Za-z_]\w*")
#: What a Compose file has at least one of at its root.
_PARTS: Final = frozenset({"services", "include", "volumes", "networks", "secrets", "configs"})
_CLAIMS: Final = re.compile(r"^(?:services|include)\s*:", re.MULTILINE)
_COMMENT: Final = re.compile(r"(?:^|(?<=\s))#.*")


def is_compose(relative: Path) -> bool:
    """Tell whether a file is a Compose file by its name."""
    return _NAMES.fullmatch(relative.name) is not None


class Compose:
    """Reads Compose files, of any name that Compose is commonly given."""

    language = "compose"
    suffixes: frozenset[str] = frozenset()
    deploy = True

    def wants(self, relative: Path, head: bytes) -> bool:  # noqa: ARG002  (every reader is asked so)
        """Tell whether a file is a Compose file, by its name.

        Args:
            relative: the file, relative to the project.
            head: its first bytes.
        """
        return is_compose(relative)

    def read(self, root: Path, files: Sequence[Path]) -> Found:
        """Return what the files, given relative to ``root``, read from where they are run."""
        found = Found()
        for relative, text in texts_of(root, files, found):
            path = relative.as_posix()
            try:
                found.reads.extend(_reads(path, text))
            except Unparsable as error:
                if "{{" in text or "{%" in text:
                    found.reads.extend(_of_template(path, text))
                elif _CLAIMS.search(text):
                    found.skipped.append((path, f"it does not parse: {error.why}", error.line))
        return found


def _reads(path: str, text: str) -> Iterator[Read]:
    for document in documents(text):
        keys = {key for key, _ in entries(document)}
        if not keys & _PARTS and not any(key.startswith("x-") for key in keys):
            continue
        for scalar in scalars(document):
            raw, start = written(text, scalar)
            for one in placeholders(raw, start=start):
                yield _read(path, text, one.name, one.need, one.default, one.at, one.idiom)
        yield from _passed(path, text, document)


def _passed(path: str, text: str, document: yaml.Node) -> Iterator[Read]:
    """Find names without a value: their value is that of where Compose is run."""
    for key, part in entries(document):
        services = list(entries(part)) if key == "services" else [("", part)] if key.startswith("x-") else []
        for _, service in services:
            for listed in (under(service, "environment"), under(service, "build", "args")):
                yield from _without_value(path, text, listed)
        if key in {"secrets", "configs"}:
            for _, one in entries(part):
                # Compose refuses to start where the variable of a secret is not set.
                named = under(one, "environment")
                if isinstance(named, yaml.ScalarNode) and _NAME.fullmatch(named.value):
                    yield _at(path, text, named, named.value, "required", f"{key}: environment: X")


def _without_value(path: str, text: str, listed: yaml.Node | None) -> Iterator[Read]:
    if isinstance(listed, yaml.SequenceNode):
        for item in listed.value:
            if isinstance(item, yaml.ScalarNode) and _NAME.fullmatch(item.value):
                yield _at(path, text, item, item.value, "optional", "- X")
    for name, value in entries(listed):
        if is_null(value) and _NAME.fullmatch(name):
            yield _at(path, text, _key(listed, name) or value, name, "optional", "X:")


def _key(mapping: yaml.Node | None, name: str) -> yaml.Node | None:
    """Return the node of a mapping's key, which may stand in a mapping that is merged into it."""
    for key, value in mapping.value if isinstance(mapping, yaml.MappingNode) else ():
        if isinstance(key, yaml.ScalarNode) and key.value == name:
            return key
        if isinstance(key, yaml.ScalarNode) and key.value == "<<":
            for other in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                found = _key(other, name)
                if found is not None:
                    return found
    return None


def _of_template(path: str, text: str) -> Iterator[Read]:
    """Read a file that another program fills in first line by line, since it is no YAML yet."""
    at = 0
    for line in text.splitlines(keepends=True):
        for one in placeholders(_COMMENT.sub("", line), start=at):
            yield _read(path, text, one.name, one.need, one.default, one.at, one.idiom)
        at += len(line)


def _at(path: str, text: str, node: yaml.Node, name: str, need: Need, idiom: str) -> Read:
    return _read(path, text, name, need, None, node.start_mark.index, idiom)


def _read(path: str, text: str, name: str, need: Need, default: str | None, at: int, idiom: str) -> Read:
    line, column = line_of(text, at)
    return Read(name, need, default, Reference(path, line, column, idiom))
