"""The profile: one row per member and day, made of what was known at the close of that day.

    lines → visits → figures of money, price, range and habit, beside the rhythm and the chances learned from it

One function of tables and a day makes it, for today's rows and for any earlier day that a model learns from or a check
looks back to. What each figure is stands in the contract (`schema/profiles.py`), of which docs/profile-standard.md is
written.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from aislehub.core.step import step
from aislehub.core.tables import end_of_day
from aislehub.customer.coded import Year, year_of
from aislehub.customer.held import held
from aislehub.customer.policy import Policy
from aislehub.customer.returning import HORIZONS, chances, learn_returning
from aislehub.customer.rhythm import YEAR, days_back, rhythm
from aislehub.schema.profiles import CUSTOMER_PROFILES

__all__ = ["FACTS", "customer_profiles", "learn_returning", "profiles"]

FACTS = "sales_lines items customers stores promotions events"
"""The tables that a profile is made of."""
PRIOR_LINES = 20.0
"""Lines bought as everyone buys them that are added to a member's own before they are called a seeker of offers."""
DAYPARTS = {"morning": (0, 11), "midday": (11, 14), "afternoon": (14, 17), "evening": (17, 24)}
ONLINE = ("web", "app", "delivery")


@ibis.udf.scalar.builtin
def timezone(zone: str, at: ibis.dtype("timestamp('UTC')")) -> ibis.dtype("timestamp"):  # type: ignore[valid-type]
    """DuckDB's: an instant as the clock of a zone shows it."""


@step(reads=FACTS, writes=CUSTOMER_PROFILES, model="returning")
def customer_profiles(
    sales_lines: ir.Table, items: ir.Table, customers: ir.Table, stores: ir.Table, promotions: ir.Table,
    events: ir.Table, *, day: date, policy: Policy, timezone: str, model: Path | None,
) -> pd.DataFrame:  # fmt: skip
    """The profile of every member, and of everyone else whose key is on a receipt."""
    facts = (sales_lines, items, customers, stores, promotions, events)
    return profiles(facts, day, policy, timezone, model)


def profiles(
    facts: Sequence[ir.Table], day: date, policy: Policy, zone: str, model: Path | None = None
) -> pd.DataFrame:  # fmt: skip
    """Profiles at the close of `day`, columns of `CUSTOMER_PROFILES` but the day.

    Args:
        facts: the tables named by `FACTS`, as of that day.
        zone: time zone of stores that name none.
        model: folder of the learned chances; None = they stay empty.
    """
    sales_lines, items, customers, stores, promotions, events = facts
    with year_of(sales_lines, items, customers, stores, day, zone) as year, held(_visits(year)) as visits:
        lines = year.lines
        parts = [
            _counted(visits, day), _money(lines, day), _prices(lines), _featured(year, promotions, day), _range(lines),
            _new_items(lines, day), _most(lines, "category", _.amount.sum()), _most(visits, "place", _.count()),
            _most(visits, "channel", _.count()),
        ]  # fmt: skip
        joined = customers.group_by("customer").agg(joined=_.joined.min())
        # Joined here and not in the database: thirteen joins in one statement cost a second to be written down.
        table = year.members.order_by("customer").to_pandas()
        for part in parts:
            table = table.merge(_as_floats(part), on="member", how="left")
        for part in (joined, rhythm(year.days, day), _before_buying(events, day, zone)):
            table = table.merge(_as_floats(part), on="customer", how="left")
        names = year.articles.select("category", "category_name").distinct().to_pandas()
        places = year.places.select("place", "store").to_pandas()
    table["top_category"] = table["most_category"].map(names.set_index("category")["category_name"])
    table["main_store"] = table["most_place"].map(places.set_index("place")["store"])
    table["main_channel"] = table["most_channel"]
    return _finished(table, day, policy, model)


def _as_floats(part: ir.Table) -> pd.DataFrame:
    """The rows of a family of figures; counts and sums as floats, since a member may lack them."""
    numbers = [
        name for name, kind in part.schema().items() if name != "member" and (kind.is_integer() or kind.is_decimal())
    ]
    return part.mutate(**{name: _[name].cast("float64") for name in numbers}).to_pandas()


def _visits(year: Year) -> ir.Table:
    """Receipts with a purchase: member, place, day, channel, hour on the store's clock, lines, coupon."""
    receipts = (
        year.lines.filter(_.quantity > 0)
        .group_by("member", "place", "receipt")
        .agg(day=_.day.min(), at=_.sold_at.min(), channel=_.channel.max(), lines=_.count(), coupon=_.coupon.sum())
    )
    placed = receipts.inner_join(year.places, "place")
    return placed.select(
        "member", "place", "day", "lines", "coupon", channel=_.channel.fill_null("store"),
        hour=timezone(placed["zone"], placed["at"]).hour(),
    )  # fmt: skip


# Figures, one function a family; each gives a row per member that has something of it


def _counted(visits: ir.Table, day: date) -> ir.Table:
    """How often, how much at a time, when and where."""
    hours = {
        f"{part}_share": ((_.hour >= begins) & (_.hour < ends)).mean() for part, (begins, ends) in DAYPARTS.items()
    }
    windows = {f"visits_{days}": (_.day > days_back(day, days)).sum() for days in (28, 90, YEAR)}
    return visits.group_by("member").agg(
        basket_items=_.lines.mean(), coupon_visits=(_.coupon > 0).mean(), with_coupon=(_.coupon > 0).sum(),
        stores_visited=_.place.nunique(), online_share=_.channel.isin(ONLINE).mean(),
        weekend_share=_.day.day_of_week.index().isin([5, 6]).mean(), **hours, **windows,
    )  # fmt: skip


def _money(lines: ir.Table, day: date) -> ir.Table:
    """Spend by window, returns, margin."""
    spend = {f"spend_{days}": _.amount.sum(where=_.day > days_back(day, days)) for days in (28, 90, 180, YEAR)}
    costed = _.cost.notnull()
    return lines.group_by("member").agg(
        bought=_.amount.sum(where=_.quantity > 0), returned=-_.amount.sum(where=_.quantity < 0),
        margin_365=(_.amount - _.cost * _.quantity).sum(where=costed), costed=_.amount.sum(where=costed),
        own_brands=_.amount.sum(where=_.private_label), branded=_.amount.sum(where=_.private_label.notnull()),
        coupons=_.coupon.sum(), promotions=_.promotion.nunique(), source=_.source.max(where=_simulated(_.source)),
        **spend,
    )  # fmt: skip


def _prices(lines: ir.Table) -> ir.Table:
    """Discounts, offers against what others buy on offer, and the shelf prices they choose."""
    bought = lines.filter(_.quantity > 0)
    usual = bought.group_by("category", "week").agg(rate=(_.discount > 0).mean())
    middle = bought.filter(_.kind.notnull(), _.price > 0).group_by("kind").agg(middle=_.price.median())
    both = bought.left_join(usual, ["category", "week"]).left_join(middle, "kind")
    told = both.discount.notnull()
    ratio = ((both.price > 0) & (both.middle > 0)).ifelse(both.price / both.middle, ibis.null("float64"))
    return both.group_by("member").agg(
        off=both.discount.sum(), shelf=(both.amount + both.discount).sum(where=told), told=told.sum(),
        offers=(both.discount > 0).sum(), usual_offers=both.rate.sum(where=told), dearness=ratio.ln().mean(),
    )  # fmt: skip


def _featured(year: Year, promotions: ir.Table, day: date) -> ir.Table:
    """How many lines were of something on display or in the leaflet there and then."""
    shown = promotions.filter(
        _.display.notnull() | _.mailer.notnull(), _.starts <= ibis.literal(day), _.ends > days_back(day, YEAR)
    )
    spans = shown.inner_join(year.places, "store").inner_join(year.articles, "item")
    spans = spans.select("place", "article", "starts", "ends")
    bought = year.lines.filter(_.quantity > 0)
    then_and_there = [
        bought.place == spans.place, bought.article == spans.article, bought.day >= spans.starts,
        bought.day <= spans.ends,
    ]  # fmt: skip
    met = bought.semi_join(spans, then_and_there).group_by("member").agg(featured=_.count())
    told = bought.group_by("member").agg(all_lines=_.count()).cross_join(shown.agg(shown=_.count()))
    return told.left_join(met, "member").drop("member_right")


def _range(lines: ir.Table) -> ir.Table:
    """How many categories, and how much money in known ones."""
    known = lines.filter(_.category.notnull())
    return known.group_by("member").agg(categories_bought=_.category.nunique(), in_categories=_.amount.sum())


def _new_items(lines: ir.Table, day: date) -> ir.Table:
    """Different items, those of the last 90 days, and how many of these were new to the member."""
    ever = lines.filter(_.quantity > 0).group_by("member", "article").agg(first=_.day.min(), last=_.day.max())
    late = days_back(day, 90)
    return ever.group_by("member").agg(
        items_bought=_.count(), late_items=(_.last > late).sum(), new_items=(_.first > late).sum(),
        old_items=(_.first <= late).sum(),
    )  # fmt: skip


def _most(rows: ir.Table, column: str, measure: Any) -> ir.Table:
    """The value of a column with the most of a measure, `most_COLUMN`, and how much, `COLUMN_most`."""
    sums = rows.filter(_[column].notnull()).group_by("member", column).agg(most=measure)
    order = ibis.row_number().over(group_by=sums.member, order_by=[ibis.desc(sums.most), sums[column]])
    first = sums.mutate(turn=order).filter(_.turn == 0)
    return first.select("member", **{f"most_{column}": _[column], f"{column}_most": _.most})


def _before_buying(events: ir.Table, day: date, zone: str) -> ir.Table:
    """Views, searches and carts of the last 30 days; nothing at all while there is no log.

    A clock that runs ahead sends events of days to come: they wait for their day.
    """
    end = ibis.literal(end_of_day(day, zone).isoformat()).cast("timestamp('UTC', 6)")
    late = events.filter(_.customer.notnull(), _.at >= _midnight(days_back(day, 29)), _.at < end)
    kinds = {"views": ("view", "click"), "searches": ("search",), "carts": ("cart",)}
    counts = {f"{name}_30": _.kind.isin(list(of)).sum() for name, of in kinds.items()}
    counted = late.group_by("customer").agg(simulated_log=_.source.max(where=_simulated(_.source)), **counts)
    logged = events.agg(log=_.count())
    everyone = events.filter(_.customer.notnull()).select("customer").distinct().cross_join(logged)
    return everyone.left_join(counted, "customer").drop("customer_right")


# The row


def _finished(t: pd.DataFrame, day: date, policy: Policy, model: Path | None) -> pd.DataFrame:
    """Shares of the sums, stages and chances, in the order of the contract."""
    for name in ("first_bought", "last_bought", "joined"):
        t[name] = pd.to_datetime(t[name])
    for name in (
        "visits_28", "visits_90", "visits_365", "spend_28", "spend_90", "spend_180", "spend_365", "items_bought",
        "stores_visited", "promotions", "with_coupon", "returned", "featured",
    ):  # fmt: skip
        t[name] = t[name].fillna(0)
    t["categories_bought"] = t["categories_bought"].mask(t["items_bought"] == 0, 0)
    today = pd.Timestamp(day)
    since = t[["joined", "first_bought"]].min(axis=1)
    t["tenure_days"] = (today - since).dt.days.clip(lower=0)
    usual = t["gap_days"].dropna().median()
    t["overdue"] = t["recency_days"] / t["gap_days"].fillna(usual).clip(lower=1)
    t["stage"] = _stages(t, policy)
    before = t["spend_180"] - t["spend_90"]
    t["spend_trend"] = _share(t["spend_90"] - before, t["spend_90"].abs() + before.abs()).where(t["tenure_days"] >= 90)
    t["basket_value"] = _share(t["bought"], t["visits_365"])
    t["margin_share"] = _share(t["margin_365"], t["costed"])
    t["return_share"] = _share(t["returned"], t["bought"]).clip(lower=0)
    t["discount_share"] = _share(t["off"], t["shelf"]).clip(0, 1)
    t["offer_share"] = _share(t["offers"], t["told"])
    t["offer_seeking"] = ((t["offers"] + PRIOR_LINES) / (t["usual_offers"] + PRIOR_LINES)).where(t["told"] > 0)
    t["coupon_share"] = _share(t["coupons"], t["bought"]).clip(0, 1)
    t["promotions_redeemed"] = t["promotions"] + t["with_coupon"]
    t["featured_share"] = _share(t["featured"], t["all_lines"]).where(t["shown"] > 0)
    t["quality_index"] = np.exp(t["dearness"])
    t["private_label_share"] = _share(t["own_brands"].fillna(0), t["branded"]).clip(0, 1)
    t["top_category_share"] = _share(t["category_most"], t["in_categories"]).clip(0, 1)
    t["new_item_share"] = _share(t["new_items"], t["late_items"]).where(t["old_items"] > 0)
    t["main_store_share"] = _share(t["place_most"], t["visits_365"])
    parts = t[[f"{part}_share" for part in DAYPARTS]]
    t["main_daypart"] = parts.fillna(-1).idxmax(axis=1).str.removesuffix("_share").where(parts.notna().all(axis=1))
    logged = t["log"].max() > 0
    for name in ("views_30", "searches_30", "carts_30"):
        t[name] = t[name].fillna(0) if logged else np.nan
    told = t["source"].astype(object)
    t["source"] = told.where(told.notna(), t["simulated_log"].astype(object))
    t = _with_chances(t, policy, model)
    for name in ("first_bought", "last_bought"):
        t[name] = t[name].dt.date.where(t[name].notna(), None)
    return t[[column.name for column in CUSTOMER_PROFILES.columns if column.name != "day"]]


def _stages(t: pd.DataFrame, policy: Policy) -> pd.Series:
    """Where each member is in their life as a customer; the first that fits."""
    late = (t["overdue"] >= policy.lapsing_gaps) & (t["recency_days"] >= policy.lapsing_days)
    choices = {
        "prospect": t["first_bought"].isna(), "lapsed": t["recency_days"] >= policy.lapsed_days, "lapsing": late,
        "new": t["tenure_days"] < policy.new_days,
    }  # fmt: skip
    return pd.Series(np.select([mask.to_numpy(bool) for mask in choices.values()], list(choices), "active"), t.index)


def _with_chances(t: pd.DataFrame, policy: Policy, model: Path | None) -> pd.DataFrame:
    """Chances of a purchase; a longer span is never less likely than a shorter one within it."""
    buyers = t["first_bought"].notna()
    floor = np.zeros(int(buyers.sum()))
    spans = {**{days: f"next_purchase_{days}" for days in HORIZONS}, policy.churn_days: "churn"}
    for name in (*spans.values(), "churn_probability"):
        t[name] = np.nan
    for days, name in sorted(spans.items()):
        found = chances(model, t[buyers], days)
        if found is not None:
            floor = np.maximum(floor, found)
            t.loc[buyers, name] = floor
    return t.assign(churn_probability=1 - t["churn"])


def _share(part: pd.Series, whole: pd.Series) -> pd.Series:
    """part / whole; empty where the whole is nothing."""
    return part / whole.where(whole > 0)


def _simulated(source: Any) -> Any:
    return source.contains("simulated")


def _midnight(day: ir.DateScalar) -> Any:
    return day.cast("timestamp('UTC')")
