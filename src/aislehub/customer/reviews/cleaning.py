"""Cleaning: a review as it came, with all that is no word blanked out, place by place.

What is cleaned has the length of what came: every mark-up tag, entity, address, control and invisible character becomes
blanks. So a span found in the clean text is the same span of the review, and a quote is always the writer's own words.
Every pattern is linear in the length of the text: none nests a repetition.
"""

from __future__ import annotations

import re

__all__ = ["LONGEST", "clean"]

LONGEST = 20_000
"""Characters of a review that are read; the rest of a longer one is kept in its row and not judged."""

_MARKUP = re.compile(
    r"<(script|style)\b[^<>]{0,1000}>.{0,20000}?</\1[^<>]{0,100}>"  # with all that is in it
    r"|<[!/?]?[a-z][^<>]{0,1000}>"
    r"|&(?:[a-z]{2,10}|#\d{1,7}|#x[0-9a-f]{1,6});"
    r"|(?:https?://|www\.)[^\s<>\u4e00-\u9fff]{1,1000}",
    re.IGNORECASE | re.DOTALL,
)
# Control characters but the newline, invisible ones, overrides of the writing direction, private use, lone surrogates.
_INVISIBLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
                        "\ud800-\udfff\ue000-\uf8ff\ufff9-\ufffd]")  # fmt: skip


def clean(text: str) -> str:
    """The first `LONGEST` characters of a review, what is no writing replaced by as many blanks.

    Example:
        >>> clean("<b>很好</b>&nbsp;吃")
        '   很好          吃'
    """
    text = text[:LONGEST]
    if "<" in text or "&" in text or "://" in text or "www." in text:
        text = _MARKUP.sub(lambda found: " " * len(found.group()), text)
    return _INVISIBLE.sub(" ", text)
