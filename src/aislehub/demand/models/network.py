"""Networks in ONNX files, run by onnxruntime, whatever trained them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from aislehub.core.errors import HubError
from aislehub.demand.panel import FloatArray

__all__ = ["open_network", "run_network"]


def open_network(source: Path | bytes, *, name: str) -> Any:
    """An inference session on one thread: its cost is what it says, whatever the machine.

    Args:
        source: a file, or its content.
        name: what the network is called in an error.

    Raises:
        HubError: `demand.onnx_unusable`.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4  # what goes wrong is raised, too
    given = source if isinstance(source, bytes) else str(source)
    try:
        return onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no nearer parent
        raise HubError("demand.onnx_unusable", name=name, problem=error) from error


def run_network(network: Any, given: Mapping[str, FloatArray], output: str, *, name: str) -> FloatArray:
    """One output of a network for these inputs.

    Raises:
        HubError: `demand.onnx_unusable`.
    """
    try:
        return np.asarray(network.run([output], dict(given))[0])
    except Exception as error:  # as above
        raise HubError("demand.onnx_unusable", name=name, problem=error) from error
