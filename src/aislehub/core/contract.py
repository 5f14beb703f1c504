"""A contract is a table's promise: its columns, units, keys, allowed values and when a row became known.

`Contract.check` splits rows into good ones, typed as promised, and rejected ones, each with the value,
the limit and the column that broke it. Nothing is dropped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.text import say

__all__ = ["ALERT_COLUMNS", "DECISION_COLUMNS", "LOOK_COLUMNS", "Checked", "Column", "Contract", "explain_fault"]

Type = Literal["text", "int", "float", "bool", "date", "time"]
ARROW: dict[str, pa.DataType] = {
    "text": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "time": pa.timestamp("us", tz="UTC"),
}


@dataclass(frozen=True)
class Column:
    """One column's promise.

    Args:
        name: field-standard name, snake_case.
        type: text, int, float, bool, date (a business day) or time (an instant, stored in UTC; a timestamp
            without zone is taken as UTC, a text needs its zone).
        help: what it is, one English sentence for the data-collection standard.
        unit: unit of the number ("each", "kg", "money", "days", …); "money" is in the chain's currency.
        required: a row without it is rejected, and so is an empty text; otherwise it may be empty.
        low, high: limits, both allowed values themselves.
        values: the only allowed values.
        valid: vectorised check, strings or numbers (n,) → bool (n,), for promises such as a GTIN's check digit.
        ref: a table whose key column of the same name must hold the value, once that table has rows.
        person: the value names a person (erased on request, never in a price).
    """

    name: str
    type: Type
    help: str
    unit: str = ""
    required: bool = True
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()
    valid: Callable[[Sequence[Any]], Sequence[bool]] | None = None
    ref: str = ""
    person: bool = False

    @property
    def arrow(self) -> pa.DataType:
        return ARROW[self.type]


DECISION_COLUMNS = (
    Column("store", "text", "Store the decision is for", required=False),
    Column("subject", "text", "What is decided about, e.g. an item"),
    Column("action", "text", "What to do, a JSON object such as {\"quantity\": 24}"),
    Column("baseline", "text", "What today's rule or doing nothing would give, a JSON object with its `name` and, "
           "where it commits money, its `outlay`"),
    Column("money", "float", "Expected contribution of the action minus that of the baseline", unit="money"),
    Column("money_low", "float", "5 % quantile of the expected money", unit="money"),
    Column("money_high", "float", "95 % quantile of the expected money", unit="money"),
    Column("horizon_days", "int", "Days over which the money is counted", unit="days", low=1),
    Column("outlay", "float", "Money the action commits, for approval limits", unit="money", required=False),
    Column("reasons", "text", "JSON list of reasons: code, facts, weight", required=False),
    Column("bound", "text", "Name of the constraint that bound, or none"),
    Column("source", "text", "Where the facts came from; says `simulated` when any of them was", required=False),
)  # fmt: skip


def are_objects(texts: Sequence[str]) -> list[bool]:
    """Whether each text is a JSON object; NaN and the infinities are no JSON."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    def is_object(text: str) -> bool:
        try:
            return isinstance(json.loads(text, parse_constant=refuse), dict)
        except ValueError:
            return False

    return [is_object(text) for text in texts]


ALERT_COLUMNS = (
    Column("cause", "text", "Code of the sentence that says what is wrong"),
    Column("store", "text", "Store it concerns; empty = the chain", required=False),
    Column("subject", "text", "What it concerns, e.g. an item"),
    Column("owner", "text", "Role that can mend it"),
    Column("money_at_risk", "float", "Contribution expected to be lost if nothing is done", "money", low=0),
    Column("facts", "text", "JSON object that fills the sentence", valid=are_objects),
    Column("source", "text", "Where the facts came from; says `simulated` when any of them was", required=False),
)  # fmt: skip


LOOK_COLUMNS = (
    Column("experiment", "text", "Name of the experiment"),
    Column("harm", "text", "Why it is to be rolled back, the code of a sentence; empty = it is not", required=False),
)


@dataclass(frozen=True)
class Checked:
    """The two halves of a table after its contract.

    Attributes:
        good: rows typed as promised, columns in the contract's order.
        rejected: the other rows, raw values as text, with `_row` (position in the input, from 0) and
            `_reasons` (JSON list of {code, column, value, limit}).
    """

    good: pa.Table
    rejected: pa.Table


@dataclass(frozen=True)
class Contract:
    """A table's promise.

    Args:
        name: the table's name.
        help: what a row is, one English sentence.
        columns: the promised columns.
        key: names of the columns that identify a row, separated by blanks.
        known_from: column that says when a row became known where the data bring no `known_at` of their own
            (a row in which it is empty has been known all along); no such column = the moment of ingestion.
        decision: rows are copied to the ledger; the decision columns are added.
        once: a decision about a store and subject is not proposed again while one of an earlier day is approved and
            waits to be carried out.
        alert: rows are copied to the register of alerts; the alert columns are added.
        look: rows are looks at experiments, copied to their register; the look columns are added.
        derived: written by a step, one slice per `day`; otherwise rows are facts, which only grow.
    """

    name: str
    help: str
    columns: tuple[Column, ...]
    key: str
    known_from: str = ""
    decision: bool = False
    once: bool = False
    alert: bool = False
    look: bool = False
    derived: bool = False
    _by_name: Mapping[str, Column] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        columns = list(self.columns)
        own = {column.name for column in columns}
        added = (DECISION_COLUMNS if self.decision else ()) + (ALERT_COLUMNS if self.alert else ())
        added += LOOK_COLUMNS if self.look else ()
        columns += [column for column in added if column.name not in own]
        if not self.is_fact and "day" not in own:
            columns.insert(0, Column("day", "date", "Business day whose close this row was decided at"))
        if self.is_fact:
            columns.append(Column("known_at", "time", "When this row became known to the chain", required=False))
        object.__setattr__(self, "columns", tuple(columns))
        object.__setattr__(self, "_by_name", {column.name: column for column in columns})
        for name in (*self.keys, *filter(None, [self.known_from])):
            self.column(name)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self.key.split())

    @property
    def is_fact(self) -> bool:
        return not (self.decision or self.alert or self.look or self.derived)

    @property
    def persons(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.person)

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([pa.field(column.name, column.arrow) for column in self.columns])

    def column(self, name: str) -> Column:
        """The promise for one column.

        Raises:
            HubError: `contract.unknown_column`.
        """
        if name not in self._by_name:
            suggestion = did_you_mean(name, self._by_name)
            raise HubError("contract.unknown_column", table=self.name, column=name, suggestion=suggestion)
        return self._by_name[name]

    def empty(self) -> pa.Table:
        return self.schema.empty_table()

    def check(self, table: pa.Table, known: Mapping[str, set[str]] | None = None) -> Checked:
        """Split `table` into rows that keep this promise and rows that do not.

        Args:
            table: any columns; those not promised are ignored, optional ones may be missing.
            known: table name → its key values, for the columns with a `ref`.

        Raises:
            HubError: `contract.missing_columns` when a required column is absent altogether.
        """
        missing = [c.name for c in self.columns if c.required and c.name not in table.column_names]
        if missing:
            raise HubError(
                "contract.missing_columns", table=self.name, columns=", ".join(missing),
                found=", ".join(table.column_names),
            )  # fmt: skip
        for place, name in enumerate(table.column_names):
            if pa.types.is_string_view(table.schema.field(place).type):  # Arrow cannot filter these
                table = table.set_column(place, name, table[name].cast(pa.string()))
        faults = _Faults(table.num_rows)
        arrays = []
        for column in self.columns:
            if column.name in table.column_names:
                arrays.append(_checked(column, table[column.name], faults, (known or {}).get(column.ref)))
            else:
                arrays.append(pa.chunked_array([pa.nulls(table.num_rows, column.arrow)]))
        typed = pa.table(arrays, schema=self.schema)
        if not faults.found:
            return Checked(typed, _with_faults(table.slice(0, 0), faults))
        bad = pa.array(faults.bad)
        return Checked(typed.filter(pc.invert(bad)), _with_faults(table.filter(bad), faults))

    def require(self, table: pa.Table) -> pa.Table:
        """`check` for rows we made ourselves: a rejected or repeated row is a defect of the step that wrote it.

        Raises:
            HubError: `contract.broken`, with the first bad row; `contract.twice`, with a key that several rows have
                (in one day; for decisions also a store and subject, for alerts a cause, store and subject).
        """
        checked = self.check(table)
        if checked.rejected.num_rows:
            first = checked.rejected.slice(0, 1).to_pylist()[0]
            fault = json.loads(first.pop("_reasons"))[0]
            raise HubError(
                "contract.broken", table=self.name, count=checked.rejected.num_rows, row=first.pop("_row"),
                why=explain_fault(fault),
            )  # fmt: skip
        keys = {*self.keys, "day"} if "day" in self._by_name else set(self.keys)
        identities = [keys]
        if self.decision:
            identities.append({"day", "store", "subject"})
        if self.alert:
            identities.append({"day", "cause", "store", "subject"})
        for identity in identities:
            self._require_once(checked.good, sorted(identity))
        return checked.good

    def _require_once(self, rows: pa.Table, identity: list[str]) -> None:
        counted = rows.group_by(identity).aggregate([([], "count_all")])
        if counted.num_rows < rows.num_rows:
            first = counted.filter(pc.greater(counted["count_all"], 1)).slice(0, 1).to_pylist()[0]
            count = first.pop("count_all")
            key = ", ".join(f"{name}={value}" for name, value in first.items())
            raise HubError("contract.twice", table=self.name, key=key, count=count)


def explain_fault(fault: Mapping[str, Any], lang: str | None = None) -> str:
    """One rejected cell as a sentence: `price -3 is below 0`.

    Example:
        >>> explain_fault({"code": "reject.low", "column": "price", "value": "-3", "limit": "0"}, "en")
        'price is -3; the lowest allowed value is 0.'
    """
    return say(fault["code"], lang, **{name: value for name, value in fault.items() if name != "code"})


class _Faults:
    """Faulty cells by row."""

    def __init__(self, rows: int) -> None:
        self.bad = np.zeros(rows, dtype=bool)
        self.found: dict[int, list[dict[str, str]]] = {}

    def add(self, mask: Any, code: str, column: Column, raw: pa.ChunkedArray, limit: str = "") -> None:
        where = np.flatnonzero(np.asarray(mask))
        if not len(where):
            return
        self.bad[where] = True
        for row, value in zip(where.tolist(), raw.take(pa.array(where)).to_pylist(), strict=True):
            fault = {
                "code": code,
                "column": column.name,
                "value": "" if value is None else str(value),
                "limit": limit,
            }
            self.found.setdefault(row, []).append(fault)


def _checked(column: Column, raw: pa.ChunkedArray, faults: _Faults, known: set[str] | None) -> pa.ChunkedArray:
    """Cast one column to its promised type and note every cell that breaks the promise."""
    raw = _plain(raw)
    values = _cast(column, raw, faults)
    if column.required:
        empty = pc.is_null(raw)
        if column.type == "text":
            empty = pc.or_kleene(empty, pc.equal(values, ""))
        faults.add(_mask(empty), "reject.empty", column, raw)
    if column.type == "float":
        odd = pc.invert(pc.is_finite(values))
        if pc.any(odd).as_py():
            faults.add(_mask(odd), "reject.infinite", column, raw)
    if column.low is not None or column.high is not None:
        span = pc.min_max(values).as_py()
        if column.low is not None and span["min"] is not None and span["min"] < column.low:
            faults.add(_mask(pc.less(values, column.low)), "reject.low", column, raw, f"{column.low:g}")
        if column.high is not None and span["max"] is not None and span["max"] > column.high:
            faults.add(_mask(pc.greater(values, column.high)), "reject.high", column, raw, f"{column.high:g}")
    for allowed, code in ((column.values, "reject.value"), (known, "reject.unknown")):
        if allowed:
            strange = pc.and_(pc.is_valid(values), pc.invert(pc.is_in(values, pa.array(sorted(allowed)))))
            faults.add(
                _mask(strange),
                code,
                column,
                raw,
                ", ".join(sorted(allowed)) if column.values else column.ref,
            )
    if column.valid is not None:
        distinct = pc.unique(values).drop_null()
        wrong = [v for v, ok in zip(distinct.to_pylist(), column.valid(distinct.to_pylist()), strict=True) if not ok]
        if wrong:
            faults.add(_mask(pc.is_in(values, pa.array(wrong, distinct.type))), "reject.invalid", column, raw)
    return values


def _plain(raw: pa.ChunkedArray) -> pa.ChunkedArray:
    """The cells without dictionary encoding, texts as one type of text."""
    if pa.types.is_dictionary(raw.type):
        raw = raw.cast(raw.type.value_type)
    if pa.types.is_large_string(raw.type):
        raw = raw.cast(pa.string())
    return raw


def _cast(column: Column, raw: pa.ChunkedArray, faults: _Faults) -> pa.ChunkedArray:
    """Cast fast when all cells fit; otherwise by distinct value, noting those that do not parse."""
    if raw.type == column.arrow or pa.types.is_null(raw.type):
        return raw.cast(column.arrow)
    if _fits(raw.type, column):
        with suppress(pa.ArrowInvalid, pa.ArrowNotImplementedError):  # some cell does not parse: find it below
            # Of an instant, what is finer than a microsecond is cut off.
            return raw.cast(column.arrow, safe=not pa.types.is_timestamp(raw.type))
    values = _parsed(column, raw)
    unread = pc.and_(pc.is_null(values), pc.is_valid(raw))
    faults.add(_mask(unread), f"reject.{column.type}", column, raw)
    return values


def _fits(kind: pa.DataType, column: Column) -> bool:
    """Whether Arrow's own cast of a whole column means what people mean by it."""
    if column.type == "text":  # 4006381333931.0 would become 4.006381333931e+12
        return not pa.types.is_floating(kind)
    if column.type == "bool":  # 5 would become true
        return pa.types.is_string(kind)
    return not _foreign(kind, column)


def _foreign(kind: pa.DataType, column: Column) -> bool:
    """A number is no date (20171105 would be counted from 1970), and a date is no number."""
    is_moment = column.type in ("date", "time")
    if pa.types.is_string(kind) or column.type == "text":
        return False
    return is_moment != pa.types.is_temporal(kind)


def _parsed(column: Column, raw: pa.ChunkedArray) -> pa.ChunkedArray:
    """Each distinct cell parsed; null where it cannot be."""
    nothing = pa.nulls(len(raw), column.arrow)
    if _foreign(raw.type, column):
        return pa.chunked_array([nothing])
    try:
        coded = raw.combine_chunks().dictionary_encode()
    except pa.ArrowNotImplementedError:  # lists and structs
        return pa.chunked_array([nothing])
    lookup = pa.array([_parse(scalar, column) for scalar in coded.dictionary], column.arrow)
    return pa.chunked_array([lookup.take(coded.indices)])


def _parse(scalar: pa.Scalar, column: Column) -> Any:
    try:
        value = scalar.as_py()
        if isinstance(value, float) and column.type in ("text", "bool"):
            value = np.format_float_positional(value, trim="-") if np.isfinite(value) else None
        if isinstance(value, int | Decimal) and column.type == "bool":
            value = str(value)
        return pa.scalar(value).cast(column.arrow).as_py()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError, ValueError, OverflowError):
        return None


def _mask(mask: Any) -> np.ndarray:
    return np.asarray(pc.fill_null(mask, False))


def _with_faults(raw: pa.Table, faults: _Faults) -> pa.Table:
    rows = sorted(faults.found)
    texts = {
        name: pa.array([None if v is None else str(v) for v in raw[name].to_pylist()], pa.string())
        for name in raw.column_names
    }
    notes = [json.dumps(faults.found[row], ensure_ascii=False) for row in rows]
    return pa.table(texts | {"_row": pa.array(rows, pa.int64()), "_reasons": pa.array(notes, pa.string())})
