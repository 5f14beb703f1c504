"""Reading: the kind, encoding and delimiter of a file are told by its bytes, and said."""

from __future__ import annotations

import gzip
import sqlite3
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislehub.core.errors import HubError
from aislehub.data.guess import knows
from aislehub.data.reading import Export, read_exports

TEXT = "门店编码,小票号,商品名称,数量,金额\nS1,1,伊利纯牛奶,2,11.00\nS1,2,面包,1,5.50\n"
EUROPEAN = "Filiale;Bonnummer;Bezeichnung;Menge;Betrag\nKöln;1;Müsli für zwei;2;11,00\nDüren;2;Brötchen;1;5,50\n"


def read(path: Path, **options: str) -> Export:
    """The one export of a file."""
    (export,) = read_exports(str(path), knows, **options)
    return export


def rows(export: Export) -> list[dict[str, object]]:
    """All rows of an export."""
    return [row for block in export.blocks(1000) for row in block.cells.to_pylist()]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030", "gbk"])
def test_chinese_text_is_read_in_any_of_its_encodings(tmp_path: Path, encoding: str) -> None:
    """The encoding is found from the bytes, with or without a byte-order mark."""
    file = tmp_path / "sales.csv"
    file.write_bytes(TEXT.encode(encoding))
    assert rows(read(file))[0] == {
        "门店编码": "S1",
        "小票号": "1",
        "商品名称": "伊利纯牛奶",
        "数量": "2",
        "金额": "11.00",
    }


def test_western_text_is_not_taken_for_chinese(tmp_path: Path) -> None:
    """Accents before letters are cp1252, though the bytes could be Chinese characters."""
    file = tmp_path / "sales.csv"
    file.write_bytes(EUROPEAN.encode("cp1252"))
    export = read(file)
    assert rows(export)[0]["Bezeichnung"] == "Müsli für zwei"
    assert export.semicolon


def test_an_encoding_can_be_said(tmp_path: Path) -> None:
    """The user's word beats the guess; an encoding that does not exist is refused with its name."""
    file = tmp_path / "sales.csv"
    file.write_bytes(TEXT.encode("big5", "replace"))
    assert len(rows(read(file, encoding="latin-1"))) == 2
    with pytest.raises(HubError, match="utf-99"):
        read(file, encoding="utf-99")


def test_broken_bytes_stay_visible(tmp_path: Path) -> None:
    """A byte that is no UTF-8 is shown as written, not lost, and does not change the file's encoding."""
    file = tmp_path / "sales.csv"
    file.write_bytes(TEXT.encode() * 20 + b"S1,3,\xff\xb5,1,2\n")
    assert rows(read(file))[-1]["商品名称"] == "\\xff\\xb5"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_any_delimiter_with_quotes_and_line_breaks_in_cells(tmp_path: Path, delimiter: str) -> None:
    """A quoted cell may hold the delimiter, quotes and line breaks."""
    file = tmp_path / "sales.csv"
    cell = f'"bread {delimiter} ""white""\nsliced"'
    file.write_text(
        delimiter.join(["store", "receipt", "item", "quantity"]) + "\n" + delimiter.join(["S1", "1", cell, "2"])
    )
    assert rows(read(file)) == [
        {"store": "S1", "receipt": "1", "item": f'bread {delimiter} "white"\nsliced', "quantity": "2"}
    ]


def test_a_lost_quote_spoils_one_row_only(tmp_path: Path) -> None:
    """A quote that never closes does not swallow the rows after it."""
    file = tmp_path / "sales.csv"
    file.write_text('store,receipt,item,quantity\nS1,1,"19 inch,2\nS1,2,B,1\nS1,3,C,1\n')
    assert [row["receipt"] for row in rows(read(file))] == ["1", "2", "3"]


def test_excels_separator_line_is_obeyed(tmp_path: Path) -> None:
    """`sep=` is an instruction, no data, and rows keep their numbers."""
    file = tmp_path / "sales.csv"
    file.write_text("sep=;\nstore;receipt;item;quantity\nS1;1;A;2\n")
    (block,) = read(file).blocks(1000)
    assert block.numbers.to_pylist() == [3]


def test_a_workbooks_data_sheet_is_found_and_merged_cells_hold_for_all_their_rows(tmp_path: Path) -> None:
    """The cover sheet is left out and said; a receipt number merged over two rows belongs to both."""
    book = openpyxl.Workbook()
    book.active["A1"] = "Cover"
    sheet = book.create_sheet("March")
    for row in (
        ["Sales of March"],
        ["receipt", "item", "quantity", "amount"],
        ["R1", "A", 1, 2.5],
        [None, "B", 2, 6901234567892],
    ):
        sheet.append(row)
    sheet.merge_cells("A1:D1")
    sheet.merge_cells("A3:A4")
    book.save(tmp_path / "sales.xlsx")
    export = read(tmp_path / "sales.xlsx")
    assert rows(export) == [
        {"receipt": "R1", "item": "A", "quantity": "1", "amount": "2.5"},
        {"receipt": "R1", "item": "B", "quantity": "2", "amount": "6901234567892"},
    ]
    assert [note.code for note in export.notes] == ["data.note.sheet", "data.note.sheets_left", "data.note.titles"]
    with pytest.raises(HubError, match="March"):
        read(tmp_path / "sales.xlsx", sheet="Marhc")


def test_sheets_of_one_shape_are_read_together(tmp_path: Path) -> None:
    """One sheet a month is one export each."""
    book = openpyxl.Workbook()
    for month in ("Jan", "Feb"):
        sheet = book.create_sheet(month)
        sheet.append(["store", "receipt", "item", "quantity"])
        sheet.append(["S1", month, "A", 1])
    book.remove(book.worksheets[0])
    book.save(tmp_path / "sales.xlsx")
    exports = read_exports(str(tmp_path / "sales.xlsx"), knows)
    assert [export.name for export in exports] == ["sales.xlsx#Jan", "sales.xlsx#Feb"]


def test_packed_files_folders_and_databases(tmp_path: Path) -> None:
    """gzip, zip, a folder and a table behind a URL are read like the file itself."""
    (tmp_path / "in").mkdir()
    file = tmp_path / "in" / "a.csv"
    file.write_text(TEXT, encoding="utf-8")
    expected = rows(read(file))
    with gzip.open(tmp_path / "b.csv.gz", "wb") as stream:
        stream.write(file.read_bytes())
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.write(file, "deep/a.csv")
    with sqlite3.connect(tmp_path / "d.db") as connection:
        pd.DataFrame(expected).to_sql("sales", connection, index=False)
    connection.close()
    for source in ("in", "b.csv.gz", "c.zip"):
        assert rows(read(tmp_path / source)) == expected
    (export,) = read_exports(f"sqlite:///{tmp_path / 'd.db'}::sales", knows)
    assert rows(export) == expected


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file.empty"),
        (b"\n \n", "file.empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "data.kind"),
        (b"<html><table></table></html>", "data.kind"),
        (b"PK\x03\x04 cut", "file.unreadable"),
        (b"PAR1 cut", "file.unreadable"),
        (b"\x1f\x8b\x08\x00 cut", "file.unreadable"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(tmp_path: Path, content: bytes, code: str) -> None:
    """Empty, old, foreign and damaged files each have their own error."""
    file = tmp_path / "export"
    file.write_bytes(content)
    with pytest.raises(HubError) as error:
        read(file)
    assert error.value.code == code


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The error says which file."""
    with pytest.raises(HubError, match=r"nowhere\.csv"):
        read(tmp_path / "nowhere.csv")


cells = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=8).filter(
    lambda text: text.strip() and not text.startswith(("\ufeff",))
)


@given(st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=8), st.sampled_from(",;\t|"))
def test_any_row_is_read_skipped_or_kept_as_broken(
    tmp_path_factory: pytest.TempPathFactory, data: list[tuple[str, ...]], delimiter: str
) -> None:
    """No row of a file disappears, whatever its cells hold."""
    file = tmp_path_factory.mktemp("any") / "sales.csv"
    frame = pd.DataFrame([(str(n), *row) for n, row in enumerate(data)], columns=["receipt", "item", "name", "store"])
    file.write_text(frame.to_csv(index=False, sep=delimiter), encoding="utf-8")
    blocks = list(read(file).blocks(1000))
    assert sum(b.cells.num_rows + len(b.broken) + b.skipped for b in blocks) == len(data)
