"""A phase of a run, as a notebook opens, checks and closes it."""

from __future__ import annotations

from deployer_lib.phase.phase import Phase

__all__ = ["Phase"]
