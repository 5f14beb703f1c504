"""Guard-rails of promotions: which discounts of a line may be planned at all.

A discount has to leave a margin over cost, a line rests between two promotions, and a reduction is announced beside the
former price that the law asks for (`aislehub.law`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd

from aislehub.law import NewPrice, PriceHistory, check, packs_of, prior_price
from aislehub.price.asked import EVIDENCE_DAYS, asked_prices
from aislehub.price.belief import BoolArray, FloatArray
from aislehub.price.promotion_history import promoted_lines

__all__ = ["allowed_arms", "allowed_depths"]


def allowed_arms(
    frame: pd.DataFrame, depths: FloatArray, prices: Any, promotions: Any, sales_lines: Any, day: date, starts: date, *,
    least_margin: float, rest: timedelta, law: Sequence[str],
) -> tuple[BoolArray, np.ndarray]:  # fmt: skip
    """Which arms pass the guard-rails, (n, A), and the guard-rail that stopped the deepest one, by name, (n,).

    Args:
        frame: the lines: `store, item, country, shelf, cost, tax_rate`.
        depths: of the arms, the first 0, (A,).
        starts: first day of the week.
        least_margin: that a discounted price leaves over cost, as a share of it without tax.
        rest: between two promotions of a line.
        law: packs of law that hold; empty = those of the line's country.
    """
    shelf, cost, tax = (frame[name].to_numpy(float) for name in ("shelf", "cost", "tax_rate"))
    above_cost = allowed_depths(shelf, cost, tax, depths, least_margin)
    busy = promoted_lines(promotions, starts - rest, starts + timedelta(days=6) + rest)
    pairs = pd.MultiIndex.from_frame(frame[["store", "item"]])
    rested = ~pairs.isin(pd.MultiIndex.from_frame(busy[["store", "item"]]))
    asked = above_cost & rested[:, None] & (depths > 0)
    lawful = _lawful(frame, depths, asked, prices, sales_lines, day, starts, law)
    allowed = np.where(depths > 0, asked & lawful, True)
    stops = [~rested, ~lawful[:, 1:].all(axis=1), ~above_cost[:, 1:].all(axis=1)]
    return allowed, np.select(stops, ["rest", "law", "unit_cost"], "none")


def allowed_depths(
    shelf: FloatArray, cost: FloatArray, tax: FloatArray, depths: FloatArray, margin: float
) -> BoolArray:
    """Which discounts leave a price, rounded to the cent, with at least this margin over cost, (n, A).

    Anything that is not a finite number fails; no promotion is always allowed.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        price = np.round(shelf[:, None] * (1 - depths), 2)
        net = price / (1 + tax[:, None])
        enough = (net * (1 - margin) >= cost[:, None]) & (cost[:, None] >= 0) & (price > 0)
    sound = np.isfinite(shelf) & np.isfinite(cost) & np.isfinite(tax) & (tax >= 0)
    return np.where(depths > 0, enough & sound[:, None] & (depths < 1), True)


def _lawful(
    frame: pd.DataFrame, depths: FloatArray, asked: BoolArray, prices: Any, sales_lines: Any, day: date, starts: date,
    law: Sequence[str],
) -> BoolArray:  # fmt: skip
    """Whether each discount may be announced, (n, A): it has to be one beside the former price the law asks for.

    Args:
        asked: discounts of which it has to be known, (n, A); the others count as lawful.
    """
    lawful = np.ones((len(frame), len(depths)), dtype=bool)
    at = np.flatnonzero(asked.any(axis=1))
    lines = frame.iloc[at]
    histories = _histories(lines, prices, sales_lines, day)
    for number, row, history in zip(at, lines.itertuples(), histories, strict=True):
        packs = packs_of(row.country if isinstance(row.country, str) else None, law)
        prior = prior_price(history, starts, packs)
        for arm in np.flatnonzero(asked[number]):
            price = NewPrice(round(row.shelf * (1 - depths[arm]), 2), starts, float(prior))
            lawful[number, arm] = not check("price", price, history, packs)
    return lawful


def _histories(frame: pd.DataFrame, prices: Any, sales_lines: Any, day: date) -> list[PriceHistory]:
    """What each line cost of late: by the lists, and by receipts, which stand in where no list says it."""
    first = ibis.literal(day - timedelta(days=EVIDENCE_DAYS))
    sold = sales_lines.filter(sales_lines.day >= first, sales_lines.quantity > 0, sales_lines.amount > 0)
    sold = sold.semi_join(ibis.memtable(frame[["store", "item"]]), ["store", "item"])
    daily = sold.group_by(["store", "item", "day"]).aggregate(paid=(sold.amount / sold.quantity).min())
    shelf = asked_prices(frame, prices, day)
    till: dict[tuple[str, str], list[tuple[date, float]]] = {}
    for row in daily.order_by(["store", "item", "day"]).to_pyarrow().to_pylist():
        till.setdefault((row["store"], row["item"]), []).append((row["day"], row["paid"]))
    found = []
    for store, item in frame[["store", "item"]].itertuples(index=False, name=None):
        receipts = till.get((store, item), [])
        asked = shelf.get((store, item)) or [(one, one, price) for one, price in receipts]
        found.append(PriceHistory(asked, receipts, today=day))
    return found
