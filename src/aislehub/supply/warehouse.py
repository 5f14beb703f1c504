"""What the chain's warehouses should order, seen with the stores that they serve.

What a warehouse orders serves customers only after it has gone on to a store, so it is measured on the whole echelon:
stock in the warehouse, in its stores and on the way, against the level at which that echelon costs least
(`echelon.py`). Today's rule, beside it, looks at the warehouse alone: weeks of the stores' mean sales.

Only where the chain's data say so: a row of kind `warehouse` in `stores`, its stock in `stock`, its suppliers' terms
in `lead_times` under its own number, and its number as the `supplier` in the terms of the stores that it serves. A
chain without warehouses gets empty tables.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from aislehub.core.contract import Column, Contract
from aislehub.core.reasons import Reason, to_json
from aislehub.core.step import step
from aislehub.supply.base_stock import FloatArray, covered, demand_quantile
from aislehub.supply.echelon import Demand, echelon_levels, pool_in_stores, pool_in_warehouse
from aislehub.supply.limits import Limits, limit_orders
from aislehub.supply.money import Economics, Interval, expected_money
from aislehub.supply.replenish import Policy, demand_lines, interval_of, position_of, service_that_pays, stock_in
from aislehub.supply.state import UNSAID, fresh_stock, supply_calendar, valid_terms
from aislehub.supply.state import Policy as StatePolicy

__all__ = [
    "WAREHOUSE_ORDERS",
    "WAREHOUSE_STATE",
    "Echelon",
    "checks",
    "days_of",
    "echelon_economics",
    "explain",
    "served_by",
    "warehouse_orders",
    "warehouse_state",
    "with_echelon",
]

logger = logging.getLogger(__name__)

WAREHOUSE_STATE = Contract(
    "warehouse_state",
    "Stock of an item in a warehouse of the chain at the close of the day, and the terms on which more comes",
    (
        Column("store", "text", "Warehouse"),
        Column("item", "text", "Item"),
        Column("on_hand", "float", "Units in the warehouse; negative = booking error", "item's unit"),
        Column("on_order", "float", "Units ordered and not yet received", "item's unit", low=0),
        Column("supplier", "text", "Supplier of the warehouse", required=False),
        Column("orderable", "bool", "The supplier takes orders on the morning after the day", required=False),
        Column("lead_days", "float",
               "Days from tomorrow's opening until the next order is in the warehouse; empty = no terms of supply",
               "days", required=False, low=0),
        Column("lead_days_sd", "float", "Standard deviation of the lead time", "days", required=False, low=0),
        Column("cover_days", "float",
               "Days from tomorrow's opening until the order after the next one is in the warehouse", "days",
               required=False, low=1),
        Column("case_pack", "float", "Units in a case or on a pallet", "item's unit", required=False, low=0.001),
        Column("moq", "float", "Least quantity of one order line; 0 = one case", "item's unit", required=False, low=0),
        Column("shelf_life_days", "float", "Days it can be sold after it came to the warehouse; empty = keeps", "days",
               required=False, low=0),
        Column("order_cost", "float", "Fixed cost of one order line", "money", required=False, low=0),
    ),
    key="store item",
    derived=True,
)  # fmt: skip

WAREHOUSE_ORDERS = Contract(
    "warehouse_orders",
    "What to order for a warehouse tomorrow morning, beside what today's rule would order",
    (
        Column("supplier", "text", "Supplier", required=False),
        Column("quantity", "float", "Units to order, whole cases", "item's unit", low=0),
        Column("arrives", "date", "Day from whose opening it is in the warehouse"),
        Column("order_up_to", "float",
               "Units in the warehouse, in the stores it serves and on the way at which the echelon costs least",
               "item's unit", low=0),
        Column("service_level", "float", "Probability that they cover the demand of `cover_days`", low=0, high=1),
        Column("demand", "float", "Units that the stores are expected to sell in `cover_days`", "item's unit", low=0),
        Column("demand_sd", "float", "Standard deviation of that demand, each store with its own safety stock",
               "item's unit", low=0),
        Column("cover_days", "int", "Days until the order after the next one can be sold in the stores", "days", low=1),
        Column("stores", "int", "Stores served", low=1),
        Column("on_hand", "float", "Units in the warehouse at the close of the day", "item's unit"),
        Column("on_order", "float", "Units on their way to the warehouse", "item's unit", low=0),
        Column("in_stores", "float",
               "Units in the stores and on their way to them, of each store only what it can sell in `cover_days`",
               "item's unit", low=0),
        Column("case_pack", "float", "Units in a case", "item's unit", low=0.001),
    ),
    key="day store subject",
    decision=True,
)  # fmt: skip


@dataclass(frozen=True)
class Echelon:
    """The stores below each of n warehouse lines: totals or means weighted by demand, (n,) each.

    Attributes:
        stores: how many.
        held: units in them and on their way, of each only what it can sell before the echelon is filled again.
        soon: demand until a store's order after the next one, each store with its own safety stock.
        later: demand of the days that the warehouse itself must last, pooled.
        days: that a store's order must last.
        review: days between a store's orders.
        rate: units a day lately.
        margin, cost: money per unit.
        source: what of their facts is simulated.
    """

    stores: NDArray[np.int64]
    held: FloatArray
    soon: Demand
    later: Demand
    days: FloatArray
    review: FloatArray
    rate: FloatArray
    margin: FloatArray
    cost: FloatArray
    source: NDArray[np.object_]


@step(reads="stores stock lead_times", writes=WAREHOUSE_STATE)
def warehouse_state(
    stores: Any, stock: Any, lead_times: Any, *, day: date, policy: StatePolicy
) -> pd.DataFrame | pa.Table:
    """State of every item in every warehouse that is open and whose stock is known at the close of `day`."""
    opened = stores.filter(
        (stores.kind == "warehouse") & (stores.closed.isnull() | (stores.closed > ibis.literal(day)))
    )
    names = opened.select("store").to_pandas()["store"].tolist()
    if not names:
        return WAREHOUSE_STATE.empty()
    held = fresh_stock(stock.filter(stock.store.isin(names)), day, policy)
    unknown = sorted(set(names) - set(held["store"]))
    if unknown:
        logger.warning("warehouses left out", extra={"unknown": "stock", "warehouses": unknown, "day": day})
    if held.empty:
        return WAREHOUSE_STATE.empty()
    terms = valid_terms(lead_times.filter(lead_times.store.isin(names)).to_pandas(), day).fillna(UNSAID)
    terms = terms.assign(**supply_calendar(terms, day)) if len(terms) else terms.assign(orderable=None, cover_days=None)
    rows = held.merge(terms, on=["store", "item"], how="left")
    rows["on_order"] = rows["on_order"].astype(float).fillna(0.0)
    return rows[[column.name for column in WAREHOUSE_STATE.columns if column.name != "day"]]


@step(reads="warehouse_state supply_state stock_ages demand_forecast", writes=WAREHOUSE_ORDERS)
def warehouse_orders(
    warehouse_state: Any, supply_state: Any, stock_ages: Any, demand_forecast: Any, *, day: date, policy: Policy
) -> pd.DataFrame | pa.Table:
    """Orders of the warehouses for tomorrow morning, for every line that is ordered or would be by today's rule."""
    lines, below = with_echelon(warehouse_state, supply_state, stock_ages, demand_forecast, day, policy)
    if below is None:
        return WAREHOUSE_ORDERS.empty()
    kept = below.cost * policy.holding_rate / 365
    service = service_that_pays(below.margin, kept * below.review, policy)
    in_warehouse = policy.warehouse_holding * kept
    _, order_up_to = echelon_levels(
        below.soon, below.later, kept - in_warehouse, in_warehouse, service / (1 - service) * kept
    )
    own = lines["on_hand"].clip(lower=0).to_numpy(float) + lines["on_order"].to_numpy(float)
    position = own + below.held
    limits = _limits(lines, below)
    limited = limit_orders(order_up_to - position, position, limits)
    weeks = np.ceil(7 * policy.warehouse_weeks * below.rate) if policy.baseline == "weeks_of_cover" else 0 * own
    baseline = limit_orders(weeks - own, own, limits).quantity

    interval = days_of(lines, below)
    money = expected_money(limited.quantity, baseline, position, interval, echelon_economics(lines, below, policy))
    orders = lines.assign(
        subject=lines["item"],
        quantity=limited.quantity,
        bound=limited.bound,
        baseline_quantity=baseline,
        order_up_to=order_up_to,
        service_level=covered(interval.mean, interval.variance, order_up_to),
        demand=interval.mean,
        demand_sd=np.sqrt(interval.variance),
        stores=below.stores,
        in_stores=below.held,
        arrives=[day + timedelta(days=1 + int(days)) for days in lines["lead_days"]],
        money=money.mean,
        money_low=money.low,
        money_high=money.high,
        horizon_days=np.ceil(interval.cover).astype(int),
        cover_days=np.ceil(interval.cover).astype(int),
        outlay=limited.quantity * below.cost,
        source=below.source,
    )
    cut = np.isin(limited.bound, ["moq", "shelf_life"])
    orders = orders[(limited.quantity > 0) | (baseline > 0) | cut].reset_index(drop=True)
    rows = orders.to_dict("records")
    return orders.assign(
        action=[json.dumps({"quantity": row["quantity"]}) for row in rows],
        baseline=[json.dumps({"name": policy.baseline, "quantity": row["baseline_quantity"]}) for row in rows],
        reasons=[to_json(explain(row)) for row in rows],
    )[[column.name for column in WAREHOUSE_ORDERS.columns if column.name != "day"]]


def served_by(warehouse_state: Any, supply_state: Any, day: date) -> Any:
    """Rows of `supply_state` of `day` that a warehouse with known stock serves, with its `available` stock and
    `warehouse_days`, its cover."""
    here = warehouse_state.filter(warehouse_state.day == ibis.literal(day))
    here = here.select("item", supplier="store", available="on_hand", warehouse_days="cover_days")
    return supply_state.inner_join(here, ["supplier", "item"])


def explain(row: Mapping[str, Any]) -> list[Reason]:
    """Why this quantity: the echelon's demand, its stock, the limit. Weights are units, as in `replenish`."""
    demand = {
        "stores": row["stores"], "days": row["cover_days"], "demand": round(row["demand"], 1),
        "order_up_to": row["order_up_to"],
    }  # fmt: skip
    stock = {"on_hand": row["on_hand"], "on_order": row["on_order"], "in_stores": round(row["in_stores"], 1)}
    held = max(row["on_hand"], 0) + row["on_order"] + row["in_stores"]
    reasons = [
        Reason("supply.because_echelon", demand, row["order_up_to"]),
        Reason("supply.because_echelon_stock", stock, -held),
    ]
    if row["bound"] != "none":
        facts = {"quantity": row["quantity"], "case_pack": row["case_pack"]}
        reasons.append(Reason(f"supply.because_{row['bound']}", facts, row["quantity"] - row["order_up_to"]))
    return reasons


checks = {"supply.because_echelon_stock": stock_in("warehouse_state")}


def with_echelon(
    warehouse_state: Any, supply_state: Any, stock_ages: Any, demand_forecast: Any, day: date, policy: Policy
) -> tuple[pd.DataFrame, Echelon | None]:
    """Lines of warehouses with terms of supply that serve a store, and what is below each; None without any."""
    today = warehouse_state.filter((warehouse_state.day == ibis.literal(day)) & warehouse_state.lead_days.notnull())
    lines = today.drop("day").order_by(["store", "item"]).to_pandas()
    if lines.empty:
        return lines, None
    served = served_by(today, supply_state, day)
    # The same demand twice: until a store is served again, and until the warehouse is and has passed it on.
    soon = demand_lines(demand_forecast, served, stock_ages, day)
    days = served.cover_days + served.warehouse_days
    longer = served.mutate(cover_days=days, own_mean=served.own_mean * days / served.cover_days)
    in_all = demand_lines(demand_forecast, longer, stock_ages, day)["demand"].to_numpy(float)

    wanted = pd.MultiIndex.from_frame(lines[["store", "item"]])
    system = wanted.get_indexer(pd.MultiIndex.from_frame(soon[["supplier", "item"]]))
    used, system = np.unique(system, return_inverse=True)
    lines, n = lines.iloc[used].reset_index(drop=True), len(used)

    interval = interval_of(soon)
    ratio = soon["variance_ratio"].to_numpy(float)
    later = np.maximum(in_all - interval.mean, 0)
    position = position_of(soon)
    sellable = demand_quantile(in_all, interval.variance + later * ratio, policy.most_service)
    weight = interval.mean + 1e-9  # a system without demand has plain means

    def total(values: FloatArray) -> FloatArray:
        return np.bincount(system, values, n).astype(np.float64)

    def mean(values: FloatArray) -> FloatArray:
        return total(weight * values) / total(weight)

    pooled = pool_in_warehouse(later, later * ratio, system, n)
    late = (total(interval.mean / interval.cover) * lines["lead_days_sd"].to_numpy(float)) ** 2
    price, cost = (soon[name].to_numpy(float) for name in ("price", "cost"))
    return lines, Echelon(
        stores=np.bincount(system, minlength=n),
        held=total(np.minimum(position, sellable)),
        soon=pool_in_stores(interval.mean, interval.variance, system, n),
        later=Demand(pooled.mean, pooled.variance + late),
        days=mean(interval.cover),
        review=mean(interval.cover - interval.lead),
        rate=total(soon["mean_sales"].to_numpy(float)),
        margin=mean(price - cost),
        cost=mean(cost),
        source=soon.groupby(system)["source"].max().to_numpy(object),  # `simulated: …` comes after `facts`
    )


def _limits(lines: pd.DataFrame, below: Echelon) -> Limits:
    """A warehouse has no shelf to fill; of what spoils it holds no more than sells in time."""
    lead, cover = lines["lead_days"].to_numpy(float), lines["cover_days"].to_numpy(float)
    life = lines["shelf_life_days"].to_numpy(float, na_value=np.inf)
    a_day = below.later.mean / cover
    sellable = np.where(np.isfinite(life), np.ceil(a_day * (lead + np.where(np.isfinite(life), life, 0))), np.inf)
    return Limits(
        orderable=lines["orderable"].to_numpy(bool),
        case=lines["case_pack"].to_numpy(float),
        least=lines["moq"].to_numpy(float),
        sellable=sellable,
        capacity=np.full(len(lines), np.inf),
        gone=np.zeros(len(lines)),
    )


def echelon_economics(lines: pd.DataFrame, below: Echelon, policy: Policy) -> Economics:
    """Money per unit, as a warehouse's order has it: what it holds costs less than what a store holds."""
    held = policy.warehouse_holding * below.cost * policy.holding_rate / 365
    return Economics(below.margin, below.cost * (1 - policy.clearance), held, lines["order_cost"].to_numpy(float))


def days_of(lines: pd.DataFrame, below: Echelon) -> Interval:
    """The days that an order must last until the next one is in the stores, with their demand."""
    return Interval(
        mean=below.soon.mean + below.later.mean,
        variance=below.soon.variance + below.later.variance,
        lead=lines["lead_days"].to_numpy(float),
        cover=lines["cover_days"].to_numpy(float) + below.days,
        life=lines["shelf_life_days"].to_numpy(float, na_value=np.inf),
    )
