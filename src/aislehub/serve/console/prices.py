"""Prices: what to ask for from tomorrow on beside leaving it alone, and every price that was weighed for one item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any, Literal

import ibis
import numpy as np
import pandas as pd
from fastapi import APIRouter, Query, Request, Response

from aislehub.core.book import Filter
from aislehub.core.decision import decision_id
from aislehub.core.hub import Hub
from aislehub.core.text import say
from aislehub.demand.outlook import is_held
from aislehub.price.elasticity import sentences_of
from aislehub.price.response import Z90
from aislehub.price.tried import Tried, tried
from aislehub.serve import formats
from aislehub.serve.console.shell import render, signed_in
from aislehub.serve.console.today import View, decision_page, decision_sums, query_of
from aislehub.serve.lookup import has_rows, last_day, names, rows_of_day
from aislehub.serve.site import House

__all__ = ["context", "router"]

KIND = "price_changes"
PLOTTED = 500
WEEKS = 26
RIVALS = 4
Goods = Literal["regular", "clearance"]
Key = Annotated[str, Query(max_length=80)]
router = APIRouter(prefix="/prices", include_in_schema=False)


@dataclass(frozen=True)
class Day:
    """The price changes of a business day: their ids by goods, and how often each guard-rail bound."""

    ids: Mapping[Goods, tuple[str, ...]]
    bound: Mapping[str, int]
    dearer: int
    cheaper: int


def context(hub: Hub, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """The sums of the day, its two plots, and one page of changes: goods that keep, or short-dated ones."""
    view = View.of(hub, query, KIND)
    if view.day is None:
        return {"view": None}
    of_day, summary = _day(hub, view.day), hub.ledger.summary(Filter(day=view.day, kind=KIND))
    return {
        "days": hub.ledger.days(KIND)[:60], "stores": hub.ledger.stores(view.day), "of_day": of_day,
        "states": ["", *sorted({group["state"] for group in summary})],
        "open": decision_sums([group for group in summary if group["state"] == "proposed"]),
        "decided": decision_sums([group for group in summary if group["state"] in ("approved", "overridden", "sent",
                                                                                   "done", "judged")]),
        "charts": {"moves": _moves(hub, view.day), "bound": _bound(of_day)}, **_queue(hub, view, query, of_day),
    }  # fmt: skip


@router.get("/list")
def queue(request: Request, site: House) -> Response:
    """The changes alone, when something moved."""
    signed_in(request)
    query = query_of(request)
    view = View.of(site.hub, query, KIND)
    of_day = _day(site.hub, view.day) if view.day else Day({}, {}, 0, 0)
    return render(request, "prices_list.html", of_day=of_day, **_queue(site.hub, view, query, of_day))


@router.get("/item")
def item_page(request: Request, site: House, store: Key, item: Key, day: date | None = None) -> Response:
    """One item of a store: every price that was weighed, its elasticity, past prices, rivals, stock and expiry."""
    signed_in(request)
    hub = site.hub
    day = day or last_day(hub, "price_elasticities") or date.today()
    found = tried(hub, store, item, day)
    changes = Filter(day=day, kind=KIND, store=store, subject=item)
    rows = decision_page(hub, changes, 1)["rows"]
    row = {**rows[0], "told": told(rows[0])} if rows else None
    learned = rows_of_day(hub, "price_elasticities", day, item=item)
    return render(
        request, "prices_item.html", store=store, item=item, day=day, found=found, row=row,
        name=names(hub, "items", "item").get(item, ""), store_name=names(hub, "stores", "store").get(store, ""),
        best_before=day + timedelta(days=found.days_left) if found and found.days_left else None,
        ladder=found and _ladder(found, row), elasticity=_elasticity(hub, learned[0]) if learned else None,
        sentences=_sentences(hub, learned[0], day) if learned else [],
        history=_history(hub, store, item, day), held=is_held(hub),
        is_simulated=bool(found and "simulated" in found.source),
    )  # fmt: skip


def told(row: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers of a change that its reasons state, the price left alone beside each, and units that expire."""
    action = row["action"]
    facts: dict[str, Any] = {"price": action["price"], "instead_of": action.get("instead_of", action["price"])}
    for reason in row["reasons"]:
        if reason["code"] in ("price.because_units", "price.because_margin"):
            facts |= reason["facts"]
        elif reason["code"] == "price.because_expiry":
            facts |= {"expiring": reason["facts"]["units"], "expires": reason["facts"]["expires"]}
    return facts


def _queue(hub: Hub, view: View, query: Mapping[str, list[str]], of_day: Day) -> dict[str, Any]:
    """One page of the changes of one kind of goods."""
    goods: Goods = "clearance" if query.get("goods", [""])[-1] == "clearance" else "regular"
    which = view.filter
    if of_day.ids:
        which = Filter(
            day=which.day, kind=KIND, store=which.store, states=which.states, subject_has=which.subject_has,
            ids=of_day.ids.get(goods, ()),
        )  # fmt: skip
    page = decision_page(hub, which, view.page)
    rows = [{**row, "told": told(row)} for row in page["rows"]]
    return {**page, "rows": rows, "view": view, "goods": goods}


def _day(hub: Hub, day: date) -> Day:
    rows = pd.DataFrame(rows_of_day(hub, KIND, day), columns=["store", "subject", "kind", "bound", "price", "regular"])
    ids: dict[Goods, tuple[str, ...]] = {}
    for kind in ("regular", "clearance") if len(rows) else ():
        keys = rows.loc[rows["kind"] == kind, ["store", "subject"]].itertuples(index=False, name=None)
        ids[kind] = tuple(decision_id(KIND, day, store, subject) for store, subject in keys)
    bound = rows["bound"].value_counts().to_dict()
    return Day(ids, bound, int((rows["price"] > rows["regular"]).sum()), int((rows["price"] < rows["regular"]).sum()))


def _moves(hub: Hub, day: date) -> dict[str, Any]:
    """The day's changes with the most money: how far each goes, and what it is expected to bring, with its interval."""
    found = hub.ledger.find(Filter(day=day, kind=KIND), limit=PLOTTED)
    named = names(hub, "items", "item")
    points = []
    for row in found:
        facts = told(row)
        group = "clearance" if row["action"].get("price_kind") == "clearance" else (
            "dearer" if facts["price"] > facts["instead_of"] else "cheaper"
        )  # fmt: skip
        points.append({
            "name": f"{named.get(row['subject']) or row['subject']} · {row['store']}", "group": group,
            "change": round(100 * (facts["price"] / facts["instead_of"] - 1), 1),
            **{name: round(row[name], 2) for name in ("money", "money_low", "money_high")},
        })  # fmt: skip
    words = ("cheaper", "dearer", "clearance", "axis_change", "axis_money")
    return {"kind": "moves", "points": points, "words": {name: say(f"prices.{name}") for name in words}}


def _bound(of_day: Day) -> dict[str, Any]:
    """How often each guard-rail kept a better price away."""
    counts = sorted(of_day.bound.items(), key=lambda pair: pair[1])
    return {
        "kind": "counts", "names": [formats.word("bound", name) for name, _ in counts],
        "values": [count for _, count in counts], "words": {"value": say("prices.changes")},
    }  # fmt: skip


def _ladder(found: Tried, row: Mapping[str, Any] | None) -> dict[str, Any]:
    """Every price that was weighed: money over leaving it alone with its interval, and what stands in the way of it."""
    return {
        "kind": "rungs",
        "prices": [f"{rung.price:.2f}" for rung in found.rungs],
        **{name: [round(getattr(rung, name), 3) for rung in found.rungs] for name in ("money", "low", "high", "units")},
        "guards": [formats.word("bound", rung.guard) if rung.guard else "" for rung in found.rungs],
        "now": f"{found.price:.2f}",
        "proposed": f"{row['action']['price']:.2f}" if row else None,
        "words": {
            name: say(f"prices.{name}")
            for name in ("axis_price", "axis_over", "holds", "proposed", "barred", "interval", "units")
        },
    }


def _elasticity(hub: Hub, row: Mapping[str, Any]) -> dict[str, Any]:
    """The item's elasticity beside what its own data say alone and what its category is like."""
    lines = [
        {"name": say("prices.elasticity_used"), "value": row["elasticity"], "low": row["low"], "high": row["high"]}
    ]
    if row["own"] is not None:
        reach = Z90 * row["own_sd"]
        lines.append({
            "name": say("prices.elasticity_own"), "value": row["own"], "low": row["own"] - reach,
            "high": row["own"] + reach,
        })  # fmt: skip
    for level in ("category", "department"):
        if row[level]:
            others = _others(hub, row["day"], level, row[level])
            said = say(f"prices.elasticity_{level}", name=row[level], count=others.pop("count"))
            lines.append({"name": said, **others})
    return {
        "kind": "forest",
        "lines": [{name: v if name == "name" else round(v, 2) for name, v in line.items()} for line in lines],
        "words": {"axis": say("prices.axis_elasticity")},
    }


def _others(hub: Hub, day: date, level: str, name: str) -> dict[str, Any]:
    """Median, 5 % and 95 % quantile of the elasticities of a category's or a department's items, and their count."""
    (found,) = hub.tables.run(
        lambda tables: (t := tables.read("price_elasticities")).filter(t.day == day, t[level] == name).aggregate(
            value=ibis._.elasticity.median(), low=ibis._.elasticity.quantile(0.05),
            high=ibis._.elasticity.quantile(0.95), count=ibis._.count(),
        )
    ).to_pylist()  # fmt: skip
    return dict(found)


def _sentences(hub: Hub, row: Mapping[str, Any], day: date) -> list[str]:
    """What is known of the item's elasticity, in words, with the neighbours that matter."""
    columns = hub.tables.contract("cross_elasticities").schema.names
    cross = pd.DataFrame(rows_of_day(hub, "cross_elasticities", day, item=row["item"]), columns=columns)
    return sentences_of(pd.Series(row), cross.astype({"identified": bool}))


def _history(hub: Hub, store: str, item: str, day: date) -> dict[str, Any] | None:
    """The last weeks: price that everybody was asked, competitors' prices as they were seen, units sold a week."""
    first = day - timedelta(days=7 * WEEKS - 1)
    days = pd.date_range(first, day)
    sold = _by_day(hub, "sales_lines", store, item, first, day)
    units = pd.Series(sold["quantity"].to_numpy(float), pd.to_datetime(sold["day"])).reindex(days, fill_value=0.0)
    if not len(sold) and not has_rows(hub, "prices"):
        return None
    regular, asked = _asked(hub, store, item, days)
    seen = _rivals(hub, item, days)
    weekly = np.repeat(units.to_numpy().reshape(-1, 7).sum(axis=1), 7)
    middle = np.arange(len(days)) % 7 == 3
    return {
        "kind": "prices",
        "days": [moment.date().isoformat() for moment in days],
        "regular": _told(regular), "asked": _told(asked),
        "units": [round(float(value), 1) if there else None for value, there in zip(weekly, middle, strict=True)],
        "rivals": [{"name": name, "values": _told(values)} for name, values in seen.items()],
        "words": {name: say(f"prices.{name}") for name in ("regular", "asked", "weekly", "axis_price", "units")},
    }  # fmt: skip


def _by_day(hub: Hub, table: str, store: str, item: str, first: date, last: date) -> pd.DataFrame:
    rows = hub.tables.run(
        lambda tables: (t := tables.read(table)).filter(t.store == store, t.item == item, t.day.between(first, last))
        .group_by("day").aggregate(quantity=ibis._.quantity.sum()).order_by("day")
    )  # fmt: skip
    return rows.to_pandas()


def _asked(hub: Hub, store: str, item: str, days: pd.DatetimeIndex) -> tuple[np.ndarray, np.ndarray]:
    """The regular price, and the lowest that everybody was asked, of each day; NaN where none is known."""
    rows = hub.tables.run(
        lambda tables: (t := tables.read("prices"))
        .filter(t.store == store, t.item == item, t.kind != "member", t.valid_from <= days[-1].date())
        .select("kind", "valid_from", "valid_to", "price").order_by("valid_from")
    ).to_pandas()  # fmt: skip
    regular = np.full(len(days), np.nan)
    reduced = np.full(len(days), np.nan)
    for row in rows.itertuples():
        until = days[-1] if pd.isna(row.valid_to) else pd.Timestamp(row.valid_to)
        holds = (days >= pd.Timestamp(row.valid_from)) & (days <= until)
        if row.kind == "regular":
            regular[holds] = row.price
        else:
            reduced[holds] = np.fmin(reduced[holds], row.price)
    return regular, np.fmin(regular, reduced)


def _rivals(hub: Hub, item: str, days: pd.DatetimeIndex) -> dict[str, np.ndarray]:
    """The latest price of each competitor on each day, of those seen most."""
    rows = hub.tables.run(
        lambda tables: (t := tables.read("competitor_prices")).filter(t.item == item)
        .group_by("competitor", day=ibis._.seen_at.date()).aggregate(price=ibis._.price.min()).order_by("day")
    ).to_pandas()  # fmt: skip
    rows["day"] = pd.to_datetime(rows["day"])
    often = rows["competitor"].value_counts().index[:RIVALS]
    return {
        str(name): rows[rows["competitor"] == name].set_index("day")["price"].astype(float)
        .reindex(days).ffill().to_numpy()
        for name in often
    }  # fmt: skip


def _told(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), 2) for value in values]
