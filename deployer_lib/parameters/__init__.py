"""What an environment may say in parameters/, and how it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deployer_lib.late import names_of_package

if TYPE_CHECKING:
    from deployer_lib.parameters.cell import parameters_cell
    from deployer_lib.parameters.chain import environments, find_root
    from deployer_lib.parameters.problems import Origin
    from deployer_lib.parameters.reader import Loaded, load

__all__ = ["Loaded", "Origin", "environments", "find_root", "load", "parameters_cell"]

#: Name → module; imported when first asked for, since who needs the model alone reads no file.
_HOMES: Final = {
    "Origin": "problems",
    "parameters_cell": "cell",
    **dict.fromkeys(("environments", "find_root"), "chain"),
    **dict.fromkeys(("Loaded", "load"), "reader"),
}

__getattr__ = names_of_package(__name__, _HOMES)
