"""Effects agree with tea-tasting to the ninth digit, and taking off what was before changes no expectation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import tea_tasting as tt
from hypothesis import given
from hypothesis import strategies as st

from aislehub.proof.effect import Effect, compare, sample_ratio
from aislehub.proof.moments import Moments

SAME = {"rel": 1e-9, "abs": 1e-12}


def units(seed: int, count: int = 400, share: float = 0.4) -> pd.DataFrame:
    """Units of two arms, with sums of visits and sales in the experiment and before it."""
    random = np.random.default_rng(seed)
    level = random.gamma(2.0, 1.0, count)
    variant = (random.random(count) < share).astype(int)
    visits_before, visits = random.poisson(6 * level) + 1, random.poisson(3 * level) + 1
    sales_before = random.gamma(2.0, 10.0, count) * visits_before
    sales = 0.2 * sales_before + random.gamma(2.0, 10.0, count) * visits * (1 + 0.05 * variant)
    return pd.DataFrame(
        {
            "variant": variant, "sales": sales, "visits": visits, "sales_before": sales_before,
            "visits_before": visits_before, "one": 1.0, "none": 0.0,
        }
    )  # fmt: skip


def ours(table: pd.DataFrame, *parts: str, before: bool = True) -> Effect:
    """The effect by our moments of these four columns."""
    arms = [Moments.of(table.loc[table["variant"] == arm, list(parts)]) for arm in (0, 1)]
    return compare(*arms, before=before)


@pytest.mark.parametrize(
    ("metric", "parts"),
    [
        (tt.Mean("sales"), ("sales", "one", "none", "one")),
        (tt.Mean("sales", covariate="sales_before"), ("sales", "one", "sales_before", "one")),
        (tt.RatioOfMeans("sales", "visits"), ("sales", "visits", "none", "one")),
        (
            tt.RatioOfMeans("sales", "visits", "sales_before", "visits_before"),
            ("sales", "visits", "sales_before", "visits_before"),
        ),
    ],
    ids=["mean", "mean with CUPED", "ratio", "ratio with CUPED"],
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_effects_agree_with_tea_tasting(metric: object, parts: tuple[str, ...], seed: int) -> None:
    """Levels, difference, interval and p-value of means, ratios (delta method) and CUPED are its figures."""
    table = units(seed)
    theirs = tt.Experiment({"m": metric}).analyze(table)["m"]
    effect = ours(table, *parts)
    found = [effect.control, effect.treatment, effect.difference, *effect.interval(0.05), effect.relative]
    found.append(effect.p_value())
    names = ["control", "treatment", "effect_size", "effect_size_ci_lower", "effect_size_ci_upper", "rel_effect_size"]
    names.append("pvalue")
    for name, value in zip(names, found, strict=True):
        assert value == pytest.approx(getattr(theirs, name), **SAME), name


@pytest.mark.parametrize(
    ("control", "treatment", "share"), [(480, 520, 0.5), (70, 20, 0.3), (5200, 4800, 0.5), (9, 1, 0.2)]
)
def test_the_split_agrees_with_tea_tasting(control: int, treatment: int, share: float) -> None:
    """The p-value of a split, exact for few units and normal for many, is its figure."""
    table = pd.DataFrame({"variant": [0] * control + [1] * treatment})
    theirs = tt.Experiment({"split": tt.SampleRatio(share / (1 - share))}).analyze(table)["split"]
    assert sample_ratio(control, treatment, share) == pytest.approx(theirs.pvalue, **SAME)


def test_cuped_never_changes_the_expectation() -> None:
    """Over many draws of the lots, the mean effect net of what was before is the true one, with less scatter."""
    random = np.random.default_rng(5)
    before = random.gamma(2.0, 20.0, 200)
    alone = 10 + 0.7 * before + random.normal(0, 8, 200)
    found = {True: [], False: []}
    for _ in range(1500):
        drawn = random.permutation(200) < 100
        table = np.column_stack([alone + 3.0 * drawn, np.ones(200), before, np.ones(200)])
        for taken, effects in found.items():
            effects.append(compare(Moments.of(table[~drawn]), Moments.of(table[drawn]), before=taken).difference)
    for effects in found.values():
        assert np.mean(effects) == pytest.approx(3.0, abs=4 * np.std(effects) / np.sqrt(len(effects)))
    assert np.std(found[True]) < 0.5 * np.std(found[False])


@given(seed=st.integers(0, 10_000), low=st.floats(0.5, 0.98), more=st.floats(0.001, 0.019))
def test_an_interval_widens_with_its_confidence(seed: int, low: float, more: float) -> None:
    """More confidence, a wider interval around the same estimate."""
    effect = ours(units(seed, count=60), "sales", "one", "sales_before", "one")
    narrow, wide = effect.interval(1 - low), effect.interval(1 - low - more)
    assert wide[0] < narrow[0] < effect.difference < narrow[1] < wide[1]


def test_a_loss_that_is_put_up_with_moves_the_control() -> None:
    """`beyond` compares with a control lower by the fraction, its standard error with it."""
    effect = Effect(10.0, 9.0, 1.0, 2.0, 30, 40, 1.0)
    moved = effect.beyond(0.2)
    assert (moved.difference, moved.control_se, moved.treatment_se) == (1.0, 0.8, 2.0)
    assert effect.beyond(-0.2).difference == pytest.approx(-3.0)


def test_one_unit_in_an_arm_is_refused() -> None:
    """A single unit has no spread, so nothing is said of it."""
    arm = Moments.of([[1.0, 1, 0, 1], [2.0, 1, 0, 1]])
    with pytest.raises(ValueError, match="fewer than two"):
        compare(arm, Moments.of([[1.0, 1, 0, 1]]))
