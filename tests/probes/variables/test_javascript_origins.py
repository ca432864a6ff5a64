"""Files that no one wrote for the application tell nothing of what it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scan_parts import labels, read_files

from deployer_lib.probes.variables.languages.javascript import JavaScript

if TYPE_CHECKING:
    from pathlib import Path

READ = "process.env.A;\n"
PACKED = [
    "/******/ (() => { // webpackBootstrap\n/******/ var __webpack_modules__ = ({\n" + READ + "}) })();",
    "var m = {};\nfunction __nccwpck_require__(id) { return m[id] }\n" + READ,
    "(() => { var t = { 1: (module, exports, __webpack_require__) => { " + READ + " } } })();",
    '"use strict";(self["webpackChunkapp"] = self["webpackChunkapp"] || []).push([[1], {}]);' + READ,
    "(self.webpackChunk_N_E=self.webpackChunk_N_E||[]).push([[1],{}]);" + READ,
    "var parcelRequire1a2b = {};\n" + READ,
    'throw (a.code="MODULE_NOT_FOUND",a)}var p=n[i]={exports:{}};' + READ,
    "var __commonJS = (cb, mod) => function __require() { return mod };\n" + READ,
    "a=1;" * 2000 + READ + "//# sourceMappingURL=main.4f2a.js.map\n",
    "var a = 1;\n" * 50_000 + "b=2;" * 2000 + "\n" + READ,
]
WRITTEN = [
    "const logo = '" + "a" * 6000 + "';\n" + READ,
    "// no webpack: __webpack_require__ is not at hand here\n" + READ,
    "if (typeof __webpack_require__ === 'function') { __webpack_public_path__ = '/'; }\n" + READ,
    READ + "//# sourceMappingURL=a.js.map\n",
    "var a = 1;\n" * 50_000 + READ,
]
TESTING = [
    'import { vi } from "vitest";\n' + READ,
    "import {\n  beforeAll,\n  expect,\n} from '@jest/globals';\n" + READ,
    'import { type FullConfig } from "@playwright/test";\n' + READ,
    'import { test } from "node:test";\n' + READ,
]
UNTESTED = [
    'import { defineConfig } from "vitest/config";\n' + READ,
    'import { chromium } from "@playwright/test";\n' + READ,
    'import { expect } from "./own";\n' + READ,
]


@pytest.mark.parametrize("source", PACKED)
def test_leaves_out_what_a_packer_wrote_in_any_folder(tmp_path: Path, source: str) -> None:
    found = read_files(
        JavaScript(), tmp_path, {"src/tool/index.js": source, "src/own.js": "process.env.OWN;"}
    )
    assert {"OWN": "optional"} == labels(found)


@pytest.mark.parametrize("source", WRITTEN)
def test_reads_what_people_wrote_with_long_lines_or_about_packers(tmp_path: Path, source: str) -> None:
    assert {"A": "optional"} == labels(read_files(JavaScript(), tmp_path, {"src/index.js": source}))


@pytest.mark.parametrize("source", TESTING)
def test_leaves_out_what_runs_under_a_test_runner_alone(tmp_path: Path, source: str) -> None:
    assert {} == labels(read_files(JavaScript(), tmp_path, {"src/setup.ts": source}))


@pytest.mark.parametrize("source", UNTESTED)
def test_reads_what_only_borrows_from_a_test_runner(tmp_path: Path, source: str) -> None:
    assert {"A": "optional"} == labels(read_files(JavaScript(), tmp_path, {"src/a.ts": source}))
