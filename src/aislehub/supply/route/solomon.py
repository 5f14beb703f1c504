"""Solomon's text of the VRPTW (also Gehring and Homberger's).

Distances are Euclidean and cut to one decimal, as in the DIMACS challenge, which the solution files beside the
instances follow; travel times equal distances. The cost is the distance; the number of vehicles is only limited.
Inside, everything counts in tenths.

Source: Solomon (1987), https://doi.org/10.1287/opre.35.2.254; http://dimacs.rutgers.edu/programs/challenge/vrp/vrptw
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from aislehub.core.errors import HubError
from aislehub.core.reasons import Reason
from aislehub.supply.route.distances import euclidean
from aislehub.supply.route.problem import Depot, Problem, Stop, Vehicle

__all__ = ["TENTHS", "is_solomon", "read_solomon"]

TENTHS, THOUSANDTHS = 10, 1000


def is_solomon(text: str) -> bool:
    """Whether a text is of this format and no VRPLIB: it has the heads VEHICLE and CUSTOMER on lines of their own."""
    return all(re.search(rf"^\s*{word}\s*$", text, re.MULTILINE) for word in ("VEHICLE", "CUSTOMER"))


def read_solomon(path: Path, *, is_exact: bool = False) -> Problem:
    """Read a Solomon file: the first customer is the depot.

    Args:
        is_exact: whether distances are rounded up to thousandths instead, so that a plan also holds with distances
            in full, as in the lists of results that count vehicles first.

    Raises:
        HubError: `file.missing`, `route.broken_file` with the line that is wrong.
    """
    if not path.is_file():
        raise HubError("file.missing", file=path)
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    rows: list[list[int]] = []
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if words and re.fullmatch(r"-?\d+(\.\d*)?", words[0]) and number > 1:  # the first line is the name
            if not all(re.fullmatch(r"\d+", word) for word in words) or len(words) != (2 if not rows else 7):
                raise HubError("route.broken_file", file=path, where=f"line {number}", why=f"'{line.strip()[:60]}'")
            rows.append([int(word) for word in words])
    if len(rows) < 3:
        raise HubError("route.broken_file", file=path, where="CUSTOMER", why=f"{max(len(rows) - 1, 0)}")
    (count, capacity), nodes = rows[0], rows[1:]
    step, rounding = (THOUSANDTHS, "ceil") if is_exact else (TENTHS, "floor")
    distance = euclidean(np.array([row[1:3] for row in nodes], dtype=float), step, rounding)
    stops = tuple(
        Stop(str(row[0]), at, (row[3],), (0,), row[4] * step, row[5] * step, row[6] * step)
        for at, row in enumerate(nodes[1:], start=1)
    )
    vehicle = Vehicle(
        "vehicle", count, (capacity,), early=nodes[0][4] * step, late=nodes[0][5] * step, per_distance=1 / step
    )
    return Problem(
        lines[0].strip() or path.stem, ("units",), (Depot("depot", 0),), stops, (vehicle,), distance, distance,
        Reason("route.distances_solomon"), step=step,
    )  # fmt: skip
