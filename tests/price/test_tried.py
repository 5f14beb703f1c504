"""Every price that was weighed for one item: the same numbers that the day's decision is made from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from aislehub.core.hub import Hub, open_hub
from aislehub.price.pricing import Policy, price_changes
from aislehub.price.tried import Tried, tried

from .shelf import DAY, asked, learned, state


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Hub]:
    """A house of one store: milk is worth a change, bread expires in two days, soap's elasticity is not its own."""
    with open_hub(tmp_path) as hub:
        _fill(hub, {
            "stores": [{"store": "1", "country": "US"}],
            "items": [{"item": name} for name in ("milk", "bread", "soap", "tea")],
            "prices": [asked(), asked(item="bread", price=1.6), asked(item="soap"), asked(item="tea")],
            "supply_state": [state(), state(item="bread"), state(item="soap"), state(item="tea")],
            "stock_ages": [{"day": DAY, "store": "1", "item": "bread", "days_left": 2, "units": 180.0}],
            "price_elasticities": [
                learned(), learned(item="bread"), learned(item="soap", level="category", identified=False)
            ],
        })  # fmt: skip
        yield hub


def _fill(hub: Hub, rows: dict[str, list[dict[str, Any]]]) -> None:
    for name, some in rows.items():
        contract = hub.tables.contract(name)
        checked = contract.check(pa.Table.from_pylist(some))
        assert not checked.rejected.num_rows, checked.rejected.to_pylist()
        if contract.is_fact:
            known = pa.array([DAY - timedelta(days=1)] * len(some)).cast(contract.schema.field("known_at").type)
            at = checked.good.schema.get_field_index("known_at")
            hub.tables.append(name, checked.good.set_column(at, "known_at", known) if at >= 0 else checked.good)
        else:
            hub.tables.write(name, checked.good, DAY)


def _decided(hub: Hub, item: str) -> dict[str, Any]:
    inputs = [hub.tables.read(name, as_of=DAY) for name in price_changes.reads]
    frame = price_changes(*inputs, day=DAY, policy=Policy())
    (row,) = frame[frame["subject"] == item].to_dict("records")
    return dict(row)


def _seen(hub: Hub, item: str) -> Tried:
    found = tried(hub, "1", item, DAY)
    assert found is not None
    return found


def test_the_proposed_price_has_the_decision_s_numbers(house: Hub) -> None:
    """Of goods that keep, money, interval and units of the proposed price are those of the decision."""
    row, seen = _decided(house, "milk"), _seen(house, "milk")
    (rung,) = [rung for rung in seen.rungs if rung.price == row["price"]]
    shown = [rung.money, rung.low, rung.high, rung.units]
    assert shown == pytest.approx([row[name] for name in ("money", "money_low", "money_high", "units")], rel=1e-9)
    assert (seen.horizon, seen.moves, seen.short_dated) == (row["horizon_days"], True, False)


def test_short_dated_goods_show_the_plan_s_money(house: Hub) -> None:
    """Of goods that expire it is the money of the best plan that begins with the price, and the date is told."""
    row, seen = _decided(house, "bread"), _seen(house, "bread")
    (rung,) = [rung for rung in seen.rungs if rung.price == row["price"]]
    assert rung.money == pytest.approx(row["money"], rel=1e-9)
    assert (seen.short_dated, seen.days_left, seen.expiring) == (True, 2, 180)


def test_nothing_allowed_earns_more_than_the_proposal(house: Hub) -> None:
    """The price that was proposed is the best of those without a guard-rail; what holds stands among them.

    Keeping a price brings nothing; of short-dated goods it means to wait a day, and to follow the plan from then on.
    """
    for item in ("milk", "bread"):
        row, seen = _decided(house, item), _seen(house, item)
        allowed = [rung for rung in seen.rungs if not rung.guard]
        assert max(allowed, key=lambda rung: rung.money).price == row["price"]
        (held,) = [rung for rung in seen.rungs if rung.price == seen.price]
        assert held.money >= 0 if item == "bread" else held.money == pytest.approx(0.0, abs=1e-9)
        assert not held.guard
        assert [rung.price for rung in seen.rungs] == sorted({rung.price for rung in seen.rungs})


def test_a_barred_price_names_its_guard_rail(house: Hub) -> None:
    """Candidates beyond one step are shown, with what stands in their way."""
    seen = _seen(house, "milk")
    assert {rung.guard for rung in seen.rungs if abs(rung.price / seen.price - 1) > 0.15} == {"max_step"}


def test_what_cannot_be_moved_is_still_laid_out(house: Hub) -> None:
    """An item whose elasticity is its category's has a ladder, and is not moved; without any it has none."""
    assert not _seen(house, "soap").moves and len(_seen(house, "soap").rungs) > 5
    assert tried(house, "1", "tea", DAY) is None
    assert tried(house, "9", "milk", DAY) is None
