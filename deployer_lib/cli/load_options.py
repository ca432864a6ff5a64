"""The options of ``deployer load`` as people type them: ours, and those that k6, wrk, vegeta, hey and ab have for the same.

An option that we don't have is answered with ours. Nothing is translated silently: ``-t 30`` is thirty threads to wrk
and half a minute to ab.
"""

from __future__ import annotations

import difflib
import os
import re
from typing import TYPE_CHECKING, Any, Final

from typer.core import TyperCommand

from deployer_lib.cli.output import fail
from deployer_lib.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


__all__ = ["OTHERS", "LoadCommand"]

_AUTH: Final = '--header "Authorization: Basic …"'
_TYPE: Final = '--header "Content-Type: …"'
_ALWAYS: Final = "leave it out, percentiles are always shown"
_REDIRECTS: Final = "leave it out, redirects are not followed"
#: Option of another tool → (whose, what to write instead), in each tool's own spelling.
OTHERS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    # k6
    "-u": (("k6", "--connections"), ("ab", "--method PUT --body-file")),
    "-i": (("k6", "--requests"), ("ab", "--method HEAD")),
    "-s": (("wrk", "--mix"), ("ab", "--timeout"), ("k6", "--stages")),
    "-o": (("hey", "--json"), ("k6", "--json")),
    "--iterations": (("k6", "--requests"),),
    "--stage": (("k6", '--stages "10:5s,100:20s"'),),
    "--rps": (("k6", "--rate"),),
    "--out": (("k6", "--json, or --export for the histogram"),),
    "--summary-export": (("k6", "--json"),),
    "--summary-trend-stats": (("k6", _ALWAYS),),
    "--threshold": (("k6", '--gate "p(95) < 200ms"'),),
    "--thresholds": (("k6", '--gate "p(95) < 200ms"'),),
    "--no-connection-reuse": (("k6", "--no-keep-alive"),),
    "--no-vu-connection-reuse": (("k6", "--no-keep-alive"),),
    "--insecure-skip-tls-verify": (("k6", "--insecure"),),
    "--user-agent": (("k6", '--header "User-Agent: …"'),),
    "--max-redirects": (("k6", _REDIRECTS),),
    # wrk, wrk2
    "--latency": (("wrk", _ALWAYS),),
    "-L": (("wrk2", _ALWAYS),),
    "-U": (("wrk2", "leave it out, service time is always shown beside response time"),),
    "--threads": (("wrk", "--workers"),),
    "--script": (("wrk", "--mix"),),
    # vegeta
    "-rate": (("vegeta", "--rate"),),
    "-duration": (("vegeta", "--duration"),),
    "-workers": (("vegeta", "leave it out, connections are opened as they are needed"),),
    "-max-workers": (("vegeta", "--connections"),),
    "--max-workers": (("vegeta", "--connections"),),
    "-connections": (("vegeta", "--connections"),),
    "-max-connections": (("vegeta", "--connections"),),
    "-timeout": (("vegeta", "--timeout"),),
    "-header": (("vegeta", '--header "Name: value"'),),
    "-body": (("vegeta", "--body-file"),),
    "-targets": (("vegeta", "--mix"),),
    "--targets": (("vegeta", "--mix"),),
    "-lazy": (("vegeta", "leave it out, the list is a file"),),
    "-keepalive": (("vegeta", "--keep-alive or --no-keep-alive"),),
    "-insecure": (("vegeta", "--insecure"),),
    "-root-certs": (("vegeta", "--ca"),),
    "-redirects": (("vegeta", _REDIRECTS),),
    "-output": (("vegeta", "--json, or --export for the histogram"),),
    "-cpus": (("vegeta and hey", "--workers"),),
    "-http2": (("vegeta", "leave it out, HTTP/1.1 is spoken"),),
    # hey
    "-z": (("hey", "--duration"),),
    "-q": (("hey", "--rate, of all connections together"), ("k6 and ab", "2>/dev/null")),
    "-m": (("hey", "--method"), ("ab", "--method")),
    "-D": (("hey", "--body-file"),),
    "-T": (("hey and ab", _TYPE),),
    "-A": (("hey", '--header "Accept: …"'), ("ab", _AUTH)),
    "-a": (("hey", _AUTH),),
    "-h2": (("hey", "leave it out, HTTP/1.1 is spoken"),),
    "-host": (("hey", "leave it out, the Host header is that of the URL"),),
    "-disable-keepalive": (("hey", "--no-keep-alive"),),
    "-disable-compression": (("hey", "leave it out, no compression is asked for"),),
    "-disable-redirects": (("hey", _REDIRECTS),),
    # ab
    "-k": (("ab", "leave it out, connections are used again unless --no-keep-alive"), ("curl", "--insecure")),
    "-p": (("ab", "--body-file"),),
    "-C": (("ab", '--header "Cookie: …"'),),
    "-e": (("ab", "--export"),),
    "-g": (("ab", "--export"),),
    "-l": (("ab", "leave it out, lengths may differ"),),
    "-r": (("ab", "--expect-errors"),),
}
#: First words of other tools.
_VERBS: Final = {"run": "k6", "attack": "vegeta"}
_BARE: Final = "://"
#: So many processes are no slip of the pen, on a machine of fewer cores too.
_FEW_WORKERS: Final = 4


class LoadCommand(TyperCommand):
    """Know other tools' options, and take ``--yes`` with or without the name of an environment."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401  (typer keeps the class to itself)
        """Look at the words before they are parsed."""
        try:
            self._refuse_foreign(args)
        except UsageError as error:
            fail(error, 2)
        return super().parse_args(ctx, list(_with_yes(args)))

    def _refuse_foreign(self, args: list[str]) -> None:
        own, takes = self._own()
        rest = iter(args)  # an option takes its value off it, which is not looked at
        for number, word in enumerate(rest):
            if word == "--":
                return
            if not number and word in _VERBS:
                raise UsageError(
                    f"deployer load takes no {word}, as {_VERBS[word]} does.",
                    hint="deployer load URL --connections 10 --duration 30s",
                )
            if word.startswith("-") and word != "-":
                name = _known(word, own)
                apart = name == word and name in takes and name != "--yes"
                value = next(rest, "") if apart else word[len(name) :]
                if name in _MISTAKEN:
                    _MISTAKEN[name](value)

    def _own(self) -> tuple[frozenset[str], frozenset[str]]:
        """Return the spellings of all options, and of those that take a value."""
        own, takes = {"--help"}, set[str]()
        for param in self.params:
            if param.param_type_name == "option":
                own |= {*param.opts, *param.secondary_opts}
                takes |= set() if getattr(param, "is_flag", False) else set(param.opts)
        return frozenset(own), frozenset(takes)


def _known(word: str, own: frozenset[str]) -> str:
    """Return the name of one of our options in a word.

    Raises:
        UsageError: it is none.
    """
    name = word.partition("=")[0]
    if name in own:
        return name
    if name not in OTHERS and re.match(r"-[A-Za-z]", word) and word[:2] in own and not _foreign_long(name):
        return word[:2]  # with its value: -d30s
    if re.match(r"-[A-Za-z]\d", name):
        name = word[:2]  # -z30s
    if name in OTHERS:
        ways = [
            f"{tool}'s {name}{' is' if ours.startswith('-') else ':'} {ours}" for tool, ours in OTHERS[name]
        ]
        raise UsageError(f"deployer load has no option {name}.", hint=f"{'; '.join(ways)}.")
    near = difflib.get_close_matches(f"-{name}" if _foreign_long(name) else name, own, n=1, cutoff=0.6)
    guess = f"Did you mean {near[0]}? " if near else ""
    raise UsageError(f"deployer load has no option {name}.", hint=f"{guess}deployer load --help lists them.")


def _foreign_long(name: str) -> bool:
    """Tell whether a word is a whole name behind one dash, as Go's tools have it."""
    return re.fullmatch(r"-[a-z][a-z0-9]*[a-z-]{3,}", name) is not None


def _refuse_a_time(value: str) -> None:
    """Refuse ``-t 30`` on a machine with fewer cores: it was a time."""
    cores = os.cpu_count() or 1
    if not value.isdigit() or int(value) <= max(cores, _FEW_WORKERS):
        return
    raise UsageError(
        f"-t {value} is {value} processes, as wrk's threads are, and this machine has {cores} cores.",
        hint="hey's -t is --timeout, ab's is --duration; so many processes are --workers.",
    )


def _refuse_a_body(value: str) -> None:
    """Refuse ``-d '{"id": 7}'``: hey and curl mean a body."""
    if value.lstrip("'\"")[:1] in {"{", "[", "@", "<"} or "=" in value:
        raise UsageError(
            f"{value!r} is not a duration.", hint="hey's and curl's -d is --body; ours is --duration."
        )


#: Options that are ours, and mean something else elsewhere.
_MISTAKEN: Final = {"-t": _refuse_a_time, "-d": _refuse_a_body}


def _with_yes(args: list[str]) -> Iterator[str]:
    """Give ``--yes`` that names no environment an empty value; a URL after it is the command's own."""
    for place, word in enumerate(args):
        following = args[place + 1] if place + 1 < len(args) else ""
        bare = not following or following.startswith("-") or _BARE in following
        yield "--yes=" if word == "--yes" and bare else word
