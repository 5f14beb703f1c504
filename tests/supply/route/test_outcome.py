"""A driven day is measured by its own roads, and only once its stops have reported."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from aislehub.core.tables import Tables
from aislehub.schema import SHIPMENTS
from aislehub.supply.route.outcome import judge_routes

DAY = date(2026, 3, 1)
TOMORROW = datetime(2026, 3, 2, tzinfo=UTC)


def tour(vehicle, hours=(6, 7, 8)):
    """A tour with a stop every hour, each served for half an hour, 10 km apart."""
    stops = [
        {
            "stop": f"{vehicle}{at}",
            "store": f"{vehicle}{at}",
            "order": None,
            "trip": 1,
            "arrives": f"{at:02}:00",
            "leaves": f"{at:02}:30",
            "km": 10.0,
        }
        for at in hours
    ]
    rates = {"km": 1.0, "hour": 30.0}
    return {"vehicle": vehicle, "stops": stops, "km": 40.0, "driving": 2.0, "cost": 200.0, "rates": rates}


def decision(**changes):
    """A plan of two tours beside fixed ones of 60 km and 3 hours more."""
    fixed = [tour("a") | {"km": 100.0, "driving": 5.0, "cost": 400.0}, tour("b") | {"cost": 150.0}]
    return {
        "id": "ab12", "store": "W", "subject": "2026-03-02", "money": 150.0, "state": "done", "override": None,
        "action": {"tours": [tour("a"), tour("b")]}, "baseline": {"tours": fixed},
    } | changes  # fmt: skip


def driven(plan, slower=1.0, longer=1.0, reports=6, numbers=()):
    """Shipments of a plan whose ways of half an hour took so many times as long."""
    rows = []
    for one in plan["action"]["tours"]:
        now = TOMORROW + timedelta(hours=6)
        for number, stop in zip(numbers or range(1, 10), one["stops"], strict=False):
            rows.append({
                "shipment": f"2026-03-02/W/{one['vehicle']}", "stop": number, "day": date(2026, 3, 2), "depot": "W",
                "store": stop["store"], "order": stop["order"], "arrived_at": now,
                "left_at": now + timedelta(minutes=30), "distance_km": stop["km"] * longer,
                "outcome": "delivered",
            })  # fmt: skip
            now += timedelta(minutes=30 + 30 * slower)
    tables = Tables(None, {SHIPMENTS.name: SHIPMENTS})
    tables.append("shipments", SHIPMENTS.require(pa.Table.from_pylist(rows[:reports], SHIPMENTS.schema)))
    return tables


def judged(plan, **driving):
    """What is measured of a plan by its shipments."""
    return judge_routes(driven(plan, **driving), [plan], day=DAY, today=date(2026, 3, 3))


def test_a_day_as_planned_brings_what_was_expected():
    """Where every way took its planned time and distance, measured and expected money are the same."""
    plan = decision()
    found = judged(plan)[plan["id"]]
    assert (found.money, found.low, found.high, found.chosen) == (150.0, 150.0, 150.0, None)
    assert found.facts == {"stops": 6, "time": 100, "km": 100, "failed": 0}


def test_slower_and_longer_ways_count_against_the_tours_that_have_more_of_them():
    """Fixed tours with 60 km and 3 hours of driving more pay for a slow day with that much more."""
    plan = decision()
    assert judged(plan, slower=1.2)[plan["id"]].money == pytest.approx(150 + 0.2 * 3 * 30)
    assert judged(plan, longer=1.1)[plan["id"]].money == pytest.approx(150 + 0.1 * 60 * 1.0)


def test_stops_are_known_by_their_place_and_not_by_their_number():
    """Numbers that another plan gave before, in another order, change nothing."""
    plan = decision()
    assert judged(plan, slower=1.2, numbers=(3, 7, 1)) == judged(plan, slower=1.2)


def test_what_a_person_chose_is_measured_beside_the_proposal():
    """The chosen tours' cost over fixed tours, on the same roads."""
    other = {"tours": [tour("a") | {"cost": 260.0}, tour("b")]}
    plan = decision(override={"action": other, "who": "ann", "why": "roadworks"})
    assert judged(plan)[plan["id"]].chosen == pytest.approx(550 - 460)


@pytest.mark.parametrize(("state", "reports"), [("done", 4), ("rejected", 6), ("expired", 6)])
def test_too_few_reports_or_a_plan_not_followed_are_left_out(state, reports):
    """Below four in five stops, or where nobody followed the plan, nothing is measured."""
    assert judged(decision(state=state), reports=reports) == {}
