"""What stands between the wanted order and the possible one, in a fixed order, and which limit bound.

calendar → case pack → minimum order → shelf life → shelf → order cost → warehouse → budget. Each works on the result
of the one before; `bound` names the last that changed the quantity. Limits that add (whole cases, minimum order) come
before those that take away, which round down to whole cases and drop a line that falls below its minimum. A
warehouse of the chain that is short waives its minimum: what it can give is better than nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aislehub.supply.base_stock import FloatArray

__all__ = [
    "BOUNDS", "Limited", "Limits", "days_to_weekday", "limit_orders", "waits_for_more", "within_budget",
    "within_warehouse",
]  # fmt: skip

BOUNDS = ("none", "calendar", "case_pack", "moq", "shelf_life", "shelf", "order_cost", "warehouse", "budget")
_ROUNDING = 1e-9  # what floating point may lose in quantity / case


@dataclass(frozen=True)
class Limits:
    """Limits of each order line, (n,) each.

    Attributes:
        orderable: the supplier takes orders today.
        case: units per case, > 0.
        least: smallest quantity of a line, units; 0 = one case.
        sellable: units worth having before today's order expires; inf = keeps.
        capacity: units that fit in the store; inf = no limit.
        gone: units expected to be sold before today's order arrives.
    """

    orderable: NDArray[np.bool_]
    case: FloatArray
    least: FloatArray
    sellable: FloatArray
    capacity: FloatArray
    gone: FloatArray


@dataclass(frozen=True)
class Limited:
    """quantity: units to order, (n,); bound: the limit that decided it, one of `BOUNDS`, (n,)."""

    quantity: FloatArray
    bound: NDArray[np.str_]


def limit_orders(need: FloatArray, position: FloatArray, limits: Limits) -> Limited:
    """The order nearest to `need` that a supplier delivers and a store can hold and sell.

    Args:
        need: order-up-to level − position, units, (n,); ≤ 0 orders nothing.
        position: units on hand and on order, (n,).
        limits: of each line.
    """
    quantity = np.maximum(need, 0.0)
    bound = np.full(len(quantity), "none", dtype="<U10")

    def settle(possible: FloatArray, name: str) -> None:
        nonlocal quantity
        bound[np.abs(possible - quantity) > _ROUNDING * np.maximum(quantity, 1)] = name
        quantity = possible

    settle(np.where(limits.orderable, quantity, 0.0), "calendar")
    settle(_cases_up(quantity, limits.case), "case_pack")
    least = _cases_up(limits.least, limits.case)
    settle(np.where((quantity > 0) & (quantity < least), least, quantity), "moq")
    for name, room in (
        ("shelf_life", limits.sellable - position),
        ("shelf", limits.capacity - np.maximum(position - limits.gone, 0)),
    ):
        settle(_at_most(quantity, room, limits.case, least), name)
    return Limited(quantity, bound)


def waits_for_more(limited: Limited, waits: NDArray[np.bool_]) -> Limited:
    """Leave the lines for a later day whose order would not earn what an order line costs."""
    waits = waits & (limited.quantity > 0)
    return Limited(np.where(waits, 0.0, limited.quantity), np.where(waits, "order_cost", limited.bound))


def within_warehouse(limited: Limited, allotted: FloatArray) -> Limited:
    """Cut each line to what its warehouse can give it.

    Args:
        limited: orders before the warehouse was asked.
        allotted: units of each line, whole cases, (n,); inf = the warehouse is not short, or is no warehouse.
    """
    quantity = np.minimum(limited.quantity, allotted)
    return Limited(quantity, np.where(quantity < limited.quantity, "warehouse", limited.bound))


def within_budget(
    limited: Limited,
    case: FloatArray,
    least: FloatArray,
    cost: FloatArray,
    money: FloatArray,
    store: NDArray[np.int64],
    budget: FloatArray,
) -> Limited:
    """Spend each store's budget on the lines that earn most per unit of currency (greedy knapsack).

    Lines are taken in descending expected money per money spent. The first that does not fit is cut to the
    whole cases that do (nothing, below its minimum); so is each later one, until the budget is used up.

    Args:
        limited: orders before the budget.
        case, least: units per case and least units of a line, (n,).
        cost: money per unit, (n,).
        money: expected money of the line, (n,).
        store: store number of each line, 0 … stores − 1, (n,).
        budget: money each store may spend, (stores,); inf = no limit.
    """
    outlay = limited.quantity * cost
    tight = np.flatnonzero(np.bincount(store, outlay, len(budget)) > budget)
    if not len(tight):
        return limited
    quantity, bound = limited.quantity.copy(), limited.bound.copy()
    worth = money / np.maximum(outlay, _ROUNDING)
    candidates = np.flatnonzero((quantity > 0) & np.isin(store, tight))
    ranked = candidates[np.lexsort((-worth[candidates], store[candidates]))]
    minimum = _cases_up(least, case)
    for lines in np.split(ranked, np.flatnonzero(np.diff(store[ranked])) + 1):
        left = float(budget[store[lines[0]]])
        fits = int(np.searchsorted(np.cumsum(outlay[lines]), left, side="right"))
        left -= float(outlay[lines[:fits]].sum())
        for line in lines[fits:]:
            affordable = np.floor(left / max(cost[line], _ROUNDING) / case[line] + _ROUNDING) * case[line]
            kept = min(quantity[line], affordable)
            kept = kept if kept >= minimum[line] else 0.0
            if kept < quantity[line]:
                quantity[line], bound[line] = kept, "budget"
            left -= kept * cost[line]
    return Limited(quantity, bound)


def days_to_weekday(weekdays: NDArray[np.bool_], since: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """Days to wait from weekday `since` until the first allowed one; 0 when it is allowed itself.

    Args:
        weekdays: allowed weekdays, Monday first, (n, 7), at least one each.
        since: weekday to start from, 0 = Monday, (n,) or one number.
    """
    start = np.broadcast_to(np.asarray(since, dtype=np.int64), (len(weekdays),))
    ahead = (start[:, None] + np.arange(7)[None, :]) % 7
    return np.argmax(np.take_along_axis(weekdays, ahead, axis=1), axis=1)


def _cases_up(units: FloatArray, case: FloatArray) -> FloatArray:
    return np.maximum(np.ceil(units / case - _ROUNDING), 0.0) * case


def _at_most(quantity: FloatArray, room: FloatArray, case: FloatArray, least: FloatArray) -> FloatArray:
    """Cut to the whole cases that fit into `room`; a line cut below its minimum is dropped."""
    fitting = np.floor(np.maximum(room, 0) / case + _ROUNDING) * case
    cut = np.where(fitting >= least, fitting, 0.0)
    return np.where(quantity > np.maximum(room, 0) * (1 + _ROUNDING), np.minimum(cut, quantity), quantity)
