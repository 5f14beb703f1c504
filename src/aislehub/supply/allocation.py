"""Sharing out the stock of a short warehouse: each case goes where it is expected to earn most.

What a store earns grows with its stock, by less with every case. So the next case is worth most to the store that would
most probably sell out without it and earns most by the sale, and taking cases in that order is optimal as long as they
are of one size: no other way of giving out the same stock earns more. Where worth is equal, the store that has got
the smaller share of what it asked for comes first; without any worth this is plain fair shares.

Stores that order on another day are asked too, and what they would get stays in the warehouse for them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from aislehub.core.contract import Column, Contract
from aislehub.core.step import step
from aislehub.supply.base_stock import FloatArray
from aislehub.supply.money import expected_contribution
from aislehub.supply.replenish import Policy, Wanted, demand_lines, wanted_orders
from aislehub.supply.warehouse import served_by

__all__ = ["ALLOTMENTS", "allotments", "case_numbers", "share_out", "worth_of_cases"]

_ROUNDING = 1e-9  # what floating point may lose in a number of cases

ALLOTMENTS = Contract(
    "allotments",
    "What a warehouse that is short of an item can give one of its stores",
    (
        Column("store", "text", "Store served"),
        Column("item", "text", "Item"),
        Column("warehouse", "text", "Warehouse that is short"),
        Column("wanted", "float", "Units the store wants, if it ordered tomorrow", "item's unit", low=0),
        Column("allotted", "float", "Units of these that it can have, whole cases", "item's unit", low=0),
        Column("available", "float", "Units in the warehouse", "item's unit", low=0),
        Column("all_wanted", "float", "Units that all its stores want", "item's unit", low=0),
    ),
    key="store item",
    derived=True,
)


@step(reads="warehouse_state supply_state stock_ages demand_forecast", writes=ALLOTMENTS)
def allotments(
    warehouse_state: Any, supply_state: Any, stock_ages: Any, demand_forecast: Any, *, day: date, policy: Policy
) -> pd.DataFrame | pa.Table:
    """Shares of every store in the items of which its warehouse has less than its stores want."""
    if not warehouse_state.filter(warehouse_state.day == ibis.literal(day)).count().to_pyarrow().as_py():
        return ALLOTMENTS.empty()
    lines = demand_lines(demand_forecast, served_by(warehouse_state, supply_state, day), stock_ages, day)
    if lines.empty:
        return ALLOTMENTS.empty()
    wanted = wanted_orders(lines.assign(orderable=True), policy)
    quantity, case = wanted.limited.quantity, wanted.limits.case
    pool, pools = pd.factorize(pd.MultiIndex.from_frame(lines[["supplier", "item"]]))
    all_wanted, available = np.bincount(pool, quantity, len(pools)), np.zeros(len(pools))
    available[pool] = np.floor(lines["available"].clip(lower=0).to_numpy(float))
    cases = np.round(quantity / case).astype(np.int64)
    rows = lines[["store", "item"]].assign(
        warehouse=lines["supplier"],
        wanted=quantity,
        allotted=share_out(worth_of_cases(cases, wanted), cases, case, pool, available),
        available=available[pool],
        all_wanted=all_wanted[pool],
    )
    return rows[(all_wanted > available)[pool]].reset_index(drop=True)


def share_out(
    worth: FloatArray, cases: NDArray[np.int64], case: FloatArray, pool: NDArray[np.int64], available: FloatArray
) -> FloatArray:
    """Units of each line, whole cases, at most `cases` of them: the most worth that the pools' stock can give.

    Optimal where all lines of a pool have cases of one size. Otherwise cases are taken by their worth per unit, and one
    that is too large for what is left is passed over.

    Args:
        worth: money of every case asked for, one line after the other, within a line falling, (Σ cases,).
        cases: cases each line asks for, (n,).
        case: units per case, (n,).
        pool: the stock each line draws on, 0 … pools − 1, (n,).
        available: units in each pool, (pools,).
    """
    given = np.zeros(len(cases))
    line = np.repeat(np.arange(len(cases)), cases)
    if not len(line):
        return given
    share = (np.arange(len(line)) - np.repeat(np.cumsum(cases) - cases, cases) + 1) / cases[line]
    ranked = np.lexsort((line, share, -np.round(worth / case[line], 9), pool[line]))
    for at in np.split(ranked, np.flatnonzero(np.diff(pool[line[ranked]])) + 1):
        sizes, left = case[line[at]], available[pool[line[at[0]]]]
        one_size = sizes.min() == sizes.max()
        taken = at[: int(left / sizes[0] + _ROUNDING)] if one_size else at[_that_fit(sizes, left)]
        np.add.at(given, line[taken], case[line[taken]])
    return given


def case_numbers(cases: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every number of cases that each line may get, 0 … `cases`: its line and the number, (Σ (cases + 1),) each."""
    line = np.repeat(np.arange(len(cases)), cases + 1)
    return line, np.arange(len(line)) - np.repeat(np.cumsum(cases + 1) - cases - 1, cases + 1)


def worth_of_cases(cases: NDArray[np.int64], wanted: Wanted) -> FloatArray:
    """What each further case of each line is expected to earn until the next delivery, at least 0, (Σ cases,).

    The fixed cost of a line is left out: it is spent with the first case, whoever gets it. A case that earns nothing
    was asked for to fill the shelf, and comes last.
    """
    upto, number = case_numbers(cases)
    order, economics = number * wanted.limits.case[upto], replace(wanted.economics.of(upto), line=np.zeros(len(upto)))
    earned = expected_contribution(order, wanted.position[upto], wanted.interval.of(upto), economics)
    return np.maximum(np.diff(earned)[number[1:] > 0], 0)


def _that_fit(sizes: FloatArray, left: float) -> list[int]:
    """Positions of the cases that fit, taken one after the other."""
    taken = []
    for place, size in enumerate(sizes):
        if size <= left + _ROUNDING:
            taken.append(place)
            left -= size
    return taken
