"""Language of a review: Chinese, English, both, another one, or none (emoji, numbers)."""

from __future__ import annotations

import re
from typing import Literal

__all__ = ["Language", "is_english", "language_of"]

Language = Literal["zh", "en", "mixed", "other", "none"]

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_KANA_HANGUL = re.compile(r"[\u3040-\u30ff\uac00-\ud7af]")
_LETTERS = r"[A-Za-z\u00c0-\u024f]+"
_LATIN_WORD = re.compile(rf"{_LETTERS}(?:['\u2019]{_LETTERS})?")
_FOREIGN = re.compile(r"[\u00c0-\u024f\u0370-\u1fff]")
# The most frequent words of English, and of the languages that are taken for it.
_ENGLISH = frozenset({
    "the", "a", "an", "and", "or", "but", "is", "was", "are", "were", "be", "been", "it", "its", "it's", "i",
    "i'm", "my", "me", "we", "you", "they", "he", "she", "this", "that", "these", "those", "of", "to", "in",
    "on", "for", "with", "at", "from", "as", "by", "not", "no", "very", "so", "too", "all", "just", "have",
    "has", "had", "would", "will", "can", "could", "do", "don't", "did", "good", "great", "nice", "bad", "love",
    "loved", "like", "best", "fresh", "food", "taste", "quality", "price", "product", "delivery", "service",
    "ok", "okay", "excellent", "perfect", "poor", "terrible", "awful", "horrible", "never", "again", "buy",
    "bought", "fast", "slow", "quick", "late", "cheap", "expensive", "recommend", "recommended", "disappointed",
    "happy", "delicious", "tasty", "works", "broken", "arrived", "money", "waste",
})  # fmt: skip
_OTHERS = frozenset({
    "der", "die", "das", "und", "ist", "nicht", "ein", "eine", "sehr", "mit", "ich", "le", "la", "les", "des",
    "est", "une", "pas", "très", "je", "el", "los", "las", "muy", "es", "que", "con", "por", "para", "il", "di",
    "che", "non", "è", "per", "sono", "het", "een", "van", "niet", "zeer", "o", "os", "um", "uma", "muito",
    "não", "com",
})  # fmt: skip


def language_of(text: str) -> Language:
    """The language of a clean text; `mixed` when Chinese and English both carry at least a fifth of it.

    Example:
        >>> [
        ...     language_of(text)
        ...     for text in (
        ...         "很好吃",
        ...         "crème brûlée too expensive",
        ...         "物流很快 but the box was broken",
        ...         "👍",
        ...         "sehr gut",
        ...     )
        ... ]
        ['zh', 'en', 'mixed', 'none', 'other']
    """
    text = text[:2000]
    han = len(_HAN.findall(text))
    kana = len(_KANA_HANGUL.findall(text))
    words = [word.lower().replace("\u2019", "'") for word in _LATIN_WORD.findall(text)]
    if kana > 0.1 * max(han, 1) and kana >= 2:
        return "other"
    if not han and not words:
        return "other" if _FOREIGN.search(text) else "none"
    known = sum(word in _ENGLISH for word in words)
    foreign = sum(word in _OTHERS for word in words)
    if not han:
        accents = len(_FOREIGN.findall(text)) > 0.1 * sum(map(len, words))
        is_other = foreign > known or (accents and 3 * known < len(words))  # crème brûlée is English, too
        return "other" if is_other else "en"
    letters = 1.5 * len(words)  # a word of English says about as much as a character and a half
    if letters < 0.25 * (han + letters) or (known == 0 and len(words) < 4):
        return "zh"  # names of brands, sizes
    return "mixed" if han > 0.2 * (han + letters) else "en"


def is_english(phrase: str) -> bool:
    """Whether one of its words is among the most frequent of English: a sentence, no name of a brand.

    Example:
        >>> is_english("the box was broken"), is_english("Apple iPhone Pro Max")
        (True, False)
    """
    return any(word.lower().replace("\u2019", "'") in _ENGLISH for word in _LATIN_WORD.findall(phrase))
