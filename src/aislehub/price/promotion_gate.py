"""The gate of promotions: what the log of draws says that the plan earns over today's rule, and whether it is enough.

Outcomes are joined to the draws of past weeks: the contribution that each line made in its week. Only draws that were
carried out count; a plan that somebody rejected or changed is left out and counted. The difference is estimated doubly
robust (`offpolicy.py`), with a store's week as one piece of luck, and the plan passes when the lower end of its 90 %
interval is above 0.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd

from aislehub.price.offpolicy import Estimate, Log, difference, evaluate

__all__ = ["Evidence", "evidence", "outcomes"]

SAME_DEPTH = 0.015
"""Discounts closer than this are the same: prices are rounded."""


@dataclass(frozen=True)
class Evidence:
    """What the log says, in money per line and week.

    Attributes:
        rows: outcomes that count; missed: draws that were not carried out.
        gain, low, high: of the plan over today's rule, with its 90 % interval.
        passed: whether the plan may replace today's rule.
        clipped, unsupported: shares of rows with a cut weight, and of the plan that the log cannot tell.
    """

    rows: int
    missed: int
    gain: float
    low: float
    high: float
    passed: bool
    clipped: float = 0.0
    unsupported: float = 0.0

    def save(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, file: Path) -> Evidence:
        return cls(**json.loads(file.read_text(encoding="utf-8")))


def evidence(promotion_choices: Any, sales_lines: Any, promotions: Any, *, day: date, policy: Any) -> Evidence:
    """Judge the plan against today's rule by what has been logged and measured until `day`."""
    rows, missed = outcomes(promotion_choices, sales_lines, promotions, day=day, weeks=policy.evidence_weeks)
    if len(rows) < policy.least_rows:
        return Evidence(len(rows), missed, 0.0, 0.0, 0.0, False)
    log, today = as_log(rows)
    found = difference(log, log.chances, today, clip=policy.clip)
    passed = found.low > 0
    return Evidence(len(rows), missed, found.value, found.low, found.high, passed, found.clipped, found.unsupported)


def outcomes(
    promotion_choices: Any, sales_lines: Any, promotions: Any, *, day: date, weeks: int
) -> tuple[pd.DataFrame, int]:
    """Draws of weeks that are over, with the contribution that each line made, and how many were not carried out.

    Returns:
        The columns of `promotion_choices` with sold (units) and reward (money), and the number of draws left out.
    """
    first, last = ibis.literal(day - timedelta(days=7 * weeks)), ibis.literal(day)
    drawn = promotion_choices.filter(
        promotion_choices.trial & (promotion_choices.ends <= last) & (promotion_choices.starts >= first)
    ).drop("day")
    offered = promotions.select("store", "item", "discount", began="starts", ended="ends")
    held = drawn.left_join(
        offered,
        [drawn.store == offered.store, drawn.item == offered.item, offered.began <= drawn.ends,
         offered.ended >= drawn.starts],
    )  # fmt: skip
    actual = held.group_by(["store", "item", "starts"]).aggregate(
        actual=held.discount.fill_null(0.0).max(), offered=held.began.notnull().any()
    )
    lines = sales_lines.select("store", "item", "quantity", "amount", sold_on="day")
    bought = drawn.select("store", "item", "starts", "ends").inner_join(
        lines,
        [drawn.store == lines.store, drawn.item == lines.item, lines.sold_on >= drawn.starts,
         lines.sold_on <= drawn.ends],
    )  # fmt: skip
    sums = bought.group_by(["store", "item", "starts"]).aggregate(sold=bought.quantity.sum(), paid=bought.amount.sum())
    keys = ["store", "item", "starts"]
    rows = drawn.to_pandas().merge(actual.to_pandas(), on=keys, how="left").merge(sums.to_pandas(), on=keys, how="left")
    rows[["sold", "paid"]] = rows[["sold", "paid"]].astype(float).fillna(0.0)
    offered_at_all = rows["offered"].fillna(False).astype(bool)
    off = (rows["actual"].fillna(0.0) - rows["depth"]).abs() <= SAME_DEPTH
    kept = np.where(rows["depth"] > 0, offered_at_all & off, ~offered_at_all)
    reward = rows["paid"] / (1 + rows["tax_rate"]) - rows["cost"] * rows["sold"] - rows["leaflet"]
    return rows.assign(reward=reward)[kept].reset_index(drop=True), int((~kept).sum())


def as_log(rows: pd.DataFrame) -> tuple[Log, np.ndarray]:
    """The log of these rows, and the probabilities of today's rule, (n, A)."""
    tables = [json.loads(text) for text in rows["chances"]]
    names = sorted({name for table in tables for name in table}, key=float)
    chances = np.array([[table.get(name, 0.0) for name in names] for table in tables])
    chances = chances / chances.sum(axis=1, keepdims=True)
    depths = np.array([float(name) for name in names])
    arm = np.abs(depths - rows["depth"].to_numpy(float)[:, None]).argmin(axis=1)
    today = np.eye(len(depths))[np.abs(depths - rows["today"].to_numpy(float)[:, None]).argmin(axis=1)]
    before = rows["usual"] * (rows["price"] - rows["cost"])
    features = np.column_stack([
        before, rows["usual"] * rows["price"], rows["usual"], (rows["price"] - rows["cost"]) / rows["price"],
        rows["slope"] * before, rows["lift"] * before,
    ])  # fmt: skip
    cluster = pd.factorize(rows["store"] + "\x1f" + rows["starts"].astype(str))[0]
    return Log(arm.astype(np.int64), chances, rows["reward"].to_numpy(float), features, cluster.astype(np.int64)), today


def judged(rows: pd.DataFrame, clip: float) -> dict[str, dict[str, Estimate]]:
    """Estimates of the plan and of today's rule by all three estimators, money per line and week."""
    log, today = as_log(rows)
    return {"plan": evaluate(log, log.chances, clip=clip), "today": evaluate(log, today, clip=clip)}
