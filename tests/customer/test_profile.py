"""The profile of a member on a day, made of what was known by then and of nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aislehub.customer.policy import Policy
from aislehub.customer.profile import customer_profiles, profiles
from aislehub.schema import CUSTOMER_PROFILES
from tests.customer.conftest import DAY, ZONE, add, facts, house, line

POLICY = Policy()
AHEAD = DAY + timedelta(days=1)


def made(tables, day=DAY):
    """Profiles by member, as the contract has them."""
    frame = profiles(facts(tables, day), day, POLICY, ZONE)
    good = CUSTOMER_PROFILES.require(pa.Table.from_pandas(frame.assign(day=day), preserve_index=False))
    return good.to_pandas().set_index("customer")


def one(tables, customer="a"):
    """The profile of one member, as a dict without empty cells."""
    return made(tables).loc[customer].dropna().to_dict()


def test_figures_as_a_clerk_counts_them():
    """Three visits with known prices, discounts, costs: each figure is what the receipts add up to."""
    rows = [
        line("a", 20), line("a", 20, "cheese", amount=32.0, discount=8.0),
        line("a", 10, "cheese", coupon=1.0, promotion="P1"), line("a", 4, "rice"),
    ]  # fmt: skip
    found = one(house(sales_lines=rows))
    assert (found["recency_days"], found["visits_28"], found["gap_days"], found["tenure_days"]) == (4, 3, 8.0, 20)
    assert found["spend_365"] == 87.0 and found["basket_value"] == 29.0
    assert found["basket_items"] == pytest.approx(4 / 3)
    assert found["margin_365"] == 4.0 + 12.0 + 20.0
    assert found["discount_share"] == pytest.approx(8 / 95) and found["offer_share"] == 0.25
    assert found["coupon_share"] == pytest.approx(1 / 87) and found["promotions_redeemed"] == 2
    assert found["private_label_share"] == pytest.approx(10 / 87)
    assert (found["top_category"], found["categories_bought"], found["items_bought"]) == ("dairy", 2, 3)
    assert found["top_category_share"] == pytest.approx(82 / 87)
    assert found["main_store"] == "1" and found["main_channel"] == "store"
    assert found["main_daypart"] == "morning" and found["morning_share"] == 1.0  # on Shanghai's clock
    assert found["stage"] == "new" and "views_30" not in found and "featured_share" not in found


def test_categories_are_unknown_where_items_have_none():
    """Who bought only items without a category has none counted, not 0; who bought nothing has 0."""
    bare = [{"item": "milk"}]
    found = made(house(items=bare, sales_lines=[line("a", 3, "milk")], customers=[{"customer": "c", "joined": DAY}]))
    assert found.loc["a"].isna()["categories_bought"] and found.loc["a", "items_bought"] == 1
    assert found.loc["c", "categories_bought"] == 0
    mixed = house(items=[*bare, {"item": "rice", "category": "grain"}],
                  sales_lines=[line("a", 3, "milk"), line("a", 3, "rice")])  # fmt: skip
    assert one(mixed)["categories_bought"] == 1


def test_a_day_sees_nothing_of_tomorrow():
    """Whatever happens after the close of a day, its profile stays as it was, to the last bit."""
    tables = house(sales_lines=[line("a", 9), line("b", 3, "rice")], customers=[{"customer": "c", "joined": DAY}])
    before = made(tables)
    event = {"event_id": "1", "at": datetime(2024, 7, 1, tzinfo=UTC), "kind": "view", "customer": "a"}
    late_return = line("a", 9, "milk", line="back", quantity=-1.0, amount=-10.0,
                       known_at=datetime(2024, 7, 2, tzinfo=UTC))  # fmt: skip
    add(tables, "sales_lines", [line("a", -1), line("d", -3, "cheese"), late_return])
    add(tables, "events", [event])
    add(tables, "customers", [{"customer": "d", "joined": AHEAD}])
    pd.testing.assert_frame_equal(before, made(tables))


@settings(max_examples=3)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-5, 400), st.sampled_from(["milk", "cheese", "rice"]),
                          st.floats(-3, 3).filter(lambda q: abs(q) > 0.01)), min_size=1, max_size=25))  # fmt: skip
def test_any_receipts_make_rows_that_keep_the_contract(bought):
    """Returns without a purchase, days long past, lines of a day to come: shares stay shares, nobody is lost."""
    rows = [
        line(who, ago, item, line=str(n), quantity=q, amount=round(10 * q, 2)) for n, (who, ago, item, q) in
        enumerate(bought)
    ]  # fmt: skip
    found = made(house(sales_lines=rows))
    assert set(found.index) == {who for who, ago, _item, _q in bought if ago >= 0}
    visits = {who for who, ago, _item, q in bought if 0 <= ago < 365 and q > 0}
    assert set(found.index[found["visits_365"] > 0]) == visits


def test_a_member_without_purchases_is_a_prospect():
    """They have a row with nothing in it but when they joined."""
    found = one(house(customers=[{"customer": "a", "joined": DAY - timedelta(days=30)}]))
    assert found["stage"] == "prospect" and found["tenure_days"] == 30 and found["visits_365"] == 0
    assert "recency_days" not in found and "discount_share" not in found


def test_receipts_of_strangers_belong_to_nobody():
    """A line without a key makes no row; a key that the list of members lacks makes one; an unlisted item counts."""
    rows = [line(None, 2), line("x", 2), line("x", 2, "unlisted")]
    found = made(house(sales_lines=rows, customers=[{"customer": "a"}]))
    assert list(found.index) == ["a", "x"] and found.loc["x", "spend_365"] == 13.0


def test_fuel_and_voided_lines_are_no_goods():
    """What may not be sold as goods and lines without a quantity leave no trace but the row."""
    found = one(house(sales_lines=[line("a", 2, "fuel"), line("a", 1, quantity=0.0, amount=0.0)]))
    assert found["stage"] == "prospect" and found["spend_365"] == 0


def test_a_member_with_fifty_thousand_lines():
    """A canteen's card: counted in full, in a second or two."""
    count = 50_000
    row = line("a", 1)
    ago = np.arange(count) % 300
    days = [DAY - timedelta(days=int(n)) for n in ago]
    lines = pa.table(
        {
            **{name: [row[name]] * count for name in ("store", "item", "customer", "quantity", "amount", "discount")},
            "receipt": [f"r{n}" for n in ago], "line": [str(n) for n in range(count)], "day": days,
            "sold_at": [datetime(d.year, d.month, d.day, 9, tzinfo=UTC) for d in days], "price": [10.0] * count,
        }
    )  # fmt: skip
    tables = house(sales_lines=[line("b", 3)])
    tables.append("sales_lines", tables.contract("sales_lines").check(lines).good)
    found = one(tables)
    assert found["spend_365"] == 10.0 * count and found["visits_365"] == 300 and found["gap_days"] == 1.0


def test_stages_follow_the_members_own_rhythm():
    """A weekly shopper is lapsing after three weeks, a monthly one is not; both have lapsed after ninety days."""
    weekly = [line("weekly", 25 + 7 * n) for n in range(20)]
    monthly = [line("monthly", 25 + 30 * n) for n in range(8)]
    gone = [line("gone", 95 + 7 * n) for n in range(8)]
    found = made(house(sales_lines=[*weekly, *monthly, *gone, line("fresh", 2)]))["stage"]
    assert found.to_dict() == {"weekly": "lapsing", "monthly": "active", "gone": "lapsed", "fresh": "new"}


def test_dearer_choices_raise_the_quality_index():
    """Of the same category, who buys above its median has an index above 1."""
    rows = [line(f"m{n}", n + 1, amount=10.0) for n in range(6)]
    rows += [line("dear", 1, "cheese"), line("dear", 2, "cheese")]
    found = made(house(sales_lines=rows))["quality_index"]
    assert found["dear"] == pytest.approx(4.0) and found["m0"] == pytest.approx(1.0)


def test_seekers_of_offers_are_measured_against_the_same_shelves():
    """Who buys on offer what others buy at full price seeks offers; who buys what is always on offer does not."""
    rows = []
    for n in range(40):
        rows += [line(f"m{n % 8}", n % 7 + 1, "rice", line=f"r{n}", discount=1.0, amount=4.0)]
        rows += [line(f"m{n % 8}", n % 7 + 1, "milk", line=f"d{n}")]
        rows += [line("seeker", n % 7 + 1, "milk", line=f"s{n}", discount=2.0, amount=8.0)]
    found = made(house(sales_lines=rows))["offer_seeking"]
    assert found["seeker"] > 1.2 > 1.05 > found["m0"]


def test_featured_lines_are_those_of_store_and_day():
    """A line counts once however many promotions show its item; elsewhere and later it does not count."""
    shown = {"store": "1", "item": "milk", "starts": DAY - timedelta(days=9), "ends": DAY - timedelta(days=5)}
    plan = [
        {**shown, "promotion": "P1", "display": "front"}, {**shown, "promotion": "P2", "mailer": "page 1"},
        {**shown, "promotion": "P3", "store": "2", "ends": DAY, "display": "front"},
    ]  # fmt: skip
    tables = house(sales_lines=[line("a", 7), line("a", 2), line("a", 7, "rice")], promotions=plan)
    assert one(tables)["featured_share"] == pytest.approx(1 / 3)


def test_a_log_is_counted_for_thirty_days_and_says_when_it_is_simulated():
    """Views and clicks, searches, carts; without a log the figures are empty, with one they are 0."""
    moment = datetime(2024, 6, 20, 4, tzinfo=UTC)
    log = [{"event_id": str(n), "at": moment, "kind": kind, "customer": "a", "source": "simulated: browsing"}
           for n, kind in enumerate(["view", "click", "search", "cart", "impression"])]  # fmt: skip
    log.append({"event_id": "old", "at": moment - timedelta(days=30), "kind": "view", "customer": "a"})
    found = made(house(sales_lines=[line("a", 7), line("b", 7)], events=log))
    assert found.loc["a", ["views_30", "searches_30", "carts_30"]].tolist() == [2, 1, 1]
    assert found.loc["b", "views_30"] == 0 and found.loc["a", "source"] == "simulated: browsing"


def test_the_step_is_the_same_function():
    """What a business day writes is `profiles` of its tables; without a learned chance these columns are empty."""
    tables = house(sales_lines=[line("a", 7), line("b", 2)])
    rows = customer_profiles.run(tables, day=DAY, policy=POLICY, model=None)
    again = CUSTOMER_PROFILES.require(rows).to_pandas().set_index("customer")
    pd.testing.assert_frame_equal(again, made(tables))
    assert again["churn_probability"].isna().all()
