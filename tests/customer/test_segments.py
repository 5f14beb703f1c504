"""Segments of a day: rules of the house, one that leads, and nobody listed who objected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pyarrow as pa
import pytest

from aislehub.core.errors import HubError
from aislehub.core.tables import Tables
from aislehub.customer import policy
from aislehub.customer.profile import profiles
from aislehub.customer.segments import BUILT_IN, STAGES_FIRST, Policy, customer_segments
from aislehub.schema import CONSENTS, CUSTOMER_PROFILES, CUSTOMER_SEGMENTS
from tests.customer.conftest import DAY, ZONE, add, facts

SAID = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def profiled(busy):
    """Profiles of 400 members at the close of the day."""
    frame = profiles(facts(busy), DAY, policy.Policy(), ZONE)
    return CUSTOMER_PROFILES.require(pa.Table.from_pandas(frame.assign(day=DAY), preserve_index=False))


def segments(profiled, policy=None, consents=()):
    """Rows of the step, as the contract has them."""
    tables = Tables(None, {c.name: c for c in (CUSTOMER_PROFILES, CONSENTS)}, ZONE)
    tables.write("customer_profiles", profiled, DAY)
    if consents:
        add(tables, "consents", consents)
    return CUSTOMER_SEGMENTS.require(customer_segments.run(tables, day=DAY, policy=policy or Policy())).to_pandas()


def test_every_member_in_a_segment_has_one_that_leads(profiled):
    """Exactly one row of each member leads; a stage of life before anything else, then the highest score."""
    found = segments(profiled)
    assert (found.groupby("customer")["leading"].sum() == 1).all()
    staged = found[found["segment"].isin(STAGES_FIRST)]
    assert staged["leading"].all() and len(staged) > 0
    others = found[~found["customer"].isin(staged["customer"])]
    best = others.groupby("customer")["score"].transform("max")
    assert (others["score"] == best)[others["leading"]].all()


def test_thresholds_are_the_houses_own(profiled):
    """A quarter of the regular members are high; a stricter share leaves fewer, all of them among the first."""
    found = segments(profiled)
    regular = (profiled.to_pandas()["visits_365"] >= 4).sum()
    big = set(found.loc[found["segment"] == "big_basket", "customer"])
    assert len(big) / regular == pytest.approx(0.25, abs=0.02)
    strict = segments(profiled, Policy(high=0.9))
    assert set(strict.loc[strict["segment"] == "big_basket", "customer"]) < big


def test_who_objects_is_not_listed(profiled):
    """No row of a member who objected to personalisation by the close of the day; a word of tomorrow does not count."""
    everyone = segments(profiled)
    first, second = sorted(everyone["customer"].unique())[:2]
    no = {"customer": first, "purpose": "personalisation", "granted": False, "at": SAID}
    later = {**no, "customer": second, "at": datetime(2024, 7, 2, tzinfo=UTC)}
    found = segments(profiled, consents=[no, later])
    pd.testing.assert_frame_equal(found, everyone[everyone["customer"] != first].reset_index(drop=True))


def test_who_objects_to_analysis_moves_no_threshold(profiled):
    """Others are compared with the members who agreed to it; the objector still has a segment."""
    spend = profiled.to_pandas().set_index("customer")["basket_value"]
    no = {"customer": spend.idxmax(), "purpose": "analysis", "granted": False, "at": SAID}
    found = segments(profiled, consents=[no])
    assert spend.idxmax() in set(found["customer"])


def test_ones_own_rules(profiled):
    """A rule of hub.toml is a segment; one with a built-in name replaces it; an empty one takes it away."""
    own = {"周末": "weekend_share >= 0.5", "new": "tenure_days < 7", "weekend": ""}
    found = set(segments(profiled, Policy(own=own))["segment"])
    assert "周末" in found and "weekend" not in found


@pytest.mark.parametrize("own", [{"a b": "visits_90 > 1"}, {"x": "visits > 1"}, {"x": "visits_90 is tall"}])
def test_a_wrong_rule_is_refused_when_settings_are_read(own):
    """With the section, the name and why; nothing runs on half a rule."""
    with pytest.raises(HubError) as refused:
        Policy.made_of({"own": own})
    assert refused.value.code == "settings.invalid"


def test_built_in_rules_are_sound():
    """Each can be read, and stages that lead are among them."""
    assert set(STAGES_FIRST) < set(BUILT_IN)
    assert Policy(own=BUILT_IN).own == BUILT_IN


def test_a_day_without_profiles_has_no_segments():
    """No rows, no error."""
    tables = Tables(None, {c.name: c for c in (CUSTOMER_PROFILES, CONSENTS)}, ZONE)
    rows = customer_segments.run(tables, day=DAY - timedelta(days=900), policy=Policy())
    assert CUSTOMER_SEGMENTS.require(rows).num_rows == 0
