"""YAML of package managers' files as a map."""

from __future__ import annotations

from typing import Any, Final

import yaml

from deployer_lib.probes.packages.node.lock_entry import as_map

__all__ = ["yaml_map"]

#: The reader in C, where it was built: lock files are long.
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def yaml_map(text: str) -> dict[str, Any]:
    """Return what a text of YAML says.

    Raises:
        ValueError: it is no YAML, or no map.
    """
    try:
        data = yaml.load(text, Loader=_LOADER)  # noqa: S506  (one of the safe loaders)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    if not isinstance(data, dict):
        raise ValueError("it is no map")  # noqa: TRY004  (what is wrong is the file's content)
    return as_map(data)
