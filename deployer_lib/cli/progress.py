"""What a terminal shows while a run goes on: phases, checks as they end, and time against the budget."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["Lines", "Screen", "listener_for"]

_MARKS: Final = {"pass": "[green]✅[/]", "fail": "[red]❌[/]", "error": "[yellow]⚠️ [/]", "skip": "[dim]⏭️ [/]"}
_WORDS: Final = {"pass": "pass", "fail": "FAIL", "error": "could not tell", "skip": "skipped"}


def _line(check: dict[str, Any]) -> str:
    name = f"{check['id']} {check['subject']}".strip()
    kind = f" ({check['skip']})" if check["skip"] else ""
    severity = f" {check['severity']}" if check["outcome"] == "fail" else ""
    return f"{_WORDS[check['outcome']]}{severity}{kind}  {name}: {check['message']}"


class Lines:
    """One line an event, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def _print(self, text: str) -> None:
        self._console.print(escape(text), highlight=False, soft_wrap=True)

    def begin(self, run: str, environment: str, phases: list[str], budget_s: float) -> None:
        """Say that a run begins."""
        self._print(f"{environment}: run {run}, {len(phases)} phases, budget {budget_s:.0f} s")

    def phase(self, name: str) -> None:
        """Say that a phase begins."""
        self._print(f"── {name}")

    def checks(self, checks: list[dict[str, Any]]) -> None:
        """Say how checks ended; many passes of one check are one line."""
        passed = [c for c in checks if c["outcome"] == "pass"]
        for check in checks if len(passed) <= 1 else [c for c in checks if c["outcome"] != "pass"]:
            self._print(f"   {_line(check)}")
        if len(passed) > 1:
            self._print(f"   pass  {passed[0]['id']}: holds for {len(passed)} subjects")

    def progress(self, text: str) -> None:
        """Say what happens just now: not here, where every line stays."""

    def note(self, text: str) -> None:
        """Say something of the run itself."""
        self._print(f"   {text}")

    def close(self) -> None:
        """End."""


class Screen(Lines):
    """A live status line below the lines, in a terminal."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._started = time.monotonic()
        self._budget_s = 0.0
        self._phases: list[str] = []
        self._phase = ""
        self._text = ""
        self._spinner = Spinner("dots")
        self._live = Live(console=console, refresh_per_second=8, transient=True, get_renderable=self._render)

    def begin(self, run: str, environment: str, phases: list[str], budget_s: float) -> None:
        """Say that a run begins."""
        super().begin(run, environment, phases, budget_s)
        self._phases, self._budget_s = phases, budget_s
        self._live.start()

    def phase(self, name: str) -> None:
        """Say that a phase begins."""
        self._phase, self._text = name, "kernel starts"
        super().phase(name)

    def checks(self, checks: list[dict[str, Any]]) -> None:
        """Say how checks ended."""
        for check in checks:
            if check["outcome"] != "pass":
                self._console.print(f"   {_MARKS[check['outcome']]} {escape(_line(check))}", highlight=False)
        passed = [c for c in checks if c["outcome"] == "pass"]
        if passed:
            what = passed[0]["message"] if len(passed) == 1 else f"holds for {len(passed)} subjects"
            self._console.print(
                f"   {_MARKS['pass']} {passed[0]['id']}  [dim]{escape(what)}[/]", highlight=False
            )

    def progress(self, text: str) -> None:
        """Say what happens just now."""
        self._text = text

    def close(self) -> None:
        """End the live line."""
        self._live.stop()

    def _render(self) -> RenderableType:
        elapsed_s = time.monotonic() - self._started
        at = self._phases.index(self._phase) + 1 if self._phase in self._phases else 0
        share = min(1.0, elapsed_s / self._budget_s) if self._budget_s else 0.0
        bar = "█" * round(share * 20) + "░" * (20 - round(share * 20))
        self._spinner.update(
            text=Text(
                f" {self._phase} {at}/{len(self._phases)}  {elapsed_s:.0f} s of {self._budget_s:.0f} s  {bar}  {self._text}"
            )
        )
        return Group(self._spinner)


def listener_for(console: Console) -> Lines:
    """Return a live screen for a terminal, lines for anything else."""
    return Screen(console) if console.is_terminal else Lines(console)
