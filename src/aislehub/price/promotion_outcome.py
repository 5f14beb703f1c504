"""What a promotion turned out to be worth: its week, and the weeks after, in which shoppers use up what they took home.

Measured are promotions that took place where today's rule would have promoted nothing. One that was not carried out
left no trace in sales; nor can it be told what another discount would have done, or what was saved by not promoting.

Controls are lines for which the bandit drew no promotion, else the item in stores that did not promote it, else its
category. By how much the week sold more is found by `changed.py`. What later weeks miss is too little to be seen for
one line: its share of the additional units is learned from all lines of the plan together, from what was believed of
it. What neighbours in the category lose is taken as expected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd

from aislehub.core.judging import Measured
from aislehub.core.tables import Tables
from aislehub.price.around import Beside, Days, beside, days_around, last_sales
from aislehub.price.belief import STOCKED_DAYS
from aislehub.price.changed import Effects, Seen, answered
from aislehub.price.ladder import FloatArray
from aislehub.price.price_outcome import ASKED, BEFORE
from aislehub.price.promotion import CENT, Policy
from aislehub.price.response import Z90

__all__ = ["judge_promotions", "judges"]

WEEK = 7
BELIEF_SD = 0.3  # of the log effect of one item's promotion beside what was believed
SHIFT_SD = 0.6  # of what all such beliefs may be off by, before anything was seen
LATER_SD = 0.25  # of the share of the additional units that later weeks miss
LEAST_LIFT = 0.05  # times the usual units: fewer were expected only where the stock would run out


def judge_promotions(
    tables: Tables, decisions: Sequence[Mapping[str, Any]], *, day: date, today: date, policy: Policy
) -> dict[str, Measured]:
    """Measure promotions planned on `day` by the sales known at the close of `today`.

    All of a plan are measured together, once three weeks have passed after their last day.
    """
    held = [one for one in decisions if one["state"] in ASKED and not one["arm"].endswith(":control")]
    choices = _choices(tables, day) if held else pd.DataFrame()
    if choices.empty:
        return {}
    starts = pd.Timestamp(choices["starts"].iloc[0]).date()
    first, last = starts - timedelta(days=BEFORE), starts + timedelta(days=WEEK - 1 + STOCKED_DAYS)
    if last_sales(tables, today) < last:
        return {}
    lines = _lines(held, choices)
    if lines.empty:
        return {}
    drawn = choices[choices["trial"].astype(bool) & (choices["depth"] == 0)]
    days = days_around(tables, lines, first, last, today)
    ahead = np.arange(days.units.shape[1]) - BEFORE
    at = days.at(lines["store"].tolist(), lines["item"].tolist())
    took_place = days.promoted[at][:, (ahead >= 0) & (ahead < WEEK)].any(axis=1)
    lots = days.at(drawn["store"].tolist(), drawn["item"].tolist())
    controls = beside(days, at[took_place], ahead >= 0, drawn=lots[lots >= 0].tolist())
    told = controls.who != "none"
    lines, at = lines[took_place][told].reset_index(drop=True), at[took_place][told]
    if lines.empty:
        return {}
    controls = Beside(controls.level[told], controls.unsure[told], controls.who[told], controls.units[told])
    effects, group = _effects(lines, days, at, controls, ahead)
    return _measured(lines, days, at, controls, effects, group, ahead)


judges = {"promotion_plan": judge_promotions}


def _choices(tables: Tables, day: date) -> pd.DataFrame:
    """What was drawn for the week that was planned on `day`."""
    return tables.run(
        lambda t: (rows := t.read("promotion_choices", as_of=day)).filter(rows.day == ibis.literal(day)).drop("day")
    ).to_pandas()


def _lines(decisions: Sequence[Mapping[str, Any]], choices: pd.DataFrame) -> pd.DataFrame:
    """Promotions that may have taken place as proposed, beside a rule that promotes nothing."""
    rows = pd.DataFrame(
        {"id": decision["id"], "store": decision["store"], "item": decision["subject"]}
        for decision in decisions
        if decision["override"] is None
    )
    if rows.empty:
        return rows
    lines = rows.merge(choices, on=["store", "item"])
    return lines[(lines["depth"] > 0) & (lines["today"] == 0)].reset_index(drop=True)


def _effects(
    lines: pd.DataFrame, days: Days, at: np.ndarray, controls: Beside, ahead: np.ndarray
) -> tuple[Effects, np.ndarray]:
    """Log effect of each item's promotion at each depth, and which of them each line had."""
    group = lines.groupby(["item", "depth"]).ngroup().to_numpy()
    heads = np.unique(group, return_index=True)[1]
    during = (ahead >= 0) & (ahead < WEEK)
    tells = during | ((ahead < 0) & ~days.promoted[at])
    dose = np.broadcast_to(during.astype(float), tells.shape)
    seen = Seen(
        days.units[at], dose, np.where(tells, controls.level, np.nan), ahead >= 0, group.astype(np.int64),
        controls.unsure[heads],
    )  # fmt: skip
    believed = np.log(np.maximum(lines["units"] / lines["usual"], LEAST_LIFT)).to_numpy(float)[heads]
    kind = np.zeros(len(heads), dtype=np.int64)
    return answered(seen, believed, np.full(len(heads), BELIEF_SD), kind, shift_sd=SHIFT_SD), group


def _measured(
    lines: pd.DataFrame, days: Days, at: np.ndarray, controls: Beside, effects: Effects, group: np.ndarray,
    ahead: np.ndarray,
) -> dict[str, Measured]:  # fmt: skip
    sold = days.units[at][:, (ahead >= 0) & (ahead < WEEK)].sum(axis=1)
    weight = effects.weight[group]
    usual = sold[:, None] * np.exp(-effects.values[group])  # units of the week without a promotion
    more = sold - (usual * weight).sum(axis=1)
    share, share_sd, keeps = _later(lines, days, at, controls, effects, group, more, ahead)

    tax = 1 + lines["tax_rate"].to_numpy(float)
    cost = lines["cost"].to_numpy(float)
    margin = lines["shelf"].to_numpy(float) / tax - cost
    taken = np.nan_to_num(days.units * days.paid)[at][:, (ahead >= 0) & (ahead < WEEK)].sum(axis=1)
    later = share * keeps
    money = (taken / tax - cost * sold - lines["leaflet"] - lines["beside"]).to_numpy(float)[:, None]
    money = money - margin[:, None] * (usual + later[:, None] * (sold[:, None] - usual))
    mean = (money * weight).sum(axis=1)
    spread = np.sqrt((weight * (money - mean[:, None]) ** 2).sum(axis=1))
    common = effects.shared[group] * spread**2 + (share_sd * keeps * margin * more) ** 2
    luck = np.abs(margin) * np.sqrt(effects.scatter[group] * np.abs(more))  # who came in just that week
    sd = np.sqrt(spread**2 + luck**2 + (share_sd * keeps * margin * more) ** 2)
    chance = np.sqrt(np.maximum(sd**2 - common, 0))
    return {
        row.id: Measured(
            money=round(float(mean[n]), 4),
            low=round(float(mean[n] - Z90 * sd[n]), 4),
            high=round(float(mean[n] + Z90 * sd[n]), 4),
            chosen=None,
            method=f"promotion.measured_{controls.who[n]}",
            facts={
                "sold": float(sold[n]), "percent": round(100 * row.depth), "usual": round(float(sold[n] - more[n]), 1),
                "later": round(float(later[n] * more[n]), 1), "control": round(float(controls.units[n])),
            },
            chance=round(float(chance[n]), 4),
        )
        for n, row in enumerate(lines.itertuples())
    }  # fmt: skip


def _later(
    lines: pd.DataFrame, days: Days, at: np.ndarray, controls: Beside, effects: Effects, group: np.ndarray,
    more: FloatArray, ahead: np.ndarray,
) -> tuple[float, float, np.ndarray]:  # fmt: skip
    """Share of the additional units that the weeks after have missed, its standard deviation, and which goods keep."""
    keeps = lines["later"].to_numpy(float) > CENT
    gained = (lines["units"] - lines["usual"]).clip(lower=0) * (lines["price"] - lines["cost"])
    believed = float(lines["later"][keeps].sum() / max(gained[keeps].sum(), CENT)) if keeps.any() else 0.0
    tells = np.isfinite(controls.level) & ~days.promoted[at]
    level, units = np.where(tells, controls.level, 0.0), np.where(tells, days.units[at], 0.0)
    before, after = ahead < 0, ahead >= WEEK
    sold = np.maximum(units[:, before].sum(axis=1), 1.0)
    expected = sold * level[:, after].sum(axis=1) / np.maximum(level[:, before].sum(axis=1), 1e-9)
    missed, most = (expected - units[:, after].sum(axis=1))[keeps].sum(), more[keeps].sum()
    own = effects.scatter[group] * (expected + expected**2 / sold)
    beside_them = np.bincount(group[keeps], expected[keeps], int(group.max(initial=0)) + 1)
    unsure = np.bincount(group, controls.unsure) / np.bincount(group)
    variance = own[keeps].sum() + (beside_them**2 * unsure).sum()
    if most <= 0 or variance <= 0:  # nothing was sold more, or the controls tell nothing of the weeks after
        return believed, LATER_SD, keeps
    precision = 1 / LATER_SD**2 + most**2 / variance
    share = (believed / LATER_SD**2 + missed * most / variance) / precision
    return float(np.clip(share, 0, 1)), float(1 / np.sqrt(precision)), keeps
