"""The base: what ranks while no ranker has proved better, a mix of the customer's own habit and of what others buy.

Which mix is best differs from chain to chain: where members come weekly it is the visits' weighted share (TIFU), where
they come twice a year what sells in the store, or what is bought by the same customers. So several are tried on the
weeks that judge the ranker too, and the ranker has to beat the best of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aislehub.customer.recommend.baskets import FloatArray
from aislehub.customer.recommend.features import FAMILIES, FEATURES

__all__ = ["BASES", "Base"]


@dataclass(frozen=True)
class Base:
    """α × own share of visits + (1 − α) × that of others.

    Attributes:
        own: feature that says how often the customer buys it; others: how often others do.
    """

    alpha: float = 0.8
    own: str = "tifu"
    others: str = "store_share"

    @property
    def family(self) -> str:
        """The family of features that the part of others belongs to."""
        return next(family for family, names in FAMILIES.items() if self.others in names)

    def scores(self, features: NDArray[np.float32]) -> FloatArray:
        """Share of visits with each candidate, (q,)."""
        own, others = self.parts(features)
        return own + others

    def parts(self, features: NDArray[np.float32]) -> tuple[FloatArray, FloatArray]:
        """What the customer's own visits and those of others add to it, (q,) each."""
        own, others = (
            np.clip(np.nan_to_num(features[:, FEATURES.index(name)].astype(float)), 0.0, 1.0)
            for name in (self.own, self.others)
        )
        return self.alpha * own, (1 - self.alpha) * others


BASES = (
    Base(), *(Base(alpha) for alpha in (0.95, 0.6, 0.3, 0.0)), Base(0.999, own="share_of_visits"),
    *(Base(alpha, others="ease") for alpha in (0.8, 0.4, 0.0)),
)  # fmt: skip
"""Those that are tried, the first where nothing is known yet: TIFU, plain frequency, popularity, EASE and mixes."""
