"""Tried: every price that a decision has weighed for one item of a store, not only the one that it proposes.

The situation is read again as of the day from the same tables, and goes through the same functions as the day's step,
so what is shown of the proposed price is what the decision says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from aislehub.core.hub import Hub
from aislehub.price.decide import every_rung
from aislehub.price.guardrails import GUARDS, OK
from aislehub.price.ladder import ladder
from aislehub.price.pricing import Policy, priced_lines, situation

__all__ = ["Rung", "Tried", "tried"]


@dataclass(frozen=True)
class Rung:
    """One price.

    Attributes:
        margin: of it without tax over cost, money per unit.
        units: expected to sell.
        money: expected over leaving the price alone; low, high: its 5 % and 95 % quantile.
        guard: guard-rail in its way, empty = none.
    """

    price: float
    margin: float
    units: float
    money: float
    low: float
    high: float
    guard: str


@dataclass(frozen=True)
class Tried:
    """One item of a store at the close of a day.

    Attributes:
        price: that holds.
        cost: of a unit, without tax.
        rungs: the price that holds among them, lowest first.
        horizon: days over which money and units count.
        moves: whether enough is known, and there is something to sell, for its price to be moved at all.
        short_dated: whether its first units expire soon enough to be cleared.
        days_left, expiring: business days on which the first units can still be sold, 0 = no date is known; how many
            they are.
        on_hand, on_order, cover_days: units, and days until the order after the next one arrives.
        competitor, rival: the lowest competitor that is believed, and its price; empty = none.
        source: where the facts came from.
    """

    price: float
    cost: float
    rungs: tuple[Rung, ...]
    horizon: int
    moves: bool
    short_dated: bool
    days_left: int
    expiring: float
    on_hand: float
    on_order: float
    cover_days: float
    competitor: str
    rival: float | None
    source: str


def tried(hub: Hub, store: str, item: str, day: date) -> Tried | None:
    """Lay out the prices of one item of a store; None where its price, stock or elasticity is not known on that day."""
    policy = Policy.load(hub.home)

    def read(name: str) -> Any:
        return hub.tables.read(name, as_of=day)

    state = read("supply_state")
    mine = state.filter((state.store == store) & (state.item == item))
    lines = priced_lines(
        mine, *(read(name) for name in ("price_elasticities", "prices", "items", "stores", "stock_ages")), day=day,
        policy=policy,
    )  # fmt: skip
    if lines.empty:
        return None
    around = ("demand_forecast", "cross_elasticities", "promotions", "competitor_prices")
    lines, found = situation(lines, state, *(read(name) for name in around), day=day, policy=policy)
    steps = ladder(hub.settings.currency, tuple(policy.endings))
    laid = every_rung(found, steps, policy, policy.terms, rungs=policy.rungs, seed=day.toordinal())
    (line,) = lines.to_dict("records")
    order = np.unique(laid.price, return_index=True)[1]
    rungs = tuple(
        Rung(
            float(laid.price[at]), float(laid.price[at] / (1 + line["tax_rate"]) - line["cost"]), float(laid.units[at]),
            float(laid.money[at]), float(laid.low[at]), float(laid.high[at]),
            "" if at == 0 or laid.code[at] == OK else GUARDS[laid.code[at]],
        )
        for at in order
    )  # fmt: skip
    return Tried(
        price=float(line["price"]), cost=float(line["cost"]), rungs=rungs, horizon=int(line["horizon"]),
        moves=bool(line["moves"]), short_dated=bool(line["short_dated"]), days_left=int(line["days_left"]),
        expiring=float(line["expiring"]), on_hand=float(line["on_hand"]), on_order=float(line["on_order"]),
        cover_days=float(line["cover_days"]), competitor=line["competitor"] if line["rival"] > 0 else "",
        rival=float(line["rival"]) if line["rival"] > 0 else None, source=line["state_source"] or "",
    )  # fmt: skip
