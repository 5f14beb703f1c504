"""Campaigns are judged against those whom the lot kept from them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aislehub.core.judging import Measured
from aislehub.core.tables import Tables
from aislehub.reach.campaign.decide import Policy
from aislehub.reach.campaign.outcome import judge_campaigns
from tests.reach.campaign.chain import SENT, chain, plan, put

EVE = SENT - timedelta(days=1)


def _judged(tables: Tables, decision: str = "d1", days: int = 34) -> Measured | None:
    one = {"id": decision, "subject": "spring", "horizon_days": 28}
    return judge_campaigns(tables, [one], day=EVE, today=SENT + timedelta(days=days), policy=Policy()).get(decision)


def test_an_effect_is_measured_with_its_interval() -> None:
    """10 % more of 20 items a week at a margin of 4 is 32 a member in four weeks."""
    found = _judged(chain(800, 0.1))
    assert found is not None and found.method == "campaign.measured"
    count = found.facts["treated"]
    assert found.low < count * 32 < found.high and found.low > 0
    assert count + found.facts["control"] == 800


def test_the_cost_of_messages_is_taken_off() -> None:
    """Each message costs what the plan says; the effect itself stays as it is."""
    tables = chain(400, 0.1)
    free = _judged(tables)
    put(tables, "campaign_plans", [plan("spring", starts=SENT, message_cost=2.0)])
    paid = _judged(tables)
    assert free is not None and paid is not None
    assert paid.money == pytest.approx(free.money - 2 * free.facts["treated"])
    assert paid.facts == free.facts


def test_no_effect_says_so() -> None:
    """Where the interval holds 0 the sentence claims nothing; over eight chains at most three differ by chance."""
    found = [_judged(chain(150, 0.0, seed=seed)) for seed in range(8)]
    methods = [one.method for one in found if one is not None]
    assert len(methods) == 8 and methods.count("campaign.measured_nothing") >= 5


def test_it_waits_for_the_horizon_and_for_contacts() -> None:
    """A day too early there is nothing, and a campaign that was never sent is not measured."""
    tables = chain(100, 0.1)
    assert _judged(tables, days=15) is None
    assert _judged(tables, "never sent") is None
