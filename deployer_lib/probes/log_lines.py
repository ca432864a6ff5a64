"""Log lines as probes read them: JSON where it is, levels by name or number, errors with their whole stack."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from deployer_lib.check import Location

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from deployer_lib.app.target import LogLine

__all__ = [
    "LogError",
    "errors_in",
    "field_of",
    "group",
    "level_of",
    "masked",
    "parsed",
    "project_frame",
    "rule_for",
    "signature_of",
    "time_field",
]

#: pino and bunyan write levels as numbers: 10 trace, 20 debug, 30 info, 40 warn, 50 error, 60 fatal.
_NUMBERS: Final = ((60, "fatal"), (50, "error"), (40, "warn"), (30, "info"), (20, "debug"), (10, "trace"))
_BAD_LEVELS: Final = frozenset(
    {
        "error",
        "err",
        "critical",
        "crit",
        "fatal",
        "severe",
        "panic",
        "alert",
        "emerg",
        "emergency",
        "exception",
    }
)
_TIMES: Final = (
    "time", "timestamp", "@timestamp", "ts", "datetime", "date", "asctime", "eventTime", "event_time", "t", "@t"
)  # fmt: skip
_STACKS: Final = (
    "exception", "exc_info", "stack", "stack_trace", "stacktrace", "stackTrace", "traceback", "exc_text",
    "error.stack", "err.stack", "error.stack_trace", "exception.stacktrace",
)  # fmt: skip
_MESSAGES: Final = ("message", "msg", "event", "fields.message", "err.message", "error.message", "@m")
_STATUSES: Final = (
    "status",
    "status_code",
    "statusCode",
    "res.statusCode",
    "http.status_code",
    "fields.status",
)

#: A plain line that begins a stack trace or says that it is an error.
_STACK_HEAD: Final = re.compile(
    r"Traceback \(most recent call last\)"  # Python
    r"|thread '.*' (?:\(\d+\) )?panicked at"  # Rust
    r"|^panic: |^goroutine \d+ \["  # Go
    r"|^Exception in thread "  # Java
    r"|^(?:Uncaught )?(?:\w+\.)*\w*(?:Error|Exception)\b.*:"  # Node, Java, Ruby
    r"|UnhandledPromiseRejection|PHP Fatal error"
)
_LEVEL_WORD: Final = re.compile(
    r"^(?:[^A-Za-z]|\b(?:INFO|\w{3} \w{3})\b)*[\[(<]?(?:ERROR|CRITICAL|FATAL|PANIC|SEVERE)\b"
    r"|\[(?:error|fatal|critical|emerg|alert)\]"
    r"|\blevel=\"?(?:error|fatal|critical|panic)\b"
    r"|\s(?:ERROR|CRITICAL|FATAL|SEVERE)\s"
)
#: A plain line that goes on with the trace above it.
_STACK_BODY: Final = re.compile(
    r"^\s+\S|^Caused by: |^During handling of|^The above exception|^Traceback|^note: run with|^stack backtrace|^\s*$"
)
_PYTHON_END: Final = re.compile(r"^(?:\w+\.)*\w+(?::|$)")
_PYTHON_HEAD: Final = "Traceback (most recent call last)"
_RUST_HEAD: Final = re.compile(r"panicked at .*:$")
_FRAMES: Final = (
    re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)'),  # Python
    re.compile(r"panicked at (?P<file>[^\s:]+):(?P<line>\d+)"),  # Rust
    re.compile(
        r"(?:\(|at |^\s+)(?:file://)?(?P<file>/?[\w@.+/~-]+\.\w+):(?P<line>\d+)"
    ),  # Node, Go, Java, Rust
)
_FOREIGN: Final = re.compile(r"site-packages|node_modules|/\.cargo/|/rustc/|/lib/python\d|node:internal")
#: What differs between two lines of the same fault; an apostrophe (can't) opens no quotation.
_VARIABLE: Final = re.compile(
    r"[\w.+-]+@[\w.-]+|0x[0-9a-fA-F]+|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|\b[0-9a-fA-F]{12,}\b|(?<![A-Za-z]{2})'[^']*'|\"[^\"]*\"|\d+(?:\.\d+)*"
)
_MAX_STACK_LINES: Final = 200
_SERVER_ERROR: Final = 500
_CLIENT_ERROR: Final = 400


def parsed(text: str) -> dict[str, Any] | None:
    """Return a line's JSON object, None where it is none."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def field_of(line: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401  (a JSON value of any kind)
    """Return the field ``name``, or ``a.b`` inside of objects, None where it is not there."""
    if name in line:
        return line[name]
    value: Any = line
    for part in name.split("."):
        if not isinstance(value, dict) or part not in value:
            return None
        value = value[part]
    return value


def level_of(line: Mapping[str, Any], name: str) -> str | None:
    """Return the level in lower case, numbers as pino means them; None where the field is missing or empty."""
    value = field_of(line, name)
    if isinstance(value, bool) or value in (None, ""):
        return None
    if isinstance(value, int | float):
        return next((word for number, word in _NUMBERS if value >= number), "trace")
    return str(value).lower()


def time_field(line: Mapping[str, Any]) -> str | None:
    """Return the name of the field that holds the time, None where there is none."""
    return next((name for name in _TIMES if line.get(name) not in (None, "")), None)


@dataclass(frozen=True, slots=True)
class LogError:
    """One error or exception in a log, whole."""

    text: str  # the line, with the stack that belongs to it
    message: str  # its last or its only sentence
    number: int  # line in the log since the deployment, from 1
    signature: str  # the same for the same fault with other values
    status: int = 0  # of the request that it was logged for, 0 where it does not say
    stack: bool = False  # whether it is an exception

    @property
    def of_client(self) -> bool:
        """Tell whether it only says that a client was refused (4xx), which is no fault of the application."""
        return not self.stack and _CLIENT_ERROR <= self.status < _SERVER_ERROR


def errors_in(lines: Sequence[LogLine], level_field: str = "level") -> list[LogError]:
    """Return every error of a log: lines of a bad level, lines with a stack, and stack traces in plain text."""
    found: list[LogError] = []
    index = 0
    while index < len(lines):
        line = lines[index]
        data = parsed(line.text)
        taken = 1
        error = _of_json(line, data, level_field) if data is not None else None
        if data is None and (_STACK_HEAD.search(line.text) or _LEVEL_WORD.search(line.text)):
            taken = _stack_length(lines, index)
            error = _of_text(lines[index : index + taken])
        if error:
            found.append(error)
        index += taken
    return found


def _of_json(line: LogLine, data: dict[str, Any], level_field: str) -> LogError | None:
    stack = next((str(value) for name in _STACKS if _is_stack(value := field_of(data, name))), "")
    bad = level_of(data, level_field) in _BAD_LEVELS
    message = next((str(value) for name in _MESSAGES if (value := field_of(data, name))), "")
    if not stack and _PYTHON_HEAD in message:
        stack = message
    if not bad and not stack:
        return None
    status = next((v for name in _STATUSES if isinstance(v := field_of(data, name), int)), 0)
    last = _last_sentence(stack) if stack else message or line.text
    text = f"{message}\n{stack}".strip() if stack else line.text
    return LogError(text, last, line.number, signature_of(last), status, bool(stack))


def _is_stack(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _of_text(lines: Sequence[LogLine]) -> LogError:
    text = "\n".join(line.text for line in lines).rstrip()
    stack = len(lines) > 1 or bool(_STACK_HEAD.search(lines[0].text))
    last = _last_sentence(text) if stack else lines[0].text
    return LogError(text, last.strip(), lines[0].number, signature_of(last), 0, stack)


def _stack_length(lines: Sequence[LogLine], start: int) -> int:
    """Count the lines of the trace that begins at ``start``."""
    index, before = start + 1, lines[start].text
    python = _PYTHON_HEAD in before
    while index < len(lines) and index - start < _MAX_STACK_LINES:
        text = lines[index].text
        if _PYTHON_HEAD in text:
            python = True
        elif not _STACK_BODY.match(text):
            if parsed(text) is not None:
                break
            if python and _PYTHON_END.match(text):
                python = False  # the exception's own line; a chained one may follow
            elif not _RUST_HEAD.search(before):  # whose message stands on the line below
                break
        index, before = index + 1, text
    while index - start > 1 and not lines[index - 1].text.strip():
        index -= 1  # empty lines after it are not part of it
    return index - start


def _last_sentence(stack: str) -> str:
    """Return the line that names the exception: Python's last, else the first that is no frame."""
    lines = [line for line in stack.splitlines() if line.strip()]
    if _PYTHON_HEAD in stack:
        return next(
            (line for line in reversed(lines) if not line.startswith((" ", "\t")) and line.strip(" +|-")),
            lines[-1],
        )
    if _RUST_HEAD.search(lines[0]) and len(lines) > 1:
        return f"{lines[0]} {lines[1]}"
    return lines[0]


def masked(text: str) -> str:
    """Return a text with ``#`` in place of each value: quotations, addresses, numbers, ids."""
    return _VARIABLE.sub("#", text)


def signature_of(message: str) -> str:
    """Return what is the same of a message whatever the values in it."""
    return masked(message).strip()[:80]


def rule_for(signature: str) -> str:
    """Return a regular expression that finds this error again, as it stands between single quotes in YAML."""
    parts = (re.escape(part).replace("\\ ", " ") for part in signature.split("#"))
    return ".*".join(parts).replace("'", "''")


def group(errors: Iterable[LogError]) -> dict[str, list[LogError]]:
    """Return errors by signature, most frequent first."""
    groups: dict[str, list[LogError]] = {}
    for error in errors:
        groups.setdefault(error.signature, []).append(error)
    return dict(sorted(groups.items(), key=lambda item: -len(item[1])))


def project_frame(text: str, project: Path) -> Location | None:
    """Return the project's own file and line in a stack: the innermost frame that is a file of the project."""
    own = [place for file, line in _frames(text) if (place := _in_project(file, line, project))]
    if not own:
        return None
    return own[-1] if _PYTHON_HEAD in text else own[0]  # Python puts the innermost last


def _frames(text: str) -> list[tuple[str, int]]:
    found = []
    for row in text.splitlines():
        for pattern in _FRAMES:
            if match := pattern.search(row):
                found.append((match["file"], int(match["line"])))
                break
    return found


def _in_project(file: str, line: int, project: Path) -> Location | None:
    parts = [part for part in file.split("/") if part not in {"", ".", ".."}]
    shortest = 2 if _FOREIGN.search(file) else 1  # app.py of a library is not the project's app.py
    for length in range(len(parts), shortest - 1, -1):
        tail = "/".join(parts[-length:])
        for home in ("", "src/", "lib/"):
            if (project / home / tail).is_file():
                return Location(f"{home}{tail}", line)
    return None
