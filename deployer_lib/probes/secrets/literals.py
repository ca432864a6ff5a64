"""Find literals that are given to secret-looking names, in code and in configuration files; line by line, in any language."""

from __future__ import annotations

import ast
import re
import shlex
import warnings
from typing import TYPE_CHECKING, Final

from deployer_lib.catalogue import Severity
from deployer_lib.probes.secrets.model import Candidate, Origin
from deployer_lib.probes.secrets.names import is_password_name, is_signing_name, names_secret
from deployer_lib.probes.secrets.values import (
    is_human_password,
    is_random,
    is_reference,
    is_uuid,
    listed,
    same_words,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CODE", "CONFIGURATION", "foreign_lines", "literals", "pairs"]

CODE: Final = listed(
    ".py .pyw .js .jsx .mjs .cjs .ts .tsx .mts .cts .vue .svelte .astro .go .rs .rb .rake .ru .php .phtml .ex .exs .java .kt .kts .groovy .scala "
    ".cs .vb .fs .swift .m .dart .c .cc .cpp .h .hpp .lua .pl .pm .r .sh .bash .zsh .ksh .ps1 .bat .sql .gradle .tf .erb .ejs .hbs .jsp .cshtml"
)
CONFIGURATION: Final = listed(
    ".yml .yaml .json .jsonc .json5 .toml .ini .cfg .conf .config .properties .xml .env .tfvars .hcl .plist .settings .prefs .service .socket .container"
)
_SHELLS: Final = listed(".sh .bash .zsh .ksh .ps1 .bat")
_HINT: Final = re.compile(
    r"secret|passw|passphrase|token|key|credential|pwd|dsn|\bpass\b|_pass\b|_pw\b|cookieparser|jwt\.|hmac|authorization",
    re.IGNORECASE,
)
_LONGEST: Final = 600  # characters of a line that somebody wrote by hand
_SHORT: Final = 5000
_DENSE: Final = 160  # characters of a line on average
_TEXT: Final = r"""(?:"(?P<d>(?:[^"\\\n]|\\.)*)"|'(?P<s>(?:[^'\\\n]|\\.)*)'|`(?P<b>[^`\n]*)`)"""
_WRAP: Final = r"(?:(?:\[\]byte|new\s+\w+|[A-Za-z_][\w.]*(?:\.from|encode|String|Bytes|bytes|Some|Secret|SecretStr|GetBytes|of|new)|b64decode|Some|Secret)\s*\(|[bru]{1,2}(?=[\"'])|@(?=\"))?"
_PAIR: Final = re.compile(
    r"""(?<![\w$])(?P<q>["'`]?)(?P<name>[A-Za-z_$][\w$.-]*)(?P=q)\]?[?!]?\s*"""
    r"""(?::\s*[A-Za-z_&\[\]][\w<>\[\]&|?'., ]*?\s*(?<![=!<>+*/%-])=(?![=>~])|(?<![=!<>+*/%:-])=>?(?![=~])|:=|:(?!:))\s*"""
    + _WRAP
    + _TEXT
    + r"(?=(?P<tail>[^\n]{0,40}))"
)
_DEFINE: Final = re.compile(
    r"""\b(?:define|putenv|setenv|set|config\.set|app\.set)\(\s*["'](?P<name>[\w.-]+)["']\s*,\s*"""
    + _TEXT
    + r"(?=(?P<tail>[^\n]{0,40}))"
)
_XML: Final = re.compile(
    r"""<(?:add|property|entry|setting|env)\b[^>]*?\b(?:key|name)="(?P<name>[\w.:-]+)"[^>]*?\bvalue="(?P<d>[^"]*)"|<(?P<name2>[\w.:-]+)>(?P<s>[^<>\n]+)</(?P=name2)>"""
)
_PLAIN: Final = re.compile(
    r"""^\s*(?:-\s+)?(?:export\s+|ENV\s+|ARG\s+|set\s+)?["']?(?P<name>[A-Za-z_][\w.-]*)["']?(?:\s*[:=]\s*|(?<=\w)\s+(?=\S+$))(?P<value>[^\s"'#`][^\n]*?)\s*(?:\s#[^\n]*)?$"""
)
#: systemd's units and quadlets: several variables on one line.
_UNIT: Final = re.compile(r"^\s*Environment=(?P<pairs>.+)$")
#: A key that is passed to the function that signs with it: by the function's name, the argument is known.
_CALLS: Final = (
    re.compile(
        r"\bjwt\.(?:sign|encode|verify|decode)\(\s*(?:\{[^{}]*\}|[\w.]+(?:\([\w., ]*\))?)\s*,\s*"
        + _TEXT
        + r"(?=(?P<tail>[^\n]{0,20}))"
    ),
    re.compile(
        r"\b(?:cookieParser|signedCookies|SymmetricSecurityKey|hmacShaKeyFor|NewCookieStore|Keygrip)\(\s*(?:\[\]byte\(|[\w.]+\()?\[?"
        + _TEXT
        + r"(?=(?P<tail>[^\n]{0,20}))"
    ),
    re.compile(r"\bcreateHmac\(\s*[\"'][\w-]+[\"']\s*,\s*" + _TEXT + r"(?=(?P<tail>[^\n]{0,20}))"),
    re.compile(r"\bJWT\.(?:encode|decode)\(?\s*[\w.]+\s*,\s*" + _TEXT + r"(?=(?P<tail>[^\n]{0,20}))"),
)
_HEADER: Final = re.compile(
    r"""\bAuthorization["']?\]?\s*[:=,]\s*["'`](?:Bearer|Token|Basic|ApiKey)\s+(?P<value>[\w.~+/=-]{16,})["'`]""",
    re.IGNORECASE,
)
_SESSIONS: Final = re.compile(
    r"jsonwebtoken|express-session|cookie-session|@nestjs/jwt|JwtModule|iron-session|passport-jwt|koa-session|@fastify/(?:jwt|cookie|session)"
)
_COMMENT: Final = re.compile(r"^\s*(?://|#(?!\{)|\*|/\*|<!--|--|;|%|REM\b|\"\"\"|''')")
#: What a text that is put together, compared or looked up goes on with.
_GOES_ON: Final = re.compile(
    r"^\s*(?:\+|%(?!>)|\.(?!\s*(?:to_?string|to_?owned|into|encode|getBytes|toCharArray|as_bytes|to_vec|freeze|unwrap))|\?|\[|\.\.)"
)
_NAME_OF_VARIABLE: Final = re.compile(r"^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$")
_IDENTIFIER: Final = re.compile(
    r"^[A-Za-z_][\w]*(?:[.:/][A-Za-z_][\w-]*)+$|^--?[a-z-]+$|^[a-z]+[A-Z]\w*(?:Id|Name|Key|Token)$"
)
_REFUSED: Final = re.compile(
    r"placeholder|forbidden|disallow|insecure|weak|black_?list|deny_?list|block_?list|well_?known|unsafe|compromised",
    re.IGNORECASE,
)
_LIST_LINES: Final = 8
_UNIT_TESTS: Final = re.compile(r"^\s*#\[cfg\((?:test|all\(test|any\(test)")


def literals(text: str, suffix: str, *, configuration: bool) -> Iterator[Candidate]:
    """Yield the literals under secret-looking names that a reviewer would call secrets.

    Args:
        text: of the file.
        suffix: of its name, with the dot.
        configuration: whether values may stand without quotes.
    """
    if len(text) > _SHORT and len(text) / (text.count("\n") + 1) > _DENSE:
        return  # made by a bundler
    sessions = _SESSIONS.search(text) is not None
    plain = configuration or suffix in _SHELLS  # what a script exports is a value for the run that it makes
    for number, line in pairs_lines(text, suffix):
        seen: set[str] = set()
        for name, value in pairs(line, plain=configuration):
            candidate = _judged(name, value, number, sessions=sessions, plain=plain)
            if candidate is not None and value not in seen and not _is_refused(candidate, text):
                seen.add(value)
                yield candidate
        if not configuration:
            yield from (c for c in _passed(line, number) if c.value not in seen)


def _is_refused(candidate: Candidate, text: str) -> bool:
    """Tell whether a value of words stands in a list of those that the service does not start with."""
    if candidate.kind == "secret literal":
        return False
    lines = text.split("\n")[max(0, candidate.line - 1 - _LIST_LINES) : candidate.line]
    return any(_REFUSED.search(line) for line in lines)


def pairs_lines(text: str, suffix: str) -> Iterator[tuple[int, str]]:
    """Yield the lines, with their numbers, that may give a secret: no comment, no documentation, no unit test."""
    left_out, position = None, 0
    while hit := _HINT.search(text, position):
        start, end = text.rfind("\n", 0, hit.start()) + 1, text.find("\n", hit.end())
        position = end if end >= 0 else len(text)
        line = text[start:position]
        if len(line) > _LONGEST or _COMMENT.match(line):
            continue
        left_out = foreign_lines(text, suffix) if left_out is None else left_out
        number = text.count("\n", 0, start) + 1
        if number not in left_out:
            yield number, line


def pairs(line: str, *, plain: bool) -> Iterator[tuple[str, str]]:
    """Yield what a line gives to which name.

    Args:
        line: one line.
        plain: whether values may stand without quotes, as in YAML and in .env files.
    """
    for pattern in (_PAIR, _DEFINE):
        for match in pattern.finditer(line):
            if not _GOES_ON.match(match["tail"]) and not _is_argument(line, match):
                yield match["name"], _unquoted(match)
    for match in _XML.finditer(line):
        yield match["name"] or match["name2"], match["d"] or match["s"] or ""
    if plain and (unit := _UNIT.match(line)):
        yield from _several(unit["pairs"])
    elif plain and (bare := _PLAIN.match(line)):
        yield bare["name"], bare["value"].rstrip(",; ")


def _several(written: str) -> Iterator[tuple[str, str]]:
    """Yield each of ``"A=x" "B=y" C=z``, as a unit's line gives them."""
    try:
        words = shlex.split(written)
    except ValueError:
        words = written.split()
    for word in words:
        name, equals, value = word.partition("=")
        if equals and value:
            yield name, value


def foreign_lines(text: str, suffix: str) -> frozenset[int]:
    """Return the lines that do not run in production: Python's docstrings, Rust's unit tests."""
    if suffix == ".py":
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # an invalid escape in somebody's code is not ours to tell
                tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return frozenset()
        texts = [n for n in ast.walk(tree) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)]
        return frozenset(i for n in texts for i in range(n.lineno, (n.end_lineno or n.lineno) + 1))
    return _unit_tests(text.split("\n")) if suffix == ".rs" and "#[cfg(" in text else frozenset()


def _unit_tests(lines: list[str]) -> frozenset[int]:
    """Return the lines of what stands under ``#[cfg(test)]``: up to the brace that closes at the same indentation."""
    found: set[int] = set()
    for index, line in enumerate(lines):
        if index + 1 not in found and _UNIT_TESTS.match(line):
            close = line[: len(line) - len(line.lstrip())] + "}"
            for offset, inner in enumerate(lines[index:]):
                found.add(index + offset + 1)
                if inner.startswith(close):
                    break
    return frozenset(found)


def _is_argument(line: str, match: re.Match[str]) -> bool:
    """Tell whether ``name: "text"`` only tells what a thing is called, of what type, or in a list of choices."""
    before = line[: match.start()]
    return (
        before.rstrip().endswith(("?", "case", "|"))
        or re.search(r"\b(?:if|elif|when|assert|expect)\b[^=]*$", before) is not None
    )


def _unquoted(match: re.Match[str]) -> str:
    groups = match.groupdict()
    return next((groups[key] for key in "dsb" if groups.get(key) is not None), "") or ""


def _judged(name: str, value: str, line: int, *, sessions: bool, plain: bool) -> Candidate | None:
    """Return what a reviewer would say of ``name = value``, None where nothing."""
    bare = name == "secret" and sessions
    if not value or is_reference(value) or _NAME_OF_VARIABLE.match(value) or not (names_secret(name) or bare):
        return None
    if is_random(value):
        id_ = is_uuid(value) and not _UUID_NAME.search(name)
        return None if id_ else Candidate("secret literal", line, value, Origin.LITERAL, name=name)
    if _IDENTIFIER.match(value) or (same_words(name, value) and not bare):
        return None
    if (is_signing_name(name) or bare) and not plain and _is_key_of_words(value):
        return Candidate("guessable key", line, value, Origin.LITERAL, name=name)
    if is_password_name(name) and is_human_password(value):
        return Candidate("literal password", line, value, Origin.LITERAL, Severity.HIGH, name)
    return None


#: Names under which a UUID is a key, and not somebody's id.
_UUID_NAME: Final = re.compile(r"api_?key|secret$|secret_?key|auth_?token|access_?token", re.IGNORECASE)
_MIN_WORDS: Final = 4
_MAX_WORDS: Final = 100
_NO_KEY: Final = re.compile(
    r"^[\W\d]|[^\w!]$|^tests?$|[-_ ]tests?$|://|[:;,(){}]|\.\w+$|^(?:none|null|nil|undefined|true|false|string|number|auto|required|optional)$",
    re.IGNORECASE,
)
_MAX_SPACES: Final = 4  # more make a sentence


def _is_key_of_words(value: str) -> bool:
    return (
        _MIN_WORDS <= len(value) <= _MAX_WORDS
        and _NO_KEY.search(value) is None
        and value.count(" ") <= _MAX_SPACES
    )


def _passed(line: str, number: int) -> Iterator[Candidate]:
    for header in _HEADER.finditer(line):
        if is_random(header["value"]):
            yield Candidate("token in a header", number, header["value"], Origin.LITERAL)
    for pattern in _CALLS:
        for match in pattern.finditer(line):
            value = _unquoted(match)
            if _GOES_ON.match(match["tail"]) or is_reference(value):
                continue
            if is_random(value) or _is_key_of_words(value):
                kind = "secret literal" if is_random(value) else "guessable key"
                yield Candidate(kind, number, value, Origin.LITERAL, Severity.CRITICAL)
