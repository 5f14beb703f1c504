"""The plain default with mlforecast: lags and covariates in, forecasts fed back, kept as LightGBM's own text."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aislehub.core.errors import HubError
from aislehub.demand.models import make_model
from aislehub.demand.models.recursive import Recursive
from aislehub.demand.models.seasonal import level
from aislehub.demand.panel import Panel


@pytest.fixture(scope="module", autouse=True)
def peers() -> None:
    """All here need mlforecast."""
    pytest.importorskip("mlforecast")


def promoted(series: int = 20, days: int = 207, horizon: int = 7) -> tuple[Panel, np.ndarray]:
    """Poisson demand that a known promotion trebles, one series of three days; and the true future means."""
    random = np.random.default_rng(0)
    flag = (random.random((series, days)) < 0.2).astype(float)
    mean = 5 * (1 + 2 * flag)
    table = pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(series), days),
            "ds": np.tile(pd.date_range("2024-01-01", periods=days), series),
            "y": random.poisson(mean).ravel().astype(float),
            "Aktion: {x}": flag.ravel(),  # characters that LightGBM refuses in a name
            "dept": np.repeat(np.arange(series) % 2, days),
        }
    )
    day = np.tile(np.arange(days), series)
    table = table[(table["unique_id"] > 0) | (day >= days - horizon - 3)]
    table.loc[table["ds"] >= table["ds"].max() - pd.Timedelta(days=horizon - 1), "y"] = np.nan
    return Panel.from_table(table, horizon), mean[:, -horizon:]


@pytest.fixture(scope="module")
def learnt(peers: None) -> tuple[Panel, np.ndarray, Recursive]:
    """The default, learnt from promoted demand."""
    panel, truth = promoted()
    model = Recursive()
    model.fit(panel, horizon=7, seed=0)
    return panel, truth, model


def test_it_uses_what_is_known_ahead(learnt: tuple[Panel, np.ndarray, Recursive]) -> None:
    """With promotions known ahead the forecast is far nearer to the true means than the recent mean."""
    panel, truth, model = learnt
    error = np.abs(model.predict(panel) - truth).mean()
    assert error < 0.5 * np.abs(level(panel)[:, None] - truth).mean()


def test_a_young_series_is_forecast_too(learnt: tuple[Panel, np.ndarray, Recursive]) -> None:
    """A series of three days has no lag of a week, and a finite forecast near the others'."""
    panel, _, model = learnt
    mean = model.predict(panel)[0]
    assert ((mean > 1) & (mean < 40)).all()


def test_kept_and_loaded_it_forecasts_the_same(learnt: tuple[Panel, np.ndarray, Recursive], tmp_path: Path) -> None:
    """Its folder holds LightGBM's text and nothing pickled; read back, the forecast is the same."""
    panel, _, model = learnt
    model.save(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["recursive_tweedie.txt"]
    other = Recursive()
    other.load(tmp_path)
    np.testing.assert_allclose(other.predict(panel), model.predict(panel), rtol=1e-6)


def test_the_median_lies_below_the_mean_of_skewed_demand(learnt: tuple[Panel, np.ndarray, Recursive]) -> None:
    """`recursive_median` learns the median: of demand that is mostly small and sometimes large, less than the mean."""
    random = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(10), 200),
            "ds": np.tile(pd.date_range("2024-01-01", periods=200), 10),
            "y": random.choice([1.0, 1.0, 1.0, 10.0], 2000),
        }
    )
    panel = Panel.from_table(table, 7)
    median, mean = make_model("recursive_median"), Recursive()
    for model in (median, mean):
        model.fit(panel, horizon=7, seed=0)
    assert median.predict(panel).mean() < 2 < 2.5 < mean.predict(panel).mean()


@pytest.mark.parametrize("y", [[3.0], [1.0, 2.0] * 20, [0.0] * 200, [float(day % 7 - 3) for day in range(200)]])
def test_weird_series_get_finite_forecasts(y: list[float]) -> None:
    """One day, too few rows, all zeros, demand of both signs: finite, the recent mean where there is too little."""
    panel = Panel.from_table(
        pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2024-01-01", periods=len(y)), "y": y}), 40
    )
    model = Recursive()
    model.fit(panel, horizon=40, seed=0)
    mean = model.predict(panel)
    assert np.isfinite(mean).all()
    if len(y) < 100:
        np.testing.assert_allclose(mean, np.mean(y[-28:]))


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where mlforecast is not installed the refusal names it and the command that installs it."""
    monkeypatch.setitem(sys.modules, "mlforecast", None)
    panel, _ = promoted(series=2)
    with pytest.raises(HubError, match=r"mlforecast.*hub setup peers") as caught:
        Recursive().fit(panel, horizon=7, seed=0)
    assert caught.value.code == "demand.needs_peers"
