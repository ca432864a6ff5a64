"""What the tags of a struct's field say of its variable, for each library that fills structs from the environment."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from deployer_lib.probes.variables.languages.go_types import Field
    from deployer_lib.probes.variables.model import Need

__all__ = ["DIALECTS", "Options", "Step", "generic"]

#: Tags and options that give a default, and those that ask for a value.
_DEFAULTS: Final = ("envDefault", "env-default", "default")
_REQUIRED: Final = ("required", "env-required")
_OPTIONS: Final = frozenset(
    {"required", "notEmpty", "nonempty", "file", "unset", "expand", "init", "strict", "overwrite", "decodeunset", "noinit",
     "optional", "squash"}
)  # fmt: skip
_TRUE: Final = frozenset({"true", "1", "yes", "t", "y", ""})
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True, slots=True)
class Options:
    """How a struct is filled."""

    prefix: str = ""
    root: str = ""  # the prefix that the whole is filled with; of a struct in a struct, the prefix is longer
    by_field: bool = False  # a field without a tag has its name's variable
    all_required: bool = False  # where there is no default
    tag: str = "env"
    default_tag: str = "envDefault"

    def switched(self, key: str) -> Options:
        """Return the options with a switch on, by the name that the library gives it."""
        if key == "UseFieldNameByDefault":
            return replace(self, by_field=True)
        return replace(self, all_required=True) if key == "RequiredIfNoDef" else self

    def told(self, key: str, value: str) -> Options:
        """Return the options with a text: the prefix, or what a tag is called."""
        if key == "prefix":
            return replace(self, prefix=value)
        return replace(self, tag=value) if key == "tag" else replace(self, default_tag=value)


@dataclass(frozen=True, slots=True)
class Step:
    """What a field says."""

    names: tuple[str, ...] = ()
    need: Need = "optional"
    default: str | None = None
    inner: str | None = None  # the prefix of a struct's own fields; None where it is a value by itself


def generic(field: Field, options: Options) -> Step:
    """Read ``env:"X,required"`` and its relatives: caarlos0/env, go-envconfig, cleanenv, envdecode, kong, go-flags."""
    tags, prefix = field.tags, options.prefix
    name, words = _split(tags.get(options.tag, tags.get("env", "")))
    inner = prefix + (words.get("prefix") or _prefix(tags))
    if tags.get("env", tags.get(options.tag)) == "-":
        return Step(inner=inner)
    names = [name, *(word for word in words if word not in _OPTIONS and word.isupper() and not words[word])]
    if not name and options.by_field:
        names = [snake(field.name)]
    told = tuple(prefix + one for one in names if _NAME.fullmatch(one))
    default = next((tags[d] for d in (options.default_tag, *_DEFAULTS) if d in tags), words.get("default"))
    asked = "required" in words and words["required"] in _TRUE | {"true"}
    must = asked or "notEmpty" in words or any(tags.get(key, "no") in _TRUE for key in _REQUIRED)
    must = must or (options.all_required and default is None)
    if "env-required" in tags and must:
        default = None  # cleanenv asks before it looks for a default
    return Step(told, _need(default, must=must), default, inner)


def _split(tag: str) -> tuple[str, dict[str, str]]:
    """Return the name and the options of a tag: ``X, required, default=5``."""
    name, _, rest = tag.partition(",")
    head, found, default = rest.partition("default=")
    words = {}
    for option in head.split(","):
        key, _, value = option.strip().partition("=")
        if key:
            words[key] = value.strip()
    if found:
        words["default"] = re.sub(r",\s*(?:strict|required|overwrite|noinit|decodeunset)\s*$", "", default)
        if re.search(r",\s*required\s*$", default):
            words["required"] = ""
    return name.strip(), words


def _prefix(tags: dict[str, str]) -> str:
    if "env-namespace" in tags:
        return tags["env-namespace"] + tags.get("env-namespace-delimiter", "_")
    return next((tags[key] for key in ("envPrefix", "env-prefix", "envprefix") if key in tags), "")


def envconfig(field: Field, options: Options) -> Step:
    """Read kelseyhightower/envconfig: ``PREFIX_FIELD``, ``envconfig:"NAME"``, ``split_words:"true"``."""
    tags = field.tags
    if tags.get("ignored", "no") in _TRUE or tags.get("envconfig") == "-":
        return Step()
    key = tags.get("envconfig") or (
        snake(field.name) if tags.get("split_words", "no") in _TRUE else field.name
    )
    whole = f"{options.prefix}_{key}".upper() if options.prefix else key.upper()
    if "envconfig" in tags and _is_whole(tags["envconfig"], field.name, options):
        whole = key.upper()  # the library asks for both, and this is what is meant
    default = tags.get("default") or None
    must = tags.get("required", "no") in _TRUE
    return Step((whole,), _need(default, must=must), default, options.prefix if field.embedded else whole)


def _is_whole(tag: str, field: str, options: Options) -> bool:
    """Tell whether a tag gives the whole name, ``APP_DB_HOST`` in the struct of the database, not the field's part of it."""
    name, root = tag.upper(), options.root.upper()
    if name.partition("_")[0] == options.prefix.upper().rpartition("_")[2]:  # API_… in the struct API
        return True
    if root:
        return name.startswith(f"{root}_")
    return name.replace("_", "") != field.upper().replace("_", "")


def arguments(field: Field, options: Options) -> Step:
    """Read alexflint/go-arg: ``arg:"--x,env:X,required"``."""
    words: dict[str, str] = {}
    for part in field.tags.get("arg", "").split(","):
        key, _, value = part.strip().partition(":")
        words[key] = value.strip()
    if "env" not in words:
        return Step(inner=options.prefix)
    name = options.prefix + (words["env"] or snake(field.name))
    default = field.tags.get("default")
    return Step((name,), _need(default, must="required" in words), default, options.prefix)


def configor(field: Field, options: Options) -> Step:
    """Read configor: ``PREFIX_FIELD_FIELD``, or the name that the tag gives."""
    tags = field.tags
    joined = field.name if not options.prefix else f"{options.prefix}_{field.name}"
    name = tags.get("env") or joined.upper()
    flat = field.embedded and tags.get("anonymous") == "true"
    default = tags.get("default")
    must = tags.get("required", "no") in _TRUE
    return Step((name,), _need(default, must=must), default, options.prefix if flat else joined)


def ardan(field: Field, options: Options) -> Step:
    """Read ardanlabs/conf: ``PREFIX_FIELD_FIELD`` and ``conf:"default:5,required,env:X"``."""
    tag = field.tags.get("conf", "")
    if tag == "-":
        return Step()
    words = {k.strip(): v.strip() for k, _, v in (part.partition(":") for part in tag.split(","))}
    own = words.get("env") or snake(field.name)
    name = f"{options.prefix}_{own}" if options.prefix else own
    default = words.get("default")
    must = "required" in words
    return Step(
        (name.upper(),), _need(default, must=must), default, options.prefix if field.embedded else name
    )


def _need(default: str | None, *, must: bool) -> Need:
    if default is not None:
        return "default"
    return "required" if must else "optional"


def snake(name: str) -> str:
    """Return a field's name as a variable's: ``ListenAddr`` as ``LISTEN_ADDR``."""
    return "_".join(_split_words(name)).upper()


def _split_words(name: str) -> Iterable[str]:
    return _WORDS.split(name)


#: How each library reads a field; and whether a field without a tag has a variable too.
DIALECTS: Final[dict[str, tuple[Callable[[Field, Options], Step], bool]]] = {
    "env": (generic, False),
    "envconfig": (envconfig, True),
    "go-arg": (arguments, False),
    "configor": (configor, True),
    "conf": (ardan, True),
}
