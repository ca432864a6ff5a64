"""Java's ways to read the environment: each comes out with its name, its need and its default."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scan_parts import labels, read_files

from deployer_lib.probes.variables.languages.java import Java

if TYPE_CHECKING:
    from pathlib import Path

    from deployer_lib.probes.variables.model import Found


def found_in(root: Path, files: dict[str, str]) -> Found:
    return read_files(Java(), root, files, "*.java")


def method(body: str) -> str:
    return f"class T {{ void t() throws Exception {{\n{body}\n}} }}"


STATEMENTS = [
    ('String a = System.getenv("X_A");', "optional", None),
    ('String a = System.getenv().get("X_A");', "optional", None),
    ('String a = java.lang.System.getenv("X_A");', "optional", None),
    ('String a = System.getenv().getOrDefault("X_A", "d");', "default", "d"),
    ('String a = System.getenv().getOrDefault("X_A", "");', "default", ""),
    ('String a = System.getenv().getOrDefault("X_A", null);', "optional", None),
    ('boolean a = System.getenv().containsKey("X_A");', "optional", None),
    ('Map<String, String> env = System.getenv(); env.get("X_A");', "optional", None),
    ('var env = System.getenv(); foo(env.getOrDefault("X_A", "d"));', "default", "d"),
    ('Map<String, String> e = new HashMap<>(System.getenv()); e.get("X_A");', "optional", None),
    ('String a = Optional.ofNullable(System.getenv("X_A")).orElse("d");', "default", "d"),
    ('String a = Optional.ofNullable(System.getenv("X_A")).filter(s -> !s.isEmpty()).orElse("d");', "default", "d"),
    ('int a = Optional.ofNullable(System.getenv("X_A")).map(Integer::parseInt).orElse(80);', "default", "80"),
    ('String a = Optional.ofNullable(System.getenv("X_A")).orElseGet(() -> "d");', "default", "d"),
    ('String a = Optional.ofNullable(System.getenv("X_A")).orElse(null);', "optional", None),
    ('String a = Optional.ofNullable(System.getenv("X_A")).orElseThrow();', "required", None),
    ('String a = Optional.ofNullable(System.getenv("X_A")).orElseThrow(() -> new E("no"));', "required", None),
    ('Optional.ofNullable(System.getenv("X_A")).ifPresent(this::use);', "optional", None),
    ('Optional<String> o = Optional.ofNullable(System.getenv("X_A")); foo(o.orElse("d"));', "default", "d"),
    ('String a = Objects.requireNonNull(System.getenv("X_A"));', "required", None),
    ('String a = Objects.requireNonNull(System.getenv("X_A"), "X_A must be set");', "required", None),
    ('String a = requireNonNull(System.getenv("X_A"));', "required", None),
    ('String a = Objects.requireNonNullElse(System.getenv("X_A"), "d");', "default", "d"),
    ('String a = Objects.requireNonNullElseGet(System.getenv("X_A"), () -> "d");', "default", "d"),
    ('String a = StringUtils.defaultIfBlank(System.getenv("X_A"), "d");', "default", "d"),
    ('String a = MoreObjects.firstNonNull(System.getenv("X_A"), "d");', "default", "d"),
    ('String a = System.getenv("X_A") != null ? System.getenv("X_A") : "d";', "default", "d"),
    ('String a = System.getenv("X_A") == null ? "d" : System.getenv("X_A");', "default", "d"),
    ('String v = System.getenv("X_A"); String a = v == null ? "d" : v;', "default", "d"),
    ('String v = System.getenv("X_A"); String a = (v != null && !v.isEmpty()) ? v : "d";', "default", "d"),
    ('String v = System.getenv("X_A"); if (v == null) v = "d";', "default", "d"),
    ('String v = System.getenv("X_A"); if (v == null || v.isEmpty()) { v = "d"; }', "default", "d"),
    ('String v = System.getenv("X_A"); if (v == null) throw new E("no");', "required", None),
    ('String v = System.getenv("X_A"); if (StringUtils.isBlank(v)) { throw new E("no"); }', "required", None),
    ('String v = System.getenv("X_A"); if (v == null || v.isBlank()) { System.err.println("no"); System.exit(1); }',
     "required", None),
    ('String v = System.getenv("X_A"); Objects.requireNonNull(v, "no");', "required", None),
    ('String v = System.getenv("X_A"); Preconditions.checkState(v != null, "no");', "required", None),
    ('String v = System.getenv("X_A"); Assert.hasText(v, "no");', "required", None),
    ('String v = System.getenv("X_A"); if (v != null) { use(v); }', "optional", None),
    ('String v = System.getenv("X_A"); if (v != null) { use(v); } else { throw new E("no"); }', "required", None),
    ('if (System.getenv("X_A") == null) { throw new E("no"); }', "required", None),
    ('if (!System.getenv().containsKey("X_A")) { throw new E("no"); }', "required", None),
    ('if (System.getenv("X_A") != null) { use(System.getenv("X_A")); }', "optional", None),
    ('boolean a = "true".equals(System.getenv("X_A"));', "optional", None),
    ('boolean a = "true".equalsIgnoreCase(System.getenv("X_A"));', "optional", None),
    ('boolean a = Boolean.parseBoolean(System.getenv("X_A"));', "optional", None),
    ('boolean a = System.getenv("X_A") != null;', "optional", None),
    ('int a = Integer.parseInt(System.getenv("X_A"));', "required", None),
    ('int a = Integer.parseInt(System.getenv().getOrDefault("X_A", "80"));', "default", "80"),
    ('int a; try { a = Integer.parseInt(System.getenv("X_A")); } catch (NumberFormatException e) { a = 80; }',
     "optional", None),
    ('int a; try { a = Integer.parseInt(System.getenv("X_A")); } catch (Exception e) { throw new E(e); }',
     "required", None),
    ('String a = System.getProperty("x.a", System.getenv("X_A"));', "optional", None),
    ('String a = System.getenv().getOrDefault("X_A", System.getProperty("x.a", "d"));', "default", "d"),
    ('String v = System.getenv("X_A"); if (v != null) { port = Integer.parseInt(v); }', "optional", None),
    ('if (System.getenv("X_A") != null) { port = Integer.parseInt(System.getenv("X_A")); }', "optional", None),
    ('String v = System.getenv("X_A"); if (isBlank(v)) { return; } Path p = Paths.get(v);', "optional", None),
    ('String v = System.getenv("X_A"); if (names.contains(v)) { use(Optional.of(v)); }', "optional", None),
    ('int p = System.getenv("X_A") != null ? Integer.parseInt(System.getenv("X_A")) : 80;', "default", "80"),
    ('String v = System.getenv("X_A"); int p = v != null ? Integer.parseInt(v) : 80;', "default", "80"),
    ('String[] a = System.getenv("X_A").split(",");', "optional", None),
    ('Dotenv dotenv = Dotenv.load(); dotenv.get("X_A");', "optional", None),
    ('Dotenv d = Dotenv.configure().ignoreIfMissing().load(); d.get("X_A", "d");', "default", "d"),
    ('String a = Dotenv.load().get("X_A");', "optional", None),
    ('String a = env.getProperty("X_A");', "optional", None),
    ('String a = environment.getProperty("X_A", "d");', "default", "d"),
    ('Integer a = context.getEnvironment().getProperty("X_A", Integer.class);', "optional", None),
    ('Integer a = environment.getProperty("X_A", Integer.class, 80);', "default", "80"),
    ('String a = environment.getRequiredProperty("X_A");', "required", None),
    ('String a = ConfigProvider.getConfig().getValue("X_A", String.class);', "required", None),
    ('var a = ConfigProvider.getConfig().getOptionalValue("X_A", String.class).orElse("d");', "default", "d"),
    ('String a = System.getenv("X_" + "A");', "optional", None),
    ('String a = System.getenv(String.format("X_%s", "A"));', "optional", None),
    ('for (String n : List.of("X_A")) { if (System.getenv(n) == null) throw new E(n); }', "required", None),
    ('Stream.of("X_A").map(System::getenv).forEach(this::use);', "optional", None),
    ('List.of("X_A").forEach(n -> Objects.requireNonNull(System.getenv(n)));', "required", None),
    ('String[] ns = {"X_A"}; for (String n : ns) { System.getenv(n); }', "optional", None),
    ('String n = "X_A"; System.getenv(n);', "optional", None),
    ('String a = (String) Objects.requireNonNull(System.getenv("X_A"));', "required", None),
]  # fmt: skip


@pytest.mark.parametrize(("body", "need", "default"), STATEMENTS)
def test_a_statement_reads(tmp_path: Path, body: str, need: str, default: str | None) -> None:
    found = found_in(tmp_path, {"T.java": method(body)})
    assert {"X_A": need} == labels(found)
    assert default == next((read.default for read in found.reads if read.default is not None), None)
    assert {2} == {read.reference.line for read in found.reads}
    assert [] == found.computed


MEMBERS = [
    ('@Value("${X_A}") String a;', "required", None),
    ('@Value("${X_A:d}") String a;', "default", "d"),
    ('@Value("${X_A:}") String a;', "default", ""),
    ('@Value("${X_A:#{null}}") String a;', "optional", None),
    ('@Value(value = "${X_A}") String a;', "required", None),
    ('@Value("${spring.x:${X_A:e}}") String a;', "default", "e"),
    ('@Value("#{systemEnvironment[\'X_A\']}") String a;', "optional", None),
    ('@Value("#{systemEnvironment[\'X_A\'] ?: \'d\'}") String a;', "default", "d"),
    ('@Value("#{environment.X_A}") String a;', "optional", None),
    ('@ConditionalOnExpression("#{ systemEnvironment[\'X_A\'] != null }") class U { }', "optional", None),
    ('@ConditionalOnProperty(name = "X_A", havingValue = "b") class U { }', "optional", None),
    ('@Requires(property = "X_A") class U { }', "optional", None),
    ('Environment env; void t() { if (env.containsProperty("X_A")) { use(); } }', "optional", None),
    ('T(ApplicationContext context) { context.getProperty("X_A", String.class).orElse("d"); }', "default", "d"),
    ('T(@Value("${X_A}") String a) { }', "required", None),
    ('static final String N = "X_A"; @Value("${" + N + "}") String a;', "required", None),
    ('@Scheduled(cron = "${X_A:0 0 * * * *}") void run() { }', "default", "0 0 * * * *"),
    ('@KafkaListener(topics = {"${X_A}"}) void on(String s) { }', "required", None),
    ('@ConfigProperty(name = "X_A") String a;', "required", None),
    ('@ConfigProperty(name = "X_A", defaultValue = "d") String a;', "default", "d"),
    ('@ConfigProperty(name = "X_A") Optional<String> a;', "optional", None),
    ('@Property(name = "X_A") String a;', "required", None),
    ('@Option(names = "-a", defaultValue = "${X_A:-d}") String a;', "default", "d"),
    ('@Option(names = "-a", defaultValue = "${env:X_A:-d}") String a;', "default", "d"),
    ('@Option(names = "-a", defaultValue = "${env:X_A}") String a;', "optional", None),
    ('@Option(names = "-a", required = true, defaultValue = "${env:X_A}") String a;', "required", None),
    ('private static final String A = System.getenv("X_A");', "optional", None),
    ('private final String a = System.getenv("X_A"); T() { if (a == null) throw new E("no"); }', "required", None),
    ('String a; T() { this.a = System.getenv("X_A"); if (this.a == null) throw new E("no"); }', "required", None),
    ('String a; T() { this.a = System.getenv("X_A"); if (a == null) throw new E("no"); }', "required", None),
    ('static final Map<String, String> ENV = System.getenv(); String a = ENV.get("X_A");', "optional", None),
    ('T(Map<String, String> env) { use(env.get("X_A")); }', "optional", None),
    ('Environment env; void t() { env.getProperty("X_A"); }', "optional", None),
    ('static final String N = "X_A"; String a = System.getenv(N);', "optional", None),
    ('static final String N = "X_A"; String a = System.getenv(T.N);', "optional", None),
    ('Supplier<String> a = () -> System.getenv("X_A");', "optional", None),
    ('String a() { String v = System.getenv("X_A"); return v != null ? v : "d"; }', "default", "d"),
    ('String a() { String v = System.getenv("X_A"); if (v != null) { return v; } return "d"; }', "default", "d"),
    ('String a() { String v = System.getenv("X_A"); if (v != null) return v; throw new E("no"); }', "required", None),
    ('enum K { A("X_A"); final String n; K(String n) { this.n = n; } String get() { return System.getenv(n); } }',
     "optional", None),
    (('enum K { A("X_A"); final String n; K(String k) { n = k; } String get() { return need(System.getenv(this.n)); } '
     "String need(String s) { return s; } }"), "optional", None),
    (('enum K { A("X_A", "d"); final String n, d; K(String n, String d) { this.n = n; this.d = d; } '
     "String get() { return System.getenv().getOrDefault(n, d); } }"), "default", "d"),
    ("enum K { X_A; String get() { return System.getenv(name()); } }", "optional", None),
    ("enum K { X_A } static String get(K k) { return System.getenv(k.name()); } String a = get(K.X_A);",
     "optional", None),
    ("enum K { X_A } void t() { for (K k : K.values()) { System.getenv(k.name()); } }", "optional", None),
    (('enum K { A("X_A"); final String n; K(String n) { this.n = n; } String key() { return n; } } '
     "static String get(K k) { return System.getenv(k.key()); }"), "optional", None),
    ('record V(String n) { String get() { return System.getenv(n); } } V v = new V("X_A");', "optional", None),
    ('static String e(String n) { return System.getenv(n); } String a = e("X_A");', "optional", None),
    ('static String e(String n) { return System.getenv(n.toUpperCase(Locale.ROOT).replace(\'.\', \'_\')); } String a = e("x.a");',
     "optional", None),
    ('static String e(String n) { return System.getenv(n.toUpperCase().replaceAll("[^A-Z0-9]+", "_")); } String a = e("x-.a");',
     "optional", None),
    (('static String v(String n) { return n.replaceAll("\\\\.", "_").replaceAll("(\\\\p{Lu})", "_$1").toUpperCase(Locale.ROOT); } '
      'static String e(String n) { return System.getenv(v(n)); } String a = e("xA");'), "optional", None),
    (('static String v(String n) { return "X_" + n; } '
      'static String e(String n) { return System.getenv(v(n)); } String a = Objects.requireNonNull(e("A"));'), "required", None),
    (('static String e(String n) { String v = System.getenv(n); if (v == null) { gone(n); } return v; } String a = e("X_A"); '
      'static void gone(String n) { log.error(n); throw new E(n); }'), "required", None),
    ('String a = Optional.ofNullable(System.getenv("X_A")).orElseGet(() -> gone()); static String gone() { throw new E(); }',
     "required", None),
    ('enum K { A; String get() { return System.getenv("X_" + name()); } }', "optional", None),
    (('enum K { A("x.a"); final String n; K(String n) { this.n = n; } String key() { return n; } } '
     'static String get(K k) { return System.getenv(k.key().toUpperCase().replace(".", "_")); }'), "optional", None),
    (('enum K { A("X_A"), B("X_B"); final String n; K(String n) { this.n = n; } String key() { return n; } } '
     "String a = System.getenv(K.A.key());"), "optional", None),
    ("enum K { X_A, X_B; String key() { return name(); } } String a = System.getenv(K.X_A.key());", "optional", None),
    (('@Getter @AllArgsConstructor enum K { A("d", "X_A"); private final String def; private final String envKey; } '
     "static String get(K k) { return System.getenv(k.getEnvKey()); }"), "optional", None),
    ('static final Map<String, String> M = Map.of("X_A", "b"); void t() { for (String k : M.keySet()) { System.getenv(k); } }',
     "optional", None),
    ('static String e(String n) { return System.getenv(n); } String a = Objects.requireNonNull(e("X_A"));',
     "required", None),
    ('static String e(String n) { return System.getenv(n); } String a = Optional.ofNullable(e("X_A")).orElse("d");',
     "default", "d"),
    ('static String e(String n, String d) { return System.getenv().getOrDefault(n, d); } String a = e("X_A", "d");',
     "default", "d"),
    (('static String e(String n, String d) { String v = System.getenv(n); return v != null ? v : d; } '
     'String a = e("X_A", "d");'), "default", "d"),
    (('static String e(String n, String d) { String v = System.getenv(n); return v != null ? v : d; } '
     'String a = e("X_A", null);'), "optional", None),
    (('static String e(String p, String n) { return System.getenv().getOrDefault(n, System.getProperty(p)); } '
     'String a = e("x.a", "X_A");'), "default", "System.getProperty(p)"),
    (('static String e(String p, String n, String d) { return System.getenv().getOrDefault(n, System.getProperty(p, d)); } '
     'String a = e("x.a", "X_A", "d");'), "default", "d"),
    (('static String e(String n) { String v = System.getenv(n); if (v == null) throw new E(n); return v; } '
     'String a = e("X_A");'), "required", None),
    (('static String e(String n) { return e(n, "d"); } '
     'static String e(String n, String d) { return System.getenv().getOrDefault(n, d); } String a = e("X_A");'),
     "default", "d"),
    (('static String e(String n, String d) { String v = e(n); return v == null ? d : v; } '
     'static String e(String n) { return System.getenv(n); } String a = e("X_A", "d");'), "default", "d"),
    (('static int i(String n, int d) { return Integer.parseInt(e(n, String.valueOf(d))); } '
     'static String e(String n, String d) { return System.getenv().getOrDefault(n, d); } int a = i("X_A", 5);'),
     "default", "5"),
]  # fmt: skip


@pytest.mark.parametrize(("member", "need", "default"), MEMBERS)
def test_a_member_reads(tmp_path: Path, member: str, need: str, default: str | None) -> None:
    found = found_in(tmp_path, {"T.java": f"class T {{\n{member}\n}}"})
    assert {"X_A": need} == labels(found)
    assert default == next((read.default for read in found.reads if read.default is not None), None)


NOTHING = [
    'T() { /* System.getenv("X_A") */ }',
    '// System.getenv("X_A")\nint a;',
    'String a = "System.getenv(\\"X_A\\")";',
    'String a = System.getProperty("X_A");',
    '@Value("${app.name}") String a;',
    '@Value("${app.name:${other.name:d}}") String a;',
    'void t(Map<String, String> headers) { headers.get("X_A"); }',
    'void t() { Map<String, String> env = builder.environment(); env.put("X_A", "x"); }',
    'void t(Properties p) { p.getProperty("X_A"); }',
    'void t() { env.getProperty("server.port"); }',
    '@Operation(description = "set ${X_A}") void t() { }',
    '@ConfigProperty(name = "app.name") String a;',
    '@ConditionalOnProperty(name = "app.name") class U { }',
    '@Requires(env = "X_A") class U { }',
    'Environment env; void t() { env.getProperty("dbUrl"); env.getProperty("db.my_url"); env.getProperty("url"); }',
    'Properties env; void t() { env.getProperty("db_url"); }',
    "enum K { A; String key() { return name(); } } void t(K k) { use(k.key()); }",
]


@pytest.mark.parametrize("member", NOTHING)
def test_what_is_no_read_of_a_variable(tmp_path: Path, member: str) -> None:
    found = found_in(tmp_path, {"T.java": f"class T {{\n{member}\n}}"})
    assert {} == labels(found)
    assert [] == found.computed


def test_a_helper_of_another_package_is_followed(tmp_path: Path) -> None:
    found = found_in(
        tmp_path,
        {
            "src/main/java/a/Env.java": "package a; public class Env { public static String get(String n, String d) {"
            " String v = System.getenv(n); if (v == null || v.isEmpty()) return d; return v; }"
            " public static String need(String n) { return require(get(n, null), n); }"
            " static String require(String v, String n) { if (v == null) throw new E(n); return v; } }",
            "src/main/java/b/Use.java": "package b; import a.Env; import static a.Names.HOST;\nclass Use {\n"
            'String a = Env.get("X_A", "d");\nString b = Env.get(HOST, null);\nString c = Env.get(a.Names.PORT, "1"); }',
            "src/main/java/a/Names.java": "package a; public interface Names {"
            ' String HOST = "X_HOST"; String PORT = "X_PORT"; }',
        },
    )
    assert labels(found).items() >= {"X_A": "default", "X_HOST": "optional", "X_PORT": "default"}.items()
    assert {3, 4, 5} == {
        read.reference.line for read in found.reads if read.reference.file.endswith("Use.java")
    }


def test_one_helper_name_means_different_things_in_two_packages(tmp_path: Path) -> None:
    found = found_in(
        tmp_path,
        {
            "a/Config.java": "package a; class Config { static String get(String n) { return System.getenv(n); } }",
            "a/A.java": 'package a; class A { String a = Config.get("X_A"); }',
            "b/Config.java": "package b; class Config { static String get(String n) { if (System.getenv(n) == null)"
            " throw new E(n); return System.getenv(n); } }",
            "b/B.java": 'package b; class B { String b = Config.get("X_B"); }',
        },
    )
    assert {"X_A": "optional", "X_B": "required"} == labels(found)


def test_a_map_is_no_helper_of_the_same_method_name(tmp_path: Path) -> None:
    found = found_in(
        tmp_path,
        {
            "a/Env.java": "package a; class Env { String get(String n) { return System.getenv(n); } }",
            "a/A.java": "package a; class A { private final Env env = new Env(); void t(Map<String, String> headers) {"
            ' env.get("X_A"); headers.get("Accept"); cache().get("Other"); } }',
        },
    )
    assert {"X_A": "optional"} == labels(found)


def test_a_helper_behind_an_interface_and_an_inherited_one_are_followed(tmp_path: Path) -> None:
    found = found_in(
        tmp_path,
        {
            "a/EnvSource.java": "package a; class EnvSource implements Source {"
            " public String read(String n) { return System.getenv(n); } }",
            "a/Base.java": "package a; abstract class Base { String setting(String n) { return System.getenv(n); } }",
            "a/A.java": 'package a; class A extends Base { A(Source source) { source.read("X_A"); setting("X_B"); } }',
        },
    )
    assert {"X_A": "optional", "X_B": "optional"} == labels(found)


def test_a_constant_of_another_class_is_known_by_its_class(tmp_path: Path) -> None:
    found = found_in(
        tmp_path,
        {
            "a/K.java": 'package a; class K { static final String NAME = "X_A"; }',
            "a/L.java": 'package a; class L { static final String NAME = "X_B"; String b = System.getenv(NAME); }',
            "a/A.java": "package a; class A { String a = System.getenv(K.NAME); }",
        },
    )
    assert {"X_A": "optional", "X_B": "optional"} == labels(found)


def test_a_name_that_only_runtime_knows_is_told(tmp_path: Path) -> None:
    found = found_in(tmp_path, {"T.java": method("String a = System.getenv(names.next());")})
    assert {} == labels(found)
    assert [2] == [reference.line for reference in found.computed]


def test_a_name_in_small_letters_is_a_variable_s_where_no_file_gives_the_property(tmp_path: Path) -> None:
    resources = tmp_path / "app/src/main/resources"
    resources.mkdir(parents=True)
    (resources / "db.properties").write_text("db_user=sa\n", encoding="utf-8")
    code = 'class T { Environment env; void t() { env.getProperty("db_url"); env.getProperty("db_user"); } }'
    assert {"db_url": "optional"} == labels(found_in(tmp_path, {"app/src/main/java/T.java": code}))


def test_an_object_brings_the_name_along(tmp_path: Path) -> None:
    found = found_in(
        tmp_path,
        {
            "a/Key.java": "package a; abstract class Key<T> { private final String key; Key(String key, T usual) { this.key = key; } "
            "String getKey() { return key; } }\n"
            "class TextKey extends Key<String> { TextKey(String key) { super(key, null); } }\n"
            "class BoolKey extends Key<Boolean> { BoolKey(String key, Boolean usual) { super(key, usual); } }",
            "a/Config.java": "package a; class Config { String get(Key<?> key, String other) { String v = get(key.getKey()); "
            "return v != null ? v : other; }\n"
            "String get(String key) { return System.getenv(key.replace('.', '_').toUpperCase()); } }",
            "a/Keys.java": 'package a; class Keys { static final Key<String> A = new TextKey("x.a");\n'
            'static final Key<Boolean> B = new BoolKey("x.b", true); }',
        },
    )
    assert {"X_A", "X_B"} == set(labels(found))


def test_an_object_brings_no_name_in_small_letters_along(tmp_path: Path) -> None:
    found = found_in(
        tmp_path,
        {
            "a/Item.java": "package a; class Item { private final String name; Item(String name) { this.name = name; } "
            "String getName() { return name; } }",
            "a/Use.java": 'package a; class Use { void t(Item item) { System.getenv(item.getName()); } Item a = new Item("bread"); }',
        },
    )
    assert {} == labels(found)
