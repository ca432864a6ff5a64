"""Kotlin's ways to read the environment: each comes out with its name, its need and its default."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scan_parts import labels, read_files

from deployer_lib.probes.variables.languages.kotlin import Kotlin

if TYPE_CHECKING:
    from pathlib import Path

    from deployer_lib.probes.variables.model import Found


def found_in(root: Path, files: dict[str, str]) -> Found:
    return read_files(Kotlin(), root, files, "*.kt*")


CASES = [
    ('val a = System.getenv("X_A")', "optional", None),
    ('val a: String? = System.getenv("X_A")', "optional", None),
    ('val a: String = System.getenv("X_A")', "required", None),
    ('val a = System.getenv("X_A") ?: "d"', "default", "d"),
    ('val a: String = System.getenv("X_A") ?: ""', "default", ""),
    ('val a = System.getenv("X_A") ?: System.getProperty("x") ?: error("no")', "required", None),
    ('val a = System.getenv("X_A").toInt()', "required", None),
    ('val a = System.getenv("X_A")?.toInt()', "optional", None),
    ('val a = System.getenv("X_A") ?: System.getProperty("x") ?: "d"', "default", "d"),
    ('val a = System.getenv("X_A") ?: error("X_A must be set")', "required", None),
    ('val a = System.getenv("X_A") ?: throw IllegalStateException("no")', "required", None),
    ('val a = System.getenv("X_A") ?: run { log("no"); exitProcess(1) }', "required", None),
    ('val a = System.getenv("X_A")!!', "required", None),
    ('val a = System.getenv("X_A")!!.toInt()', "required", None),
    ('val a = System.getenv("X_A") as String', "required", None),
    ('val a = System.getenv("X_A") as String? ?: "d"', "default", "d"),
    ('val a = System.getenv()["X_A"]', "optional", None),
    ('val a = System.getenv()["X_A"] ?: "d"', "default", "d"),
    ('val a = System.getenv().getOrDefault("X_A", "d")', "default", "d"),
    ('val a = System.getenv().getOrElse("X_A") { "d" }', "default", "d"),
    ('val a = System.getenv().getOrElse("X_A") { error("no") }', "required", None),
    ('val a = System.getenv().getValue("X_A")', "required", None),
    ('val a = System.getenv().containsKey("X_A")', "optional", None),
    ('val env = System.getenv()\nval a = env["X_A"] ?: "d"', "default", "d"),
    ('val env: Map<String, String> = System.getenv()\nval a = env["X_A"]', "optional", None),
    ('fun t(env: Map<String, String> = System.getenv()) = env["X_A"] ?: "d"', "default", "d"),
    ('fun t(env: Map<String, String>) { use(env["X_A"]) }', "optional", None),
    ('class T(private val env: Map<String, String>) { val a = env["X_A"] ?: throw E() }', "required", None),
    ('val a = System.getenv("X_A")?.let { it.toInt() } ?: 3', "default", "3"),
    ('val a = System.getenv("X_A")?.toInt() ?: 3', "default", "3"),
    ('val a = System.getenv("X_A")?.split(",")?.map { it.trim() } ?: emptyList()', "default", "emptyList()"),
    ('val a = System.getenv("X_A")?.takeIf { it.isNotBlank() } ?: "d"', "default", "d"),
    ('val a = System.getenv("X_A").toIntOrNull() ?: 3', "default", "3"),
    ('val a = (System.getenv("X_A") ?: "3").toInt()', "default", "3"),
    ('val a = System.getenv("X_A")?.let(::File)', "optional", None),
    ('val a = System.getenv("X_A").orEmpty()', "default", ""),
    ('val a = System.getenv("X_A").toBoolean()', "optional", None),
    ('val a = System.getenv("X_A") == "true"', "optional", None),
    ('val a = requireNotNull(System.getenv("X_A"))', "required", None),
    ('val a = requireNotNull(System.getenv("X_A")) { "no" }', "required", None),
    ('val a = checkNotNull(System.getenv("X_A")) { "no" }', "required", None),
    ('val a by lazy { System.getenv("X_A") }', "optional", None),
    ('val a: String by lazy { System.getenv("X_A") ?: "d" }', "default", "d"),
    ('val a: String by lazy { System.getenv("X_A") ?: error("no") }', "required", None),
    ('val a get() = System.getenv("X_A") ?: "d"', "default", "d"),
    ('fun t(): String = System.getenv("X_A") ?: "d"', "default", "d"),
    ('fun t(): String? = System.getenv("X_A")', "optional", None),
    ('fun t() { val a = System.getenv("X_A") ?: return\nuse(a) }', "optional", None),
    ('fun t(): String { val a = System.getenv("X_A") ?: return "d"\nreturn a }', "default", "d"),
    ('fun t() { val a = System.getenv("X_A"); if (a == null) throw E("no") }', "required", None),
    ('fun t() { val a = System.getenv("X_A"); if (a.isNullOrBlank()) { throw E("no") } }', "required", None),
    ('fun t() { val a = System.getenv("X_A"); require(a != null) { "no" } }', "required", None),
    ('fun t() { val a = System.getenv("X_A"); require(!a.isNullOrBlank()) { "no" } }', "required", None),
    ('fun t() { val a = System.getenv("X_A"); requireNotNull(a) { "no" } }', "required", None),
    ('fun t() { val a = System.getenv("X_A"); use(a!!) }', "required", None),
    ('fun t() { val a = System.getenv("X_A"); use(a ?: "d") }', "default", "d"),
    ('fun t() { val a = System.getenv("X_A"); if (a != null) { use(a) } }', "optional", None),
    ('fun t() { var a = System.getenv("X_A"); if (a == null) { a = "d" } }', "default", "d"),
    ('fun t() { if (System.getenv("X_A") == null) error("no") }', "required", None),
    ('fun t() { when { System.getenv("X_A") == null -> throw E("no") } }', "required", None),
    ('val v = System.getenv("X_A")\nval a = if (v == null) "d" else v', "default", "d"),
    ('val a = if (System.getenv("X_A") != null) System.getenv("X_A") else "d"', "default", "d"),
    (
        'val a = if (System.getenv("X_A").isNullOrEmpty()) throw E() else System.getenv("X_A")',
        "required",
        None,
    ),
    ('val a = try { System.getenv("X_A").toInt() } catch (e: Exception) { 3 }', "optional", None),
    ('val a = Optional.ofNullable(System.getenv("X_A")).orElse("d")', "default", "d"),
    ('val a = "host: ${System.getenv("X_A")}"', "optional", None),
    ('val a = "host: ${System.getenv("X_A") ?: "d"}"', "default", "d"),
    ('const val NAME = "X_A"\nval a = System.getenv(NAME)', "optional", None),
    (
        'class T { companion object { const val NAME = "X_A" }\nval a = System.getenv(NAME) }',
        "optional",
        None,
    ),
    ('object K { const val NAME = "X_A" }\nval a = System.getenv(K.NAME)', "optional", None),
    ('val p = "X"\nval a = System.getenv("${p}_A")', "optional", None),
    ('val a = System.getenv("X_" + "A")', "optional", None),
    ('fun t() { for (n in listOf("X_A")) { System.getenv(n) ?: error(n) } }', "required", None),
    ('val a = listOf("X_A").map { System.getenv(it) }', "optional", None),
    ('val a = listOf("X_A").map { n -> System.getenv(n) ?: "d" }', "default", "d"),
    ('val a = listOf("X_A").map(System::getenv)', "optional", None),
    ('enum class K(val n: String) { A("X_A"); fun get(): String? = System.getenv(n) }', "optional", None),
    (
        'enum class K(val n: String, val d: String) { A("X_A", "d"); fun get() = System.getenv(n) ?: d }',
        "default",
        "d",
    ),
    ("enum class K { X_A; fun get() = System.getenv(name) }", "optional", None),
    ("enum class K { X_A }\nfun t() { for (k in K.values()) { System.getenv(k.name) } }", "optional", None),
    ("enum class K { X_A }\nfun t(k: K) = System.getenv(k.name)\nval a = t(K.X_A)", "optional", None),
    ('fun e(n: String) = System.getenv(n)\nval a = e("X_A")', "optional", None),
    ('fun e(n: String) = System.getenv(n)\nval a = e("X_A") ?: "d"', "default", "d"),
    ('fun e(n: String) = System.getenv(n) ?: error(n)\nval a = e("X_A")', "required", None),
    ('fun e(n: String, d: String = "d") = System.getenv(n) ?: d\nval a = e("X_A")', "default", "d"),
    ('fun e(n: String, d: String = "e") = System.getenv(n) ?: d\nval a = e("X_A", "d")', "default", "d"),
    ('fun e(n: String, d: String? = null) = System.getenv(n) ?: d\nval a = e("X_A")', "optional", None),
    (
        'fun e(n: String, d: String? = null) = System.getenv(n) ?: d ?: error(n)\nval a = e("X_A", "d")',
        "default",
        "d",
    ),
    ('fun e(n: String, d: String) = System.getenv(n) ?: d\nval a = e(n = "X_A", d = "d")', "default", "d"),
    ('fun e(n: String, d: () -> String) = System.getenv(n) ?: d()\nval a = e("X_A") { "d" }', "default", "d"),
    ('fun String.env() = System.getenv(this)\nval a = "X_A".env()', "optional", None),
    ('fun String.env(d: String) = System.getenv(this) ?: d\nval a = "X_A".env("d")', "default", "d"),
    (
        'object Env { fun get(n: String): String? = System.getenv(n) }\nval a = Env.get("X_A")',
        "optional",
        None,
    ),
    ('class T { @Value("\\${X_A}") lateinit var a: String }', "required", None),
    ('class T { @Value("\\${X_A:d}") lateinit var a: String }', "default", "d"),
    ('class T(@Value("\\${X_A:d}") private val a: String)', "default", "d"),
    ('class T(@param:Value("\\${X_A}") private val a: String)', "required", None),
    ("class T { @Value(\"${'$'}{X_A:d}\") lateinit var a: String }", "default", "d"),
    ("class T { @Value(\"#{systemEnvironment['X_A']}\") lateinit var a: String }", "optional", None),
    ('class T { @ConfigProperty(name = "X_A") lateinit var a: String }', "required", None),
    ('class T { @ConfigProperty(name = "X_A", defaultValue = "d") lateinit var a: String }', "default", "d"),
    ('class T { @ConfigProperty(name = "X_A") lateinit var a: Optional<String> }', "optional", None),
    (
        'class T(val environment: Environment) { val a = environment.getProperty("X_A") ?: "d" }',
        "default",
        "d",
    ),
    ('class T(val environment: Environment) { val a = environment["X_A"] }', "optional", None),
    ('val dotenv = Dotenv.load()\nval a = dotenv["X_A"] ?: "d"', "default", "d"),
    ('val dotenv = dotenv()\nval a = dotenv.get("X_A", "d")', "default", "d"),
    ('val a = providers.environmentVariable("X_A").orElse("d")', "default", "d"),
    ('val a = providers.environmentVariable("X_A").get()', "required", None),
    ('val a = providers.environmentVariable("X_A").orNull', "optional", None),
    ('val a = providers.environmentVariable("X_A").getOrElse("d")', "default", "d"),
    ('import java.lang.System.getenv\nval a = getenv("X_A") ?: "d"', "default", "d"),
]


@pytest.mark.parametrize(("code", "need", "default"), CASES)
def test_a_read_has_its_need_and_its_default(
    tmp_path: Path, code: str, need: str, default: str | None
) -> None:
    found = found_in(tmp_path, {"T.kt": code})
    assert {"X_A": need} == labels(found)
    assert default == next((read.default for read in found.reads if read.default is not None), None)
    assert [] == found.computed


NOTHING = [
    '// System.getenv("X_A")\nval b = 1',
    '/* System.getenv("X_A") */ val b = 1',
    'val a = "System.getenv(\\"X_A\\")"',
    'val a = """System.getenv("X_A")"""',
    'val a = System.getProperty("X_A")',
    'fun t(headers: Map<String, String>) = headers["X_A"]',
    'fun t() { val env = builder.environment()\nenv["X_A"] = "b" }',
    'class T { @Value("\\${app.name}") lateinit var a: String }',
    'val a = environment.config.property("ktor.port")',
    'class Key(val a: String, val b: String)\nval a = Key("X_A", "otherType")',
    'val a = option("X_A", envvars = "b")',
]


@pytest.mark.parametrize("code", NOTHING)
def test_what_is_no_read_of_a_variable(tmp_path: Path, code: str) -> None:
    found = found_in(tmp_path, {"T.kt": code})
    assert {} == labels(found)
    assert [] == found.computed


def test_a_build_file_reads_too(tmp_path: Path) -> None:
    found = found_in(
        tmp_path, {"build.gradle.kts": 'credentials {\n  username = System.getenv("X_A") ?: "d"\n}'}
    )
    assert {"X_A": "default"} == labels(found)
    assert {2} == {read.reference.line for read in found.reads}


def test_a_helper_of_another_package_is_followed(tmp_path: Path) -> None:
    found = found_in(
        tmp_path,
        {
            "a/Env.kt": "package a\nfun env(n: String, d: String? = null) = System.getenv(n) ?: d\n"
            "fun need(n: String) = env(n) ?: error(n)",
            "a/Names.kt": 'package a\nobject Names { const val HOST = "X_HOST" }',
            "b/Use.kt": 'package b\nimport a.*\nval a = env("X_A", "d")\nval b = need("X_B")\nval c = env(Names.HOST)',
        },
    )
    assert {"X_A": "default", "X_B": "required", "X_HOST": "optional"} == labels(found)
    assert {3, 4, 5} == {read.reference.line for read in found.reads if read.reference.file == "b/Use.kt"}


def test_one_helper_name_means_different_things_in_two_packages(tmp_path: Path) -> None:
    found = found_in(
        tmp_path,
        {
            "a/Env.kt": "package a\nfun env(n: String) = System.getenv(n)",
            "a/A.kt": 'package a\nval a = env("X_A")',
            "b/Env.kt": "package b\nfun env(n: String) = System.getenv(n) ?: error(n)",
            "b/B.kt": 'package b\nval b = env("X_B")',
            "c/C.kt": 'package c\nimport b.env\nval c = env("X_C")',
        },
    )
    assert {"X_A": "optional", "X_B": "required", "X_C": "required"} == labels(found)


def test_a_map_is_no_helper_of_the_same_method_name(tmp_path: Path) -> None:
    found = found_in(
        tmp_path,
        {
            "a/Env.kt": "package a\nclass Env { fun get(n: String) = System.getenv(n) }",
            "a/A.kt": 'package a\nclass A(val env: Env, val headers: Map<String, String>) { val a = env.get("X_A")\n'
            'val b = headers.get("Accept") }',
        },
    )
    assert {"X_A": "optional"} == labels(found)


def test_the_application_s_own_file_may_give_what_an_annotation_wants(tmp_path: Path) -> None:
    resources = tmp_path / "app/src/main/resources"
    resources.mkdir(parents=True)
    (resources / "application.yml").write_text(
        "X_URL: http://x\nX_SELF: ${X_SELF}\n# X_OFF: y\n", encoding="utf-8"
    )
    source = 'class T(@Value("\\${X_URL}") val a: String, @Value("\\${X_SELF}") val b: String, @Value("\\${X_OFF}") val c: String)'
    found = found_in(tmp_path, {"app/src/main/kotlin/T.kt": source})
    assert {"X_URL": "default", "X_SELF": "required", "X_OFF": "required"} == labels(found)


WRAPPED = [
    "fun e(n: String) = System.getenv(n.uppercase(Locale.ROOT).replace('.', '_'))\nval a = e(\"x.a\")",
    'fun e(n: String) = System.getenv(n.replace(Regex("([A-Z])"), "_$1").uppercase())\nval a = e("xA")',
    'fun e(n: String) = System.getenv(n.replace("([a-z])([A-Z])".toRegex(), "$1_$2").uppercase())\nval a = e("xA")',
    'fun v(n: String): String { return "X_$n" }\nfun e(n: String) = System.getenv(v(n))\nval a = e("A")',
    'enum class K(val key: String) { A("x.a") }\nfun e(k: K) = System.getenv(k.key.uppercase().replace(".", "_"))',
    'enum class K(val key: String) { A("X_A"), B("X_B") }\nval a = System.getenv(K.A.key)',
    "enum class K { X_A, X_B; fun key() = name }\nval a = System.getenv(K.X_A.key())",
    'enum class K(val n: String) { A("X_A"), B("X_B"); fun key() = n }\nval a = System.getenv(K.A.key())',
    'enum class K { A; fun get() = System.getenv("X_" + name) }',
]


@pytest.mark.parametrize("code", WRAPPED)
def test_what_becomes_of_a_name_on_its_way_is_followed(tmp_path: Path, code: str) -> None:
    assert {"X_A": "optional"} == labels(found_in(tmp_path, {"T.kt": code}))


@pytest.mark.parametrize(
    "gone",
    [
        "fun gone(n: String): Nothing { log.error(n); throw E(n) }",
        "fun gone(n: String) = throw E(n)",
        "fun gone(n: String): String { throw E(n) }",
    ],
)
def test_a_function_that_never_comes_back_is_no_fallback(tmp_path: Path, gone: str) -> None:
    code = f'fun need(n: String): String = System.getenv(n) ?: gone(n)\n{gone}\nval a = need("X_A")'
    assert {"X_A": "required"} == labels(found_in(tmp_path, {"T.kt": code}))


def test_libraries_declare_what_they_read(tmp_path: Path) -> None:
    """Clikt's options, http4k's keys, Konfig's keys with the map that stands in."""
    found = found_in(
        tmp_path,
        {
            "A.kt": "import com.github.ajalt.clikt.core.CliktCommand\nclass C : CliktCommand() {\n"
            'val a by option("-a", envvar = "X_A").int().default(8080)\nval b by option(envvar = "X_B").required()\n'
            'val c by option(envvar = "X_C")\nval d by option(envvar = "X_D").flag()\n}',
            "B.kt": "import org.http4k.config.EnvironmentKey\n"
            'val a = EnvironmentKey.int().required("X_E")\nval b = EnvironmentKey.defaulted("x-f", "d")\n'
            'val c = EnvironmentKey.boolean().optional("X_G")',
            "C.kt": 'import com.natpryce.konfig.*\nval m = ConfigurationMap(mapOf("x.h" to "d", "x.z" to "d"))\n'
            'val c = systemProperties() overriding EnvironmentVariables() overriding m\nval h = c[Key("x.h", stringType)]\n'
            'val i = Key("x.i", intType)\nval j = c.getOrNull(Key("X_J", stringType))\n'
            'val k = c.getOrElse(Key("X_K", stringType), "d")\nval l = Key("x.l", stringType)\nval o = c.getOrNull(l)',
        },
    )
    assert {
        "X_A": "default", "X_B": "required", "X_C": "optional", "X_D": "default", "X_E": "required", "X_F": "default",
        "X_G": "optional", "X_H": "default", "X_I": "required", "X_J": "optional", "X_K": "default", "X_L": "optional",
    } == labels(found)  # fmt: skip
    assert {"8080", "false", "d"} == {read.default for read in found.reads if read.default is not None}
    assert {("A.kt", 3), ("B.kt", 2), ("C.kt", 5)} <= {
        (r.reference.file, r.reference.line) for r in found.reads
    }
