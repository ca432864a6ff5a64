"""What PHP reads from the environment: names, needs, fallbacks and lines, in templates and YAML too."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scan_parts import labels, needs, read_files

from deployer_lib.probes.variables.languages.php import Php

if TYPE_CHECKING:
    from deployer_lib.probes.variables.model import Found

R, D, N = "required", "default", "optional"


def read(root: Path, files: dict[str, str]) -> Found:
    return read_files(Php(), root, files)


CASES = [
    ("$a = getenv('A'); $b = $_ENV['B']; $c = $_SERVER['C'];", {"A": (N, None), "B": (N, None), "C": (N, None)}),
    ("$_ENV['A'] = 1; $_ENV['B'] ??= 2; putenv('C=1'); unset($_ENV['D']);", {}),
    ("// getenv('A')\n# getenv('B')\n/* env('C') */\n$x = \"getenv('D')\"; $y = 'env(E)';", {}),
    ("$a = [$_SERVER['HTTP_HOST'], $_SERVER['REQUEST_URI'], $_SERVER['argv'], $_SERVER['HTTPS'], $_SERVER['PHP_SELF']];", {}),
    ("getenv('HTTP_X_FORWARDED_FOR'); getenv('REMOTE_ADDR'); getenv('HTTP_PROXY');", {"HTTP_PROXY": (N, None)}),
    ("getenv('A') ?: 'x';", {"A": (D, "x")}),
    ("(int) getenv('A') ?: 5;", {"A": (D, "5")}),
    ("$_ENV['A'] ?? 'x';", {"A": (D, "x")}),
    ("$_ENV['A'] ?? null;", {"A": (N, None)}),
    ("$_ENV['A'] ?? $_SERVER['A'] ?? 'x';", {"A": (D, "x")}),
    ("$_ENV['A'] ?? getenv('A') ?: null;", {"A": (N, None)}),
    ("$_ENV['A'] ?? getenv('A');", {"A": (N, None)}),
    ("@$_ENV['A'] ?: 'x';", {"A": (D, "x")}),
    ("$_ENV['A'] ?? throw new X();", {"A": (R, None)}),
    ("getenv('A') or die('no');", {"A": (R, None)}),
    ("$a = getenv('A') or die('no');", {"A": (R, None)}),
    ("if (!isset($_ENV['A'])) { throw new X('no'); }", {"A": (R, None)}),
    ("if (empty($_SERVER['A'])) exit(1);", {"A": (R, None)}),
    ("if (getenv('A') === false) { throw new X(); }", {"A": (R, None)}),
    ("if (false === getenv('A')): die('no'); endif;", {"A": (R, None)}),
    ("if (!$a = getenv('A')) { throw new X(); }", {"A": (R, None)}),
    ("if (($a = getenv('A')) === false) { throw new X(); }", {"A": (R, None)}),
    ("$a = getenv('A');\nif (!$a) { throw new X(); }", {"A": (R, None)}),
    ("$a = getenv('A');\nif ($a === false) { $a = 'x'; }", {"A": (D, "x")}),
    ("$a = getenv('A'); $a ??= 'x';", {"A": (D, "x")}),
    ("isset($_ENV['A']) ? $_ENV['A'] : 'x';", {"A": (D, "x")}),
    ("getenv('A') !== false ? getenv('A') : 'x';", {"A": (D, "x")}),
    ("if (isset($_ENV['A'])) { f($_ENV['A']); }", {"A": (N, None)}),
    ("getenv('A') === 'x' || f();", {"A": (N, None)}),
    ("match (getenv('A')) { 'x' => 1, default => throw new X() };", {"A": (R, None)}),
    ("switch (getenv('A')) { case 'x': break; default: throw new X(); }", {"A": (R, None)}),
    ("return ['a' => env('A', 'x'), 'b' => env('B'), 'c' => env('C', null), 'd' => env('D', false)];",
     {"A": (D, "x"), "B": (N, None), "C": (N, None), "D": (D, "false")}),
    ("env('A', env('B', 'y'));", {"A": (D, "env('B', 'y')"), "B": (D, "y")}),
    ("explode(',', env('A', '')); in_array(env('B'), []); (bool) env('C', true);", {"A": (D, ""), "B": (N, None), "C": (D, "true")}),
    ("env(key: 'A', default: 3); getenv(name: 'B');", {"A": (D, "3"), "B": (N, None)}),
    ("use Illuminate\\Support\\Env;\nEnv::get('A', 1); Env::getOrFail('B');", {"A": (D, "1"), "B": (R, None)}),
    ("\\env('A'); \\getenv('B'); $app->env('C'); env('a.b');", {"A": (N, None), "B": (N, None)}),
    ("use function Symfony\\Component\\DependencyInjection\\Loader\\Configurator\\env;\nenv('A');", {"A": (R, None)}),
    ("f('%env(A)%', '%env(int:B)%', 'http://%env(C)%:%env(json:file:D)%');",
     {"A": (R, None), "B": (R, None), "C": (R, None), "D": (R, None)}),
    ("f('%env(default:fall:A)%', '%env(default::B)%', '%env(bool:default:f:C)%');",
     {"A": (D, "%fall%"), "B": (N, None), "C": (D, "%f%")}),
    ("$container->setParameter('env(A)', 'x'); f('%env(A)%');", {"A": (D, "x")}),
    ("class C { function __construct(#[Autowire(env: 'int:A')] private int $a, #[Autowire('%env(B)%')] $b) {} }",
     {"A": (R, None), "B": (R, None)}),
    ("$dotenv->required(['A', 'B'])->notEmpty(); $dotenv->required('C');", {"A": (R, None), "B": (R, None), "C": (R, None)}),
    ("define('X', getenv('A'));", {"A": (N, None)}),
    ("foreach (['A', 'B'] as $k) { if (!getenv($k)) { throw new X(); } }", {"A": (R, None), "B": (R, None)}),
    ("$m = []; foreach (['A'] as $k) { if (!getenv($k)) { $m[] = $k; } }\nif ($m) { throw new X(); }", {"A": (R, None)}),
    ("$m = array_filter(['A'], fn ($k) => !getenv($k));\nif (count($m) > 0) { throw new X(); }", {"A": (R, None)}),
    ("foreach (['a' => 'A'] as $k => $v) { getenv($v); }", {"A": (N, None)}),
    ("foreach (['A' => 1] as $k => $v) { getenv($k); }", {"A": (N, None)}),
    ("array_map(fn ($k) => getenv($k), ['A', 'B']);", {"A": (N, None), "B": (N, None)}),
    ("const N = 'A'; getenv(N);", {"A": (N, None)}),
    ("class C { const N = 'A'; private $p = 'P_'; function f() { getenv(self::N); getenv($this->p . 'B'); getenv(\"{$this->p}C\"); } }",
     {"A": (N, None), "P_B": (N, None), "P_C": (N, None)}),
    ("enum K: string { case A = 'APP_A'; }\ngetenv(K::A->value);", {"APP_A": (N, None)}),
    ("$n = 'B'; getenv(sprintf('APP_%s', $n)); getenv('X_' . strtoupper('c'));", {"APP_B": (N, None), "X_C": (N, None)}),
    ("getenv()['A']; $e = getenv(); $e['B'] ?? 'x'; $f = $_ENV; $f['C'];", {"A": (N, None), "B": (D, "x"), "C": (N, None)}),
    ("echo \"a{$_ENV['A']} $_ENV[B]\";", {"A": (N, None), "B": (N, None)}),
    ("require 'autoload_runtime.php'; return fn (array $context) => new K($context['APP_ENV'], (bool) $context['APP_DEBUG']);",
     {"APP_ENV": (N, None), "APP_DEBUG": (N, None)}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), CASES, ids=[code[:60] for code, _ in CASES])
def test_a_read_has_its_name_need_and_fallback(
    tmp_path: Path, code: str, expected: dict[str, tuple[str, str | None]]
) -> None:
    assert expected == needs(read(tmp_path, {"a.php": f"<?php\n{code}\n"}))


WRAPPERS = [
    ("function e($n, $d = null) { return getenv($n) ?: $d; }\ne('A'); e('B', 'x');", {"A": (N, None), "B": (D, "x")}),
    ("function e(string $n, $d) { $v = getenv($n); if ($v === false) { return $d; } return $v; }\ne('A', 'x');", {"A": (D, "x")}),
    (("function e($n, $d) { if ($f = getenv($n . '_FILE')) { return rtrim(file_get_contents($f)); }"
     " else if (($v = getenv($n)) !== false) { return $v; } else { return $d; } }\ne('A', 'x');"),
     {"A": (D, "x"), "A_FILE": (N, None)}),
    ("$need = function (string $n) { return $_ENV[$n] ?? throw new X($n); };\n$need('A');", {"A": (R, None)}),
    ("class E { static function get($n) { $v = getenv($n); if (!$v) { throw new X(); } return $v; } }\nE::get('A'); $r->get('b');",
     {"A": (R, None)}),
    ("class E { function s($n) { return $_SERVER[$n] ?? $_ENV[$n] ?? null; } function f() { $this->s('A'); } }", {"A": (N, None)}),
    ("class Q { function server($n) { return $_SERVER[$n]; } function f() { return $this->server('HTTP_A'); } }", {}),
    ("function e($n, ...$r) { return env('P_' . $n, ...$r); }\nfunction f($n) { return e($n); }\nf('A');", {"P_A": (N, None)}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), WRAPPERS, ids=[code[:60] for code, _ in WRAPPERS])
def test_a_function_that_wraps_a_read_is_followed(
    tmp_path: Path, code: str, expected: dict[str, tuple[str, str | None]]
) -> None:
    assert expected == needs(read(tmp_path, {"a.php": f"<?php\n{code}\n"}))


def test_classes_of_other_files_are_followed_by_their_use(tmp_path: Path) -> None:
    found = read(tmp_path, {
        "src/Config/Names.php": "<?php\nnamespace App\\Config;\nfinal class Names { const TOKEN = 'APP_TOKEN'; const ALL = ['A', 'B']; }",
        "src/One/Env.php": "<?php\nnamespace App\\One;\nclass Env { static function read($n) { return getenv($n) ?: throw new X(); } }",
        "src/Two/Env.php": "<?php\nnamespace App\\Two;\nclass Env { static function read($n, $d = 1) { return getenv($n) ?: $d; } }",
        "src/a.php": "<?php\nuse App\\Config\\Names;\nuse App\\One\\Env;\nEnv::read(Names::TOKEN);",
        "src/b.php": "<?php\nuse App\\Two\\Env as E;\nuse App\\Config\\{Names};\nE::read('X');\nforeach (Names::ALL as $n) { $_ENV[$n]; }",
    })  # fmt: skip
    assert {"APP_TOKEN": R, "X": D, "A": N, "B": N} == labels(found)


def test_placeholders_in_yaml_are_read_at_their_place(tmp_path: Path) -> None:
    found = read(tmp_path, {
        "config/services.yaml": (
            "parameters:\n    env(GIVEN): 'g'\n    a: '%env(GIVEN)%'\n    # b: '%env(NO)%'\n"
            "    é: '%env(resolve:MUST)%'\n    d: http://%env(HOST)%:%env(int:PORT)%/\n    e: '%env(default::MAY)%'\n"
            "when@test:\n    f: '%env(NO2)%'\n"
        ),
        "docker-compose.yml": "a: env(NO3)\n",
    })  # fmt: skip
    assert {
        "GIVEN": (D, "g"),
        "MUST": (R, None),
        "HOST": (R, None),
        "PORT": (R, None),
        "MAY": (N, None),
    } == needs(found)
    assert {"GIVEN": 3, "MUST": 5, "HOST": 6, "PORT": 6, "MAY": 7} == {
        r.name: r.reference.line for r in found.reads
    }


def test_blade_templates_are_read(tmp_path: Path) -> None:
    source = "<html lang=\"{{ app()->getLocale() }}\">\n{{ env('A', 'x') }} {!! env('B') !!}\n@if(env('C')) y @endif\n{{-- env('D') --}}"
    found = read(tmp_path, {"resources/views/a.blade.php": source})
    assert {"A": (D, "x"), "B": (N, None), "C": (N, None)} == needs(found)
    assert [2, 2, 3] == [r.reference.line for r in found.reads]


def test_a_name_made_at_run_time_is_counted_as_computed(tmp_path: Path) -> None:
    found = read(tmp_path, {"a.php": "<?php\ngetenv(f());\n"})
    assert [] == found.reads
    assert [2] == [reference.line for reference in found.computed]


def test_scripts_without_suffix_are_wanted_by_their_first_line() -> None:
    assert Php().wants(Path("artisan"), b"#!/usr/bin/env php\n<?php")
    assert not Php().wants(Path("run"), b"#!/bin/sh")
