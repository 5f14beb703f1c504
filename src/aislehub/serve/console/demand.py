"""Demand: the history of one item in one store, its forecast with a band, stock-outs and promotions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

import ibis
from fastapi import APIRouter, Query, Request, Response

from aislehub.core.hub import Hub
from aislehub.core.reasons import sentence
from aislehub.core.text import say
from aislehub.demand.outlook import is_held
from aislehub.serve import formats
from aislehub.serve.console.shell import render, signed_in
from aislehub.serve.console.whatif import PROMOTIONS
from aislehub.serve.lookup import has_rows, last_day, names, rows_of_day
from aislehub.serve.site import House

__all__ = ["context", "router"]

WEEKS = (8, 13, 26)
SUGGESTIONS = 30
router = APIRouter(prefix="/demand", include_in_schema=False)


def context(hub: Hub, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """Everything about the chosen item in the chosen store; without a choice, about the largest forecast."""
    if not has_rows(hub, "sales_lines"):
        return {"empty": True}
    given = {name: values[-1].strip()[:80] for name, values in query.items() if values}
    items, stores = names(hub, "items", "item"), names(hub, "stores", "store")
    run = last_day(hub, "demand_forecast")
    store, item = given.get("store", ""), given.get("item", "")
    if not store or not item:
        store, item = _first(hub, run, store, item)
    weeks = next((weeks for weeks in WEEKS if str(weeks) == given.get("weeks")), WEEKS[0])
    last_sale = last_day(hub, "sales_lines") or date.today()
    since = (run or last_sale) - timedelta(weeks=weeks) + timedelta(days=1)
    sold = _sold(hub, store, item, since)
    forecast = sorted(rows_of_day(hub, "demand_forecast", run, store=store, item=item), key=lambda row: row["ds"])
    out, promoted = _stock_outs(hub, store, item, since), _promotions(hub, store, item, since)
    expected = {row["ds"]: row for row in forecast}
    until = max([run or last_sale, *expected])
    rows = [
        {
            "day": day,
            "sold": sold.get(day, 0.0) if day <= last_sale else None,
            "out": day in (out or ()),
            "promoted": day in promoted,
            **{name: expected[day][name] if day in expected else None for name in ("mean", "low", "high")},
        }
        for day in (since + timedelta(days=n) for n in range((until - since).days + 1))
    ]
    return {
        "empty": False, "store": store, "item": item, "name": items.get(item, ""), "stores": stores or _stores(hub),
        "weeks": weeks, "all_weeks": WEEKS, "run": run, "rows": rows, "chart": _chart(rows),
        "figures": _figures(rows, forecast, run or last_sale, has_stock=out is not None), "has_stock": out is not None,
        "known": bool(sold or forecast), "reasons": _reasons(forecast), "has_forecast": bool(forecast),
        "held": bool(forecast) and is_held(hub), "why": f"/demand/why?{urlencode({'store': store, 'item': item})}",
        "promotions": PROMOTIONS, "first": min(expected, default=None), "last": max(expected, default=None),
    }  # fmt: skip


@router.get("/items")
def suggest(request: Request, site: House, item: Annotated[str, Query(max_length=80)] = "") -> Response:
    """Items whose number or name holds what was typed, as options of the search field."""
    signed_in(request)
    known = names(site.hub, "items", "item")
    wanted = item.strip().casefold()
    starting = [key for key in known if key.casefold().startswith(wanted)]
    holding = [
        key for key, name in known.items() if wanted in name.casefold() and not key.casefold().startswith(wanted)
    ]
    found = [{"item": key, "name": known[key]} for key in [*starting, *holding][:SUGGESTIONS]]
    return render(request, "demand_items.html", found=found)


def _first(hub: Hub, run: date | None, store: str, item: str) -> tuple[str, str]:
    """The goods with the largest forecast, else with the largest sales of the last weeks."""
    if run is not None:
        table, amount, since = "demand_forecast", "mean", run
    else:
        last = last_day(hub, "sales_lines") or date.today()
        table, amount, since = "sales_lines", "quantity", last - timedelta(weeks=4)
    wanted = [ibis._[name] == value for name, value in (("store", store), ("item", item)) if value]
    rows = hub.tables.run(
        lambda tables: tables.read(table).filter([ibis._.day >= since, *wanted])
        .anti_join(tables.read("items").filter(~ibis._.is_sellable), "item")
        .group_by("store", "item").aggregate(units=ibis._[amount].sum())
        .order_by(ibis.desc("units"), "store", "item").limit(1)
    ).to_pylist()  # fmt: skip
    return (rows[0]["store"], rows[0]["item"]) if rows else (store, item)


def _sold(hub: Hub, store: str, item: str, since: date) -> dict[date, float]:
    rows = hub.tables.run(
        lambda tables: (t := tables.read("sales_lines")).filter(t.store == store, t.item == item, t.day >= since)
        .group_by("day").aggregate(sold=ibis._.quantity.sum())
    ).to_pylist()  # fmt: skip
    return {row["day"]: row["sold"] for row in rows}


def _stock_outs(hub: Hub, store: str, item: str, since: date) -> set[date] | None:
    """Days at whose close nothing was left: a sale of 0 there says nothing about demand. None = no stock is known."""
    if not has_rows(hub, "stock"):
        return None
    rows = hub.tables.run(
        lambda tables: (t := tables.read("stock"))
        .filter(t.store == store, t.item == item, t.day >= since).select("day", "on_hand")
    ).to_pylist()  # fmt: skip
    return {row["day"] for row in rows if row["on_hand"] <= 0} if rows else None


def _promotions(hub: Hub, store: str, item: str, since: date) -> set[date]:
    if not has_rows(hub, "promotions"):
        return set()
    rows = hub.tables.run(
        lambda tables: (t := tables.read("promotions"))
        .filter(t.store == store, t.item == item, t.ends >= since).select("starts", "ends")
    ).to_pylist()  # fmt: skip
    return {
        row["starts"] + timedelta(days=n)
        for row in rows
        for n in range(min((row["ends"] - row["starts"]).days, 366) + 1)
    }


def _stores(hub: Hub) -> dict[str, str]:
    """Stores by what they sold, where no table of stores was loaded."""
    rows = hub.tables.run(lambda tables: tables.read("sales_lines").select("store").distinct()).to_pylist()
    return {row["store"]: "" for row in sorted(rows, key=lambda row: row["store"])}


def _reasons(forecast: list[dict[str, Any]]) -> list[str]:
    stated = forecast[0]["reasons"] if forecast else None
    return [sentence(reason) for reason in json.loads(stated or "[]")]


def _figures(
    rows: list[dict[str, Any]], forecast: list[dict[str, Any]], day: date, *, has_stock: bool
) -> list[dict[str, str]]:
    past = [row for row in rows if row["day"] <= day]
    week = sum(row["mean"] for row in forecast[:7]) if forecast else None
    days_out = sum(row["out"] for row in past) if has_stock else None
    return [
        {"label": "serve.sold_28", "value": formats.number(sum(row["sold"] or 0 for row in past[-28:]), 0)},
        {"label": "serve.forecast_7", "value": formats.number(week)},
        {"label": "serve.days_out", "value": formats.number(days_out, 0)},
        {"label": "serve.days_promoted", "value": formats.number(sum(row["promoted"] for row in past), 0)},
    ]


def _chart(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What static/charts.js draws: days, sold, mean, low and high, stock-out and promotion days."""
    return {
        "kind": "demand",
        "days": [row["day"].isoformat() for row in rows],
        **{
            name: [None if row[name] is None else round(row[name], 2) for row in rows]
            for name in ("sold", "mean", "low", "high")
        },
        **{name: [row["day"].isoformat() for row in rows if row[name]] for name in ("out", "promoted")},
        "words": {name: say(f"serve.chart_{name}") for name in ("sold", "mean", "band", "out", "promoted", "units")},
    }
