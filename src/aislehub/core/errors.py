"""The one error of the house: a code, the facts, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["HubError", "did_you_mean"]

MOST_NAMES, SHOWN_NAMES = 30, 10
"""So many known words are all listed; of more, such as a chain's items, only the first few, as a pattern."""


class HubError(Exception):
    """Something the caller can understand and mend.

    The sentence and its hint live in `text/` under `code` and `code.hint`, so that an error reads in
    the reader's language; `facts` fill their placeholders and travel on as data (problem+json, logs).

    Example:
        >>> error = HubError("tables.unknown", table="sale_lines", suggestion="Did you mean sales_lines?")
        >>> print(error)
        No table is called 'sale_lines'. Did you mean sales_lines?
    """

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts

    def __reduce__(self) -> tuple[object, ...]:
        """Keep code and facts when the error crosses a process border (`fan_out`)."""
        return _rebuild, (self.code, self.facts)

    def message(self, lang: str | None = None) -> str:
        from aislehub.core.text import say

        return say(self.code, lang, **self.facts)

    def hint(self, lang: str | None = None) -> str:
        from aislehub.core.text import has, say

        return say(f"{self.code}.hint", lang, **self.facts) if has(f"{self.code}.hint") else ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.message(), self.hint()) if part)


def _rebuild(code: str, facts: dict[str, object]) -> HubError:
    return HubError(code, **facts)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The nearest known word as a short question, or the list of what exists when nothing is near.

    Example:
        >>> did_you_mean("sale_lines", ["sales_lines", "stock"])
        'Did you mean sales_lines?'
    """
    from aislehub.core.text import say

    names = sorted(known)
    near = get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return say("core.did_you_mean", near=near[0])
    if len(names) > MOST_NAMES:
        return say("core.known_more", names=", ".join(names[:SHOWN_NAMES]), more=len(names) - SHOWN_NAMES)
    return say("core.known_are", names=", ".join(names) or "—")
