"""Design: lots that anyone can check, arms that few units make alike, and what each unit did."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislehub.core.experiments import Trial
from aislehub.proof.design import Design, active_units, arms_of, balanced_salt, moments_of_arms, unit_parts
from aislehub.proof.metrics import METRICS

START = date(2024, 7, 1)
TRIAL = Trial(
    "x", "orders", "store", 0, 0.5, "x", 28, {}, state="running", start=START, last=START + timedelta(days=27)
)


def daily(rows: list[tuple[str, int, float, float]]) -> ibis.Table:
    """Sales and baskets by unit and day, the day counted from the start."""
    return ibis.memtable(
        pd.DataFrame(
            [(unit, START + timedelta(days=day), sales, baskets) for unit, day, sales, baskets in rows],
            columns=["unit", "day", "sales", "baskets"],
        ).assign(basket_sales=lambda table: table["sales"])
    )


@given(units=st.integers(4, 60), share=st.floats(0.25, 0.75), name=st.text(min_size=1, max_size=8))
def test_few_units_are_split_as_planned(units: int, share: float, name: str) -> None:
    """Counts are within one of the plan, and the arms were no more than a standard error apart before."""
    before = {f"u{number}": float(number % 7) for number in range(units)}
    trial = replace(TRIAL, salt=name, share=share)
    salt = balanced_salt(trial, before)
    assert salt == balanced_salt(trial, dict(reversed(before.items())))  # the same whatever the order
    drawn = replace(trial, salt=salt)
    arms = {unit: drawn.arm_of(unit, START) for unit in before}
    treated = [before[unit] for unit, arm in arms.items() if arm == "treatment"]
    others = [before[unit] for unit, arm in arms.items() if arm == "control"]
    assert abs(len(treated) - units * share) < 1
    spread = np.std(list(before.values()), ddof=1) * np.sqrt(1 / len(treated) + 1 / len(others))
    assert abs(np.mean(treated) - np.mean(others)) <= spread + 1e-9


def test_every_unit_is_treated_as_often() -> None:
    """Drawing again for balance favours nobody: over many experiments each unit is treated half of the time."""
    before = {f"u{number}": float(number**2) for number in range(12)}
    treated = dict.fromkeys(before, 0)
    for number in range(300):
        trial = replace(TRIAL, salt=f"e{number}")
        drawn = replace(trial, salt=balanced_salt(trial, before))
        for unit in before:
            treated[unit] += drawn.arm_of(unit, START) == "treatment"
    assert all(100 < count < 200 for count in treated.values())


def test_a_switchback_has_a_row_a_unit_and_whole_block() -> None:
    """Blocks that are not over yet are left out."""
    trial = replace(TRIAL, block_days=7)
    arms = arms_of(trial, ["a", "b"], START + timedelta(days=19), {})
    assert sorted(set(arms["block"])) == [0, 1] and len(arms) == 4
    assert arms_of(trial, ["a"], START + timedelta(days=5), {}).empty


def test_lots_of_another_system_come_first() -> None:
    """Then only its units take part."""
    arms = arms_of(TRIAL, ["a", "b"], START, {"c": "treatment"})
    assert arms.to_dict("records") == [{"unit": "c", "block": 0, "arm": "treatment"}]


def test_only_who_was_active_before_takes_part() -> None:
    """Units that first show up in the experiment may have been brought in by the treatment."""
    rows = daily([("old", -1, 5, 1), ("older", -85, 5, 1), ("new", 0, 5, 1)])
    assert active_units(rows, START, 84) == ["old"]


def test_sums_are_per_day_and_what_was_not_done_is_0() -> None:
    """Two days of sales over four days, ten before over 84; a unit without sales counts with 0."""
    rows = daily([("a", 0, 6, 1), ("a", 3, 2, 1), ("a", 4, 100, 1), ("a", -1, 840, 1), ("b", -1, 84, 1)])
    arms = pd.DataFrame({"unit": ["a", "b"], "block": 0, "arm": ["control", "treatment"]})
    parts = unit_parts(rows, arms, METRICS["sales"], START, START + timedelta(days=3), 84).order_by("unit").to_pandas()
    assert parts[["top", "bottom", "top_before", "bottom_before"]].to_numpy().tolist() == [[2, 1, 10, 1], [0, 1, 1, 1]]


def test_quotients_keep_their_sums() -> None:
    """Money per basket: both sums, in the experiment and before."""
    rows = daily([("a", 0, 6, 1), ("a", 1, 2, 3), ("a", -3, 50, 5)])
    arms = pd.DataFrame({"unit": ["a"], "block": 0, "arm": ["control"]})
    parts = unit_parts(rows, arms, METRICS["average_order_value"], START, START + timedelta(days=3), 84).to_pandas()
    assert parts[["top", "bottom", "top_before", "bottom_before"]].to_numpy().tolist() == [[8, 4, 50, 5]]


def test_the_first_days_of_a_block_are_left_out() -> None:
    """They still feel the block before: of seven days with one washed out, six count."""
    rows = daily([("a", day, 700 if day % 7 == 0 else 6, 1) for day in range(14)] + [("a", -1, 84, 1)])
    arms = pd.DataFrame({"unit": ["a", "a"], "block": [0, 1], "arm": ["control", "treatment"]})
    parts = unit_parts(
        rows, arms, METRICS["sales"], START, START + timedelta(days=13), 84, block_days=7, washout_days=1
    ).to_pandas()
    assert parts["top"].tolist() == [6.0, 6.0] and parts["top_before"].tolist() == [1.0, 1.0]


def test_an_arm_without_units_cannot_be_compared() -> None:
    """It is said, not guessed."""
    arms = pd.DataFrame({"unit": ["a"], "block": 0, "arm": ["control"]})
    with pytest.raises(ValueError, match="no block"):
        moments_of_arms(unit_parts(daily([("a", 0, 1, 1)]), arms, METRICS["sales"], START, START, 84))


def test_a_design_is_read_back_as_written() -> None:
    """From the register's JSON, lists and all; the deciding metric comes first, each once."""
    design = Design("store", "margin", 0.05, also=("sales", "margin"), guards={"baskets": 0.02})
    assert Design.of(design.document()) == design
    assert list(design.metrics) == ["margin", "sales", "baskets"]
