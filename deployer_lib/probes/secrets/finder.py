"""Read a project's files and put together what each way of looking found."""

from __future__ import annotations

import codecs
import os
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.probes.secrets.defaults import unsafe_defaults
from deployer_lib.probes.secrets.files import example_values, held_by, kubernetes_secrets, named_values
from deployer_lib.probes.secrets.git import known_to_git
from deployer_lib.probes.secrets.keys import private_keys
from deployer_lib.probes.secrets.literals import CODE, CONFIGURATION, foreign_lines, literals, pairs
from deployer_lib.probes.secrets.model import Candidate, FoundSecret, Origin, SecretsFound
from deployer_lib.probes.secrets.places import Place, place_of, secret_file, shown, walk
from deployer_lib.probes.secrets.tokens import tokens
from deployer_lib.probes.secrets.urls import passwords_in_urls
from deployer_lib.probes.variables.scanner import scan as scan_variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from deployer_lib.probes.secrets.git import Known
    from deployer_lib.probes.variables.model import Scan

__all__ = ["find_secrets"]

_WHOLE_BYTES: Final = 5_000_000  # a bigger file is read in pieces, and for providers' tokens alone
_PIECE_BYTES: Final = 4_000_000
_OVERLAP_BYTES: Final = 4096
_HEAD_BYTES: Final = 8192
_BOMS: Final = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
#: Beside the application: what stands there is an example, unless a checksum proves it a real token.
_APART: Final = frozenset({Place.TEST, Place.DOCUMENT})
#: What teams write behind a value that they looked at: gitleaks' and detect-secrets' marks.
_ALLOWED: Final = ("gitleaks:allow", "pragma: allowlist secret")
_LONGEST_LINE: Final = 600  # characters; a longer one names nothing
_OF_A_KEY: Final = re.compile(r"key|secret|token|pass|hook|dsn|credential|url", re.IGNORECASE)
_LONGEST_NAME: Final = 60
_EVERY: Final = 500  # files between two lines of progress


def find_secrets(
    project: Path,
    exclude: Sequence[str] = (),
    progress: Callable[[str], None] = lambda _: None,
    variables: Scan | None = None,
) -> SecretsFound:
    """Return the secrets that stand in a project's files.

    The files as they lie there are read, not git's history. What git ignores is no finding: it never leaves the machine.

    Args:
        project: its folder.
        exclude: patterns of paths, relative to it, that are left out.
        progress: one line on what happens just now.
        variables: the scan of its environment variables, made here where it is not given.
    """
    walked, known = walk(project, exclude), known_to_git(project)
    files = [file for file in walked.files if not known.leaves_out(file)]
    search = _Search(project, known, [(shown(file), why) for file, why in walked.unread])
    for index, file in enumerate(files):
        if index % _EVERY == _EVERY - 1:
            progress(f"looked for secrets in {index + 1} of {len(files)} files …")
        search.read(file)
    progress("looking for fallbacks of secret variables …")
    scanned = variables if variables is not None else scan_variables(project, exclude=exclude)
    for file, candidate in unsafe_defaults(scanned, search.lines_of):
        search.add(file, [candidate])
    return SecretsFound(
        search.found(),
        search.files_read,
        tuple(sorted(search.unread)),
        tuple(sorted(_unscanned(scanned, search.unread))),
        known.tracked is not None,
    )


def _unscanned(scanned: Scan, named: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield production's files whose fallbacks nobody could read, those left out that are named already."""
    files = {file for file, _ in named}
    for file, why, _ in scanned.files_skipped:
        if file not in files and place_of(file) is Place.PRODUCTION:
            yield file, why


@dataclass(slots=True)
class _Search:
    project: Path
    known: Known
    unread: list[tuple[str, str]]
    files_read: int = 0
    _kept: dict[str, list[Candidate]] = field(default_factory=dict)

    def read(self, file: str) -> None:
        path = self.project / file
        try:
            with path.open("rb") as stream:
                data = stream.read(min(os.fstat(stream.fileno()).st_size, _WHOLE_BYTES) + 1)
                if _is_binary(data):
                    if secret_file(file):
                        self.unread.append((shown(file), "it holds zero bytes, as no text does"))
                    return
                self.files_read += 1
                if len(data) > _WHOLE_BYTES:
                    stream.seek(0)
                    self.add(file, _in_pieces(place_of(file), iter(lambda: stream.read(_PIECE_BYTES), b"")))
                    return
        except OSError as error:
            self.unread.append((shown(file), error.strerror or type(error).__name__))
            return
        self.add(file, _candidates(file, _plain(data)))

    def add(self, file: str, candidates: Iterable[Candidate]) -> None:
        """Keep each secret once: what a surer way of looking found on the same line is not found again."""
        for candidate in candidates:
            kept = self._kept.setdefault(file, [])
            if candidate.origin is Origin.DEFAULT:  # it says more than that a literal stands there
                kept[:] = [c for c in kept if c.line != candidate.line or c.origin is not Origin.LITERAL]
            if not any(
                other.line == candidate.line
                and (other.value in candidate.value or candidate.value in other.value)
                for other in kept
            ):
                kept.append(candidate)

    def lines_of(self, file: str) -> list[str]:
        try:
            return (self.project / file).read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError:
            return []

    def found(self) -> tuple[FoundSecret, ...]:
        return tuple(
            found
            for file in sorted(self._kept)
            for found in sorted(
                self._told(file, self._kept[file]), key=lambda found: (found.line, found.kind)
            )
        )

    def _told(self, file: str, candidates: list[Candidate]) -> Iterator[FoundSecret]:
        committed = self.known.committed(file)
        if secret_file(file) and committed is False:
            first = min(candidates, key=lambda c: c.line, default=None)
            if first is not None:
                yield replace(
                    first,
                    kind="secrets that git does not ignore",
                    origin=Origin.UNIGNORED,
                    severity=Severity.LOW,
                ).found(shown(file), committed=False)
            return
        for candidate in candidates:
            held = secret_file(file) and candidate.origin in {Origin.TOKEN, Origin.URL}
            told = replace(candidate, origin=Origin.FILE) if held else candidate
            yield told.found(shown(file), committed=committed)


def _candidates(file: str, data: bytes) -> Iterator[Candidate]:
    """Yield what stands in one file; how much counts depends on what the file is there for."""
    place, name = place_of(file), file.rpartition("/")[2]
    if place in _APART:
        yield from _tokens(place, data)
        return
    text = data.decode("utf-8", "replace")
    quiet = _quiet_lines(text, os.path.splitext(name)[1])  # noqa: PTH122  (ten thousand times)
    every = _in_place(file, name, place, data, text)
    lines = text.split("\n")
    yield from (_named(candidate, lines) for candidate in every if candidate.line not in quiet())


def _named(candidate: Candidate, lines: list[str]) -> Candidate:
    """Return a token with the name that its line gives it to."""
    if candidate.name or candidate.origin is not Origin.TOKEN or candidate.line > len(lines):
        return candidate
    line = lines[candidate.line - 1]
    given = pairs(line, plain=True) if len(line) <= _LONGEST_LINE else ()
    names = (name for name, value in given if candidate.value in value and len(name) <= _LONGEST_NAME)
    name = next((name for name in names if _OF_A_KEY.search(name)), "")
    return replace(candidate, name=name)


def _in_place(file: str, name: str, place: Place, data: bytes, text: str) -> Iterator[Candidate]:
    mild = place in {Place.EXAMPLE, Place.DEVELOPMENT}
    yield from _tokens(place, data)
    if place is not Place.CI and ("PRIVATE KEY" in text or "LS0tLS1CRUdJTi" in text):
        yield from (replace(c, severity=Severity.MEDIUM) if mild else c for c in private_keys(text))
    if place is not Place.EXAMPLE:
        yield from passwords_in_urls(text)
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122
    if secret_file(file) and place not in {Place.GENERATED, Place.CI}:
        yield from (
            replace(c, severity=Severity.MEDIUM) if mild else c for c in held_by(text, name, sure=mild)
        )
    elif place is Place.EXAMPLE and (".env" in name or suffix in CONFIGURATION):
        yield from example_values(text)
    elif place is Place.PRODUCTION:
        if suffix in {".yml", ".yaml"}:
            yield from kubernetes_secrets(text)
            yield from named_values(text)
        if suffix in CODE or suffix in CONFIGURATION or "ockerfile" in name:
            yield from literals(text, suffix, configuration=suffix not in CODE)


def _tokens(place: Place, data: bytes) -> Iterator[Candidate]:
    """Yield providers' tokens with what they weigh in such a place; beside the application, those alone that prove themselves."""
    for candidate in tokens(data, certain=place in _APART):
        if place not in _APART:
            weak = place is Place.EXAMPLE and candidate.severity is not Severity.CRITICAL
            yield replace(candidate, severity=Severity.LOW) if weak else candidate
        elif candidate.kind != "JSON Web Token":
            yield replace(candidate, severity=Severity.LOW)


def _quiet_lines(text: str, suffix: str) -> Callable[[], frozenset[int]]:
    """Return what gives the lines that are no finding whatever stands there; worked out where there is a candidate."""
    kept: list[frozenset[int]] = []

    def lines() -> frozenset[int]:
        if not kept:
            allowed = {
                number
                for number, line in enumerate(text.split("\n"), start=1)
                if any(mark in line for mark in _ALLOWED)
            }
            kept.append(foreign_lines(text, suffix) | allowed)
        return kept[0]

    return lines


def _in_pieces(place: Place, pieces: Iterator[bytes]) -> Iterator[Candidate]:
    """Yield the tokens of a big file; pieces overlap, so that none is cut in two unseen."""
    before, line = b"", 0
    for piece in pieces:
        data = before + piece
        for candidate in _tokens(place, data):
            yield replace(candidate, line=candidate.line + line)
        before = data[-_OVERLAP_BYTES:]
        line += data.count(b"\n", 0, len(data) - len(before))


def _is_binary(data: bytes) -> bool:
    return b"\0" in data[:_HEAD_BYTES] and not data.startswith(tuple(bom for bom, _ in _BOMS))


def _plain(data: bytes) -> bytes:
    """Return a file's bytes as every pattern expects them: UTF-8 without a mark before it, lines that end with LF."""
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            data = data.decode(encoding, "replace").encode()
    return data.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n")
