"""Key figures of the chain and of every store at the close of a day, from what was known by then.

Definitions are on the page docs/kpis.md. Goods only: fuel, coupons, gift cards and services (`items.is_sellable`
false) are left out, since their quantities and amounts are no retail sales.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import typer
from ibis import _
from pydantic import PositiveInt
from rich.console import Console
from rich.table import Table

from aislehub.core.contract import Column, Contract
from aislehub.core.errors import HubError
from aislehub.core.hub import open_hub
from aislehub.core.output import print_json, write_table
from aislehub.core.settings import Settings, field
from aislehub.core.step import step
from aislehub.core.text import say
from aislehub.proof.goods import goods_lines

__all__ = ["CHAIN", "KPIS", "UNITS", "Policy", "key_figures", "kpis"]

CHAIN = "chain"
# KPI → unit, in the order of reading; each has its name and definition under `kpi.<name>` in text/.
UNITS: Mapping[str, str] = {
    "sales": "money",
    "baskets": "baskets",
    "average_order_value": "money",
    "units_per_basket": "units",
    "return_rate": "fraction",
    "discount_rate": "fraction",
    "margin": "money",
    "margin_rate": "fraction",
    "customers": "persons",
    "member_share": "fraction",
    "repurchase_rate": "fraction",
    "stock_out_rate": "fraction",
    "visitors": "persons",
    "conversion": "fraction",
}

KPIS = Contract(
    "kpis",
    "One key figure of a store, or of the chain, over some days up to the close of the day",
    (
        Column("store", "text", "Store, or `chain` for all of them"),
        Column("kpi", "text", "Which figure", values=tuple(UNITS)),
        Column("value", "float", "Its value", "see `unit`"),
        Column("unit", "text", "Unit of the value: money, fraction, baskets …"),
        Column("window_days", "int", "Days up to the day over which it is taken", "days", low=1),
    ),
    key="day store kpi window_days",
    derived=True,
)  # fmt: skip


class Policy(Settings, section="kpis"):
    """Over which days key figures are taken."""

    windows: tuple[PositiveInt, ...] = field((1, 28), "Days over which figures are taken, one set of figures each")
    repurchase_days: int = field(91, "Days in which a customer who buys again counts as a repurchase", ge=2)


@step(reads="sales_lines items stock footfall", writes=KPIS)
def key_figures(
    sales_lines: ir.Table, items: ir.Table, stock: ir.Table, footfall: ir.Table, *, day: date, policy: Policy
) -> pa.Table:
    """All figures that the data allow; a figure without its data (no cost, no footfall …) has no row."""
    goods = goods_lines(sales_lines, items)
    rows = []
    for window in policy.windows:
        found = [
            _trade(_within(goods, day, window)),
            _stock_outs(_within(stock, day, window)),
            _visits(_within(footfall, day, window), _within(goods, day, window)),
        ]
        rows += [row for figures in found for row in _long(figures, day, window)]
    window = policy.repurchase_days
    rows += _long(_repurchase(_within(goods, day, window)), day, window)
    return pa.Table.from_pylist(rows, KPIS.schema)


def _within(rows: ir.Table, day: date, window: int) -> ir.Table:
    return rows.filter(_.day > day - timedelta(days=window), _.day <= day)


def _trade(goods: ir.Table) -> ir.Table:
    """Sales, baskets, discount, margin and members."""
    goods = goods.mutate(basket=_.store + "/" + _.basket)
    costed = _.cost.notnull()
    sums = _per_store_and_chain(
        goods,
        sales=_.amount.sum(),
        baskets=_.basket.nunique().cast("float64"),
        basket_sales=_.amount.sum(where=_.basket.notnull()),
        basket_units=_.units.sum(where=_.basket.notnull()),
        returned=-_.amount.sum(where=_.quantity < 0),
        sold=_.amount.sum(where=_.quantity > 0),
        discounts=_.discount.sum(),
        discountable=(_.amount + _.discount).sum(where=_.discount.notnull()),
        margin=(_.net - _.quantity * _.cost).sum(where=costed),
        costed=_.net.sum(where=costed),
        customers=_.customer.nunique().cast("float64"),
        member_sales=_.amount.sum(where=_.customer.notnull()),
    )
    return sums.select(
        "store",
        "sales",
        baskets=_.baskets.nullif(0),
        average_order_value=_.basket_sales / _.baskets.nullif(0),
        units_per_basket=_.basket_units / _.baskets.nullif(0),
        return_rate=_.returned.fill_null(0) / _.sold.nullif(0),
        discount_rate=_.discounts / _.discountable.nullif(0),
        margin=_.margin,
        margin_rate=_.margin / _.costed.nullif(0),
        customers=_.customers.nullif(0),
        member_share=ibis.ifelse(_.customers > 0, _.member_sales / _.sales.nullif(0), ibis.null("float64")),
    )


def _repurchase(goods: ir.Table) -> ir.Table:
    """Share of the customers with a basket who have two or more."""
    bought = goods.filter(_.basket.notnull(), _.customer.notnull()).select("store", "customer", "receipt").distinct()
    both = bought.union(bought.mutate(receipt=_.store + "/" + _.receipt, store=ibis.literal(CHAIN)))
    baskets = both.group_by("store", "customer").aggregate(baskets=_.count())
    return baskets.group_by("store").aggregate(repurchase_rate=(_.baskets >= 2).cast("float64").mean())


def _stock_outs(stock: ir.Table) -> ir.Table:
    """Share of the item-days with a stock figure on which nothing could be sold at the close."""
    return _per_store_and_chain(stock, stock_out_rate=(_.on_hand <= 0).cast("float64").mean())


def _visits(footfall: ir.Table, goods: ir.Table) -> ir.Table:
    """Visitors through the doors, and baskets per visitor on the days that were counted."""
    daily = footfall.filter(_.zone == "entrance").group_by("store", "day").aggregate(visitors=_.visitors.sum())
    baskets = goods.group_by("store", "day").aggregate(baskets=_.basket.nunique())
    counted = daily.left_join(baskets, ["store", "day"]).select("store", "visitors", "baskets")
    sums = _per_store_and_chain(counted, visitors=_.visitors.sum(), baskets=_.baskets.sum().nullif(0))
    return sums.select("store", "visitors", conversion=_.baskets / _.visitors.nullif(0))


def _per_store_and_chain(rows: ir.Table, **figures: ir.Deferred) -> ir.Table:
    stores = rows.group_by("store").aggregate(**figures)
    chain = rows.mutate(store=ibis.literal(CHAIN)).group_by("store").aggregate(**figures)
    return stores.union(chain)


def _long(figures: ir.Table, day: date, window: int) -> Iterator[dict[str, object]]:
    """One row per store and figure that has a value."""
    for row in figures.order_by("store").to_pyarrow().to_pylist():
        store = row.pop("store")
        for kpi, value in row.items():
            if value is not None:
                yield {
                    "day": day, "store": store, "kpi": kpi, "value": float(value), "unit": UNITS[kpi],
                    "window_days": window,
                }  # fmt: skip


def kpis(
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Business day; the last one with sales if left out")
    ] = None,
    store: Annotated[str, typer.Option(help="A store, or `chain`")] = CHAIN,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
    out: Annotated[Path | None, typer.Option(help="Write the rows to .parquet, .csv, .json or .xlsx")] = None,
) -> None:
    """Key figures of a store or the chain at the close of a day: sales, baskets, margin, stock-outs …

    Example: aislehub kpis --day 2017-12-03 --store chain --json
    """
    with open_hub() as hub:
        last = hub.tables.read("sales_lines").day.max().execute()
        if pd.isna(last):
            raise HubError("kpi.empty")
        chosen = day.date() if day else pd.Timestamp(last).date()
        rows = key_figures.run(hub.tables, day=chosen, policy=Policy.load(hub.home)).to_pandas()
    rows = rows[rows["store"] == store]
    if rows.empty:
        raise HubError("kpi.none", day=chosen, store=store)
    if out:
        write_table(rows, out)
    if as_json:
        print_json(rows.to_dict("records"))
    elif not out:
        _print(rows, chosen, store)


def _print(rows: Any, day: date, store: str) -> None:
    windows = sorted(set(rows["window_days"]))
    table = Table(title=say("kpi.title", day=day, store=store))
    table.add_column("")
    for window in windows:
        table.add_column(say("kpi.window", days=window), justify="right")
    table.add_column("")
    values = rows.pivot(index="kpi", columns="window_days", values="value")
    for kpi in [name for name in UNITS if name in values.index]:
        cells = [_shown(values.at[kpi, window], UNITS[kpi]) for window in windows]
        table.add_row(say(f"kpi.{kpi}"), *cells, say(f"kpi.{kpi}.help"))
    Console().print(table)


def _shown(value: float, unit: str) -> str:
    if pd.isna(value):
        return ""
    return f"{value:.1%}" if unit == "fraction" else f"{value:,.2f}" if unit in ("money", "units") else f"{value:,.0f}"


commands = (kpis,)
