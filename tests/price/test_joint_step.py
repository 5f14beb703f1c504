"""One joint step solves what a dense system of all slopes, weeks and series levels would."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aislehub.price.joint_step import WEEK_PRECISION, Equations, Layout, Prior
from aislehub.price.price_history import History

from .conftest import FIRST


@pytest.mark.parametrize("shared", [True, False])
def test_the_step_is_that_of_the_dense_equations(chain: Any, shared: bool) -> None:
    """Slopes of all items, effects of weeks (where items share them) and levels of series, solved for in one matrix."""
    rows, goods, _ = chain(2, weeks=20)
    history = History.from_table(rows, goods, FIRST)
    items, weeks, series = len(history.items), int(history.week.max()) + 1, int(history.series.max()) + 1
    rng = np.random.default_rng(3)
    regressors = np.stack([history.price, rng.normal(size=len(history.price))], axis=1)
    mean, scatter = np.exp(rng.normal(1, 0.3, len(history.price))), rng.uniform(1, 3, items)
    sold, expected = (np.bincount(history.series, values, series) for values in (history.units, mean))
    mean *= (sold / expected)[history.series]  # levels of series at their best value
    prior = Prior(rng.normal(-2, 1, (items, 2)), np.array([0.5, 2.0]))
    part = np.zeros(items, dtype=np.intp) if shared else np.arange(items)
    slopes, effects = rng.normal(-1, 1, (items, 2)), np.zeros((int(part.max()) + 1, weeks))
    found = Equations.at(history, Layout.of(history, part), regressors, mean, scatter, prior, slopes, effects)

    columns = [np.where(history.item == i, regressors[:, k], 0.0) for i in range(items) for k in range(2)]
    columns += [(history.week == week).astype(float) for week in range(weeks)] if shared else []
    columns += [(history.series == number).astype(float) for number in range(series)]
    design, of = np.stack(columns, axis=1), scatter[history.item]
    penalty = np.zeros(design.shape[1])
    penalty[: 2 * items] = np.tile(prior.precision, items)
    penalty[2 * items : len(columns) - series] = WEEK_PRECISION
    target = design.T @ ((history.units - mean) / of)
    target[: 2 * items] -= (prior.precision * (slopes - prior.mean)).ravel()
    dense = np.linalg.solve(design.T @ ((mean / of)[:, None] * design) + np.diag(penalty), target)
    assert found.step.ravel() == pytest.approx(dense[: 2 * items], rel=1e-6, abs=1e-9)
    if shared:
        assert found.week_step[0] == pytest.approx(dense[2 * items : 2 * items + weeks], rel=1e-6, abs=1e-9)
