"""Whether an attribute leaves its item in a production build: ``#[cfg(test)]``, ``#[test]`` and unknown conditions do not."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["compiled", "one_platform"]

_CFG: Final = re.compile(r"^#!?\[\s*cfg\s*\((.*)\)\s*\]$", re.DOTALL)
_TEST: Final = re.compile(
    r"^#!?\[\s*(?:\w+\s*::\s*)*(?:test|rstest|test_case|wasm_bindgen_test|bench|quickcheck|proptest|test_log)\s*[\](]"
)
#: Conditions that the target or the profile decides; others come from flags that no manifest tells of.
_KNOWN: Final = frozenset(
    {
        "all",
        "any",
        "not",
        "unix",
        "windows",
        "debug_assertions",
        "panic",
        "proc_macro",
        "feature",
        "true",
        "false",
        "overflow_checks",
    }
)
_WORD: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[A-Za-z_]\w*')
_PLATFORM: Final = re.compile(r"\b(?:unix|windows|target_os|target_family|target_vendor|target_env)\b")
_NOT_TEST: Final = re.compile(r"\bnot\s*\(\s*(?:test|doc|doctest|miri|loom|fuzzing|kani|docsrs)\s*\)")
_FEATURE: Final = re.compile(r'\bfeature\s*=\s*"([^"]*)"')


def compiled(attribute: str, features: frozenset[str]) -> bool:
    """Tell whether an item under an attribute belongs to production code.

    Args:
        attribute: as it is written, with its brackets.
        features: those that the package's manifest knows.

    >>> compiled("#[cfg(unix)]", frozenset()), compiled("#[cfg(test)]", frozenset()), compiled("#[tokio::test]", frozenset())
    (True, False, False)
    """
    if _TEST.match(attribute):
        return False
    match = _CFG.match(attribute)
    if match is None:
        return True
    condition = _NOT_TEST.sub("all()", match.group(1))
    if any(name not in features for name in _FEATURE.findall(condition)):
        return False
    words = [word for word in _WORD.findall(condition) if not word.startswith('"')]
    return all(word in _KNOWN or word.startswith("target_") for word in words)


def one_platform(attribute: str) -> bool:
    """Tell whether an attribute keeps its item for some platforms.

    >>> one_platform("#[cfg(windows)]"), one_platform('#[cfg(feature = "windows")]')
    (True, False)
    """
    match = _CFG.match(attribute)
    return (
        match is not None
        and _PLATFORM.search(re.sub(r'feature\s*=\s*"[^"]*"', "", match.group(1))) is not None
    )
