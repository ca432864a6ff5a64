"""Signs in an error answer that it shows the application's inside: stack traces, file paths, SQL, versions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["Leak", "leaks"]

_CONTEXT_CHARACTERS: Final = 120
#: Kind → pattern. Each needs the form that only a trace has: a mere word such as "error" is no leak.
_SIGNS: Final[dict[str, re.Pattern[str]]] = {
    kind: re.compile(pattern, re.MULTILINE)
    for kind, pattern in {
        "Python stack trace": r"Traceback \(most recent call last\)|File \\?\"[^\"\n]+\\?\", line \d+",
        "Django or Werkzeug debug page": r"Werkzeug Debugger|You're seeing this error because you have <code>DEBUG = True",
        "Node stack trace": r"\bat (?:async )?(?:[\w$.<>\[\] ]+ \()?(?:file://)?(?:/|[A-Z]:\\|node:)[^\s()]+:\d+:\d+\)?",
        "Java or Kotlin stack trace": r"\bat [\w$.]+\.[\w$<>]+\([\w$]+\.(?:java|kt|scala):\d+\)|\b(?:java|javax|org\.springframework)\.[\w.]+Exception\b",
        "Rust panic": r"thread '[^']*' (?:\(\d+\) )?panicked at|\bsrc/[\w/]+\.rs:\d+:\d+|run with `RUST_BACKTRACE=",
        "Go stack trace": r"goroutine \d+ \[\w+|\bpanic: [^\n]+|/[\w./-]+\.go:\d+\b",
        "PHP error": r"<b>(?:Fatal error|Warning|Notice|Parse error)</b>:|\bin (?:<b>)?/[\w./-]+\.php(?:</b>)? on line|Stack trace:\s*#0",
        "Ruby stack trace": r"[\w/.-]+\.rb:\d+:in [`'‘]|ActionController::\w+|Rack::\w+Error",
        ".NET stack trace": r"\bat [\w.]+\([^)]*\) in [A-Z]?:?[\\/][^\n]+:line \d+|System\.\w+Exception\b|ASP\.NET is configured to show",
        "SQL error": r"SQLSTATE\[?\w{5}|\bORA-\d{5}\b|You have an error in your SQL syntax|(?:sqlite3|psycopg2?|asyncpg|pymysql|sqlalchemy)[\w.]*\.\w*(?:Error|Exception|exc)\b|syntax error at or near \"|(?:relation|column) \"[^\"]+\" does not exist|\[SQL: ",
        "database address": r"\b(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|redis|amqp)(?:\+\w+)?://[^\s\"'<]+",
        "file path": r"(?<![\w/.])/(?:home|Users|usr/(?:local/)?lib|usr/src|opt|srv|var/(?:www|lib|task)|app|code|workspace)/[\w.@+-]+(?:/[\w.@+-]+)*\.(?:py|js|ts|mjs|rs|go|rb|php|java|so|jar)\b|\b[A-Z]:\\(?:[\w .-]+\\)+[\w.-]+\.\w+",
    }.items()
}


@dataclass(frozen=True, slots=True)
class Leak:
    """One sign and the text around it."""

    kind: str
    text: str


def leaks(body: str, sent: str = "") -> tuple[Leak, ...]:
    """Return the signs in a body, one of each kind at most.

    Args:
        body: of an error answer.
        sent: what was sent; a sign that stands there too is an echo, and no leak.
    """
    found = []
    for kind, pattern in _SIGNS.items():
        match = next((m for m in pattern.finditer(body) if m[0] not in sent), None)
        if match:
            begin = max(0, match.start() - _CONTEXT_CHARACTERS // 4)
            found.append(Leak(kind, " ".join(body[begin : match.end() + _CONTEXT_CHARACTERS].split())))
    return tuple(found)
