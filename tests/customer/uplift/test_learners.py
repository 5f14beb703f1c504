"""Learners, their ranking and the value of rules, where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from aislehub.customer.uplift.learners import LEARNERS, cross_fitted
from aislehub.customer.uplift.qini import curve, qini
from aislehub.customer.uplift.trial import FloatArray, Trial
from aislehub.customer.uplift.value import policy_value, scores, within_budget


def _known(rows: int = 6000, seed: int = 3) -> tuple[Trial, FloatArray]:
    """A trial whose effect on each unit is known: it rises with the first feature."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 3))
    effect = 1.0 * x[:, 0] + 0.3
    treated = rng.random(rows) < 0.4
    outcome = 2 * x[:, 1] + effect * treated + rng.normal(size=rows)
    return Trial(x, ("a", "b", "c"), treated, outcome, np.arange(rows)), effect


@pytest.mark.parametrize("name", sorted(LEARNERS))
def test_every_learner_finds_whom_the_treatment_moves(name: str) -> None:
    """Out of fold, the expected effect goes with the true one, and the Qini's interval lies above 0."""
    trial, effect = _known()
    found = cross_fitted(name, trial)
    gain = found[:, 1] - found[:, 0]
    assert np.corrcoef(gain, effect)[0, 1] > 0.8
    assert qini(gain, trial.treated, trial.outcome, draws=100).low > 0


def test_the_interval_of_a_rule_holds_the_truth() -> None:
    """Over 20 trials the 90 % interval of a rule's value holds the true one, with and without a model's help."""
    held = {"ipw": 0, "aipw": 0}
    width = {"ipw": 0.0, "aipw": 0.0}
    for seed in range(20):
        trial, effect = _known(1500, seed)
        send = trial.features[:, 0] > 0.5
        truth = float((send * (effect - 0.2)).mean())
        model = cross_fitted("t_linear", trial, folds=2, seed=seed)
        for name, outcomes in (("ipw", None), ("aipw", model)):
            value = policy_value(send, scores(trial, outcomes), 0.2)
            held[name] += value.low <= truth <= value.high
            width[name] += value.high - value.low
    assert min(held.values()) >= 14  # 18 expected; fewer than 14 would come once in 100
    assert width["aipw"] < 0.8 * width["ipw"]


def test_a_ranking_by_chance_has_no_qini() -> None:
    """The interval of a ranking by lot holds 0, and one score for all has exactly 0."""
    trial, _ = _known()
    chance = qini(np.random.default_rng(5).random(6000), trial.treated, trial.outcome, draws=100)
    assert chance.low < 0 < chance.high
    assert curve(np.zeros(6000), trial.treated, trial.outcome).area == pytest.approx(0)


def test_the_curve_ends_at_the_mean_effect_whatever_the_order_of_rows() -> None:
    """Treating all is the difference of the arms; rows in another order give the same curve, equal scores included."""
    trial, _ = _known(500)
    score = np.round(trial.features[:, 0])
    first = curve(score, trial.treated, trial.outcome)
    assert first.gains[-1] == pytest.approx(trial.outcome[trial.treated].mean() - trial.outcome[~trial.treated].mean())
    order = np.random.default_rng(0).permutation(500)
    again = curve(score[order], trial.treated[order], trial.outcome[order])
    assert np.allclose(first.gains, again.gains)


def test_a_budget_is_never_exceeded_and_no_loss_is_bought() -> None:
    """The highest first, as far as the money goes, and nobody whose uplift is below the cost."""
    uplift = np.array([0.5, -1.0, 3.0, 2.0, 0.9])
    assert within_budget(uplift, 1.0, 1.0).tolist() == [False, False, True, False, False]
    assert within_budget(uplift, 1.0).tolist() == [False, False, True, True, False]
    assert within_budget(uplift).tolist() == [True, False, True, True, True]
    assert not within_budget(uplift, 1.0, 0.5).any()
