"""What stands in a file: imports with what they are for, and names that are no packages."""

from __future__ import annotations

import pytest

from deployer_lib.probes.packages.node.imports import imports_in, used_as_values
from deployer_lib.probes.packages.node.specifiers import package_of, types_of

SOURCE = b"""
import a, { b } from "a1";
import type { T } from "t1";
import { type X, type Y } from "t2";
import d, { type Z } from "v1";
import fs = require("v2");
export * from "v3";
export type { Q } from "t3";
type A = import("t4").B;
const l = await import("v4");
try { require("o1"); } catch (e) {}
import("o2").catch(() => 1);
if (process.env.NODE_ENV !== "production") { require("d1") }
const y = process.env.NODE_ENV === "production" ? 1 : require("d2");
require("./" + name);
import "v5";
declare module "x" { import { k } from "no"; }
function f(q: a.B): Z { return b }
"""


def test_every_form_of_import_is_found_with_what_it_is_for() -> None:
    found, whole = imports_in(SOURCE, "x.ts")
    kinds = {
        item.specifier: "type" if item.types else "optional" if item.optional else "development" if item.development else "value"
        for item in found
        if not item.computed
    }  # fmt: skip
    assert whole
    assert {
        "a1": "value", "v1": "value", "v2": "value", "v3": "value", "v4": "value", "v5": "value",
        "t1": "type", "t2": "type", "t3": "type", "t4": "type", "o1": "optional", "o2": "optional", "d1": "development", "d2": "development",
    } == kinds  # fmt: skip
    assert [15] == [item.line for item in found if item.computed]


def test_a_name_that_only_types_use_is_no_value() -> None:
    source = b'import { Request, Router } from "express";\nexport const r = Router();\nfunction f(q: Request): void {}\n'
    assert not used_as_values(source, "x.ts", ("Request",))
    assert used_as_values(source, "x.ts", ("Router",))


def test_scripts_of_components_keep_their_lines() -> None:
    source = b'<template><p/></template>\n<script setup lang="ts">\nimport x from "pkg";\n</script>\n'
    assert [("pkg", 3)] == [(item.specifier, item.line) for item in imports_in(source, "A.vue")[0]]


def test_wrappers_for_several_module_systems_offer_and_don_t_need() -> None:
    source = (
        b'if (typeof define === "function" && define.amd) {} else { module.exports = f(require("jquery")) }'
    )
    assert ([], True) == imports_in(source, "lib.js")


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("react", "react"), ("react-dom/server", "react-dom"), ("@scope/name/deep.js", "@scope/name"), ("raw-loader!pkg/x.txt", "pkg"),
        ("pkg/worker?url", "pkg"), ("~bootstrap/scss/bootstrap", "bootstrap"), ("socket.io", "socket.io"), ("JSONStream", "JSONStream"),
        ("node:fs", None), ("fs/promises", None), ("./a", None), ("../a", None), ("/a", None), ("#own", None), ("@/a", None), ("~/a", None),
        ("~", None), ("@", None), ("virtual:pages", None), ("astro:content", None), ("bun:sqlite", None), ("$app/stores", None), ("$lib", None),
        ("https://x.example/a.js", None), ("npm:zod@3", None), ("logo.svg", None), ("vscode", None), ("", None),
    ],
)  # fmt: skip
def test_a_specifier_names_a_package_or_none(written: str, name: str | None) -> None:
    assert name == package_of(written)


def test_types_have_their_scope_in_their_name() -> None:
    assert ("@types/babel__core", "@types/express") == (types_of("@babel/core"), types_of("express"))
