"""The scorecard's verdict: both gates or none, disagreement told, and a decision only of what has passed."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aislehub.core.reasons import sentence
from aislehub.core.tables import Tables
from aislehub.proof.scorecard import (
    HORIZON,
    MODEL_CHANGES,
    SCORECARDS,
    Change,
    Compared,
    Evidence,
    card,
    compared,
    judge_model_changes,
    model_changes,
    told,
    typed,
    verdict,
    weekly,
)
from aislehub.proof.two_way import Estimate

DAY = date(2017, 11, 5)
CHANGE = Change("demand.model", "seasonal_mean", "boosted")
figures = st.floats(-1.0, 1.0)
widths = st.floats(0.0, 1.0)


def wape(low: float, high: float, today: float = 0.5) -> Compared:
    """Accuracy of both, candidate − today between low and high."""
    middle = (low + high) / 2
    return Compared(today, today + middle, Estimate(middle, low, high))


def money(low: float, high: float) -> Estimate:
    """Money of the candidate over today's."""
    return Estimate((low + high) / 2, low, high)


@given(figures, widths, figures, widths, st.floats(0.0, 0.2))
def test_only_what_passes_both_gates_is_promoted(
    a: float, a_wide: float, m: float, m_wide: float, margin: float
) -> None:
    """Promoted = the WAPE is surely not worse by more than the margin, and the money is surely above today's."""
    found = verdict(wape(a, a + a_wide), money(m, m + m_wide), margin)
    assert (found.code == "promote") == (a + a_wide <= margin * 0.5 and m > 0)


@given(figures, widths, figures, widths, st.floats(0.0, 1.0))
def test_more_money_never_loses_the_promotion(a: float, a_wide: float, m: float, m_wide: float, more: float) -> None:
    """The verdict is monotone in money: what is promoted stays so when it earns more."""
    before = verdict(wape(a, a + a_wide), money(m, m + m_wide), 0.01)
    after = verdict(wape(a, a + a_wide), money(m + more, m + more + m_wide), 0.01)
    assert before.code != "promote" or after.code == "promote"


@given(figures, widths, figures, widths, st.floats(0.0, 1.0))
def test_a_smaller_error_never_loses_the_promotion(
    a: float, a_wide: float, m: float, m_wide: float, less: float
) -> None:
    """And in accuracy."""
    before = verdict(wape(a, a + a_wide), money(m, m + m_wide), 0.01)
    after = verdict(wape(a - less, a + a_wide - less), money(m, m + m_wide), 0.01)
    assert before.code != "promote" or after.code == "promote"


@given(figures, widths, figures, widths)
def test_a_change_and_its_reverse_are_not_both_promoted(a: float, a_wide: float, m: float, m_wide: float) -> None:
    """What earns more this way earns less the other way round."""
    there = verdict(wape(a, a + a_wide), money(m, m + m_wide), 0.01)
    back = verdict(wape(-a - a_wide, -a), money(-m - m_wide, -m), 0.01)
    assert {there.code, back.code} != {"promote"}


@pytest.mark.parametrize(
    ("accuracy", "earns", "code", "disagree"),
    [
        (wape(-0.1, -0.01), money(1, 2), "promote", False),
        (wape(-0.001, 0.004), money(1, 2), "promote", True),
        (wape(0.01, 0.1), money(1, 2), "keep_accuracy", True),
        (wape(-0.1, -0.01), money(-1, 2), "keep_money", True),
        (wape(-0.1, -0.01), money(-2, -1), "keep_money", True),
        (wape(-0.001, 0.004), money(-1, 1), "keep_money", False),
        (wape(0.01, 0.1), money(-2, -1), "keep_both", False),
        (None, money(1, 2), "promote", False),
        (None, money(-1, 2), "keep_money", False),
    ],
)
def test_the_report_says_when_the_two_disagree(
    accuracy: Compared | None, earns: Estimate, code: str, disagree: bool
) -> None:
    """They disagree when one is clearly better and the other is worse, or cannot be told from today's."""
    found = verdict(accuracy, earns, 0.01)
    assert (found.code, found.disagree) == (code, disagree)


def test_an_interval_without_end_promotes_nothing() -> None:
    """One store and one week prove nothing, however good they look."""
    lines = pd.DataFrame({"store": ["1"], "item": ["milk"]})
    earns = compared(lines, np.zeros((1, 4)), np.full((1, 4), 100.0))
    assert earns.difference.value == 400
    assert verdict(wape(-0.1, -0.01), earns.difference, 0.01).code == "keep_money"


def test_errors_are_of_weekly_totals() -> None:
    """A forecast that is a day early is right by the week; the second week was forecast twice, so it counts twice."""
    sold = np.zeros((1, 14))
    sold[0, [1, 9]] = 6, 4
    first, second = np.zeros((1, 28)), np.zeros((1, 28))
    first[0, [0, 9]] = 6, 3
    second[0, 2] = 9
    error, excess, weight = weekly([first, second], sold)
    assert error.tolist() == [[0, 1 + 5]]
    assert excess.tolist() == [[0, -1 + 5]]
    assert weight.tolist() == [[6, 8]]


def test_a_line_without_a_forecast_counts_on_neither_side() -> None:
    """What was not forecast that week is no error of the model, and no sale that it should have foreseen."""
    error, excess, weight = weekly([np.full((1, 28), np.nan)], np.ones((1, 7)))
    assert not error.any() and not excess.any() and not weight.any()


@given(st.integers(0, 30), st.integers(1, 12))
def test_figures_do_not_depend_on_the_order_of_lines(seed: int, stores: int) -> None:
    """Lines are told by their store and item; the interval is over stores, or items where there are few stores."""
    random = np.random.default_rng(seed)
    count = 40
    lines = pd.DataFrame(
        {"store": random.integers(0, stores, count).astype(str), "item": [str(n) for n in range(count)]}
    )
    today, candidate, whole = random.random((3, count, 8))
    order = random.permutation(count)
    once = compared(lines, today, candidate, whole)
    again = compared(lines.iloc[order], today[order], candidate[order], whole[order])
    assert again.times(2).figures() == pytest.approx(once.times(2).figures())


@given(st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_a_value_goes_there_and_back(value: Any) -> None:
    """A setting's value is the same after it was written as text."""
    assert typed(told(value)) == value


@given(st.text(alphabet="abcxyz_:.+", min_size=1))
def test_a_name_stays_a_name(name: str) -> None:
    """Names of models are no JSON."""
    assume(name not in ("true", "false", "null"))
    assert told(typed(name)) == name


# -- what becomes of it ------------------------------------------------------------------------------


def a_card(
    earns: Estimate, *, change: Change = CHANGE, day: date = DAY, since: date = DAY - timedelta(days=55),
    method: str = "replay",
) -> dict[str, Any]:  # fmt: skip
    """A card of a candidate that is surely more accurate."""
    evidence = Evidence(method, since, 12, 340, wape(-0.02, -0.01), (0.1, 0.0), earns, 1000.0, "facts")
    return card(change, evidence, day=day, margin=0.01)


def house(*cards: dict[str, Any]) -> Tables:
    """Tables with these scorecards."""
    tables = Tables(None, {"scorecards": SCORECARDS, "model_changes": MODEL_CHANGES})
    if cards:
        tables.append("scorecards", SCORECARDS.require(pa.Table.from_pylist(list(cards), SCORECARDS.schema)))
    return tables


def proposed(*cards: dict[str, Any], day: date = DAY) -> list[dict[str, Any]]:
    """Decisions of a day; they keep their contract."""
    rows = model_changes.run(house(*cards), day=day, policy=None)
    return MODEL_CHANGES.require(rows).to_pylist()


def test_what_passes_is_proposed_with_its_money_and_reasons() -> None:
    """One decision for the chain: the value to change to, today's beside it, the money of 28 days, why."""
    (row,) = proposed(a_card(Estimate(50.0, 20.0, 80.0)))
    assert (row["store"] or "", row["subject"], row["horizon_days"]) == ("", "demand.model", HORIZON)
    assert json.loads(row["action"]) == {"value": "boosted", "instead_of": "seasonal_mean"}
    assert json.loads(row["baseline"]) == {"name": "keep", "value": "seasonal_mean"}
    assert (row["money"], row["money_low"], row["money_high"]) == (50.0, 20.0, 80.0)
    said = [sentence(reason) for reason in json.loads(row["reasons"])]
    assert "20" in said[0] and "80" in said[0]
    assert "48.5 %" in said[1] and "50 %" in said[1].replace("50.0", "50")


def test_nothing_is_proposed_without_a_card_that_passes() -> None:
    """No card, one that keeps today's, and one of another day propose nothing."""
    assert proposed() == []
    assert proposed(a_card(Estimate(5.0, -1.0, 9.0))) == []
    assert proposed(a_card(Estimate(50.0, 20.0, 80.0)), day=DAY + timedelta(days=1)) == []


def test_of_several_candidates_the_surest_is_proposed() -> None:
    """A setting changes to one value: that of the highest lower bound."""
    other = Change("demand.model", "seasonal_mean", "light")
    (row,) = proposed(a_card(Estimate(90.0, 5.0, 200.0)), a_card(Estimate(50.0, 20.0, 80.0), change=other))
    assert row["candidate"] == "light"


def test_an_experiment_replaces_the_replay() -> None:
    """What was measured counts, in both directions; the twin beside a replay has to agree with it."""
    good, bad = Estimate(50.0, 20.0, 80.0), Estimate(-5.0, -9.0, -1.0)
    assert proposed(a_card(good), a_card(bad, method="experiment")) == []
    (row,) = proposed(a_card(bad), a_card(good, method="experiment"))
    assert row["method"] == "experiment"
    assert proposed(a_card(good), a_card(bad, method="twin")) == []


# -- measured ----------------------------------------------------------------------------------------


def decided(state: str = "done", override: dict[str, Any] | None = None) -> dict[str, Any]:
    """The decision to change to `boosted`."""
    return {
        "id": "x", "subject": "demand.model", "state": state, "override": override,
        "action": {"value": "boosted", "instead_of": "seasonal_mean"},
        "baseline": {"name": "keep", "value": "seasonal_mean"},
    }  # fmt: skip


def measured(decision: dict[str, Any], *cards: dict[str, Any]) -> Any:
    """What it was measured to have brought by these cards; None = not measured."""
    today = DAY + timedelta(days=40)
    return judge_model_changes(house(*cards), [decision], day=DAY, today=today).get("x")


def later(earns: Estimate, **more: Any) -> dict[str, Any]:
    """A card on the four weeks after the decision."""
    return a_card(earns, day=DAY + timedelta(days=28), since=DAY + timedelta(days=1), **more)


def test_a_change_is_measured_on_days_that_came_after_it() -> None:
    """The card that proposed it proves nothing more; one on the weeks since does, and an experiment before a replay."""
    assert measured(decided(), a_card(Estimate(50.0, 20.0, 80.0))) is None
    found = measured(decided(), later(Estimate(30.0, 10.0, 50.0)))
    assert (found.money, found.low, found.high, found.chosen) == (30.0, 10.0, 50.0, None)
    both = later(Estimate(30.0, 10.0, 50.0)), later(Estimate(7.0, -1.0, 15.0), method="experiment")
    assert measured(decided(), *both).money == 7.0


def test_the_twin_measures_nothing() -> None:
    """It says what might happen, not what happened."""
    assert measured(decided(), later(Estimate(30.0, 10.0, 50.0), method="twin")) is None


def test_a_rejected_change_earns_nothing_and_another_choice_is_not_known() -> None:
    """Rejected = today's value stood; a third value was in no comparison."""
    assert measured(decided("rejected"), later(Estimate(30.0, 10.0, 50.0))).chosen == 0.0
    other = {"action": {"value": "light"}, "who": "ann", "why": "faster"}
    assert measured(decided("overridden", other), later(Estimate(30.0, 10.0, 50.0))) is None


def test_a_card_of_the_day_is_known_at_its_close() -> None:
    """The step of that day sees it, that of the day before does not."""
    tables = house(a_card(Estimate(50.0, 20.0, 80.0)))
    for back, rows in ((0, 1), (1, 0)):
        seen = tables.read("scorecards", as_of=DAY - timedelta(days=back))
        assert seen.count().execute() == rows
