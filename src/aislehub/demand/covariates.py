"""Covariates: which belong to a series, which are known ahead, and whether the plan covers the future."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aislehub.core.errors import HubError
from aislehub.demand.grid import positions_in
from aislehub.demand.long_table import STOCKOUT, as_numbers, checked_rows, date_text, refuse_duplicates

if TYPE_CHECKING:
    from aislehub.demand.panel import FloatArray, Panel

__all__ = ["Plan", "constant_of", "sorted_covariates"]


class Plan:
    """What the caller knows ahead: a table by period, or by series and period."""

    def __init__(self, known: pd.DataFrame, panel: Panel, present: NDArray[np.bool_]) -> None:
        rows = checked_rows(known, ("ds",), "known")
        self.columns = [name for name in rows.columns if name not in ("unique_id", "ds", "y", STOCKOUT)]
        self._panel, self._per_series = panel, "unique_id" in rows
        self._shape = (len(panel.ids) if self._per_series else 1, len(panel.periods))
        series = panel.ids.get_indexer(pd.Index(rows["unique_id"])) if self._per_series else np.zeros(len(rows), int)
        at = positions_in(rows["ds"], panel.periods)
        inside = (series >= 0) & (at >= 0)
        self._rows, self._series, self._at = rows.loc[inside], series[inside], at[inside]
        refuse_duplicates(self._series, self._at, self._rows, "known")
        self.unplanned = self._missing(present, reaches_beyond=bool((rows["ds"] > panel.periods[-1]).any()))

    def _missing(self, present: NDArray[np.bool_], reaches_beyond: bool) -> NDArray[np.bool_] | None:
        """Check that the future is there; the cells without a row when the table skips periods as a habit.

        A complete history asks for a complete plan. Where the history itself leaves out rows, the plan may leave
        out about as many of those that a series usually has in that slot of the cycle.
        """
        past, horizon = present.shape[1], self._panel.horizon
        given = np.zeros(self._shape, dtype=bool)
        given[self._series, self._at] = True
        missing = ~given[:, past:]
        if not missing.any():
            return None
        cycle = self._panel.cycle
        window = present[:, -8 * cycle :] if past >= 8 * cycle else present[:, past % cycle :]
        slots = window.reshape(len(present), -1, cycle) if window.shape[1] >= cycle else window[:, :, None]
        share = slots.mean(axis=1)
        usual = share >= 0.5
        habit = 1 - share[usual].mean() if usual.any() else 0.0
        expected = np.broadcast_to(missing, (len(present), horizon)) & usual[:, np.arange(horizon) % usual.shape[1]]
        shifted = bool(missing[:, 0].all()) and reaches_beyond
        skips = self._per_series and not present[:, -8 * cycle :].all()
        if not skips or shifted or expected.mean() > 2 * habit + 0.01:
            series, day = np.argwhere(missing)[0]
            raise HubError(
                "demand.known_missing",
                count=int(missing.sum()),
                needed=missing.size,
                series=self._panel.ids[series] if self._per_series else "—",
                ds=date_text(self._panel.future[day]),
                first=date_text(self._panel.future[0]),
                last=date_text(self._panel.future[-1]),
            )
        return np.hstack([~present & ~given[:, :past] & self._started(present), missing])

    @staticmethod
    def _started(present: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.logical_or.accumulate(present, axis=1)

    def matrix(
        self, name: str, history: pd.DataFrame, codes: NDArray[np.intp], at: NDArray[np.intp]
    ) -> tuple[FloatArray, list[str]]:
        """(N, T + H) values of one covariate, the history's own values first; (1, T + H) when by period only."""
        in_history = name in history
        parts = [self._rows[name], history[name]] if in_history else [self._rows[name]]
        values, labels = as_numbers(pd.concat(parts, ignore_index=True))
        count = len(self._rows)
        matrix = np.full(self._shape, np.nan, dtype=np.float32)
        matrix[self._series, self._at] = values[:count]
        if in_history:
            past = values[count:]
            given = ~np.isnan(past)
            if not self._per_series:
                matrix = np.repeat(matrix, len(self._panel.ids), axis=0)
            matrix[codes[given], at[given]] = past[given]
        if self.unplanned is None:
            matrix = _fill_gaps(matrix, missing=self._gaps(codes, at) if in_history else None)
        return matrix, labels

    def has_row(self, in_history: bool, codes: NDArray[np.intp], at: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Cells of a covariate's matrix for which the plan, or the history, has a row."""
        given = np.zeros(self._shape, dtype=bool)
        given[self._series, self._at] = True
        if in_history:
            given = np.repeat(given, len(self._panel.ids) // len(given), axis=0)
            given[codes, at] = True
        return given

    def _gaps(self, codes: NDArray[np.intp], at: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Periods without a row inside a series, which sold 0 under conditions that the table does not state."""
        present = np.zeros(self._panel.y.shape, dtype=bool)
        present[codes, at] = True
        return ~present & self._started(present)


def sorted_covariates(
    rows: pd.DataFrame,
    codes: NDArray[np.intp],
    at: NDArray[np.intp],
    panel: Panel,
    plan: Plan | None,
    names: list[str],
) -> tuple[dict[str, FloatArray], dict[str, FloatArray], dict[str, list[str]], list[str]]:
    """Sort the covariates into static and known ahead, as numbers; the rest are ignored, by name."""
    static: dict[str, FloatArray] = {}
    ahead: dict[str, FloatArray] = {}
    labels: dict[str, list[str]] = {}
    ignored: list[str] = []
    count = len(panel.ids)
    for name in names:
        if plan is not None and name in plan.columns:
            continue
        values, text = as_numbers(rows[name])
        low, high = np.full(count, np.inf), np.full(count, -np.inf)
        given = ~np.isnan(values)
        np.minimum.at(low, codes[given], values[given])
        np.maximum.at(high, codes[given], values[given])
        if (low >= high).all():
            static[name] = np.where(np.isfinite(low), low, np.nan).astype(np.float32)
            labels |= {name: text} if text else {}
        else:
            ignored.append(name)
    if plan is None:
        return static, ahead, labels, ignored
    for name in plan.columns:
        values, text = plan.matrix(name, rows, codes, at)
        labels |= {name: text} if text else {}
        empty = np.isnan(values) & plan.has_row(name in rows, codes, at) if text else np.zeros(values.shape, dtype=bool)
        constant = constant_of(values, empty)
        if constant is None:
            ahead[name] = values
        elif len(constant) == count:
            static[name] = constant
    return static, ahead, labels, ignored


def constant_of(matrix: FloatArray, empty: NDArray[np.bool_]) -> FloatArray | None:
    """The one value of each row, NaN where it has none; None when a row changes.

    Args:
        empty: cells whose text was left empty. An empty number is unknown, but an empty text says something (no event,
            no promotion): beside one label it is a change.
    """
    low = np.fmin.reduce(matrix, axis=1)
    high = np.fmax.reduce(matrix, axis=1)
    if (empty.any(axis=1) & ~np.isnan(low)).any():
        return None
    return low if ((low == high) | np.isnan(low)).all() else None


def _fill_gaps(matrix: FloatArray, missing: NDArray[np.bool_] | None) -> FloatArray:
    """Give gap rows the value of their period where all series share it, else the series' last value.

    Left empty, "no value" would mean "sold nothing" to a learner, and every future row has a value.
    """
    if missing is None or not missing.any():
        return matrix
    past = matrix[:, : missing.shape[1]]
    low, high = np.fmin.reduce(past, axis=0), np.fmax.reduce(past, axis=0)
    last = np.maximum.accumulate(np.where(np.isnan(past), 0, np.arange(past.shape[1])), axis=1)
    carried = np.take_along_axis(past, last, axis=1)
    filled = np.where(missing & np.isnan(past), np.where(low == high, low, carried), past)
    return np.hstack([filled, matrix[:, missing.shape[1] :]]).astype(np.float32)
