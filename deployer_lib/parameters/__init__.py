"""What an environment may say in parameters/, and how it is read."""

from __future__ import annotations

from deployer_lib.parameters.cell import parameters_cell
from deployer_lib.parameters.chain import environments, find_root
from deployer_lib.parameters.problems import Origin
from deployer_lib.parameters.reader import Loaded, load

__all__ = ["Loaded", "Origin", "environments", "find_root", "load", "parameters_cell"]
