"""What members brought after earlier sends of the offer that is due."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from aislehub.reach.campaign.decide import Policy
from aislehub.reach.campaign.responses import campaign_responses
from tests.reach.campaign.chain import SENT, chain, plan, put

EVE = SENT + timedelta(days=27)


def test_both_arms_of_the_same_offer_with_the_money_of_the_due_horizon() -> None:
    """A campaign over a week that is due counts a week after the earlier send, whatever that was measured over; of
    rounds the first; another offer, and a day on which nothing is due, have no rows."""
    tables = chain(60, 0.0)
    put(tables, "contacts", [{"campaign": "spring", "customer": "m1", "day": SENT + timedelta(days=7),
                              "arm": "treatment", "channel": "file"}])  # fmt: skip
    put(tables, "campaign_plans", [
        plan("again", starts=EVE + timedelta(days=1), horizon_days=7),
        plan("other", starts=EVE + timedelta(days=1), offer="3 for 2"),
    ])  # fmt: skip
    rows = campaign_responses.run(tables, day=EVE, policy=Policy()).to_pandas()
    assert set(rows["campaign"]) == {"again"} and set(rows["earlier"]) == {"spring"}
    assert len(rows) == rows["customer"].nunique() == 60 and set(rows["arm"]) == {"treatment", "control"}
    assert set(pd.to_datetime(rows["sent"]).dt.date) == {SENT}
    lines = tables.read("sales_lines").to_pandas().query("customer == 'm1'")
    days = (pd.to_datetime(lines["day"]) - pd.Timestamp(SENT)).dt.days
    mine = rows.set_index("customer").loc["m1"]
    assert mine["money"] == pytest.approx(0.4 * lines.loc[(days >= 0) & (days < 7), "amount"].sum())
    assert mine["money_before"] == pytest.approx(0.4 * lines.loc[(days < 0) & (days >= -84), "amount"].sum())
    assert campaign_responses.run(tables, day=SENT, policy=Policy()).num_rows == 0
