"""Tomorrow's tours: nothing is lost between the orders and the doors, and money is a difference of counted costs."""

import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aislehub.core.reasons import sentence
from tests.supply.route.chain import DAY, TRUCK, home, make_routes, ordered, store, warehouse

STORES = [store("1", 0.1), store("2", 0.1, 0.2), store("3", -0.2, 0.1), store("4", 0.05, -0.3), store("5", 0.3, 0.3)]
FLEET = [TRUCK | {"vehicle": f"truck {number}"} for number in (1, 2, 3)]


def visited(row):
    """All stops of a decision."""
    return [stop for tour in row["action"]["tours"] for stop in tour["stops"]]


def left(row):
    """What is on no tour."""
    return row["action"]["unserved"]


def shown(reasons):
    """Reasons as one text."""
    return " ".join(sentence(reason) for reason in reasons)


LINES = st.lists(
    st.tuples(
        st.sampled_from(["1", "2", "3", "4", "5", "shut", "lost", "unknown"]),
        st.sampled_from(["soap", "milk", "peas"]),
        st.floats(0.5, 900.0).map(lambda units: round(units, 2)),
    ),
    min_size=1, max_size=9, unique_by=lambda line: line[:2],
)  # fmt: skip


@settings(max_examples=12, deadline=None)
@given(lines=LINES, trucks=st.integers(1, 3), coldest=st.sampled_from(["ambient", "chilled", "frozen"]))
def test_every_delivery_is_on_one_tour_or_left_out_with_a_reason(lines, trucks, coldest):
    """Each store's goods are on exactly one stop or among those left out, whole; and no kilogram appears or is lost."""
    fleet = [TRUCK | {"vehicle": f"truck {number}", "temperature": coldest} for number in range(trucks)]
    places = [*STORES, store("shut", closed=DAY), store("lost") | {"latitude": None}, warehouse()]
    row = make_routes(
        {"rounds": 2}, orders=[ordered(*line) for line in lines], stores=places, vehicles=fleet
    )["W"]  # fmt: skip
    due = {name: sum(q * (0.5 if item == "peas" else 1.0) for s, item, q in lines if s == name) for name, *_ in lines}
    brought = [*visited(row), *left(row)]
    assert {one["store"] for one in brought} == set(due)
    assert len({one["id"] for one in brought}) == len(brought)
    for name, kg in due.items():
        mine = [one for one in brought if one["store"] == name]
        assert sum(one["kg"] for one in mine) == pytest.approx(kg, abs=0.06 * len(mine))
    assert row["kg"] == pytest.approx(sum(due.values()))
    assert row["unserved"] == len(left(row)) and row["deliveries"] == len(brought)
    assert all(sentence(one["why"]) for one in left(row))
    for tour in row["action"]["tours"]:
        assert tour["load"]["kg"] == pytest.approx(
            sum(stop["kg"] for stop in tour["stops"]), abs=0.06 * len(tour["stops"])
        )
        assert tour["load"]["kg"] <= 1000.1


@settings(max_examples=8, deadline=None)
@given(lines=LINES, trucks=st.integers(1, 3))
def test_money_is_the_difference_of_counted_costs(lines, trucks):
    """Where both bring everything, money is the cost of the fixed tours' documents minus that of the plan's; always it
    lies in its interval."""
    orders = [ordered(*line) for line in lines if line[0] in "12345"]
    row = make_routes({"rounds": 3}, orders=orders, stores=[*STORES, warehouse()], vehicles=FLEET[:trucks]).get("W")
    if row is None:
        assert not orders
        return
    assert row["money_low"] <= row["money"] <= row["money_high"]
    costs = [sum(tour["cost"] for tour in row[part]["tours"]) for part in ("baseline", "action")]
    assert costs == pytest.approx([row["fixed_cost"], row["cost"]], abs=0.02)
    if not row["unserved"] and not row["fixed_unserved"]:
        assert row["money"] == pytest.approx(costs[0] - costs[1], abs=0.05)


def test_a_plan_that_saves_nothing_says_so():
    """One store has one tour, planned or fixed; that is said in words and not as a difference of nothing."""
    row = make_routes(orders=[ordered("1", "soap", 100)], stores=[*STORES, warehouse()], vehicles=FLEET)["W"]
    told = shown(row["reasons"])
    assert "Nothing is saved over today's rule: 1 fixed tour" in told and "0 km less" not in told
    several = [ordered(name, "soap", 100) for name in "12345"]
    row = make_routes(orders=several, stores=[*STORES, warehouse()], vehicles=FLEET)["W"]
    assert "Nothing is saved" not in shown(row["reasons"]) and "km less than today's rule" in shown(row["reasons"])


def test_what_arrives_the_day_after_tomorrow_is_driven_tomorrow():
    """Lines of today and of earlier days that are in the store from the morning after tomorrow on; no others. What is
    ordered tomorrow and wanted at once goes along."""
    earlier = DAY - timedelta(days=2)
    lines = [
        ordered("1", "soap", 10.0), ordered("1", "milk", 1.0, arrives=1), ordered("1", "peas", 100.0, arrives=3),
        ordered("2", "soap", 20.0, day=earlier), ordered("2", "milk", 500.0, day=earlier, arrives=1),
    ]  # fmt: skip
    row = make_routes(orders=lines, stores=[*STORES, warehouse()], vehicles=FLEET)["W"]
    assert {stop["store"]: stop["kg"] for stop in visited(row)} == {"1": 11.0, "2": 20.0}
    assert row["subject"] == "2017-12-04"


def test_orders_that_made_up_stock_never_holds_count_once():
    """Where stock is made up yesterday's orders are ordered again today, and brought once."""
    made_up = {"source": "simulated: stock"}
    lines = [
        ordered("1", quantity=300.0, **made_up),
        ordered("1", quantity=300.0, day=DAY - timedelta(days=1), **made_up),
    ]
    row = make_routes(orders=lines, stores=[*STORES, warehouse()], vehicles=FLEET)["W"]
    assert row["kg"] == 300


def test_other_suppliers_bring_their_goods_themselves():
    """Only lines whose supplier is a warehouse of the chain are driven; without any, there are no tours."""
    lines = [ordered("1", supplier="dairy"), ordered("2", supplier="W")]
    row = make_routes(orders=lines, stores=[*STORES, warehouse()], vehicles=FLEET)["W"]
    assert [stop["store"] for stop in visited(row)] == ["2"]
    assert make_routes(orders=[ordered("1", supplier="dairy")], stores=STORES, vehicles=FLEET) == {}


def test_a_closed_store_and_one_without_a_place_are_named():
    """Nothing is dropped silently: each of the two is left out with its own reason, and the decision says so."""
    places = [store("1"), store("2", closed=DAY), store("3") | {"longitude": None}, warehouse()]
    row = make_routes(orders=[ordered(name) for name in "123"], stores=places, vehicles=FLEET)["W"]
    assert {one["store"]: sentence(one["why"]) for one in left(row)} == {
        "2": "2 is closed on that day.",
        "3": "Where 3 lies is not known: it has no latitude and longitude.",
    }
    assert [stop["store"] for stop in visited(row)] == ["1"]
    assert "2 deliveries are on no tour (2, 3)" in shown(row["reasons"]) and row["bound"] == "place"


def test_a_depot_without_a_place_or_vehicles_serves_nobody():
    """All its deliveries are left out, for the depot's reason."""
    orders = [ordered("1"), ordered("2")]
    lost = make_routes(orders=orders, stores=[*STORES, warehouse(latitude=None)], vehicles=FLEET)["W"]
    idle = make_routes(orders=orders, stores=[*STORES, warehouse()], vehicles=[TRUCK | {"vehicle": "x", "depot": "1"}])[
        "W"
    ]
    for row, words in ((lost, "Where W lies"), (idle, "No vehicle starts from W")):
        assert row["action"]["tours"] == [] and row["money"] == 0
        assert [one["store"] for one in left(row)] == ["1", "2"]
        assert all(words in sentence(one["why"]) for one in left(row))


def test_cold_goods_need_a_vehicle_that_keeps_them_cold():
    """Frozen goods go with the truck that can keep them frozen, though another one is cheaper; without it they stay."""
    cheap = TRUCK | {"vehicle": "cheap", "temperature": "chilled", "cost_per_day": 0.0}
    places = [*STORES, warehouse()]
    lines = [ordered("1", "milk"), ordered("2", "peas")]
    row = make_routes(orders=lines, stores=places, vehicles=[cheap, TRUCK | {"vehicle": "cold"}])["W"]
    by_vehicle = {stop["store"]: tour["vehicle"] for tour in row["action"]["tours"] for stop in tour["stops"]}
    assert by_vehicle["2"] == "cold"
    alone = make_routes(orders=lines, stores=places, vehicles=[cheap])["W"]
    assert [one["store"] for one in left(alone)] == ["2"]
    assert "l < −18 °C" in shown(left(alone)[0]["conflict"])


def test_drivers_take_their_break():
    """The break of `vehicles` lies in the tour, within its window. Where vehicles may load again it is taken off the
    driver's hours instead, and the plan says so."""
    rest = {"break_minutes": 45.0, "break_from": "09:00", "break_to": "10:00", "works_from": "05:00", "max_hours": 8.0}
    orders = [ordered(one["store"], quantity=150.0) for one in STORES]
    truck = TRUCK | rest | {"vehicle": "truck", "capacity_l": None}
    places = [STORES[0] | {"receives_to": "07:30"}, *(one | {"receives_from": "09:00"} for one in STORES[1:])]
    row = make_routes(orders=orders, stores=[*places, warehouse()], vehicles=[truck])["W"]
    (tour,) = row["action"]["tours"]
    ((begin, end),) = tour["breaks"]
    assert "09:00" <= begin <= "10:00" and end > begin and row["unserved"] == 0
    again = make_routes(orders=orders, stores=[*places, warehouse()], vehicles=[truck | {"trips": 2}])["W"]
    assert {len(tour["breaks"]) for tour in again["action"]["tours"]} == {0}
    assert "hours are shorter" in shown(again["reasons"]) and again["hours"] <= 7.25


def test_what_no_vehicle_holds_at_once_is_brought_in_parts():
    """A store's load above the largest vehicle is split into as few equal parts as fit."""
    row = make_routes(orders=[ordered("1", quantity=2400.0)], stores=[*STORES, warehouse()], vehicles=FLEET)["W"]
    assert sorted((stop["id"], stop["kg"]) for stop in visited(row)) == [
        ("1 (1/3)", 800.0), ("1 (2/3)", 800.0), ("1 (3/3)", 800.0),
    ]  # fmt: skip


def test_homes_are_served_from_their_store_within_their_windows():
    """An order with a window tomorrow by the store's clock leaves from the store that fulfils it, and its door opens
    within the window; orders of other days, collected or delivered ones stay out."""
    van = TRUCK | {"vehicle": "van", "depot": "1"}
    rows = [
        home("a", "1", begins=15, ends=17), home("b", "1", begins=16, ends=18, north=0.05),
        home("today", "1", begins=-3, ends=-1), home("later", "1", begins=40, ends=42),
        home("shop", "1", fulfilment="collect"), home("done", "1", status="delivered"),
    ]  # fmt: skip
    zone = "America/New_York"  # UTC − 5
    row = make_routes(customer_orders=rows, stores=[store("1", timezone=zone)], vehicles=[van])["1"]
    times = {stop["order"]: stop["begins"] for stop in visited(row)}
    assert set(times) == {"a", "b"} and "10:00" <= times["a"] <= "12:00" and "11:00" <= times["b"] <= "13:00"
    assert row["action"]["depot"]["lat"] == 48.1


def test_the_table_of_distances_is_used_and_said():
    """Kilometres and minutes of `distances` stand in the plan, the other way round where only that is told; the rest is
    estimated, and the plan says how much is known."""
    places = [store("1"), warehouse()]
    way = {"from_place": "W", "to_place": "1", "km": 50.0, "minutes": 60.0}
    row = make_routes(orders=[ordered("1")], stores=places, vehicles=FLEET, distances=[way])["W"]
    assert row["km"] == 100.0 and "table `distances`" in sentence(row["action"]["distances"])
    (stop,) = visited(row)
    (tour,) = row["action"]["tours"]
    assert stop["km"] == 50.0 and row["hours"] == pytest.approx(0.5 + 2 + (10 + 100 / 80) / 60, abs=0.02)
    assert tour["co2_kg"] == 50.0
    partly = make_routes(
        orders=[ordered("1"), ordered("2")], stores=[*STORES[:2], warehouse()], vehicles=FLEET, distances=[way]
    )["W"]  # fmt: skip
    assert sentence(partly["action"]["distances"]).startswith("56 % of the ways")


def test_a_chain_without_places_gets_simulated_ones_and_says_so():
    """Where nothing is known, depot, places, weights and vehicles are made up, and the source names each of them; not
    if the policy forbids it."""
    made = {"supplier": "simulated PASTRY", "source": "simulated: stock, lead times, cost"}
    lines = [ordered(str(name), **made) for name in range(1, 9)]
    places = [{"store": str(name)} for name in range(1, 20)]
    (row,) = make_routes(orders=lines, stores=places, items=[{"item": "soap", "department": "PASTRY"}]).values()
    assert row["source"] == "simulated: depot, orders, places, vehicles, weights"
    assert row["unserved"] == 0 and len(visited(row)) == 8
    assert make_routes({"simulate": False}, orders=lines, stores=places) == {}
    assert make_routes(orders=lines, stores=places, vehicles=FLEET) == {}  # where its vehicles start from is told


def test_a_sample_stands_for_the_whole():
    """With a share of the data, loads are what the whole store gets."""
    row = make_routes({"data_share": 0.5}, orders=[ordered("1")], stores=[*STORES, warehouse()], vehicles=FLEET)["W"]
    assert row["kg"] == 200.0


def test_a_day_planned_twice_is_the_same():
    """The same facts and settings give the same row, letter by letter."""
    orders = [ordered(one["store"], quantity=300.0 + 10 * at) for at, one in enumerate(STORES)]
    first, second = (make_routes(orders=orders, stores=[*STORES, warehouse()], vehicles=FLEET) for _ in range(2))
    assert json.dumps(first, default=str) == json.dumps(second, default=str)
