"""What Elixir reads from the environment: names, needs, fallbacks and lines, over modules too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scan_parts import labels, needs, read_files

from deployer_lib.probes.variables.languages.elixir import Elixir

if TYPE_CHECKING:
    from pathlib import Path

    from deployer_lib.probes.variables.model import Found

R, D, N = "required", "default", "optional"


def read(root: Path, files: dict[str, str]) -> Found:
    return read_files(Elixir(), root, files)


CASES = [
    ('System.get_env("A")', {"A": (N, None)}),
    ('System.put_env("A", "x"); System.delete_env("B")', {}),
    ('# System.get_env("A")\nx = "System.get_env(B)"\n@doc """\nSystem.get_env("C")\n"""', {}),
    ('System.get_env("A", "x")', {"A": (D, "x")}),
    ('System.get_env("A") || "x"', {"A": (D, "x")}),
    ('System.get_env("A") || raise "no"', {"A": (R, None)}),
    ('System.get_env("A") ||\n  raise """\n  no\n  """', {"A": (R, None)}),
    ('System.fetch_env!("A")', {"A": (R, None)}),
    ('System.fetch_env("A")', {"A": (N, None)}),
    ('{:ok, v} = System.fetch_env("A")', {"A": (R, None)}),
    ('case System.fetch_env("A") do\n  {:ok, v} -> v\n  :error -> raise "no"\nend', {"A": (R, None)}),
    ('with {:ok, v} <- System.fetch_env("A") do\n  v\nelse\n  :error -> raise "no"\nend', {"A": (R, None)}),
    ('config :a, b: System.get_env("A"), c: [d: System.get_env("B", "1")]', {"A": (N, None), "B": (D, "1")}),
    ('String.to_integer(System.get_env("A") || "4000")', {"A": (D, "4000")}),
    ('String.to_integer(System.get_env("A", "4"))', {"A": (D, "4")}),
    ('String.to_integer(System.get_env("A"))', {"A": (R, None)}),
    ('System.get_env("A") |> String.to_integer()', {"A": (R, None)}),
    ('if System.get_env("A"), do: String.split(System.get_env("A"), ",")', {"A": (N, None)}),
    ('"A" |> System.get_env("4") |> String.to_integer()', {"A": (D, "4")}),
    ('"A"\n|> System.get_env()\n|> foo()', {"A": (N, None)}),
    ('(System.get_env("A") || "x") |> foo()', {"A": (D, "x")}),
    ('System.get_env("A") == "true"', {"A": (N, None)}),
    ('System.get_env("A") in ~w(true 1) || foo()', {"A": (N, None)}),
    ('if System.get_env("A") in ~w(true 1), do: [:inet6], else: []', {"A": (N, None)}),
    ('if System.get_env("A") do\n  config :a, b: true\nend', {"A": (N, None)}),
    ('if System.get_env("A") do\n  1\nelse\n  raise "no"\nend', {"A": (R, None)}),
    ('unless System.get_env("A"), do: raise "no"', {"A": (R, None)}),
    ('if is_nil(System.get_env("A")) do\n  raise "no"\nend', {"A": (R, None)}),
    ('if System.get_env("A") in [nil, ""], do: raise("no")', {"A": (R, None)}),
    ('a = System.get_env("A")\nif a == nil do\n  System.halt(1)\nend', {"A": (R, None)}),
    ('if a = System.get_env("A") do\n  a\nend', {"A": (N, None)}),
    ('x = if System.get_env("A"), do: System.get_env("A"), else: "x"', {"A": (D, "x")}),
    ('case System.get_env("A") do\n  nil -> raise "no"\n  v -> v\nend', {"A": (R, None)}),
    ('case System.get_env("A") do\n  nil -> "x"\n  v -> v\nend', {"A": (D, "x")}),
    ('System.get_env("A")\n|> case do\n  nil -> raise "no"\n  v -> v\nend', {"A": (R, None)}),
    ('case System.get_env("A") do\n  "x" -> 1\n  _ -> raise "no"\nend', {"A": (R, None)}),
    ('case System.get_env("A") do\n  v when v in [nil, ""] -> raise "no"\n  v -> v\nend', {"A": (R, None)}),
    ('case System.get_env("A") do\n  "x" -> 1\n  "y" -> 2\nend', {"A": (N, None)}),
    ('def f(q) do\n  case System.get_env("A") do\n    nil -> q\n    v -> where(q, v)\n  end\nend', {"A": (N, None)}),
    ('case System.get_env("A") do\n  nil -> :ok\n  v -> start(v)\nend', {"A": (N, None)}),
    ('a = System.get_env("A")\nif a do\n  b = String.trim(a)\n  f(b)\nend', {"A": (N, None)}),
    ('a = System.get_env("A")\na && String.to_integer(a)', {"A": (N, None)}),
    ('a = System.get_env("A")\nString.to_integer(a)', {"A": (R, None)}),
    ('cond do\n  System.get_env("A") -> 1\n  true -> 2\nend', {"A": (N, None)}),
    ('System.get_env()["A"]; System.get_env() |> Map.get("B", "x"); Map.fetch!(System.get_env(), "C")',
     {"A": (N, None), "B": (D, "x"), "C": (R, None)}),
    ('env = System.get_env()\nenv["A"]\nMap.take(env, ["B"])\nother["C"]', {"A": (N, None), "B": (N, None)}),
    (":os.getenv('A'); :os.getenv(~c\"B\", ~c\"x\")", {"A": (N, None), "B": (D, "x")}),
    ('{:system, "A"}; {:system, "B", "x"}; {:system, :integer, "C", 5}; {:system!, "D"}; {:system, name}',
     {"A": (N, None), "B": (D, "x"), "C": (D, "5"), "D": (R, None)}),
    ('{:hush, Hush.Provider.SystemEnvironment, "A", [default: "x"]}', {"A": (D, "x")}),
    ('import Dotenvy\nenv!("A", :string); env!("B", :integer, 5)', {"A": (R, None), "B": (D, "5")}),
    ('alias Vapor.Provider.Env\n%Env{bindings: [{:a, "A"}, {:b, "B", default: 4}, {:c, "C", required: false}]}',
     {"A": (R, None), "B": (D, "4"), "C": (N, None)}),
    ('for k <- ["A", "B"], do: System.get_env(k)', {"A": (N, None), "B": (N, None)}),
    ('for {k, v} <- [a: "A"] do\n  {k, System.get_env(v)}\nend', {"A": (N, None)}),
    ('for {k, v} <- %{a: "A"} do\n  {k, System.get_env(v)}\nend', {"A": (N, None)}),
    ("Enum.each(~w(A B), fn k -> System.fetch_env!(k) end)", {"A": (R, None), "B": (R, None)}),
    ("~w(A B) |> Enum.map(fn k -> System.get_env(k) || raise(k) end)", {"A": (R, None), "B": (R, None)}),
    ("m = Enum.filter(~w(A), fn k -> is_nil(System.get_env(k)) end)\nif m != [], do: raise(m)", {"A": (R, None)}),
    ("Enum.map(~w(A B), &System.get_env/1)", {"A": (N, None), "B": (N, None)}),
    ("Enum.filter(~w(A), &(System.get_env(&1) == nil))", {"A": (N, None)}),
    (('defmodule M do\n  @name "A"\n  @names ~w(B C)a\n  def a, do: System.get_env(@name)\n'
     '  def b, do: for(k <- @names, do: System.get_env("X_#{k}"))\nend'), {"A": (N, None), "X_B": (N, None), "X_C": (N, None)}),
    ('p = "X_"\nSystem.get_env(p <> "A"); System.get_env("#{p}B"); System.get_env(String.upcase("c"))',
     {"X_A": (N, None), "X_B": (N, None), "C": (N, None)}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), CASES, ids=[code[:60] for code, _ in CASES])
def test_a_read_has_its_name_need_and_fallback(
    tmp_path: Path, code: str, expected: dict[str, tuple[str, str | None]]
) -> None:
    assert expected == needs(read(tmp_path, {"config/runtime.exs": code}))


WRAPPERS = [
    ('def get(name, default \\\\ nil), do: System.get_env(name, default)\ndef f, do: {get("A"), get("B", "x")}',
     {"A": (N, None), "B": (D, "x")}),
    ('defp need!(name) do\n  System.get_env(name) || raise "no #{name}"\nend\ndef f, do: need!("A")', {"A": (R, None)}),
    ('def int(name, d) do\n  case System.get_env(name) do\n    nil -> d\n    v -> String.to_integer(v)\n  end\nend\nint("A", 5)',
     {"A": (D, "5")}),
    ('def get(name) when is_binary(name) do\n  System.get_env(name)\nend\n"A" |> get()', {"A": (N, None)}),
    ('def get(name, default \\\\ nil)\ndef get(:x, _), do: nil\ndef get(name, default), do: System.get_env(name) || default\nget("A"); get("B", "x")',
     {"A": (N, None), "B": (D, "x")}),
    (('@spec int(binary(), integer()) :: integer()\ndef int(name, default \\\\ nil)\ndef int(name, default) when is_integer(default) do\n'
     '  value = System.get_env(name)\n\n  if value do\n    case Integer.parse(value) do\n      {i, ""} -> i\n'
     '      _ -> raise "no"\n    end\n  else\n    default\n  end\nend\ndef int(name, _), do: raise name\nint("A", 5); int("B")'),
     {"A": (D, "5"), "B": (N, None)}),
    ('get = fn name -> System.fetch_env!(name) end\nget.("A")', {"A": (R, None)}),
    ('def e(n), do: System.get_env("P_" <> n)\ndef f(n), do: e(n) || raise "no"\nf("A")', {"P_A": (R, None)}),
    ("get_env = fn name, d -> System.get_env(name) || d end\n", {}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), WRAPPERS, ids=[code[:60] for code, _ in WRAPPERS])
def test_a_function_that_wraps_a_read_is_followed(
    tmp_path: Path, code: str, expected: dict[str, tuple[str, str | None]]
) -> None:
    assert expected == needs(read(tmp_path, {"a.ex": code}))


def test_helpers_of_other_modules_are_followed(tmp_path: Path) -> None:
    found = read(tmp_path, {
        "lib/app/config_helpers.ex": (
            "defmodule App.ConfigHelpers do\n"
            "  def get_var_from_path_or_env(dir, name, default \\\\ nil) do\n"
            "    path = Path.join(dir, name)\n"
            "    if File.exists?(path) do\n      File.read!(path)\n    else\n      System.get_env(name, default)\n    end\n  end\n"
            "  def get_int(dir, name, default) do\n"
            "    get_var_from_path_or_env(dir, name, default) |> to_int()\n  end\nend\n"
        ),
        "config/runtime.exs": (
            'import App.ConfigHelpers\nalias App.ConfigHelpers, as: CH\n'
            'a = get_var_from_path_or_env(dir, "A")\nb = get_var_from_path_or_env(dir, "B", "x")\n'
            'c = CH.get_int(dir, "C", 5)\nd =\n  dir\n  |> get_var_from_path_or_env("D")\n'
        ),
    })  # fmt: skip
    assert {"A": (N, None), "B": (D, "x"), "C": (D, "5"), "D": (N, None)} == needs(found)
    assert {"A": 3, "B": 4, "C": 5, "D": 7} == {r.name: r.reference.line for r in found.reads}


def test_one_helper_name_means_what_its_own_module_says(tmp_path: Path) -> None:
    found = read(tmp_path, {
        "lib/one.ex": "defmodule One do\n  def get(n), do: System.fetch_env!(n)\nend",
        "lib/two.ex": "defmodule Two do\n  def get(n), do: System.get_env(n)\nend",
        "lib/use.ex": 'defmodule Use do\n  alias App.{One, Two}\n  def f, do: {One.get("A"), Two.get("B"), Map.get("C")}\nend',
    })  # fmt: skip
    assert {"A": R, "B": N} == labels(found)


def test_tests_are_left_out(tmp_path: Path) -> None:
    found = read(
        tmp_path, {"config/test.exs": 'System.get_env("A")', "config/prod.exs": 'System.get_env("B")'}
    )
    assert {"B": N} == labels(found)


def test_a_name_made_at_run_time_is_counted_as_computed(tmp_path: Path) -> None:
    found = read(tmp_path, {"a.ex": "\nSystem.get_env(f(1))\n"})
    assert [] == found.reads
    assert [2] == [reference.line for reference in found.computed]
