"""What a policy would have earned, from the log of another one that wrote down its probabilities.

Each logged row has the arm that was taken, the probability that each arm had when it was taken, and the reward; beside
it stand the probabilities that the policy to be judged would have given to the arms. Three estimators of the judged
policy's mean reward:

- `ips`: inverse propensity scoring (Horvitz & Thompson 1952). Unbiased where every arm that the policy could take had a
  positive probability in the log; noisy where that was small.
- `snips`: the same, divided by the mean weight (Swaminathan & Joachims 2015). Biased by O(1/n), much steadier.
- `dr`: doubly robust (Dudík, Langford & Li 2011, https://arxiv.org/abs/1103.4601): a model predicts the reward of each
  arm, and weights are only put on what it got wrong. The model is fitted on other folds than it predicts
  (cross-fitting), folds being whole clusters, so that it need not be right and cannot be too sure of itself.

Intervals are asymptotic, with the variance of sums over clusters (weeks of a store, say, whose rows share luck), and
the quantile of Student's t for the clusters that effectively count. A weight above `clip` is cut off: that lowers
variance and biases the estimate towards 0 (`ips`) or towards the model (`dr`); the share of rows that it touched is
told, so nobody has to guess. The share of a policy that rests on arms which could not have been taken is told too
(`unsupported`): of them the log says nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from aislehub.core.errors import HubError

__all__ = ["ESTIMATORS", "Estimate", "Log", "difference", "dr", "evaluate", "ips", "ridge", "snips"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Model = Callable[[FloatArray, IntArray, FloatArray, FloatArray], FloatArray]
"""(features (n, F), arm (n,), reward (n,), features asked (m, F)) → predicted reward of each arm, (m, A)."""

FOLDS = 5


@dataclass(frozen=True)
class Log:
    """Logged decisions, n rows and A arms.

    Attributes:
        arm: taken, (n,); chances: of every arm when it was taken, (n, A); that of the arm taken is above 0.
        reward: (n,).
        features: known before, (n, F).
        cluster: rows that share luck, (n,).
    """

    arm: IntArray
    chances: FloatArray
    reward: FloatArray
    features: FloatArray
    cluster: IntArray

    def __post_init__(self) -> None:
        taken = self.chance
        if not (np.isfinite(self.chances).all() and (taken > 0).all() and np.allclose(self.chances.sum(axis=1), 1)):
            raise HubError("promotion.propensity", value=float(taken.min(initial=np.inf)))

    @property
    def chance(self) -> FloatArray:
        """Probability of the arm that was taken, (n,)."""
        return self.chances[np.arange(len(self.arm)), self.arm]


@dataclass(frozen=True)
class Estimate:
    """Mean reward of a row under a policy, or a difference of two.

    Attributes:
        value: the estimate; low, high: its interval.
        error: standard error.
        clipped: share of rows whose weight was cut; unsupported: share of the policy's probability on arms that the log
            could not take.
    """

    value: float
    low: float
    high: float
    error: float
    clipped: float
    unsupported: float


def ips(log: Log, policy: FloatArray, *, clip: float = np.inf, level: float = 0.9) -> Estimate:
    """Inverse propensity scoring.

    Args:
        policy: probabilities of the judged policy, (n, A).
        clip: largest weight.
        level: of the interval.
    """
    weight, share = _weights(log, policy, clip)
    return _estimate(weight * log.reward, log, policy, share, level)


def snips(log: Log, policy: FloatArray, *, clip: float = np.inf, level: float = 0.9) -> Estimate:
    """Self-normalised inverse propensity scoring; its interval is that of the ratio, linearised."""
    weight, share = _weights(log, policy, clip)
    mean = max(float(weight.mean()), 1e-12)
    value = float((weight * log.reward).mean() / mean)
    return _estimate(value + weight * (log.reward - value) / mean, log, policy, share, level)


def dr(
    log: Log, policy: FloatArray, *, clip: float = np.inf, level: float = 0.9, model: Model | None = None, seed: int = 0
) -> Estimate:
    """Doubly robust, with a cross-fitted model of the reward (`ridge` unless another is given)."""
    weight, share = _weights(log, policy, clip)
    guess = crossfitted(log, policy.shape[1], model or ridge, seed)
    here = guess[np.arange(len(guess)), log.arm]
    return _estimate((policy * guess).sum(axis=1) + weight * (log.reward - here), log, policy, share, level)


ESTIMATORS = {"ips": ips, "snips": snips, "dr": dr}


def evaluate(log: Log, policy: FloatArray, *, clip: float = np.inf, level: float = 0.9) -> dict[str, Estimate]:
    """All three estimates of one policy."""
    return {name: estimator(log, policy, clip=clip, level=level) for name, estimator in ESTIMATORS.items()}


def difference(
    log: Log, policy: FloatArray, other: FloatArray, *, clip: float = np.inf, level: float = 0.9,
    model: Model | None = None, seed: int = 0,
) -> Estimate:  # fmt: skip
    """By how much more a policy earns than another, doubly robust: shared luck cancels, row by row."""
    first, share = _weights(log, policy, clip)
    second, other_share = _weights(log, other, clip)
    guess = crossfitted(log, policy.shape[1], model or ridge, seed)
    rest = log.reward - guess[np.arange(len(guess)), log.arm]
    rows = ((policy - other) * guess).sum(axis=1) + (first - second) * rest
    return _estimate(rows, log, policy, np.maximum(share, other_share), level)


def crossfitted(log: Log, arms: int, model: Model, seed: int) -> FloatArray:
    """Predicted reward of each row and arm, (n, A), from a model that has not seen the row's cluster."""
    clusters, code = np.unique(log.cluster, return_inverse=True)
    folds = min(FOLDS, len(clusters))
    fold = (np.random.default_rng(seed).permutation(len(clusters)) % folds)[code]
    guess = np.zeros((len(log.arm), arms))
    if folds < 2:
        return guess
    for held in range(folds):
        out = fold == held
        found = model(log.features[~out], log.arm[~out], log.reward[~out], log.features[out])
        guess[out, : found.shape[1]] = found
    return guess


def ridge(features: FloatArray, arm: IntArray, reward: FloatArray, asked: FloatArray) -> FloatArray:
    """A linear regression of each arm's reward on the features, drawn to that of all arms together."""
    arms = int(arm.max()) + 1
    middle, scale = features.mean(axis=0), features.std(axis=0) + 1e-9

    def design(rows: FloatArray) -> FloatArray:
        return np.column_stack([np.ones(len(rows)), (rows - middle) / scale])

    x, z = design(features), design(asked)
    penalty = np.eye(x.shape[1])
    common = np.linalg.solve(x.T @ x + penalty, x.T @ reward)
    guess = np.empty((len(asked), arms))
    for one in range(arms):
        rows = arm == one
        rest = reward[rows] - x[rows] @ common
        own = np.linalg.solve(x[rows].T @ x[rows] + 10 * penalty, x[rows].T @ rest)
        guess[:, one] = z @ (common + own)
    return guess


def _weights(log: Log, policy: FloatArray, clip: float) -> tuple[FloatArray, FloatArray]:
    """Weight of each row, cut at `clip`, and whether it was cut."""
    weight = policy[np.arange(len(log.arm)), log.arm] / log.chance
    return np.minimum(weight, clip), (weight > clip).astype(float)


def _estimate(rows: FloatArray, log: Log, policy: FloatArray, cut: FloatArray, level: float) -> Estimate:
    """Mean of `rows`, with an interval whose variance is that of sums over clusters."""
    value, count = float(rows.mean()), len(rows)
    unsupported = float(np.where(log.chances > 0, 0.0, policy).sum(axis=1).mean())
    _, code = np.unique(log.cluster, return_inverse=True)
    sums = np.bincount(code, rows - value)
    clusters = len(sums)
    if clusters < 2:
        return Estimate(value, -np.inf, np.inf, np.inf, float(cut.mean()), unsupported)
    squares = float((sums**2).sum())
    error = np.sqrt(squares * clusters / (clusters - 1)) / count
    # Few clusters that carry most of the variance count like that few.
    counting = squares**2 / max(float((sums**4).sum()), 1e-300)
    reach = float(scipy.stats.t.ppf(0.5 + level / 2, max(counting - 1, 1.0))) * float(error)
    return Estimate(value, value - reach, value + reach, float(error), float(cut.mean()), unsupported)
