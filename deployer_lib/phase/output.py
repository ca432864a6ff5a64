"""A kernel's output: one place for each check, which shows progress first and the result in the end."""

from __future__ import annotations

import base64
import html
import sys
import uuid
from typing import TYPE_CHECKING, Any

from deployer_lib.redaction_kernel import install

if TYPE_CHECKING:
    from deployer_lib.charts import Chart
    from deployer_lib.probes.context import Context
    from deployer_lib.redaction import Redactor

__all__ = ["Output"]


class Output:
    """Show MIME bundles in a notebook; as plain text where there is no kernel."""

    def __init__(self, kernel: Any | None) -> None:  # noqa: ANN401  (IPython ships no types)
        self._kernel = kernel
        self._display_id = ""

    @classmethod
    def of_kernel(cls) -> Output:
        """Return the output of the kernel that this runs in."""
        from IPython import get_ipython  # noqa: PLC0415  (half a second, needed in kernels alone)

        shell = get_ipython()
        return cls(getattr(shell, "kernel", None))

    def redact(self, redactor: Redactor) -> None:
        """Let nothing leave this kernel but through the redactor."""
        if self._kernel is not None:
            install(self._kernel.session, redactor)

    def begin(self, text: str) -> None:
        """Open a place for what follows, and say in it what happens just now."""
        self._display_id = uuid.uuid4().hex
        self._send({"text/plain": text, "text/markdown": f"*{text}*" if text else ""}, update=False)

    def progress(self, text: str) -> None:
        """Replace what is said in the open place."""
        if self._display_id:
            self._send({"text/plain": text, "text/markdown": f"*{text}*"}, update=True)

    def result(self, bundle: dict[str, object]) -> None:
        """Put the result into the open place, and close it."""
        self._send(bundle, update=True)
        self._display_id = ""

    def show(self, bundle: dict[str, object], metadata: dict[str, object] | None = None) -> None:
        """Show something in a place of its own."""
        self._display_id = ""
        self._send(bundle, update=False, metadata=metadata)

    def charts(self, context: Context) -> None:
        """Show the charts that a probe left, with their alternative text."""
        charts = context.memo.pop("charts", [])
        if isinstance(charts, list):
            for chart in charts:
                self.chart(chart)

    def chart(self, chart: Chart) -> None:
        """Show one chart with its alternative text.

        It stands in the output's metadata, and folded below the picture: JupyterLab shows no metadata.
        """
        self.show(
            {"image/png": base64.b64encode(chart.png).decode("ascii"), "text/plain": chart.title},
            {"image/png": {"alt": chart.alt, "title": chart.title}},
        )
        words = f"<details><summary>this chart in words</summary>{html.escape(chart.alt)}</details>"
        self.show({"text/html": words, "text/markdown": chart.alt, "text/plain": chart.alt})

    def _send(
        self, bundle: dict[str, object], *, update: bool, metadata: dict[str, object] | None = None
    ) -> None:
        if self._kernel is None:
            sys.stdout.write(f"{bundle['text/plain']}\n")
            return
        from IPython.display import publish_display_data  # noqa: PLC0415

        transient = {"display_id": self._display_id} if self._display_id else {}
        publish_display_data(data=bundle, metadata=metadata or {}, transient=transient, update=update)
