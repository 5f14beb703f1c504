"""A forecasting foundation model from a file of yours: `onnx:NAME`, NAME being an entry of the model catalogue.

    [models.NAME]
    file = "…/model.onnx"
    sha256 = "…"

The network takes the recent past of many series, float32 `(n, context)`, oldest first, and returns their next periods:
means `(n, horizon)` or quantiles at evenly spread levels `(n, horizon, quantiles)`. Sizes and names are read from the
file. Nothing is fetched and nothing is learnt: what such a model knows, it brings.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from aislehub.core.errors import HubError
from aislehub.core.models import model_file
from aislehub.demand.models.network import open_network, run_network
from aislehub.demand.models.seasonal import level
from aislehub.demand.panel import FloatArray, Panel

__all__ = ["Foundation"]

CONTEXT = 512  # where the network takes any length
CHUNK = 256  # series at once, where it takes any number


class Foundation:
    """A network that forecasts any series from its past.

    Every series is divided by its mean size over the context before it goes in; unknown, closed and missing periods are
    taken as the recent mean. An output called `mean` is the forecast, else the first one; of quantiles the mean is
    taken. A horizon longer than the network's own is reached by feeding its forecasts back.

    Args:
        name: of the catalogue's entry.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._network: Any = None

    def fit(self, panel: Panel, *, horizon: int, seed: int) -> None:
        """Open the network; there is nothing to learn.

        Raises:
            HubError: `models.unknown`, `models.missing`, `models.hash`, `demand.onnx_unusable`, `demand.onnx_input`.
        """
        self._open()

    def predict(self, panel: Panel) -> FloatArray:
        """Mean demand of each future period.

        Raises:
            HubError: `demand.onnx_unusable`, `demand.onnx_output`.
        """
        length = self._network.get_inputs()[0].shape[1]
        context = length if isinstance(length, int) else min(CONTEXT, panel.y.shape[1])
        past = panel.sold[:, -context:]
        series = np.full((len(past), context), np.nan)
        series[:, context - past.shape[1] :] = past
        series = np.where(np.isnan(series), level(panel)[:, None], series)
        size = np.abs(series).mean(axis=1, keepdims=True)
        size[size == 0] = 1.0
        series /= size
        while series.shape[1] < context + panel.horizon:
            series = np.concatenate([series, self._following(series[:, -context:])], axis=1)
        return series[:, context : context + panel.horizon] * size

    def save(self, folder: Path) -> None:
        pass

    def load(self, folder: Path) -> None:
        """Open the network again, which the catalogue keeps; errors as of `fit`."""
        self._open()

    def _open(self) -> None:
        self._network = open_network(model_file(self._name), name=self._name)
        ports = self._network.get_inputs()
        if len(ports) != 1 or ports[0].type != "tensor(float)" or len(ports[0].shape) != 2:
            found = ", ".join(f"{port.name} {port.type} {port.shape}" for port in ports)
            raise HubError("demand.onnx_input", name=self._name, found=found)

    def _following(self, series: FloatArray) -> FloatArray:
        """The periods after `series (n, context)` as far as the network looks, some series at a time."""
        port = self._network.get_inputs()[0]
        outputs = [output.name for output in self._network.get_outputs()]
        wanted = "mean" if "mean" in outputs else outputs[0]
        chunk = port.shape[0] if isinstance(port.shape[0], int) else min(CHUNK, len(series))
        parts = []
        for start in range(0, len(series), chunk):
            rows = series[start : start + chunk].astype(np.float32)
            full = np.resize(rows, (chunk, rows.shape[1]))  # a network of fixed size needs every row
            found = run_network(self._network, {port.name: full}, wanted, name=self._name)
            if found.ndim not in (2, 3) or len(found) != chunk or found.size == 0:
                raise HubError("demand.onnx_output", name=self._name, output=wanted, found=found.shape, series=chunk)
            parts.append((found if found.ndim == 2 else found.mean(axis=2))[: len(rows)])
        return np.concatenate(parts)
