"""A price is measured by what it sold beside lines that kept theirs, and only where it was asked."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from aislehub.core.reasons import sentence
from aislehub.core.tables import Tables
from aislehub.price.price_outcome import judge_prices
from aislehub.price.pricing import Policy
from tests.price.outcomes import ITEMS, STORES, Told, add, house, span, write

DAY = date(2024, 6, 30)
TREATED = STORES[:6]
CHANGED = ITEMS[:4]
BELIEVED = {"cost": 3.0, "elasticity": -2.0, "elasticity_low": -2.5, "elasticity_high": -1.5}
NO_COST = Policy(change_cost=0.0)


def sells(elasticity: float, price: float = 4.4, *, stores: list[str] = TREATED, units: float = 60.0) -> Told:
    """As many units a day at 4.00, others at the new price; everything sells 30 % more after that day."""
    rng = np.random.default_rng(1)

    def told(store: str, item: str, day: date) -> tuple[float, float]:
        changed = day > DAY and item in CHANGED and store in stores
        asked = price if changed else 4.0
        demand = units * (1.3 if day > DAY else 1.0) * (asked / 4.0) ** elasticity
        return float(rng.poisson(demand)), asked

    return told


def chain(told: Told) -> Tables:
    """A house in which every store was offered the changes."""
    tables = house(told, span(DAY, 28, 14))
    rows = [{"store": store, "subject": item} | BELIEVED for store in STORES for item in CHANGED]
    write(tables, "price_changes", rows, DAY)
    return tables


def decision(store: str, item: str, price: float = 4.4, **more: Any) -> dict[str, Any]:
    """A change from 4.00 that was carried out."""
    row = {
        "id": f"{store}/{item}", "store": store, "subject": item, "state": "done", "arm": "", "override": None,
        "action": {"price": price}, "baseline": {"name": "unchanged", "price": 4.0}, "horizon_days": 14, "reasons": [],
    }  # fmt: skip
    return row | more


def measured(tables: Tables, decisions: list[dict[str, Any]], ahead: int = 14, policy: Policy = NO_COST) -> Any:
    """What is measured some days after."""
    return judge_prices(tables, decisions, day=DAY, today=DAY + timedelta(days=ahead), policy=policy)


ALL = [decision(store, item) for store in TREATED for item in CHANGED]


@pytest.mark.parametrize("elasticity", [-3.5, -0.5])
def test_money_is_what_the_price_brought_beside_stores_that_kept_theirs(elasticity: float) -> None:
    """Whatever was believed: margins at either price, units by the true elasticity, the strong fortnight left out."""
    found = measured(chain(sells(elasticity)), ALL)
    base = 14 * 60 * 1.3
    truth = 1.4 * base * 1.1**elasticity - 1.0 * base
    money = np.array([one.money for one in found.values()])
    assert len(found) == len(ALL)
    assert money.mean() == pytest.approx(truth, abs=0.06 * base)
    assert np.mean([one.low <= truth <= one.high for one in found.values()]) > 0.8
    one = next(iter(found.values()))
    assert one.method == "price.measured_stores"
    assert one.low < one.money < one.high and one.chance > 0
    assert "1 % dearer changes sales by" in sentence({"code": one.method, "facts": one.facts}, "en")


def test_the_cost_of_a_change_is_taken_off() -> None:
    """A label of 0.10 costs 0.10."""
    tables = chain(sells(-2.0))
    free, paid = (measured(tables, ALL, policy=policy)["s0/i0"].money for policy in (NO_COST, Policy(change_cost=0.1)))
    assert free - paid == pytest.approx(0.1)


def test_a_price_that_was_not_asked_cannot_be_measured() -> None:
    """Rejected, never looked at, sent but not taken up by the tills, or held back by the lot: nothing is said."""
    tables = chain(sells(-2.0, stores=TREATED[:5]))
    unseen = [decision(STORES[1], "i0", state=state) for state in ("rejected", "expired", "approved", "reversed")]
    unseen.append(decision(STORES[1], "i1", action={"price": 4.0}, arm="e:control"))
    assert measured(tables, unseen) == {}
    assert measured(tables, [decision(TREATED[5], "i0")]) == {}
    assert measured(tables, [decision(TREATED[0], "i0")]) != {}


def test_lines_that_the_lot_left_alone_are_the_controls() -> None:
    """In an experiment the control arm's lines stand beside, not other stores."""
    held = [decision(store, item, action={"price": 4.0}, arm="e:control") for store in STORES[6:] for item in CHANGED]
    treated = [row | {"arm": "e:treatment"} for row in ALL]
    found = measured(chain(sells(-2.0)), treated + held)
    assert {one.method for one in found.values()} == {"price.measured_arms"}
    assert set(found) == {row["id"] for row in treated}


def test_where_every_store_changed_the_category_stands_beside() -> None:
    """No store kept the price: other items of the category tell what the days were like."""
    found = measured(chain(sells(-2.0, stores=STORES)), [decision(store, "i0") for store in STORES])
    assert {one.method for one in found.values()} == {"price.measured_category"}


def test_without_a_control_nothing_is_said() -> None:
    """All items of the category changed in all stores: a strong fortnight and a good price look the same."""
    tables = house(sells(-2.0, stores=STORES), span(DAY, 28, 14), category=None)
    write(tables, "price_changes", [{"store": store, "subject": "i0"} | BELIEVED for store in STORES], DAY)
    assert measured(tables, [decision(store, "i0") for store in STORES]) == {}


def test_a_person_s_price_is_measured_beside_the_proposed_one() -> None:
    """4.40 was asked instead of 4.60: its money is `chosen`, that of 4.60 is told by the same elasticity."""
    rows = [
        decision(store, item, price=4.6, override={"action": {"price": 4.4}}) for store in TREATED for item in CHANGED
    ]
    base = 14 * 60 * 1.3
    found = measured(chain(sells(-3.0)), rows)
    asked, proposed = (np.mean([getattr(one, name) for one in found.values()]) for name in ("chosen", "money"))
    assert asked == pytest.approx(1.4 * base * 1.1**-3 - base, abs=0.06 * base)
    assert proposed == pytest.approx(1.6 * base * 1.15**-3 - base, abs=0.09 * base)


def test_a_promotion_s_days_do_not_count() -> None:
    """Days in a promotion have another price than the shelf's; they are left out of sales and of money."""
    tables = chain(sells(-2.0))
    add(tables, "promotions", [
        {"store": "s0", "item": "i0", "promotion": "p", "starts": DAY + timedelta(days=3),
         "ends": DAY + timedelta(days=6), "discount": 0.2, "mechanic": "price cut"}
    ])  # fmt: skip
    assert measured(tables, ALL)["s0/i0"].facts["days"] == 10


def test_all_changes_of_a_day_wait_for_the_last_sales() -> None:
    """After 13 of 14 days nothing is measured yet."""
    assert measured(chain(sells(-2.0)), ALL, ahead=13) == {}
