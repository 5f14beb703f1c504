"""What names a person, and how to find and remove it in texts, JSON and bytes.

A person key that cannot be anything else (random, say) is looked for everywhere. One that could be, such as `7`, is
looked for only where a field says that it is a person: everywhere else it may be a quantity.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from aislehub.core.tables import quoted

__all__ = ["ENCODINGS", "LEAST_BYTES", "Traces", "is_telling"]

ENCODINGS = ("utf-8", "utf-16-le", "utf-32-le")
LEAST_BYTES = 6  # four bytes turn up by chance in every hundredth gigabyte of compressed data, six in none
_LEAST_WORD, _LEAST_NUMBER = 4, 8
_EDGE = r"(?<![0-9A-Za-z]){}(?![0-9A-Za-z])"


def is_telling(word: str) -> bool:
    """Whether a text that holds this word speaks of this person: `c4711` and `13800138000` do, `7` does not."""
    return len(word) >= (_LEAST_NUMBER if re.fullmatch(r"[\d .+-]*", word) else _LEAST_WORD)


@dataclass(frozen=True)
class Traces:
    """What names one person.

    Attributes:
        keys: the person keys that are theirs (several after a merge).
        values: what else is known to be theirs, e.g. an e-mail address.
        fields: names of fields that hold person keys.
        ambiguous: keys and values that stand for other things, too, and count in `fields` alone.
    """

    keys: tuple[str, ...]
    values: tuple[str, ...] = ()
    fields: frozenset[str] = frozenset()
    ambiguous: frozenset[str] = frozenset()

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Keys and values that are looked for everywhere, also as JSON writes them in ASCII."""
        telling = [w for w in (*self.keys, *self.values) if is_telling(w) and w not in self.ambiguous]
        return tuple(dict.fromkeys(form for word in telling for form in (word, json.dumps(word)[1:-1])))

    @cached_property
    def unsure(self) -> tuple[str, ...]:
        """Keys that are looked for in `fields` alone."""
        return tuple(key for key in self.keys if key not in self.words)

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        exact = [re.escape(word) for word in self.words if word not in self.values]
        values = [f"(?i:{re.escape(word)})" for word in self.words if word in self.values]
        parts = sorted(exact, key=len, reverse=True) + sorted(values, key=len, reverse=True)
        return re.compile(_EDGE.format(f"(?:{'|'.join(parts)})")) if parts else None

    def in_text(self, text: str) -> bool:
        """Whether a text, JSON or not, names the person."""
        return self.without(text, "") != text

    def without(self, text: str, token: str) -> str:
        """The text with `token` in the place of whatever names the person."""
        if self._pattern is not None:
            text = self._pattern.sub(lambda _: token, text)
        if self.unsure and text[:1] in "{[" and any(key in text for key in self.unsure):
            try:
                document = json.loads(text)
            except ValueError:
                return text
            changed = self._cleared(document, token)
            if changed != document:
                return json.dumps(changed, ensure_ascii=False)
        return text

    def _cleared(self, node: Any, token: str, field: str = "") -> Any:
        """A JSON value with the person's unsure keys replaced where the field names persons."""
        if isinstance(node, dict):
            return {name: self._cleared(value, token, name) for name, value in node.items()}
        if isinstance(node, list):
            return [self._cleared(value, token, field) for value in node]
        names_persons = field in self.fields or field.removesuffix("s") in self.fields
        return token if names_persons and not isinstance(node, bool) and str(node) in self.unsure else node

    def mentions(self, node: Any) -> Iterator[dict[str, Any]]:
        """The smallest JSON objects that name the person, without what stands beside them."""
        if isinstance(node, list):
            for value in node:
                yield from self.mentions(value)
        elif isinstance(node, dict):
            own = {name: value for name, value in node.items() if not isinstance(value, dict | list)}
            if self.in_text(json.dumps(own, ensure_ascii=False)):
                yield own
            for value in node.values():
                if isinstance(value, dict | list):
                    yield from self.mentions(value)

    def sql(self, persons: Collection[str], texts: Collection[str]) -> str:
        """SQL that holds for every row that may name the person; `in_text` decides."""
        listed = ", ".join(map(quoted, self.keys))
        parts = [f'CAST("{column}" AS VARCHAR) IN ({listed})' for column in persons]
        for column in texts:
            parts += [f'contains("{column}", {quoted(word)})' for word in self.words if word not in self.values]
            parts += [
                f'contains(lower("{column}"), {quoted(word.lower())})' for word in self.words if word in self.values
            ]
            parts += [
                f'contains("{column}", {quoted(key)})' for key in self.unsure if column in _JSON or column in persons
            ]
        return " OR ".join(parts) or "false"

    def needles(self, others: Sequence[str] = ()) -> list[bytes]:
        """What to look for in raw bytes: words of `LEAST_BYTES` and more that are no part of another person's key.

        Each in the `ENCODINGS`: NumPy keeps texts four bytes a character, spreadsheets write two.
        """
        return [word.encode(coding) for word in self.words if _is_sure(word, others) for coding in ENCODINGS]

    def all_in_bytes(self, others: Sequence[str] = ()) -> bool:
        """Whether every key and value can be told from other bytes, so that the needles say all."""
        return not self.unsure and all(_is_sure(word, others) for word in self.words)


def _is_sure(word: str, others: Sequence[str]) -> bool:
    return len(word.encode()) >= LEAST_BYTES and not any(word in other and word != other for other in others)


_JSON = frozenset({"raw", "reasons", "facts", "action", "baseline", "payload", "value"})
