"""k-means on a few figures: kinds that are there come out again and again, kinds that are not do not."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from aislehub.customer.cluster_fit import Clusters, choose, fit, stability, usable


def kinds(seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """360 members of four kinds in two figures, and which kind each is of."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 4, 360)
    visits = np.where(kind % 2, 30.0, 5.0) + rng.normal(0, 2, 360)
    return pd.DataFrame(
        {"visits_90": visits, "basket_value": np.where(kind < 2, 12.0, 80.0) + rng.normal(0, 4, 360)}
    ), kind


def test_kinds_that_are_there_are_found():
    """Four kinds: four clusters, the right members in each, and the same ones from other draws."""
    members, kind = kinds()
    found = choose(members, list(members), 6, seed=0)
    assert len(found.clusters.centres) == 4 and found.stability > 0.95
    assert adjusted_rand_score(kind, found.clusters.of(members)) > 0.95
    assert max(found.tried, key=found.tried.get) == 4


def test_kinds_that_are_not_there_are_not_stable():
    """Eight figures without any structure: whatever number is tried, other draws give other groups."""
    noise = pd.DataFrame(np.random.default_rng(1).normal(size=(300, 8)), columns=list("abcdefgh"))
    assert choose(noise, list(noise), 5, seed=0).stability < 0.5


def test_the_same_seed_gives_the_same_clusters():
    """Two calls agree to the last bit, and what was written down reads back as it was."""
    members, _kind = kinds()
    first, second = fit(members, list(members), 4, 3), fit(members, list(members), 4, 3)
    assert np.array_equal(first.centres, second.centres)
    again = Clusters.from_json(json.loads(json.dumps(first.to_json())))
    assert np.array_equal(again.of(members), first.of(members))
    assert stability(members, list(members), 4, draws=2, seed=5) == stability(
        members, list(members), 4, draws=2, seed=5
    )


def test_one_canteen_is_no_cluster_of_its_own():
    """A basket a thousand times as large moves no other member to another cluster."""
    members, _kind = kinds()
    wild = members.copy()
    wild.loc[0, "basket_value"] = 80_000.0
    names = list(members)
    others = [fit(frame, names, 4, 0).of(frame)[1:] for frame in (members, wild)]
    assert adjusted_rand_score(*others) > 0.99


def test_an_empty_cell_is_in_the_middle_and_nothing_is_far_out():
    """Nothing known is neither high nor low; a spread is that of the quartiles, and two of them are the farthest."""
    members = pd.DataFrame({"x": np.arange(101.0)})
    places = fit(members, ["x"], 2, 0).places(pd.DataFrame({"x": [50.0, 75.0, np.nan, 9999.0, -9999.0]}))[:, 0]
    assert places == pytest.approx([0.0, 0.5, 0.0, 2.0, -2.0])


def test_a_figure_that_is_nought_for_most_still_parts():
    """Where the quartiles are alike the standard deviation is the spread: the few who differ are far, not infinite."""
    members = pd.DataFrame({"x": [0.0] * 80 + [1.0] * 20})
    assert fit(members, ["x"], 2, 0).places(members)[[0, 99], 0] == pytest.approx([0.0, 2.0])


def test_figures_that_say_nothing_are_left_out():
    """One that is the same for all and one that most members lack are not clustered by."""
    members = pd.DataFrame({"same": [1.0] * 10, "rare": [1.0, 2.0, *[np.nan] * 8], "known": np.arange(10.0)})
    assert usable(members, list(members)) == ["known"]
