"""One price for the coming days: every rung is tried, and the one that earns most on average over what is unknown wins.

Used for goods that keep. Units left at the end are worth their cost, since they need not be bought again; so a rung
earns (net price − cost) · expected sales, where sales end with the stock. A change has to pay on average, by more than
the change itself costs, and in most of the elasticity's distribution; otherwise the price stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aislehub.price.guardrails import OK, GuardRails, IntArray, Lines, binding, guarded
from aislehub.price.ladder import FloatArray
from aislehub.price.response import Response, expected_sales, quantile

__all__ = ["Choice", "Outlook", "Terms", "best_rung", "interval", "unhurried"]

LEVELS = (np.arange(9) + 0.5) / 9  # quantiles of demand at which an interval is taken


@dataclass(frozen=True)
class Outlook:
    """What is expected of n lines over the days for which a price is chosen, (n,) each.

    Attributes:
        demand: units wanted at the price that holds.
        ratio: variance over mean of that demand.
        stock: units that can be sold in these days.
        beside: money that a price higher by one log unit brings to other items of the store (their cross elasticities).
    """

    demand: FloatArray
    ratio: FloatArray
    stock: FloatArray
    beside: FloatArray


@dataclass(frozen=True)
class Terms:
    """When a change is worth making.

    Attributes:
        change_cost: money that one change of a price costs.
        least_money: expected money, after that, below which nothing is changed.
        certainty: share of the elasticity's distribution in which the change has to pay.
    """

    change_cost: float
    least_money: float
    certainty: float


@dataclass(frozen=True)
class Choice:
    """What was chosen for n lines.

    Attributes:
        rung: index of the chosen candidate, (n,); 0 = the price stays.
        bound: guard-rail that kept a better rung away, `none` without, (n,).
        profit: expected contribution of every candidate, (n, k).
        units: expected sales of every candidate, (n, k).
        code: index into `GUARDS` of each candidate, `OK` = allowed, (n, k).
    """

    rung: IntArray
    bound: np.ndarray
    profit: FloatArray
    units: FloatArray
    code: IntArray


def unhurried(prices: FloatArray, lines: Lines, outlook: Outlook, response: Response) -> FloatArray:
    """The candidate that would earn most if stock were plentiful, (n,)."""
    demand = outlook.demand[:, None, None] * response.factor(prices, lines.price)
    margin = prices / (1 + lines.tax[:, None]) - lines.cost[:, None]
    profit = margin * (demand @ response.weight) + _beside(prices, lines, outlook)
    best = np.argmax(np.nan_to_num(profit, nan=-np.inf), axis=1)
    return prices[np.arange(len(prices)), best]


def best_rung(
    prices: FloatArray, lines: Lines, outlook: Outlook, response: Response, rails: GuardRails, terms: Terms
) -> Choice:
    """The allowed candidate with the highest expected contribution.

    Args:
        prices: candidates, (n, k), the price that holds first.
    """
    profit, units = _contribution(prices, lines, outlook, response)
    code = guarded(prices, lines, rails)
    gain = profit - profit[:, :1] - terms.change_cost
    mean = gain @ response.weight
    with np.errstate(invalid="ignore"):
        pays = (mean >= terms.least_money) & ((gain > 0) @ response.weight >= terms.certainty)
    pays[:, 0] = False
    wish = _best(mean, pays)
    rung = _best(mean, pays & (code == OK))
    return Choice(rung, binding(prices, code, rung, wish), profit @ response.weight, units @ response.weight, code)


def interval(prices: FloatArray, lines: Lines, outlook: Outlook, response: Response) -> tuple[FloatArray, FloatArray]:
    """5 % and 95 % quantile of the second candidate's money over the first, (n,) each, without the cost of a change.

    Over the elasticity's points and, at each, over quantiles of demand: a shopper who comes at one price is
    taken to be there at the other.

    Args:
        prices: (n, 2).
    """
    demand = outlook.demand[:, None, None] * response.factor(prices, lines.price)
    wanted = quantile(demand[..., None], outlook.ratio[:, None, None, None], LEVELS)
    sold = np.minimum(wanted, outlook.stock[:, None, None, None])
    margin = (prices / (1 + lines.tax[:, None]) - lines.cost[:, None])[:, :, None, None]
    money = (margin * sold)[:, 1] - (margin * sold)[:, 0] + _beside(prices, lines, outlook)[:, 1, None, None]
    weight = np.broadcast_to(response.weight[:, None] / len(LEVELS), money.shape[1:]).ravel()
    return _quantiles(money.reshape(len(money), -1), weight)


def _contribution(
    prices: FloatArray, lines: Lines, outlook: Outlook, response: Response
) -> tuple[FloatArray, FloatArray]:
    """Contribution and units of every candidate at every point of the elasticity, (n, k, points) each."""
    demand = outlook.demand[:, None, None] * response.factor(prices, lines.price)
    sold = expected_sales(demand, outlook.ratio[:, None, None], outlook.stock[:, None, None])
    margin = prices / (1 + lines.tax[:, None]) - lines.cost[:, None]
    return margin[:, :, None] * sold + _beside(prices, lines, outlook)[:, :, None], sold


def _beside(prices: FloatArray, lines: Lines, outlook: Outlook) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return outlook.beside[:, None] * np.log(prices / lines.price[:, None])


def _best(mean: FloatArray, may: np.ndarray) -> IntArray:
    """The candidate with the highest mean among those that may; 0 where none does. Of equals the first wins."""
    found = np.argmax(np.where(may, mean, -np.inf), axis=1)
    return np.where(may.any(axis=1), found, 0)


def _quantiles(values: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weighted 5 % and 95 % quantile of each row."""
    order = np.argsort(values, axis=1)
    reached = np.cumsum(weight[order], axis=1)
    sorted_values = np.take_along_axis(values, order, axis=1)
    last = values.shape[1] - 1

    def at(level: float) -> FloatArray:
        place = np.minimum((reached < level).sum(axis=1), last)
        return np.take_along_axis(sorted_values, place[:, None], axis=1)[:, 0]

    return at(0.05), at(0.95)
