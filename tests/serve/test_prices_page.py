"""The page Prices: the day's changes beside leaving them alone, and one item's ladder."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from fastapi.testclient import TestClient

from aislehub.core.book import Filter
from aislehub.core.hub import Hub

SignIn = Callable[..., TestClient]


def charts(page: str) -> dict[str, dict[str, Any]]:
    """What the page's charts are drawn from, by kind."""
    found = [
        json.loads(text) for text in re.findall(r'data-chart><script type="application/json">(.*?)</script>', page)
    ]
    return {chart["kind"]: chart for chart in found}


def test_a_house_without_prices_says_what_they_need(sign_in: SignIn) -> None:
    """Before the first change is proposed the page says what prices are made from."""
    assert "No price has been proposed yet" in sign_in().get("/prices").text


def test_goods_that_keep_and_short_dated_ones_stand_apart(priced: Hub, sign_in: SignIn) -> None:
    """Each change is under one of the two tabs, with price, margin and units beside those of doing nothing."""
    keep, soon = (sign_in().get(f"/prices?goods={goods}").text for goods in ("regular", "clearance"))
    assert "item=1001" in keep and "item=1002" not in keep.partition("<section")[2].partition("</section")[0]
    assert "item=1002" in soon and "60 units until 2017-11-07" in soon
    (row,) = priced.ledger.find(Filter(kind="price_changes", subject="1001"))
    for amount in (row["action"]["price"], row["action"]["instead_of"]):
        assert f"<dd>${amount:.2f}" in keep or f'<dd class="muted">${amount:.2f}' in keep
    assert {point["group"] for point in charts(keep)["moves"]["points"]} == {"cheaper", "clearance"}
    assert sum(charts(keep)["counts"]["values"]) == 2


def test_the_ladder_shows_what_was_weighed(priced: Hub, sign_in: SignIn) -> None:
    """An item's page has every price with its guard-rail, the one that holds and the proposed one, and its rivals."""
    page = sign_in().get("/prices/item?store=367&item=1001&day=2017-11-05").text
    found = charts(page)
    (row,) = priced.ledger.find(Filter(kind="price_changes", subject="1001"))
    ladder = found["rungs"]
    assert ladder["now"] == "4.19" and ladder["proposed"] == f"{row['action']['price']:.2f}"
    assert ladder["money"][ladder["prices"].index(ladder["proposed"])] == round(row["money"], 3)
    assert "largest step" in ladder["guards"] and "" in ladder["guards"]
    used, own, category = found["forest"]["lines"]
    assert (used["value"], own["value"], category["name"]) == (-4.0, -4.2, "3 items of DAIRY")
    assert found["prices"]["rivals"] == [{"name": "Corner", "values": [*([None] * 179), 3.99, 3.99, 3.99]}]
    assert "Corner" in page and "simulated" in page


def test_an_item_that_is_left_alone_says_why(priced: Hub, sign_in: SignIn) -> None:
    """Without a proposal the page says so, and whether enough is known; an unknown item is told, not guessed."""
    page = sign_in().get("/prices/item?store=367&item=1003&day=2017-11-05").text
    assert "The price is left alone" in page
    assert "Too little is known to move this price" in page
    assert "it has had one price ever" in page
    assert "no price can be weighed" in sign_in().get("/prices/item?store=367&item=9&day=2017-11-05").text
    assert sign_in().get("/prices/item?store=367&item=1001&day=soon").status_code == 422


def test_a_decided_change_leaves_the_open_ones(priced: Hub, sign_in: SignIn) -> None:
    """What was approved is no longer among the open changes, and stands under all with its state."""
    client = sign_in()
    priced.ledger.approve(Filter(kind="price_changes", subject="1001"), who="planner")
    assert "item=1001" not in client.get("/prices/list").text
    assert "approved" in client.get("/prices/list?state=").text
