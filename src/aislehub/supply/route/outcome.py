"""What a day of tours turned out to save: its money over fixed tours, counted again with the roads of that day.

Drivers, or the telematics of their vehicles, write when they arrived at each stop and left it, and how far they drove.
How much longer than planned the ways of that day took is known from that, for the tours that were driven. The fixed
tours were not driven; they are taken to have met the same roads. Unloading took what it took, with either.

    measured = expected + (longer ways: what fixed tours pay for them − what the plan does)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import ibis
import numpy as np
from numpy.typing import NDArray

from aislehub.core.decision import carried_out
from aislehub.core.judging import Measured
from aislehub.core.tables import Tables
from aislehub.supply.route.deliveries import seconds_of

__all__ = ["judge_routes", "judges"]

FloatArray = NDArray[np.float64]
_Key = tuple[str, str | None, str | None, int]
"""Tour, store, order, and how often the tour came there before."""
REPORTED = 0.8
"""Share of the stops whose arrival has to be known."""
DRAWS = 400  # of the tours, with replacement, for the interval
LEAST_DRIVE = 60  # seconds: arrivals of stops closer together say nothing of the roads


@dataclass(frozen=True)
class _Ways:
    """Of each tour that was driven, (tours,) each: what was planned and what became of it, known ways only.

    Attributes:
        seconds, seconds_planned: between a departure and the next arrival.
        km, km_planned: of all stops.
    """

    seconds: FloatArray
    seconds_planned: FloatArray
    km: FloatArray
    km_planned: FloatArray

    def ratios(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Real over planned time and distance, (draws,) each, for weights of the tours, (draws, tours)."""
        time = _ratio(weights @ self.seconds, weights @ self.seconds_planned)
        return time, _ratio(weights @ self.km, weights @ self.km_planned)


def judge_routes(
    tables: Tables, decisions: Sequence[Mapping[str, Any]], *, day: date, today: date
) -> dict[str, Measured]:
    """Measure plans of `day` by what was reported of their tours until the close of `today`.

    Left out are those that were not carried out, and those of which fewer than four in five stops have reported.
    """
    found = {}
    for decision in decisions:
        tours = carried_out(decision).get("tours", [])
        reported = _reported(tables, decision["store"], date.fromisoformat(decision["subject"]), today)
        stops = [_keys(decision, tour) for tour in tours]
        known = [key for tour in stops for key in tour if key in reported and reported[key]["arrived_at"]]
        if decision["state"] in ("rejected", "expired") or not known or len(known) < REPORTED * sum(map(len, stops)):
            continue
        found[decision["id"]] = _measured(decision, _ways(tours, stops, reported), [reported[key] for key in known])
    return found


judges = {"routes": judge_routes}


# -- helpers -----------------------------------------------------------------------------------------


def _reported(tables: Tables, depot: str, day: date, today: date) -> dict[_Key, dict[str, Any]]:
    """Rows of `shipments` by stop, those that say something first."""

    def mine(t: Tables) -> Any:
        rows = t.read("shipments", as_of=today)
        return rows.filter((rows.depot == depot) & (rows.day == ibis.literal(day)))

    rows = sorted(tables.run(mine).to_pylist(), key=lambda row: (row["arrived_at"] is None, row["stop"]))
    return dict(zip(_counted((row["shipment"], row["store"], row["order"]) for row in rows), rows, strict=True))


def _keys(decision: Mapping[str, Any], tour: Mapping[str, Any]) -> list[_Key]:
    """A tour's stops, as `shipments` knows them: numbers there do not follow the order of the plan."""
    shipment = f"{decision['subject']}/{decision['store']}/{tour['vehicle']}"
    return _counted((shipment, stop["store"], stop["order"]) for stop in tour["stops"])


def _counted(stops: Iterable[tuple[str, str | None, str | None]]) -> list[_Key]:
    """Stops with how often the same place came before: what no vehicle holds at once is brought in parts."""
    seen: Counter[tuple[str, str | None, str | None]] = Counter()
    found = []
    for stop in stops:
        found.append((*stop, seen[stop]))
        seen[stop] += 1
    return found


def _ways(
    tours: Sequence[Mapping[str, Any]], stops: Sequence[Sequence[_Key]],
    reported: Mapping[_Key, Mapping[str, Any]],
) -> _Ways:  # fmt: skip
    rows = []
    for tour, keys in zip(tours, stops, strict=True):
        real = planned = km = km_planned = 0.0
        for at, (stop, key) in enumerate(zip(tour["stops"], keys, strict=True)):
            row, before = reported.get(key), reported.get(keys[at - 1]) if at else None
            if row is not None and row["arrived_at"] is not None:
                km, km_planned = km + (row["distance_km"] or stop["km"]), km_planned + stop["km"]
            same_trip = at > 0 and tour["stops"][at - 1]["trip"] == stop["trip"]
            if row is None or before is None or not same_trip:
                continue
            drive = seconds_of(stop["arrives"]) - seconds_of(tour["stops"][at - 1]["leaves"])
            if row["arrived_at"] is not None and before["left_at"] is not None and drive >= LEAST_DRIVE:
                real += max(_seconds(before["left_at"], row["arrived_at"]), 0.0)
                planned += drive
        rows.append((real, planned, km, km_planned))
    return _Ways(*np.array(rows).T)


def _measured(decision: Mapping[str, Any], ways: _Ways, known: Sequence[Mapping[str, Any]]) -> Measured:
    """Expected money, moved by what longer ways cost more on fixed tours than on the planned ones."""
    tours = len(ways.km)
    rng = np.random.default_rng(int(decision["id"], 16))
    drawn = rng.multinomial(tours, np.full(tours, 1 / tours), size=DRAWS).astype(np.float64)
    (slower,), (longer,) = ways.ratios(np.ones((1, tours)))
    paid = {name: _paid(decision[name]["tours"]) for name in ("action", "baseline")}
    by_km, by_hour = (paid["baseline"][at] - paid["action"][at] for at in (0, 1))

    def money(of: tuple[Any, Any]) -> Any:
        return decision["money"] + (of[1] - 1) * by_km + (of[0] - 1) * by_hour

    low, high = np.quantile(money(ways.ratios(drawn)), [0.05, 0.95])
    value = float(money((slower, longer)))
    facts = {
        "stops": len(known), "time": round(100 * slower), "km": round(100 * longer),
        "failed": sum(row["outcome"] in ("failed", "refused") for row in known),
    }  # fmt: skip
    return Measured(
        money=round(value, 4), low=round(min(float(low), value), 4), high=round(max(float(high), value), 4),
        chosen=_chosen(decision, float(slower), float(longer)), method="routes.measured_roads", facts=facts,
    )  # fmt: skip


def _chosen(decision: Mapping[str, Any], slower: float, longer: float) -> float | None:
    """Money over fixed tours of the tours that a person put in the place of the planned ones; None where nobody did."""
    if not decision["override"]:
        return None
    costs = [
        sum(tour["cost"] for tour in part) + (longer - 1) * _paid(part)[0] + (slower - 1) * _paid(part)[1]
        for part in (decision["baseline"]["tours"], carried_out(decision)["tours"])
    ]
    return round(costs[0] - costs[1], 4)


def _paid(tours: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """What tours pay for kilometres and for hours on the road."""
    by_km = sum(tour["rates"]["km"] * tour["km"] for tour in tours)
    return by_km, sum(tour["rates"]["hour"] * tour["driving"] for tour in tours)


def _ratio(real: FloatArray, planned: FloatArray) -> FloatArray:
    """1 where nothing is known."""
    return np.divide(real, planned, out=np.ones(len(real)), where=planned > 0)


def _seconds(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds()
