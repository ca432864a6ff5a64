"""Look for secrets in every file of a folder before it is sealed: the last net below the kernel's redaction.

A notebook's outputs are joined and decoded first, archives and compressed files opened, pictures' texts read. What
could not be looked into is a hit as well: no file passes unseen.
"""

from __future__ import annotations

import base64
import binascii
import bz2
import gzip
import io
import json
import lzma
import struct
import zipfile
import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from deployer_lib.redaction import Found, Redactor

__all__ = ["UNSEEN", "Hit", "scan"]

UNSEEN: Final = "unseen"  # the form of a hit that says: this could not be looked into
_MAX_BYTES: Final = 512_000_000  # of one file or archive member, decompressed
_MAX_DEPTH: Final = 3  # archives within archives
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_OPENERS: Final[dict[bytes, Callable[[io.BytesIO], io.BufferedIOBase]]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True, order=True)
class Hit:
    """A secret that stands in a file, or a file that could not be looked into; never the value."""

    file: str  # path below the folder; a member of an archive after ``!``
    line: int  # from 1; 0 where there are no lines, or the file's own name holds it
    name: str  # whose value
    form: str  # plain, url, base64, …; ``unseen`` for what could not be looked into
    #: The file to withhold, below the folder. Not for showing: its own name may hold the value.
    path: str = field(default="", repr=False, compare=False)


def scan(folder: Path, redactor: Redactor) -> list[Hit]:
    """Return where secrets stand in the files below a folder, in order; links are not followed."""
    hits: set[Hit] = set()
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder).as_posix()
        label = redactor.redact_text(relative, "file name")
        found = {Hit(label, 0, item.name, item.form) for item in redactor.find(relative)}
        if path.is_file() and not path.is_symlink():
            found.update(_scan_file(path, label, redactor))
        hits.update(replace(hit, path=relative) for hit in found)
    return sorted(hits)


def _scan_file(path: Path, label: str, redactor: Redactor) -> Iterator[Hit]:
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= _MAX_BYTES else None
    except OSError:
        data = None
    if data is None:
        yield Hit(label, 0, "", UNSEEN)
        return
    yield from _scan_bytes(data, label, redactor, _MAX_DEPTH)


def _scan_bytes(data: bytes, label: str, redactor: Redactor, depth: int) -> Iterator[Hit]:
    yield from _scan_text(data.decode("utf-8", "surrogateescape"), label, redactor)
    if data[:2] in _UTF16:
        yield from _scan_text(data.decode("utf-16", "replace"), label, redactor)
    if data.startswith(_PNG):
        yield from _scan_png(data, label, redactor)
    elif label.endswith((".ipynb", ".json")):
        yield from _scan_json(data, label, redactor)
    elif label.endswith((".jsonl", ".ndjson", ".log")):
        for number, line in enumerate(data.splitlines(), 1):
            yield from (
                Hit(hit.file, number, hit.name, hit.form) for hit in _scan_json(line, label, redactor)
            )
    elif data.startswith(b"PK\x03\x04"):
        yield from _scan_zip(data, label, redactor, depth)
    else:
        yield from _scan_compressed(data, label, redactor, depth)


def _scan_text(text: str, label: str, redactor: Redactor) -> Iterator[Hit]:
    for item in redactor.find(text):
        yield _hit(item, label, text.count("\n", 0, item.start) + 1)


def _hit(item: Found, label: str, line: int) -> Hit:
    return Hit(label, line, item.name, item.form)


def _scan_compressed(data: bytes, label: str, redactor: Redactor, depth: int) -> Iterator[Hit]:
    for magic, opener in _OPENERS.items():
        if data.startswith(magic):
            try:
                with opener(io.BytesIO(data)) as file:
                    inner = file.read(_MAX_BYTES + 1)
            except (OSError, EOFError, zlib.error, lzma.LZMAError):
                yield Hit(label, 0, "", UNSEEN)
                return
            yield from _scan_inner(inner, f"{label}!", redactor, depth)


def _scan_inner(data: bytes, label: str, redactor: Redactor, depth: int) -> Iterator[Hit]:
    if len(data) > _MAX_BYTES or depth <= 0:
        yield Hit(label, 0, "", UNSEEN)
    else:
        yield from _scan_bytes(data, label, redactor, depth - 1)


def _scan_zip(data: bytes, label: str, redactor: Redactor, depth: int) -> Iterator[Hit]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                name = f"{label}!{redactor.redact_text(member.filename, 'file name')}"
                yield from (Hit(name, 0, item.name, item.form) for item in redactor.find(member.filename))
                if member.is_dir():
                    continue
                with archive.open(member) as file:
                    inner = file.read(_MAX_BYTES + 1)
                yield from _scan_inner(inner, name, redactor, depth)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError, zlib.error):
        yield Hit(label, 0, "", UNSEEN)  # damaged, encrypted, or packed in a way that Python does not know


def _scan_png(data: bytes, label: str, redactor: Redactor) -> Iterator[Hit]:
    """Scan the texts of a picture's compressed text chunks; plain ones stand in its bytes."""
    at = len(_PNG)
    while at + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += length + 12
        if kind in {b"zTXt", b"iTXt"}:
            for start in _zlib_starts(body):
                try:
                    text = zlib.decompressobj().decompress(body[start:], _MAX_BYTES)
                except zlib.error:
                    continue
                yield from _scan_text(text.decode("utf-8", "replace"), label, redactor)


def _zlib_starts(body: bytes) -> Iterator[int]:
    at = body.find(b"\x78")
    while at >= 0:
        yield at
        at = body.find(b"\x78", at + 1)


def _scan_json(data: bytes, label: str, redactor: Redactor) -> Iterator[Hit]:
    """Scan the decoded texts of a JSON document; of a notebook, each cell's streams joined."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return  # not JSON, and scanned as text already
    lines = _cell_lines(data) if label.endswith(".ipynb") else {}
    if not isinstance(document, dict) or "cells" not in document:
        yield from _found_in(document, label, 0, redactor)
        return
    for cell in document["cells"]:
        line = lines.get(str(cell.get("id", "")), 0)
        yield from _found_in(cell, label, line, redactor)
        for text in _joined_streams(cell):
            yield from (_hit(item, label, line) for item in redactor.find(text))
    yield from _found_in(document.get("metadata"), label, 0, redactor)


def _cell_lines(data: bytes) -> dict[str, int]:
    """Return the line on which each cell's id stands."""
    found: dict[str, int] = {}
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        key, _, rest = line.strip().partition('"id":')
        if not key and rest:
            found.setdefault(rest.strip(' ",'), number)
    return found


def _joined_streams(cell: dict[str, object]) -> Iterator[str]:
    outputs = cell.get("outputs")
    texts: dict[str, str] = {}
    for output in outputs if isinstance(outputs, list) else []:
        if isinstance(output, dict) and output.get("output_type") == "stream":
            text = output.get("text", "")
            whole = "".join(map(str, text)) if isinstance(text, list) else str(text)
            texts[str(output.get("name"))] = texts.get(str(output.get("name")), "") + whole
    yield from texts.values()


def _found_in(value: object, label: str, line: int, redactor: Redactor) -> Iterator[Hit]:
    for text in _texts(value):
        yield from (_hit(item, label, line) for item in redactor.find(text))
        if text.startswith("iVBORw0KGgo"):
            try:
                picture = base64.b64decode(text)
            except (binascii.Error, ValueError):
                continue
            for hit in _scan_bytes(picture, label, redactor, 0):
                yield Hit(label, line, hit.name, hit.form)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            if not isinstance(item, (dict, list)):
                yield f"{key}: {item}"  # a short value counts next to its name
            yield from _texts(item)
    elif isinstance(value, list):
        if all(isinstance(item, str) for item in value):
            yield "".join(value)
        for item in value:
            yield from _texts(item)
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
        yield str(value)
