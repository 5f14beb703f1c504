"""The page Promotions: the plan, the gate's verdict, what was drawn and what is believed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from aislehub.core.hub import Hub
from aislehub.price.promotion import weighed

from .conftest import DAY

SignIn = Callable[..., TestClient]


def charts(page: str) -> dict[str, dict[str, Any]]:
    """What the page's charts are drawn from, by kind."""
    found = [
        json.loads(text) for text in re.findall(r'data-chart><script type="application/json">(.*?)</script>', page)
    ]
    return {chart["kind"]: chart for chart in found}


def test_a_house_without_a_plan_says_when_one_is_made(sign_in: SignIn) -> None:
    """Before the first plan the page says what it needs."""
    assert "No promotion has been planned yet" in sign_in().get("/promotions").text


def test_the_plan_says_that_a_line_is_on_trial(promoted: Hub, sign_in: SignIn) -> None:
    """A trial that loses money is called a trial before anything else, beside today's rule."""
    page = sign_in().get("/promotions").text
    row = page.partition("data-row")[2].partition("</tr>")[0]
    assert "Tomatoes" not in row and "Bananas" in row and "−$1.25" in row
    assert re.search(r">trial</span>\s+This line is on trial", row)
    assert "<dd>10\xa0%</dd>" in row and '<dd class="muted">0\xa0%</dd>' in row
    assert "Bananas" in sign_in().get("/promotions/list").text


def test_the_gate_shows_all_three_estimators(promoted: Hub, sign_in: SignIn) -> None:
    """Of the hub's promotions, of today's rule and of their difference the page has what the gate has counted."""
    page = sign_in().get("/promotions").text
    said, found = weighed(promoted, DAY)
    assert (said.rows, said.missed) == (60, 4)
    lines = charts(page)["forest"]["lines"]
    assert lines[0]["value"] == pytest.approx(said.gain, abs=1e-3) and said.passed
    assert [line["name"].rpartition(", ")[2] for line in lines[1:]] == ["IPS", "SNIPS", "DR"] * 2
    told = [(line["value"], line["low"], line["high"]) for line in lines[1:]]
    counted = [(one.value, one.low, one.high) for kinds in found.values() for one in kinds.values()]
    for mine, theirs in zip(told, counted, strict=True):
        assert mine == pytest.approx(theirs, abs=1e-3)
    assert "Passed: " in page and f"{said.rows} of at least 50 outcomes" in page


def test_draws_stand_beside_their_probabilities(promoted: Hub, sign_in: SignIn) -> None:
    """Two of 16 lines drew 10 % where 8 were expected; what is believed of each item is a point."""
    found = charts(sign_in().get("/promotions").text)
    expected, drawn = found["groups"]["series"]
    assert (found["groups"]["names"], expected["values"], drawn["values"]) == (["10\xa0%"], [8.0], [2])
    assert len(found["belief"]["points"]) == 8
    assert found["belief"]["points"][0]["values"] == [10.5, 2.0, 60]
