"""VRPLIB text: reading `.vrp` files of the CVRP and the VRPTW, and writing `.sol` files.

Distances are as TSPLIB defines them: EUC_2D rounded to the nearest whole number, FLOOR_2D and CEIL_2D down and up,
EXPLICIT as given. Travel times equal distances. A DISTANCE in the header limits a tour's time, service included, as in
the classic instances. Customers are numbered from 1 in the order of the file, the depot left out, as in CVRPLIB.
A file without VEHICLES has as many as customers.

Source: http://vrp.galgos.inf.puc-rio.br (CVRPLIB), Reinelt (1991), TSPLIB, https://doi.org/10.1287/ijoc.3.4.376
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from aislehub.core.errors import HubError
from aislehub.core.reasons import Reason
from aislehub.supply.route.distances import euclidean
from aislehub.supply.route.problem import FOREVER, Depot, IntArray, Problem, Stop, Vehicle

__all__ = ["read_vrplib", "solution_text"]

ROUNDINGS = {"EUC_2D": "nearest", "FLOOR_2D": "floor", "CEIL_2D": "ceil"}
MATRICES = ("FULL_MATRIX", "LOWER_ROW", "LOWER_DIAG_ROW", "UPPER_ROW", "UPPER_DIAG_ROW")
TYPES = ("CVRP", "VRPTW", "DCVRP")
SECTIONS = {
    "NODE_COORD_SECTION", "DEMAND_SECTION", "DEPOT_SECTION", "TIME_WINDOW_SECTION", "SERVICE_TIME_SECTION",
    "EDGE_WEIGHT_SECTION", "DISPLAY_DATA_SECTION",
}  # fmt: skip
HEADER = {
    "NAME", "COMMENT", "TYPE", "DIMENSION", "EDGE_WEIGHT_TYPE", "EDGE_WEIGHT_FORMAT", "NODE_COORD_TYPE",
    "DISPLAY_DATA_TYPE", "CAPACITY", "VEHICLES", "DISTANCE", "SERVICE_TIME",
}  # fmt: skip
Numbers = list[list[float]]


def read_vrplib(path: Path) -> Problem:
    """Read a `.vrp` file.

    Raises:
        HubError: `file.missing`, `route.unknown_part` for what the hub cannot honour, `route.broken_file` with the
            line or the section that is wrong.
    """
    header, sections = _parts(path)
    nodes = _whole(path, header, "DIMENSION")
    depot = _depot(path, sections, nodes)
    distance, origin = _distances(path, header, sections, nodes)
    demand = _column(path, sections, "DEMAND_SECTION", nodes, 1)[:, 0]
    windows = np.tile([0, FOREVER], (nodes, 1))
    if "TIME_WINDOW_SECTION" in sections:
        windows = _column(path, sections, "TIME_WINDOW_SECTION", nodes, 2)
    service = np.full(nodes, _whole(path, header, "SERVICE_TIME", 0))
    if "SERVICE_TIME_SECTION" in sections:
        service = _column(path, sections, "SERVICE_TIME_SECTION", nodes, 1)[:, 0]
    customers = [node for node in range(nodes) if node != depot]
    stops = tuple(
        Stop(str(number), node, (int(demand[node]),), (0,), int(windows[node, 0]), int(windows[node, 1]),
             int(service[node]))
        for number, node in enumerate(customers, start=1)
    )  # fmt: skip
    vehicle = Vehicle(
        "vehicle", _whole(path, header, "VEHICLES", len(stops)), (_whole(path, header, "CAPACITY"),),
        late=int(windows[depot, 1]), early=int(windows[depot, 0]),
        max_duration=_whole(path, header, "DISTANCE", FOREVER),
    )  # fmt: skip
    return Problem(
        header.get("NAME", path.stem), ("units",), (Depot("depot", depot),), stops, (vehicle,), distance, distance,
        origin,
    )  # fmt: skip


def solution_text(problem: Problem, routes: Iterable[Sequence[int]], cost: float) -> str:
    """Routes as VRPLIB writes them: `Route #1: 5 3 8`, customers by their position in the file from 1 on, and the cost.

    Args:
        routes: positions of stops.
    """
    lines = [f"Route #{number}: {' '.join(str(at + 1) for at in route)}" for number, route in enumerate(routes, 1)]
    return "\n".join([*lines, f"Cost {cost:.10g}", ""])


# -- helpers -----------------------------------------------------------------------------------------


def _parts(path: Path) -> tuple[dict[str, str], dict[str, Numbers]]:
    """Header fields, and each section's rows of numbers."""
    if not path.is_file():
        raise HubError("file.missing", file=path)
    header: dict[str, str] = {}
    sections: dict[str, Numbers] = {}
    rows: Numbers | None = None
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        text = line.strip()
        if not text or text == "EOF":
            continue
        if re.match(r"[A-Za-z]", text):
            name, colon, value = (part.strip() for part in text.partition(":"))
            if name not in (HEADER if colon and value else SECTIONS):
                raise HubError("route.unknown_part", file=path, line=number, part=name)
            if colon and value:
                header[name], rows = value.strip('"'), None
            else:
                rows = sections.setdefault(name, [])
            continue
        try:
            numbers = [float(word) for word in text.split()]
        except ValueError as error:
            raise HubError("route.broken_file", file=path, where=f"line {number}", why=f"'{text[:60]}'") from error
        if rows is None:
            raise HubError("route.broken_file", file=path, where=f"line {number}", why=f"'{text[:60]}'")
        rows.append(numbers)
    kind = header.get("TYPE", "CVRP")
    if kind not in TYPES:
        raise HubError("route.unknown_part", file=path, line="TYPE", part=kind)
    return header, sections


def _whole(path: Path, header: dict[str, str], name: str, default: int | None = None) -> int:
    text = header.get(name, "" if default is None else str(default))
    if not re.fullmatch(r"\d+(\.0*)?", text):
        raise HubError("route.broken_file", file=path, where=name, why=f"'{text}'")
    return int(float(text))


def _column(path: Path, sections: dict[str, Numbers], name: str, nodes: int, width: int) -> IntArray:
    """A section's whole numbers by node, (nodes, width)."""
    values = np.asarray(_by_node(path, sections, name, nodes, width))
    if (values != np.floor(values)).any() or (values < 0).any():
        raise HubError("route.broken_file", file=path, where=name, why=f"{values[values != np.floor(values)][:1]}")
    return values.astype(np.int64)


def _by_node(path: Path, sections: dict[str, Numbers], name: str, nodes: int, width: int) -> Numbers:
    """Rows `node value …` in order of the nodes, each once."""
    rows = sorted(sections.get(name, []))
    if [row[0] for row in rows] != list(range(1, nodes + 1)) or {len(row) for row in rows} != {width + 1}:
        raise HubError("route.broken_file", file=path, where=name, why=f"{len(rows)} / {nodes}")
    return [row[1:] for row in rows]


def _depot(path: Path, sections: dict[str, Numbers], nodes: int) -> int:
    """Position of the one depot."""
    depots = [int(value) for row in sections.get("DEPOT_SECTION", []) for value in row if value != -1]
    if len(depots) != 1 or not 1 <= depots[0] <= nodes:
        raise HubError("route.broken_file", file=path, where="DEPOT_SECTION", why=f"{depots}")
    return depots[0] - 1


def _distances(path: Path, header: dict[str, str], sections: dict[str, Numbers], nodes: int) -> tuple[IntArray, Reason]:
    kind = header.get("EDGE_WEIGHT_TYPE", "")
    if kind in ROUNDINGS:
        points = np.asarray(_by_node(path, sections, "NODE_COORD_SECTION", nodes, 2))
        return euclidean(points, 1, ROUNDINGS[kind]), Reason("route.distances_file", {"kind": kind})
    if kind != "EXPLICIT":
        raise HubError("route.unknown_part", file=path, line="EDGE_WEIGHT_TYPE", part=kind)
    shape = header.get("EDGE_WEIGHT_FORMAT", "")
    if shape not in MATRICES:
        raise HubError("route.unknown_part", file=path, line="EDGE_WEIGHT_FORMAT", part=shape)
    values = np.asarray([value for row in sections.get("EDGE_WEIGHT_SECTION", []) for value in row])
    matrix = np.zeros((nodes, nodes))
    if shape == "FULL_MATRIX":
        place = np.ones_like(matrix, dtype=bool)
    else:
        skip = 0 if "DIAG" in shape else 1
        place = np.tri(nodes, k=-skip, dtype=bool) if "LOWER" in shape else np.tri(nodes, k=-skip, dtype=bool).T
    if place.sum() != len(values) or (values != np.floor(values)).any() or (values < 0).any():
        raise HubError(
            "route.broken_file", file=path, where="EDGE_WEIGHT_SECTION", why=f"{len(values)} / {place.sum()}"
        )
    matrix[place] = values
    if shape != "FULL_MATRIX":
        matrix = np.maximum(matrix, matrix.T)
    return matrix.astype(np.int64), Reason("route.distances_file", {"kind": "EXPLICIT"})
