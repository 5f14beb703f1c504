"""The truth of a simulated chain: how much shoppers would buy, how they answer to prices, what supply costs.

A `World` is drawn from a family, a file of numbers in `worlds/`, or fitted to a chain's own tables (`calibrate.py`).
Nothing that decides may see it: policies get the tables that a chain would have.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from importlib import resources
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.tables import Tables

__all__ = [
    "DEPARTMENTS",
    "FAMILIES",
    "HOLIDAYS",
    "BoolArray",
    "Department",
    "Family",
    "FloatArray",
    "IntArray",
    "World",
    "substitutes",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

FAMILIES = ("heterogeneous", "none", "drift")
START = date(2024, 1, 1)
PER_CATEGORY = 10  # items, about
PER_REGION = 8  # stores, about
BASKET = 4.0  # units, about
CONVERSION = 0.65  # receipts per visitor
CASES = np.array([1, 2, 3, 4, 6, 8, 12, 24])
KEEPS = 10_000  # days; goods that do not spoil
FRESH = 8  # days within which fresh goods spoil


@dataclass(frozen=True)
class Department:
    """A kind of goods: how many days it may be sold (None = it keeps), and log demand per 10 °C above the usual."""

    name: str
    life: tuple[int, int] | None
    warmth: float


DEPARTMENTS = (  # in the order in which a growing range takes them up
    Department("pantry", None, -0.04),
    Department("dairy", (10, 16), 0.0),
    Department("drinks", None, 0.20),
    Department("produce", (4, 8), 0.08),
    Department("household", None, 0.0),
    Department("bakery", (3, 5), 0.0),
    Department("frozen", None, 0.12),
    Department("meat", (4, 8), 0.0),
    Department("care", None, 0.0),
)

HOLIDAYS = (
    # month, day, name, kind, visitors of the day over usual, demand on the three days before (a category's own differs)
    (1, 1, "New Year's Day", "holiday", 0.45, 0.25),
    (2, 14, "Valentine's Day", "cultural", 1.05, 0.10),
    (5, 1, "Labour Day", "holiday", 0.60, 0.20),
    (10, 1, "National Day", "holiday", 0.80, 0.20),
    (10, 31, "Halloween", "cultural", 1.05, 0.15),
    (12, 25, "Christmas Day", "holiday", 0.40, 0.40),
)


@dataclass(frozen=True)
class Family:
    """The numbers of a file in `worlds/`, whose comments say what each is."""

    name: str
    rate: float
    rate_item_sd: float
    rate_store_sd: float
    rate_own_sd: float
    fresh_rate: float
    dispersion: float
    dispersion_sd: float
    category_shock_sd: float
    store_shock_sd: float
    trend_sd: float
    week: tuple[float, ...]
    week_sd: float
    year_sd: float
    warmth_sd: float
    holiday_sd: float
    rain: float
    elasticity: float
    elasticity_category_sd: float
    elasticity_item_sd: float
    elasticity_store_sd: float
    elasticity_range: tuple[float, float]
    cross: float
    cross_sd: float
    substitutes: int
    switch: float
    competitor: float
    competitor_effect_sd: float
    competitor_level: float
    competitor_level_sd: float
    competitor_move_sd: float
    competitor_promotes: float
    promotion_lift: float
    promotion_lift_sd: float
    display_lift: float
    display_lift_sd: float
    stock_up: float
    stock_up_sd: float
    pantry_days: float
    traffic: float
    promotion_cost: float
    display_cost: float
    price: float
    price_sd: float
    price_store_sd: float
    margin: float
    margin_sd: float
    fresh_margin: float
    lead_days: tuple[int, int]
    fresh_lead_days: int
    late: float
    case_days: float
    order_cost: float
    holding_rate: float
    drift_from: int
    drift_days: int
    drift_elasticity: float
    drift_rate: float
    undercut: float

    @classmethod
    def load(cls, name: str) -> Family:
        """One of the frozen families.

        Raises:
            HubError: `twin.family`.
        """
        if name not in FAMILIES:
            raise HubError("twin.family", family=name, suggestion=did_you_mean(name, FAMILIES))
        text = (resources.files("aislehub.twin") / "worlds" / f"{name}.toml").read_text(encoding="utf-8")
        told = tomllib.loads(text).items()
        numbers: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in told}
        return cls(name=name, **numbers)


@dataclass(frozen=True)
class World:
    """All true parameters. S stores, I items, C categories, R regions; day 0 is `start`.

    Attributes:
        category: (I,) number of each item's category; categories, departments: names, C each; `region`: (S,).
        rate: (S, I) units on a usual day at the regular price.
        dispersion: (I,) gamma shape of a day's demand.
        trend: (I,) log growth a year.
        week: (C, 7) log factors, Monday first, beyond those of the visitors.
        year: (C, 2) amplitude of the log season and the day of the year at which it is highest.
        warmth: (C,) log demand per 10 °C above the usual; `holiday`: (C,) factor on the demand before holidays.
        visitors: (S,) on a usual day.
        elasticity: (S, I) own-price elasticity on day 0.
        cross: (I, I) elasticity of the row's demand to the column's price; sparse, ≥ 0, within categories.
        switch: (I, I) share of the row's unserved shoppers who take the column instead; rows sum to at most 1.
        competitor: (I,) elasticity to the competitor's price; `competitor_level`: (I,) its usual price over ours.
        promotion_lift, display_lift: (I,) factors of leaflet and second placement at an unchanged price.
        stock_up: (I,) share of the additional units that later days miss.
        regular_price, cost: (S, I) money per unit.
        life: (I,) days a unit may be sold; `case`: (I,) units; `lead_days`: (S, I) from order to shelf.
    """

    family: Family
    seed: int
    start: date
    stores: tuple[str, ...]
    items: tuple[str, ...]
    categories: tuple[str, ...]
    departments: tuple[str, ...]
    category: IntArray
    region: IntArray
    rate: FloatArray
    dispersion: FloatArray
    trend: FloatArray
    week: FloatArray
    year: FloatArray
    warmth: FloatArray
    holiday: FloatArray
    visitors: FloatArray
    elasticity: FloatArray
    cross: scipy.sparse.csr_array
    switch: scipy.sparse.csr_array
    competitor: FloatArray
    competitor_level: FloatArray
    promotion_lift: FloatArray
    display_lift: FloatArray
    stock_up: FloatArray
    regular_price: FloatArray
    cost: FloatArray
    life: IntArray
    case: FloatArray
    lead_days: IntArray

    @classmethod
    def make(cls, family: str, *, stores: int, items: int, seed: int, start: date = START) -> World:
        """Draw a chain from a family.

        Raises:
            HubError: `twin.family`, `twin.size`.
        """
        for what, count in (("stores", stores), ("items", items)):
            if count < 1:
                raise HubError("twin.size", what=what, value=count, limit=1)
        return _drawn(Family.load(family), stores, items, seed, start)

    @classmethod
    def calibrated(cls, tables: Tables, *, stores: int, items: int, seed: int, days: int = 364) -> World:
        """A chain like the one whose tables these are: see `calibrate.py` for what is fitted and what is assumed.

        Raises:
            HubError: `twin.no_sales`.
        """
        from aislehub.twin.calibrate import fitted  # here, for fitting builds on this class
        from aislehub.twin.observed import observe

        return fitted(observe(tables, stores=stores, items=items, days=days), seed=seed)

    @property
    def shape(self) -> tuple[int, int]:
        """Stores, items."""
        return len(self.stores), len(self.items)

    @cached_property
    def log_regular(self) -> FloatArray:
        """Log regular prices, (S, I)."""
        return np.log(self.regular_price)

    @cached_property
    def log_usual_price(self) -> FloatArray:
        """Mean log regular price over the stores, (I,)."""
        return np.asarray(self.log_regular.mean(axis=0))

    @cached_property
    def log_rate(self) -> FloatArray:
        """Log usual demand, (S, I)."""
        return np.log(self.rate)

    @cached_property
    def log_lifts(self) -> FloatArray:
        """Log lifts of leaflet and display, (2, I)."""
        return np.log(np.stack([self.promotion_lift, self.display_lift]))

    @cached_property
    def item_elasticity(self) -> FloatArray:
        """Mean own elasticity of each item over the stores on day 0, (I,)."""
        return self.elasticity.mean(axis=0)

    @cached_property
    def usual_share(self) -> FloatArray:
        """Share of each item in the usual units of its store, (S, I)."""
        return np.asarray(self.rate / self.rate.sum(axis=1, keepdims=True))

    def drifted(self, day: int) -> float:
        """How far the truth has drifted on a day, 0 to 1."""
        if not self.family.drift_days:
            return 0.0
        return float(np.clip((day - self.family.drift_from) / self.family.drift_days, 0, 1))

    def elasticity_on(self, day: int) -> FloatArray:
        """True own elasticity on a day, (S, I)."""
        share = self.drifted(day) * self.family.drift_elasticity
        return self.elasticity + share * self._mirror[0] if share else self.elasticity

    def log_rate_on(self, day: int) -> FloatArray:
        """Log usual demand on a day, (S, I), without trend and seasons."""
        share = self.drifted(day) * self.family.drift_rate
        return self.log_rate + share * self._mirror[1] if share else self.log_rate

    @cached_property
    def _mirror(self) -> tuple[FloatArray, FloatArray]:
        """What leads each elasticity and log rate to its mirror image among the items of its category, (S, I) each."""
        moves = []
        for values in (self.elasticity, self.log_rate):
            sums = np.stack([np.bincount(self.category, row) for row in values])
            moves.append(2 * ((sums / np.bincount(self.category))[:, self.category] - values))
        return moves[0], moves[1]


def _drawn(family: Family, stores: int, items: int, seed: int, start: date) -> World:
    """Every parameter from one stream, in one order."""
    rng = np.random.default_rng([seed, 0x7717])
    categories = max(1, round(items / PER_CATEGORY))
    regions = max(1, round(stores / PER_REGION))
    category = np.sort(np.arange(items) % categories)
    department = np.arange(categories) % len(DEPARTMENTS)

    def normal(sd: float, *shape: int) -> Any:
        return sd * rng.standard_normal(shape)

    life = _lives(rng, department[category])
    fresh = life <= FRESH
    rate = family.rate * np.where(fresh, family.fresh_rate, 1.0)
    rate = rate * np.exp(
        normal(family.rate_item_sd, items)
        + normal(family.rate_store_sd, stores, 1)
        + normal(family.rate_own_sd, stores, items)
    )
    own = family.elasticity + normal(family.elasticity_category_sd, categories)[category]
    own = own + normal(family.elasticity_item_sd, items) + normal(family.elasticity_store_sd, stores, items)
    elasticity = np.clip(own, *family.elasticity_range)
    price = np.exp(normal(family.price_sd, items)) * family.price
    regular = np.round(price * np.exp(normal(family.price_store_sd, stores, 1)), 2).clip(0.1)
    margin = (
        family.margin
        + family.fresh_margin * fresh
        + normal(family.margin_sd, categories)[category]
        + normal(family.margin_sd, items) / 2
    )
    cross, switch = substitutes(family, rng, category, elasticity.mean(axis=0))
    lasting = rate.mean(axis=0) * np.minimum(family.case_days, life / 3)
    lead = np.repeat(rng.integers(family.lead_days[0], family.lead_days[1] + 1, (stores, 1)), items, axis=1)
    warmth = np.array([DEPARTMENTS[number].warmth for number in department])
    return World(
        family=family,
        seed=seed,
        start=start,
        stores=tuple(f"s{number:03d}" for number in range(1, stores + 1)),
        items=tuple(f"i{number:05d}" for number in range(1, items + 1)),
        categories=tuple(f"{DEPARTMENTS[kind].name} {number}" for number, kind in enumerate(department)),
        departments=tuple(DEPARTMENTS[kind].name for kind in department),
        category=category,
        region=np.sort(np.arange(stores) % regions),
        rate=rate,
        dispersion=family.dispersion * np.exp(normal(family.dispersion_sd, items)),
        trend=normal(family.trend_sd, items),
        week=normal(family.week_sd, categories, 7),
        year=np.column_stack([np.abs(normal(family.year_sd, categories)), rng.uniform(0, 365, categories)]),
        warmth=warmth + normal(family.warmth_sd, categories),
        holiday=np.exp(normal(family.holiday_sd, categories)),
        visitors=rate.sum(axis=1) / BASKET / CONVERSION,
        elasticity=elasticity,
        cross=cross,
        switch=switch,
        competitor=np.clip(family.competitor + normal(family.competitor_effect_sd, items), 0, None),
        competitor_level=family.competitor_level * np.exp(normal(family.competitor_level_sd, items)),
        promotion_lift=np.exp(np.clip(family.promotion_lift + normal(family.promotion_lift_sd, items), 0, None)),
        display_lift=np.exp(np.clip(family.display_lift + normal(family.display_lift_sd, items), 0, None)),
        stock_up=np.where(life < family.pantry_days, 0.0, family.stock_up * np.exp(normal(family.stock_up_sd, items))),
        regular_price=regular,
        cost=np.repeat((price * (1 - np.clip(margin, 0.08, 0.6)))[None, :], stores, axis=0),
        life=life,
        case=CASES[np.maximum(np.searchsorted(CASES, lasting, side="right") - 1, 0)].astype(float),
        lead_days=np.where(fresh, family.fresh_lead_days, lead),
    )


def substitutes(
    family: Family, rng: np.random.Generator, category: IntArray, elasticity: FloatArray
) -> tuple[scipy.sparse.csr_array, scipy.sparse.csr_array]:
    """Cross elasticities and switching shares to a few items of the same category."""
    rows, columns = [], []
    for number in range(category.max() + 1):
        members = np.flatnonzero(category == number)
        for place, item in enumerate(members):
            others = np.delete(members, place)
            chosen = rng.permutation(others)[: family.substitutes]
            rows += [item] * len(chosen)
            columns += chosen.tolist()
    row, column = np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64)
    weight = np.exp(family.cross_sd * rng.standard_normal(len(row)))
    share = weight / np.bincount(row, weight, len(category))[row]
    shape = (len(category), len(category))
    cross = scipy.sparse.csr_array((family.cross * -elasticity[row] * share, (row, column)), shape=shape)
    return cross, scipy.sparse.csr_array((family.switch * share, (row, column)), shape=shape)


def _lives(rng: np.random.Generator, department: IntArray) -> IntArray:
    """Days that each item may be sold."""
    drawn = rng.random(len(department))
    spans = [DEPARTMENTS[number].life or (KEEPS, KEEPS) for number in department]
    first, last = np.array(spans).T
    return np.asarray(first + np.floor(drawn * (last - first + 1)), dtype=np.int64)
