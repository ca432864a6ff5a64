"""Follows reads of the environment through a program: constants, loops, wrappers of wrappers, over files.

A language says in :class:`~deployer_lib.probes.variables.flow.grammar.Language` how its trees look; everything else is the
same for all of them. A new language is one file in :mod:`deployer_lib.probes.variables.languages`.
"""

from __future__ import annotations

from deployer_lib.probes.variables.flow.reader import FlowReader

__all__ = ["FlowReader"]
