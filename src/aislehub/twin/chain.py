"""The simulated chain as it stands on a morning, and what one day makes of it.

A day: what was ordered arrives, shoppers come and buy or do not find, some take a substitute, the oldest units go
first, what may not be sold tomorrow is thrown away, and this morning's orders leave for the supplier.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np

from aislehub.core.errors import HubError
from aislehub.twin.demand import (
    Draws,
    Shelf,
    expected,
    poisson_quantile,
    season,
    temperature_usual,
    visitors,
)
from aislehub.twin.world import KEEPS, BoolArray, FloatArray, IntArray, World

__all__ = ["Actions", "Chain", "Delivery", "Outcome"]

MOST_DRAINED = 0.6
"""Share of a day's demand that stocks at shoppers' homes replace at most."""
COMPETITOR_RETURNS = 0.98
COMPETITOR_CUT = 0.20
HEAT_STAYS = 0.75
HEAT_SD = 3.0
DRY_SHARE = 0.65
RAIN_MM = 6.0
FIRST_DAYS = 8.0
"""Days of usual demand in the stores on the first morning."""


@dataclass(frozen=True)
class Actions:
    """What is decided for one day; all (S, I), None = the regular price, no promotion, no order.

    Attributes:
        price: shelf price, money per unit.
        promoted: in the leaflet; displayed: on a second placement.
        order: units ordered this morning, raised to whole cases.
    """

    price: FloatArray | None = None
    promoted: BoolArray | None = None
    displayed: BoolArray | None = None
    order: FloatArray | None = None


@dataclass(frozen=True)
class Delivery:
    """Goods ordered on one day that arrived today: cell numbers (row-major in (S, I)) and units, (n,) each."""

    ordered: date
    cells: IntArray
    units: FloatArray


@dataclass(frozen=True)
class Outcome:
    """What one day brought; (S, I) unless said otherwise. `sold = demand - lost + moved`.

    Attributes:
        demand: units that shoppers came for; lost: those they did not find; moved: taken instead of other items.
        price, promoted, displayed: as acted; ordered: units ordered this morning, in whole cases.
        received: at opening; spoiled, stock, on_order: at close.
        footfall: people who came, (S,).
        profit: money of the day, (S,): revenue less the cost of what was sold and spoiled, of holding stock, of order
            lines, of leaflet and display; `revenue`, `waste`: parts of it, (S,).
        competitor: its prices, (I,); temperature, rain_mm, temperature_tomorrow (as one may forecast it): (R,).
        deliveries: what arrived, by the day it was ordered.
    """

    day: date
    price: FloatArray
    promoted: BoolArray
    displayed: BoolArray
    demand: FloatArray
    sold: FloatArray
    lost: FloatArray
    moved: FloatArray
    ordered: FloatArray
    received: FloatArray
    spoiled: FloatArray
    stock: FloatArray
    on_order: FloatArray
    footfall: FloatArray
    profit: FloatArray
    revenue: FloatArray
    waste: FloatArray
    competitor: FloatArray
    temperature: FloatArray
    temperature_tomorrow: FloatArray
    rain_mm: FloatArray
    deliveries: tuple[Delivery, ...]


@dataclass
class Chain:
    """A world's stores on a morning. Two chains of one world and seed under two policies share all chance.

    Attributes:
        day: number of the coming day, 0 = `world.start`.
        fresh: units of goods that spoil, by the day's number modulo the longest life on which they are sold last,
            (A, S, P), P = items that spoil; lasting: units of all other items, (S, I), 0 for those that spoil.
        pantry: units at shoppers' homes that later days will miss, (S, I).
        heat: °C above the usual, (R,); competitor_move: log distance of its prices from their usual level, (I,).
    """

    world: World
    seed: int
    day: int = 0
    fresh: FloatArray = field(init=False)
    lasting: FloatArray = field(init=False)
    on_order: FloatArray = field(init=False)
    pantry: FloatArray = field(init=False)
    heat: FloatArray = field(init=False)
    competitor_move: FloatArray = field(init=False)
    competitor_promotes: BoolArray = field(init=False)
    _under_way: dict[int, list[Delivery]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        world = self.world
        self._spoiling = np.flatnonzero(world.life < KEEPS)
        ages = int(world.life[self._spoiling].max(initial=1))
        self.fresh = np.zeros((ages, len(world.stores), len(self._spoiling)))
        self.lasting = np.zeros(world.shape)
        self.on_order, self.pantry = np.zeros(world.shape), np.zeros(world.shape)
        self.heat = np.zeros(int(world.region.max()) + 1)
        self.competitor_move = np.zeros(len(world.items))
        self.competitor_promotes = np.zeros(len(world.items), dtype=bool)
        first = np.ceil(world.rate * np.minimum(FIRST_DAYS, world.life))
        self._put(np.ceil(first / world.case) * world.case)

    def fork(self) -> Chain:
        """The same morning once more, to live on under another policy."""
        other = copy.copy(self)
        for name in ("fresh", "lasting", "on_order", "pantry", "heat", "competitor_move", "competitor_promotes"):
            setattr(other, name, getattr(self, name).copy())
        other._under_way = {due: list(goods) for due, goods in self._under_way.items()}
        return other

    @property
    def today(self) -> date:
        """The coming day."""
        return self.world.start + timedelta(days=self.day)

    @property
    def on_hand(self) -> FloatArray:
        """Units in the stores, (S, I)."""
        stock = self.lasting.copy()
        stock[:, self._spoiling] = self.fresh.sum(axis=0)
        return stock

    def advance(self, actions: Actions | None = None) -> Outcome:
        """Live one day.

        Raises:
            HubError: `twin.action_shape`, `twin.action_value`.
        """
        world, draws = self.world, Draws.of(self.world, self.seed, self.day)
        price, promoted, displayed, order = _checked(world, actions or Actions())
        rain = self._weather(draws)
        competitor = self._competitor(draws, price)
        received, deliveries = self._receive()

        in_leaflet = (world.usual_share * promoted).sum(axis=1)
        people = visitors(world, self.day, draws, rain, in_leaflet)
        items = season(world, self.day) + world.family.category_shock_sd * draws.fashion[world.category]
        weather = self.heat[world.region, None] / 10 * world.warmth[world.category]
        shelf = Shelf(price, promoted, displayed, competitor)
        wanted, usual = expected(world, self.day, shelf, items + weather, people / world.visitors)
        drained = np.minimum(self.pantry / world.family.pantry_days, MOST_DRAINED * usual)
        wanted = wanted * (1 - drained / usual)
        demand = poisson_quantile(wanted * draws.scatter, draws.buying)

        stock = self.on_hand
        served = np.minimum(demand, stock)
        lost = demand - served
        seeking = np.floor((world.switch.T @ lost.T).T + draws.switching)
        moved = np.minimum(seeking, stock - served)
        sold = served + moved
        stocked_up = world.stock_up * sold * np.clip(1 - usual / np.maximum(wanted, 1e-12), 0, 1)
        self.pantry += stocked_up - drained
        spoiled = self._take(sold)
        ordered = self._order(order, draws)

        closing = self.on_hand
        revenue, waste = (price * sold).sum(axis=1), (world.cost * spoiled).sum(axis=1)
        profit = revenue - waste - (world.cost * (sold + world.family.holding_rate / 365 * closing)).sum(axis=1)
        profit = profit - world.family.order_cost * (ordered > 0).sum(axis=1)
        profit = profit - world.family.promotion_cost * promoted.sum(axis=1)
        profit = profit - world.family.display_cost * displayed.sum(axis=1)
        today = self.today
        self.day += 1
        return Outcome(
            day=today, price=price, promoted=promoted, displayed=displayed, demand=demand, sold=sold, lost=lost,
            moved=moved, ordered=ordered, received=received, spoiled=spoiled, stock=closing,
            on_order=self.on_order.copy(), footfall=people, profit=profit, revenue=revenue, waste=waste,
            competitor=competitor, temperature=temperature_usual(today) + self.heat,
            temperature_tomorrow=temperature_usual(self.today) + HEAT_STAYS * self.heat, rain_mm=rain,
            deliveries=deliveries,
        )  # fmt: skip

    def _weather(self, draws: Draws) -> FloatArray:
        """Move the temperature on; rain of the day in mm, (R,)."""
        self.heat = HEAT_STAYS * self.heat + np.sqrt(1 - HEAT_STAYS**2) * HEAT_SD * draws.heat
        wet = np.maximum(draws.rain - DRY_SHARE, 0) / (1 - DRY_SHARE)
        return np.asarray(-RAIN_MM * np.log1p(-np.minimum(wet, 0.999)))

    def _competitor(self, draws: Draws, price: FloatArray) -> FloatArray:
        """The competitor's prices, (I,): a walk around its level, promotions by the week; in a drift, undercutting."""
        world, family = self.world, self.world.family
        self.competitor_move = COMPETITOR_RETURNS * self.competitor_move + family.competitor_move_sd * draws.competitor
        if self.day == 0 or self.today.weekday() == 0:
            self.competitor_promotes = draws.competitor_promotes < family.competitor_promotes
        usual = np.exp(world.log_usual_price + self.competitor_move) * world.competitor_level
        asked = usual * np.where(self.competitor_promotes, 1 - COMPETITOR_CUT, 1.0)
        aim = np.minimum(asked, price.mean(axis=0) * (1 - family.undercut))
        drifted = world.drifted(self.day) if family.undercut else 0.0
        return np.asarray(asked + drifted * (aim - asked))

    def _receive(self) -> tuple[FloatArray, tuple[Delivery, ...]]:
        """Put what arrives today on the shelves."""
        received = np.zeros(self.world.shape)
        goods = tuple(self._under_way.pop(self.day, ()))
        for delivery in goods:
            received.flat[delivery.cells] += delivery.units
        self.on_order -= received
        self._put(received)
        return received, goods

    def _put(self, units: FloatArray) -> None:
        """Add units that can be sold from today on."""
        spoiling = self._spoiling
        self.lasting += np.where(self.world.life < KEEPS, 0.0, units)
        last = (self.day + self.world.life[spoiling] - 1) % len(self.fresh)
        self.fresh[last, :, np.arange(len(spoiling))] += units[:, spoiling].T

    def _take(self, sold: FloatArray) -> FloatArray:
        """Sell the oldest units first and throw away those whose last day it was, (S, I)."""
        spoiling, ages = self._spoiling, len(self.fresh)
        self.lasting -= np.where(self.world.life < KEEPS, 0.0, sold)
        oldest_first = (self.day + np.arange(ages)) % ages
        upto = self.fresh[oldest_first].cumsum(axis=0)
        left = np.maximum(upto - sold[:, spoiling], 0)
        self.fresh[oldest_first] = np.diff(left, axis=0, prepend=0)
        spoiled = np.zeros(self.world.shape)
        spoiled[:, spoiling] = self.fresh[oldest_first[0]]
        self.fresh[oldest_first[0]] = 0
        return spoiled

    def _order(self, order: FloatArray, draws: Draws) -> FloatArray:
        """Send orders, in whole cases, on their way; a delivery may be late."""
        world = self.world
        units = np.ceil(order / world.case - 1e-9) * world.case
        cells = np.flatnonzero(units)
        late = draws.late.flat[cells] / world.family.late
        lead = world.lead_days.flat[cells] + np.where(late < 0.25, 3, np.where(late < 1, 1, 0))
        for days in np.unique(lead):
            mine = cells[lead == days]
            goods = Delivery(self.today, mine, units.flat[mine])
            self._under_way.setdefault(self.day + int(days), []).append(goods)
        self.on_order += units
        return units


def _checked(world: World, actions: Actions) -> tuple[FloatArray, BoolArray, BoolArray, FloatArray]:
    """The actions as full arrays; nothing impossible among them."""
    nothing = np.zeros(world.shape, dtype=bool)
    given: dict[str, Any] = {
        "price": world.regular_price if actions.price is None else actions.price,
        "promoted": nothing if actions.promoted is None else actions.promoted,
        "displayed": nothing if actions.displayed is None else actions.displayed,
        "order": np.zeros(world.shape) if actions.order is None else actions.order,
    }
    for name, values in given.items():
        if np.shape(values) != world.shape:
            raise HubError("twin.action_shape", action=name, value=np.shape(values), limit=world.shape)
    for name, least in (("price", 0.01), ("order", 0.0)):
        low = np.min(given[name])
        if not (np.isfinite(given[name]).all() and low >= least):
            raise HubError("twin.action_value", action=name, value=low, limit=least)
    price, order = (np.asarray(given[name], dtype=np.float64) for name in ("price", "order"))
    return price, np.asarray(given["promoted"], dtype=bool), np.asarray(given["displayed"], dtype=bool), order
