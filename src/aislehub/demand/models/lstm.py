"""The article's LSTM: a week of five features in, the next day's sales out.

LSTM(64) → Dense(1) on windows of 7 periods with sales, promotion, relative price, weekday and weather, each scaled to
[0, 1]; mean squared error, Adam, 50 epochs. It forecasts one step ahead and feeds its forecasts back over the horizon.
`Lstm()` scales sales by the range of all series, as the article's sketch does, so a series of 0.1 a day is next to
nothing beside one of 500; `lstm_scaled()` divides every series by its own mean. Torch trains it (`lstm_training`),
onnxruntime serves it.

The features are made of the panel's known-ahead covariates, by their names (`features.family_of`):

- promotion: 1 where one of the family promotion is not at its usual value, the value of at least half its rows;
- relative price: the price over its mean so far, 1 where it is unknown;
- weekday: Monday 0 to Sunday 6;
- weather: a weather or temperature. Where the data have none, a holiday flag stands in its place (and `notices` says
  so): 1 where a holiday or event is not at its usual value.

A feature that the data lack is 0.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aislehub.core.errors import HubError
from aislehub.core.models import model_file
from aislehub.core.text import say
from aislehub.demand.models.features import family_of
from aislehub.demand.models.lstm_onnx import lstm_graph
from aislehub.demand.models.lstm_training import import_torch, train
from aislehub.demand.models.network import open_network, run_network
from aislehub.demand.models.seasonal import level
from aislehub.demand.neighbours import NEIGHBOURS
from aislehub.demand.panel import FloatArray, Panel

__all__ = ["Lstm", "lstm_demo", "lstm_scaled"]

WINDOW = 7
UNITS = 64
EPOCHS = 50
MAX_WINDOWS = 300_000
MIN_WINDOWS = 100


@dataclass(frozen=True)
class Trained:
    """What a network was trained on; its file says it, too.

    Attributes:
        per_series: sales were divided by each series' own mean.
        weather: the fifth feature is weather, else the holiday flag.
        low, span: smallest value of each feature and the range above it; of sales unless `per_series`. A feature
            without a range was always 0 to the network and stays so, whatever the data that it forecasts.
        windows, epochs, seed: how many were learnt from, how often, and drawn by which seed.
    """

    per_series: bool
    weather: bool
    low: list[float]
    span: list[float]
    windows: int
    epochs: int
    seed: int


class Lstm:
    """The article's LSTM.

    With fewer than 100 windows to learn from it forecasts the recent mean instead.

    Args:
        per_series: scale sales by each series' own mean, not by the range of all.
        windows: at most so many are learnt from, drawn at random where there are more.
        epochs: passes over them.
        pretrained: name of an entry of the model catalogue, a file that such a model left, to use as it is.

    Attributes:
        notices: after `fit`, what stands for which feature, in sentences.
        trained: what the network was trained on; None while there is none.
    """

    def __init__(
        self, *, per_series: bool = False, windows: int = MAX_WINDOWS, epochs: int = EPOCHS, pretrained: str = ""
    ) -> None:
        self.per_series = per_series
        self.windows = windows
        self.epochs = epochs
        self.pretrained = pretrained
        self.notices: list[str] = []
        self.trained: Trained | None = None
        self._file = f"{pretrained or ('lstm_scaled' if per_series else 'lstm')}.onnx"
        self._content = b""
        self._network: Any = None

    def fit(self, panel: Panel, *, horizon: int, seed: int) -> None:
        self.trained = None
        if self.pretrained:
            trained = self._open(model_file(self.pretrained).read_bytes())
            self.notices = [_notice(panel, trained.weather)]
        else:
            import_torch()
            self._learn(panel, seed)

    def predict(self, panel: Panel) -> FloatArray:
        past = panel.y.shape[1]
        if self.trained is None or past < WINDOW:
            return np.repeat(level(panel)[:, None], panel.horizon, axis=1)
        features = _features(panel, self.trained)
        everyone = np.arange(len(panel.ids))
        low, span = _sales_range(panel, self.trained)
        nothing = -low / span
        for target in range(past, past + panel.horizon):
            windows = _windows(features, everyone, np.full_like(everyone, target))
            following = run_network(self._network, {"windows": windows}, "next", name=self._file)
            if panel.nonnegative:
                following = np.maximum(following, nothing)
            features[0][:, target] = np.where(panel.closed[:, target, None], nothing, following)[:, 0]
        return features[0][:, past:] * span + low

    def save(self, folder: Path) -> None:
        if self.trained is not None:
            (folder / self._file).write_bytes(self._content)

    def load(self, folder: Path) -> None:
        self.trained = None
        if (folder / self._file).exists():
            self._open((folder / self._file).read_bytes())

    def _learn(self, panel: Panel, seed: int) -> None:
        weather = bool(_weather(panel))
        self.notices = [_notice(panel, weather)]
        series, target, possible = _draw(panel, self.windows, seed)
        if len(series) < MIN_WINDOWS:
            return
        if len(series) < possible:
            self.notices.append(say("demand.lstm_windows", count=len(series), possible=possible))
        low, span = _ranges(panel, weather)
        trained = Trained(self.per_series, weather, low, span, len(series), self.epochs, seed)
        features = _features(panel, trained)
        windows = _windows(features, series, target)
        weights = train(windows, features[0][series, target], units=UNITS, epochs=self.epochs, seed=seed)
        self._open(lstm_graph(weights, window=WINDOW, notes={"lstm": json.dumps(asdict(trained))}))

    def _open(self, content: bytes) -> Trained:
        network = open_network(content, name=self._file)
        facts = network.get_modelmeta().custom_metadata_map
        if "lstm" not in facts:
            raise HubError("demand.onnx_foreign", name=self._file)
        self.trained = Trained(**json.loads(facts["lstm"]))
        self._content, self._network = content, network
        return self.trained


def lstm_scaled() -> Lstm:
    """The article's network on series divided by their own mean each."""
    return Lstm(per_series=True)


def lstm_demo() -> Lstm:
    """`lstm_scaled` as trained once on the demo's data; needs no torch. `lstm_demo.json` beside it says on what."""
    return Lstm(pretrained="lstm_demo")


def _features(panel: Panel, trained: Trained) -> list[FloatArray]:
    """The five features, scaled, (N or 1, T + H) each; sales yet to come are 0."""
    low, span = _sales_range(panel, trained)
    sales = np.zeros((len(panel.ids), len(panel.periods)), dtype=np.float32)
    sales[:, : panel.y.shape[1]] = (np.where(np.isnan(panel.y), level(panel)[:, None], panel.y) - low) / span
    others = zip(_covariates(panel, trained.weather), trained.low[1:], trained.span[1:], strict=True)
    return [sales, *((values - least) / width if width else np.zeros_like(values) for values, least, width in others)]


def _sales_range(panel: Panel, trained: Trained) -> tuple[FloatArray, FloatArray]:
    """Sales that are 0 when scaled, and how many more are 1: (1, 1) for all series, or each one's past mean, (N, 1)."""
    if not trained.per_series:
        return np.array([[trained.low[0]]]), np.array([[trained.span[0] or 1.0]])
    known = np.maximum((~np.isnan(panel.y)).sum(axis=1, keepdims=True), 1)
    mean = np.nansum(np.abs(panel.y), axis=1, keepdims=True, dtype=np.float64) / known
    return np.zeros_like(mean), np.where(mean > 0, mean, 1.0)


def _draw(panel: Panel, most: int, seed: int) -> tuple[FloatArray, FloatArray, int]:
    """Series and column of the targets to learn from, and how many there are: known, open, a full window before."""
    known = ~np.isnan(panel.sold)
    started = np.logical_or.accumulate(known, axis=1)
    known[:, :WINDOW] = False
    known[:, WINDOW:] &= started[:, :-WINDOW]
    targets = np.flatnonzero(known)
    random = np.random.default_rng(seed)
    chosen = targets if len(targets) <= most else np.sort(random.choice(targets, most, replace=False))
    series, target = np.divmod(chosen, panel.y.shape[1])
    return series, target, len(targets)


def _windows(features: list[FloatArray], series: FloatArray, target: FloatArray) -> FloatArray:
    """The 7 periods before each target, (n, 7, 5) float32."""
    columns = target[:, None] - WINDOW + np.arange(WINDOW)
    windows = np.empty((*columns.shape, len(features)), dtype=np.float32)
    for position, values in enumerate(features):
        windows[:, :, position] = values[series[:, None] if len(values) > 1 else 0, columns]
    return windows


def _ranges(panel: Panel, weather: bool) -> tuple[list[float], list[float]]:
    """Smallest past value of each feature and the range above it."""
    past = panel.y.shape[1]
    columns = [panel.y, *(values[:, :past] for values in _covariates(panel, weather))]
    low = [float(np.nanmin(values)) for values in columns]
    return low, [float(np.nanmax(values)) - least for values, least in zip(columns, low, strict=True)]


def _covariates(panel: Panel, weather: bool) -> list[FloatArray]:
    """Promotion, relative price, weekday, and weather or holiday: (N or 1, T + H) each, unscaled."""
    price = [panel.known[name] for name in _prices(panel)]
    measured = [panel.known[name] for name in _weather(panel)]
    return [
        _flag(panel, _promotions(panel)),
        _relative(price[0]) if price else _lacking(panel),
        panel.periods.dayofweek.to_numpy(np.float32)[None],
        (_filled(measured[0]) if measured else _lacking(panel)) if weather else _flag(panel, _holidays(panel)),
    ]


def _promotions(panel: Panel) -> list[str]:
    """The item's own, not its neighbours'."""
    return [name for name in panel.known if family_of(name) == "promotion" and name != NEIGHBOURS]


def _prices(panel: Panel) -> list[str]:
    return [name for name in panel.known if family_of(name) == "price" and "discount" not in name.lower()]


def _holidays(panel: Panel) -> list[str]:
    return [name for name in panel.known if any(word in name.lower() for word in ("holiday", "event"))]


def _weather(panel: Panel) -> list[str]:
    return [name for name in panel.known if any(word in name.lower() for word in ("weather", "temp"))]


def _lacking(panel: Panel) -> FloatArray:
    return np.zeros((1, len(panel.periods)), dtype=np.float32)


def _flag(panel: Panel, names: list[str]) -> FloatArray:
    """1 where one of the covariates is not at its usual value; one without a usual value says nothing.

    What is usual is counted over all series, also when the panel holds some of them (`Panel.only`).
    """
    flag = _lacking(panel)
    everything = panel if panel.among is None else panel.among[0]
    for name in names:
        codes, levels = pd.factorize(everything.known[name].ravel())
        counts = np.bincount(codes + 1)
        most = counts.argmax()
        if 2 * counts[most] >= len(codes):
            values = panel.known[name]
            usual = values == levels[most - 1] if most else np.isnan(values)
            flag = np.maximum(flag, (~usual).astype(np.float32))
    return flag


def _relative(price: FloatArray) -> FloatArray:
    """Price over the mean of the prices up to then."""
    known = ~np.isnan(price)
    total = np.where(known, price, 0).cumsum(axis=1, dtype=np.float64)
    mean = total / np.maximum(known.cumsum(axis=1), 1)
    return np.where(known & (mean > 0), price / np.where(mean > 0, mean, 1.0), 1.0).astype(np.float32)


def _filled(values: FloatArray) -> FloatArray:
    """Unknown weather is taken as the mean of what is known."""
    known = ~np.isnan(values)
    return np.where(known, values, values[known].mean() if known.any() else 0.0).astype(np.float32)


def _notice(panel: Panel, weather: bool) -> str:
    """Which covariate stands for which feature."""
    promotion, price = ", ".join(_promotions(panel)) or "—", ", ".join(_prices(panel)[:1]) or "—"
    if weather:
        return say("demand.lstm_weather", promotion=promotion, price=price, weather=_weather(panel)[0])
    holiday = ", ".join(_holidays(panel)) or "—"
    return say("demand.lstm_holiday", promotion=promotion, price=price, holiday=holiday)
