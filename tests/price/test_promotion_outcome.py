"""A promotion is measured by its week and the weeks after, beside lines that were not promoted."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from aislehub.core.reasons import sentence
from aislehub.core.tables import Tables
from aislehub.price.promotion import Policy
from aislehub.price.promotion_outcome import judge_promotions
from tests.price.outcomes import ITEMS, STORES, Told, add, house, span, write

DAY = date(2024, 6, 30)
STARTS, ENDS = date(2024, 7, 8), date(2024, 7, 14)
PROMOTED = ITEMS[:5]
TREATED = STORES[:6]
KNOWN = ENDS + timedelta(days=21)
UNITS = 80.0


def sells(lift: float, missed: float, *, stores: list[str] = TREATED) -> Told:
    """80 a day; `lift` as many in the week at 20 % off, of which later weeks miss a share."""
    rng = np.random.default_rng(2)

    def told(store: str, item: str, day: date) -> tuple[float, float]:
        chosen = item in PROMOTED and store in stores
        week, later = chosen and STARTS <= day <= ENDS, chosen and day > ENDS
        factor = lift if week else 1 - missed * (lift - 1) / 3 if later else 1.0
        return float(rng.poisson(UNITS * factor)), 3.2 if week else 4.0

    return told


def chain(told: Told, *, stores: list[str] = TREATED, later: float = 10.0, trial: bool = False) -> Tables:
    """A house that promoted in some stores and drew nothing in the others; twice the units were expected."""
    tables = house(told, span(STARTS - timedelta(days=1), 28, 28))
    add(tables, "promotions", [
        {"store": store, "item": item, "promotion": "p", "starts": STARTS, "ends": ENDS, "discount": 0.2,
         "mechanic": "price cut"}
        for store in stores for item in PROMOTED
    ])  # fmt: skip
    usual = 7 * UNITS
    write(tables, "promotion_choices", [
        {"store": store, "item": item, "starts": STARTS, "ends": ENDS, "depth": 0.2 if store in stores else 0.0,
         "today": 0.0, "usual": usual, "units": 2 * usual, "shelf": 4.0, "price": 4.0, "cost": 3.0, "tax_rate": 0.0,
         "leaflet": 2.0, "later": later, "beside": 0.0, "trial": trial}
        for store in STORES for item in PROMOTED
    ], DAY)  # fmt: skip
    return tables


def decision(store: str, item: str, **more: Any) -> dict[str, Any]:
    """A promotion that was carried out."""
    row = {"id": f"{store}/{item}", "store": store, "subject": item, "state": "done", "arm": "", "override": None}
    return row | more


ALL = [decision(store, item) for store in TREATED for item in PROMOTED]


def measured(tables: Tables, decisions: list[dict[str, Any]], today: date = KNOWN) -> Any:
    """What is measured at the close of `today`."""
    return judge_promotions(tables, decisions, day=DAY, today=today, policy=Policy())


def money(lift: float, missed: float) -> float:
    """What such a promotion brings a line: margins of 0.20 and 1.00, a leaflet of 2.00."""
    usual = 7 * UNITS
    return 0.2 * lift * usual - 2.0 - 1.0 * usual - missed * (lift - 1) * usual


@pytest.mark.parametrize(("lift", "missed"), [(3.0, 0.0), (3.0, 0.6), (1.0, 0.0)])
def test_money_is_the_week_s_margin_less_what_later_weeks_miss(lift: float, missed: float) -> None:
    """Twice the units were believed: three times, or no more than usual, is found all the same, and who stocked up."""
    found = measured(chain(sells(lift, missed)), ALL)
    truth = money(lift, missed)
    assert len(found) == len(ALL)
    assert np.mean([one.money for one in found.values()]) == pytest.approx(truth, abs=0.12 * 7 * UNITS * max(lift, 1))
    assert np.mean([one.low <= truth <= one.high for one in found.values()]) > 0.8
    one = next(iter(found.values()))
    assert one.method == "promotion.measured_stores"
    assert "20 % off" in sentence({"code": one.method, "facts": one.facts}, "en")


def test_goods_that_do_not_keep_pull_nothing_forward() -> None:
    """Where nobody was believed to stock up, later weeks are not held against the promotion."""
    found = measured(chain(sells(3.0, 0.0), later=0.0), ALL)
    assert {one.facts["later"] for one in found.values()} == {0.0}


def test_an_item_that_was_expected_to_run_out_is_measured() -> None:
    """Where no unit was left to promote, nothing was expected of it, and what it sold says what it brought."""
    tables = chain(sells(3.0, 0.0))
    rows = tables.fetch("promotion_choices").to_pylist()
    for row in rows:
        row["units"] = 0.0 if row["item"] == "i0" else row["units"]
    tables.write("promotion_choices", pa.Table.from_pylist(rows, tables.contract("promotion_choices").schema), DAY)
    found = measured(tables, ALL)
    assert len(found) == len(ALL)
    assert all(np.isfinite([one.money, one.low, one.high]).all() for one in found.values())


def test_draws_of_no_promotion_are_the_controls() -> None:
    """Where the bandit drew, its draws of nothing stand beside."""
    found = measured(chain(sells(2.0, 0.0), trial=True), ALL)
    assert {one.method for one in found.values()} == {"promotion.measured_arms"}


def test_what_did_not_take_place_cannot_be_measured() -> None:
    """Rejected, overridden, held back by the lot, or never announced: nothing is said."""
    tables = chain(sells(2.0, 0.0, stores=TREATED), stores=TREATED[:5])
    other = [
        decision("s0", "i0", state="rejected"), decision("s1", "i0", override={"action": {"depth": 0.1}}),
        decision("s2", "i0", arm="e:control"), decision(TREATED[5], "i0"),
    ]  # fmt: skip
    assert measured(tables, other) == {}
    assert set(measured(tables, [*other, decision("s3", "i0")])) == {"s3/i0"}


def test_the_weeks_after_are_waited_for() -> None:
    """One day before the third week is over nothing is measured."""
    assert measured(chain(sells(2.0, 0.0)), ALL, KNOWN - timedelta(days=1)) == {}
