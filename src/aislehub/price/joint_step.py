"""Joint step: one Newton step of the regressions of all items and of the weeks that they share, at once.

Units of item i in a row have the mean μ = exp(offset + aᵣ + β_i'x + w), with an effect aᵣ of each series and w of each
week of the part of the chain that i belongs to. The βs of a part are tied together by its w only, so the equations

    [A C'] [δβ]   [g]
    [C D ] [δw] = [h]

have a block of K × K in A for each item, and one matrix of weeks × weeks, D − C A⁻¹ C', is all that has to be solved
for a part (Schur complement). Effects of series are at their best value throughout: everything is taken less its mean
in the series, weighted by μ (a Poisson regression's concentrated likelihood; Correia, Guimarães & Zylkin 2020,
https://doi.org/10.1177/1536867X20909691).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from aislehub.price.price_history import History

__all__ = ["Equations", "Layout", "Prior"]

FloatArray = NDArray[Any]
IntArray = NDArray[np.intp]

WEEK_PRECISION = 1.0
"""Precision of the prior N(0, ·) of a week's effect: keeps weeks in which next to nothing is sold finite."""


@dataclass(frozen=True)
class Prior:
    """What slopes are taken for beforehand: normal, mean (I, K) and precision (K,)."""

    mean: FloatArray
    precision: FloatArray


@dataclass(frozen=True)
class Layout:
    """Where the rows of a history lie.

    Attributes:
        rows: numbers of each item's rows; places: of these the series, counted within the item.
        by_series, by_cell: matrices that add rows up, (series, R) and (I · W, R).
        part: of each item the part of the chain that it shares weeks with, (I,); members: items of each part.
        weeks: W.
    """

    rows: tuple[IntArray, ...]
    places: tuple[IntArray, ...]
    by_series: Any
    by_cell: Any
    part: IntArray
    members: tuple[IntArray, ...]
    weeks: int

    @classmethod
    def of(cls, history: History, part: IntArray) -> Layout:
        """Lay out the rows of a history whose items belong to these parts, numbers from 0."""
        count, items, weeks = len(history.item), len(history.items), int(history.week.max()) + 1
        order = np.argsort(history.item, kind="stable")
        rows = np.split(order, np.searchsorted(history.item[order], np.arange(1, items)))
        return cls(
            rows=tuple(rows),
            places=tuple(np.unique(history.series[mine], return_inverse=True)[1] for mine in rows),
            by_series=_adding(history.series, int(history.series.max()) + 1, count),
            by_cell=_adding(history.item * weeks + history.week, items * weeks, count),
            part=part,
            members=tuple(np.flatnonzero(part == number) for number in range(int(part.max()) + 1)),
            weeks=weeks,
        )

    def by_week(self, values: FloatArray) -> FloatArray:
        """Sums of (R,) or (R, K) by item and week, (I, W) or (I, W, K)."""
        return np.asarray((self.by_cell @ values).reshape(len(self.rows), self.weeks, *values.shape[1:]))


@dataclass(frozen=True)
class Equations:
    """The equations at one point, and their solution.

    Attributes:
        apart: regressors less their mean in the series, (R, K).
        information: A, (I, K, K), with the prior; inverse: of it.
        crossing: C, (I, W, K).
        of_weeks: inverse of D − C A⁻¹ C' of each part, (W, W); None where a part is one item.
        step, week_step: δβ (I, K) and δw (parts, W).
    """

    apart: FloatArray
    information: FloatArray
    inverse: FloatArray
    crossing: FloatArray
    of_weeks: tuple[FloatArray | None, ...]
    step: FloatArray
    week_step: FloatArray

    @classmethod
    def at(
        cls, history: History, layout: Layout, regressors: FloatArray, mean: FloatArray, scatter: FloatArray,
        prior: Prior, slopes: FloatArray, weeks: FloatArray,
    ) -> Equations:  # fmt: skip
        """Set up and solve.

        Args:
            regressors: (R, K); mean: μ, (R,); scatter: variance over the mean, of each item, (I,).
            slopes, weeks: β (I, K) and w (parts, W) so far.
        """
        total = np.maximum(layout.by_series @ mean, 1e-300)
        apart = regressors - ((layout.by_series @ (mean[:, None] * regressors)) / total[:, None])[history.series]
        weighted, left = mean[:, None] * apart, history.units - mean
        own = [(apart[rows].T @ weighted[rows], apart[rows].T @ left[rows]) for rows in layout.rows]
        information = np.stack([one for one, _ in own]) / scatter[:, None, None] + np.diag(prior.precision)
        score = np.stack([one for _, one in own]) / scatter[:, None] - prior.precision * (slopes - prior.mean)
        inverse = np.linalg.inv(information)
        crossing = layout.by_week(weighted) / scatter[:, None, None]
        step = (inverse @ score[:, :, None])[:, :, 0]
        expected, rest = (layout.by_week(one) / scatter[:, None] for one in (mean, left))
        of_weeks: list[FloatArray | None] = []
        week_step = np.zeros_like(weeks)
        for number, members in enumerate(layout.members):
            if len(members) == 1:
                of_weeks.append(None)
                continue
            matrix = np.diag(expected[members].sum(axis=0) + WEEK_PRECISION)
            for item in members:
                matrix -= _of_levels(layout, history, mean, item) / scatter[item]
                matrix -= crossing[item] @ inverse[item] @ crossing[item].T
            target = rest[members].sum(axis=0) - WEEK_PRECISION * weeks[number]
            target -= (crossing[members] @ step[members][:, :, None])[:, :, 0].sum(axis=0)
            solved = np.linalg.inv(matrix)
            of_weeks.append(solved)
            week_step[number] = solved @ target
            step[members] -= (inverse[members] @ (week_step[number] @ crossing[members])[:, :, None])[:, :, 0]
        return cls(apart, information, inverse, crossing, tuple(of_weeks), step, week_step)


def _adding(labels: IntArray, size: int, count: int) -> Any:
    """The matrix that adds rows of one label up, (size, count)."""
    return scipy.sparse.csr_array((np.ones(count), (labels, np.arange(count))), shape=(size, count))


def _of_levels(layout: Layout, history: History, mean: FloatArray, item: int) -> FloatArray:
    """What the effects of an item's series take from the information on weeks, (W, W)."""
    rows, places = layout.rows[item], layout.places[item]
    expected = np.zeros((int(places.max(initial=-1)) + 1, layout.weeks))
    expected[places, history.week[rows]] = mean[rows]
    shares = expected / np.sqrt(np.maximum(expected.sum(axis=1, keepdims=True), 1e-300))
    return np.asarray(shares.T @ shares)
