"""Who is written to: never without consent, never the holdout, never too often, and by a lot that does not move."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aislehub.core.tables import Tables
from aislehub.law.messages import MessageRules, is_held_back
from aislehub.reach.campaign.audience import campaign_audience, due
from aislehub.schema import (
    CAMPAIGN_AUDIENCE,
    CAMPAIGN_PLANS,
    CONSENTS,
    CONTACTS,
    CUSTOMER_SEGMENTS,
    CUSTOMERS,
    STORES,
    UPLIFT_SCORES,
    UPLIFT_STUDIES,
)

DAY = date(2026, 11, 2)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
CONTRACTS = (
    CAMPAIGN_AUDIENCE, CAMPAIGN_PLANS, CONSENTS, CONTACTS, CUSTOMER_SEGMENTS, CUSTOMERS, STORES, UPLIFT_SCORES,
    UPLIFT_STUDIES,
)  # fmt: skip


def put(tables: Tables, name: str, rows: list[dict[str, Any]]) -> None:
    """Facts with only the columns that matter here."""
    schema = tables.contract(name).schema
    tables.append(name, tables.contract(name).require(pa.Table.from_pylist(rows, schema=schema)))


def plan(name: str = "coffee", **values: Any) -> dict[str, Any]:
    """A campaign to all members on the day after DAY."""
    return {
        "campaign": name, "offer": "2 for 1", "channel": "file", "starts": DAY + timedelta(days=1), "control": 0.2,
        "horizon_days": 28, "text_en": "Come in: {offer}.", "known_at": LONG_AGO,
    } | values  # fmt: skip


def house(members: int = 400, country: str | None = "DE", *plans: dict[str, Any]) -> Tables:
    """Members who all agreed, a store, and plans."""
    tables = Tables(None, {contract.name: contract for contract in CONTRACTS}, "Europe/Berlin")
    names = [f"m{number}" for number in range(members)]
    put(tables, "stores", [{"store": "1", "country": country, "timezone": "Europe/Berlin"}])
    put(tables, "customers", [{"customer": name, "home_store": "1", "language": "zh"} for name in names])
    put(tables, "consents", [
        {"customer": name, "purpose": "messages", "granted": True, "at": LONG_AGO} for name in names
    ])  # fmt: skip
    put(tables, "campaign_plans", list(plans) or [plan()])
    return tables


def audience(tables: Tables, day: date = DAY, **rules: Any) -> pd.DataFrame:
    """The step's rows."""
    return campaign_audience.run(tables, day=day, policy=MessageRules(**rules)).to_pandas()


def test_the_holdout_never_gets_anything() -> None:
    """The same members in every campaign, about as many as asked, and in no arm."""
    rows = audience(house(2000, "DE", plan("a"), plan("b")), holdout=0.1, per_day=5, per_week=5)
    held = {name: set(part["customer"]) for name, part in rows[rows["status"] == "holdout"].groupby("campaign")}
    assert held["a"] == held["b"] and 150 <= len(held["a"]) <= 250
    reached = rows[rows["status"].isin(["treatment", "control"])]["customer"]
    assert not any(is_held_back(member, 0.1) for member in reached)


def test_nobody_without_consent_and_the_last_word_holds() -> None:
    """Silence is no in the Union; a withdrawal before tomorrow counts, one after it does not."""
    tables = house(50)
    put(tables, "customers", [{"customer": "silent", "home_store": "1"}])
    said = [("m1", DAY), ("m2", DAY + timedelta(days=2))]
    put(tables, "consents", [
        {"customer": member, "purpose": "messages", "granted": False,
         "at": datetime(day.year, day.month, day.day, 12, tzinfo=UTC)} for member, day in said
    ])  # fmt: skip
    status = audience(tables, holdout=0).set_index("customer")["status"]
    assert status["silent"] == status["m1"] == "no_consent"
    assert status["m2"] in ("treatment", "control")


def test_silence_is_enough_where_the_law_says_so() -> None:
    """In the United States messages end at a no; where the country is unknown, the strictest law holds."""
    for country, expected in (("US", {"treatment", "control"}), (None, {"no_consent"}), ("CN", {"no_consent"})):
        tables = house(0, country)
        put(tables, "customers", [{"customer": f"s{n}", "home_store": "1"} for n in range(60)])
        assert set(audience(tables, holdout=0)["status"]) == expected


def test_a_member_keeps_the_arm_over_rounds_and_arms_differ_between_campaigns() -> None:
    """The lot is the campaign's: the same on another day, another for another campaign."""
    ends = DAY + timedelta(days=20)
    tables = house(600, "DE", plan("a", every_days=10, ends=ends), plan("b", every_days=10, ends=ends))
    rules = {"holdout": 0, "per_day": 9, "per_week": 9}
    first = audience(tables, **rules).set_index(["campaign", "customer"])["status"]
    later = audience(tables, DAY + timedelta(days=10), **rules).set_index(["campaign", "customer"])["status"]
    assert first.equals(later)
    assert (first["a"] != first["b"]).mean() > 0.2
    assert 0.15 < (first["a"] == "control").mean() < 0.25


def test_a_budget_is_never_exceeded_and_the_control_stays() -> None:
    """Money for 50: 50 get it, by lot; the others are counted, and the control is as without a budget."""
    free = audience(house(), holdout=0)
    tight = audience(house(400, "DE", plan(message_cost=0.5, offer_cost=1.5, budget=100)), holdout=0)
    assert (tight["status"] == "treatment").sum() == 50
    assert (tight["status"] == "control").sum() == (free["status"] == "control").sum()
    assert (tight["status"] == "over_budget").sum() == (free["status"] == "treatment").sum() - 50


def test_a_segment_narrows() -> None:
    """Only members of the segment at the close of the day are counted."""
    tables = house(100, "DE", plan(segment="loyal"))
    common = {"day": DAY, "score": 1.0, "leading": True}
    rows = [common | {"customer": f"m{n}", "segment": "loyal"} for n in range(30)]
    rows += [common | {"customer": "m50", "segment": "new"}]
    tables.write("customer_segments", pa.Table.from_pylist(rows, schema=CUSTOMER_SEGMENTS.schema), DAY)
    assert set(audience(tables)["customer"]) == {f"m{n}" for n in range(30)}


@pytest.mark.parametrize(
    ("offset", "every", "last", "expected"),
    [(1, None, None, True), (2, None, None, False), (0, None, None, False), (8, 7, 20, True), (9, 7, 20, False),
     (22, 7, 20, False), (15, 7, 15, True)],
)  # fmt: skip
def test_a_campaign_is_due_on_its_rounds(offset: int, every: int | None, last: int | None, expected: bool) -> None:
    """The first day, then every so many days up to the last one."""
    end = None if last is None else DAY + timedelta(days=last)
    frame = pd.DataFrame([plan(segment=None, source=None, every_days=every, ends=end, message_cost=None,
                               offer_cost=None, budget=None, explore=None)])  # fmt: skip
    assert (len(due(frame, DAY + timedelta(days=offset))) == 1) is expected


@settings(max_examples=10)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 9)), min_size=3, max_size=12), st.integers(1, 2))
def test_limits_hold_over_any_order_of_campaigns_and_days(runs: list[tuple[str, int]], per_day: int) -> None:
    """Campaigns of any days, run one after the other: nobody is picked beyond the limits, in either arm."""
    ends = DAY + timedelta(days=30)
    tables = house(40, "DE", *(plan(name, every_days=1, ends=ends) for name in sorted({name for name, _ in runs})))
    picked: Counter[tuple[str, date]] = Counter()
    for offset in sorted({offset for _, offset in runs}):
        day = DAY + timedelta(days=offset)
        rows = audience(tables, day, per_day=per_day, per_week=2, holdout=0)
        reached = rows[rows["status"].isin(["treatment", "control"])]
        put(tables, "contacts", [
            {"campaign": row.campaign, "customer": row.customer, "day": day + timedelta(days=1),
             "arm": row.status, "channel": "file"} for row in reached.itertuples()
        ])  # fmt: skip
        picked.update((row.customer, day) for row in reached.itertuples())
    for (customer, day), count in picked.items():
        assert count <= per_day
        assert sum(picked[customer, day + timedelta(days=n)] for n in range(7)) <= 2
