"""A plan for people and programs: one document, a table of visits, VRPLIB's solution text, GeoJSON and GPX."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd

from aislehub.core.errors import HubError
from aislehub.core.output import write_table
from aislehub.core.reasons import Reason
from aislehub.supply.route.conflict import Unserved, span
from aislehub.supply.route.document import moment, stop_id
from aislehub.supply.route.plan import Driven
from aislehub.supply.route.problem import FOREVER, Problem, Vehicle, Visit
from aislehub.supply.route.running import exact_times
from aislehub.supply.route.solve import Plan
from aislehub.supply.route.vrplib import solution_text

__all__ = ["Line", "Point", "document", "geojson", "gpx", "reasons", "sheet", "write_plan"]

FULL = 0.9  # from this share of a limit on it is named as what limits the tour
TABLES = (".csv", ".parquet", ".xlsx")


@dataclass(frozen=True)
class Point:
    """A place on a tour; a depot has no times.

    Attributes:
        arrive, begin, leave: times of the day, or numbers in a problem without a clock.
        place: position in its trip, from 1.
    """

    name: str
    latitude: float | None
    longitude: float | None
    arrive: str | float | None = None
    begin: str | float | None = None
    leave: str | float | None = None
    trip: int = 1
    place: int = 0

    @property
    def is_stop(self) -> bool:
        return self.arrive is not None


@dataclass(frozen=True)
class Line:
    """A tour as it is written down: depot, stops, depot; between two trips the depot again."""

    number: int
    vehicle: str
    cost: float
    points: tuple[Point, ...]


def document(plan: Plan) -> dict[str, Any]:
    """A plan as JSON: cost, bound, routes as lists of stops, stops unserved, and each tour's details."""
    problem = plan.problem
    return {
        "cost": plan.cost, "bound": round(plan.bound, 4), "gap": round(plan.gap, 4),
        "routes": [[stop_id(problem, at) for at in one.tour.stops] for one in plan.tours],
        "unserved": [_unserved(problem, one) for one in plan.unserved],
        "solver": plan.solver, "seed": plan.seed, "repeatable": plan.is_repeatable,
        "distances": plan.problem.origin.sentence(),
        "tours": [_tour(problem, one) for one in plan.tours],
    }  # fmt: skip


def reasons(problem: Problem, one: Driven) -> list[Reason]:
    """Why a tour is as it is: what fills it, what ends it, for what it waits."""
    vehicle = problem.vehicles[one.tour.vehicle]
    if _is_broken(vehicle):
        return [Reason("route.because_broken", {"time": moment(problem, one.times.end)})]
    found = []
    for dimension, load in enumerate(problem.loads):
        capacity = vehicle.capacity[dimension]
        amounts = [
            max(sum(problem.stops[at].delivery[dimension] for at in trip),
                sum(problem.stops[at].pickup[dimension] for at in trip))
            for trip in one.tour.trips
        ]  # fmt: skip
        if capacity and max(amounts) >= FULL * capacity:
            told = {"load": load, "amount": max(amounts), "capacity": capacity}
            found.append(Reason("route.because_load", told, max(amounts) / capacity))
    if vehicle.max_duration < FOREVER and one.times.duration >= FULL * vehicle.max_duration:
        told = {"hours": span(problem, one.times.duration), "limit": span(problem, vehicle.max_duration)}
        found.append(Reason("route.because_hours", told, one.times.duration / vehicle.max_duration))
    waits = [(visit.begin - visit.arrive, visit.stop) for visit in one.times.visits if visit.begin > visit.arrive]
    if waits:
        told = {"wait": span(problem, sum(wait for wait, _ in waits)), "stop": problem.stops[max(waits)[1]].name}
        found.append(Reason("route.because_wait", told, 0.5))
    if len(one.tour.trips) > 1:
        found.append(Reason("route.because_trips", {"trips": len(one.tour.trips)}, 0.4))
    return found or [Reason("route.because_cost")]


def write_plan(plan: Plan, path: Path, also: Mapping[str, Any] | None = None) -> None:
    """Write a plan, its kind by suffix: .sol, .json, .geojson, .gpx, or the visits as .csv, .parquet or .xlsx.

    Args:
        also: further fields of the JSON document.

    Raises:
        HubError: `file.suffix`, `file.unwritable`, `route.no_map` for a map of places without coordinates.
    """
    suffix = path.suffix.lower()
    texts: dict[str, Callable[[Plan], str]] = {
        ".sol": _sol, ".json": partial(_json, also=also or {}), ".geojson": lambda plan: geojson(_mapped(plan)),
        ".gpx": lambda plan: gpx(_mapped(plan)),
    }  # fmt: skip
    if suffix in TABLES:
        write_table(sheet(_lines(plan)), path)
    elif suffix in texts:
        text = texts[suffix](plan)
        unfinished = path.with_name(f".{path.name}.partial")
        try:
            unfinished.write_text(text, encoding="utf-8")
            unfinished.replace(path)
        except OSError as error:
            raise HubError("file.unwritable", file=path, why=error) from error
    else:
        raise HubError("file.suffix", file=path, suffix=path.suffix, known=", ".join([*texts, *TABLES]))


def sheet(lines: Iterable[Line]) -> pd.DataFrame:
    """A row a visit: tour, vehicle, trip, place, stop, arrive, begin, leave."""
    rows = [
        {
            "tour": line.number, "vehicle": line.vehicle, "trip": point.trip, "place": point.place, "stop": point.name,
            "arrive": point.arrive, "begin": point.begin, "leave": point.leave,
        }
        for line in lines for point in line.points if point.is_stop
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["tour", "vehicle", "trip", "place", "stop", "arrive", "begin", "leave"])


def geojson(lines: Iterable[Line]) -> str:
    """Lines of the tours and points of the stops; straight lines, for the hub knows no roads."""
    features = []
    for line in lines:
        told = {"tour": line.number, "vehicle": line.vehicle}
        way = [[point.longitude, point.latitude] for point in line.points]
        features.append(_feature("LineString", way, told | {"cost": round(line.cost, 2)}))
        features += [
            _feature("Point", [point.longitude, point.latitude], told | {"stop": point.name, "begin": point.begin})
            for point in line.points if point.is_stop
        ]  # fmt: skip
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False, indent=1) + "\n"


def gpx(lines: Iterable[Line]) -> str:
    """A GPX 1.1 route per tour, a point per stop, for navigation devices."""
    root = ElementTree.Element("gpx", version="1.1", creator="aislehub", xmlns="http://www.topografix.com/GPX/1/1")
    for line in lines:
        route = ElementTree.SubElement(root, "rte")
        ElementTree.SubElement(route, "name").text = f"{line.number} {line.vehicle}"
        for point in line.points:
            place = {"lat": f"{point.latitude:.6f}", "lon": f"{point.longitude:.6f}"}
            ElementTree.SubElement(ElementTree.SubElement(route, "rtept", place), "name").text = point.name
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


# -- helpers -----------------------------------------------------------------------------------------


def _tour(problem: Problem, one: Driven) -> dict[str, Any]:
    vehicle = problem.vehicles[one.tour.vehicle]
    co2 = {} if vehicle.co2 is None else {"co2_kg": round(vehicle.co2 * one.distance / 1000, 3)}
    return {
        "vehicle": vehicle.name, "start": moment(problem, one.times.start), "end": moment(problem, one.times.end),
        "distance": one.distance / problem.step, "cost": round(one.cost, 6), **co2,
        "delivered": dict(zip(problem.loads, one.delivered, strict=True)),
        "collected": dict(zip(problem.loads, one.collected, strict=True)),
        "trips": [[stop_id(problem, at) for at in trip] for trip in one.tour.trips],
        "loadings": [moment(problem, at) for at in one.times.loadings],
        "visits": [
            {"stop": stop_id(problem, visit.stop), "arrive": moment(problem, visit.arrive),
             "begin": moment(problem, visit.begin), "leave": moment(problem, visit.leave)}
            for visit in one.times.visits
        ],
        "breaks": [
            {"begin": moment(problem, rest.begin), "end": moment(problem, rest.end)} for rest in one.times.pauses
        ],
        "reasons": [reason.sentence() for reason in reasons(problem, one)],
        "exact": exact_times(one), **({"broken": True} if _is_broken(vehicle) else {}),
    }  # fmt: skip


def _is_broken(vehicle: Vehicle) -> bool:
    """Whether it broke down; one that is back has merely no more to do."""
    return vehicle.begun is not None and vehicle.begun.is_stranded and not vehicle.begun.is_back


def _unserved(problem: Problem, one: Unserved) -> dict[str, Any]:
    return {
        "stop": stop_id(problem, one.stop), "required": problem.stops[one.stop].prize is None,
        "why": one.why.sentence(), "conflict": [thing.sentence() for thing in one.conflict],
        "options": [{"cost": option.facts["cost"], "what": option.sentence()} for option in one.options],
    }  # fmt: skip


def _sol(plan: Plan) -> str:
    return solution_text(plan.problem, [one.tour.stops for one in plan.tours], plan.cost)


def _json(plan: Plan, also: Mapping[str, Any]) -> str:
    return json.dumps({**document(plan), **also}, ensure_ascii=False, indent=2) + "\n"


def _mapped(plan: Plan) -> list[Line]:
    if plan.problem.places is None:
        raise HubError("route.no_map")
    return _lines(plan)


def _lines(plan: Plan) -> list[Line]:
    """Each tour's places in order, its depots included."""
    problem, found = plan.problem, []
    for number, one in enumerate(plan.tours, start=1):
        vehicle = problem.vehicles[one.tour.vehicle]
        start, end = (problem.depots[at] for at in (vehicle.start, vehicle.end))
        visits, points = iter(one.times.visits), []
        for trip, stops in enumerate(one.tour.trips, start=1):
            points.append(Point(start.name, *_place(problem, start.place)))
            points += [_point(problem, next(visits), trip, place) for place, _ in enumerate(stops, start=1)]
        if not _is_broken(vehicle):
            points.append(Point(end.name, *_place(problem, end.place)))
        found.append(Line(number, vehicle.name, one.cost, tuple(points)))
    return found


def _point(problem: Problem, visit: Visit, trip: int, place: int) -> Point:
    stop = problem.stops[visit.stop]
    arrive, begin, leave = (moment(problem, time) for time in (visit.arrive, visit.begin, visit.leave))
    return Point(stop.name, *_place(problem, stop.place), arrive, begin, leave, trip, place)


def _place(problem: Problem, place: int) -> tuple[float | None, float | None]:
    return (None, None) if problem.places is None else problem.places[place]


def _feature(kind: str, coordinates: Sequence[object], told: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": told}
