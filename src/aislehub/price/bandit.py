"""A contextual bandit for promotions: which lines to promote in a coming week, how deep, and with what probability.

The arms of a line (an item in a store) are the discounts, none among them. Money of an arm is what it adds to the
contribution of not promoting: the line's own, less what shoppers will not buy later and what its neighbours lose, plus
what more visitors bring. Two ways to choose between earning and learning:

- Thompson sampling (Thompson 1933; Agrawal & Goyal 2013, https://arxiv.org/abs/1209.3352): an arm is chosen as often as
  it is the best in draws from the belief. Because a store may promote only so many items, the best set is taken in each
  draw.
- LinUCB (Li et al. 2010, https://arxiv.org/abs/1003.0146): each effect is taken `width` standard deviations above its
  mean, and the best set of that is chosen.

Either gives a table of probabilities, mixed with a little even exploration. The arms are then drawn from exactly this
table by systematic sampling (Madow 1949), which never exceeds the budget; so the logged propensity of each arm is the
probability with which it was drawn, not an estimate of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from aislehub.price.belief import Belief, BoolArray, FloatArray, IntArray, features

__all__ = [
    "GREEDY", "Lines", "Terms", "best_set", "chances", "draw_arms", "effects", "linucb", "money", "of_neighbours",
    "thompson",
]  # fmt: skip

LEAST_GAIN = 1e-9


@dataclass(frozen=True)
class Lines:
    """What is known of n lines before a week, (n,) each.

    Attributes:
        store, item: numbers from 0.
        usual: units that sell in the week without a promotion.
        price: of a unit, without tax and discount; cost: of a unit.
        keeps: whether shoppers can stock it.
        stock: most units that can be sold in the week; inf = it can be ordered in time.
        allowed: which arms the guard-rails let pass, (n, A); arm 0, no promotion, always.
    """

    store: IntArray
    item: IntArray
    usual: FloatArray
    price: FloatArray
    cost: FloatArray
    keeps: BoolArray
    stock: FloatArray
    allowed: BoolArray


@dataclass(frozen=True)
class Terms:
    """What may be promoted, and how boldly the bandit explores.

    Attributes:
        budget: lines that a store may promote in the week.
        leaflet: what it costs to promote a line for the week.
        method: thompson or linucb.
        temper: factor on the belief's standard deviations in Thompson's draws.
        confidence: standard deviations that LinUCB adds to an effect.
        explore: share of the budget that is spent evenly over what is allowed.
    """

    budget: int
    leaflet: float
    method: str = "thompson"
    temper: float = 0.3
    confidence: float = 0.3
    explore: float = 0.005

    def within(self, other: Terms) -> Terms:
        """The same boldness within another budget and cost."""
        return replace(self, budget=other.budget, leaflet=other.leaflet)


GREEDY = Terms(0, 0.0, method="linucb", confidence=0.0, explore=0.0)
"""Takes what is expected to earn most."""


def chances(belief: Belief, lines: Lines, depths: FloatArray, terms: Terms, rng: np.random.Generator) -> FloatArray:
    """Probability of each arm by the method of the terms, (n, A)."""
    common: dict[str, Any] = {"leaflet": terms.leaflet, "budget": terms.budget, "explore": terms.explore}
    if terms.method == "thompson":
        return thompson(belief.tempered(terms.temper), lines, depths, rng=rng, **common)
    return linucb(belief, lines, depths, width=terms.confidence, **common)


def money(
    belief: Belief, lines: Lines, depths: FloatArray, leaflet: float, *, width: FloatArray | None = None,
    own: FloatArray | None = None, traffic: float | None = None,
) -> FloatArray:  # fmt: skip
    """Contribution of each arm over that of not promoting, (…, n, A).

    Args:
        depths: of the arms, the first 0, (A,).
        leaflet: what it costs to promote a line for the week.
        width: added to the logarithm of each arm's effect, (n, A).
        own, traffic: drawn from the belief, (I, 3) and a number; None = its means.

    Returns:
        (n, A).
    """
    own = belief.mean if own is None else own
    traffic = float(belief.traffic[0]) if traffic is None else traffic
    effect = effects(own, lines, depths) + (0.0 if width is None else width)
    margin = lines.price - lines.cost
    before = np.minimum(lines.usual, lines.stock)[:, None]
    units = np.minimum(lines.usual[:, None] * np.exp(np.clip(effect, -3.0, 3.0)), lines.stock[:, None])
    asked = lines.price[:, None] * (1 - depths) - lines.cost[:, None]
    usual_money = lines.usual * margin
    later = own[lines.item, 2, None] * np.maximum(units - before, 0) * (lines.keeps * margin)[:, None]
    beside = effect * of_neighbours(usual_money, belief.taken.T, lines)[:, None]
    visitors = traffic * _store_money(lines, usual_money)[:, None]
    earned = asked * units - margin[:, None] * before - later - beside + visitors - leaflet
    return np.asarray(np.where(depths > 0, earned, 0.0))


def effects(own: FloatArray, lines: Lines, depths: FloatArray) -> FloatArray:
    """Log effect of each arm on the line's units, (n, A)."""
    return np.asarray((own[:, :2] @ features(depths).T)[lines.item])


def of_neighbours(values: FloatArray, matrix: Any, lines: Lines) -> FloatArray:
    """Sums of the values of the items of a line's own store, weighted by the item's row of the matrix, (n,)."""
    table = np.zeros((int(lines.store.max(initial=0)) + 1, matrix.shape[0]))
    table[lines.store, lines.item] = values
    return np.asarray((matrix @ table.T).T[lines.store, lines.item])


def _store_money(lines: Lines, usual_money: FloatArray) -> FloatArray:
    """Share of each line in the units of its store, times what its store earns in the week, (n,)."""
    units = np.bincount(lines.store, lines.usual)[lines.store]
    return np.asarray(lines.usual / np.maximum(units, 1e-9) * np.bincount(lines.store, usual_money)[lines.store])


def thompson(
    belief: Belief, lines: Lines, depths: FloatArray, *, leaflet: float, budget: int, explore: float,
    rng: np.random.Generator, draws: int = 100,
) -> FloatArray:  # fmt: skip
    """Probability of each arm, (n, A): how often it is in the best set of a draw, mixed with even exploration.

    Args:
        budget: lines that a store may promote.
        explore: share of the budget that is spent evenly over what is allowed.
        draws: from the belief.
    """
    own, traffic = belief.draw(rng, draws)
    chance = np.zeros((len(lines.store), len(depths)))
    for one in range(draws):
        chance += best_arms(belief, lines, depths, leaflet, budget, own=own[one], traffic=float(traffic[one]))
    return _explored(chance / draws, lines, budget, explore)


def linucb(
    belief: Belief, lines: Lines, depths: FloatArray, *, leaflet: float, budget: int, explore: float, width: float
) -> FloatArray:
    """Probability of each arm, (n, A): the best set of upper confidence bounds, mixed with even exploration.

    Args:
        width: standard deviations by which an effect is taken above its mean; 0 = the greedy policy.
    """
    phi = features(depths)
    spread = np.sqrt(np.einsum("ak,ikl,al->ia", phi, belief.covariance[:, :2, :2], phi))[lines.item]
    best = best_arms(belief, lines, depths, leaflet, budget, width=width * spread)
    return _explored(best, lines, budget, explore)


def best_arms(
    belief: Belief, lines: Lines, depths: FloatArray, leaflet: float, budget: int, *,
    width: FloatArray | None = None, own: FloatArray | None = None, traffic: float | None = None,
) -> FloatArray:  # fmt: skip
    """One-hot table (n, A) of the best set: chosen once as if each line were alone, then beside what was chosen."""
    drawn: dict[str, Any] = {"width": width, "own": own, "traffic": traffic}
    first = best_set(money(belief, lines, depths, leaflet, **drawn), lines, budget)
    pull = (first * effects(belief.mean if own is None else own, lines, depths)).sum(axis=1)
    beside = replace(lines, usual=lines.usual * np.exp(-of_neighbours(pull, belief.taken, lines)))
    return best_set(money(belief, beside, depths, leaflet, **drawn), lines, budget)


def best_set(gain: FloatArray, lines: Lines, budget: int) -> FloatArray:
    """One-hot table (n, A) of the arms that earn most, at most `budget` promoted lines a store."""
    gain = np.where(lines.allowed, gain, -np.inf)
    arm = gain.argmax(axis=1)
    best = gain[np.arange(len(gain)), arm]
    order = np.lexsort((-best, lines.store))
    place = np.empty(len(gain), dtype=np.int64)
    starts = np.searchsorted(lines.store[order], lines.store[order])
    place[order] = np.arange(len(gain)) - starts
    arm = np.where((best > LEAST_GAIN) & (place < budget), arm, 0)
    return np.asarray(np.eye(gain.shape[1])[arm])


def _explored(chance: FloatArray, lines: Lines, budget: int, explore: float) -> FloatArray:
    """Mixed with an even choice among the allowed arms that keeps the budget on average."""
    options = lines.allowed[:, 1:]
    able = options.any(axis=1)
    in_store = np.bincount(lines.store, able)[lines.store]
    count = options.sum(axis=1)
    promoted = able * np.minimum(budget / np.maximum(in_store, 1), count / (count + 1.0))
    even = np.zeros_like(chance)
    even[:, 1:] = options * (promoted / np.maximum(count, 1))[:, None]
    even[:, 0] = 1 - promoted
    return (1 - explore) * chance + explore * even


def draw_arms(chance: FloatArray, store: IntArray, rng: np.random.Generator) -> IntArray:
    """Draw an arm for each line, (n,): each with its probability, and in each store ⌊Σ⌋ or ⌈Σ⌉ promoted lines.

    Systematic sampling: the promoted arms' probabilities of a store, in random order, are laid end to end, and the
    points u, u + 1, u + 2, … mark the arms that are drawn.
    """
    arms = np.zeros(len(chance), dtype=np.int64)
    for number in np.unique(store):
        lines = rng.permutation(np.flatnonzero(store == number))
        ends = np.cumsum(chance[lines, 1:].ravel())
        points = np.arange(rng.random(), ends[-1] - 1e-9, 1.0)
        hits = np.searchsorted(ends, points, side="right")
        arms[lines[hits // (chance.shape[1] - 1)]] = 1 + hits % (chance.shape[1] - 1)
    return arms
