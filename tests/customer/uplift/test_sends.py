"""Several sends as one trial: each counts by itself, and each row keeps the chance of its own lot."""

from __future__ import annotations

import numpy as np
import pytest

from tests.customer.uplift.several import SHARES, several_sends


def test_rows_keep_the_chance_of_their_send_and_its_control_is_the_measure() -> None:
    """The mean of each send's control is 0, whatever the season; weights are one over the chance of the own arm."""
    found = several_sends(0.0)
    trial = found.trial
    assert found.count == len(SHARES) and found.member.max() + 1 == 500
    assert found.today.shape == (500, trial.features.shape[1])
    for chance in np.unique(trial.chances):
        mine = trial.chances == chance
        assert chance == pytest.approx(trial.treated[mine].mean())
        assert trial.outcome[mine & ~trial.treated].mean() == pytest.approx(0)
        assert set(np.round(trial.weights[mine], 9)) == set(np.round([1 / chance, 1 / (1 - chance)], 9))


def test_a_send_with_a_small_arm_does_not_count() -> None:
    """What a send has to have is asked of each, not of all together."""
    found = several_sends(5.0, 400, least=200)
    assert (found.count, found.few) == (0, 2)
    assert len(found.trial.treated) == 0
    assert several_sends(5.0, 600, least=130).count == 1
