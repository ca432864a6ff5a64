"""Java's and Kotlin's environment that is handed around: as a map or as what looks up, over files, and nothing besides it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scan_parts import read_files

from deployer_lib.probes.variables.languages.java import Java
from deployer_lib.probes.variables.languages.kotlin import Kotlin

if TYPE_CHECKING:
    from pathlib import Path

Seen = set[tuple[str, str, str | None, str, int]]


def seen_in(root: Path, files: dict[str, str]) -> Seen:
    """Return name, need, default, file and line of each read; what a helper asks besides is left out."""
    language, pattern = (Java(), "*.java") if next(iter(files)).endswith(".java") else (Kotlin(), "*.kt")
    found = read_files(language, root, files, pattern)
    assert found.computed == []
    return {(r.name, r.need, r.default, r.reference.file, r.reference.line) for r in found.reads}


JAVA: dict[str, tuple[dict[str, str], Seen]] = {
    "parameter": (
        {
            "A.java": "class A { void m() { new B().load(System.getenv()); } }",
            "B.java": 'class B { void load(Map<String, String> vars) {\na = vars.getOrDefault("X_A", "d");\n'
            'b = Objects.requireNonNull(vars.get("X_B"));\nc = vars.get("lower"); } }',
        },
        {("X_A", "default", "d", "B.java", 2), ("X_B", "required", None, "B.java", 3)},
    ),
    "constructor": (
        {
            "A.java": "class A { void m() { new B(System.getenv()); } }",
            "B.java": "class B { private final Map<String, String> vars;\n"
            "B(Map<String, String> given) { this.vars = Map.copyOf(given); }\n"
            'String a() { return vars.getOrDefault("X_A", "d"); }\nString b() { return required("X_B"); }\n'
            "String required(String k) { String v = vars.get(k); if (v == null) throw new E(k); return v; } }",
        },
        {("X_A", "default", "d", "B.java", 3), ("X_B", "required", None, "B.java", 4)},
    ),
    "record": (
        {
            "A.java": 'class A { void m() { B b = new B(System.getenv());\nb.vars().get("X_C"); } }',
            "B.java": 'record B(Map<String, String> vars) { String a() { return vars.getOrDefault("X_A", "d"); } }',
        },
        {("X_C", "optional", None, "A.java", 2), ("X_A", "default", "d", "B.java", 1)},
    ),
    "static field": (
        {
            "A.java": "class A { static final Map<String, String> ENV = System.getenv(); }",
            "B.java": 'class B { String a = A.ENV.getOrDefault("X_A", "d"); }',
        },
        {("X_A", "default", "d", "B.java", 1)},
    ),
    "getter of an interface": (
        {
            "Conf.java": "interface Conf { Map<String, String> values(); }",
            "EnvConf.java": "class EnvConf implements Conf { public Map<String, String> values() { return System.getenv(); } }",
            "B.java": 'class B { String a(Conf conf) { return conf.values().get("X_A"); } }',
        },
        {("X_A", "optional", None, "B.java", 1)},
    ),
    "overlay": (
        {
            "a/Conf.java": "package a; class Conf { static Map<String, String> all;\n"
            "static void init(Map<String, String> over) { Map<String, String> m = new HashMap<>(System.getenv());\n"
            "if (over != null) { m.putAll(over); } all = m; }\nstatic Map<String, String> get() { return all; } }",
            "b/Box.java": "package b; import a.Conf; class Box { public Map<String, String> conf() { return Conf.get(); } }",
            "b/Names.java": 'package b; interface Names { String X_A = "X_A"; String X_A_DEFAULT = "d"; String NONE = null; }',
            "b/Use.java": "package b; class Use { void t(Box box) {\n"
            "a = Paths.get(Acc.text(box.conf(), Names.X_A, Names.X_A_DEFAULT));\n"
            'b = Acc.text(box.conf(), "X_B", Names.NONE);\nc = Acc.num(box.conf(), "X_C", 3);\n'
            'd = Acc.text(box.labels(), "NOT_D", "d"); } }',
            "b/Acc.java": "package b; class Acc {\n"
            "static String text(Map<String, String> m, String k, String d) { return m.containsKey(k) ? m.get(k) : d; }\n"
            "static int num(Map<String, String> m, String k, int d) { String raw = text(m, k, null);\n"
            "if (raw == null) { return d; } return Integer.parseInt(raw); } }",
        },
        {
            ("X_A", "default", "d", "b/Use.java", 2), ("X_A", "optional", None, "b/Use.java", 2),
            ("X_B", "optional", None, "b/Use.java", 3),
            ("X_C", "default", "3", "b/Use.java", 4), ("X_C", "optional", None, "b/Use.java", 4),
        },
    ),
    "stream": (
        {
            "A.java": "class A { void t() { Map<String, String> m = System.getenv().entrySet().stream()"
            '.filter(e -> e.getKey().startsWith("X_")).collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));\n'
            'm.get("X_A");\nMap<String, String> n = System.getenv().entrySet().stream()'
            ".collect(Collectors.toMap(e -> strip(e.getKey()), Map.Entry::getValue));\n"
            'n.get("NOT_A"); } }',
        },
        {("X_A", "optional", None, "A.java", 2)},
    ),
    "filled": (
        {
            "A.java": "class A { Map<String, String> m = new HashMap<>();\nA() { m.putAll(System.getenv()); }\n"
            'String g() { return m.get("X_A"); }\nvoid l() { Map<String, String> n = new HashMap<>(); n.putAll(System.getenv());\n'
            'n.get("X_B"); Map<String, String> o = new HashMap<>(); o.get("NOT_A"); } }',
            "P.java": "class P { Properties p = new Properties();\nP() { p.load(x); p.putAll(System.getenv()); }\n"
            'String g() { p.getProperty("my.own", "e"); return p.getProperty("X_P", "d"); } }',
            "Q.java": 'class Q { Properties p; String g() { return p.getProperty("NOT_P"); } }',
        },
        {
            ("X_A", "optional", None, "A.java", 3),
            ("X_B", "optional", None, "A.java", 5),
            ("X_P", "default", "d", "P.java", 3),
        },
    ),
    "look-up": (
        {
            "A.java": "class A { void t() { new B(System::getenv); new C(n -> System.getenv(n)); } }",
            "B.java": "class B { private final Function<String, String> find;\n"
            'B(Function<String, String> find) { this.find = find; }\nString a() { return find.apply("X_A"); } }',
            "C.java": 'class C { C(UnaryOperator<String> find) { Objects.requireNonNull(find.apply("X_C")); } }',
        },
        {("X_A", "optional", None, "B.java", 3), ("X_C", "required", None, "C.java", 1)},
    ),
    "asked before": (
        {
            "A.java": "class A { private final Map<String, String> m = new TreeMap<>(System.getenv());\n"
            "String s(String k, String d) { return m.containsKey(k) ? m.get(k) : d; }\n"
            "String n(String k) { return m.containsKey(k) ? m.get(k) : null; }\n"
            'void t() { Path.of(s("X_A", "d"));\nObjects.requireNonNull(n("X_C")); } }',
        },
        {
            ("X_A", "default", "d", "A.java", 4), ("X_A", "optional", None, "A.java", 4),
            ("X_C", "required", None, "A.java", 5), ("X_C", "optional", None, "A.java", 5),
        },
    ),
    "whether it is there": (
        {"A.java": 'class A { String a = System.getenv().containsKey("X_A") ? "true" : "false"; }'},
        {("X_A", "optional", None, "A.java", 1)},
    ),
    "other maps": (
        {
            "A.java": "class A { void t() { new B(System.getenv()); new C(request.headers()); D.t(System.getenv()); } }",
            "B.java": 'class B { B(Map<String, String> m) { m.get("X_A"); } }',
            "C.java": 'class C { C(Map<String, String> m) { m.get("NOT_A"); } }',
            "D.java": 'class D { static void t(Object o) { o.get("NOT_D"); } void t(Cache m) { m.get("NOT_D"); } }',
        },
        {("X_A", "optional", None, "B.java", 1)},
    ),
    "a child's environment": (
        {
            "A.java": "class A { void t() { Map<String, String> e = new ProcessBuilder().environment(); e.putAll(System.getenv());\n"
            'e.put("NOT_A", "b"); run(e); }\nvoid run(Map<String, String> all) { exec(all); all.put("NOT_B", ""); } }',
        },
        set(),
    ),
}  # fmt: skip

KOTLIN: dict[str, tuple[dict[str, str], Seen]] = {
    "whether it is there": (
        {"A.kt": 'val a = if (System.getenv().containsKey("X_A")) "true" else "false"'},
        {("X_A", "optional", None, "A.kt", 1)},
    ),
    "parameter": (
        {
            "A.kt": "fun main() { load(System.getenv()) }\n",
            "B.kt": 'fun load(vars: Map<String, String>) {\nval a = vars["X_A"] ?: "d"\nval b = vars.getValue("X_B")\n'
            'val c = vars["lower"]\n}',
        },
        {("X_A", "default", "d", "B.kt", 2), ("X_B", "required", None, "B.kt", 3)},
    ),
    "class": (
        {
            "A.kt": "fun main() { Settings(System.getenv()) }\n",
            "Settings.kt": 'class Settings(private val values: Map<String, String>) {\nval a = values["X_A"] ?: "d"\n'
            'val b = values["X_B"]!!\nfun need(k: String) = values[k] ?: error("no $k")\nval f = need("X_F")\n}',
        },
        {
            ("X_A", "default", "d", "Settings.kt", 2),
            ("X_B", "required", None, "Settings.kt", 3),
            ("X_F", "required", None, "Settings.kt", 5),
        },
    ),
    "default": (
        {
            "A.kt": 'class A(private val values: Map<String, String> = System.getenv()) {\nval a = values["X_A"]\n}'
        },
        {("X_A", "optional", None, "A.kt", 2)},
    ),
    "extensions": (
        {
            "A.kt": 'fun main() { val s = System.getenv().str("X_A", "d")\nval n = System.getenv().need("X_N")\n'
            'mapOf("a" to "b").str("NOT_READ", "d") }',
            "B.kt": "fun Map<String, String>.str(name: String, d: String) = this[name] ?: d\n"
            'fun Map<String, String>.need(name: String) = get(name) ?: error("no")\n',
        },
        {("X_A", "default", "d", "A.kt", 1), ("X_N", "required", None, "A.kt", 2)},
    ),
    "helper": (
        {
            "A.kt": 'fun main() { val e = System.getenv().toMutableMap()\nstr(e, "X_A", "d")\n'
            'str(mapOf("a" to "b"), "NOT_READ", "d") }',
            "B.kt": "fun str(m: Map<String, String>, name: String, d: String) = m[name] ?: d\n",
        },
        {("X_A", "default", "d", "A.kt", 2)},
    ),
    "let": (
        {
            "A.kt": 'val c = System.getenv().let { vars -> Cfg(vars["X_A"] ?: "d") }\nval d = System.getenv().let { it["X_C"] }'
        },
        {("X_A", "default", "d", "A.kt", 1), ("X_C", "optional", None, "A.kt", 2)},
    ),
    "getter and property": (
        {
            "A.kt": "object Env {\nfun all(): Map<String, String> = System.getenv()\nval map: Map<String, String> = all()\n}\n",
            "B.kt": 'val a = Env.all()["X_A"] ?: "d"\nval b = Env.map["X_B"]\n',
        },
        {("X_A", "default", "d", "B.kt", 1), ("X_B", "optional", None, "B.kt", 2)},
    ),
    "look-up": (
        {
            "A.kt": "fun main() { load(System::getenv); other { System.getenv(it) } }",
            "B.kt": 'fun load(lookup: (String) -> String?) { val a = lookup("X_A") ?: "d" }\n'
            'fun other(f: (String) -> String?) { val a = f("X_B")!!\nf.invoke("X_C") }',
        },
        {
            ("X_A", "default", "d", "B.kt", 1),
            ("X_B", "required", None, "B.kt", 2),
            ("X_C", "optional", None, "B.kt", 3),
        },
    ),
    "views": (
        {
            "A.kt": 'fun t(o: Map<String, String>) { val e = System.getenv().filterKeys { it.startsWith("X_") }\nuse(e["X_A"])\n'
            'val merged = System.getenv() + o\nuse(merged["X_B"] ?: "d") }\n'
            "class T { private val m = HashMap<String, String>()\ninit { m.putAll(System.getenv()) }\n"
            'fun g() = m["X_C"] ?: "d" }',
        },
        {
            ("X_A", "optional", None, "A.kt", 2),
            ("X_B", "default", "d", "A.kt", 4),
            ("X_C", "default", "d", "A.kt", 7),
        },
    ),
    "other maps": (
        {
            "A.kt": 'class T(val m: Map<String, String>) { fun a() = m["NOT_A"] }\n'
            'class U(val m: Map<String, String>) { fun b() = m["X_B"] }\nfun main() { U(System.getenv()); T(mapOf()) }\n'
            'fun t(headers: Map<String, String>) { headers["CONTENT_TYPE"] }',
        },
        {("X_B", "optional", None, "A.kt", 2)},
    ),
}


@pytest.mark.parametrize(("files", "expected"), JAVA.values(), ids=JAVA)
def test_java_hands_the_environment_on(tmp_path: Path, files: dict[str, str], expected: Seen) -> None:
    """What is handed on is read by its names in capitals, where it is handed; another map of the same shape is not."""
    assert expected == seen_in(tmp_path, files)


@pytest.mark.parametrize(("files", "expected"), KOTLIN.values(), ids=KOTLIN)
def test_kotlin_hands_the_environment_on(tmp_path: Path, files: dict[str, str], expected: Seen) -> None:
    """What is handed on is read by its names in capitals, where it is handed; another map of the same shape is not."""
    assert expected == seen_in(tmp_path, files)
