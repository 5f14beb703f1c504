"""Verdicts: what the figures of an arm come to, metric by metric."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from aislehub.core.experiments import Trial
from aislehub.core.text import has
from aislehub.proof.verdict import VERDICTS, read_trial

START = date(2024, 7, 1)
LAST = START + timedelta(days=13)


def trial(**other: Any) -> Trial:
    """Two weeks on 80 stores."""
    definition = {
        "unit": "store", "metric": "sales", "effect": 0.05, "also": [], "guards": {}, "harm": 0.0,
        "method": "always_valid", "alpha": 0.05, "power": 0.8, "pre_days": 28, "washout_days": 0,
        "planned": {"sales": 2.0, "margin": 1.0, "discount_rate": 0.01},
    } | other  # fmt: skip
    return Trial("x", "orders", "store", 0, 0.5, "x", 14, definition, "running", START, LAST)


def daily(one: Trial, **effects: float) -> ibis.Table:
    """Daily figures of 80 stores; the treatment's are changed by a fraction from the start on."""
    random = np.random.default_rng(8)
    rows = []
    for number in range(80):
        unit, level = f"s{number}", random.gamma(9.0, 12.0)
        treated = one.arm_of(unit, START) == "treatment"
        for day in range(-28, 14):
            row = {"unit": unit, "day": START + timedelta(days=day), "sales": level * random.normal(1, 0.1)}
            row |= {"margin": row["sales"] * random.normal(0.3, 0.03), "discountable": row["sales"]}
            row["discounts"] = row["sales"] * random.normal(0.2, 0.02)
            if treated and day >= 0:
                row |= {name: row[name] * (1 + effect) for name, effect in effects.items()}
            rows.append(row)
    return ibis.memtable(pd.DataFrame(rows))


def verdicts(one: Trial, day: date = LAST, **effects: float) -> dict[str, tuple[str, str]]:
    """Metric → verdict and harm."""
    rows = read_trial(one, daily(one, **effects), day, {}, srm_limit=0.001)
    return {row["metric"]: (row["verdict"], row["harm"]) for row in rows}


@pytest.mark.parametrize(
    ("effect", "day", "told"),
    [(0.15, LAST, "better"), (0.0, LAST, "none"), (0.0, LAST - timedelta(days=1), "none_yet")],
)
def test_the_deciding_metric(effect: float, day: date, told: str) -> None:
    """Better, nothing to be seen, and nothing to be seen yet."""
    assert verdicts(trial(), day, sales=effect) == {"sales": (told, "")}


def test_less_discount_is_better() -> None:
    """Where less is better, the signs turn: a fall is better, a rise does harm."""
    one = trial(metric="discount_rate")
    assert verdicts(one, discounts=-0.2)["discount_rate"] == ("better", "")
    assert verdicts(one, discounts=0.3)["discount_rate"] == ("harm", "experiment.note_harm")


def test_a_guard_is_kept_open_or_broken() -> None:
    """A loss beyond the limit is ruled out, not ruled out yet, or certain; the deciding metric stands beside it."""
    one = trial(guards={"margin": 0.1})
    assert verdicts(one)["margin"] == ("guard_kept", "")
    assert verdicts(one, margin=-0.1)["margin"] == ("guard_open", "")
    broken = verdicts(one, margin=-0.35)
    assert broken["margin"] == ("harm", "experiment.note_harm") and broken["sales"] == ("none", "")


def test_a_further_metric_does_not_roll_back() -> None:
    """What is only judged with the rest may be worse; that is told, and the experiment goes on."""
    assert verdicts(trial(also=["margin"]), margin=-0.35)["margin"] == ("worse", "")


def test_a_limit_binds_whatever_the_metric_s_role() -> None:
    """A metric that is judged with the rest and guarded, too, rolls back; the deciding one takes its guard's limit."""
    assert verdicts(trial(also=["margin"], guards={"margin": 0.1}), margin=-0.35)["margin"][1] == "experiment.note_harm"
    assert verdicts(trial(guards={"sales": 0.5}), sales=-0.3)["sales"] == ("worse", "")


def test_a_fixed_plan_is_judged_at_its_end_only() -> None:
    """Before it, even a clear gain has no verdict; certain harm is stopped all the same."""
    one, early = trial(method="fixed"), LAST - timedelta(days=3)
    assert verdicts(one, early, sales=0.2)["sales"] == ("running", "")
    assert verdicts(one, LAST, sales=0.2)["sales"] == ("better", "")
    assert verdicts(one, early, sales=-0.3)["sales"] == ("harm", "experiment.note_harm")


def test_every_verdict_has_a_sentence() -> None:
    """In the texts, so that people never see a code."""
    assert all(has(f"experiment.verdict_{verdict}") for verdict in VERDICTS)


def test_a_store_that_closes_is_counted_and_said() -> None:
    """Beyond the limit it counts up to it only: the interval is narrower than with all of it, and the row says one."""
    rows = daily(trial()).to_pandas()
    largest = rows.groupby("unit")["sales"].sum().idxmax()
    rows.loc[(rows["unit"] == largest) & (pd.to_datetime(rows["day"]) >= pd.Timestamp(START)), "sales"] = 0.0
    closed = ibis.memtable(rows)
    plain, ours = (read_trial(trial(outlier=limit), closed, LAST, {}, srm_limit=0.001)[0] for limit in (0.0, 3.5))
    assert (plain["cut"], ours["cut"]) == (0, 1)
    assert ours["high"] - ours["low"] < 0.8 * (plain["high"] - plain["low"])
