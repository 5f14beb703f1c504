"""What all messages together are worth, told by members who never get one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aislehub.core.tables import Tables
from aislehub.reach.campaign.decide import Policy
from aislehub.reach.campaign.holdout import HOLDOUT_WORTH, holdout_together, holdout_worth
from aislehub.schema import CAMPAIGN_AUDIENCE, SALES_LINES
from tests.reach.campaign.chain import CONTRACTS, plan, put

EVE = date(2026, 6, 1)
WEEKS = 12


def _chain(raised: float, *, members: int = 600, weeks: int = WEEKS, cost: float = 0.0, sent: bool = True) -> Tables:
    """A fifth held back; the others bring `raised` more a week from the first message on, half of them in no audience
    before the fifth week. An item costs nothing, so its price is the contribution."""
    rng = np.random.default_rng(4)
    tables = Tables(None, {one.name: one for one in (*CONTRACTS, HOLDOUT_WORTH)}, "UTC")
    names = np.array([f"m{number}" for number in range(members)])
    held, late = np.arange(members) % 5 == 0, np.arange(members) % 2 == 0
    put(tables, "items", [{"item": "tea", "cost": 0.0, "tax_rate": 0.0}])
    put(tables, "campaign_plans", [plan("all", starts=EVE + timedelta(days=1), message_cost=cost)])
    for day, inside in ((EVE, ~late), (EVE + timedelta(days=28), late)):
        rows = pd.DataFrame({"day": day, "campaign": "all", "customer": names, "status": np.where(held, "holdout",
                             "treatment")})[inside]  # fmt: skip
        table = pa.Table.from_pandas(rows, preserve_index=False)
        tables.write("campaign_audience", CAMPAIGN_AUDIENCE.require(table), day)
        if sent:
            put(tables, "contacts", [
                {"campaign": "all", "customer": name, "day": day + timedelta(days=1), "arm": "treatment",
                 "channel": "file"} for name in names[inside & ~held]
            ])  # fmt: skip
    usual = rng.gamma(4, 5, members)
    for week in range(-12, weeks):
        day = EVE + timedelta(days=7 * week + 3)
        reached = ~held & (week >= np.where(late, 4, 0))
        money = usual + raised * reached + rng.normal(0, 5, members)
        lines = pd.DataFrame({"store": "1", "receipt": [f"{week}-{name}" for name in names], "line": "1", "item": "tea",
                              "customer": names, "day": day, "quantity": 1.0, "amount": money,
                              "sold_at": datetime(day.year, day.month, day.day, 12, tzinfo=UTC)})  # fmt: skip
        tables.append("sales_lines", SALES_LINES.require(pa.Table.from_pandas(lines, preserve_index=False)))
    return tables


def _worth(tables: Tables, weeks: int = WEEKS) -> dict[str, object]:
    day = EVE + timedelta(days=7 * weeks)
    tables.write("holdout_worth", holdout_worth.run(tables, day=day, policy=Policy()), day)
    return next(iter(tables.fetch("holdout_worth").to_pylist()), {})


def test_what_all_messages_bring_is_told_a_member_and_week_with_its_interval() -> None:
    """3 a week was true, a message of 1.20 once in 8 or 12 weeks is taken off, and the sum is that of all weeks of
    those who may be written to; it stands among what decisions brought together."""
    tables = _chain(3.0, cost=1.2)
    row = _worth(tables)
    cost = 1.2 * row["written"] / row["member_weeks"]  # type: ignore[operator]
    assert row["verdict"] == "gain" and row["low"] < 3.0 - cost < row["high"]  # type: ignore[operator]
    assert row["high"] - row["low"] < 2  # type: ignore[operator]
    assert (row["written"], row["held"], row["weeks"]) == (480, 120, WEEKS)
    assert row["member_weeks"] == 240 * 12 + 240 * 8
    (part,) = holdout_together(tables, [], today=EVE + timedelta(days=7 * WEEKS), policy=Policy())
    assert part.money == pytest.approx(row["each"] * row["member_weeks"])  # type: ignore[operator]
    assert part.days == 7 * WEEKS and part.low < part.money < part.high


def test_no_effect_and_a_loss_are_called_so() -> None:
    """Messages that change nothing have no measurable effect; dear ones that change nothing are a loss."""
    assert _worth(_chain(0.0))["verdict"] == "none"
    assert _worth(_chain(0.0, cost=40.0))["verdict"] == "loss"


def test_too_early_says_so() -> None:
    """Before enough members have been followed for long enough there is no figure, here and in the sums; before the
    first message there is nothing."""
    tables = _chain(3.0, weeks=7)
    row = _worth(tables, 7)
    assert row["verdict"] == "early" and row["each"] is None and row["weeks"] == 7 and row["held"] == 0
    assert holdout_together(tables, [], today=EVE + timedelta(days=49), policy=Policy()) == []
    assert _worth(_chain(3.0, members=100, weeks=9), 9)["verdict"] == "early"
    assert _worth(_chain(3.0, weeks=2, sent=False), 2) == {}
