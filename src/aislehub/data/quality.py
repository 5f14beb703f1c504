"""Readiness: what is wrong with the data, what it costs and which capability can be trusted, before any model.

Every check is one aggregate query. It counts the faulty rows, adds up the money that they touch and keeps
the worst one as an example. A fault takes points from the capabilities that suffer from it, in proportion
to its share of the rows, until `unusable`, the share at which it takes them all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import typer
from ibis import _
from rich.console import Console
from rich.table import Table

import aislehub.schema as schema
from aislehub.core.contract import Column, Contract
from aislehub.core.errors import HubError
from aislehub.core.hub import open_hub
from aislehub.core.output import print_json, write_table
from aislehub.core.settings import Settings, field
from aislehub.core.step import step
from aislehub.core.text import say, word

__all__ = ["CAPABILITIES", "CHECKS", "READINESS", "Check", "Policy", "assess", "document", "readiness", "score"]

READINESS = Contract(
    "readiness",
    "One table looked at, one fault found, or one capability scored",
    (
        Column("kind", "text", "What the row is about", values=("table", "fault", "capability")),
        Column("subject", "text", "Name of the table, the fault or the capability"),
        Column("table", "text", "Table that the fault is in, of a table itself", required=False),
        Column("count", "int", "Rows of the table, faulty cases, or faults that cost the capability points", "rows"),
        Column("share", "float", "Faulty cases in all cases looked at", "fraction", required=False),
        Column("money", "float", "Sales, or stock at cost, that the fault touches", "money", required=False),
        Column("score", "float", "How ready the capability is", "points", required=False, low=0, high=100),
        Column("status", "text", "What the score means", required=False, values=("ready", "care", "not_ready")),
        Column("first", "date", "First day in the table", required=False),
        Column("last", "date", "Last day in the table", required=False),
        Column("example", "text", "The worst case, a JSON object", required=False),
        Column("facts", "text", "What the sentences need: points by fault, a JSON object", required=False),
    ),
    key="day kind subject table",
    derived=True,
)  # fmt: skip


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

# Capability → (tables it cannot do without, tables that help it and the points it loses without them).
CAPABILITIES: Mapping[str, tuple[tuple[str, ...], Mapping[str, float]]] = {
    "demand": (("sales_lines",), {"items": 5, "promotions": 5, "prices": 5, "calendar": 5, "stock": 5}),
    "replenish": (("sales_lines", "stock", "lead_times"), {"items": 20, "promotions": 5, "receipts": 5}),
    "price": (("sales_lines", "items", "prices"), {"stock": 5, "competitor_prices": 5}),
    "customer": (("sales_lines", "customers"), {"items": 20, "events": 10}),
    "store": (("footfall",), {"sales_lines": 20, "sensor_events": 5}),
    "roster": (("staff", "sales_lines"), {"footfall": 10}),
    "route": (("customer_orders", "vehicles"), {"shipments": 10, "items": 10}),
}
# Points a capability loses when a whole table of its is simulated: it shows how things work, not how they are.
SIMULATED_HARM = 30.0
# … and when a fifth of its rows was rejected.
REJECTED_HARM = 50.0


# Facts only: readiness comes before any model.
_FACTS = {
    contract.name: contract for contract in (getattr(schema, name) for name in schema.__all__) if contract.is_fact
}


@step(reads=" ".join(["rejected", *_FACTS]), writes=READINESS)
def assess(rejected: ir.Table, *tables: ir.Table, day: date, policy: Policy) -> pa.Table:
    """Look at every table, find the faults, score the capabilities; as known at the close of `day`."""
    facts = Facts(dict(zip(_FACTS, tables, strict=True)), day, policy)
    looked = {name: look(name, rows) for name, rows in facts.tables.items()}
    faults = [*find_faults(facts, looked), *find_rejected(rejected, looked), *find_simulated(looked)]
    scores = [score(name, looked, faults, policy) for name in CAPABILITIES]
    rows = [*looked.values(), *faults, *scores]
    return pa.Table.from_pylist(
        [{"table": "", **row, "day": day, "facts": json.dumps(row.get("facts", {}))} for row in rows], READINESS.schema
    )


def look(name: str, rows: ir.Table) -> dict[str, Any]:
    """Rows, span and simulated rows of one table."""
    contract = _FACTS[name]
    dated = next((c for c in ("day", contract.known_from) if c in rows.columns), "known_at")
    simulated = rows.source.startswith("simulated") if "source" in rows.columns else ibis.literal(False)
    found = rows.aggregate(
        count=_.count(), first=rows[dated].cast("date").min(), last=rows[dated].cast("date").max(),
        simulated=_.count(where=simulated),
    ).to_pyarrow().to_pylist()[0]  # fmt: skip
    facts = {"simulated": found.pop("simulated")}
    return {"kind": "table", "subject": name, "table": name, **found, "facts": facts}


def find_faults(facts: Facts, looked: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every check whose table has rows and which finds something."""
    for check in CHECKS:
        if not looked[check.table]["count"]:
            continue
        found = check.find(facts)
        if "cases" not in found.columns:
            found = found.mutate(cases=1)
        shown = [name for name in found.columns if name not in ("money", "cases")]
        case = ibis.struct({name: found[name] for name in shown})
        size = found.money.fill_null(0).abs()
        worst = case.argmax(ibis.struct({"size": size, "case": case}))  # ties: always the same one
        row = found.aggregate(count=_.cases.sum(), money=_.money.sum(), example=worst).to_pyarrow().to_pylist()[0]
        if not row["count"]:
            continue
        total = looked[check.table]["count"] if check.total is None else check.total(facts).to_pyarrow().as_py()
        example = json.dumps(_readable(row["example"]), default=str, ensure_ascii=False)
        share = min(1.0, row["count"] / max(total, 1))
        yield {
            "kind": "fault", "subject": check.name, "table": check.table, "count": int(row["count"]), "share": share,
            "money": row["money"], "example": example,
            "facts": {"harms": dict(check.harms), "unusable": check.unusable},
        }  # fmt: skip


def _readable(example: Mapping[str, Any]) -> dict[str, Any]:
    return {name: round(cell, 4) if isinstance(cell, float) else cell for name, cell in example.items()}


def find_rejected(rejected: ir.Table, looked: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows that broke the contract of their table, with one of them and why."""
    one = ibis.struct({"source": rejected.source, "row": rejected.row, "reasons": rejected.reasons})
    counted = rejected.group_by("table").aggregate(count=_.count(), example=one.argmin(rejected.row))
    for row in counted.to_pyarrow().to_pylist():
        name, count = row["table"], row["count"]
        if name in looked:
            users = [c for c, (needed, helpful) in CAPABILITIES.items() if name in (*needed, *helpful)]
            yield {
                "kind": "fault", "subject": "rejected", "table": name, "count": count,
                "share": count / (count + looked[name]["count"]), "example": json.dumps(row["example"], default=str),
                "facts": {"harms": dict.fromkeys(users, REJECTED_HARM), "unusable": 0.2},
            }  # fmt: skip


def find_simulated(looked: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows that were made up, table by table."""
    for name, row in looked.items():
        if count := row["facts"]["simulated"]:
            users = [c for c, (needed, helpful) in CAPABILITIES.items() if name in (*needed, *helpful)]
            yield {
                "kind": "fault", "subject": "simulated", "table": name, "count": count, "share": count / row["count"],
                "facts": {"harms": dict.fromkeys(users, SIMULATED_HARM), "unusable": 1.0},
            }  # fmt: skip


def score(
    capability: str, looked: Mapping[str, Mapping[str, Any]], faults: list[dict[str, Any]], policy: Policy
) -> dict[str, Any]:
    """100 points less what absent tables and faults take; 0 when a table is absent that it cannot do without."""
    needed, helpful = CAPABILITIES[capability]
    absent = [name for name in needed if not looked[name]["count"]]
    lost: dict[str, float] = {f"absent:{name}": 100.0 for name in absent}
    lost |= {f"absent:{name}": points for name, points in helpful.items() if not looked[name]["count"]}
    for fault in faults:
        points = fault["facts"]["harms"].get(capability, 0.0)
        if points:
            taken = points * min(1.0, fault["share"] / fault["facts"]["unusable"])
            lost[f"{fault['subject']}:{fault['table']}"] = taken
    points = max(0.0, 100.0 - sum(lost.values()))
    status = "ready" if points >= policy.ready else "care" if points >= policy.care else "not_ready"
    ordered = {name: round(taken, 1) for name, taken in sorted(lost.items(), key=lambda pair: -pair[1]) if taken >= 0.5}
    return {
        "kind": "capability", "subject": capability, "count": len(ordered), "score": round(points, 1),
        "status": status, "facts": {"lost": ordered},
    }  # fmt: skip


def document(rows: pa.Table, lang: str | None = None) -> dict[str, Any]:
    """The readiness table as one document with its sentences: what `--json` prints and the console shows.

    Returns:
        {"day", "tables": [{table, rows, first, last, days_old}], "faults": [{check, table, count, share, money,
        example, what, cost, do}] (most money first), "capabilities": [{capability, name, score, status, verdict,
        why}]}.
    """
    listed = rows.to_pylist()
    day: date | None = listed[0]["day"] if listed else None
    tables = [
        {"table": row["subject"], "rows": row["count"], "first": row["first"], "last": row["last"],
         "days_old": (day - row["last"]).days if day and row["last"] else None}
        for row in listed if row["kind"] == "table"
    ]  # fmt: skip
    faults = sorted((row for row in listed if row["kind"] == "fault"), key=lambda row: -(row["money"] or 0))
    return {
        "day": day,
        "tables": tables,
        "faults": [_fault(row, lang) for row in faults],
        "capabilities": [_capability(row, lang) for row in listed if row["kind"] == "capability"],
    }


def readiness(
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Business day; the last one with sales if left out")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
    out: Annotated[Path | None, typer.Option(help="Write the rows to .parquet, .csv, .json or .xlsx")] = None,
) -> None:
    """Score the data before any model: faults, what each costs, what to do, and what can be trusted.

    Example: aislehub readiness --json
    """
    with open_hub() as hub:
        chosen = day.date() if day else _last_day(hub.tables)
        rows = assess.run(hub.tables, day=chosen, policy=Policy.load(hub.home))
        hub.tables.write("readiness", rows, chosen)
    if out:
        write_table(rows.to_pandas(), out)
    if as_json:
        print_json(document(rows))
    elif not out:
        _print(document(rows))


def _last_day(tables: Any) -> date:
    last: date | None = tables.read("sales_lines").day.max().execute()
    if last is None or pd.isna(last):
        raise HubError("readiness.empty")
    return pd.Timestamp(last).date()


def _fault(row: Mapping[str, Any], lang: str | None) -> dict[str, Any]:
    facts = {name: row[name] for name in ("count", "share", "table")}
    code = f"readiness.{row['subject']}"
    return {
        "check": row["subject"], "table": row["table"], "count": row["count"], "share": row["share"],
        "money": row["money"], "example": json.loads(row["example"] or "null"), "what": say(code, lang, **facts),
        "cost": say(f"{code}.cost", lang), "do": say(f"{code}.do", lang),
    }  # fmt: skip


def _capability(row: Mapping[str, Any], lang: str | None) -> dict[str, Any]:
    lost = json.loads(row["facts"])["lost"]
    why = [say("readiness.lost", lang, points=points, what=_cause(cause, lang)) for cause, points in lost.items()]
    return {
        "capability": row["subject"], "name": say(f"readiness.capability.{row['subject']}", lang),
        "score": row["score"], "status": row["status"], "verdict": say(f"readiness.status.{row['status']}", lang),
        "why": why,
    }  # fmt: skip


def _cause(cause: str, lang: str | None) -> str:
    fault, table = cause.split(":")
    return say(f"readiness.{fault}.short", lang, table=word("table", table, lang))


def _print(found: Mapping[str, Any]) -> None:
    console = Console(soft_wrap=True)
    scores = Table(title=say("readiness.title", day=found["day"]))
    for heading in ("capability", "score", "verdict", "why"):
        scores.add_column(say(f"readiness.heading.{heading}"))
    for row in found["capabilities"]:
        scores.add_row(row["name"], f"{row['score']:.0f}", row["verdict"], "; ".join(row["why"][:3]))
    console.print(scores)
    for fault in found["faults"]:
        money = say("readiness.money", money=f"{fault['money']:,.0f}") if fault["money"] else ""
        console.print(f"[bold]{fault['what']}[/bold] {money}")
        console.print(f"  {fault['cost']} {fault['do']}")
        if fault["example"]:
            console.print(
                f"  {say('readiness.example')} {json.dumps(fault['example'], ensure_ascii=False)}", markup=False
            )
    present = [f"{row['table']} {row['rows']:,}" for row in found["tables"] if row["rows"]]
    console.print(say("readiness.tables", tables=", ".join(present)), markup=False)


commands = (readiness,)
