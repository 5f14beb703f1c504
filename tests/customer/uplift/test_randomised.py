"""Whether arms were drawn by lot is told from what was known before."""

from __future__ import annotations

import numpy as np
import pytest

from aislehub.core.errors import HubError
from aislehub.customer.uplift.randomised import LEVEL, balance, needs_lots
from aislehub.customer.uplift.trial import Trial


def _trial(rows: int, seed: int, chance: str) -> Trial:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 4))
    odds = {"lot": 0.0 * x[:, 0], "level": 0.5 * x[:, 1], "spread": 1.5 * (np.abs(x[:, 2]) - 0.8)}[chance]
    treated = rng.random(rows) < 1 / (1 + np.exp(-odds))
    return Trial(x, ("a", "b", "c", "d"), treated, rng.normal(size=rows), np.arange(rows))


def test_lots_are_taken_as_lots() -> None:
    """Of 40 sound trials none is refused, and p-values are as often small as they say."""
    found = [balance(_trial(600, seed, "lot"), seed=seed).p_value for seed in range(40)]
    assert min(found) > LEVEL
    assert np.mean(np.array(found) < 0.2) < 0.4


@pytest.mark.parametrize("chance", ["level", "spread"])
def test_a_choice_is_found(chance: str) -> None:
    """Members with more of something, or at either end of it, were picked: no lot, and the sentence says so."""
    with pytest.raises(HubError) as refused:
        needs_lots(_trial(3000, 1, chance))
    assert refused.value.code == "uplift.not_random"
    if chance == "level":
        assert refused.value.facts["column"] == "b"
