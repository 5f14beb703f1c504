"""Uplift: whom to write to, on a real trial drawn by lot, beside the rules that need no model.

Hillstrom's 64,000 customers got, by lot, no mail, one for men or one for women; each mail is a trial against no mail.
Customers are split in half again and again: learners and rules see one half, and are scored on the other. `aislehub` is
the learner that the hub uses as delivered. Policies may write to 30 % of the customers, or to whom they like within
that where a mail costs money. Intervals are of the bootstrap over the scored half's customers, put together over the
splits.
"""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aislehub.core.errors import HubError
from aislehub.customer.uplift.learners import DEFAULT, LEARNERS, learn
from aislehub.customer.uplift.qini import HIGH, LOW, qini
from aislehub.customer.uplift.trial import FloatArray, Trial, trial_of
from aislehub.customer.uplift.value import scores

__all__ = ["run"]

Row = dict[str, Any]
FEATURES = ("recency", "history", "mens", "womens", "zip_code", "newbie", "channel")
ARMS = {"womens_mail": "Womens E-Mail", "mens_mail": "Mens E-Mail"}
SHARE = 0.3
COST = {"visit": 0.0, "spend": 0.1}  # of a mail, in the outcome's unit; visits are counted, spend is money
SPLITS, DRAWS = 10, 200


def run(data: Path | None = None, *, quick: bool = False, seed: int = 0) -> list[Row]:
    """Rows of every contender: Qini, and what its policy brings over writing to nobody; per 1,000 customers.

    Args:
        data: `hillstrom.csv` or its folder; None = among the test data.
    """
    frame = _read(data)
    splits, draws = (2, 40) if quick else (SPLITS, DRAWS)
    rows: list[Row] = []
    for arm, value in ARMS.items():
        for outcome in ("visit", "spend"):
            trial = trial_of(frame, "segment", outcome, FEATURES, treated=value, control="No E-Mail")
            rows += _contest(trial, f"{arm} {outcome}", COST[outcome], splits, draws, seed)
    return rows


def _contest(trial: Trial, data: str, cost: float, splits: int, draws: int, seed: int) -> list[Row]:
    """All contenders on the same splits."""
    rng = np.random.default_rng(seed)
    found: dict[tuple[str, str], list[tuple[float, FloatArray]]] = {}
    seconds = dict.fromkeys([*LEARNERS, "recency", "past_spend", "random", "all", "nobody"], 0.0)
    for number in range(splits):
        seen = rng.random(len(trial.treated)) < 0.5
        held = trial.part(~seen)
        brings = scores(held)
        ranked: dict[str, FloatArray] = {
            "recency": -_feature(held, "recency"), "past_spend": _feature(held, "history"),
            "random": rng.random(len(held.treated)),
        }  # fmt: skip
        for name in LEARNERS:
            began = time.process_time()
            ranked[name] = learn(name, trial.part(seen), seed=seed).uplift(held.features)
            seconds[name] += time.process_time() - began
        chosen = {name: _first(score, SHARE) for name, score in ranked.items()}
        for name in LEARNERS:  # a model knows where a mail does not pay
            chosen[name] &= ranked[name] > cost
        chosen |= {"all": np.ones(len(brings), bool), "nobody": np.zeros(len(brings), bool)}
        weights = rng.poisson(1.0, (draws, len(brings)))
        for name, score in ranked.items():
            one = qini(score, held.treated, held.outcome, draws=draws, seed=number)
            found.setdefault((name, "qini"), []).append((one.value, one.draws))
        for name, who in chosen.items():
            parts = who * (brings - cost)
            again = weights @ parts / weights.sum(axis=1)
            found.setdefault((name, "policy_value"), []).append((float(parts.mean()), again))
            gap = parts - _first(ranked["past_spend"], SHARE) * (brings - cost)
            again = weights @ gap / weights.sum(axis=1)
            found.setdefault((name, "over_past_spend"), []).append((float(gap.mean()), again))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows = []
    for (name, metric), values in found.items():
        low, high = np.quantile(np.concatenate([again for _, again in values]), [LOW, HIGH])
        rows.append(
            {"bench": "uplift", "data": data, "model": "aislehub" if name == DEFAULT else name, "metric": metric,
             "value": 1000 * float(np.mean([value for value, _ in values])), "low": 1000 * float(low),
             "high": 1000 * float(high), "cpu_s": round(seconds[name] / splits, 2), "peak_mb": round(peak)}
        )  # fmt: skip
    return rows


def _first(score: FloatArray, share: float) -> Any:
    """The share of units with the highest scores."""
    chosen = np.zeros(len(score), dtype=bool)
    chosen[np.argsort(-score, kind="stable")[: int(share * len(score))]] = True
    return chosen


def _feature(trial: Trial, name: str) -> FloatArray:
    return np.asarray(trial.features[:, trial.names.index(name)], dtype=float)


def _read(data: Path | None) -> pd.DataFrame:
    folder = Path(os.environ.get("AISLEHUB_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data") / "hillstrom"
    file = data or folder
    file = file / "hillstrom.csv" if file.is_dir() else file
    if not file.is_file():
        raise HubError("file.missing", file=file)
    return pd.read_csv(file)
