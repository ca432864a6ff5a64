"""Database migrations: a file a tool; what its files say, and how its table in a database is read."""

from __future__ import annotations

from deployer_lib.probes.migrations.model import History, Problem, Revision, State, Tool
from deployer_lib.probes.migrations.reading import STATES, histories_of, read_migrations
from deployer_lib.probes.migrations.tree import Tree

__all__ = [
    "STATES",
    "History",
    "Problem",
    "Revision",
    "State",
    "Tool",
    "Tree",
    "histories_of",
    "read_migrations",
]
