"""The panel: a long table of many series as one matrix, the shape every forecasting model works on.

A long table (`long_table.py`) has a row per series and period: `unique_id, ds, y` and covariates. Models want a
matrix, series down and periods across (`grid.py`), with the future periods beside the past ones so that what is known
ahead (`covariates.py`: prices, promotions, calendars) stands in the same columns. Everything that can be wrong with a
table is found before it is a panel, so that a model never meets it.

Rules, stated once:

- All series share one origin: the table's last period with a known `y`. A series that stops earlier sold
  nothing since.
- A series starts at its first row. A period without a row inside it sold 0. A row with an empty `y` is
  unknown, which is not 0.
- Net returns (y < 0) count as 0 sales while they are under 2 % of the volume; beyond that, demand is taken to
  have both signs.
- A period on which the column `stockout` (optional, 0 or 1) says that the shelf was empty at its end sold less than
  was wanted: its demand is estimated, or unknown when nothing sold. The column is no covariate.
- A covariate that never changes within a series is static. One whose future is given is known ahead. One that
  changes and has no future cannot be used, and is named in `ignored`.
- When a known-ahead covariate has a value on which nothing is ever sold (a closed shop), those periods are
  closed: forecast 0, and no part of any average. So are periods without a row when the plan leaves out the same
  kind of periods as the history does (a table with rows for open days only).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray

from aislehub.core.errors import HubError
from aislehub.demand.covariates import Plan, constant_of, sorted_covariates
from aislehub.demand.grid import grid_of, positions_in, refuse_too_large
from aislehub.demand.long_table import (
    STOCKOUT,
    as_numbers,
    checked_rows,
    read_flags,
    read_numbers,
    refuse_duplicates,
    zone_of,
)
from aislehub.demand.truth import Truth, uncensor

__all__ = ["FloatArray", "Panel"]

FloatArray = NDArray[Any]
"""An array of floats of either width; NaN = unknown."""

MAX_GROUPS = 4
_FEW_RETURNS = 0.02
_CLOSED_MIN_ROWS = 20
_CLOSED_MAX_LEVELS = 64
_CLOSED_MIN_ZEROS = 0.995
_YEAR = pd.Timedelta(days=365.25)


@dataclass(frozen=True)
class Panel:
    """Many series on one grid of periods.

    Attributes:
        ids: `unique_id` of each series, as given, sorted; length N.
        periods: the T past and the H future periods, as naive local time.
        y: demand, shape (N, T); NaN before a series starts and where it is unknown.
        known: covariates known ahead, each (N, T + H) or (1, T + H) when the same for all; text as codes.
        static: covariates that belong to a series, each (N,); text as codes.
        labels: for every covariate that was text, the label of each code.
        freq: the pandas alias of the grid.
        timezone: zone of `ds` as given, or None.
        unplanned: shape (N, T + H), no row in history or plan, or told to be closed; None when the plan is complete.
        ignored: covariates that change over time and whose future is not given.
        stopped: number of series whose last row lies before the origin.
        gaps: number of missing rows inside series, read as 0 sales.
        returns: number of periods with net returns, read as 0 sales.
        truth: what was corrected in the sales to make them demand.
        alike: what makes series alike (shelf, usual price), each (N,), without being a covariate; NaN = unknown.
        among: the panel that these series were chosen from (`only`), and their rows there: what all series have in
            common (groups, closed periods, signs) is still read from all.
        eligible: shape (N, T + 1): which series one would have forecast after t periods, by a rule that looks at their
            sales; None = always all. Learning and rehearsing only on series that sell *now* would flatter the past.
    """

    ids: pd.Index
    periods: pd.DatetimeIndex
    y: FloatArray
    known: dict[str, FloatArray] = field(default_factory=dict)
    static: dict[str, FloatArray] = field(default_factory=dict)
    labels: dict[str, list[str]] = field(default_factory=dict)
    freq: str = "D"
    timezone: Any = None
    unplanned: NDArray[np.bool_] | None = None
    ignored: tuple[str, ...] = ()
    stopped: int = 0
    gaps: int = 0
    returns: int = 0
    truth: Truth = field(default_factory=Truth)
    alike: dict[str, FloatArray] = field(default_factory=dict)
    among: tuple[Panel, NDArray[np.intp]] | None = None
    eligible: NDArray[np.bool_] | None = None

    @classmethod
    def from_table(
        cls, history: pd.DataFrame, horizon: int, *, freq: str | None = None, known: pd.DataFrame | None = None
    ) -> Panel:
        """Check a long table and lay it out.

        Args:
            history: columns `unique_id, ds, y` and covariates; any order of rows. Rows after the last `y` of
                the whole table (a plan in the same file) count as known ahead.
            horizon: periods to forecast, ≥ 1.
            freq: pandas alias; None = read from the dates (hours, days, weeks, months, quarters or years).
            known: columns `ds` and covariates, and `unique_id` unless they hold for every series. Needs every
                future period of every series; past periods are welcome and complete the history.

        Raises:
            HubError: `demand.missing_column`, `demand.empty`, `demand.bad_date`, `demand.bad_number`,
                `demand.infinite`, `demand.bad_flag`, `demand.no_id`, `demand.duplicate`, `demand.horizon`,
                `demand.freq`, `demand.off_grid`, `demand.too_large`, `demand.known_missing`.
        """
        if horizon < 1:
            raise HubError("demand.horizon", value=horizon)
        rows = checked_rows(history, ("unique_id", "ds", "y"), "history")
        rows["y"] = read_numbers(rows["y"], "y")
        zone = zone_of(history["ds"])
        past_end = rows.loc[rows["y"].notna(), "ds"].max()
        if pd.isna(past_end):
            raise HubError("demand.empty", table="history")
        covariates = [name for name in history.columns if name not in ("unique_id", "ds", "y", STOCKOUT)]
        if known is None and (rows["ds"] > past_end).any():
            known = rows.loc[rows["ds"] > past_end].drop(columns="y")
        rows = rows.loc[rows["ds"] <= past_end]

        periods, alias = grid_of(rows["ds"], freq, horizon)
        codes, ids = pd.factorize(rows["unique_id"], sort=True)
        shape = (len(ids), len(periods) - horizon)
        refuse_too_large(len(ids), len(periods))
        at = positions_in(rows["ds"], periods[: shape[1]])
        refuse_duplicates(codes, at, rows, "history")

        first = np.full(len(ids), shape[1])
        last = np.zeros(len(ids), dtype=int)
        np.minimum.at(first, codes, at)
        np.maximum.at(last, codes, at)
        y = np.where(np.arange(shape[1]) >= first[:, None], 0.0, np.nan).astype(np.float32)
        y[codes, at] = rows["y"].to_numpy(np.float32)
        returned = np.nansum(np.minimum(y, 0)) > -_FEW_RETURNS * np.nansum(np.abs(y))
        returns = int((y < 0).sum()) if returned else 0
        if returns:
            y = np.maximum(y, 0)

        panel = cls(pd.Index(ids), periods, y, freq=alias, timezone=zone)
        if STOCKOUT in rows and panel.nonnegative:
            sold_out = np.zeros(shape, dtype=bool)
            sold_out[codes, at] = read_flags(rows[STOCKOUT], STOCKOUT)
            panel = panel.uncensored(sold_out)
        present = np.zeros(shape, dtype=bool)
        present[codes, at] = True
        plan = None if known is None else Plan(known, panel, present)
        static, ahead, labels, ignored = sorted_covariates(rows, codes, at, panel, plan, covariates)
        return replace(
            panel,
            known=ahead,
            static=static,
            labels=labels,
            unplanned=plan.unplanned if plan else None,
            ignored=tuple(ignored),
            stopped=int((last < shape[1] - 1).sum()),
            returns=returns,
            gaps=int((last - first + 1).sum() - len(rows)),
        )

    @classmethod
    def from_matrices(
        cls, ids: pd.Index, periods: pd.DatetimeIndex, y: FloatArray, *, freq: str, started: NDArray[np.bool_],
        known: Mapping[str, FloatArray | pd.Series], static: pd.DataFrame,
    ) -> Panel:  # fmt: skip
        """What is laid out already, as `from_table` would have it; the caller makes sure of what that checks.

        Args:
            ids: sorted.
            periods: the T past and the H coming ones.
            y: (N, T), ≥ 0, NaN where unknown.
            started: (N, T), False before a series' first row; what is known ahead is unknown there.
            known: covariates known ahead, numbers (N, T + H), or of text its value in each period for all series.
            static: covariates of each series, a column each.

        Raises:
            HubError: `demand.too_large`.
        """
        refuse_too_large(len(ids), len(periods))
        absent = np.pad(~started, ((0, 0), (0, len(periods) - y.shape[1])))
        constant: dict[str, FloatArray] = {}
        ahead: dict[str, FloatArray] = {}
        labels: dict[str, list[str]] = {}
        for name, given in known.items():
            values, text = as_numbers(given) if isinstance(given, pd.Series) else (given, [])
            matrix = np.where(absent, np.nan, values).astype(np.float32)
            alike = constant_of(matrix, np.isnan(matrix) & ~absent if text else np.zeros_like(absent))
            labels |= {name: text} if text else {}
            if alike is None:
                ahead[name] = matrix
            else:
                constant[name] = alike
        for name in static:
            values, text = as_numbers(static[name])
            constant[name] = values.astype(np.float32)
            labels |= {name: text} if text else {}
        return cls(pd.Index(ids), periods, y, known=ahead, static=constant, labels=labels, freq=freq)

    @property
    def horizon(self) -> int:
        """Future periods on the grid."""
        return len(self.periods) - self.y.shape[1]

    @property
    def future(self) -> pd.DatetimeIndex:
        return self.periods[self.y.shape[1] :]

    @cached_property
    def season(self) -> int:
        """Periods in the short cycle that matters in retail: a week of days, a day of hours; 1 for longer periods."""
        step = self.step
        if step >= pd.Timedelta(days=2):
            return 1
        if step >= pd.Timedelta(days=1):
            return 5 if self.freq.startswith(("B", "C")) else 7
        return max(1, round(pd.Timedelta(days=1) / step))

    @cached_property
    def cycle(self) -> int:
        """Periods after which the same slot returns: as `season`, but a week of hours once three weeks are there,
        and a year of months or quarters once two years are there."""
        if self.step < pd.Timedelta(days=1) and self.y.shape[1] >= 3 * 7 * self.season:
            return 7 * self.season
        if self.step >= pd.Timedelta(days=28) and self.y.shape[1] >= 2 * round(_YEAR / self.step) > 2:
            return round(_YEAR / self.step)
        return self.season

    @cached_property
    def year(self) -> int:
        """Periods in a year, a whole number of weeks for days and hours (364 days)."""
        count = round(_YEAR / self.step)
        return max(1, count - count % self.season)

    @cached_property
    def step(self) -> pd.Timedelta:
        """Typical distance of two periods."""
        if len(self.periods) < 2:
            return pd.Timedelta(days=1)
        return pd.Timedelta(np.median(np.diff(self.periods.asi8)), unit=self.periods.unit)

    @cached_property
    def closed(self) -> NDArray[np.bool_]:
        """Shape (N, T + H): periods on which a known-ahead covariate says that nothing is ever sold."""
        if self.among is not None:
            panel, rows = self.among
            return panel.closed[rows]
        shut = np.zeros((len(self.ids), len(self.periods)), dtype=bool)
        past = self.y.shape[1]
        seen = ~np.isnan(self.y)
        zero = seen & (self.y == 0)
        for values in self.known.values():
            column = np.broadcast_to(values, shut.shape)[:, :past]
            codes, levels = pd.factorize(column[seen])
            if not 2 <= len(levels) <= _CLOSED_MAX_LEVELS:
                continue
            given = codes >= 0
            rows = np.bincount(codes[given], minlength=len(levels))
            zeros = np.bincount(codes[given], weights=zero[seen][given], minlength=len(levels))
            share = zeros / rows
            if (share < 0.5).any():
                for level in levels[(share >= _CLOSED_MIN_ZEROS) & (rows >= _CLOSED_MIN_ROWS)]:
                    shut |= np.broadcast_to(values == level, shut.shape)
        return shut if self.unplanned is None else shut | self.unplanned

    @cached_property
    def sold(self) -> FloatArray:
        """`y` with NaN also where closed: what averages are taken over."""
        past = self.y.shape[1]
        shut = self.closed[:, :past]
        return np.where(shut, np.nan, self.y).astype(np.float32) if shut.any() else self.y

    @cached_property
    def whole(self) -> bool:
        """True when every demand is a whole number (units, not money or kilos)."""
        if self.among is not None:
            return self.among[0].whole
        return bool(np.nanmax(np.abs(self.y - np.round(self.y)), initial=0.0) == 0)

    @cached_property
    def nonnegative(self) -> bool:
        """True when no demand is below 0."""
        if self.among is not None:
            return self.among[0].nonnegative
        return bool(np.nanmin(self.y, initial=0.0) >= 0)

    def uncensored(self, sold_out: NDArray[np.bool_], lifted: NDArray[np.bool_] | None = None) -> Panel:
        """The panel with the demand behind sales that an empty shelf cut short, told in `truth`.

        Args:
            sold_out: (N, T), periods that ended with an empty shelf.
            lifted: (N, T), promotions and the like, which have a level of their own.
        """
        demand = uncensor(self.y, sold_out, lifted, cycle=self.cycle)
        cut = sold_out & (self.y > 0)
        truth = replace(
            self.truth,
            sold_out=int(cut.sum()),
            units_missed=float((demand[cut] - self.y[cut]).sum()),
            empty=int((sold_out & (self.y == 0)).sum()),
            stock_known=True,
        )
        return replace(self, y=demand, truth=truth)

    @cached_property
    def grand_mean(self) -> float:
        """Mean size of a demand, over all series and open periods."""
        if self.among is not None:
            return self.among[0].grand_mean
        known = ~np.isnan(self.sold)
        return float(np.nansum(np.abs(self.sold)) / max(known.sum(), 1))

    @cached_property
    def levels(self) -> dict[str, FloatArray]:
        """The distinct values of each covariate known ahead, over all series."""
        if self.among is not None:
            return self.among[0].levels
        distinct = {name: np.unique(values) for name, values in self.known.items()}
        return {name: values[~np.isnan(values)] for name, values in distinct.items()}

    @cached_property
    def groups(self) -> dict[str, tuple[NDArray[np.intp], FloatArray]]:
        """Demand of all series together and of the members of each static label.

        Group → (group number of each series, (N,); totals, (groups, T)).
        """
        if self.among is not None:
            panel, rows = self.among
            return {name: (member[rows], totals) for name, (member, totals) in panel.groups.items()}
        count = len(self.ids)
        members: dict[str, NDArray[np.intp]] = {"all": np.zeros(count, dtype=np.intp)}
        for name in self.static:
            if name in self.labels and len(members) <= MAX_GROUPS:
                codes = pd.factorize(self.static[name])[0] + 1
                if 2 <= len(np.unique(codes)) <= count // 2:
                    members[name] = codes
        made = {}
        for name, member in members.items():
            belongs = scipy.sparse.csr_array((np.ones(count), (member, np.arange(count))))
            made[name] = (member, (belongs @ np.nan_to_num(self.sold)).astype(np.float32))
        return made

    def only(self, rows: NDArray[np.intp]) -> Panel:
        """Some of the series. A model forecasts them as it would among all others, in a fraction of the time."""

        def chosen(matrices: dict[str, FloatArray]) -> dict[str, FloatArray]:
            return {name: matrix[rows] if len(matrix) > 1 else matrix for name, matrix in matrices.items()}

        return replace(
            self,
            ids=self.ids[rows],
            y=self.y[rows],
            known=chosen(self.known),
            static={name: values[rows] for name, values in self.static.items()},
            alike={name: values[rows] for name, values in self.alike.items()},
            unplanned=None if self.unplanned is None else self.unplanned[rows],
            among=(self, rows) if self.among is None else (self.among[0], self.among[1][rows]),
            eligible=None if self.eligible is None else self.eligible[rows],
        )

    def trait(self, name: str) -> FloatArray | None:
        """What makes series alike, (N,), told as such or as a static covariate; None when neither is."""
        return self.alike.get(name, self.static.get(name))

    def before(self, periods: int) -> Panel:
        """The panel as it stood `periods` earlier; its future is the next `horizon` periods as they were planned."""
        return self._cut(0, self.y.shape[1] - periods, self.horizon)

    def ahead(self, horizon: int) -> Panel:
        """The same panel with a nearer horizon."""
        return self._cut(0, self.y.shape[1], min(horizon, self.horizon))

    def recent(self, periods: int) -> Panel:
        """The panel without what lies more than `periods` before the origin."""
        return self._cut(max(0, self.y.shape[1] - periods), self.y.shape[1], self.horizon)

    def _cut(self, start: int, origin: int, horizon: int) -> Panel:
        if (start, origin, horizon) == (0, self.y.shape[1], self.horizon):
            return self
        span = slice(start, origin + horizon)
        return replace(
            self,
            periods=self.periods[span],
            y=self.y[:, start:origin],
            known={name: values[:, span] for name, values in self.known.items()},
            unplanned=None if self.unplanned is None else self.unplanned[:, span],
            among=None if self.among is None else (self.among[0]._cut(start, origin, horizon), self.among[1]),
            eligible=None if self.eligible is None else self.eligible[:, start : origin + 1],
        )

    def to_table(self, columns: dict[str, FloatArray]) -> pd.DataFrame:
        """Long table `unique_id, ds` and the given (N, H) matrices, `horizon` rows per series."""
        ds = self.future
        if self.timezone is not None:
            sub_daily = self.step < pd.Timedelta(days=1)
            ds = (
                ds.tz_localize("UTC").tz_convert(self.timezone)
                if sub_daily
                else ds.tz_localize(self.timezone, nonexistent="shift_forward", ambiguous=np.ones(len(ds), dtype=bool))
            )
        table = pd.DataFrame(
            {
                "unique_id": np.repeat(np.asarray(self.ids), len(ds)),
                "ds": ds[np.tile(np.arange(len(ds)), len(self.ids))],
            }
        )
        for name, values in columns.items():
            table[name] = np.asarray(values, dtype=np.float64).ravel()
        return table
