"""Python settings are read by their syntax: what they come to for the target's variables, nothing run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deployer_lib.probes.configuration.model import Settings, TargetVariables
from deployer_lib.probes.configuration.python_file import read_python

VARIABLES = {
    "DATABASE_URL": "postgres://u:p@db.internal/shop",
    "DEBUG": "False",
    "LEVEL": "INFO",
    "ORIGINS": "https://a.example, https://b.example",
    "WORKERS": "4",
}


def settings(
    text: str, root: Path = Path(), *, complete: bool = True, file: str = "settings/production.py"
) -> Settings:
    return read_python(text, file, TargetVariables(VARIABLES, complete=complete), root)


def value(expression: str, before: str = "") -> Any:
    text = f"import os\nimport environ\nfrom decouple import config, Csv\nenv = environ.Env(WORKERS=(int, 1))\n{before}\nX = {expression}\n"
    found = settings(text)
    known = found.known()
    assert isinstance(known, dict)
    return known.get("X", [unknown.why for path, unknown in found.unknowns() if path[0] == "X"])


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("os.environ['LEVEL'].lower()", "info"),
        ("os.environ.get('NOPE', 'x')", "x"),
        ("os.environ.get('NOPE')", None),
        ("os.getenv('WORKERS')", "4"),
        ("int(os.environ.get('WORKERS', '1')) * 2", 8),
        ("os.environ.get('DEBUG', 'True') == 'True'", False),
        ("os.environ.get('DEBUG', '').lower() in ('1', 'true')", False),
        ("'LEVEL' in os.environ", True),
        (
            "[o.strip() for o in os.environ['ORIGINS'].split(',') if o]",
            ["https://a.example", "https://b.example"],
        ),
        ("env('LEVEL')", "INFO"),
        ("env('WORKERS')", 4),
        ("env.bool('DEBUG', default=True)", False),
        ("env.list('ORIGINS')", ["https://a.example", "https://b.example"]),
        ("env.int('NOPE', 7)", 7),
        ("{'default': env.db()}", {"default": {"URL": "postgres://u:p@db.internal/shop"}}),
        ("config('DEBUG', cast=bool)", False),
        ("config('DEBUG', default=True, cast=bool)", False),
        ("config('ORIGINS', cast=Csv())", ["https://a.example", "https://b.example"]),
        ("f'{os.environ[\"LEVEL\"]}-{1 + 1}'", "INFO-2"),
        ("not env.bool('DEBUG')", True),
        ("1 if os.environ.get('NOPE') else 2", 2),
        ("dict(A=1, **{'B': 2})", {"A": 1, "B": 2}),
        ("[*('a', 'b'), 'c'][1:]", ["b", "c"]),
        ("bool(int(os.environ.get('NOPE', '0')))", False),
        ("list(map(str.strip, 'a, b'.split(',')))", ["a", "b"]),
        ("60 * 60 * 24", 86400),
        ("os.environ.get('NOPE') or 'fallback'", "fallback"),
    ],
)
def test_an_expression_is_what_it_comes_to(expression: str, expected: object) -> None:
    assert expected == value(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "os.environ['REQUIRED']",
        "open('/etc/passwd').read()",
        "__import__('os').system('true')",
        "requests.get('http://x')",
        "secrets.token_hex()",
        "'a' * 10 ** 9",
        "[0] * 10 ** 9",
        "(lambda f: f(f))(lambda f: f(f))",
        "int('x')",
        "undefined",
        "{}['x']",
    ],
)
def test_what_only_running_it_could_tell_is_unknown(expression: str) -> None:
    assert [str] == [type(why) for why in value(expression)]


def test_an_undeclared_variable_of_an_unknown_target_is_unknown() -> None:
    found = settings("import os\nA = os.environ.get('NOPE', 'x')\nB = 1\n", complete=False)
    assert {"B": 1} == found.known()
    assert [2] == [unknown.line for _, unknown in found.unknowns()]


def test_statements_follow_each_other() -> None:
    """Branches, tries, entries, appended items, helpers and classes, each with its line."""
    text = '''
import os
from django.core.exceptions import ImproperlyConfigured

def required(name):
    """Read it."""
    try:
        return os.environ[name]
    except KeyError:
        raise ImproperlyConfigured(name)

def flag(name, default=False):
    text = os.environ.get(name, str(default))
    if text.lower() in {"1", "true"}:
        return True
    return False

DATABASES = {"default": {"ENGINE": "x", "OPTIONS": {}}}
DATABASES["default"]["OPTIONS"]["sslmode"] = "require"
INSTALLED = ["a"]
INSTALLED.append("b")
INSTALLED += ["c"]
if flag("DEBUG"):
    LEVEL = "debug"
else:
    LEVEL = required("LEVEL")
try:
    SECRET = required("NOT_THERE")
except ImproperlyConfigured:
    SECRET = "fallback"
A, B = 1, "two"

class Base:
    DEBUG = True
    LEVEL = "debug"

class Production(Base):
    DEBUG = False
'''
    found = settings(text)
    known = found.known()
    assert isinstance(known, dict)
    assert {"ENGINE": "x", "OPTIONS": {"sslmode": "require"}} == known["DATABASES"]["default"]  # type: ignore[index, call-overload]
    assert ["a", "b", "c"] == known["INSTALLED"]
    assert ("INFO", "fallback", 1, "two") == tuple(known[name] for name in ("LEVEL", "SECRET", "A", "B"))
    assert {"DEBUG": False, "LEVEL": "debug"} == known["Production"]
    assert 19 == found.place(("DATABASES", "default", "OPTIONS", "sslmode")).line
    assert [] == found.unknowns()


def test_what_depends_on_the_unknown_is_unknown() -> None:
    """A branch, a loop, an update by a library: only what they set."""
    text = """
import lib
if lib.ready():
    A = 1
for name in lib.names():
    B = name
C = {"x": 1}
C.update(lib.more())
D = {"x": 1}
D[lib.key()] = 2
E = 5
"""
    found = settings(text)
    assert {"E": 5} == found.known()
    assert {"A", "B", "C", "D", "name"} == {path[0] for path, _ in found.unknowns()}


def test_locals_handed_away_may_change_everything() -> None:
    found = settings("import django_heroku\nA = 1\ndjango_heroku.settings(locals())\nB = 2\n")
    assert {"B": 2} == found.known()


def test_imports_within_the_project_are_followed(tmp_path: Path) -> None:
    """A base file's values hold where they are not set anew, with the base's own lines; a circle ends."""
    folder = tmp_path / "shop" / "settings"
    folder.mkdir(parents=True)
    (folder / "base.py").write_text(
        "from .production import *\nDEBUG = True\nLEVEL = 'info'\n_HIDDEN = 1\n", encoding="utf-8"
    )
    (folder / "parts.py").write_text("RATES = {'anon': '10/min'}\n", encoding="utf-8")
    text = "from .base import *\nfrom shop.settings.parts import RATES as LIMITS\ntry:\n    from .local import *\nexcept ImportError:\n    pass\nDEBUG = False\n"
    found = settings(text, tmp_path, file="shop/settings/production.py")
    assert {"DEBUG": False, "LEVEL": "info", "LIMITS": {"anon": "10/min"}} == found.known()
    assert ("shop/settings/base.py", 3) == (found.place(("LEVEL",)).file, found.place(("LEVEL",)).line)
    assert "shop/settings/parts.py" == found.place(("LIMITS", "anon")).file


def test_nothing_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    settings(
        f"open({str(mark)!r}, 'w')\nimport os\nos.system('touch {mark}')\nX = exec('1/0')\nwhile True:\n    pass\n"
    )
    assert not mark.exists()


def test_what_evaluates_for_ever_ends() -> None:
    text = "def f(n):\n    return f(n) + f(n)\nX = f(1)\nL = [0] * 9000\nY = [[a for a in L] for b in L]\nZ = 1\n"
    assert "X" in {path[0] for path, _ in settings(text).unknowns()}


@pytest.mark.parametrize(
    "text",
    [
        "exec(open('local.py').read())\n",
        "from split_settings.tools import include\ninclude('local.py')\n",
        "globals()['DEBUG'] = True\n",
        "del DEBUG\n",
        "import os\nfor name, value in os.environ.items():\n    globals()[name] = value\n",
    ],
)
def test_names_that_may_be_set_from_outside_are_unknown(text: str) -> None:
    """What stands above such a line is no longer sure; what stands below it is."""
    found = settings(f"DEBUG = False\n{text}SSL = True\n")
    assert {"SSL": True} == found.known()
    assert ("DEBUG",) in [path for path, _ in found.unknowns()]
