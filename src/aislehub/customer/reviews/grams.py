"""Which hashed character sequences a text has, without a vocabulary and without cutting Chinese into words.

All texts lie behind each other in one array of code points; the hash of every sequence of 1 … 4 characters comes from
the one a character shorter by a multiplication, for the whole array at once. Beside them stand pairs of characters with
1 or 2 others between them, which see through what is put in ("不" … "好"). A sequence never crosses from one text into
the next. The ends of a text count as characters, so first and last words are told apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["FARTHEST", "LONGEST", "folded", "grams"]

LONGEST = 4
FARTHEST = 3

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_DIGIT, _SPACE = ord("0"), ord(" ")
_REPEATS = 3  # of one character that still say more than two


def grams(texts: Sequence[str], *, bits: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct hashed sequences of each text.

    Args:
        bits: sequences are hashed to 2 ** bits places.

    Returns:
        rows, (sequences,): the text's number, ascending; and places, (sequences,), ascending within a text.
    """
    codes, owner = folded(texts)
    room = np.uint64(bits)
    hashes = np.zeros(len(codes), np.uint64)
    keys = []
    for length in range(1, LONGEST + 1):
        hashes = hashes[: len(codes) - length + 1] * _FACTOR + codes[length - 1 :] + np.uint64(1)
        keys.append(_keys(hashes, owner, length - 1, room))
    for apart in range(2, FARTHEST + 1):
        pairs = codes[:-apart] * _FACTOR + codes[apart:] + np.uint64(77)
        keys.append(_keys(pairs, owner, apart, room))
    ordered = np.sort(np.concatenate(keys))  # several times faster than np.unique, which hashes
    distinct = ordered[np.diff(ordered, prepend=ordered[:1] + np.uint64(1)) != 0]
    return (distinct >> room).astype(np.int64), (distinct & np.uint64((1 << bits) - 1)).astype(np.int64)


def _keys(hashes: NDArray[np.uint64], owner: NDArray[np.uint64], reach: int, room: np.uint64) -> NDArray[np.uint64]:
    """Text and place in one number, of those sequences that end in the text they begin in."""
    first = owner[: len(hashes)]
    within = first == owner[reach : reach + len(hashes)]
    mixed = hashes[within]
    mixed = (mixed ^ (mixed >> np.uint64(29))) * _MIX
    place = (mixed ^ (mixed >> np.uint64(32))) >> (np.uint64(64) - room)
    return first[within] << room | place


def folded(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Code points of all texts behind each other, and the number of the text of each.

    Letters are small, full-width forms narrow, digits 0; blanks count once, and any character at most three times in
    a row.
    """
    joined = "".join(f"\x02{text}\x03" for text in texts)
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    owner = np.repeat(np.arange(len(texts), dtype=np.uint64), [len(text) + 2 for text in texts])
    same = _same()
    codes = np.where(codes < len(same), same[np.minimum(codes, len(same) - 1)], codes)  # emoji stay as they are
    alike = np.zeros(len(codes), bool)
    alike[1:] = codes[1:] == codes[:-1]
    long_run = alike.copy()
    for back in range(1, _REPEATS):
        long_run[back:] &= alike[:-back]
        long_run[:back] = False
    kept = ~long_run & ~((codes == _SPACE) & alike)
    return codes[kept].astype(np.uint64), owner[kept]


@cache
def _same() -> NDArray[np.uint32]:
    """Code point → code point that counts as the same, for those below 2 ** 16."""
    table = np.arange(1 << 16, dtype=np.uint32)
    for code in range(1 << 16):
        if 0xFF01 <= code <= 0xFF5E:
            table[code] = code - 0xFEE0
        small = chr(table[code]).lower()
        if len(small) == 1 and chr(table[code]).isupper():
            table[code] = ord(small)
        if chr(table[code]).isspace():
            table[code] = _SPACE
    table[[*range(0x30, 0x3A)]] = _DIGIT
    table[[*range(0xFF10, 0xFF1A)]] = _DIGIT
    table[ord("\u3000")] = _SPACE
    return table
