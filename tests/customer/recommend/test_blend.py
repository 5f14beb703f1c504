"""The base and its blend with the ranker: mixes, bounds, and contributions that add up to the score."""

from __future__ import annotations

import numpy as np
import pytest

from aislehub.customer.recommend.base import BASES, Base
from aislehub.customer.recommend.blend import Blend
from aislehub.customer.recommend.features import FEATURES
from aislehub.customer.recommend.ranker import Ranker, Shape


def features(rows: int, seed: int = 0) -> np.ndarray:
    """Candidates with random features, shares of visits among them."""
    return np.random.default_rng(seed).random((rows, len(FEATURES))).astype(np.float32)


def test_a_base_is_a_share_of_visits() -> None:
    """Every mix lies between 0 and 1, also where EASE says more than 1 or nothing."""
    wild = features(200)
    wild[:, FEATURES.index("ease")] = np.where(wild[:, 0] < 0.5, np.nan, 3.0)
    for base in BASES:
        scores = base.scores(wild)
        assert ((scores >= 0) & (scores <= 1)).all()


def test_alpha_weighs_own_against_others() -> None:
    """α = 1 is the customer's own share, α = 0 the store's."""
    rows = features(50)
    assert np.allclose(Base(1.0).scores(rows), rows[:, FEATURES.index("tifu")])
    assert np.allclose(Base(0.0).scores(rows), rows[:, FEATURES.index("store_share")])


@pytest.mark.parametrize("base", [Base(), Base(0.5, others="ease"), Base(0.0)], ids=str)
def test_contributions_add_up_to_the_log_odds(base: Base) -> None:
    """What every family says of an item, summed, is its score; so is a reason's weight a part of it."""
    rows = features(400)
    bought = rows[:, FEATURES.index("tifu")] > 0.7
    ranker = Ranker.fit(rows, bought, np.ones(len(rows)), Shape(trees=20, least=5))
    blend = Blend(ranker, base)
    scores = blend.scores(rows)
    total = sum(blend.contributions(rows).values())
    assert np.allclose(total, np.log(scores / (1 - scores)), atol=1e-5)


def test_the_blend_lies_between_both() -> None:
    """No candidate scores above the ranker and the base, or below both."""
    rows = features(300)
    ranker = Ranker.fit(rows, rows[:, 0] > 0.5, np.ones(len(rows)), Shape(trees=20, least=5))
    parts = np.stack([ranker.scores(rows), np.clip(Base().scores(rows), 1e-4, None)])
    scores = Blend(ranker, Base()).scores(rows)
    assert (scores <= parts.max(axis=0) + 1e-9).all() and (scores >= parts.min(axis=0) - 1e-9).all()
