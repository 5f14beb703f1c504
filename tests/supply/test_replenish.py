"""From the state of supply to orders: every order keeps its promises."""

import json
from datetime import date

import pytest

from aislehub.core.reasons import sentence
from aislehub.supply import replenish as orders_of

DAY = date(2017, 12, 3)  # a Sunday
STOCK_ROW = {"store": "1", "item": "milk", "day": DAY, "on_hand": 5.0, "on_order": 3.0}
TERMS = {"store": "1", "item": "milk", "lead_days": 2.0}
FACTS_OF_MILK = {"stock": [STOCK_ROW], "lead_times": [TERMS]}


def test_order_fills_up_to_the_quantile(orders):
    """12 ± 3.5 units are expected in 3 days; the order brings 8 on hand and on order up to the 95 % quantile."""
    policy = orders_of.Policy(service="cycle_service", service_level=0.95)
    row = orders(policy=policy, **FACTS_OF_MILK).iloc[0]
    assert row["order_up_to"] == 18
    assert json.loads(row["action"]) == {"quantity": 10.0}
    assert (row["bound"], row["arrives"], row["horizon_days"]) == ("none", date(2017, 12, 6), 3)
    assert row["outlay"] == pytest.approx(17.5)
    assert json.loads(row["baseline"])["name"] == "weeks_of_cover"


def test_critical_ratio_stays_within_its_limits(orders):
    """Keeping milk costs next to nothing beside its margin: the service is the highest allowed."""
    high, low = (orders(policy=orders_of.Policy(most_service=s), **FACTS_OF_MILK).iloc[0] for s in (0.97, 0.6))
    assert 0.97 <= high["service_level"] < 0.99
    assert 0.6 <= low["service_level"] < 0.75


@pytest.mark.parametrize(
    ("terms", "policy", "quantity", "bound"),
    [
        ({"case_pack": 6.0}, {}, 12, "case_pack"),
        ({"moq": 40.0}, {}, 40, "moq"),
        ({"shelf_life_days": 1.0}, {}, 2, "shelf_life"),
        ({"shelf_life_days": 1.0, "presentation_stock": 11.0}, {}, 3, "shelf_life"),
        ({"shelf_capacity": 7.0}, {}, 7, "shelf"),
        ({}, {"budget": 9.0}, 5, "budget"),
        ({}, {"budgets": {"1": 3.6}}, 2, "budget"),
        ({"presentation_stock": 20.0}, {}, 24, "none"),
    ],
)
def test_limits_bind_by_name(terms, policy, quantity, bound, orders):
    """Each term of supply and policy reaches the limit of its name."""
    knobs = {"service": "cycle_service", "service_level": 0.95} | policy
    row = orders(policy=orders_of.Policy(**knobs), stock=[STOCK_ROW], lead_times=[TERMS | terms]).iloc[0]
    assert (row["quantity"], row["bound"]) == (quantity, bound)


def test_no_line_on_a_day_without_orders(orders):
    """When the supplier takes none tomorrow, there is nothing to decide."""
    assert orders(stock=[STOCK_ROW], lead_times=[TERMS | {"order_weekdays": "5"}]).empty


def test_a_slow_item_needs_no_forecast(forecast, orders):
    """An item without a forecast is ordered by what its own sales say."""
    slow = orders(demand=forecast(items=("other",)), **FACTS_OF_MILK).iloc[0]
    assert slow["demand"] == pytest.approx(12, rel=0.15)
    assert slow["quantity"] > 0


def test_a_short_forecast_goes_on(forecast, orders):
    """Nine days to cover and five forecast: demand goes on at the rate of those five."""
    weekly = {"stock": [STOCK_ROW], "lead_times": [TERMS | {"order_weekdays": "1"}]}
    row = orders(demand=forecast(days=5), **weekly).iloc[0]
    assert row["demand"] == pytest.approx(36)


def test_uncertain_lead_time_asks_for_more(orders):
    """A lead time that scatters raises the order-up-to level."""
    sure, unsure = (
        orders(stock=[STOCK_ROW], lead_times=[TERMS | {"lead_days_sd": sd}]).iloc[0]["order_up_to"] for sd in (0.0, 2.0)
    )
    assert unsure > sure


def test_negative_book_stock_counts_as_none(orders):
    """A booking error is shown as it is, and never ordered for."""
    row = orders(stock=[STOCK_ROW | {"on_hand": -30.0, "on_order": 0.0}], lead_times=[TERMS]).iloc[0]
    assert row["on_hand"] == -30
    assert row["quantity"] == row["order_up_to"]


def test_money_of_an_empty_shelf_beside_nothing(orders):
    """With nothing there, ordering earns the margin of what sells before the order after next."""
    policy = orders_of.Policy(baseline="nothing", holding_rate=0.0)
    empty = {"stock": [STOCK_ROW | {"on_hand": 0.0, "on_order": 0.0}], "lead_times": [TERMS]}
    row = orders(policy=policy, **empty).iloc[0]
    assert row["money"] == pytest.approx(0.75 * 12, rel=0.02)  # margin 2.50 − 1.75 on 12 units
    assert row["money_low"] < row["money"] < row["money_high"]


def test_reasons_read_in_both_languages_and_state_the_facts(orders):
    """The reasons name demand, stock and limit, and read as sentences in English and Chinese."""
    row = orders(stock=[STOCK_ROW], lead_times=[TERMS | {"case_pack": 4.0}]).iloc[0]
    told = {lang: " ".join(sentence(r, lang) for r in json.loads(row["reasons"])) for lang in ("en", "zh")}
    assert "5 on hand, 3 on order" in told["en"] and "whole cases of 4" in told["en"]
    assert "现有库存 5，在途 3" in told["zh"] and "每箱 4" in told["zh"]


def test_a_line_that_costs_is_ordered_seldom_and_for_longer(orders):
    """Goods that keep are topped up in small steps where a line is free; at 5.00 they wait, then come for longer."""
    stock = [{"store": "1", "item": "milk", "day": DAY, "on_hand": 0.0}]
    nearly = [stock[0] | {"on_hand": 37.0}]
    terms = {"store": "1", "item": "milk", "lead_days": 2.0, "order_weekdays": "1"}

    def quantity(on_hand, cost):
        rows = orders(stock=on_hand, lead_times=[terms | {"order_cost": cost}])
        return rows[["quantity", "bound"]].iloc[0].tolist()

    (free, _), (dear, _) = quantity(stock, 0.0), quantity(stock, 5.0)
    assert dear > 2 * free
    topped, _ = quantity(nearly, 0.0)
    assert 0 < topped < free and quantity(nearly, 5.0) == [0.0, "order_cost"]
