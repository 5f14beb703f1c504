"""When members shop: shopping days, the gaps between them, and what is usual for each.

One expression for all uses. The profile of today and the earlier days from which chances are learned are both made
here, of a table of shopping days and a day.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
from ibis import _

__all__ = ["WINDOWS", "YEAR", "days_back", "rhythm", "shopping_days", "sold_lines"]

YEAR = 365
WINDOWS = (14, 28, 56, 90, YEAR)


def sold_lines(sales_lines: ir.Table, items: ir.Table, day: date) -> ir.Table:
    """Lines of members until `day`, returns too, with what the range says of the item.

    Left out are lines without quantity (voided ones, coupons as lines) and what is not goods (fuel, deposits).
    """
    goods = items.select(
        "item", "category", "private_label", "cost", kind=ibis.coalesce(items.subcategory, items.category),
        is_goods=items.is_sellable.fill_null(True),
    )  # fmt: skip
    lines = sales_lines.filter(_.customer.notnull(), _.quantity != 0, _.day <= ibis.literal(day))
    return lines.left_join(goods, "item").filter(_.is_goods.fill_null(True))


def shopping_days(lines: ir.Table) -> ir.Table:
    """Each member's days with a purchase: customer, day."""
    return lines.filter(_.quantity > 0).select("customer", "day").distinct()


def rhythm(days: ir.Table, day: date, windows: Iterable[int] = WINDOWS) -> ir.Table:
    """What the shopping days until `day` say of each member who has one.

    Args:
        days: what `shopping_days` returns.

    Returns:
        customer, first_bought, last_bought, recency_days, `days_N` (shopping days of the last N), and of the last 365
        days: gaps (how many), gap_days (their mean), gap_sd.
    """
    now = ibis.literal(day)
    known = days.filter(_.day <= now)
    before = known.day.lag().over(ibis.window(group_by=known.customer, order_by=known.day))
    gap = (known.day > days_back(day, YEAR)).ifelse(known.day.delta(before, unit="day"), ibis.null("int64"))
    found = (
        known.mutate(gap=gap)
        .group_by("customer")
        .agg(
            first_bought=_.day.min(), last_bought=_.day.max(), gaps=_.gap.count(), gap_days=_.gap.mean(),
            gap_sd=_.gap.std(how="sample"),
            **{f"days_{n}": (_.day > days_back(day, n)).sum().cast("int64") for n in windows},
        )
    )  # fmt: skip
    return found.mutate(recency_days=now.delta(found.last_bought, unit="day"))


def days_back(day: date, days: int) -> ir.DateScalar:
    """The date so many days before `day`, to compare a column with."""
    return ibis.literal(day - timedelta(days=days))
