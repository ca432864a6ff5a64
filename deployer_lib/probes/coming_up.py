"""The application that answers: does it keep answering (D2), and is it the one that was deployed (D5)?"""

from __future__ import annotations

import re
import secrets
import time
from typing import TYPE_CHECKING, Final

from deployer_lib.check import Code, Fix, Location, Result, Skip, errored, failed, passed, skipped
from deployer_lib.errors import RequestFailed, Unavailable
from deployer_lib.expect import holds, values_of
from deployer_lib.probes.asking import not_declared
from deployer_lib.probes.context import probe
from deployer_lib.probes.sources import sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from deployer_lib.app.http import Answer
    from deployer_lib.app.target import Artifact
    from deployer_lib.check import JSONValue
    from deployer_lib.probes.context import Context

__all__ = ["keeps_answering", "right_version"]

_ASKED: Final = 5
_OVER_S: Final = 2.0
_TOLD: Final = (
    "request",
    "status",
    "elapsed_ms",
    "bytes",
    "failed",
)  # of each answer; the last is kept as a whole
_SHORT_COMMIT: Final = 7  # git's shortest abbreviation
_COMMIT: Final = re.compile(r"^[0-9a-fA-F]{7,64}$")  # "unknown" and the like tell nothing
#: What an answer may call each fact; letters only, in lower case.
_KEYS: Final[dict[str, frozenset[str]]] = {
    "build_id": frozenset({"buildid", "build", "buildnumber"}),
    "commit": frozenset({"commit", "commitid", "commithash", "commitsha", "gitcommit", "gitsha", "sha", "revision", "gitrevision", "vcsrevision"}),
    "version": frozenset({"version", "appversion", "release", "releaseversion"}),
}  # fmt: skip


@probe("deploy.ready")
def keeps_answering(ctx: Context) -> Iterable[Result]:
    """Ask a path that nobody has (a control), then the ready path several times over two seconds."""
    ready, pids = ctx.parameters.deploy.ready, _pids(ctx)
    control = ctx.http.get(f"/deployer-{secrets.token_hex(8)}")
    seen: list[JSONValue] = []
    observed: dict[str, JSONValue] = {}
    for number in range(_ASKED):
        if number:
            time.sleep(_OVER_S / (_ASKED - 1))
        ctx.progress(f"asking {ready.path}, {number + 1} of {_ASKED}")
        wrong, observed, answer = _ask(ctx)
        seen.append({name: observed[name] for name in _TOLD if name in observed})
        if wrong:
            yield _not_ready(ctx, number, wrong, seen)
            return
    after = _pids(ctx)
    evidence: dict[str, JSONValue] = {
        "answers": seen,
        "over_s": _OVER_S,
        "control_status": control.status,
        "pids": [*after],
        "last": {**observed},
    }
    if pids != after:
        yield _not_ready(ctx, _ASKED, f"the process changed from {pids} to {after} meanwhile", seen)
    elif answer is not None and _same(control, answer):
        yield _answers_anything(ctx, control, evidence)
    else:
        yield passed(
            f"GET {ready.path} was answered {ready.status} {_ASKED} of {_ASKED} times.",
        ).observing(evidence)


def _pids(ctx: Context) -> list[int]:
    try:
        return sorted(one.pid for one in ctx.target.instances() if one.pid is not None)
    except Unavailable:
        return []


def _ask(ctx: Context) -> tuple[str, dict[str, JSONValue], Answer | None]:
    """Return what was wrong (empty: nothing), what was observed, and the answer."""
    ready = ctx.parameters.deploy.ready
    try:
        answer = ctx.http.get(ready.path, timeout_s=ready.within_s)
    except RequestFailed as error:
        return error.message, {"request": f"GET {ready.path}", "failed": error.kind}, None
    observed = answer.observed()
    if answer.status != ready.status:
        return f"status {answer.status}, not {ready.status}", observed, answer
    if ready.expect:
        held = holds(ready.expect, values_of(answer), show=ctx.http.level == "full")
        if held.held is not True:
            return f"{ready.expect} does not hold: {held.why}", observed, answer
    return "", observed, answer


def _same(control: Answer, answer: Answer) -> bool:
    return control.status == answer.status and control.body == answer.body


def _not_ready(ctx: Context, number: int, wrong: str, seen: list[JSONValue]) -> Result:
    ready = ctx.parameters.deploy.ready
    return failed(
        f"GET {ready.path} stopped answering as declared after {number} answers: {wrong}",
        root_cause="The application came up and did not stay up: it ended, was started again, or lost what it needs.",
        impact="A load balancer that asks the same path takes it in and throws it out again; users see errors.",
        fix=Fix(
            ("Read the log since the start; the request that failed is its last.", "Run the check again."),
            (
                Code(
                    "",
                    f"for i in 1 2 3 4 5; do curl -sS -w '%{{http_code}}\\n' {ctx.http.base_url}{ready.path}; sleep 0.5; done",
                    language="bash",
                ),
            ),
            "https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/",
            30,
        ),
        locations=sources(ctx).route(ready.path),
        answers=seen,
        answered=number,
    )


def _answers_anything(ctx: Context, control: Answer, evidence: dict[str, JSONValue]) -> Result:
    path = ctx.parameters.deploy.ready.path
    return failed(
        f"A path that nobody has is answered {control.status} with the same body as {path}, so {path} says nothing.",
        root_cause=f"There is no route {path}: a catch-all (of a single-page application, say) answers everything.",
        impact="A broken application counts as up, for this check and for every load balancer.",
        fix=Fix(
            (
                f"Declare a path that only a working application answers, or add a route {path} before the catch-all.",
            ),
            (
                Code(
                    f"parameters/{ctx.parameters.environment}.yaml",
                    'deploy:\n  ready:\n    path: /health\n    expect: json.status == "ok"',
                    language="yaml",
                ),
            ),
            "https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/",
            20,
        ),
        locations=sources(ctx).route(path),
    ).observing(evidence)


@probe("deploy.version")
def right_version(ctx: Context) -> Iterable[Result]:
    """Compare what the application says of itself with what was deployed, value by value."""
    path, live = ctx.parameters.deploy.ready.version_path, ctx.live
    if not path:
        yield skipped(Skip.UNAVAILABLE, not_declared("deploy.ready.version_path", "deploy.version"))
        return
    if live is None:
        yield errored("nothing is deployed: run 03 first")
        return
    commit = live.artifact.get("commit", "").rstrip("+")
    deployed = {
        "build_id": live.build_id,
        "commit": commit if _COMMIT.match(commit) else "",
        "version": live.version or live.artifact.get("version", ""),
    }
    answer = ctx.http.get(path)
    said = _said(answer)
    evidence: dict[str, JSONValue] = {
        "deployed": {**deployed},
        "answered": {**said},
        "observed": {**answer.observed()},
    }
    compared = {name: said[name] for name, value in deployed.items() if value and name in said}
    wrong = [name for name, value in compared.items() if not _equal(name, value, deployed[name])]
    if wrong:
        yield _another(ctx, wrong[0], said[wrong[0]], deployed[wrong[0]], evidence)
    elif not compared:
        yield errored(
            f"GET {path} ({answer.status}) names none of version, build id and commit that could be compared",
            root_cause="It must answer JSON with at least one of these, and the same must be known of what was deployed.",
        ).observing(evidence)
    elif set(compared) == {"version"} and _same_label(ctx.target.previous(), deployed["version"]):
        yield errored(
            f"version {deployed['version']} answers, and the release before had the same label",
            root_cause="Only a build id or a commit tells the two apart.",
        ).observing(evidence)
    else:
        yield passed(
            f"{', '.join(compared)} answered by {path} are those deployed.",
        ).observing(evidence)


def _said(answer: Answer) -> dict[str, str]:
    try:
        document = answer.json()
    except ValueError:
        return {}
    found: dict[str, str] = {}
    for key, value in _leaves(document, ""):
        for name, keys in _KEYS.items():
            if key in keys:
                found.setdefault(name, value)
    if not re.fullmatch(r"[0-9a-fA-F]+", _bare(found.get("commit", ""))):
        found.pop("commit", None)  # "unknown" says nothing of what runs
    return found


def _bare(commit: str) -> str:
    """Return a commit without a build's mark for changes of its own."""
    return re.sub(r"(\+|-dirty)$", "", commit)


def _leaves(value: JSONValue, key: str) -> Iterator[tuple[str, str]]:
    """Yield ``(key in letters, text)``; ``{"commit": {"id": …}}`` counts as commit."""
    if isinstance(value, dict):
        for name, inner in value.items():
            letters = re.sub(r"[^a-z]", "", name.lower())
            yield from _leaves(inner, key if letters in {"id", "hash", "value"} and key else letters)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield key, str(value)


def _equal(name: str, said: str, deployed: str) -> bool:
    """Compare exactly; a commit may be abbreviated, and a build's mark for uncommitted changes is no part of it."""
    if name != "commit":
        return said == deployed
    said = _bare(said)
    short, long = sorted((said, deployed), key=len)
    return len(short) >= _SHORT_COMMIT and long.startswith(short)


def _same_label(previous: Artifact | None, version: str) -> bool:
    return previous is not None and previous.version == version


def _another(ctx: Context, name: str, said: str, deployed: str, evidence: dict[str, JSONValue]) -> Result:
    path = ctx.parameters.deploy.ready.version_path
    return failed(
        f"{path} answers {name} {said}, and {deployed} was deployed.",
        root_cause="The old version still answers (its process, a cache or another machine), or the value is written "
        "into the code instead of being taken from the build.",
        impact="Everything that this run verifies would be verified against the wrong version.",
        fix=Fix(
            (
                "Find out whose answer it is: the process that listens, and the release that it was started from.",
                f"Take {name} from the build, not from a constant.",
            ),
            (Code("", f"curl -sS {ctx.http.base_url}{path}", language="bash"),),
            "https://12factor.net/build-release-run",
            30,
        ),
        locations=_places(ctx, path, said),
    ).observing(evidence)


def _places(ctx: Context, path: str, said: str) -> tuple[Location, ...]:
    found = sources(ctx)
    return (*found.locate(f'"{said}"', f"'{said}'", limit=2), *found.route(path))[:3]
