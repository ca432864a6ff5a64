"""Find the environment variables that a project's source code reads.

A language is a reader (see :class:`~deployer_lib.probes.variables.scanner.Reader`) with its idioms as data; adding one
changes nothing here but the list in :mod:`scanner`.
"""

from deployer_lib.probes.variables.model import Need, Reference, Scan, Variable
from deployer_lib.probes.variables.scanner import scan

__all__ = ["Need", "Reference", "Scan", "Variable", "scan"]
