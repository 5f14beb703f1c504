"""The deep agent as it is served: a small ONNX file that says what each discount of a week is worth.

`tools/train_promotions.py` makes the file in the twin (`dqn.py`); here it is only run. It plays the environment
`aislehub/Promotions-v0`, in which one category is in turn each week; the plan that is shipped is the bandit's
(`promotion.py`), and the two stand side by side in `aislehub bench promotion`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aislehub.core.models import model_file

__all__ = ["DeepAgent"]


class DeepAgent:
    """Chooses the action of most value.

    Args:
        file: an ONNX file with one input (n, observation) and one output (n, actions); None = the catalogued one.

    Raises:
        HubError: `models.hash` when the catalogued file is not the one that was made.
    """

    def __init__(self, file: Path | None = None) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        given = str(file or model_file("promotion_dqn"))
        self._session = onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def values(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """Value of each action, in standard deviations of a week's reward, (n, actions)."""
        return np.asarray(self._session.run(None, {self._input: observations.astype(np.float32)})[0])

    def act(self, observation: NDArray[np.float32]) -> int:
        """The action of most value after one observation."""
        return int(self.values(observation[None])[0].argmax())
