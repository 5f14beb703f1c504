"""From a problem to a plan: the solver that can express it, its tours counted anew, a bound, and what was left out."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from aislehub.core.errors import HubError
from aislehub.core.reasons import Reason
from aislehub.supply.route import by_ortools, by_pyvrp
from aislehub.supply.route.bound import lower_bound
from aislehub.supply.route.conflict import Unserved, alone, explain, insertions, thing_stop
from aislehub.supply.route.effort import Effort
from aislehub.supply.route.fewest import fewest_vehicles
from aislehub.supply.route.plan import Driven, Tour, cost_of, driven, missed
from aislehub.supply.route.problem import Problem

__all__ = ["Plan", "Solver", "plan_routes", "solver_for"]

BOUND = 0.08  # share of the time for the bound
FLEET = 0.5  # of the effort for any plan with one vehicle less
SECOND = 0.4  # of the effort for a plan that leaves stops out, if none was found that serves all
WHY = 0.3  # of the time to find the smallest conflicts
TRIALS = 200  # short searches for them at the most


class Solver(Protocol):
    """What a module that searches for tours offers; modules are such."""

    name: str

    def supports(self, problem: Problem) -> bool: ...

    def search(
        self,
        problem: Problem,
        *,
        seconds: float,
        seed: int,
        rounds: int | None = None,
        start: Sequence[Tour] = (),
        first: bool = False,
    ) -> list[Tour] | None: ...


@dataclass(frozen=True)
class Plan:
    """A day's tours.

    Attributes:
        cost: of the tours, and the prizes of optional stops left out.
        bound: no plan that serves the same required stops costs less.
        unserved: stops on no tour, optional ones too.
        is_repeatable: whether the same seed and rounds give this plan again, on any machine; not where time ended it.
    """

    problem: Problem
    solver: str
    seed: int
    tours: tuple[Driven, ...]
    cost: float
    bound: float
    unserved: tuple[Unserved, ...]
    is_repeatable: bool = False

    @property
    def gap(self) -> float:
        """How far the cost is above the bound at most, as a share of the cost."""
        return (self.cost - self.bound) / self.cost if self.cost > 0 else 0.0


SOLVERS: tuple[Solver, ...] = (by_pyvrp, by_ortools)


def solver_for(problem: Problem) -> Solver:
    """The first solver that can express the problem.

    Raises:
        HubError: `route.no_solver`.
    """
    for solver in SOLVERS:
        if solver.supports(problem):
            return solver
    raise HubError("route.no_solver", solvers=", ".join(solver.name for solver in SOLVERS))


def plan_routes(
    problem: Problem,
    *,
    seconds: float,
    seed: int = 0,
    rounds: int | None = None,
    start: Sequence[Tour] = (),
    fewest: bool = False,
) -> Plan:
    """Plan tours: what can be served is, and every stop left out says why.

    Args:
        seconds: of one core; on a busy machine up to half as many more by the clock.
        seed: of the search. If time ends it, the same seed may give another plan on another machine.
        rounds: of search after which it ends, too. Within the seconds the same seed then gives the same plan.
        start: tours to begin the search with, such as those of a plan that runs; stops may be missing.
        fewest: whether the number of vehicles counts before the cost.

    Raises:
        HubError: `route.no_solver`.
    """
    solver, effort = solver_for(problem), Effort(seconds, rounds)
    open_stops = [at for at in range(len(problem.stops)) if at not in problem.frozen]
    hopeless = [why for at in open_stops if (why := alone(problem, at))]
    rest = [at for at in range(len(problem.stops)) if at not in {one.stop for one in hopeless}]
    servable = problem.only(rest)
    first = [_moved(tour, {at: place for place, at in enumerate(rest)}) for tour in start]
    fleet = servable
    if fewest and rest:
        fleet, first = fewest_vehicles(
            servable, lambda part: solver.search(part, seed=seed, first=True, **effort.part(FLEET))
        )  # fmt: skip
        effort = effort.rest()
    tours, lost = _tours(fleet, solver, effort, seed, first) if rest else ((), [])
    kept = [at for at in range(len(servable.stops)) if at not in {one.stop for one in lost}]
    bound = lower_bound(servable.only(kept), **effort.part(BOUND))
    bound += sum(problem.stops[one.stop].prize or 0.0 for one in hopeless)
    whole = _counted(problem, [_moved(one.tour, dict(enumerate(rest))) for one in tours])
    cost = cost_of(problem, whole)
    unserved = [*hopeless, *(replace(one, stop=rest[one.stop]) for one in [*lost, *_not_worth(servable, tours)])]
    return Plan(
        problem, solver.name, seed, whole, cost, min(bound, cost), tuple(unserved), effort.is_repeatable
    )  # fmt: skip


# -- helpers -----------------------------------------------------------------------------------------


def _tours(
    problem: Problem, solver: Solver, effort: Effort, seed: int, start: Sequence[Tour]
) -> tuple[tuple[Driven, ...], list[Unserved]]:
    """Tours, and why required stops are on none of them."""
    tours = solver.search(problem, seed=seed, start=start, **effort.part(1 - BOUND))
    if tours is not None:
        return _counted(problem, tours), []
    counted = _counted(problem, solver.search(_optional(problem), seed=seed, **effort.part(SECOND)) or [])
    out = [at for at in missed(problem, [one.tour for one in counted]) if problem.stops[at].prize is None]
    until, trials = time.perf_counter() + effort.part(WHY)["seconds"], 0

    def feasible(part: Problem) -> bool:
        nonlocal trials
        trials += 1
        return solver.search(part, seed=seed, **effort.trial()) is not None

    def may_go_on() -> bool:
        return trials < TRIALS and time.perf_counter() < until

    return counted, explain(problem, counted, out, feasible, may_go_on)


def _optional(problem: Problem) -> Problem:
    """The problem with every required stop optional, at a price that no tour is worth."""
    dearest = sum(
        max((one.cost for number in range(len(problem.vehicles)) if (one := driven(problem, Tour(number, ((at,),))))),
            default=0.0)
        for at in range(len(problem.stops))
    )  # fmt: skip
    return replace(problem, stops=tuple(
        replace(stop, prize=dearest + 1) if stop.prize is None else stop for stop in problem.stops
    ))  # fmt: skip


def _counted(problem: Problem, tours: Sequence[Tour]) -> tuple[Driven, ...]:
    """Tours with times and cost by the problem's own rules, longest first."""
    counted = [driven(problem, tour) for tour in tours]
    assert None not in counted, "a solver broke a rule of the problem"
    return tuple(sorted((one for one in counted if one), key=lambda one: -one.cost))


def _moved(tour: Tour, place: Mapping[int, int]) -> Tour:
    """The tour with its stops' positions in another problem; stops that are not in it are left out."""
    trips = (tuple(place[at] for at in trip if at in place) for trip in tour.trips)
    return replace(tour, trips=tuple(trips), held=frozenset(place[at] for at in tour.held if at in place))


def _not_worth(problem: Problem, tours: Sequence[Driven]) -> list[Unserved]:
    """Optional stops left out: what each would cost at least on these tours, against its prize."""
    out = [at for at in missed(problem, [one.tour for one in tours]) if problem.stops[at].prize is not None]
    return [_against_prize(problem, tours, at) for at in out]


def _against_prize(problem: Problem, tours: Sequence[Driven], at: int) -> Unserved:
    stop = problem.stops[at]
    detours = [
        found.cost - tour.cost for tour in tours for wider in insertions(tour.tour, at)
        if (found := driven(problem, wider))
    ]  # fmt: skip
    facts = {"stop": stop.name, "prize": stop.prize}
    if not detours:
        return Unserved(at, Reason("route.no_room", facts), (thing_stop(stop.name),), ())
    return Unserved(
        at, Reason("route.not_worth", facts | {"cost": round(min(detours), 2)}), (thing_stop(stop.name),), ()
    )
