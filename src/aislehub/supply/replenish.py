"""Replenishment: order what the stock, and what is on its way, will not cover until the order after next.

Order-up-to (R, S) policy in whole cases: every line is raised to the quantile of the demand until the delivery
after the next one; then the supplier's and the store's limits are applied, each by name. The quantile is the
service that pays: the critical ratio of a lost margin to a unit kept for one more review period.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Literal

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aislehub.core.contract import Column, Contract
from aislehub.core.reasons import Check, Reason, to_json
from aislehub.core.settings import Settings, field
from aislehub.core.step import step
from aislehub.supply.ages import ages_at, batches_of, outdated
from aislehub.supply.base_stock import (
    FloatArray,
    covered,
    critical_ratio,
    demand_quantile,
    economic_quantity,
    expected_left,
)
from aislehub.supply.limits import Limited, Limits, limit_orders, waits_for_more, within_budget, within_warehouse
from aislehub.supply.money import Economics, Interval, cases_worth_having, expected_contribution, expected_money

__all__ = [
    "ORDERS",
    "Policy",
    "Wanted",
    "checks",
    "demand_lines",
    "economics_of",
    "explain",
    "interval_of",
    "position_of",
    "replenish",
    "service_that_pays",
    "stock_in",
    "usual_order",
    "wanted_orders",
]  # fmt: skip

_SOLD_DAYS = 28  # as the forecast's column sold_28d counts

ORDERS = Contract(
    "orders",
    "What to order for a store tomorrow morning, beside what today's rule would order",
    (
        Column("supplier", "text", "Supplier or warehouse", required=False),
        Column("quantity", "float", "Units to order, whole cases", "item's unit", low=0),
        Column("arrives", "date", "Day from whose opening it can be sold"),
        Column("order_up_to", "float", "Units that cover the demand until `cover_days` with the service wanted",
               "item's unit", low=0),
        Column("service_level", "float", "Probability that they cover it", low=0, high=1),
        Column("demand", "float", "Units expected to sell in `cover_days`", "item's unit", low=0),
        Column("demand_sd", "float", "Standard deviation of that demand", "item's unit", low=0),
        Column("cover_days", "int", "Days until the order after the next one can be sold", "days", low=1),
        Column("on_hand", "float", "Units in the store at the close of the day", "item's unit"),
        Column("on_order", "float", "Units on their way", "item's unit", low=0),
        Column("outdated", "float", "Units on hand that will probably expire unsold within `cover_days`",
               "item's unit", low=0),
        Column("case_pack", "float", "Units in a case", "item's unit", low=0.001),
    ),
    key="day store subject",
    decision=True,
)  # fmt: skip


class Policy(Settings, section="replenish"):
    """How much service pays, what today's rule is, and what may be spent."""

    service: Literal["critical_ratio", "cycle_service"] = field(
        "critical_ratio",
        "critical_ratio weighs a lost margin against keeping a unit; cycle_service aims at service_level",
    )
    service_level: float = field(
        0.95, "Share of order cycles without a shortage, with service = cycle_service", ge=0.5, le=0.999
    )
    least_service: float = field(0.50, "The critical ratio is not followed below this service", ge=0, le=0.999)
    most_service: float = field(0.995, "The critical ratio is not followed above this service", ge=0.5, le=0.9999)
    holding_rate: float = field(0.25, "Yearly cost of keeping a unit, as a share of its purchase cost", ge=0, le=5)
    clearance: float = field(0.0, "Share of its cost that an expired unit brings back", ge=0, le=1)
    baseline: Literal["weeks_of_cover", "nothing"] = field(
        "weeks_of_cover", "Today's rule, beside which the money of an order is counted"
    )
    weeks_of_cover: float = field(2.0, "Weeks of mean sales that today's rule orders up to", gt=0, le=26)
    warehouse_weeks: float = field(
        4.0, "Weeks of the stores' mean sales that today's rule orders a warehouse up to", gt=0, le=52
    )
    warehouse_holding: float = field(
        0.5, "Cost of keeping a unit in a warehouse, as a share of that in a store", ge=0, le=0.99
    )
    budget: float = field(0.0, "Money a store may spend on one day's orders; 0 = no limit", ge=0)
    budgets: dict[str, float] = field({}, "The same for single stores, by store")


@dataclass(frozen=True)
class Wanted:
    """What stores want of the lines they have, as far as their own limits go; (n,) each.

    Attributes:
        position: units on hand and on order that will not expire before they are needed.
        order_up_to: units wanted in all.
        interval, economics, limits: of each line.
        limited: the order, and the limit that decided it.
    """

    position: FloatArray
    order_up_to: FloatArray
    interval: Interval
    economics: Economics
    limits: Limits
    limited: Limited


@step(reads="supply_state stock_ages demand_forecast allotments", writes=ORDERS, per="store")
def replenish(
    supply_state: Any, stock_ages: Any, demand_forecast: Any, allotments: Any, *, day: date, policy: Policy
) -> pd.DataFrame:
    """Orders for tomorrow morning, for every line that is ordered, would be by today's rule, or was cut."""
    lines = _with_allotments(demand_lines(demand_forecast, supply_state, stock_ages, day), allotments, day)
    wanted = wanted_orders(lines, policy)
    position, interval, economics, limits = wanted.position, wanted.interval, wanted.economics, wanted.limits
    allotted = lines["allotted"].to_numpy(float)
    baseline = np.minimum(usual_order(lines, position, policy), allotted)
    limited = within_warehouse(wanted.limited, allotted)
    money = expected_money(limited.quantity, np.zeros(len(lines)), position, interval, economics)
    limited = _within_budget(lines, limited, limits, money.mean, policy)
    money = expected_money(limited.quantity, baseline, position, interval, economics)

    orders = lines.assign(
        subject=lines["item"],
        quantity=limited.quantity,
        bound=limited.bound,
        baseline_quantity=baseline,
        order_up_to=wanted.order_up_to,
        service_level=covered(interval.mean, interval.variance, wanted.order_up_to),
        demand_sd=np.sqrt(interval.variance),
        arrives=[day + timedelta(days=1 + int(days)) for days in lines["lead_days"]],
        money=money.mean,
        money_low=money.low,
        money_high=money.high,
        horizon_days=lines["cover_days"].astype(int),
        cover_days=lines["cover_days"].astype(int),
        outlay=limited.quantity * lines["cost"],
    )
    cut = np.isin(limited.bound, ["moq", "shelf_life", "shelf", "order_cost", "warehouse", "budget"])
    orders = orders[(limited.quantity > 0) | (baseline > 0) | cut].reset_index(drop=True)
    rows = orders.to_dict("records")
    return orders.assign(
        action=[json.dumps({"quantity": row["quantity"]}) for row in rows],
        baseline=[json.dumps(_today(policy.baseline, row["baseline_quantity"], row["cost"])) for row in rows],
        reasons=[to_json(explain(row)) for row in rows],
    )[[column.name for column in ORDERS.columns if column.name != "day"]]


def wanted_orders(lines: pd.DataFrame, policy: Policy) -> Wanted:
    """What each line wants before its warehouse and its store's budget are asked.

    Args:
        lines: what `demand_lines` returns.
    """
    position = position_of(lines)
    interval = interval_of(lines)
    economics = economics_of(lines, policy)
    review = interval.cover - interval.lead
    service = service_that_pays(economics.margin, economics.holding * review, policy)
    quantile = demand_quantile(interval.mean, interval.variance, service)
    shown = lines["presentation_stock"].to_numpy(float)
    order_up_to = np.maximum(quantile, np.where(shown > 0, np.round(interval.mean + shown), 0))
    limits = _limits(lines, order_up_to, position, interval, economics)
    need, keeps = order_up_to - position, np.isinf(interval.life)
    batch = economic_quantity(interval.mean / interval.cover, economics.line, economics.holding)
    batch = np.where(keeps & (need > 0), np.round(batch), 0)
    limited = limit_orders(np.maximum(need, batch), position, limits)
    waits = keeps & (position >= shown) & _may_wait(limited.quantity, position, interval, economics)
    limited = waits_for_more(limited, waits)
    return Wanted(position, order_up_to, interval, economics, limits, limited)


def _may_wait(
    quantity: FloatArray, position: FloatArray, interval: Interval, economics: Economics
) -> NDArray[np.bool_]:
    """Orders that earn less until the next one could arrive than what is saved by ordering so much later.

    An order of `quantity` lasts quantity / rate days, and its line is paid once in that time: to put it off by a review
    period saves that part of it.
    """
    free = replace(economics, line=np.zeros_like(economics.line))
    now, later = (expected_contribution(units, position, interval, free) for units in (quantity, 0 * quantity))
    review = interval.cover - interval.lead
    lasts = quantity * interval.cover / np.maximum(interval.mean, 1e-9)
    saved = economics.line * review / np.maximum(np.maximum(lasts, review), 1e-9)
    return np.asarray(now - later < saved)


def service_that_pays(margin: FloatArray, kept: FloatArray, policy: Policy) -> FloatArray:
    """Probability with which demand should be met, (n,), as the policy says.

    Args:
        margin: lost with a sale, money, (n,).
        kept: cost of keeping a unit until the next delivery, money, (n,).
    """
    if policy.service == "cycle_service":
        return np.full(len(margin), policy.service_level)
    return np.clip(critical_ratio(margin, kept), policy.least_service, policy.most_service)


def demand_lines(demand_forecast: Any, supply_state: Any, stock_ages: Any, day: date) -> pd.DataFrame:
    """State of every line with `demand`, the forecast total of its `cover_days`, and its `demand_variance`; and with
    `outdated`, the units on hand that expire by then.

    Days beyond the forecast's end go on as the days before it. Items too slow for a forecast have none: what
    their own sales say stands in for it.
    """
    today = demand_forecast.filter(demand_forecast.day == ibis.literal(day))
    today = today.mutate(ahead=today.ds.delta(ibis.literal(day), unit="day"))
    state = supply_state.filter(supply_state.day == ibis.literal(day)).drop("day")
    horizon = today.ahead.max().to_pandas()
    covered = ibis.least(state.cover_days, ibis.literal(1.0 if pd.isna(horizon) else float(horizon)))
    state = state.mutate(ahead=covered.cast("int64"))
    totals = today.select("store", "item", "ahead", "total_mean", "total_sd", "sold_28d", forecast_reasons="reasons")
    lines = state.left_join(totals, ["store", "item", "ahead"]).order_by(["store", "item"]).to_pandas()
    beyond = lines["cover_days"] / lines["ahead"]
    lines["demand"] = (lines["total_mean"] * beyond).fillna(lines["own_mean"]).astype(float)
    own = lines["demand"] * lines["variance_ratio"]
    lines["demand_variance"] = (lines["total_sd"] ** 2 * beyond).fillna(own).astype(float)
    interval, batches = interval_of(lines), batches_of(lines, ages_at(stock_ages, day).to_pandas())

    def left(rows: NDArray[np.int64], days: FloatArray, units: FloatArray) -> FloatArray:
        return expected_left(*interval.of(rows).part(days), units)

    return lines.assign(outdated=outdated(batches, interval.cover, left))


def position_of(lines: pd.DataFrame) -> FloatArray:
    """Units on hand and on order that can meet the demand of `cover_days`, (n,)."""
    on_hand = np.maximum(lines["on_hand"].to_numpy(float), 0)
    return np.asarray(np.maximum(on_hand - lines["outdated"], 0) + lines["on_order"], dtype=np.float64)


def _today(name: str, quantity: float, cost: float) -> dict[str, Any]:
    """What today's rule would do, and what that commits: an experiment's control arm carries it out."""
    return {"name": name, "quantity": quantity, "outlay": quantity * cost}


def explain(row: Mapping[str, Any]) -> list[Reason]:
    """Why this quantity: the demand to cover, what was sold, what the forecast is made of, the stock, the limit.

    Weights are units: of the order-up-to level, of the stock, of the days to cover, so that the largest comes first.
    """
    demand = {
        "days": row["cover_days"], "demand": round(row["demand"], 1), "order_up_to": row["order_up_to"],
        "service": round(100 * row["service_level"], 1),
    }  # fmt: skip
    stock = {"on_hand": row["on_hand"], "on_order": row["on_order"]}
    reasons = [
        Reason("supply.because_demand", demand, row["order_up_to"]),
        Reason("supply.because_stock", stock, -max(row["on_hand"], 0) - row["on_order"]),
    ]
    if row["outdated"] >= 0.5:
        outdated = round(row["outdated"], 1)
        reasons.append(Reason("supply.because_outdated", {"outdated": outdated, "days": row["cover_days"]}, outdated))
    if pd.notna(row["sold_28d"]):
        sold = {"sold": row["sold_28d"], "days": _SOLD_DAYS}
        reasons.append(Reason("supply.because_sold", sold, row["sold_28d"] / _SOLD_DAYS * row["cover_days"]))
    if pd.notna(row["forecast_reasons"]):
        reasons += [Reason(**reason) for reason in json.loads(row["forecast_reasons"])]
    if row["bound"] == "warehouse":
        facts = {"warehouse": row["supplier"], "available": row["available"], "all_wanted": row["all_wanted"]}
        reasons.append(Reason("supply.because_warehouse", facts, row["quantity"] - row["order_up_to"]))
    elif row["bound"] != "none":
        facts = {"quantity": row["quantity"], "case_pack": row["case_pack"]}
        reasons.append(Reason(f"supply.because_{row['bound']}", facts, row["quantity"] - row["order_up_to"]))
    return reasons


def stock_in(table: str) -> Check:
    """The check that counts stock on hand and on order again, as a table of states has them."""

    def counted(tables: Any, decision: Mapping[str, Any]) -> Mapping[str, Any]:
        state = tables.read(table, as_of=decision["day"])
        mine = (state.day == decision["day"]) & (state.store == decision["store"]) & (state.item == decision["subject"])
        found = state.filter(mine).select("on_hand", "on_order").to_pyarrow().to_pylist()
        return found[0] if found else {"on_hand": None, "on_order": None}

    return counted


def _check_sold(tables: Any, decision: Mapping[str, Any]) -> Mapping[str, Any]:
    """Units sold in the weeks before the day, counted from the sales lines."""
    day = decision["day"]
    sales = tables.read("sales_lines", as_of=day)
    mine = (sales.store == decision["store"]) & (sales.item == decision["subject"]) & (sales.quantity > 0)
    recent = sales.day.between(day - timedelta(days=_SOLD_DAYS - 1), day)
    return {"sold": sales.filter(mine & recent).quantity.sum().fill_null(0.0).to_pyarrow().as_py()}


checks = {"supply.because_stock": stock_in("supply_state"), "supply.because_sold": _check_sold}


def _with_allotments(lines: pd.DataFrame, allotments: Any, day: date) -> pd.DataFrame:
    """Add what a short warehouse can give each line: `allotted`, infinite where none is short."""
    today = allotments.filter(allotments.day == ibis.literal(day))
    found = today.select("store", "item", "allotted", "available", "all_wanted").to_pandas()
    merged = lines.merge(found, on=["store", "item"], how="left")
    return merged.assign(allotted=merged["allotted"].astype(float).fillna(np.inf))


def interval_of(lines: pd.DataFrame) -> Interval:
    """Demand until the order after next; a lead time that scatters adds the demand of the days it may be late."""
    mean, cover = lines["demand"].to_numpy(float), lines["cover_days"].to_numpy(float)
    late = (mean / cover * lines["lead_days_sd"].to_numpy(float)) ** 2
    return Interval(
        mean=mean,
        variance=lines["demand_variance"].to_numpy(float) + late,
        lead=lines["lead_days"].to_numpy(float),
        cover=cover,
        life=lines["shelf_life_days"].to_numpy(float, na_value=np.inf),
    )


def economics_of(lines: pd.DataFrame, policy: Policy) -> Economics:
    """Money per unit of lines of `supply_state`."""
    cost = lines["cost"].to_numpy(float)
    return Economics(
        margin=lines["price"].to_numpy(float) - cost,
        waste=cost * (1 - policy.clearance),
        holding=cost * policy.holding_rate / 365,
        line=lines["order_cost"].to_numpy(float),
    )


def _limits(
    lines: pd.DataFrame, order_up_to: FloatArray, position: FloatArray, interval: Interval, economics: Economics
) -> Limits:
    """Of a perishable, no case is ordered that its chance of waste makes cost more than it earns.

    What the shelf has to show is a commitment and stands above it.
    """
    spoils = np.isfinite(interval.life)
    case = lines["case_pack"].to_numpy(float)
    wanted = np.ceil(np.maximum(order_up_to - position, 0) / case)
    worth = position + case * cases_worth_having(wanted, position, case, interval, economics)
    gone, _ = interval.part(interval.lead)
    return Limits(
        orderable=lines["orderable"].to_numpy(bool),
        case=case,
        least=lines["moq"].to_numpy(float),
        sellable=np.where(spoils, np.maximum(worth, lines["presentation_stock"]), np.inf),
        capacity=lines["shelf_capacity"].to_numpy(float, na_value=np.inf),
        gone=gone,
    )


def usual_order(lines: pd.DataFrame, position: FloatArray, policy: Policy) -> FloatArray:
    """What today's rule orders, units, (n,): weeks of mean sales, at most until they expire, in whole cases.

    Args:
        lines: of `supply_state`.
        position: units on hand and on order, (n,).
    """
    if policy.baseline == "nothing":
        return np.zeros(len(lines))
    life = lines["lead_days"] + lines["shelf_life_days"].astype(float).fillna(np.inf)
    days = np.minimum(7 * policy.weeks_of_cover, life.to_numpy())
    level = np.maximum(np.ceil(days * lines["mean_sales"].to_numpy(float)), lines["presentation_stock"])
    orderable, free = lines["orderable"].to_numpy(bool), np.full(len(lines), np.inf)
    case, least = lines["case_pack"].to_numpy(float), lines["moq"].to_numpy(float)
    supplier_only = Limits(orderable, case, least, sellable=free, capacity=free, gone=np.zeros(len(lines)))
    return limit_orders(level - position, position, supplier_only).quantity


def _within_budget(lines: pd.DataFrame, limited: Limited, limits: Limits, money: FloatArray, policy: Policy) -> Limited:
    codes, stores = pd.factorize(lines["store"])
    standard = policy.budget or np.inf
    budget = np.array([policy.budgets.get(store, standard) for store in stores], dtype=float)
    return within_budget(limited, limits.case, limits.least, lines["cost"].to_numpy(float), money, codes, budget)
