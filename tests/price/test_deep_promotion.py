"""The deep agent: served without torch, learned with it, in any environment of its kind."""

import subprocess
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest

import aislehub.twin.environment  # noqa: F401 - registers the environment
from aislehub.core.errors import HubError
from aislehub.core.models import verified
from aislehub.price.deep_promotion import DeepAgent


def test_the_catalogued_agent_plays_the_twins_environment():
    """What is shipped takes the environment's observations and gives one of its actions, the one of most value."""
    env = gymnasium.make("aislehub/Promotions-v0", stores=3, items=40, world_seed=1)
    seen, _ = env.reset(seed=3)
    agent = DeepAgent()
    action = agent.act(seen)
    assert action in range(env.action_space.n)
    assert action == agent.values(seen[None])[0].argmax()


def test_another_file_under_its_name_is_refused(tmp_path):
    """A file whose hash is not the catalogue's is not loaded."""
    file = tmp_path / "promotion_dqn.onnx"
    file.write_bytes(b"something else")
    with pytest.raises(HubError):
        verified(file, "0" * 64, model="promotion_dqn")


def test_serving_needs_no_torch():
    """Importing what serves the agent does not import torch."""
    code = "import sys, aislehub.price.deep_promotion, aislehub.capabilities; sys.exit('torch' in sys.modules)"
    source = str(Path(__file__).parents[2] / "src")
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": source}, check=False)
    assert done.returncode == 0


class Lights:
    """An environment in which the right action is the one that is shown; an episode is ten steps."""

    observation_space = gymnasium.spaces.Box(0, 1, (3,), np.float32)
    action_space = gymnasium.spaces.Discrete(3)

    def reset(self, *, seed=None):
        """Another order of lights for each seed."""
        self.rng, self.left = np.random.default_rng(seed), 10
        return self._show(), {}

    def step(self, action):
        """1 for the light that was on, else 0."""
        reward, self.left = float(action == self.on), self.left - 1
        return self._show(), reward, False, self.left == 0, {}

    def _show(self):
        self.on = int(self.rng.integers(3))
        return np.eye(3, dtype=np.float32)[self.on]


def test_it_learns_what_pays():
    """Where the observation says which action pays, the learned network takes it."""
    pytest.importorskip("torch")
    from aislehub.price.dqn import Schedule, train

    learned = train(Lights, Schedule(steps=1_500, warm_up=200, every=2, batch=64), seed=0)
    values = np.eye(3, dtype=np.float32)
    for place, (weight, bias) in enumerate(learned.layers):
        values = values @ weight + bias
        values = np.maximum(values, 0) if place < len(learned.layers) - 1 else values
    assert values.argmax(axis=1).tolist() == [0, 1, 2]
