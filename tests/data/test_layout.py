"""Layout: a page made for eyes becomes named columns and numbered rows; nothing is dropped silently."""

from __future__ import annotations

from aislehub.data.guess import knows
from aislehub.data.layout import Block, Layout, Record, find_layout, lay_out


def grid(*rows: list[str]) -> list[Record]:
    """Rows as numbered records."""
    return [Record(number, list(row)) for number, row in enumerate(rows, 1)]


def laid_out(records: list[Record]) -> tuple[Layout, Block]:
    """The layout and the one block of a grid."""
    layout = find_layout(records, knows)
    assert layout is not None
    (block,) = lay_out(records, layout, 1000)
    return layout, block


HEADER = ["门店编码", "小票号", "商品编码", "数量", "金额"]


def test_titles_above_the_header_are_skipped_and_read() -> None:
    """Title rows are no data, and what they say in pairs is kept."""
    layout, block = laid_out(
        grid(["销售明细表"], ["门店：S01  日期：2024-03-01"], [], HEADER, ["S01", "1", "A", "2", "3.5"])
    )
    assert layout.names == tuple(HEADER)
    assert layout.context == {"门店": "S01", "日期": "2024-03-01"}
    assert block.numbers.to_pylist() == [5]


def test_a_lower_header_row_names_the_columns_of_a_group() -> None:
    """With merged groups the lower row names the columns; where names repeat the group goes in front."""
    records = grid(
        ["门店编码", "日期", "销售", "", "退货", ""],
        ["", "", "数量", "金额", "数量", "金额"],
        ["S1", "2024-03-01", "2", "5.0", "1", "2.5"],
        ["S1", "2024-03-02", "2", "5.0", "1", "2.5"],
    )
    layout, block = laid_out(records)
    assert layout.names == ("门店编码", "日期", "销售 数量", "销售 金额", "退货 数量", "退货 金额")
    assert block.cells.num_rows == 2


def test_of_two_languages_the_first_header_row_names_the_columns() -> None:
    """A second header row in another language is no data."""
    english = ["store_code", "receipt_no", "sku", "qty", "amount"]
    layout, block = laid_out(grid(HEADER, english, ["S1", "1", "A", "1", "2"], ["S1", "2", "A", "1", "2"]))
    assert layout.names == tuple(HEADER)
    assert block.numbers.to_pylist() == [3, 4]


def test_totals_repeated_headers_and_remarks_are_counted_not_loaded() -> None:
    """What belongs to the page and not to the table is set aside and counted."""
    data = ["S1", "1", "A", "2", "3.5"]
    _, block = laid_out(
        grid(
            HEADER,
            data,
            ["合计", "", "", "2", "3.5"],
            HEADER,
            data,
            ["制表人：王芳", "", "", "", ""],
            ["Seite 1 von 2"],
        )
    )
    assert block.cells.num_rows == 2
    assert block.skipped == 4


def test_a_row_that_does_not_fit_is_kept_as_broken() -> None:
    """A row with too many cells is kept with its number and cells; trailing blanks do no harm."""
    _, block = laid_out(
        grid(HEADER, ["S1", "1", "A", "2", "3", "5"], ["S1", "1", "A", "2", "3", ""], ["S1", "1", "A", "2"])
    )
    assert [(b.number, b.code, b.cells[-1]) for b in block.broken] == [(2, "reject.width", "5")]
    assert block.numbers.to_pylist() == [3, 4]
    assert block.cells["金额"].to_pylist() == ["3", None]


def test_a_record_without_an_end_is_cut_when_it_is_short_or_unlike_the_others() -> None:
    """The last record of a cut file is broken; one that merely lacks the newline is a row."""
    rows = [["S1", str(n), "A", "2", f"{n}.50"] for n in range(5)]
    short = Record(7, ["S1", "9", "A"], end="open")
    rough = Record(7, ["S1", "9", "A", "2", "1"], end="open")
    whole = Record(7, ["S1", "9", "A", "2", "1.50"], end="open")
    for record, broken in ((short, 1), (rough, 1), (whole, 0)):
        _, block = laid_out([*grid(HEADER, *rows), record])
        assert len(block.broken) == broken
        assert all(b.code == "reject.cut" for b in block.broken)


def test_a_grid_without_a_header_gets_numbered_columns() -> None:
    """Where the first row is data already, no row is taken for a header."""
    layout, block = laid_out(grid(["1", "2.5"], ["2", "3.5"]))
    assert layout.names == ("column 1", "column 2")
    assert block.cells.num_rows == 2
