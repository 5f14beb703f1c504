"""The article's LSTM: trained by torch, served without it, and never told of the day it forecasts."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aislehub.core.errors import HubError
from aislehub.core.models import catalogue, sha256
from aislehub.demand import models
from aislehub.demand.backtest import MAX_ORIGINS
from aislehub.demand.daily import Policy
from aislehub.demand.models.lstm import Lstm, lstm_demo, lstm_scaled
from aislehub.demand.models.lstm_onnx import lstm_graph
from aislehub.demand.models.lstm_training import train
from aislehub.demand.models.network import open_network, run_network
from aislehub.demand.models.seasonal import level
from aislehub.demand.panel import Panel
from aislehub.serve.commands.demo import DEMO_DAY

WITHOUT_TORCH = """
import sys
from pathlib import Path

class Absent:
    @staticmethod
    def find_spec(name, *rest):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent)
import numpy as np, pandas as pd
from aislehub.demand.models.lstm import lstm_scaled

folder, model = Path(sys.argv[1]), lstm_scaled()
model.load(folder)
np.save(folder / "mean.npy", model.predict(pd.read_pickle(folder / "panel.pkl")))
"""
WEEK = np.array([2.0, 2.0, 3.0, 4.0, 6.0, 9.0, 7.0])


def weekly(series: int = 6, days: int = 140, horizon: int = 7, **covariates: object) -> Panel:
    """Series of one weekly shape at different levels, with covariates given by day as `name=values`."""
    table = pd.DataFrame(
        {
            "unique_id": np.repeat([f"s{number}" for number in range(series)], days + horizon),
            "ds": np.tile(pd.date_range("2024-01-01", periods=days + horizon), series),
        }
    )
    table["y"] = np.concatenate([(1 + number) * WEEK[np.arange(days + horizon) % 7] for number in range(series)])
    table.loc[table["ds"] >= pd.Timestamp("2024-01-01") + pd.Timedelta(days=days), "y"] = np.nan
    for name, values in covariates.items():
        table[name] = np.tile(values, series)
    return Panel.from_table(table, horizon)


def fitted(panel: Panel, seed: int = 0, **options: int) -> Lstm:
    """A network learnt from the panel."""
    pytest.importorskip("torch")
    model = Lstm(per_series=True, **options)
    model.fit(panel, horizon=panel.horizon, seed=seed)
    return model


@pytest.fixture(scope="module")
def learnt() -> tuple[Panel, Lstm]:
    """Learnt for 50 epochs on series of one weekly shape."""
    panel = weekly()
    return panel, fitted(panel)


def test_it_learns_a_week(learnt: tuple[Panel, Lstm]) -> None:
    """Where demand is a week that repeats, its forecast is far nearer than the recent mean's."""
    panel, model = learnt
    truth = (1 + np.arange(6))[:, None] * WEEK[None]
    error = np.abs(model.predict(panel) - truth).mean()
    assert error < 0.3 * np.abs(level(panel)[:, None] - truth).mean()


def test_what_torch_trained_onnxruntime_serves() -> None:
    """The ONNX file computes what torch's own layers compute with the same weights, to 1e-5, and is valid ONNX."""
    torch, onnx = pytest.importorskip("torch"), pytest.importorskip("onnx")
    random = np.random.default_rng(0)
    windows = random.random((500, 7, 5), dtype=np.float32)
    weights = train(windows, windows[:, -1, 0] * 3, units=64, epochs=2, seed=0)
    lstm = torch.nn.LSTM(5, 64, batch_first=True)
    state = {"weight_ih_l0": "weight_ih", "weight_hh_l0": "weight_hh", "bias_ih_l0": "bias"}
    lstm.load_state_dict(
        {ours: torch.from_numpy(weights[theirs]) for ours, theirs in state.items()} | {"bias_hh_l0": torch.zeros(256)}
    )
    with torch.no_grad():
        hidden = lstm(torch.from_numpy(windows))[1][0][0].numpy()
    content = lstm_graph(weights, window=7, notes={"made": "here"})
    served = run_network(open_network(content, name="test"), {"windows": windows}, "next", name="test")
    np.testing.assert_allclose(served, hidden @ weights["dense"].T + weights["dense_bias"], atol=1e-5)
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)


def test_a_kept_network_forecasts_without_torch(learnt: tuple[Panel, Lstm], tmp_path: Path) -> None:
    """Another process, in which torch cannot be imported, reads the file back and forecasts the same."""
    panel, model = learnt
    model.save(tmp_path)
    pd.to_pickle(panel, tmp_path / "panel.pkl")
    subprocess.run([sys.executable, "-c", WITHOUT_TORCH, str(tmp_path)], check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "mean.npy"), model.predict(panel))


def test_without_torch_training_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where torch is not installed the error says how to get it."""
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(HubError, match="hub setup deep") as caught:
        Lstm().fit(weekly(), horizon=7, seed=0)
    assert caught.value.code == "demand.needs_torch"


def test_the_seed_decides() -> None:
    """The same seed gives the same forecast, another seed another one; torch's own random state is left alone."""
    torch = pytest.importorskip("torch")
    panel = weekly(series=2)
    before = torch.get_rng_state()
    one, same, other = (fitted(panel, seed, epochs=2).predict(panel) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1e-6
    assert torch.equal(before, torch.get_rng_state())


def test_a_window_ends_before_its_target() -> None:
    """The plan of a day has no say in that day's forecast, only in those after it: features end the day before."""
    random = np.random.default_rng(0)
    promotion = (random.random(147) < 0.2).astype(int)
    panel = weekly(promotion=promotion, price=random.choice([1.0, 0.8], 147))
    model = fitted(panel, epochs=5)
    promoted = panel.known["promotion"].copy()
    promoted[:, 140] = 1 - promoted[:, 140]
    other = replace(panel, known=panel.known | {"promotion": promoted})
    difference = np.abs(model.predict(other) - model.predict(panel)).max(axis=0)
    assert difference[0] == 0
    assert difference[1] > 0


def test_relative_price_looks_back_only() -> None:
    """Prices planned for later days do not change the forecast of the days before them."""
    random = np.random.default_rng(0)
    panel = weekly(price=random.choice([1.0, 0.8], 147))
    model = fitted(panel, epochs=3)
    price = panel.known["price"].copy()
    price[:, 143:] *= 3
    dearer = replace(panel, known={"price": price})
    difference = np.abs(model.predict(dearer) - model.predict(panel)).max(axis=0)
    assert (difference[:4] == 0).all() and difference[4:].max() > 0


def test_a_holiday_flag_stands_for_missing_weather() -> None:
    """Where no covariate is weather the holiday flag takes its place, and both cases are said."""
    random = np.random.default_rng(0)
    events = np.where(np.arange(147) % 30 == 0, "feast", np.where(np.arange(147) % 50 == 1, "fair", None))
    said = fitted(weekly(event=events), epochs=1).notices[0]
    assert "holiday flag (event) in the place of weather" in said
    said = fitted(weekly(event=events, temperature=random.random(147)), epochs=1).notices[0]
    assert "weather (temperature)" in said


def test_more_windows_than_allowed_are_sampled_and_said() -> None:
    """With a cap on windows it learns from that many, drawn at random, and says of how many."""
    model = fitted(weekly(), epochs=1, windows=200)
    assert model.notices[-1] == "The LSTM learnt from 200 of 798 windows, drawn at random."


def test_too_little_history_gives_the_recent_mean() -> None:
    """With hardly a window to learn from, or less than one to forecast from, it is the recent mean."""
    pytest.importorskip("torch")
    for days in (3, 10):
        panel = weekly(series=2, days=days)
        np.testing.assert_array_equal(fitted(panel).predict(panel), np.repeat(level(panel)[:, None], 7, axis=1))
    learnt, short = fitted(weekly(), epochs=1), weekly(series=2, days=3)
    np.testing.assert_array_equal(learnt.predict(short), np.repeat(level(short)[:, None], 7, axis=1))


def test_closed_days_are_fed_back_as_closed() -> None:
    """On a day planned closed the network is fed 0, as it would have seen, not its own forecast."""
    closed = np.arange(147) % 7 == 6
    table = weekly(closed=closed.astype(int))
    panel = replace(table, y=np.where(closed[:140], 0, table.y).astype(np.float32))
    assert panel.closed[:, 146].all()
    assert (fitted(panel, epochs=2).predict(panel)[:, 6] == 0).all()


def test_a_scaled_network_does_not_care_for_units() -> None:
    """Per-series scaling: the same shape in thousands of grams or in kilos gives the same forecast, in its unit."""
    model = lstm_scaled()
    pytest.importorskip("torch")
    panel = weekly()
    model.fit(panel, horizon=7, seed=0)
    grams = replace(panel, y=panel.y * 1000)
    np.testing.assert_allclose(model.predict(grams), 1000 * model.predict(panel), rtol=1e-4)


CARD = Path(models.__file__).parent / "lstm_demo.json"


def test_the_demo_network_is_the_one_on_its_card() -> None:
    """File, card and catalogue agree, and the card says how the file was made."""
    card = json.loads(CARD.read_text(encoding="utf-8"))
    entry = catalogue()["lstm_demo"]
    assert sha256(CARD.with_suffix(".onnx")) == card["sha256"] == entry.sha256
    assert entry.licence == card["licence"] and (Path(__file__).parents[3] / card["made_by"]).is_file()
    assert (card["epochs"], card["per_series"], card["weather"]) == (50, True, False)


def test_the_demo_network_saw_nothing_that_the_demo_rehearses() -> None:
    """It learnt up to the day before the first of the 3 × 28 days that the demo's models are rehearsed on."""
    last_day = date.fromisoformat(json.loads(CARD.read_text(encoding="utf-8"))["last_day"])
    assert last_day == DEMO_DAY.date() - timedelta(days=MAX_ORIGINS * Policy().horizon_days)


def test_the_demo_network_forecasts_any_daily_panel_without_learning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without torch it forecasts other series, at their own level whatever their unit, and is kept like any model."""
    monkeypatch.setitem(sys.modules, "torch", None)
    random = np.random.default_rng(0)
    panel = weekly(series=20)
    panel = replace(panel, y=random.poisson(panel.y).astype(np.float32))
    model = lstm_demo()
    model.fit(panel, horizon=7, seed=0)
    mean = model.predict(panel)
    assert 0.7 < mean.mean() / panel.y[:, -28:].mean() < 1.3
    grams = replace(panel, y=panel.y * 1000)
    np.testing.assert_allclose(model.predict(grams), 1000 * mean, rtol=1e-3)


def test_what_a_network_never_saw_has_no_say() -> None:
    """Prices, which the demo's data lack, do not reach the weights that were never trained on any."""
    random = np.random.default_rng(0)
    panel = weekly(price=random.choice([1.0, 0.5], 147))
    model = lstm_demo()
    model.fit(panel, horizon=7, seed=0)
    np.testing.assert_array_equal(model.predict(panel), model.predict(replace(panel, known={})))


def test_a_file_of_another_kind_is_refused_as_demo_network(home: Path) -> None:
    """A network put in its place that does not say what it was trained on is refused, not guessed about."""
    random = np.random.default_rng(0)
    sizes = {"weight_ih": (256, 5), "weight_hh": (256, 64), "bias": (256,), "dense": (1, 64), "dense_bias": (1,)}
    weights = {name: random.random(size) for name, size in sizes.items()}
    file = home / "other.onnx"
    file.write_bytes(lstm_graph(weights, window=7, notes={}))
    (home / "hub.toml").write_text(f'[models.lstm_demo]\nfile = "{file}"\nsha256 = "{sha256(file)}"\n')
    with pytest.raises(HubError, match="does not say what it was trained on"):
        lstm_demo().fit(weekly(), horizon=7, seed=0)


def test_some_series_are_forecast_as_among_all() -> None:
    """What a usual promotion is does not change with the series that are asked for."""
    random = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=120)
    promotion = np.zeros((6, 120), dtype=np.float32)
    promotion[0, 20:] = 1.0
    panel = Panel(
        pd.RangeIndex(6), days, random.poisson(4, (6, 106)).astype(np.float32), known={"promotion": promotion}
    )
    model = lstm_demo()
    model.fit(panel, horizon=14, seed=0)
    np.testing.assert_allclose(model.predict(panel.only(np.array([0]))), model.predict(panel)[:1], rtol=1e-5)
