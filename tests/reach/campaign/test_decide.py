"""What a campaign is expected to bring: learned from the house's own lots, or an assumption that says so."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pytest

from aislehub.core.tables import Tables
from aislehub.law.messages import MessageRules
from aislehub.reach.campaign.audience import campaign_audience
from aislehub.reach.campaign.decide import Policy, campaigns, checks
from aislehub.reach.campaign.effect import effect, pooled
from tests.reach.campaign.chain import SENT, chain, plan, put

DAY = SENT + timedelta(days=27)


def _proposed(tables: Tables, **values: object) -> list[dict[str, object]]:
    put(tables, "campaign_plans", [plan("autumn", starts=DAY + timedelta(days=1), **values)])
    rows = campaign_audience.run(tables, day=DAY, policy=MessageRules())
    tables.write("campaign_audience", rows, DAY)
    return campaigns.run(tables, day=DAY, policy=Policy()).to_pylist()


def test_a_measured_campaign_teaches_what_the_next_one_brings() -> None:
    """25 % more over 28 days was true; the expectation's interval holds it, and the reason counts the campaign."""
    (row,) = _proposed(chain(600, 0.25), message_cost=0.1)
    action, reasons = (
        json.loads(str(row["action"])),
        {one["code"]: one["facts"] for one in json.loads(str(row["reasons"]))},
    )
    learned = reasons["campaign.because_measured"]
    assert learned["count"] == 1 and learned["low"] < 25 < learned["high"] and learned["low"] > 10
    usual = reasons["campaign.because_cost"]["usual"]
    assert usual == pytest.approx(4 * 20 * 10 * 0.4, rel=0.15)
    assert row["money"] == pytest.approx(action["messages"] * (learned["percent"] / 100 * usual - 0.1), rel=0.01)
    assert row["outlay"] == pytest.approx(0.1 * action["messages"])
    assert row["money_low"] < row["money"] < row["money_high"]  # type: ignore[operator]


def test_without_a_past_it_is_an_assumption() -> None:
    """A chain without a campaign that both arms are large enough of says that it assumes, with an interval below 0."""
    tables = chain(100, 0.25, control=0.01)
    (row,) = _proposed(tables, offer_cost=0.5)
    codes = [one["code"] for one in json.loads(str(row["reasons"]))]
    assert codes[0] == "campaign.because_audience" and "campaign.because_assumed" in codes
    assert row["money_low"] < 0  # type: ignore[operator]


def test_the_audience_is_counted_again_from_its_table() -> None:
    """The first reason's figures are those of `campaign_audience`."""
    tables = chain(200, 0.0)
    (row,) = _proposed(tables, budget=20, message_cost=1)
    reason = json.loads(str(row["reasons"]))[0]
    assert checks[reason["code"]](tables, {"day": DAY, "subject": "autumn"}) == reason["facts"]
    assert reason["facts"]["treatment"] == 20 and row["bound"] == "budget"


def test_nothing_due_is_no_decision() -> None:
    """A day without a campaign has no rows, and one whose whole segment is kept out has none either."""
    tables = chain(50, 0.0)
    assert campaigns.run(tables, day=SENT, policy=Policy()).num_rows == 0
    assert _proposed(tables, segment="nobody") == []


def test_the_interval_of_an_effect_holds_the_truth() -> None:
    """Over 200 lots on skewed money the 90 % interval holds the true effect, and taking off the past narrows it."""
    rng, held, narrower = np.random.default_rng(1), 0, 0
    for _ in range(200):
        before = rng.gamma(1, 50, 400)
        treated = rng.random(400) < 0.3
        after = 0.8 * before + rng.gamma(1, 10, 400) + 3 * treated
        found, plain = effect(after, before, treated), effect(after, np.zeros(400), treated)
        assert found is not None and plain is not None
        low, high = found.interval()
        held += low <= 3 <= high
        narrower += found.error < plain.error
    assert 165 <= held <= 194 and narrower > 195


def test_trials_that_differ_widen_what_the_next_one_may_do() -> None:
    """Two campaigns that agree: nearly their error. Two that do not: the spread between them, too."""
    agree = pooled(np.array([0.05, 0.06]), np.array([0.01, 0.01]))
    differ = pooled(np.array([-0.2, 0.3]), np.array([0.01, 0.01]))
    assert agree[0] == pytest.approx(0.055) and agree[1] < 0.01
    assert differ[1] > 0.3
