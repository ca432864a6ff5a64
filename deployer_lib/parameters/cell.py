"""The parameters cell of every notebook, made from the model, so that papermill knows every name."""

from __future__ import annotations

from typing import Final

from deployer_lib.parameters.model import Parameters

__all__ = ["CELL_NAMES", "parameters_cell"]

#: Names of the cell in their order. ``environment`` stands first, and is not called ``env``: IPython would run a cell
#: that holds nothing but ``env: str = "x"`` as its magic ``%env``.
CELL_NAMES: Final = (
    "environment",
    "extends",
    *(name for name in Parameters.model_fields if name != "environment"),
)

_DEFAULT_ENVIRONMENT: Final = "local"
_EXTENDS: Final = "The file that the environment's file extends; set by papermill -f alone."


def parameters_cell() -> str:
    """Return the source of the notebooks' parameters cell: every scalar and every section, all None but environment."""
    lines = []
    for name in CELL_NAMES:
        value = repr(_DEFAULT_ENVIRONMENT).replace("'", '"') if name == "environment" else "None"
        field = Parameters.model_fields.get(name)
        sentence = (field.description or "") if field else _EXTENDS
        if name == "environment":  # said here, since a line of its own makes the cell longer than a screen
            sentence = f"{sentence.removesuffix('.')}; None below is what that file says."
        lines.append(f"{name} = {value}  # {sentence}")
    return "\n".join(lines)
