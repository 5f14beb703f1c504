"""Aspects: which words of a clause name what it is about (quality, price, delivery …), by lists in `aspects.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

__all__ = ["ASPECTS", "Term", "terms", "valences"]

_DENIED_ZH = re.compile(r"[没不无未][有是会太很算怎么]{0,2}$")
_DENIED_EN = re.compile(r"\b(?:not|no|never|n't|isnt|wasnt|hardly|without)(?:\s+\w+){0,2}\s+$", re.IGNORECASE)


@dataclass(frozen=True)
class Term:
    """A word of a clause that names an aspect.

    Attributes:
        aspect: name of the aspect.
        start, end: of the word in the clause.
        says: 1 or −1 where the word judges at once ("expired"), else 0.
    """

    aspect: str
    start: int
    end: int
    says: int


def _lists() -> dict[str, dict[str, Any]]:
    text = (resources.files("aislehub.customer.reviews") / "aspects.toml").read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = tomllib.loads(text)
    return found


_LISTS = _lists()
ASPECTS = tuple(_LISTS)


def terms(clause: str, language: Literal["zh", "en"]) -> Iterator[Term]:
    """The first word of each aspect that a clause has; where one judges at once, that one.

    Example:
        >>> [(term.aspect, term.says) for term in terms("Delivered late and the milk was expired", "en")]
        [('delivery', 0), ('freshness', -1)]
        >>> [(term.aspect, term.says) for term in terms("没有异味", "zh")]
        [('smell', 0)]
    """
    pattern, meanings = _patterns()[language]
    found: dict[str, Term] = {}
    for match in pattern.finditer(clause):
        word = match.group(1).lower()
        for aspect, says in meanings.get(word) or meanings[_stem(word, meanings)]:
            if says and _denied(clause[max(0, match.start() - 24) : match.start()], language):
                says = 0
            if aspect not in found or (says and not found[aspect].says):
                found[aspect] = Term(aspect, match.start(1), match.end(1), says)
    yield from found.values()


def valences() -> dict[str, float]:
    """English words that judge at once, for a lexicon: word → 0.5 or −0.5."""
    return {
        word: 0.5 * int(sign)
        for lists in _LISTS.values()
        for sign, words in lists.get("says", {}).items()
        for word in words
        if word.isascii() and " " not in word
    }


def _denied(before: str, language: Literal["zh", "en"]) -> bool:
    return bool((_DENIED_ZH if language == "zh" else _DENIED_EN).search(before))


def _stem(word: str, meanings: Mapping[str, object]) -> str:
    return word[:-1] if word[:-1] in meanings else word[:-2]


@cache
def _patterns() -> dict[str, tuple[re.Pattern[str], dict[str, list[tuple[str, int]]]]]:
    """Per language one pattern of all words, the longest first, and word → its aspects with what it says."""
    found = {}
    for language in ("zh", "en"):
        meanings: dict[str, list[tuple[str, int]]] = {}
        for aspect, lists in _LISTS.items():
            says = {word: int(sign) for sign, words in lists.get("says", {}).items() for word in words}
            own = [word for word in says if word.isascii() == (language == "en")]
            for word in dict.fromkeys([*lists[language], *own]):
                meanings.setdefault(word, []).append((aspect, says.get(word, 0)))
        words = "|".join(sorted(map(re.escape, meanings), key=lambda word: (-len(word), word)))
        pattern = rf"({words})" if language == "zh" else rf"(?<![a-z])((?:{words})(?:e?s)?)(?![a-z])"
        found[language] = re.compile(pattern, re.IGNORECASE), meanings
    return found
