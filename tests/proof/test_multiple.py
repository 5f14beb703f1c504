"""Holm's adjustment: in order, never smaller than the p-value, never looser than Bonferroni's first step."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import tea_tasting as tt
from hypothesis import given
from hypothesis import strategies as st
from tea_tasting.multiplicity import adjust_fwer

from aislehub.proof.multiple import holm


@given(st.lists(st.floats(0, 1), max_size=12))
def test_order_is_kept(p_values: list[float]) -> None:
    """A smaller p-value never gets the larger adjusted one; each stays between itself and its Bonferroni figure."""
    adjusted = holm(p_values)
    for p, own in zip(p_values, adjusted, strict=True):
        assert p <= own <= min(1.0, len(p_values) * p) + 1e-15 or own == max(adjusted)
        assert all(own <= other for q, other in zip(p_values, adjusted, strict=True) if p < q)


def test_it_agrees_with_tea_tasting() -> None:
    """Adjusted p-values of a scorecard are its Holm figures for metrics that hang together in any way."""
    random = np.random.default_rng(9)
    names = [f"m{number}" for number in range(8)]
    table = pd.DataFrame(random.normal(0, 1, (300, 8)), columns=names).assign(variant=[0, 1] * 150)
    table.loc[table["variant"] == 1, names[:3]] += 0.3
    scorecard = tt.Experiment({name: tt.Mean(name) for name in names}).analyze(table)
    told = adjust_fwer({"all": scorecard}, arbitrary_dependence=True, method="bonferroni").to_dicts()
    theirs = {row["metric"]: row["pvalue_adj"] for row in told}
    ours = holm([scorecard[name].pvalue for name in names])
    assert ours == pytest.approx([theirs[name] for name in names], rel=1e-9)


def test_a_textbook_case() -> None:
    """Four metrics, as in Holm's step-down: 0.01 × 4, 0.02 × 3, then nothing falls below what came before."""
    assert holm([0.03, 0.01, 0.02, 0.04]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([]) == []
