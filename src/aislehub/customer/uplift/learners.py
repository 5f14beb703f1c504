"""Learners: what a unit's outcome would be without and with the treatment.

A **T-learner** has a model an arm; an **S-learner** one model that is told the arm (Künzel, Sekhon, Bickel and Yu 2019,
https://arxiv.org/abs/1706.03461). Inside is a ridge regression, or boosted trees. The linear S-learner is told of each
feature how it changes the effect and is held back there, so that small differences shrink to one effect for all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aislehub.customer.uplift.trial import FloatArray, Trial

__all__ = ["DEFAULT", "LEARNERS", "Learned", "cross_fitted", "learn"]

PENALTIES = tuple(10.0**power for power in range(7))
_Model = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Learned:
    """What has been learned: expected outcomes of units, by arm."""

    outcomes: Callable[[FloatArray], FloatArray]
    """Features (n, k) → expected outcome without and with the treatment, (n, 2)."""

    def uplift(self, features: FloatArray) -> FloatArray:
        """By how much the treatment raises each unit's outcome, (n,)."""
        found = self.outcomes(features)
        return found[:, 1] - found[:, 0]


def learn(name: str, trial: Trial, *, seed: int = 0) -> Learned:
    """Learn from all units of a trial.

    Args:
        name: one of `LEARNERS`.
    """
    return LEARNERS[name](trial, seed)


def cross_fitted(name: str, trial: Trial, *, folds: int = 5, seed: int = 0) -> FloatArray:
    """Expected outcomes (n, 2) of each unit by models that have not seen it."""
    from sklearn.model_selection import StratifiedKFold

    found = np.empty((len(trial.treated), 2))
    split = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for seen, unseen in split.split(trial.features, trial.treated):
        found[unseen] = learn(name, trial.part(seen), seed=seed).outcomes(trial.features[unseen])
    return found


def _t_linear(trial: Trial, seed: int) -> Learned:
    return _by_arm([_ridge(trial.features[arm], trial.outcome[arm]) for arm in (~trial.treated, trial.treated)])


def _t_boosted(trial: Trial, seed: int) -> Learned:
    arms = (~trial.treated, trial.treated)
    return _by_arm([_boosted(trial.features[arm], trial.outcome[arm], seed) for arm in arms])


def _s_linear(trial: Trial, seed: int) -> Learned:
    from sklearn.preprocessing import StandardScaler

    scale = StandardScaler().fit(trial.features)
    centre = trial.share

    def told(features: FloatArray, arm: NDArray[np.float64]) -> FloatArray:
        x = scale.transform(features)
        return np.column_stack([x, arm, x * (arm - centre)[:, None]])

    model = _ridge(told(trial.features, trial.treated.astype(float)), trial.outcome)
    return _by_arm([_with_arm(model, told, arm) for arm in (0.0, 1.0)])


def _s_boosted(trial: Trial, seed: int) -> Learned:
    def told(features: FloatArray, arm: NDArray[np.float64]) -> FloatArray:
        return np.column_stack([features, arm])

    model = _boosted(told(trial.features, trial.treated.astype(float)), trial.outcome, seed)
    return _by_arm([_with_arm(model, told, arm) for arm in (0.0, 1.0)])


def _with_arm(model: _Model, told: Callable[[FloatArray, FloatArray], FloatArray], arm: float) -> _Model:
    return lambda features: model(told(features, np.full(len(features), arm)))


def _by_arm(models: list[_Model]) -> Learned:
    return Learned(lambda features: np.column_stack([model(features) for model in models]))


def _ridge(x: FloatArray, y: FloatArray) -> _Model:
    """Ridge regression, its penalty by leave-one-out error."""
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), RidgeCV(PENALTIES)).fit(x, y)
    return lambda features: np.asarray(model.predict(features), dtype=float)


def _boosted(x: FloatArray, y: FloatArray, seed: int) -> _Model:
    import lightgbm as lgb

    model = lgb.LGBMRegressor(
        n_estimators=60, learning_rate=0.05, num_leaves=7, min_child_samples=max(20, len(y) // 100),
        reg_lambda=10.0, n_jobs=1, random_state=seed, verbose=-1,
    ).fit(x, y)  # fmt: skip
    return lambda features: np.asarray(model.predict(features), dtype=float)


LEARNERS: dict[str, Callable[[Trial, int], Learned]] = {
    "s_linear": _s_linear, "t_linear": _t_linear, "s_boosted": _s_boosted, "t_boosted": _t_boosted,
}  # fmt: skip
DEFAULT = "s_linear"
