"""The faults looked for in the data: each check is one query, with the points it takes and the share that takes all.

A fault is counted in cases, with the money that they touch; the worst case is shown as the example.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import ibis
import ibis.expr.types as ir
from ibis import _

from aislehub.core.settings import Settings, field

__all__ = ["CHECKS", "Check", "Facts", "Policy"]


class Policy(Settings, section="readiness"):
    """What counts as a fault."""

    history_days: int = field(364, "Days of sales that a yearly season needs", ge=7)
    recent_days: int = field(28, "Days over which stock, costs and supply terms are checked", ge=1)
    fresh_days: int = field(2, "Days that sales and stock may lag behind before they are stale", ge=0)
    gap_receipts: float = field(
        8, "A day without a sale is a gap where a store has so many receipts on that weekday", ge=1
    )
    outlier_quantity: float = field(10, "A line is an outlier above so many times the item's median quantity", gt=1)
    outlier_least: float = field(20, "… and only above this quantity", ge=1)
    price_jump: float = field(5, "A unit price is implausible so many times above or below the item's median", gt=1)
    return_days: int = field(90, "A return without a sale of the item in so many days before is odd", ge=1)
    skew_minutes: float = field(5, "A sale may be known so long before it happened (clocks differ)", ge=0)
    ready: float = field(80, "Score from which a capability is ready", ge=0, le=100)
    care: float = field(50, "Score from which a capability is usable with care", ge=0, le=100)


@dataclass(frozen=True)
class Facts:
    """What the checks look at."""

    tables: Mapping[str, ir.Table]
    day: date
    policy: Policy

    def __getitem__(self, name: str) -> ir.Table:
        return self.tables[name]

    @property
    def since(self) -> date:
        """First of the recent days."""
        return self.day - timedelta(days=self.policy.recent_days - 1)

    def age(self, then: Any) -> Any:
        """Days from a date column until the day."""
        return -then.delta(ibis.literal(self.day), unit="day")

    @cached_property
    def sales(self) -> ir.Table:
        """Sales lines with what is known of their item; a line of an unknown item counts as sellable."""
        items = self["items"].select("item", "cost", "tax_rate", "is_sellable")
        joined = self["sales_lines"].left_join(items, "item")
        return joined.mutate(sellable=_.is_sellable.fill_null(True)).drop("item_right", "is_sellable")

    @cached_property
    def goods(self) -> ir.Table:
        """Lines that sold goods for money, with their unit price before discounts and their item's habits."""
        lines = self.sales.filter(_.sellable, _.quantity > 0, _.amount > 0)
        lines = lines.mutate(unit_price=(_.amount + _.discount.fill_null(0)) / _.quantity)
        habits = lines.group_by("item").aggregate(
            usual_quantity=_.quantity.median(), usual_price=_.unit_price.median(), lines=_.count()
        )
        return lines.inner_join(habits, "item").filter(_.lines >= 10)

    @cached_property
    def sold(self) -> ir.Table:
        """Items of a store sold in the recent days, with their sales."""
        recent = self.sales.filter(_.sellable, _.day >= self.since, _.quantity > 0)
        return recent.group_by("store", "item").aggregate(money=_.amount.sum())

    @cached_property
    def span(self) -> ir.Table:
        return self["sales_lines"].aggregate(first=_.day.min(), last=_.day.max())


@dataclass(frozen=True)
class Check:
    """One kind of fault.

    Args:
        name: code of its sentences: `readiness.<name>`, `.cost` and `.do`.
        table: where it is; without rows there, there is nothing to check.
        find: facts → faulty cases, with `money` (may be empty) and, where a row is several cases, `cases`; the
            other columns are shown as the example.
        total: facts → number of cases looked at, an expression; by default the rows of `table`.
        harms: capability → points it loses when the fault is as frequent as `unusable`.
        unusable: share of faulty cases at which all those points are lost.
    """

    name: str
    table: str
    find: Callable[[Facts], ir.Table]
    harms: Mapping[str, float]
    unusable: float
    total: Callable[[Facts], ir.IntegerScalar] | None = None


def short_history(facts: Facts) -> ir.Table:
    missing = facts.span.filter(_.first.notnull()).mutate(days=facts.age(_.first) + 1)
    missing = missing.filter(_.days < facts.policy.history_days)
    return missing.mutate(cases=facts.policy.history_days - _.days, money=ibis.null("float64"))


def stale_sales(facts: Facts) -> ir.Table:
    behind = facts.span.filter(_.last.notnull()).mutate(cases=facts.age(_.last))
    return behind.filter(_.cases > facts.policy.fresh_days).mutate(money=ibis.null("float64"))


def stale_stock(facts: Facts) -> ir.Table:
    last = facts["stock"].group_by("store").aggregate(last=_.day.max())
    behind = last.mutate(days=facts.age(_.last), money=ibis.null("float64"))
    return behind.filter(_.days > facts.policy.fresh_days)


def gap_days(facts: Facts) -> ir.Table:
    """Days without a sale where the store sells on that weekday, and too much for a day of none to be chance.

    With Poisson arrivals and a mean of 8 receipts, a day without any has a probability of 0.03 %.
    """
    lines = facts["sales_lines"].mutate(visit=ibis.ifelse(_.source == "daily total", _.line, _.receipt))
    daily = lines.group_by("store", "day").aggregate(amount=_.amount.sum(), visits=_.visit.nunique())
    span, one_day = facts.span, ibis.interval(days=1)
    moments = ibis.range(span["first"].cast("timestamp"), span["last"].cast("timestamp") + one_day, step=one_day)
    dates = span.select(day=moments.unnest()).mutate(day=_.day.cast("date"))
    closed = facts["calendar"].filter(_.kind == "closed")
    everywhere = closed.filter(_.region == "all").select("day")
    regions = facts["stores"].select("store", "region").inner_join(closed, "region").select("store", "day")
    stores = daily.group_by("store").aggregate(first=_.day.min(), last=_.day.max())
    expected = stores.cross_join(dates).filter(_.day.between(_.first, _.last))
    expected = expected.anti_join(everywhere, "day").anti_join(regions, ["store", "day"])
    looked = expected.left_join(daily, ["store", "day"]).drop("store_right", "day_right")
    usual = looked.mutate(weekday=_.day.day_of_week.index()).mutate(
        often=_.visits.notnull().cast("float64").mean().over(group_by=("store", "weekday")),
        visits_then=_.visits.mean().over(group_by=("store", "weekday")),
        money=_.amount.mean().over(group_by=("store", "weekday")),
    )
    missing = usual.filter(_.visits.isnull(), _.often >= 0.5, _.visits_then >= facts.policy.gap_receipts)
    return missing.select("store", "day", "money", receipts_usual=_.visits_then)


def zero_price(facts: Facts) -> ir.Table:
    """Goods handed over for nothing although no discount says so, valued at the item's mean price."""
    paid = facts.sales.filter(_.quantity > 0, _.amount > 0)
    usual = paid.group_by("item").aggregate(usual_price=_.amount.sum() / _.quantity.sum())
    free = facts.sales.filter(_.sellable, _.quantity > 0, _.amount == 0, _.discount.fill_null(0) == 0)
    valued = free.left_join(usual, "item").mutate(money=_.quantity * _.usual_price)
    return valued.select("store", "receipt", "day", "item", "quantity", "amount", "money")


def zero_quantity(facts: Facts) -> ir.Table:
    lines = facts.sales.filter(_.sellable, _.quantity == 0, _.amount != 0)
    return lines.select("store", "receipt", "day", "item", "quantity", "amount", money=_.amount.abs())


def below_cost(facts: Facts) -> ir.Table:
    lines = facts.sales.filter(_.sellable, _.quantity > 0, _.amount > 0)
    lines = lines.mutate(money=_.quantity * _.cost - _.amount / (1 + _.tax_rate.fill_null(0)))
    lines = lines.filter(_.money > 0.005 * _.quantity * _.cost)
    return lines.select("store", "receipt", "day", "item", "quantity", "amount", "cost", "money")


def clock_skew(facts: Facts) -> ir.Table:
    """Sales known before they happened, or whose business day is not theirs."""
    latest = _.known_at + ibis.interval(seconds=round(facts.policy.skew_minutes * 60))
    off = _.sold_at.date().delta(_.day, unit="day")
    moments = facts["sales_lines"].filter(_.source.fill_null("") != "daily total")  # a total stands at the close
    lines = moments.filter((_.sold_at > latest) | (off.abs() > 1))
    return lines.select(
        "store", "receipt", "day", "item", money=_.amount.abs(), sold_at=_.sold_at.cast("string"),
        known_at=_.known_at.cast("string"),
    )  # fmt: skip


def unknown_item(facts: Facts) -> ir.Table:
    lines = facts["sales_lines"].anti_join(facts["items"], "item")
    return lines.select("store", "receipt", "day", "item", money=_.amount.abs())


def outlier_quantity(facts: Facts) -> ir.Table:
    policy = facts.policy
    most = ibis.greatest(policy.outlier_quantity * _.usual_quantity, policy.outlier_least)
    lines = facts.goods.filter(_.quantity > most)
    return lines.select("store", "receipt", "day", "item", "quantity", "usual_quantity", money=_.amount)


def price_jump(facts: Facts) -> ir.Table:
    ratio = _.unit_price / _.usual_price
    lines = facts.goods.filter((ratio > facts.policy.price_jump) | (ratio < 1 / facts.policy.price_jump))
    money = ((_.unit_price - _.usual_price) * _.quantity).abs()
    return lines.select("store", "receipt", "day", "item", "unit_price", "usual_price", money=money)


def return_without_sale(facts: Facts) -> ir.Table:
    """Returns of an item that nobody bought in the days before; the first days of history cannot tell."""
    days = facts.policy.return_days
    lines = facts["sales_lines"]
    returns = lines.filter(_.quantity < 0).cross_join(facts.span.select("first"))
    returns = returns.filter(_.day >= _.first + ibis.interval(days=days))
    bought = lines.filter(_.quantity > 0).select("item", bought=_.day).distinct()
    odd = returns.anti_join(
        bought,
        [
            returns.item == bought.item,
            bought.bought <= returns.day,
            bought.bought >= returns.day - ibis.interval(days=days),
        ],
    )
    return odd.select("store", "receipt", "day", "item", "quantity", money=_.amount.abs())


def double_receipt(facts: Facts) -> ir.Table:
    """The same basket at the same moment in the same store under two numbers: loaded or exported twice."""
    lines = facts["sales_lines"].filter(_.source.fill_null("") != "daily total")
    receipts = lines.group_by("store", "receipt", "sold_at").aggregate(
        lines=_.count(), units=_.quantity.sum().round(3), amount=_.amount.sum().round(2), one=_.item.min(),
        other=_.item.max(), day=_.day.min(),
    )  # fmt: skip
    same = receipts.filter(_.lines > 1).group_by("store", "day", "sold_at", "lines", "units", "amount", "one", "other")
    twice = same.aggregate(copies=_.count(), receipt=_.receipt.min(), again=_.receipt.max()).filter(_.copies > 1)
    return twice.select("store", "day", "receipt", "again", cases=_.copies - 1, money=(_.amount * (_.copies - 1)).abs())


def anonymous(facts: Facts) -> ir.Table:
    lines = facts["sales_lines"].filter(_.customer.isnull())
    return lines.select("store", "receipt", "day", money=_.amount.abs())


def duplicate_gtin(facts: Facts) -> ir.Table:
    sold = facts["sales_lines"].group_by("item").aggregate(money=_.amount.sum())
    items = facts["items"].filter(_.gtin.notnull()).left_join(sold, "item")
    codes = items.group_by("gtin").aggregate(items=_.count(), one=_.item.min(), other=_.item.max(), money=_.money.sum())
    return codes.filter(_.items > 1).mutate(cases=_["items"] - 1).drop("items")


def missing_cost(facts: Facts) -> ir.Table:
    sold = facts.sold.group_by("item").aggregate(money=_.money.sum())
    known = facts["items"].filter(_.cost > 0)
    return sold.anti_join(known, "item")


def negative_stock(facts: Facts) -> ir.Table:
    values = facts["items"].select("item", value=ibis.coalesce(_.cost, _.price))
    below = facts["stock"].filter(_.on_hand < 0, _.day >= facts.since).left_join(values, "item")
    return below.select("store", "item", "day", "on_hand", money=-_.on_hand * _.value)


def missing_stock(facts: Facts) -> ir.Table:
    return facts.sold.anti_join(facts["stock"].filter(_.day >= facts.since), ["store", "item"])


def missing_supply_terms(facts: Facts) -> ir.Table:
    return facts.sold.anti_join(facts["lead_times"], ["store", "item"])


def promotion_dates(facts: Facts) -> ir.Table:
    odd = facts["promotions"].filter((_.ends < _.starts) | (_.ends.delta(_.starts, unit="day") > 53 * 7))
    return odd.select("store", "item", "promotion", "starts", "ends", money=ibis.null("float64"))


def recent_stock(facts: Facts) -> ir.IntegerScalar:
    return facts["stock"].filter(_.day >= facts.since).count()


CHECKS = (
    Check("short_history", "sales_lines", short_history, {"demand": 60, "replenish": 40, "price": 40, "customer": 30},
          1.0, lambda facts: ibis.literal(facts.policy.history_days)),
    Check("stale_sales", "sales_lines", stale_sales, {"demand": 60, "replenish": 60, "price": 20, "customer": 20},
          1.0, lambda facts: ibis.literal(facts.policy.recent_days)),
    Check("gap_days", "sales_lines", gap_days, {"demand": 40, "replenish": 30}, 0.2,
          lambda facts: facts["sales_lines"].select("store", "day").distinct().count()),
    Check("zero_price", "sales_lines", zero_price, {"price": 30, "demand": 5}, 0.05),
    Check("zero_quantity", "sales_lines", zero_quantity, {"demand": 20, "price": 20}, 0.05),
    Check("below_cost", "sales_lines", below_cost, {"price": 30, "replenish": 10}, 0.2),
    Check("clock_skew", "sales_lines", clock_skew, {"demand": 40, "customer": 20}, 0.1),
    Check("unknown_item", "sales_lines", unknown_item, {"demand": 30, "replenish": 30, "customer": 20}, 0.2),
    Check("outlier_quantity", "sales_lines", outlier_quantity, {"demand": 30, "replenish": 20}, 0.01),
    Check("price_jump", "sales_lines", price_jump, {"price": 40}, 0.02),
    Check("return_without_sale", "sales_lines", return_without_sale, {"demand": 10, "customer": 10}, 0.05),
    Check("double_receipt", "sales_lines", double_receipt, {"demand": 40, "customer": 20}, 0.05,
          lambda facts: facts["sales_lines"].select("store", "receipt").distinct().count()),
    Check("anonymous", "sales_lines", anonymous, {"customer": 60}, 1.0),
    Check("duplicate_gtin", "items", duplicate_gtin, {"demand": 20, "price": 20, "customer": 10}, 0.1),
    Check("missing_cost", "items", missing_cost, {"replenish": 25, "price": 50}, 0.5,
          lambda facts: facts.sold.select("item").distinct().count()),
    Check("negative_stock", "stock", negative_stock, {"replenish": 40, "demand": 10}, 0.1, recent_stock),
    Check("stale_stock", "stock", stale_stock, {"replenish": 60}, 0.5,
          lambda facts: facts["stock"].select("store").distinct().count()),
    Check("missing_stock", "stock", missing_stock, {"replenish": 50}, 0.5, lambda facts: facts.sold.count()),
    Check("missing_supply_terms", "lead_times", missing_supply_terms, {"replenish": 60}, 0.5,
          lambda facts: facts.sold.count()),
    Check("promotion_dates", "promotions", promotion_dates, {"demand": 10, "price": 20}, 0.1),
)  # fmt: skip
