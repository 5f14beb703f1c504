"""The step of pricing: what is proposed, what is not, and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from aislehub.core.reasons import sentence
from aislehub.core.text import LANGUAGES
from aislehub.price.pricing import Policy, checks

from .shelf import CONTRACTS, DAY, ago, asked, delivered, learned, state, table
from .shelf import priced as changes_of

Priced = Callable[..., pd.DataFrame]
SOON = DAY + timedelta(days=2)


@pytest.fixture
def priced() -> Priced:
    """The step on rows of the shelf."""
    return changes_of


def only(frame: pd.DataFrame) -> dict[str, Any]:
    """The one row."""
    assert len(frame) == 1, frame
    return frame.to_dict("records")[0]


def codes(row: dict[str, Any]) -> list[str]:
    """Codes of the reasons, heaviest first."""
    return [reason["code"] for reason in json.loads(row["reasons"])]


def test_elastic_goods_become_cheaper_and_inelastic_ones_dearer(priced: Priced) -> None:
    """At cost 1 and elasticity −3 the best price is 1.50, at −1.5 it is 3.00: 2.00 moves one step towards it."""
    cheaper, dearer = only(priced()), only(priced(price_elasticities=[learned(elasticity=-1.5, width=0.2)]))
    assert cheaper["price"] == 1.75 and dearer["price"] == 2.29
    assert cheaper["bound"] == dearer["bound"] == "max_step"
    for row in (cheaper, dearer):
        assert row["money"] > 0 and row["money_low"] <= row["money"] <= row["money_high"]
        unchanged = json.loads(row["baseline"])
        assert (unchanged["name"], unchanged["price"], unchanged["begins"]) == ("unchanged", 2.0, "2026-03-02")
        assert (row["horizon_days"], row["regular"], str(row["begins"])) == (7, 2.0, "2026-03-02")


def test_the_best_price_is_left_alone(priced: Priced) -> None:
    """A price that is already the best on the ladder is not proposed again."""
    assert priced(prices=[asked(price=1.49)]).empty


def test_what_is_not_known_moves_nothing(priced: Priced) -> None:
    """An elasticity that the item's own data cannot tell, or that may pay either way, moves no price."""
    assert priced(price_elasticities=[learned(level="category", identified=False)]).empty
    assert priced(price_elasticities=[learned(elasticity=-2.0, width=1.9)]).empty
    assert priced(price_elasticities=[learned(elasticity=-0.5, width=0.6)]).empty  # not even its sign is known
    assert priced(price_elasticities=[]).empty
    assert not priced(Policy(levels=["category"]), price_elasticities=[learned(level="category")]).empty


def test_a_change_has_to_be_worth_it(priced: Priced) -> None:
    """Below the least money, its own cost off, nothing is changed."""
    money = only(priced())["money"]
    assert priced(Policy(least_money=money + 0.01)).empty
    assert only(priced(Policy(change_cost=1.1)))["money"] == pytest.approx(money - 1.0)


def test_reasons_add_up_to_the_money(priced: Priced) -> None:
    """The weights of the reasons are terms of the money; with the cost of the change they sum to it."""
    for frame in (priced(), priced(receipts=[delivered(180, SOON)], prices=[asked(price=1.6)])):
        row = only(frame)
        terms = sum(reason["weight"] for reason in json.loads(row["reasons"]))
        played = row["kind"] == "clearance"  # of a clearance, units are those of the days played through
        assert terms == pytest.approx(row["money"] + Policy().change_cost, rel=0.35 if played else 1e-6)


def test_reasons_are_sentences_in_both_languages(priced: Priced) -> None:
    """No placeholder is left open."""
    frame = priced(
        receipts=[delivered(180, SOON)], competitor_prices=[seen(1.9), seen(190.0, "far")],
        price_elasticities=[learned(elasticity=-2.0)],
    )  # fmt: skip
    for reason in json.loads(only(frame)["reasons"]):
        for lang in LANGUAGES:
            assert "{" not in sentence(reason, lang) and reason["code"] not in sentence(reason, lang)


def test_short_dated_goods_are_marked_down(priced: Priced) -> None:
    """Units that expire before they would sell are cleared, further than a usual step and, if need be, below cost."""
    row = only(priced(receipts=[delivered(180, SOON), delivered(20, DAY + timedelta(days=12))]))
    assert row["kind"] == "clearance" and row["price"] < 1.75 and row["expires"] == SOON
    assert (row["expiring"], row["stock"], row["horizon_days"]) == (180, 200, 2)
    assert row["units"] > row["units_nothing"] and "price.because_expiry" in codes(row)
    action = json.loads(row["action"])
    assert (action["price_kind"], action["ends"], action["instead_of"]) == ("clearance", str(SOON), 2.0)
    below = only(priced(receipts=[delivered(200, SOON)], supply_state=[state(cost=1.8)]))
    assert 0.9 <= below["price"] < 1.8
    never = only(
        priced(Policy(clearance_below_cost=0.0), receipts=[delivered(200, SOON)], supply_state=[state(cost=1.8)])
    )
    assert never["price"] >= 1.8


def test_dates_come_from_best_before_or_from_shelf_life(priced: Priced) -> None:
    """A delivery without a date expires its item's shelf life after it came; goods without either are not cleared."""
    by_life = priced(receipts=[delivered(190, None, arrived=ago(2))], supply_state=[state(shelf_life_days=5.0)])
    assert only(by_life)["expires"] == SOON
    assert only(priced(receipts=[delivered(190, None)]))["kind"] == "regular"


def test_goods_that_sell_in_time_are_not_cleared(priced: Priced) -> None:
    """Short-dated units that will sell anyway keep their price."""
    assert priced(receipts=[delivered(10, SOON)], supply_state=[state(on_hand=10.0)], prices=[asked(price=1.49)]).empty


def seen(price: float, competitor: str = "rival", item: str = "milk", **given: Any) -> dict[str, Any]:
    """A row of `competitor_prices`."""
    moment = datetime(DAY.year, DAY.month, DAY.day, 8, tzinfo=UTC)
    return {"competitor": competitor, "item": item, "seen_at": moment, "price": price} | given


def test_no_price_is_raised_far_above_a_competitor(priced: Priced) -> None:
    """The lowest believed competitor caps a rise; a region's competitor counts there only."""
    inelastic = [learned(elasticity=-1.5, width=0.2)]
    row = only(priced(price_elasticities=inelastic, competitor_prices=[seen(1.99), seen(2.4, "other")]))
    assert row["price"] <= 1.99 * 1.1 and row["bound"] == "competitor_cap"
    assert (row["competitor"], row["competitor_price"]) == ("rival", 1.99)
    elsewhere = only(priced(price_elasticities=inelastic, competitor_prices=[seen(1.99, region="north")]))
    assert elsewhere["price"] == 2.29 and pd.isna(elsewhere["competitor_price"])


@pytest.mark.parametrize("factor", [100.0, 0.01])
def test_a_competitor_feed_100_times_off_is_ignored_and_said(priced: Priced, factor: float) -> None:
    """It moves nothing, and the decision says that it was left out."""
    inelastic = [learned(elasticity=-1.5, width=0.2)]
    row = only(priced(price_elasticities=inelastic, competitor_prices=[seen(2.0 * factor)]))
    assert row["price"] == only(priced(price_elasticities=inelastic))["price"]
    assert "price.because_ignored" in codes(row) and "price.because_competitor" not in codes(row)


def test_a_promotion_has_the_price(priced: Priced) -> None:
    """Items with an announced cut or a sale price in the coming days are left alone; shown ones are not."""
    promotion = {"store": "1", "item": "milk", "promotion": "p", "starts": DAY, "ends": DAY + timedelta(days=5)}
    assert priced(promotions=[promotion | {"discount": 0.2}]).empty
    assert not priced(promotions=[promotion | {"mechanic": "shown", "display": "end"}]).empty
    sale = asked(kind="sale", valid_from=DAY + timedelta(days=3), valid_to=DAY + timedelta(days=5), price=1.5)
    assert priced(prices=[asked(), sale]).empty


def test_a_young_price_is_left_alone(priced: Priced) -> None:
    """A price changed within the days that one holds at least, or that begins tomorrow, is not changed again."""
    for begins in (ago(2), DAY + timedelta(days=1)):
        assert priced(prices=[asked(price=2.2), asked(valid_from=begins)]).empty
    assert not priced(prices=[asked(price=2.2), asked(valid_from=ago(6))]).empty


def test_a_shop_that_is_short_raises_no_price(priced: Priced) -> None:
    """Too little stock is no reason to be dearer, unless the policy says so."""
    short = {"supply_state": [state(on_hand=15.0)], "prices": [asked(price=1.49)]}
    assert priced(**short).empty
    assert only(priced(Policy(raise_when_short=True), **short))["price"] > 1.49


def test_cross_effects_count(priced: Priced) -> None:
    """What a cheaper item takes from its neighbours is counted against it."""
    cross = {
        "day": DAY, "item": "soap", "other": "milk", "elasticity": 0.5, "low": 0.4, "high": 0.6, "identified": True,
        "weight": 0.9, "rows": 400,
    }  # fmt: skip
    rows = [state(), state(item="soap", price=1.4, cost=1.0)]
    row = only(priced(supply_state=rows, cross_elasticities=[cross]))
    assert row["money"] < only(priced())["money"] and "price.because_beside" in codes(row)


def test_the_former_price_is_the_lawful_one(priced: Priced) -> None:
    """Raised eleven days ago from 1.90 to 2.00: in the EU 1.90 is the former price, in China what was paid counts."""
    raised = [asked(price=1.9), asked(price=2.0, valid_from=ago(10))]
    eu = only(priced(Policy(law=["eu"]), prices=raised))
    assert eu["price"] == 1.75 and eu["was"] == 1.9 and json.loads(eu["action"])["was"] == 1.9
    paid = [{"day": DAY, "store": "1", "item": "milk", "sold_on": ago(3), "price": 1.85}]
    assert only(priced(Policy(law=["cn"]), prices=raised, sold_prices=paid))["was"] == 1.85
    silent = only(priced(Policy(law=["cn"]), prices=raised))
    assert (
        pd.isna(silent["was"]) and "was" not in json.loads(silent["action"]) and "price.because_no_was" in codes(silent)
    )
    assert pd.isna(only(priced(Policy(announce=False)))["was"])


def test_the_law_follows_the_store(priced: Priced) -> None:
    """Two stores of one chain in two countries show two former prices."""
    rows = priced(
        supply_state=[state("1"), state("2")],
        prices=[asked(s, price=p, valid_from=f) for s in "12" for p, f in ((1.9, ago(365)), (2.0, ago(10)))],
        stores=[{"store": "1", "country": "DE"}, {"store": "2", "country": "BR"}],
    )  # fmt: skip
    assert rows.set_index("store")["was"].to_dict() == {"1": 1.9, "2": 2.0}


def test_the_budget_of_a_store_goes_to_the_most_money(priced: Priced) -> None:
    """With one change a day, each store changes the price that earns most."""
    lines = [state(store, item, own_mean=units) for store in "12" for item, units in (("milk", 70.0), ("soap", 140.0))]
    given = {
        "supply_state": lines, "prices": [asked(store, item) for store in "12" for item in ("milk", "soap")],
        "price_elasticities": [learned("milk"), learned("soap")],
    }  # fmt: skip
    assert len(priced(**given)) == 4
    assert priced(Policy(changes_per_day=1), **given)["subject"].tolist() == ["soap", "soap"]
    assert priced(Policy(changes_per_day=0), **given).empty


def test_tax_is_not_ours(priced: Priced) -> None:
    """A price holds tax; margin and floor are counted without it."""
    assert only(priced(items=[{"item": "milk", "tax_rate": 0.9}]))["price"] > 2.0  # 2.00 is 1.05 without tax
    row = only(priced(items=[{"item": "milk", "tax_rate": 0.25}], prices=[asked(price=2.5)]))
    assert row["price"] / 1.25 >= 1.0 / 0.95


@pytest.mark.parametrize(
    "broken",
    [
        {"supply_state": [state(on_hand=0.0)]},
        {"supply_state": [state(on_hand=-5.0)]},
        {"prices": []},
        {"prices": [asked(price=0.0)]},
        {"supply_state": []},
    ],
)
def test_nothing_to_sell_or_no_price_is_silent(priced: Priced, broken: dict[str, Any]) -> None:
    """A line without stock or without a price has no proposal, and breaks nothing."""
    assert priced(**broken).empty


def test_the_currency_sets_the_ladder(priced: Priced) -> None:
    """Yuan end as yuan do; a chain's own endings come before."""
    yuan = only(priced(currency="CNY", prices=[asked(price=12.9)], supply_state=[state(cost=6.0)]))
    assert round(yuan["price"] % 1, 2) in (0.5, 0.8, 0.9)
    own = only(priced(Policy(endings=[0.45]), prices=[asked(price=12.9)], supply_state=[state(cost=6.0)]))
    assert round(own["price"] % 1, 2) == 0.45


def test_limits_of_an_override_are_lawful_prices(priced: Priced) -> None:
    """`least` and `most` of the action enclose its price and keep the guard-rails."""
    action = json.loads(only(priced())["action"])
    assert action["least"] <= action["price"] <= action["most"]
    assert {"price_kind", "begins", "instead_of"} <= json.loads(
        only(priced())["baseline"]
    ).keys()  # a control arm's action
    assert action["least"] >= 2.0 * 0.85 - 1e-9 and action["most"] <= 2.0 * 1.15 + 1e-9


def test_facts_are_counted_again_from_the_tables(priced: Priced) -> None:
    """The check of the elasticity reads the table that the decision rests on."""

    class Tables:
        """One table."""

        def read(self, name: str, *, as_of: Any) -> Any:
            return table(CONTRACTS[name], [learned()])

    row = only(priced())
    facts = next(r["facts"] for r in json.loads(row["reasons"]) if r["code"] == "price.because_elasticity")
    counted = checks["price.because_elasticity"](Tables(), {"day": DAY, "subject": "milk"})
    assert counted == facts
