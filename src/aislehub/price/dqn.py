"""A deep agent for promotions: double DQN, learned by trial in an environment, beside the bandit.

Double Q-learning with a target network and replay (Mnih et al. 2015, https://doi.org/10.1038/nature14236; van Hasselt,
Guez & Silver 2016, https://arxiv.org/abs/1509.06461) on any Gymnasium environment with a box of observations and
discrete actions; the twin registers `aislehub/Promotions-v0`. Unlike the bandit it values what an action leaves behind,
and it needs thousands of weeks, which only a twin has. Needs torch (the extra `deep`); what it has learned is served
without it (`deep_promotion.py`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

__all__ = ["Learned", "Schedule", "train"]

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Schedule:
    """How long and how boldly to learn.

    Attributes:
        steps: of the environment.
        warm_up: steps of random actions before learning begins.
        explore: share of random actions, falling from the first to the last over the steps.
        discount: weight of a reward one step later.
        batch, buffer, every: rows of a gradient step, rows remembered, steps between two gradient steps.
        follow: share by which the target network follows at each gradient step.
    """

    steps: int = 12_000
    warm_up: int = 1_000
    explore: tuple[float, float] = (1.0, 0.1)
    discount: float = 0.8
    rate: float = 1e-3
    batch: int = 256
    buffer: int = 12_000
    every: int = 3
    follow: float = 0.01
    hidden: int = 64


@dataclass(frozen=True)
class Learned:
    """A network as plain arrays: weights (in, out) and biases of each layer, ReLU between them."""

    layers: tuple[tuple[FloatArray, FloatArray], ...]
    rewards: tuple[float, float]
    """Mean and standard deviation by which rewards were standardised."""


def train(make: Callable[[], Any], schedule: Schedule, *, seed: int) -> Learned:
    """Learn the value of each action in the environment that `make` makes.

    Args:
        make: the environment; its `reset` gets seeds from `seed` on, another one each episode.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    env = make()
    inputs, actions = env.observation_space.shape[0], int(env.action_space.n)
    net, target = (_network(inputs, actions, schedule.hidden) for _ in range(2))
    target.load_state_dict(net.state_dict())
    optimiser = torch.optim.Adam(net.parameters(), lr=schedule.rate)
    memory: deque[tuple[Any, ...]] = deque(maxlen=schedule.buffer)
    middle, scale, episode = 0.0, 1.0, 0
    seen, _ = env.reset(seed=seed)
    for step in range(schedule.steps):
        first, last = schedule.explore
        bold = first + (last - first) * min(step / (0.7 * schedule.steps), 1.0)
        if step < schedule.warm_up or rng.random() < bold:
            action = int(rng.integers(actions))
        else:
            with torch.no_grad():
                action = int(net(torch.as_tensor(seen[None])).argmax())
        following, reward, ended, cut, _ = env.step(np.int64(action))
        memory.append((seen, action, reward, following, float(ended)))
        seen = following
        if ended or cut:
            episode += 1
            seen, _ = env.reset(seed=seed + episode)
        if step == schedule.warm_up:
            told = np.array([row[2] for row in memory])
            middle, scale = float(told.mean()), float(told.std()) + 1e-9
        if step >= schedule.warm_up and step % schedule.every == 0:
            rows = [memory[at] for at in rng.integers(len(memory), size=schedule.batch)]
            _learn(net, target, optimiser, rows, middle, scale, schedule)
    return Learned(tuple(_arrays(layer) for layer in net if isinstance(layer, nn.Linear)), (middle, scale))


def _network(inputs: int, actions: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, actions)
    )


def _learn(
    net: nn.Sequential, target: nn.Sequential, optimiser: torch.optim.Optimizer, rows: list[tuple[Any, ...]],
    middle: float, scale: float, schedule: Schedule,
) -> None:  # fmt: skip
    """One gradient step on a batch; the net chooses the next action, the target network values it."""
    seen, following = (torch.as_tensor(np.stack([row[place] for row in rows])) for place in (0, 3))
    action = torch.as_tensor([row[1] for row in rows])
    reward = torch.as_tensor([(row[2] - middle) / scale for row in rows], dtype=torch.float32)
    going_on = 1 - torch.as_tensor([row[4] for row in rows], dtype=torch.float32)
    with torch.no_grad():
        best = net(following).argmax(dim=1, keepdim=True)
        aim = reward + schedule.discount * going_on * target(following).gather(1, best)[:, 0]
    loss = nn.functional.smooth_l1_loss(net(seen).gather(1, action[:, None])[:, 0], aim)
    optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 10.0)
    optimiser.step()
    with torch.no_grad():
        for old, new in zip(target.parameters(), net.parameters(), strict=True):
            old.lerp_(new, schedule.follow)


def _arrays(layer: nn.Linear) -> tuple[FloatArray, FloatArray]:
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    return np.ascontiguousarray(weight.T), bias.copy()
