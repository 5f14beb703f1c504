"""What an order turned out to be worth: its money over today's rule, counted again with the sales that followed.

The same terms as in `aislehub.supply.money`, with what was sold in the days after in the place of the forecast. On a
day whose close found the shelf empty, customers may have wanted more than they got: then the money is that of the
item's mean sale on its other days, and its interval reaches from what was sold to twice that mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from aislehub.core.judging import Measured
from aislehub.core.tables import Tables
from aislehub.supply.ages import ages_at, batches_of, outdated
from aislehub.supply.base_stock import FloatArray
from aislehub.supply.money import Interval, Left, contribution
from aislehub.supply.replenish import Policy, economics_of, position_of

__all__ = ["LONGEST", "demands", "judge_orders", "judges", "last_sales", "left_by", "ordered"]

LONGEST = 60
"""Days after which leftovers of a perishable are looked at no longer."""


def judge_orders(
    tables: Tables, decisions: Sequence[Mapping[str, Any]], *, day: date, today: date, policy: Policy
) -> dict[str, Measured]:
    """Measure orders of `day` by the sales known at the close of `today`.

    Left out are orders whose days are not all in the sales table yet, and those whose state of supply is gone.
    """
    lines = _lines(tables, decisions, day)
    known = last_sales(tables, today)
    lines = lines[lines["days"] <= (known - day).days].reset_index(drop=True)
    if lines.empty:
        return {}
    least, likely, most = demands(tables, lines, day, today)
    ages = tables.run(lambda t: ages_at(t.read("stock_ages", as_of=day), day)).to_pandas()
    batches = batches_of(lines, ages)
    proposed = [_gain(lines, "proposed", demand, batches, policy) for demand in (least, likely, most)]
    chosen = _gain(lines, "chosen", likely, batches, policy)
    return {
        row.id: Measured(
            money=round(float(proposed[1][at]), 4),
            low=round(float(min(gain[at] for gain in proposed)), 4),
            high=round(float(max(gain[at] for gain in proposed)), 4),
            chosen=None if row.chosen == row.proposed else round(float(chosen[at]), 4),
            method="supply.measured_sales",
            facts={
                "sold": float(least[at].sum()), "days": row.days, "sold_out": int((likely[at] > least[at]).sum()),
            },
        )
        for at, row in enumerate(lines.itertuples())
    }  # fmt: skip


judges = {"orders": judge_orders}


def _lines(tables: Tables, decisions: Sequence[Mapping[str, Any]], day: date) -> pd.DataFrame:
    """One row a decision: what was proposed, chosen and usual, and the state of supply that it was made from.

    What was rejected, or has expired, was not ordered: today's rule stood.
    """
    rows = pd.DataFrame(
        {
            "id": decision["id"], "store": decision["store"], "item": decision["subject"],
            "proposed": decision["action"]["quantity"], "baseline": decision["baseline"]["quantity"],
            "chosen": ordered(decision),
        }
        for decision in decisions
    )  # fmt: skip
    state = tables.run(lambda t: (all_ := t.read("supply_state", as_of=day)).filter(all_.day == ibis.literal(day)))
    lines = rows.merge(state.to_pandas().drop(columns="day"), on=["store", "item"])
    sold_by = (lines["lead_days"] + lines["shelf_life_days"]).fillna(0).clip(upper=LONGEST)
    return lines.assign(days=np.ceil(np.maximum(sold_by, lines["cover_days"])).astype(int))


def ordered(decision: Mapping[str, Any]) -> float:
    """Units that were ordered: those proposed, those a person put in their place, or those of today's rule."""
    if decision["state"] in ("rejected", "expired"):
        return float(decision["baseline"]["quantity"])
    return float((decision["override"] or {}).get("action", decision["action"])["quantity"])


def last_sales(tables: Tables, today: date) -> date:
    """The last business day whose sales are known."""
    found = tables.run(lambda t: (sales := t.read("sales_lines", as_of=today)).aggregate(last=sales.day.max()))
    return min(found["last"][0].as_py() or date.min, today)


def _gain(lines: pd.DataFrame, quantity: str, demand: FloatArray, batches: pd.DataFrame, policy: Policy) -> FloatArray:
    """Money of the quantities of a column over the baseline's, had this been the demand, (n,)."""
    unused = np.zeros(len(lines))  # what was expected has no part in what came to pass
    left = left_by(demand)
    lead, cover = lines["lead_days"].to_numpy(float), lines["cover_days"].to_numpy(float)
    interval = Interval(unused, unused, lead, cover, life=lines["shelf_life_days"].to_numpy(float, na_value=np.inf))
    gone = outdated(batches, interval.cover, lambda rows, days, units: left_by(demand[rows])(days, units))
    position = position_of(lines.assign(outdated=gone))
    earned, usual = (
        contribution(lines[name].to_numpy(float), position, interval, economics_of(lines, policy), left)
        for name in (quantity, "baseline")
    )
    return earned - usual


def demands(tables: Tables, lines: pd.DataFrame, day: date, today: date) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Units wanted on each day after `day`, (n, days) each: at least, likely and at most; 0 after a line's own days."""
    days = int(lines["days"].max())
    own = np.arange(days) < lines["days"].to_numpy()[:, None]
    sold = np.where(own, np.maximum(np.nan_to_num(_daily(tables, "sales_lines", "quantity", lines, day, today)), 0), 0)
    empty = own & (_daily(tables, "stock", "on_hand", lines, day, today) <= 0)
    usual = np.where(empty, 0, sold).sum(axis=1, keepdims=True) / np.maximum(
        (own & ~empty).sum(axis=1, keepdims=True), 1
    )
    likely, most = (np.where(empty, np.maximum(sold, times * usual), sold) for times in (1, 2))
    return sold, likely, most


def _daily(tables: Tables, table: str, column: str, lines: pd.DataFrame, day: date, today: date) -> FloatArray:
    """Sum of a column of facts by line and day after `day`, (n, days); NaN where there is no row."""
    days = int(lines["days"].max())

    def wanted(t: Tables) -> Any:
        rows = t.read(table, as_of=today)
        rows = rows.filter(rows.day.between(day + timedelta(days=1), day + timedelta(days=days)))
        rows = rows.filter(rows.store.isin(sorted(set(lines["store"]))), rows.item.isin(sorted(set(lines["item"]))))
        return rows.group_by("store", "item", "day").agg(value=rows[column].sum())

    found: pa.Table = tables.run(wanted)
    values = np.full((len(lines), days), np.nan)
    place = pd.MultiIndex.from_frame(lines[["store", "item"]])
    rows = found.to_pandas()
    at = place.get_indexer(pd.MultiIndex.from_frame(rows[["store", "item"]]))
    ahead = (pd.to_datetime(rows["day"]) - pd.Timestamp(day)).dt.days.to_numpy() - 1
    values[at[at >= 0], ahead[at >= 0]] = rows["value"].to_numpy(float)[at >= 0]
    return values


def left_by(demand: FloatArray) -> Left:
    """What the demand of the first days leaves of so many units; a part of a day has that part of its demand."""
    total = np.concatenate([np.zeros((len(demand), 1)), np.cumsum(demand, axis=1)], axis=1)
    row = np.arange(len(demand))

    def left(days: FloatArray, units: FloatArray) -> FloatArray:
        days = np.clip(days, 0, demand.shape[1])
        whole = np.minimum(days.astype(int), demand.shape[1] - 1)
        used = total[row, whole] + (days - whole) * demand[row, whole]
        return np.maximum(units - used, 0)

    return left
