"""Prices asked of late: what held when, from lists that often give no last day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa

from aislehub.price.asked import EVIDENCE_DAYS, asked_prices
from aislehub.schema import PRICES

DAY = date(2026, 3, 2)
LINES = pd.DataFrame({"store": ["s", "s"], "item": ["milk", "milk"]})


def asked(*given: dict[str, Any]) -> list[tuple[date, date | None, float]]:
    """What was asked for milk, from rows of the price list."""
    usual = {"store": "s", "item": "milk", "kind": "regular", "valid_to": None}
    checked = PRICES.check(pa.Table.from_pylist([usual | row for row in given]))
    assert not checked.rejected.num_rows
    return asked_prices(LINES, ibis.memtable(checked.good), DAY).get(("s", "milk"), [])


def test_a_price_without_an_end_holds_until_the_next_of_its_kind() -> None:
    """A sale in between does not end the regular price; the newest holds on."""
    old, new, sale = (DAY - timedelta(days=ago) for ago in (30, 10, 20))
    found = asked(
        {"valid_from": old, "price": 2.0}, {"valid_from": new, "price": 2.2},
        {"valid_from": sale, "valid_to": sale, "price": 1.5, "kind": "sale"},
    )  # fmt: skip
    assert sorted(found, key=lambda row: row[0]) == [
        (old, new - timedelta(days=1), 2.0), (sale, sale, 1.5), (new, None, 2.2),
    ]  # fmt: skip


def test_what_members_pay_and_what_is_long_over_was_not_asked_of_late() -> None:
    """Member prices are not everybody's; a price that ended before the evidence begins is left out."""
    over = DAY - timedelta(days=EVIDENCE_DAYS + 1)
    assert (
        asked({"valid_from": over, "valid_to": over, "price": 2.0}, {"valid_from": DAY, "price": 1.0, "kind": "member"})
        == []
    )


def test_other_lines_are_not_read() -> None:
    """Only the lines that are wanted have an entry."""
    assert asked({"valid_from": DAY, "price": 2.0, "item": "bread"}) == []
