"""A small house with real tables, a real ledger and real users, served by the real application."""

from __future__ import annotations

import importlib
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import uvicorn
from fastapi.testclient import TestClient

from aislehub.capabilities import MODULES
from aislehub.core.alerts import AlertFilter
from aislehub.core.answers import answer
from aislehub.core.book import Filter
from aislehub.core.hub import Hub
from aislehub.core.models import save_learned
from aislehub.core.pages import Page
from aislehub.core.registry import collect
from aislehub.core.settings import HubSettings
from aislehub.serve import auth
from aislehub.serve.api import application
from tests.customer.recommend.shop import Shop

DAY = date(2017, 11, 5)
LONG_AGO = date(2010, 1, 1)
PASSWORD = "correct horse"
STORES = {"367": "Main St", "406": "Harbour"}
NAMES = (
    "Whole milk 1 L",
    "Bananas",
    "Sourdough bread",
    "Eggs 12",
    "Butter 250 g",
    "Tomatoes",
    "Yoghurt",
    "鲜牛奶 1 升",
)
ITEMS = {str(1001 + n): name for n, name in enumerate(NAMES)}
MAPPING = 'table = "sales_lines"\n\n[columns]\nstore = "Shop"\nreceipt = "Bon"\n'


@answer(reads="items", needs="item")
def item_name(request: Any, snapshot: Any, live: Any) -> dict[str, Any]:
    """The name of an item, and how many events came in about it."""
    items = snapshot["items"].to_pandas()
    found = items[items["item"] == request["item"]]["name"].tolist()
    return {
        "name": found[0] if found else None,
        "events": sum(event.get("item") == request["item"] for event in live.events),
    }


def range_page(hub: Hub, query: Any) -> dict[str, Any]:
    """A page made of data alone."""
    return {
        "figures": [{"label": "Items", "value": hub.tables.count("items")}],
        "charts": [{"title": "Prices", "option": {"xAxis": {}, "yAxis": {}, "series": []}}],
        "tables": [{"title": "All items", "columns": ["item", "name"], "rows": list(ITEMS.items())}],
    }


def make_hub(home: Path) -> Hub:
    """An open house with all capabilities and one more: an answer and a page."""
    capability = ModuleType("capability")
    vars(capability).update(item_name=item_name, pages=(Page("range", "Range", 50, range_page),))
    registry = collect([*map(importlib.import_module, MODULES), capability])
    return Hub(home, HubSettings(timezone="America/New_York"), registry, "test")


def fill_tables(hub: Hub, days: int = 60, seed: int = 0) -> None:
    """Daily sales with a weekly rhythm, stock-outs, a promotion, a forecast, faults and a mapping."""
    _append(hub, "stores", [{"store": key, "name": name, "opened": LONG_AGO} for key, name in STORES.items()])
    _append(
        hub,
        "items",
        [
            {"item": key, "name": name, "price": 4.0, "cost": 2.5, "is_sellable": True, "listed_from": LONG_AGO}
            for key, name in ITEMS.items()
        ],
    )
    promotion = {"store": "367", "item": "1001", "promotion": "P1", "mechanic": "price cut", "display": "rear"}
    span = {"starts": DAY - timedelta(days=20), "ends": DAY - timedelta(days=14)}
    _append(hub, "promotions", [promotion | span])
    random = np.random.default_rng(seed)
    lines, stock, forecast = [], [], []
    for store in STORES:
        for n, item in enumerate(ITEMS):
            here = {"store": store, "item": item}
            for back in range(days):
                day = DAY - timedelta(days=back)
                is_out = n % 4 == 0 and back % 19 in (7, 8)
                sold = 0 if is_out else int(random.poisson(_level(n, day)))
                stock.append(here | {"day": day, "on_hand": 0.0 if is_out else float(sold + 3), "source": "simulated"})
                lines += [_line(here, day, sold)] if sold else []
            for ahead in range(1, 15):
                ds = DAY + timedelta(days=ahead)
                forecast.append(here | {"day": DAY, "ds": ds} | _expected(_level(n, ds), ahead))
    _append(hub, "sales_lines", lines)
    _append(hub, "stock", stock)
    _append(hub, "rejected", [_rejected(n) for n in range(1, 9)])
    _write(hub, "demand_forecast", forecast)
    (hub.home / "hub.toml").write_text('[demand]\nmodel = "seasonal_mean+mean28"\nhorizon_days = 14\n')
    model = _learn(hub, "demand")
    for table in ("readiness", "forecast_accuracy"):
        step = next(step for step in hub.registry.steps if step.writes.name == table)
        assert step.policy
        rows = step.run(hub.tables, day=DAY, policy=step.policy.load(hub.home), model=model)
        hub.tables.write(table, step.writes.require(rows), DAY)
    (hub.home / "mappings").mkdir(exist_ok=True)
    (hub.home / "mappings" / "sales_lines-1a2b.toml").write_text(MAPPING)


def _learn(hub: Hub, model: str) -> Path:
    """Learn a model for the first time; its folder."""
    learn, made = hub.registry.learns[model], hub.home / "made"
    made.mkdir()
    assert learn.policy
    metrics = learn.run(hub.tables, day=DAY, policy=learn.policy.load(hub.home), folder=made)
    about = {"day": str(DAY), "metrics": metrics, "versions": {}, "code": "", "policy": "", "why": "first"}
    card = save_learned(hub.models, model, made, **about)
    return hub.models / model / card.id.partition("@")[2]


def _level(place: int, day: date) -> float:
    return (20 / (place + 1) + 2) * (1.4 if day.isoweekday() > 5 else 0.9)


def _line(here: dict[str, str], day: date, sold: int) -> dict[str, Any]:
    close = datetime(day.year, day.month, day.day, 23, tzinfo=UTC)
    counted = {"quantity": float(sold), "amount": sold * 4.0, "customer": "c1"}
    return here | counted | {"receipt": str(day), "line": here["item"], "day": day, "sold_at": close}


def _expected(mean: float, ahead: int) -> dict[str, Any]:
    low, high = max(0.0, mean - 1.3 * mean**0.5), mean + 1.4 * mean**0.5
    total = {"total_mean": mean * ahead, "total_sd": (mean * ahead) ** 0.5}
    reasons = [{"code": "serve.days_promoted", "facts": {}, "weight": 1.0}]
    return {"mean": mean, "low": low, "high": high, "reasons": json.dumps(reasons)} | total


def _rejected(row: int) -> dict[str, Any]:
    fault = {"code": "reject.low", "column": "price", "value": f"-{row}", "limit": "0"}
    raw, reasons = json.dumps({"Preis": f"-{row}"}), json.dumps([fault])
    return {"table": "sales_lines", "source": "export.csv", "row": row, "raw": raw, "reasons": reasons}


def _append(hub: Hub, table: str, rows: list[dict[str, Any]]) -> None:
    checked = hub.tables.contract(table).check(pa.Table.from_pylist(rows))
    assert not checked.rejected.num_rows, checked.rejected.to_pylist()[:1]
    hub.tables.append(table, checked.good)


def _write(hub: Hub, table: str, rows: list[dict[str, Any]]) -> None:
    hub.tables.write(table, hub.tables.contract(table).check(pa.Table.from_pylist(rows)).good, DAY)


def propose_decisions(hub: Hub, count: int, kind: str = "orders", day: date = DAY, seed: int = 0) -> None:
    """Decisions with money falling from the first to the last; two thirds rest on simulated facts."""
    random = np.random.default_rng(seed)
    gains = np.sort(random.gamma(1.2, 9.0, count))[::-1].tolist()
    reasons = [
        {"code": "reject.low", "facts": {"column": "on_hand", "value": "2", "limit": "9"}, "weight": 2.0},
        {"code": "core.known_are", "facts": {"names": "Sat, Sun"}, "weight": -0.5},
    ]
    rows = [
        {
            "store": tuple(STORES)[n % 2],
            "subject": str(1001 + n),
            "action": json.dumps({"quantity": 6.0 * (n % 9 + 1), "cases": n % 9 + 1}),
            "baseline": json.dumps({"name": "weeks_of_cover", "quantity": 12.0}),
            "money": gain,
            "money_low": gain * 0.4 - 2,
            "money_high": gain * 1.7 + 1,
            "horizon_days": 7,
            "outlay": 12.0 + n % 50,
            "bound": ("none", "case_pack", "shelf_life")[n % 3],
            "reasons": json.dumps(reasons),
            "source": "simulated: stock, lead times" if n % 3 else "till",
        }
        for n, gain in enumerate(gains)
    ]
    made_by = {"model": "seasonal_mean", "policy": "0a1b2c", "versions": {"stock": 3}}
    hub.ledger.propose(kind, day, pa.Table.from_pylist(rows), currency="USD", **made_by)


def fill_prices(hub: Hub) -> None:
    """Prices, a competitor, stock and elasticities of three items; the day's price changes, one of them a clearance."""
    goods, store = ("1001", "1002", "1003"), "367"
    begins = {"kind": "regular", "valid_from": DAY - timedelta(days=100), "known_at": datetime(2017, 7, 1, tzinfo=UTC)}
    _append(hub, "prices", [{"store": store, "item": item, "price": 4.19, **begins} for item in goods])
    seen = {"competitor": "Corner", "item": "1001", "price": 3.99, "seen_at": datetime(2017, 11, 3, tzinfo=UTC)}
    _append(hub, "competitor_prices", [seen])
    _write(hub, "stock_ages", [{"day": DAY, "store": store, "item": "1002", "days_left": 2, "units": 60.0}])
    state = {
        "store": store, "on_order": 0.0, "orderable": True, "lead_days": 2.0, "lead_days_sd": 0.0,
        "cover_days": 7.0, "case_pack": 1.0, "moq": 0.0, "presentation_stock": 0.0, "order_cost": 0.0, "price": 4.19,
        "cost": 2.5, "mean_sales": 10.0, "own_mean": 70.0, "variance_ratio": 1.2, "source": "simulated: stock",
    }  # fmt: skip
    on_hand = zip(goods, (400.0, 80.0, 400.0), strict=True)
    _write(hub, "supply_state", [state | {"day": DAY, "item": item, "on_hand": units} for item, units in on_hand])
    learned = {
        "category": "DAIRY", "elasticity": -4.0, "low": -4.4, "high": -3.6, "identified": True, "level": "item",
        "own": -4.2, "own_sd": 0.3, "weight": 0.8, "rows": 300, "price_changes": 20, "method": "test", "reason": None,
    }  # fmt: skip
    poor = {"low": -4.0, "high": 0.5, "elasticity": -1.8, "identified": False, "level": "category", "own": None,
            "own_sd": None, "weight": 0.0, "reason": "one_price"}  # fmt: skip
    rows = [learned | {"item": "1001"}, learned | {"item": "1002"}, learned | poor | {"item": "1003"}]
    _write(hub, "price_elasticities", [row | {"day": DAY} for row in rows])
    step = next(step for step in hub.registry.steps if step.writes.name == "price_changes")
    assert step.policy
    found = step.writes.require(step.run(hub.tables, day=DAY, policy=step.policy.load(hub.home), currency="USD"))
    hub.tables.write("price_changes", found, DAY)
    hub.ledger.propose("price_changes", DAY, found, currency="USD", model="", policy="0a1b2c", versions={})


def fill_promotions(hub: Hub) -> None:
    """Four weeks of draws, half of them promoted, one item's never carried out; and the plan of a coming week."""
    for back in (5, 4, 3, 2):
        starts = DAY - timedelta(days=7 * back - 1)
        rows = [_draw(store, item, starts, (n + back) % 2) for store in STORES for n, item in enumerate(ITEMS)]
        _write_day(hub, "promotion_choices", rows, starts - timedelta(days=8))
        _append(hub, "promotions", [
            {"store": row["store"], "item": row["item"], "promotion": f"trial-{starts}", "starts": starts,
             "ends": row["ends"], "discount": 0.1, "known_at": datetime(2017, 7, 1, tzinfo=UTC)}
            for row in rows if row["depth"] and row["item"] != "1008"
        ])  # fmt: skip
    starts = DAY + timedelta(days=8)
    coming = [_draw(store, item, starts, item == "1002") for store in STORES for item in ITEMS]
    _write_day(hub, "promotion_choices", coming, DAY)
    (hub.home / "hub.toml").write_text((hub.home / "hub.toml").read_text() + "\n[promotion]\nleast_rows = 50\n")
    reasons = [
        {"code": "promotion.because_trial", "facts": {"chance": 50.0, "rows": 60}, "weight": 0.0},
        {"code": "promotion.because_units", "facts": {"percent": 10, "units": 9.0, "usual": 6.0}, "weight": 0.5},
    ]
    plan = {
        "store": "367", "subject": "1002", "money": -1.25, "money_low": -2.0, "money_high": 1.0, "horizon_days": 7,
        "outlay": 1.75, "bound": "none", "reasons": json.dumps(reasons), "source": "till",
        "action": json.dumps({"depth": 0.1, "price": 3.6, "starts": str(starts), "ends": str(starts)}),
        "baseline": json.dumps({"name": "none", "depth": 0.0}),
    }  # fmt: skip
    told = {"currency": "USD", "model": "", "policy": "0a1b2c", "versions": {}}
    hub.ledger.propose("promotion_plan", DAY, pa.Table.from_pylist([plan]), **told)


PRAISE = ("味道很好，价格也实惠", "很新鲜，包装也严实", "Great taste and a fair price.", "Fresh, and well packed.")
FAULTS = {
    "1001": ("包装破损，漏液，很失望", "Leaking package."),
    "1003": ("难吃，口感太差", "Awful taste, never again."),
}
REVIEW_TABLES = ("review_aspects", "review_alerts", "range_advice")


def fill_reviews(hub: Hub) -> None:
    """Four items with 14 reviews each: milk that leaks since three weeks, bread that tastes bad and earns nothing.

    An item that nobody writes about is to be added in one store.
    """
    goods = ("1001", "1002", "1003", "1004")
    _append(hub, "reviews", [
        {"review": f"{item}-{n:02}", "item": item, "customer": "c-secret", "source": "simulated: reviews",
         "text": _review(item, n), "at": datetime(2017, 11, 5, 12, tzinfo=UTC) - timedelta(days=4 * n)}
        for item in goods for n in range(14)
    ])  # fmt: skip
    state = {
        "store": "367", "on_hand": 9.0, "on_order": 0.0, "orderable": True, "lead_days": 2.0, "lead_days_sd": 0.0,
        "cover_days": 7.0, "case_pack": 1.0, "moq": 0.0, "presentation_stock": 0.0, "order_cost": 0.0, "price": 4.0,
        "cost": 2.5, "own_mean": 70.0, "variance_ratio": 1.2, "source": "facts", "day": DAY,
    }  # fmt: skip
    _write(hub, "supply_state", [state | {"item": item, "mean_sales": 0.01 if item == "1003" else 10.0}
                                 for item in goods])  # fmt: skip
    for table in REVIEW_TABLES:
        step = next(step for step in hub.registry.steps if step.writes.name == table)
        assert step.policy
        policy = step.policy.load(hub.home)
        hub.tables.write(table, step.writes.require(step.run(hub.tables, day=DAY, policy=policy)), DAY)
    advice = hub.tables.fetch("range_advice").to_pylist()
    facts = {"carriers": 3, "alike": 4, "sold": 90, "days": 182, "here": 0.0, "stores": ["31401"]}
    advice.append(advice[0] | {
        "store": "367", "subject": "1006", "advice": "add", "aspect": None, "reviews": 0, "complaints": 0,
        "action": json.dumps({"advice": "add"}), "baseline": json.dumps({"advice": "leave_out"}), "money": 3.0,
        "money_low": 1.0, "money_high": 6.0, "source": "facts",
        "reasons": json.dumps([{"code": "reviews.because_add", "facts": facts, "weight": 3.0}]),
    })  # fmt: skip
    _write(hub, "range_advice", advice)
    advice = hub.tables.fetch("range_advice")
    hub.ledger.propose("range_advice", DAY, advice, currency="USD", model="", policy="0a1b2c", versions={})


def _review(item: str, n: int) -> str:
    is_faulty = item in FAULTS and (n < 6 or item == "1003")
    return FAULTS[item][n % 2] if is_faulty else PRAISE[n % 4]


def _draw(store: str, item: str, starts: date, promoted: int) -> dict[str, Any]:
    """A line on trial whose two arms were equally likely."""
    return {
        "store": store, "item": item, "starts": starts, "ends": starts + timedelta(days=6), "trial": True,
        "depth": 0.1 * promoted, "chance": 0.5, "chances": json.dumps({"0": 0.5, "0.1": 0.5}), "wish": 0.1,
        "today": 0.0, "usual": 40.0, "units": 40.0 + 10 * promoted, "shelf": 4.0, "price": 4.0, "cost": 2.5,
        "tax_rate": 0.0, "money": 0.0, "money_low": -1.0, "money_high": 1.0, "wish_money": 3.0, "later": 0.0,
        "beside": 0.0, "leaflet": 1.75 * promoted, "slope": 2.0, "lift": 0.1, "learned": 0.6, "bound": "none",
        "source": "till",
    }  # fmt: skip


def _write_day(hub: Hub, table: str, rows: list[dict[str, Any]], day: date) -> None:
    checked = hub.tables.contract(table).check(pa.Table.from_pylist([{"day": day, **row} for row in rows]))
    assert not checked.rejected.num_rows, checked.rejected.to_pylist()[:1]
    hub.tables.write(table, checked.good, day)


def fill_routes(hub: Hub) -> None:
    """Tours of the next day: two vans to both stores and two customers, one stop left out, beside two fixed tours."""
    stops = {
        "367": ("06:00", 39.20, -84.50, 900.0), "406": ("06:40", 39.25, -84.45, 300.0),
        "W1": ("09:00", 39.02, -84.55, 20.0), "W2": ("09:30", 39.01, -84.40, 5.0),
    }  # fmt: skip
    first, second = (_tour(n, {name: stops[name] for name in names}) for n, names in ((1, ("367", "406")),
                                                                                       (2, ("W1", "W2"))))  # fmt: skip
    crossed = [_tour(1, {name: stops[name] for name in ("367", "W1")}, km=70.0),
               _tour(2, {name: stops[name] for name in ("406", "W2")}, km=60.0)]  # fmt: skip
    left = {
        "stop": "W3", "id": "W3", "store": None, "order": "W3", "kg": 5.0, "l": 20.0,
        "why": _reason("route.not_worth", stop="W3", prize=5, cost=9),
        "conflict": [_reason("route.thing_stop", stop="W1")], "options": [],
    }  # fmt: skip
    action = {
        "km": 80.0, "vans": 2, "visits": 4, "tours": [first, second], "unserved": [left],
        "depot": {"name": "Depot North", "lat": 39.1, "lon": -84.5},
        "distances": _reason("route.distances_circle", factor=1.3, speed=45.0),
    }  # fmt: skip
    baseline = {"name": "fixed_tours", "km": 130.0, "vans": 2, "visits": 4, "outlay": 200.0, "tours": crossed}
    row = {
        "store": "D1", "subject": str(DAY + timedelta(days=1)), "action": json.dumps(action), "outlay": 120.0,
        "baseline": json.dumps(baseline), "money": 80.0, "money_low": 60.0, "money_high": 95.0, "horizon_days": 1,
        "bound": "none", "reasons": "[]", "source": "simulated: places, vehicles",
    }  # fmt: skip
    told = {"currency": "USD", "model": "", "policy": "0a1b2c", "versions": {}}
    hub.ledger.propose("routes", DAY, pa.Table.from_pylist([row]), **told)


def _tour(number: int, stops: dict[str, tuple[str, float, float, float]], km: float = 40.0) -> dict[str, Any]:
    visits = [
        {"stop": name, "id": name, "store": name if name in STORES else None, "order": None if name in STORES else name,
         "trip": 1, "lat": lat, "lon": lon, "arrives": at, "begins": at, "leaves": at[:3] + "50", "opens": "05:00",
         "closes": "11:00", "kg": kg, "l": 3 * kg, "km": km / len(stops), "cost": 10.0}
        for name, (at, lat, lon, kg) in stops.items()
    ]  # fmt: skip
    return {
        "vehicle": f"van {number}", "loads": "05:00", "leaves": "05:30", "back": "11:00", "km": km, "cost": 1.5 * km,
        "co2_kg": 10.0, "load": {"kg": sum(v["kg"] for v in visits), "l": sum(v["l"] for v in visits)},
        "capacity": {"kg": 1300, "l": 9000}, "breaks": [], "why": [_reason("route.because_cost")], "stops": visits,
    }  # fmt: skip


def _reason(code: str, **facts: Any) -> dict[str, Any]:
    return {"code": code, "facts": facts, "weight": 1.0}


MONDAY = date(2017, 11, 6)
TILL = {"skills": "till", "weekly_hours": 38.0, "hourly_cost": 15.0, "minor": False, "age": None}
STAFF = {"anna": {}, "ben": {"skills": "till shelf"}, "cara": {"skills": "shelf", "weekly_hours": 20.0},
         "dan": {"age": 17, "minor": True, "weekly_hours": 12.0}}  # fmt: skip


def shift(staff: str, ahead: int, begins: str, ends: str, pause: str = "", skill: str = "till") -> dict[str, Any]:
    """A shift `ahead` days after Monday, as the action of a decision has it."""
    day = (MONDAY + timedelta(days=ahead)).isoformat()
    times = {"begins": begins, "ends": ends, "breaks": [pause] if pause else []}
    return {"staff": staff, "day": day, "skill": skill, **times}


def fill_rosters(hub: Hub) -> None:
    """A German store with four people: one is needed at the till from 8 to 14 and one at the shelves from 8 to 10; a
    proposed roster of the week from MONDAY, with an hour missing at the end of Monday and nobody on Sunday."""
    place = {"store": "501", "name": "Marktplatz", "country": "DE", "timezone": "Europe/Berlin", "opened": LONG_AGO}
    _append(hub, "stores", [place])
    common = {"store": "501", "source": "simulated: staff", **TILL}
    _append(hub, "staff", [{"staff": key, **common, **other} for key, other in STAFF.items()])
    _write(hub, "roster_staff", [{"day": DAY, "staff": key, **common, **other} for key, other in STAFF.items()])
    told_at = datetime(2017, 11, 4, 9, tzinfo=UTC)
    notice = {"notice": "n1", "staff": "ben", "day": MONDAY + timedelta(days=3), "kind": "cannot", "told_at": told_at}
    _append(hub, "availability", [notice])
    need = {"till": range(32, 56), "shelf": range(32, 40)}
    _write(hub, "staffing", [
        {"day": DAY, "store": "501", "ds": MONDAY + timedelta(days=ahead), "quarter": quarter, "skill": skill,
         "staff": 1, "load": 0.5}
        for ahead in range(7) for skill, quarters in need.items() for quarter in quarters
    ])  # fmt: skip
    shifts = [shift("anna", 0, "08:00", "13:00"), shift("cara", 0, "08:00", "10:00", skill="shelf")]
    for ahead in range(1, 6):
        shifts += [shift("anna" if ahead < 5 else "ben", ahead, "08:00", "14:00"),
                   shift("cara", ahead, "08:00", "10:00", skill="shelf")]  # fmt: skip
    row = {
        "store": "501", "subject": MONDAY.isoformat(), "money": 80.0, "money_low": 40.0, "money_high": 110.0,
        "horizon_days": 7, "outlay": 600.0, "bound": "none", "reasons": "[]", "source": "simulated: staff",
        "action": json.dumps({"hours": 47.0, "shifts": shifts}),
        "baseline": json.dumps({"name": "same_every_day", "hours": 60.0, "outlay": 680.0}),
    }  # fmt: skip
    hub.ledger.propose("rosters", DAY, pa.Table.from_pylist([row]), currency="USD")


def tell_roster(hub: Hub) -> None:
    """Approve the proposed roster and carry it out: facts in `rostered`, the decision is done."""
    (decision,) = hub.ledger.find(Filter(kind="rosters", states=("proposed",)))
    hub.ledger.approve(Filter(ids=(decision["id"],)), who="planner")
    told_at = datetime(2017, 11, 5, 20, tzinfo=UTC)
    _append(hub, "rostered", [
        {**one, "breaks": " ".join(one["breaks"]), "day": date.fromisoformat(one["day"]), "store": "501",
         "decision": decision["id"], "told_at": told_at}
        for one in decision["action"]["shifts"]
    ])  # fmt: skip
    hub.ledger.move([decision["id"]], "sent", who="outbox")
    hub.ledger.move([decision["id"]], "done", who="outbox")


def record_alerts(hub: Hub) -> None:
    """Three days of alerts, 16 of two causes, in both stores and the chain; two are gone by now, one is suppressed."""
    for back in (2, 1, 0):
        found = [_alert(store, n) for store in STORES for n in range(len(ITEMS) - 1)]
        found += [_alert("", 7), _alert("406", 7)] if back else []
        rows = pa.Table.from_pylist(found, hub.tables.contract("shortage_alerts").schema)
        hub.alerts.record(DAY - timedelta(days=back), {"shortage_alerts": rows}, currency="USD")
    quiet = hub.alerts.find(AlertFilter(states=("open",)))[3]["id"]
    hub.alerts.suppress(quiet, DAY + timedelta(days=5), who="planner", why="supplier is on strike")


def _alert(store: str, place: int) -> dict[str, Any]:
    item = tuple(ITEMS)[place]
    facts = {
        "store": store,
        "item": item,
        "ahead": 2,
        "total_mean": 8.5,
        "on_hand": 1 - place,
        "on_order": 0,
        "short": 8,
    }
    cause = "supply.alert_shortage" if place < 5 else "supply.alert_negative_stock"
    return {
        "cause": cause, "store": store, "subject": item, "owner": "planner" if place < 5 else "store",
        "money_at_risk": 41.5 - 3 * place, "facts": json.dumps(facts), "source": "simulated" if place % 2 else "till",
    }  # fmt: skip


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a house with data, 120 decisions, 16 alerts and the users admin, planner, viewer; to be copied."""
    home = tmp_path_factory.mktemp("furnished")
    hub = make_hub(home)
    fill_tables(hub)
    propose_decisions(hub, 120)
    record_alerts(hub)
    for role in auth.ROLES:
        auth.add_user(hub.state, role, PASSWORD, role, "anna" if role == "staff" else "")
    hub.close()
    return home


@pytest.fixture
def propose() -> Callable[..., None]:
    """(house, count) → that many decisions of the day."""
    return propose_decisions


@pytest.fixture(scope="session")
def open_house() -> Callable[[Path, Path], Hub]:
    """(a house's folder, a new one) → the house, copied there and open."""
    return lambda folder, home: make_hub(shutil.copytree(folder, home))


@pytest.fixture
def hub(furnished: Path, tmp_path: Path, open_house: Callable[[Path, Path], Hub]) -> Iterator[Hub]:
    """A furnished house of one's own."""
    hub = open_house(furnished, tmp_path / "home")
    yield hub
    hub.close()


@pytest.fixture
def priced(hub: Hub) -> Hub:
    """The furnished house with the day's price changes."""
    fill_prices(hub)
    return hub


@pytest.fixture
def promoted(hub: Hub) -> Hub:
    """The furnished house with a log of draws and a plan of promotions."""
    fill_promotions(hub)
    return hub


@pytest.fixture
def recommending(hub: Hub) -> Hub:
    """The furnished house with a small shop's members and the recommender that it has learned."""
    Shop(hub.home, tables=hub.tables)
    return hub


@pytest.fixture
def reviewed(hub: Hub) -> Hub:
    """The furnished house with reviews, read, and the advice that follows."""
    fill_reviews(hub)
    return hub


@pytest.fixture
def routed(hub: Hub) -> Hub:
    """The furnished house with the tours of the next day."""
    fill_routes(hub)
    return hub


@pytest.fixture
def rostered(hub: Hub) -> Hub:
    """The furnished house with a store whose week is rostered, proposed and not told yet."""
    fill_rosters(hub)
    return hub


@pytest.fixture
def tell() -> Callable[[Hub], None]:
    """House → its proposed roster is told to the staff."""
    return tell_roster


@pytest.fixture
def empty_hub(tmp_path: Path) -> Iterator[Hub]:
    """A house nobody has loaded anything into, with an admin."""
    hub = make_hub(tmp_path)
    auth.add_user(hub.state, "admin", PASSWORD, "admin")
    yield hub
    hub.close()


@pytest.fixture
def client(hub: Hub) -> Iterator[TestClient]:
    """A client of the house's application that follows no redirects and shows defects as answers."""
    with TestClient(application(hub), follow_redirects=False, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def bearer(hub: Hub) -> Callable[[str], dict[str, str]]:
    """Role → headers with a bearer token of that role."""
    return lambda role: {"Authorization": f"Bearer {auth.create_token(hub.state, role, 'test')}"}


@pytest.fixture
def sign_in(client: TestClient) -> Callable[..., TestClient]:
    """Role → the client with a browser session of that role."""

    def of(role: str = "planner") -> TestClient:
        assert client.post("/login", data={"user": role, "password": PASSWORD}).status_code == 303
        return client

    return of


@pytest.fixture
def serve() -> Iterator[Callable[[Hub], str]]:
    """House → address of a real server in a thread, which ends with the test."""
    with ExitStack() as opened:
        yield lambda hub: _serve(hub, opened)


def _serve(hub: Hub, opened: ExitStack) -> str:
    server = uvicorn.Server(uvicorn.Config(application(hub), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)

    def stop() -> None:
        server.should_exit = True
        thread.join()

    opened.callback(stop)
    return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
