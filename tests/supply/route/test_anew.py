"""A decided day planned anew: what is reported or driven stays, errors say what cannot be, money is counted."""

import json

import pytest

from aislehub.core.errors import HubError
from aislehub.supply.route.anew import Happened, plan_anew, running_tours
from aislehub.supply.route.deliveries import Policy, seconds_of
from aislehub.supply.route.differences import for_customers, for_drivers
from aislehub.supply.route.reported import Report
from tests.supply.route.chain import TRUCK, make_day, make_routes, ordered, store, warehouse

PLACES = [store("1", 0.1), store("2", 0.1, 0.2), store("3", -0.2, 0.1), store("4", 0.05, -0.3), store("5", 0.3, 0.3)]
FACTS = {
    "orders": [ordered(name, "soap", 450.0) for name in "12345"],
    "stores": [*PLACES, warehouse()],
    "vehicles": [TRUCK | {"vehicle": f"truck {number}"} for number in (1, 2, 3, 4)],
}
POLICY = Policy(rounds=5)


@pytest.fixture(scope="module")
def planned():
    """The day, and the action that was decided: three tours of four trucks."""
    return make_day(**FACTS), make_routes(**FACTS)["W"]["action"]


def anew(planned, action=None, reports=None, **happened):
    """Another action, after JSON has carried it as the ledger does."""
    day, decided = planned
    made = plan_anew(day, action or decided, Happened(**happened), reports or {}, policy=POLICY, seconds=20, rounds=60)
    return made, json.loads(json.dumps(made.action))


def where(action):
    """Stop → its vehicle and arrival."""
    return {stop["id"]: (tour["vehicle"], stop["arrives"]) for tour in action["tours"] for stop in tour["stops"]}


def codes(reasons):
    """Codes of reasons."""
    return [reason.code for reason in reasons]


def longest(action):
    """The tour with most stops."""
    return max(action["tours"], key=lambda one: len(one["stops"]))


def test_the_facts_give_the_same_day_again(planned):
    """Tours read back from the action have the cost, the distance and the times they were decided with."""
    day, action = planned
    for one, told in zip(running_tours(day, action), action["tours"], strict=True):
        assert (round(one.cost, 2), round(one.distance / 1000, 1)) == (told["cost"], told["km"])
        assert [day.stops[at].id for at in one.tour.stops] == [stop["id"] for stop in told["stops"]]


def test_a_cancelled_stop_leaves_and_stays_away(planned):
    """Before anyone leaves, a stop is taken off, is named as cancelled and saves its detour; it stays away when the
    day is planned anew again."""
    _, before = planned
    made, after = anew(planned, now=0, cancelled=frozenset({"5"}))
    assert where(after).keys() == {"1", "2", "3", "4"} and after["visits"] == 4
    assert [(one["id"], one["why"]["code"]) for one in after["unserved"]] == [("5", "routes.cancelled")]
    costs = [sum(tour["cost"] for tour in action["tours"]) for action in (before, after)]
    assert made.saving.money == pytest.approx(costs[0] - costs[1], abs=0.05) and made.saving.money > 0
    assert made.saving.low <= made.saving.money <= made.saving.high
    assert codes(made.reasons) == ["routes.because_cancelled", "routes.because_anew_before"]
    assert "route.customer_cancelled" in codes(for_customers(before, after))
    _, again = anew(planned, after, now=0, cancelled=frozenset({"4"}))
    assert where(again).keys() == {"1", "2", "3"} and {one["id"] for one in again["unserved"]} == {"4", "5"}


def test_what_is_driven_stays_when_a_truck_breaks_down(planned):
    """Visits begun stay to the minute; the broken truck's other stops go to others, who load them anew, and it is not
    used again later."""
    _, before = planned
    tour = longest(before)
    first, second = tour["stops"][:2]
    now = seconds_of(first["leaves"]) + 60
    made, after = anew(planned, now=now, broken=frozenset({tour["vehicle"]}))
    old, new = where(before), where(after)
    assert new[first["id"]] == old[first["id"]] and new[second["id"]][0] != tour["vehicle"]
    assert seconds_of(new[second["id"]][1]) > now
    (broken,) = (one for one in after["tours"] if one["broken"])
    assert broken["vehicle"] == tour["vehicle"] and broken["why"][0]["code"] == "route.because_broken"
    assert after["anew"]["broken"] == [tour["vehicle"]] and made.saving.money > 0
    assert {"route.driver_broken", "route.driver_gone"} <= set(codes(for_drivers(before, after)))
    _, again = anew(planned, after, now=now + 120)
    assert again["anew"]["broken"] == [tour["vehicle"]]
    assert [one["stops"] for one in again["tours"] if one["vehicle"] == tour["vehicle"]] == [broken["stops"]]


def test_a_truck_broken_before_its_day_is_not_driven(planned):
    """Its stops go to the truck that stood by, and it has no tour, in later plans either."""
    _, before = planned
    lost = before["tours"][0]["vehicle"]
    _, after = anew(planned, now=0, broken=frozenset({lost}))
    assert lost not in {tour["vehicle"] for tour in after["tours"]} and where(after).keys() == where(before).keys()
    _, again = anew(planned, after, now=0)
    assert lost not in {tour["vehicle"] for tour in again["tours"]}


def test_a_late_truck_comes_later(planned):
    """A truck that is late under way reaches its next stop so much later; one that has not left leaves later."""
    _, before = planned
    tour = longest(before)
    first, second = tour["stops"][:2]
    _, after = anew(planned, now=seconds_of(first["leaves"]) + 60, late={tour["vehicle"]: 40})
    vehicle, arrives = where(after)[first["id"]]
    assert vehicle == tour["vehicle"] and seconds_of(arrives) == seconds_of(first["arrives"]) + 2400
    assert seconds_of(where(after)[second["id"]][1]) >= seconds_of(second["arrives"]) + 2400
    _, after = anew(planned, now=0, late={tour["vehicle"]: 40})
    mine = [one for one in after["tours"] if one["vehicle"] == tour["vehicle"]]
    assert all(seconds_of(one["loads"]) >= seconds_of(tour["loads"]) + 2400 for one in mine)


def test_a_truck_that_is_hours_late_still_comes_home(planned):
    """However late, the stop it drives to stays with it; the others go elsewhere or are left out with a reason."""
    _, before = planned
    tour = longest(before)
    _, after = anew(planned, now=seconds_of(tour["leaves"]) + 60, late={tour["vehicle"]: 900})
    assert where(after)[tour["stops"][0]["id"]][0] == tour["vehicle"]
    assert where(after).keys() | {one["id"] for one in after["unserved"]} == where(before).keys()


def test_reports_count_more_than_the_plan(planned):
    """A stop reported before its time cannot be cancelled, nor the next one, to which its truck is driving; what is not
    reported though its time has passed can, unless it is the next."""
    day, before = planned
    tour = longest(before)
    first, second = tour["stops"][:2]
    now = seconds_of(first["arrives"]) - 1200
    done = {tour["vehicle"]: [Report(now - 600, now - 60), *[None] * (len(tour["stops"]) - 1)]}
    for stop, code in ((first, "routes.anew_done"), (second, "routes.anew_on_way")):
        with pytest.raises(HubError) as refused:
            anew(planned, now=now, reports=done, cancelled=frozenset({stop["id"]}))
        assert refused.value.code == code and day.stops
    late = seconds_of(second["leaves"]) + 60
    still = {tour["vehicle"]: [Report(late - 60), *[None] * (len(tour["stops"]) - 1)]}
    _, after = anew(planned, now=late, reports=still, cancelled=frozenset({second["id"]}))
    assert second["id"] not in where(after) and where(after)[first["id"]][0] == tour["vehicle"]


def test_what_cannot_be_is_refused_by_name(planned):
    """Unknown stops and vehicles, a truck that is back, a day that is over, and facts that have changed."""
    _, action = planned
    last = max(action["tours"], key=lambda one: seconds_of(one["back"]))
    early = min(action["tours"], key=lambda one: seconds_of(one["back"]))
    for code, happened in {
        "routes.anew_stop": {"now": 0, "cancelled": frozenset({"9"})},
        "routes.anew_vehicle": {"now": 0, "broken": frozenset({"bike"})},
        "routes.anew_back": {"now": seconds_of(early["back"]) + 60, "broken": frozenset({early["vehicle"]})},
        "route.day_over": {"now": seconds_of(last["back"]) + 60},
    }.items():
        with pytest.raises(HubError) as refused:
            anew(planned, **happened)
        assert refused.value.code == code and "{" not in refused.value.message()
    other = make_day(**(FACTS | {"orders": FACTS["orders"][:3]}))
    with pytest.raises(HubError) as refused:
        running_tours(other, action)
    assert refused.value.code == "routes.facts_changed"
