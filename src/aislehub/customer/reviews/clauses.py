"""Clauses: the stretches of a review that each say one thing, as spans of its text."""

from __future__ import annotations

import re
from itertools import pairwise

from aislehub.customer.reviews.language import is_english

__all__ = ["MOST", "clauses"]

MOST = 400
"""Clauses of a review that are looked at; the rest of a longer one counts in its sentiment only."""

# A mark that ends a clause, or a word that turns the thought. A point between digits or within a word ends nothing.
_CUT = re.compile(
    r"[\n。！？!?；;，,…～~]+|\.(?=\s|$|[\u3400-\u9fff])|\s[-–—]{1,3}\s|——"
    r"|(?=但是|但就|可是|不过|然而|只是|而且|就是(?:有|太|不|价|包|物|味|质)|(?<![不非])但(?!凡|愿))"
    r"|\b(?:but|however|although|though|while|whereas|yet|except)\b",
    re.IGNORECASE,
)
_SAYS = re.compile(r"\w")
_HAN = re.compile(r"[\u3400-\u9fff]")
# Three words of English or more on end; shorter ones are brands and sizes.
_ENGLISH_RUN = re.compile(r"(?<![A-Za-z])[A-Za-z][A-Za-z'\u2019]*+(?:[ \t]++[A-Za-z0-9'\u2019]++){2,}")


def clauses(text: str) -> list[tuple[int, int]]:
    """(start, end) of each clause of a clean text, in order, at most `MOST`, without blanks at their ends.

    Example:
        >>> text = "味道很好，但是物流太慢。Fresh, but 2.5 kg is too much"
        >>> [text[start:end] for start, end in clauses(text)]
        ['味道很好', '但是物流太慢', 'Fresh', '2.5 kg is too much']
        >>> text = "物流很快 but the box was broken 很失望"
        >>> [text[start:end] for start, end in clauses(text)]
        ['物流很快', 'the box was broken', '很失望']
    """
    found: list[tuple[int, int]] = []
    begin = 0
    for mark in _CUT.finditer(text):
        _keep(found, text, begin, mark.start())
        begin = mark.end()
        if len(found) >= MOST:
            return found
    _keep(found, text, begin, len(text))
    return found


def _keep(found: list[tuple[int, int]], text: str, begin: int, end: int) -> None:
    """Add the stretch from `begin` to `end`, cut where its language changes."""
    borders = [begin, *_changes(text, begin, end), end]
    for start, stop in pairwise(borders):
        part = text[start:stop]
        if _SAYS.search(part):
            start += len(part) - len(part.lstrip())
            found.append((start, start + len(part.strip())))


def _changes(text: str, begin: int, end: int) -> list[int]:
    """Where an English phrase in Chinese begins and ends."""
    if not _HAN.search(text, begin, end):
        return []
    runs = (run.span() for run in _ENGLISH_RUN.finditer(text, begin, end) if is_english(run.group()))
    return [place for run in runs for place in run if begin < place < end]
