"""Make rows of ours from an export's block, as its mapping says: fill down, clean, compute, sign, number.

Cells that cannot be read stay text, so that the contract rejects their rows with the value as written.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from aislehub.core.contract import Column, Contract
from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.rowkeys import row_keys
from aislehub.data.cleaning import Style, clean
from aislehub.data.guess import translations
from aislehub.data.layout import Block
from aislehub.data.mapping import ROW, Mapping, Terms, terms

__all__ = ["Shaper"]

CODES = frozenset({
    "store", "item", "receipt", "line", "customer", "gtin", "gln", "promotion", "supplier", "order", "delivery",
    "shipment", "vehicle", "staff", "event_id", "review", "sensor", "home_store", "depot", "competitor", "zone",
})  # fmt: skip
_NUMBER = Column("number", "float", "An operand")
_MIDNIGHT = r"[ T]00:00(:00(\.0+)?)?$"
_NO_DATE = r"^(1899-12-3[01]|1900-01-0[01])[ T]"


@dataclass
class Shaper:
    """Shapes the blocks of one export, in order (blank cells are filled from the block before).

    Args:
        mapping: how.
        contract: of the table to fill.
        columns: the export's column names.
        context: what its title rows say.
        typed: its values carry types.
        zone: store values → IANA time zone, one for all or one per row.
    """

    mapping: Mapping
    contract: Contract
    columns: tuple[str, ...]
    context: Dict[str, str]
    typed: bool
    zone: Callable[[pa.ChunkedArray | None], str | pa.Array]
    _last: dict[str, str | None] = field(default_factory=dict)
    _seen: dict[int, int] = field(default_factory=dict)

    def rows(self, block: Block) -> pa.Table:
        """The block's rows (n, ours), cleaned where they can be read."""
        cells = self._filled_down(block.cells)
        made: dict[str, pa.ChunkedArray] = {}
        wanted = [c for c in self.contract.columns if self.mapping.of(c.name)]
        zone: str | pa.Array = self.mapping.timezone or self.zone(None)
        for column in sorted(wanted, key=lambda c: c.name != "store"):
            expression = terms(self.mapping.of(column.name), self.columns)
            if expression.operands[0].startswith("#"):
                continue
            made[column.name] = self._translated(self._made(cells, column, expression, zone), column)
            if column.name == "store" and not self.mapping.timezone:
                zone = self.zone(made["store"])
        for column in wanted:
            if column.name not in made:
                made[column.name] = self._ours(self.mapping.of(column.name), made, block)
        self._sign_returns(cells, made)
        return pa.table({c.name: made[c.name] for c in wanted})

    def numbered(self, good: pa.Table, cells: pa.Table) -> pa.Table:
        """Good rows with their `#row` numbers: a hash of all their columns, mapped ones as cleaned.

        The same row in another export gets the same number. Rows alike are one row, or, where the mapping
        keeps duplicates, the second gets `-2` behind its number.
        """
        targets = [name for name, text in self.mapping.columns.items() if text == ROW]
        if not targets or not good.num_rows:
            return good
        used = {name for text in self.mapping.columns.values() for name in terms(text, self.columns).columns}
        rest = [name for name in cells.column_names if name not in used and name not in self.mapping.ignore]
        ours = [
            name for name in self.contract.schema.names if name not in targets and good[name].null_count < len(good)
        ]
        whole = pa.table(
            [*(good[name] for name in ours), *(_hashable(cells[name]) for name in rest)],
            names=[*ours, *(f" {name}" for name in rest)],
        )
        present = [name for name in whole.column_names if whole[name].null_count < len(whole)]
        keys = row_keys(whole, present)
        numbers = keys.view(pa.uint64()).cast(pa.string())
        if self.mapping.duplicates == "keep":
            numbers = self._occurrences(np.asarray(keys), numbers)
        for name in targets:
            good = good.set_column(good.column_names.index(name), name, numbers)
        return good

    def _occurrences(self, keys: np.ndarray, numbers: pa.Array) -> pa.Array:
        counts = pd.Series(keys).groupby(keys).cumcount().to_numpy() + 1
        counts = counts + np.array([self._seen.get(key, 0) for key in keys.tolist()])
        self._seen |= dict(zip(keys.tolist(), counts.tolist(), strict=True))
        again = pc.binary_join_element_wise(numbers, pa.array(counts).cast(pa.string()), "-")
        return pc.if_else(pa.array(counts == 1), numbers, again)

    # -- columns ------------------------------------------------------------------------------------

    def _made(self, cells: pa.Table, column: Column, expression: Terms, zone: str | pa.Array) -> pa.ChunkedArray:
        first = expression.operands[0]
        style = Style(
            self.mapping.decimal.get(first, "."),
            self.mapping.date_order.get(first, "ymd"),
            timed=first in self.columns and first not in self.mapping.days,
            typed=self.typed,
        )
        is_code = column.name in CODES
        if len(expression.operands) == 1:
            return clean(self._raw(cells, first), column, style, zone, is_code)
        raws = [self._raw(cells, operand) for operand in expression.operands]
        if set(expression.operators) == {"|"}:
            return clean(pc.coalesce(*(_blank_as_null(_text(raw)) for raw in raws)), column, style, zone, is_code)
        if column.type in {"float", "int"}:
            return self._computed(raws, expression)
        parts = [_text(raw) for raw in raws]
        if column.type in {"date", "time"}:
            parts = [pc.replace_substring_regex(parts[0], _MIDNIGHT, "")] + [
                pc.replace_substring_regex(part, _NO_DATE, "") for part in parts[1:]
            ]
        joined = pc.binary_join_element_wise(*parts, " ", null_handling="skip")
        return clean(_blank_as_null(joined), column, style, zone, is_code)

    def _raw(self, cells: pa.Table, operand: str) -> pa.ChunkedArray:
        if operand in cells.column_names:
            return cells[operand]
        if operand.startswith("@"):
            if operand[1:] not in self.context:
                raise HubError(
                    "data.mapping_title", title=operand[1:], suggestion=did_you_mean(operand[1:], self.context)
                )
            operand = "=" + self.context[operand[1:]]
        return pa.chunked_array([pa.repeat(operand.removeprefix("="), cells.num_rows)])

    def _computed(self, raws: list[pa.ChunkedArray], expression: Terms) -> pa.ChunkedArray:
        """Sums of products, rounded to 9 decimals; a row with an unreadable operand keeps that operand's text."""
        columns = [
            clean(raw, _NUMBER, Style(self.mapping.decimal.get(name, ".")), "UTC", False)
            for raw, name in zip(raws, expression.operands, strict=True)
        ]
        unread = [_unread(column) for column in columns]
        values = [pc.cast(_readable(column), pa.float64()) for column in columns]
        total, sign, product = None, 1.0, values[0]
        for operator, value in zip((*expression.operators, "+"), (*values[1:], None), strict=True):
            if operator == "*":
                product = pc.multiply(product, value)
            elif operator == "/":
                product = pc.divide(product, pc.if_else(pc.equal(value, 0.0), pa.scalar(None, pa.float64()), value))
            else:
                # A blank summand counts as nothing, a blank factor makes the product blank.
                signed = pc.multiply(product, sign)
                total = signed if total is None else pc.add(total, pc.fill_null(signed, 0.0))
                sign = -1.0 if operator == "-" else 1.0
                product = value
        result = pc.round(total, 9)
        texts = [column for column, mask in zip(columns, unread, strict=True) if mask is not None]
        if not texts:
            return result
        odd = pc.coalesce(
            *(
                pc.if_else(m, c, pa.scalar(None, pa.string()))
                for c, m in zip(columns, unread, strict=True)
                if m is not None
            )
        )
        return pc.coalesce(odd, result.cast(pa.string()))

    def _ours(self, expression: str, made: Dict[str, pa.ChunkedArray], block: Block) -> pa.ChunkedArray:
        if expression == ROW:
            return pa.chunked_array([pa.repeat(ROW, block.cells.num_rows)])  # until `numbered`
        column = made[expression[1:]]
        return column if pa.types.is_string(column.type) else column.cast(pa.string())

    def _translated(self, values: pa.ChunkedArray, column: Column) -> pa.ChunkedArray:
        """Their words for one of the allowed values."""
        if not column.values or not pa.types.is_string(values.type):
            return values
        words = translations(column) | {w.casefold(): v for w, v in self.mapping.values.get(column.name, {}).items()}
        coded = values.combine_chunks().dictionary_encode()
        lookup = [words.get(text.casefold(), text) for text in coded.dictionary.to_pylist()]
        return pa.chunked_array([pa.array(lookup, pa.string()).take(coded.indices)])

    # -- rows ---------------------------------------------------------------------------------------

    def _filled_down(self, cells: pa.Table) -> pa.Table:
        """Give the rows after a receipt's first what stands only on the first."""
        heads = list(self.mapping.fill_down)
        if not heads or not cells.num_rows:
            return cells
        receipt, moment = heads[:2] if len(heads) > 1 else heads * 2
        if not (cells[receipt].null_count or cells[moment].null_count):
            self._last = {name: _text(cells[name].slice(cells.num_rows - 1))[0].as_py() for name in heads}
            return cells
        frame = pd.DataFrame({name: _blank_as_null(_text(cells[name])).to_pandas() for name in heads}, dtype=object)
        frame = pd.concat([pd.DataFrame([self._last or dict.fromkeys(heads)]), frame], ignore_index=True)
        frame = frame.where(frame.notna(), None)
        continued = frame[heads].isna().all(axis=1)
        frame[receipt] = frame[receipt].where(~continued, frame[receipt].ffill())
        runs = (frame[receipt] != frame[receipt].shift()).cumsum()
        filled = frame.groupby(runs)[heads[1:]].ffill()
        frame.loc[frame[moment].isna(), heads[1:]] = filled
        frame = frame.where(frame.notna(), None)
        self._last = frame.iloc[-1].to_dict()
        for name in heads:
            values = pa.chunked_array([pa.array(frame[name].tolist()[1:], pa.string())])
            cells = cells.set_column(cells.column_names.index(name), name, values)
        return cells

    def _sign_returns(self, cells: pa.Table, made: dict[str, pa.ChunkedArray]) -> None:
        """Rows whose word says return have a negative quantity and amount, whatever sign was written."""
        if not self.mapping.returns_column:
            return
        words = pa.array([word.casefold() for word in self.mapping.returns_words], pa.string())
        said = pc.utf8_lower(pc.utf8_trim_whitespace(_text(cells[self.mapping.returns_column])))
        returned = pc.fill_null(pc.is_in(said, words), False)
        for name in ("quantity", "amount"):
            if name not in made:
                continue
            values = made[name]
            numbers = pc.cast(_readable(values), pa.float64())
            negative = pc.negate(pc.abs(numbers)).cast(values.type)
            made[name] = pc.if_else(pc.and_(returned, pc.is_valid(numbers)), negative, values)


def _text(raw: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(raw.type) and pc.all(pc.equal(pc.floor_temporal(raw, unit="day"), raw)).as_py():
        raw = raw.cast(pa.date32())
    return raw if pa.types.is_string(raw.type) else raw.cast(pa.string())


def _blank_as_null(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.if_else(pc.equal(pc.utf8_trim_whitespace(texts), ""), pa.scalar(None, pa.string()), texts)


def _unread(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Which cells of a cleaned column are still text that is no number; None when it is all numbers."""
    return pc.and_(pc.is_valid(column), pc.is_null(_readable(column))) if pa.types.is_string(column.type) else None


def _readable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A cleaned column's numbers; null where a cell could not be read."""
    if not pa.types.is_string(column.type):
        return column
    numbers = pd.to_numeric(column.to_pandas(), errors="coerce").to_numpy(dtype=float)
    return pa.chunked_array([pa.array(numbers, from_pandas=True)])


def _hashable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    simple = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_string(kind)
    return column if simple else column.cast(pa.string())
