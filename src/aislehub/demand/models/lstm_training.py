"""Training of the LSTM in PyTorch, which is needed for nothing else.

LSTM → Dense 1, mean squared error, Adam, with Keras' defaults: learning rate 1e-3, epsilon 1e-7, Glorot-uniform input
weights, orthogonal recurrent ones, biases 0 but 1 for the forget gate. One thing differs: 256 windows a step, not 32,
which takes a third of the CPU time.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from aislehub.core.errors import HubError
from aislehub.demand.panel import FloatArray

__all__ = ["import_torch", "train"]

BATCH = 256


def train(
    windows: FloatArray, targets: FloatArray, *, units: int, epochs: int, seed: int, batch: int = BATCH
) -> dict[str, FloatArray]:
    """Weights that forecast `targets (n,)` from `windows (n, periods, features)`, as `lstm_graph` wants them.

    The same seed gives the same weights: one thread, and random numbers of its own.

    Raises:
        HubError: `demand.needs_torch`.
    """
    torch = import_torch()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            lstm, dense = _layers(torch, windows.shape[2], units)
            trained = [values for layer in (lstm, dense) for values in layer.parameters() if values.requires_grad]
            adam = torch.optim.Adam(trained, lr=1e-3, eps=1e-7)
            given, wanted = torch.from_numpy(windows), torch.from_numpy(targets)
            for _ in range(epochs):
                for chosen in torch.randperm(len(given)).split(batch):
                    adam.zero_grad()
                    _, (last, _) = lstm(given[chosen])
                    error = dense(last[0])[:, 0] - wanted[chosen]
                    (error * error).mean().backward()
                    adam.step()
    finally:
        torch.set_num_threads(threads)
    weights = {
        "weight_ih": lstm.weight_ih_l0,
        "weight_hh": lstm.weight_hh_l0,
        "bias": lstm.bias_ih_l0,
        "dense": dense.weight,
        "dense_bias": dense.bias,
    }
    return {name: values.detach().numpy().astype(np.float32) for name, values in weights.items()}


def import_torch() -> Any:
    """The module torch.

    Raises:
        HubError: `demand.needs_torch`.
    """
    try:
        return import_module("torch")
    except ImportError as error:
        raise HubError("demand.needs_torch") from error


def _layers(torch: Any, features: int, units: int) -> tuple[Any, Any]:
    """LSTM and dense layer as Keras would begin with them; torch's second bias stays 0."""
    lstm = torch.nn.LSTM(features, units, batch_first=True)
    dense = torch.nn.Linear(units, 1)
    torch.nn.init.xavier_uniform_(lstm.weight_ih_l0)
    torch.nn.init.orthogonal_(lstm.weight_hh_l0)
    torch.nn.init.zeros_(lstm.bias_ih_l0)
    torch.nn.init.zeros_(lstm.bias_hh_l0).requires_grad_(False)
    with torch.no_grad():
        lstm.bias_ih_l0[units : 2 * units] = 1.0
    torch.nn.init.xavier_uniform_(dense.weight)
    torch.nn.init.zeros_(dense.bias)
    return lstm, dense
