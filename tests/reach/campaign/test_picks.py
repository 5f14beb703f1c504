"""Earlier sends by lot tell whom to write to, on a simulated chain where what a message changes is known."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aislehub.core.tables import Tables
from aislehub.customer.uplift.daily import Policy as UpliftPolicy
from aislehub.customer.uplift.daily import uplift_scores, uplift_studies
from aislehub.law.messages import MessageRules
from aislehub.reach.campaign.audience import campaign_audience
from aislehub.reach.campaign.decide import Policy, campaigns, checks
from aislehub.reach.campaign.responses import campaign_responses
from aislehub.schema import CUSTOMER_PROFILES, SALES_LINES
from tests.reach.campaign.chain import CONTRACTS, plan, put

FIRST, SECOND = date(2026, 8, 3), date(2026, 9, 7)
EVE = date(2026, 10, 11)
COST = 2.0


@dataclass(frozen=True)
class Evening:
    """What the steps of one evening wrote, and what a message truly changes for each member."""

    tables: Tables
    gain: pd.Series

    @property
    def audience(self) -> pd.DataFrame:
        return self.tables.read("campaign_audience").to_pandas().set_index("customer")

    @property
    def decision(self) -> dict[str, Any]:
        (row,) = self.tables.read("campaigns").to_pandas().to_dict("records")
        return row | {"reasons": json.loads(row["reasons"]), "day": EVE}

    @property
    def codes(self) -> list[str]:
        return [one["code"] for one in self.decision["reasons"]]

    def facts(self, code: str) -> dict[str, Any]:
        return next(one["facts"] for one in self.decision["reasons"] if one["code"] == code)


def evening(
    moved: float, *, members: int = 2000, kept: tuple[float, float] = (0.5, 0.2), aimed: bool = False, seed: int = 0,
    objected: int = 0, **values: Any,
) -> Evening:  # fmt: skip
    """Two earlier sends of an offer, and the evening before a third.

    Who shops rarely brings `moved` more in four weeks for a message, who shops often `moved` / 4 less.

    Args:
        kept: share that the lot kept from each send.
        aimed: who shops often got it more often, so that it was no lot.
        objected: members who do not want to be told apart.
    """
    rng = np.random.default_rng(seed)
    names = np.array([f"m{number}" for number in range(members)])
    often = rng.random(members) < 0.5
    gain = np.where(often, -moved / 4, moved)
    tables = Tables(None, {contract.name: contract for contract in CONTRACTS}, "UTC")
    put(tables, "stores", [{"store": "1", "country": "US"}])
    put(tables, "items", [{"item": "tea", "cost": 0.0, "tax_rate": 0.0}])
    put(tables, "customers", [{"customer": name, "home_store": "1"} for name in names])
    put(tables, "consents", [
        {"customer": name, "purpose": "personalisation", "granted": False, "at": datetime(2026, 1, 1, tzinfo=UTC)}
        for name in names[:objected]
    ])  # fmt: skip
    usual = rng.gamma(4, 5, members) * np.where(often, 2, 1)
    for name, sent, control in zip(("summer", "autumn"), (FIRST, SECOND), kept, strict=True):
        put(tables, "campaign_plans", [plan(name, starts=sent, control=control)])
        chance = np.where(often, 0.9, 0.4) if aimed else np.full(members, 1 - control)
        treated = rng.random(members) < chance
        put(tables, "contacts", [
            {"campaign": name, "customer": member, "day": sent, "arm": "treatment" if got else "control",
             "channel": "file"} for member, got in zip(names, treated, strict=True)
        ])  # fmt: skip
        season = 1.5 if name == "autumn" else 1.0
        _sell(tables, names, sent - timedelta(days=14), season * usual + rng.normal(0, 6, members))
        _sell(tables, names, sent, season * usual + gain * treated + rng.normal(0, 6, members))
        _profile(tables, names, sent - timedelta(days=1), often, usual, rng)
    _profile(tables, names, EVE, often, usual, rng)
    put(tables, "campaign_plans", [plan("winter", starts=EVE + timedelta(days=1), message_cost=COST, **values)])
    for step, policy in (
        (campaign_responses, Policy()), (uplift_studies, UpliftPolicy()), (uplift_scores, UpliftPolicy()),
        (campaign_audience, MessageRules(holdout=0)), (campaigns, Policy()),
    ):  # fmt: skip
        tables.write(step.writes.name, step.run(tables, day=EVE, policy=policy), EVE)
    return Evening(tables, pd.Series(gain, index=names))


def _sell(tables: Tables, names: np.ndarray, day: date, money: np.ndarray) -> None:
    lines = pd.DataFrame(
        {"store": "1", "receipt": names, "line": "1", "item": "tea", "customer": names, "day": day, "quantity": 1.0,
         "sold_at": datetime(day.year, day.month, day.day, 12, tzinfo=UTC), "amount": money}
    )  # fmt: skip
    rows = lines.assign(receipt=[f"{day}-{name}" for name in names])
    tables.append("sales_lines", SALES_LINES.require(pa.Table.from_pandas(rows, preserve_index=False)))


def _profile(
    tables: Tables, names: np.ndarray, day: date, often: np.ndarray, usual: np.ndarray, rng: np.random.Generator
) -> None:
    """Visits of a member who shops often or rarely, their spend, and what has nothing to do with it."""
    rows = pd.DataFrame(
        {"customer": names, "day": day, "visits_28": rng.poisson(np.where(often, 9, 3)), "visits_90": 0,
         "visits_365": 0, "stage": "active", "spend_28": usual, "spend_90": 3 * usual + rng.normal(size=len(names)),
         "spend_365": 0.0, "promotions_redeemed": rng.poisson(2, len(names)), "items_bought": 1,
         "categories_bought": 1, "stores_visited": 1, "weekend_share": rng.random(len(names))}
    )  # fmt: skip
    tables.write("customer_profiles", CUSTOMER_PROFILES.require(pa.Table.from_pandas(rows, preserve_index=False)), day)


@pytest.fixture(scope="module")
def found() -> Evening:
    """Half are moved by 8, half away by 2, a message costs 2, and a fifth stays by lot."""
    return evening(8.0, explore=0.2)


def test_the_policy_beats_sending_to_all_and_the_interval_holds_what_it_brings(found: Evening) -> None:
    """Picks bring more than writing to all, and what they truly bring is within what the decision told."""
    audience, gain = found.audience, found.gain
    written = audience.index[audience["status"] == "treatment"]
    picked = audience.index[(audience["status"] == "treatment") & (audience["drawn"] == "uplift")]
    wanted = audience["status"] != "not_picked"
    by_policy = ((gain - COST)[wanted[wanted].index]).sum()
    assert by_policy > 1.2 * (gain - COST).sum()
    assert gain[picked].mean() > 1.5 * gain.mean()
    decision = found.decision
    assert decision["money_low"] < (gain[written] - COST).sum() < decision["money_high"]
    told = found.facts("campaign.because_uplift")
    assert told["sends"] == 2 and told["units"] == 4000 and told["qini_low"] > 0
    for code in ("campaign.because_uplift", "campaign.because_audience_picked"):
        counted = checks[code](found.tables, {"day": EVE, "subject": "winter"})
        assert counted.items() <= found.facts(code).items()


def test_a_share_stays_by_lot_and_both_ways_keep_a_control(found: Evening) -> None:
    """A fifth is drawn by lot whatever is expected of them, so rare and frequent shoppers are both in the next trial;
    a fifth of those drawn and of those picked go without."""
    audience = found.audience
    reached = audience[audience["status"].isin(["treatment", "control"])]
    lot = reached[reached["drawn"] == "lot"]
    assert 0.17 < len(lot) / len(audience) < 0.23
    assert 0.4 < (found.gain[lot.index] > 0).mean() < 0.6
    for _, arms in reached.groupby("drawn"):
        assert 0.15 < (arms["status"] == "control").mean() < 0.25
    assert audience.loc[audience["status"] == "not_picked", "drawn"].isna().all()


def test_the_budget_goes_to_the_highest_and_cuts_both_arms_alike() -> None:
    """Money for 300 messages: 60 by lot, 240 to the highest; the share of the control stays that of the plan."""
    found = evening(8.0, explore=0.2, budget=600.0)
    audience = found.audience
    treated = audience[audience["status"] == "treatment"]
    assert treated["drawn"].value_counts().to_dict() == {"uplift": 240, "lot": 60}
    for _, arms in audience[audience["status"].isin(["treatment", "control"])].groupby("drawn"):
        assert 0.1 < (arms["status"] == "control").mean() < 0.3
    score = found.tables.read("uplift_scores").to_pandas().set_index("customer")["uplift"]
    picked = treated.index[treated["drawn"] == "uplift"]
    assert score[picked].min() >= score[audience.index[audience["status"] == "over_budget"]].median()
    assert found.decision["bound"] == "budget" and found.decision["outlay"] == 600


def test_without_an_effect_nothing_is_claimed() -> None:
    """The lot decides over the whole segment, and the reason tells the Qini whose interval holds 0."""
    found = evening(0.0, members=800)
    assert "campaign.because_no_rank" in found.codes and found.codes[0] == "campaign.because_audience"
    facts = found.facts("campaign.because_no_rank")
    assert facts["qini_low"] <= 0 and facts["sends"] == 2
    assert set(found.audience["status"]) == {"treatment", "control"} and set(found.audience["drawn"]) == {"lot"}
    assert found.tables.read("uplift_scores").count().execute() == 0


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"aimed": True}, "campaign.because_not_random"),
        ({"members": 110}, "campaign.because_few"),
        ({"offer": "3 for 2"}, "campaign.because_no_sends"),
        ({"channel": "email"}, "campaign.because_no_sends"),
        ({"horizon_days": 100}, "campaign.because_no_sends"),
    ],
)
def test_without_lots_it_says_why_and_the_lot_decides(given: dict[str, Any], code: str) -> None:
    """Sends that were aimed, that reached a few, of another offer or channel, or whose time is not over."""
    found = evening(8.0, **({"members": 600} | given))
    assert code in found.codes
    assert set(found.audience["status"]) == {"treatment", "control"}


def test_who_does_not_want_to_be_told_apart_is_reached_by_the_lot_only() -> None:
    """No score and no pick for them; their share of the lot they have."""
    found = evening(8.0, members=1000, objected=400)
    mine = found.audience.loc[[f"m{number}" for number in range(400)]]
    assert set(mine["drawn"].dropna()) == {"lot"} and 50 < mine["drawn"].notna().sum() < 110
    scored = found.tables.read("uplift_scores").to_pandas()["customer"]
    assert len(scored) == 600 and not set(scored) & set(mine.index)


def test_all_by_lot_where_the_plan_wants_it() -> None:
    """A share of 1 by lot: nobody is picked and nobody left out."""
    found = evening(8.0, members=600, explore=1.0)
    assert set(found.audience["status"]) == {"treatment", "control"} and set(found.audience["drawn"]) == {"lot"}
