"""The page Recommendations: lists as they are shown, events that move them, whose list anybody may see."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from aislehub.core.hub import Hub
from aislehub.core.reads import reads_of
from aislehub.serve import auth
from aislehub.serve.api import application
from aislehub.serve.console.recommendations import few
from tests.customer.recommend.shop import Shop
from tests.customer.recommend.test_coverage import LISTS

from .conftest import PASSWORD, make_hub
from .test_promotions_page import charts

SignIn = Callable[..., TestClient]
VISIT = "console-0123456789abcdef"


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a house with a small shop's recommender and the users, to be copied."""
    home = tmp_path_factory.mktemp("learned")
    hub = make_hub(home)
    shop = Shop(home, tables=hub.tables)
    word = {"customer": "c05", "purpose": "personalisation", "granted": False, "at": datetime(2024, 5, 1, tzinfo=UTC)}
    shop.append("consents", [word])
    for role in auth.ROLES:
        auth.add_user(hub.state, role, PASSWORD, role, "anna" if role == "staff" else "")
    hub.close()
    return home


@pytest.fixture
def hub(learned: Path, tmp_path: Path, open_house: Callable[[Path, Path], Hub]) -> Iterator[Hub]:
    """A house of one's own that has learned a recommender."""
    hub = open_house(learned, tmp_path / "home")
    yield hub
    hub.close()


def listed(client: TestClient, **wish: Any) -> str:
    """The list for a wish."""
    answer = client.get("/recommendations/list", params={"visit": VISIT} | wish)
    assert answer.status_code == 200, answer.text
    return answer.text


def do(client: TestClient, kind: str, item: str, **wish: Any) -> str:
    """The list after something was done with an item."""
    answer = client.post("/recommendations/event", data={"visit": VISIT, "kind": kind, "of": item} | wish)
    assert answer.status_code == 200, answer.text
    return answer.text


def items(page: str) -> list[str]:
    """The items of a list, the first place first."""
    return re.findall(r"<small>(i\d\d) · ", page)


def test_a_house_without_a_recommender_says_what_to_do(empty_hub: Hub) -> None:
    """Before the first business day the page says how a recommender is learned."""
    with TestClient(application(empty_hub)) as client:
        client.post("/login", data={"user": "admin", "password": PASSWORD})
        page = client.get("/recommendations").text
    assert "No recommender has been learned yet" in page and "aislehub day DATE" in page


def test_a_member_s_list_has_worth_stock_and_reasons(hub: Hub, sign_in: SignIn) -> None:
    """An admin sees ten items as the answer gives them: chance in words, expected money, stock and sentences."""
    page, told = listed(sign_in("admin"), customer="c03"), hub.desk.ask("recommend", {"customer": "c03"})
    assert items(page) == [row["item"] for row in told["items"]]
    first = told["items"][0]
    assert f"{round(first['score'] * 100)} in 100 would buy it on their next visit" in page
    assert f"${first['money']:.2f} expected" in page and "50 in stock" in page
    assert first["reasons"][0]["sentence"] in page


def test_only_an_admin_sees_a_member(hub: Hub, sign_in: SignIn) -> None:
    """A planner gets neither a member's list, nor keys of members, nor a member at random; a reading is noted."""
    client = sign_in("planner")
    assert 'name="customer"' not in client.get("/recommendations").text
    for address in ("list?customer=c03&visit=" + VISIT, "members?customer=c", "random"):
        assert client.get(f"/recommendations/{address}").status_code == 403
    data = {"visit": VISIT, "customer": "c03", "kind": "view", "of": "i01"}
    assert client.post("/recommendations/event", data=data).status_code == 403
    assert reads_of(hub.state, ["c03"]) == [] and hub.inbox.since() == []
    listed(sign_in("admin"), customer="c03")
    assert [(row["who"], row["what"]) for row in reads_of(hub.state, ["c03"])] == [("admin", "page recommendations")]


def test_members_are_found_by_the_beginning_of_their_key(sign_in: SignIn) -> None:
    """What was typed is a beginning, not a part; a member at random is one who bought something."""
    client = sign_in("admin")
    found = re.findall(r'value="(\w+)"', client.get("/recommendations/members?customer=c1").text)
    assert found == [f"c1{n}" for n in range(10)]
    assert re.search(r"customer=c\d\d$", client.get("/recommendations/random").headers["location"])


def test_a_visitor_s_deeds_move_the_list_at_once(hub: Hub, sign_in: SignIn) -> None:
    """A look is an event of this house that says where it comes from; what rises is marked and told."""
    client = sign_in("planner")
    before = listed(client)
    assert "Nothing is known of this shopper yet" in before
    more = hub.desk.ask("recommend", {"session": VISIT, "count": 20})["items"]
    away = next(row["item"] for row in more if row["item"] not in items(before))
    after = do(client, "view", away)
    ((_, event),) = hub.inbox.since()
    assert event["kind"] == "view" and event["item"] == away and event["session"] == VISIT
    assert "customer" not in event and event["source"] == "simulated: tried on the page Recommendations"
    assert away in items(after) and items(listed(client)) == items(after)
    assert f"Viewed Item {int(away[1:])}." in after and "No longer shown: " in after
    assert after.count('badge care">new') == len(set(items(after)) - set(items(before)))


def test_a_cart_is_filled_and_emptied(sign_in: SignIn) -> None:
    """What was put in the cart is not offered again until it is taken out; beside the cart stands what goes with it."""
    client = sign_in("admin")
    first = items(listed(client, customer="c03"))[0]
    after = do(client, "cart", first, customer="c03")
    assert first not in items(after) and "In the cart:" in after
    beside = listed(client, customer="c03", place="basket")
    assert "only to compare" in beside and "members who bought" in beside
    emptied = do(client, "uncart", first, customer="c03")
    assert "In the cart:" not in emptied and items(emptied)[0] == first


def test_nothing_is_chosen_for_who_objected(sign_in: SignIn) -> None:
    """A member who objected gets what sells in the store, and the page says why; without a choice it is the same."""
    client = sign_in("admin")
    page = listed(client, customer="c05")
    assert "wants nothing chosen for them" in page and re.search(r"in \d+ of 100 baskets", page)
    assert items(page) == items(listed(client, customer="c05", personalised="no"))


def test_beside_an_item_stands_the_best_seller_s_where_none_is_chosen(sign_in: SignIn) -> None:
    """Goes with and similar need an item: the chosen one, else what sells best; an unknown one is told kindly."""
    client = sign_in("viewer")
    assert "Goes with Item 0" in listed(client, place="goes_with")
    assert "Similar to Item 7" in listed(client, place="similar", item="i07")
    assert "no item i99" in listed(client, place="similar", item="i99")


def test_a_viewer_reads_but_does_nothing(sign_in: SignIn) -> None:
    """No buttons, and no event from who may not write; nobody looks at a visit that this page has not made."""
    client = sign_in("viewer")
    assert "<button" not in listed(client)
    assert client.post("/recommendations/event", data={"visit": VISIT, "kind": "view", "of": "i01"}).status_code == 403
    assert client.get("/recommendations/list?visit=web-1").status_code == 422


def test_the_card_is_told(sign_in: SignIn) -> None:
    """The page says when the model was learned, and that nothing has tried it; the address fills the form."""
    page = sign_in("admin").get("/recommendations?customer=c07&place=similar").text
    assert "learned 2024-06-30" in page and "was not tried against the base" in page
    assert 'value="c07"' in page and '<option value="similar" selected>' in page


def test_what_the_lists_reach_is_told(hub: Hub, sign_in: SignIn) -> None:
    """Aggregates of the newest lists are for every reader, with the figures that `coverage` counts."""
    day, shares = date(2024, 6, 30), json.dumps({"habit": 1.5, "offer": -0.5})
    rows = [
        {"day": day, "customer": f"c{n:02}", "rank": rank, "item": f"i{rank:02}", "kind": kind, "shares": told,
         "source": "simulated: stock"}
        for n in range(6) for rank, kind, told in ((1, "again", shares), (2, "new", None))
    ]  # fmt: skip
    hub.registry.contracts["recommendations"] = LISTS
    hub.tables.write("recommendations", LISTS.check(pa.Table.from_pylist(rows)).good, day)
    page = sign_in("viewer").get("/recommendations").text
    found = charts(page)
    assert "2 items; 40 sold in the last 84 days" in page and "12 places" in page and "bought before: 50\xa0%" in page
    assert 'Members who object to personalisation</th><td class="figure">fewer than 5<' in page
    assert "groups" not in found  # nobody said which department an item belongs to
    assert found["counts"]["values"] == [-0.5, 1.5] and "over 6 first places" in page
    assert "c00" not in page and 'badge warn"' in page


def test_a_handful_of_members_is_not_counted_out() -> None:
    """A count of members from one to four could name somebody: it is told as fewer than five."""
    assert [few(count) for count in (0, 1, 4, 5)] == ["0", "fewer than 5", "fewer than 5", "5"]
