"""What each store has of each item, what is on its way, on which terms more comes, and how demand scatters.

One row per store and item that sold in the last months. Facts come from the tables `stock`, `lead_times` and
`items`; where the chain has none of a kind, it is simulated, and the row's `source` says which kind.
"""

from __future__ import annotations

import logging
from datetime import date, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aislehub.core.contract import Column, Contract
from aislehub.core.errors import HubError
from aislehub.core.settings import Settings, field
from aislehub.core.step import step
from aislehub.supply.base_stock import FloatArray
from aislehub.supply.interval_demand import latest_interval_demand
from aislehub.supply.limits import days_to_weekday
from aislehub.supply.simulated import FIRST_DAYS, simulated_cost, simulated_stock, simulated_terms

__all__ = ["SUPPLY_STATE", "UNSAID", "Policy", "fresh_stock", "supply_calendar", "supply_state", "valid_terms"]

logger = logging.getLogger(__name__)

UNSAID = {
    "lead_days_sd": 0.0, "case_pack": 1.0, "moq": 0.0, "presentation_stock": 0.0, "order_cost": 0.0,
    "order_weekdays": "1234567", "delivery_weekdays": "1234567",
}  # fmt: skip
"""Terms of supply that hold where the chain's table leaves them empty."""

SUPPLY_STATE = Contract(
    "supply_state",
    "Stock, goods on their way and terms of supply of an item in a store at the close of the day",
    (
        Column("store", "text", "Store"),
        Column("item", "text", "Item"),
        Column("supplier", "text", "Supplier or warehouse", required=False),
        Column("on_hand", "float", "Units in the store that can be sold; negative = booking error", "item's unit"),
        Column("on_order", "float", "Units ordered and not yet received", "item's unit", low=0),
        Column("orderable", "bool", "The supplier takes orders on the morning after the day"),
        Column("lead_days", "float", "Days from tomorrow's opening until the next order can be sold", "days", low=0),
        Column("lead_days_sd", "float", "Standard deviation of the lead time", "days", low=0),
        Column("cover_days", "float",
               "Days from tomorrow's opening until the order after the next one can be sold", "days", low=1),
        Column("case_pack", "float", "Units in a case", "item's unit", low=0.001),
        Column("moq", "float", "Least quantity of one order line; 0 = one case", "item's unit", low=0),
        Column("shelf_life_days", "float", "Days it can be sold after arrival; empty = keeps", "days",
               required=False, low=0),
        Column("shelf_capacity", "float", "Units that fit in the store; empty = no limit", "item's unit",
               required=False, low=0),
        Column("presentation_stock", "float", "Least units on the shelf so that it looks full", "item's unit", low=0),
        Column("order_cost", "float", "Fixed cost of one order line", "money", low=0),
        Column("price", "float", "Mean money taken per unit sold lately, without tax", "money per unit", low=0),
        Column("cost", "float", "Purchase cost per unit", "money per unit", low=0),
        Column("mean_sales", "float", "Mean sales of the last 28 days", "item's unit a day", low=0),
        Column("own_mean", "float",
               "Units expected in `cover_days` from the item's own sales alone, for items too slow for a forecast",
               "item's unit", low=0),
        Column("variance_ratio", "float",
               "Variance of the demand of such intervals over their mean, from how past ones were missed", low=0),
        Column("source", "text", "What is `simulated`, else `facts`"),
    ),
    key="store item",
    derived=True,
)  # fmt: skip


class Policy(Settings, section="supply"):
    """What counts as an item in the range, and how missing facts are made up."""

    history_days: int = field(182, "Days of sales from which the scatter of demand is learned", ge=56, le=1100)
    least_sales_days: int = field(
        5, "Days with sales, within the history, that an item needs in a store to be replenished", ge=1, le=365
    )
    stock_max_age_days: int = field(7, "Days after which a stock figure is too old to order from", ge=0, le=90)
    simulate: bool = field(True, "Make up stock or terms of supply where the chain's data have none at all")
    seed: int = field(0, "Seed of the simulated terms", ge=0)


@step(reads="sales_lines stock lead_times items", writes=SUPPLY_STATE)
def supply_state(
    sales_lines: Any, stock: Any, lead_times: Any, items: Any, *, day: date, policy: Policy
) -> pd.DataFrame:
    """State of every store and item in the range at the close of `day`."""
    start = day - timedelta(days=policy.history_days - 1)
    daily = _daily(sales_lines, items, start, day)
    rows, sales = _matrix(daily, start, day, policy.least_sales_days)
    rows = rows.merge(_items(items), on="item", how="left")
    rows["mean_sales"] = sales[:, -FIRST_DAYS:].mean(axis=1)
    rows["rate"] = sales.mean(axis=1)
    rows["price"] = rows["price"] / (1 + rows["tax_rate"].fillna(0.0))
    rows, known_terms = _with_terms(rows, lead_times.to_pandas(), day, policy)
    rows, sales = _only(rows, sales, rows["lead_days"].notna(), "terms of supply", day)
    rows, known_stock = _with_stock(rows, sales, _latest_stock(stock, day, policy), day, policy)
    rows, sales = _only(rows, sales, rows["on_hand"].notna(), "stock", day)
    known_cost = rows["cost"].notna().to_numpy()
    rows["cost"] = np.where(known_cost, rows["cost"], simulated_cost(rows, seed=policy.seed))
    rows["source"] = _sources(known_stock, known_terms, known_cost)
    rows = rows.assign(**supply_calendar(rows, day))
    mean, ratio = latest_interval_demand(sales, rows["cover_days"].to_numpy().astype(np.int64))
    rows = rows.assign(own_mean=mean, variance_ratio=ratio)
    return rows[[column.name for column in SUPPLY_STATE.columns if column.name != "day"]]


def _daily(sales_lines: Any, items: Any, start: date, day: date) -> pd.DataFrame:
    """Units and money a day of each sellable item in each store; a day of more returns than sales counts 0."""
    unsold = items.filter(items.is_sellable == ibis.literal(False)).select("item")
    lines = sales_lines.filter(sales_lines.day.between(start, day)).anti_join(unsold, "item")
    daily = lines.group_by(["store", "item", "day"]).aggregate(units=lines.quantity.sum(), money=lines.amount.sum())
    return daily.filter(daily.units > 0).order_by(["store", "item", "day"]).to_pandas()


def _matrix(daily: pd.DataFrame, start: date, day: date, least_days: int) -> tuple[pd.DataFrame, FloatArray]:
    """Rows of the range (store, item, price) and their sales, (n, days)."""
    series = daily.groupby(["store", "item"], sort=True)
    daily = daily[series["day"].transform("size") >= least_days]
    totals = daily.groupby(["store", "item"], sort=True, as_index=False)[["units", "money"]].sum()
    rows = totals[["store", "item"]].assign(price=np.maximum(totals["money"] / totals["units"], 0))
    sales = np.zeros((len(rows), (day - start).days + 1))
    at = (pd.to_datetime(daily["day"]) - pd.Timestamp(start)).dt.days.to_numpy()
    sales[daily.groupby(["store", "item"], sort=True).ngroup().to_numpy(), at] = daily["units"].to_numpy()
    return rows, sales


def _items(items: Any) -> pd.DataFrame:
    names = ("item", "department", "category", "cost", "tax_rate", "shelf_life_days")
    return items.select(*names).to_pandas().astype({"cost": float, "tax_rate": float, "shelf_life_days": float})


def _with_terms(rows: pd.DataFrame, lead_times: pd.DataFrame, day: date, policy: Policy) -> tuple[pd.DataFrame, bool]:
    """Add the terms of supply; True when they are facts."""
    if len(lead_times) or not policy.simulate:
        merged = rows.merge(valid_terms(lead_times, day), on=["store", "item"], how="left", suffixes=("_item", ""))
        merged["shelf_life_days"] = merged["shelf_life_days"].fillna(merged["shelf_life_days_item"])
    else:
        made = simulated_terms(rows, seed=policy.seed)
        made["shelf_life_days"] = rows["shelf_life_days"].fillna(made["shelf_life_days"])
        merged = rows.drop(columns="shelf_life_days").join(made)
    return merged.fillna(UNSAID), bool(len(lead_times))


def valid_terms(lead_times: pd.DataFrame, day: date) -> pd.DataFrame:
    """Rows of `lead_times` that hold on the morning after `day`, with their terms only."""
    valid = pd.to_datetime(lead_times["valid_from"])
    terms = lead_times[valid.isna() | (valid <= pd.Timestamp(day + timedelta(days=1)))]
    return terms.drop(columns=["source", "valid_from", "known_at"], errors="ignore")


def _only(
    rows: pd.DataFrame, sales: FloatArray, known: pd.Series, what: str, day: date
) -> tuple[pd.DataFrame, FloatArray]:
    """Lines of which the chain knows `what`; the log counts the others, for which nothing can be decided."""
    if not known.all():
        logger.warning("lines left out", extra={"unknown": what, "rows": int((~known).sum()), "day": day})
    return rows[known].reset_index(drop=True), sales[known.to_numpy()]


def _latest_stock(stock: Any, day: date, policy: Policy) -> pd.DataFrame:
    """The last stock figure of each store and item that is young enough; no rows when the chain has none at all.

    Raises:
        HubError: `supply.stock_too_old` when there are figures, but none is young enough: an export has stopped.
    """
    found = fresh_stock(stock, day, policy)
    if found.empty:
        newest = stock.filter(stock.day <= day).day.max().to_pandas()
        if pd.notna(newest):
            raise HubError("supply.stock_too_old", newest=newest, day=day, limit=policy.stock_max_age_days)
    return found


def fresh_stock(stock: Any, day: date, policy: Policy) -> pd.DataFrame:
    """Columns store, item, on_hand, on_order: the last figure of each store and item that is young enough."""
    fresh = stock.filter(stock.day.between(day - timedelta(days=policy.stock_max_age_days), day))
    last = ibis.row_number().over(group_by=["store", "item"], order_by=ibis.desc("day"))
    latest = fresh.mutate(_age=last).filter(ibis._._age == 0)
    return latest.select("store", "item", "on_hand", "on_order").to_pandas()


def _with_stock(
    rows: pd.DataFrame, sales: FloatArray, latest: pd.DataFrame, day: date, policy: Policy
) -> tuple[pd.DataFrame, bool]:
    """Add stock on hand and on order; True when they are facts."""
    if len(latest) or not policy.simulate or not len(rows):
        merged = rows.merge(latest, on=["store", "item"], how="left")
        return merged.assign(on_order=merged["on_order"].astype(float).fillna(0.0)), True
    # The replay starts on a fixed day of the calendar, so that tomorrow's snapshot continues today's.
    since = max(sales.shape[1] - 84 - day.toordinal() % 28, min(FIRST_DAYS, sales.shape[1] // 2))
    on_hand, on_order = simulated_stock(sales, rows, last_day=day, since=since)
    return rows.assign(on_hand=on_hand, on_order=on_order), False


def _sources(known_stock: bool, known_terms: bool, known_cost: NDArray[np.bool_]) -> NDArray[np.object_]:
    """`facts`, or what of the row is simulated."""
    made = [kind for kind, known in (("stock", known_stock), ("lead times", known_terms)) if not known]
    names = [f"simulated: {', '.join(kinds)}" if kinds else "facts" for kinds in ([*made, "cost"], made)]
    return np.where(known_cost, names[1], names[0]).astype(object)


def supply_calendar(rows: pd.DataFrame, day: date) -> dict[str, Any]:
    """When the next order can be placed, when it arrives, and when the one after it does.

    Args:
        rows: columns lead_days, order_weekdays and delivery_weekdays of `lead_times`.

    Returns:
        Columns orderable, lead_days and cover_days of `supply_state`.
    """
    ordering, delivering = (_weekdays(rows[f"{kind}_weekdays"]) for kind in ("order", "delivery"))
    tomorrow = day.isoweekday() % 7  # 0 = Monday
    wait = days_to_weekday(ordering, tomorrow)
    following = wait + 1 + days_to_weekday(ordering, (tomorrow + wait + 1) % 7)
    lead = np.ceil(rows["lead_days"].to_numpy()).astype(np.int64)

    def arrival(ordered: NDArray[np.int64]) -> NDArray[np.int64]:
        return ordered + lead + days_to_weekday(delivering, (tomorrow + ordered + lead) % 7)

    first = arrival(wait)
    return {
        "orderable": wait == 0,
        "lead_days": first.astype(float),
        "cover_days": np.maximum(arrival(following), first + 1).astype(float),
    }


def _weekdays(texts: pd.Series) -> NDArray[np.bool_]:
    """`135` → Monday, Wednesday, Friday, (n, 7)."""
    return np.column_stack([texts.str.contains(str(weekday)).to_numpy(bool) for weekday in range(1, 8)])
