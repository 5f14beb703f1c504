"""The till knows every price that holds, at once."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aislehub.core.desk import Desk
from aislehub.core.errors import HubError
from aislehub.core.inbox import Inbox
from aislehub.core.tables import Tables
from aislehub.price.till import till_price
from aislehub.schema import PRICES

ROWS = [
    ("regular", "2026-01-01", None, 3.0),
    ("regular", "2026-03-10", None, 3.2),
    ("sale", "2026-03-01", "2026-03-03", 2.5),
    ("member", "2026-03-01", "2026-03-05", 2.2),
    ("clearance", "2026-03-03", "2026-03-04", 1.5),
]


def desk(folder: Path, rows: list[dict[str, Any]]) -> Desk:
    """A desk over prices."""
    tables = Tables(None, {PRICES.name: PRICES})
    tables.append("prices", PRICES.require(pa.Table.from_pandas(pd.DataFrame(rows), preserve_index=False)))
    return Desk(tables, {till_price.name: till_price}, Inbox(folder / "inbox.db"))


@pytest.fixture
def till(tmp_path: Path) -> Desk:
    """A till with one item."""
    names = ("kind", "valid_from", "valid_to", "price")
    rows = [dict(zip(names, row, strict=True)) | {"store": "7", "item": "milk"} for row in ROWS]
    return desk(tmp_path, rows)


@pytest.mark.parametrize(
    ("day", "member", "price", "kind"),
    [
        ("2026-02-01", False, 3.0, "regular"),
        ("2026-03-01", False, 2.5, "sale"),
        ("2026-03-01", True, 2.2, "member"),
        ("2026-03-03", False, 1.5, "clearance"),
        ("2026-03-05", True, 2.2, "member"),
        ("2026-03-06", True, 3.0, "regular"),
        ("2026-03-10", False, 3.2, "regular"),
    ],
)
def test_the_lowest_price_that_holds_is_asked(till: Desk, day: str, member: bool, price: float, kind: str) -> None:
    """Of each kind the last price counts, of the kinds the lowest; the member's price is for members."""
    found = till.ask("till_price", {"store": "7", "item": "milk", "day": day, "member": member})
    assert (found["price"], found["kind"]) == (price, kind)


def test_without_a_day_it_is_today(till: Desk) -> None:
    """The price of today is the last one."""
    assert till.ask("till_price", {"store": "7", "item": "milk"})["price"] == 3.2


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"store": "7", "item": "soap"}, "price.not_priced"),
        ({"store": "8", "item": "milk"}, "price.not_priced"),
        ({"store": "7", "item": "milk", "day": "2025-12-31"}, "price.not_priced"),
        ({"store": "7", "item": "milk", "day": "yesterday"}, "price.day"),
        ({"store": "7"}, "answers.request"),
    ],
)
def test_what_has_no_price_is_said(till: Desk, request_: dict[str, str], code: str) -> None:
    """An unknown store, item or day is refused with its reason."""
    with pytest.raises(HubError) as error:
        till.ask("till_price", request_)
    assert error.value.code == code


def test_an_answer_takes_milliseconds(tmp_path: Path) -> None:
    """With 200,000 prices, 99 of 100 answers take less than 5 ms."""
    stores, items = 100, 1000
    rows = pd.DataFrame(
        {
            "store": np.repeat([str(s) for s in range(stores)], items * 2), "kind": "regular",
            "item": np.tile(np.repeat([str(i) for i in range(items)], 2), stores),
            "valid_from": np.tile([date(2026, 1, 1), date(2026, 2, 1)], stores * items),
            "price": np.tile([2.0, 2.5], stores * items),
        }
    )  # fmt: skip
    house = desk(tmp_path, rows.to_dict("records"))
    rng = np.random.default_rng(1)
    took = []
    for store, item in zip(rng.integers(0, stores, 1000), rng.integers(0, items, 1000), strict=True):
        began = time.thread_time()
        assert house.ask("till_price", {"store": str(store), "item": str(item)})["price"] == 2.5
        took.append(time.thread_time() - began)
    assert np.quantile(took[1:], 0.99) < 0.005
