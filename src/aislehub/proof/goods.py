"""Sales lines of goods: what counts as sold in every figure of this room.

Goods only: fuel, coupons, gift cards and services (`items.is_sellable` false) are left out, since their quantities and
amounts are no retail sales.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
from ibis import _

__all__ = ["goods_lines"]


def goods_lines(lines: ir.Table, items: ir.Table) -> ir.Table:
    """Lines of goods with their item, net amount, cost, units and basket; a line of an unknown item counts as goods."""
    known = items.select("item", "cost", "tax_rate", "unit", "is_sellable")
    goods = lines.left_join(known, "item").filter(_.is_sellable.fill_null(True))
    by_weight = _.unit.fill_null("each") != "each"
    # A return opens no basket, and a daily total is none.
    in_basket = (_.quantity > 0) & (_.source.fill_null("") != "daily total")
    return goods.mutate(
        net=_.amount / (1 + _.tax_rate.fill_null(0)),
        units=ibis.ifelse(by_weight, _.quantity.sign(), _.quantity),
        basket=ibis.ifelse(in_basket, _.receipt, ibis.null("string")),
    ).select(
        "store", "day", "receipt", "customer", "item", "quantity", "amount", "discount", "cost", "net", "units",
        "basket",
    )  # fmt: skip
