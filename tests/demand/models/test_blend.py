"""The blend: weights by class from a rehearsal, stable where that costs little, the same after a reload."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aislehub.core.errors import HubError
from aislehub.demand.classes import CLASSES, demand_classes
from aislehub.demand.models import make_model
from aislehub.demand.models.blend import Blend
from aislehub.demand.panel import FloatArray, Panel

PERIODS, HORIZON = 364, 28


def panel_of(y: FloatArray) -> Panel:
    """Days of these demands, and a horizon."""
    return Panel(pd.RangeIndex(len(y)), pd.date_range("2023-01-02", periods=y.shape[1] + HORIZON), y.astype(np.float32))


class Oracle:
    """Knows the mean of the series that this test made."""

    truth = 0.0

    def fit(self, panel: Panel, *, horizon: int, seed: int) -> None:
        pass

    def predict(self, panel: Panel) -> FloatArray:
        return np.full((len(panel.ids), panel.horizon), Oracle.truth)


class Restless(Oracle):
    """As right as the oracle on average, and of another opinion every month."""

    def predict(self, panel: Panel) -> FloatArray:
        sign = 1 if (panel.y.shape[1] // HORIZON) % 2 else -1
        return np.full((len(panel.ids), panel.horizon), Oracle.truth + sign)


class Steady(Oracle):
    """Always one too high."""

    def predict(self, panel: Panel) -> FloatArray:
        return np.full((len(panel.ids), panel.horizon), Oracle.truth + 1)


def test_each_class_gets_what_forecasts_it_best() -> None:
    """Regular weeks go to the seasonal mean, a drifting level with rare sales to the recent mean."""
    random = np.random.default_rng(0)
    week = random.poisson(20 * np.tile([0.2, 0.5, 1, 1, 1.2, 1.6, 1.5], PERIODS // 7), (300, PERIODS))
    level = np.exp(np.cumsum(random.normal(0, 0.06, (300, PERIODS)), axis=1)) * 0.5
    panel = panel_of(np.vstack([week, random.poisson(np.minimum(level, 3))]))
    blend = make_model("seasonal_mean+mean28")
    assert isinstance(blend, Blend)
    blend.fit(panel, horizon=HORIZON, seed=0)
    share = dict(zip(CLASSES, blend.weights, strict=True))
    assert share["smooth"][0] > 0.9
    assert share["intermittent"][1] > share["smooth"][1] + 0.2
    assert blend.weights.sum(axis=1) == pytest.approx(1)
    assert blend.weights.min() >= 0
    for choice in blend.choices:
        assert choice.series == (demand_classes(panel.before(3 * HORIZON)) == CLASSES.index(choice.demand_class)).sum()
        assert choice.series < 50 or choice.wape["blend"] <= min(choice.wape.values()) + 0.02


def test_of_two_equally_wrong_the_steady_one_wins() -> None:
    """Both miss by one; the one whose forecast does not move has all the weight but for what averaging gains."""
    Oracle.truth = 5.0
    panel = panel_of(np.full((50, PERIODS), 5.0))
    blend = Blend({"restless": Restless, "steady": Steady, "seasonal_mean": Steady})
    blend.fit(panel, horizon=HORIZON, seed=0)
    restless = blend.weights[CLASSES.index("smooth"), 0]
    assert 0 < restless < 0.5
    (choice,) = blend.choices
    assert choice.change["restless"] > choice.change["blend"] > choice.change["steady"] == 0


def test_a_class_with_few_outcomes_follows_all_series() -> None:
    """One lumpy series among thousands of smooth ones does not get weights from its own noise."""
    random = np.random.default_rng(1)
    y = random.poisson(20 * np.tile([0.2, 0.5, 1, 1, 1.2, 1.6, 1.5], PERIODS // 7), (400, PERIODS)).astype(float)
    y[0] = np.where(random.random(PERIODS) < 0.1, random.geometric(0.1, PERIODS), 0)
    blend = make_model("seasonal_mean+mean28")
    assert isinstance(blend, Blend)
    blend.fit(panel_of(y), horizon=HORIZON, seed=0)
    assert abs(blend.weights[CLASSES.index("lumpy")] - blend.weights[CLASSES.index("smooth")]).max() < 0.15


def test_little_past_means_the_seasonal_mean() -> None:
    """Without a past to rehearse there is nothing to choose by."""
    panel = panel_of(np.array([[3.0, 4.0]]))
    blend = make_model("mean28+seasonal_naive")
    assert isinstance(blend, Blend)
    blend.fit(panel, horizon=HORIZON, seed=0)
    expected = make_model("seasonal_mean").predict(panel)
    assert (blend.predict(panel) == expected).all()
    assert blend.choices == [] and blend.rehearsal is None


def test_saved_and_loaded_it_forecasts_the_same(tmp_path: Path) -> None:
    """A blend read back gives the same numbers and tells the same choices."""
    random = np.random.default_rng(2)
    panel = panel_of(random.poisson(3, (40, 200)).astype(float))
    blend, again = make_model("aislehub"), make_model("aislehub")
    assert isinstance(blend, Blend) and isinstance(again, Blend)
    blend.fit(panel, horizon=HORIZON, seed=0)
    blend.save(tmp_path)
    again.load(tmp_path)
    assert (again.predict(panel) == blend.predict(panel)).all()
    assert again.choices == blend.choices


def test_joined_names() -> None:
    """`a+b` mixes a and b, `aislehub+b` adds b to what aislehub mixes; a name that does not exist is refused."""
    extended = make_model("aislehub+tsb")
    assert isinstance(extended, Blend)
    assert [*extended._parts] == ["boosted", "seasonal_mean", "mean28", "seasonal_naive", "tsb"]
    with pytest.raises(HubError) as refused:
        make_model("aislehub+bosted")
    assert refused.value.code == "demand.model"
    assert refused.value.facts["name"] == "bosted"


def test_a_part_that_cannot_be_kept_is_named(tmp_path: Path) -> None:
    """A blend with a part without `save` says which, and is not half kept."""
    Oracle.truth = 5.0
    blend = Blend({"oracle": Oracle, "seasonal_mean": Steady})
    blend.fit(panel_of(np.full((30, PERIODS), 5.0)), horizon=HORIZON, seed=0)
    with pytest.raises(HubError) as refused:
        blend.save(tmp_path)
    assert refused.value.code == "demand.not_stored"
    assert refused.value.facts["name"] == "oracle"
