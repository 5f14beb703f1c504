"""Which scenario first: the formula, what takes the twin's place, and no promise of what nobody knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislehub.core.book import Filter
from aislehub.core.hub import Hub, open_hub
from aislehub.core.registry import registry
from aislehub.core.text import has
from aislehub.proof.feasibility import House, Policy, feasibility
from aislehub.proof.priorities import SCENARIO_VALUES, Line, board, ordered, pages, priority
from aislehub.proof.scenarios import SCENARIOS, Scenario
from aislehub.proof.yearly import Yearly

DAY = date(2024, 3, 3)
ORDERS = next(one for one in SCENARIOS if one.name == "orders")
PRICES = next(one for one in SCENARIOS if one.name == "prices")
READY = House(
    scores={"replenish": (80.0, {"absent:receipts": 20.0}), "price": (50.0, {})},
    tables={name: (10, 0) for one in SCENARIOS for name in one.reads},
    missing=frozenset(), devices=frozenset(), by_rule=frozenset(), built=frozenset(registry().contracts),
)  # fmt: skip
SHARES = st.floats(0, 1)
MONEY = st.floats(-1e9, 1e9)


def line(money: float | None, *, name: str = "orders", house: House = READY) -> Line:
    """A scenario with a value in a house."""
    scenario = next(one for one in SCENARIOS if one.name == name)
    feasible = feasibility(scenario, house, Policy())
    value = None if money is None else Yearly(money, money - 1, money + 1, "twin", {})
    rank = None if money is None else priority(money, feasible.value)
    return Line(scenario, scenario.table in house.built, value, None, feasible, rank)


@given(MONEY, MONEY, SHARES, SHARES)
def test_more_money_or_more_feasible_is_never_ranked_lower(one: float, other: float, share: float, more: float) -> None:
    """The priority grows with the value and with feasibility, and is never below 0."""
    low, high = sorted((one, other))
    less, most = sorted((share, more))
    assert 0 <= priority(low, less) <= priority(high, less) <= priority(high, most)


@given(st.floats(0, 100), st.integers(0, 10), st.booleans(), st.booleans())
def test_feasibility_grows_with_each_factor(
    points: float, simulated: int, is_connected: bool, is_by_rule: bool
) -> None:
    """Better data, fewer simulated rows, a machine for prices, a rule that approves: none makes it less feasible."""
    worse = replace(
        READY, scores={"price": (points, {})}, tables=dict.fromkeys(PRICES.reads, (10, simulated)),
        devices=frozenset({"esl"} if is_connected else ()),
        by_rule=frozenset({"price_changes"} if is_by_rule else ()),
    )  # fmt: skip
    value = feasibility(PRICES, worse, Policy()).value
    assert 0 <= value <= 1
    for better in (
        replace(worse, scores={"price": (min(points + 5, 100), {})}),
        replace(worse, tables=dict.fromkeys(PRICES.reads, (10, 0))),
        replace(worse, devices=frozenset({"esl"})),
        replace(worse, by_rule=frozenset({"price_changes"})),
    ):
        assert feasibility(PRICES, better, Policy()).value >= value


@pytest.mark.parametrize(
    "house",
    [
        replace(READY, scores={"replenish": (0.0, {"absent:stock": 100.0})}),
        replace(READY, scores={}),
        replace(READY, tables={}),
        replace(READY, built=frozenset()),
    ],
)
def test_nothing_without_data_or_before_it_is_built(house: House) -> None:
    """No readiness, no tables, not built: priority 0 whatever it would bring."""
    assert line(1e6, house=house).priority == 0


def test_what_it_is_nothing_without_counts_whatever_the_score() -> None:
    """Markdowns without shelf lives are not feasible, however good the price data; the reason says it in words."""
    markdowns = next(one for one in SCENARIOS if one.name == "markdowns")
    found = feasibility(markdowns, replace(READY, missing=frozenset({"items.shelf_life_days"})), Policy())
    assert found.value == 0
    assert found.data.why == ("Nothing is known of the shelf life of items.",)


@given(st.lists(MONEY, min_size=2, max_size=4), st.sampled_from([0.001, 7.2, 150.0]))
def test_ranks_do_not_depend_on_the_currency(values: list[float], rate: float) -> None:
    """All money in another currency: the same order."""
    names = ["orders", "prices", "promotions", "warehouse_orders"]

    def order(factor: float) -> list[str]:
        lines = [line(factor * value, name=name) for value, name in zip(values, names, strict=False)]
        return [one.scenario.name for one in ordered(lines)]

    assert order(1.0) == order(rate)


def test_what_nobody_knows_is_ranked_last_and_promised_nothing() -> None:
    """A scenario without a value has no priority; it stands below one that loses money, built ones first."""
    found = ordered([line(None, name="rosters"), line(None, name="prices"), line(-5.0)])
    assert [(one.scenario.name, one.priority) for one in found] == [("orders", 0), ("prices", None), ("rosters", None)]
    assert [one.verdict for one in found] == ["loss", "unknown", "unknown"]


def test_what_only_waits_for_data_stands_above_what_loses() -> None:
    """Both have priority 0: the one that would bring money comes first."""
    waiting = line(9.0, name="prices", house=replace(READY, scores={}))
    assert [one.scenario.name for one in ordered([line(-5.0), waiting])] == ["prices", "orders"]


def test_every_kind_of_decision_is_on_the_board() -> None:
    """Whatever the house decides has its scenario, and each scenario its name and tables that exist.

    A change of a model serves all of them and is none of its own.
    """
    decided = {name for name, contract in registry().contracts.items() if contract.decision} - {"model_changes"}
    assert decided <= {one.table for one in SCENARIOS}
    for one in SCENARIOS:
        assert has(f"scenario.{one.name}")
        assert {*one.reads, *(need.split(".")[0] for need in one.needs)} <= set(registry().contracts)
        assert has(f"readiness.capability.{one.data}")


# -- a house ------------------------------------------------------------------------------------------


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Hub]:
    """A home with one run of the twin kept."""
    with open_hub(tmp_path) as hub:
        shared = {
            "stores": 2, "items": 5, "share": 0.5, "sales": 1e6, "worlds": 3, "days": 21, "settle": 14, "seed": 1,
            "made_at": datetime(2024, 3, 4, tzinfo=UTC), "source": "simulated", "day": DAY,
        }  # fmt: skip
        money = {"orders": 900.0, "prices": 400.0, "together": 1200.0}
        rows = [
            shared | {"scenario": name, "value": value, "low": value - 100, "high": value + 100,
                      "over_today": value + 50, "plain": 50.0}
            for name, value in money.items()
        ]  # fmt: skip
        hub.tables.write("scenario_values", pa.Table.from_pylist(rows, SCENARIO_VALUES.schema), DAY)
        yield hub


def test_the_board_shows_what_the_twin_found(house: Hub) -> None:
    """Kept values are on the board with their basis; without readiness they have no priority; parts are added up."""
    found = board(house)
    orders = next(one for one in found.lines if one.scenario is ORDERS)
    assert orders.value == Yearly(900.0, 800.0, 1000.0, "twin", {"worlds": 3, "stores": 2, "items": 5, "days": 21})
    assert (orders.verdict, orders.priority, found.parts, found.day) == ("gain", 0.0, 1300.0, DAY)


def test_measured_money_takes_the_twins_place(house: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once decisions of the kind were measured on enough days, their money is the value; the twin's stays beside it."""
    rows = [
        {
            "store": str(store), "subject": "milk", "action": '{"quantity": 4.0}', "baseline": '{"quantity": 0.0}',
            "money": 1.0, "money_low": 0.0, "money_high": 2.0, "horizon_days": 1, "bound": "none",
        }
        for store in range(10)
    ]  # fmt: skip
    house.ledger.propose("orders", DAY, pa.Table.from_pylist(rows), currency="USD")
    brought = {"money": 2.0, "low": 1.0, "high": 3.0, "chosen": None, "method": "m", "facts": {}}
    house.ledger.measure({found["id"]: brought for found in house.ledger.find(Filter(kind="orders"))})
    assert value_of("orders", house).basis == "twin"  # one day is too few
    monkeypatch.setenv("AISLEHUB_PRIORITIES__LEAST_DAYS", "1")
    orders = value_of("orders", house)
    assert (orders.basis, orders.money) == ("decisions", pytest.approx(10 * 2.0 * 364))
    assert value_of("prices", house).basis == "twin"
    assert board(house).parts == 1300.0


def value_of(name: str, hub: Hub) -> Yearly:
    """The value that the board gives a scenario."""
    found = next(one for one in board(hub).lines if one.scenario.name == name)
    assert found.value is not None
    return found.value


def test_the_page_says_formula_value_and_reasons(house: Hub) -> None:
    """The page's values hold the plot's points and both lists, built ones apart from those that are not."""
    context = pages[0].context(house, {})
    assert [point["value"] for point in context["chart"]["points"]] == [900.0, 400.0]
    assert {one.scenario.name for one in context["missing"]} == {"shelf_vision"}
    assert ORDERS in [one.scenario for one in context["built"]]


def test_a_house_without_anything_has_a_board_without_promises(tmp_path: Path) -> None:
    """Before any data and any run there is a board: no values, no priorities, no chart."""
    with open_hub(tmp_path) as hub:
        assert all(one.value is None and one.priority is None for one in board(hub).lines)
        assert pages[0].context(hub, {})["chart"] is None


def test_a_scenario_may_be_built_by_another_hub() -> None:
    """What is built is read from the hub's own tables: without the decision table integration is 0."""
    own = Scenario("orders", "my_orders", "replenish", ("stock",))
    assert feasibility(own, READY, Policy()).integration.value == 0
