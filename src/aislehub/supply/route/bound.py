"""What a plan costs at least: a linear relaxation of the problem with capacity cuts.

Every stop is entered and left once or forgoes its prize; each arc costs what the cheapest vehicle pays for it; arcs
that no vehicle can drive, by load or windows, are left out. Vehicles are one pool at the depot that is nearest to each
stop, and waiting is free, so the optimum of this is below that of the problem. What vehicles have begun is paid for,
and where they are counts as a depot. Of a set of stops whose loads fill k vehicles, at least k arcs lead out (rounded
capacity cuts), found where a solution breaks them. The bound is that of the dual prices, which holds however far the
relaxation was solved.

Source: Toth & Vigo (2014), *Vehicle Routing*, 2nd ed., ch. 2; cuts by Lysgaard, Letchford & Eglese (2004),
https://doi.org/10.1007/s10107-003-0481-8, of which only the simple searches are made here.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import scipy
from numpy.typing import NDArray

from aislehub.supply.route.problem import IntArray, Problem

__all__ = ["lower_bound"]

FloatArray = NDArray[np.float64]
NEAREST = 8  # arcs per stop to begin with; others join when their price says so
BROKEN = 0.02  # by how much a cut must be broken to be worth a row
AT_ONCE = 40  # cuts a round, the most broken ones; more only slow the next round down
ROUNDS = 500  # of cuts at the most
FEW = 15  # where not time but rounds end the search


@dataclass(frozen=True)
class _Arcs:
    """Arcs between stops; −1 = the depot. A last variable per optional stop: it is left out.

    Attributes:
        tail, head: (A,).
        cost: (A,), then the prizes of optional stops.
    """

    tail: IntArray
    head: IntArray
    cost: FloatArray


def lower_bound(problem: Problem, *, seconds: float, rounds: int | None = None) -> float:
    """No plan that serves all required stops costs less than this.

    Args:
        seconds: after which the bound found so far is returned.
        rounds: given where the same bound is wanted again on any machine: the relaxation is solved a fixed number of
            times then.
    """
    done = _done(problem)
    frozen = problem.frozen
    problem = replace(problem, stops=tuple(stop for at, stop in enumerate(problem.stops) if at not in frozen))
    if not problem.stops:
        return done
    began, best = time.process_time(), 0.0
    arcs = _arcs(problem)
    rows, least, is_equal = _degrees(problem, arcs)
    active = _nearest(problem, arcs)
    cuts: set[frozenset[int]] = set()
    for _ in range(ROUNDS if rounds is None else FEW):
        found = _solve(arcs.cost, rows, least, is_equal, active)
        if found is None:  # too few arcs to serve all
            if active.all():
                return best + done
            active = np.ones_like(active)
            continue
        values, prices = found
        reduced = arcs.cost - rows.T @ prices
        best = max(best, float(least @ prices + np.minimum(reduced, 0).sum()))
        if time.process_time() - began > seconds:
            break
        missing = (reduced < -1e-7 * (1 + abs(best))) & ~active
        if missing.any():
            active |= missing
            continue
        broken = sorted(((by, sorted(one)) for one, by in _broken(problem, arcs, values) if one not in cuts))
        if not broken:
            break
        fresh = [frozenset(one) for _, one in broken[-AT_ONCE:]]
        cuts |= set(fresh)
        rows = scipy.sparse.vstack([rows, *(_out_of(arcs, one) for one in fresh)]).tocsr()
        least = np.concatenate([least, [float(_vehicles(problem, list(one))) for one in fresh]])
        is_equal = np.concatenate([is_equal, np.zeros(len(fresh), dtype=bool)])
    return best + _standing(problem) + done


# -- helpers -----------------------------------------------------------------------------------------


def _done(problem: Problem) -> float:
    """What the vehicles have cost that have begun; none of it can be saved."""
    return sum(
        one.fixed + one.per_distance * one.begun.distance + one.per_time * (one.begun.free - one.begun.loadings[0])
        for one in problem.vehicles if one.begun
    )  # fmt: skip


def _standing(problem: Problem) -> float:
    """What serving the required stops costs in time, whoever does it."""
    cheapest = min(one.per_time for one in problem.vehicles)
    return cheapest * sum(problem.stops[at].service for at in problem.required)


def _vehicles(problem: Problem, stops: list[int]) -> int:
    """Trips that the loads of these stops fill at least, 1 for any set that must be entered."""
    needed = 1 if any(problem.stops[at].prize is None for at in stops) else 0
    for dimension in range(len(problem.loads)):
        capacity = max(one.capacity[dimension] for one in problem.vehicles)
        for kind in ("delivery", "pickup"):
            load = sum(getattr(problem.stops[at], kind)[dimension] for at in stops if problem.stops[at].prize is None)
            needed = max(needed, -(-load // capacity) if capacity else needed)
    return needed


def _arcs(problem: Problem) -> _Arcs:
    stops, vehicles = problem.stops, problem.vehicles
    place = np.array([stop.place for stop in stops])
    cost = np.min(
        [one.per_distance * problem.distance + one.per_time * problem.duration for one in vehicles], axis=0
    )  # of an arc for the cheapest vehicle
    early, late, service = (np.array([getattr(stop, name) for stop in stops]) for name in ("early", "late", "service"))
    tail, head = np.nonzero(~np.eye(len(stops), dtype=bool))
    can = early[tail] + service[tail] + problem.duration[place[tail], place[head]] <= late[head]
    for dimension in range(len(problem.loads)):
        capacity = max(one.capacity[dimension] for one in vehicles)
        for kind in ("delivery", "pickup"):
            load = np.array([getattr(stop, kind)[dimension] for stop in stops])
            can &= load[tail] + load[head] <= capacity
    tail, head = tail[can], head[can]
    under_way = {one.begun.place for one in vehicles if one.begun and not one.begun.is_stranded}
    starts = np.array(sorted({problem.depots[one.start].place for one in vehicles} | under_way))
    ends = np.array(sorted({problem.depots[one.end].place for one in vehicles}))
    # A trip pays for a vehicle of its own only where each vehicle makes one.
    is_fresh = all(one.max_trips == 1 and one.begun is None for one in vehicles)
    fixed = min(one.fixed for one in vehicles) if is_fresh else 0.0
    back = ends if fixed or all(one.max_trips == 1 for one in vehicles) else np.union1d(starts, ends)
    every, none = np.arange(len(stops)), np.full(len(stops), -1)
    return _Arcs(
        np.concatenate([tail, none, every]),
        np.concatenate([head, every, none]),
        np.concatenate([
            cost[place[tail], place[head]], cost[np.ix_(starts, place)].min(axis=0) + fixed,
            cost[np.ix_(place, back)].min(axis=1), [stop.prize for stop in stops if stop.prize is not None],
        ]),
    )  # fmt: skip


def _degrees(problem: Problem, arcs: _Arcs) -> tuple[scipy.sparse.csr_matrix, FloatArray, NDArray[np.bool_]]:
    """Each stop entered and left once or left out; trips enough for the whole load, and as many back as out."""
    stops, columns = len(problem.stops), len(arcs.cost)
    optional = [at for at, stop in enumerate(problem.stops) if stop.prize is not None]
    skip = np.arange(len(arcs.tail), columns)
    into, out = np.nonzero(arcs.head >= 0)[0], np.nonzero(arcs.tail >= 0)[0]
    from_depot, to_depot = np.nonzero(arcs.tail < 0)[0], np.nonzero(arcs.head < 0)[0]
    row = np.concatenate([
        arcs.head[into], optional, stops + arcs.tail[out], np.add(optional, stops),
        np.full(len(from_depot), 2 * stops), np.full(len(to_depot), 2 * stops + 1),
    ]).astype(int)  # fmt: skip
    column = np.concatenate([into, skip, out, skip, from_depot, to_depot]).astype(int)
    rows = scipy.sparse.csr_matrix((np.ones(len(row)), (row, column)), shape=(2 * stops + 2, columns))
    trips = float(_vehicles(problem, list(range(stops))))
    least = np.concatenate([np.ones(2 * stops), [trips, trips]])
    return rows, least, np.concatenate([np.ones(2 * stops, dtype=bool), [False, False]])


def _nearest(problem: Problem, arcs: _Arcs) -> NDArray[np.bool_]:
    """The arcs to begin with: to and from the depot, and each stop's cheapest ones."""
    active = np.ones(len(arcs.cost), dtype=bool)
    inner = np.nonzero((arcs.tail >= 0) & (arcs.head >= 0))[0]
    active[inner] = False
    for side in (arcs.tail, arcs.head):
        order = inner[np.lexsort((arcs.cost[inner], side[inner]))]
        first = np.searchsorted(side[order], side[order])
        active[order[np.arange(len(order)) - first < NEAREST]] = True
    return active


def _solve(
    cost: FloatArray,
    rows: scipy.sparse.csr_matrix,
    least: FloatArray,
    is_equal: NDArray[np.bool_],
    active: NDArray[np.bool_],
) -> tuple[FloatArray, FloatArray] | None:
    """Values of all variables, and prices of all rows with the sign that makes the bound hold."""
    part = rows[:, active]
    result = scipy.optimize.linprog(
        cost[active], A_ub=-part[~is_equal], b_ub=-least[~is_equal], A_eq=part[is_equal], b_eq=least[is_equal],
        bounds=(0, 1), method="highs",
    )  # fmt: skip
    if result.status != 0:
        return None
    values, prices = np.zeros(len(cost)), np.zeros(len(least))
    values[active] = result.x
    prices[is_equal] = result.eqlin.marginals
    prices[~is_equal] = np.maximum(-result.ineqlin.marginals, 0)
    return values, prices


def _out_of(arcs: _Arcs, stops: frozenset[int]) -> scipy.sparse.csr_matrix:
    """Row of a cut: arcs that lead out of a set of stops."""
    inside = np.zeros(max(arcs.tail.max(), arcs.head.max()) + 2, dtype=bool)
    inside[list(stops)] = True  # the depot, −1, is the last place and never inside
    row = np.zeros(len(arcs.cost))
    row[: len(arcs.tail)] = inside[arcs.tail] & ~inside[arcs.head]
    return scipy.sparse.csr_matrix(row)


def _broken(problem: Problem, arcs: _Arcs, values: FloatArray) -> Iterator[tuple[frozenset[int], float]]:
    """Sets of required stops that fewer arcs leave than vehicles are needed: parts that hang together, and sets grown
    from each stop by what it is tied to most."""
    stops = len(problem.stops)
    required = np.zeros(stops, dtype=bool)
    required[list(problem.required)] = True
    inner = (arcs.tail >= 0) & (arcs.head >= 0)
    flow = np.zeros((stops, stops))
    flow[arcs.tail[inner], arcs.head[inner]] = values[: len(arcs.tail)][inner]
    tied = flow + flow.T
    seen: set[frozenset[int]] = set()
    _, part = scipy.sparse.csgraph.connected_components(scipy.sparse.csr_matrix(tied > 1e-6), directed=False)
    for number in range(part.max() + 1):
        seen.add(frozenset(np.nonzero((part == number) & required)[0].tolist()))
    for first in np.nonzero(required)[0]:
        inside, pull = [int(first)], np.where(required, tied[first], -1.0)
        pull[first] = -1
        within = 0.0
        while (following := int(pull.argmax())) >= 0 and pull[following] > 1e-6:
            within += pull[following]
            inside.append(following)
            pull = np.where(pull < 0, -1.0, pull + tied[following])
            pull[following] = -1
            # All that leave a set are its stops less what stays inside.
            if _vehicles(problem, inside) - (len(inside) - within) > BROKEN:
                seen.add(frozenset(inside))
            if len(inside) > 60:
                break
    for one in seen:
        members = list(one)
        leaving = len(members) - flow[np.ix_(members, members)].sum()
        if members and (by := float(_vehicles(problem, members) - leaving)) > BROKEN:
            yield one, by
