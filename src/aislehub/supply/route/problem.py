"""A routing problem: depots, stops, vehicles, and how far apart everything is.

All amounts are whole numbers, as solvers want them: distances and times in the problem's own units (metres and seconds
of a JSON problem, tenths of a unit of Solomon's), loads in units small enough to be whole. Rates of cost turn them
into money, or into the cost that a benchmark's file defines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aislehub.core.reasons import Reason

__all__ = ["FOREVER", "Begun", "Break", "Depot", "IntArray", "Pause", "Problem", "Promise", "Stop", "Vehicle", "Visit"]

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
class Promise:
    """What a customer was told: this vehicle, beginning in this time.

    Attributes:
        vehicle: its position.
        worth: cost of not keeping it.
    """

    vehicle: int
    early: int
    late: int
    worth: float


@dataclass(frozen=True)
class Stop:
    """Someone to be visited once.

    Attributes:
        place: its row in the matrices.
        delivery, pickup: what is brought from the depot and taken back to it, one number per dimension of load.
        early, late: between them the service begins; a vehicle may wait for it.
        service: how long the vehicle stands there.
        prize: what is lost if it is left out; None = it must be served.
        only: positions of the vehicles that may serve it; None = any.
        promise: what was promised, if anything; it may be broken at a cost.
    """

    name: str
    place: int
    delivery: tuple[int, ...]
    pickup: tuple[int, ...]
    early: int = 0
    late: int = FOREVER
    service: int = 0
    prize: float | None = None
    only: frozenset[int] | None = None
    promise: Promise | None = None


@dataclass(frozen=True)
class Break:
    """A driver's rest, begun between `early` and `late`; driving may be interrupted for it, service may not."""

    early: int
    late: int
    duration: int


@dataclass(frozen=True)
class Visit:
    """One stop of a tour: arrival, begin of service (later, if the vehicle has to wait) and departure."""

    stop: int
    arrive: int
    begin: int
    leave: int


@dataclass(frozen=True)
class Pause:
    """A break that the driver takes."""

    begin: int
    end: int


@dataclass(frozen=True)
class Begun:
    """What a vehicle has driven of its day, or is driving: nothing of it can be changed.

    Attributes:
        trips: positions of the stops of each trip that it has loaded; of the running one, those visited or driven to.
        loadings, visits, pauses: when.
        free: from when on it can be told something new,
        place: and where it is then.
        distance: driven until then.
        is_back: whether that is at a depot after its last trip: of that trip nothing is left.
        on_board: stops whose goods it has loaded and not yet brought; nobody else has them.
        aboard: load that it takes back to the depot, for nobody wants it any more, per dimension.
        is_stranded: whether it drives no further.
    """

    trips: tuple[tuple[int, ...], ...]
    loadings: tuple[int, ...]
    visits: tuple[Visit, ...]
    pauses: tuple[Pause, ...]
    free: int
    place: int
    distance: int
    is_back: bool
    on_board: frozenset[int]
    aboard: tuple[int, ...]
    is_stranded: bool = False

    @property
    def stops(self) -> tuple[int, ...]:
        """The stops that stay as they are, in order."""
        return tuple(at for trip in self.trips for at in trip)


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
        begun: the part of its day that cannot be changed any more; a vehicle with one is a single one.
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
    begun: Begun | None = None


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

    @property
    def frozen(self) -> frozenset[int]:
        """Positions of the stops that have been visited or are being driven to."""
        return frozenset(at for one in self.vehicles if one.begun for at in one.begun.stops)

    def only(self, stops: Sequence[int]) -> Problem:
        """The same problem with these stops alone, and after them those that are frozen; positions change."""
        kept = [*stops, *sorted(self.frozen - set(stops))]
        place = {at: number for number, at in enumerate(kept)}
        vehicles = tuple(replace(one, begun=one.begun and _renumbered(one.begun, place)) for one in self.vehicles)
        return replace(self, stops=tuple(self.stops[at] for at in kept), vehicles=vehicles)


# -- helpers -----------------------------------------------------------------------------------------


def _renumbered(begun: Begun, place: Mapping[int, int]) -> Begun:
    return replace(
        begun,
        trips=tuple(tuple(place[at] for at in trip) for trip in begun.trips),
        visits=tuple(replace(visit, stop=place[visit.stop]) for visit in begun.visits),
        on_board=frozenset(place[at] for at in begun.on_board if at in place),
    )
