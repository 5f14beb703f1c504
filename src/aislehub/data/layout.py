"""Find the table in a grid of cells: title rows, header rows, data, totals, and a last line cut off.

A spreadsheet or a till export is a page made for eyes. Layout decides once, from its first rows, where
the header is and what the columns are called; then every further row is data, or is set aside with a
reason. Nothing is dropped silently: blank rows, repeated headers and totals are counted, anything else
that does not fit is kept as broken.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import pyarrow as pa

__all__ = ["Block", "Broken", "Layout", "Record", "find_layout", "lay_out"]

SAMPLE_RECORDS = 300
_HEADER_WITHIN = 40  # records; a title block is never longer
_TOTALS = {
    "合计", "总计", "小计", "总合计", "本页合计", "本页小计", "累计", "汇总", "总和", "合 计", "总 计", "小 计",
    "total", "totals", "subtotal", "sub total", "grand total", "sum", "overall", "gesamt", "summe",
    "gesamtsumme", "zwischensumme", "total général", "total general", "somme", "totaal", "suma", "итого",
}  # fmt: skip
_FOOTER = re.compile(
    r"[:：]|^[-=*_—]{2,}|^(共|第)\s*\d|^(以上|备注|注|制表|打印|导出)"
    r"|^(end of|generated|exported|printed|page|seite|pagina|página)\b",
    re.IGNORECASE,
)
_PAIR = re.compile(r"([^\s:：|,，;；()（）]{1,16})\s*[:：]\s*(\d{4}\S*(?:\s+\d{1,2}:\d\d(?::\d\d)?)?|[^\s:：,，;；]+)")
_NUMBERLIKE = re.compile(r"[\s¥￥$€£(（+-]*\d[\d\s.,:/%年月日时分秒TZ)）+-]*(?:元|个|件|am|pm)?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Record:
    """One row of the grid: its number as its owner counts (from 1) and its cells.

    `end` is `open` where the file ends without a newline behind it, `torn` where it ends within quotes.
    """

    number: int
    cells: list[str]
    end: Literal["whole", "open", "torn"] = "whole"


@dataclass(frozen=True)
class Broken:
    """A row that could not be laid out: `reject.cut`, `reject.width` or `reject.quote`."""

    number: int
    code: str
    cells: list[str]
    limit: str = ""


@dataclass(frozen=True)
class Block:
    """Some rows of an export.

    Attributes:
        cells: one column per name; text where the export is text, typed where it is typed.
        numbers: int64 (n,), each row's number as its owner sees it.
        broken: rows that could not be laid out.
        skipped: totals, repeated headers and remarks, which are no data.
    """

    cells: pa.Table
    numbers: pa.Array
    broken: tuple[Broken, ...] = ()
    skipped: int = 0


@dataclass(frozen=True)
class Layout:
    """Where the table lies in its grid.

    Attributes:
        names: column names, unique and not empty.
        places: index of each named column in a record.
        header: the header's own cells, to recognise it where pages repeat it.
        first: number of the first data record.
        titles: how many records stood above the header.
        title: the words of those records.
        context: what they say, e.g. {"门店": "S01"}.
        hits: how many names the vocabulary knows.
    """

    names: tuple[str, ...]
    places: tuple[int, ...]
    header: tuple[str, ...]
    first: int
    titles: int = 0
    title: str = ""
    context: Mapping[str, str] = field(default_factory=dict)
    hits: int = 0

    @cached_property
    def width(self) -> int:
        return max(len(self.header), self.places[-1] + 1)

    @cached_property
    def header_words(self) -> list[str]:
        return [word for word in self.header if word]

    @cached_property
    def initial(self) -> str:
        """What a repeated header can begin with: its first letter, a blank or a mark."""
        return (self.header_words or [""])[0][:1] + " \t\ufeff\u200b"


def find_layout(sample: Sequence[Record], knows: Callable[[str], bool]) -> Layout | None:
    """Find header and columns from an export's first records; None when the grid is empty.

    Args:
        sample: the first records, blank ones included.
        knows: whether a word is a known column name; it decides between candidates.
    """
    filled = [record for record in sample if any(map(_text, record.cells))]
    if not filled:
        return None
    at = _header_index(filled, knows)
    if at is None:
        return _headerless(filled)
    header_rows, first = _header_rows(filled, at, knows)
    names, places = _names(header_rows, _used_width(filled[first:]))
    return Layout(
        names=names,
        places=places,
        header=tuple(map(_text, filled[at].cells)),
        first=filled[first].number if first < len(filled) else filled[-1].number + 1,
        titles=at,
        title=" ".join(word for record in filled[:at] for word in map(_text, record.cells) if word),
        context=_context(filled[:at]),
        hits=sum(map(knows, names)),
    )


def lay_out(records: Iterable[Record], layout: Layout, size: int) -> Iterator[Block]:
    """Cut records into blocks of `size` rows of named text columns; empty cells are null."""
    width = layout.width
    shapes = _Shapes()
    rows: list[list[str]] = []
    numbers: list[int] = []
    broken: list[Broken] = []
    skipped = 0
    for record in records:
        if record.number < layout.first:
            continue
        cells = record.cells
        if not any(map(_text, cells)):
            continue
        if _is_no_data(cells, layout):
            skipped += 1
            continue
        fault = _misfit(record, width, layout, shapes)
        if fault:
            broken.append(fault)
            continue
        rows.append(cells if len(cells) >= width else cells + [""] * (width - len(cells)))
        numbers.append(record.number)
        shapes.see(rows[-1])
        if len(rows) >= size:
            yield _block(rows, numbers, broken, skipped, layout)
            rows, numbers, broken, skipped = [], [], [], 0
    if rows or broken or skipped:
        yield _block(rows, numbers, broken, skipped, layout)


# -- the header -------------------------------------------------------------------------------------


def _header_index(filled: Sequence[Record], knows: Callable[[str], bool]) -> int | None:
    """The record that names the columns: most known words; else the first full row of words."""
    usual = _usual_width(filled)
    best, best_hits = None, 0
    for index, record in enumerate(filled[:_HEADER_WITHIN]):
        words = [word for word in map(_text, record.cells) if word]
        hits = sum(map(knows, words))
        if hits > best_hits and hits >= min(2, usual) and len(words) >= 0.5 * usual and _share(words) < 0.3:
            best, best_hits = index, hits
    if best is not None:
        return best
    for index, record in enumerate(filled[:_HEADER_WITHIN]):
        words = [word for word in map(_text, record.cells) if word]
        if len(words) >= max(0.6 * usual, min(2, usual)) and _share(words) == 0 and len(set(words)) == len(words):
            return index
    return None


def _usual_width(filled: Sequence[Record]) -> int:
    """How many cells of a record are filled, in the most common case (the larger of equals)."""
    counts = Counter(sum(map(bool, map(_text, record.cells))) for record in filled)
    return max(counts, key=lambda width: (counts[width], width))


def _used_width(data: Sequence[Record]) -> int:
    """One more than the last column that most data records fill."""
    widths = Counter(max(place for place, cell in enumerate(record.cells) if _text(cell)) + 1 for record in data)
    common = [width for width, count in widths.items() if count >= 0.5 * len(data)]
    return max(common, default=0)


def _header_rows(filled: Sequence[Record], at: int, knows: Callable[[str], bool]) -> tuple[list[list[str]], int]:
    """The header, the row that names the columns last, after group or sub-header rows; first data index."""
    numeric = _number_places(filled[at + 1 :])
    block = [list(map(_text, filled[at].cells))]
    first = at + 1
    while len(numeric) >= 2 and first < min(len(filled) - 1, at + 3):
        cells = list(map(_text, filled[first].cells))
        there = [cells[place] for place in numeric if place < len(cells) and cells[place]]
        if len(there) < 2 or any(map(_is_numberlike, there)):
            break
        block.append(cells)
        first += 1
    if _wants_group(block[0]) and at and filled[at - 1].number == filled[at].number - 1:
        above = list(map(_text, filled[at - 1].cells))
        if sum(map(bool, above)) >= 2 and _share(above) == 0 and not any(map(_PAIR.search, above)):
            block.insert(0, above)
    full = [index for index, row in enumerate(block) if sum(map(bool, row)) >= 0.9 * len(row)]
    # Two full rows are two languages, or names and units: the better known one names the columns.
    main = max(full, key=lambda index: (sum(map(knows, block[index])), -index)) if full else len(block) - 1
    return [*block[:main], *block[main + 1 :], block[main]], first


def _wants_group(header: Sequence[str]) -> bool:
    """A header with blank or repeated names is the lower half of one."""
    words = [word for word in header if word]
    return len(words) < len(header) or len(set(words)) < len(words)


def _number_places(data: Sequence[Record]) -> list[int]:
    seen: Counter[int] = Counter()
    for record in data:
        seen.update(place for place, cell in enumerate(record.cells) if _is_numberlike(_text(cell)))
    return [place for place, count in seen.items() if count >= 0.6 * len(data)]


def _names(header_rows: Sequence[Sequence[str]], used: int) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Unique names: a blank one is taken from the other header rows, a repeated one gets its group in front."""
    main = header_rows[-1]
    groups = [_spread(row, len(main)) for row in header_rows[:-1]]
    repeated = {name for name, count in Counter(main).items() if name and count > 1}
    names: list[str] = []
    places: list[int] = []
    for place in range(max(len(main), used)):
        name = main[place] if place < len(main) else ""
        group = next((row[place] for row in groups if place < len(row) and row[place]), "")
        if name in repeated and group:
            name = f"{group} {name}"
        name = name or group or (f"column {place + 1}" if place < used else "")
        if not name:
            continue
        taken = sum(1 for other in names if other == name or re.fullmatch(re.escape(name) + r" \d+", other))
        names.append(f"{name} {taken + 1}" if taken else name)
        places.append(place)
    return tuple(names), tuple(places)


def _spread(row: Sequence[str], width: int) -> list[str]:
    """A merged group name holds for the blank cells to its right."""
    spread: list[str] = []
    for place in range(width):
        cell = row[place] if place < len(row) else ""
        spread.append(cell or (spread[-1] if spread else ""))
    return spread


def _headerless(filled: Sequence[Record]) -> Layout:
    width = _used_width(filled)
    names = tuple(f"column {place + 1}" for place in range(width))
    return Layout(names, tuple(range(width)), ("",) * width, filled[0].number)


def _context(titles: Sequence[Record]) -> dict[str, str]:
    """`门店：S01` in one cell, or `门店` and `S01` in two neighbouring cells."""
    found: dict[str, str] = {}
    for record in titles:
        words = [word for word in map(_text, record.cells) if word]
        for word in words:
            found.update(_PAIR.findall(word))
        bare = [word.rstrip(":： ") for word in words]
        if len(words) % 2 == 0 and not any(_PAIR.search(word) for word in words):
            found.update(zip(bare[::2], words[1::2], strict=True))
    return found


# -- the rows ---------------------------------------------------------------------------------------


def _is_no_data(cells: Sequence[str], layout: Layout) -> bool:
    """A total, a repeated header, or a remark below the table. Full rows cost one comparison."""
    filled = [cell for cell in cells if cell and not cell.isspace()]
    if len(filled) >= len(layout.header) or _is_header(filled, layout):
        return _is_header(filled, layout)
    first = _text(filled[0]).strip(":： ").casefold()
    if first in _TOTALS or _is_total_of(first):
        return True
    few = len(filled) <= max(1, len(layout.header) // 3) and len(layout.header) >= 4
    return few and any(_FOOTER.search(_text(cell)) for cell in filled) and not _is_numberlike(_text(filled[0]))


def _is_header(filled: Sequence[str], layout: Layout) -> bool:
    return filled[0][:1] in layout.initial and [_text(cell) for cell in filled] == layout.header_words


def _is_total_of(word: str) -> bool:
    """`S01 合计`, `合计（元）`, `Total rows 5`."""
    return bool(re.match(r"^(合\s*计|总\s*计|小\s*计|total (rows|records|lines)\b)", word)) or (
        len(word) <= 24 and word.endswith(("合计", "小计", "总计"))
    )


def _misfit(record: Record, width: int, layout: Layout, shapes: _Shapes) -> Broken | None:
    """Why a record does not fit its header; short rows are fine (trailing blanks), unless their end was cut."""
    cells = record.cells
    if len(cells) > width and any(map(_text, cells[width:])):
        return Broken(record.number, "reject.width", cells, str(width))
    if record.end == "torn" or (record.end == "open" and (len(cells) < width or shapes.unlike(cells[width - 1]))):
        return Broken(record.number, "reject.cut", cells)
    if len(cells) < width and len(cells) <= max(1, len(layout.names) // 2):
        return Broken(record.number, "reject.width", cells, str(width))
    return None


class _Shapes:
    """How the last column's values look, to see that a file ends in the middle of one."""

    def __init__(self) -> None:
        self.count = 0
        self.lengths: Counter[int] = Counter()
        self.decimals: Counter[int] = Counter()

    def see(self, cells: Sequence[str]) -> None:
        if self.count < 1000:
            self.count += 1
            self.lengths[len(cells[-1])] += 1
            self.decimals[_decimals(cells[-1])] += 1

    def unlike(self, last: str) -> bool:
        """A number that goes on, shorter than every value so far, or with fewer decimals than all of them."""
        if re.search(r"\d[.,:/-]$", last):
            return True
        if self.count < 3:
            return False
        shorter = len(self.lengths) == 1 and len(last) < next(iter(self.lengths))
        rougher = len(self.decimals) == 1 and _decimals(last) < next(iter(self.decimals))
        return shorter or rougher or (not last and not self.lengths[0])


def _decimals(text: str) -> int:
    return len(text) - 1 - max(text.rfind("."), text.rfind(",")) if re.search(r"\d[.,]\d*$", text) else -1


def _block(rows: list[list[str]], numbers: list[int], broken: list[Broken], skipped: int, layout: Layout) -> Block:
    arrays = [
        pa.array([cell or None for cell in column], pa.string())
        for place, column in enumerate(zip(*rows, strict=False))
        if place in set(layout.places)
    ]
    if not rows:
        arrays = [pa.array([], pa.string()) for _ in layout.names]
    return Block(pa.table(arrays, names=list(layout.names)), pa.array(numbers, pa.int64()), tuple(broken), skipped)


# -- cells ------------------------------------------------------------------------------------------


def _text(cell: str | None) -> str:
    return unicodedata.normalize("NFKC", cell).strip("\ufeff\u200b \t\r\n\x00") if cell else ""


def _is_numberlike(word: str) -> bool:
    return bool(word) and bool(_NUMBERLIKE.fullmatch(unicodedata.normalize("NFKC", word)))


def _share(words: Sequence[str]) -> float:
    """Share of words that are numbers or dates, which headers are not."""
    filled = [word for word in map(_text, words) if word]
    return sum(map(_is_numberlike, filled)) / max(len(filled), 1)
