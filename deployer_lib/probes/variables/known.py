"""What probes share of a scan: the scan itself, made once a phase, and the names that are the platform's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from deployer_lib.probes.variables.model import Scan
from deployer_lib.probes.variables.scanner import scan

if TYPE_CHECKING:
    from deployer_lib.probes.context import Context
    from deployer_lib.probes.variables.model import Variable

__all__ = ["is_platform", "known_scan", "own_variables", "platform_names"]

#: Set by the operating system, the shell, the interpreter or a CI system: nobody documents them in a project.
_PLATFORM: Final = frozenset(
    [
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "PWD",
        "OLDPWD",
        "TERM",
        "COLORTERM",
        "LANG",
        "LANGUAGE",
        "TZ",
        "TMPDIR",
        "TMP",
        "TEMP",
        "EDITOR",
        "VISUAL",
        "PAGER",
        "HOSTNAME",
        "DISPLAY",
        "COLUMNS",
        "LINES",
        "NO_COLOR",
        "FORCE_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "CI",
        "GITHUB_ACTIONS",
        "GITLAB_CI",
        "TRAVIS",
        "JENKINS_URL",
        "BUILDKITE",
        "CIRCLECI",
        "APPDATA",
        "LOCALAPPDATA",
        "USERPROFILE",
        "SYSTEMROOT",
        "WINDIR",
        "COMSPEC",
        "PROGRAMDATA",
        "PROGRAMFILES",
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "NODE_PATH",
        "NODE_OPTIONS",
        "SOURCE_DATE_EPOCH",
        "KUBERNETES_SERVICE_HOST",
        "KUBERNETES_SERVICE_PORT",
        "INVOCATION_ID",
        "JOURNAL_STREAM",
        "NOTIFY_SOCKET",
        "LISTEN_FDS",
        "LISTEN_PID",
        "SSH_AUTH_SOCK",
        "SSH_CONNECTION",
        "SUDO_USER",
        "WERKZEUG_RUN_MAIN",
        "GATEWAY_INTERFACE",
        "SERVER_SOFTWARE",
        "PYCHARM_HOSTED",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "all_proxy",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
    ]
)
_PLATFORM_PATTERN: Final = re.compile(
    r"^(?:LC_[A-Z]+|XDG_[A-Z_]+|PYTHON[A-Z]+|PYTEST_[A-Z_]+|GITHUB_[A-Z_]+|GIT_[A-Z_]+)$"
)


def platform_names() -> frozenset[str]:
    """Return names that the platform sets."""
    return _PLATFORM


def is_platform(name: str) -> bool:
    """Tell whether a variable is the platform's, so that no project documents it."""
    return name in _PLATFORM or bool(_PLATFORM_PATTERN.match(name))


def known_scan(ctx: Context) -> Scan:
    """Return the scan of the project's code, made once a phase."""
    known = ctx.memo.get("scan")
    if not isinstance(known, Scan):
        ctx.progress("reading the source for environment variables …")
        known = ctx.memo["scan"] = scan(ctx.project, exclude=ctx.parameters.project.exclude)
    return known


def own_variables(ctx: Context) -> list[Variable]:
    """Return the variables that the code reads, without the platform's and those that parameters leave out."""
    ignored = ctx.parameters.variables.ignore
    return [v for v in known_scan(ctx).variables if not is_platform(v.name) and v.name not in ignored]
