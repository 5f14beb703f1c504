"""Purchases from any table of customer, item and time: which column is what, what a time is, what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from aislehub.core.errors import HubError
from aislehub.data.purchases import Purchases, read_purchases

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = [date(2024, 3, 31), date(2024, 4, 1), date(2024, 12, 5)]
SECONDS = [1711843500, 1711930000, 1733400000]


def read(folder: Path, frame: pd.DataFrame, suffix: str = ".csv") -> Purchases:
    """A table written to a file and read from it."""
    file = folder / f"bought{suffix}"
    if suffix == ".parquet":
        frame.to_parquet(file, index=False)
    else:
        frame.to_csv(file, index=False)
    return read_purchases(file, now=NOW)


def table(times: Any, **more: Any) -> pd.DataFrame:
    """Three purchases of two customers."""
    return pd.DataFrame({"customer": ["7", "8", "7"], "item": ["001", "1", "a"], "time": times} | more)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize(
    "times",
    [
        [str(day) for day in DAYS],
        [f"{day}T18:05:00" for day in DAYS],
        [f"{day} 18:05:00+00:00" for day in DAYS],
        [f"{day:%d/%m/%Y} 8:26" for day in DAYS],
        [f"{day:%m/%d/%Y} 8:26 PM" for day in DAYS],
        [int(f"{day:%Y%m%d}") for day in DAYS],
        SECONDS,
        [float(second) for second in SECONDS],
        [second * 1000 for second in SECONDS],
        [second * 10**9 for second in SECONDS],
        pd.to_datetime(DAYS),
        pd.to_datetime(SECONDS, unit="s", utc=True),
    ],
    ids=lambda times: str(times[0]),
)
def test_a_time_is_read_however_it_is_written(times: Any, suffix: str, tmp_path: Path) -> None:
    """Dates, ISO 8601 with and without a zone, both orders of day and month, numbers since 1970: the same days."""
    assert read(tmp_path, table(times), suffix).lines["day"].to_pylist() == DAYS


def test_small_numbers_are_days(tmp_path: Path) -> None:
    """Days counted from wherever keep their distances."""
    found = read(tmp_path, table([1, 15, 711])).lines["day"].to_pylist()
    assert [(day - found[0]).days for day in found] == [0, 14, 710]


@pytest.mark.parametrize(
    "names",
    [
        ("CustomerID", "StockCode", "InvoiceDate"),
        ("household_key", "PRODUCT_ID", "DAY"),
        ("user_id", "item_id", "timestamp"),
        ("会员号", "商品编码", "销售时间"),
        ("visitorid", "itemid", "event_time"),
    ],
)
def test_columns_are_found_by_the_words_that_exports_use(names: tuple[str, ...], tmp_path: Path) -> None:
    """Headers of public data sets and of tills; a column in between that is none of these does not disturb."""
    frame = table([str(day) for day in DAYS]).set_axis(names, axis="columns")
    frame.insert(1, "note", ["x", "y", "z"])
    found = read(tmp_path, frame)
    assert found.lines["customer"].to_pylist() == ["7", "8", "7"]
    assert [found.columns[name] for name in ("customer", "item", "sold_at")] == list(names)


def test_identifiers_keep_their_text(tmp_path: Path) -> None:
    """`001` and `1` are two items in a CSV; 17850.0 of a column with gaps is customer 17850."""
    assert read(tmp_path, table(DAYS)).lines["item"].to_pylist() == ["001", "1", "a"]
    frame = table(DAYS).assign(customer=[17850.0, None, 12])
    for suffix in (".csv", ".parquet"):
        found = read(tmp_path, frame, suffix)
        assert found.lines["customer"].to_pylist() == ["17850", "12"]
        assert found.left_out == 1


def test_what_stands_beside_is_used(tmp_path: Path) -> None:
    """Quantity and price make the amount; the category is one of the item."""
    frame = table(DAYS, Quantity=[2, 1, 3], UnitPrice=[1.5, 2.0, 1.0], category=["milk", "milk", "tea"])
    found = read(tmp_path, frame)
    assert found.lines["amount"].to_pylist() == [3.0, 2.0, 3.0]
    assert found.items.set_index("item")["category"].to_dict() == {"001": "milk", "1": "milk", "a": "tea"}


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (table(DAYS).drop(columns="item").assign(colour="red"), "data.purchases_columns"),
        (table(["2024-03-31", "soon", "2024-12-05"]), "data.purchases_time"),
        (table([-5, 3, 8]), "data.purchases_time"),
        (table(["2024-03-31", "2031-01-01", "2024-12-05"]), "data.purchases_future"),
        (table(DAYS).assign(customer=None), "data.purchases_none"),
        (table(DAYS)[:0], "file.empty"),
    ],
    ids=["columns", "time", "negative", "future", "nobody", "empty"],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(frame: pd.DataFrame, code: str, tmp_path: Path) -> None:
    """The sentence names the file, and the row and value where there is one."""
    with pytest.raises(HubError) as refused:
        read(tmp_path, frame)
    assert refused.value.code == code
    assert "bought" in str(refused.value)
