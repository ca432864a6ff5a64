"""Tables of options that name their variables, and the command lines whose options come from the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scan_parts import needs, read_files

from deployer_lib.probes.variables.languages.javascript import JavaScript

if TYPE_CHECKING:
    from pathlib import Path

R, D, N = "required", "default", "optional"
TABLE = """\
const OPTIONS = {
  port: { env: 'APP_PORT', default: 80, help: 'The port.' },
  host: { env: "APP_HOST", required: true },
  token: { env: 'TOKEN', help: 'A token.' },
  plain: { help: 'Of the command line alone.' },
  hosts: { env: 'APP_HOSTS', default: [], required: true },
  folder: { 'env': `APP_FOLDER`, default: null, parse: String },
};
"""
NAMED = {
    "APP_PORT": (D, "80"), "APP_HOST": (R, None), "TOKEN": (N, None), "APP_HOSTS": (D, "[]"), "APP_FOLDER": (N, None),
}  # fmt: skip


def read(root: Path, files: dict[str, str]) -> dict[str, tuple[str, str | None]]:
    return needs(read_files(JavaScript(), root, files))


LOOPS = [
    "for (const [name, option] of Object.entries(OPTIONS)) { out[name] = process.env[option.env] ?? option.default }",
    "Object.entries(OPTIONS).forEach(([name, option]) => { out[name] = process.env[option.env] });",
    "Object.values(OPTIONS).map(({ env, default: usual }) => process.env[env] ?? usual);",
    "for (const name of Object.keys(OPTIONS)) { const option = OPTIONS[name]; out[name] = process.env[option.env] }",
    "for (const name in OPTIONS) out[name] = process.env[OPTIONS[name].env];",
    (
        "const back = Object.keys(OPTIONS).reduce((all, key) => { const o = OPTIONS[key]; if (o.env) all[o.env] = key; return all }, {});"
        "for (const key of Object.keys(back)) { if (process.env[key]) out[back[key]] = process.env[key] }"
    ),
    "const take = (name) => process.env[name]; Object.values(OPTIONS).forEach((option) => take(option.env));",
]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_table_of_options_is_read_by_one_loop(tmp_path: Path, loop: str) -> None:
    assert NAMED == read(tmp_path, {"a.js": TABLE + loop})


def test_a_table_is_handed_through_functions_and_files(tmp_path: Path) -> None:
    """The table, the loop and the environment stand in three files; the names are found where they are written."""
    files = {
        "src/options.js": TABLE.replace("const OPTIONS", "module.exports.Options"),
        "src/table.js": "const options = require('./options').Options;\nexport default options;",
        "src/program.js": """\
            let table; let back;
            Program.prototype.load = function (given) {
              table = given;
              back = Object.keys(given).reduce((all, key) => {
                let value = given[key];
                if (typeof value == 'object') { value = value.env }
                if (value) { all[value] = key }
                return all;
              }, {});
            };
            function taken(env = {}) {
              return Object.keys(back).reduce((all, key) => { if (env[key]) { all[back[key]] = env[key] } return all }, {});
            }
            Program.prototype.parse = function (given, env) { return taken(env) };
            export default new Program();
            """,
        "src/run.js": "import program from './program'; import table from './table'; program.load(table); program.parse(process.argv, process.env);",
    }
    found = read_files(JavaScript(), tmp_path, files)
    assert NAMED == needs(found)
    assert [("src/options.js", 2)] == [
        (str(one.reference.file), one.reference.line) for one in found.reads if one.name == "APP_PORT"
    ]


@pytest.mark.parametrize(
    "table",
    [
        "const OPTIONS = [{ name: 'port', envVar: 'APP_PORT', default: 80, type: 'number' }, { name: 'host', envVar: 'APP_HOST', required: true }];",
        "const OPTIONS = { web: { port: { envVar: 'APP_PORT', default: 80 } }, db: { host: { envVar: 'APP_HOST', required: true } } };",
        "const P = 'APP_'; export const OPTIONS = { port: { envVar: P + 'PORT', defaultValue: () => 80 }, host: { envVar: `${P}HOST`, required: true } } as const;",
    ],
)
def test_a_table_is_a_list_or_lies_deeper_or_has_computed_names(tmp_path: Path, table: str) -> None:
    code = table + "each(OPTIONS, (option) => process.env[option.envVar]);"
    assert {"APP_PORT": (D, "80"), "APP_HOST": (R, None)} == read(tmp_path, {"a.ts": code})


@pytest.mark.parametrize(
    "code",
    [
        TABLE + "process.env.PLAIN;",  # nothing is read by a key that is computed
        TABLE + "const take = (name) => process.env[name]; take('PLAIN');",  # none that a definition names
        TABLE
        + "process.env.PLAIN; Object.values(OPTIONS).forEach((o) => { process.env[o.env] = '1' });",  # written
        TABLE + "const { env } = process; process.env.PLAIN; for (const key in env) print(env[key]);",
        # Stages, of which none has a name of several words.
        "const S = { a: { env: 'PROD', type: 'x' }, b: { env: 'TEST', type: 'y' } }; process.env[S.a.env + k]; process.env.PLAIN;",
        "const S = { a: { env: 'PRE_PROD', type: 'x' }, b: { env: 'PRE_PROD', type: 'y' } }; process.env[k]; f(S.a.env); process.env.PLAIN;",
        # Nothing beside the name that an option has.
        "const S = { a: { env: 'A_B', url: 'x' }, b: { env: 'C_D', url: 'y' } }; process.env[k]; f(x.env); process.env.PLAIN;",
        "const S = { a: { env: 'a_b', type: 'x' }, b: { env: 'c_d', type: 'y' } }; process.env[k]; f(x.env); process.env.PLAIN;",
        "const one = { env: 'A_B', default: 1 }; run({ env: 'C_D', default: 1 }); process.env[k]; f(x.env); process.env.PLAIN;",
    ],
)  # fmt: skip
def test_other_tables_name_no_variables(tmp_path: Path, code: str) -> None:
    assert {"PLAIN": (N, None)} == read(tmp_path, {"a.js": code})


COMMANDS = [
    ("import { Flags } from '@oclif/core'; class C { static flags = { a: Flags.string({ env: 'A', default: 'x' }), b: Flags.integer({ env: 'B', required: true }), c: Flags.boolean({ env: 'C' }) } }",
     {"A": (D, "x"), "B": (R, None), "C": (N, None)}),
    ("import { Command, flags } from '@oclif/command'; class X extends Command { static flags = { a: flags.string({ env: 'A', default: async () => 'x' }) } }", {"A": (D, "x")}),
    ("import { Command, Option } from 'clipanion'; class X extends Command { a = Option.String('--a', { env: 'A' }); b = Option.String('--b', 'x', { env: 'B' }); c = Option.String('--c', { env: 'C', required: true }) }",
     {"A": (N, None), "B": (D, "x"), "C": (R, None)}),
    ("import { option } from 'cmd-ts'; option({ long: 'a', env: 'A', defaultValue: () => 3 });", {"A": (D, "3")}),
    ("import { Option } from 'nest-commander'; class X { @Option({ flags: '-a', env: 'A', required: true }) a(v: string) { return v } }", {"A": (R, None)}),
    ("class X extends CommandLineAction { f() { this.a = this.defineStringParameter({ parameterLongName: '--a', environmentVariable: 'A', defaultValue: 'x' }); this.b = this.defineFlagParameter({ environmentVariable: 'B' }) } }",
     {"A": (D, "x"), "B": (N, None)}),
    ("import { Option } from 'commander'; p.addOption(new Option('-a').env('A').makeOptionMandatory()).addOption(new Option('-b').makeOptionMandatory().default(3).env('B')).addOption(new Option('-c').env('C').default(2));",
     {"A": (R, None), "B": (D, "3"), "C": (D, "2")}),
    ("import yargs from 'yargs'; yargs(process.argv).env('APP').option('db-url', { default: 'x' }).options({ apiKey: { demandOption: true }, 'log.level': {} }).command('s', 's', (y) => y.option('port', {})).parse(); yargs.option('other', {});",
     {"APP_DB_URL": (D, "x"), "APP_API_KEY": (R, None), "APP_LOG__LEVEL": (N, None), "APP_PORT": (N, None)}),
    ("const yargs = require('yargs/yargs'); yargs(argv).option('a', {}).env('APP_').argv;", {"APP_A": (N, None)}),
    ("import { option } from './own'; option({ long: 'a', env: 'A' }); other.env('APP').option('b', {}); process.env.PLAIN;", {"PLAIN": (N, None)}),
    ("import yargs from 'yargs'; yargs.env().option('a', {}); yargs.env(false); process.env.PLAIN;", {"PLAIN": (N, None)}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), COMMANDS)
def test_options_of_a_command_line_come_from_the_environment(
    tmp_path: Path, code: str, expected: dict[str, tuple[str, str | None]]
) -> None:
    assert expected == read(tmp_path, {"a.ts": code})


def test_what_absence_makes_of_a_switch_is_no_fallback(tmp_path: Path) -> None:
    """What a schema asks of a text, a flag in place of details, and what another question is answered with, stand in for nothing."""
    code = """\
        import { z } from 'zod';
        z.object({
          A: z.string().optional().transform((v) => v === '1' || v === 'true'), B: z.string().optional().transform((v) => v || undefined),
          C: z.string().optional().transform((v) => Number(v) || 5), E: z.string().optional().transform((v) => !v || v === 'a'),
        }).parse(process.env);
        const ca = process.env.F; connect({ ssl: ca ? { ca, strict: true } : true });
        const log = process.env.G ? { level: process.env.G } : { level: 'info' };
        const take = (name) => process.env[name]?.trim() || undefined;
        function model({ plan }) {
          const url = take('H');
          if (url) { return made(url) }
          if (take('I')) { return plan === 'free' ? 'small' : 'large' }
          return null;
        }
        """
    found = read(tmp_path, {"a.js": code})
    assert dict.fromkeys("ABEFGHI", N) | {"C": D} == {name: need for name, (need, _) in found.items()}
