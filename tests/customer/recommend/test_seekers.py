"""Segments of the back-off: thirds of the members by what they save."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from aislehub.customer.recommend.baskets import Baskets
from aislehub.customer.recommend.candidates import Sizes, candidates
from aislehub.customer.recommend.knowledge import Catalogue, Knowledge
from aislehub.customer.recommend.offers import day_number
from aislehub.customer.recommend.seekers import bounds, thirds
from aislehub.customer.recommend.tifu import Tifu

DAY = date(2024, 3, 1)


def members(lines: int = 12) -> Baskets:
    """Nine members of one store: the first three save nothing and buy truffles, the last three save half and buy rice,
    those between save a fifth and buy bread; a tenth bought one line only."""
    kinds = [(f"m{n}", ("truffle", "bread", "rice")[n // 3], (0.0, 0.25, 1.0)[n // 3], lines) for n in range(9)]
    rows = [
        {"customer": who, "item": f"{item}{number}", "store": "s", "day": DAY - timedelta(days=number + 1),
         "amount": 4.0, "discount": 4.0 * off}
        for who, item, off, count in [*kinds, ("m9", "salt", 0.0, 1)] for number in range(count)
    ]  # fmt: skip
    return Baskets.of(pa.Table.from_pylist(rows))


def test_thirds_are_told_by_what_was_saved() -> None:
    """A third of the members each, the least saving first; of few lines nothing is said."""
    baskets = members()
    assert thirds(baskets, bounds(baskets)).tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, -1]


def test_where_nobody_saves_there_are_no_segments() -> None:
    """A file without discounts parts nobody, however many buy."""
    baskets = Baskets.of(pa.table({"customer": ["a"] * 20 + ["b"] * 20, "item": ["x"] * 40,
                                   "day": [DAY - timedelta(days=n % 20) for n in range(40)]}))  # fmt: skip
    assert thirds(baskets, bounds(baskets)).tolist() == [-1, -1]


def test_what_the_segment_buys_in_the_store_is_a_candidate() -> None:
    """Of two members of one store the saver is offered what savers buy there, the other what those like them buy."""
    baskets = members()
    known = Knowledge.of(baskets, day_number(DAY), head=10, ridge=5.0)
    catalogue = Catalogue.of(pa.table({"item": baskets.items}).to_pandas(), baskets.items)
    sizes = Sizes(own=0, ease=0, store=6, content=0)
    who, store = np.array([0, 8]), np.zeros(10, np.int64)
    customer, item = candidates(known, catalogue, baskets, who, store, Tifu(), sizes)
    offered = {int(code): {str(name)[:4] for name in baskets.items[item[customer == code]]} for code in who}
    assert offered == {0: {"truf"}, 8: {"rice"}}
