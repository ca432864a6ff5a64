"""The calls that settings are made of: os.environ, django-environ, decouple, environs, dj-database-url, text methods."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.configuration.model import Unknown
from deployer_lib.probes.configuration.python_scope import Gone, Imported

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from deployer_lib.probes.configuration.python_scope import Scope, Value

__all__ = ["BUILTINS", "called", "entry", "is_reader", "method"]

BUILTINS: Final = frozenset(
    [
        "int",
        "bool",
        "float",
        "str",
        "list",
        "tuple",
        "set",
        "frozenset",
        "dict",
        "len",
        "sorted",
        "any",
        "all",
        "min",
        "max",
        "abs",
        "map",
        "filter",
        "range",
    ]
)
_RUN_TIME: Final = Unknown("it is made at run time")
_TRUE: Final = frozenset({"true", "on", "ok", "y", "yes", "1", "t"})
_FALSE: Final = frozenset({"false", "off", "n", "no", "0", "f", ""})
_TEXT_METHODS: Final = frozenset(
    [
        "split",
        "lower",
        "upper",
        "strip",
        "lstrip",
        "rstrip",
        "startswith",
        "endswith",
        "replace",
        "title",
        "removeprefix",
        "removesuffix",
        "splitlines",
        "capitalize",
        "casefold",
        "join",
        "format",
        "isdigit",
        "partition",
        "rsplit",
        "count",
        "find",
    ]
)
#: Objects that read one variable when they are called: ``env("X")``, ``config("X", cast=bool)``.
_READERS: Final = frozenset(
    {"environ.Env()", "environs.Env()", "decouple.config", "starlette.config.Config()"}
)
_MAKERS: Final = {
    "environ.Env": "environ.Env()",
    "environ.FileAwareEnv": "environ.Env()",
    "environs.Env": "environs.Env()",
    "environs.FileAwareEnv": "environs.Env()",
    "decouple.AutoConfig": "decouple.config",
    "starlette.config.Config": "starlette.config.Config()",
}
_DATABASES: Final = frozenset({"db", "db_url", "dj_db_url"})
_ABSENT: Final = object()


def is_reader(dotted: str) -> bool:
    """Tell whether a call of this name does nothing to the settings around it but read files or variables."""
    return dotted.rpartition(".")[0] in _READERS | {"environ.Env", "environs.Env", "dotenv", "warnings"}


def entry(owner: Imported, key: str, scope: Scope) -> Value:
    """Return what ``os.environ["X"]`` is.

    Raises:
        Gone: it is not set.
    """
    if owner.dotted != "os.environ":
        return _RUN_TIME
    value = scope.variables.read(key)
    if value is None:
        raise Gone("KeyError", f"{key} is required and not set for the target")
    return value


def called(function: Imported, given: Sequence[Value], named: Mapping[str, Value], scope: Scope) -> Value:  # noqa: PLR0911  (a table of calls)
    """Return what a call of an imported or built-in function is.

    Raises:
        Gone: it raises, where that can be told.
    """
    dotted = function.dotted
    if dotted.startswith("builtins."):
        return _built_in(dotted.removeprefix("builtins."), given, named)
    if dotted in {"os.environ.get", "os.getenv", "os.environ.setdefault"}:
        return _read(given, named, scope, raising=False)
    if dotted in _MAKERS:
        return Imported(_MAKERS[dotted], tuple((name, value) for name, value in named.items()))
    if dotted in {"environ.Env.read_env", "environ.Path", "dotenv.load_dotenv"}:
        return _RUN_TIME
    if dotted in {"dj_database_url.config", "dj_database_url.parse"}:
        return _database(dotted, given, named, scope)
    if dotted in {"decouple.Csv", "distutils.util.strtobool"}:
        return function if dotted == "decouple.Csv" else _cast("bool", given[0] if given else _RUN_TIME)
    if dotted == "json.loads" and given:
        return _cast("json", given[0])
    owner, _, kind = dotted.rpartition(".")
    if dotted in _READERS or owner in _READERS:
        return _reader(function, kind if owner in _READERS else "", given, named, scope)
    return Unknown(f"{dotted} is called at run time")


def _read(given: Sequence[Value], named: Mapping[str, Value], scope: Scope, *, raising: bool) -> Value:
    name = given[0] if given else named.get("key", _RUN_TIME)
    if not isinstance(name, str):
        return name if isinstance(name, Unknown) else _RUN_TIME
    fallback = named.get("default", given[1] if len(given) > 1 else _ABSENT)
    value = scope.variables.read(name)
    if value is not None:
        return value
    if fallback is not _ABSENT:
        return fallback
    if raising:
        raise Gone("ImproperlyConfigured", f"{name} is required and not set for the target")
    return None


def _reader(
    function: Imported, kind: str, given: Sequence[Value], named: Mapping[str, Value], scope: Scope
) -> Value:
    """Return what ``env.bool("X", default=False)`` or ``config("X", cast=int)`` is."""
    if kind in {"read_env", "prefixed", "seal", "read_envfile"}:
        return _RUN_TIME
    name = given[0] if given else None
    default_at = 2 if function.dotted == "environ.Env()" and not kind else 1
    rest = {"default": given[default_at]} if len(given) > default_at else {}
    cast: Value = named.get("cast", given[1] if default_at == 2 and len(given) > 1 else kind or "str")  # noqa: PLR2004  (env(var, cast, default))
    scheme = dict(function.scheme).get(name) if isinstance(name, str) else None
    if isinstance(scheme, list) and len(scheme) == 2 and not kind:  # noqa: PLR2004  (cast and default)
        cast, rest = scheme[0], {"default": scheme[1], **rest}
    elif scheme is not None and not kind:
        cast = scheme
    if kind in _DATABASES:
        return _database("env", given, {**rest, **named}, scope)
    value = _read(
        [name], {**rest, **{key: named[key] for key in ("default",) if key in named}}, scope, raising=True
    )
    return _cast(_cast_name(cast), value)


def _cast_name(cast: Value) -> str:
    if isinstance(cast, Imported):
        return cast.dotted.rpartition(".")[2].rstrip("()").lower()
    return cast if isinstance(cast, str) else "?"


def _cast(kind: str, value: Value) -> Value:
    if not isinstance(value, str):
        return value
    way = _CASTS.get(kind)
    if way is None:
        return _RUN_TIME
    try:
        return way(value)
    except ValueError as error:
        raise Gone("ValueError", f"the value is no {kind}") from error


def _truth(text: str) -> bool:
    if text.strip().lower() in _TRUE:
        return True
    if text.strip().lower() in _FALSE:
        return False
    raise ValueError(text)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


_CASTS: Final[dict[str, Callable[[str], Value]]] = {
    "str": str,
    "url": str,
    "log_level": str,
    "bool": _truth,
    "strtobool": _truth,
    "int": int,
    "float": float,
    "list": _listed,
    "csv": _listed,
    "tuple": _listed,
    "json": json.loads,
}


def _database(dotted: str, given: Sequence[Value], named: Mapping[str, Value], scope: Scope) -> Value:
    """Return a Django database as its URL, under URL, with the options that this call adds."""
    variable = "DATABASE_URL"
    if dotted == "dj_database_url.parse":
        url: Value = given[0] if given else named.get("url", _RUN_TIME)
    else:
        name = named.get("env", given[0] if given else variable)
        url = _read([name], {"default": named["default"]} if "default" in named else {}, scope, raising=False)
    if isinstance(url, Unknown):
        return url
    if not isinstance(url, str) or "://" not in url:
        return {} if url in (None, "") else _RUN_TIME
    made: dict[str, Value] = {"URL": url}
    if "ssl_require" in named:
        made["OPTIONS"] = {"sslmode": "require"} if named["ssl_require"] is True else {}
    return made


def method(owner: Value, name: str, given: Sequence[Value], named: Mapping[str, Value]) -> Value:  # noqa: PLR0911  (a table of methods)
    """Return what a method of a text, list or map is.

    Raises:
        Gone: it raises.
    """
    found = next((value for value in (*given, *named.values()) if isinstance(value, Unknown)), None)
    try:
        if isinstance(owner, dict) and name == "get" and given:
            return owner.get(str(given[0]), given[1] if len(given) > 1 else None)
        if isinstance(owner, dict) and name in {"keys", "values", "items", "copy"}:
            return {"keys": list(owner), "values": list(owner.values()), "copy": dict(owner)}.get(
                name, _RUN_TIME
            )
        if isinstance(owner, dict) and name == "update":
            owner.update(given[0] if given and isinstance(given[0], dict) else {}, **named)
            return None if not given or isinstance(given[0], dict) else _RUN_TIME
        if isinstance(owner, list) and name == "copy":
            return list(owner)
        if isinstance(owner, list) and name == "append" and given:
            owner.append(_RUN_TIME if isinstance(given[0], Imported) else given[0])
            return None
        if found is not None:
            return found
        if isinstance(owner, list) and name in {"extend", "insert", "remove"}:
            getattr(owner, name)(*given)
            return None
        if (
            isinstance(owner, str)
            and name in _TEXT_METHODS
            and not (name == "format" and "{" in owner and (named or given))
        ):
            made = getattr(owner, name)(*given, **named)
            return list(made) if isinstance(made, tuple) else made
    except (TypeError, ValueError, LookupError) as error:
        raise Gone(type(error).__name__, f".{name}() is given what it does not take") from error
    return _RUN_TIME


def _built_in(name: str, given: Sequence[Value], named: Mapping[str, Value]) -> Value:
    found = next(
        (value for value in (*given, *named.values()) if isinstance(value, Unknown | Imported)), None
    )
    if name == "dict" and not given:
        return {key: _RUN_TIME if isinstance(value, Imported) else value for key, value in named.items()}
    if name == "map" and len(given) == 2 and isinstance(given[1], list) and isinstance(given[0], Imported):  # noqa: PLR2004
        kind = given[0].dotted
        if kind.startswith("builtins.str."):
            return [method(item, kind.rpartition(".")[2], (), {}) for item in given[1]]
        return [_built_in(kind.removeprefix("builtins."), [item], {}) for item in given[1]]
    if found is not None:
        return found if isinstance(found, Unknown) else _RUN_TIME
    way = _BUILT_IN.get(name)
    if way is None or (named and name not in {"sorted", "dict"}):
        return _RUN_TIME
    try:
        return way(*given)
    except (TypeError, ValueError, LookupError) as error:
        raise Gone(type(error).__name__, f"{name}() is given what it does not take") from error


_BUILT_IN: Final[dict[str, Callable[..., Value]]] = {
    "int": int,
    "bool": bool,
    "float": float,
    "str": str,
    "list": list,
    "tuple": list,
    "set": lambda items=(): list(dict.fromkeys(items)),
    "frozenset": lambda items=(): list(dict.fromkeys(items)),
    "dict": dict,
    "len": len,
    "sorted": sorted,
    "any": any,
    "all": all,
    "min": min,
    "max": max,
    "abs": abs,
}
