"""What the processes that we start get to see of this machine, and the placeholders in their command lines.

Nothing of the operator's environment is passed on but what finding programs, packages and certificates needs: a token
in a shell must not end in a build's log.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "PLACEHOLDERS",
    "base_environment",
    "fill",
    "fill_all",
    "process_environment",
    "unknown_placeholders",
]

#: Names that are filled in where ``{name}`` stands in a command or a variable's value.
PLACEHOLDERS: Final = (
    "artifact",
    "environment",
    "host",
    "port",
    "previous",
    "project",
    "release",
    "since",
    "state",
    "version",
)

_ALWAYS: Final = frozenset(
    {"PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR"}
    # What a process on Windows does not start without.
    | {"SYSTEMROOT", "COMSPEC", "PATHEXT", "TEMP", "TMP", "USERPROFILE", "APPDATA", "LOCALAPPDATA"}
)
_TOOLS: Final = frozenset(
    {"USER", "LOGNAME", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO"}
    | {
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "no_proxy",
    }
)
_TOOL_PREFIXES: Final = (
    "PIP_",
    "UV_",
    "NPM_CONFIG_",
    "npm_config_",
    "CARGO_",
    "RUSTUP_",
    "SSL_CERT_",
    "XDG_CACHE_",
)
#: Of the tools' own, those that publish, and never install.
_PUBLISHING: Final = re.compile(r"^(UV_PUBLISH_|CARGO_REGISTRY_TOKEN$)")
_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")


def base_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what tests, installs and builds get of an environment: nothing that is not on a short list.

    The folder of this Python comes first on the PATH, so that ``uv`` and ``python`` are found where Deployer is.
    """
    kept = _always(environ)
    for name, value in environ.items():
        if (name in _TOOLS or name.startswith(_TOOL_PREFIXES)) and not _PUBLISHING.match(name):
            kept[name] = value
    return kept


def process_environment(environ: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """Return what the deployed process gets: where programs are, the locale, and its declared variables."""
    return _always(environ) | dict(variables)


def fill(text: str, values: Mapping[str, str]) -> str:
    """Fill known placeholders in; every other brace stays as it is.

    >>> fill('--bind={host}:{port} {"a": 1} {nobody}', {"host": "::1", "port": "80"})
    '--bind=::1:80 {"a": 1} {nobody}'
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        return values[name] if name in PLACEHOLDERS and name in values else match.group(0)

    return _PLACEHOLDER.sub(value, text)


def fill_all(words: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """Return the words of a command with placeholders filled in; no word is ever split."""
    return [fill(word, values) for word in words]


def unknown_placeholders(text: str) -> list[str]:
    """Return names that stand in a text like placeholders, and are none."""
    return [name for name in _PLACEHOLDER.findall(text) if name not in PLACEHOLDERS]


def _always(environ: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value for name, value in environ.items() if name.upper() in _ALWAYS or name.startswith("LC_")
    }
    own = str(Path(sys.executable).parent)
    folders = [own, *(f for f in kept.get("PATH", os.defpath).split(os.pathsep) if f and f != own)]
    kept["PATH"] = os.pathsep.join(folders)
    kept.setdefault("LANG", "C.UTF-8")
    return kept
