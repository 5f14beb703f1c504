"""The grid: the regular periods that the dates of a long table lie on."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.tseries.frequencies import to_offset
from pandas.tseries.offsets import Tick

from aislehub.core.errors import HubError
from aislehub.demand.long_table import date_text

__all__ = ["MAX_CELLS", "grid_of", "positions_in", "refuse_too_large"]

MAX_CELLS = 400_000_000
"""Limit of series × periods: 1.6 GB as 32-bit floats."""

_LEGACY_ALIASES = {"M": "ME", "Q": "QE", "Y": "YE", "A": "YE", "H": "h", "T": "min", "S": "s"}
_ANCHORED = {
    "W": [f"W-{day}" for day in ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")],
    "M": ["ME", "MS", "BME", "BMS"],
    "Q": [f"{kind}-{month}" for kind in ("QE", "QS") for month in ("MAR", "JAN", "FEB")],
    "Y": [f"{kind}-{month}" for kind in ("YE", "YS") for month in ("DEC", "JAN", "MAR", "JUN", "SEP")],
}


def grid_of(ds: pd.Series, freq: str | None, horizon: int) -> tuple[pd.DatetimeIndex, str]:
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


def positions_in(ds: pd.Series, periods: pd.DatetimeIndex) -> NDArray[np.intp]:
    """Column of each row in the grid; −1 where it lies outside."""
    codes, days = pd.factorize(ds)
    return periods.get_indexer(pd.DatetimeIndex(days))[codes]


def refuse_too_large(series: int, periods: int) -> None:
    """Stop before memory is asked for that no machine has."""
    if series * periods > MAX_CELLS:
        raise HubError("demand.too_large", series=series, periods=periods, limit=MAX_CELLS)


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
