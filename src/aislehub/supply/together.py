"""What weeks of orders brought together: the same days lived twice on paper, with our orders and with today's rule.

The money of one order is that of this order alone, from the stock that there was. Summed over days it counts too
much: a rule that orders for weeks would not do so again the day after, from its own, fuller shelf. Here each of the
two has a shelf of its own. Both begin with the stock of the first day and meet the same customers, those of the sales
that followed; the one gets the orders that were carried out, the other orders by its rule. Days on which the real shelf
was empty at the close hide demand: see `aislehub.supply.outcome`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd

from aislehub.core.decision import CARRIED_OUT
from aislehub.core.judging import Together
from aislehub.core.tables import Tables
from aislehub.supply.ages import ages_at, batches_of
from aislehub.supply.base_stock import FloatArray
from aislehub.supply.outcome import demands, last_sales, ordered
from aislehub.supply.replay import Shelf
from aislehub.supply.replenish import Policy, economics_of, usual_order

__all__ = ["orders_together", "together"]

FOLLOWED = 0.5
"""Share of a store's orders that have to have been carried out for its days to count."""


@dataclass(frozen=True)
class _Evening:
    """What could be ordered at a close: `lines` of that day's state, and what was, (n,)."""

    lines: pd.DataFrame
    placed: FloatArray


def orders_together(
    tables: Tables, decisions: Sequence[Mapping[str, Any]], *, today: date, policy: Policy
) -> list[Together]:
    """Money of each store's orders over the days from the first on, less that of today's rule over the same days.

    Goods that are left count at their cost, with both. Left out are stores that followed fewer than half of the orders
    or were the control arm of an experiment in these days, and lines that were not in the range on the first.
    """
    orders = _orders(decisions)
    if orders.empty:
        return []
    first, last = orders["day"].min(), orders["day"].max()
    states = _states(tables, sorted(set(orders["store"])), first, last)
    if first not in states:
        return []
    lines = states[first].reset_index(drop=True)
    end = min(last_sales(tables, today), last + timedelta(days=int(lines["cover_days"].max())))
    lines = lines.assign(days=(end - first).days)
    if end <= first:
        return []
    evenings = {
        (day - first).days: _evening(lines, state, orders[orders["day"] == day]) for day, state in states.items()
    }
    ages = tables.run(lambda t: ages_at(t.read("stock_ages", as_of=first), first)).to_pandas()
    gained = {
        name: _lived(lines, ages, demand, evenings, policy, ours=True)
        - _lived(lines, ages, demand, evenings, policy, ours=False)
        for name, demand in zip(("least", "likely", "most"), demands(tables, lines, first, today), strict=True)
    }
    by_store = pd.DataFrame(gained).groupby(lines["store"]).sum()
    return [
        Together(str(store), (end - first).days, float(row["likely"]), float(row.min()), float(row.max()))
        for store, row in by_store.iterrows()
    ]


together = {"orders": orders_together}


def _orders(decisions: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Day, store, item and quantity ordered, in stores that followed."""
    rows = pd.DataFrame(
        {
            "day": decision["day"], "store": decision["store"], "item": decision["subject"],
            "placed": ordered(decision), "followed": decision["state"] in CARRIED_OUT,
            "control": decision["arm"].endswith(":control"),
        }
        for decision in decisions
    )  # fmt: skip
    if rows.empty:
        return rows
    by_store = rows.groupby("store")
    return rows[(by_store["followed"].transform("mean") >= FOLLOWED) & ~by_store["control"].transform("any")]


def _states(tables: Tables, stores: Sequence[str], first: date, last: date) -> dict[date, pd.DataFrame]:
    """State of supply at each close, one row a store and item."""

    def wanted(t: Tables) -> Any:
        rows = t.read("supply_state", as_of=last)
        return rows.filter(rows.day.between(ibis.literal(first), ibis.literal(last)), rows.store.isin(stores))

    found = tables.run(wanted).to_pandas().sort_values(["store", "item"])
    return {pd.Timestamp(day).date(): rows.drop(columns="day") for day, rows in found.groupby("day")}


def _evening(lines: pd.DataFrame, state: pd.DataFrame, orders: pd.DataFrame) -> _Evening:
    """A close, row by row as in `lines`; a line that has left the range is not ordered."""
    keys = lines[["store", "item"]]
    now = keys.merge(state, on=["store", "item"], how="left")
    gone = now["cover_days"].isna().to_numpy()
    now = pd.concat([now[~gone], lines.loc[gone, now.columns].assign(orderable=False)]).sort_index()
    placed = keys.merge(orders, on=["store", "item"], how="left")["placed"].fillna(0.0)
    return _Evening(now, placed.to_numpy(float))


def _lived(
    lines: pd.DataFrame, ages: pd.DataFrame, demand: FloatArray, evenings: Mapping[int, _Evening], policy: Policy, *,
    ours: bool,
) -> FloatArray:  # fmt: skip
    """Money of each line over the days, (n,): margin of what sold, less holding, waste and order lines.

    Args:
        demand: units wanted on each day after the first evening, (n, days).
        evenings: by the days since the first.
        ours: with the orders that were carried out, else with today's rule.
    """
    money, days = economics_of(lines, policy), demand.shape[1]
    shelf, arriving = _first_morning(lines, ages, days)
    earned = np.zeros(len(lines))
    for day in range(days):
        if day in evenings:
            evening = evenings[day]
            position = shelf.units() + arriving[:, day:].sum(axis=1)
            order = evening.placed if ours else usual_order(evening.lines, position, policy)
            _send(arriving, day + evening.lines["lead_days"].to_numpy(float), order)
            earned -= money.line * (order > 0)
        shelf.put(arriving[:, day])
        sold, spoiled = shelf.take(demand[:, day]), shelf.age()
        earned += money.margin * sold - money.waste * spoiled - money.holding * shelf.units()
    return earned


def _first_morning(lines: pd.DataFrame, ages: pd.DataFrame, days: int) -> tuple[Shelf, FloatArray]:
    """The stock after the first evening, and units by the day they will arrive, (n, days + 1).

    When the goods that are under way will come is not told: they are taken to be half way.
    """
    shelf, batches = Shelf(lines["shelf_life_days"].to_numpy(float, na_value=np.inf)), batches_of(lines, ages)
    rows, units = batches["row"].to_numpy(np.int64), batches["units"].to_numpy(float)
    on_hand = np.maximum(lines["on_hand"].to_numpy(float), 0)
    shelf.put(np.maximum(on_hand - np.bincount(rows, units, len(lines)), 0))
    shelf.put_aged(rows, batches["days_left"].to_numpy(np.int64), units)
    arriving = np.zeros((len(lines), days + 1))
    _send(arriving, lines["lead_days"].to_numpy(float) / 2, lines["on_order"].to_numpy(float))
    return shelf, arriving


def _send(arriving: FloatArray, day: FloatArray, units: FloatArray) -> None:
    """Let units arrive at the opening of a day; what comes after the last one stands apart in the last column."""
    column = np.minimum(np.ceil(day), arriving.shape[1] - 1).astype(int)
    arriving[np.arange(len(arriving)), column] += units
