"""From what stands in an import to the package that it names; what names none of the registry is None."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["is_builtin", "package_of", "types_of"]

#: ``require('module').builtinModules`` of Node 24, without what begins with an underscore.
_BUILTINS: Final = frozenset(
    {"assert", "async_hooks", "buffer", "child_process", "cluster", "console", "constants", "crypto"}
    | {"dgram", "diagnostics_channel", "dns", "domain", "events", "fs", "http", "http2", "https", "inspector"}
    | {"module", "net", "os", "path", "perf_hooks", "process", "punycode", "querystring", "readline"}
    | {"repl", "sea", "sqlite", "stream", "string_decoder", "sys", "test", "timers", "tls", "trace_events"}
    | {"tty", "url", "util", "v8", "vm", "wasi", "worker_threads", "zlib"}
)  # fmt: skip
#: Modules that the program gets from what runs it: editors, load testers, servers with their own loader.
_OF_HOSTS: Final = frozenset({"k6", "vscode", "meteor", "photoshop", "uxp", "zx/globals"})
_NAME: Final = re.compile(r"^(?:@[a-z0-9][a-z0-9._~-]*/)?[a-z0-9][a-z0-9._~-]*$", re.IGNORECASE)
_ASSET: Final = re.compile(
    r"\.(?:css|scss|sass|less|svg|png|jpe?g|gif|webp|woff2?|md|mdx|html|txt|graphql|gql|vue|tsx?|jsx?)$"
)


def package_of(specifier: str) -> str | None:
    """Return the package's name; None for files, addresses, Node's own, virtual modules and aliases that no name may be.

    >>> package_of("@scope/name/deep/file.js?raw")
    '@scope/name'
    >>> package_of("node:fs"), package_of("./own.js"), package_of("@/own"), package_of("virtual:pages")
    (None, None, None, None)
    """
    path = specifier.rpartition("!")[2].partition("?")[0]
    if not path or path[0] in "./#$\\" or path.startswith(("~/", "@/", "~@/", "~~")):
        return None
    path = path.removeprefix("~")
    if ":" in path or "${" in path:
        return None
    parts = path.split("/")
    scoped = path.startswith("@")
    if scoped and (len(parts) == 1 or len(parts[0]) == 1):
        return None
    name = "/".join(parts[:2]) if scoped else parts[0]
    if not _NAME.match(name) or is_builtin(path) or name in _OF_HOSTS or path in _OF_HOSTS:
        return None
    if not scoped and len(parts) == 1 and _ASSET.search(name) and not name.endswith((".js", ".ts")):
        return None  # logo.svg: an asset that a bundler finds
    return name


def is_builtin(specifier: str) -> bool:
    """Tell whether Node itself brings a module."""
    return specifier.partition("/")[0] in _BUILTINS and not specifier.endswith("/")


def types_of(package: str) -> str:
    """Return the name of the package of types for another.

    >>> types_of("@babel/core"), types_of("express")
    ('@types/babel__core', '@types/express')
    """
    plain = package[1:].replace("/", "__") if package.startswith("@") else package
    return f"@types/{plain}"
