"""Replay an ordering rule over demand that happened: what fill rate and what stock would it have had?

A day opens with the deliveries due, then the rule orders where the calendar says so, then customers
come; what is not on the shelf is lost. A rule sees the days before the one that opens, never more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aislehub.supply.base_stock import FloatArray

__all__ = ["Replay", "Rule", "Shelf", "Supply", "replay"]

Rule = Callable[[int, FloatArray, NDArray[np.int64]], FloatArray]
"""(day t, demand[:, :t], rows that may order today (k,)) → order-up-to level of those rows, units, (k,)."""


@dataclass(frozen=True)
class Supply:
    """The terms on which each series is supplied.

    Attributes:
        lead: days from order to shelf, (n,), 0 = before the shop opens.
        review: days between orders, (n,), at least 1.
        first: day of the first order opportunity, (n,).
        case: units per case, (n,).
        life: days a unit can be sold after arrival, (n,); inf = for ever.
    """

    lead: NDArray[np.int64]
    review: NDArray[np.int64]
    first: NDArray[np.int64]
    case: FloatArray
    life: FloatArray

    @property
    def cover(self) -> NDArray[np.int64]:
        """Days an order must last: until the delivery after the next one."""
        return self.lead + self.review


@dataclass(frozen=True)
class Replay:
    """What happened, per series and day, (n, days).

    Attributes:
        demand: units asked for.
        lost: units asked for and not on the shelf.
        stock: units on the shelf at closing time.
        spoiled: units thrown away at closing time.
        ordered: units ordered at opening time.
        on_order: units on their way at the end, (n,).
    """

    demand: FloatArray
    lost: FloatArray
    stock: FloatArray
    spoiled: FloatArray
    ordered: FloatArray
    on_order: FloatArray

    def fill_rate(self, first: int = 0, last: int | None = None) -> float:
        """Share of demanded units that were sold, in days `first` … `last` − 1."""
        asked = self.demand[:, first:last].sum()
        return float(1 - self.lost[:, first:last].sum() / asked) if asked > 0 else 1.0

    def mean_stock(self, first: int = 0, last: int | None = None) -> float:
        """Mean units on the shelf at closing time, per series."""
        return float(self.stock[:, first:last].mean())


def replay(demand: FloatArray, supply: Supply, rule: Rule, *, start: int = 0) -> Replay:
    """Run `rule` over days `start` … T − 1.

    Stock starts at the rule's own level of the first day, which the warm-up before the scored days levels
    out. Orders are rounded up to whole cases. Units are sold oldest first.

    Args:
        demand: units per day, (n, T).
        supply: terms of supply, (n,) each.
        rule: the ordering rule.
        start: first day replayed; days before it are history for the rule.
    """
    n, days = demand.shape[0], demand.shape[1] - start
    everyone = np.arange(n)
    lost, stock, spoiled, ordered = (np.zeros((n, days)) for _ in range(4))
    pipeline = np.zeros((n, int(supply.lead.max(initial=0)) + 1))
    shelf = Shelf(supply.life)
    for day in range(days):
        t = start + day
        slot = t % pipeline.shape[1]
        if day == 0:
            shelf.put(_whole_cases(rule(t, demand[:, :t], everyone), supply.case))
        else:
            shelf.put(pipeline[:, slot])
        pipeline[:, slot] = 0
        due = np.flatnonzero((t - supply.first) % supply.review == 0) if day else everyone[:0]
        if len(due):
            position = shelf.units()[due] + pipeline[due].sum(axis=1)
            quantity = _whole_cases(rule(t, demand[:, :t], due) - position, supply.case[due])
            ordered[due, day] = quantity
            now = supply.lead[due] == 0
            shelf.add(due[now], quantity[now])
            later = due[~now]
            pipeline[later, (t + supply.lead[later]) % pipeline.shape[1]] += quantity[~now]
        sold = shelf.take(demand[:, t])
        lost[:, day] = demand[:, t] - sold
        spoiled[:, day] = shelf.age()
        stock[:, day] = shelf.units()
    return Replay(demand[:, start:], lost, stock, spoiled, ordered, pipeline.sum(axis=1))


def _whole_cases(units: FloatArray, case: FloatArray) -> FloatArray:
    return np.maximum(np.ceil(units / case - 1e-9), 0) * case


class Shelf:
    """Units by days left to sell, oldest first; one bucket when nothing spoils.

    Args:
        life: days a unit can be sold after arrival, (n,); inf = for ever.
    """

    def __init__(self, life: FloatArray) -> None:
        perishable = np.isfinite(life)
        longest = int(life[perishable].max()) if perishable.any() else 0
        self._fresh = np.where(perishable, np.minimum(life, longest), 1).astype(np.int64).clip(1) - 1
        self._perishable = perishable
        self._units = np.zeros((len(life), max(longest, 1)))
        self._everyone = np.arange(len(life))

    def units(self) -> FloatArray:
        return self._units.sum(axis=1)

    def put(self, quantity: FloatArray) -> None:
        """Units that can be sold for their whole life, (n,)."""
        self.add(self._everyone, quantity)

    def add(self, rows: NDArray[np.int64], quantity: FloatArray) -> None:
        self._units[rows, self._fresh[rows]] += quantity

    def put_aged(self, rows: NDArray[np.int64], days_left: NDArray[np.int64], units: FloatArray) -> None:
        """Units of these rows that can be sold so many days more, at most for their whole life; (m,) each."""
        left = np.minimum(days_left - 1, self._fresh[rows])
        np.add.at(self._units, (rows, np.where(self._perishable[rows], left, 0)), units)

    def take(self, wanted: FloatArray) -> FloatArray:
        """Sell oldest first; returns units sold, (n,)."""
        before = np.cumsum(self._units, axis=1)
        sold = np.minimum(before[:, -1], wanted)
        after = np.maximum(before - sold[:, None], 0)
        self._units = np.diff(after, axis=1, prepend=0.0)
        return sold

    def age(self) -> FloatArray:
        """One day passes; returns units that spoiled, (n,)."""
        spoiled = np.where(self._perishable, self._units[:, 0], 0.0)
        if self._units.shape[1] > 1:
            moved = np.concatenate([self._units[:, 1:], np.zeros((len(self._units), 1))], axis=1)
            self._units = np.where(self._perishable[:, None], moved, self._units)
        else:
            self._units = self._units - spoiled[:, None]
        return spoiled
