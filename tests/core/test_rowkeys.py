"""Row keys are the same for the same values, wherever and however often they are computed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislehub.core.rowkeys import row_keys

TABLE = pa.table(
    {
        "text": pa.array(["S1", "店", "", None]),
        "int": pa.array([1, -2, 2**62, None]),
        "float": pa.array([0.1, -0.0, 1e300, None]),
        "day": pa.array([date(2017, 11, 5), date(1960, 1, 1), date(2100, 1, 1), None]),
        "at": pa.array([datetime(2017, 11, 5, 12, tzinfo=UTC)] * 3 + [None], pa.timestamp("us", "UTC")),
        "flag": pa.array([True, False, True, None]),
    }
)


def test_keys_never_change() -> None:
    """The keys of stored tables are these for ever; another value means that every file would be loaded anew."""
    assert row_keys(TABLE, TABLE.column_names).to_pylist() == [
        -9165568322410472082, 5208812438139265650, -5707421236918532992, -2152535657050944081,
    ]  # fmt: skip


cells = st.fixed_dictionaries(
    {
        "text": st.none() | st.text(max_size=3),
        "int": st.none() | st.integers(-(2**63), 2**63 - 1),
        "float": st.none() | st.floats(allow_nan=False, allow_infinity=False).map(lambda value: value + 0.0),
        "flag": st.none() | st.booleans(),
    }
)
KINDS = pa.schema({"text": pa.string(), "int": pa.int64(), "float": pa.float64(), "flag": pa.bool_()})


@given(st.lists(cells, max_size=20), st.permutations(KINDS.names), st.integers(0, 20))
def test_a_key_belongs_to_its_values(rows: list[dict[str, Any]], order: list[str], cut: int) -> None:
    """Equal rows have equal keys and different rows different ones, whatever order, neighbours and chunks."""
    table = pa.Table.from_pylist(rows, KINDS)
    keys = row_keys(table, KINDS.names).to_pylist()
    assert row_keys(pa.concat_tables([table[:cut], table[cut:]]), order).to_pylist() == keys
    contents = [tuple(map(row.get, KINDS.names)) for row in rows]
    assert len(set(keys)) == len(set(contents))
    assert len(set(zip(keys, contents, strict=True))) == len(set(keys))


def test_an_empty_new_column_changes_no_key() -> None:
    """Rows stored before their contract gained an optional column are known again afterwards."""
    wider = TABLE.append_column("new", pa.nulls(len(TABLE), pa.string()))
    assert row_keys(wider, wider.column_names) == row_keys(TABLE, TABLE.column_names)
    filled = TABLE.append_column("new", pa.array(["x"] * len(TABLE)))
    assert not set(row_keys(filled, filled.column_names).to_pylist()) & set(
        row_keys(TABLE, TABLE.column_names).to_pylist()
    )


def test_columns_are_not_confused() -> None:
    """The same value in another column, or values swapped between two columns, is another row."""
    one = pa.table({"a": ["x"], "b": ["y"]})
    other = pa.table({"a": ["y"], "b": ["x"]})
    assert row_keys(one, ["a", "b"]) != row_keys(other, ["a", "b"])
    assert row_keys(one, ["a"]) != row_keys(other, ["b"])


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_no_rows_have_no_keys(kind: pa.DataType) -> None:
    """An empty table gives an empty array of 64-bit integers."""
    assert row_keys(pa.table({"a": pa.chunked_array([], kind)}), ["a"]) == pa.array([], pa.int64())


def test_a_million_keys_are_distinct() -> None:
    """Keys spread over 64 bits: a million different rows collide with probability 3·10⁻⁸."""
    numbers = pa.array(range(1_000_000))
    keys = row_keys(pa.table({"store": ["S1"] * 1_000_000, "line": numbers}), ["store", "line"])
    assert len(keys.unique()) == 1_000_000
