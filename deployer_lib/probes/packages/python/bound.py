"""Distributions that exist for one platform, and tools that only developers run."""

from __future__ import annotations

from typing import Final

__all__ = ["PLATFORM_DISTRIBUTIONS", "TOOLS"]

_WINDOWS: Final = ("comtypes", "pypiwin32", "pywin32", "pywinauto", "pywinpty", "windows-curses", "winshell", "wmi", "windows-toasts", "winrt-runtime", "win10toast", "wexpect")  # fmt: skip
_APPLE: Final = ("appnope", "macfsevents", "pyobjc", "pyobjc-core", "pyobjc-framework-cocoa", "pyobjc-framework-quartz", "py2app",
                 "rumps", "pync", "applescript", "py-applescript")  # fmt: skip
_LINUX: Final = ("dbus-python", "evdev", "inotify", "inotify-simple", "pyinotify", "python-prctl", "pyudev", "rpi-gpio",
                 "sdnotify", "systemd-python", "cysystemd", "python-iptables", "v4l2", "pyalsaaudio")  # fmt: skip
_UNIX: Final = ("python-pam", "uvloop", "uwsgi", "pyuwsgi", "sh", "python-daemon")
#: Normalised name → the one platform on which it installs or does something.
PLATFORM_DISTRIBUTIONS: Final = {
    **dict.fromkeys(_WINDOWS, "Windows"),
    **dict.fromkeys(_APPLE, "macOS"),
    **dict.fromkeys(_LINUX, "Linux"),
    **dict.fromkeys(_UNIX, "Linux and macOS"),
}
#: Normalised name → the module by which production code would use it.
TOOLS: Final = {
    "autoflake": "autoflake",
    "autopep8": "autopep8",
    "bandit": "bandit",
    "behave": "behave",
    "black": "black",
    "bumpversion": "bumpversion",
    "bump2version": "bumpversion",
    "coverage": "coverage",
    "deptry": "deptry",
    "factory-boy": "factory",
    "flake8": "flake8",
    "freezegun": "freezegun",
    "hypothesis": "hypothesis",
    "ipdb": "ipdb",
    "isort": "isort",
    "locust": "locust",
    "mock": "mock",
    "moto": "moto",
    "mypy": "mypy",
    "nose": "nose",
    "nox": "nox",
    "pdbpp": "pdb",
    "pre-commit": "pre_commit",
    "pudb": "pudb",
    "pycodestyle": "pycodestyle",
    "pydocstyle": "pydocstyle",
    "pyflakes": "pyflakes",
    "pylint": "pylint",
    "pyright": "pyright",
    "pytest": "pytest",
    "pytest-asyncio": "pytest_asyncio",
    "pytest-cov": "pytest_cov",
    "pytest-django": "pytest_django",
    "pytest-mock": "pytest_mock",
    "pytest-xdist": "xdist",
    "pyupgrade": "pyupgrade",
    "requests-mock": "requests_mock",
    "respx": "respx",
    "responses": "responses",
    "ruff": "ruff",
    "testcontainers": "testcontainers",
    "tox": "tox",
    "twine": "twine",
    "vulture": "vulture",
    "yapf": "yapf",
}
