"""Weeks are laid out from what was known, and what cannot be believed is left out and counted."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aislehub.core.tables import Tables
from aislehub.price.price_history import History, read_history
from aislehub.schema import COMPETITOR_PRICES, ITEMS, PRICES, PROMOTIONS, SALES_LINES, STOCK

from .conftest import FIRST

DAY = date(2016, 5, 1)
START = DAY - timedelta(days=7 * 12 - 1)
KNOWN = datetime(2016, 1, 1, tzinfo=UTC)
CONTRACTS = (SALES_LINES, ITEMS, PRICES, PROMOTIONS, STOCK, COMPETITOR_PRICES)


def sale(store: str, item: str, week: int, quantity: float, price: float) -> dict[str, Any]:
    """A sale on the first day of a week."""
    day = START + timedelta(days=7 * week)
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return {"store": store, "receipt": f"{item}{week}", "line": "1", "sold_at": at, "day": day, "item": item,
            "quantity": quantity, "amount": quantity * price}  # fmt: skip


def house(**rows: list[dict[str, Any]]) -> Tables:
    """Tables in memory, with two items of one category."""
    tables = Tables(None, {contract.name: contract for contract in CONTRACTS})
    goods = [{"item": item, "category": "tea", "department": "food", "known_at": KNOWN} for item in ("a", "b")]
    for name, some in {"items": goods, **rows}.items():
        contract = next(contract for contract in CONTRACTS if contract.name == name)
        checked = contract.check(pa.Table.from_pylist(some))
        assert not checked.rejected.num_rows
        tables.append(name, checked.good)
    return tables


def laid_out(tables: Tables) -> History:
    """The history of that house."""
    read = [tables.read(name, as_of=DAY) for name in
            ("sales_lines", "items", "prices", "promotions", "stock", "competitor_prices")]  # fmt: skip
    return read_history(*read, day=DAY, most_weeks=12, most_items=10)


def weekly(item: str, store: str, price: float = 2.0) -> list[dict[str, Any]]:
    """A sale in every week."""
    return [sale(store, item, week, 3, price) for week in range(12)]


def test_weeks_without_a_sale_count_as_zero_and_keep_their_list_price() -> None:
    """Between first and last sale every week has a row; its price is the list's although nothing was sold."""
    lines = [line for line in weekly("a", "1") if line["receipt"] not in ("a4", "a5")]
    changes = [(START, 2.0), (START + timedelta(days=28), 3.0), (START + timedelta(days=42), 2.0)]
    listed = [
        {"store": "1", "item": "a", "kind": "regular", "valid_from": day, "price": price, "source": "price list",
         "known_at": KNOWN} for day, price in changes
    ]  # fmt: skip
    found = laid_out(house(sales_lines=lines, prices=listed))
    assert found.week.tolist() == list(range(12))
    assert found.units[[4, 5]].tolist() == [0, 0]
    assert not found.observed[0]
    ratio = np.exp(found.price - found.price[0])
    assert ratio[[3, 4, 5, 6]] == pytest.approx([1.0, 1.5, 1.5, 1.0])


def test_a_sale_price_counts_for_the_days_it_holds() -> None:
    """A week's price is the geometric mean of its days' lowest open prices; a member's price is not open to all."""
    listed = [
        {"store": "1", "item": "a", "kind": kind, "valid_from": START + timedelta(days=first), "price": price,
         "valid_to": START + timedelta(days=last), "source": "price list", "known_at": KNOWN}
        for kind, first, last, price in (("regular", 0, 83, 2.0), ("sale", 7, 9, 1.0), ("member", 14, 20, 0.5))
    ]  # fmt: skip
    found = laid_out(house(sales_lines=weekly("a", "1"), prices=listed))
    ratio = found.price - found.price[0]
    assert ratio[1] == pytest.approx(3 / 7 * np.log(0.5), rel=1e-6)
    assert ratio[2] == pytest.approx(0)


def test_prices_on_receipts_come_from_the_other_stores() -> None:
    """Where receipts are all there is, what a store itself sold does not say its price: the sale gives itself away."""
    lines = [*weekly("a", "1"), *weekly("a", "2"), *weekly("a", "3")]
    for line in lines:
        if line["store"] in ("1", "2") and line["receipt"] == "a6":
            line["amount"] *= 0.5 if line["store"] == "1" else 0.8
    found = laid_out(house(sales_lines=lines))
    assert found.observed[0]
    week = found.week == 6
    seen = {int(store): price for store, price in zip(found.store[week], found.price[week], strict=True)}
    usual = {int(store): price for store, price in zip(found.store[~week], found.price[~week], strict=True)}
    assert seen[0] - usual[0] == pytest.approx(np.log(0.8) / 2)
    assert seen[1] - usual[1] == pytest.approx(np.log(0.5) / 2)
    assert seen[2] - usual[2] == pytest.approx((np.log(0.5) + np.log(0.8)) / 2)


def test_promotions_and_empty_shelves_are_shares_of_the_week() -> None:
    """Three promoted days of seven are 3/7; a week that was out of stock for most of its days is left out."""
    shown = {"store": "1", "item": "a", "promotion": "p", "starts": START + timedelta(days=14), "display": "end cap",
             "ends": START + timedelta(days=16), "known_at": KNOWN}  # fmt: skip
    stock = [{"store": "1", "item": "a", "day": START + timedelta(days=day), "on_hand": 0.0 if 21 <= day < 26 else 5.0}
             for day in range(84)]  # fmt: skip
    listed = {"store": "1", "item": "a", "kind": "regular", "valid_from": START, "price": 2.0, "known_at": KNOWN}
    found = laid_out(house(sales_lines=weekly("a", "1"), promotions=[shown], stock=stock, prices=[listed]))
    assert found.promoted[found.week == 2] == pytest.approx([3 / 7])
    assert found.displayed[found.week == 2] == pytest.approx([3 / 7])
    assert 3 not in found.week
    assert found.on_sale == pytest.approx(np.ones(11))


def test_an_own_price_100_times_off_is_left_out_and_counted(chain: Any) -> None:
    """A slip of the comma does not become a price; its week goes, the item's other weeks stay."""
    rows, goods, _ = chain()
    rows.loc[(rows["item"] == "i03") & (rows["week"] == 7), "price"] *= 100
    found = History.from_table(rows, goods, FIRST)
    assert found.left_out[3] == 6
    assert found.left_out.sum() == 6
    assert not ((found.item == 3) & (found.week == 7)).any()
    assert np.abs(found.price).max() < 1


def test_a_competitors_price_100_times_off_is_left_out_and_counted() -> None:
    """The week keeps the price that the competitor asked before, and the slip is told."""
    asked = [
        {"competitor": "c", "item": "a", "price": 190.0 if week == 5 else 1.9,
         "seen_at": datetime(START.year, START.month, START.day, tzinfo=UTC) + timedelta(days=7 * week + 1)}
        for week in range(12)
    ]  # fmt: skip
    listed = {"store": "1", "item": "a", "kind": "regular", "valid_from": START, "price": 2.0, "known_at": KNOWN}
    found = laid_out(house(sales_lines=weekly("a", "1"), competitor_prices=asked, prices=[listed]))
    assert found.competitor == pytest.approx(np.zeros(12))
    assert found.left_out_asked == 1


def test_nothing_sold_is_an_empty_history() -> None:
    """Tables without a row give a history without a row."""
    found = laid_out(house())
    assert len(found.item) == 0
    assert isinstance(found.goods, pd.DataFrame) and found.goods.empty
