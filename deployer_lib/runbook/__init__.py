"""Run the notebooks of an environment with papermill, and seal what they leave."""

from __future__ import annotations

from deployer_lib.runbook.running import Finished, RunRequest, run

__all__ = ["Finished", "RunRequest", "run"]
