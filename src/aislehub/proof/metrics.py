"""Metrics of experiments: what is compared between arms, as sums per unit and day.

Names and definitions are those of the [key figures](kpis.py); each is a sum a day or a quotient of two sums, so that it
can be added up over any days and units.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis import _

from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.tables import end_of_day
from aislehub.proof.goods import goods_lines

__all__ = ["METRICS", "Metric", "Sources", "daily_figures", "metric_of"]


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        top, bottom: figures of `daily_figures`; without `bottom` the metric is `top` per unit and day.
        source: the table that it needs.
        unit: unit of its value.
        better: 1 where more is better, −1 where less is.
        by_customer: whether it can be told for a customer, too.
    """

    top: str
    bottom: str = ""
    source: str = "sales_lines"
    unit: str = "money"
    better: int = 1
    by_customer: bool = True


METRICS: dict[str, Metric] = {
    "sales": Metric("sales"),
    "margin": Metric("margin"),
    "margin_after_shrink": Metric("kept", source="stock", by_customer=False),
    "units": Metric("units", unit="units"),
    "baskets": Metric("baskets", unit="baskets"),
    "average_order_value": Metric("basket_sales", "baskets"),
    "units_per_basket": Metric("basket_units", "baskets", unit="units"),
    "margin_rate": Metric("margin", "costed", unit="fraction"),
    "discount_rate": Metric("discounts", "discountable", unit="fraction", better=-1),
    "visitors": Metric("visitors", source="footfall", unit="persons", by_customer=False),
    "conversion": Metric("counted_baskets", "visitors", source="footfall", unit="fraction", by_customer=False),
    "views": Metric("views", source="events", unit="views"),
    "cart_rate": Metric("carts", "views", source="events", unit="fraction"),
}


@dataclass(frozen=True)
class Sources:
    """The tables that metrics are counted from, as known at one moment, and the chain's time zone."""

    sales_lines: ir.Table
    items: ir.Table
    footfall: ir.Table
    events: ir.Table
    stock: ir.Table
    receipts: ir.Table
    timezone: str = "UTC"


def metric_of(name: str, unit: str) -> Metric:
    """A metric by its name, for units of one kind.

    Raises:
        HubError: `experiment.metric`, `experiment.metric_unit` (cannot be told for a customer).
    """
    if name not in METRICS:
        raise HubError("experiment.metric", metric=name, suggestion=did_you_mean(name, METRICS))
    if unit == "customer" and not METRICS[name].by_customer:
        raise HubError("experiment.metric_unit", metric=name, unit=unit)
    return METRICS[name]


def daily_figures(sources: Sources, unit: str, metrics: Iterable[Metric], first: date, last: date) -> ir.Table:
    """Sums per unit and day that the metrics are made of: columns unit, day and their figures.

    Args:
        unit: `store` or `customer`; sales without a known customer belong to nobody then.
        first, last: days that count.

    Returns:
        A table in memory: it is read once for many windows.
    """
    needed = {metric.source for metric in metrics}
    parts = []
    if needed & {"sales_lines", "footfall", "stock"}:
        goods = _of_goods(sources, unit, first, last)
        parts.append(goods)
    if "stock" in needed:
        parts.append(_of_stock(sources, goods, first, last))
    if "footfall" in needed:
        parts.append(_of_footfall(sources, goods, first, last))
    if "events" in needed:
        parts.append(_of_events(sources, unit, first, last))
    figures = parts[0]
    for part in parts[1:]:
        figures = figures.outer_join(part, ["unit", "day"]).mutate(
            unit=ibis.coalesce(_.unit, _.unit_right), day=ibis.coalesce(_.day, _.day_right)
        ).drop("unit_right", "day_right")  # fmt: skip
    numbers = [name for name in figures.columns if name not in ("unit", "day")]
    figures = figures.mutate(**{name: figures[name].cast("float64").fill_null(0.0) for name in numbers})
    return ibis.memtable(figures.to_pyarrow())


def _of_goods(sources: Sources, unit: str, first: date, last: date) -> ir.Table:
    lines = sources.sales_lines.filter(_.day >= first, _.day <= last, sources.sales_lines[unit].notnull())
    goods = goods_lines(lines, sources.items).mutate(basket=_.store + "/" + _.basket)
    return goods.group_by(unit=goods[unit], day=goods.day).aggregate(
        sales=_.amount.sum(),
        units=_.units.sum(),
        margin=(_.net - _.quantity * _.cost).sum(where=_.cost.notnull()),
        costed=_.net.sum(where=_.cost.notnull()),
        baskets=_.basket.nunique(),
        basket_sales=_.amount.sum(where=_.basket.notnull()),
        basket_units=_.units.sum(where=_.basket.notnull()),
        discounts=_.discount.sum(),
        discountable=(_.amount + _.discount).sum(where=_.discount.notnull()),
    )


def _of_footfall(sources: Sources, goods: ir.Table, first: date, last: date) -> ir.Table:
    """Visitors, and the baskets of the days on which they were counted."""
    doors = sources.footfall.filter(_.zone == "entrance", _.day >= first, _.day <= last)
    visitors = doors.group_by(unit=_.store, day=_.day).aggregate(visitors=_.visitors.sum())
    counted = visitors.left_join(goods.select("unit", "day", "baskets"), ["unit", "day"])
    return counted.select("unit", "day", "visitors", counted_baskets=_.baskets.fill_null(0))


def _of_stock(sources: Sources, goods: ir.Table, first: date, last: date) -> ir.Table:
    """Margin less shrink at cost: what came in and was there, less what was sold and is there; spoiled, stolen, lost.

    Counted where the stock of an item is known at the closes of a day and of the day before.
    """
    keys = ("store", "item", "day")
    close = sources.stock.filter(_.day >= first - timedelta(days=1), _.day <= last).select(*keys, "on_hand")
    before = close.mutate(day=_.day + ibis.interval(days=1)).rename(before="on_hand")
    lines = sources.sales_lines.filter(_.day >= first, _.day <= last)
    sold = lines.group_by(*keys).aggregate(sold=_.quantity.sum())
    calendar = _calendar(sources, first, last)
    came = sources.receipts.join(
        calendar, [sources.receipts.received_at >= calendar.since, sources.receipts.received_at < calendar.until]
    )
    received = came.group_by(store=came.store, item=came.item, day=came.day).aggregate(received=_.quantity.sum())
    moved = close.inner_join(before, keys).left_join(sold, keys).drop("store_right", "item_right", "day_right")
    moved = moved.left_join(received, keys).drop("store_right", "item_right", "day_right")
    costs = sources.items.filter(_.cost.notnull()).select("item", "cost")
    moved = moved.inner_join(costs, "item")
    lost = _.before + _.received.fill_null(0) - _.sold.fill_null(0) - _.on_hand
    shrink = moved.group_by(unit=_.store, day=_.day).aggregate(shrink=(_.cost * lost).sum())
    margin = goods.select("unit", "day", "margin")
    return margin.left_join(shrink, ["unit", "day"]).select("unit", "day", kept=_.margin - _.shrink.fill_null(0))


def _of_events(sources: Sources, unit: str, first: date, last: date) -> ir.Table:
    """Views and what was put in the cart; events have instants, so the days' own limits tell the day."""
    calendar = _calendar(sources, first, last)
    seen = sources.events.filter(_.kind.isin(["view", "cart"]), sources.events[unit].notnull())
    dated = seen.join(calendar, [seen.at >= calendar.since, seen.at < calendar.until])
    return dated.group_by(unit=dated[unit], day=dated.day).aggregate(
        views=(_.kind == "view").sum(), carts=(_.kind == "cart").sum()
    )


def _calendar(sources: Sources, first: date, last: date) -> Any:
    """Business days with their first instant and the first one after them."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return ibis.memtable([
        {"day": day, "since": end_of_day(day - timedelta(days=1), sources.timezone),
         "until": end_of_day(day, sources.timezone)}
        for day in days
    ])  # fmt: skip
