"""What the reader of Python sources finds, idiom by idiom."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest

from deployer_lib.probes.variables import Scan, scan

IDIOMS = Path(__file__).parent / "idioms" / "py"


def scanned(tmp_path: Path, **files: str) -> Scan:
    for name, text in files.items():
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    return scan(tmp_path)


def needs(tmp_path: Path, **files: str) -> dict[str, str]:
    return {variable.name: variable.need for variable in scanned(tmp_path, **files).variables}


def test_the_corpus_of_idioms_is_read_exactly() -> None:
    """Every name and need of the corpus is found, and nothing else."""
    expected = json.loads((IDIOMS / "expected.json").read_text(encoding="utf-8"))
    assert expected == {variable.name: variable.need for variable in scan(IDIOMS).variables}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = os.environ.get('A', '')\nif not x:\n    raise SystemExit(1)", {"A": "required"}),
        ("x = os.getenv('A')\nif x is None:\n    x = 'b'", {"A": "default"}),
        ("x = os.getenv('A')\nx = x or 'b'", {"A": "default"}),
        ("x = os.getenv('A')\nassert x, 'A'", {"A": "required"}),
        ("assert 'A' in os.environ", {"A": "required"}),
        ("if not (x := os.getenv('A')):\n    sys.exit('A')", {"A": "required"}),
        ("if os.getenv('A') is None or os.getenv('B') is None:\n    raise ValueError", {"A": "required", "B": "required"}),
        ("if not all([os.getenv('A'), os.getenv('B')]):\n    raise ValueError", {"A": "required", "B": "required"}),
        ("if os.getenv('A'):\n    print(int(os.getenv('A')))", {"A": "optional"}),
        ("if os.getenv('A'):\n    raise ValueError", {"A": "optional"}),
        ("if 'A' in os.environ:\n    print(os.environ['A'])", {"A": "optional"}),
        ("if 'A' in os.environ:\n    pass\nelse:\n    sys.exit(2)", {"A": "required"}),
        ("x = os.environ['A'] if 'A' in os.environ else 'b'", {"A": "default"}),
        ("try:\n    x = os.environ['A']\nexcept KeyError:\n    x = 'b'", {"A": "default"}),
        ("try:\n    x = os.environ['A']\nexcept KeyError:\n    raise SystemExit('A') from None", {"A": "required"}),
        ("try:\n    x = os.environ['A']\nexcept KeyError:\n    pass", {"A": "optional"}),
        ("try:\n    x = os.environ['A']\nexcept ValueError:\n    pass", {"A": "required"}),
        ("x = os.getenv('A') or sys.exit('no A')", {"A": "required"}),
        ("x = os.getenv('A') or None", {"A": "optional"}),
        ("x = os.getenv('A') or os.getenv('B', 'c')", {"A": "default", "B": "default"}),
        ("x = int(os.getenv('A'))", {"A": "required"}),
        ("x = os.getenv('A').split(',')", {"A": "required"}),
        ("x = os.getenv('A', 'a,b').split(',')", {"A": "default"}),
        ("x = os.getenv('A') == '1'", {"A": "optional"}),
        ("x = os.environ.get('A', 'false').lower() == 'true'", {"A": "default"}),
        ("x = os.environ.get('A', None)", {"A": "optional"}),
        ("x = os.environ.pop('A', None)", {"A": "optional"}),
        ("env = os.environ\nx = env['A']", {"A": "required"}),
        ("get = os.environ.get\nx = get('A', 'b')", {"A": "default"}),
        ("env = os.environ.copy()\nenv['B'] = '1'\nx = env['A']", {"A": "required"}),
        ("os.environ.setdefault('A', 'x')\nx = os.environ['A']", {"A": "default"}),
        ("del os.environ['A']\nos.environ['B'] = '1'\nos.putenv('C', 'x')\nos.environ.update(D='x')", {}),
        ("P = 'APP_'\nx = os.environ[P + 'A']\ny = os.environ[f'{P}B']\nz = os.environ['%sC' % P]\nw = os.getenv('{}D'.format(P))",
         {"APP_A": "required", "APP_B": "required", "APP_C": "required", "APP_D": "optional"}),
        ("for n in ('A', 'B'):\n    if n not in os.environ:\n        raise SystemExit(n)", {"A": "required", "B": "required"}),
        ("N = ['A', 'B']\nmissing = [n for n in N if not os.environ.get(n)]\nif missing:\n    raise ValueError(missing)", {"A": "required", "B": "required"}),
        ("missing = []\nfor n in ('A', 'B'):\n    if not os.getenv(n):\n        missing.append(n)\nif missing:\n    sys.exit(1)", {"A": "required", "B": "required"}),
        ("N = {'a': 'A', 'b': 'B'}\nfor k, v in N.items():\n    x = os.environ.get(v)", {"A": "optional", "B": "optional"}),
        ("N = {'a': 'A'}\nx = {k: os.environ[v] for k, v in N.items()}", {"A": "required"}),
        ("class C:\n    A = os.environ.get('A')\n    def check(self):\n        if not self.A:\n            raise ValueError", {"A": "required"}),
        ("class C:\n    def __init__(self):\n        self.a = os.getenv('A')\n        if not self.a:\n            raise ValueError", {"A": "required"}),
        ("class K:\n    NAME = 'A'\nx = os.environ[K.NAME]", {"A": "required"}),
        ("if not os.getenv('A'):\n    print('A is missing')\n    sys.exit(1)", {"A": "required"}),
        ("def main():\n    if not os.getenv('A'):\n        print('A')\n        return 1\n    return 0", {"A": "required"}),
        ("def f():\n    x = os.getenv('A')\n    if not x:\n        return None\n    return x.strip()", {"A": "optional"}),
        ("x = os.path.join(os.environ['A'], 'b')", {"A": "required"}),
        ("app.config.from_envvar('A')\napp.config.from_envvar('B', silent=True)\nfrom os import environ", {"A": "required", "B": "optional"}),
        ("def f():\n    if 'A' not in os.environ:\n        return None\n    return os.environ['A'].lower()", {"A": "optional"}),
        ("def f():\n    if 'A' not in os.environ:\n        return 'b'\n    return os.environ['A']", {"A": "default"}),
        ("if 'A' not in os.environ:\n    pass\nelif os.environ['A'] == '':\n    pass", {"A": "optional"}),
        ("from contextlib import suppress\nwith suppress(KeyError):\n    x = os.environ['A']", {"A": "optional"}),
        ("# os.environ['A']\ns = \"os.environ['B']\"\nd = {'os.environ': 'C'}", {}),
        ("class Other:\n    environ = {}\nx = Other.environ['A']\nenviron = {}\ny = environ['B']", {}),
        ("def f(environ):\n    return environ['wsgi.input']", {}),
    ],
)  # fmt: skip
def test_a_read_is_judged_by_what_stands_around_it(
    code: str, expected: dict[str, str], tmp_path: Path
) -> None:
    assert expected == needs(tmp_path, a=f"import os, sys\n{code}\n")


@pytest.mark.parametrize(
    ("wrapper", "calls", "expected"),
    [
        ("def need(n):\n    v = os.environ.get(n)\n    if not v:\n        raise ValueError(n)\n    return v",
         "need('A')", {"A": "required"}),
        ("def need(n, default=None):\n    v = os.environ.get(n, default)\n    if v is None:\n        raise ValueError(n)\n    return v",
         "need('A'); need('B', 'x'); need('C', default='y')", {"A": "required", "B": "default", "C": "default"}),
        ("def need(n, default=None):\n    try:\n        return os.environ[n]\n    except KeyError:\n        if default is None:\n            raise\n        return default",
         "need('A'); need('B', 'x')", {"A": "required", "B": "default"}),
        ("def need(n, d=''):\n    return os.environ.get(n) or d", "need('A'); need('B', 'x')", {"A": "default", "B": "default"}),
        ("def flag(n):\n    return os.environ.get(n, '0') == '1'\ndef need(n):\n    return flag('APP_' + n)", "need('A')", {"APP_A": "default"}),
        ("def one(n):\n    return os.environ[n]\ndef two(n):\n    return one(n)\ndef need(n):\n    return two(n.upper())", "need('a')", {"A": "required"}),
        ("def need(n, default=False):\n    if n not in os.environ:\n        return default\n    return os.environ[n].lower()",
         "need('A'); need('B', 'x'); need('C', None)", {"A": "default", "B": "default", "C": "optional"}),
        ("need = lambda n: os.environ[n]", "need('A')", {"A": "required"}),
        ("def need(n):\n    return os.environ.get(n)", "x = need('A') or 'b'\ny = need('B')\nif not y:\n    raise ValueError",
         {"A": "default", "B": "required"}),
        ("def need(*, name, prefix='X_'):\n    return os.environ[prefix + name]", "need(name='A'); need(name='B', prefix='Y_')",
         {"X_A": "required", "Y_B": "required"}),
    ],
)  # fmt: skip
def test_wrappers_are_followed_over_files(
    wrapper: str, calls: str, expected: dict[str, str], tmp_path: Path
) -> None:
    """A helper's callers hold no mark of the environment at all, and are found by its name."""
    found = needs(
        tmp_path,
        **{
            "pkg/config": f"import os\n{wrapper}\n",
            "pkg/__init__": "from .config import need\n",
            "pkg/main": f"from pkg import need\n{calls}\n",
        },
    )
    assert expected == found


def test_a_helper_means_what_its_import_says(tmp_path: Path) -> None:
    """Two packages have a helper of the same name; one of them does not read the environment."""
    found = needs(
        tmp_path,
        **{
            "one/conf": "import os\ndef get(n):\n    return os.environ[n]\n",
            "one/main": "from .conf import get\nget('A')\n",
            "two/conf": "def get(n):\n    return n\n",
            "two/main": "from .conf import get\nget('B')\n",
            "three": "d = {}\nd.get('C')\nimport requests\nrequests.get('D')\n",
        },
    )
    assert {"A": "required"} == found


def test_methods_and_instances_wrap_reads(tmp_path: Path) -> None:
    found = needs(
        tmp_path,
        conf="""
            import os
            class Conf:
                def __init__(self, prefix): self.prefix = prefix
                def get(self, n): return os.environ[n]
                def own(self): return self.get("A")
            conf = Conf("x")
        """,
        main="from conf import conf\nconf.get('B')\nother = {}\nother.get('C')\n",
    )
    assert {"A": "required", "B": "required"} == found


def test_constants_and_instances_of_other_files_are_followed(tmp_path: Path) -> None:
    found = needs(
        tmp_path,
        names="KEY = 'A'\nNAMES = ('B', 'C')\n",
        conf="import environ\nenv = environ.Env()\n",
        main="import os\nimport names\nfrom names import NAMES\nx = os.environ[names.KEY]\n"
        "y = [os.environ[n] for n in NAMES]\nfrom conf import env\nz = env.bool('D', default=False)\nimport conf\nw = conf.env('E')\n",
    )
    assert {"A": "required", "B": "required", "C": "required", "D": "default", "E": "required"} == found


def test_settings_classes(tmp_path: Path) -> None:
    """Prefix, aliases, nested models, inheritance over files and the old Config class."""
    found = needs(
        tmp_path,
        base="from pydantic_settings import BaseSettings\nclass Base(BaseSettings):\n    a: str\n",
        sub="""
            from typing import Annotated, ClassVar
            from pydantic import BaseModel, Field
            from pydantic_settings import SettingsConfigDict
            from base import Base
            class Db(BaseModel):
                host: str
                port: int = 5432
            class Sub(Base):
                model_config = SettingsConfigDict(env_prefix="X_", env_nested_delimiter="__")
                b: int = 3
                db: Db
                c: Annotated[str, Field(alias="PLAIN")]
                skip: ClassVar[int] = 3
                _private: int = 3
                f: list[str] = Field(default_factory=list)
        """,
        old="""
            import pydantic
            class Old(pydantic.BaseSettings):
                d: str = pydantic.Field("x", env="OLD_D")
                e: str
                class Config:
                    env_prefix = "old_"
            class NotSettings(pydantic.BaseModel):
                z: str
        """,
    )
    assert {
        "A": "required", "X_A": "required", "X_B": "default", "X_DB__HOST": "required", "X_DB__PORT": "default",
        "PLAIN": "required", "X_F": "default", "OLD_D": "default", "OLD_E": "required",
    } == found  # fmt: skip


def test_command_line_options_and_prefixed_blocks(tmp_path: Path) -> None:
    found = needs(
        tmp_path,
        cli="""
            import typer, click
            from typing import Annotated
            from environs import Env
            env = Env()
            with env.prefixed("P_"):
                x = env.str("A")
                y = env.int("B", 3)
            def f(a: str = typer.Option("x", envvar="C"), b: str = typer.Option(..., envvar=["D", "E"])): ...
            @click.option("--g", envvar="F", default="x")
            def g(g): ...
        """,
    )
    assert {
        "P_A": "required",
        "P_B": "default",
        "C": "default",
        "D": "optional",
        "E": "optional",
        "F": "default",
    } == found


def test_a_library_s_read_is_judged_like_any_other(tmp_path: Path) -> None:
    """A fallback by position counts where the library takes one, and a read that was asked for before is not required."""
    found = needs(
        tmp_path,
        settings="""
            import os
            import environ
            env = environ.Env()
            A = env.bool("A", False)
            B = env.list("B", str, [])
            C = env.list("C", str)
            if os.environ.get("D"):
                D = env.tuple("D")
            if "E" in os.environ:
                E = env.str("E")
            try:
                F = env("F")
            except environ.ImproperlyConfigured:
                F = None
            G = env.int("G")
        """,
    )
    assert {
        "A": "default", "B": "default", "C": "required", "D": "optional", "E": "optional", "F": "optional", "G": "required",
    } == found  # fmt: skip


def test_libraries_that_read_by_themselves(tmp_path: Path) -> None:
    """A library's own variable counts where the code names none; elsewhere the one that it names."""
    found = needs(
        tmp_path,
        settings="""
            import dj_database_url
            import django_cache_url as cache
            from envparse import env
            from prettyconf import config
            DATABASES = {"default": dj_database_url.config(default="mysql://shop"), "old": dj_database_url.config(env="OLD_URL")}
            CACHES = {"default": cache.config()}
            PARSED = dj_database_url.parse("postgres://shop")
            A = config("A")
            B = config("B", default=3)
            C = env("C")
            D = env.int("D", default=1)
        """,
    )
    assert {
        "DATABASE_URL": "default", "OLD_URL": "optional", "CACHE_URL": "optional",
        "A": "required", "B": "default", "C": "required", "D": "default",
    } == found  # fmt: skip


def test_code_that_is_not_the_application_is_left_out(tmp_path: Path) -> None:
    """Tests, documents, examples and foreign code do not count; the root's own name and parents say nothing."""
    read = "import os\nx = os.environ['{}']\n"
    root = tmp_path / "examples" / "tests" / "shop"
    for name in (
        "tests/a",
        "docs/b",
        "vendor/c",
        ".venv/lib/d",
        "node_modules/e",
        "build/f",
        "run-example",
        "config.example",
        "conftest",
        "examples/g",
        "x/test_h",
    ):
        path = root / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(read.format(name.upper()), encoding="utf-8")
    (root / "app").mkdir()
    (root / "app" / "main.py").write_text(read.format("REAL"), encoding="utf-8")
    (root / "app" / "old.py").write_text(read.format("OLD"), encoding="utf-8")
    assert ["REAL"] == [variable.name for variable in scan(root, exclude=["app/old.py"]).variables]


def test_places_defaults_and_computed_names_are_told(tmp_path: Path) -> None:
    found = scanned(
        tmp_path,
        a="import os\nD = 'sqlite://'\nx = os.environ.get('A', D)\n\ny = os.getenv(open('f').read())\n",
    )
    (variable,) = found.variables
    assert ("sqlite://", "a.py", 3, 5) == (
        variable.default, variable.references[0].file, variable.references[0].line, variable.references[0].column,
    )  # fmt: skip
    assert [5] == [reference.line for reference in found.computed]


def test_a_file_that_does_not_parse_is_named_with_its_line(tmp_path: Path) -> None:
    found = scanned(
        tmp_path, good="import os\nx = os.environ['A']\n", bad="import os\nx = os.environ['B'\ny = 3\n"
    )
    assert (1, ["bad.py"]) == (found.files_scanned, [file for file, _, _ in found.files_skipped])
    assert 2 == found.files_skipped[0][2]


@pytest.mark.parametrize(
    ("code", "computed"),
    [
        ('on = [n for n, v in os.environ.items() if n.startswith("FEATURE_") and v]', 1),
        (
            'for name in sorted(os.environ):\n    if name.startswith(("APP_", "SHOP_")):\n        print(name)',
            1,
        ),
        ("on = {n: v for n, v in os.environ.copy().items() if n.startswith(PREFIX)}", 1),
        ('kept = {n: v for n, v in os.environ.items() if not n.startswith("DEPLOYER_")}', 0),
        ('plain = [v for n, v in os.environ.items() if v.startswith("x")]', 0),
        ('other = [n for n in names() if n.startswith("x")]\nchild = dict(os.environ)', 0),
    ],
)
def test_names_that_are_found_by_a_prefix_are_computed(tmp_path: Path, code: str, computed: int) -> None:
    """What is taken out of the environment by how it begins can't be listed; what is left out, or is a value, is no read."""
    (tmp_path / "a.py").write_text(f"import os\n{code}\n", encoding="utf-8")
    found = scan(tmp_path)
    assert ((), computed) == (found.variables, len(found.computed))
