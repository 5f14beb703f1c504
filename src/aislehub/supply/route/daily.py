"""Tomorrow's tours of each depot, decided in the business day: one decision a depot.

    deliveries that are due → stops + vehicles + ways → tours, beside fixed ones → a decision with reasons and money

What cannot be brought is on no tour and named with its reason. Money is the cost of fixed tours, as drivers
drive them without a plan, minus that of the planned ones.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from itertools import groupby
from typing import Any

import pandas as pd

from aislehub.core.contract import Column, Contract
from aislehub.core.reasons import Reason, to_json
from aislehub.core.step import step
from aislehub.supply.route.deliveries import Delivery, Place, Policy, due_deliveries
from aislehub.supply.route.depot_day import Fleet, Ways, fleet_of, problem_of, split_up
from aislehub.supply.route.document import clock
from aislehub.supply.route.fixed_tours import fixed_tours
from aislehub.supply.route.plan import Driven, missed
from aislehub.supply.route.problem import FOREVER, Problem, Visit
from aislehub.supply.route.saving import Saving, Spread, saving
from aislehub.supply.route.schedule import legs_of
from aislehub.supply.route.simulated import simulated_fleet
from aislehub.supply.route.solve import plan_routes
from aislehub.supply.route.written import reasons

__all__ = ["ROUTES", "routes"]

LEAST = 10  # stops for which the shortest search is enough
LATE = 30 * 60  # seconds: a visit that begins so shortly before the end of its window is bound by it

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
class _DepotDay:
    """A depot's day, planned: `stops` are those of the problem, `hopeless` could not even become stops; `share` is that
    of the data."""

    depot: str
    place: Place
    stops: Sequence[Delivery]
    hopeless: Sequence[tuple[Delivery, Reason]]
    fleet: Fleet
    problem: Problem
    tours: tuple[Driven, ...]
    unserved: list[dict[str, Any]]
    fixed: tuple[Driven, ...]
    saving: Saving
    is_fleet_made_up: bool
    share: float


@step(reads="orders customer_orders stores items vehicles distances", writes=ROUTES)
def routes(
    orders: Any, customer_orders: Any, stores: Any, items: Any, vehicles: Any, distances: Any, *,
    day: date, policy: Policy, timezone: str,
) -> pd.DataFrame:  # fmt: skip
    """Tours of the day after `day`, one row a depot that has something to bring."""
    fleet = vehicles.order_by("vehicle").to_pandas()
    due, places = due_deliveries(
        orders, customer_orders, stores, items, day=day, policy=policy, timezone=timezone, fleet=bool(len(fleet))
    )  # fmt: skip
    ways = {
        (row["from_place"], row["to_place"]): (row["km"], row["minutes"])
        for row in distances.to_pandas().to_dict("records")
    }
    rows = [
        _row(_planned(depot, list(mine), places, fleet, ways, policy), day)
        for depot, mine in groupby(due, key=lambda one: one.depot)
    ]
    return pd.DataFrame(rows, columns=[column.name for column in ROUTES.columns if column.name != "day"])


# -- one depot's day ---------------------------------------------------------------------------------


def _planned(
    depot: str, due: Sequence[Delivery], places: Mapping[str, Place], vehicles: pd.DataFrame, ways: Ways, policy: Policy
) -> _DepotDay:
    """Plan one depot; without a place of its own or vehicles, all that is due is left out with that reason."""
    place = places.get(depot) or Place(depot, math.nan, math.nan, (0, 0), False, "routes.no_place")
    own, made_up = _vehicles(depot, due, vehicles, policy)
    fleet = fleet_of(own, policy)
    none = "routes.depot_no_place" if place.why_not == "routes.no_place" else "" if fleet.types else "routes.no_vehicle"
    hopeless = [
        (one, Reason(none or one.why_not, {"stop": one.name, "depot": place.name}))
        for one in due
        if none or one.why_not
    ]
    stops = [] if none else [part for one in due if not one.why_not for part in split_up(one, fleet)]
    somewhere = replace(place, latitude=0.0, longitude=0.0) if place.why_not == "routes.no_place" else place
    problem = problem_of(depot, somewhere, stops, fleet, ways, policy)
    tours: tuple[Driven, ...] = ()
    unserved: list[dict[str, Any]] = []
    fixed: tuple[Driven, ...] = ()
    if stops:
        plan = plan_routes(
            problem, seconds=policy.seconds, seed=policy.seed, rounds=policy.rounds * max(len(stops), LEAST)
        )
        tours, fixed = plan.tours, fixed_tours(problem)
        unserved = [
            {"at": one.stop, "why": one.why, "conflict": one.conflict, "options": one.options} for one in plan.unserved
        ]
    is_estimated = problem.origin.code != "route.distances_table"
    spread = Spread(policy.distance_spread if is_estimated else 0.0, policy.time_spread, policy.seed)
    saved = saving(problem, fixed, tours, factor=policy.hire_factor, spread=spread)
    return _DepotDay(
        depot, place, stops, hopeless, fleet, problem, tours, unserved, fixed, saved, made_up, policy.data_share
    )


def _vehicles(depot: str, due: Sequence[Delivery], vehicles: pd.DataFrame, policy: Policy) -> tuple[pd.DataFrame, bool]:
    """The depot's vehicles, and whether they are made up: where the chain has none at all."""
    if len(vehicles) or not policy.simulate:
        return vehicles[vehicles["depot"] == depot], False
    kg, litres = sum(one.kg for one in due), sum(one.litres for one in due)
    return simulated_fleet(depot, kg, litres, len(due), is_store=all(one.order for one in due)), True


def _row(one: _DepotDay, day: date) -> dict[str, Any]:
    """A depot's day as a row of `routes`."""
    tours, fixed = (_tours(one, driven) for driven in (one.tours, one.fixed))
    left = _left_out(one)
    emitted = [tour["co2_kg"] for tour in tours]
    due = [*one.stops, *(delivery for delivery, _ in one.hopeless)]
    cost, fixed_cost = (round(sum(tour["cost"] for tour in found), 2) for found in (tours, fixed))
    km, fixed_km = (round(sum(tour["km"] for tour in found), 1) for found in (tours, fixed))
    facts = {
        "deliveries": len(due), "unserved": len(left), "tours": len(tours), "km": km,
        "hours": round(sum(driven.times.duration for driven in one.tours) / 3600, 2),
        "kg": sum(delivery.kg for delivery in due), "litres": sum(delivery.litres for delivery in due),
        "co2_kg": None if None in emitted else round(sum(emitted), 1), "cost": cost,
        "fixed_km": fixed_km, "fixed_cost": fixed_cost,
        "fixed_unserved": len(one.hopeless) + len(missed(one.problem, [driven.tour for driven in one.fixed])),
    }  # fmt: skip
    depot = {"name": one.place.name, "lat": _known(one.place.latitude), "lon": _known(one.place.longitude)}
    action = {
        "km": km, "vans": len(tours), "visits": len(due) - len(left), "tours": tours, "depot": depot,
        "unserved": left, "distances": asdict(one.problem.origin),
    }  # fmt: skip
    baseline = {
        "name": "fixed_tours", "km": fixed_km, "vans": len(fixed), "visits": len(due) - facts["fixed_unserved"],
        "outlay": fixed_cost, "tours": fixed,
    }  # fmt: skip
    return facts | {
        "store": one.depot, "subject": (day + timedelta(days=1)).isoformat(),
        "action": json.dumps(action, ensure_ascii=False), "baseline": json.dumps(baseline, ensure_ascii=False),
        "money": one.saving.money, "money_low": one.saving.low, "money_high": one.saving.high, "horizon_days": 1,
        "outlay": cost, "reasons": to_json(_reasons(one, facts), leading=1), "bound": _bound(one),
        "source": _source(one),
    }  # fmt: skip


# -- tours as people and pages read them -------------------------------------------------------------


def _tours(one: _DepotDay, tours: Sequence[Driven]) -> list[dict[str, Any]]:
    """Tours in the order in which they leave, each by a vehicle of its own."""
    waiting = [list(names) for names in one.fleet.names]
    in_order = sorted(tours, key=lambda driven: (driven.times.start, driven.tour.stops))
    return [_tour(one, driven, waiting[driven.tour.vehicle].pop(0)) for driven in in_order]


def _tour(one: _DepotDay, driven: Driven, vehicle: str) -> dict[str, Any]:
    kind, loading = one.problem.vehicles[driven.tour.vehicle], one.problem.depots[0].loading
    brought = [one.stops[at] for at in driven.tour.stops]
    return {
        "vehicle": vehicle, "loads": clock(driven.times.start), "leaves": clock(driven.times.start + loading),
        "back": clock(driven.times.end), "km": round(driven.distance / 1000, 1), "cost": round(driven.cost, 2),
        "hours": round(driven.times.duration / 3600, 3), "driving": round(_driving(one.problem, driven) / 3600, 3),
        "rates": {"km": 1000 * kind.per_distance, "hour": 3600 * kind.per_time},
        "co2_kg": None if kind.co2 is None else round(kind.co2 * driven.distance / 1000, 1),
        "load": {"kg": _tenth(sum(d.kg for d in brought)), "l": _tenth(sum(d.litres for d in brought))},
        "capacity": {load: _limit(room) for load, room in zip(("kg", "l"), kind.capacity, strict=False)},
        "breaks": [[clock(rest.begin), clock(rest.end)] for rest in driven.times.pauses],
        "why": [asdict(why) for why in _tour_reasons(one.problem, driven)],
        "stops": list(_stops(one, driven)),
    }  # fmt: skip


def _driving(problem: Problem, driven: Driven) -> int:
    """Seconds on the road."""
    vehicle = problem.vehicles[driven.tour.vehicle]
    return sum(int(problem.duration[way]) for way in legs_of(problem, vehicle, driven.tour.trips))


def _stops(one: _DepotDay, driven: Driven) -> Iterator[dict[str, Any]]:
    vehicle = one.problem.vehicles[driven.tour.vehicle]
    trip_of = {at: number for number, trip in enumerate(driven.tour.trips, start=1) for at in trip}
    firsts = {trip[0]: loading for trip, loading in zip(driven.tour.trips, driven.times.loadings, strict=True)}
    place, before = 0, driven.times.start
    for visit in driven.times.visits:
        if visit.stop in firsts:
            place, before = 0, firsts[visit.stop]
        there, delivery = one.problem.stops[visit.stop].place, one.stops[visit.stop]
        metres = int(one.problem.distance[place, there])
        cost = vehicle.per_distance * metres + vehicle.per_time * (visit.leave - before)
        yield {
            "stop": delivery.name, "id": delivery.id, "store": delivery.store, "order": delivery.order,
            "trip": trip_of[visit.stop], "lat": delivery.latitude, "lon": delivery.longitude,
            "arrives": clock(visit.arrive), "begins": clock(visit.begin), "leaves": clock(visit.leave),
            "kg": _tenth(delivery.kg), "l": _tenth(delivery.litres), "km": round(metres / 1000, 1),
            "cost": round(cost, 2), "opens": clock(delivery.opens), "closes": clock(delivery.closes),
        }  # fmt: skip
        place, before = there, visit.leave


def _left_out(one: _DepotDay) -> list[dict[str, Any]]:
    """Deliveries on no tour, each with its reason; of a conflict also its parts and what would resolve it."""
    planned = [(one.stops[left["at"]], left) for left in one.unserved]
    hopeless = [(delivery, {"why": why, "conflict": (), "options": ()}) for delivery, why in one.hopeless]
    return [
        {
            "stop": delivery.name, "id": delivery.id, "store": delivery.store, "order": delivery.order,
            "lat": _known(delivery.latitude), "lon": _known(delivery.longitude), "kg": _tenth(delivery.kg),
            "l": _tenth(delivery.litres), "why": asdict(left["why"]),
            "conflict": [asdict(part) for part in left["conflict"]],
            "options": [asdict(option) for option in left["options"]],
        }
        for delivery, left in [*hopeless, *planned]
    ]  # fmt: skip


def _limit(room: int) -> int | None:
    return None if room >= FOREVER else room


def _known(degrees: float) -> float | None:
    return None if math.isnan(degrees) else degrees


def _tenth(amount: float) -> float:
    return round(float(amount), 1)


# -- reasons -----------------------------------------------------------------------------------------


def _tour_reasons(problem: Problem, driven: Driven) -> list[Reason]:
    """What fills a tour, ends its day, or what window binds it; without any of these, that cost alone does."""
    found = [why for why in reasons(problem, driven) if why.code != "route.because_cost"]
    tight = _tightest(problem, driven)
    if tight is not None:
        stop = problem.stops[tight.stop]
        told = {"stop": stop.name, "begins": clock(tight.begin), "closes": clock(stop.late)}
        found.append(Reason("routes.because_window", told, 0.6))
    return found or [Reason("route.because_cost")]


def _tightest(problem: Problem, driven: Driven) -> Visit | None:
    """The visit that begins closest before the end of its window, if that is close."""
    tight = min(driven.times.visits, key=lambda visit: problem.stops[visit.stop].late - visit.begin)
    return tight if problem.stops[tight.stop].late - tight.begin <= LATE else None


def _reasons(one: _DepotDay, facts: Mapping[str, Any]) -> list[Reason]:
    """Why the day is planned so: what is to be brought, what is saved, what limits it, what is left out."""
    day = {"deliveries": facts["deliveries"], "kg": round(facts["kg"]), "m3": round(facts["litres"] / 1000, 1),
           "tours": facts["tours"], "km": round(facts["km"])}  # fmt: skip
    saved = round(facts["fixed_km"] - facts["km"])
    beside = {"fixed": round(facts["fixed_km"]), "vans": len(one.fixed)}
    by = Reason("routes.because_saved", {"saved": saved} | beside, saved)
    more = Reason("routes.because_longer", {"more": -saved} | beside, saved)
    found = [by if saved >= 0 else more, Reason("routes.because_day", day, facts["km"])]
    if facts["unserved"]:
        names = [left["stop"] for left in _left_out(one)]
        found.append(Reason("routes.because_left", {"count": len(names), "stops": names[:3]}, facts["km"]))
    codes = [why.code for driven in one.tours for why in _tour_reasons(one.problem, driven)]
    for code in ("route.because_load", "route.because_hours", "routes.because_window"):
        if count := codes.count(code):
            name = code.partition(".")[2]
            found.append(Reason(f"routes.bound_{name}", {"count": count, "tours": len(one.tours)}, count))
    if facts["co2_kg"] is not None:
        per = facts["co2_kg"] / max(facts["kg"], 1e-9) * 100
        found.append(Reason("routes.because_co2", {"co2": round(facts["co2_kg"]), "per": round(per, 1)}, 0.5))
    if one.fleet.rests_in_hours:
        found.append(Reason("routes.rests_in_hours", {}, 0.3))
    if one.share < 1:
        found.append(Reason("routes.because_share", {"share": round(100 * one.share, 2)}, 0.4))
    return [*found, one.problem.origin]


def _bound(one: _DepotDay) -> str:
    """What limits the day most: the fleet where something is left out, else what binds most tours."""
    lost = {why.code for _, why in one.hopeless} - {"routes.closed"}
    if one.unserved or "routes.no_vehicle" in lost:
        return "fleet"
    if lost:
        return "place"
    codes = [why.code for driven in one.tours for why in _tour_reasons(one.problem, driven)]
    names = {"route.because_load": "load", "route.because_hours": "hours", "routes.because_window": "window"}
    counts = {name: codes.count(code) for code, name in names.items()}
    most = max(counts, key=lambda name: counts[name])
    return most if counts[most] else "none"


def _source(one: _DepotDay) -> str:
    made_up = {part for delivery in [*one.stops, *(left for left, _ in one.hopeless)] for part in delivery.made_up}
    made_up |= {"vehicles"} if one.is_fleet_made_up else set()
    return f"simulated: {', '.join(sorted(made_up))}" if made_up else "facts"
