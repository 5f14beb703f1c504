"""A plan for people and programs: one document, a table of visits, VRPLIB's solution text, GeoJSON and GPX."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd

from aislehub.core.errors import HubError
from aislehub.core.output import write_table
from aislehub.core.reasons import Reason
from aislehub.supply.route.conflict import Unserved, span
from aislehub.supply.route.document import clock
from aislehub.supply.route.plan import Driven
from aislehub.supply.route.problem import FOREVER, Problem
from aislehub.supply.route.solve import Plan
from aislehub.supply.route.vrplib import solution_text

__all__ = ["document", "reasons", "write_plan"]

FULL = 0.9  # from this share of a limit on it is named as what limits the tour
TABLES = (".csv", ".parquet", ".xlsx")


def document(plan: Plan) -> dict[str, Any]:
    """A plan as JSON: cost, bound, routes as lists of stops, stops unserved, and each tour's details."""
    problem = plan.problem
    return {
        "cost": plan.cost, "bound": round(plan.bound, 4), "gap": round(plan.gap, 4),
        "routes": [[_id(problem, at) for at in one.tour.stops] for one in plan.tours],
        "unserved": [_unserved(problem, one) for one in plan.unserved],
        "solver": plan.solver, "seed": plan.seed, "repeatable": plan.is_repeatable,
        "distances": plan.problem.origin.sentence(),
        "tours": [_tour(problem, one) for one in plan.tours],
    }  # fmt: skip


def reasons(problem: Problem, one: Driven) -> list[Reason]:
    """Why a tour is as it is: what fills it, what ends it, for what it waits."""
    vehicle = problem.vehicles[one.tour.vehicle]
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


def write_plan(plan: Plan, path: Path) -> None:
    """Write a plan, its kind by suffix: .sol, .json, .geojson, .gpx, or the visits as .csv, .parquet or .xlsx.

    Raises:
        HubError: `file.suffix`, `file.unwritable`, `route.no_map` for a map of places without coordinates.
    """
    suffix = path.suffix.lower()
    texts = {".sol": _sol, ".json": _json, ".geojson": _geojson, ".gpx": _gpx}
    if suffix in TABLES:
        write_table(_visits(plan), path)
    elif suffix in texts:
        text = texts[suffix](plan)
        partial = path.with_name(f".{path.name}.partial")
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(path)
        except OSError as error:
            raise HubError("file.unwritable", file=path, why=error) from error
    else:
        raise HubError("file.suffix", file=path, suffix=path.suffix, known=", ".join([*texts, *TABLES]))


# -- helpers -----------------------------------------------------------------------------------------


def _id(problem: Problem, at: int) -> str | int:
    """Customers of benchmark files are numbers, as in their solution files."""
    return problem.stops[at].name if problem.is_clock else int(problem.stops[at].name)


def _time(problem: Problem, time: int) -> str | float:
    return clock(time) if problem.is_clock else time / problem.step


def _tour(problem: Problem, one: Driven) -> dict[str, Any]:
    vehicle = problem.vehicles[one.tour.vehicle]
    co2 = {} if vehicle.co2 is None else {"co2_kg": round(vehicle.co2 * one.distance / 1000, 3)}
    return {
        "vehicle": vehicle.name, "start": _time(problem, one.times.start), "end": _time(problem, one.times.end),
        "distance": one.distance / problem.step, "cost": round(one.cost, 6), **co2,
        "delivered": dict(zip(problem.loads, one.delivered, strict=True)),
        "collected": dict(zip(problem.loads, one.collected, strict=True)),
        "trips": [[_id(problem, at) for at in trip] for trip in one.tour.trips],
        "loadings": [_time(problem, at) for at in one.times.loadings],
        "visits": [
            {"stop": _id(problem, visit.stop), "arrive": _time(problem, visit.arrive),
             "begin": _time(problem, visit.begin), "leave": _time(problem, visit.leave)}
            for visit in one.times.visits
        ],
        "breaks": [{"begin": _time(problem, rest.begin), "end": _time(problem, rest.end)} for rest in one.times.pauses],
        "reasons": [reason.sentence() for reason in reasons(problem, one)],
    }  # fmt: skip


def _unserved(problem: Problem, one: Unserved) -> dict[str, Any]:
    return {
        "stop": _id(problem, one.stop), "required": problem.stops[one.stop].prize is None,
        "why": one.why.sentence(), "conflict": [thing.sentence() for thing in one.conflict],
        "options": [{"cost": option.facts["cost"], "what": option.sentence()} for option in one.options],
    }  # fmt: skip


def _sol(plan: Plan) -> str:
    return solution_text(plan.problem, [one.tour.stops for one in plan.tours], plan.cost)


def _json(plan: Plan) -> str:
    return json.dumps(document(plan), ensure_ascii=False, indent=2) + "\n"


def _visits(plan: Plan) -> pd.DataFrame:
    problem = plan.problem
    rows = [
        {
            "tour": number, "vehicle": problem.vehicles[one.tour.vehicle].name, "trip": trip, "place": place,
            "stop": problem.stops[visit.stop].name, "arrive": _time(problem, visit.arrive),
            "begin": _time(problem, visit.begin), "leave": _time(problem, visit.leave),
        }
        for number, one in enumerate(plan.tours, start=1)
        for (trip, place), visit in zip(_numbers(one), one.times.visits, strict=True)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["tour", "vehicle", "trip", "place", "stop", "arrive", "begin", "leave"])


def _numbers(one: Driven) -> list[tuple[int, int]]:
    return [(trip, place) for trip, stops in enumerate(one.tour.trips, 1) for place, _ in enumerate(stops, 1)]


def _lines(plan: Plan) -> list[list[tuple[float, float]]]:
    """Each tour's places in order, latitude and longitude, its depots included."""
    problem = plan.problem
    if problem.places is None:
        raise HubError("route.no_map")
    found = []
    for one in plan.tours:
        vehicle = problem.vehicles[one.tour.vehicle]
        start, end = problem.depots[vehicle.start].place, problem.depots[vehicle.end].place
        places = [place for trip in one.tour.trips for place in [start, *(problem.stops[at].place for at in trip)]]
        found.append([problem.places[place] for place in [*places, end]])
    return found


def _geojson(plan: Plan) -> str:
    """Lines of the tours and points of the stops; straight lines, for the hub knows no roads."""
    problem, features = plan.problem, []
    for number, (one, line) in enumerate(zip(plan.tours, _lines(plan), strict=True), start=1):
        told = {"tour": number, "vehicle": problem.vehicles[one.tour.vehicle].name}
        points = [[longitude, latitude] for latitude, longitude in line]
        features.append(_feature("LineString", points, told | {"cost": round(one.cost, 2)}))
        for visit in one.times.visits:
            latitude, longitude = (problem.places or ())[problem.stops[visit.stop].place]
            stop = {"stop": problem.stops[visit.stop].name, "begin": _time(problem, visit.begin)}
            features.append(_feature("Point", [longitude, latitude], told | stop))
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False, indent=1) + "\n"


def _feature(kind: str, coordinates: object, told: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": told}


def _gpx(plan: Plan) -> str:
    """A GPX 1.1 route per tour, a point per stop, for navigation devices."""
    problem = plan.problem
    root = ElementTree.Element("gpx", version="1.1", creator="aislehub", xmlns="http://www.topografix.com/GPX/1/1")
    for number, (one, line) in enumerate(zip(plan.tours, _lines(plan), strict=True), start=1):
        route = ElementTree.SubElement(root, "rte")
        ElementTree.SubElement(route, "name").text = f"{number} {problem.vehicles[one.tour.vehicle].name}"
        depot = problem.depots[problem.vehicles[one.tour.vehicle].start].name
        names = [name for trip in one.tour.trips for name in [depot, *(problem.stops[at].name for at in trip)]]
        names.append(problem.depots[problem.vehicles[one.tour.vehicle].end].name)
        for name, (latitude, longitude) in zip(names, line, strict=True):
            point = ElementTree.SubElement(route, "rtept", lat=f"{latitude:.6f}", lon=f"{longitude:.6f}")
            ElementTree.SubElement(point, "name").text = name
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
