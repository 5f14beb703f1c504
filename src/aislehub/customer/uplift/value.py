"""What a rule of whom to treat is worth, found from a trial without trying the rule out.

Each unit gets a score of what treating it brings: the difference that a model expects, corrected by how far the unit's
own outcome was from the model's, times one over the chance of its arm (augmented inverse probability weighting: Robins,
Rotnitzky and Zhao 1994). The lots' chance is known, so the mean of these scores over those treated is right whatever
the model; a good model only makes it steadier.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from aislehub.customer.uplift.qini import HIGH, Estimate
from aislehub.customer.uplift.trial import FloatArray, Trial

__all__ = ["mean_of", "policy_value", "scores", "within_budget"]

Z90 = NormalDist().inv_cdf(HIGH)


def scores(trial: Trial, outcomes: FloatArray | None = None) -> FloatArray:
    """What treating each unit brings, without bias, (n,).

    Args:
        outcomes: expected without and with the treatment by models that have not seen the unit, (n, 2); None = plain
            inverse probability weighting, around the arms' means.
    """
    treated, chance = trial.treated, trial.chances
    if outcomes is None:
        means = [float(trial.outcome[~treated].mean()), float(trial.outcome[treated].mean())]
        outcomes = np.tile(means, (len(treated), 1))
    off = trial.outcome - np.where(treated, outcomes[:, 1], outcomes[:, 0])
    return outcomes[:, 1] - outcomes[:, 0] + np.where(treated, off / chance, -off / (1 - chance))


def policy_value(chosen: NDArray[np.bool_] | FloatArray, scored: FloatArray, cost: float = 0.0) -> Estimate:
    """What treating `chosen` brings over treating nobody, per unit of the population, net of cost.

    Args:
        chosen: whether, or with what chance, each unit is treated, (n,); must not depend on the unit's own outcome.
        scored: of `scores`, (n,).
        cost: of treating one unit, in the outcome's unit.
    """
    parts = np.asarray(chosen, dtype=float) * (scored - cost)
    value, half = float(parts.mean()), Z90 * float(parts.std(ddof=1)) / np.sqrt(len(parts))
    return Estimate(value, value - half, value + half, np.empty(0))


def mean_of(scored: FloatArray, member: NDArray[np.int64]) -> Estimate:
    """What treating one of these units brings, over their mean; chance is that of members, who may have several.

    Args:
        scored: of `scores`, (n,).
        member: number of each unit's member, (n,).
    """
    value = float(scored.mean())
    off = np.bincount(member, scored - value)
    half = Z90 * float(np.sqrt((off**2).sum())) / len(scored)
    return Estimate(value, value - half, value + half, np.empty(0))


def within_budget(uplift: FloatArray, cost: float = 0.0, budget: float | None = None) -> NDArray[np.bool_]:
    """Whom to treat: those whose uplift is above its cost, the highest first, as far as the budget goes."""
    chosen = uplift > cost
    if budget is None or cost <= 0:
        return chosen
    most = int(budget / cost + 1e-9)
    if chosen.sum() > most:
        chosen[np.argsort(-uplift, kind="stable")[most:]] = False
    return chosen
