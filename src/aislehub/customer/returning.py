"""Who will come back: the chance that a member buys within some days, learned from earlier days of the chain.

A logistic regression on the rhythm of each member: how long ago the last purchase was, how long their gaps are and how
they vary, how far beyond a usual gap the last one is, and how often they came lately. Earlier days, with what came
after each, are the examples; the newest of them is held out, and there the regression has to beat the plain rule "as
those did whose last purchase was as long ago". Where it does not, the rule stands in. Either is a few numbers in a
JSON file that anyone can read.

BG/NBD (Fader, Hardie & Lee 2005, Marketing Science 24) asks for no examples, and came out behind both boosted trees
and this regression on Complete Journey; the trees won less than the third digit over it (docs/customers.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _
from numpy.typing import NDArray

from aislehub.core.step import learn
from aislehub.core.tables import end_of_day
from aislehub.customer.held import held
from aislehub.customer.policy import Policy
from aislehub.customer.rhythm import rhythm, shopping_days, sold_lines
from aislehub.law.consent import may_use

__all__ = [
    "FEATURES", "HORIZONS", "Past", "chances", "features", "fit", "fit_recency", "learn_returning", "log_loss",
    "past_days", "predict",
]  # fmt: skip

FloatArray = NDArray[np.float64]
HORIZONS = (7, 28)
"""Days within which a purchase is foretold, beside `customer.churn_days`."""
FEATURES = (
    "recency", "gap", "overdue", "late", "irregular", "days_14", "days_28", "days_56", "days_90", "days_365", "tenure",
)  # fmt: skip
PRIOR_GAPS = 2.0
"""Gaps of the median member that a member's own are mixed with, so that one gap is not taken for a habit."""
STEP_DAYS = 14
EARLIER = 8
"""Days that a horizon is learned from at most."""
MOST_DAYS = 16
LEAST_HISTORY = 56
LEAST_EACH = 25
"""Examples that bought, and that did not, below which nothing is learned."""
BINS = 20


@learn(reads="sales_lines items consents", model="returning", every_days=7)
def learn_returning(
    sales_lines: ir.Table, items: ir.Table, consents: ir.Table, *, day: date, policy: Policy, timezone: str,
    folder: Path,
) -> Mapping[str, Any]:  # fmt: skip
    """Learn each horizon; metrics are log losses of the regression and of the rule on the newest earlier day."""
    days = shopping_days(sold_lines(sales_lines, items, day))
    willing = _learners(days, consents, day, policy, timezone)
    with held(days.semi_join(ibis.memtable({"customer": willing}, schema={"customer": "string"}), "customer")) as mine:
        past = past_days(mine, day)
    learned = {horizon: _learn(past, day, horizon) for horizon in (*HORIZONS, policy.churn_days)}
    rules = {str(horizon): rule for horizon, (rule, _losses) in learned.items() if rule}
    (folder / "returning.json").write_text(json.dumps(rules, indent=1), encoding="utf-8")
    return {f"log_loss_{horizon}": losses for horizon, (_rule, losses) in learned.items() if losses}


def chances(model: Path | None, known: pd.DataFrame, horizon: int) -> FloatArray | None:
    """Chance that each member buys within `horizon` days, (n,); None where nothing was learned for it.

    Args:
        model: folder of the learned model; None = there is none.
        known: what `rhythm` returns.
    """
    rules = json.loads((model / "returning.json").read_text(encoding="utf-8")) if model else {}
    rule = rules.get(str(horizon))
    return None if rule is None or known.empty else predict(rule, features(known))


def features(known: pd.DataFrame) -> FloatArray:
    """What the regression sees of each member, (n, 11), in the order of `FEATURES`."""
    usual = known["gap_days"].dropna().median()
    usual = 7.0 if np.isnan(usual) else max(usual, 1.0)
    gaps = known["gaps"].to_numpy(float)
    recency = known["recency_days"].to_numpy(float)

    def own(column: str) -> FloatArray:
        value = known[column].to_numpy(float)
        return np.asarray((np.where(np.isnan(value), usual, value) * gaps + usual * PRIOR_GAPS) / (gaps + PRIOR_GAPS))

    gap, spread = own("gap_days"), own("gap_sd")
    tenure = recency + (known["last_bought"] - known["first_bought"]).dt.days.to_numpy(float)
    counts = [np.log1p(known[name].to_numpy(float)) for name in FEATURES if name.startswith("days_")]
    return np.column_stack(
        [
            np.log1p(recency), np.log(gap), np.log1p(recency / gap), np.log1p(np.maximum(recency - gap, 0) / spread),
            np.log(spread / gap), *counts, np.log1p(tenure),
        ]
    )  # fmt: skip


@dataclass(frozen=True)
class Past:
    """Members as they were at the close of an earlier day, and what came after.

    Attributes:
        then: the day.
        seen: what the regression sees, (n, 11).
        recency: days since the last purchase, (n,).
        until: days until the next purchase, (n,); infinite where none has come yet.
    """

    then: date
    seen: FloatArray
    recency: FloatArray
    until: FloatArray

    def bought(self, horizon: int) -> FloatArray:
        """Who bought within so many days, 0 or 1, (n,)."""
        return np.asarray(self.until <= horizon, dtype=float)


def past_days(days: ir.Table, day: date) -> list[Past]:
    """Earlier days to learn from, a fortnight apart, the newest first; the history's first 56 days are none.

    Args:
        days: shopping days, known at `day`.
    """
    first = days.day.min().to_pyarrow().as_py()
    found: list[Past] = []
    then = day - timedelta(days=HORIZONS[0])
    while first is not None and then >= first + timedelta(days=LEAST_HISTORY) and len(found) < MOST_DAYS:
        later = days.filter(_.day > ibis.literal(then)).group_by("customer").agg(next_bought=_.day.min())
        known = rhythm(days, then).left_join(later, "customer").order_by("customer").to_pandas()
        known = known.assign(**{name: pd.to_datetime(known[name]) for name in known if name.endswith("_bought")})
        until = (known["next_bought"] - pd.Timestamp(then)).dt.days.fillna(np.inf)
        found.append(Past(then, features(known), known["recency_days"].to_numpy(float), until.to_numpy(float)))
        then -= timedelta(days=STEP_DAYS)
    return found


def fit(past: Sequence[Past], horizon: int) -> dict[str, Any] | None:
    """The regression; None where examples of one of the two outcomes are too few."""
    from sklearn.linear_model import LogisticRegression

    if not past:
        return None
    seen, bought = np.vstack([one.seen for one in past]), np.concatenate([one.bought(horizon) for one in past])
    if min(bought.sum(), (1 - bought).sum()) < LEAST_EACH:
        return None
    mean, spread = seen.mean(axis=0), np.maximum(seen.std(axis=0), 1e-6)
    model = LogisticRegression(max_iter=1000).fit((seen - mean) / spread, bought)
    weights = model.coef_[0] / spread
    constant = float(model.intercept_[0] - weights @ mean)
    return {"kind": "regression", "constant": constant, "weights": dict(zip(FEATURES, weights.tolist(), strict=True))}


def fit_recency(past: Sequence[Past], horizon: int) -> dict[str, Any]:
    """The plain rule: the share that bought among those whose last purchase was about as long ago."""
    recency = np.concatenate([one.recency for one in past])
    bought = np.concatenate([one.bought(horizon) for one in past])
    edges = np.unique(np.quantile(recency, np.linspace(0, 1, BINS + 1)[1:-1]))
    place = np.digitize(recency, edges)
    count = np.bincount(place, minlength=len(edges) + 1)
    share = (np.bincount(place, bought, minlength=len(edges) + 1) + 1) / (count + 2)
    return {"kind": "recency", "edges": edges.tolist(), "shares": share.tolist()}


def predict(rule: Mapping[str, Any], seen: FloatArray) -> FloatArray:
    """Chances of what `fit` or `fit_recency` returned, (n,).

    Args:
        seen: features, (n, 11).
    """
    if rule["kind"] == "recency":
        recency = np.round(np.expm1(seen[:, FEATURES.index("recency")]))
        return np.asarray(rule["shares"])[np.digitize(recency, rule["edges"])]
    score = rule["constant"] + seen @ np.array([rule["weights"][name] for name in FEATURES])
    return np.asarray(1 / (1 + np.exp(-np.clip(score, -30, 30))))


def log_loss(chance: FloatArray, bought: FloatArray) -> float:
    """Mean negative log likelihood; 0.693 is a coin's."""
    safe = np.clip(chance, 1e-6, 1 - 1e-6)
    return float(-np.mean(bought * np.log(safe) + (1 - bought) * np.log(1 - safe)))


def _learn(past: Sequence[Past], day: date, horizon: int) -> tuple[dict[str, Any] | None, dict[str, float]]:
    """The better of regression and rule on the newest day whose outcome is known, learned anew with that day."""
    known = [one for one in past if one.then + timedelta(days=horizon) <= day][:EARLIER]
    # What came after the days learned from must not reach into what came after the held-out one.
    before = [one for one in known if one.then + timedelta(days=horizon) <= known[0].then]
    rule = fit(before, horizon)
    if rule is None:
        return None, {}
    newest, plain = known[0], fit_recency(before, horizon)
    bought = newest.bought(horizon)
    losses = {one["kind"]: round(log_loss(predict(one, newest.seen), bought), 4) for one in (rule, plain)}
    wins = losses["regression"] < losses["recency"]
    return (fit(known, horizon) if wins else fit_recency(known, horizon)), losses


def _learners(days: ir.Table, consents: ir.Table, day: date, policy: Policy, timezone: str) -> list[str]:
    """Members to learn from: who did not object to analysis; keys are random, so the first ones are a fair sample."""
    members = days.select("customer").distinct().order_by("customer").to_pandas()["customer"].to_numpy(object)
    said = consents.select("customer", "purpose", "granted", "at").to_pandas()
    willing = members[may_use(members, "analysis", said, end_of_day(day, timezone))]
    return [str(member) for member in willing[: policy.learn_members]]
