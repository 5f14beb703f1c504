"""How far and how long it is by road: the ways of an OpenStreetMap extract, driven along the fastest path.

    ways that cars may use ─> directed edges with seconds ─> places at their nearest crossing ─> fastest paths

Only the largest part of the network counts in which one can drive from anywhere to anywhere and back. A place that is
further than `REACH` from it is on no road, and its ways are estimated. Turn restrictions and traffic are not known.

Speeds by class, and the share of a speed limit that is driven, are those of the car profile of OSRM
(https://github.com/Project-OSRM/osrm-backend, `profiles/car.lua`). Shortest paths: Dijkstra (1959), by scipy.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from aislehub.core.errors import HubError
from aislehub.core.reasons import Reason
from aislehub.supply.route.distances import EARTH_M, great_circle
from aislehub.supply.route.problem import IntArray

__all__ = ["Roads", "by_road", "read_roads"]

FloatArray = NDArray[np.float64]
SPEEDS = {
    "motorway": 90, "motorway_link": 45, "trunk": 85, "trunk_link": 40, "primary": 65, "primary_link": 30,
    "secondary": 55, "secondary_link": 25, "tertiary": 40, "tertiary_link": 20, "unclassified": 25, "residential": 25,
    "living_street": 10, "service": 15,
}  # fmt: skip
"""Kilometres per hour on each class of road that cars may use, where no limit is given."""
DRIVEN = 0.8  # of a speed limit
MPH = 1.609344
FORBIDDEN = ("no", "private", "agricultural", "forestry")
ACCESS = ("motorcar", "motor_vehicle", "vehicle", "access")  # the first that is given counts
REACH = 1000.0  # metres from a place to the road, straight
WALKING = 10.0  # km/h between a place and the road
SUFFIXES = (".pbf", ".osm", ".xml", ".bz2", ".gz")


@dataclass(frozen=True)
class Roads:
    """A directed network in which every point can be reached from every other one.

    Attributes:
        degrees: latitude and longitude of each point, (points, 2).
        start, end: points of each edge.
        seconds: along each edge.
    """

    degrees: FloatArray
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    seconds: FloatArray


def by_road(
    path: Path, degrees: Sequence[tuple[float, float]], *, factor: float, km_per_hour: float
) -> tuple[IntArray, IntArray, Reason]:
    """Metres and seconds between places along the roads of an extract, kept beside it for the same file and places.

    Args:
        path: .osm.pbf or .osm.
        degrees: latitude and longitude of each place.
        factor, km_per_hour: of the estimate for places that are on no road.

    Raises:
        HubError: `file.missing`, `file.suffix`, `file.unreadable`, `roads.needs_osmium`, `roads.none`.
    """
    if not path.is_file():
        raise HubError("file.missing", file=path)
    where = np.array(degrees, dtype=float).reshape(-1, 2)
    metres, seconds, is_on_road = _kept(path, where)
    estimated = great_circle(where, factor)
    pairs = is_on_road[:, None] & is_on_road
    off = int((~is_on_road).sum())
    told = {"file": path.name, "off": off, "places": len(where), "factor": factor, "speed": km_per_hour}
    return (
        np.where(pairs, metres, estimated), np.where(pairs, seconds, np.rint(estimated / (km_per_hour / 3.6))),
        Reason("route.distances_roads_partly" if off else "route.distances_roads", told),
    )  # fmt: skip


def read_roads(path: Path) -> Roads:
    """The drivable network of an extract.

    Raises:
        HubError: `file.suffix`, `file.unreadable`, `roads.needs_osmium`, `roads.none`.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise HubError("file.suffix", file=path, suffix=path.suffix, known=", ".join(SUFFIXES))
    osmium = _osmium()
    points: dict[int, int] = {}
    degrees: list[tuple[float, float]] = []
    edges: list[tuple[int, int, float]] = []
    ways = osmium.FileProcessor(str(path)).with_locations()
    ways = ways.with_filter(osmium.filter.EntityFilter(osmium.osm.WAY)).with_filter(osmium.filter.KeyFilter("highway"))
    try:
        for way in ways:
            tags = {tag.k: tag.v for tag in way.tags}
            speed = _speed(tags)
            if speed is None:
                continue
            along = []
            for node in way.nodes:
                if node.location.valid():  # the extract may end amid a way
                    along.append(points.setdefault(node.ref, len(degrees)))
                    if along[-1] == len(degrees):
                        degrees.append((node.location.lat, node.location.lon))
            forth, back = _directions(tags)
            edges += [(a, b, speed) for a, b in pairwise(along) if forth]
            edges += [(b, a, speed) for a, b in pairwise(along) if back]
    except RuntimeError as error:  # osmium's own, of a file that is no extract
        raise HubError("file.unreadable", file=path, why=error) from error
    if not edges:
        raise HubError("roads.none", file=path)
    start, end = np.array([edge[:2] for edge in edges], dtype=np.int32).T
    where = np.array(degrees)
    seconds = _straight(where[start], where[end]) / (np.array([edge[2] for edge in edges]) / 3.6)
    return _whole(Roads(where, start, end, seconds))


# -- helpers -----------------------------------------------------------------------------------------


def _osmium() -> Any:
    """The optional package that reads extracts."""
    try:
        return import_module("osmium")
    except ImportError as error:
        raise HubError("roads.needs_osmium") from error


def _kept(path: Path, where: FloatArray) -> tuple[IntArray, IntArray, NDArray[np.bool_]]:
    """What `_counted` says, from a file beside the extract where the same was asked before."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update(where.tobytes())
    digest.update(repr((SPEEDS, DRIVEN, REACH, WALKING)).encode())
    held = path.with_name(f".{path.name}.ways") / f"{digest.hexdigest()[:16]}.npz"
    if held.is_file():
        with np.load(held) as kept:
            return kept["metres"], kept["seconds"], kept["is_on_road"]
    metres, seconds, is_on_road = _counted(read_roads(path), where)
    unfinished = held.with_suffix(".partial.npz")
    try:
        held.parent.mkdir(exist_ok=True)
        np.savez_compressed(unfinished, metres=metres, seconds=seconds, is_on_road=is_on_road)
        unfinished.replace(held)
    except OSError as error:
        raise HubError("file.unwritable", file=held, why=error) from error
    return metres, seconds, is_on_road


def _counted(roads: Roads, where: FloatArray) -> tuple[IntArray, IntArray, NDArray[np.bool_]]:
    """Metres and seconds between places, (places, places) each, and which of them are near a road."""
    near, points = scipy.spatial.cKDTree(_on_sphere(roads.degrees)).query(_on_sphere(where))
    is_on_road = near <= REACH
    metres = np.zeros((len(where), len(where)), dtype=np.int64)
    seconds = np.zeros_like(metres)
    places, size = np.flatnonzero(is_on_road), len(roads.degrees)
    network = scipy.sparse.csr_matrix((roads.seconds, (roads.start, roads.end)), shape=(size, size))
    for place in places:  # one at a time: of all of them, predecessors would fill the memory
        time, before = scipy.sparse.csgraph.dijkstra(network, indices=points[place], return_predecessors=True)
        access = near[place] + near[places]
        metres[place, places] = np.rint(_length(roads.degrees, before, points[places]) + access)
        seconds[place, places] = np.rint(time[points[places]] + access / (WALKING / 3.6))
    np.fill_diagonal(metres, 0)
    np.fill_diagonal(seconds, 0)
    return metres, seconds, is_on_road


def _length(degrees: FloatArray, before: NDArray[np.int32], ends: NDArray[np.int64]) -> FloatArray:
    """Metres of the paths to each of `ends`, all walked back to the source side by side."""
    total, at = np.zeros(len(ends)), np.array(ends)
    while (going := before[at] >= 0).any():
        total[going] += _straight(degrees[at[going]], degrees[before[at[going]]])
        at[going] = before[at[going]]
    return total


def _whole(roads: Roads) -> Roads:
    """The largest part in which one can drive from anywhere to anywhere; of two edges between the same points, the
    faster one."""
    size = len(roads.degrees)
    order = np.lexsort((roads.seconds, roads.end, roads.start))
    start, end, seconds = roads.start[order], roads.end[order], roads.seconds[order]
    is_first = np.r_[True, (np.diff(start) != 0) | (np.diff(end) != 0)] & (start != end)
    start, end, seconds = start[is_first], end[is_first], np.maximum(seconds[is_first], 1e-3)  # 0 would be no edge
    _, part = scipy.sparse.csgraph.connected_components(
        scipy.sparse.csr_matrix((seconds, (start, end)), shape=(size, size)), connection="strong"
    )
    is_kept = part == np.bincount(part).argmax()
    number = (np.cumsum(is_kept) - 1).astype(np.int32)
    inside = is_kept[start] & is_kept[end]
    return Roads(roads.degrees[is_kept], number[start[inside]], number[end[inside]], seconds[inside])


def _speed(tags: dict[str, str]) -> float | None:
    """Kilometres per hour on a way; None where cars may not go."""
    usual = SPEEDS.get(tags.get("highway", ""))
    access = next((tags[key] for key in ACCESS if key in tags), "yes")
    if usual is None or access in FORBIDDEN or tags.get("area") == "yes":
        return None
    limit = re.fullmatch(r"(\d+(?:\.\d+)?) ?(mph|km/h|kmh)?", tags.get("maxspeed", ""))
    if limit is None or float(limit[1]) == 0:
        return float(usual)
    return DRIVEN * float(limit[1]) * (MPH if limit[2] == "mph" else 1)


def _directions(tags: dict[str, str]) -> tuple[bool, bool]:
    """Whether a way may be driven as it was drawn, and the other way round."""
    given = tags.get("oneway", "")
    if given in ("-1", "reverse"):
        return False, True
    implied = tags.get("junction") in ("roundabout", "circular") or tags["highway"] in ("motorway", "motorway_link")
    return True, not (given in ("yes", "true", "1") or (implied and given not in ("no", "false", "0")))


def _straight(a: FloatArray, b: FloatArray) -> FloatArray:
    """Metres between points (n, 2) of latitude and longitude, by the haversine formula."""
    (lat_a, lon_a), (lat_b, lon_b) = np.radians(a).T, np.radians(b).T
    half = np.sin((lat_a - lat_b) / 2) ** 2 + np.cos(lat_a) * np.cos(lat_b) * np.sin((lon_a - lon_b) / 2) ** 2
    return np.asarray(2 * EARTH_M * np.arcsin(np.sqrt(np.clip(half, 0, 1))), dtype=np.float64)


def _on_sphere(degrees: FloatArray) -> FloatArray:
    """Points in space, (n, 3) metres: near ones are as far apart as on the ground."""
    latitude, longitude = np.radians(degrees).T
    flat = np.cos(latitude)
    return EARTH_M * np.stack([flat * np.cos(longitude), flat * np.sin(longitude), np.sin(latitude)], axis=1)
