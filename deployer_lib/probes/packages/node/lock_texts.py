"""The lock files of pnpm, yarn (both forms) and bun, as text into entries."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.probes.packages.node.lock_entry import Entry, as_map, as_words
from deployer_lib.probes.packages.node.manifests import read_text
from deployer_lib.probes.packages.node.yaml_text import yaml_map

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LockText", "berry_entries", "bun_lock", "pnpm_lock", "read_yaml", "yarn_entries"]

_KEY: Final = re.compile(r"^/?(@?[^@/(]+(?:/[^@/(]+)?)[@/]([^(_]+)")
_SECTIONS: Final = ("dependencies", "optionalDependencies", "devDependencies")
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"|,(?=\s*[}\]])')


@dataclass(frozen=True, slots=True)
class LockText:
    """What a lock file of pnpm or bun says."""

    version: str
    entries: tuple[Entry, ...]
    importers: dict[str, dict[str, str]]  # folder -> name -> range
    overridden: frozenset[str]


def pnpm_lock(text: str) -> LockText:
    """Return version, entries and importers of a ``pnpm-lock.yaml``.

    Raises:
        ValueError: it is no YAML.
    """
    data = yaml_map(text)
    version = str(data.get("lockfileVersion", ""))
    importers = {
        "" if folder == "." else folder: _pnpm_asked(as_map(raw))
        for folder, raw in (as_map(data.get("importers")) or {".": data}).items()
    }
    snapshots = as_map(data.get("snapshots"))
    packages = as_map(data.get("packages"))
    # From version 9 on a snapshot stands for each set of peers: name@1.0.0(react@18.2.0).
    instances = snapshots or packages
    entries = [
        _pnpm_entry(key, as_map(packages.get(key) or packages.get(key.partition("(")[0])), as_map(raw))
        for key, raw in instances.items()
    ]
    return LockText(
        version, tuple(entry for entry in entries if entry is not None), importers, _overridden(data)
    )


def _pnpm_asked(raw: dict[str, Any]) -> dict[str, str]:
    old = as_words(raw.get("specifiers"))
    asked = dict(old)
    for section in _SECTIONS:
        for name, value in as_map(raw.get(section)).items():
            if isinstance(value, dict) and isinstance(value.get("specifier"), str):
                asked[name] = value["specifier"]
    return asked


def _pnpm_entry(key: str, raw: dict[str, Any], snapshot: dict[str, Any]) -> Entry | None:
    found = _KEY.match(key)
    if found is None:
        return None
    merged = {**raw, **snapshot}
    meta = as_map(raw.get("peerDependenciesMeta"))
    return Entry(
        name=found[1],
        version=found[2],
        path=key,
        dependencies=as_words(merged.get("dependencies")),
        optional_dependencies=as_words(merged.get("optionalDependencies")),
        peers=as_words(raw.get("peerDependencies")),
        optional_peers=frozenset(name for name, each in meta.items() if as_map(each).get("optional")),
        optional=bool(merged.get("optional")),
        dev=merged.get("dev") is True,
        os=_listed(raw.get("os")),
        cpu=_listed(raw.get("cpu")),
        libc=_listed(raw.get("libc")),
        has_integrity="integrity" in as_map(raw.get("resolution")),
    )


def yarn_entries(text: str) -> tuple[tuple[Entry, ...], frozenset[str]]:
    """Return entries and requests of yarn's first form."""
    entries: list[Entry] = []
    requests: set[str] = set()
    for block in re.split(r"\n(?=\S)", text):
        lines = block.splitlines()
        if not lines or lines[0].startswith("#") or not lines[0].rstrip().endswith(":"):
            continue
        keys = [key.strip().strip('"') for key in lines[0].rstrip()[:-1].split(",")]
        requests.update(keys)
        fields: dict[str, str] = {}
        nested: dict[str, dict[str, str]] = {}
        section = ""
        for line in lines[1:]:
            word, _, rest = line.strip().partition(" ")
            value = rest.strip().strip('"')
            if line.startswith("    ") and section:
                nested.setdefault(section, {})[word.strip('"')] = value
            elif line.rstrip().endswith(":"):
                section = line.strip()[:-1]
            else:
                fields[word] = value
        entries.append(
            Entry(
                name=_name_of(keys[0]),
                version=fields.get("version", ""),
                path=", ".join(keys),
                dependencies=nested.get("dependencies", {}),
                optional_dependencies=nested.get("optionalDependencies", {}),
                has_integrity="integrity" in fields,
                source=fields.get("resolved", ""),
            )
        )
    return tuple(entries), frozenset(requests)


def berry_entries(text: str) -> tuple[tuple[Entry, ...], frozenset[str]]:
    """Return entries and requests of yarn's second form.

    Raises:
        ValueError: it is no YAML.
    """
    entries: list[Entry] = []
    requests: set[str] = set()
    for joined, raw in yaml_map(text).items():
        if joined == "__metadata" or not isinstance(raw, dict):
            continue
        keys = [key.strip() for key in joined.split(",")]
        requests.update(keys)
        meta = as_map(raw.get("peerDependenciesMeta"))
        optional = {
            name for name, each in as_map(raw.get("dependenciesMeta")).items() if as_map(each).get("optional")
        }
        asked = as_words(raw.get("dependencies"))
        conditions = str(raw.get("conditions", ""))
        entries.append(
            Entry(
                name=_name_of(keys[0]),
                version=str(raw.get("version", "")),
                path=", ".join(keys),
                dependencies={name: value for name, value in asked.items() if name not in optional},
                optional_dependencies={name: value for name, value in asked.items() if name in optional},
                peers=as_words(raw.get("peerDependencies")),
                optional_peers=frozenset(n for n, each in meta.items() if as_map(each).get("optional")),
                os=tuple(re.findall(r"\bos=(\w+)", conditions)),
                cpu=tuple(re.findall(r"\bcpu=(\w+)", conditions)),
                libc=tuple(re.findall(r"\blibc=(\w+)", conditions)),
                has_integrity="checksum" in raw,
                link="@workspace:" in str(raw.get("resolution", "")),
            )
        )
    return tuple(entries), frozenset(requests)


def bun_lock(text: str) -> LockText:
    """Return version, entries and importers of a ``bun.lock``.

    Raises:
        ValueError: it is no JSON, trailing commas aside.
    """
    data = as_map(json.loads(_STRING.sub(lambda found: "" if found[0] == "," else found[0], text)))
    importers: dict[str, dict[str, str]] = {}
    for folder, raw in as_map(data.get("workspaces")).items():
        importers[folder] = {}
        for section in ("peerDependencies", *reversed(_SECTIONS)):
            importers[folder].update(as_words(as_map(raw).get(section)))
    entries: list[Entry] = []
    for path, raw in as_map(data.get("packages")).items():
        if not isinstance(raw, list) or not raw or not isinstance(raw[0], str):
            continue
        name = _name_of(raw[0])
        facts: dict[str, Any] = next((as_map(each) for each in raw[1:] if isinstance(each, dict)), {})
        entries.append(
            Entry(
                name=name,
                version=raw[0][len(name) + 1 :],
                path="node_modules/".join(["", *path.split("/node_modules/")]),
                dependencies=as_words(facts.get("dependencies")),
                optional_dependencies=as_words(facts.get("optionalDependencies")),
                peers=as_words(facts.get("peerDependencies")),
                optional_peers=frozenset(str(each) for each in facts.get("optionalPeers") or ()),
                os=_listed(facts.get("os")),
                cpu=_listed(facts.get("cpu")),
                link="@workspace:" in raw[0],
            )
        )
    return LockText(str(data.get("lockfileVersion", "")), tuple(entries), importers, _overridden(data))


def _overridden(data: dict[str, Any]) -> frozenset[str]:
    """Return the names of overrides: ``undici``, ``undici@<7``, ``parent>undici``."""
    return frozenset(
        _name_of(key.rpartition(">")[2] if ">" in key[1:] and "@" not in key[1:] else key)
        for key in as_map(data.get("overrides"))
    )


def read_yaml(path: Path) -> dict[str, Any]:
    """Return a file of YAML, empty where there is none that can be read."""
    try:
        return yaml_map(read_text(path))
    except (OSError, ValueError):
        return {}


def _name_of(request: str) -> str:
    scope = "@" if request.startswith("@") else ""
    return scope + request[len(scope) :].partition("@")[0]


def _listed(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return () if value == "none" else (value,)
    return tuple(str(each) for each in value) if isinstance(value, list) else ()
