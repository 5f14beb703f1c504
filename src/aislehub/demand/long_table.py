"""The long table of a forecast, checked: dates read, numbers read, and everything else refused with its value."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aislehub.core.errors import HubError

__all__ = [
    "STOCKOUT",
    "as_numbers",
    "checked_rows",
    "date_text",
    "read_flags",
    "read_numbers",
    "refuse_duplicates",
    "zone_of",
]

STOCKOUT = "stockout"
"""Column that says whether the shelf was empty at the end of a period."""


def checked_rows(table: pd.DataFrame, needed: tuple[str, ...], role: str) -> pd.DataFrame:
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


def zone_of(ds: pd.Series) -> Any:
    """The time zone that a column of times was given in; None without one."""
    return getattr(ds.dtype, "tz", None)


def read_numbers(values: pd.Series, name: str) -> pd.Series:
    """A column as finite numbers, NaN where it is empty."""
    numbers = pd.to_numeric(values, errors="coerce")
    bad = numbers.isna() & values.notna()
    if bad.any():
        raise HubError("demand.bad_number", column=name, value=repr(values[bad].iloc[0]), row=_row(bad))
    numbers = numbers.astype(np.float64)
    infinite = np.isinf(numbers)
    if infinite.any():
        raise HubError("demand.infinite", column=name, value=str(values[infinite].iloc[0]), row=_row(infinite))
    return numbers


def read_flags(values: pd.Series, name: str) -> NDArray[np.bool_]:
    """0 or 1, false or true; empty = no."""
    numbers = read_numbers(values, name)
    bad = ~numbers.isin([0, 1]) & numbers.notna()
    if bad.any():
        raise HubError("demand.bad_flag", column=name, value=f"{numbers[bad].iloc[0]:g}", row=_row(bad))
    return numbers.to_numpy() == 1


def as_numbers(values: pd.Series) -> tuple[NDArray[np.float64], list[str]]:
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


def refuse_duplicates(codes: NDArray[np.intp], at: NDArray[np.intp], rows: pd.DataFrame, role: str) -> None:
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


def date_text(moment: pd.Timestamp) -> str:
    """A moment as people write it: without the time where that is midnight."""
    return str(moment).removesuffix(" 00:00:00")


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


def _row(bad: pd.Series) -> int:
    """Number of the first bad row as a reader of the file counts: the header is line 1."""
    return int(np.flatnonzero(bad.to_numpy())[0]) + 2
