"""The ranker: gradient-boosted trees that say how likely each candidate is to be in the customer's next basket.

Learned on past moments: at each origin all that was known then describes the candidates, and the basket that came next
says which were bought. All purchases are kept and a share of the others, whose weight makes up for it, so that scores
stay probabilities. Models of several seeds may be averaged (LightGBM; Ke et al. 2017, NeurIPS). Which feature
moved a score is the trees' own TreeSHAP (Lundberg et al. 2020), summed over families.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aislehub.customer.recommend.baskets import FloatArray
from aislehub.customer.recommend.features import FAMILIES, FEATURES

__all__ = ["Ranker", "Shape"]


@dataclass(frozen=True)
class Shape:
    """How the trees grow. Small ones, one model: their reasons have to be counted while somebody waits."""

    trees: int = 200
    leaves: int = 15
    depth: int = 6
    rate: float = 0.04
    least: int = 200
    models: int = 1


@dataclass(frozen=True)
class Ranker:
    """Fitted models whose mean is the score."""

    models: tuple[Any, ...]

    @classmethod
    def fit(
        cls,
        features: NDArray[np.float32],
        bought: NDArray[np.bool_],
        weight: FloatArray,
        shape: Shape,
        *,
        seed: int = 0,
    ) -> Ranker:
        """Learn from described candidates, (q, F), and which were bought, (q,)."""
        import lightgbm

        models = []
        for number in range(shape.models):
            parameters = {
                "objective": "binary", "num_leaves": shape.leaves, "max_depth": shape.depth,
                "learning_rate": shape.rate, "verbosity": -1,
                "min_data_in_leaf": shape.least, "feature_fraction": 0.4, "bagging_fraction": 0.7, "bagging_freq": 1,
                "lambda_l2": 5.0, "max_bin": 127, "seed": seed + number, "num_threads": 1, "deterministic": True,
                "force_row_wise": True,
            }  # fmt: skip
            data = lightgbm.Dataset(features, bought, weight=weight, feature_name=list(FEATURES), free_raw_data=False)
            models.append(lightgbm.train(parameters, data, num_boost_round=shape.trees))
        return cls(tuple(models))

    def scores(self, features: NDArray[np.float32]) -> FloatArray:
        """Chance of being in the next basket, (q,)."""
        if not len(features):
            return np.zeros(0)
        raw = sum(model.predict(features, raw_score=True, num_threads=1) for model in self.models)
        return 1 / (1 + np.exp(-np.asarray(raw) / len(self.models)))

    def contributions(self, features: NDArray[np.float32]) -> dict[str, FloatArray]:
        """Family → its share of the log odds of each row, (q,); `base` is what every row starts from."""
        if not len(features):
            return {name: np.zeros(0) for name in (*FAMILIES, "base")}
        parts = sum(model.predict(features, pred_contrib=True, num_threads=1) for model in self.models)
        parts = np.asarray(parts) / len(self.models)
        place = {name: number for number, name in enumerate(FEATURES)}
        found = {family: parts[:, [place[name] for name in names]].sum(axis=1) for family, names in FAMILIES.items()}
        return found | {"base": parts[:, -1]}

    def save(self, folder: Path) -> None:
        """One text file a model."""
        for number, model in enumerate(self.models):
            model.save_model(folder / f"ranker-{number}.txt")

    @classmethod
    def load(cls, folder: Path) -> Ranker:
        import lightgbm

        return cls(tuple(lightgbm.Booster(model_file=file) for file in sorted(folder.glob("ranker-*.txt"))))
