"""What Elixir reads from the environment as a whole, by keys that are atoms, and what clauses and declarations give instead."""

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


HANDED = [
    ('def load(env \\\\ System.get_env()), do: {port(env), env["A"]}\ndefp port(env), do: Map.get(env, "PORT", "4000")',
     {"A": (N, None), "PORT": (D, "4000")}),
    (('def load(env \\\\ System.get_env()), do: bool(env, "A", false)\n'
      'defp bool(env, name, default) do\n  case Map.fetch(env, name) do\n    {:ok, v} -> v == "true"\n    :error -> default\n  end\nend'),
     {"A": (D, "false")}),
    ('env = System.get_env()\nport = Config.port(env)\ndefmodule Config do\n  def port(vars), do: Map.fetch!(vars, "PORT")\nend',
     {"PORT": (R, None)}),
    ('System.get_env() |> load()\ndef load(env), do: env["A"]', {"A": (N, None)}),
    ('env = Map.merge(file, System.get_env())\nenv["A"]', {"A": (N, None)}),
    ('def f(opts) do\n  env = Keyword.get(opts, :env, System.get_env())\n  env["A"]\nend', {"A": (N, None)}),
    ('def f(opts) do\n  env = Keyword.get_lazy(opts, :env, &System.get_env/0)\n  env["A"]\nend', {"A": (N, None)}),
    ('def f(opts) do\n  env = opts[:env] || System.get_env()\n  env["A"]\nend', {"A": (N, None)}),
    ('%{"A" => a} = System.get_env()', {"A": (R, None)}),
    ('def f(env \\\\ System.get_env()), do: Enum.any?(["A", "B"], &Map.has_key?(env, &1))', {"A": (N, None), "B": (N, None)}),
    ('def ci?(get \\\\ &System.get_env/1), do: get.("CI") == "true" or more(get)\ndefp more(look), do: look.("B") || "x"',
     {"CI": (N, None), "B": (D, "x")}),
    ('def f(opts) do\n  env = Keyword.get(opts, :env, &System.fetch_env!/1)\n  env.("A")\nend', {"A": (R, None)}),
    ('get = opts[:env] || (&System.get_env/1)\nget.("A")', {"A": (N, None)}),
    ('def f(names), do: Enum.find_value(names, &System.get_env/1)\nf(["A", "B"])', {"A": (N, None), "B": (N, None)}),
    # What holds no environment is not read, nor what is handed to the language itself.
    ('def f(env), do: env["A"]\nf(%{})', {}),
    ('def load(env \\\\ System.get_env()), do: use(1, env)\ndefp use(a, env), do: a["A"]', {}),
    ('def f(get), do: get.("A")\nf(&String.upcase/1)', {}),
    ('def f(opts), do: Keyword.get(opts, :env, %{})["A"]\nx = System.get_env()', {}),
    ('%{"A" => a} = params\nSystem.get_env("B")', {"B": (N, None)}),
    ('System.cmd("x", [], env: System.get_env())\ndef cmd(a, b, c), do: c["A"]', {}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), HANDED, ids=[code[:60] for code, _ in HANDED])
def test_the_whole_environment_is_followed_through_functions(
    tmp_path: Path, code: str, expected: dict[str, tuple[str, str | None]]
) -> None:
    assert expected == needs(read(tmp_path, {"a.ex": code}))


def test_the_environment_is_followed_into_files_that_have_no_mark_of_it(tmp_path: Path) -> None:
    found = read(tmp_path, {
        "lib/app/config.ex": (
            "defmodule App.Config do\n  alias App.Config.{Reader, Other}\n"
            "  def load(env \\\\ System.get_env()), do: {Reader.url(env), App.Deep.Port.port(env)}\nend"
        ),
        "lib/app/config/reader.ex": 'defmodule App.Config.Reader do\n  def url(vars), do: vars["URL"] || raise "no"\nend',
        "lib/app/deep/port.ex": 'defmodule App.Deep.Port do\n  def port(%{} = vars), do: Map.get(vars, "PORT")\nend',
        "lib/app/config/other.ex": 'defmodule App.Config.Other do\n  def url(vars), do: vars["NOT_READ"]\nend',
    })  # fmt: skip
    assert {"URL": R, "PORT": N} == labels(found)
    assert {"lib/app/config/reader.ex", "lib/app/deep/port.ex"} == {r.reference.file for r in found.reads}


ATOMS = [
    ("key = :port\nSystem.get_env(key |> to_string() |> String.upcase())", {"PORT": (N, None)}),
    ("def get(key), do: System.get_env(String.upcase(Atom.to_string(key)))\nget(:port)", {"PORT": (N, None)}),
    ('def get(key), do: System.get_env("APP_#{String.upcase("#{key}")}")\nget(:port)', {"APP_PORT": (N, None)}),
    ("def get(key) do\n  key = name(key)\n  System.get_env(key)\nend\ndefp name(key) do\n  key\n  |> to_string()\n  |> String.upcase()\nend\nget(:port)",
     {"PORT": (N, None)}),
    ('def get(key) do\n  key\n  |> Atom.to_string()\n  |> String.replace("-", "_")\n  |> String.upcase()\n  |> System.fetch_env!()\nend\nget(:"my-port")',
     {"MY_PORT": (R, None)}),
    ('def get(key), do: key |> String.replace("-", "_") |> String.upcase() |> System.get_env()\nget("my-port")',
     {"MY_PORT": (N, None)}),
    ("for {repo, key, n} <- [{A, :size_a, 1}, {B, :size_b, 2}] do\n  System.get_env(String.upcase(to_string(key)))\nend",
     {"SIZE_A": (N, None), "SIZE_B": (N, None)}),
    ('Enum.map([{:a, "A"}, {:b, "B"}], fn {key, name} -> {key, System.get_env(name)} end)', {"A": (N, None), "B": (N, None)}),
    (('@vars [user: "PGUSER", port: "PGPORT"]\ndef all, do: get_vars(@vars)\n'
      "defp get_vars(vars), do: Enum.reduce(vars, [], fn {name, var}, acc -> [{name, System.get_env(var)} | acc] end)"),
     {"PGUSER": (N, None), "PGPORT": (N, None)}),
    (("defmacro setting(name, alt) do\n  env = Atom.to_string(name) |> String.upcase\n  quote do\n"
     '    def unquote(name)(), do: System.get_env(unquote(env)) || unquote(alt)\n  end\nend\nsetting(:app_url, "x")'),
     {"APP_URL": (D, "x")}),
    ('def get(mod \\\\ __MODULE__, key, env \\\\ nil), do: System.get_env(key)\nget("A"); get(M, "B"); get(M, "C", 1)',
     {"A": (N, None), "B": (N, None), "C": (N, None)}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), ATOMS, ids=[code[:60] for code, _ in ATOMS])
def test_a_key_becomes_a_name_by_its_case(
    tmp_path: Path, code: str, expected: dict[str, tuple[str, str | None]]
) -> None:
    assert expected == needs(read(tmp_path, {"a.ex": code}))


CLAUSES = [
    ('System.get_env("A") |> int(5)\ndef int(nil, d), do: d\ndef int(s, _), do: String.to_integer(s)', {"A": (D, "5")}),
    ('int(System.get_env("A"))\ndef int(nil), do: 80\ndef int(s), do: String.to_integer(s)', {"A": (D, "80")}),
    ('int(System.get_env("A"))\ndef int(nil), do: nil\ndef int(s), do: String.to_integer(s)', {"A": (N, None)}),
    ('int(System.get_env("A"))\ndef int(nil), do: {:none, []}\ndef int(s), do: s', {"A": (N, None)}),
    ('must(System.get_env("A"), "A")\ndef must(nil, name), do: raise "no #{name}"\ndef must(v, _), do: v', {"A": (R, None)}),
    ('a = System.get_env("A")\nmust(a)\ndef must(v) do\n  if is_nil(v) do\n    raise "no"\n  end\nend', {"A": (R, None)}),
    ('if a = System.get_env("A") do\n  must(a)\nend\ndef must(v), do: String.to_integer(v)', {"A": (N, None)}),
    ('a = System.get_env("A")\nif a == nil do\n  abort!("no")\nend\ndef abort!(m) do\n  IO.puts(m)\n  System.halt(1)\nend', {"A": (R, None)}),
    ('a = System.get_env("A")\nif a == nil do\n  note("no")\nend\ndef note(m) do\n  IO.puts(m)\nend', {"A": (N, None)}),
    ('System.get_env("A") || raise_missing!("A")', {"A": (R, None)}),
    ('for k <- ~w(A), v = System.get_env(k) do\n  String.split(v, ":")\nend', {"A": (N, None)}),
    ('with {:ok, v} <- System.fetch_env("A"), n = String.to_integer(v) do\n  n\nend', {"A": (N, None)}),
    ('a = System.get_env("A")\ncase a do\n  nil -> {:none, []}\n  _ -> URI.parse(a)\nend', {"A": (N, None)}),
    ('a = System.get_env("A")\ncond do\n  is_nil(a) -> 1\n  true -> URI.parse(a)\nend', {"A": (N, None)}),
    ('a = System.get_env("A")\ncond do\n  is_nil(a) -> raise "no"\n  true -> a\nend', {"A": (R, None)}),
    ('a = System.get_env("A")\ncond do\n  a || b -> 1\n  true -> 2\nend', {"A": (N, None)}),
    ('if System.get_env("A") || b do\n  config :a, b: 1\nend', {"A": (N, None)}),
    ('def f(car) do\n  id = if System.get_env("A"), do: car.vin, else: car.vid\n  id\nend', {"A": (N, None)}),
    (('case fetch("A") do\n  {:ok, v} -> v\n  {:error, e} -> raise e\nend\n'
      'def fetch(name) do\n  with :error <- System.fetch_env(name) do\n    {:error, "no"}\n  end\nend'), {"A": (R, None)}),
    (('case fetch("A") do\n  {:ok, v} -> v\n  {:error, _} -> nil\nend\n'
      'def fetch(name) do\n  with :error <- System.fetch_env(name) do\n    {:error, "no"}\n  end\nend'), {"A": (N, None)}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), CLAUSES, ids=[code[:60] for code, _ in CLAUSES])
def test_clauses_and_helpers_say_what_absence_comes_to(
    tmp_path: Path, code: str, expected: dict[str, tuple[str, str | None]]
) -> None:
    assert expected == needs(read(tmp_path, {"a.ex": code}))


READER = """defmodule App.Settings do
  def get!(key, env \\\\ System.get_env()) do
    case App.Settings.Source.fetch(key, env) do
      {:ok, value} -> value
      {:error, reason} -> raise_error!(reason)
    end
  end
end"""
SOURCE = """defmodule App.Settings.Source do
  def fetch(key, env) do
    name = name_of(key)
    case Map.fetch(env, name) do
      {:ok, value} -> {:ok, value}
      :error -> {:error, "no"}
    end
  end

  defp name_of(key), do: key |> to_string() |> String.upcase()
end"""
MACRO = """defmodule App.Setting do
  defmacro setting(key, type, opts \\\\ []) do
    quote do
      def unquote(key)(), do: {unquote(type), unquote(opts)}
    end
  end
end"""


def test_what_a_setting_falls_back_to_stands_in_its_declaration(tmp_path: Path) -> None:
    found = read(tmp_path, {
        "lib/app/settings.ex": READER,
        "lib/app/settings/source.ex": SOURCE,
        "lib/app/setting.ex": MACRO,
        "lib/app/declared.ex": (
            'defmodule App.Declared do\n  import App.Setting\n  @host "localhost"\n'
            "  setting :port, :integer, default: 4000\n  setting(:host, :string, default: @host)\n"
            "  setting(:token, :string, sensitive: true)\n  setting(:proxy, :string, default: nil)\n"
            "  setting(:never_asked, :string, default: 1)\n  field :user, :string, default: 1\nend"
        ),
        "config/runtime.exs": (
            "import App.Settings\nconfig :a, port: get!(:port), host: get!(:host), token: get!(:token)\n"
            "config :a, proxy: get!(:proxy), user: get!(:user)\n"
        ),
    })  # fmt: skip
    assert {
        "PORT": (D, "4000"),
        "HOST": (D, "localhost"),
        "TOKEN": (R, None),
        "PROXY": (N, None),
        "USER": (R, None),
    } == needs(found)
    assert {"config/runtime.exs"} == {r.reference.file for r in found.reads if r.name}
