"""What became of segments: moves add up, the past is seen as it was, fifths foretell what they foretell."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pyarrow as pa
import pytest

from aislehub.core.tables import Tables
from aislehub.customer import policy
from aislehub.customer.profile import FACTS, profiles
from aislehub.customer.segment_history import BACK_DAYS, SEGMENT_HISTORY, known_then, segment_history
from aislehub.customer.segments import FEWEST, Policy
from aislehub.schema import CUSTOMER_PROFILES
from tests.customer.conftest import CONTRACTS, DAY, ZONE, facts, regulars

THEN = DAY - timedelta(days=BACK_DAYS)


@pytest.fixture(scope="module")
def house_with_profiles():
    """400 members whose taste for offers lasts, with profiles of the day."""
    tables = Tables(None, {c.name: c for c in (*CONTRACTS, CUSTOMER_PROFILES)}, ZONE)
    rows = regulars(400, 300, seed=2)
    for row in rows:
        keen = int(str(row["customer"])[1:]) % 5 / 5
        off = round(keen * 0.4 * row["price"], 2)
        row |= {"discount": off, "amount": row["price"] - off}
    for name, some in (("items", [{"item": item} for item in ("milk", "cheese", "rice")]), ("sales_lines", rows)):
        tables.append(name, tables.contract(name).check(pa.Table.from_pylist(some)).good)
    frame = profiles(facts(tables), DAY, policy.Policy(), ZONE)
    tables.write("customer_profiles", pa.Table.from_pandas(frame.assign(day=DAY), preserve_index=False), DAY)
    return tables


@pytest.fixture(scope="module")
def history(house_with_profiles):
    """Rows of the step."""
    rows = segment_history.run(house_with_profiles, day=DAY, policy=Policy())
    return SEGMENT_HISTORY.require(rows).to_pandas()


def test_the_past_is_what_was_known_then(house_with_profiles):
    """Today's facts without what came later make the profile that was made then."""
    cut = known_then(facts(house_with_profiles), THEN, ZONE)
    then = [house_with_profiles.read(name, as_of=THEN) for name in FACTS.split()]
    both = [profiles(some, THEN, policy.Policy(), ZONE) for some in (cut, then)]
    pd.testing.assert_frame_equal(*both)


def test_moves_add_up_to_segments(history):
    """Of each leading segment then, shown moves are at most all its members; no group is below five."""
    moves, whole = (history[history["kind"] == kind] for kind in ("move", "segment"))
    shown = moves.groupby("before")["members"].sum()
    assert (shown <= whole.set_index("before")["members"].reindex(shown.index)).all()
    assert (history["members"] >= FEWEST).all() and len(moves) > 5


def test_a_lasting_taste_is_foretold(history):
    """Who bought most off then buys most off since, fifth by fifth."""
    fifths = history[history["kind"] == "discount_share"].sort_values("before")
    assert len(fifths) == 5 and fifths["discount_since"].is_monotonic_increasing
    assert fifths["discount_since"].iloc[4] > fifths["discount_since"].iloc[0] + 0.2


def test_the_lapsed_stay_away(history):
    """Of those who had lapsed, more bought nothing since than of all others."""
    away = history[history["kind"] == "segment"].set_index("before")["stayed_away"]
    assert away["lapsed"] == away.max() > 0.5
