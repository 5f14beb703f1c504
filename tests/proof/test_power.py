"""Power and smallest effect agree with tea-tasting."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import tea_tasting as tt

from aislehub.proof.power import detectable, power_of


@pytest.fixture(scope="module")
def sample() -> pd.DataFrame:
    """Sales of units with what they were before."""
    random = np.random.default_rng(4)
    before = random.gamma(2.0, 20.0, 500)
    return pd.DataFrame({"sales": 5 + 0.6 * before + random.normal(0, 10, 500), "before": before})


@pytest.mark.parametrize("share", [0.5, 0.4])
@pytest.mark.parametrize("covariate", [None, "before"])
def test_power_agrees_with_tea_tasting(sample: pd.DataFrame, share: float, covariate: str | None) -> None:
    """Of a mean with and without CUPED: power and smallest effect."""
    ratio = share / (1 - share)
    metric = tt.Mean("sales", covariate, rel_effect_size=0.08, ratio=ratio, alpha=0.05, power=0.8)
    variance = sample["sales"].var()
    if covariate:
        variance -= sample.cov().loc["sales", "before"] ** 2 / sample["before"].var()
    effect = 0.08 * sample["sales"].mean()
    theirs = metric.solve_power(sample, "power")[0].power
    assert power_of(effect, variance, len(sample), share=share) == pytest.approx(theirs, rel=1e-9)
    plain = tt.Mean("sales", covariate, ratio=ratio, alpha=0.05, power=0.8)
    smallest = plain.solve_power(sample, "effect_size")[0].effect_size
    assert detectable(variance, len(sample), share=share) == pytest.approx(smallest, rel=1e-9)


def test_more_is_found_with_more() -> None:
    """Power rises with effect and units; a certain find is 1, no effect is found at the level."""
    assert power_of(0.0, 1.0, 100) == pytest.approx(0.05)
    assert power_of(1.0, 1.0, 40) < power_of(1.0, 1.0, 80) < power_of(1.5, 1.0, 80)
    assert power_of(1e6, 1.0, 80) == 1.0
