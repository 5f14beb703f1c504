"""The first delivery of a new item: to whom, how much, and what waits in the warehouse."""

import json
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aislehub.core.reasons import sentence
from aislehub.supply.first_delivery import Policy, first_deliveries, plan_launch

DAY = date(2017, 12, 3)
NEW = [
    {"item": "bread", "department": "BAKERY", "category": "BREAD"},
    {"item": "milk", "department": "DAIRY", "category": "MILK", "cost": 1.75},
    {"item": "soap", "department": "DRUG GM", "category": "SOAP", "cost": 1.5},
    {"item": "oat milk", "department": "DAIRY", "category": "MILK"},
]


def launch(available, demand, wanted=None, case=1.0, margin=1.0, seed=1, **policy):
    """One item's first delivery to stores that expect `demand`."""
    demand = np.array(demand, dtype=float)
    sizes = np.full(len(demand), case)
    wanted = np.ceil((np.array(wanted) if wanted else 2 * demand) / sizes) * sizes
    margins = np.broadcast_to(np.array(margin, dtype=float), demand.shape)
    return plan_launch(available, sizes, demand, wanted, margins, Policy(**policy), np.random.default_rng(seed))


@given(
    demand=st.lists(st.floats(0.1, 40), min_size=1, max_size=12), available=st.integers(0, 300),
    case=st.sampled_from([1.0, 4.0, 6.0]), uncertainty=st.floats(0.1, 2),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_never_more_than_there_is_nor_than_is_wanted(demand, available, case, uncertainty):
    """Whole cases, at most what each store wants; what is sent and what stays make up the stock."""
    made = launch(float(available), demand, case=case, uncertainty=uncertainty, draws=50)
    wanted = np.ceil(2 * np.array(demand) / case) * case
    assert (made.quantity >= 0).all() and (made.quantity <= wanted).all()
    np.testing.assert_allclose(made.quantity % case, 0)
    assert made.quantity.sum() + made.held == pytest.approx(available)
    assert made.held >= 0 and made.equal.sum() <= available


def test_the_less_is_known_the_more_waits():
    """With the same scarce stock, more stays in the warehouse when nobody knows where the item will sell."""
    sure, unsure = (launch(160.0, [10.0] * 12, uncertainty=u, season_days=70, draws=2000).held for u in (0.05, 1.2))
    assert unsure > sure + 10


def test_nothing_waits_when_there_is_no_later():
    """Where the season is over with the first days, nothing that a store wants is held back."""
    assert launch(60.0, [10.0] * 8, season_days=14, uncertainty=1.0).held == 0


def test_stores_that_sell_more_get_more():
    """Stock follows the demand expected, and the margin where demand is equal."""
    made = launch(40.0, [2.0, 10.0, 30.0], uncertainty=0.3)
    assert made.quantity[0] < made.quantity[1] < made.quantity[2]
    rich, poor = launch(12.0, [10.0, 10.0], margin=[3.0, 1.0], season_days=14).quantity
    assert rich > poor


def test_it_sells_more_than_equal_shares():
    """Over the season more is sold than with equal shares of the whole stock, in stores of different size."""
    assert launch(100.0, [2.0, 5.0, 12.0, 30.0], draws=2000).gain.sum(axis=1).mean() > 5


# From the chain's tables


@pytest.fixture
def deliveries(supply_day, forecast):
    """Makes the first deliveries of oat milk, of which the warehouse has 60."""

    def make(stock=(), demand=None, policy=None, **changed):
        held = [
            {"store": store, "item": item, "day": DAY, "on_hand": units, "on_order": 0.0}
            for store, item, units in (
                ("1", "milk", 9.0),
                ("2", "milk", 9.0),
                ("W", "milk", 90.0),
                ("W", "oat milk", 60.0),
            )
        ]
        terms = [
            {"store": store, "item": item, "supplier": "W", "lead_days": 2.0, "case_pack": 6.0}
            for store in ("1", "2") for item in ("milk", "oat milk")
        ]  # fmt: skip
        stores = [{"store": "1"}, {"store": "2"}, {"store": "W", "kind": "warehouse"}]
        facts = {"stock": [*held, *stock], "lead_times": terms, "stores": stores, "items": NEW} | changed
        made = supply_day(policy=policy, demand=forecast(stores=("1", "2")) if demand is None else demand, **facts)
        return made["first_deliveries"]

    return make


def test_a_new_item_goes_where_its_category_sells(deliveries):
    """Both stores sell 4 milk a day: they share 14 days of it in whole cases, by their terms, and it is explained."""
    made = deliveries()
    assert made["subject"].tolist() == ["oat milk"] * 2 and made["store"].tolist() == ["1", "2"]
    assert made["demand"].tolist() == pytest.approx([56, 56], rel=0.1)
    assert (made["quantity"] % 6 == 0).all() and made["quantity"].sum() + made["held_back"].iloc[0] == 60
    assert made["arrives"].tolist() == [DAY + timedelta(days=3)] * 2
    assert {json.loads(text)["name"] for text in made["baseline"]} == {"equal_shares"}
    reasons = json.loads(made["reasons"].iloc[0])
    told = {lang: " ".join(sentence(reason, lang) for reason in reasons) for lang in ("en", "zh")}
    assert "goods of MILK sell" in told["en"] and "Warehouse W has 60" in told["en"]
    assert "“MILK”类商品" in told["zh"]


def test_its_own_forecast_comes_first(deliveries, forecast):
    """Where the demand forecast has the new item, its mean is taken and not the category's."""
    own = deliveries(demand=forecast(mean=1.0, items=("milk", "oat milk"), stores=("1", "2")))
    assert own["demand"].tolist() == pytest.approx([14, 14])
    assert "forecast expects 14 units" in " ".join(sentence(r, "en") for r in json.loads(own["reasons"].iloc[0]))


@pytest.mark.parametrize(("on_hand", "on_order"), [(3.0, 0.0), (0.0, 12.0)])
def test_an_item_that_a_store_has_is_not_new(on_hand, on_order, deliveries):
    """Once a store has the item, or awaits it, the first delivery is over."""
    there = {"store": "1", "item": "oat milk", "day": DAY, "on_hand": on_hand, "on_order": on_order}
    assert deliveries(stock=[there]).empty


def test_an_item_that_sold_lately_is_not_new(deliveries, sales):
    """Nor is an item new that was sold in the days that supply looks back on, however little."""
    lines = sales()
    once = lines[0] | {"item": "oat milk", "receipt": "once", "line": "1", "quantity": 1.0, "amount": 2.0}
    assert deliveries(sales_lines=[*lines, once]).empty


def test_a_chain_without_warehouses_has_no_first_deliveries(deliveries):
    """Where no place is a warehouse, nothing is proposed."""
    assert deliveries(stores=[{"store": "1"}, {"store": "2"}, {"store": "W"}]).empty


def test_the_same_seed_plans_the_same(deliveries):
    """A day that runs again proposes the same."""
    assert deliveries().equals(deliveries())
    assert first_deliveries.writes.decision
