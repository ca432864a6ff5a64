"""What an application prints may be about people: at evidence level ``shape`` nothing of that gets into a record."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from deployer_lib.app.target import Deployment, LogLine, StepDone
from deployer_lib.check import Outcome
from deployer_lib.probes.deploying import clean_start_log, deploy
from deployer_lib.probes.log_lines import errors_in, masked, rule_for, signature_of
from deployer_lib.probes.printed import shown_cause, shown_line, shown_message, shown_output, shown_stack

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer_lib.probes.context import Context
    from tests.conftest import Root

MAIL, CARD = "ada.lovelace@people.example", "4111 1111 1111 1111"
#: Pieces long enough that no digest, picture or time holds one by chance: four digits alone once stood in a chart.
PERSONAL = (MAIL, "ada.lovelace", CARD, "4111 1111", "1111 1111", "41111111")
SAID = f"card {CARD} of {MAIL} was refused"
#: Says it in a way that its own text does not hold, since a trace quotes the line that raised.
SAYS = f"import base64\nsaid = base64.b64decode('{base64.b64encode(SAID.encode()).decode()}').decode()\n"


def lines(*texts: str) -> list[LogLine]:
    return [LogLine(text, "process.log", number) for number, text in enumerate(texts, 1)]


def held(value: object) -> list[str]:
    """Return what a value shows of the person."""
    return [word for word in PERSONAL if word in repr(value)]


@pytest.mark.parametrize("level", ["shape", "headers"])
def test_an_output_becomes_signatures_and_places(level: str, context: Callable[..., Context]) -> None:
    """Below ``full`` an error is its signature and its place, everything else a count."""
    ctx = context("http://127.0.0.1:9", level=level)
    (ctx.workspace / "shop.py").write_text("\n" * 9)
    text = f'hello {MAIL}\nTraceback (most recent call last):\n  File "shop.py", line 7, in pay\n    pay()\nValueError: {SAID}'
    assert "5 lines, kept as their shape\nline 2: ValueError: card # # # # of # was refused (shop.py:7)" == (
        shown_output(ctx, text, 9_999)
    )
    error = errors_in(lines(*text.splitlines()))[0]
    assert "ValueError: card # # # # of # was refused (shop.py:7)" == shown_stack(ctx, error, 9_999)
    cause = shown_cause(ctx, text)
    assert ("ValueError: card # # # # of # was refused",) * 2 == (cause.text, cause.line)
    assert "43 characters" == shown_line(ctx, "x" * 43, 9)


def test_at_full_it_is_whole(context: Callable[..., Context]) -> None:
    """Who may see everything sees everything: the error message is what a fix begins with."""
    ctx = context("http://127.0.0.1:9")
    text = f"ValueError: {SAID}"
    assert text == shown_output(ctx, text, 9_999)
    assert text == shown_cause(ctx, text).line
    assert text == shown_stack(ctx, errors_in(lines(text))[0], 9_999)


def test_an_output_without_an_error_is_its_last_line(context: Callable[..., Context]) -> None:
    """A process that gives up in its own words has the signature of its last line; a silent one has none."""
    ctx = context("http://127.0.0.1:9", level="shape")
    assert "2 lines, kept as their shape\nline 1: no more money on #" == shown_output(
        ctx, f"no more money on {MAIL}\n\n", 99
    )
    assert "0 lines, kept as their shape" == shown_output(ctx, "", 99)


@pytest.mark.parametrize(
    "output", [f"OSError: Address already in use by {MAIL}", f"Permission denied: /home/{MAIL}/{CARD}"]
)
def test_a_known_cause_quotes_nothing(output: str, context: Callable[..., Context]) -> None:
    """What a pattern took out of the output is masked in the cause, and stands in no step of the fix."""
    cause = shown_cause(context("http://127.0.0.1:9", level="shape"), output)
    assert [] == held(cause)


def test_an_apostrophe_opens_no_quotation() -> None:
    """``can't`` must not turn what is quoted and what is not inside out."""
    assert "can't find # for #" == masked("can't find 'Ada' for 'Grace'")
    assert "KeyError: #" == signature_of("KeyError: 'total'")
    assert "b# is no number" == signature_of("b'12' is no number")


def test_a_rule_finds_its_error_again() -> None:
    """What a finding offers for health.logs.allow is YAML, and matches."""
    assert r"can''t pay .* with .*" == rule_for("can't pay # with #")


def test_the_last_answer_is_not_shown(context: Callable[..., Context]) -> None:
    """A start that never became ready says what was answered last: the status without the body."""
    ctx = context("http://127.0.0.1:9", level="shape")
    said = (
        "The application did not come up: /health did not answer 200 1 times in a row within 1 s; last: 503"
    )
    assert f"{said}." == shown_message(ctx, f"{said} {SAID!r}.")
    expected = f"""{said}, but not json.status == "ok": {SAID!r} (it was never told its port)."""
    assert f"{said} (it was never told its port)." == shown_message(ctx, expected)
    assert expected == shown_message(context("http://127.0.0.1:9"), expected)


class Deploys:
    """A target that only says what a deployment came to."""

    kind = "process"

    def __init__(self, done: Deployment) -> None:
        self.done = done

    def deploy(self, *_: object) -> Deployment:
        return self.done

    def variable_names(self) -> frozenset[str]:
        return frozenset()

    def logs(self, since: int = 0) -> list[LogLine]:
        return lines(f"ERROR {SAID}")[since:]


def test_what_a_step_printed_stays(context: Callable[..., Context]) -> None:
    """A step's command is a tool: its message is the only hint, and is shown at every level."""
    ctx: Any = context("http://127.0.0.1:9", level="shape", deploy={"kind": "process", "start": ["x"]})
    step = StepDone("push", ("push",), 3, 0.1, "error: registry.example/shop:1.2 was refused")
    ctx.target = Deploys(Deployment(ok=False, message="The step push ended with 3.", steps=(step,)))
    (found,) = list(deploy(ctx))
    assert Outcome.FAIL is found.outcome
    assert "error: registry.example/shop:1.2 was refused" in found.message
    assert step.output == found.evidence["output"]
    assert found.evidence["whole_output"]


def test_the_start_log_is_grouped_by_signature(context: Callable[..., Context]) -> None:
    """The finding says what went wrong, its number of times and where; the person is nowhere in it."""
    ctx: Any = context("http://127.0.0.1:9", level="shape", deploy={"kind": "process", "start": ["x"]})
    ctx.target = Deploys(Deployment(ok=True, message="The application is up."))
    (found,) = list(clean_start_log(ctx))
    assert "The start-up log holds 1 × 'ERROR card # # # # of # was refused'." == found.message
    assert [] == held(found)


STARTS = f"{SAYS}print('welcome,', said, flush=True)\nprint('ERROR', said, flush=True)\n"
#: Each is put before the tiny service, or in its place.
FAULTY = {
    "well but for an error line": STARTS,
    "ends at its start": f"{STARTS}raise ValueError(said)\n",
    "never gets ready": f"{STARTS}Handler_says = said\n",
}


def shop(tiny: Root, before: str, more: str = "") -> None:
    """Make the tiny service personal, and its environment protected."""
    server = tiny.path / "project" / "server.py"
    text = server.read_text(encoding="utf-8")
    unwell = before.endswith("Handler_says = said\n")
    text = text.replace('(200, {"status": "ok"})', '(503, {"status": Handler_says})') if unwell else text
    server.write_text(before + copies() + text, encoding="utf-8")
    declared = (tiny.path / "parameters" / "tiny.yaml").read_text(encoding="utf-8")
    declared = "\n".join(
        row for row in declared.splitlines() if "bugs.startup" not in row and "bugs.log_files" not in row
    )
    declared = declared.replace(
        "deploy:\n",
        "bugs:\n  startup: {variables: [WORD], within_s: 3}\n  log_files: {variable: LOG}\n"
        "deploy:\n  variables: {WORD: given, LOG: app.log}\n",
    ).replace("times: 1}", "times: 1, within_s: 2}")
    tiny.write("tiny", f"protected: true\n{more}{declared}")


def copies() -> str:
    """Return what makes copies without WORD, and with a log that can't be written, end in the same words."""
    return (
        "import os\nif not os.environ.get('WORD'): raise SystemExit(f'no WORD: {said}')\n"
        "open(os.environ['LOG'], 'a').close()\n"
    )


def shown_below(folder: Any) -> list[tuple[str, str]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [(path.name, word) for path in files for word in PERSONAL if word.encode() in path.read_bytes()]


@pytest.mark.parametrize("how", FAULTY)
def test_no_file_of_a_record_shows_the_person(how: str, tiny: Root) -> None:
    """A protected environment's process prints a mail address and a card number; no file below outputs/ has them."""
    shop(tiny, FAULTY[how])
    done = tiny.run("run", "tiny", "--yes", "tiny", "--phases", "deploy,health,bugs")
    outcomes = {c["id"]: c["outcome"] for c in tiny.results("tiny")["checks"]}
    assert "fail" in outcomes.values(), done.stderr
    if how == "well but for an error line":
        assert {"pass", "fail"} == {outcomes["deploy.run"], outcomes["deploy.start_log"]}
        assert {"pass"} == {outcomes["bugs.startup_variables"]}
        assert "was refused" in str(tiny.results("tiny")["checks"])
    assert [] == shown_below(tiny.path / "outputs")


def test_at_full_the_record_shows_it(tiny: Root) -> None:
    """The control: where everything may be kept, the same run says why the start failed in the process's own words."""
    shop(tiny, FAULTY["ends at its start"], "evidence: full\n")
    tiny.run("run", "tiny", "--yes", "tiny", "--phases", "deploy")
    found = next(c for c in tiny.results("tiny")["checks"] if c["id"] == "deploy.run")
    assert f"ValueError: {SAID}" in found["message"]
    assert shown_below(tiny.path / "outputs")
