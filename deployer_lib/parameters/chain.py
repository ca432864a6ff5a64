"""Which files an environment is made of: its own, and those that it extends."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from deployer_lib.errors import ParametersError, UsageError
from deployer_lib.parameters.source import Fields, Scalar, parse, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FOLDER", "Layer", "chain", "environments", "find_root"]

FOLDER: Final = "parameters"
_ID: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_NAMES_ITSELF: Final = re.compile(rb"^environment\s*:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Layer:
    """One file of an environment."""

    file: str  # relative to the root
    text: str
    tree: Fields  # without ``extends``


def find_root(start: Path, environ: Mapping[str, str]) -> Path:
    """Return the folder that holds parameters/: ``DEPLOYER_HOME``, else the nearest one upwards.

    Raises:
        UsageError: there is none.
    """
    if home := environ.get("DEPLOYER_HOME"):
        root = Path(home).resolve()
        if not (root / FOLDER).is_dir():
            raise UsageError(
                f"DEPLOYER_HOME is {home}, and there is no folder {FOLDER} in it.",
                hint="Set it to the folder that holds parameters/, or unset it.",
            )
        return root
    here = start.resolve()
    for folder in (here, *here.parents):
        if (folder / FOLDER).is_dir():
            return folder
    raise UsageError(
        f"There is no folder {FOLDER} in {here} or above it.",
        hint="Go to your project, set DEPLOYER_HOME, or begin with: deployer init PATH",
    )


def environments(root: Path) -> list[str]:
    """Return the ids of all environments: the files below parameters/ that name one."""
    base = root / FOLDER
    found = (path for path in base.rglob("*.yaml") if path.is_file() and _names_itself(path))
    return sorted(path.relative_to(base).with_suffix("").as_posix() for path in found)


def _names_itself(path: Path) -> bool:
    try:
        return bool(_NAMES_ITSELF.search(path.read_bytes()))
    except OSError:
        return True  # so that it is listed, and loading it says why it can't be read


def chain(root: Path, environment: str) -> list[Layer]:
    """Return an environment's own file, then the one that it extends, and so on.

    Raises:
        ParametersError: there is no such environment, or a file of it can't be read.
    """
    base = root / FOLDER
    if not _ID.fullmatch(environment):
        raise ParametersError(
            f"«{environment}» is no environment; it is the path of a file below {FOLDER}/ without .yaml.",
            hint=_known(root, environment),
        )
    path = base / f"{environment}.yaml"
    if not path.exists():
        raise ParametersError(
            "There is no such file.", file=f"{FOLDER}/{environment}.yaml", hint=_known(root, environment)
        )
    layers: list[Layer] = []
    seen: list[Path] = []
    asked: Scalar | None = None
    while True:
        _stay_inside(path, base, asked, f"{FOLDER}/{environment}.yaml")
        if path.resolve() in seen:
            files = " → ".join([*(layer.file for layer in layers), _shown(path, base)])
            raise ParametersError(
                f"extends goes in a circle: {files}.", file=layers[-1].file, line=asked.line if asked else 0
            )
        seen.append(path.resolve())
        layer, asked = _layer(path, base)
        layers.append(layer)
        if asked is None:
            return layers
        path = path.parent / asked.text
        if not path.exists():
            raise ParametersError(
                f"extends {asked.text}, and there is no such file beside it.",
                file=layer.file,
                line=asked.line,
            )


def _layer(path: Path, base: Path) -> tuple[Layer, Scalar | None]:
    shown = _shown(path, base)
    text = read_text(path, shown)
    tree = parse(text, shown)
    asked = tree.items.get("extends")
    if isinstance(asked, Scalar) and asked.unset:
        asked = None
    if asked is not None and not isinstance(asked, Scalar):
        raise ParametersError("extends takes the name of one file.", file=shown, line=asked.line)
    items = {name: item for name, item in tree.items.items() if name != "extends"}
    return Layer(shown, text, Fields(items, tree.file, tree.line)), asked


def _shown(path: Path, base: Path) -> str:
    return f"{FOLDER}/{path.resolve().relative_to(base.resolve()).as_posix()}"


def _stay_inside(path: Path, base: Path, asked: Scalar | None, shown: str) -> None:
    if path.resolve().is_relative_to(base.resolve()):
        return
    if asked is None:
        raise ParametersError(f"leads out of {FOLDER}/.", file=shown)
    raise ParametersError(f"extends {asked.text}, out of {FOLDER}/.", file=asked.file, line=asked.line)


def _known(root: Path, environment: str) -> str:
    names = environments(root)
    if not names:
        return "There is no environment yet; deployer init PATH writes one."
    stem = Path(environment).name.removesuffix(".yaml").removesuffix(".yml")
    near = [name for name in names if name == stem] or difflib.get_close_matches(environment, names, n=1)
    guess = f"Did you mean {near[0]}? " if near else ""
    return f"{guess}There are {', '.join(names)}." if len(names) > 1 else f"{guess}There is {names[0]}."
