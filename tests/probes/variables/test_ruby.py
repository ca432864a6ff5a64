"""What Ruby reads from the environment: names, needs, fallbacks and lines, over files too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scan_parts import labels, needs, read_files

from deployer_lib.probes.variables.languages.ruby import Ruby

if TYPE_CHECKING:
    from pathlib import Path

    from deployer_lib.probes.variables.model import Found

R, D, N = "required", "default", "optional"


def read(root: Path, files: dict[str, str]) -> Found:
    return read_files(Ruby(), root, files)


CASES = [
    ('a = ENV["A"]', {"A": (N, None)}),
    ('a = ::ENV["A"]', {"A": (N, None)}),
    ('ENV["A"] = "x"; ENV["B"] ||= "y"; ENV["C"] += "z"; ENV["D"], x = 1, 2', {}),
    ('# ENV["A"]\n=begin\nENV["B"]\n=end\nx = "ENV[\'C\']"', {}),
    ('ENV.store("A", "x"); ENV.delete("B"); ENV.update("C" => "x")', {}),
    ('ENV.fetch("A")', {"A": (R, None)}),
    ('ENV.fetch("A", "x")', {"A": (D, "x")}),
    ('ENV.fetch("A", nil)', {"A": (D, None)}),
    ('ENV.fetch "A", 5', {"A": (D, "5")}),
    ('ENV.fetch("A") { "x" }', {"A": (D, "x")}),
    ('ENV.fetch("A") do\n  raise "no"\nend', {"A": (R, None)}),
    ('ENV.fetch("A") { |k| abort "no #{k}" }', {"A": (R, None)}),
    ('ENV.fetch("A") { nil }', {"A": (D, None)}),
    ('ENV.fetch("A", ENV["B"])', {"A": (D, 'ENV["B"]'), "B": (N, None)}),
    ('ENV.fetch("A", nil) || raise("no")', {"A": (R, None)}),
    ('Integer(ENV.fetch("A", 3))', {"A": (D, "3")}),
    ('Integer(ENV["A"])', {"A": (R, None)}),
    ('ENV["A"].to_i', {"A": (N, None)}),
    ('ENV["A"] || "x"', {"A": (D, "x")}),
    ('(ENV["A"] || 5).to_i', {"A": (D, "5")}),
    ('ENV["A"].presence || "x"', {"A": (D, "x")}),
    ('ENV["A"]&.split(",") || []', {"A": (D, "[]")}),
    ('ENV["A"] || raise("no")', {"A": (R, None)}),
    ('a = ENV["A"] or abort "no"', {"A": (R, None)}),
    ('ENV["A"] or raise KeyError', {"A": (R, None)}),
    ('ENV["A"] == "1" || other', {"A": (N, None)}),
    ('ENV["A"] || ENV["B"] || "x"', {"A": (D, 'ENV["B"]'), "B": (D, "x")}),
    ('raise "no" unless ENV["A"]', {"A": (R, None)}),
    ('raise "no" if ENV["A"].blank? || ENV["B"].nil?', {"A": (R, None), "B": (R, None)}),
    ('unless ENV["A"].present?\n  abort("no")\nend', {"A": (R, None)}),
    ('if !ENV.key?("A")\n  exit 1\nend', {"A": (R, None)}),
    ('if ENV["A"]\n  x(ENV["A"])\nend', {"A": (N, None)}),
    ('if ENV["A"]\n  x(ENV.fetch("A"))\nend', {"A": (N, None)}),
    ('x(ENV.fetch("A")) if ENV.key?("A")', {"A": (N, None)}),
    ('x = if ENV["A"] then ENV["A"] else "d" end', {"A": (D, "d")}),
    ('x = ENV["A"] ? ENV["A"] : "d"', {"A": (D, "d")}),
    ('a = ENV["A"]\nraise "no" if a.nil? || a.empty?', {"A": (R, None)}),
    ('a = ENV["A"]\na ||= "d"', {"A": (D, "d")}),
    ('a = ENV["A"]\na = "d" if a.blank?', {"A": (D, "d")}),
    ('@a ||= ENV["A"] || "d"', {"A": (D, "d")}),
    ('case ENV["A"]\nwhen "x" then 1\nelse raise "no"\nend', {"A": (R, None)}),
    ('case ENV["A"]\nwhen "x" then 1\nend', {"A": (N, None)}),
    ('case ENV["A"]\nwhen nil, "" then abort\nelse 2\nend', {"A": (R, None)}),
    ('ENV.fetch("A") rescue "d"', {"A": (D, "d")}),
    ('begin\n  ENV.fetch("A")\nrescue KeyError\n  raise "no"\nend', {"A": (R, None)}),
    ('begin\n  ENV.fetch("A")\nrescue KeyError\n  nil\nend', {"A": (N, None)}),
    ('a, b = ENV.values_at("A", "B")', {"A": (N, None), "B": (N, None)}),
    ('ENV.fetch_values("A", "B")', {"A": (R, None), "B": (R, None)}),
    ('ENV.slice("A", "B")', {"A": (N, None), "B": (N, None)}),
    ("K = %w[A B]\nENV.values_at(*K)", {"A": (N, None), "B": (N, None)}),
    ('ENV.to_h["A"]; ENV.to_h.fetch("B", 1)', {"A": (N, None), "B": (D, "1")}),
    ('e = ENV\ne["A"]', {"A": (N, None)}),
    ('def f(env = ENV)\n  env.fetch("A", 2)\nend', {"A": (D, "2")}),
    ('class C\n  def initialize(env: ENV)\n    @env = env\n  end\n  def a = @env["A"]\nend', {"A": (N, None)}),
    ('e = {}\ne["A"]', {}),
    ('"x#{ENV["A"]}y"; /#{ENV["B"]}/; `#{ENV["C"]}`', {"A": (N, None), "B": (N, None), "C": (N, None)}),
    ('x = <<~T\n  a #{ENV.fetch("A")}\nT', {"A": (R, None)}),
    ("%w[A B].each { |k| ENV.fetch(k) }", {"A": (R, None), "B": (R, None)}),
    ('%w[A B].each do |k|\n  raise "no" unless ENV[k]\nend', {"A": (R, None), "B": (R, None)}),
    ('for k in ["A", "B"] do\n  ENV[k]\nend', {"A": (N, None), "B": (N, None)}),
    ('%i[a b].to_h { |k| [k, ENV["P_#{k.to_s.upcase}"]] }', {"P_A": (N, None), "P_B": (N, None)}),
    ('K = { a: "A", b: "B" }.freeze\nK.each { |k, name| ENV[name] }', {"A": (N, None), "B": (N, None)}),
    ("missing = %w[A B].select { |k| ENV[k].blank? }\nabort if missing.any?", {"A": (R, None), "B": (R, None)}),
    ('if ENV["A"]\n  render x\nelse\n  render layout: nil\nend', {"A": (N, None)}),
    ("missing = %w[A].reject { |k| ENV[k].present? }\nraise 'no' unless missing.empty?", {"A": (R, None)}),
    ("m = []\n%w[A].each { |k| m << k if ENV[k].nil? }\nabort if m.any?", {"A": (R, None)}),
    ("abort unless %w[A].all? { |k| ENV.key?(k) }", {"A": (R, None)}),
    ('N = "A".freeze\nENV[N]', {"A": (N, None)}),
    ('module M\n  N = "A"\nend\nENV[M::N]', {"A": (N, None)}),
    ('P = "X_"\nENV[P + "A"]; ENV["#{P}B"]; ENV[["X", "C"].join("_")]', {"X_A": (N, None), "X_B": (N, None), "X_C": (N, None)}),
    ("Figaro.env.a_b; Figaro.env.c!", {"A_B": (N, None), "C": (R, None)}),
    ('Figaro.require_keys("A", "B"); Dotenv.require_keys(["C"])', {"A": (R, None), "B": (R, None), "C": (R, None)}),
    ("class S < Hanami::Settings\n  setting :a_b, constructor: Types::String\n  setting :c, default: 3\n  setting :d\nend",
     {"A_B": (R, None), "C": (D, "3"), "D": (N, None)}),
    ("class HeroConfig < Anyway::Config\n  attr_config :a, :b, c: 1\n  required :b\nend",
     {"HERO_A": (N, None), "HERO_B": (R, None), "HERO_C": (D, "1")}),
    ("class HeroConfig < ApplicationConfig\n  env_prefix :my\n  attr_config :a\nend", {"MY_A": (N, None)}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), CASES, ids=[code[:60] for code, _ in CASES])
def test_a_read_has_its_name_need_and_fallback(
    tmp_path: Path, code: str, expected: dict[str, tuple[str, str | None]]
) -> None:
    assert expected == needs(read(tmp_path, {"a.rb": code}))


WRAPPERS = [
    ('def env(name, default = nil)\n  ENV.fetch(name, default)\nend\nenv("A"); env("B", "x")', {"A": (N, None), "B": (D, "x")}),
    ('def need(name)\n  ENV[name] or raise "no"\nend\nneed("A")', {"A": (R, None)}),
    ('def need(name)\n  v = ENV[name]\n  raise "no" if v.nil? || v.empty?\n  v\nend\nneed "A"', {"A": (R, None)}),
    ('def need(name)\n  ENV.fetch(name) { raise "no" }\nend\nneed :A', {"A": (R, None)}),
    ("def e(name, default: 1)\n  ENV.fetch(name.to_s.upcase, default)\nend\ne(:a); e(:b, default: 2)", {"A": (D, "1"), "B": (D, "2")}),
    ('def e(name, default)\n  v = ENV[name]\n  return default if v.nil?\n  v\nend\ne("A", 3)', {"A": (D, "3")}),
    ('def e(name, d)\n  ENV.key?(name) ? ENV[name] : d\nend\ne("A", 3)', {"A": (D, "3")}),
    ('module E\n  def self.[](name)\n    ENV["APP_#{name}"]\n  end\nend\nE["A"]; {}["B"]', {"APP_A": (N, None)}),
    ('def e(n) = ENV[n]\ndef f(n, d) = e("P_#{n}") || d\nf("A", 4)', {"P_A": (D, "4")}),
    ("e = ->(n) { ENV[n] }\n%w[A].each { |k| ENV.fetch(k, nil) }", {"A": (D, None)}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), WRAPPERS, ids=[code[:60] for code, _ in WRAPPERS])
def test_a_method_that_wraps_a_read_is_followed(
    tmp_path: Path, code: str, expected: dict[str, tuple[str, str | None]]
) -> None:
    assert expected == needs(read(tmp_path, {"a.rb": code}))


def test_wrappers_of_wrappers_are_followed_over_files(tmp_path: Path) -> None:
    found = read(tmp_path, {
        "lib/env.rb": "module Env\n  def self.fetch!(name)\n    ENV.fetch(name)\n  end\nend",
        "lib/settings.rb": 'module Settings\n  def self.must(name) = Env.fetch!("APP_#{name}")\nend',
        "app/a.rb": 'Settings.must("PORT")',
    })  # fmt: skip
    assert {"APP_PORT": R} == labels(found)
    assert [("app/a.rb", 1)] == [(r.reference.file, r.reference.line) for r in found.reads]


def test_one_helper_name_means_what_its_own_module_says(tmp_path: Path) -> None:
    found = read(tmp_path, {
        "a/env.rb": 'class One\n  def self.get(name) = ENV.fetch(name)\nend\nOne.get("A")',
        "b/env.rb": 'class Two\n  def self.get(name, d = 1) = ENV.fetch(name, d)\nend\nTwo.get("B")',
    })  # fmt: skip
    assert {"A": R, "B": D} == labels(found)


def test_a_constant_of_a_file_without_reads_is_found(tmp_path: Path) -> None:
    found = read(tmp_path, {
        "names.rb": 'module App\n  module Names\n    TOKEN = "APP_TOKEN"\n  end\n  KEYS = %w[A B].freeze\nend',
        "use.rb": "ENV[App::Names::TOKEN]\nApp::KEYS.each { |key| ENV.fetch(key) }",
    })  # fmt: skip
    assert {"APP_TOKEN": N, "A": R, "B": R} == labels(found)


def test_a_method_of_an_unknown_object_is_no_wrapper_for_what_is_no_name(tmp_path: Path) -> None:
    found = read(tmp_path, {
        "env.rb": "class Config\n  def get(name) = ENV[name]\nend",
        "use.rb": 'client.get("/path")\nclient.get("key")\nconfig.get("APP_KEY")',
    })  # fmt: skip
    assert {"APP_KEY": N} == labels(found)


def test_erb_in_yaml_is_read_at_its_place_and_remarks_are_not(tmp_path: Path) -> None:
    found = read(tmp_path, {
        "config/database.yml": 'a:\n  # url: <%= ENV["NO"] %>\n  é: <%= ENV.fetch("A") { 5 } %>\n  b: <%= ENV["B"] || "x" -%>\n  <%# ENV["NO2"] %>\n',
        "config/plain.yml": 'a: ENV["NO3"]\n',
        "app/a.html.erb": '<% if ENV["C"].present? %>\n<b><%= ENV["C"] %></b>\n<% end %>',
    })  # fmt: skip
    assert {"A": (D, "5"), "B": (D, "x"), "C": (N, None)} == needs(found)
    assert [("config/database.yml", 3), ("config/database.yml", 4)] == [
        (r.reference.file, r.reference.line) for r in found.reads if r.reference.file.endswith("yml")
    ]


def test_haml_and_slim_are_read_where_they_ask(tmp_path: Path) -> None:
    """What stands around a question depends on the markup; the question and its fallbacks do not."""
    found = read(tmp_path, {
        "app/a.html.haml": """%script{src: "x#{ ENV['A'].present? ? ENV['A'] : ''}#{ENV['B']}"}
-# ENV['NO']
- key = ENV['C'] || 'x'
- if ENV.key?("D") && ENV["E"].present?
= ENV.fetch('F', 'f')
%p ENV is read elsewhere
""",
        "app/b.html.slim": "/ ENV['NO2']\n- url = ENV['G'] || ENV['H'] || 'h'\np = ENV['I']\n",
    })  # fmt: skip
    assert {
        "A": (N, None), "B": (N, None), "C": (D, "x"), "D": (N, None), "E": (N, None), "F": (D, "f"),
        "G": (D, "ENV['H']"), "H": (D, "h"), "I": (N, None),
    } == needs(found)  # fmt: skip
    assert [1, 1, 1, 3, 4, 4, 5] == [
        r.reference.line for r in found.reads if r.reference.file.endswith("haml")
    ]


def test_tests_are_left_out(tmp_path: Path) -> None:
    found = read(
        tmp_path, {"config/environments/test.rb": 'ENV["A"]', "a_spec.rb": 'ENV["B"]', "Gemfile": 'ENV["C"]'}
    )
    assert {"C": N} == labels(found)


def test_a_name_made_at_run_time_is_counted_as_computed(tmp_path: Path) -> None:
    found = read(tmp_path, {"a.rb": "\nENV[gets]"})
    assert [] == found.reads
    assert [2] == [reference.line for reference in found.computed]
