"""Sources hand over rows that keep the contracts and say what the data say."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sqlalchemy import create_engine, text

import aislehub.schema as schema
from aislehub.core.errors import HubError
from aislehub.data.sources.complete_journey import CompleteJourney
from aislehub.data.sources.m5 import DAILY_TOTAL, M5
from aislehub.data.sources.sql import Database, read_sql

CONTRACTS = {getattr(schema, name).name: getattr(schema, name) for name in schema.__all__}


def joined(rows: Iterator[tuple[str, pa.Table]]) -> dict[str, pa.Table]:
    """All rows by table, each checked against its contract: none may be rejected."""
    tables: dict[str, pa.Table] = {}
    for name, table in rows:
        checked = CONTRACTS[name].check(table)
        assert checked.rejected.num_rows == 0, checked.rejected.slice(0, 1).to_pylist()
        tables[name] = pa.concat_tables([tables[name], checked.good]) if name in tables else checked.good
    return tables


@pytest.fixture(scope="module")
def journey() -> dict[str, pa.Table]:
    """Complete Journey, loaded once."""
    return joined(CompleteJourney().rows())


def where(table: pa.Table, **cells: object) -> list[dict[str, object]]:
    """The rows with these cells."""
    for name, cell in cells.items():
        table = table.filter(pc.equal(table[name], pa.scalar(cell, table[name].type)))
    return table.to_pylist()


def test_journey_drops_no_line(journey: dict[str, pa.Table]) -> None:
    """All 1,469,307 lines are there, those of quantity 0 and of unknown items too, each under its own key."""
    lines = journey["sales_lines"]
    assert len(lines) == 1_469_307
    assert pc.sum(pc.equal(lines["quantity"], 0)).as_py() == 8_869
    assert lines.group_by(["store", "receipt", "line"]).aggregate([]).num_rows == len(lines)


def test_journey_money(journey: dict[str, pa.Table]) -> None:
    """Shelf value − discount = amount (dunnhumby's formulae), line by line and on a line read by hand."""
    line = where(journey["sales_lines"], receipt="31198795316", item="850562")[0]
    assert (line["quantity"], line["amount"], line["coupon"]) == (2.0, 3.55, 0.55)
    assert line["discount"] == pytest.approx(1.78 + 0.45)
    assert line["price"] == pytest.approx(2.89)
    lines = journey["sales_lines"].filter(pc.greater(journey["sales_lines"]["quantity"], 0))
    shelf = pc.multiply(lines["price"], lines["quantity"])
    gap = pc.abs(pc.subtract(pc.subtract(shelf, lines["discount"]), lines["amount"]))
    # The price is rounded to cents, so a line may be half a cent off per unit.
    assert pc.all(pc.less_equal(gap, pc.add(pc.multiply(lines["quantity"], 0.005), 1e-6))).as_py()


def test_journey_business_days_are_of_the_store(journey: dict[str, pa.Table]) -> None:
    """A sale at 04:01 UTC of 1 January 2018 is one of 31 December in New York; Christmas is closed."""
    days = pc.unique(journey["sales_lines"]["day"]).to_pylist()
    assert (min(days), max(days)) == (date(2017, 1, 1), date(2017, 12, 31))
    assert len(days) == 364
    assert date(2017, 12, 25) not in days
    closed = where(journey["calendar"], kind="closed")
    assert [row["day"] for row in closed] == [date(2017, 12, 25)]


def test_journey_persons_are_stable_and_keyed(journey: dict[str, pa.Table]) -> None:
    """The same secret gives the same persons, another secret others; no household number shines through."""
    own = journey["customers"]["customer"].to_pylist()
    assert len(set(own)) == 2_469
    assert set(pc.unique(journey["sales_lines"]["customer"]).to_pylist()) == set(own)
    other = dict(zip(("stores", "items", "customers"), CompleteJourney(secret=b"other").rows(), strict=False))
    assert not set(other["customers"][1]["customer"].to_pylist()) & set(own)


def test_journey_goods_without_stock_are_marked(journey: dict[str, pa.Table]) -> None:
    """Fuel is kept but never ordered; crackers are ordered, though their category says MISC."""
    items = journey["items"]
    assert {row["is_sellable"] for row in where(items, department="FUEL")} == {False}
    assert {row["is_sellable"] for row in where(items, category="CRACKERS/MISC BKD FD")} == {True}


def test_journey_promotions_join_weeks(journey: dict[str, pa.Table]) -> None:
    """A promotion covers whole weeks, is known before it starts and never touches itself."""
    promotions = journey["promotions"].to_pandas()
    starts, ends = (promotions[name].astype("datetime64[ns]") for name in ("starts", "ends"))
    assert set(starts.dt.dayofweek) == {0}
    assert set(ends.dt.dayofweek) == {6}
    assert (promotions["known_at"] < starts.dt.tz_localize("UTC")).all()
    ordered = promotions.sort_values(["store", "item", "promotion", "starts"])
    again = ordered.duplicated(["store", "item", "promotion"])
    before = ordered["ends"].astype("datetime64[ns]").shift()
    gap = (ordered["starts"].astype("datetime64[ns]") - before).dt.days
    assert (gap[again] > 1).all()


def test_journey_prices_change(journey: dict[str, pa.Table]) -> None:
    """A regular price is a row only when it differs from the one seen before; a sale price is below it."""
    prices = journey["prices"].to_pandas()
    regular = prices[prices.kind == "regular"].sort_values(["store", "item", "valid_from"])
    same_item = regular.duplicated(["store", "item"])
    assert not (regular.price.diff()[same_item] == 0).any()
    assert {"regular", "sale"} == set(prices.kind)


def test_journey_since() -> None:
    """Asked for what became known since a moment, the source hands over nothing older."""
    late = dict(CompleteJourney().rows(datetime(2017, 12, 30, tzinfo=UTC)))["sales_lines"]
    assert 0 < len(late) < 20_000
    assert min(late["known_at"].to_pylist()) >= datetime(2017, 12, 30, tzinfo=UTC)


@pytest.fixture
def kaggle(tmp_path: Path) -> Path:
    """Files as Kaggle hands them out: two stores, two items, ten days over two price weeks."""
    write(
        tmp_path / "sales_train_validation.csv",
        [["id", "item_id", "dept_id", "cat_id", "store_id", "state_id", *[f"d_{n}" for n in range(1, 11)]],
         ["A_CA", "A", "FOODS_1", "FOODS", "CA_1", "CA", 0, 2, 0, 0, 0, 0, 0, 3, 0, 1],
         ["B_CA", "B", "FOODS_1", "FOODS", "CA_1", "CA", 0, 0, 0, 0, 0, 0, 0, 0, 0, 4],
         ["A_TX", "A", "FOODS_1", "FOODS", "TX_1", "TX", 5, 0, 0, 0, 0, 0, 0, 0, 0, 0],
         ["B_TX", "B", "FOODS_1", "FOODS", "TX_1", "TX", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    )  # fmt: skip
    calendar = [["date", "wm_yr_wk", "d", "event_name_1", "event_type_1", "event_name_2", "event_type_2",
                 "snap_CA", "snap_TX", "snap_WI"]]  # fmt: skip
    for n in range(1, 13):
        event = ["SuperBowl", "Sporting"] if n == 9 else ["", ""]
        calendar.append([f"2011-02-{n:02d}", 11101 + (n > 7), f"d_{n}", *event, "", "", int(n == 2), 0, 1])
    write(tmp_path / "calendar.csv", calendar)
    write(
        tmp_path / "sell_prices.csv",
        [["store_id", "item_id", "wm_yr_wk", "sell_price"],
         ["CA_1", "A", 11101, 1.5], ["CA_1", "A", 11102, 1.25], ["CA_1", "B", 11101, 3.0],
         ["CA_1", "B", 11102, 3.0], ["TX_1", "A", 11101, 2.0]],
    )  # fmt: skip
    return tmp_path


def write(path: Path, rows: list[list[object]]) -> None:
    """A CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def test_m5_lines(kaggle: Path) -> None:
    """A day's units become one line at the week's price; a day without a sale is no line."""
    lines = joined(M5(kaggle).rows())["sales_lines"].to_pylist()
    short = [(line["store"], line["day"].day, line["item"], line["quantity"], line["amount"]) for line in lines]
    assert short == [
        ("CA_1", 2, "A", 2, 3.0), ("CA_1", 8, "A", 3, 3.75), ("CA_1", 10, "A", 1, 1.25),
        ("CA_1", 10, "B", 4, 12.0), ("TX_1", 1, "A", 5, 10.0),
    ]  # fmt: skip
    assert {line["source"] for line in lines} == {DAILY_TOTAL}
    assert lines[0]["sold_at"] == datetime(2011, 2, 3, 5, tzinfo=UTC)


def test_m5_prices_and_calendar(kaggle: Path) -> None:
    """Prices are rows when they change; events hold everywhere, food-stamp days in their state."""
    tables = joined(M5(kaggle, stores=("CA_1",)).rows())
    changes = [(row["item"], row["valid_from"].day, row["price"]) for row in tables["prices"].to_pylist()]
    assert changes == [("A", 1, 1.5), ("B", 1, 3.0), ("A", 8, 1.25)]
    events = [(row["day"].day, row["region"], row["event"], row["kind"]) for row in tables["calendar"].to_pylist()]
    assert events == [(2, "CA", "SNAP", "benefit"), (9, "all", "SuperBowl", "sport")]
    assert tables["stores"]["store"].to_pylist() == ["CA_1"]


def test_m5_missing_file(kaggle: Path) -> None:
    """A missing file is named."""
    (kaggle / "sell_prices.csv").unlink()
    with pytest.raises(HubError, match="sell_prices"):
        list(M5(kaggle).rows())


def test_m5_sale_without_price_is_rejected(kaggle: Path) -> None:
    """A sale in a week without a price has no amount: it is rejected with that reason, not lost."""
    prices = (kaggle / "sell_prices.csv").read_text().replace("TX_1,A,11101,2.0", "TX_1,A,11102,2.0")
    (kaggle / "sell_prices.csv").write_text(prices)
    lines = dict(M5(kaggle, stores=("TX_1",)).rows())["sales_lines"]
    rejected = CONTRACTS["sales_lines"].check(lines).rejected
    assert rejected.num_rows == 1
    assert '"column": "amount"' in rejected["_reasons"][0].as_py()


@pytest.fixture
def shop(tmp_path: Path) -> str:
    """A database with 1,001 rows, the last with text where numbers belong."""
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE till (nr INTEGER, sku TEXT, qty NUMERIC, paid NUMERIC, changed TEXT)"))
        connection.execute(
            text("INSERT INTO till VALUES (:nr, :sku, :qty, :paid, :changed)"),
            [
                {"nr": n, "sku": f"s{n}", "qty": 1, "paid": n / 4, "changed": f"2017-01-{n % 28 + 1:02d}"}
                for n in range(1_000)
            ],
        )
        connection.execute(text("INSERT INTO till VALUES (1000, 's1000', 'two', NULL, '2017-02-01')"))
    engine.dispose()
    return url


def test_sql_table_in_chunks(shop: str) -> None:
    """A table streams in chunks of the size asked for, whole and in order; odd cells arrive as text."""
    chunks = list(read_sql(shop, "till", chunk=300))
    assert [chunk.num_rows for chunk in chunks] == [300, 300, 300, 101]
    assert [nr for chunk in chunks for nr in chunk["nr"].to_pylist()] == list(range(1_001))
    assert chunks[-1]["qty"][-1].as_py() == "two"


def test_sql_query_and_since(shop: str) -> None:
    """A SELECT is taken as it is; a table with its change column gives only what changed since."""
    (chunk,) = read_sql(shop, "SELECT sku AS item, sum(paid) AS amount FROM till WHERE nr < 3 GROUP BY sku")
    assert chunk.to_pylist()[2] == {"item": "s2", "amount": 0.5}
    source = Database(shop, "till", "sales_lines", changed="changed")
    ((name, late),) = source.rows(datetime(2017, 1, 28, 12))
    assert (name, late.num_rows) == ("sales_lines", 1)


@pytest.mark.parametrize(
    ("url", "query", "code"),
    [
        ("shop", "tills", "data.sql_table"),
        ("shop", "SELECT nothing FROM till", "data.sql_failed"),
        ("nonsense", "till", "data.sql_url"),
        ("oracle9://me:secret@host/x", "till", "data.sql_url"),
        ("sqlite:////no/such/folder/me.db", "till", "data.sql_failed"),
    ],
)
def test_sql_errors_say_what_to_do(shop: str, url: str, query: str, code: str) -> None:
    """A wrong address, table or query is one sentence with a hint and never shows a password."""
    with pytest.raises(HubError) as caught:
        list(read_sql(shop if url == "shop" else url, query))
    assert caught.value.code == code
    assert "secret" not in str(caught.value)
