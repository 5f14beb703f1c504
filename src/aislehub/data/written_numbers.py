"""Numbers as tills, spreadsheets and web shops write them, and what a column's values tell about its decimal mark."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

__all__ = ["Decimal", "NumberEvidence", "parse_number"]

Decimal = Literal[".", ","]

_MONEY = re.compile(r"人民币|rmb|cny|usd|eur|gbp|hkd|twd|jpy|us\$|hk\$|nt\$|[¥$€£₽₩₹]|kr\.?|zł|元整?|圆|块")
_COUNTED = re.compile(r"(?<=\d)\s*(个|件|瓶|盒|包|袋|只|支|箱|罐|条|份|公斤|千克|kg|pcs?\.?|ea|stk\.?|units?|x)$")
_SIGNED = re.compile(r"([+-]?)([\d.,]*\d[\d.,]*)(?:e([+-]?\d{1,2}))?")
_SCALES = {"%": 0.01, "‰": 0.001, "万": 1e4, "亿": 1e8}


def parse_number(text: str, decimal: Decimal = ".") -> float | None:
    """Read one number, or None. `decimal` matters only where a lone mark stands before three digits.

    Example:
        >>> [parse_number(t) for t in ("¥1,234.50", "1.234,5", "(3.00)", "3.00-", "１２％", "12.5元", "abc")]
        [1234.5, 1234.5, -3.0, -3.0, 0.12, 12.5, None]
        >>> parse_number("1,234"), parse_number("1,234", decimal=",")
        (1234.0, 1.234)
    """
    word = _plain_number(text)
    negative = False
    if word.startswith("(") and word.endswith(")"):
        negative, word = True, word[1:-1]
    elif word.endswith("-") and not word.startswith("-"):
        negative, word = True, word[:-1]
    scale = _SCALES.get(word[-1:], 1.0)
    word = word[:-1] if word[-1:] in _SCALES else word
    match = _SIGNED.fullmatch(word)
    if not match:
        return None
    sign, digits, exponent = match.groups()
    mark = _decimal_mark(digits, decimal)
    if mark is None:
        return None
    whole, _, fraction = digits.partition(mark) if mark else (digits, "", "")
    value = float(f"{_without_groups(whole)}.{fraction or 0}e{exponent or 0}")
    value = value * scale if scale >= 1 else value / round(1 / scale)
    return -value if (sign == "-") != negative else value


def _plain_number(text: str) -> str:
    """Without currency, count words and blanks; full-width digits and odd minus signs made plain."""
    word = unicodedata.normalize("NFKC", text).casefold().strip("'\"=\ufeff \t")
    word = word.replace("−", "-").replace("–", "-").replace("﹣", "-")
    word = _COUNTED.sub("", _MONEY.sub("", word)).strip()
    # Blanks and apostrophes are thousands marks only between groups of three; elsewhere they are a fault.
    return re.sub(r"(?<=\d)[ '’](?=\d{3}(?!\d))", "", re.sub(r"^([+-]) ", r"\1", word))


def _decimal_mark(digits: str, decimal: Decimal) -> str | None:
    """The decimal mark used in `digits`, "" when there is none, None when the marks make no number."""
    marks = [mark for mark in digits if mark in ".,"]
    if not marks:
        return ""
    last = marks[-1]
    if len(set(marks)) == 2:
        whole, _, fraction = digits.rpartition(last)
        ordered = marks.count(last) == 1 and _grouped(whole) and fraction.isdigit()
        return last if ordered else None
    if len(marks) > 1:
        return "" if _grouped(digits) else None
    return last if not _ambiguous(digits) or last == decimal else ""


def _ambiguous(digits: str) -> bool:
    """One mark, three digits behind and one to three before: a thousand or a decimal."""
    return bool(re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", digits))


def _grouped(whole: str) -> bool:
    return bool(re.fullmatch(r"\d{1,3}(?:,\d{3})+|\d{1,3}(?:\.\d{3})+|\d{1,3}(?:,\d{2})+,\d{3}|\d+", whole))


def _without_groups(whole: str) -> str:
    return whole.replace(",", "").replace(".", "") or "0"


@dataclass
class NumberEvidence:
    """What a column's values say about its decimal mark."""

    point: int = 0
    comma: int = 0
    unsure: int = 0

    def add(self, values: Iterable[str]) -> None:
        for value in values:
            match = _SIGNED.fullmatch(_plain_number(value).strip("()-%"))
            digits = match.group(2) if match else ""
            if _ambiguous(digits):
                self.unsure += 1
            elif mark := _decimal_mark(digits, "."):
                self.point += mark == "."
                self.comma += mark == ","
            elif "," in digits or "." in digits:  # thousands in groups: the other mark is the decimal one
                self.point += "," in digits
                self.comma += "." in digits

    @property
    def settled(self) -> bool:
        return self.point != self.comma or not self.unsure

    def decide(self, clue: Decimal) -> Decimal:
        """The column's decimal mark; `clue` (the rest of the file) where its own values do not tell."""
        return clue if self.point == self.comma else ("." if self.point > self.comma else ",")
