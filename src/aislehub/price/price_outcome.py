"""What a change of price turned out to be worth: sales before and after it, beside lines that kept their price.

Only a price that was asked can be measured. One that was rejected, or that the tills never took, left no trace in
sales: an elasticity could only say again what was expected, so nothing is said. Of a change, `changed.py` finds the
elasticity; the days of the horizon are then counted with it at the proposed price, at the former one, and at the one
that a person chose. What neighbours in the category gain or lose is taken as expected, for a single change moves them
by less than can be seen.
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
from aislehub.price.changed import Effects, Seen, answered
from aislehub.price.ladder import FloatArray
from aislehub.price.pricing import Policy
from aislehub.price.response import Z90

__all__ = ["judge_prices", "judges"]

BEFORE = 28
"""Days before a change that it is compared with: whole weeks."""
SHIFT_SD = 2.0  # of what all elasticities may be off by, before anything was seen
STORES_DIFFER = 0.3  # standard deviation of an item's elasticity between stores
SLIP = np.log(4.0)  # a price further from the former one is an error of the data
ASKED = ("sent", "done", "failed", "judged")  # states of decisions that may have reached the shelf


def judge_prices(
    tables: Tables, decisions: Sequence[Mapping[str, Any]], *, day: date, today: date, policy: Policy
) -> dict[str, Measured]:
    """Measure changes of `day` by the sales known at the close of `today`.

    All changes of a day are measured together, once the longest horizon is over: together they tell more than each.
    Left out are prices that nobody asked, and items that no control stands beside.
    """
    first, last = day - timedelta(days=BEFORE - 1), day + timedelta(days=policy.longest_days)
    if not any(decision["state"] in ASKED for decision in decisions) or last_sales(tables, today) < last:
        return {}
    lines = _lines(tables, decisions, day)
    if not lines["asked"].any():
        return {}
    days = days_around(tables, lines, first, last, today)
    after = np.arange(days.units.shape[1]) >= BEFORE
    at = days.at(lines["store"].tolist(), lines["item"].tolist())
    dose = _dose(lines, days, at)
    asked = lines["asked"].to_numpy(bool) & _taken(lines, days, at, after)
    drawn = at[lines["drawn"].to_numpy(bool)]
    controls = beside(days, at[asked], after, drawn=drawn.tolist())
    told = controls.who != "none"
    lines, at, dose = (part[asked][told] for part in (lines, at, dose))
    if not len(lines):
        return {}
    controls = Beside(controls.level[told], controls.unsure[told], controls.who[told], controls.units[told])
    lines = lines.reset_index(drop=True)
    effects, group = _effects(lines, days, at, dose, controls, after)
    return _measured(lines, days, at, dose, controls, effects, group, policy)


judges = {"price_changes": judge_prices}


def _lines(tables: Tables, decisions: Sequence[Mapping[str, Any]], day: date) -> pd.DataFrame:
    """One row a decision: the prices, and what the change was expected to rest on.

    Columns asked: the price may have reached the shelf; drawn: an experiment's lot left the former price.
    """
    rows = pd.DataFrame(
        {
            "id": decision["id"], "store": decision["store"], "item": decision["subject"],
            "proposed": float(decision["action"]["price"]), "usual": float(decision["baseline"]["price"]),
            "chosen": float((decision["override"] or {}).get("action", decision["action"])["price"]),
            "drawn": decision["arm"].endswith(":control"), "state": decision["state"], "days": decision["horizon_days"],
            "ends": decision["action"].get("ends"), "beside": _reason(decision, "price.because_beside"),
        }
        for decision in decisions
    )  # fmt: skip
    rows["asked"] = rows["state"].isin(ASKED) & ~rows["drawn"] & (rows["chosen"] != rows["usual"])
    table = tables.run(lambda t: (every := t.read("price_changes", as_of=day)).filter(every.day == ibis.literal(day)))
    known = table.select(
        ["store", "subject", "cost", "elasticity", "elasticity_low", "elasticity_high", "expiring"]
    ).to_pandas().rename(columns={"subject": "item"})  # fmt: skip
    items = tables.run(lambda t: t.read("items").select("item", "tax_rate")).to_pandas().drop_duplicates("item")
    lines = rows.merge(known, on=["store", "item"]).merge(items, on="item", how="left")
    return lines.assign(
        tax_rate=lines["tax_rate"].astype(float).fillna(0.0), expiring=lines["expiring"].astype(float).fillna(0.0)
    )


def _reason(decision: Mapping[str, Any], code: str) -> float:
    """Money that a reason of the decision stands for; 0 without it."""
    return float(sum(reason["weight"] for reason in decision["reasons"] if reason["code"] == code))


def _dose(lines: pd.DataFrame, days: Days, at: np.ndarray) -> FloatArray:
    """Log of each day's price over the former one, (n, D).

    Prices are those paid; a day without a sale has that of the sale before it, and after the change, until something
    was sold, the chosen one.
    """
    usual, chosen = (lines[name].to_numpy(float) for name in ("usual", "chosen"))
    paid = np.where(days.promoted[at], np.nan, days.paid[at])
    with np.errstate(invalid="ignore"):
        log = np.log(paid / usual[:, None])
        log = np.where(np.abs(log) > SLIP, np.nan, log)
    before = pd.DataFrame(log[:, :BEFORE]).ffill(axis=1).bfill(axis=1).fillna(0.0).to_numpy(float)
    since = log[:, BEFORE:]
    since[:, 0] = np.where(np.isnan(since[:, 0]), np.log(chosen / usual), since[:, 0])
    return np.hstack([before, pd.DataFrame(since).ffill(axis=1).to_numpy(float)])


def _taken(lines: pd.DataFrame, days: Days, at: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Lines whose first sale at a shelf price after the change was nearer to the chosen price than to the former one.

    Where nothing was sold, the decision's state is believed.
    """
    paid = pd.DataFrame(np.where(days.promoted[at], np.nan, days.paid[at])[:, after])
    first = paid.bfill(axis=1).iloc[:, 0].to_numpy(float)
    chosen, usual = (lines[name].to_numpy(float) for name in ("chosen", "usual"))
    return np.asarray(np.isnan(first) | (np.abs(first - chosen) < np.abs(first - usual)))


def _tells(lines: pd.DataFrame, days: Days, at: np.ndarray) -> np.ndarray:
    """Days that tell what a line sells at its shelf price, (n, D): outside of promotions, and of a price that ends,
    until it does."""
    ends = (pd.to_datetime(lines["ends"]) - pd.Timestamp(days.first)).dt.days.fillna(np.inf).to_numpy(float)
    return np.asarray(~days.promoted[at] & (np.arange(days.units.shape[1]) <= ends[:, None]))


def _effects(
    lines: pd.DataFrame, days: Days, at: np.ndarray, dose: FloatArray, controls: Beside, after: np.ndarray
) -> tuple[Effects, np.ndarray]:
    """Elasticity of each item that was changed, and which item each line is."""
    kind = np.where(lines["expiring"] > 0, 2, np.where(lines["chosen"] > lines["usual"], 1, 0))
    group = lines.groupby(["item", kind]).ngroup().to_numpy()
    heads = np.unique(group, return_index=True)[1]
    level = np.where(_tells(lines, days, at), controls.level, np.nan)
    seen = Seen(days.units[at], dose, level, after, group.astype(np.int64), controls.unsure[heads])
    believed = lines["elasticity"].to_numpy(float)[heads]
    sd = (lines["elasticity_high"] - lines["elasticity_low"]).to_numpy(float)[heads] / (2 * Z90)
    return answered(seen, believed, sd, kind[heads].astype(np.int64), shift_sd=SHIFT_SD), group


def _measured(
    lines: pd.DataFrame, days: Days, at: np.ndarray, dose: FloatArray, controls: Beside, effects: Effects,
    group: np.ndarray, policy: Policy,
) -> dict[str, Measured]:  # fmt: skip
    ahead = np.arange(days.units.shape[1]) - BEFORE
    counts = (ahead >= 0) & (ahead < lines["days"].to_numpy()[:, None]) & ~days.promoted[at]
    units = np.where(counts, days.units[at], 0.0)
    elasticity, weight = effects.values[group], effects.weight[group]
    wanted = (units[:, None, :] * np.exp(-elasticity[:, :, None] * dose[:, None, :])).sum(axis=2)  # at the former price
    proposed, chosen = (_gain(lines, name, wanted, elasticity) for name in ("proposed", "chosen"))
    log = np.log(lines["proposed"] / lines["usual"]).to_numpy(float)
    fixed = lines["beside"].to_numpy(float) - policy.change_cost
    money = (proposed * weight).sum(axis=1) + fixed
    spread = np.sqrt((weight * (proposed - (proposed * weight).sum(axis=1)[:, None]) ** 2).sum(axis=1))
    known = effects.sd[group]
    by_store = spread * STORES_DIFFER / np.maximum(known, 1e-9)
    base = (wanted * weight).sum(axis=1)
    moved = np.abs(base * np.expm1((elasticity * weight).sum(axis=1) * log))
    margin = np.abs(lines["usual"] / (1 + lines["tax_rate"]) - lines["cost"]).to_numpy(float)
    luck = margin * np.sqrt(effects.scatter[group] * moved)  # whether a shopper who minds the price came in these days
    common = effects.shared[group] * spread**2
    sd = np.sqrt(spread**2 + by_store**2 + luck**2)
    chance = np.sqrt(np.maximum(sd**2 - common, 0))
    override = (chosen * weight).sum(axis=1) - policy.change_cost
    override += lines["beside"].to_numpy(float) * np.log(lines["chosen"] / lines["usual"]).to_numpy(float) / log
    low, high = (effects.mean + side * Z90 * effects.sd for side in (-1, 1))
    return {
        row.id: Measured(
            money=round(float(money[n]), 4),
            low=round(float(money[n] - Z90 * sd[n]), 4),
            high=round(float(money[n] + Z90 * sd[n]), 4),
            chosen=None if row.chosen == row.proposed else round(float(override[n]), 4),
            method=f"price.measured_{controls.who[n]}",
            facts={
                "sold": float(units[n].sum()), "days": int(counts[n].sum()), "price": row.chosen,
                "control": round(float(controls.units[n])), "elasticity": round(float(effects.mean[group[n]]), 2),
                "low": round(float(low[group[n]]), 2), "high": round(float(high[group[n]]), 2),
            },
            chance=round(float(chance[n]), 4),
        )
        for n, row in enumerate(lines.itertuples())
    }  # fmt: skip


def _gain(lines: pd.DataFrame, name: str, wanted: FloatArray, elasticity: FloatArray) -> FloatArray:
    """Money of a column's prices over the former ones at each value of the elasticity, (n, K).

    What would have expired and was sold instead has saved its cost.
    """
    price, expiring = (lines[column].to_numpy(float) for column in (name, "expiring"))
    cost, usual = (lines[column].to_numpy(float)[:, None] for column in ("cost", "usual"))
    tax = 1 + lines["tax_rate"].to_numpy(float)[:, None]
    units = wanted * np.exp(elasticity * np.log(price[:, None] / usual))
    saved = cost * (np.minimum(units, expiring[:, None]) - np.minimum(wanted, expiring[:, None]))
    return np.asarray((price[:, None] / tax - cost) * units - (usual / tax - cost) * wanted + saved)
