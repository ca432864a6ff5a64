"""Prove a check: a fault trips it and no other, shown by a whole run against the faulty application."""

from __future__ import annotations

from deployer_lib.proving.faults import Fault, all_faults, read_fault
from deployer_lib.proving.trying import Tried, assert_trips, try_fault

__all__ = ["Fault", "Tried", "all_faults", "assert_trips", "read_fault", "try_fault"]
