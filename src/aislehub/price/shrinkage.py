"""Shrinkage: estimates of items lean on those of their category, these on the department's, these on the chain's.

A tree of normal distributions: what item i's data say, m_i ~ N(θ_i, s_i²); θ_i ~ N(category, τ₁²); category ~
N(department, τ₂²); department ~ N(chain, τ₃²); chain ~ N(published). Given the τ, one pass up the tree and one down
give the exact posterior (Rauch, Tung & Striebel 1965, https://doi.org/10.2514/3.3166, on a tree). The τ are estimated
from how far apart siblings are; and because a few siblings leave them uncertain, the posterior is averaged over a
grid of τ by their likelihood instead of taking the best for granted: an empirical-Bayes interval that does so covers
what it says (Morris 1983, https://doi.org/10.1080/01621459.1983.10477920). An item without data of its own gets its
parent's mean, and an interval that holds where an item of that parent may lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Shrunk", "shrink"]

FloatArray = NDArray[Any]
IntArray = NDArray[np.intp]

GRID = np.array([0.04, 0.1, 0.2, 0.35, 0.6, 1.0, 1.7])
"""Standard deviations between siblings that are considered."""
PRIOR_SCALE = 0.5  # of the half-normal prior of each
SMALLEST_SHARE = 1e-3  # of the likeliest point, below which a point is left out


@dataclass(frozen=True)
class Shrunk:
    """Posterior of each item.

    Attributes:
        mean, sd: (I,).
        weight: share of the mean that the item's own data have decided, 0 to 1, (I,).
        parent: what the item would be taken for without data of its own, (I,).
        between: standard deviation between items of a category, categories of a department, departments: (3,).
    """

    mean: FloatArray
    sd: FloatArray
    weight: FloatArray
    parent: FloatArray
    between: FloatArray


def shrink(mean: FloatArray, sd: FloatArray, parents: tuple[IntArray, ...], root: tuple[float, float]) -> Shrunk:
    """Draw estimates to their parents as far as they are uncertain.

    Args:
        mean: estimate of each item, (I,); NaN = its data cannot tell.
        sd: standard error of each, (I,).
        parents: of each item its category, (I,), of each category its department, (C,), of each department
            the chain, 0, (D,).
        root: mean and standard deviation of what is known of the chain beforehand.
    """
    known = np.isfinite(mean)
    ground = _Normal(np.where(known, mean, 0.0), np.where(known, np.square(np.where(known, sd, 1.0)), np.inf))
    grid = list(product(GRID, repeat=len(parents)))
    share = np.exp(_relative([_up(ground, parents, between, root)[1] + _prior(between) for between in grid]))
    share /= share.sum()
    kept = np.flatnonzero(share > SMALLEST_SHARE * share.max())
    total = np.zeros((4, len(mean)))
    for at in kept:
        levels, _ = _up(ground, parents, grid[at], root)
        total += share[at] / share[kept].sum() * _down(levels, parents, grid[at], root)
    middle, squared, weight, parent = total
    return Shrunk(
        mean=middle,
        sd=np.sqrt(np.maximum(squared - middle**2, 0.0)),
        weight=weight,
        parent=parent,
        between=share @ np.array(grid),
    )


@dataclass(frozen=True)
class _Normal:
    """What the data below say of each member of a level: mean and variance, infinite where they say nothing."""

    mean: FloatArray
    variance: FloatArray


def _up(
    ground: _Normal, parents: tuple[IntArray, ...], between: tuple[float, ...], root: tuple[float, float]
) -> tuple[list[_Normal], float]:
    """What the data say of items, categories, departments and the chain, and their log-likelihood."""
    levels, likelihood = [ground], 0.0
    for parent, apart in zip(parents, between, strict=True):
        own = levels[-1]
        variance = own.variance + apart**2
        precision = np.where(np.isfinite(variance), 1 / variance, 0.0)
        size = int(parent.max()) + 1
        total = np.bincount(parent, precision, size)
        mean = np.bincount(parent, precision * own.mean, size) / np.where(total > 0, total, 1.0)
        squared = precision * (own.mean - mean[parent]) ** 2
        told = precision > 0
        likelihood += 0.5 * (np.log(precision[told]).sum() - squared.sum() - np.log(total[total > 0]).sum())
        levels.append(_Normal(mean, np.where(total > 0, 1 / np.where(total > 0, total, 1.0), np.inf)))
    top = levels[-1]
    spread = top.variance + root[1] ** 2
    told = np.isfinite(spread)
    likelihood -= 0.5 * (np.log(spread[told]) + (top.mean[told] - root[0]) ** 2 / spread[told]).sum()
    return levels, float(likelihood)


def _down(
    levels: list[_Normal], parents: tuple[IntArray, ...], between: tuple[float, ...], root: tuple[float, float]
) -> FloatArray:
    """Of each item the posterior's mean and mean square, its own weight and its parent's mean, (4, I)."""
    mean, variance, weight, above = _joined(levels[-1], np.array([root[0]]), np.array([0.0]), root[1])
    for own, parent, apart in zip(levels[-2::-1], parents[::-1], between[::-1], strict=True):
        mean, variance, weight, above = _joined(own, mean[parent], variance[parent], apart)
    return np.stack([mean, variance + mean**2, weight, above])


def _joined(
    own: _Normal, above: FloatArray, above_variance: FloatArray, apart: float
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """A level's posterior from its own data and its parents' posterior: mean, variance, weight of its own, parent."""
    told = np.isfinite(own.variance)
    weight = np.where(told, apart**2 / (apart**2 + np.where(told, own.variance, 1.0)), 0.0)
    variance = (1 - weight) * apart**2 + (1 - weight) ** 2 * above_variance
    return weight * own.mean + (1 - weight) * above, variance, weight, above


def _prior(between: tuple[float, ...]) -> float:
    """Logarithm of the prior of a point of the grid; its points stand about evenly in logarithms."""
    return float(sum(np.log(apart) - apart**2 / (2 * PRIOR_SCALE**2) for apart in between))


def _relative(logs: list[float]) -> FloatArray:
    return np.array(logs) - max(logs)
