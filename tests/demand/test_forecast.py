"""Forecasts of any long table: accurate where there is something to know, whole and finite where not."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aislehub.core.errors import HubError
from aislehub.demand.forecast import Forecaster, forecast, forecast_command
from aislehub.demand.models import MODELS
from aislehub.demand.panel import Panel
from aislehub.serve.cli import main


def shop(series: int = 40, days: int = 400, seed: int = 0) -> pd.DataFrame:
    """Daily demand with a week, promotions that double it, and a price cut on promotion."""
    random = np.random.default_rng(seed)
    level = random.gamma(2, 2, series)
    week = np.array([0.7, 0.7, 0.8, 0.9, 1.2, 1.5, 1.2])
    promo = (random.random((series, days)) < 0.1).astype(int)
    mean = level[:, None] * week[np.arange(days) % 7] * (1 + promo)
    return pd.DataFrame(
        {
            "unique_id": np.repeat([f"item{number:02}" for number in range(series)], days),
            "ds": np.tile(pd.date_range("2023-01-02", periods=days), series),
            "y": random.poisson(mean).ravel(),
            "promo": promo.ravel(),
            "mean": mean.ravel(),
        }
    )


def split(table: pd.DataFrame, horizon: int = 28) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Past and the `horizon` days after it."""
    origin = table["ds"].max() - pd.Timedelta(days=horizon)
    return table[table["ds"] <= origin], table[table["ds"] > origin]


@pytest.fixture(scope="module")
def learnt() -> tuple[pd.DataFrame, pd.DataFrame, Panel, Forecaster]:
    """The house's own model on the shop, with promotions known ahead."""
    past, later = split(shop())
    panel = Panel.from_table(past.drop(columns="mean"), 28, known=later[["unique_id", "ds", "promo"]])
    return past, later, panel, Forecaster.learn(panel)


def test_the_default_model_beats_every_rule_where_promotions_are_known(learnt) -> None:
    """With promotions known ahead, the house's model is nearer to the true means than each trivial rule, by far."""
    _, later, panel, house = learnt
    truth = later["mean"].to_numpy().reshape(len(panel.ids), 28)
    error = {"aislehub": np.abs(house.means(panel) - truth).mean()}
    for rule in ("seasonal_naive", "mean28", "seasonal_mean"):
        error[rule] = np.abs(Forecaster.learn(panel, model=rule).means(panel) - truth).mean()
    assert error["aislehub"] < 0.7 * min(error[rule] for rule in error if rule != "aislehub"), error


def test_bands_cover_what_they_promise(learnt) -> None:
    """About 10 % of outcomes lie above the 90 % quantile; for whole numbers never much more."""
    _, later, panel, house = learnt
    out = house.predict(panel, (0.1, 0.5, 0.9))
    above = (later["y"].to_numpy() > out["q0.9"].to_numpy()).mean()
    below = (later["y"].to_numpy() < out["q0.1"].to_numpy()).mean()
    assert 0.04 < above < 0.13
    assert below < 0.13


def test_lead_time_totals_are_not_sums_of_quantiles(learnt) -> None:
    """The 95 % quantile of two weeks' total covers about 95 % and needs far less than the sum of daily ones."""
    _, later, panel, house = learnt
    total = later["y"].to_numpy().reshape(-1, 28)[:, :14].sum(axis=1)
    window = house.lead_time(panel, 1, 14, (0.95,))
    days = house.predict(panel, (0.95,))["q0.95"].to_numpy().reshape(-1, 28)[:, :14].sum(axis=1)
    assert (total <= window["q0.95"]).mean() >= 0.85
    assert window["q0.95"].sum() < 0.8 * days.sum()


def test_a_kept_forecaster_forecasts_the_same(learnt, tmp_path: Path) -> None:
    """Saved to plain files and read back, the forecast is the same."""
    _, _, panel, house = learnt
    house.save(tmp_path)
    assert not list(tmp_path.rglob("*.pkl"))
    pd.testing.assert_frame_equal(Forecaster.load(tmp_path).predict(panel), house.predict(panel))


def test_a_forecaster_of_another_version_is_refused(learnt, tmp_path: Path) -> None:
    """Files of another format are not read as if they were of this one; the error says what learns it anew."""
    _, _, _, house = learnt
    house.save(tmp_path)
    (tmp_path / "forecaster.json").write_text(json.dumps({"model": "aislehub"}))
    with pytest.raises(HubError) as refused:
        Forecaster.load(tmp_path)
    assert refused.value.code == "demand.model_format"


def needed(model: str) -> None:
    """Skip where the packages are absent that some models are made of."""
    if model in ("lstm", "lstm_scaled"):
        pytest.importorskip("torch")
    if model in ("auto_ets", "croston", "croston_sba", "tsb", "recursive", "recursive_median"):
        pytest.importorskip("statsforecast")
        pytest.importorskip("mlforecast")


@pytest.mark.parametrize("model", sorted(MODELS))
def test_every_model_answers_the_same_shape(model: str) -> None:
    """Columns, row count and order are the same whatever the model."""
    needed(model)
    past, _ = split(shop(series=4, days=120), 7)
    out = forecast(past[["unique_id", "ds", "y"]], 7, model=model, quantiles=(0.05, 0.95))
    assert list(out.columns) == ["unique_id", "ds", "y_hat", "q0.05", "q0.95"]
    assert list(out["unique_id"].unique()) == list(past["unique_id"].unique())
    assert len(out) == 4 * 7


def test_the_same_seed_gives_the_same_forecast() -> None:
    """Forecasting twice gives the same numbers."""
    past, _ = split(shop(series=6, days=200), 7)
    rows = past[["unique_id", "ds", "y"]]
    pd.testing.assert_frame_equal(forecast(rows, 7, seed=3), forecast(rows, 7, seed=3))


def test_the_order_of_rows_does_not_matter() -> None:
    """A shuffled table gives each series the same forecast."""
    past, _ = split(shop(series=3, days=100), 7)
    rows = past[["unique_id", "ds", "y"]]
    one = forecast(rows, 7, model="seasonal_mean").set_index(["unique_id", "ds"]).sort_index()
    other = forecast(rows.sample(frac=1, random_state=1), 7, model="seasonal_mean")
    pd.testing.assert_frame_equal(one, other.set_index(["unique_id", "ds"]).sort_index())


WEIRD = {
    "one row": lambda days: [3.0],
    "two rows": lambda days: [3.0, 5.0],
    "constant": lambda days: [5.0] * days,
    "zeros": lambda days: [0.0] * days,
    "one sale": lambda days: [0.0] * (days - 1) + [1.0],
    "fractions": lambda days: [0.125 * (day % 5) for day in range(days)],
    "huge": lambda days: [1e12 + day for day in range(days)],
    "tiny": lambda days: [1e-9 * (day % 3) for day in range(days)],
    "returns": lambda days: [float(day % 7 - 3) for day in range(days)],
}


@pytest.mark.parametrize("horizon", [1, 30, 200])
@pytest.mark.parametrize("kind", sorted(WEIRD))
def test_weird_series_get_whole_finite_forecasts(kind: str, horizon: int) -> None:
    """Exactly `horizon` finite rows, quantiles in order, nothing below 0 unless the history is: whatever comes in."""
    y = WEIRD[kind](60)
    rows = pd.DataFrame({"unique_id": 7, "ds": pd.date_range("2024-01-31", periods=len(y)), "y": y})
    out = forecast(rows, horizon)
    assert len(out) == horizon
    assert out["unique_id"].eq(7).all()
    assert out["ds"].iloc[0] == rows["ds"].max() + pd.Timedelta(days=1)
    values = out[["y_hat", "q0.1", "q0.5", "q0.9"]].to_numpy()
    assert np.isfinite(values).all()
    assert (np.diff(values[:, 1:], axis=1) >= 0).all()
    assert kind == "returns" or (values >= 0).all()


def test_constant_demand_is_forecast_with_certainty() -> None:
    """A series that never varied keeps its value, without a band."""
    rows = pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2024-01-01", periods=90), "y": 5})
    out = forecast(rows, 7)
    np.testing.assert_allclose(out[["y_hat", "q0.1", "q0.9"]], 5, atol=0.02)


@settings(max_examples=25, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 50), min_size=1, max_size=5),
    horizon=st.integers(1, 20),
    keep=st.floats(0.3, 1.0),
    seed=st.integers(0, 100),
)
def test_any_ragged_table_is_forecast_whole(lengths: list[int], horizon: int, keep: float, seed: int) -> None:
    """For tables of any lengths and gaps: horizon rows per series, finite, ordered, not negative."""
    random = np.random.default_rng(seed)
    parts = []
    for number, length in enumerate(lengths):
        chosen = np.flatnonzero(random.random(length) < keep)
        days = pd.Timestamp("2024-02-20") + pd.to_timedelta(chosen if len(chosen) else [0], unit="D")
        parts.append(pd.DataFrame({"unique_id": number, "ds": days, "y": random.poisson(2, len(days))}))
    out = forecast(pd.concat(parts), horizon)
    assert out.groupby("unique_id").size().eq(horizon).all()
    assert out["unique_id"].nunique() == len(lengths)
    values = out[["q0.1", "q0.5", "q0.9"]].to_numpy()
    assert np.isfinite(values).all() and (values >= 0).all() and (np.diff(values, axis=1) >= 0).all()


@pytest.mark.parametrize("quantiles", [(0.0,), (1.0,), (0.5, 1.5), (0.5, 0.5), (float("nan"),)])
def test_quantiles_outside_0_and_1_are_refused(quantiles: tuple[float, ...]) -> None:
    """Probabilities lie strictly between 0 and 1 and are named once."""
    with pytest.raises(HubError) as refused:
        forecast(shop(series=1, days=30), 7, quantiles=quantiles)
    assert refused.value.code.startswith("demand.quantile")


@pytest.mark.parametrize("name", ["seasnal_mean", "no_such.module:Class", "aislehub.demand.panel:Nothing"])
def test_unknown_models_are_refused(name: str) -> None:
    """An unknown model is refused; a near name is suggested."""
    with pytest.raises(HubError) as refused:
        forecast(shop(series=1, days=30), 7, model=name)
    assert refused.value.code == "demand.model"
    if name == "seasnal_mean":
        assert "seasonal_mean" in refused.value.facts["suggestion"]


def test_the_example_of_an_own_model_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The 20 lines in examples/ forecast by `package.module:Class`, with the house's quantiles."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "examples"))
    sys.modules.pop("own_model", None)
    past, _ = split(shop(series=5, days=150), 7)
    out = forecast(past[["unique_id", "ds", "y"]], 7, model="own_model:Damped")
    assert len(out) == 35
    assert (out["q0.1"] < out["q0.9"]).any()


class WrongShape:
    """A model with a defect."""

    def fit(self, panel: Panel, *, horizon: int, seed: int) -> None: ...

    def predict(self, panel: Panel) -> np.ndarray:
        return np.full((1, 1), np.nan)


def test_a_model_that_returns_nonsense_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model's wrong shape or NaN never reaches a file."""
    monkeypatch.setitem(MODELS, "wrong", f"{__name__}:WrongShape")
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or type(sys)(__name__))
    monkeypatch.setattr(sys.modules[__name__], "WrongShape", WrongShape, raising=False)
    rows = pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2024-01-01", periods=2), "y": [1, 2]})
    with pytest.raises(HubError) as refused:
        forecast(rows, 3, model="wrong")
    assert refused.value.code == "demand.model_output"


@pytest.mark.parametrize("model", sorted(MODELS))
def test_the_command_runs_every_model(model: str, home: Path, tmp_path: Path, capsys) -> None:
    """`--model NAME` answers for each name, a series of one day included; `--help` and docs/demand.md list it."""
    needed(model)
    past, later = split(shop(series=3, days=80), 7)
    past = past[(past["unique_id"] != "item02") | (past["ds"] == past["ds"].max())]
    past.drop(columns="mean").assign(dept="dairy").to_csv(tmp_path / "sales.csv", index=False)
    later[["unique_id", "ds", "promo"]].assign(price=2.5).to_csv(tmp_path / "plan.csv", index=False)
    files = [str(tmp_path / name) for name in ("sales.csv", "plan.csv", "out.csv")]
    assert main(["forecast", files[0], "--horizon", "7", "--known", files[1], "--model", model, "--out", files[2]]) == 0
    assert np.isfinite(pd.read_csv(files[2])[["y_hat", "q0.1", "q0.9"]].to_numpy()).all()
    assert main(["forecast", "--help"]) == 0
    assert model in capsys.readouterr().out
    assert f"`{model}`" in (Path(__file__).parents[2] / "docs" / "demand.md").read_text(encoding="utf-8")


def test_the_command_writes_the_file_and_keeps_standard_output_clean(tmp_path: Path, capsys) -> None:
    """`aislehub forecast` writes the long table; notices go to standard error, nothing else is printed."""
    past, later = split(shop(series=3, days=120), 7)
    past.drop(columns="mean").to_csv(tmp_path / "sales.csv", index=False)
    later[["unique_id", "ds", "promo"]].to_parquet(tmp_path / "plan.parquet")
    out = tmp_path / "forecast.parquet"
    forecast_command(tmp_path / "sales.csv", 7, known=tmp_path / "plan.parquet", quantiles="0.1,0.9", out=out)
    assert list(pd.read_parquet(out).columns) == ["unique_id", "ds", "y_hat", "q0.1", "q0.9"]
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "3 series" in printed.err or "3 条" in printed.err
