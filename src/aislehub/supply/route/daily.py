"""Tomorrow's tours of each depot, decided in the business day: one decision a depot.

    deliveries that are due → stops + vehicles + ways → tours, beside fixed ones → a decision with reasons and money

What cannot be brought is on no tour and named with its reason. Money is the cost of fixed tours, as drivers
drive them without a plan, minus that of the planned ones.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd

from aislehub.core.contract import Column, Contract
from aislehub.core.reasons import Reason, to_json
from aislehub.core.step import step
from aislehub.supply.route.conflict import Unserved
from aislehub.supply.route.deliveries import Policy
from aislehub.supply.route.depot_day import DepotDay, depot_days
from aislehub.supply.route.fixed_tours import fixed_tours
from aislehub.supply.route.plan import Driven, missed
from aislehub.supply.route.saving import Saving, saving, spread_of
from aislehub.supply.route.solve import plan_routes
from aislehub.supply.route.told import action_of, left_out, tour_reasons, tours_of

__all__ = ["ROUTES", "routes"]

LEAST = 10  # stops for which the shortest search is enough

ROUTES = Contract(
    "routes",
    "Tours of one depot on the day after, beside what fixed tours would cost",
    (
        Column("deliveries", "int", "Deliveries that are due", low=0),
        Column("unserved", "int", "Those of them that are on no tour", low=0),
        Column("tours", "int", "Tours planned", low=0),
        Column("km", "float", "Distance driven", "km", low=0),
        Column("hours", "float", "Hours of vehicles and drivers", "hours", low=0),
        Column("kg", "float", "Weight of all deliveries that are due", "kg", low=0),
        Column("litres", "float", "Volume of them", "l", low=0),
        Column("co2_kg", "float", "CO2 of the tours; empty where vehicles do not say theirs", "kg", required=False,
               low=0),
        Column("cost", "float", "Cost of the tours", "money", low=0),
        Column("fixed_km", "float", "Distance of fixed tours", "km", low=0),
        Column("fixed_cost", "float", "Cost of fixed tours", "money", low=0),
        Column("fixed_unserved", "int", "Deliveries on no fixed tour", low=0),
    ),
    key="day store subject",
    decision=True,
)  # fmt: skip


@dataclass(frozen=True)
class _Planned:
    """A depot's day, planned."""

    day: DepotDay
    tours: tuple[Driven, ...]
    unserved: tuple[Unserved, ...]
    fixed: tuple[Driven, ...]
    saving: Saving


@step(reads="orders customer_orders stores items vehicles distances", writes=ROUTES)
def routes(
    orders: Any, customer_orders: Any, stores: Any, items: Any, vehicles: Any, distances: Any, *,
    day: date, policy: Policy, timezone: str,
) -> pd.DataFrame:  # fmt: skip
    """Tours of the day after `day`, one row a depot that has something to bring."""
    found = depot_days(
        orders, customer_orders, stores, items, vehicles, distances, day=day, policy=policy, timezone=timezone
    )
    rows = [_row(_planned(one, policy), day) for one in found]
    return pd.DataFrame(rows, columns=[column.name for column in ROUTES.columns if column.name != "day"])


# -- one depot's day ---------------------------------------------------------------------------------


def _planned(day: DepotDay, policy: Policy) -> _Planned:
    """Plan one depot, beside fixed tours."""
    tours, fixed, unserved = tuple[Driven, ...](), tuple[Driven, ...](), tuple[Unserved, ...]()
    if day.stops:
        rounds = policy.rounds * max(len(day.stops), LEAST)
        plan = plan_routes(day.problem, seconds=policy.seconds, seed=policy.seed, rounds=rounds)
        tours, unserved, fixed = plan.tours, plan.unserved, fixed_tours(day.problem)
    saved = saving(day.problem, fixed, tours, factor=policy.hire_factor, spread=spread_of(day.problem, policy))
    return _Planned(day, tours, unserved, fixed, saved)


def _row(one: _Planned, day: date) -> dict[str, Any]:
    """A depot's day as a row of `routes`."""
    tours, fixed = (tours_of(one.day, driven) for driven in (one.tours, one.fixed))
    left = left_out(one.day, one.unserved)
    emitted = [tour["co2_kg"] for tour in tours]
    due = [*one.day.stops, *(delivery for delivery, _ in one.day.hopeless)]
    cost, fixed_cost = (round(sum(tour["cost"] for tour in found), 2) for found in (tours, fixed))
    action = action_of(one.day, tours, left)
    facts = {
        "deliveries": len(due), "unserved": len(left), "tours": len(tours), "km": action["km"],
        "hours": round(sum(driven.times.duration for driven in one.tours) / 3600, 2),
        "kg": sum(delivery.kg for delivery in due), "litres": sum(delivery.litres for delivery in due),
        "co2_kg": None if None in emitted else round(sum(emitted), 1), "cost": cost,
        "fixed_km": round(sum(tour["km"] for tour in fixed), 1), "fixed_cost": fixed_cost,
        "fixed_unserved": len(one.day.hopeless)
        + len(missed(one.day.problem, [driven.tour for driven in one.fixed])),
    }  # fmt: skip
    baseline = {
        "name": "fixed_tours", "km": facts["fixed_km"], "vans": len(fixed),
        "visits": len(due) - facts["fixed_unserved"], "outlay": fixed_cost, "tours": fixed,
    }  # fmt: skip
    return facts | {
        "store": one.day.depot, "subject": (day + timedelta(days=1)).isoformat(),
        "action": json.dumps(action, ensure_ascii=False), "baseline": json.dumps(baseline, ensure_ascii=False),
        "money": one.saving.money, "money_low": one.saving.low, "money_high": one.saving.high, "horizon_days": 1,
        "outlay": cost, "reasons": to_json(_reasons(one, facts, left), leading=1), "bound": _bound(one),
        "source": _source(one.day),
    }  # fmt: skip


# -- reasons -----------------------------------------------------------------------------------------


def _reasons(one: _Planned, facts: Mapping[str, Any], left: Sequence[Mapping[str, Any]]) -> list[Reason]:
    """Why the day is planned so: what is to be brought, what is saved, what limits it, what is left out."""
    day = {"deliveries": facts["deliveries"], "kg": round(facts["kg"]), "m3": round(facts["litres"] / 1000, 1),
           "tours": facts["tours"], "km": round(facts["km"])}  # fmt: skip
    found = [_beside_fixed(one, facts)] if one.fixed else []
    found.append(Reason("routes.because_day", day, facts["km"]))
    if facts["unserved"]:
        names = [delivery["stop"] for delivery in left]
        found.append(Reason("routes.because_left", {"count": len(names), "stops": names[:3]}, facts["km"]))
    codes = [why.code for driven in one.tours for why in tour_reasons(one.day.problem, driven)]
    for code in ("route.because_load", "route.because_hours", "routes.because_window"):
        if count := codes.count(code):
            name = code.partition(".")[2]
            found.append(Reason(f"routes.bound_{name}", {"count": count, "tours": len(one.tours)}, count))
    if facts["co2_kg"] is not None:
        per = facts["co2_kg"] / max(facts["kg"], 1e-9) * 100
        found.append(Reason("routes.because_co2", {"co2": round(facts["co2_kg"]), "per": round(per, 1)}, 0.5))
    if one.day.fleet.rests_in_hours:
        found.append(Reason("routes.rests_in_hours", {}, 0.3))
    if one.day.share < 1:
        found.append(Reason("routes.because_share", {"share": round(100 * one.day.share, 2)}, 0.4))
    return [*found, one.day.problem.origin]


def _beside_fixed(one: _Planned, facts: Mapping[str, Any]) -> Reason:
    """How much shorter the tours are than fixed ones."""
    saved = round(facts["fixed_km"] - facts["km"])
    fixed = {"fixed": round(facts["fixed_km"]), "vans": len(one.fixed)}
    if saved > 0:
        return Reason("routes.because_saved", {"saved": saved} | fixed, saved)
    if saved < 0:
        return Reason("routes.because_longer", {"more": -saved} | fixed, saved)
    is_cheaper = round(one.saving.money) > 0
    return Reason("routes.because_as_long" if is_cheaper else "routes.because_nothing", fixed, 0)


def _bound(one: _Planned) -> str:
    """What limits the day most: the fleet where something is left out, else what binds most tours."""
    lost = {why.code for _, why in one.day.hopeless} - {"routes.closed"}
    if one.unserved or "routes.no_vehicle" in lost:
        return "fleet"
    if lost:
        return "place"
    codes = [why.code for driven in one.tours for why in tour_reasons(one.day.problem, driven)]
    names = {"route.because_load": "load", "route.because_hours": "hours", "routes.because_window": "window"}
    counts = {name: codes.count(code) for code, name in names.items()}
    most = max(counts, key=lambda name: counts[name])
    return most if counts[most] else "none"


def _source(day: DepotDay) -> str:
    made_up = {part for delivery in [*day.stops, *(left for left, _ in day.hopeless)] for part in delivery.made_up}
    made_up |= {"vehicles"} if day.is_fleet_made_up else set()
    return f"simulated: {', '.join(sorted(made_up))}" if made_up else "facts"
