"""How Python projects read environment variables, as data.

A callable is known by its full dotted name; ``()`` after a class stands for an instance of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from deployer_lib.probes.variables.model import Need

__all__ = [
    "ENVIRONMENTS",
    "ENVVAR_KEYWORDS",
    "EXITS",
    "EXIT_METHODS",
    "FAIL_ON_NONE",
    "INSTANCES",
    "MAPPING_COPIES",
    "READS",
    "SETTINGS_BASES",
    "Call",
]


@dataclass(frozen=True, slots=True)
class Call:
    """Where a reading call takes its name and its fallback, and what it does without one."""

    need: Need  # without a fallback
    default: int | None = 1  # position of the fallback; None where it can only be named
    names: tuple[str, ...] = ("key", "name", "var", "varname", "variable_name")  # of the variable's argument
    default_name: str = "default"
    usual: str = ""  # variable that is read where the call names none


#: What is indexed, tested by ``in`` and subtracted like ``os.environ``.
ENVIRONMENTS: Final = frozenset({"os.environ", "os.environb"})
MAPPING_COPIES: Final = frozenset(
    {"dict", "copy.copy", "copy.deepcopy"}
)  # of an environment; also its .copy()

_OPTIONAL: Final = Call("optional")
_REQUIRED: Final = Call("required")
_NAMED: Final = Call("required", None)
_CAST: Final = Call("required", 2)

#: Classes whose instances read; aliases on the left.
INSTANCES: Final = {
    "starlette.config.Config": "starlette.config.Config()",
    "decouple.Config": "decouple.Config()",
    "decouple.AutoConfig": "decouple.Config()",
    "environ.Env": "environ.Env()",
    "environ.FileAwareEnv": "environ.Env()",
    "environs.Env": "environs.Env()",
    "environs.FileAwareEnv": "environs.Env()",
    "envparse.Env": "envparse.Env()",
    "prettyconf.Configuration": "prettyconf.config",
}

_ENVIRON_CASTS: Final = "str bytes int float bool json url path unicode"
_ENVIRON_COLLECTIONS: Final = "list tuple dict"  # whose second argument is a cast
_ENVIRON_URLS: Final = {
    "db": "DATABASE_URL",
    "db_url": "DATABASE_URL",
    "cache": "CACHE_URL",
    "cache_url": "CACHE_URL",
    "email": "EMAIL_URL",
    "email_url": "EMAIL_URL",
    "search_url": "SEARCH_URL",
    "channels": "CHANNELS_URL",
    "channels_url": "CHANNELS_URL",
}
_ENVIRONS_METHODS: Final = (
    "str int bool float decimal list dict json datetime date time timedelta path log_level uuid url enum"
)

#: Functions that read one variable of their own, unless they are told another by ``env``; {} without it and a default.
_OWN_VARIABLES: Final = {
    "dj_database_url.config": "DATABASE_URL",
    "dj_email_url.config": "EMAIL_URL",
    "dj_search_url.config": "SEARCH_URL",
    "django_cache_url.config": "CACHE_URL",
}
_ENVPARSE_CASTS: Final = "str bool int float list dict json url set tuple"

#: Calls that read, by dotted name.
READS: Final[dict[str, Call]] = {
    "os.getenv": _OPTIONAL,
    "os.getenvb": _OPTIONAL,
    "os.environ.get": _OPTIONAL,
    "os.environb.get": _OPTIONAL,
    "os.environ.pop": _REQUIRED,
    "os.environ.__getitem__": _REQUIRED,
    "decouple.config": _REQUIRED,
    "decouple.Config()": _REQUIRED,
    "decouple.Config().get": _REQUIRED,
    "starlette.config.Config()": _CAST,
    "starlette.config.Config().get": _CAST,
    "environ.Env()": _CAST,
    "environ.Env().get_value": _CAST,
    **{f"environ.Env().{name}": _REQUIRED for name in _ENVIRON_CASTS.split()},
    **{f"environ.Env().{name}": _CAST for name in _ENVIRON_COLLECTIONS.split()},
    **{f"environ.Env().{name}": Call("required", usual=usual) for name, usual in _ENVIRON_URLS.items()},
    **{name: Call("optional", names=("env",), usual=usual) for name, usual in _OWN_VARIABLES.items()},
    "prettyconf.config": _NAMED,
    "envparse.env": _NAMED,
    "envparse.Env()": _NAMED,
    **{f"envparse.env.{name}": _NAMED for name in _ENVPARSE_CASTS.split()},
    **{f"envparse.Env().{name}": _NAMED for name in _ENVPARSE_CASTS.split()},
    "environs.Env()": _REQUIRED,
    "environs.env": _REQUIRED,
    **{f"environs.Env().{name}": _REQUIRED for name in _ENVIRONS_METHODS.split()},
    **{f"environs.env.{name}": _REQUIRED for name in _ENVIRONS_METHODS.split()},
}

#: Arguments by which command-line libraries name a variable; the option itself may take its place.
ENVVAR_KEYWORDS: Final = frozenset({"envvar", "env_var"})

#: Base classes whose annotated fields are variables.
SETTINGS_BASES: Final = frozenset(
    {
        "pydantic_settings.BaseSettings",
        "pydantic_settings.main.BaseSettings",
        "pydantic.BaseSettings",
        "pydantic.v1.BaseSettings",
        "pydantic.env_settings.BaseSettings",
    }
)

#: Calls after which nothing goes on.
EXITS: Final = frozenset({"sys.exit", "exit", "quit", "os._exit", "os.abort"})
#: Methods of a parser or a click context that end the program, whatever they are called on.
EXIT_METHODS: Final = frozenset({"error", "fail", "abort", "exit"})

#: Calls that raise when they are given None.
FAIL_ON_NONE: Final = frozenset(
    {
        "int",
        "float",
        "len",
        "list",
        "set",
        "tuple",
        "json.loads",
        "pathlib.Path",
        "os.path.join",
        "base64.b64decode",
    }
)
