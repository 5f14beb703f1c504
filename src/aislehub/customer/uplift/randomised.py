"""Were the arms drawn by lot? Then nothing that was known before can tell who was treated.

Two tests, each at half the level: a logistic regression on all features against none (likelihood ratio, χ²), which
finds shifts of a level, and a boosted classifier's ranks on units that it has not seen (Mann and Whitney 1947), which
finds what no single level shows. A classifier as a test of two samples: Lopez-Paz and Oquab 2017,
https://arxiv.org/abs/1610.06545.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from aislehub.core.errors import HubError
from aislehub.customer.uplift.trial import FloatArray, Trial

__all__ = ["LEVEL", "Balance", "balance", "needs_lots"]

LEVEL = 0.001
"""P-value below which a split is no lot: one sound trial in a thousand is refused."""
MOST = 100_000  # units that are looked at; more only take longer
FOLDS = 3
WEAK = 1e4  # inverse strength of the penalty: so weak that the likelihood is the largest one


@dataclass(frozen=True)
class Balance:
    """How well the treatment can be told from what was known before.

    Attributes:
        p_value: of what is seen, or more, under a lot.
        auc: chance that the classifier ranks a treated unit above an untreated one; 0.5 under a lot.
        worst: the column whose means differ most between the arms.
        apart: by how many standard deviations they do.
    """

    p_value: float
    auc: float
    worst: str
    apart: float


def needs_lots(trial: Trial, *, seed: int = 0) -> Balance:
    """The balance of a trial that was drawn by lot.

    Raises:
        HubError: `uplift.not_random`: from such data nobody can tell what the treatment changed.
    """
    found = balance(trial, seed=seed)
    if found.p_value < LEVEL:
        raise HubError(
            "uplift.not_random", column=found.worst, apart=f"{found.apart:.2f}", auc=f"{found.auc:.2f}",
            p_value="< 0.0001" if found.p_value < 0.0001 else f"= {found.p_value:.4f}",
        )  # fmt: skip
    return found


def balance(trial: Trial, *, seed: int = 0) -> Balance:
    """Test whether the treatment can be told from the features."""
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(seed)
    count = len(trial.treated)
    mine = rng.choice(count, MOST, replace=False) if count > MOST else np.arange(count)
    x = StandardScaler().fit_transform(trial.features[mine])
    treated = trial.treated[mine]
    apart = np.abs(x[treated].mean(axis=0) - x[~treated].mean(axis=0))
    worst = int(apart.argmax())
    auc, p_ranks = _by_ranks(x, treated, seed)
    p_value = min(1.0, 2 * min(_by_likelihood(x, treated), p_ranks))
    return Balance(p_value, auc, trial.names[worst], float(apart[worst]))


def _by_likelihood(x: FloatArray, treated: np.ndarray) -> float:
    """P-value of the likelihood ratio of a logistic regression on all features against none."""
    from sklearn.linear_model import LogisticRegression

    free = np.linalg.matrix_rank(x)
    model = LogisticRegression(C=WEAK, solver="newton-cholesky").fit(x, treated)
    share = treated.mean()
    alone = len(treated) * (share * np.log(share) + (1 - share) * np.log(1 - share))
    chance = model.predict_log_proba(x)[np.arange(len(x)), treated.astype(int)].sum()
    return float(scipy.stats.chi2.sf(max(2 * (chance - alone), 0.0), free))


def _by_ranks(x: FloatArray, treated: np.ndarray, seed: int) -> tuple[float, float]:
    """AUC of a classifier on units that it has not seen, and its one-sided p-value."""
    import lightgbm as lgb
    from sklearn.model_selection import StratifiedKFold

    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    above, pairs, variance = 0.0, 0.0, 0.0
    for learn, test in folds.split(x, treated):
        model = lgb.LGBMClassifier(
            n_estimators=40, learning_rate=0.1, num_leaves=15, min_child_samples=50, n_jobs=1, random_state=seed,
            verbose=-1,
        )  # fmt: skip
        chance = np.asarray(model.fit(x[learn], treated[learn]).predict_proba(x[test]))[:, 1]
        ranks = scipy.stats.rankdata(chance)
        ones = int(treated[test].sum())
        zeros = len(test) - ones
        above += ranks[treated[test]].sum() - ones * (ones + 1) / 2
        pairs += ones * zeros
        ties = np.unique(chance, return_counts=True)[1]
        kept = 1 - (ties**3 - ties).sum() / max(len(test) ** 3 - len(test), 1)
        variance += ones * zeros * (len(test) + 1) / 12 * kept
    z = (above - pairs / 2) / np.sqrt(variance) if variance else 0.0
    return float(above / pairs), float(scipy.stats.norm.sf(z))
