"""The past of a chain in memory: what any unit did in any period, for plans that look at many of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import ibis.expr.types as ir
import numpy as np
from numpy.typing import NDArray

from aislehub.proof.metrics import Metric
from aislehub.proof.moments import FloatArray

__all__ = ["Past"]

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Past:
    """One metric's figures by unit and day, the days in order.

    Attributes:
        first: the earliest day.
        day, unit: (rows,) days since `first`, and numbers of units.
        top, bottom: (rows,) the metric's sums; without a denominator `bottom` is None.
        count: units.
    """

    first: date
    day: IntArray
    unit: IntArray
    top: FloatArray
    bottom: FloatArray | None
    count: int

    @classmethod
    def of(cls, daily: ir.Table, metric: Metric) -> Past | None:
        """The metric's part of `daily_figures`; None where there is not a row."""
        columns = ["unit", "day", metric.top, *([metric.bottom] if metric.bottom else [])]
        rows = daily.select(*columns).order_by("day").to_pandas()
        if rows.empty:
            return None
        days = rows["day"].to_numpy().astype("datetime64[D]")
        names, unit = np.unique(rows["unit"].to_numpy().astype(str), return_inverse=True)
        bottom = rows[metric.bottom].to_numpy(dtype=float) if metric.bottom else None
        since = (days - days[0]).astype(np.int64)
        return cls(days[0].item(), since, unit, rows[metric.top].to_numpy(dtype=float), bottom, len(names))

    def active(self, start: date, pre_days: int) -> IntArray:
        """Units with a row in the days before, as `design.active_units` has them."""
        return np.unique(self.unit[self._rows(start - timedelta(days=pre_days), pre_days)])

    def parts(
        self, units: IntArray, start: date, days: int, pre_days: int, block_days: int = 0, washout_days: int = 0
    ) -> list[FloatArray]:
        """The four `PARTS` of each unit, (n, 4), one table a whole block; as `design.unit_parts` has them."""
        before = self._sums(units, start - timedelta(days=pre_days), pre_days)
        length = block_days or days
        found = []
        for number in range(days // length):
            inside = start + timedelta(days=number * length + washout_days)
            found.append(np.column_stack([self._sums(units, inside, length - washout_days), before]))
        return found

    def _sums(self, units: IntArray, start: date, days: int) -> FloatArray:
        """Numerator and denominator of each unit, (n, 2); without a denominator per day."""
        rows = self._rows(start, days)
        top = np.bincount(self.unit[rows], self.top[rows], self.count)[units]
        if self.bottom is None:
            return np.column_stack([top / days, np.ones(len(units))])
        return np.column_stack([top, np.bincount(self.unit[rows], self.bottom[rows], self.count)[units]])

    def _rows(self, start: date, days: int) -> slice:
        first = (start - self.first).days
        low, high = np.searchsorted(self.day, [first, first + days])
        return slice(int(low), int(high))
