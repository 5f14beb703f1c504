"""Forecasting models: what one is, and the ones that come with the house.

A model is any class with `fit` and `predict` on a `Panel`; `examples/own_model.py` is one in 20 lines. It gives
means only: quantiles, closed periods, checks and file formats are the same for every model and live elsewhere.
Built-in models are found by the same mapping as yours, `package.module:Class`; `onnx:NAME` is a network of the model
catalogue; names joined by `+` are mixed as a rehearsal says.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Protocol, runtime_checkable

from aislehub.core.errors import HubError, did_you_mean
from aislehub.demand.panel import FloatArray, Panel

__all__ = ["MODELS", "Explained", "Model", "Stored", "make_model"]

MODELS = {
    "seasonal_naive": "aislehub.demand.models.seasonal:SeasonalNaive",
    "mean28": "aislehub.demand.models.seasonal:RecentMean",
    "seasonal_mean": "aislehub.demand.models.seasonal:SeasonalMean",
    "boosted": "aislehub.demand.models.boosted:Boosted",
    "aislehub": "aislehub.demand.models.blend:Blend",
    "light": "aislehub.demand.models.blend:light",
    "auto_ets": "aislehub.demand.models.statistical:auto_ets",
    "croston": "aislehub.demand.models.statistical:croston",
    "croston_sba": "aislehub.demand.models.statistical:croston_sba",
    "tsb": "aislehub.demand.models.statistical:tsb",
    "recursive": "aislehub.demand.models.recursive:Recursive",
    "recursive_median": "aislehub.demand.models.recursive:recursive_median",
    "lstm": "aislehub.demand.models.lstm:Lstm",
    "lstm_scaled": "aislehub.demand.models.lstm:lstm_scaled",
    "lstm_demo": "aislehub.demand.models.lstm:lstm_demo",
}
"""Name → `package.module:Class`, or a function there that returns a model."""


@runtime_checkable
class Model(Protocol):
    """A forecasting model.

    A class is made without arguments. One that needs much less than it costs to fit, and wants to be kept, also
    has `save` and `load` (see `Stored`). One that already forecast its own past out of sample may leave that in
    an attribute `rehearsal` (a `Rehearsal`), which spares a second fit for the quantiles. One that makes assumptions on
    the data says them after `fit` in `notices`, a list of sentences.
    """

    def fit(self, panel: Panel, *, horizon: int, seed: int) -> None:
        """Learn from `panel.y` (series × past periods, NaN unknown) to forecast up to `horizon` periods ahead."""

    def predict(self, panel: Panel) -> FloatArray:
        """Mean demand of each future period, shape (series, panel.horizon), from the panel's own history."""


@runtime_checkable
class Stored(Model, Protocol):
    """A model that can be kept in a folder of plain files and read back by another process."""

    def save(self, folder: Path) -> None:
        """Write everything `predict` needs into `folder`, which exists."""

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""


@runtime_checkable
class Explained(Model, Protocol):
    """A model that says what its forecasts are made of; any other is compared with the seasonal mean."""

    def decompose(self, panel: Panel, periods: int) -> dict[str, FloatArray]:
        """Part → units of the next `periods` periods, shape (series, periods); they add up to what `predict` gives.

        Parts are base, season, trend, price, promotion and event; see `aislehub.demand.parts`.
        """


def make_model(name: str) -> Model:
    """A fresh model by built-in name, `onnx:NAME`, `package.module:Class`, or several of these joined by `+`.

    `aislehub+lstm` mixes what `aislehub` mixes, and the LSTM.

    Raises:
        HubError: `demand.model` when there is none of that name, `demand.model_shape` when it has no
            `fit` or `predict`.
    """
    if "+" in name:
        return _mixed(name.split("+"))
    if name.startswith("onnx:"):
        from aislehub.demand.models.foundation import Foundation  # here, for onnxruntime is slow to load

        return Foundation(name.removeprefix("onnx:"))
    target = MODELS.get(name, name)
    module, _, attribute = target.partition(":")
    if not attribute:
        raise HubError("demand.model", name=name, suggestion=did_you_mean(name, MODELS))
    try:
        kind = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise HubError("demand.model", name=name, suggestion=str(error)) from error
    model = kind()
    if not isinstance(model, Model):
        raise HubError("demand.model_shape", name=name)
    return model


def _mixed(names: list[str]) -> Model:
    from aislehub.demand.models.blend import PARTS, Blend  # here, for a blend makes its parts by name

    flat = [part for name in names for part in (PARTS if name == "aislehub" else (name,))]
    return Blend({part: partial(make_model, part) for part in flat})
