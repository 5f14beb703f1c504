"""From the chain's tables to demand: empty shelves, closed stores and bulk purchases reach the daily panel."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from aislehub.core.contract import Contract
from aislehub.core.tables import Tables
from aislehub.demand.corrections import BETWEEN
from aislehub.demand.daily import Policy, demand_panel
from aislehub.demand.panel import Panel
from aislehub.schema import CALENDAR, ITEMS, PRICES, PROMOTIONS, SALES_LINES, STOCK, STORES

FIRST, DAY = date(2024, 1, 1), date(2024, 6, 30)
READS = ("sales_lines", "items", "promotions", "prices", "calendar", "stock", "stores")
DAYS = pd.date_range(FIRST, DAY)
KNOWN = pd.Timestamp(FIRST, tz="UTC")


def sold(store: str, item: str, units: Any, *, lines: int = 1) -> list[dict[str, Any]]:
    """Lines of a store's item, `units` of each day in equal lines on receipts of their own."""
    return [
        {"store": store, "receipt": f"{day:%j}-{item}-{at}", "line": item, "sold_at": day.tz_localize("UTC"),
         "day": day.date(), "item": item, "quantity": float(count) / lines, "amount": 1.0}
        for day, count in zip(DAYS, units, strict=True) if count > 0 for at in range(lines)
    ]  # fmt: skip


def panel_of(**rows: list[dict[str, Any]]) -> Panel:
    """The daily panel made of these rows of tables."""
    contracts: list[Contract] = [SALES_LINES, ITEMS, PROMOTIONS, PRICES, CALENDAR, STOCK, STORES]
    tables = Tables(None, {contract.name: contract for contract in contracts})
    for contract in contracts:
        if contract.name in rows:
            checked = contract.check(pa.Table.from_pylist(rows[contract.name]))
            assert checked.rejected.num_rows == 0
            tables.append(contract.name, checked.good)
    inputs = [tables.read(name, as_of=DAY) for name in READS]
    return demand_panel(*inputs, day=DAY, policy=Policy(horizon_days=14))


def row(panel: Panel, store: str, item: str) -> Any:
    """Demand of a store's item, from the first day on."""
    return panel.y[panel.ids.get_loc(store + BETWEEN + item)]


def busy(store: str = "A") -> list[dict[str, Any]]:
    """Three items that always sell, so that the store is never thought closed: simulated."""
    random = np.random.default_rng(1)
    return [line for item in "xyz" for line in sold(store, item, 1 + random.poisson(10, len(DAYS)), lines=5)]


def test_an_empty_shelf_raises_or_hides_demand() -> None:
    """A day that ended empty gets an estimate above its sales, one that sold nothing is unknown; both are told."""
    units = np.full(len(DAYS), 8)
    units[100], units[101] = 2, 0
    stock = [{"store": "A", "item": "milk", "day": DAYS[at].date(), "on_hand": 0.0} for at in (100, 101)]
    panel = panel_of(sales_lines=[*busy(), *sold("A", "milk", units)], stock=stock)
    found = row(panel, "A", "milk")
    assert 7 <= found[100] <= 10
    assert np.isnan(found[101])
    assert (np.delete(found, [100, 101]) == 8).all()
    assert (panel.truth.sold_out, panel.truth.empty, panel.truth.stock_known) == (1, 1, True)
    assert panel.truth.units_missed == found[100] - 2


def test_without_stock_nothing_is_guessed() -> None:
    """Where no stock was recorded, sales are demand as they are, and the panel says that no stock was known."""
    units = np.random.default_rng(0).poisson(3, len(DAYS))
    panel = panel_of(sales_lines=[*busy(), *sold("A", "milk", units)])
    first = int((units > 0).argmax())
    np.testing.assert_array_equal(row(panel, "A", "milk")[first:], units[first:])
    assert not panel.truth.stock_known


def test_a_book_stock_that_stands_at_zero_is_doubted() -> None:
    """A store-item that sells daily from an empty book keeps its sales, and is counted."""
    stock = [{"store": "A", "item": "milk", "day": day.date(), "on_hand": 0.0} for day in DAYS]
    panel = panel_of(sales_lines=[*busy(), *sold("A", "milk", np.full(len(DAYS), 4))], stock=stock)
    assert (row(panel, "A", "milk") == 4).all()
    assert (panel.truth.doubted, panel.truth.sold_out) == (1, 0)


def test_a_bulk_purchase_is_capped_but_not_in_a_promotion() -> None:
    """100 units on one line are capped; the same day of an announced promotion, or of many receipts, stands."""
    units = np.full(len(DAYS), 2)
    units[90] = 100
    sales = [*busy(), *sold("A", "milk", units), *sold("A", "wine", units, lines=50)]
    sales += [*busy("B"), *sold("B", "tea", units)]
    promotion = {"store": "A", "item": "milk", "promotion": "1", "starts": DAYS[89].date(), "ends": DAYS[91].date(),
                 "known_at": KNOWN}  # fmt: skip
    panel = panel_of(sales_lines=sales, promotions=[promotion])
    assert row(panel, "B", "tea")[90] < 10
    assert row(panel, "A", "milk")[90] == row(panel, "A", "wine")[90] == 100
    assert panel.truth.bulk == 1
    assert panel.truth.units_capped == 100 - row(panel, "B", "tea")[90]


def test_a_day_without_any_sale_is_closed_in_that_store_alone() -> None:
    """No average counts it, its sales stay 0, and the other store is open."""
    sales = [*busy("A"), *busy("B")]
    sales = [line for line in sales if not (line["store"] == "A" and line["day"] == DAYS[60].date())]
    panel = panel_of(sales_lines=sales)
    shut = {store: panel.closed[panel.ids.get_loc(store + BETWEEN + "x")] for store in "AB"}
    assert np.flatnonzero(shut["A"]).tolist() == [60]
    assert not shut["B"].any()
    assert panel.truth.closed == 1


def test_announced_closures_are_known_ahead() -> None:
    """A closing day of the store's region, and the days after a store's last, are closed; other regions are open."""
    ahead = DAY + timedelta(days=3)
    stores = [
        {"store": "A", "region": "north", "closed": None},
        {"store": "B", "region": "south", "closed": DAY + timedelta(days=10)},
    ]
    day = {"day": ahead, "region": "north", "event": "stocktaking", "kind": "closed", "known_at": KNOWN}
    stores = [{**store, "known_at": KNOWN} for store in stores]
    panel = panel_of(sales_lines=[*busy("A"), *busy("B")], calendar=[day], stores=stores)
    shut = {store: panel.closed[panel.ids.get_loc(store + BETWEEN + "x"), -14:] for store in "AB"}
    assert np.flatnonzero(shut["A"]).tolist() == [2]
    assert np.flatnonzero(shut["B"]).tolist() == [10, 11, 12, 13]


def test_delisted_items_have_no_forecast() -> None:
    """An item out of the range is left out, however well it sold."""
    items = [{"item": "x", "delisted_from": DAY, "known_at": KNOWN}]
    panel = panel_of(sales_lines=busy(), items=items)
    assert panel.ids.tolist() == ["A" + BETWEEN + "y", "A" + BETWEEN + "z"]
