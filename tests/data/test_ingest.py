"""Ingest: any export in, facts out; every row is new, known or rejected, and nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aislehub.core.errors import HubError
from aislehub.core.hub import Hub, open_hub
from aislehub.data.loaded import Loaded
from aislehub.data.loading import ingest_inbox, ingest_path
from aislehub.serve.cli import main

EXPORTS = Path(__file__).parent / "exports"
HEADER = "store,receipt,line,sold_at,item,quantity,amount,price\n"
GOOD = "S1,1,1,2024-03-01 10:00,A,1,5.00,5.00\nS1,1,2,2024-03-01 10:00,B,2,6.00,3.00\n"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A house in Shanghai."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "hub.toml").write_text('[hub]\ntimezone = "Asia/Shanghai"\ncurrency = "CNY"\n')
    monkeypatch.setenv("AISLEHUB_HOME", str(home))
    with open_hub(home) as one:
        yield one


def load(hub: Hub, source: Path | str, **options: object) -> Loaded:
    """What became of one export."""
    (loaded,) = ingest_path(hub, str(source), **options)  # type: ignore[arg-type]
    assert loaded.read == loaded.new + loaded.known + loaded.rejected
    return loaded


def counts(loaded: Loaded) -> tuple[int, int, int, int]:
    """read, new, known, rejected."""
    return loaded.read, loaded.new, loaded.known, loaded.rejected


def lines(hub: Hub) -> pd.DataFrame:
    """The sales lines in order."""
    return hub.tables.fetch("sales_lines").to_pandas().sort_values(["sold_at", "receipt", "item"], ignore_index=True)


# -- five messy exports -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("pos_cn.csv", (7, 6, 1, 0)),
        ("shopify.csv", (3, 3, 0, 0)),
        ("odoo.csv", (3, 3, 0, 0)),
        ("eu.csv", (3, 3, 0, 0)),
        ("merged.xlsx", (4, 4, 0, 0)),
    ],
)
def test_messy_exports_load_and_load_again_without_change(hub: Hub, file: str, expected: tuple[int, ...]) -> None:
    """Each export fills sales_lines without a word said about it; the second time nothing is new."""
    first = load(hub, EXPORTS / file)
    assert first.table == "sales_lines"
    assert counts(first) == expected
    again = load(hub, EXPORTS / file)
    assert counts(again) == (expected[0], 0, expected[0] - expected[3], expected[3])


def test_the_chinese_till(hub: Hub) -> None:
    """GB 18030, titles, totals, ="…" codes, ￥, full-width digits, four date styles, a return, a duplicate."""
    load(hub, EXPORTS / "pos_cn.csv")
    sales = lines(hub)
    assert sales["item"].tolist() == ["00012", "100034", "100034", "100034", "100077", "100099"]
    assert sales["quantity"].tolist() == [2, 1, 1, -1, 1.345, 1000]
    assert sales["amount"].tolist() == [11, 11.8, 12.8, -12.8, 5.35, 3200]
    assert sales["day"].tolist() == [date(2024, 3, 5)] * 4 + [date(2024, 3, 6)] * 2
    assert sales["sold_at"].iloc[-1].isoformat() == "2024-03-06T11:05:00+00:00"


def test_shopify(hub: Hub) -> None:
    """Order fields stand on the first line only; a blank SKU is replaced by the name; money is qty × price."""
    load(hub, EXPORTS / "shopify.csv")
    sales = lines(hub)
    assert sales["receipt"].tolist() == ["#1001", "#1001", "#1002"]
    assert sales["item"].tolist() == ["SOCK", "TS-M", "Gift Card"]
    assert sales["amount"].tolist() == [19.99, 19.99, 50]
    assert sales["sold_at"].iloc[0].isoformat() == "2024-01-05T19:03:20+00:00"


def test_odoo(hub: Hub) -> None:
    """Blank order cells continue the order above; a refund is negative."""
    load(hub, EXPORTS / "odoo.csv")
    sales = lines(hub)
    assert sales["receipt"].tolist() == ["Shop/0001", "Shop/0001", "Shop/0002"]
    assert sales["customer"].tolist() == ["C1", "C1", None]
    assert sales["amount"].tolist() == [100, 20, -100]


def test_decimal_commas_behind_a_byte_order_mark(hub: Hub) -> None:
    """1.000 is a thousand where 1,5 is one and a half; 05.01. is in January."""
    load(hub, EXPORTS / "eu.csv")
    sales = lines(hub)
    assert sales["quantity"].tolist() == [1.5, 1000, -1]
    assert sales["amount"].tolist() == [4.49, 500, -2.99]
    assert sales["day"].tolist() == [date(2024, 1, 5), date(2024, 1, 5), date(2024, 1, 6)]


def test_a_sheet_with_merged_titles(hub: Hub) -> None:
    """The store stands in a title, the receipt in a merged cell, one date is a serial, one is text."""
    load(hub, EXPORTS / "merged.xlsx")
    sales = lines(hub)
    assert sales["store"].unique().tolist() == ["S003"]
    assert sales["receipt"].tolist() == ["T1", "T1", "T2", "T3"]
    assert sales["quantity"].tolist() == [2, 1, 1, -1]
    assert sales["day"].tolist() == [date(2024, 3, 1)] * 2 + [date(2024, 3, 2)] * 2


# -- bad rows ---------------------------------------------------------------------------------------


def test_bad_rows_are_kept_with_their_reasons_and_the_others_loaded(hub: Hub, tmp_path: Path) -> None:
    """Text in a number, a bad date, a negative price, a missing cell, a cell too many: each is named."""
    file = tmp_path / "bad.csv"
    file.write_text(
        HEADER
        + GOOD
        + "S1,2,1,2024-03-01 10:00,A,two,5,5\nS1,3,1,2024-02-30 10:00,A,1,5,5\nS1,4,1,2024-03-01 10:00,A,1,5,-5\n"
        "S1,5,1,2024-03-01 10:00,,1,5,5\nS1,6,1,2024-03-01 10:00,A,1,5,5,surplus\n"
    )
    assert counts(load(hub, file)) == (7, 2, 0, 5)
    assert counts(load(hub, file)) == (7, 0, 2, 5)
    kept = hub.tables.fetch("rejected").to_pandas().sort_values("row")
    assert kept["row"].tolist() == [4, 5, 6, 7, 8]
    reasons = [json.loads(text)[0] for text in kept["reasons"]]
    assert [(r["code"], r["column"]) for r in reasons] == [
        ("reject.float", "quantity"), ("reject.time", "sold_at"), ("reject.low", "price"), ("reject.empty", "item"),
        ("reject.width", ""),
    ]  # fmt: skip
    assert json.loads(kept["raw"].iloc[0])["quantity"] == "two"


def test_an_unknown_store_is_rejected_once_stores_are_known(hub: Hub, tmp_path: Path) -> None:
    """With a store master a misspelt store is no new store; the nearest is suggested."""
    stores = tmp_path / "stores.csv"
    stores.write_text("store,name,city\nS1,Main,Berlin\n")
    sales = tmp_path / "sales.csv"
    sales.write_text(HEADER + GOOD + "S11,9,1,2024-03-01 10:00,A,1,5,5\n")
    assert counts(load(hub, stores)) == (1, 1, 0, 0)
    assert counts(load(hub, sales)) == (3, 2, 0, 1)
    (fault,) = json.loads(hub.tables.fetch("rejected")["reasons"][0].as_py())
    assert (fault["code"], fault["value"]) == ("reject.unknown", "S11")
    assert "S1" in fault["suggestion"]


def test_a_cut_file_is_reported_and_the_whole_one_adds_only_what_is_missing(hub: Hub, tmp_path: Path) -> None:
    """Cut anywhere, the whole rows load; nothing is double or lost when the whole file comes."""
    whole = HEADER.encode() + b"".join(f"S1,{n},1,2024-03-01 10:00,A,1,{n}.50,5.00\n".encode() for n in range(40))
    file = tmp_path / "sales.csv"
    file.write_bytes(whole[: len(whole) // 2])
    half = load(hub, file)
    assert half.rejected == 1
    assert "data.note.cut" in [note.code for note in half.notes]
    file.write_bytes(whole)
    assert counts(load(hub, file)) == (40, 40 - half.new, half.new, 0)


@pytest.mark.parametrize("file", ["pos_cn.csv", "shopify.csv", "odoo.csv", "eu.csv"])
def test_an_export_cut_anywhere_and_then_whole_gives_what_the_whole_gives(hub: Hub, tmp_path: Path, file: str) -> None:
    """What was guessed from a part does not spoil the whole: the same rows come out, none twice."""
    whole = (EXPORTS / file).read_bytes()
    expected = load(hub, EXPORTS / file).new
    copy = tmp_path / file
    for percent in (45, 62, 71, 88, 97):
        with open_hub(tmp_path / f"home {percent}") as other:
            copy.write_bytes(whole[: len(whole) * percent // 100])
            with suppress(HubError):  # not one whole row yet
                load(other, copy)
            copy.write_bytes(whole)
            load(other, copy)
            assert other.tables.count("sales_lines") == expected, percent


@pytest.mark.parametrize("suffix", [".parquet", ".xlsx"])
def test_a_cut_binary_file_loads_nothing(hub: Hub, tmp_path: Path, suffix: str) -> None:
    """Half a Parquet file or workbook cannot be read; the error says so and nothing is loaded."""
    frame = pd.DataFrame(
        {"store": ["S1"] * 99, "receipt": range(99), "sold_at": "2024-03-01", "item": "A", "quantity": 1, "amount": 2.0}
    )
    file = tmp_path / f"sales{suffix}"
    frame.to_parquet(file) if suffix == ".parquet" else frame.to_excel(file, index=False)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(HubError) as error:
        load(hub, file)
    assert error.value.code == "file.unreadable"
    assert hub.tables.count("sales_lines") == 0


def test_a_missing_column_is_named_and_nothing_is_loaded(hub: Hub, tmp_path: Path) -> None:
    """The error lists what the file has; --set fills the gap."""
    file = tmp_path / "sales.csv"
    file.write_text("store,receipt,date,quantity,amount,thing\nS1,1,2024-03-01,1,5,A\n")
    with pytest.raises(HubError) as error:
        load(hub, file, table="sales_lines")
    assert (error.value.code, error.value.facts["columns"]) == ("data.missing_columns", "item")
    assert hub.tables.count("sales_lines") == 0
    assert counts(load(hub, file, sets=["item=thing"])) == (1, 1, 0, 0)


# -- mapping ----------------------------------------------------------------------------------------


def test_an_edited_mapping_is_used_for_the_next_export_of_its_shape(hub: Hub, tmp_path: Path) -> None:
    """What the user changes in the saved file holds from then on."""
    file = tmp_path / "sales.csv"
    file.write_text(HEADER + GOOD)
    first = load(hub, file, dry_run=True)
    assert hub.tables.count("sales_lines") == 0
    saved = Path(first.mapping_file)
    saved.write_text(saved.read_text().replace('amount = "amount"', 'amount = "quantity * price"'))
    file.write_text(HEADER + GOOD.replace("5.00,5.00", "9.99,5.00"))
    load(hub, file)
    assert lines(hub)["amount"].tolist() == [5, 6]


def test_a_mapping_file_is_made_where_asked_and_used_from_there(hub: Hub, tmp_path: Path) -> None:
    """--mapping FILE is written when absent; a wrong name in it is refused with a suggestion."""
    file, mapping = tmp_path / "sales.csv", tmp_path / "mine.toml"
    file.write_text(HEADER + GOOD)
    load(hub, file, mapping_file=mapping, dry_run=True)
    mapping.write_text(mapping.read_text().replace('item = "item"', 'item = "itm"'))
    with pytest.raises(HubError, match="Did you mean item"):
        load(hub, file, mapping_file=mapping)
    assert hub.tables.count("sales_lines") == 0


def test_duplicates_can_be_kept(hub: Hub, tmp_path: Path) -> None:
    """Rows alike are one row, or, where the mapping says keep, each its own, also the second time."""
    file, mapping = tmp_path / "sales.csv", tmp_path / "mine.toml"
    file.write_text("store,receipt,sold_at,item,quantity,amount\n" + "S1,1,2024-03-01 10:00,A,1,5\n" * 3)
    load(hub, file, mapping_file=mapping, dry_run=True)
    mapping.write_text(mapping.read_text().replace('duplicates = "drop"', 'duplicates = "keep"'))
    assert counts(load(hub, file, mapping_file=mapping)) == (3, 3, 0, 0)
    assert counts(load(hub, file, mapping_file=mapping)) == (3, 0, 3, 0)


def test_stores_are_made_from_exports_until_a_list_of_stores_is_loaded(hub: Hub, tmp_path: Path) -> None:
    """One export a store is no fault; once the chain says which stores it has, others are rejected."""
    file, stores = tmp_path / "sales.csv", tmp_path / "stores.csv"
    for store, expected in (("S1", (2, 2, 0, 0)), ("S2", (2, 2, 0, 0))):
        file.write_text(HEADER + GOOD.replace("S1,1", f"{store},1"))
        assert counts(load(hub, file)) == expected
    stores.write_text("store,name,city\nS1,Main,Berlin\nS2,Mall,Madrid\n")
    load(hub, stores)
    file.write_text(HEADER + GOOD.replace("S1,1", "S3,1"))
    assert counts(load(hub, file)) == (2, 0, 0, 2)


def test_dates_that_contradict_the_saved_mapping_are_said(hub: Hub, tmp_path: Path) -> None:
    """What an earlier export left open and this one settles differently is not read over."""
    file = tmp_path / "sales.csv"
    row = "S1,{0},{1},A,1,5\n"
    file.write_text("store,receipt,date,sku,qty,amount\n" + row.format(1, "01/05/2024"))
    assert "data.note.date_order" in [note.code for note in load(hub, file).notes]
    saved = load(hub, file).mapping
    assert saved is not None
    other = "25/05/2024" if saved.date_order["date"] == "mdy" else "05/25/2024"
    file.write_text("store,receipt,date,sku,qty,amount\n" + row.format(2, other))
    assert "data.note.contradiction" in [note.code for note in load(hub, file).notes]


def test_a_corrected_daily_total_replaces_the_old_one(hub: Hub, tmp_path: Path) -> None:
    """Daily totals are keyed by store, day and item."""
    file = tmp_path / "daily.csv"
    file.write_text("日期,门店,商品编码,销量,销售额\n2024-03-01,S1,A,3,30\n2024-03-02,S1,A,2,20\n")
    load(hub, file)
    file.write_text("日期,门店,商品编码,销量,销售额\n2024-03-01,S1,A,4,40\n2024-03-02,S1,A,2,20\n")
    assert counts(load(hub, file)) == (2, 1, 1, 0)
    assert lines(hub)["quantity"].tolist() == [4, 2]


def test_the_business_day_is_the_stores(hub: Hub, tmp_path: Path) -> None:
    """A sale at half past eleven in the evening belongs to that evening where the store is."""
    stores, sales = tmp_path / "stores.csv", tmp_path / "sales.csv"
    stores.write_text("store,name,timezone\nS1,Main,America/New_York\nS2,East,Asia/Shanghai\n")
    sales.write_text(
        "store,receipt,sold_at,item,quantity,amount\nS1,1,2024-03-02T03:30:00Z,A,1,5\nS2,2,2024-03-02T03:30:00Z,A,1,5\n"
        "S1,3,2024-03-01 23:30,A,1,5\n"
    )
    load(hub, stores)
    load(hub, sales)
    assert dict(zip(lines(hub)["receipt"], lines(hub)["day"], strict=True)) == {
        "1": date(2024, 3, 1),
        "2": date(2024, 3, 2),
        "3": date(2024, 3, 1),
    }


# -- other ways in ----------------------------------------------------------------------------------


def test_a_folder_loads_stores_before_sales(hub: Hub, tmp_path: Path) -> None:
    """Tables that others refer to come first; each table gets its own sums."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a_sales.csv").write_text(HEADER + GOOD)
    (folder / "b_sales.csv").write_text(HEADER + GOOD.replace("S1,1", "S1,2"))
    (folder / "stores.csv").write_text("store,name,city\nS1,Main,Berlin\n")
    stores, sales = ingest_path(hub, str(folder))
    assert (stores.table, counts(stores)) == ("stores", (1, 1, 0, 0))
    assert (sales.table, counts(sales)) == ("sales_lines", (4, 4, 0, 0))


def test_typed_parquet_keeps_its_types(hub: Hub, tmp_path: Path) -> None:
    """Whole-number keys become text, floats that stand for missing whole numbers too; times are the store's."""
    frame = pd.DataFrame(
        {
            "store_id": [1, 2],
            "basket_id": [10, 11],
            "product_id": [5, 6],
            "household_id": [7.0, None],
            "quantity": [1, 2],
            "sales_value": [1.5, 2.5],
            "transaction_timestamp": pd.to_datetime(["2024-01-01 10:00", "2024-01-02 23:30"]),
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    assert counts(load(hub, tmp_path / "t.parquet")) == (2, 2, 0, 0)
    sales = lines(hub)
    assert sales[["store", "receipt", "item", "customer"]].to_numpy().tolist() == [
        ["1", "10", "5", "7"],
        ["2", "11", "6", None],
    ]
    assert sales["day"].tolist() == [date(2024, 1, 1), date(2024, 1, 2)]


def test_the_inbox_becomes_facts_exactly_once(hub: Hub) -> None:
    """Events leave the inbox when they are facts; a second time there is nothing to do."""
    hub.inbox.add([{"event_id": f"e{n}", "at": "2024-03-01T10:00:00Z", "kind": "view", "item": "A"} for n in range(3)])
    assert counts(ingest_inbox(hub)) == (3, 3, 0, 0)
    assert counts(ingest_inbox(hub)) == (0, 0, 0, 0)
    assert hub.tables.count("events") == 3


def test_the_command_prints_one_document_and_exits_one_on_rejected_rows(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--json prints the document alone; 0 when all is well, 1 when rows were rejected or nothing could load."""
    file = tmp_path / "sales.csv"
    file.write_text(HEADER + GOOD)
    assert main(["ingest", str(file), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {k: document[k] for k in ("table", "read", "new", "known", "rejected")} == {
        "table": "sales_lines",
        "read": 2,
        "new": 2,
        "known": 0,
        "rejected": 0,
    }
    assert document["mapping"]["quantity"] == "quantity"
    file.write_text(HEADER + GOOD + "S1,2,1,2024-03-01 10:00,A,two,5,5\n")
    assert main(["ingest", str(file), "--json"]) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out)["rejected"] == 1
    assert "'two'" in captured.err
    assert main(["ingest", str(tmp_path / "none.csv")]) == 1
    assert main(["ingest", str(file), "--as", "sale_lines"]) == 1
    assert "sales_lines" in capsys.readouterr().err


# -- properties -------------------------------------------------------------------------------------

sale = st.tuples(
    st.integers(1, 10**6),
    st.sampled_from("ABC"),
    st.integers(-50, 50).filter(bool),
    st.integers(-(10**6), 10**6),
    st.datetimes(pd.Timestamp("2023-01-01").to_pydatetime(), pd.Timestamp("2024-12-31").to_pydatetime()),
)
shapes = st.sampled_from(["iso.csv", "german.csv", "chinese.csv", "sheet.xlsx", "typed.parquet"])


def _write(frame: pd.DataFrame, shape: str, folder: Path) -> Path:
    """One table of good rows in one of the shapes people export it in."""
    path = folder / shape
    match shape:
        case "german.csv":
            frame = frame.assign(
                sold_at=frame["sold_at"].dt.strftime("%d.%m.%Y %H:%M:%S"),
                amount=frame["amount"].map(lambda x: f"{x:,.2f}".translate(str.maketrans(",.", ".,"))),
            )
            frame.columns = ["Filiale", "Bonnummer", "Artikelnummer", "Menge", "Betrag", "Datum"]
            path.write_bytes(("Umsätze;;;;;\n" + frame.to_csv(index=False, sep=";")).encode("cp1252"))
        case "chinese.csv":
            frame = frame.assign(
                sold_at=frame["sold_at"].dt.strftime("%Y年%m月%d日 %H:%M:%S"),
                amount=frame["amount"].map(lambda x: f"￥{x:,.2f}"),
            )
            frame.columns = ["门店编码", "小票号", "商品编码", "数量", "实收金额", "销售时间"]
            path.write_bytes((frame.to_csv(index=False) + "合计,,,,1,\n").encode("gb18030"))
        case "sheet.xlsx":
            frame.to_excel(path, index=False, startrow=2)
        case "typed.parquet":
            pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path)
        case _:
            frame.to_csv(path, index=False)
    return path


@given(st.lists(sale, min_size=1, max_size=12, unique_by=lambda s: (s[0], s[1])), shapes)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_good_rows_survive_any_shape(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[object, ...]], shape: str
) -> None:
    """Whatever the export looks like, the same rows come out, in every column, and none is new twice."""
    folder = tmp_path_factory.mktemp("shape")
    frame = pd.DataFrame(rows, columns=["receipt", "item", "quantity", "cents", "sold_at"])
    frame = frame.assign(
        store="S1", amount=frame["cents"] / 100, sold_at=pd.to_datetime(frame["sold_at"]).dt.floor("s")
    )
    frame = frame[["store", "receipt", "item", "quantity", "amount", "sold_at"]]
    with open_hub(folder / "home") as hub:
        path = _write(frame, shape, folder)
        assert counts(load(hub, path)) == (len(rows), len(rows), 0, 0)
        assert counts(load(hub, path)) == (len(rows), 0, len(rows), 0)
        sales = hub.tables.fetch("sales_lines").to_pandas()
    found = sorted(
        zip(
            sales["receipt"],
            sales["item"],
            sales["quantity"],
            sales["amount"].round(6),
            sales["sold_at"].dt.tz_localize(None),
            strict=True,
        )
    )
    wanted = sorted(
        zip(
            frame["receipt"].astype(str),
            frame["item"],
            frame["quantity"],
            frame["amount"].round(6),
            frame["sold_at"],
            strict=True,
        )
    )
    assert found == wanted


cell = st.sampled_from(["S1", "", "1", "-3", "two", "2024-03-01", "31.02.2024", "5,5", "n/a", "∞", '"', "A" * 50])


@given(st.lists(st.lists(cell, min_size=1, max_size=9), min_size=1, max_size=8))
@settings(max_examples=10, deadline=None)
def test_every_row_is_new_known_or_rejected(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    """Whatever stands in a file, read = new + known + rejected, and rejected rows are kept."""
    folder = tmp_path_factory.mktemp("any")
    file = folder / "sales.csv"
    file.write_text(HEADER + GOOD + "\n".join(",".join(row) for row in rows) + "\n", encoding="utf-8")
    with open_hub(folder / "home") as hub:
        loaded = load(hub, file)
        assert loaded.rejected == hub.tables.count("rejected") or loaded.rejected == 0
        assert loaded.new == hub.tables.count("sales_lines")


def test_a_dry_run_of_waiting_events_moves_none(hub: Hub) -> None:
    """A dry run counts what would come in and leaves it in the inbox; there is nothing to map."""
    hub.inbox.add([{"event_id": "e1", "at": "2024-03-01T10:00:00Z", "kind": "view", "item": "A"}])
    (told,) = ingest_path(hub, "inbox", dry_run=True)
    assert counts(told) == (1, 1, 0, 0)
    assert hub.tables.count("events") == 0
    with pytest.raises(HubError) as refused:
        ingest_path(hub, "inbox", table="events")
    assert refused.value.code == "data.mapped_already"
    assert counts(ingest_inbox(hub)) == (1, 1, 0, 0)
