"""Clean values: numbers, dates, yes and no, and text, as tills, spreadsheets and web shops write them.

Every distinct value is read once, so the cost follows the number of distinct values. What one value
cannot tell (is 1,234 a thousand or a decimal? is 01/05 in January or in May?) is decided per column, from
all of its values, as a `Style`. A value that cannot be read stays as it was written, so that its row is
rejected with it; nothing is ever made up.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aislehub.core.contract import ARROW, Column

__all__ = ["DateEvidence", "DateOrder", "Decimal", "NumberEvidence", "Style", "clean", "parse_moment", "parse_number"]

Decimal = Literal[".", ","]
DateOrder = Literal["ymd", "dmy", "mdy"]
MICRO = 1_000_000
DAY = 86_400 * MICRO

_EMPTY = {
    "",
    "-",
    "--",
    "---",
    "—",
    "–",
    "null",
    "(null)",
    "none",
    "n/a",
    "#n/a",
    "na",
    "nan",
    "nat",
    "nil",
    "\\n",
    "#null!",
}
_YES = {"是", "有", "对", "真", "启用", "yes", "y", "true", "t", "1", "on", "x", "✓", "√", "ja", "oui", "si", "sí"}
_NO = {"否", "无", "没有", "不", "假", "停用", "no", "n", "false", "f", "0", "off", "nein", "non"}


@dataclass(frozen=True)
class Style:
    """How one column writes what a single value cannot tell.

    Attributes:
        decimal: the decimal mark of numbers such as 1,234.
        date_order: the order of dates such as 01/05/2017.
        timed: some value of the column has a time of day; where none has, a moment is the close of its day.
        typed: the source has types, so its text is text: no `n/a` for nothing, no `="00123"` for a code.
    """

    decimal: Decimal = "."
    date_order: DateOrder = "ymd"
    timed: bool = True
    typed: bool = False


def clean(raw: pa.ChunkedArray, column: Column, style: Style, zone: str | pa.Array, is_code: bool) -> pa.ChunkedArray:
    """One column's values, typed as promised; where some cannot be read, as text with those left as written.

    Args:
        raw: values (n,) of any type.
        column: what is promised.
        style: what the column's values showed together.
        zone: IANA time zone of moments without one, for all rows or one per row.
        is_code: the column holds codes: full-width letters and a spreadsheet's `.0` and `="…"` are undone.
    """
    if pa.types.is_dictionary(raw.type):
        raw = raw.cast(raw.type.value_type)
    if pa.types.is_large_string(raw.type):
        raw = raw.cast(pa.string())
    if raw.type == column.arrow and column.type != "text":
        return raw
    match column.type:
        case "text":
            return _clean_text(raw, is_code, style.typed)
        case "float" | "int":
            return _clean_number(raw, column, style)
        case "bool":
            return raw if pa.types.is_integer(raw.type) else _readable(raw, column, _parse_bool)
        case _:
            return _clean_moment(raw, column, style, zone)


# -- numbers ----------------------------------------------------------------------------------------

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


def _clean_number(raw: pa.ChunkedArray, column: Column, style: Style) -> pa.ChunkedArray:
    if not pa.types.is_string(raw.type):
        return raw
    if style.decimal == ".":
        try:
            return raw.cast(pa.float64()) if column.type == "float" else raw.cast(pa.int64())
        except pa.ArrowInvalid:
            pass  # some value is written for people: read each distinct one below

    def parse(text: str) -> float | int | None:
        value = parse_number(text, style.decimal)
        if column.type == "float" or value is None:
            return value
        return int(value) if value.is_integer() else None

    return _readable(raw, column, parse)


def _parse_bool(text: str) -> bool | None:
    word = unicodedata.normalize("NFKC", text).strip().casefold()
    return True if word in _YES else False if word in _NO else None


def _readable(raw: pa.ChunkedArray, column: Column, parse: Callable[[str], object]) -> pa.ChunkedArray:
    """Read each distinct text once. With unreadable ones the result stays text, for the contract to name them."""
    coded = raw.cast(pa.string()).combine_chunks().dictionary_encode()
    texts: list[str] = coded.dictionary.to_pylist()
    blank = [_is_empty(text) for text in texts]
    values = [None if empty else parse(text) for text, empty in zip(texts, blank, strict=True)]
    if any(value is None and not empty for value, empty in zip(values, blank, strict=True)):
        lookup = pa.array(
            [
                None if empty else (text if value is None else str(value))
                for text, value, empty in zip(texts, values, blank, strict=True)
            ],
            pa.string(),
        )
    else:
        lookup = pa.array(values, column.arrow)
    return pa.chunked_array([lookup.take(coded.indices)])


def _is_empty(text: str) -> bool:
    return text.strip("\ufeff\u200b\u3000 \t\r\n").casefold() in _EMPTY


# -- text -------------------------------------------------------------------------------------------


def _clean_text(raw: pa.ChunkedArray, is_code: bool, typed: bool) -> pa.ChunkedArray:
    if pa.types.is_floating(raw.type):
        whole = pc.equal(raw, pc.floor(raw))
        if pc.all(pc.fill_null(whole, True)).as_py():  # codes that a missing value turned into floats
            raw = raw.cast(pa.int64())
    if not pa.types.is_string(raw.type):
        return raw.cast(pa.string())
    if typed:
        trimmed = pc.utf8_trim_whitespace(raw)
        blank = pc.equal(trimmed, "")
        return pc.if_else(blank, pa.scalar(None, pa.string()), trimmed) if pc.any(blank).as_py() else trimmed
    trimmed = pc.utf8_trim(raw, "\ufeff\u200b\u3000 \t\r\n")
    lowered = pc.is_in(pc.utf8_lower(trimmed), pa.array(sorted(_EMPTY)))
    if pc.any(lowered).as_py():
        trimmed = pc.if_else(lowered, pa.scalar(None, pa.string()), trimmed)
    if not is_code or not pc.any(pc.match_substring_regex(trimmed, r"[^\x21-\x7e]|^[='\"]|^\d+\.0+$")).as_py():
        return trimmed
    coded = trimmed.combine_chunks().dictionary_encode()
    lookup = pa.array([None if t is None else _clean_code(t) for t in coded.dictionary.to_pylist()], pa.string())
    return pa.chunked_array([lookup.take(coded.indices)])


def _clean_code(text: str) -> str:
    """`="00123"`, `'00123`, `123.0` and full-width １２３ as the code they stand for."""
    word = unicodedata.normalize("NFKC", text).strip()
    word = re.sub(r'^="(.*)"$', r"\1", word).lstrip("'")
    return re.sub(r"^(\d+)\.0+$", r"\1", word)


# -- dates and times --------------------------------------------------------------------------------

_MORNING = ("上午", "凌晨", "早上", "早晨", "am", "a.m.")
_AFTERNOON = ("下午", "晚上", "中午", "傍晚", "pm", "p.m.")
_HALVES = "|".join(re.escape(word) for word in _MORNING + _AFTERNOON)
_WEEKDAY = re.compile(
    r"\(?(星期|周|礼拜)[一二三四五六日天]\)?|\b(mon|tues?|wed(nes)?|thu(rs)?|fri|sat(ur)?|sun)(day)?\b\.?,?"
)
_MOMENT = re.compile(
    r"(?P<date>\S.*?)"
    r"(?:(?:\s+|(?<=\d)t|(?=上午|下午|凌晨|晚上|中午))\s*"
    rf"(?:(?P<before>{_HALVES})\s*)?"
    r"(?:(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"|(?P<compact>\d{6})|(?P<share>0?\.\d+))"
    rf"(?:\s*(?P<after>{_HALVES}))?"
    r"(?:\s*(?P<zone>z|utc|gmt|(?:utc|gmt)?[+-]\d{2}:?\d{2}|[+-]\d{2}))?)?"
)
_YEAR_FIRST = re.compile(r"(\d{4})\s*[-/.]\s*(\d{1,2})\s*[-/.]\s*(\d{1,2})[-.]?")
_YEAR_LAST = re.compile(r"(\d{1,2})\s*[-/.]\s*(\d{1,2})\s*[-/.]\s*(\d{4}|\d{2})")
_NAMED = re.compile(r"(\d{1,2})(?:st|nd|rd|th|\.)?[\s-]*([^\W\d_]{3,9})\.?,?[\s-]*(\d{4}|\d{2})")
_NAMED_FIRST = re.compile(r"([^\W\d_]{3,9})\.?[\s-]*(\d{1,2})(?:st|nd|rd|th)?,?[\s-]+(\d{4})")
_MONTHS = {
    "jan": 1, "ene": 1, "gen": 1, "feb": 2, "fev": 2, "mar": 3, "mrz": 3, "maer": 3, "apr": 4, "avr": 4, "abr": 4,
    "may": 5, "mai": 5, "mag": 5, "jun": 6, "juin": 6, "giu": 6, "jul": 7, "juil": 7, "lug": 7, "aug": 8,
    "aou": 8, "ago": 8, "sep": 9, "set": 9, "oct": 10, "okt": 10, "ott": 10, "nov": 11, "dec": 12, "dez": 12,
    "dic": 12,
}  # fmt: skip
_EPOCH = datetime(1970, 1, 1)
_EXCEL = datetime(1899, 12, 30)


@dataclass(frozen=True)
class Moment:
    """A moment as written: microseconds since 1970 on its own clock, or in UTC where it is `aware`."""

    micros: int
    aware: bool = False

    @property
    def timed(self) -> bool:
        """Not at midnight: a column in which no value is gives days, not times."""
        return self.aware or self.micros % DAY != 0


def parse_moment(text: str, order: DateOrder = "ymd") -> Moment | None:
    """Read one date or time, or None. `order` matters only for dates such as 01/05/2017.

    Reads ISO 8601, 2017/1/5, 20170105, 5.1.2017, 2017年1月5日 14:03, Jan 5, 2017 2:03 PM, spreadsheet serials
    (days since 1899-12-30), Unix seconds and milliseconds. An offset such as +08:00 makes the moment aware.

    Example:
        >>> moment = parse_moment("2017年1月5日 下午2:03")
        >>> str(datetime(1970, 1, 1) + timedelta(microseconds=moment.micros))
        '2017-01-05 14:03:00'
    """
    word = _plain_moment(text)
    if re.fullmatch(r"\d+(\.\d*)?", word):
        return _counted_moment(word)
    match = _MOMENT.fullmatch(word)
    if not match:
        return None
    day = _parse_date(match["date"].strip(" ,"), order)
    if day is None:
        return None
    start = (datetime.combine(day, datetime.min.time()) - _EPOCH) // timedelta(microseconds=1)
    clock = _clock(match)
    if clock is None:
        return None
    zone = match["zone"]
    return Moment(start + clock - _offset(zone or ""), aware=bool(zone))


def _plain_moment(text: str) -> str:
    word = unicodedata.normalize("NFKC", text).strip("'\"=\ufeff\u200b \t\r\n").casefold()
    word = re.sub(r"(?<=\d)\s*年\s*(?=\d)|(?<=\d)\s*月\s*(?=\d)", "-", word)
    word = re.sub(r"(?<=\d)\s*[日号]", " ", word)
    word = re.sub(r"(?<=\d)[时点](?=\d)", ":", word)
    word = re.sub(r"(?<=\d)分(?=\d)", ":", word)
    word = re.sub(r"(?<=\d)[分秒]", "", word)
    return re.sub(r"\s+", " ", _WEEKDAY.sub(" ", word)).strip(" ,")


def _counted_moment(word: str) -> Moment | None:
    """Digits only: yyyymmdd, yyyymmddhhmm(ss), a spreadsheet serial, Unix seconds, milliseconds or microseconds."""
    digits = word.partition(".")[0]
    if len(digits) in {8, 12, 14} and 1900 <= int(digits[:4]) <= 2100 and "." not in word:
        try:
            moment = datetime.strptime(digits.ljust(14, "0"), "%Y%m%d%H%M%S")
        except ValueError:
            return None
        return Moment((moment - _EPOCH) // timedelta(microseconds=1))
    value = float(word)
    if 20_000 <= value < 80_000:  # 1954 to 2119
        moment = _EXCEL + timedelta(seconds=round(value * 86_400))
        return Moment((moment - _EPOCH) // timedelta(microseconds=1))
    for count, per_second in ((10, 1), (13, 1_000), (16, MICRO)):
        if len(digits) == count and int(digits) // per_second > 600_000_000:
            return Moment(round(value * (MICRO // per_second)), aware=True)
    return None


def _parse_date(word: str, order: DateOrder) -> date | None:
    if match := _YEAR_FIRST.fullmatch(word):
        return _date(*map(int, match.groups()))
    if re.fullmatch(r"\d{8}", word):
        return _date(int(word[:4]), int(word[4:6]), int(word[6:]))
    if match := _YEAR_LAST.fullmatch(word):
        return _date_in_order(*map(int, match.groups()), order=order, short=len(match[3]) == 2)
    if match := _NAMED.fullmatch(word):
        return _date(_full_year(int(match[3])), _month(match[2]), int(match[1]))
    if match := _NAMED_FIRST.fullmatch(word):
        return _date(int(match[3]), _month(match[1]), int(match[2]))
    return None


def _date_in_order(first: int, second: int, third: int, *, order: DateOrder, short: bool) -> date | None:
    """A date of three numbers: in the column's order, else in the only other one that gives a date."""
    if order == "ymd" and short:
        return _date(_full_year(first), second, third)
    year = _full_year(third) if short else third
    day_first, month_first = _date(year, second, first), _date(year, first, second)
    return (month_first or day_first) if order == "mdy" else (day_first or month_first)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day) if 1900 <= year <= 2100 else None
    except ValueError:
        return None


def _full_year(year: int) -> int:
    return year if year >= 100 else 2000 + year if year < 70 else 1900 + year


def _month(name: str) -> int:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return next((_MONTHS[plain[:size]] for size in (4, 3) if plain[:size] in _MONTHS), 0)


def _clock(match: re.Match[str]) -> int | None:
    """Microseconds since midnight; 24:00 is the next midnight."""
    if match["share"]:
        return round(float(match["share"]) * 86_400) * MICRO
    if match["compact"]:
        hour, minute, second = (int(match["compact"][at : at + 2]) for at in (0, 2, 4))
    else:
        hour, minute, second = int(match["hour"] or 0), int(match["minute"] or 0), int(match["second"] or 0)
    half = match["before"] or match["after"]
    if half and half in _AFTERNOON and hour < 12:
        hour += 12
    elif half and half in _MORNING and hour == 12:
        hour = 0
    if hour > 24 or minute > 59 or second > 59 or (hour == 24 and (minute or second)):
        return None
    fraction = int((match["fraction"] or "0").ljust(6, "0")[:6])
    return ((hour * 60 + minute) * 60 + second) * MICRO + fraction


def _offset(zone: str) -> int:
    match = re.search(r"([+-])(\d{2}):?(\d{2})?", zone)
    if not match:
        return 0
    minutes = int(match[2]) * 60 + int(match[3] or 0)
    return (-minutes if match[1] == "-" else minutes) * 60 * MICRO


@dataclass
class DateEvidence:
    """What a column's values say about the order of dates such as 01/05/2017, and whether they have times."""

    day_first: int = 0
    month_first: int = 0
    timed: int = 0
    dotted: int = 0
    halves: int = 0
    unsure: set[tuple[int, int, int]] = field(default_factory=set)
    known: set[date] = field(default_factory=set)
    short: set[tuple[int, int, int]] = field(default_factory=set)

    def add(self, values: Iterable[str]) -> None:
        for value in values:
            moment = parse_moment(value)
            if moment is None:
                continue
            self.timed += moment.timed
            match = _MOMENT.fullmatch(_plain_moment(value))
            self.halves += bool(match and match["after"])
            parts = _YEAR_LAST.fullmatch(match["date"].strip(" ,")) if match else None
            if match is None or parts is None:
                self.known.add((_EPOCH + timedelta(microseconds=moment.micros)).date())
                continue
            self.dotted += "." in match["date"]
            first, second, third = map(int, parts.groups())
            if len(parts[3]) == 2:
                self.short.add((first, second, third))
            if first > 12 or second > 12:
                self.day_first += first > 12
                self.month_first += second > 12
            else:
                self.unsure.add((first, second, _full_year(third)))

    @property
    def settled(self) -> bool:
        return self.day_first != self.month_first or not self.unsure

    def decide(self, clue: DateOrder) -> tuple[DateOrder, bool]:
        """The column's order, and whether its values settle it.

        Exports cover a stretch of days and none in the future; where no value settles the order, the one does
        that spans clearly fewer days, those written in a plain way (ISO, named months) included. `clue` (the
        rest of the file) decides what is left.
        """
        if self.short and len({first for first, _, _ in self.short}) < len({third for *_, third in self.short}):
            return "ymd", True
        if self.day_first != self.month_first:
            return ("dmy" if self.day_first > self.month_first else "mdy"), not (self.day_first and self.month_first)
        if not self.unsure:
            return clue, True
        by_day = _span([*self.known, *(_date(year, second, first) for first, second, year in self.unsure)])
        by_month = _span([*self.known, *(_date(year, first, second) for first, second, year in self.unsure)])
        if (self.known or len(self.unsure) >= 3) and max(by_day, by_month) > 3 * min(by_day, by_month):
            return ("dmy" if by_day < by_month else "mdy"), True
        if self.dotted or self.halves:
            return ("dmy" if self.dotted else "mdy"), bool(self.dotted)
        return clue, all(first == second for first, second, _ in self.unsure)


def _span(days: Sequence[date | None]) -> int:
    """Days from the first to the last; a day in the future makes a reading implausible."""
    real = [day for day in days if day]
    future = date.today() + timedelta(days=400)
    return (max(real) - min(real)).days + 1 + (100_000 if max(real) > future else 0) if real else 1_000_000


@dataclass(frozen=True)
class _Moments:
    """Moments of n rows: microseconds since 1970, whether that is UTC already, whether there is one."""

    micros: np.ndarray
    aware: np.ndarray
    read: np.ndarray


def _clean_moment(raw: pa.ChunkedArray, column: Column, style: Style, zone: str | pa.Array) -> pa.ChunkedArray:
    moments, unread = _moments(raw, style)
    if unread is not None:
        left = _clean_moment(pc.if_else(unread, pa.scalar(None, raw.type), raw), column, style, zone)
        return pc.if_else(unread, raw.cast(pa.string()), left.cast(pa.string()))
    instants = _instants(moments, style, zone)
    if column.type == "time":
        return instants
    return _local(instants, zone).cast(pa.date32())


def _moments(raw: pa.ChunkedArray, style: Style) -> tuple[_Moments, pa.ChunkedArray | None]:
    """All rows' moments, and a mask of the rows that cannot be read where there are any."""
    kind = raw.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        micros = raw.cast(pa.timestamp("us", tz=getattr(kind, "tz", None)), safe=False).cast(pa.int64())
        read = np.asarray(pc.is_valid(raw))
        values = micros.fill_null(0).to_numpy()
        aware = np.full(len(raw), bool(getattr(kind, "tz", None)))
        return _Moments(values, aware, read), None
    if pa.types.is_string(kind):
        try:
            stamps = raw.cast(pa.timestamp("us"))
        except pa.ArrowInvalid:
            pass  # not plain ISO 8601: read each distinct value below
        else:
            values = stamps.cast(pa.int64()).fill_null(0).to_numpy()
            return _Moments(values, np.zeros(len(raw), bool), np.asarray(pc.is_valid(raw))), None
    coded = raw.cast(pa.string()).combine_chunks().dictionary_encode()
    texts: list[str] = coded.dictionary.to_pylist()
    found = [None if _is_empty(text) else parse_moment(text, style.date_order) for text in texts]
    wrong = [value is None and not _is_empty(text) for value, text in zip(found, texts, strict=True)]
    places = np.asarray(coded.indices.fill_null(len(texts)))

    def spread(values: Sequence[object], missing: object, kind: type) -> np.ndarray:
        return np.array([*values, missing], dtype=kind)[places]

    moments = _Moments(
        micros=spread([value.micros if value else 0 for value in found], 0, np.int64),
        aware=spread([bool(value and value.aware) for value in found], False, np.bool_),
        read=spread([value is not None for value in found], False, np.bool_),
    )
    return moments, pa.chunked_array([pa.array(spread(wrong, False, np.bool_))]) if any(wrong) else None


def _instants(moments: _Moments, style: Style, zone: str | pa.Array) -> pa.ChunkedArray:
    """Moments in UTC. In a column without times, a day's moment is its close, 23:59:59."""
    micros = moments.micros
    if not style.timed:
        micros = micros + np.where(moments.aware | (micros % DAY != 0), 0, DAY - MICRO)
    local = pa.array(micros, mask=~moments.read).cast(pa.timestamp("us"))
    instants = _per_zone(local, zone, _to_utc)
    if moments.aware.any():
        instants = pc.if_else(pa.array(moments.aware), local.cast(ARROW["time"]), instants)
    return pa.chunked_array([instants])


def _local(instants: pa.ChunkedArray, zone: str | pa.Array) -> pa.ChunkedArray:
    """Clock time in each row's zone."""
    return pa.chunked_array([_per_zone(instants.combine_chunks(), zone, _from_utc)])


def _to_utc(local: pa.Array, zone: str) -> pa.Array:
    return pc.assume_timezone(local, zone, ambiguous="earliest", nonexistent="latest").cast(ARROW["time"])


def _from_utc(instants: pa.Array, zone: str) -> pa.Array:
    return pc.local_timestamp(instants.cast(pa.timestamp("us", tz=zone)))


def _per_zone(times: pa.Array, zone: str | pa.Array, convert: Callable[[pa.Array, str], pa.Array]) -> pa.Array:
    if isinstance(zone, str):
        return convert(times, zone)
    result = None
    for name in pc.unique(zone).to_pylist():
        one = convert(times, name)
        result = one if result is None else pc.if_else(pc.equal(zone, name), one, result)
    return result if result is not None else convert(times, "UTC")
