"""Fixes as data: what one would paste, by topic and framework, with a link to its documentation.

Each YAML file beside this module is a topic: framework → file, language, text, docs. ``any`` is for frameworks that the
topic does not know. ``@@name@@`` in a text is filled in. A framework is added by adding data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from ruamel.yaml import YAML

from deployer_lib.check import Code

if TYPE_CHECKING:
    from deployer_lib.check import Location

__all__ = ["Snippet", "snippet", "topics"]

_BLANK: Final = re.compile(r"@@(\w+)@@")


@dataclass(frozen=True, slots=True)
class Snippet:
    """Code to paste, and where it is explained."""

    text: str
    language: str
    file: str  # where it usually goes, unless the place is known
    docs: str

    def code(self, at: Location | None = None) -> Code:
        """Return it as the code of a fix, at a known place or where it usually goes."""
        if at is not None and at.file.rpartition(".")[2] == self.file.rpartition(".")[2]:
            return Code(at.file, self.text, at.line, self.language)
        return Code(self.file, self.text, 0, self.language)


def snippet(topic: str, framework: str, **values: str) -> Snippet:
    """Return the code of a topic for a framework (or stack), its blanks filled in.

    Args:
        topic: one of :func:`topics`.
        framework: fastapi, flask, django, express, nest, axum, actix; another gets what works for any.
        values: what stands for ``@@name@@``.

    Raises:
        KeyError: there is no such topic, or a blank has no value.
    """
    try:
        text = (files(__name__) / f"{topic}.yaml").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KeyError(topic) from None
    data = YAML(typ="safe", pure=True).load(text)
    entry = data.get(framework) or data["any"]
    filled = _BLANK.sub(lambda blank: values[blank[1]], entry["text"]).rstrip()
    return Snippet(filled, entry["language"], entry["file"], entry.get("docs", data["docs"]))


def topics() -> tuple[str, ...]:
    """Return the topics that there are fixes for."""
    return tuple(sorted(f.name[:-5] for f in files(__name__).iterdir() if f.name.endswith(".yaml")))
