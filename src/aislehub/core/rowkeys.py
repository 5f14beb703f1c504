"""64-bit row keys: the same values give the same key on every machine, engine and version.

Distinct strings are hashed once (pandas' SipHash with a fixed key) and spread to rows, so the cost
follows the number of distinct values. Two different keys collide with probability n²/2⁶⁵: 3·10⁻⁶ for
ten million rows of one table; identity asks for key *and* content to be equal.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["row_keys"]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def row_keys(table: pa.Table, columns: Sequence[str]) -> pa.Array:
    """One int64 per row from the named columns, whatever their order.

    A missing value adds nothing: rows stored before their contract gained an optional column keep their keys,
    so the same file is still known.
    """
    keys = np.full(table.num_rows, _GOLDEN, dtype=np.uint64)
    for name in columns:
        column = table[name]
        salt = pd.util.hash_array(np.array([name], dtype=object), categorize=False)
        values = _mixed(_hashed(column) ^ salt)
        keys += np.where(np.asarray(pc.is_null(column)), np.uint64(0), values) if column.null_count else values
    return pa.array(_mixed(keys).view(np.int64))


def _hashed(column: pa.ChunkedArray) -> np.ndarray:
    """uint64 (n,) for one column, anything where it is missing. Times, dates and numbers are their own bits, mixed."""
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        coded = column.combine_chunks().dictionary_encode()
        texts = coded.dictionary.to_numpy(zero_copy_only=False)
        hashes = pd.util.hash_array(np.asarray(texts, dtype=object), categorize=False)
        spread = np.append(hashes, np.uint64(0))
        places = pc.fill_null(coded.indices, len(hashes)).to_numpy(zero_copy_only=False)
        return np.asarray(spread[places], dtype=np.uint64)
    if pa.types.is_floating(kind):
        bits = np.asarray(pc.fill_null(column, 0.0).to_numpy() + 0.0, dtype=np.float64).view(np.uint64)
    else:
        whole = column if pa.types.is_integer(kind) else _as_integers(column)
        bits = np.asarray(pc.fill_null(whole, 0).to_numpy(), dtype=np.int64).view(np.uint64)
    return _mixed(bits)


def _as_integers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_date32(column.type):  # Arrow casts a date to 32 bits only
        column = column.cast(pa.int32())
    return column.cast(pa.int64())


def _mixed(bits: np.ndarray) -> np.ndarray:
    """SplitMix64's finaliser (Steele, Lea & Flood 2014): every input bit reaches every output bit."""
    bits = (bits ^ (bits >> np.uint64(30))) * _MIX_1
    bits = (bits ^ (bits >> np.uint64(27))) * _MIX_2
    return np.asarray(bits ^ (bits >> np.uint64(31)), dtype=np.uint64)
