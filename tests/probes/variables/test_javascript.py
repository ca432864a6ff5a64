"""What JavaScript and TypeScript read from the environment: names, needs, fallbacks and lines, over files too."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from scan_parts import labels, needs, read_files

from deployer_lib.probes.variables.languages.javascript import JavaScript

if TYPE_CHECKING:
    from pathlib import Path

    from deployer_lib.probes.variables.model import Found

R, D, N = "required", "default", "optional"


def read(root: Path, files: dict[str, str]) -> Found:
    return read_files(JavaScript(), root, {name: dedent(source) for name, source in files.items()})


SPELLINGS = [
    ("process.env.A; process.env['B']; process.env[`C`];", {"A": N, "B": N, "C": N}),
    ("process?.env?.A; process.env!.B!; globalThis.process.env.C; (process.env as any).D;", {"A": N, "B": N, "C": N, "D": N}),
    ("const K = 'A'; process.env[K]; const p = 'PRE_'; process.env[p + 'B']; process.env[`${p}C`];", {"A": N, "PRE_B": N, "PRE_C": N}),
    ("const { A, B: b = 'x', C: c, ...rest } = process.env; rest.D;", {"A": N, "B": D, "C": N, "D": N}),
    ("const { env: { A, B = 1 } } = process; const { env } = process; env.C;", {"A": N, "B": D, "C": N}),
    ("const env = process.env; env.A ?? 'a'; env['B'];", {"A": D, "B": N}),
    ("import { env as e } from 'node:process'; import proc from 'process'; e.A; proc.env.B;", {"A": N, "B": N}),
    ("function f(e = process.env) { return e.A } const g = ({ B, C = 'x' } = process.env) => B;", {"A": N, "B": N, "C": D}),
    ("function f(e: NodeJS.ProcessEnv) { return e.A } function g({ B }: NodeJS.ProcessEnv) {}", {"A": N, "B": N}),
    ("'A' in process.env; Object.hasOwn(process.env, 'B'); process.env.hasOwnProperty('C'); Reflect.get(process.env, 'D');", {"A": N, "B": N, "C": N, "D": N}),
    ("_.get(process.env, 'A', 'x'); _.pick(process.env, ['B', 'C']);", {"A": D, "B": N, "C": N}),
    ("`${process.env.A}`; import.meta.env.VITE_B; import.meta.env.DEV; import.meta.env.BASE_URL;", {"A": N, "VITE_B": N}),
    ("Deno.env.get('A') ?? 'x'; Deno.env.has('B'); Bun.env.C; Deno.env.toObject().D; __ENV.E;", {"A": D, "B": N, "C": N, "D": N, "E": N}),
    ("window.__ENV__.A1; window.env.B1; window.env.toggle; (window as any).__ENV.C1;", {"A1": N, "B1": N, "C1": N}),
    ("const env = { ...process.env }; env.A1; const e2 = Object.assign({}, process.env); e2.B1;", {"A1": N, "B1": N}),
    ("import { A, B } from '$env/static/private'; import { env } from '$env/dynamic/public'; env.C;", {"A": R, "B": R, "C": N}),
    ("import { A, getSecret } from 'astro:env/server'; getSecret('B');", {"A": N, "B": N}),
    ("import { env } from 'prisma/config'; env('A');", {"A": R}),
    ("import { loadEnv } from 'vite'; const env = loadEnv(mode, process.cwd(), ''); env.VITE_A;", {"VITE_A": N}),
    ("class C { private env = process.env; get() { return this.env.A } }", {"A": N}),
    ("class C { constructor(private env: any) {} a() { return this.env.A1 } } new C(process.env);", {"A1": N}),
    ("function load(env) { return { a: env.A1, b: env.B1 ?? 'x' } } load(process.env);", {"A1": N, "B1": D}),
    ("export interface Env { DB: D1Database; A: string }\nexport default { fetch(r: Request, env: Env, c: ExecutionContext) { env.DB.prepare(''); return env.A } }", {"A": N}),
]  # fmt: skip

NOTHING = [
    "// process.env.A\n/* process.env.B */ const s = 'process.env.C'; const t = \"Deno.env.get('D')\";",
    "process.env.A = 'x'; process.env['B'] = 'y'; delete process.env.C;",
    "declare global { namespace NodeJS { interface ProcessEnv { A: string; B?: string } } }",
    "type T = { a: typeof process.env.A }",
    "const env = document.createElement('div'); env.A; function f(env) { return env.B } f({});",
    "const cache = new Map(); cache.get('A'); config.get('B'); other.env.C; env.D;",
    "process.env.hasOwnProperty; Object.keys(process.env); process.env.toString();",
]

NEEDS_CASES = [
    ("process.env.A || 'x'; Number(process.env.B ?? 3000); Number(process.env.C) || 5; +process.env.E || 1;", {"A": (D, "x"), "B": (D, "3000"), "C": (D, "5"), "E": (D, "1")}),
    ("process.env.A ?? undefined; process.env.B || null; process.env.C ?? '';", {"A": (N, None), "B": (N, None), "C": (D, "")}),
    ("const a = process.env.A ? 1 : 2; const b = process.env.B === 'true'; if (process.env.C) { go() }", {"A": (D, "2"), "B": (N, None), "C": (N, None)}),
    ("process.env.A?.split(',') ?? []; process.env.B?.trim() || 'x'; process.env.C.split(',');", {"A": (D, "[]"), "B": (D, "x"), "C": (N, None)}),
    ("process.env.A ??= 'x'; process.env.B = process.env.B || 'y';", {"A": (D, "x"), "B": (D, "y")}),
    ("if (!process.env.A) throw new Error('a'); if (!process.env.B?.trim()) { process.exit(1) }", {"A": (R, None), "B": (R, None)}),
    ("const a = process.env.A; if (!a) { console.error('a'); process.exit(1) } const { B } = process.env; if (!B) throw new Error('b');", {"A": (R, None), "B": (R, None)}),
    ("assert(process.env.A, 'a'); invariant(process.env.B); const c = process.env.C; assert.ok(c);", {"A": (R, None), "B": (R, None), "C": (R, None)}),
    ("const a = process.env.A ?? (() => { throw new Error('a') })(); const b = process.env.B || fail('b'); function fail(m: string): never { throw new Error(m) }", {"A": (R, None), "B": (R, None)}),
    ("const KEYS = ['A', 'B']; const missing = KEYS.filter((k) => !process.env[k]); if (missing.length) throw new Error('x');", {"A": (R, None), "B": (R, None)}),
    ("const lack = []; for (const k of ['A']) { if (!process.env[k]) { lack.push(k) } } if (lack.length > 0) throw new Error('x');", {"A": (R, None)}),
    ("if (['A'].some((k) => !process.env[k])) throw new Error('x');", {"A": (R, None)}),
    ("function must(v, n) { if (!v) throw new Error(n); return v } must(process.env.A, 'A'); function int(v, d) { return v ? parseInt(v) : d } int(process.env.B, 30);", {"A": (R, None), "B": (D, "30")}),
    ("function h(req, res) { if (!process.env.A) { return res.status(500).json({}) } return use(process.env.A) }", {"A": (N, None)}),
    ("function page() { if (process.env.A) { return off } return on }", {"A": (N, None)}),
    ("function base() { if (process.env.A) return `https://${process.env.A}`; return 'http://localhost' }", {"A": (D, "http://localhost")}),
    ("class C { constructor(o) { this.key = process.env.A ?? o } }", {"A": (D, "o")}),
    # A parameter that need not be given is the read itself.
    ("export function seal(t: string, key = process.env.A) { if (!key) throw new Error('no key'); return t + key }", {"A": (R, None)}),
    ("function seal(t, key = process.env.A) { if (!key) return null; return t + key }", {"A": (N, None)}),
    ("const seal = (t, key = process.env.A ?? 'x') => { if (!key) throw new Error(); return key }", {"A": (D, "x")}),
    # What is given back early answers for another question than what the variable would say.
    ("function db() { const u = process.env.A; if (!u) { return base } const c = new Client(u); return base.with(c) }", {"A": (N, None)}),
    ("function hit(ip) { const l = process.env.A; if (l) { return l.split(',').length > 1 && other(ip) } return false }", {"A": (D, "false")}),
    ("function hit(ip) { const l = process.env.A; if (l) { const s = l.split(','); return s.find(x => x === ip) } return false }", {"A": (N, None)}),
    ("function url(k) { if (process.env.A) { const u = sign(process.env.A, k); return { k, u } } return { k, u: plain(k) } }", {"A": (N, None)}),
    ("function mail() { if (process.env.A) return process.env.A; return `a@${host()}` }", {"A": (N, None)}),
    ("function mail() { if (process.env.A) return process.env.A; return `a@b` }", {"A": (D, "a@b")}),
    # One of several is tried after the other; a closure's own parameter is no fallback of what is around it.
    ("function f() { const a = process.env.A; const b = process.env.B; if (a) { return p(a).map((x) => x.d) } if (b) { return p(b).map((x) => x.d) } throw new Error('none') }", {"A": (N, None), "B": (R, None)}),
    ("let a = process.env.A; if (!a) { a = process.env.B } if (!a) { throw new Error() }", {"A": (N, None), "B": (R, None)}),
    ("let a = process.env.A; if (!a) { a = process.env.B ?? 'x' }", {"A": (D, "process.env.B ?? 'x'"), "B": (D, "x")}),
]  # fmt: skip

WRAPPERS = [
    ("function need(n) { const v = process.env[n]; if (!v) throw new Error(n); return v } need('A');", {"A": (R, None)}),
    ("const opt = (n: string, d = 'z') => process.env[n] ?? d; opt('A'); opt('B', 'q');", {"A": (D, "z"), "B": (D, "q")}),
    ("function env(n, d) { const v = process.env[n] ?? d; if (v === undefined) throw new Error(n); return v } env('A'); env('B', 'q');", {"A": (R, None), "B": (D, "q")}),
    ("function env(n, d) { const v = process.env[n]; if (v === undefined && d === undefined) throw new Error(n); return v ?? d } env('A'); env('B', 'q');", {"A": (R, None), "B": (D, "q")}),
    ("function env(n, d) { const v = process.env[n]; if (v === undefined) { if (d !== undefined) return d; throw new Error(n) } return v } env('A'); env('B', 'q');", {"A": (R, None), "B": (D, "q")}),
    ("function env(n, must = true) { const v = process.env[n]; if (!v && must) throw new Error(n); return v } env('A'); env('B', false);", {"A": (R, None), "B": (N, None)}),
    ("function env(n, loose = false) { const v = process.env[n]; if (!v && !loose) throw new Error(n); return v } env('A'); env('B', true);", {"A": (R, None), "B": (N, None)}),
    ("function env({ name, fallback = 'u' }) { return process.env[name] ?? fallback } env({ name: 'A' }); env({ name: 'B', fallback: 'v' });", {"A": (D, "u"), "B": (D, "v")}),
    ("class Cfg { static of(n) { return process.env[n] } get(n) { return this.one(n) } one = (n) => process.env[n] } Cfg.of('A'); new Cfg().get('B1'); const c = new Cfg(); c.get('C1');", {"A": (N, None), "B1": (N, None), "C1": (N, None)}),
    ("const flags = { a: 'A', b: 'B' } as const; const need = (n: string) => process.env[n]; function p(k: keyof typeof flags) { return need(flags[k]) }", {"A": (N, None), "B": (N, None)}),
    ("enum Keys { X = 'A' } const need = (n) => process.env[n]; need(Keys.X); process.env[Keys.X];", {"A": (N, None)}),
    ("const L = [{ key: 'A' }, { key: 'B' }]; for (const one of L) { process.env[one.key] } L.map((one) => process.env[one.key]);", {"A": (N, None), "B": (N, None)}),
    ("for (const k of Object.keys({ A: 1 })) process.env[k];\nObject.values({ b: 'B' }).forEach((v) => process.env[v]);", {"A": (N, None), "B": (N, None)}),
    # What a pattern takes out of each element of a list, or of an object's entries.
    ("for (const [k, v] of Object.entries({ a: 'A' })) process.env[v]; for (const [k] of Object.entries({ B: 1 })) process.env[k];", {"A": (N, None), "B": (N, None)}),
    ("const M = { a: 'A' } as const; Object.entries(M).map(([k, v]) => [k, process.env[v]]); for (const [, v] of Object.entries(M)) v;", {"A": (N, None)}),
    ("const L = [{ key: 'A' }, { key: 'B' }]; for (const { key: name } of L) process.env[name]; [{ key: 'C' }].forEach(({ key }) => process.env[key]);",
     {"A": (N, None), "B": (N, None), "C": (N, None)}),
    ("[['A', 1], ['B', 2]].forEach(([name, n]) => { if (!process.env[name]) throw new Error() }); for (const [n, name] of [[1, 'C']]) process.env[name];",
     {"A": (R, None), "B": (R, None), "C": (N, None)}),
    ("for (const { key } of other()) process.env[key]; for (const [k, v] of pairs) process.env[v]; [{ k: 'A' }].map(({ other }) => process.env[other]);", {}),
    ("function check(names) { const lost = names.reduce((all, name) => { if (!process.env[name]) { all.push(name) } return all }, []); if (lost.length) process.exit(1) } check(['A', 'B']);", {"A": (N, None), "B": (N, None)}),
    ("const name = (s) => `APP_${s.toUpperCase()}`; process.env[name('url')];", {"APP_URL": (N, None)}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), SPELLINGS)
def test_every_spelling_of_the_environment_is_read(
    tmp_path: Path, code: str, expected: dict[str, str]
) -> None:
    assert expected == labels(read(tmp_path, {"a.ts": code}))


@pytest.mark.parametrize("code", NOTHING)
def test_what_reads_no_variable_gives_none(tmp_path: Path, code: str) -> None:
    assert {} == labels(read(tmp_path, {"a.ts": code}))


@pytest.mark.parametrize(("code", "expected"), [*NEEDS_CASES, *WRAPPERS])
def test_needs_follow_what_stands_around_a_read(
    tmp_path: Path, code: str, expected: dict[str, tuple[str, str | None]]
) -> None:
    assert expected == needs(read(tmp_path, {"a.ts": code}))


def test_a_read_names_its_file_and_line(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {
            "a.ts": "\n\nconst {\n  A,\n} = process.env;\n",
            "b.vue": "<template>{{ x }}</template>\n<script>\nprocess.env.B;\n</script>\n",
        },
    )
    assert [("A", "a.ts", 4), ("B", "b.vue", 3)] == [
        (r.name, r.reference.file, r.reference.line) for r in found.reads
    ]


def test_scripts_of_components_are_read_and_their_text_is_not(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {
            "a.svelte": """\
                <script lang="ts">
                  import { env } from '$env/dynamic/public';
                  const a = env.PUBLIC_A;
                </script>
                <p title="x">{env.PUBLIC_B} process.env.NOT_ONE {import.meta.env.VITE_C}</p>
                """,
            "b.astro": "---\nconst d = import.meta.env.D;\n---\n<p>import.meta.env.NOT_TWO</p>\n",
            "c.vue": "<script setup>\nconst e = import.meta.env.VITE_E || 'x'\n</script>\n<template>process.env.NOT_THREE</template>\n",
        },
    )
    assert {"PUBLIC_A": N, "PUBLIC_B": N, "VITE_C": N, "D": N, "VITE_E": D} == labels(found)


def test_wrappers_are_followed_over_relative_imports_aliases_and_re_exports(tmp_path: Path) -> None:
    """A helper is found by what is imported, whatever it is called there."""
    found = read(
        tmp_path,
        {
            "apps/web/src/lib/env.ts": """\
                export const env = (n: string) => typeof window !== 'undefined' ? window.__ENV__[n] : process.env[n];
                export const need = (n: string) => { const v = env(n); if (!v) throw new Error(n); return v };
                export default function getDefault(n: string, d: string) { return process.env[n] || d }
                """,
            "apps/web/src/lib/index.ts": "export * from './env'; export { need as must } from './env';",
            "apps/web/src/use.ts": """\
                import { env, need as n2 } from '@/lib/env';
                import gd from './lib/env';
                import { must } from '@/lib';
                import * as all from './lib/env';
                env('A'); n2('B'); gd('C', 'dd'); must('E'); all.need('F');
                """,
        },
    )
    assert {"A": (N, None), "B": (R, None), "C": (D, "dd"), "E": (R, None), "F": (R, None)} == needs(found)


def test_one_name_means_different_helpers_in_two_packages(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {
            "packages/utils/src/server/env.ts": "export function env(n: string) { return process.env[`PRE_${n}`] ?? 'x' }",
            "packages/lib/env.ts": "export function env(n: string) { return process.env[n] }",
            "apps/a/x.ts": "import { env } from '@acme/utils/server/env'; env('A');",
            "apps/b/x.ts": "import { env } from '@acme/lib/env'; env('B');",
            "apps/c/x.ts": "function env(n: string) { return document.getElementById(n) } env('NOT_ONE');",
        },
    )
    assert {"PRE_A": D, "B": N} == labels(found)


def test_the_environment_itself_may_come_from_another_file(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {
            "src/a.ts": "export const all = process.env; function wrap(env) { return new Proxy(env, {}) } export default wrap(process.env);",
            "src/keys.ts": "export const KEYS = { one: 'C', deep: { two: 'D' } } as const; export const LIST = ['E'];",
            "src/b.ts": """\
                import environment, { all } from './a';
                import { KEYS, LIST } from './keys';
                all.A1; environment.B1 ?? 'x'; process.env[KEYS.one]; process.env[KEYS.deep.two];
                LIST.forEach((k) => process.env[k]);
                """,
        },
    )
    assert {"A1": N, "B1": D, "C": N, "D": N, "E": N} == labels(found)


def test_classes_and_modules_of_commonjs_are_followed(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {
            "reader.ts": """\
                export class Reader { constructor(private readonly source: NodeJS.ProcessEnv) {} get(k: string) { return this.source[k] } }
                export const reader = new Reader(process.env);
                """,
            "use.ts": """\
                import { reader, Reader } from './reader';
                reader.get('A1');
                class Deep extends Reader { q() { return this.get('B1') } }
                class Other { constructor(private r: Reader) { this.r.get('C1') } }
                const cache = new Map(); cache.get('NOT_ONE');
                """,
            "lib/c.js": "const env = (n, d) => process.env[n] || d; module.exports = { env, int: (n, d) => parseInt(env(n, d)) }; exports.one = function (n) { return process.env[n] };",
            "lib/e.js": "module.exports = function (n) { return process.env[n] };",
            "lib/d.js": """\
                const { env, int } = require('./c'); const c = require('./c'); const read = require('./e');
                env('D', 'x'); int('E', 3); c.one('F1'); read('G');
                """,
        },
    )
    assert {"A1": N, "B1": N, "C1": N, "D": D, "E": D, "F1": N, "G": N} == labels(found)


def test_names_that_next_puts_into_the_code_are_none_of_the_environment(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {
            "next.config.js": "module.exports = { env: { basePath: process.env.BASE_PATH, A: process.env.A } };",
            "src/a.ts": "process.env.basePath; process.env.A;",
        },
    )
    assert {"BASE_PATH": N, "A": N} == labels(found)


def test_tests_and_declarations_are_left_out(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {"a.test.ts": "process.env.A", "env.d.ts": "process.env.B", "vitest.config.ts": "process.env.C"},
    )
    assert [] == found.reads


def test_a_constant_is_required_where_another_file_ends_without_it(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {
            "src/constants.ts": """\
                import { env } from './env';
                export const KEY = env('A'); export const { B, C } = process.env; export const D = process.env.D;
                export const E = process.env.E ?? 'x'; export const F = process.env.F; export const G = process.env.G === '1';
                export const H = process.env.H; export const I = process.env.I;
                """,
            "src/env.ts": "export const env = (name: string) => process.env[name];",
            "src/seal.ts": "import { KEY as key } from './constants'; export const seal = () => { if (!key) { throw new Error('no key') } };",
            "src/b.js": "const { B, C } = require('./constants'); if (B === undefined) process.exit(1); if (!C) { warn() }",
            "src/d.ts": "import { D, E } from '@/constants'; invariant(D, 'no D'); if (!E) throw new Error();",
            "src/f.ts": "import { F } from './other'; if (!F) throw new Error();",
            "src/g.ts": "import { G } from './constants'; if (!G) throw new Error('is off');",
            "src/h.ts": "import { type H } from './constants'; import { I } from './constants'; if (!I) { return } throw new Error();",
        },
    )
    expected = dict.fromkeys("ABD", R) | dict.fromkeys("CFGHI", N) | {"E": D}
    assert expected == labels(found)


@pytest.mark.parametrize(
    ("code", "may_read"),
    [
        ("const where = { environment: 'production', environments, envelope }", False),
        ("import { Environment } from './types'", False),
        ("ENVIRONMENT === 'test'", False),
        ("f(environment.API_KEY)", True),
        ("f(environment?.API_KEY, environment['x'])", True),
        ("const { API_KEY } = this.environment", True),
        ("parse({ environmentVariable: 'API_KEY' })", True),
        ("class ServerEnvironment { API_KEY: string }", True),
        ("import env from './env'", True),
        ("process.env.X", True),
        ("getEnvOrThrow('X')", True),
        ("ENV_KEYS.map(read)", True),
    ],
)
def test_the_word_environment_alone_makes_no_file_worth_parsing(code: str, *, may_read: bool) -> None:
    assert may_read == JavaScript().matters(code.encode())
