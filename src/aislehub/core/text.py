"""Every sentence for people, by code, in Chinese and English.

Sentences live in `text/<language>/<room>.toml`, never in code, so that a translator sees all of them
and a test can hold both languages to the same codes and placeholders. `{days|day|days}` is a number with its word: the
first for one, the second for any other; a language that needs no choice has `{days}`, and its word behind it.
"""

from __future__ import annotations

import os
import tomllib
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LANGUAGES", "current_language", "has", "language", "say", "sentences", "word"]

LANGUAGES = ("en", "zh")
_chosen: ContextVar[str | None] = ContextVar("language", default=None)


@cache
def sentences(lang: str) -> dict[str, str]:
    """All sentences of one language: code → template with `{placeholders}`."""
    found: dict[str, str] = {}
    for file in sorted((resources.files("aislehub") / "text" / lang).iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".toml"):
            found |= tomllib.loads(file.read_text(encoding="utf-8"))
    return found


def current_language() -> str:
    """The language in force: a `language()` block, else AISLEHUB_LANG, else the system's LANG, else English."""
    wish = _chosen.get() or os.environ.get("AISLEHUB_LANG") or os.environ.get("LANG", "")
    return "zh" if wish.lower().startswith("zh") else "en"


@contextmanager
def language(lang: str) -> Iterator[None]:
    """Speak `lang` inside the block (one web request, one report)."""
    token = _chosen.set(lang)
    try:
        yield
    finally:
        _chosen.reset(token)


def has(code: str) -> bool:
    """Whether there is a sentence `code`."""
    return code in sentences("en")


def say(code: str, lang: str | None = None, /, **facts: object) -> str:
    """The sentence `code` with its placeholders filled; an unknown code reads as itself with its facts.

    Rows of the ledger outlive sentences: a placeholder that they have no fact for stays visible, `{name}`, rather
    than take down the page that lists them.

    Example:
        >>> say("core.did_you_mean", "zh", near="stock")
        '您是不是要找 stock？'
        >>> say("whatif.stores", "en", count=1)
        '1 store'
    """
    template = sentences(lang or current_language()).get(code)
    if template is None:
        details = ", ".join(f"{name}={value}" for name, value in facts.items())
        return f"{code} ({details})" if details else code
    return template.format_map(_Facts(facts)) if facts else template


def word(group: str, name: str, lang: str | None = None) -> str:
    """A name from data as a word of the reader's language where the texts have one: `word("bound", "case_pack")`."""
    code = f"{group}.{name}"
    return say(code, lang) if has(code) else name.replace("_", " ")


class _Facts(dict[str, object]):
    def __missing__(self, name: str) -> _Counted | _Unfilled:
        fact, *words = name.split("|")
        return _Counted(self[fact], *words) if fact in self else _Unfilled(fact)


class _Counted:
    """A number with the word for one or for many, whichever the number as it is written asks for."""

    def __init__(self, value: object, one: str, many: str) -> None:
        self._value, self._one, self._many = value, one, many

    def __format__(self, spec: str) -> str:
        number = format(self._value, spec)
        return f"{number} {self._one if number.lstrip('+-−') == '1' else self._many}"


class _Unfilled:
    """A placeholder without its fact: reads as it stands in the sentence, whatever format it asks for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"{{{self._name}}}"

    def __format__(self, spec: str) -> str:
        return repr(self)
