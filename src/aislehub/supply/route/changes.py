"""What a plan made anew changes, for each driver and each customer, in sentences and as data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from aislehub.core.reasons import Reason
from aislehub.supply.route.conflict import span
from aislehub.supply.route.document import moment, stop_id
from aislehub.supply.route.plan import Driven
from aislehub.supply.route.problem import Problem
from aislehub.supply.route.replan import Replanned

__all__ = ["changes"]


def changes(problem: Problem, made: Replanned) -> dict[str, Any]:
    """Fields for the plan's document: how many stops were moved, which drivers' tours are other ones, and which
    customers have to be told something.

    Args:
        problem: that was given to `replan`.
    """
    return {
        "now": moment(problem, made.now), "cost_before": round(sum(one.cost for one in made.before), 6),
        "move_weight": round(made.move_weight, 4), "shift": span(problem, made.shift),
        "promised": len(made.promised), "moved": _ids(problem, sorted(made.moved)),
        "cancelled": _ids(problem, sorted(made.cancelled)),
        "too_late": [reason.sentence() for reason in made.too_late],
        "drivers": list(_drivers(problem, made)), "customers": list(_customers(problem, made)),
    }  # fmt: skip


# -- helpers -----------------------------------------------------------------------------------------


def _drivers(problem: Problem, made: Replanned) -> Iterator[dict[str, Any]]:
    """Each vehicle with stops that come, go or change places, or a day that ends at another time."""
    tour_of = {one.tour.vehicle: number for number, one in enumerate(made.plan.tours)}
    now_at = {number: tour_of.get(vehicle) for vehicle, number in enumerate(made.numbers) if number is not None}
    pairs: list[tuple[int | None, int | None]] = [(number, now_at.get(number)) for number in range(len(made.before))]
    pairs += [(None, tour_of[vehicle]) for vehicle, number in enumerate(made.numbers)
              if number is None and vehicle in tour_of]  # fmt: skip
    for before, after in pairs:
        was = None if before is None else made.before[before]
        now = None if after is None else made.plan.tours[after]
        old = list(was.tour.stops) if was else []
        new = [made.stops[at] for at in now.tour.stops] if now else []
        gone, come = [at for at in old if at not in new], [at for at in new if at not in old]
        is_other_order = [at for at in old if at in new] != [at for at in new if at in old]
        ends = was and moment(problem, was.times.end), now and moment(problem, now.times.end)
        if not (gone or come or is_other_order or ends[0] != ends[1]):
            continue
        label = _label(made.plan.problem, now, after) if now else _label(problem, was, before)
        facts = {"vehicle": label, "before": ends[0], "after": ends[1], "order": _names(problem, new)}
        facts |= {"gone": _names(problem, gone), "come": _names(problem, come)}
        facts |= {"start": now and moment(problem, now.times.start)}
        begun = now and made.plan.problem.vehicles[now.tour.vehicle].begun
        is_broken = bool(begun and begun.is_stranded and not begun.is_back)
        said = {
            "starts": was is None, "stays": now is None, "broken": is_broken, "gone": bool(gone and now),
            "come": bool(come), "order": is_other_order,
            "end": was is not None and now is not None and not is_broken and ends[0] != ends[1],
        }  # fmt: skip
        yield {
            "vehicle": label, "removed": _ids(problem, gone), "added": _ids(problem, come), "end_before": ends[0],
            "end_after": ends[1],
            "what": [Reason(f"route.driver_{what}", facts).sentence() for what, holds in said.items() if holds],
        }  # fmt: skip


def _customers(problem: Problem, made: Replanned) -> Iterator[dict[str, Any]]:
    """Each stop that is cancelled, new, moved, or not served any more."""
    before = _visits(problem, made.before, range(len(problem.stops)))
    after = _visits(made.plan.problem, made.plan.tours, made.stops)
    for at, stop in enumerate(problem.stops):
        facts: dict[str, Any] = {"stop": stop.name}
        if at in before:
            facts |= dict(zip(("vehicle_before", "begin_before"), before[at], strict=True))
        if at in after:
            facts |= dict(zip(("vehicle_after", "begin_after"), after[at], strict=True))
        if at in made.cancelled:
            what = "cancelled" if at in before else None
        elif at in after:
            what = "moved" if at in made.moved else None if at in before else "new"
        else:
            what = "lost" if at in before else None
        if what:
            told = Reason(f"route.customer_{what}", facts).sentence()
            yield facts | {"stop": stop_id(problem, at), "what": told}


def _visits(problem: Problem, tours: Sequence[Driven], stops: Sequence[int]) -> dict[int, tuple[str, str | float]]:
    """Vehicle and begin of the service of each stop."""
    return {
        stops[visit.stop]: (_label(problem, one, number), moment(problem, visit.begin))
        for number, one in enumerate(tours) for visit in one.times.visits
    }  # fmt: skip


def _label(problem: Problem, one: Driven | None, number: int | None) -> str:
    """A vehicle with the number of its tour, for there may be several of its name."""
    assert one is not None and number is not None, "a tour that changes was driven, or is"
    return f"{problem.vehicles[one.tour.vehicle].name} #{number + 1}"


def _names(problem: Problem, stops: list[int]) -> str:
    return ", ".join(problem.stops[at].name for at in stops)


def _ids(problem: Problem, stops: list[int]) -> list[str | int]:
    return [stop_id(problem, at) for at in stops]
