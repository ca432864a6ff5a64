"""Executed notebooks as papermill and nbclient leave them, made by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from deployer_lib.catalogue import Effect, Severity
from deployer_lib.check import CHECKS_MIME, Check, Outcome, Result, Skip
from deployer_lib.record import INPUTS_MIME, Inputs

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["INPUTS", "cell", "error", "inputs_output", "one", "output", "write"]

INPUTS = Inputs(
    run="01TESTTESTTESTTESTTESTTEST",
    environment="test",
    round=1,
    history=False,
    now="2026-01-02T03:04:05.000Z",
    mode="batch",
    trigger="manual",
    budget_s=900.0,
    actor={"name": "maria", "source": "os", "verified": False},
    change={"ticket": "", "category": ""},
    approvals=(),
    block_on="critical",
    required=None,
    profile="web",
    target="none",
    parameters_digest="sha256:0",
    allowed=("observe",),
    next_actions=b"# Next \xff Actions\n",
)


def one(outcome: Outcome = Outcome.PASS, skip: Skip | None = None, subject: str = "") -> dict[str, Any]:
    result = Result(outcome, "m", subject, skip=skip, evidence={"seen": 1})
    return Check("smoke.health", "E1", "smoke", "t", Effect.OBSERVE, Severity.HIGH, result).to_json()


def output(closed: bool, *checks: dict[str, Any]) -> dict[str, Any]:  # noqa: FBT001  (the first word of a table)
    data = {CHECKS_MIME: {"schema": "checks/1", "phase": "smoke", "closed": closed, "checks": list(checks)}}
    return {"output_type": "display_data", "data": data, "metadata": {}}


def error(name: str, text: str) -> dict[str, Any]:
    return {"output_type": "error", "ename": name, "evalue": text, "traceback": []}


def cell(number: int | None, *outputs: dict[str, Any], acknowledged: bool = True) -> dict[str, Any]:
    execution = {"iopub.execute_input": f"2026-01-02T03:04:{number or 0:02d}.000Z"} if number else {}
    if acknowledged and number:
        execution["shell.execute_reply"] = f"2026-01-02T03:04:{number:02d}.500Z"
    return {
        "cell_type": "code",
        "id": f"c{number}",
        "execution_count": number,
        "metadata": {"execution": execution, "papermill": {"status": "completed"}},
        "outputs": list(outputs),
        "source": "",
    }


def inputs_output() -> dict[str, Any]:
    return {"output_type": "display_data", "data": {INPUTS_MIME: INPUTS.to_json()}, "metadata": {}}


def write(folder: Path, name: str, *cells: dict[str, Any]) -> Path:
    path = folder / name
    path.write_text(json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path
