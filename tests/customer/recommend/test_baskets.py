"""Purchases as arrays: nothing is lost, nothing after a moment is seen."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from aislehub.core.tables import Tables
from aislehub.customer.recommend.baskets import EPOCH, Baskets, read_baskets
from aislehub.schema import ITEMS, SALES_LINES

FIRST = date(2024, 1, 1)
NUMBER = (FIRST - EPOCH).days


def lines(*rows: tuple[str, str, int, str, float]) -> pa.Table:
    """Lines of (customer, item, day from the first, receipt, quantity)."""
    customer, item, day, receipt, quantity = zip(*rows, strict=True) if rows else ((),) * 5
    return pa.table(
        {
            "customer": pa.array(customer, pa.string()),
            "item": pa.array(item, pa.string()),
            "store": pa.array(["s1"] * len(rows), pa.string()),
            "receipt": pa.array(receipt, pa.string()),
            "day": pa.array([FIRST + timedelta(days=count) for count in day], pa.date32()),
            "quantity": pa.array(quantity, pa.float64()),
        }
    )


def test_lines_of_an_item_in_one_visit_are_one_and_returns_are_none() -> None:
    """Two lines of milk on a receipt are two units bought once; a line of quantity 0 or less is no purchase."""
    baskets = Baskets.of(
        lines(
            ("a", "milk", 0, "r1", 1), ("a", "milk", 0, "r1", 1), ("a", "bread", 0, "r1", 0), ("b", "milk", 1, "r2", -1)
        )
    )
    assert baskets.item.size == 1
    assert baskets.quantity.tolist() == [2.0]
    assert baskets.visits.tolist() == [1]


def test_what_comes_later_is_not_seen() -> None:
    """`before` a day knows no line of that day, `next_visit` is the first one from it on."""
    baskets = Baskets.of(lines(("a", "milk", 0, "r1", 1), ("a", "bread", 5, "r2", 1), ("a", "tea", 9, "r3", 1)))
    names = baskets.items[baskets.before(NUMBER + 5).item]
    assert names.tolist() == ["milk"]
    assert baskets.items[baskets.next_visit(NUMBER + 1, 28).item].tolist() == ["bread"]
    assert baskets.next_visit(NUMBER + 10, 28).item.size == 0


def test_visits_are_counted_back_from_the_last() -> None:
    """The last visit is 0 visits ago, and stays so after a cut."""
    baskets = Baskets.of(lines(("b", "milk", 0, "r1", 1), ("a", "milk", 1, "r2", 1), ("a", "tea", 2, "r3", 1)))
    assert baskets.visits_since.tolist() == [1, 0, 0]
    assert baskets.before(NUMBER + 2).visits_since.tolist() == [0, 0]


def test_the_home_store_is_where_one_shops_most_lately() -> None:
    """Of the last 90 days' visits the most frequent store counts, of equals the later one; without any none does."""
    table = lines(("a", "x", 0, "r1", 1), ("a", "x", 1, "r2", 1), ("a", "x", 100, "r3", 1), ("b", "x", 0, "r4", 1),
                  ("b", "x", 3, "r5", 1))  # fmt: skip
    table = table.set_column(2, "store", pa.array(["old", "old", "new", "old", "new"]))
    baskets = Baskets.of(table)
    assert baskets.stores[baskets.home_store].tolist() == ["new", "new"]
    assert baskets.before(NUMBER).home_store.tolist() == [-1, -1]


def test_fifty_thousand_lines_of_one_customer_and_an_empty_house() -> None:
    """A customer with 50,000 lines is read like any other; a house without members has no baskets."""
    many = Baskets.of(lines(*[("a", f"i{k % 500}", k // 50, f"r{k // 50}", 1.0) for k in range(50_000)]))
    assert many.item.size == 50_000 and many.visits.tolist() == [1000]
    tables = Tables(None, {"items": ITEMS, "sales_lines": SALES_LINES})
    empty = read_baskets(tables.read("sales_lines"), tables.read("items"), day=FIRST, history_days=730)
    assert empty.item.size == 0 and empty.matrix().shape == (0, 0)
    assert empty.before(NUMBER).visits.size == 0


def test_a_matrix_sums_what_lines_count() -> None:
    """Customers × items hold the sum of the weights of their lines."""
    baskets = Baskets.of(lines(("a", "milk", 0, "r1", 1), ("a", "milk", 1, "r2", 1), ("b", "tea", 1, "r3", 1)))
    assert baskets.matrix(np.array([1.0, 2.0, 5.0])).toarray().tolist() == [[3.0, 0.0], [0.0, 5.0]]
