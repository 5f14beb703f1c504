"""Texts with blanks: `{offer}` and the like, filled for each reader; nothing else in braces is understood."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["blanks", "filled"]

_BLANK = re.compile(r"\{(\w+)\}")


def blanks(text: str) -> set[str]:
    """Names of the blanks in a text."""
    return set(_BLANK.findall(text))


def filled(text: str, facts: Mapping[str, object]) -> str:
    """The text with its blanks filled; a blank that has no fact stays, braces and all.

    Example:
        >>> filled("{offer} until {ends}", {"offer": "{ends} off", "ends": "Sunday"})
        '{ends} off until Sunday'
    """
    return _BLANK.sub(lambda found: str(facts.get(found[1], found[0])), text)
