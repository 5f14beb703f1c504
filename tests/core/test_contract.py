"""A contract splits every table into rows that keep its promise and rows that say why they do not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislehub.core.contract import Column, Contract, explain_fault
from aislehub.core.errors import HubError
from aislehub.core.text import LANGUAGES


def even(codes: Sequence[str]) -> list[bool]:
    """A stand-in for a check digit."""
    return [code[-1:] in "02468" for code in codes]


CONTRACT = Contract(
    "parcels", "A row of everything a contract can promise",
    (
        Column("id", "text", "Identity"),
        Column("count", "int", "How many", low=0, high=1000),
        Column("weight", "float", "Weight", unit="kg", required=False, low=0),
        Column("sent", "date", "Business day"),
        Column("at", "time", "Instant", required=False),
        Column("fragile", "bool", "Whether it breaks", required=False),
        Column("kind", "text", "Kind", values=("box", "letter")),
        Column("code", "text", "Code with a check digit", required=False, valid=even),
        Column("place", "text", "Where", ref="places"),
    ),
    key="id",
)  # fmt: skip
KNOWN = {"places": {"north", "south"}}

# Cells as they come in, by column and by the type of the column that brings them: what fits and what does not.
NOON = datetime(2017, 11, 5, 12)
CELLS: dict[str, list[tuple[pa.DataType, list[Any], list[Any]]]] = {
    "count": [
        (pa.int64(), [0, 7, 1000], [-1, 1001, None]),
        (pa.float64(), [0.0, 7.0], [2.5, float("nan"), float("inf"), 1e30, -1.0, None]),
        (pa.string(), ["0", "7", "1000"], ["x", "", "1.5", "-1", "1001", "99999999999999999999", None]),
        (pa.uint64(), [7], [2**63, 1001]),
        (pa.timestamp("us"), [], [NOON, None]),
        (pa.list_(pa.int64()), [], [[1], []]),
    ],
    "weight": [
        (pa.float64(), [0.0, 1.5, None], [-0.01, float("nan"), float("inf"), -float("inf")]),
        (pa.int32(), [0, 3, None], [-3]),
        (pa.string(), ["1.5", "2", "1e3", None], ["1,5", "abc", "", "nan", "inf", "-2"]),
        (pa.date32(), [None], [date(2017, 11, 5)]),
    ],
    "sent": [
        (pa.date32(), [date(2017, 11, 5), date(1960, 1, 1)], [None]),
        (pa.timestamp("ms"), [NOON], [None]),
        (pa.string(), ["2017-11-05"], ["05/11/2017", "2017-13-01", "2017-02-29", "", None]),
        (pa.int32(), [], [20171105, None]),
    ],
    "at": [
        (pa.timestamp("us", "UTC"), [NOON, None], []),
        (pa.timestamp("ns", "Asia/Shanghai"), [NOON, None], []),
        (pa.timestamp("s"), [NOON, None], []),
        (pa.string(), ["2017-11-05T12:00:00Z", "2017-11-05 20:00:00+08:00", None], ["2017-11-05T12:00:00", "noon", ""]),
        (pa.int64(), [None], [1_509_883_200]),
    ],
    "fragile": [
        (pa.bool_(), [True, False, None], []),
        (pa.int64(), [0, 1, None], [5, -1]),
        (pa.string(), ["true", "false", "0", "1", None], ["maybe", ""]),
    ],
    "kind": [
        (pa.string(), ["box", "letter"], ["Box", "", None, "crate"]),
        (pa.large_string(), ["box", "letter"], ["crate", None]),
        (pa.string_view(), ["box"], ["crate", None]),
        (pa.dictionary(pa.int32(), pa.string()), ["box", "letter"], ["crate", None]),
        (pa.null(), [], [None]),
    ],
    "code": [
        (pa.string(), ["12", "34", None], ["13", "x"]),
        (pa.int64(), [12, None], [13]),
        (pa.float64(), [4006381333932.0, 12.0, None], [4006381333931.0, float("nan")]),
        (pa.binary(), [b"12"], [b"\xff\xfe"]),
    ],
    "place": [(pa.string(), ["north", "south"], ["east", "", None])],
}  # fmt: skip


@dataclass(frozen=True)
class Incoming:
    """A raw table and the numbers of its rows in which every cell fits."""

    table: pa.Table
    fitting: frozenset[int]


@st.composite
def incoming(draw: st.DrawFn) -> Incoming:
    """Tables whose columns come in any of the types above, in one chunk or several, with good and bad cells."""
    rows = draw(st.integers(0, 8))
    fitting = set(range(rows))
    columns: dict[str, Any] = {"id": [f"r{row}" for row in range(rows)], "unpromised": [0] * rows}
    for name, choices in CELLS.items():
        kind, good, bad = draw(st.sampled_from(choices))
        cells = draw(st.lists(st.sampled_from(range(len(good) + len(bad))), min_size=rows, max_size=rows))
        fitting -= {row for row, cell in enumerate(cells) if cell >= len(good)}
        array = pa.array([[*good, *bad][cell] for cell in cells], kind)
        cut = draw(st.integers(0, rows))
        columns[name] = pa.chunked_array([array[:cut], array[cut:]]) if draw(st.booleans()) else array
    return Incoming(pa.table(columns), frozenset(fitting))


@given(incoming())
def test_no_row_is_lost_and_none_is_judged_wrongly(given: Incoming) -> None:
    """Good and rejected rows are together the input, each row once; good are exactly those whose every cell fits."""
    checked = CONTRACT.check(given.table, KNOWN)
    good = {int(id[1:]) for id in checked.good["id"].to_pylist()}
    rejected = checked.rejected["_row"].to_pylist()
    assert good == given.fitting
    assert sorted([*good, *rejected]) == list(range(given.table.num_rows))


@given(incoming())
def test_good_rows_keep_every_promise(given: Incoming) -> None:
    """Good rows have the promised types, limits, values, check digits and references."""
    good = CONTRACT.check(given.table, KNOWN).good
    assert good.schema == CONTRACT.schema
    for column in CONTRACT.columns:
        values = good[column.name].drop_null().to_pylist()
        assert not column.required or len(values) == good.num_rows
        assert column.low is None or all(value >= column.low for value in values)
        assert column.high is None or all(value <= column.high for value in values)
        assert not column.values or set(values) <= set(column.values)
        assert column.valid is None or all(column.valid(values))
        assert not column.ref or set(values) <= KNOWN[column.ref]
        assert column.type != "float" or np.isfinite(values).all()


@given(incoming())
def test_a_rejected_row_says_value_limit_and_column(given: Incoming) -> None:
    """Each reason names the column, the raw value and, where there is one, the limit, in either language."""
    rejected = CONTRACT.check(given.table, KNOWN).rejected
    for row in rejected.to_pylist():
        faults = json.loads(row["_reasons"])
        assert faults
        for fault in faults:
            column = CONTRACT.column(fault["column"])
            assert fault["value"] == ("" if row[column.name] is None else row[column.name])
            limits = {
                "reject.low": "0",
                "reject.high": "1000",
                "reject.value": "box, letter",
                "reject.unknown": "places",
            }
            assert fault["limit"] == limits.get(fault["code"], "")
            for lang in LANGUAGES:
                sentence = explain_fault(fault, lang)
                assert (
                    column.name in sentence
                    and fault["limit"] in sentence
                    and "{" not in sentence.replace(fault["value"], "")
                )


@given(incoming())
def test_good_rows_pass_again_unchanged(given: Incoming) -> None:
    """Checking good rows once more rejects none and changes none."""
    good = CONTRACT.check(given.table, KNOWN).good
    again = CONTRACT.check(good, KNOWN)
    assert again.good.equals(good) and again.rejected.num_rows == 0


def one(column: Column, cells: pa.Array | list[Any]) -> tuple[list[Any], list[str]]:
    """Good values and fault codes of a single column."""
    checked = Contract("t", "One column", (column,), key="").check(pa.table({column.name: cells}))
    codes = [json.loads(reasons)[0]["code"] for reasons in checked.rejected["_reasons"].to_pylist()]
    return checked.good[column.name].to_pylist(), codes


@pytest.mark.parametrize(
    ("kind", "cells", "expected"),
    [
        ("int", ["12", "-3"], [12, -3]),
        ("float", ["1.5", "-2"], [1.5, -2.0]),
        ("date", ["2017-11-05"], [date(2017, 11, 5)]),
        ("bool", ["true", "0"], [True, False]),
        ("text", [1, 2], ["1", "2"]),
    ],
)
def test_texts_become_what_is_promised(kind: Any, cells: list[Any], expected: list[Any]) -> None:
    """Numbers, dates and truth values written as text are read; whole numbers become their digits as text."""
    assert one(Column("c", kind, "Cell"), cells) == (expected, [])


def test_codes_that_came_as_numbers_keep_their_digits() -> None:
    """An article number in a column of floats (a spreadsheet with gaps) is its digits, not 4.0e+12."""
    assert one(Column("c", "text", "Cell", required=False), [4006381333931.0, None, 1.5])[0] == [
        "4006381333931",
        None,
        "1.5",
    ]


def test_instants_without_a_zone_are_utc() -> None:
    """A naive timestamp is taken as UTC, a zoned one is converted; a text has to bring its zone."""
    column = Column("c", "time", "Cell")
    noon = NOON.replace(tzinfo=UTC)
    assert one(column, pa.array([NOON], pa.timestamp("us")))[0] == [noon]
    assert one(column, pa.array([NOON], pa.timestamp("us", "Asia/Shanghai")))[0] == [noon]
    assert one(column, ["2017-11-05T20:00:00+08:00", "2017-11-05T12:00:00"]) == ([noon], ["reject.time"])
    assert one(column, pa.array([1], pa.timestamp("ns")))[0] == [datetime(1970, 1, 1, tzinfo=UTC)]


def test_the_day_of_an_instant_is_that_of_its_own_zone() -> None:
    """23:00 UTC is the next day in Shanghai."""
    cells = pa.array([datetime(2017, 11, 5, 23)], pa.timestamp("us", "UTC"))
    assert one(Column("c", "date", "Cell"), cells)[0] == [date(2017, 11, 5)]
    assert one(Column("c", "date", "Cell"), cells.cast(pa.timestamp("us", "Asia/Shanghai")))[0] == [date(2017, 11, 6)]


def test_a_number_is_no_date_and_a_date_no_number() -> None:
    """20171105 is not so many microseconds after 1970, and a date is not the count of its days."""
    assert one(Column("c", "time", "Cell"), [20171105]) == ([], ["reject.time"])
    assert one(Column("c", "date", "Cell"), pa.array([20171105], pa.int32())) == ([], ["reject.date"])
    assert one(Column("c", "int", "Cell"), [NOON]) == ([], ["reject.int"])


def test_an_empty_table_is_checked_too() -> None:
    """No rows in, no rows out, in the promised types; also where the columns have no chunk at all."""
    empty = pa.table({name: pa.chunked_array([], pa.string()) for name in CONTRACT.schema.names})
    checked = CONTRACT.check(empty, KNOWN)
    assert checked.good.schema == CONTRACT.schema
    assert checked.good.num_rows == checked.rejected.num_rows == 0


def test_a_missing_column_is_named_with_those_found() -> None:
    """A required column that is absent altogether stops the table; an optional one is filled with nothing."""
    with pytest.raises(HubError, match=r"needs the column.* count, sent, kind, place; found: id") as caught:
        CONTRACT.check(pa.table({"id": ["a"]}))
    assert caught.value.code == "contract.missing_columns"
    full = {"id": ["a"], "count": [1], "sent": ["2017-11-05"], "kind": ["box"], "place": ["north"]}
    assert CONTRACT.check(pa.table(full)).good["weight"].to_pylist() == [None]


def test_a_reference_counts_once_the_other_table_has_rows() -> None:
    """With no known places any place passes; with some, only those."""
    row = pa.table({"id": ["a"], "count": [1], "sent": ["2017-11-05"], "kind": ["box"], "place": ["moon"]})
    assert CONTRACT.check(row).good.num_rows == CONTRACT.check(row, {"places": set()}).good.num_rows == 1
    assert CONTRACT.check(row, KNOWN).rejected.num_rows == 1


ORDERS = Contract("orders", "A decision", (Column("item", "text", "What"),), key="store item", decision=True)


def decision(**changed: Any) -> dict[str, Any]:
    """A good row of ORDERS."""
    row = {
        "day": date(2017, 11, 5), "item": "a", "store": "s", "subject": "a", "action": "{}", "baseline": "{}",
        "money": 1.0, "money_low": 0.0, "money_high": 2.0, "horizon_days": 7, "bound": "none",
    }  # fmt: skip
    return row | changed


def test_a_step_may_not_break_its_own_promise() -> None:
    """`require` takes good rows and names the first bad one otherwise."""
    assert ORDERS.require(pa.Table.from_pylist([decision()])).num_rows == 1
    with pytest.raises(HubError, match="row 1: horizon_days is 0; the lowest allowed value is 1") as caught:
        ORDERS.require(pa.Table.from_pylist([decision(), decision(item="b", subject="b", horizon_days=0)]))
    assert caught.value.code == "contract.broken"


@pytest.mark.parametrize("second", [{}, {"item": "b"}, {"subject": "b"}])
def test_a_key_comes_once_a_day(second: dict[str, Any]) -> None:
    """Rows with the same key, or decisions on the same store and subject, would overwrite each other: refused."""
    with pytest.raises(HubError) as caught:
        ORDERS.require(pa.Table.from_pylist([decision(), decision(**second)]))
    assert caught.value.code == "contract.twice"


def test_the_columns_of_a_kind_of_table_come_by_themselves() -> None:
    """Facts say when they became known; decisions bring the ledger's columns and the day."""
    assert CONTRACT.is_fact and CONTRACT.schema.names[-1] == "known_at"
    assert {"day", "subject", "money", "reasons", "bound"} <= set(ORDERS.schema.names)
    assert not ORDERS.is_fact
    notices = Contract("notices", "An alert", (), key="day cause subject", alert=True)
    assert {"day", "cause", "store", "owner", "money_at_risk", "facts"} <= set(notices.schema.names)
    assert not notices.is_fact


def test_a_cause_is_told_once_a_day() -> None:
    """Two alerts on the same cause, store and subject would be one in the register, whatever the table's key says."""
    notices = Contract("notices", "An alert", (Column("part", "text", "Which part"),), key="cause part", alert=True)
    row = {"day": date(2017, 11, 5), "cause": "late", "store": "s", "subject": "a", "owner": "it", "facts": "{}"}
    rows = [row | {"money_at_risk": 1.0, "part": part} for part in ("left", "right")]
    assert notices.require(pa.Table.from_pylist(rows[:1])).num_rows == 1
    with pytest.raises(HubError) as caught:
        notices.require(pa.Table.from_pylist(rows))
    assert caught.value.code == "contract.twice"


def test_a_contract_names_only_its_own_columns() -> None:
    """A key or an origin of `known_at` that is no column is refused when the contract is made."""
    with pytest.raises(HubError, match=r"no column itme.* Did you mean item"):
        Contract("t", "h", (Column("item", "text", "What"),), key="itme")


def test_cells_are_told_apart_in_millions_of_rows() -> None:
    """A few bad cells in a long column are found without touching the others."""
    rows = 1_000_000
    counts = np.arange(rows) % 1000
    counts[[3, 777_777]] = -5
    table = pa.table({"id": pa.array(np.arange(rows)).cast(pa.string()), "count": counts})
    contract = Contract("long", "Many rows", CONTRACT.columns[:2], key="id")
    checked = contract.check(table)
    assert checked.rejected["_row"].to_pylist() == [3, 777_777]
    assert pc.sum(checked.good["count"]).as_py() == int(counts[counts >= 0].sum())
