"""Recommendations at the desk: what happens now counts at once, stock and consent are heeded, reasons are true."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aislehub.core.errors import HubError
from aislehub.core.text import LANGUAGES, has
from aislehub.customer.recommend.answer import recommend
from aislehub.customer.recommend.asked import PLACES
from aislehub.customer.recommend.because import beside
from tests.customer.recommend.shop import LAST, NOW, Shop


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop that tests only ask."""
    return Shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A shop of one's own, to change."""
    return Shop(tmp_path)


def bought(shop: Shop, customer: str, days: int = 90) -> list[dict[str, Any]]:
    """Lines of a member in the last days up to the close."""
    return [row for row in shop.sales if row["customer"] == customer and row["day"] > LAST - timedelta(days=days)]


def share_of_baskets(shop: Shop, item: str, store: str) -> float:
    """Percent of a store's receipts of the last 84 days that hold an item."""
    late = [row for row in shop.sales if row["store"] == store and row["day"] > LAST - timedelta(days=84)]
    holding = {row["receipt"] for row in late if row["item"] == item}
    return round(100 * len(holding) / len({row["receipt"] for row in late}), 1)


def test_ten_items_with_their_worth_and_reasons(small: Shop) -> None:
    """A member gets ten items, what each is expected to earn, and sentences why."""
    told = small.ask(customer="c03")
    assert len(told["items"]) == 10 and told["personalised"] and told["why"] == ""
    assert told["store"] == "s0" and told["day"] == (LAST + timedelta(days=1)).isoformat()
    for row in told["items"]:
        assert row["money"] == pytest.approx(row["score"] * 1.0, abs=1e-3)  # the margin of a unit is 1
    assert sum(bool(row["reasons"]) for row in told["items"]) >= 5
    assert set(small.shown(customer="c03")[:5]) & {row["item"] for row in bought(small, "c03")}


def test_money_is_of_what_they_buy_at_a_time(shop: Shop) -> None:
    """Chance × usual quantity × margin of a unit: five more at once are in the mean of it, one where it is new."""
    item = next(row["item"] for row in bought(shop, "c03") if row["item"] != "i00")
    times = sum(row["item"] == item for row in bought(shop, "c03", 1000))
    shop.happens({"kind": "purchase", "customer": "c03", "item": item, "quantity": 6.0, "store": "s0"})
    own = {row["item"] for row in bought(shop, "c03", 1000)}
    told = {row["item"]: row for row in shop.ask(customer="c03", count=50)["items"]}
    assert told[item]["money"] == pytest.approx(told[item]["score"] * (times + 6) / (times + 1), abs=1e-3)
    for other in told.keys() - own:
        assert told[other]["money"] == pytest.approx(told[other]["score"], abs=1e-3)
    assert told.keys() - own


@pytest.mark.parametrize("customer", [f"c{n:02}" for n in range(0, 30, 3)])
def test_every_stated_fact_is_in_the_log(small: Shop, customer: str) -> None:
    """Visits, gaps and kinds are counted again from the sales; what is said of others too."""
    kind = {f"i{n:02}": n % 7 for n in range(40)}
    lines, always = bought(small, customer), bought(small, customer, 1000)
    checked = 0
    for row in small.ask(customer=customer, count=20)["items"]:
        for reason in row["reasons"]:
            code, facts = reason["code"].removeprefix("recommend.because."), reason["facts"]
            own = sorted({line["day"] for line in always if line["item"] == row["item"]})
            if code == "habit":
                assert facts["count"] == sum(line["item"] == row["item"] for line in lines)
            elif code == "due":
                assert facts["ago"] == (LAST + timedelta(days=1) - own[-1]).days
                assert 2 * facts["ago"] >= facts["gap"]
                assert facts["gap"] == round((own[-1] - own[0]).days / (len(own) - 1))
            elif code == "kind":
                alike = {line["receipt"] for line in lines
                         if kind[line["item"]] == kind[row["item"]] and line["item"] != row["item"]}  # fmt: skip
                assert facts["count"] == len(alike)
            elif code in ("together", "taste"):
                assert not own and facts["other"] in {f"Item {int(line['item'][1:])}" for line in always}
            elif code == "popular_store":
                assert facts["store"] == small.ask(customer=customer)["store"]
                assert facts["share"] == share_of_baskets(small, row["item"], facts["store"])
            else:
                pytest.fail(f"{reason} is checked by nobody")
            checked += 1
    assert checked >= 10


@pytest.mark.parametrize("customer", ["c01", "c08", "c17", "c22"])
def test_without_what_is_stated_the_score_falls(tmp_path: Path, small: Shop, customer: str) -> None:
    """The deletion test, on the real log: the lines that a habit is made of are taken out, and the item falls."""
    for row in small.ask(customer=customer, count=5)["items"]:
        if "recommend.because.habit" in {reason["code"] for reason in row["reasons"]}:
            break
    else:
        pytest.fail("no habit among five items")
    (folder := tmp_path / "without").mkdir()
    other = Shop(folder)
    other.tables.erase("sales_lines", "customer", [customer])
    kept = [line for line in small.sales if line["customer"] == customer and line["item"] != row["item"]]
    other.append("sales_lines", kept)
    after = {found["item"]: found["score"] for found in other.ask(customer=customer, count=40)["items"]}
    assert after.get(row["item"], 0.0) < row["score"]


def test_a_view_changes_the_next_answer_and_is_the_reason(shop: Shop) -> None:
    """Three looks at items of one kind bring that kind up; the sentence counts them."""
    before = {row["item"]: row["score"] for row in shop.ask(customer="c04", count=40)["items"]}
    kind = [item for item in (f"i{n:02}" for n in range(3, 40, 7)) if item not in before][:3] or ["i03", "i10", "i17"]
    shop.happens(*({"kind": "view", "customer": "c04", "item": item} for item in kind))
    after = shop.ask(customer="c04", count=40)["items"]
    seen = [row for row in after if row["item"] in kind]
    assert len(seen) == len(kind)
    assert all(row["score"] > before.get(row["item"], 0.0) for row in seen)
    viewed = [r for row in seen for r in row["reasons"] if r["code"] == "recommend.because.viewed"]
    assert viewed and all(reason["facts"] == {"count": len(kind), "days": 30} for reason in viewed)


def test_what_comes_in_late_tells_nothing_of_now(shop: Shop) -> None:
    """Events of ten years ago that arrive this minute move no score."""
    before = shop.ask(customer="c04", count=20)["items"]
    old = {"at": "2007-01-01T00:00:00+00:00", "customer": "c04", "item": before[5]["item"]}
    shop.happens(*(old | {"kind": kind} for kind in ("view", "view", "purchase", "cart")))
    assert shop.ask(customer="c04", count=20)["items"] == before


def test_looks_of_last_month_count_and_older_ones_do_not(shop: Shop) -> None:
    """The log of events is read as far back as the sentence says."""
    for number, (ago, item) in enumerate([(3, "i05"), (29, "i12"), (40, "i19")]):
        at = (NOW - timedelta(days=ago)).isoformat()
        shop.append("events", [{"event_id": f"old{number}", "at": at, "kind": "view", "customer": "c06", "item": item}])
    rows = shop.ask(customer="c06", count=40)["items"]
    viewed = [r["facts"]["count"] for row in rows for r in row["reasons"] if r["code"] == "recommend.because.viewed"]
    assert viewed and set(viewed) == {2}


def test_what_is_in_the_cart_is_not_shown(shop: Shop) -> None:
    """An item in the cart is not recommended, what goes with it is; once it is taken out it may be again."""
    best = shop.shown(customer="c09")[0]
    shop.happens({"kind": "cart", "customer": "c09", "item": best})
    for place in ("home", "basket"):
        assert best not in shop.shown(customer="c09", place=place, count=40)
    assert shop.ask(customer="c09", place="basket")["items"][0]["reasons"][0]["code"].endswith("bought_with")
    shop.happens({"kind": "uncart", "customer": "c09", "item": best})
    assert (
        shop.shown(customer="c09", place="basket") == shop.shown(customer="c09")
        and shop.shown(customer="c09")[0] == best
    )


def test_nothing_out_of_stock_is_shown(shop: Shop) -> None:
    """Not at the close, and not once live sales have emptied the shelf; in another store it may be."""
    first, second = shop.shown(customer="c02")[:2]
    units = {(f"s{s}", f"i{i:02}"): 50.0 for s in range(3) for i in range(40)}
    shop.stock(units | {("s2", first): 0.0, ("s2", second): 2.0})
    assert first not in shop.shown(customer="c02", count=40) and second in shop.shown(customer="c02", count=40)
    shop.happens({"kind": "purchase", "customer": "c29", "store": "s2", "item": second, "quantity": 2.0})
    for place in PLACES:
        more = {"item": "i00"} if place in ("goes_with", "similar") else {"basket": ["i00"]}
        assert not {first, second} & set(shop.shown(customer="c02", place=place, store="s2", count=40, **more))
    assert first in shop.shown(customer="c02", store="s0", count=40)


def test_what_has_left_the_range_is_not_shown(shop: Shop) -> None:
    """An item whose last day was yesterday is history, however often it was bought; one that ends later is not."""
    first, second = shop.shown(customer="c02")[:2]
    rows = {row["item"]: row for row in shop.tables.fetch("items").to_pylist()}
    tomorrow = LAST + timedelta(days=1)
    shop.append("items", [rows[first] | {"delisted_from": tomorrow, "known_at": NOW - timedelta(days=9)},
                          rows[second] | {"delisted_from": tomorrow + timedelta(days=1),
                                          "known_at": NOW - timedelta(days=9)}])  # fmt: skip
    shown = shop.shown(customer="c02", count=40)
    assert first not in shown and second in shown


def test_what_may_not_be_advertised_is_not_shown(shop: Shop) -> None:
    """Tobacco is shown to nobody, however often it was bought; beer only to a member who bought it."""
    tobacco, beer = shop.shown(customer="c02")[:2]
    rows = {row["item"]: row for row in shop.tables.fetch("items").to_pylist()}
    early = {"known_at": NOW - timedelta(days=9)}
    shop.append(
        "items", [rows[tobacco] | {"category": "CIGARETTES"} | early, rows[beer] | {"category": "啤酒"} | early]
    )
    shown = shop.shown(customer="c02", count=40)
    assert tobacco not in shown and beer in shown
    for other in ({"customer": "c02", "personalised": False}, {"customer": "nobody"}):
        assert not {tobacco, beer} & set(shop.shown(store="s2", count=40, **other))


@pytest.mark.parametrize("why", ["objected", "asked", "unknown"])
def test_a_list_for_nobody_in_particular_says_so(shop: Shop, why: str) -> None:
    """Who objected, who asks for it, and whom nobody knows get the same list: what sells in the store."""
    popular = shop.shown(store="s1", customer="nobody")
    request: dict[str, Any] = {"customer": "c07", "store": "s1"}
    if why == "objected":
        word = {"customer": "c07", "purpose": "personalisation", "granted": False, "at": NOW - timedelta(hours=1)}
        shop.append("consents", [word])
        shop.happens({"kind": "view", "customer": "c07", "item": "i30"})
    elif why == "asked":
        request["personalised"] = False
    else:
        request["customer"] = "somebody"
    told = shop.ask(**request)
    assert (told["why"], told["personalised"]) == (why, False)
    assert [row["item"] for row in told["items"]] == popular and popular[0] == "i00"
    assert {reason["code"] for row in told["items"] for reason in row["reasons"]} == {"recommend.because.popular_store"}


def test_a_visit_without_a_member_is_served_by_its_looks(shop: Shop) -> None:
    """Who is not logged in gets more than bestsellers once they have looked at something; nobody else's looks count."""
    for number, item in ((1, "i33"), (2, "i36")):
        shop.happens({"kind": "view", "session": f"visit {number}", "item": item})
    told = [shop.ask(session=f"visit {number}", store="s0", count=40) for number in (1, 2, 3)]
    assert [answer["why"] for answer in told] == ["", "", "unknown"]
    places = [[row["item"] for row in answer["items"]].index("i33") for answer in told[:2]]
    assert places[0] < places[1]


def test_what_is_due_is_bought_again(small: Shop) -> None:
    """The reminder holds only what they bought at least twice and whose time has come."""
    for customer in ("c05", "c11", "c20"):
        for item in small.shown(customer=customer, place="replenish", count=20):
            days = sorted({row["day"] for row in bought(small, customer, 1000) if row["item"] == item})
            gap = (days[-1] - days[0]).days / (len(days) - 1)
            assert len(days) >= 2 and (LAST + timedelta(days=1) - days[-1]).days >= 0.8 * gap - 1e-9


def test_items_stand_beside_an_item(small: Shop) -> None:
    """Similar ones are of its kind; what goes with it is of another, and the members are counted."""
    similar = small.shown(item="i08", place="similar", count=4)
    assert all(int(item[1:]) % 7 == 1 for item in similar) and "i08" not in similar
    customers = {
        item: {row["customer"] for row in small.sales if row["item"] == item}
        for item in map("i{:02}".format, range(40))
    }
    rows = small.ask(item="i08", place="goes_with")["items"]
    assert rows
    for row in rows:
        facts = row["reasons"][0]["facts"]
        assert int(row["item"][1:]) % 7 != 1
        assert facts["of"] == len(customers["i08"])
        assert facts["both"] == len(customers["i08"] & customers[row["item"]])


def test_a_reason_does_not_compare_a_name_with_itself(shop: Shop) -> None:
    """Where two items, or an item and its kind, go by one name, the sentence says "another" or "as well"."""
    rows = {row["item"]: row for row in shop.tables.fetch("items").to_pylist()}
    early = {"known_at": NOW - timedelta(days=9)}
    shop.append("items", [rows[item] | {"name": "Oats"} | early for item in ("i08", "i15")])
    shop.append("items", [rows["i22"] | {"name": "kind 1"} | early])
    told = {row["item"]: row["reasons"][0] for row in shop.ask(item="i08", place="similar", count=5)["items"]}
    assert told["i15"]["sentence"] == "It is another Oats."
    assert told["i22"]["sentence"] == "It is kind 1, like Oats."
    told = {row["item"]: row["reasons"][0] for row in shop.ask(item="i22", place="similar", count=5)["items"]}
    assert told["i08"]["sentence"] == told["i15"]["sentence"] == "It is kind 1 as well."
    shop.append("items", [row | {"name": "Thing"} | early for row in rows.values()])
    (first, *_) = shop.ask(place="goes_with", item="i08")["items"]
    assert "who bought the other Thing bought this one too" in first["reasons"][0]["sentence"]
    house = shop.desk._current(recommend).snapshot.index
    for what in ("together", "taste"):
        assert has(beside(house, what, 1, 2)) and beside(house, what, 1, 2).endswith("_namesake")


@pytest.mark.parametrize(
    ("request_", "named"),
    [({"place": "moon"}, "moon"), ({"count": 0}, "count"), ({"count": 51}, "50"), ({"count": True}, "count"),
     ({"store": "s9"}, "s9"), ({"place": "similar"}, "item"), ({"place": "similar", "item": "i99"}, "i99"),
     ({"place": "basket", "basket": "i01"}, "basket"), ({"personalised": "no"}, "personalised"),
     ({"customer": ["c01"]}, "customer"), ({"place": "basket", "basket": ["i01"] * 201}, "201")],
)  # fmt: skip
def test_a_wrong_request_is_told(small: Shop, request_: dict[str, Any], named: str) -> None:
    """The field, its value and what it may be."""
    with pytest.raises(HubError, match=named):
        small.ask(**request_)


def test_before_anything_is_learned_the_answer_says_so(tmp_path: Path, shop: Shop) -> None:
    """A house that has not run a day has no recommender, and that is no defect."""
    shop.desk.models = tmp_path / "none"
    with pytest.raises(HubError, match="aislehub day"):
        shop.ask()


def test_every_reason_has_words(small: Shop) -> None:
    """In both languages, with all facts filled in."""
    spoken: set[str] = set()
    for customer in (f"c{n:02}" for n in range(30)):
        for row in small.ask(customer=customer)["items"]:
            for reason in row["reasons"]:
                assert has(reason["code"]) and "{" not in reason["sentence"]
                spoken.add(reason["code"])
    assert len(spoken) >= 3 and len(LANGUAGES) == 2
