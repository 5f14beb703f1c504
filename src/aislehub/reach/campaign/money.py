"""Money of members: what each brought in the days after a message, and before it, as contribution."""

from __future__ import annotations

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

__all__ = ["brought", "contributions", "first_messages"]


def contributions(sales_lines: ir.Table, items: ir.Table, margin: float) -> ir.Table:
    """Each member's contribution a day: amounts without tax less the cost of the goods; columns customer, day, money.

    Args:
        margin: share of the net amount that is taken where an item's cost is not known.
    """
    goods = items.select("item", "cost", "tax_rate")
    lines = sales_lines.filter(_.customer.notnull()).left_join(goods, "item")
    net = lines.amount / (1 + lines.tax_rate.fill_null(0.0))
    money = ibis.ifelse(lines.cost.notnull(), net - lines.quantity * lines.cost, margin * net)
    return lines.group_by("customer", "day").aggregate(money=money.sum())


def brought(money: ir.Table, members: pd.DataFrame, horizon: int, before: int) -> pd.DataFrame:
    """`members` (customer, day: of the message) with `after`, the money of the horizon's days from that day on, and
    `earlier`, that of the days before it."""
    first: date = min(members["day"]) - timedelta(days=before)
    last: date = max(members["day"]) + timedelta(days=horizon - 1)
    near = money.filter(_.day.between(ibis.literal(first), ibis.literal(last))).to_pandas()
    joined = members[["customer", "day"]].merge(near, on="customer", suffixes=("", "_sold"))
    ahead = (pd.to_datetime(joined["day_sold"]) - pd.to_datetime(joined["day"])).dt.days
    parts = {"after": (ahead >= 0) & (ahead < horizon), "earlier": (ahead < 0) & (ahead >= -before)}
    sums = {name: joined[which].groupby("customer")["money"].sum() for name, which in parts.items()}
    return members.assign(**{name: members["customer"].map(total).fillna(0.0) for name, total in sums.items()})


def first_messages(contacts: pd.DataFrame, horizon: int, day: date) -> pd.DataFrame:
    """Of one campaign's contacts the first of each member, where its `horizon` days have passed at the close of `day`.

    Later rounds go to the same arms, so only before the first one are both alike.
    """
    first = contacts.sort_values("day").drop_duplicates("customer")
    return first[pd.to_datetime(first["day"]) + pd.Timedelta(days=horizon - 1) <= pd.Timestamp(day)]
