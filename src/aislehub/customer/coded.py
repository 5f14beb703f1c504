"""A year of members' lines with small whole numbers in place of keys: comparing texts is most of what a profile costs.

Numbers follow the order of the keys, so that a tie falls to the same one on every run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
from ibis import _

from aislehub.customer.held import held
from aislehub.customer.rhythm import YEAR, shopping_days, sold_lines

__all__ = ["Year", "year_of"]


@dataclass(frozen=True)
class Year:
    """Tables that live as long as the block of `year_of`.

    Attributes:
        lines: member, place, article, category, kind (subcategory, else category) as numbers; receipt,
            sold_at, day, quantity, amount, discount, coupon, price, cost, private_label, promotion, channel, source;
            `week` counts back from the day, 0 = the last seven days.
        members: member, customer: who is a member, or has a key on a receipt.
        articles: article, item, category, category_name.
        places: place, store, zone.
        days: customer, day: all shopping days, also before the year.
    """

    lines: ir.Table
    members: ir.Table
    articles: ir.Table
    places: ir.Table
    days: ir.Table


@contextmanager
def year_of(
    sales_lines: ir.Table, items: ir.Table, customers: ir.Table, stores: ir.Table, day: date, zone: str
) -> Iterator[Year]:
    """The last 365 days until `day`.

    Args:
        zone: time zone of stores that name none.
    """
    since = ibis.literal(day - timedelta(days=YEAR))
    named = sales_lines.filter(_.customer.notnull(), _.quantity != 0, _.day <= ibis.literal(day), _.day > since)
    with ExitStack() as block:
        articles = block.enter_context(held(_articles(named, items)))
        members = block.enter_context(held(_members(sales_lines, customers, day)))
        places = block.enter_context(held(_places(named, stores, zone)))
        lines = block.enter_context(held(_lines(named, articles, members, places, day)))
        bought = lines.filter(_.quantity > 0).select("member", "day").distinct().inner_join(members, "member")
        older = shopping_days(sold_lines(sales_lines, items, day - timedelta(days=YEAR)))
        days = bought.select("customer", "day").union(older)
        yield Year(lines, members, articles, places, days)


def _articles(named: ir.Table, items: ir.Table) -> ir.Table:
    """Items that were sold and are goods: no fuel, deposits, services."""
    sold = named.select("item").distinct()
    known = items.select(
        "item", "private_label", "cost", "is_sellable", name=_.category, kind=ibis.coalesce(_.subcategory, _.category)
    )
    both = sold.left_join(known, "item").filter(_.is_sellable.fill_null(True))
    return both.select(
        "item", "private_label", "cost", article=_number(ibis.row_number(), both.item), category_name=both.name,
        category=both.name.notnull().ifelse(_number(ibis.dense_rank(), both.name), ibis.null("int32")),
        kind=both.kind.notnull().ifelse(_number(ibis.dense_rank(), both.kind), ibis.null("int32")),
    )  # fmt: skip


def _members(sales_lines: ir.Table, customers: ir.Table, day: date) -> ir.Table:
    seen = sales_lines.filter(_.customer.notnull(), _.day <= ibis.literal(day)).select("customer")
    everyone = seen.union(customers.select("customer"), distinct=True)
    return everyone.mutate(member=_number(ibis.row_number(), everyone.customer))


def _places(named: ir.Table, stores: ir.Table, zone: str) -> ir.Table:
    seen = named.select("store").distinct()
    both = seen.left_join(stores.select("store", "timezone"), "store")
    return both.select("store", zone=both.timezone.fill_null(zone), place=_number(ibis.row_number(), both.store))


def _lines(named: ir.Table, articles: ir.Table, members: ir.Table, places: ir.Table, day: date) -> ir.Table:
    coded = named.inner_join(articles, "item").inner_join(members, "customer").inner_join(places, "store")
    return coded.select(
        "member", "place", "article", "category", "kind", "receipt", "sold_at", "day", "quantity", "amount", "discount",
        "coupon", "price", "cost", "private_label", "promotion", "channel", "source",
        week=(ibis.literal(day).delta(coded.day, unit="day") // 7).cast("int32"),
    )  # fmt: skip


def _number(rank: ir.IntegerColumn, key: ir.Column) -> ir.IntegerColumn:
    return rank.over(order_by=key).cast("int32")
