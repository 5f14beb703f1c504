"""Guess what an export holds: which table, and which of its columns make which of ours.

Evidence is the words of the headers (`headers.toml`, Chinese and English and some European languages)
and the values below them. Every pair of a header and one of our columns gets a score; the best pairs are
taken one to one. What no header says is derived where the contract says how, or left open.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Dict
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cache, cached_property
from importlib import resources
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from aislehub.core.contract import Column, Contract
from aislehub.core.errors import HubError
from aislehub.data.layout import Block
from aislehub.data.mapping import MARKS, ROW, Mapping, fingerprint, normal
from aislehub.data.reading import Note
from aislehub.data.sources.m5 import DAILY_TOTAL
from aislehub.data.written_moments import DateEvidence, DateOrder, parse_moment
from aislehub.data.written_numbers import Decimal, NumberEvidence, parse_number

__all__ = ["decide_styles", "guess", "knows", "translations"]

_SURE_ENOUGH = 0.55
_VALUES_LOOKED_AT = 400
_DIMENSIONS = {"store", "item", "day", "customer", "region", "source"}


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads((resources.files("aislehub.data") / "headers.toml").read_text(encoding="utf-8"))


@cache
def _all_headers() -> frozenset[str]:
    words = _words()
    lists = [*words["columns"].values(), words["returns"]["headers"], words["numbering"]["headers"]]
    lists += [synonyms for table in words["tables"].values() for synonyms in table.values()]
    lists += [table.keys() for table in words["tables"].values()]
    return frozenset(normal(word) for synonyms in lists for word in synonyms)


def knows(word: str) -> bool:
    """Whether a cell's text is a column name that exports use."""
    return normal(word) in _all_headers() or normal(_leaf(word)) in _all_headers()


def translations(column: Column) -> dict[str, str]:
    """Words that mean one of the column's allowed values, lower case."""
    synonyms = _words()["values"].get(column.name, {})
    found = {word.casefold(): value for value in column.values for word in synonyms.get(value, ())}
    return found | {value.casefold(): value for value in column.values}


def guess(
    columns: Sequence[str],
    sample: pa.Table,
    contracts: Dict[str, Contract],
    *,
    table: str = "",
    name: str = "",
    context: Dict[str, str] | None = None,
) -> Mapping:
    """The most likely mapping of an export.

    Args:
        columns: its column names.
        sample: some of its rows, (n, len(columns)).
        contracts: the tables it may fill.
        table: the table it fills, where that is known.
        name: file, sheet or title words.
        context: what its title rows say.

    Raises:
        HubError: `data.no_table` when no table fits.
    """
    evidence = _Evidence(columns, sample)
    candidates = [contracts[table]] if table else [c for n, c in contracts.items() if n in _words()["tables"]]
    guesses = [_fit(contract, evidence, name, context or {}) for contract in candidates]
    best = max(guesses, key=lambda fit: fit.score)
    if not table and best.covered < 0.5:
        raise HubError(
            "data.no_table", file=name, columns=", ".join(columns), nearest=best.mapping.table,
            missing=", ".join(best.mapping.missing(contracts[best.mapping.table])),
        )  # fmt: skip
    return best.mapping


# -- evidence ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Evidence:
    """An export's headers and what their values look like."""

    columns: Sequence[str]
    sample: pa.Table

    @cached_property
    def texts(self) -> dict[str, list[str]]:
        """Some distinct values of each column."""
        found = {}
        for name in self.columns:
            distinct = pc.unique(self.sample[name]).drop_null().slice(0, _VALUES_LOOKED_AT)
            found[name] = [str(value).strip() for value in distinct.to_pylist() if str(value).strip()]
        return found

    @cached_property
    def numbers(self) -> dict[str, float]:
        return {name: self._share(name, lambda text: parse_number(text) is not None) for name in self.columns}

    @cached_property
    def moments(self) -> dict[str, float]:
        return {name: self._share(name, lambda text: parse_moment(text) is not None) for name in self.columns}

    @cached_property
    def clocks(self) -> dict[str, float]:
        clock = re.compile(r"(上午|下午)?\s*\d{1,2}[:时点]\d{2}([:分]\d{2}秒?)?(\s*[ap]m)?|0?\.\d+", re.IGNORECASE)
        return {name: self._share(name, lambda text: bool(clock.fullmatch(text))) for name in self.columns}

    def _share(self, name: str, holds: Any) -> float:
        texts = self.texts[name]
        return sum(map(holds, texts)) / len(texts) if texts else 0.0

    @cached_property
    def numbering(self) -> frozenset[str]:
        """Columns that only count the rows of the file: such a name over distinct whole numbers."""
        names = {normal(word) for word in _words()["numbering"]["headers"]}
        found = set()
        for name in self.columns:
            if normal(name) in names or not normal(name):
                values = self.sample[name].drop_null().cast(pa.string())
                counts = pc.match_substring_regex(values, r"^\d+(\.0)?$")
                if len(values) and pc.all(counts).as_py() and pc.count_distinct(values).as_py() == len(values):
                    found.add(name)
        return frozenset(found)

    def suits(self, name: str, column: Column) -> float:
        """How well the values suit the promised type, 0 to 1."""
        if not self.texts[name]:  # a blank column may be filled in the next file, but required sums cannot wait
            return 0.0 if column.required and column.type != "text" else 0.6
        if column.person:  # a random key, not the person's name or address
            return self._share(name, lambda text: any(c.isdigit() for c in text) and "@" not in text)
        if column.values:
            known = translations(column)
            return self._share(name, lambda text: text.casefold() in known)
        if column.valid is not None:
            return sum(column.valid(self.texts[name])) / len(self.texts[name])
        match column.type:
            case "float" | "int":
                return self.numbers[name] if self.moments[name] < 0.9 or self.numbers[name] > 0.9 else 0.0
            case "date" | "time":
                # Counts such as 2 are no dates, yet 45,292 is one as a spreadsheet keeps it.
                return self.moments[name]
            case "text" if column.name in {"name", "text"}:
                return 1.0 - self.numbers[name]
            case _:
                return 1.0


# -- scores -----------------------------------------------------------------------------------------


def _leaf(header: str) -> str:
    """`Product/Internal Reference` → `Internal Reference`."""
    return re.split(r"[/.:>]", header)[-1]


@dataclass(frozen=True)
class _Synonym:
    """A word for one of our columns, as it is compared."""

    word: str
    spaced: str
    rank: int


@cache
def _synonyms(table: str, column: str) -> tuple[_Synonym, ...]:
    """Words for one of our columns, best first; its own name leads unless the list places it lower."""
    own = _words()["tables"].get(table, {}).get(column, [])
    words = [*own, *(word for word in _words()["columns"].get(column, []) if word not in own)]
    words = words if column in words else [column, *words]
    return tuple(_Synonym(normal(word), f" {_spaced(word)} ", rank) for rank, word in enumerate(words))


def _header_score(header: str, synonyms: Sequence[_Synonym]) -> float:
    """How well a header names a column: the same word, its last part, a part of it, or a near miss."""
    whole, leaf, spaced = normal(header), normal(_leaf(header)), f" {_spaced(header)} "
    best = 0.0
    for synonym in synonyms:
        word = synonym.word
        if whole == word:
            score = 1.0
        elif leaf == word:
            score = 0.92
        elif len(word) >= 2 and not word.isascii() and word in whole:
            score = 0.6 + 0.25 * len(word) / len(whole)
        elif len(word) >= 3 and word.isascii() and synonym.spaced in spaced:
            score = 0.45 + 0.35 * len(word) / len(whole)
        elif len(word) >= 5 and abs(len(word) - len(whole)) <= 2 and word[0] == whole[0]:
            ratio = SequenceMatcher(None, word, whole).ratio()
            score = 0.75 * ratio if ratio > 0.84 else 0.0
        else:
            continue
        best = max(best, score - 0.0015 * synonym.rank)
    return best


@cache
def _spaced(header: str) -> str:
    """`LineItem_Qty/Unit` → `line item qty unit`."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", header)
    return " ".join(re.split(r"[\W_]+", apart.casefold().strip()))


@dataclass(frozen=True)
class _Fit:
    mapping: Mapping
    covered: float
    score: float


def _fit(contract: Contract, evidence: _Evidence, name: str, context: Dict[str, str]) -> _Fit:
    """The best one-to-one assignment for one table, and how good it is."""
    pairs = []
    for column in contract.columns:
        synonyms = _synonyms(contract.name, column.name)
        for header in evidence.columns:
            if header in evidence.numbering and column.name != "line":
                continue
            words = _header_score(header, synonyms)
            if words < _SURE_ENOUGH - 0.1:
                continue
            suits = evidence.suits(header, column)
            # A required column whose header is plain is taken even if its values are bad: they are then named.
            named = column.required and words > 0.9 and column.type != "time" and bool(evidence.texts[header])
            if suits >= 0.5 or (column.required and suits >= 0.2) or named:
                pairs.append((words * (0.6 + 0.4 * suits), column.required, column.name, header))
    columns: dict[str, str] = {}
    sure: dict[str, float] = {}
    for score, _, target, header in sorted(pairs, key=lambda pair: (-round(pair[0], 4), not pair[1])):
        if score >= _SURE_ENOUGH and target not in columns and header not in columns.values():
            columns[target], sure[target] = header, score
    ignore = tuple(name for name in evidence.columns if name in evidence.numbering and name not in columns.values())
    mapping = Mapping(contract.name, columns, fingerprint(evidence.columns), ignore=ignore, confidence=sure)
    direct = dict(columns)
    mapping = _completed(mapping, contract, evidence, context)
    return _Fit(mapping, *_fitness(mapping, contract, evidence, direct, name))


def _fitness(
    mapping: Mapping, contract: Contract, evidence: _Evidence, direct: Dict[str, str], name: str
) -> tuple[float, float]:
    """How sure a table's required columns are, and a score that also counts how much of the export is used."""
    needed = [c.name for c in contract.columns if c.required and c.name not in _derivable(contract)]
    sure = [mapping.confidence.get(target, 0.5 if target == "store" else 0.0) for target in needed]
    covered = sum(sure) / max(len(needed), 1)
    if direct.keys() <= {*_DIMENSIONS, _clock_column(contract)}:
        covered = 0.0  # says where and when, and nothing that this table is about
    telling = [column for column in evidence.columns if evidence.texts[column] and column not in evidence.numbering]
    used = sum(mapping.confidence[target] for target in direct) / max(len(telling), 1)
    hinted = any(word in name.casefold() for word in _words()["names"].get(contract.name, ()))
    likely = 0.04 if contract.name == "sales_lines" else 0.0
    return covered, 0.45 * covered + 0.55 * min(used, 1) + 0.1 * hinted + likely


# -- what headers do not say ------------------------------------------------------------------------


def _derivable(contract: Contract) -> set[str]:
    derivable = {"line"} | set(_words()["defaults"].get(contract.name, {}))
    if _clock_column(contract):
        derivable.add("day")
    return derivable | {"receipt"} if contract.name == "sales_lines" else derivable


def _clock_column(contract: Contract) -> str:
    """The column of the row's moment, which its business day can be taken from."""
    origin = contract.known_from
    return origin if origin and contract.column(origin).type == "time" else ""


def _completed(mapping: Mapping, contract: Contract, evidence: _Evidence, context: Dict[str, str]) -> Mapping:
    """Fill what the headers left open: joined clock, constants, amount, day, receipt and line; returns, fill-down."""
    mapping = _with_signature(mapping, contract, evidence)
    mapping = _with_context(mapping, contract, context)
    mapping = _with_clock(mapping, contract, evidence)
    for target, expression in _words()["defaults"].get(contract.name, {}).items():
        if not mapping.of(target):
            mapping = _made(mapping, target, expression, 0.6)
    if (
        "amount" in contract.schema.names
        and not mapping.of("amount")
        and mapping.of("quantity")
        and mapping.of("price")
    ):
        product = f"{mapping.of('quantity')} * {mapping.of('price')}"
        discount = mapping.of("discount")
        mapping = _made(mapping, "amount", f"{product} - {discount}" if discount else product, 0.8)
    if contract.name == "sales_lines":
        mapping = _with_receipt(mapping, evidence)
        mapping = _with_returns(mapping, evidence)
        mapping = _with_fill_down(mapping, evidence)
    elif "line" in contract.schema.names and not mapping.of("line"):
        mapping = _made(mapping, "line", ROW, 0.8)
    return mapping


def _made(mapping: Mapping, target: str, expression: str, sure: float) -> Mapping:
    return replace(
        mapping,
        columns={**mapping.columns, target: expression},
        confidence={**mapping.confidence, target: sure},
    )


def _with_clock(mapping: Mapping, contract: Contract, evidence: _Evidence) -> Mapping:
    """A date column and a clock column beside it make one moment; the day is taken from the moment."""
    moment = _clock_column(contract)
    if not moment:
        return mapping
    if not mapping.of(moment) and mapping.of("day"):
        mapping = _made(mapping, moment, mapping.of("day"), mapping.confidence["day"])
    if not mapping.of(moment):
        free = [n for n in evidence.columns if n not in mapping.columns.values() and evidence.moments[n] > 0.9]
        dated = [n for n in free if evidence.numbers[n] < 0.9]
        if len(dated) == 1:
            mapping = _made(mapping, moment, dated[0], 0.6)
    words = {normal(word) for word in _words()["clock"]["headers"]}
    used = set(mapping.columns.values())
    clocks = [n for n in evidence.columns if n not in used and normal(n) in words and evidence.clocks[n] > 0.5]
    if mapping.of(moment) and clocks:
        mapping = _made(mapping, moment, f"{mapping.of(moment)} + {clocks[0]}", mapping.confidence[moment])
    if mapping.of(moment) and "day" in contract.schema.names and not mapping.of("day"):
        mapping = _made(mapping, "day", mapping.of(moment), mapping.confidence[moment])
    return mapping


def _with_signature(mapping: Mapping, contract: Contract, evidence: _Evidence) -> Mapping:
    """What is known of a source that its headers give away."""
    headers = {normal(name) for name in evidence.columns}
    for mark in _words()["signatures"]:
        lacking = any(normal(word) in headers for word in mark.get("lacks", ()))
        if lacking or not all(normal(word) in headers for word in mark["headers"]):
            continue
        for target, expression in mark.get("columns", {}).items():
            known = set(re.split(r" [+\-*/|] ", expression)) <= set(evidence.columns)
            if target in contract.schema.names and known:
                mapping = _made(mapping, target, expression, 0.95)
        for target, fallback in mark["fallbacks"].items():
            if target not in contract.schema.names or not (fallback.startswith("=") or fallback in evidence.columns):
                continue
            current = mapping.of(target)
            if not current:
                mapping = _made(mapping, target, fallback, 0.6)
            elif current in evidence.columns and current != fallback:
                mapping = _made(mapping, target, f"{current} | {fallback}", mapping.confidence[target])
    return mapping


def _with_context(mapping: Mapping, contract: Contract, context: Dict[str, str]) -> Mapping:
    """`门店：S01` above the table holds for every row."""
    for key, value in context.items():
        for column in contract.columns:
            if not column.required or mapping.of(column.name) or column.name not in {"store", "day"}:
                continue
            if column.name == "day" and (mapping.of(_clock_column(contract)) or parse_moment(value) is None):
                continue
            score = _header_score(key, _synonyms(contract.name, column.name))
            if score > 0.8:
                mapping = _made(mapping, column.name, f"@{key}", 0.8 * score)
    return mapping


def _with_receipt(mapping: Mapping, evidence: _Evidence) -> Mapping:
    """Without receipt numbers a row is a daily total of an item; with times of day each moment is a receipt."""
    item, moment = mapping.of("item"), mapping.of("sold_at")
    if not mapping.of("receipt") and moment:
        timed = any(
            "+" in moment or ((m := parse_moment(text)) and m.timed) for text in evidence.texts.get(moment, [""])
        )
        mapping = _made(mapping, "receipt", "#sold_at" if timed else "#day", 0.6)
        store = mapping.of("store")
        keys = [name for name in (store, moment, item) if name in evidence.columns]
        single = evidence.sample.select(keys).group_by(keys).aggregate([]).num_rows == evidence.sample.num_rows
        if not mapping.of("line") and not timed and item and single:
            mapping = _made(mapping, "line", "#item", 0.6)
            return mapping if mapping.of("source") else _made(mapping, "source", f"={DAILY_TOTAL}", 0.6)
    return mapping if mapping.of("line") else _made(mapping, "line", ROW, 0.8)


def _with_returns(mapping: Mapping, evidence: _Evidence) -> Mapping:
    """A column whose words say which rows are returns."""
    rules = _words()["returns"]
    headers, flags = {normal(w) for w in rules["headers"]}, {normal(w) for w in rules["flag_headers"]}
    for name in evidence.columns:
        few = len(evidence.texts[name]) <= 20 and evidence.moments[name] < 0.5
        if normal(name) in headers and few and name not in mapping.columns.values():
            words = (*rules["words"], *(rules["flags"] if normal(name) in flags else ()))
            return replace(mapping, returns_column=name, returns_words=words)
    return mapping


def _with_fill_down(mapping: Mapping, evidence: _Evidence) -> Mapping:
    """Receipt columns that may be blank on the rows after a receipt's first (web shops, merged cells)."""
    heads: list[str] = []
    for target in ("receipt", "sold_at", "day", "store", "customer", "channel"):
        parts = re.split(r" [+|] ", mapping.of(target))
        heads += [part for part in parts if part in evidence.columns and part not in heads]
    both = mapping.of("receipt") in heads and any(part in heads for part in re.split(r" [+|] ", mapping.of("sold_at")))
    return replace(mapping, fill_down=tuple(heads)) if both else mapping


# -- styles of values -------------------------------------------------------------------------------


def decide_styles(
    mapping: Mapping, contract: Contract, blocks: Iterable[Block], *, semicolon: bool = False
) -> tuple[Mapping, list[Note]]:
    """Decide decimal marks and date orders from all values, and say where the values left it open.

    Reading stops at the first block after which every column is settled.
    """
    numbers: dict[str, NumberEvidence] = {}
    dates: dict[str, DateEvidence] = {}
    for target, expression in mapping.columns.items():
        kind = contract.column(target).type
        parts = re.split(r" [+\-*/|] ", expression)
        if kind in {"float", "int"}:
            numbers |= {name: NumberEvidence() for name in parts if not name.startswith(MARKS)}
        elif kind in {"date", "time"}:
            dates |= {name: DateEvidence() for name in parts[:1] if not name.startswith(MARKS)}
    for block in blocks:
        for name in set(numbers) | set(dates):
            if name in block.cells.column_names:
                _look(block.cells[name], numbers.get(name), dates.get(name))
        if all(n.settled for n in numbers.values()) and all(d.settled for d in dates.values()):
            break
    return _decided(mapping, numbers, dates, semicolon)


def _look(values: pa.ChunkedArray, number: NumberEvidence | None, moment: DateEvidence | None) -> None:
    if pa.types.is_timestamp(values.type):
        if moment and pc.any(pc.not_equal(pc.floor_temporal(values, unit="day"), values)).as_py():
            moment.timed += 1
        return
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return
    if number:
        number.add(pc.unique(pc.drop_null(values)).to_pylist())
    if moment:
        days = pc.unique(pc.drop_null(pc.replace_substring_regex(values, r"(?i)(\d)[ t].*$", r"\1")))
        moment.add(days.to_pylist())
        moment.add(pc.unique(pc.drop_null(values)).slice(0, 2000).to_pylist())


def _decided(
    mapping: Mapping, numbers: Dict[str, NumberEvidence], dates: Dict[str, DateEvidence], semicolon: bool
) -> tuple[Mapping, list[Note]]:
    notes: list[Note] = []
    points, commas = sum(one.point for one in numbers.values()), sum(one.comma for one in numbers.values())
    likely: Decimal = "," if commas > points or (semicolon and not points) else "."
    decimal: dict[str, Decimal] = {}
    for name, number in numbers.items():
        mark = number.decide(likely)
        if mark == "," or number.unsure:
            decimal[name] = mark
        if number.unsure and not number.settled and points == commas:
            notes.append(Note("data.note.decimal", {"column": name, "mark": mark, "count": number.unsure}))
    order: dict[str, DateOrder] = {}
    for name, moment in dates.items():
        if not (moment.unsure or moment.day_first or moment.month_first or moment.short):
            continue
        order[name], sure = moment.decide("dmy" if likely == "," or points == 0 else "mdy")
        if not sure:
            notes.append(Note("data.note.date_order", {"column": name, "order": order[name]}))
    days = tuple(name for name, moment in dates.items() if not moment.timed and " + " not in mapping.of("sold_at"))
    return replace(mapping, decimal=decimal, date_order=order, days=days), notes
