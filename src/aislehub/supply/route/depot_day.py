"""One depot's day as a problem: its deliveries as stops, its vehicles, and the ways between all places.

Nothing is planned here, so the same facts give the same problem again while its tours are driven.

Loads are counted in weight, in volume, and in the volume of goods that have to be kept cold: a vehicle that cannot
keep them has no room for these. Amounts are whole kilograms and litres, rounded up.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aislehub.core.reasons import Reason
from aislehub.supply.route.deliveries import Delivery, Place, Policy, due_deliveries, seconds_of
from aislehub.supply.route.distances import great_circle
from aislehub.supply.route.problem import FOREVER, Break, Depot, IntArray, Problem, Stop, Vehicle
from aislehub.supply.route.roads import by_road
from aislehub.supply.route.simulated import simulated_fleet

__all__ = ["LOADS", "DepotDay", "Fleet", "depot_days", "fleet_of", "problem_of", "split_up"]

LOADS = ("kg", "l", "l < 8 °C", "l < −18 °C")
"""Dimensions of load: all goods, and the parts of the volume that travel chilled and frozen."""

Ways = Mapping[tuple[str, str], tuple[float, float]]
"""Kilometres and minutes from one place to another."""


@dataclass(frozen=True)
class Fleet:
    """A depot's vehicles by type.

    Attributes:
        types: of vehicles that are alike.
        names: numbers of the vehicles of each type, as many as its `count`.
        rests_in_hours: whether drivers' breaks are not laid down but taken off their hours.
    """

    types: tuple[Vehicle, ...]
    names: tuple[tuple[str, ...], ...]
    rests_in_hours: bool = False


@dataclass(frozen=True)
class DepotDay:
    """What one depot has to bring on a day, and with what; nothing of it is planned yet.

    Attributes:
        stops: those of the problem, in its order.
        hopeless: deliveries that could not even become stops, and why.
        share: that of the data in what the stores sell.
    """

    depot: str
    place: Place
    stops: Sequence[Delivery]
    hopeless: Sequence[tuple[Delivery, Reason]]
    fleet: Fleet
    problem: Problem
    is_fleet_made_up: bool
    share: float


def depot_days(
    orders: Any, customer_orders: Any, stores: Any, items: Any, vehicles: Any, distances: Any, *,
    day: date, policy: Policy, timezone: str,
) -> Iterator[DepotDay]:  # fmt: skip
    """The day after `day` of each depot that has something to bring; from the tables as the step `routes` reads them.

    Args:
        timezone: of places that name none.
    """
    fleet = vehicles.order_by("vehicle").to_pandas()
    due, places = due_deliveries(
        orders, customer_orders, stores, items, day=day, policy=policy, timezone=timezone, fleet=bool(len(fleet))
    )  # fmt: skip
    ways = {
        (row["from_place"], row["to_place"]): (row["km"], row["minutes"])
        for row in distances.to_pandas().to_dict("records")
    }
    for depot, mine in groupby(due, key=lambda one: one.depot):
        yield _depot_day(depot, list(mine), places, fleet, ways, policy)


def fleet_of(rows: pd.DataFrame, policy: Policy) -> Fleet:
    """The vehicles of one depot.

    No solver lays down breaks in a fleet of which some vehicle may load again: there, hours are shorter by the break.

    Args:
        rows: of the table `vehicles`.
    """
    fleet = [(row["vehicle"], _vehicle(row, policy)) for row in rows.sort_values("vehicle").to_dict("records")]
    vehicles = [one for _, one in fleet]
    rests_in_hours = any(one.breaks for one in vehicles) and any(one.max_trips > 1 for one in vehicles)
    alike: dict[Vehicle, list[str]] = {}
    for name, one in fleet:
        alike.setdefault(_without_break(one) if rests_in_hours else one, []).append(name)
    types = (replace(one, name=names[0], count=len(names)) for one, names in alike.items())
    return Fleet(tuple(types), tuple(tuple(names) for names in alike.values()), rests_in_hours)


def split_up(delivery: Delivery, fleet: Fleet) -> list[Delivery]:
    """A delivery in as few equal parts as fit into the largest vehicle that can carry such goods."""
    whole = np.array(_amounts(delivery))
    parts = min(
        (math.ceil(max(_share(whole, np.array(one.capacity)))) for one in fleet.types
         if all(room or not amount for amount, room in zip(whole, one.capacity, strict=True))),
        default=1,
    )  # fmt: skip
    if parts <= 1:
        return [delivery]
    loads = {
        name: getattr(delivery, name) / parts for name in ("kg", "litres", "chilled_litres", "frozen_litres", "minutes")
    }
    return [replace(delivery, id=f"{delivery.id} ({number}/{parts})", **loads) for number in range(1, parts + 1)]


def problem_of(name: str, depot: Place, stops: Sequence[Delivery], fleet: Fleet, ways: Ways, policy: Policy) -> Problem:
    """The day as a problem.

    Args:
        name: of the depot as a place.
        ways: between places by road; others are estimated.
    """
    where = [(depot.latitude, depot.longitude), *((one.latitude, one.longitude) for one in stops)]
    metres, seconds, origin = _matrices([name, *(one.store or "" for one in stops)], where, ways, policy)
    return Problem(
        name, LOADS, (Depot(depot.name, 0, loading=round(policy.load_minutes * 60)),),
        tuple(
            Stop(one.id, at, _amounts(one), (0,) * len(LOADS), one.opens, one.closes, round(one.minutes * 60))
            for at, one in enumerate(stops, start=1)
        ),
        fleet.types, metres, seconds, origin, tuple(where), step=1000, is_clock=True,
    )  # fmt: skip


# -- helpers -----------------------------------------------------------------------------------------


def _depot_day(
    depot: str, due: Sequence[Delivery], places: Mapping[str, Place], vehicles: pd.DataFrame, ways: Ways, policy: Policy
) -> DepotDay:
    """One depot; without a place of its own or vehicles, nothing that is due can become a stop."""
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
    return DepotDay(depot, place, stops, hopeless, fleet, problem, made_up, policy.data_share)


def _vehicles(depot: str, due: Sequence[Delivery], vehicles: pd.DataFrame, policy: Policy) -> tuple[pd.DataFrame, bool]:
    """The depot's vehicles, and whether they are made up: where the chain has none at all."""
    if len(vehicles) or not policy.simulate:
        return vehicles[vehicles["depot"] == depot], False
    kg, litres = sum(one.kg for one in due), sum(one.litres for one in due)
    return simulated_fleet(depot, kg, litres, len(due), is_store=all(one.order for one in due)), True


def _vehicle(row: Mapping[str, Any], policy: Policy) -> Vehicle:
    """A type of one vehicle, still without a name."""

    def known(name: str, default: Any) -> Any:
        value = row.get(name)
        return default if value is None or pd.isna(value) else value

    kg, litres = int(row["capacity_kg"]), known("capacity_l", None)
    room = FOREVER if litres is None else int(litres)
    coldest = known("temperature", "ambient")
    hours, minutes = known("max_hours", None), known("break_minutes", 0.0)
    early, late = (seconds_of(known(f"works_{end}", getattr(policy, f"works_{end}"))) for end in ("from", "to"))
    rest = Break(
        seconds_of(known("break_from", policy.works_from)), seconds_of(known("break_to", policy.works_to)),
        round(minutes * 60),
    )  # fmt: skip
    co2 = known("co2_g_per_km", None)
    return Vehicle(
        "", 1, (kg, room, room if coldest != "ambient" else 0, room if coldest == "frozen" else 0),
        early=early, late=late, max_duration=FOREVER if hours is None else round(hours * 3600),
        fixed=known("cost_per_day", 0.0), per_distance=known("cost_per_km", policy.cost_per_km) / 1000,
        per_time=known("cost_per_hour", policy.cost_per_hour) / 3600, max_trips=int(known("trips", 1)),
        breaks=(rest,) if rest.duration else (), co2=None if co2 is None else co2 / 1000,
    )  # fmt: skip


def _without_break(one: Vehicle) -> Vehicle:
    """With its hours shorter by the break."""
    rest = sum(pause.duration for pause in one.breaks)
    shorter = min(one.max_duration, one.late - one.early) - rest
    return replace(one, breaks=(), max_duration=max(shorter, 0)) if rest else one


def _amounts(one: Delivery) -> tuple[int, ...]:
    return tuple(math.ceil(round(amount, 6)) for amount in (one.kg, one.litres, one.chilled_litres, one.frozen_litres))


def _share(amounts: np.ndarray[Any, Any], room: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Amounts as shares of the room; 0 where there is nothing to carry."""
    return np.divide(amounts, room, out=np.zeros(len(amounts)), where=amounts > 0)


def _matrices(
    names: Sequence[str], where: Sequence[tuple[float, float]], ways: Ways, policy: Policy
) -> tuple[IntArray, IntArray, Reason]:
    """Metres and seconds between places, as `distances` says, else by road or estimated; and which."""
    told = {"factor": policy.road_factor, "speed": policy.km_per_hour}
    metres, seconds, origin = _ways(where, policy)
    given = list(_given(names, ways))
    for a, b, km, minutes in given:
        metres[a, b], seconds[a, b] = round(1000 * km), round(60 * minutes)
    if not given:
        return metres, seconds, origin
    known = len({(a, b) for a, b, _, _ in given} | {(a, a) for a in range(len(names))})
    if known == len(names) ** 2:
        return metres, seconds, Reason("route.distances_table")
    share = round(100 * known / len(names) ** 2)
    if policy.roads:
        return metres, seconds, Reason("route.distances_table_roads", {"share": share, "rest": origin.sentence()})
    return metres, seconds, Reason("route.distances_partly", told | {"share": share})


def _ways(where: Sequence[tuple[float, float]], policy: Policy) -> tuple[IntArray, IntArray, Reason]:
    """Metres and seconds along the roads of an extract, or where there is none, of the great circle × a factor."""
    told = {"factor": policy.road_factor, "speed": policy.km_per_hour}
    if policy.roads:
        return by_road(Path(policy.roads), where, factor=policy.road_factor, km_per_hour=policy.km_per_hour)
    metres = great_circle(np.array(where, dtype=float), policy.road_factor)
    seconds = np.rint(metres / (policy.km_per_hour / 3.6)).astype(np.int64)
    return metres, seconds, Reason("route.distances_circle", told)


def _given(names: Sequence[str], ways: Ways) -> Iterable[tuple[int, int, float, float]]:
    """Positions, kilometres and minutes of each way that the table has, or has the other way round; 0 from a place to
    itself, also where it is visited twice."""
    for a, start in enumerate(names):
        for b, end in enumerate(names):
            if start and start == end:
                if a != b and ways:
                    yield a, b, 0.0, 0.0
            elif (way := ways.get((start, end)) or ways.get((end, start))) is not None:
                yield a, b, *way
