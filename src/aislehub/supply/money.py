"""Expected money of an order: what it earns over its protection interval, beside a baseline order.

A position y (on hand + on order + the order) must last for `cover` days: until the delivery after the next
one. Over these days it earns

    margin · E[min(D_cover, y)]  −  holding · review · (E[(y − D_lead)⁺] + E[(y − D_cover)⁺]) / 2
    −  waste · E[(y − D_life)⁺]  −  fixed cost of the order line

D_lead, D_cover and D_life are the demands until the order arrives, until the next one does, and until the order
expires (lead + shelf life); they share one daily mean and one ratio of variance to mean. The order can
change nothing before it arrives, so stock is held from then on, falling about linearly (Silver, Pyke &
Thomas 2017, §5.2); an unsold unit that keeps is an asset and costs its holding only; one that expires costs
its purchase price less what clearance brings back. The expected money of an order is this contribution minus
that of the baseline order; its interval evaluates both at the 5 % and 95 % quantiles of demand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aislehub.supply.base_stock import FloatArray, covered, demand_quantile, expected_left

__all__ = [
    "Economics", "ExpectedMoney", "Interval", "cases_worth_having", "contribution", "expected_contribution",
    "expected_money", "worth_having",
]  # fmt: skip

Left = Callable[[FloatArray, FloatArray], FloatArray]
"""(days, units) → how many of these units the demand of the first `days` days leaves over, (n,)."""


@dataclass(frozen=True)
class Interval:
    """The days an order line must last, (n,) each.

    Attributes:
        mean: expected demand over `cover`, units.
        variance: its variance, units².
        lead: days until the order is on the shelf.
        cover: days until the next order would be, > lead.
        life: days a unit can be sold after arrival; inf = keeps.
    """

    mean: FloatArray
    variance: FloatArray
    lead: FloatArray
    cover: FloatArray
    life: FloatArray

    def part(self, days: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean and variance of the demand over `days` instead of `cover`."""
        share = days / self.cover
        return self.mean * share, self.variance * share

    def of(self, rows: NDArray[np.int64]) -> Interval:
        """The interval of these lines, which may repeat."""
        return Interval(self.mean[rows], self.variance[rows], self.lead[rows], self.cover[rows], self.life[rows])


@dataclass(frozen=True)
class Economics:
    """Money per unit, (n,) each.

    Attributes:
        margin: price − cost of a unit sold.
        waste: cost − clearance value of a unit that expires.
        holding: of a unit on the shelf for a day.
        line: fixed cost of one order line.
    """

    margin: FloatArray
    waste: FloatArray
    holding: FloatArray
    line: FloatArray

    def of(self, rows: NDArray[np.int64]) -> Economics:
        """The money of these lines, which may repeat."""
        return Economics(self.margin[rows], self.waste[rows], self.holding[rows], self.line[rows])


@dataclass(frozen=True)
class ExpectedMoney:
    """Money of the order minus that of the baseline, (n,): mean, 5 % and 95 % quantile."""

    mean: FloatArray
    low: FloatArray
    high: FloatArray


def expected_money(
    order: FloatArray, baseline: FloatArray, position: FloatArray, interval: Interval, economics: Economics
) -> ExpectedMoney:
    """Contribution of `order` minus that of `baseline` over the protection interval.

    Args:
        order, baseline: units, (n,).
        position: units on hand and on order before either, (n,).
        interval: demand and days.
        economics: money per unit.

    Returns:
        Mean and 90 % interval, widened where a rare event carries the mean beyond it.
    """

    def gain(left: Left) -> FloatArray:
        earned, usual = (contribution(units, position, interval, economics, left) for units in (order, baseline))
        return earned - usual

    def left_at(level: float) -> Left:
        return lambda days, units: np.maximum(units - demand_quantile(*interval.part(days), level), 0)

    mean, few, many = gain(_on_average(interval)), gain(left_at(0.05)), gain(left_at(0.95))
    low, high = np.minimum(few, many), np.maximum(few, many)
    return ExpectedMoney(mean, np.minimum(low, mean), np.maximum(high, mean))


def expected_contribution(
    order: FloatArray, position: FloatArray, interval: Interval, economics: Economics
) -> FloatArray:
    """What a position earns over its protection interval once `order` is on top of it, (n,). Concave in `order`, but
    for the fixed cost of the line."""
    return contribution(order, position, interval, economics, _on_average(interval))


def worth_having(most: FloatArray, interval: Interval, economics: Economics) -> FloatArray:
    """The position that earns most, at most `most`: the last unit of it still earns more than it costs.

    The next unit on top of y sells within `cover` with probability P(D_cover > y), is kept for the review period
    otherwise, and expires with probability P(D_life ≤ y). Its worth falls with y, so bisection finds the last one
    that pays. Where nothing expires this is the critical-ratio quantile; it generalises it to perishable goods
    (Silver, Pyke & Thomas 2017, §9.2).

    Args:
        most: largest position wanted, whole units, (n,).
        interval: demand and days.
        economics: money per unit.
    """
    low, high = np.zeros_like(most), np.maximum(most, 0)
    while (low < high).any():
        middle = np.floor((low + high) / 2)
        earns = _next_unit(middle, interval, economics) > 0
        high = np.where(earns, high, middle)
        low = np.where(earns, np.minimum(middle + 1, high), low)
    return low


def cases_worth_having(
    most: FloatArray, position: FloatArray, case: FloatArray, interval: Interval, economics: Economics
) -> FloatArray:
    """The number of cases on top of a position that earns most, at most `most`, whole, (n,).

    What a position earns is concave, so the best whole number of cases lies next to the best position of any size.

    Args:
        most: cases, whole, (n,).
        position: units on hand and on order, (n,).
        case: units per case, > 0, (n,).
        interval: demand and days.
        economics: money per unit.
    """
    best = worth_having(np.ceil(position + most * case), interval, economics)
    fewer = np.clip(np.floor((best - position) / case), 0, most)
    more = np.minimum(fewer + 1, most)
    free = replace(economics, line=np.zeros_like(economics.line))
    few, many = (expected_contribution(cases * case, position, interval, free) for cases in (fewer, more))
    return np.where(many > few, more, fewer)


def _on_average(interval: Interval) -> Left:
    return lambda days, units: expected_left(*interval.part(days), units)


def _next_unit(units: FloatArray, interval: Interval, economics: Economics) -> FloatArray:
    """What one more unit adds to the contribution of a position of `units`."""
    unsold = covered(interval.mean, interval.variance, units)
    at_arrival = covered(*interval.part(interval.lead), units)
    spoils = np.isfinite(interval.life)
    mean, variance = interval.part(np.where(spoils, interval.lead + interval.life, 0))
    expired = np.where(spoils, covered(mean, variance, units), 0)
    kept = economics.holding * (interval.cover - interval.lead) * (at_arrival + unsold) / 2
    return economics.margin * (1 - unsold) - kept - economics.waste * expired


def contribution(
    order: FloatArray, position: FloatArray, interval: Interval, economics: Economics, left: Left
) -> FloatArray:
    """What `order` earns over the protection interval where demand leaves over what `left` says: on average, in a given
    case, or in what came to pass; (n,)."""
    units = position + order
    at_end = left(interval.cover, units)
    held = (interval.cover - interval.lead) * (left(interval.lead, units) + at_end) / 2
    spoils = np.isfinite(interval.life)
    spoiled = np.zeros_like(units)
    if spoils.any():
        spoiled[spoils] = left(np.where(spoils, interval.lead + interval.life, 0.0), units)[spoils]
    sold = units - at_end
    return economics.margin * sold - economics.holding * held - economics.waste * spoiled - economics.line * (order > 0)
