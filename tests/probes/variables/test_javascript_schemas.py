"""What libraries of JavaScript that validate or hold settings say of the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scan_parts import labels, needs, read_files

from deployer_lib.probes.variables.languages.javascript import JavaScript

if TYPE_CHECKING:
    from pathlib import Path

R, D, N = "required", "default", "optional"
Z = "import { z } from 'zod';"


def read(root: Path, files: dict[str, str]) -> dict[str, tuple[str, str | None]]:
    return needs(read_files(JavaScript(), root, files))


CASES = [
    (Z + "z.object({ A: z.string().min(1), B: z.coerce.number().default(3), C: z.string().optional(), E: z.string().nullish(), F: z.string().catch('c') }).parse(process.env);",
     {"A": (R, None), "B": (D, "3"), "C": (N, None), "E": (N, None), "F": (D, "c")}),
    (Z + "const base = z.object({ A: z.string() }); base.extend({ B: z.enum(['x']).default('x') }).merge(z.object({ C: z.optional(z.string()) })).safeParse(process.env);",
     {"A": (R, None), "B": (D, "x"), "C": (N, None)}),
    (Z + "z.object({ A: z.preprocess((v) => v, z.string().optional()), B: z.string().optional().transform((v) => v ?? 'q'), C: z.union([z.string(), z.undefined()]), E: z.string().transform(Number).pipe(z.number()) }).parse({ ...process.env });",
     {"A": (N, None), "B": (D, "q"), "C": (N, None), "E": (R, None)}),
    (Z + "const flag = z.string().default('f'); const str = () => z.string().min(1); z.object({ A: flag, B: str(), C: z.coerce.boolean() }).superRefine(() => {}).parse(process.env);",
     {"A": (D, "f"), "B": (R, None), "C": (N, None)}),
    (Z + "z.string().parse(process.env.A); z.coerce.number().default(9).parse(process.env.B);", {"A": (R, None), "B": (D, "9")}),
    (Z + "z.object({ port: z.coerce.number().default(80), host: z.string() }).parse({ port: process.env.A, host: process.env.B });",
     {"A": (D, "80"), "B": (R, None)}),
    (Z + "export const envSchema = z.object({ A: z.string() }); export const other = z.object({ B: z.string() }); other.parse(body);", {"A": (R, None)}),
    (Z + "createEnv({ server: { A: z.string().url(), B: z.string() }, clientPrefix: 'P_', client: { P_C: z.string().optional() }, shared: { E: z.string().default('e') }, runtimeEnv: { A: process.env.A, B: process.env.B_REAL, P_C: process.env.P_C, E: process.env.E } });",
     {"A": (R, None), "B_REAL": (R, None), "P_C": (N, None), "E": (D, "e")}),
    (Z + "createEnv({ server: { A: z.string() }, runtimeEnv: process.env });", {"A": (R, None)}),
    ("import { cleanEnv, str, num } from 'envalid'; cleanEnv(process.env, { A: str(), B: num({ default: 3 }), C: str({ devDefault: 'x' }), E: str({ default: undefined }) });",
     {"A": (R, None), "B": (D, "3"), "C": (R, None), "E": (N, None)}),
    ("import * as env from 'env-var'; env.get('A').required().asString(); env.get('B').default('x').asInt(); env.get('C').asString();",
     {"A": (R, None), "B": (D, "x"), "C": (N, None)}),
    ("import convict from 'convict'; convict({ env: { default: 'dev', env: 'A' }, db: { host: { default: null, env: 'B' }, port: { default: 5432, env: 'C' } } });",
     {"A": (D, "dev"), "B": (N, None), "C": (D, "5432")}),
    ("ConfigModule.forRoot({ validationSchema: Joi.object({ A: Joi.string().required(), B: Joi.number().default(3), C: Joi.string() }) }); // env",
     {"A": (R, None), "B": (D, "3"), "C": (N, None)}),
    ("const s = Joi.object({ A: Joi.string().required(), B: Joi.string().optional() }).unknown(); s.validate(process.env);", {"A": (R, None), "B": (N, None)}),
    ("const s = yup.object({ A: yup.string().required(), B: yup.string(), C: yup.number().default(2) }); s.validateSync(process.env);",
     {"A": (R, None), "B": (N, None), "C": (D, "2")}),
    ("import * as v from 'valibot'; const s = v.object({ A: v.string(), B: v.optional(v.string(), 'd'), C: v.optional(v.string()), E: v.pipe(v.string(), v.minLength(1)), F: v.fallback(v.string(), 'f') }); v.parse(s, process.env);",
     {"A": (R, None), "B": (D, "d"), "C": (N, None), "E": (R, None), "F": (D, "f")}),
    ("import { type } from 'arktype'; const env = type({ A: 'string', 'B?': 'string', C: 'string = \"x\"' }); env(process.env);",
     {"A": (R, None), "B": (N, None), "C": (D, "x")}),
    ("class S { constructor(private readonly configService: ConfigService) {} f() { const c = this.configService; c; this.configService.get<string>('AA'); this.configService.get('BB', 'd'); this.configService.getOrThrow('CC'); this.configService.get('db.host'); this.configService.get('EE') ?? 'q'; this.need('FF') } need(k: string) { const v = this.configService.get(k); if (!v) throw new Error(k); return v } }",
     {"AA": (N, None), "BB": (D, "d"), "CC": (R, None), "EE": (D, "q"), "FF": (R, None)}),
    ("class EnvironmentVariables { @IsString() A: string; @IsOptional() @IsString() B?: string; @IsNumber() C: number = 3000; plain: string } export function validate(config: Record<string, unknown>) { return validateSync(plainToInstance(EnvironmentVariables, config)) }",
     {"A": (R, None), "B": (N, None), "C": (D, "3000")}),
    ("import { Option } from 'commander'; new Command().addOption(new Option('-p').default(80).env('A')).addOption(new Option('-q').env('B'));", {"A": (D, "80"), "B": (N, None)}),
    ("module.exports = ({ env }) => ({ host: env('AA', 'localhost'), port: env.int('BB', 5432), ssl: env.bool('CC') });", {}),
    ("import { Config } from 'effect'; Config.string('A').pipe(Config.withDefault('x')); Config.redacted('B'); Config.option(Config.string('C')); // env", {"A": (D, "x"), "B": (R, None), "C": (N, None)}),
    ("import fastifyEnv from '@fastify/env'; const schema = { type: 'object', required: ['A'], properties: { A: { type: 'string' }, B: { default: 3 }, C: { type: 'string' } } }; app.register(fastifyEnv, { schema });",
     {"A": (R, None), "B": (D, "3"), "C": (N, None)}),
    ("new webpack.EnvironmentPlugin(['A']); new webpack.EnvironmentPlugin({ B: 'x', C: null }); // env", {"A": (R, None), "B": (D, "x"), "C": (N, None)}),
    ("defineConfig({ env: { schema: { A: envField.string({ context: 'server' }), B: envField.number({ default: 4 }), C: envField.string({ optional: true }) } } });",
     {"A": (R, None), "B": (D, "4"), "C": (N, None)}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), CASES)
def test_a_settings_library_says_what_each_name_needs(
    tmp_path: Path, code: str, expected: dict[str, tuple[str, str | None]]
) -> None:
    if code.startswith("module.exports = ({ env })"):
        expected = {"AA": (D, "localhost"), "BB": (D, "5432"), "CC": (N, None)}
    assert expected == read(tmp_path, {"a.ts": code})


def test_a_schema_of_another_file_is_found_where_it_is_parsed(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {
            "src/settings.ts": Z
            + "export const settings = z.object({ A: z.string(), NODE_ENV: z.string().default('x') });",
            "src/index.ts": "import { settings } from './settings'; export const parsed = settings.parse(process.env);",
        },
    )
    assert {"A": (R, None), "NODE_ENV": (D, "x")} == found


def test_a_class_is_validated_by_a_helper_of_another_file(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {
            "check.ts": "export default function check(config, kind) { return validateSync(plainToClass(kind, config)) }",
            "mail.ts": "import check from './check'; class Vars { @IsString() A: string; @IsOptional() B: string } check(process.env, Vars);",
        },
    )
    assert {"A": (R, None), "B": (N, None)} == found


def test_schemas_of_requests_are_none_of_the_environment(tmp_path: Path) -> None:
    code = (
        Z
        + "const body = z.object({ NAME: z.string() }); body.parse(request.body); const env = process.env.A;"
    )
    assert {"A": (N, None)} == read(tmp_path, {"a.ts": code})


def test_a_service_of_the_projects_own_is_not_that_of_nestjs(tmp_path: Path) -> None:
    """Settings that lie in a database are asked for by names in capitals too."""
    use = "@Controller() class C {{ constructor(private readonly {0}: {1}) {{}} f() {{ return this.{0}.get('{2}') }} }}"
    found = read_files(
        JavaScript(),
        tmp_path,
        {
            "src/infra-config.service.ts": "export class InfraConfigService implements OnModuleInit { get(k: string) { return this.db.find(k) } }",
            "src/app-config.service.ts": "export class AppConfigService extends ConfigService<Env> {}",
            "src/a.ts": use.format("infraConfigService", "InfraConfigService", "NOT_ONE"),
            "src/b.ts": use.format("appConfigService", "AppConfigService", "ONE_A"),
            "src/c.ts": use.format("configService", "ConfigService", "ONE_B"),
            "src/d.ts": use.format("configService", "ConfigService", "npm_package_version"),
            "src/e.ts": use.format("configService", "ConfigService", "not_this"),
        },
    )
    assert dict.fromkeys(["ONE_A", "ONE_B", "npm_package_version"], "optional") == labels(found)
