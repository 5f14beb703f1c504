"""What a learner is told about one forecast: series i, made at origin o, for the period h steps ahead.

Direct strategy: every feature is known at the origin (levels, trends, the slot's own past), or known ahead of the
target period (calendar, price, promotion). No forecast feeds another, so errors do not compound over the horizon
and one pass gives all steps. Demand enters only as a ratio to the series' own level, so one model serves a series
of 0.1 a day and one of 5,000.

All windows come from running sums, so that a million rows for random (i, o, h) cost a few array look-ups each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aislehub.demand.panel import FloatArray, Panel

__all__ = ["FAMILIES", "Features", "RowIndex"]

IntArray = NDArray[Any]

FAMILIES = {
    "level": "base",
    "identity": "base",
    "season": "season",
    "calendar": "season",
    "trend": "trend",
    "price": "price",
    "promotion": "promotion",
    "event": "event",
}
"""Family of a feature → the part of the forecast that it explains."""

MAX_CONDITIONS = 6
MAX_CONDITION_LEVELS = 4
PRIOR_PERIODS = 14.0
_PRICE_NAMES = ("price", "cost", "discount")
_EVENT_NAMES = ("holiday", "event", "snap", "weather", "temp", "school", "open", "closed")


@dataclass(frozen=True)
class RowIndex:
    """Which forecasts: `series`, `origin` (periods of history used) and `step` (1 = next period), equally long."""

    series: IntArray
    origin: IntArray
    step: IntArray

    @property
    def target(self) -> IntArray:
        """Column of the period to forecast."""
        return self.origin + self.step - 1


class _Sums:
    """Running sums and counts of the known values, along time and, with a cycle, along each slot of it."""

    def __init__(self, values: FloatArray, cycle: int | None = None) -> None:
        given = ~np.isnan(values)
        filled = np.where(given, values, 0).astype(np.float64)
        self.total = _running(filled)
        self.count = _running(given.astype(np.float32))
        if cycle is not None:
            self.cycle = cycle
            self.slot_total = _running_by_slot(filled, cycle)
            self.slot_count = _running_by_slot(given.astype(np.float32), cycle)

    def sum(self, row: IntArray, end: IntArray, span: int) -> tuple[FloatArray, FloatArray]:
        """Sum and count over the `span` periods before `end`."""
        end = np.clip(end, 0, self.total.shape[1] - 1)
        start = np.maximum(end - span, 0)
        return (
            self.total[row, end] - self.total[row, start],
            (self.count[row, end] - self.count[row, start]).astype(np.float64),
        )

    def mean(self, row: IntArray, end: IntArray, span: int) -> FloatArray:
        total, count = self.sum(row, end, span)
        return _ratio(total, count)

    def slot_sum(self, rows: RowIndex, row: IntArray, cycles: int) -> tuple[FloatArray, FloatArray]:
        """Sum and count over the last `cycles` periods before the origin that share the target's slot."""
        last = rows.target - self.cycle * -(-rows.step // self.cycle)
        end = np.maximum(last + self.cycle, 0)
        start = np.maximum(end - cycles * self.cycle, (end % self.cycle))
        return (
            self.slot_total[row, end] - self.slot_total[row, start],
            (self.slot_count[row, end] - self.slot_count[row, start]).astype(np.float64),
        )


class Features:
    """The feature table of a panel; `rows` fills it for any (series, origin, step)."""

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self._own = _Sums(panel.sold, panel.cycle)
        self._size = self._own if panel.nonnegative else _Sums(np.abs(panel.sold))
        self._sales_days = _Sums(np.where(np.isnan(panel.sold), np.nan, panel.sold > 0).astype(np.float32))
        self._first = np.where(~np.isnan(panel.y).all(axis=1), (~np.isnan(panel.y)).argmax(axis=1), panel.y.shape[1])
        positive = np.where(np.nan_to_num(panel.y) > 0, np.arange(panel.y.shape[1]), -1)
        self._last_sale = np.maximum.accumulate(positive, axis=1)
        self._groups = {name: (member, _Sums(totals, panel.cycle)) for name, (member, totals) in panel.groups.items()}
        self._conditions = self._make_conditions()
        self._known_sums = {
            name: _Sums(np.broadcast_to(values, (len(values), len(panel.periods))))
            for name, values in panel.known.items()
            if name not in panel.labels and name not in self._conditions
        }
        self._calendar = _calendar(panel.periods, panel.season)
        if panel.y.shape[1] <= panel.year + 4 * panel.season:
            # A first year shows each date once: its demand would pass for the date's effect.
            del self._calendar["day of year"], self._calendar["month"]
        self.names: list[str] = []
        self.families: list[str] = []
        self.categorical: list[str] = []

    @property
    def first(self) -> IntArray:
        """First period with a known demand, per series."""
        return self._first

    def level(self, rows: RowIndex) -> FloatArray:
        """The scale of a series at an origin: recent mean, drawn to its yearly mean where recent data are thin.

        Always > 0: a series that sold nothing gets a small share of the panel's mean.
        """
        spans = (4 * self.panel.season, 8 * self.panel.season) if self.panel.season > 1 else (4, 13)
        year, year_count = self._size.sum(rows.series, rows.origin, self.panel.year)
        floor = max(self.panel.grand_mean, 1e-6) * 0.02
        prior = np.maximum((year + floor) / (year_count + 1.0), floor * 0.05)
        means = []
        for span in spans:
            total, count = self._size.sum(rows.series, rows.origin, span)
            weight = PRIOR_PERIODS * self.panel.season / 7 if self.panel.season > 1 else 1.0
            means.append((total + weight * 0.5 * prior) / (count + weight * 0.5))
        return np.maximum(np.mean(means, axis=0), floor * 0.05)

    def base(self, rows: RowIndex, level: FloatArray) -> FloatArray:
        """The starting forecast: level × the slot's share of its cycle, shrunk towards the groups' share."""
        if self.panel.cycle == 1 or not self.panel.nonnegative:
            return level
        total, count = self._own.slot_sum(rows, rows.series, 13)
        cycle_total, cycle_count = self._own.sum(rows.series, rows.origin, 13 * self.panel.cycle)
        everyone, sums = np.zeros_like(rows.series), self._groups["all"][1]
        slot, usual = (
            _ratio(*sums.slot_sum(rows, everyone, 13)),
            sums.mean(everyone, rows.origin, 13 * self.panel.cycle),
        )
        market = np.nan_to_num(_ratio(slot, usual), nan=1.0)
        mean = np.maximum(np.nan_to_num(_ratio(cycle_total, cycle_count)), 1e-9)
        # Poisson–gamma shrinkage: a slot with many units sold speaks for itself, one with few follows the market.
        unit = 1.0 if self.panel.whole else np.maximum(mean, 1e-9)
        prior = 8.0 * unit
        own = (total + prior * market) / (count * mean + prior)
        return level * np.clip(own, 0.02, 50.0)

    def rows(self, rows: RowIndex) -> tuple[FloatArray, FloatArray]:
        """Features, shape (rows, features), float32 with NaN where unknown, and the starting forecast (rows,)."""
        panel, own = self.panel, self._own
        series, origin, target = rows.series, rows.origin, rows.target
        level = self.level(rows)
        base = self.base(rows, level)
        columns: list[tuple[str, str, FloatArray]] = []

        def add(family: str, name: str, values: FloatArray) -> None:
            columns.append((family, name, values))

        add("trend", "step", rows.step)
        add("level", "log level", np.log(level))
        spans = _spans(panel)
        for span in spans:
            family = "level" if span <= 8 * panel.season else "trend"
            add(family, f"mean {span}", own.mean(series, origin, span) / level)
        add("level", "last", own.mean(series, origin, 1) / level)
        add("level", "share of sales days", self._sales_days.mean(series, origin, spans[2]))
        add("level", "share of sales days, recent", self._sales_days.mean(series, origin, spans[0]))
        last_sale = self._last_sale[series, np.maximum(origin - 1, 0)]
        add("level", "periods since sale", np.where(last_sale < 0, np.nan, origin - 1 - last_sale))
        gap = origin - 1 - np.maximum(last_sale, self._first[series] - 1)
        usual, known = own.sum(series, origin - gap, panel.year)
        add("level", "units missed since sale", gap * _ratio(usual, known))
        add("level", "age", np.minimum(origin - self._first[series], 2 * panel.year))
        if panel.cycle > 1:
            for cycles in (2, 4, 8, 26):
                add("season", f"slot mean {cycles}", _ratio(*own.slot_sum(rows, series, cycles)) / level)
            add("season", "base share", base / level)
        if panel.y.shape[1] > panel.year + 2 * panel.season:
            near, far = max(panel.season // 2, 1), 4 * panel.season
            then = own.mean(series, target - panel.year + near + 1, 2 * near + 1)
            add("season", "last year", _ratio(then, own.mean(series, origin - panel.year, far)))
        for name, (member, sums) in self._groups.items():
            group = member[series]
            recent = sums.mean(group, origin, spans[3])
            add("trend", f"{name}: recent trend", _ratio(sums.mean(group, origin, spans[0]), recent))
            add("trend", f"{name}: trend", _ratio(sums.mean(group, origin, spans[2]), recent))
            if panel.cycle > 1:
                add("season", f"{name}: slot share", _ratio(_ratio(*sums.slot_sum(rows, group, 8)), recent))
            if panel.y.shape[1] > panel.year + 2 * panel.season:
                then = sums.mean(group, target - panel.year + near + 1, 2 * near + 1)
                add("season", f"{name}: last year", _ratio(then, sums.mean(group, origin - panel.year, far)))
        for name, values in self._calendar.items():
            add("calendar", name, values[target])
        for name, values in panel.known.items():
            family = family_of(name)
            now = values[series if len(values) > 1 else 0, target]
            add(family, name, now)
            if name in self._conditions or name in panel.labels:
                row, end = series if len(values) > 1 else 0, values.shape[1]
                after = np.where(target + 1 < end, values[row, np.minimum(target + 1, end - 1)], np.nan)
                add(family, f"{name}: period before", values[row, np.maximum(target - 1, 0)])
                add(family, f"{name}: period after", after)
            if name in self._conditions:
                add(family, f"{name}: demand at this value", self._conditional(name, rows, now) / level)
            elif name in self._known_sums:
                row = series if len(values) > 1 else np.zeros_like(series)
                for label, span in (("recent", 4 * panel.season), ("year", panel.year)):
                    add(family, f"{name}: to {label}", _ratio(now, self._known_sums[name].mean(row, origin, span)))
        for name, static in panel.static.items():
            if name not in panel.labels or len(panel.labels[name]) <= 64:
                add("identity", name, static[series])
        self.names = [name for _, name, _ in columns]
        self.families = [family for family, _, _ in columns]
        self.categorical = [name for name in self.names if name.partition(": period ")[0] in panel.labels]
        table = np.empty((len(series), len(columns)), dtype=np.float32)
        for position, (_, _, values) in enumerate(columns):
            table[:, position] = values
        return table, base

    def _make_conditions(self) -> dict[str, dict[float, _Sums]]:
        """For covariates of a few values (a promotion, a holiday flag): sums of the demand at each value."""
        panel = self.panel
        made: dict[str, dict[float, _Sums]] = {}
        for name, values in panel.known.items():
            levels = panel.levels[name]
            if not 2 <= len(levels) <= MAX_CONDITION_LEVELS or len(made) == MAX_CONDITIONS:
                continue
            past = np.broadcast_to(values, (len(panel.ids), len(panel.periods)))[:, : panel.y.shape[1]]
            made[name] = {float(level): _Sums(np.where(past == level, panel.sold, np.nan)) for level in levels}
        return made

    def _conditional(self, name: str, rows: RowIndex, now: FloatArray) -> FloatArray:
        """Mean demand on the recent periods on which the covariate had the value it has on the target."""
        result = np.full(len(rows.series), np.nan)
        for level, sums in self._conditions[name].items():
            mask = now == level
            result[mask] = sums.mean(rows.series[mask], rows.origin[mask], 16 * self.panel.season)
        return result


def family_of(name: str) -> str:
    """The family of a covariate, by its name: price, event, or else promotion."""
    lower = name.lower()
    if any(word in lower for word in _PRICE_NAMES):
        return "price"
    return "event" if any(word in lower for word in _EVENT_NAMES) else "promotion"


def _spans(panel: Panel) -> tuple[int, ...]:
    """Windows, shortest first: 1, 2, 4, 8, 16 and 52 weeks for days; 2, 4, 8, 13, 26 and 52 periods else."""
    if panel.season > 1:
        return tuple(panel.season * cycles for cycles in (1, 2, 4, 8, 16, 52))
    return (2, 4, 8, 13, 26, 52)


def _calendar(periods: pd.DatetimeIndex, season: int) -> dict[str, FloatArray]:
    """What the date itself says about each period."""
    calendar = {
        "day of year": periods.dayofyear.to_numpy(np.float32),
        "month": periods.month.to_numpy(np.float32),
    }
    if season > 1:
        calendar["weekday"] = periods.dayofweek.to_numpy(np.float32)
        calendar["day of month"] = periods.day.to_numpy(np.float32)
        if season > 7:
            calendar["hour"] = (periods.hour + periods.minute / 60).to_numpy(np.float32)
    return calendar


def _running(values: FloatArray) -> FloatArray:
    """Cumulative sums with a leading 0, so that sum over [a, b) = r[b] − r[a]."""
    result = np.zeros((values.shape[0], values.shape[1] + 1), dtype=values.dtype)
    np.cumsum(values, axis=1, out=result[:, 1:])
    return result


def _running_by_slot(values: FloatArray, cycle: int) -> FloatArray:
    """Cumulative sums along each slot, r[t + cycle] = value[t] + r[t]; the first `cycle` columns are 0."""
    count, length = values.shape
    blocks = -(-length // cycle)
    padded = np.zeros((count, (blocks + 1) * cycle), dtype=values.dtype)
    padded[:, cycle : cycle + length] = values
    return padded.reshape(count, blocks + 1, cycle).cumsum(axis=1).reshape(count, -1)


def _ratio(top: FloatArray, bottom: FloatArray) -> FloatArray:
    """top / bottom, NaN where the bottom is 0 or unknown."""
    top, bottom = np.broadcast_arrays(top, bottom)
    return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=(bottom != 0) & ~np.isnan(bottom))
