"""Problems as JSON, in words of the trade: kilometres, minutes, money, times of the day; and plans as JSON.

Inside, distances are metres and times are seconds of the day.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.reasons import Reason
from aislehub.supply.route.distances import great_circle
from aislehub.supply.route.problem import FOREVER, Break, Depot, IntArray, Problem, Stop, Vehicle
from aislehub.supply.route.roads import by_road

__all__ = ["clock", "moment", "read_as", "read_json", "seconds_in", "stop_id", "time_in"]

DAY = 24 * 3600
Told = TypeVar("Told", bound=BaseModel)


def seconds_in(value: Any) -> int:
    """`8:30` → seconds of the day; the day after may be written as 25:30.

    Raises:
        ValueError: if it is anything else.
    """
    found = re.fullmatch(r"(\d{1,2}):([0-5]\d)", value) if isinstance(value, str) else None
    if not found:
        raise ValueError("a time of the day is written as 08:30")
    return (int(found[1]) * 60 + int(found[2])) * 60


Clock = Annotated[int, BeforeValidator(seconds_in)]
Amounts = dict[str, Annotated[int, Field(ge=0)]]
Id = Annotated[str, Field(min_length=1, coerce_numbers_to_str=True)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)


class _Place(_Part):
    id: Id
    lat: Annotated[float, Field(ge=-90, le=90)] | None = None
    lon: Annotated[float, Field(ge=-180, le=180)] | None = None
    open: Clock = 0
    close: Clock = FOREVER


class _Depot(_Place):
    loading_min: NotNegative = 0


class _Stop(_Place):
    deliver: Amounts = Field(default_factory=dict)
    collect: Amounts = Field(default_factory=dict)
    service_min: NotNegative = 0
    prize: NotNegative | None = None


class _Break(_Part):
    from_: Annotated[Clock, Field(alias="from")]
    to: Clock
    minutes: Positive


class _Vehicle(_Part):
    id: Id
    count: Annotated[int, Field(ge=1, le=10_000)] = 1
    depot: Id | None = None
    end: Id | None = None
    capacity: Amounts = Field(default_factory=dict)
    from_: Annotated[Clock, Field(alias="from")] = 0
    to: Clock = FOREVER
    max_hours: Positive | None = None
    max_km: Positive | None = None
    cost_per_day: NotNegative = 0
    cost_per_km: NotNegative = 0
    cost_per_hour: NotNegative = 0
    trips: Annotated[int, Field(ge=1, le=20)] = 1
    breaks: list[_Break] = Field(default_factory=list)
    co2_g_per_km: NotNegative | None = None


class _Distances(_Part):
    factor: Annotated[float, Field(ge=1, le=5)] = 1.3
    km_per_hour: Annotated[float, Field(gt=0, le=200)] = 40.0
    places: list[Id] | None = None
    metres: list[list[Annotated[int, Field(ge=0)]]] | None = None
    seconds: list[list[Annotated[int, Field(ge=0)]]] | None = None


class _Document(_Part):
    name: str = "routes"
    loads: list[str] = Field(default_factory=list)
    depots: Annotated[list[_Depot], Field(min_length=1)]
    stops: Annotated[list[_Stop], Field(min_length=1)]
    vehicles: Annotated[list[_Vehicle], Field(min_length=1)]
    distances: _Distances = Field(default_factory=_Distances)


def read_json(path: Path, roads: Path | None = None) -> Problem:
    """Read a problem from JSON; docs/routes.md describes it.

    Args:
        roads: an OpenStreetMap extract along whose roads is driven; None = ways are estimated or given as a matrix.

    Raises:
        HubError: `file.missing`, `file.unreadable`, `route.invalid` with the place in the document and what is wrong
            there, `route.unknown_id`, `route.twice`, `route.no_place`, `route.no_cost`, `route.window`,
            `route.roads_matrix`, and what `by_road` raises.
    """
    return _problem(path, read_as(path, _Document), roads)


def read_as(path: Path, kind: type[Told]) -> Told:
    """A JSON file as a document of a kind.

    Raises:
        HubError: `file.missing`, `file.unreadable`, `route.invalid` with the place in the file and what is wrong there.
    """
    if not path.is_file():
        raise HubError("file.missing", file=path)
    try:
        return kind.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "/"
        raise HubError(
            "route.invalid", file=path, where=where, why=first["msg"], value=_short(first["input"])
        ) from error
    except ValueError as error:  # no JSON, no UTF-8
        raise HubError("file.unreadable", file=path, why=error) from error


def clock(time: int) -> str:
    """Seconds of the day as 08:30, rounded up to whole minutes."""
    minutes = -(-time // 60)
    return f"{minutes // 60:02}:{minutes % 60:02}"


def moment(problem: Problem, time: int) -> str | float:
    """A time of a problem as people read it: 08:30, or units of a benchmark's file."""
    return clock(time) if problem.is_clock else time / problem.step


def stop_id(problem: Problem, at: int) -> str | int:
    """A stop's name in documents: customers of benchmark files are numbers, as in their solution files."""
    return problem.stops[at].name if problem.is_clock else int(problem.stops[at].name)


def time_in(problem: Problem, text: str) -> int:
    """A time as people write it, in the problem's own.

    Raises:
        HubError: `route.no_time`.
    """
    try:
        return seconds_in(text) if problem.is_clock else round(float(text) * problem.step)
    except ValueError as error:
        example = "10:30" if problem.is_clock else "120"
        raise HubError("route.no_time", value=text, example=example) from error


def _short(value: object) -> str:
    """A value of a document as an error shows it."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}…"


# -- helpers -----------------------------------------------------------------------------------------


def _problem(path: Path, told: _Document, roads: Path | None) -> Problem:
    """The document as a problem; what each part alone cannot show is checked here."""
    ids = [one.id for one in [*told.depots, *told.stops]]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise HubError("route.twice", file=path, id=twice[0])
    for one in [*told.depots, *told.stops]:
        if one.open > one.close:
            raise HubError("route.window", file=path, id=one.id, open=clock(one.open), close=clock(one.close))
    if not any(one.cost_per_km or one.cost_per_hour for one in told.vehicles):
        raise HubError("route.no_cost", file=path)
    loads = tuple(told.loads) or tuple(sorted({load for one in told.stops for load in (*one.deliver, *one.collect)}))
    depots = [one.id for one in told.depots]
    distance, duration, origin = _matrices(path, told, ids, roads)
    has_places = all(one.lat is not None for one in [*told.depots, *told.stops])
    return Problem(
        told.name, loads,
        tuple(
            Depot(one.id, at, one.open, one.close, round(one.loading_min * 60)) for at, one in enumerate(told.depots)
        ),
        tuple(
            Stop(one.id, len(depots) + at, _amounts(path, one.deliver, loads), _amounts(path, one.collect, loads),
                 one.open, one.close, round(one.service_min * 60), one.prize)
            for at, one in enumerate(told.stops)
        ),
        tuple(_vehicle(path, one, loads, depots) for one in told.vehicles), distance, duration, origin,
        tuple((one.lat or 0.0, one.lon or 0.0) for one in [*told.depots, *told.stops]) if has_places else None,
        step=1000, is_clock=True,
    )  # fmt: skip


def _vehicle(path: Path, one: _Vehicle, loads: Sequence[str], depots: Sequence[str]) -> Vehicle:
    start = _known(path, one.depot or depots[0], depots)
    missing = [load for load in loads if load not in one.capacity]
    if missing:
        raise HubError("route.no_capacity", file=path, vehicle=one.id, load=missing[0])
    return Vehicle(
        one.id, one.count, _amounts(path, one.capacity, loads), start,
        start if one.end is None else _known(path, one.end, depots), one.from_, one.to,
        FOREVER if one.max_hours is None else round(one.max_hours * 3600),
        FOREVER if one.max_km is None else round(one.max_km * 1000),
        one.cost_per_day, one.cost_per_km / 1000, one.cost_per_hour / 3600, one.trips,
        tuple(sorted((Break(rest.from_, rest.to, round(rest.minutes * 60)) for rest in one.breaks),
                     key=lambda rest: rest.early)),
        None if one.co2_g_per_km is None else one.co2_g_per_km / 1000,
    )  # fmt: skip


def _known(path: Path, name: str, known: Sequence[str]) -> int:
    if name not in known:
        raise HubError("route.unknown_id", file=path, id=name, suggestion=did_you_mean(name, known))
    return known.index(name)


def _amounts(path: Path, amounts: Mapping[str, int], loads: Sequence[str]) -> tuple[int, ...]:
    for load in amounts:
        _known(path, load, loads)
    return tuple(amounts.get(load, 0) for load in loads)


def _matrices(path: Path, told: _Document, ids: Sequence[str], roads: Path | None) -> tuple[IntArray, IntArray, Reason]:
    """Metres and seconds between the places in order of `ids`: as given, by road, or by the great circle."""
    given = told.distances
    if given.metres is None:
        lost = [one.id for one in [*told.depots, *told.stops] if one.lat is None or one.lon is None]
        if lost:
            raise HubError("route.no_place", file=path, id=lost[0])
        degrees = np.array([[one.lat, one.lon] for one in [*told.depots, *told.stops]], dtype=float)
        if roads is not None:
            where = [(float(lat), float(lon)) for lat, lon in degrees]
            return by_road(roads, where, factor=given.factor, km_per_hour=given.km_per_hour)
        metres = great_circle(degrees, given.factor)
        seconds = np.rint(metres / (given.km_per_hour / 3.6)).astype(np.int64)
        return metres, seconds, Reason(
            "route.distances_circle", {"factor": given.factor, "speed": given.km_per_hour}
        )  # fmt: skip
    if roads is not None:
        raise HubError("route.roads_matrix", file=path)
    order = given.places or list(ids)
    places = [_known(path, name, order) for name in ids]
    found = []
    for matrix in (given.metres, given.seconds):
        if matrix is None or len(matrix) != len(order) or any(len(row) != len(order) for row in matrix):
            raise HubError("route.matrix", file=path, places=len(order))
        found.append(np.array(matrix, dtype=np.int64)[np.ix_(places, places)])
    return found[0], found[1], Reason("route.distances_matrix")
