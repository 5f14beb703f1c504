"""Purchases as arrays: who bought what, in which visit, when, in which store and how many.

All scorers work on these arrays; names appear only at the edges. Lines are sorted by customer, item and visit, so that
whatever is said of a customer's item is a sum over a run of neighbouring lines (`pairs`). Visits are sorted by customer
and time and cut short by `before`, so that nothing after a moment is seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Any, Self

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import scipy
from numpy.typing import NDArray

__all__ = ["Baskets", "Pairs", "purchases", "read_baskets"]

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Pairs:
    """Customers' items that were bought, one entry each.

    Attributes:
        customer, item: codes, (p,), in order.
        start: first line of each, (p,).
    """

    customer: IntArray
    item: IntArray
    start: IntArray

    def sum(self, values: NDArray[Any]) -> FloatArray:
        """Sums of a value of the lines, (p,)."""
        return np.add.reduceat(values, self.start).astype(float) if len(self.start) else np.zeros(0)


@dataclass(frozen=True)
class Baskets:
    """Purchases of customers.

    Attributes:
        customers, items, stores: names by code, (C,), (I,), (S,); a store may be unknown: code −1.
        customer, item, visit: of each line, (n,), sorted; `visit` is a place in the visits.
        quantity, amount: units and money of each line; `saving`: share of its shelf value that was taken off.
        visit_customer, visit_day, visit_store: of each visit, (v,), sorted by customer and time; days since 1970.
    """

    customers: NDArray[np.object_]
    items: NDArray[np.object_]
    stores: NDArray[np.object_]
    customer: IntArray
    item: IntArray
    visit: IntArray
    quantity: FloatArray
    amount: FloatArray
    saving: FloatArray
    visit_customer: IntArray
    visit_day: IntArray
    visit_store: IntArray

    @classmethod
    def of(cls, lines: pa.Table, *, customers: Any = None, items: Any = None, stores: Any = None) -> Self:
        """Arrays of a table of lines.

        Args:
            lines: columns customer, item and day (a date), and where known store, receipt, time (order of visits within
                a day), quantity, amount, discount. Without a receipt, a customer's day in a store is one visit. Lines
                without a customer, and of quantity 0 or less (returns, voided lines), are left out.
            customers, items, stores: names in the order of their codes; a line of another customer or item is left out.
                None = those of the lines, sorted.
        """
        kept = pc.is_valid(lines["customer"])
        if "quantity" in lines.column_names:
            kept = pc.and_kleene(kept, pc.greater(lines["quantity"], 0))
        lines = lines.filter(kept)
        names = [_names(lines["customer"], customers), _names(lines["item"], items)]
        customer, item = (_codes(lines[name], known) for name, known in zip(("customer", "item"), names, strict=True))
        given = lines.column_names
        shops = _names(lines["store"], stores) if "store" in given else np.zeros(0, object)
        store = _codes(lines["store"], shops) if "store" in given else np.full(len(lines), -1)
        day = lines["day"].cast(pa.date32()).cast(pa.int32()).to_numpy().astype(np.int64)
        receipt = _codes(lines["receipt"], _names(lines["receipt"], None)) if "receipt" in given else day
        time = lines["time"].cast(pa.int64()).to_numpy() if "time" in given else day
        quantity = _numbers(lines, "quantity", 1.0)
        amount, off = _numbers(lines, "amount", 0.0), _numbers(lines, "discount", 0.0)
        saving = np.clip(off / np.maximum(amount + off, 0.01), 0.0, 1.0)
        known = (customer >= 0) & (item >= 0)
        customer, item, store, receipt, day, time = (c[known] for c in (customer, item, store, receipt, day, time))
        quantity, amount, saving = (values[known] for values in (quantity, amount, saving))
        laid_out = _laid_out(customer, item, store, receipt, day, time, quantity, amount, saving)
        return cls(names[0], names[1], shops, *laid_out)

    @cached_property
    def pairs(self) -> Pairs:
        """Every customer's item once."""
        first = np.ones(len(self.item), dtype=bool)
        first[1:] = (np.diff(self.customer) != 0) | (np.diff(self.item) != 0)
        start = np.flatnonzero(first)
        return Pairs(self.customer[start], self.item[start], start)

    @cached_property
    def visits(self) -> IntArray:
        """Visits of each customer, (C,)."""
        return np.bincount(self.visit_customer, minlength=len(self.customers))

    @cached_property
    def visits_since(self) -> IntArray:
        """How many visits its customer made after each visit, (v,): 0 = the last one."""
        ends = np.cumsum(self.visits)
        return ends[self.visit_customer] - 1 - np.arange(len(self.visit_customer))

    @cached_property
    def home_store(self) -> IntArray:
        """The store of most of a customer's visits in their last 90 days, the latest of equals, (C,); −1 = unknown."""
        return _home_stores(self)

    @cached_property
    def last_day(self) -> IntArray:
        """Day of the last visit, (C,); −1 = none."""
        last = np.full(len(self.customers), -1)
        last[self.visit_customer] = self.visit_day  # visits are in order: the last one stays
        return last

    def before(self, day: int) -> Baskets:
        """What was known at the opening of a day (in days since 1970)."""
        return self._only(self.visit_day < day)

    def since(self, day: int) -> Baskets:
        """Visits on that day and later."""
        return self._only(self.visit_day >= day)

    def of_customers(self, chosen: NDArray[np.bool_]) -> Baskets:
        """The lines of some customers, (C,); codes stay."""
        return self._only(chosen[self.visit_customer])

    def of_stores(self, chosen: NDArray[np.bool_]) -> Baskets:
        """The visits to some stores, (S,), none of an unknown one; codes stay."""
        return self._only((self.visit_store >= 0) & chosen[self.visit_store])

    def next_visit(self, day: int, within: int) -> Baskets:
        """Each customer's first visit of the `within` days from `day` on."""
        late = self._only((self.visit_day >= day) & (self.visit_day < day + within))
        first = np.ones(len(late.visit_day), dtype=bool)
        first[1:] = np.diff(late.visit_customer) != 0
        return late._only(first)

    def matrix(self, weights: NDArray[Any] | None = None, items: IntArray | None = None) -> scipy.sparse.csr_matrix:
        """Customers × items, each pair's sum of `weights` (of lines, (n,)); None = 1 for what was ever bought.

        Args:
            items: codes of the columns; None = all.
        """
        pairs = self.pairs
        values = np.ones(len(pairs.item)) if weights is None else pairs.sum(weights)
        shape = (len(self.customers), len(self.items))
        start = np.searchsorted(pairs.customer, np.arange(shape[0] + 1))
        full = scipy.sparse.csr_matrix((values, pairs.item, start), shape=shape)
        return full if items is None else full[:, items]

    def _only(self, kept: NDArray[np.bool_]) -> Baskets:
        if kept.all():
            return self
        place = np.cumsum(kept) - 1
        lines = kept[self.visit]
        return replace(
            self, customer=self.customer[lines], item=self.item[lines], visit=place[self.visit[lines]],
            quantity=self.quantity[lines], amount=self.amount[lines], saving=self.saving[lines],
            visit_customer=self.visit_customer[kept], visit_day=self.visit_day[kept],
            visit_store=self.visit_store[kept],
        )  # fmt: skip


def purchases(sales_lines: Any, items: Any, *, day: date, history_days: int) -> pa.Table:
    """Members' lines of goods in the last `history_days` up to and including `day`, as `Baskets.of` takes them.

    Fuel, deposits and the like (`is_sellable` false) are nothing to recommend.
    """
    goods = sales_lines.anti_join(items.filter(items.is_sellable == ibis.literal(False)), "item")
    goods = goods.filter(
        goods.customer.notnull(), goods.quantity > 0, goods.day <= ibis.literal(day),
        goods.day > ibis.literal(day - timedelta(days=history_days)),
    )  # fmt: skip
    columns = ["customer", "item", "store", "receipt", "day", "quantity", "amount", "discount"]
    return goods.select(*columns, time=goods.sold_at).to_pyarrow()


def read_baskets(sales_lines: Any, items: Any, *, day: date, history_days: int) -> Baskets:
    """The same as arrays; none in a house without members."""
    return Baskets.of(purchases(sales_lines, items, day=day, history_days=history_days))


def _names(values: pa.ChunkedArray, known: Any) -> NDArray[np.object_]:
    if known is not None:
        return np.asarray(known, dtype=object)
    return np.sort(pc.unique(values).drop_null().cast(pa.string()).to_numpy(zero_copy_only=False).astype(object))


def _codes(values: pa.ChunkedArray, names: NDArray[np.object_]) -> IntArray:
    """Places of texts among `names`, −1 where absent."""
    coded = values.cast(pa.string()).dictionary_encode().combine_chunks()
    if isinstance(coded, pa.ChunkedArray):  # no chunk at all
        coded = pa.array([], pa.string()).dictionary_encode()
    place = pd.Index(names).get_indexer(coded.dictionary.to_numpy(zero_copy_only=False))
    indices = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)
    return np.append(place, -1)[indices].astype(np.int64)


def _numbers(lines: pa.Table, name: str, otherwise: float) -> FloatArray:
    if name not in lines.column_names:
        return np.full(len(lines), otherwise)
    return pc.fill_null(lines[name].cast(pa.float64()), otherwise).to_numpy()


def _laid_out(
    customer: IntArray, item: IntArray, store: IntArray, receipt: IntArray, day: IntArray, time: IntArray,
    quantity: FloatArray, amount: FloatArray, saving: FloatArray,
) -> tuple[NDArray[Any], ...]:  # fmt: skip
    """Lines and visits in their order, lines of the same item in a visit as one."""
    stores, receipts = int(store.max(initial=-1)) + 2, int(receipt.max(initial=-1)) + 2
    met, _ = pd.factorize((customer * stores + store + 1) * receipts + receipt + 1)
    first = np.flatnonzero(~pd.Series(met).duplicated().to_numpy())  # of each visit, in the order met
    order = np.lexsort((receipt[first], store[first], time[first], day[first], customer[first]))
    place = np.empty(len(first), dtype=np.int64)
    place[order] = np.arange(len(first))
    visit, first = place[met], first[order]
    lines = np.lexsort((visit, customer * (int(item.max(initial=-1)) + 1) + item))
    starts = np.ones(len(lines), dtype=bool)
    starts[1:] = (np.diff(visit[lines]) != 0) | (np.diff(item[lines]) != 0)
    at = np.flatnonzero(starts)
    once = lines[at]

    def total(values: FloatArray) -> FloatArray:
        return np.add.reduceat(values[lines], at) if len(at) else np.zeros(0)

    share = total(saving * np.maximum(amount, 0.01)) / np.maximum(total(np.maximum(amount, 0.01)), 0.01)
    return (
        customer[once], item[once], visit[once], total(quantity), total(amount), share,
        customer[first], day[first], store[first],
    )  # fmt: skip


def _home_stores(baskets: Baskets) -> IntArray:
    home = np.full(len(baskets.customers), -1)
    late = (baskets.visit_day > baskets.last_day[baskets.visit_customer] - 90) & (baskets.visit_store >= 0)
    if not late.any():
        return home
    stores = int(baskets.visit_store.max()) + 1
    key = baskets.visit_customer[late] * stores + baskets.visit_store[late]
    codes, count = np.unique(key, return_counts=True)
    latest = np.zeros(len(codes), dtype=np.int64)
    np.maximum.at(latest, np.searchsorted(codes, key), baskets.visit_day[late])
    order = np.lexsort((codes % stores, latest, count, codes // stores))
    home[codes[order] // stores] = codes[order] % stores
    return home
