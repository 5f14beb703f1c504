"""Whom and what a day's recommendations reach: share of the range, concentration, what is new, and who stands outside.

A recommender that always shows the same hundred items may be right often; these figures say what that costs the rest
of the range, and how those fare of whom or of which little is known yet.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from aislehub.core.tables import Tables

__all__ = ["NEW_DAYS", "RANGE_DAYS", "TOP", "Coverage", "Families", "coverage", "families"]

RANGE_DAYS = 84
"""An item that sold within these days belongs to the range."""
NEW_DAYS = 28
"""An item first sold within these days is new."""
TOP = 100
"""Items whose share of all places says how concentrated the lists are."""
PARTS = 8
SAMPLE = 20_000


@dataclass(frozen=True)
class Coverage:
    """A day's table `recommendations` beside sales and members.

    Attributes:
        members, places, items: members with a list, places in all lists, items recommended to anybody.
        range_items: items sold in the last `RANGE_DAYS` days.
        top_share: of the places, those of the `TOP` items that are shown most.
        kinds: share of the places by kind: again, new, popular.
        parts: departments that sell most: name, share of the places, share of the lines sold in `NEW_DAYS` days.
        new_items, new_items_shown: first sold within `NEW_DAYS` days; of these, recommended to anybody.
        new_items_places, new_items_sales: their shares of the places and of the lines sold in those days.
        without_purchases, quiet: members who never bought anything; who bought, but have no list of their own.
        is_simulated: whether any fact behind the lists was made up.
    """

    day: date
    members: int
    places: int
    items: int
    range_items: int
    top_share: float
    kinds: Mapping[str, float]
    parts: tuple[tuple[str, float, float], ...]
    new_items: int
    new_items_shown: int
    new_items_places: float
    new_items_sales: float
    without_purchases: int
    quiet: int
    is_simulated: bool


@dataclass(frozen=True)
class Families:
    """How the families of reasons weigh in the first places of the lists.

    Attributes:
        places: that were looked at, `SAMPLE` at most.
        weight: family → mean of what it adds to the score, in log odds, the most first.
        spoke, loudest: family → share of the places that it spoke for, and in which no other spoke louder.
    """

    places: int
    weight: Mapping[str, float]
    spoke: Mapping[str, float]
    loudest: Mapping[str, float]


def coverage(tables: Tables, day: date) -> Coverage | None:
    """Figures of the lists written at the close of `day`; None where there are none."""
    shown = _frame(
        tables, lambda t: _lists(t, day).group_by("item", "kind").aggregate(places=ibis._.count())
    )  # fmt: skip
    if shown.empty:
        return None
    places, by_item = int(shown["places"].sum()), shown.groupby("item")["places"].sum()
    sold = _sold(tables, day)
    new = sold.index[sold["first"] > day - timedelta(days=NEW_DAYS)]
    members, is_simulated = _whose(tables, day)
    without, quiet = _outside(tables, day)
    return Coverage(
        day=day, members=members, places=places, items=len(by_item),
        range_items=int((sold["last"] > day - timedelta(days=RANGE_DAYS)).sum()),
        top_share=float(by_item.nlargest(TOP).sum()) / places,
        kinds=(shown.groupby("kind")["places"].sum() / places).to_dict(),
        parts=_parts(tables, by_item, sold["lines"]),
        new_items=len(new), new_items_shown=int(by_item.index.isin(new).sum()),
        new_items_places=float(by_item[by_item.index.isin(new)].sum()) / places,
        new_items_sales=float(sold.loc[new, "lines"].sum()) / max(float(sold["lines"].sum()), 1.0),
        without_purchases=without, quiet=quiet, is_simulated=is_simulated,
    )  # fmt: skip


def families(tables: Tables, day: date) -> Families | None:
    """What spoke for the items in the first places; `person`, which speaks for all items alike, is left out."""
    told = _frame(
        tables,
        lambda t: _lists(t, day).filter(ibis._.shares.notnull()).order_by("rank", "customer").select("shares")
        .limit(SAMPLE),
    )  # fmt: skip
    if told.empty:
        return None
    shares = pd.DataFrame([json.loads(text) for text in told["shares"]]).drop(columns="person", errors="ignore")
    weight = shares.mean().sort_values(ascending=False)
    loudest = shares.idxmax(axis=1).value_counts(normalize=True).reindex(weight.index, fill_value=0.0)
    return Families(len(told), weight.to_dict(), (shares > 0).mean().to_dict(), loudest.to_dict())


def _lists(tables: Tables, day: date) -> ir.Table:
    return tables.read("recommendations").filter(ibis._.day == ibis.literal(day))


def _frame(tables: Tables, query: Callable[[Tables], ir.Table]) -> pd.DataFrame:
    return tables.run(query).to_pandas()


def _sold(tables: Tables, day: date) -> pd.DataFrame:
    """Of each item: first and last day it sold, and lines in the last `NEW_DAYS` days."""
    since = ibis.literal(day - timedelta(days=NEW_DAYS))
    return _frame(
        tables,
        lambda t: (lines := t.read("sales_lines")).filter(lines.day <= ibis.literal(day)).group_by("item").aggregate(
            first=ibis._.day.min(), last=ibis._.day.max(), lines=(ibis._.day > since).sum()
        ),
    ).set_index("item")  # fmt: skip


def _whose(tables: Tables, day: date) -> tuple[int, bool]:
    """Members with a list, and whether anything behind it was made up."""
    query = tables.run(
        lambda t: _lists(t, day).aggregate(
            members=ibis._.customer.nunique(), made_up=ibis._.source.contains("simulated").any()
        )
    )
    (row,) = query.to_pylist()
    return row["members"], bool(row["made_up"])


def _outside(tables: Tables, day: date) -> tuple[int, int]:
    """Members who never bought anything, and those who did but have no list."""

    def counts(t: Tables) -> ir.Table:
        lines = t.read("sales_lines")
        bought = lines.filter(lines.customer.notnull(), lines.day <= ibis.literal(day)).select("customer").distinct()
        without = t.read("customers").anti_join(bought, "customer").aggregate(who=ibis.literal("without"),
                                                                              count=ibis._.count())  # fmt: skip
        quiet = bought.anti_join(_lists(t, day), "customer").aggregate(who=ibis.literal("quiet"), count=ibis._.count())
        return without.union(quiet)

    found: dict[str, int] = {row["who"]: row["count"] for row in tables.run(counts).to_pylist()}
    return found["without"], found["quiet"]


def _parts(tables: Tables, places: pd.Series[Any], lines: pd.Series[Any]) -> tuple[tuple[str, float, float], ...]:
    """The departments with the most lines sold: share of the places beside share of the lines."""
    of = _frame(tables, lambda t: t.read("items").select("item", "department")).set_index("item")["department"]
    of = of[~of.index.duplicated()]
    shown = places.groupby(places.index.map(of)).sum() / places.sum()
    sold = lines.groupby(lines.index.map(of)).sum() / max(lines.sum(), 1)
    most = sold.sort_values(ascending=False).head(PARTS)
    return tuple((str(name), float(shown.get(name, 0.0)), float(share)) for name, share in most.items())
