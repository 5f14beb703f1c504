"""The panel: a long table of many series as one matrix, the shape every forecasting model works on.

A long table has a row per series and period (`unique_id, ds, y` and covariates). Models want a matrix, series
down and periods across, with the future periods beside the past ones so that what is known ahead (prices,
promotions, calendars) stands in the same columns. Everything that can be wrong with a table is found here,
once, so that a model never meets it.

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

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.tseries.frequencies import to_offset
from pandas.tseries.offsets import Tick
from scipy import sparse

from aislehub.core.errors import HubError
from aislehub.demand.truth import Truth, uncensor

__all__ = ["MAX_CELLS", "FloatArray", "Panel", "date_text"]

FloatArray = NDArray[Any]
"""An array of floats of either width; NaN = unknown."""

MAX_CELLS = 400_000_000
"""Limit of series × periods: 1.6 GB as 32-bit floats."""

MAX_GROUPS = 4
_FEW_RETURNS = 0.02
_STOCKOUT = "stockout"
_CLOSED_MIN_ROWS = 20
_CLOSED_MAX_LEVELS = 64
_CLOSED_MIN_ZEROS = 0.995
_LEGACY_ALIASES = {"M": "ME", "Q": "QE", "Y": "YE", "A": "YE", "H": "h", "T": "min", "S": "s"}
_ANCHORED = {
    "W": [f"W-{day}" for day in ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")],
    "M": ["ME", "MS", "BME", "BMS"],
    "Q": [f"{kind}-{month}" for kind in ("QE", "QS") for month in ("MAR", "JAN", "FEB")],
    "Y": [f"{kind}-{month}" for kind in ("YE", "YS") for month in ("DEC", "JAN", "MAR", "JUN", "SEP")],
}
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
        rows = _checked(history, ("unique_id", "ds", "y"), "history")
        rows["y"] = _numbers(rows["y"], "y")
        zone = _zone(history["ds"])
        past_end = rows.loc[rows["y"].notna(), "ds"].max()
        if pd.isna(past_end):
            raise HubError("demand.empty", table="history")
        covariates = [name for name in history.columns if name not in ("unique_id", "ds", "y", _STOCKOUT)]
        if known is None and (rows["ds"] > past_end).any():
            known = rows.loc[rows["ds"] > past_end].drop(columns="y")
        rows = rows.loc[rows["ds"] <= past_end]

        periods, alias = _grid(rows["ds"], freq, horizon)
        codes, ids = pd.factorize(rows["unique_id"], sort=True)
        shape = (len(ids), len(periods) - horizon)
        _refuse_too_large(len(ids), len(periods))
        at = _positions(rows["ds"], periods[: shape[1]])
        _refuse_duplicates(codes, at, rows, "history")

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
        if _STOCKOUT in rows and panel.nonnegative:
            sold_out = np.zeros(shape, dtype=bool)
            sold_out[codes, at] = _flags(rows[_STOCKOUT], _STOCKOUT)
            panel = panel.uncensored(sold_out)
        present = np.zeros(shape, dtype=bool)
        present[codes, at] = True
        plan = None if known is None else _Plan(known, panel, present)
        static, ahead, labels, ignored = _covariates(rows, codes, at, panel, plan, covariates)
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
        _refuse_too_large(len(ids), len(periods))
        absent = np.pad(~started, ((0, 0), (0, len(periods) - y.shape[1])))
        constant: dict[str, FloatArray] = {}
        ahead: dict[str, FloatArray] = {}
        labels: dict[str, list[str]] = {}
        for name, given in known.items():
            values, text = _as_numbers(given) if isinstance(given, pd.Series) else (given, [])
            matrix = np.where(absent, np.nan, values).astype(np.float32)
            alike = _constant(matrix, np.isnan(matrix) & ~absent if text else np.zeros_like(absent))
            labels |= {name: text} if text else {}
            if alike is None:
                ahead[name] = matrix
            else:
                constant[name] = alike
        for name in static:
            values, text = _as_numbers(static[name])
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
            belongs = sparse.csr_array((np.ones(count), (member, np.arange(count))))
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


def date_text(moment: pd.Timestamp) -> str:
    """A moment as people write it: without the time where that is midnight."""
    return str(moment).removesuffix(" 00:00:00")


def _checked(table: pd.DataFrame, needed: tuple[str, ...], role: str) -> pd.DataFrame:
    """A copy with the needed columns present and `ds` as naive times; refuses everything else with its value."""
    for name in needed:
        if name not in table.columns:
            have = [str(column) for column in table.columns]
            near = get_close_matches(name, have, n=1, cutoff=0.5)
            raise HubError(
                "demand.missing_column",
                column=name,
                table=role,
                have=", ".join(have[:20]),
                near=near[0] if near else "—",
            )
    if table.columns.duplicated().any():
        raise HubError("demand.duplicate_column", column=table.columns[table.columns.duplicated()][0], table=role)
    if table.empty:
        raise HubError("demand.empty", table=role)
    rows = table.copy(deep=False)
    if "unique_id" in rows and rows["unique_id"].isna().any():
        raise HubError("demand.no_id", row=_row(rows["unique_id"].isna()), table=role)
    rows["ds"] = _dates(rows["ds"], role)
    return rows


def _row(bad: pd.Series) -> int:
    """Number of the first bad row as a reader of the file counts: the header is line 1."""
    return int(np.flatnonzero(bad.to_numpy())[0]) + 2


def _zone(ds: pd.Series) -> Any:
    return getattr(ds.dtype, "tz", None)


def _dates(ds: pd.Series, role: str) -> pd.Series:
    """Naive times: local wall time for days and longer, UTC for hours (where a clock change repeats an hour)."""
    if isinstance(ds.dtype, pd.DatetimeTZDtype):
        times = ds.dt.tz_localize(None)
        if (times != times.dt.normalize()).any() and times.dt.hour.nunique() > 1:
            times = ds.dt.tz_convert("UTC").dt.tz_localize(None)
    elif pd.api.types.is_datetime64_dtype(ds):
        times = ds
    else:
        codes, distinct = pd.factorize(ds)
        parsed = _parse(pd.Series(distinct))
        times = pd.Series(np.append(parsed.to_numpy("datetime64[ns]"), np.datetime64("NaT"))[codes], index=ds.index)
    bad = times.isna()
    if bad.any():
        raise HubError("demand.bad_date", value=repr(ds[bad].iloc[0]), row=_row(bad), table=role)
    return times.astype("datetime64[ns]")


def _parse(ds: pd.Series) -> pd.Series:
    """Dates from text, `date` objects, periods or numbers like 20240131; NaT where none can be read."""
    text = ds.astype("string").str.strip()
    if pd.api.types.is_numeric_dtype(ds):
        text = text.str.removesuffix(".0").where(text.str.fullmatch(r"(19|20)\d{6}(\.0)?"))
        return pd.to_datetime(text, format="%Y%m%d", errors="coerce")
    offset = re.compile(r"(?<=\d)\s*(?:Z|UTC|[+-]\d{2}:?\d{2})$")
    zoned = text.str.contains(r":\d{2}(?:\.\d+)?\s*(?:Z|UTC|[+-]\d{2}:?\d{2})$", regex=True, na=False)
    if zoned.all():
        text = text.str.replace(offset, "", regex=True)
    for options in ({"format": "ISO8601"}, {"format": None}, {"format": None, "dayfirst": True}):
        times = pd.to_datetime(text, errors="coerce", **options)
        if times.notna().all():
            return times
    return pd.to_datetime(text, errors="coerce", format="ISO8601")


def _numbers(values: pd.Series, name: str) -> pd.Series:
    numbers = pd.to_numeric(values, errors="coerce")
    bad = numbers.isna() & values.notna()
    if bad.any():
        raise HubError("demand.bad_number", column=name, value=repr(values[bad].iloc[0]), row=_row(bad))
    numbers = numbers.astype(np.float64)
    infinite = np.isinf(numbers)
    if infinite.any():
        raise HubError("demand.infinite", column=name, value=str(values[infinite].iloc[0]), row=_row(infinite))
    return numbers


def _flags(values: pd.Series, name: str) -> NDArray[np.bool_]:
    """0 or 1, false or true; empty = no."""
    numbers = _numbers(values, name)
    bad = ~numbers.isin([0, 1]) & numbers.notna()
    if bad.any():
        raise HubError("demand.bad_flag", column=name, value=f"{numbers[bad].iloc[0]:g}", row=_row(bad))
    return numbers.to_numpy() == 1


def _refuse_too_large(series: int, periods: int) -> None:
    if series * periods > MAX_CELLS:
        raise HubError("demand.too_large", series=series, periods=periods, limit=MAX_CELLS)


def _refuse_duplicates(codes: NDArray[np.intp], at: NDArray[np.intp], rows: pd.DataFrame, role: str) -> None:
    """`codes` and `at` are series and period of each row."""
    repeated = pd.Series(codes.astype(np.int64) * (at.max(initial=0) + 1) + at).duplicated().to_numpy()
    if repeated.any():
        example = rows.iloc[int(np.flatnonzero(repeated)[0])]
        raise HubError(
            "demand.duplicate",
            count=int(repeated.sum()),
            series=example.get("unique_id", "—"),
            ds=date_text(example["ds"]),
            table=role,
        )


def _grid(ds: pd.Series, freq: str | None, horizon: int) -> tuple[pd.DatetimeIndex, str]:
    """The regular periods from the first to the last date and `horizon` beyond, and their pandas alias."""
    days = pd.DatetimeIndex(np.sort(ds.unique()))
    candidates = _aliases(days, freq)
    for alias in candidates:
        offset = to_offset(alias)
        if isinstance(offset, Tick) and (days[-1] - days[0]) / offset > MAX_CELLS:
            raise HubError("demand.too_large", series=1, periods=int((days[-1] - days[0]) / offset), limit=MAX_CELLS)
        try:
            past = pd.date_range(days[0], days[-1], freq=offset)
            if len(past) and past[0] == days[0] and past[-1] == days[-1] and days.isin(past).all():
                return past.append(pd.date_range(past[-1], periods=horizon + 1, freq=offset)[1:]), alias
        except (pd.errors.OutOfBoundsDatetime, OverflowError, MemoryError) as error:
            raise HubError("demand.horizon_end", value=horizon, freq=alias) from error
    offset = to_offset(candidates[0])
    past = pd.date_range(days[0], days[-1], freq=offset)
    stray = days[~days.isin(past)]
    raise HubError("demand.off_grid", value=date_text(stray[0] if len(stray) else days[-1]), freq=freq or candidates[0])


def _aliases(days: pd.DatetimeIndex, freq: str | None) -> list[str]:
    """The pandas aliases that could describe these dates, most likely first."""
    if freq is not None:
        alias = re.sub(r"[A-Za-z]+$", lambda match: _LEGACY_ALIASES.get(match[0], match[0]), freq.strip())
        try:
            offset = to_offset(alias)
        except (ValueError, TypeError) as error:
            raise HubError("demand.freq", value=freq) from error
        if offset is None or offset.n < 1:
            raise HubError("demand.freq", value=freq)
        return [offset.freqstr, *_ANCHORED.get(re.sub("[SE]$", "", alias), [])]
    if len(days) < 3:
        return ["D", "h", "min", "s"]
    steps = np.diff(days.asi8)
    if (steps % pd.Timedelta(days=1).value != 0).any():
        return [to_offset(pd.Timedelta(int(np.gcd.reduce(steps)), unit="ns")).freqstr]
    shortest = pd.Timedelta(int(steps.min()), unit="ns").days
    if shortest >= 364:
        return [*_ANCHORED["Y"], "D"]
    if shortest >= 89:
        return [*_ANCHORED["Q"], "D"]
    if shortest >= 28:
        return [*_ANCHORED["M"], *_ANCHORED["W"], "D"]
    return [*_ANCHORED["W"], "D"] if shortest % 7 == 0 else ["D"]


def _positions(ds: pd.Series, periods: pd.DatetimeIndex) -> NDArray[np.intp]:
    """Column of each row in the grid; −1 where it lies outside."""
    codes, days = pd.factorize(ds)
    return periods.get_indexer(pd.DatetimeIndex(days))[codes]


def _covariates(
    rows: pd.DataFrame,
    codes: NDArray[np.intp],
    at: NDArray[np.intp],
    panel: Panel,
    plan: _Plan | None,
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
        values, text = _as_numbers(rows[name])
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
        constant = _constant(values, empty)
        if constant is None:
            ahead[name] = values
        elif len(constant) == count:
            static[name] = constant
    return static, ahead, labels, ignored


def _constant(matrix: FloatArray, empty: NDArray[np.bool_]) -> FloatArray | None:
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


def _as_numbers(values: pd.Series) -> tuple[FloatArray, list[str]]:
    """Numbers as they are; anything else as codes in the order of its sorted labels, NaN where empty."""
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        numbers = values.astype("float64").to_numpy(np.float64, na_value=np.nan)
        return np.where(np.isfinite(numbers), numbers, np.nan), []
    codes, distinct = pd.factorize(values)
    as_number = pd.to_numeric(pd.Series(distinct, dtype=object), errors="coerce")
    if as_number.notna().all() and not isinstance(values.dtype, pd.CategoricalDtype):
        meaning, labels = as_number.to_numpy(np.float64), []
    else:
        words = pd.Series(distinct).astype(str)
        labels = sorted(set(words))
        meaning = words.map({label: float(code) for code, label in enumerate(labels)}).to_numpy(np.float64)
    numbers = np.append(meaning, np.nan)[codes]
    return np.where(np.isfinite(numbers), numbers, np.nan), labels


class _Plan:
    """What the caller knows ahead: a table by period, or by series and period."""

    def __init__(self, known: pd.DataFrame, panel: Panel, present: NDArray[np.bool_]) -> None:
        rows = _checked(known, ("ds",), "known")
        self.columns = [name for name in rows.columns if name not in ("unique_id", "ds", "y", _STOCKOUT)]
        self._panel, self._per_series = panel, "unique_id" in rows
        self._shape = (len(panel.ids) if self._per_series else 1, len(panel.periods))
        series = panel.ids.get_indexer(pd.Index(rows["unique_id"])) if self._per_series else np.zeros(len(rows), int)
        at = _positions(rows["ds"], panel.periods)
        inside = (series >= 0) & (at >= 0)
        self._rows, self._series, self._at = rows.loc[inside], series[inside], at[inside]
        _refuse_duplicates(self._series, self._at, self._rows, "known")
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
        values, labels = _as_numbers(pd.concat(parts, ignore_index=True))
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
