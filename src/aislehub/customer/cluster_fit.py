"""k-means over a few figures of members, and how often it comes out the same.

    figures → distances from the middle, at most two spreads → k centres → again from other draws of members → agreement

Middle and spread are quartiles and nobody counts as farther than two spreads away, so that one canteen's basket is no
cluster of its own and no other member moves by it.
Agreement is the adjusted Rand index (Hubert and Arabie 1985, doi:10.1007/BF01908075) between the groups of all members
and those of the same members by centres from a draw with replacement, a test of stability as in Hennig 2007
(doi:10.1016/j.csda.2006.11.025): 1 = the same groups, 0 = as alike as by chance. It says that a grouping can be
repeated, not that members fall into natural kinds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["Clusters", "Found", "choose", "fit", "stability", "usable"]

FloatArray = NDArray[np.float64]
FARTHEST = 2.0
"""Spreads from the middle that a member counts as at most."""
TINY = 1e-9
FEWEST = 3
"""Clusters at least: two would say no more than one line through one figure."""
CHOOSING, JUDGING = 8, 20
"""Draws that choose the number of clusters, and further ones that judge the chosen one."""
STARTS = 4


@dataclass(frozen=True)
class Clusters:
    """Centres among members.

    Attributes:
        names: the figures.
        middle: median of each among the members learned from, (figures,).
        spread: distance of its quartiles, its standard deviation where half of the members are alike, (figures,).
        centres: in spreads from the middle, (clusters, figures).
    """

    names: tuple[str, ...]
    middle: FloatArray
    spread: FloatArray
    centres: FloatArray

    def places(self, members: pd.DataFrame) -> FloatArray:
        """How many spreads from the middle each member is, at most two, (n, figures); none where a cell is empty."""
        away = (members[list(self.names)].to_numpy(float) - self.middle) / self.spread
        return np.clip(np.nan_to_num(away, nan=0.0), -FARTHEST, FARTHEST)

    def of(self, members: pd.DataFrame) -> NDArray[np.int64]:
        """The cluster of each member, the number of the nearest centre from 0 on, (n,)."""
        apart = self.places(members)[:, None, :] - self.centres[None, :, :]
        return np.asarray((apart**2).sum(axis=2).argmin(axis=1))

    def to_json(self) -> dict[str, Any]:
        """As JSON holds it."""
        numbers = {name: getattr(self, name).tolist() for name in ("middle", "spread", "centres")}
        return {"names": list(self.names), **numbers}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Clusters:
        """What `to_json` told, beside whatever else."""
        middle, spread, centres = (np.array(told[name]) for name in ("middle", "spread", "centres"))
        return cls(tuple(told["names"]), middle, spread, centres)


@dataclass(frozen=True)
class Found:
    """The most stable clustering.

    Attributes:
        stability: its mean agreement over draws that had no part in choosing it.
        tried: number of clusters → mean agreement over the draws that chose.
    """

    clusters: Clusters
    stability: float
    tried: Mapping[int, float]


def choose(members: pd.DataFrame, by: Sequence[str], most: int, seed: int) -> Found:
    """The clustering, of three to `most` clusters, that comes out the most alike from other draws of members.

    Args:
        by: `usable` figures.
    """
    tried = {
        count: stability(members, by, count, draws=CHOOSING, seed=seed + count) for count in range(FEWEST, most + 1)
    }
    best = max(tried, key=lambda count: tried[count])
    judged = stability(members, by, best, draws=JUDGING, seed=seed)
    return Found(fit(members, by, best, seed), judged, tried)


def usable(members: pd.DataFrame, by: Sequence[str]) -> list[str]:
    """The figures that most members have and that are not the same for all."""
    known = {name: members[name].dropna() for name in by}
    return [name for name, cells in known.items() if len(cells) > len(members) / 2 and cells.nunique() > 1]


def fit(members: pd.DataFrame, by: Sequence[str], count: int, seed: int) -> Clusters:
    """`count` centres of members.

    Args:
        by: `usable` figures.
    """
    from sklearn.cluster import KMeans

    figures = members[list(by)].astype(float)
    low, middle, high = (figures.quantile(share).to_numpy() for share in (0.25, 0.5, 0.75))
    spread = np.where(high > low, high - low, figures.std(ddof=0).clip(lower=TINY).to_numpy())
    scale = Clusters(tuple(by), middle, spread, np.empty((0, len(by))))
    model = KMeans(count, n_init=STARTS, random_state=seed).fit(scale.places(members))
    return replace(scale, centres=np.asarray(model.cluster_centers_))


def stability(members: pd.DataFrame, by: Sequence[str], count: int, *, draws: int, seed: int) -> float:
    """Mean agreement with the same clustering of other draws of members."""
    from sklearn.metrics import adjusted_rand_score

    rng = np.random.default_rng(seed)
    groups = fit(members, by, count, seed).of(members)
    again = [
        fit(members.iloc[rng.integers(len(members), size=len(members))], by, count, seed + draw + 1).of(members)
        for draw in range(draws)
    ]
    return float(np.mean([adjusted_rand_score(groups, other) for other in again]))
