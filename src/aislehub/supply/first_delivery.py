"""The first delivery of a new item: how much of a warehouse's stock goes to which store, and how much waits.

Nobody knows yet how an item will sell where. A store gets what will probably last until its own sales tell, by the
forecast where there is one for the item, else as goods of its category sell in that store. Cases go where they are
expected to earn most (`allocation.py`). A part may stay in the warehouse until sales have shown which stores want more:
the less is known, the more that is worth. How large a part is tried out: demand is drawn many times, each store with a
factor of its own that no one knows beforehand; stores sell, what was held back follows those sales, stores sell on; the
part with which most is sold is kept.

Source: the two-stage problem of Gallien et al. (2015), *Initial Shipment Decisions for New Products at Zara*,
https://doi.org/10.1287/opre.2014.1343, with the second stage drawn instead of bounded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from aislehub.core.contract import Column, Contract
from aislehub.core.reasons import Reason, to_json
from aislehub.core.settings import Settings, field
from aislehub.core.step import step
from aislehub.supply.allocation import case_numbers, share_out
from aislehub.supply.base_stock import FloatArray, demand_quantile, expected_short
from aislehub.supply.state import UNSAID, supply_calendar, valid_terms

__all__ = ["FIRST_DELIVERIES", "Launch", "Policy", "explain", "first_deliveries", "plan_launch"]

HELD_BACK = np.arange(0, 0.55, 0.05)  # shares of the stock that are tried

FIRST_DELIVERIES = Contract(
    "first_deliveries",
    "What a warehouse should send a store of an item that the chain has not sold yet",
    (
        Column("warehouse", "text", "Warehouse it comes from"),
        Column("quantity", "float", "Units to send, whole cases", "item's unit", low=0),
        Column("arrives", "date", "Day from whose opening it can be sold"),
        Column("wanted", "float", "Units that will probably last `first_days`", "item's unit", low=0),
        Column("demand", "float", "Units expected to sell in `first_days`", "item's unit", low=0),
        Column("first_days", "int", "Days from its arrival until sales have told", "days", low=1),
        Column("available", "float", "Units in the warehouse", "item's unit", low=0),
        Column("held_back", "float", "Units that stay there, of all stores' deliveries together", "item's unit", low=0),
        Column("case_pack", "float", "Units in a case", "item's unit", low=0.001),
    ),
    key="day store subject",
    decision=True,
)  # fmt: skip


class Policy(Settings, section="new_lines"):
    """How a new item starts."""

    new_after_days: int = field(182, "Days in which no store has had or sold an item that counts as new", ge=7, le=1100)
    first_days: int = field(
        14, "Days that a first delivery has to last, until a store's own sales say more", ge=1, le=90
    )
    season_days: int = field(
        42, "Days, from the first delivery, in which the warehouse's stock should be sold", ge=1, le=365
    )
    service: float = field(
        0.9, "Probability with which a first delivery lasts, where there is enough", ge=0.5, le=0.999
    )
    uncertainty: float = field(
        0.6, "Standard deviation of a new item's rate of sale in a store, as a share of what is expected", gt=0, le=3
    )
    draws: int = field(400, "Demands drawn to choose what is held back and to count the money", ge=50, le=10_000)


@dataclass(frozen=True)
class Launch:
    """The first delivery of one item to s stores.

    Attributes:
        quantity: units to each store, whole cases, (s,).
        equal: what equal shares would give each, with nothing held back, whole cases, (s,).
        held: units that stay in the warehouse.
        gain: units sold more than with equal shares, of each draw, (draws, s).
    """

    quantity: FloatArray
    equal: FloatArray
    held: float
    gain: FloatArray


@step(reads="warehouse_state supply_state demand_forecast lead_times stock sales_lines items", writes=FIRST_DELIVERIES)
def first_deliveries(
    warehouse_state: Any, supply_state: Any, demand_forecast: Any, lead_times: Any, stock: Any, sales_lines: Any,
    items: Any, *, day: date, policy: Policy, seed: int = 0,
) -> pd.DataFrame | pa.Table:  # fmt: skip
    """First deliveries of items that lie in a warehouse and that no store has, or has sold lately."""
    here = warehouse_state.filter((warehouse_state.day == ibis.literal(day)) & (warehouse_state.on_hand > 0))
    new = here.anti_join(supply_state.filter(supply_state.day == ibis.literal(day)), "item")
    held = new.select("item", warehouse="store", available="on_hand").to_pandas()
    if held.empty:
        return FIRST_DELIVERIES.empty()
    held = held[~held["item"].isin(_in_stores(stock, sales_lines, held, day - timedelta(days=policy.new_after_days)))]
    lines = _lines(held, lead_times, day)
    if lines.empty:
        return FIRST_DELIVERIES.empty()
    lines = _with_demand(lines, supply_state, demand_forecast, items, day, policy)
    lines = lines[lines["demand"] > 0].reset_index(drop=True)
    made = []
    for number, (_, item) in enumerate(lines.groupby(["warehouse", "item"], sort=True)):
        made.append(_deliveries(item, day, policy, np.random.default_rng([seed, day.toordinal(), number])))
    return pd.concat(made, ignore_index=True) if made else FIRST_DELIVERIES.empty()


def plan_launch(
    available: float, case: FloatArray, demand: FloatArray, wanted: FloatArray, margin: FloatArray, policy: Policy,
    rng: np.random.Generator,
) -> Launch:  # fmt: skip
    """Share out the first delivery of one item, holding back what is expected to sell more later.

    Args:
        available: units in the warehouse.
        case: units per case, (s,).
        demand: units expected to sell in the first days, (s,).
        wanted: units that each store should get where there is enough, whole cases, (s,).
        margin: money of a unit sold, (s,).
        policy: its days and the uncertainty.
        rng: draws the demands.
    """
    later = demand * max(policy.season_days - policy.first_days, 0) / policy.first_days
    shape = policy.uncertainty**-2
    factor = rng.gamma(shape, 1 / shape, (policy.draws, len(demand)))
    first, rest = rng.poisson(demand * factor), rng.poisson(later * factor)

    def sold(sent: FloatArray, kept: float) -> FloatArray:
        """Units sold in each draw: what is kept follows what the first days tell of each store's rate."""
        early = np.minimum(first, sent)
        left = sent - early
        rate = (shape + early) / (shape + demand)
        need = np.maximum(later * rate - left, 0)
        asked = need.sum(axis=1, keepdims=True)
        return early + np.minimum(rest, left + need * np.minimum(1, kept / np.maximum(asked, 1e-9)))

    cases = np.round(wanted / case).astype(np.int64)
    upto, number = case_numbers(cases)
    variance = demand + (policy.uncertainty * demand) ** 2
    missed = expected_short(demand[upto], variance[upto], number * case[upto])
    worth = np.maximum(margin[upto][1:], 0)[number[1:] > 0] * -np.diff(missed)[number[1:] > 0]

    one = np.zeros(len(cases), np.int64)
    ways = [share_out(worth, cases, case, one, np.array([available * (1 - share)])) for share in HELD_BACK]
    money = [(sold(sent, available - sent.sum()).mean(axis=0) * margin).sum() for sent in ways]
    best = ways[int(np.argmax(np.round(money, 9)))]
    most = np.floor(available / case).astype(np.int64)
    equal = share_out(np.zeros(int(most.sum())), most, case, one, np.array([available]))
    held = float(available - best.sum())
    return Launch(best, equal, held, sold(best, held) - sold(equal, 0.0))


def explain(row: Mapping[str, Any]) -> list[Reason]:
    """Why this quantity: what it will probably sell, by what, and what stays in the warehouse. Weights are units."""
    expected = {"demand": round(row["demand"], 1), "days": row["first_days"]}
    kept = {"warehouse": row["warehouse"], "available": row["available"], "held_back": row["held_back"]}
    if pd.isna(row["group"]):
        reasons = [Reason("supply.because_new_forecast", expected, row["demand"])]
    else:
        reasons = [Reason("supply.because_new_peers", expected | {"group": row["group"]}, row["demand"])]
    reasons.append(Reason("supply.because_held_back", kept, -row["held_back"]))
    if row["bound"] == "case_pack":
        reasons.append(Reason("supply.because_case_pack", {"case_pack": row["case_pack"]}, row["case_pack"]))
    return reasons


def _in_stores(stock: Any, sales_lines: Any, held: pd.DataFrame, since: date) -> set[str]:
    """Which of these items a store has had, awaited or sold after `since`."""
    names, warehouses = held["item"].unique().tolist(), held["warehouse"].unique().tolist()
    after = ibis.literal(since)
    rows = stock.filter(stock.item.isin(names), stock.store.notin(warehouses), stock.day > after)
    there = rows.filter((rows.on_hand > 0) | (rows.on_order > 0))
    sold = sales_lines.filter(sales_lines.item.isin(names), sales_lines.day > after)
    found = (table.select("item").distinct().to_pandas()["item"] for table in (there, sold))
    return set().union(*found)


def _lines(held: pd.DataFrame, lead_times: Any, day: date) -> pd.DataFrame:
    """Stores that get each item from the warehouse that has it, with their terms."""
    names = held["item"].unique().tolist()
    terms = valid_terms(lead_times.filter(lead_times.item.isin(names)).to_pandas(), day).fillna(UNSAID)
    lines = held.merge(terms, left_on=["warehouse", "item"], right_on=["supplier", "item"])
    lines = lines.sort_values(["warehouse", "item", "store"]).reset_index(drop=True)
    return lines.assign(**supply_calendar(lines, day)) if len(lines) else lines


def _with_demand(
    lines: pd.DataFrame, supply_state: Any, demand_forecast: Any, items: Any, day: date, policy: Policy
) -> pd.DataFrame:
    """Add `demand` of the first days, `group` whose goods it was taken from (empty = its own forecast), and `margin`.

    A store without goods of the category is looked at by department, then as a whole; the margin is theirs too.
    """
    groups = items.select("item", "category", "department").to_pandas()
    state = supply_state.filter(supply_state.day == ibis.literal(day))
    peers = state.select("store", "item", "mean_sales", "price", "cost", "source").to_pandas()
    peers = peers.assign(everything="*", margin=peers["price"] - peers["cost"]).merge(groups, on="item", how="left")
    lines = lines.merge(groups, on="item", how="left").assign(everything="*", rate=np.nan, margin=np.nan, group=None)
    for level in ("category", "department", "everything"):
        usual = peers.groupby(["store", level], as_index=False)[["mean_sales", "margin"]].mean()
        found = lines[["store", level]].merge(usual, on=["store", level], how="left")
        open_ = lines["rate"].isna().to_numpy() & found["mean_sales"].notna().to_numpy()
        lines.loc[open_, "rate"], lines.loc[open_, "margin"] = found["mean_sales"][open_], found["margin"][open_]
        lines.loc[open_, "group"] = lines[level][open_]
    lines["demand"] = lines["rate"].fillna(0.0) * policy.first_days

    today = demand_forecast.filter(demand_forecast.day == ibis.literal(day))
    today = today.filter(today.item.isin(lines["item"].unique().tolist()))
    ahead = today.ds.delta(ibis.literal(day), unit="day")
    forecast = today.select("store", "item", "total_mean", ahead=ahead).to_pandas()
    forecast = forecast[forecast["ahead"] <= policy.first_days].sort_values("ahead")
    longest = forecast.drop_duplicates(["store", "item"], keep="last")
    found = lines[["store", "item"]].merge(longest, on=["store", "item"], how="left")
    known = found["total_mean"].notna().to_numpy()
    lines.loc[known, "demand"] = (found["total_mean"] / found["ahead"] * policy.first_days)[known]
    lines.loc[known, "group"] = None
    # `simulated: …` comes after `facts`.
    return lines.assign(margin=lines["margin"].fillna(0.0), source=peers["source"].max() if len(peers) else "facts")


def _deliveries(lines: pd.DataFrame, day: date, policy: Policy, rng: np.random.Generator) -> pd.DataFrame:
    """Decisions of one item of one warehouse."""
    case, demand = lines["case_pack"].to_numpy(float), lines["demand"].to_numpy(float)
    margin, available = lines["margin"].to_numpy(float), float(np.floor(lines["available"].iloc[0]))
    enough = demand_quantile(demand, demand + (policy.uncertainty * demand) ** 2, policy.service)
    enough = np.maximum(enough, lines["presentation_stock"].to_numpy(float))
    wanted = np.ceil(enough / case - 1e-9) * case
    launch = plan_launch(available, case, demand, wanted, margin, policy, rng)
    gain = launch.gain * margin
    mean, rounded = gain.mean(axis=0), np.where(wanted > enough, "case_pack", "none")
    deliveries = lines.assign(
        subject=lines["item"],
        quantity=launch.quantity,
        wanted=wanted,
        first_days=policy.first_days,
        held_back=launch.held,
        available=available,
        bound=np.where(launch.quantity < wanted, "warehouse", rounded),
        arrives=[day + timedelta(days=1 + int(days)) for days in lines["lead_days"]],
        money=mean,
        money_low=np.minimum(np.quantile(gain, 0.05, axis=0), mean),
        money_high=np.maximum(np.quantile(gain, 0.95, axis=0), mean),
        horizon_days=max(policy.season_days, policy.first_days),
        outlay=0.0,  # the goods are the chain's already
        equal=launch.equal,
    )
    rows = deliveries.to_dict("records")
    return deliveries.assign(
        action=[json.dumps({"quantity": row["quantity"]}) for row in rows],
        baseline=[json.dumps({"name": "equal_shares", "quantity": row["equal"]}) for row in rows],
        reasons=[to_json(explain(row)) for row in rows],
    )[[column.name for column in FIRST_DELIVERIES.columns if column.name != "day"]]
