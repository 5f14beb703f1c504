"""A routing problem: depots, stops, vehicles, and how far apart everything is.

All amounts are whole numbers, as solvers want them: distances and times in the problem's own units (metres and seconds
of a JSON problem, tenths of a unit of Solomon's), loads in units small enough to be whole. Rates of cost turn them
into money, or into the cost that a benchmark's file defines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aislehub.core.reasons import Reason

__all__ = ["FOREVER", "Break", "Depot", "IntArray", "Problem", "Stop", "Vehicle"]

IntArray = NDArray[np.int64]
FOREVER = 10**12  # a time or a distance that nothing reaches: no limit


@dataclass(frozen=True)
class Depot:
    """Where vehicles load.

    Attributes:
        place: its row in the matrices.
        early, late: when it is open.
        loading: time that loading takes before each trip.
    """

    name: str
    place: int
    early: int = 0
    late: int = FOREVER
    loading: int = 0


@dataclass(frozen=True)
class Stop:
    """Someone to be visited once.

    Attributes:
        place: its row in the matrices.
        delivery, pickup: what is brought from the depot and taken back to it, one number per dimension of load.
        early, late: between them the service begins; a vehicle may wait for it.
        service: how long the vehicle stands there.
        prize: what is lost if it is left out; None = it must be served.
    """

    name: str
    place: int
    delivery: tuple[int, ...]
    pickup: tuple[int, ...]
    early: int = 0
    late: int = FOREVER
    service: int = 0
    prize: float | None = None


@dataclass(frozen=True)
class Break:
    """A driver's rest, begun between `early` and `late`; driving may be interrupted for it, service may not."""

    early: int
    late: int
    duration: int


@dataclass(frozen=True)
class Vehicle:
    """A type of vehicle with its driver's day.

    Attributes:
        count: how many of them there are.
        capacity: what one carries at most, per dimension of load.
        start, end: positions of the depots where its day begins and ends.
        early, late: earliest start and latest end of the day.
        max_duration, max_distance: of the day.
        fixed, per_distance, per_time: cost of using one at all, of a unit of distance and of a unit of time.
        max_trips: how often it may load at its first depot in a day.
        co2: grams of CO2 per unit of distance; None = unknown.
    """

    name: str
    count: int
    capacity: tuple[int, ...]
    start: int = 0
    end: int = 0
    early: int = 0
    late: int = FOREVER
    max_duration: int = FOREVER
    max_distance: int = FOREVER
    fixed: float = 0.0
    per_distance: float = 1.0
    per_time: float = 0.0
    max_trips: int = 1
    breaks: tuple[Break, ...] = ()
    co2: float | None = None


@dataclass(frozen=True)
class Problem:
    """All that a plan of one day must respect.

    Attributes:
        loads: names of the dimensions of load.
        distance, duration: between places, (places, places) each.
        origin: where distances come from, said on the plan.
        places: latitude and longitude of each place; None where places have none.
        step: units of distance in one unit that people read (1,000 metres in a kilometre).
        is_clock: whether times are seconds of a day.
    """

    name: str
    loads: tuple[str, ...]
    depots: tuple[Depot, ...]
    stops: tuple[Stop, ...]
    vehicles: tuple[Vehicle, ...]
    distance: IntArray
    duration: IntArray
    origin: Reason
    places: tuple[tuple[float, float], ...] | None = None
    step: int = 1
    is_clock: bool = False

    @property
    def required(self) -> tuple[int, ...]:
        """Positions of the stops that must be served."""
        return tuple(at for at, stop in enumerate(self.stops) if stop.prize is None)

    def only(self, stops: Sequence[int]) -> Problem:
        """The same problem with these stops alone; their positions change."""
        return replace(self, stops=tuple(self.stops[at] for at in stops))
