"""An independent count of a Nottingham roster: reads the file again and shares no line with the hub."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

Grid = dict[str, list[str]]
"""Person → shift of each day, "" = free."""


def sections(path: Path) -> dict[str, list[list[str]]]:
    """Fields by section."""
    found: dict[str, list[list[str]]] = {}
    for name, body in re.findall(r"SECTION_(\w+)\n(.*?)(?=SECTION_|\Z)", path.read_text(), re.DOTALL):
        lines = [line for line in body.splitlines() if line.strip() and not line.startswith("#")]
        found[name] = [line.strip().split(",") for line in lines]
    return found


def grid_of(path: Path, assignments: list[dict[str, object]]) -> Grid:
    """The roster as lines of people; two shifts on one day are an error."""
    told = sections(path)
    days = int(told["HORIZON"][0][0])
    grid = {fields[0]: [""] * days for fields in told["STAFF"]}
    for one in assignments:
        line, day = grid[str(one["person"])], int(str(one["day"]))
        assert line[day] == "", f"{one['person']} works twice on day {day}"
        line[day] = str(one["shift"])
    return grid


def cost(path: Path, grid: Grid) -> int:
    """The cost that the format defines."""
    told = sections(path)
    total = 0
    for person, day, shift, weight in told.get("SHIFT_ON_REQUESTS", []):
        total += int(weight) * (grid[person][int(day)] != shift)
    for person, day, shift, weight in told.get("SHIFT_OFF_REQUESTS", []):
        total += int(weight) * (grid[person][int(day)] == shift)
    for day, shift, required, under, over in told["COVER"]:
        there = sum(line[int(day)] == shift for line in grid.values())
        lack = int(required) - there
        total += int(under) * lack if lack > 0 else -int(over) * lack
    return total


def broken(path: Path, grid: Grid) -> list[str]:
    """Every hard rule that is broken, in words."""
    told = sections(path)
    length = {name: int(minutes) for name, minutes, _ in told["SHIFTS"]}
    forbidden = {(name, after) for name, _, afters in told["SHIFTS"] for after in afters.split("|") if after}
    off = {(fields[0], int(day)) for fields in told["DAYS_OFF"] for day in fields[1:]}
    said = []
    for person, limits, most, least, max_run, min_run, min_off, weekends in told["STAFF"]:
        line = grid[person]
        if any(pair in forbidden for pair in pairwise(line)):
            said.append(f"{person} rest")
        if any(shift and (person, day) in off for day, shift in enumerate(line)):
            said.append(f"{person} day off")
        for part in limits.split("|"):
            kind, limit = part.split("=")
            if line.count(kind) > int(limit):
                said.append(f"{person} {kind}")
        minutes = sum(length[shift] for shift in line if shift)
        if not int(least) <= minutes <= int(most):
            said.append(f"{person} minutes {minutes}")
        shape = "".join("W" if shift else "f" for shift in line)
        if "W" * (int(max_run) + 1) in shape:
            said.append(f"{person} run too long")
        if any(len(run) < int(min_run) for run in re.findall(r"(?<=f)W+(?=f)", shape)):
            said.append(f"{person} run too short")
        if any(len(run) < int(min_off) for run in re.findall(r"(?<=W)f+(?=W)", shape)):
            said.append(f"{person} too few free days")
        if sum("W" in shape[day : day + 2] for day in range(5, len(line), 7)) > int(weekends):
            said.append(f"{person} weekends")
    return said
