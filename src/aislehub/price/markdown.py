"""Markdown of short-dated goods: an exact dynamic programme over stock and days to expiry.

The state at the opening of a day is the units left and the price that holds. A price is set, whole units sell, and at
the close of the last day what could not be sold is worth nothing, but for units of later dates, which are worth their
cost. With Q the value of asking price j on day t,

    Q_t(s, j) = Σ_d P_t(d | j) · (net_j · min(d, s) + V_{t+1}((s − d)⁺, j))
    V_t(s, k) = max over j that may follow k of Q_t(s, j) − cost of a change · [j ≠ k]

(Gallego and van Ryzin 1994, in discrete time, with the cost of a change as in Çelik, Muharremoğlu and Savin 2009.) The
elasticity is not known exactly: the programme averages P over its distribution, each day anew. What the plan is worth
is then worked out for each value of the elasticity, kept through all days (`lasting`), and played out (`rehearse`).
First in, first out: the units that expire first sell first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aislehub.price.guardrails import BoolArray, IntArray
from aislehub.price.ladder import FloatArray
from aislehub.price.response import probabilities

__all__ = ["Clearance", "Plan", "by_stock", "lasting", "plan", "rehearse"]

_NEVER = -1e300


@dataclass(frozen=True)
class Clearance:
    """What has to be sold of n lines that expire after the same number of days T.

    Attributes:
        net: price without tax of each candidate, (n, k); the first one holds now.
        mean: expected units a day at each candidate and point of the elasticity, (n, T, k, points).
        weight: probability of each point, (points,).
        ratio: variance over mean of a day's units, (n,).
        units: whole units to sell, (n,).
        later: units among them that may still be sold after the last day, (n,).
        worth: of one such unit, its cost, (n,).
        follows: candidate j may follow candidate k, (n, k, k); keeping a price is always possible.
        first: candidate j may be asked on the first day, if it may follow the one that holds, (n, k).
        change_cost: of one change of a price.
    """

    net: FloatArray
    mean: FloatArray
    weight: FloatArray
    ratio: FloatArray
    units: IntArray
    later: FloatArray
    worth: FloatArray
    follows: BoolArray
    first: BoolArray
    change_cost: float


@dataclass(frozen=True)
class Plan:
    """The best way to sell n lines.

    Attributes:
        first: candidate to ask on the first day, (n,).
        wish: the one that would be asked if every candidate might be, (n,).
        value: expected money until expiry, with an elasticity that is drawn anew each day, (n,).
        policy: candidate to ask on day t with s units left while candidate k holds, (n, T, s, k).
    """

    first: IntArray
    wish: IntArray
    value: FloatArray
    policy: IntArray


def plan(goods: Clearance) -> Plan:
    """Solve the programme backwards, all lines at once.

    The work is n · T · k · s² for s units, so lines of like stock belong together.
    """
    lines, days, rungs = goods.mean.shape[:3]
    most = int(goods.units.max(initial=0))
    stock = np.arange(most + 1)
    value = np.repeat(_end(goods, stock)[:, :, None], rungs, axis=2)
    policy = np.zeros((lines, days, most + 1, rungs), dtype=np.int64)
    change = goods.change_cost * (1 - np.eye(rungs))
    barred = np.where(goods.follows | np.eye(rungs, dtype=bool), 0.0, _NEVER)  # (n, k, j)
    ask = np.empty((lines, most + 1, rungs))
    for day in reversed(range(days)):
        chance = np.einsum(
            "nkps,p->nks", probabilities(goods.mean[:, day], goods.ratio[:, None, None], most), goods.weight
        )
        ask = _asked(chance, goods.net, value)
        options = ask[:, :, None, :] + (barred - change)[:, None, :, :]  # (n, s, k, j)
        policy[:, day] = options.argmax(axis=3)
        value = options.max(axis=3)
    here = np.arange(lines)
    start = ask[here, goods.units] - change[0]
    may = (goods.first & goods.follows[:, 0]) | (np.arange(rungs) == 0)
    first = np.where(may, start, -np.inf).argmax(axis=1)
    return Plan(first, start.argmax(axis=1), start[here, first], policy)


def lasting(goods: Clearance, found: Plan) -> tuple[FloatArray, FloatArray]:
    """Expected money of the plan, and of the price left alone, at each point of the elasticity, (n, points) each."""
    lines, days, rungs, points = goods.mean.shape
    most = found.policy.shape[2] - 1
    here, stock = np.arange(lines), np.arange(most + 1)
    planned, stay = np.empty((lines, points)), np.empty((lines, points))
    for point in range(points):
        end = _end(goods, stock)
        value, idle = np.repeat(end[:, :, None], rungs, axis=2), end
        ask = np.empty((lines, most + 1, rungs))
        for day in reversed(range(days)):
            chance = probabilities(goods.mean[:, day, :, point], goods.ratio[:, None], most)
            ask = _asked(chance, goods.net, value)
            idle = _asked(chance[:, :1], goods.net[:, :1], idle[:, :, None])[:, :, 0]
            chosen = found.policy[:, day]
            paid = goods.change_cost * (chosen != np.arange(rungs))
            value = np.take_along_axis(ask, chosen, axis=2) - paid
        planned[:, point] = ask[here, goods.units, found.first] - goods.change_cost * (found.first != 0)
        stay[:, point] = idle[here, goods.units]
    return planned, stay


def rehearse(goods: Clearance, found: Plan, *, paths: int, seed: int) -> tuple[FloatArray, IntArray, IntArray]:
    """Play the plan and the price left alone through the same days, over and over.

    Each path draws one elasticity and keeps it; the same shoppers come under both.

    Returns:
        Money of the plan over the price left alone in every path (n, paths), and units sold under each (n, paths).
    """
    rng = np.random.default_rng(seed)
    lines, days = goods.mean.shape[:2]
    most = found.policy.shape[2] - 1
    here = np.arange(lines)[:, None]
    point = np.searchsorted(np.cumsum(goods.weight), (np.arange(paths) + 0.5) / paths)
    point = np.minimum(rng.permuted(np.tile(point, (lines, 1)), axis=1), len(goods.weight) - 1)
    start = np.broadcast_to(goods.units[:, None], (lines, paths))
    left, idle = start.copy(), start.copy()
    rung = np.zeros((lines, paths), dtype=np.int64)
    money = np.zeros((lines, paths))
    for day in range(days):
        chance = probabilities(goods.mean[:, day], goods.ratio[:, None, None], most)
        reached = np.cumsum(chance, axis=-1)
        luck = rng.random((lines, paths))[:, :, None]
        asked = found.policy[here, day, left, rung] if day else np.broadcast_to(found.first[:, None], rung.shape)
        sold = np.minimum((luck > reached[here, asked, point][..., :-1]).sum(axis=-1), left)
        unmoved = np.minimum((luck > reached[here, 0, point][..., :-1]).sum(axis=-1), idle)
        money += goods.net[here, asked] * sold - goods.net[:, :1] * unmoved - goods.change_cost * (asked != rung)
        left, idle, rung = left - sold, idle - unmoved, asked
    later = goods.later[:, None]
    money += goods.worth[:, None] * (np.minimum(left, later) - np.minimum(idle, later))
    return money, start - left, start - idle


def _end(goods: Clearance, stock: IntArray) -> FloatArray:
    """What units left after the last day are worth, (n, s)."""
    return goods.worth[:, None] * np.minimum(stock, goods.later[:, None])


def _asked(chance: FloatArray, net: FloatArray, value: FloatArray) -> FloatArray:
    """Q: expected money of asking each candidate with s units left, (n, s, k).

    Args:
        chance: P(D = d) for d < s, and P(D ≥ s) last, (n, k, s + 1).
        net: (n, k).
        value: from the next day on, (n, s, k).
    """
    units = chance.shape[2] - 1
    ahead = np.moveaxis(value, 1, 2)  # (n, k, s)
    money = np.zeros_like(chance)
    for sold in range(units + 1):
        # Exactly `sold` units are wanted, and there are more than that; or at least `sold`, all there are.
        exact = chance[:, :, sold : sold + 1] * (net[:, :, None] * sold + ahead[:, :, : units + 1 - sold])
        money[:, :, sold + 1 :] += exact[:, :, 1:]
        at_least = 1 - chance[:, :, :sold].sum(axis=2)
        money[:, :, sold] += at_least * (net * sold + ahead[:, :, 0])
    return np.moveaxis(money, 2, 1)


def by_stock(units: IntArray, days: IntArray) -> Sequence[IntArray]:
    """Indices of lines that can be solved together: the same days, and stock within a factor of four."""
    size = np.ceil(np.log2(np.maximum(units, 1)) / 2).astype(np.int64)
    groups: dict[tuple[int, int], list[int]] = {}
    for line, key in enumerate(zip(days.tolist(), size.tolist(), strict=True)):
        groups.setdefault(key, []).append(line)
    return [np.array(lines) for _, lines in sorted(groups.items())]
