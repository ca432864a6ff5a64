"""Which JavaScript files no one wrote for the application: what a packer put together, and what a test runner loads."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["is_foreign"]

#: What packers leave in the files that they write: webpack and ncc, their chunks, parcel, browserify, esbuild.
_PACKED: Final = re.compile(
    rb"webpackBootstrap"
    rb"|function __(?:webpack|nccwpck)_require__\("
    rb"|,\s*__(?:webpack|nccwpck)_require__\)"
    rb"|\bwebpackChunk\w*[\"']?\]?\s*=\s*(?:self|globalThis|this)\b"
    rb"|\bparcelRequire\w*\s*="
    rb'|\.code\s*=\s*"MODULE_NOT_FOUND",\s*\w+\)?;?\s*\}?\s*var \w+\s*=\s*\w+\[\w+\]\s*=\s*\{exports:\s*\{\}\}'
    rb"|\b__(?:commonJS|toESM|esm)(?:Min)?\s*=\s*\("
)
_MAPPED: Final = re.compile(rb"//[#@] sourceMappingURL=\S+\s*$")
_TAIL: Final = 400  # bytes at a file's end that hold the address of its map, where that is no data by itself
_HUGE_BYTES: Final = 500_000  # nobody writes a source so long by hand, and an enormous line in it
_ENORMOUS: Final = re.compile(rb"[^\n]{5000}")
#: A test runner's own words, imported from it: a module that needs them runs under it alone.
_TESTING: Final = re.compile(
    rb"import\s*\{[^}]*\b(?:test|it|expect|describe|vi|jest|mock|(?:before|after)(?:All|Each)?|FullConfig|PlaywrightTestConfig)\b"
    rb"[^}]*\}\s*from\s*[\"'](?:vitest|@jest/globals|@playwright/test|node:test|bun:test|mocha|ava)[\"']"
)
_CODE: Final = (".js", ".mjs", ".cjs")  # what packers write


def is_foreign(source: bytes, path: str) -> bool:
    """Tell whether a file is none of the application's own sources, by what stands in it.

    A packed file holds the reads of every library that was packed, wherever in the project it lies; a test's setup sets
    variables for tests.

    Args:
        source: the file's bytes.
        path: its name, relative to the project.
    """
    if path.endswith(_CODE) and (_PACKED.search(source) or _is_minified(source)):
        return True
    return _TESTING.search(source) is not None


def _is_minified(source: bytes) -> bool:
    mapped = _MAPPED.search(source[-_TAIL:]) is not None
    return (mapped or len(source) > _HUGE_BYTES) and _ENORMOUS.search(source) is not None
