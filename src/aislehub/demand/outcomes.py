"""Forecasts beside what then happened, by store-item and week, and added up to every level of the chain.

Two kinds of forecasts count. Those that were made: slices of `demand_forecast`. And, for weeks before the first of
them, those that the learning of the model rehearsed on weeks it had not seen, so that a house has an accuracy page and
limits from its first day. Weeks run from Monday to Sunday, complete ones only. A week has up to four forecasts: the
latest made within the 7 days up to the Sunday 1, 2, 3 and 4 weeks before its end.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray

from aislehub.demand.backtest import Rehearsal
from aislehub.demand.classes import CLASSES, demand_classes
from aislehub.demand.corrections import BETWEEN
from aislehub.demand.deviation import Outcomes
from aislehub.demand.panel import FloatArray, Panel

__all__ = [
    "LEVELS", "ItemWeeks", "Nodes", "item_weeks", "keep_rehearsal", "last_sunday", "nodes_of", "rehearsed_weeks",
]  # fmt: skip

LEADS = 4
LEVELS = ("chain", "region", "department", "category", "store", "store_department", "store_category")
"""From the top down; `subject` names the region, department or category."""

_REHEARSAL = "rehearsal.npz"


@dataclass(frozen=True)
class ItemWeeks:
    """Store-items by week and lead.

    Attributes:
        series: `store, item, demand_class`, one row a series; one that the model does not know is `new`.
        weeks: Sundays that end the weeks, oldest first.
        sold, expected: (series, weeks, leads); NaN where no forecast of that age covers the whole week.
    """

    series: pd.DataFrame
    weeks: tuple[date, ...]
    sold: FloatArray
    expected: FloatArray


@dataclass(frozen=True)
class Nodes:
    """Totals of every level.

    Attributes:
        table: `level, store, subject`, one row a node, from the top down; empty where it does not apply.
        outcomes: their weeks.
        members: (cells,) of series and of nodes: which series add up to which nodes.
    """

    table: pd.DataFrame
    outcomes: Outcomes
    members: tuple[NDArray[np.intp], NDArray[np.intp]]

    def sum(self, values: FloatArray) -> FloatArray:
        """Values of series, (series, …), added up to nodes; NaN where no series has one."""
        series, node = self.members
        known = np.isfinite(values).reshape(len(values), -1)
        flat = np.where(known, values.reshape(known.shape), 0)
        belongs = scipy.sparse.csr_array((np.ones(len(series)), (node, series)), shape=(len(self.table), len(values)))
        total = np.where(belongs @ known > 0, belongs @ flat, np.nan)
        return total.reshape(len(self.table), *values.shape[1:])


def last_sunday(day: date) -> date:
    """The end of the last complete week at the close of `day`."""
    return day - timedelta(days=day.isoweekday() % 7)


def keep_rehearsal(folder: Path, panel: Panel, rehearsal: Rehearsal | None) -> None:
    """Keep in the model's folder the classes of demand and what the model forecast of weeks it had not seen."""
    if rehearsal is None:
        rehearsal = Rehearsal(*np.empty((2, 0, len(panel.ids), 0)))
    origins, _, steps = rehearsal.mean.shape
    last = panel.periods[-panel.horizon - 1]
    days = [(last - pd.Timedelta(days=back * steps)).date().isoformat() for back in range(origins, 0, -1)]
    store, item = zip(*(name.split(BETWEEN, 1) for name in panel.ids), strict=True)
    np.savez_compressed(
        folder / _REHEARSAL, store=np.array(store), item=np.array(item), origin=np.array(days, dtype="U10"),
        mean=rehearsal.mean.astype(np.float32), actual=rehearsal.actual.astype(np.float32),
        demand_class=np.array(CLASSES)[demand_classes(panel)],
    )  # fmt: skip


def item_weeks(
    demand_forecast: ir.Table, sales: ir.Table, *, day: date, weeks: int, model: Path | None = None
) -> ItemWeeks:
    """The last `weeks` complete weeks before the close of `day`.

    Args:
        demand_forecast: the slices up to `day`.
        sales: `store, item, day, y`, units of the goods that are forecast.
        model: the folder of the model in force, for what it rehearsed.
    """
    end = last_sunday(day)
    sundays = tuple(end - timedelta(days=7 * back) for back in range(weeks - 1, -1, -1))
    parts = [_made(demand_forecast, sales, sundays)]
    classes = pd.DataFrame({"store": [], "item": [], "demand_class": []}, dtype=str)
    if model is not None and (model / _REHEARSAL).is_file():
        with np.load(model / _REHEARSAL, allow_pickle=False) as kept:
            parts.append(_rehearsed(kept, sundays))
            classes = pd.DataFrame({name: kept[name] for name in classes})
    series = pd.concat([part[["store", "item"]] for part in parts], ignore_index=True).drop_duplicates()
    series = series.sort_values(["store", "item"], ignore_index=True)
    sold = np.full((len(series), weeks, LEADS), np.nan, dtype=np.float32)
    expected = sold.copy()
    keys = pd.MultiIndex.from_frame(series)
    for part in reversed(parts):  # a forecast that was really made counts before a rehearsed one
        at = keys.get_indexer(pd.MultiIndex.from_frame(part[["store", "item"]]))
        place = (at, part["week"].to_numpy(), part["lead"].to_numpy())
        whole = np.zeros((weeks, LEADS), dtype=bool)
        whole[place[1], place[2]] = True
        sold[:, whole], expected[:, whole] = np.nan, np.nan
        sold[place], expected[place] = part["sold"].to_numpy(), part["expected"].to_numpy()
    series = series.merge(classes, on=["store", "item"], how="left").fillna({"demand_class": "new"})
    return ItemWeeks(series, sundays, sold, expected)


def rehearsed_weeks(
    model: Path, *, day: date, weeks: int, stores: Collection[str] | None = None, items: Collection[str] | None = None
) -> dict[date, tuple[float, float]]:
    """Sunday → units sold and forecast of some stores and items (None = all), of the weeks that a model rehearsed.

    Of these, the last `weeks` before the close of `day`; none for a model that rehearsed nothing.
    """
    if not (model / _REHEARSAL).is_file():
        return {}
    end = last_sunday(day)
    sundays = [end - timedelta(days=7 * back) for back in range(weeks - 1, -1, -1)]
    with np.load(model / _REHEARSAL, allow_pickle=False) as kept:
        wanted = np.ones(len(kept["store"]), dtype=bool)
        for name, keys in (("store", stores), ("item", items)):
            if keys is not None:
                wanted &= np.isin(kept[name], list(keys))
        mean, actual = (kept[name][:, wanted].astype(np.float64) for name in ("mean", "actual"))
        known = np.isfinite(actual)
        total = {"store": np.array([""]), "item": np.array([""]), "origin": kept["origin"]}
        total |= {name: np.where(known, part, 0).sum(axis=1, keepdims=True) for name, part in
                  (("mean", mean), ("actual", actual))}  # fmt: skip
        total["actual"][~known.any(axis=1, keepdims=True)] = np.nan
    cells = _rehearsed(total, sundays).sort_values("lead").drop_duplicates("week").sort_values("week")
    figures = cells[["week", "sold", "expected"]].itertuples(index=False)
    return {sundays[week]: (float(sold), float(expected)) for week, sold, expected in figures}


def nodes_of(weeks: ItemWeeks, items: pd.DataFrame, stores: pd.DataFrame) -> Nodes:
    """Add store-items up to all levels.

    Args:
        items: `item, department, category`.
        stores: `store, region`.

    A level that says what the one above says already (one region, one category a department) is left out.
    """
    places = weeks.series.merge(items, on="item", how="left").merge(stores, on="store", how="left")
    places = places[["store", "region", "department", "category"]].fillna("").astype(str)
    levels = _levels(places)
    tables, members, position = [], [], {}
    count = 0
    for level in levels:
        keys = pd.DataFrame({"store": "", "subject": ""}, index=places.index)
        if level.startswith("store"):
            keys["store"] = places["store"]
        kind = level.removeprefix("store").removeprefix("_")
        if kind and kind != "chain":
            keys["subject"] = places[kind]
        inside = (keys["subject"] != "") if kind and kind != "chain" else pd.Series(True, index=places.index)
        codes, distinct = pd.factorize(pd.MultiIndex.from_frame(keys.loc[inside]), sort=True)
        position[level] = pd.Series(codes + count, index=places.index[inside]).reindex(places.index, fill_value=-1)
        tables.append(pd.DataFrame(list(distinct), columns=["store", "subject"]).assign(level=level))
        members.append(np.column_stack([places.index[inside].to_numpy(), codes + count]))
        count += len(distinct)
    table = pd.concat(tables, ignore_index=True)[["level", "store", "subject"]]
    pairs = np.concatenate(members).astype(np.intp)
    parents = np.full((count, 2), -1, dtype=np.intp)
    for level in levels:
        for place, above in enumerate(_parents(level, levels)):
            nodes = position[level]
            parents[nodes[nodes >= 0].to_numpy(), place] = position[above][nodes >= 0].to_numpy()
    empty = np.empty((0, len(weeks.weeks), LEADS))
    code = table["level"].map({level: number for number, level in enumerate(LEVELS)}).to_numpy(np.intp)
    nodes = Nodes(table, Outcomes(empty, empty, parents, code), (pairs[:, 0], pairs[:, 1]))
    sold, expected = nodes.sum(weeks.sold), nodes.sum(weeks.expected)
    return Nodes(table, Outcomes(sold, expected, parents, code), nodes.members)


def _levels(places: pd.DataFrame) -> list[str]:
    found = ["chain"]
    if places["store"].nunique() > places["region"].nunique() > 1:
        found.append("region")
    several_departments = places["department"].nunique() > 1
    if several_departments:
        found.append("department")
    finer = places[["department", "category"]].drop_duplicates()
    several_categories = finer["category"].nunique() > max(1, finer["department"].nunique())
    if several_categories:
        found.append("category")
    if places["store"].nunique() > 1:
        found.append("store")
        found += ["store_department"] if several_departments else []
        found += ["store_category"] if several_categories else []
    return found


def _parents(level: str, levels: Sequence[str]) -> list[str]:
    """The nearest levels above, at most two: of the place and of the goods."""
    wanted = {
        "chain": [], "region": [["chain"]], "department": [["chain"]], "category": [["department", "chain"]],
        "store": [["region", "chain"]], "store_department": [["department"], ["store"]],
        "store_category": [["category"], ["store_department", "store"]],
    }[level]  # fmt: skip
    return [next(name for name in options if name in levels) for options in wanted]


def _made(demand_forecast: ir.Table, sales: ir.Table, sundays: Sequence[date]) -> pd.DataFrame:
    """`store, item, week, lead, sold, expected` of the forecasts that the days made."""
    first = sundays[0] - timedelta(days=7 * (LEADS + 1))
    slices = demand_forecast.filter(demand_forecast.day > ibis.literal(first))
    days = pd.to_datetime(slices.select("day").distinct().to_pandas()["day"]).sort_values()
    origin = days.groupby(days + pd.to_timedelta((7 - days.dt.isocalendar().day) % 7, unit="D")).max()
    chosen = [moment.date() for moment in origin if moment.date() < sundays[-1]]
    columns = ["store", "item", "week", "lead", "sold", "expected"]
    if not chosen:
        return pd.DataFrame({name: pd.Series(dtype=object if name in ("store", "item") else int) for name in columns})
    rows = slices.filter(slices.day.isin(chosen), slices.ds <= ibis.literal(sundays[-1]))
    rows = rows.left_join(sales.select("store", "item", "y", ds=sales.day), ["store", "item", "ds"])
    # ISO weekday from 0 = Monday: the Sunday that ends the day's week.
    ahead = (ibis.literal(6) - rows.ds.day_of_week.index().cast("int64")).cast("int64")
    rows = rows.mutate(ends=rows.ds + ahead.as_interval("D"))
    cells = rows.group_by("day", "store", "item", "ends").agg(
        expected=rows["mean"].sum(), sold=rows.y.fill_null(0.0).sum(), days=rows.count()
    )
    found = cells.filter(cells.days == 7).to_pandas()
    return _placed(found, sundays)[columns]


def _rehearsed(kept: Mapping[str, FloatArray], sundays: Sequence[date]) -> pd.DataFrame:
    """The same of the forecasts that the model rehearsed."""
    store, item, origins = kept["store"], kept["item"], kept["origin"]
    mean, actual = kept["mean"], kept["actual"]
    parts = []
    for at, origin in enumerate(origins):
        day = date.fromisoformat(str(origin))
        skipped = (7 - day.isoweekday()) % 7
        whole = (mean.shape[2] - skipped) // 7
        if whole < 1:
            continue
        span = slice(skipped, skipped + 7 * whole)
        open_ = np.isfinite(actual[at, :, span])
        shape = (len(store), whole, 7)
        expected = np.where(open_, mean[at, :, span], 0).reshape(shape).sum(axis=2)
        sold = np.where(open_, actual[at, :, span], 0).reshape(shape).sum(axis=2)
        known = open_.reshape(shape).any(axis=2)
        series, week = np.nonzero(known)
        ends = pd.Timestamp(day) + pd.to_timedelta(skipped + 7 * (week + 1), unit="D")
        parts.append(
            pd.DataFrame({"store": store[series], "item": item[series], "day": day, "ends": ends,
                          "sold": sold[known], "expected": expected[known]})
        )  # fmt: skip
    found = (
        pd.concat(parts, ignore_index=True)
        if parts
        else pd.DataFrame(columns=["store", "item", "day", "ends", "sold", "expected"])
    )
    return _placed(found, sundays)


def _placed(cells: pd.DataFrame, sundays: Sequence[date]) -> pd.DataFrame:
    """Weeks and leads as positions; cells outside are dropped."""
    ends = pd.to_datetime(cells["ends"])
    week = len(sundays) - 1 - (pd.Timestamp(sundays[-1]) - ends).dt.days // 7
    lead = -(-(ends - pd.to_datetime(cells["day"])).dt.days // 7) - 1
    placed = cells.assign(week=week.astype(int), lead=lead.astype(int))
    return placed[(placed["week"] >= 0) & (placed["week"] < len(sundays)) & placed["lead"].between(0, LEADS - 1)]
