"""What if: a planted answer of demand is found, in units and money, and what cannot be known is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pytest

from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.core.text import has
from aislehub.demand.effect import Promotion
from aislehub.demand.whatif import WhatIf, promotion_of, whatif, whatif_command

DAY = date(2024, 7, 28)
WEEK = (DAY + timedelta(days=1), DAY + timedelta(days=7))


def codes(found: WhatIf) -> list[str]:
    """Codes of the reasons."""
    return [reason.code for reason in found.reasons]


@pytest.mark.parametrize("source", ["price list", "observed"])
@pytest.mark.parametrize("price", [1.6, 1.8])
def test_a_price_cut_sells_what_was_planted(chains: Callable[[str], Hub], source: str, price: float) -> None:
    """Demand at a lower price is (new / old)^−2 times as much: inside the interval, and expected within a fifth."""
    found = whatif(chains(source), "juice", price=price)
    planted = float(np.mean((price / found.before.price) ** -2.0))
    total = found.part(slice(None))["units"]
    assert total["low"] <= total["difference"] <= total["high"]
    assert total["before"] + total["low"] <= planted * total["before"] <= total["before"] + total["high"]
    assert total["after"] / total["before"] == pytest.approx(planted, rel=0.2)


def test_a_list_price_asks_the_model_and_a_receipt_price_the_past(chains: Callable[[str], Hub]) -> None:
    """Where prices are known ahead the model forecasts again; where they are only observed it has no say."""
    assert "whatif.model" in codes(whatif(chains("price list"), "juice", price=1.6))
    assert codes(whatif(chains("observed"), "juice", price=1.6))[0] == "whatif.price_response"


def test_a_higher_price_never_sells_more(chains: Callable[[str], Hub]) -> None:
    """Neither the expected demand nor the interval rises with the price."""
    found = whatif(chains("observed"), "milk", price=2.1)
    assert (found.high.units <= found.before.units + 1e-9).all()


def test_a_display_lifts_only_its_days(chains: Callable[[str], Hub]) -> None:
    """A second placement in one week lifts that week by about what was planted and leaves the rest alone."""
    found = whatif(
        chains("observed"), "cola", store="B", promotion=Promotion(display=True), first=WEEK[0], last=WEEK[1]
    )
    lift = found.after.units[:7].sum() / found.before.units[:7].sum()
    assert 1.3 < lift < 2.0
    assert found.after.units[8:] == pytest.approx(found.before.units[8:], rel=0.05)


def test_no_promotion_takes_the_announced_one_back(chains: Callable[[str], Hub]) -> None:
    """`none` on the week of an announced display sells less than planned."""
    found = whatif(chains("observed"), "tea", store="A", promotion=Promotion(), first=WEEK[0], last=WEEK[1])
    assert found.part(slice(0, 7))["units"]["difference"] < 0


def test_money_is_units_times_price_less_cost(chains: Callable[[str], Hub]) -> None:
    """Revenue and margin follow from units, price and the item's cost; the totals are sums of the days."""
    found = whatif(chains("observed"), "juice", store="A", price=1.7)
    assert found.after.revenue == pytest.approx(found.after.units * 1.7)
    assert found.after.margin == pytest.approx(found.after.units * (1.7 - 1.2))
    document = found.document()
    for name in ("units", "revenue", "margin"):
        total = document["total"][name]
        assert total["difference"] == pytest.approx(sum(day[name]["difference"] for day in document["days"]))
        assert total["low"] <= total["difference"] <= total["high"]


def test_all_stores_are_the_sum_of_each(chains: Callable[[str], Hub]) -> None:
    """Without a store, the answer is that of all stores with a forecast, added."""
    hub = chains("observed")
    every = whatif(hub, "juice", price=1.7)
    assert every.stores == ["A", "B", "C"]
    each = [whatif(hub, "juice", store=store, price=1.7) for store in every.stores]
    assert every.after.units == pytest.approx(sum(found.after.units for found in each))


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"item": "juic", "price": 1.7}, "demand.unknown_item"),
        ({"store": "D", "price": 1.7}, "demand.unknown_store"),
        ({}, "whatif.nothing"),
        ({"price": -1.0}, "whatif.price"),
        ({"price": float("nan")}, "whatif.price"),
        ({"price": 90.0}, "whatif.price_far"),
        ({"price": 0.05}, "whatif.price_far"),
        ({"price": 1.7, "first": DAY}, "whatif.days"),
        ({"price": 1.7, "first": WEEK[1], "last": WEEK[0]}, "whatif.days"),
        ({"price": 1.7, "last": DAY + timedelta(days=15)}, "whatif.days"),
        ({"promotion": Promotion(mailer=True)}, "whatif.no_promotions"),
    ],
)
def test_what_cannot_be_answered_is_refused(chains: Callable[[str], Hub], asked: dict, code: str) -> None:
    """Unknown names, no change, no price, a price out of reach, other days, a place never tried: value, limit, hint."""
    with pytest.raises(HubError) as refused:
        whatif(chains("observed"), **{"item": "juice"} | asked)
    assert refused.value.code == code
    assert refused.value.hint()


def test_a_price_never_seen_is_flagged(chains: Callable[[str], Hub]) -> None:
    """A price a little beyond those seen is answered, with care."""
    found = whatif(chains("observed"), "juice", price=2.2)
    assert "whatif.never_seen" in codes(found)
    assert all(has(code) for code in codes(found))


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("", None),
        ("none", Promotion()),
        ("display", Promotion(display=True)),
        ("Mailer, discount=20%", Promotion(mailer=True, discount=0.2)),
    ],
)
def test_promotions_are_read_from_words(text: str, made: Promotion | None) -> None:
    """Places and a discount, as share or per cent."""
    assert promotion_of(text) == made


@pytest.mark.parametrize(
    "text", ["displays", "discount=1.5", "discount=", "discount=-0.1", "none,display", "display=1"]
)
def test_words_that_are_no_promotion_are_refused(text: str) -> None:
    """A word that is no promotion, or a discount outside 0 to 1, is named."""
    with pytest.raises(HubError) as refused:
        promotion_of(text)
    assert refused.value.code in ("whatif.promotion", "whatif.discount")


def test_the_command_prints_one_document_or_a_table(
    chains: Callable[[str], Hub], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--json prints both cases with their difference; without it, totals, reasons and days."""
    hub = chains("observed")
    monkeypatch.setenv("AISLEHUB_HOME", str(hub.home))
    whatif_command("juice", store="A", price=1.7, as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert document["change"]["price"] == 1.7
    assert len(document["days"]) == 14
    whatif_command("juice", price=1.7)
    text = capsys.readouterr().out
    assert "Revenue" in text
    assert "Not in these numbers" in text
