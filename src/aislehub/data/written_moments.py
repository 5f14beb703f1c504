"""Dates and times as people and programs write them, and what a column's values tell about the order of its dates."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

__all__ = ["DAY", "MICRO", "DateEvidence", "DateOrder", "Moment", "parse_moment"]

DateOrder = Literal["ymd", "dmy", "mdy"]
MICRO = 1_000_000
DAY = 86_400 * MICRO

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
