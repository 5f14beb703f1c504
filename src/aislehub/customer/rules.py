"""Rules of segments: a small language over the columns of a profile, read by a parser of its own, never evaluated.

    discount_share is high and not stage = lapsed
    (recency_days < 60 or views_30 >= 5) and main_store in ('367', '406')

Columns are compared by `=`, `!=`, `<`, `<=`, `>`, `>=` with a number, a day (2024-06-30) or a word, quoted or not; with
several by `in (…)`; with other members by `is high` and `is low`; and `is empty`, `is known` ask whether there is
anything. `not`, `and`, `or` and brackets join them. A comparison with an empty cell is neither true nor false, so
neither it nor its opposite puts a member into a segment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aislehub.core.contract import Column
from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.text import say
from aislehub.schema.profiles import CUSTOMER_PROFILES

__all__ = [
    "CLUSTER",
    "COLUMNS",
    "WITH_CLUSTER",
    "Both",
    "Condition",
    "Either",
    "Limits",
    "Not",
    "Rule",
    "conditions",
    "matches",
    "parse",
    "scores",
]

FloatArray = NDArray[np.float64]
COLUMNS = {
    column.name: column for column in CUSTOMER_PROFILES.columns if column.name not in ("day", "customer", "source")
}
"""What a rule that is kept may ask for."""
CLUSTER = Column("cluster", "text", "Number of the member's cluster this week", required=False)
WITH_CLUSTER = {**COLUMNS, CLUSTER.name: CLUSTER}
"""What a rule that is tried may ask for: a cluster's number may be another next week."""
LONGEST = 2_000
DEEPEST = 40
_TOKEN = re.compile(
    r"\s*(?:(?P<day>\d{4}-\d{2}-\d{2})|(?P<number>-?\d+(?:\.\d+)?)|(?P<text>'[^']*'|\"[^\"]*\")"
    r"|(?P<sign><=|>=|!=|==|=|<|>|\(|\)|,)|(?P<word>[^\W\d]\w*))"
)
_SIGNS = ("=", "==", "!=", "<", "<=", ">", ">=")
_STATES = ("high", "low", "empty", "known")


@dataclass(frozen=True)
class Condition:
    """One comparison: `sign` is one of the language's, `in` or `is`."""

    column: str
    sign: str
    value: Any


@dataclass(frozen=True)
class Not:
    """Where the part does not hold."""

    part: Rule


@dataclass(frozen=True)
class Both:
    """Where all parts hold."""

    parts: tuple[Rule, ...]


@dataclass(frozen=True)
class Either:
    """Where one part holds."""

    parts: tuple[Rule, ...]


Rule = Condition | Not | Both | Either


@dataclass(frozen=True)
class Limits:
    """What is high and low among members, from the house's own data.

    Attributes:
        values: column → its values among the members compared with, in order.
        low, high: shares of members at which low ends and high begins.
        least_visits: visits of a year below which a member is neither, since a share of two visits says little.
    """

    values: Mapping[str, FloatArray]
    low: float
    high: float
    least_visits: int

    @classmethod
    def of(cls, members: pd.DataFrame, *, low: float, high: float, least_visits: int) -> Limits:
        """Of profiles; those with fewer visits are not compared with."""
        regular = members[members["visits_365"] >= least_visits]
        numbers = [name for name, column in COLUMNS.items() if column.type in ("int", "float")]
        values = {name: np.sort(regular[name].dropna().to_numpy(float)) for name in numbers}
        return cls(values, low, high, least_visits)

    def at(self, column: str, state: str) -> float:
        """The value at which high begins or low ends; NaN where there is nobody to compare with."""
        values = self.values[column]
        return float(np.quantile(values, self.high if state == "high" else self.low)) if len(values) else np.nan

    def exceeded(self, column: str, state: str, value: FloatArray) -> FloatArray:
        """Share of members that lie below the value, or above it for `low`."""
        values = self.values[column]
        if not len(values):
            return np.zeros(len(value))
        if state == "high":
            return np.searchsorted(values, value, "left") / len(values)
        return 1 - np.searchsorted(values, value, "right") / len(values)


def parse(text: str, columns: Mapping[str, Column] = COLUMNS) -> Rule:
    """A rule from its text.

    Args:
        columns: those that it may ask for.

    Raises:
        HubError: `segment.too_long`, `segment.syntax` (with the place), `segment.column` (with the nearest name),
            `segment.value` (a value that the column cannot have).
    """
    if len(text) > LONGEST:
        raise HubError("segment.too_long", length=len(text), limit=LONGEST)
    reader = _Reader(text, columns)
    rule = reader.either(0)
    if reader.kind != "end":
        raise reader.wrong()
    return rule


def matches(rule: Rule, members: pd.DataFrame, limits: Limits) -> NDArray[np.bool_]:
    """Which members the rule holds for, (n,)."""
    return np.asarray(_holds(rule, members, limits).fillna(False), dtype=bool)


def scores(rule: Rule, members: pd.DataFrame, limits: Limits) -> FloatArray:
    """How clearly each member belongs, (n,): of its `is high` and `is low` that hold, the least share of members
    exceeded; without any, the share of members whom the rule leaves out."""
    inside = matches(rule, members, limits)
    found = np.full(len(members), np.inf)
    for condition in conditions(rule):
        if condition.sign == "is" and condition.value in ("high", "low"):
            held = np.asarray(_holds(condition, members, limits).fillna(False), dtype=bool)
            share = limits.exceeded(condition.column, condition.value, members[condition.column].to_numpy(float))
            found = np.where(held, np.minimum(found, share), found)
    rare = 1 - inside.mean() if len(inside) else 0.0
    return np.where(np.isfinite(found), found, rare)


def conditions(rule: Rule) -> Iterator[Condition]:
    """All comparisons of a rule, in order."""
    if isinstance(rule, Condition):
        yield rule
    else:
        for part in (rule.part,) if isinstance(rule, Not) else rule.parts:
            yield from conditions(part)


def _holds(rule: Rule, members: pd.DataFrame, limits: Limits) -> pd.Series:
    """True, false or unknown (Kleene), of each member."""
    if isinstance(rule, Not):
        return ~_holds(rule.part, members, limits)
    if isinstance(rule, Both | Either):
        found = [_holds(part, members, limits) for part in rule.parts]
        joined = found[0]
        for one in found[1:]:
            joined = joined & one if isinstance(rule, Both) else joined | one
        return joined
    cells = members[rule.column]
    if rule.sign == "is":
        return _state(rule, members, limits)
    if WITH_CLUSTER[rule.column].type == "date":
        cells = pd.to_datetime(cells)
    known = cells.notna()
    result = _compared(cells, rule.sign, rule.value)
    return result.astype("boolean").where(known, pd.NA)


def _compared(cells: pd.Series, sign: str, value: Any) -> pd.Series:
    if sign == "in":
        return cells.isin(list(value))
    if isinstance(value, date):
        value = pd.Timestamp(value)
    if sign in ("=", "=="):
        return cells == value
    if sign == "!=":
        return cells != value
    if cells.dtype == object:  # words have no order; the parser lets only numbers and days come here
        cells = cells.astype(float)
    return {"<": cells.lt, "<=": cells.le, ">": cells.gt, ">=": cells.ge}[sign](value)


def _state(rule: Condition, members: pd.DataFrame, limits: Limits) -> pd.Series:
    cells = members[rule.column]
    if rule.value in ("empty", "known"):
        return (cells.isna() if rule.value == "empty" else cells.notna()).astype("boolean")
    values, limit = limits.values[rule.column], limits.at(rule.column, rule.value)
    if not len(values):
        return pd.Series(False, members.index, dtype="boolean")
    number = cells.astype(float)
    # Where most members are alike (no coupons at all), who is like them is neither high nor low.
    inside = (number >= limit) & (number > values[0]) if rule.value == "high" else (number <= limit) & (
        number < values[-1])  # fmt: skip
    regular = members["visits_365"] >= limits.least_visits
    return (inside & regular).astype("boolean").where(number.notna(), pd.NA)


class _Reader:
    """One token after the other; `either`, `both`, `one` are the grammar's three levels."""

    def __init__(self, text: str, columns: Mapping[str, Column]) -> None:
        self.columns = columns
        self.text, self.place, self.next = text, 0, 0
        self.kind, self.token = "", ""
        self.advance()

    def advance(self) -> None:
        self.place = self.next
        found = _TOKEN.match(self.text, self.place)
        if found is None:
            rest = self.text[self.place :].strip()
            self.kind, self.token = ("end", "") if not rest else ("wrong", rest[:12])
            return
        self.kind, self.next = str(found.lastgroup), found.end()
        self.token = found.group(self.kind)

    def wrong(self) -> HubError:
        return HubError("segment.syntax", text=self.text, place=self.place + 1, token=self.token or "…")

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.token.lower() in words

    def take(self, sign: str) -> None:
        if self.kind != "sign" or self.token != sign:
            raise self.wrong()
        self.advance()

    def either(self, depth: int) -> Rule:
        parts = [self.both(depth)]
        while self.is_word("or"):
            self.advance()
            parts.append(self.both(depth))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def both(self, depth: int) -> Rule:
        parts = [self.one(depth)]
        while self.is_word("and"):
            self.advance()
            parts.append(self.one(depth))
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def one(self, depth: int) -> Rule:
        negated = False
        while self.is_word("not"):
            self.advance()
            negated = not negated
        if self.kind == "sign" and self.token == "(":
            if depth >= DEEPEST:
                raise self.wrong()
            self.advance()
            inner = self.either(depth + 1)
            self.take(")")
        else:
            inner = self.condition()
        return Not(inner) if negated else inner

    def condition(self) -> Condition:
        if self.kind != "word" or self.is_word("and", "or", "in", "is"):
            raise self.wrong()
        name = self.token
        if name not in self.columns:
            raise HubError("segment.column", column=name, suggestion=did_you_mean(name, self.columns))
        self.advance()
        if self.is_word("is"):
            self.advance()
            state = self.token.lower()
            if self.kind != "word" or state not in _STATES:
                raise self.wrong()
            if state in ("high", "low") and self.columns[name].type not in ("int", "float"):
                raise _misfit(self.columns[name], "is", state)
            self.advance()
            return Condition(name, "is", state)
        if self.is_word("in"):
            self.advance()
            self.take("(")
            values = [self.value(name, "=")]
            while self.kind == "sign" and self.token == ",":
                self.advance()
                values.append(self.value(name, "="))
            self.take(")")
            return Condition(name, "in", tuple(values))
        if self.kind != "sign" or self.token not in _SIGNS:
            raise self.wrong()
        sign = self.token
        self.advance()
        return Condition(name, sign, self.value(name, sign))

    def value(self, name: str, sign: str) -> Any:
        column, kind, token = self.columns[name], self.kind, self.token
        if kind not in ("number", "day", "text", "word"):
            raise self.wrong()
        found: Any = token[1:-1] if kind == "text" else token
        if column.type in ("int", "float"):
            fits, found = kind == "number", float(token) if kind == "number" else found
        elif column.type == "date":
            fits = kind == "day"
            try:
                found = date.fromisoformat(token) if fits else found
            except ValueError:
                fits = False
        else:
            fits = sign in ("=", "==", "!=") and (not column.values or found in column.values)
        if not fits:
            raise _misfit(column, sign, token)
        self.advance()
        return found


def _misfit(column: Column, sign: str, value: str) -> HubError:
    """The refusal of a comparison that a column cannot stand in: what was written, what the column is, a right one."""
    if column.values:
        kind, right = say("segment.one_of", values=", ".join(column.values)), f"= {column.values[0]}"
    elif column.type == "text":
        kind, right = say("segment.text"), "= 'abc'"
    else:
        kind, example = {
            "int": (say("segment.int"), "5"), "float": (say("segment.float"), "0.5"),
            "date": (say("segment.date"), "2024-06-30"),
        }[column.type]  # fmt: skip
        right = f"{sign} {example}"
    written, right = f"{column.name} {sign} {value}", f"{column.name} {right}"
    return HubError("segment.value", column=column.name, written=written, kind=kind, example=right)
