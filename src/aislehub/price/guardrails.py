"""Guard-rails: which prices may be proposed at all, whatever the model thinks of them.

Each is a plain comparison that a missing or absurd number fails: a price passes only where every term of the rule is a
finite number that keeps it. The price that holds already is never judged here; leaving it alone is always possible.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aislehub.core.settings import Settings, field
from aislehub.price.ladder import FloatArray

__all__ = ["GUARDS", "OK", "GuardRails", "Lines", "binding", "guarded", "within_budget"]

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
OK = -1
GUARDS = (
    "data",  # a number that the rules need is missing or absurd
    "promotion",  # an announced promotion or sale has the price
    "freeze",  # a price begins on that day already
    "hold",  # the last change is too young
    "below_cost",
    "margin_floor",
    "max_step",
    "seen",  # too far beyond what was ever asked: nobody knows what happens there
    "competitor_cap",
    "shortage",  # dearer only because too little is left
)
"""The guard-rails in the order in which they are asked; the first that fails is named."""
ROUNDING = 1e-9


class GuardRails(Settings, section="price"):
    """What a price may never do, and how far one change may go."""

    margin_floor: float = field(0.05, "Least margin of a price, as a share of it without tax", ge=0, lt=1)
    max_step: float = field(0.15, "Largest change of a price at once, as a share of it", gt=0, le=1)
    hold_days: int = field(7, "Business days that a price holds at least before it is changed", ge=1, le=365)
    beyond_seen: float = field(
        0.15,
        "How far a price may go beyond the highest and below the lowest asked in a year, as a share; short-dated "
        "goods may go lower",
        ge=0,
        le=10,
    )
    over_competitor: float = field(
        0.10, "No price is raised above the lowest trusted competitor's by more than this share", ge=0, le=10
    )
    clearance_days: int = field(
        3, "Goods that expire within so many days are short-dated: they may be cleared", ge=0, le=60
    )
    clearance_step: float = field(0.5, "Largest cut of short-dated goods at once, as a share of the price", gt=0, lt=1)
    clearance_below_cost: float = field(
        0.5, "Share of its cost by which a short-dated unit may be sold below cost; 0 = never below", ge=0, lt=1
    )
    raise_when_short: bool = field(False, "Whether a price may be raised only because too little is left")
    changes_per_day: int = field(50, "Prices that a store may change on one business day, the most money first", ge=0)


@dataclass(frozen=True)
class Lines:
    """What the guard-rails ask of each line, (n,) each.

    Attributes:
        price: that holds, tax included.
        cost: of a unit, without tax.
        tax: contained in the price, 0.13 = 13 %.
        short_dated: units of it expire within the days that may be cleared.
        competitor: lowest trusted price of a competitor; NaN = none known.
        held: business days that the price will have held by the day on which a new one would begin.
        promoted: an announced promotion or sale of the coming days has the price.
        taken: a price begins on that day already.
        lowest, highest: price asked in the last year; NaN = not known.
        unhurried: highest price that would pay if there were stock for everybody; NaN = not looked at.
    """

    price: FloatArray
    cost: FloatArray
    tax: FloatArray
    short_dated: BoolArray
    competitor: FloatArray
    held: FloatArray
    promoted: BoolArray
    taken: BoolArray
    lowest: FloatArray
    highest: FloatArray
    unhurried: FloatArray


def guarded(prices: FloatArray, lines: Lines, rails: GuardRails) -> IntArray:
    """Index into `GUARDS` of the first guard-rail that a price would leave, `OK` = none, (n, k).

    Args:
        prices: candidates of each line, tax included, (n, k).
        lines: (n,) each.
        rails: the limits.
    """
    price, cost, short_dated = lines.price[:, None], lines.cost[:, None], lines.short_dated[:, None]
    competitor, unhurried = lines.competitor[:, None], lines.unhurried[:, None]
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        net = prices / (1 + lines.tax[:, None])
        dearer = prices > price * (1 + ROUNDING)
        least = cost * np.where(short_dated, 1 - rails.clearance_below_cost, 1.0)
        step = np.where(short_dated & ~dearer, rails.clearance_step, rails.max_step)
        most = competitor * (1 + rails.over_competitor)
        lowest = lines.lowest[:, None] * (1 - rails.beyond_seen)
        highest = lines.highest[:, None] * (1 + rails.beyond_seen)
        keeps = {
            "data": np.isfinite(prices) & (prices > 0) & _sound(lines)[:, None],
            "promotion": ~lines.promoted[:, None],
            "freeze": ~lines.taken[:, None],
            "hold": lines.held[:, None] >= np.where(short_dated, 1, rails.hold_days),
            "below_cost": net >= least * (1 - ROUNDING),
            "margin_floor": short_dated | (net - cost >= (rails.margin_floor - ROUNDING) * net),
            "max_step": np.abs(prices / price - 1) <= step + ROUNDING,
            "seen": np.where(
                dearer,
                np.isnan(highest) | (prices <= highest * (1 + ROUNDING)),
                short_dated | np.isnan(lowest) | (prices >= lowest * (1 - ROUNDING)),
            ),
            "competitor_cap": ~dearer | np.isnan(most) | (prices <= most * (1 + ROUNDING)),
            "shortage": ~dearer | np.isnan(unhurried) | (prices <= unhurried * (1 + ROUNDING)) | rails.raise_when_short,
        }
    found = np.full(prices.shape, OK, dtype=np.int64)
    for index in reversed(range(len(GUARDS))):
        found = np.where(np.broadcast_to(keeps[GUARDS[index]], prices.shape), found, index)
    return found


def binding(prices: FloatArray, code: IntArray, chosen: IntArray, wish: IntArray) -> np.ndarray:
    """Name of the guard-rail that bound: the first one met on the way from the chosen price to the wished one, (n,).

    Args:
        prices: candidates, (n, k).
        code: as from `guarded`, (n, k).
        chosen, wish: candidate that was chosen, and the one that would have been without guard-rails, (n,).
    """
    here = np.arange(len(prices))
    way = (prices[here, wish] - prices[here, chosen])[:, None]
    ahead = (prices - prices[here, chosen][:, None]) * np.sign(way)
    with np.errstate(invalid="ignore"):
        barred = (code != OK) & (ahead > 0) & (ahead <= np.abs(way) + ROUNDING)
    nearest = np.argmin(np.where(barred, ahead, np.inf), axis=1)
    return np.where(barred.any(axis=1), np.array(GUARDS)[code[here, nearest]], "none")


def within_budget(stores: IntArray, money: FloatArray, most: int) -> BoolArray:
    """Which changes a day's budget has room for: in each store the `most` that earn most, (n,).

    Args:
        stores: index of the store of each change, (n,).
        money: expected, (n,).
    """
    order = np.lexsort((-money, stores))
    sorted_stores = stores[order]
    starts = np.searchsorted(sorted_stores, sorted_stores, side="left")
    kept = np.zeros(len(stores), dtype=bool)
    kept[order] = np.arange(len(stores)) - starts < most
    return kept


def _sound(lines: Lines) -> BoolArray:
    """Lines whose price, cost and tax are numbers that goods can have, (n,)."""
    positive = np.isfinite(lines.price) & (lines.price > 0) & np.isfinite(lines.cost) & (lines.cost >= 0)
    taxed = np.isfinite(lines.tax) & (lines.tax >= 0) & (lines.tax < 10)
    return positive & taxed & ~np.isinf(lines.competitor) & ~(lines.competitor <= 0)
