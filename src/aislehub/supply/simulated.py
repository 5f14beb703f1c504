"""Plausible terms of supply, costs, stock and weights for chains whose data have none; always marked `simulated`.

Terms follow the kind of goods: fresh bread comes daily and lasts three days, cosmetics come weekly and keep.
Each draw is a hash of the seed and the item (or store and department), so the same item has the same terms
tomorrow, in any order of rows, on any machine. Stock is what a weeks-of-cover rule, replayed over the real
sales since a fixed day, would have left at the close of the day: a snapshot with real shortages in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aislehub.supply.base_stock import FloatArray
from aislehub.supply.replay import Supply, replay

__all__ = ["SOURCE", "draw", "simulated_cost", "simulated_stock", "simulated_terms", "simulated_weights"]

SOURCE = "simulated"
WEEKS_OF_COVER = 2.0
FIRST_DAYS = 28  # of the replay, whose mean sales start the rule
CASE_PACKS = np.array([1, 2, 3, 4, 6, 8, 12, 24])
CASE_DAYS = 28  # a case is chosen to last at most so long
KEEPS = 60  # days; what lasts longer does not spoil in a replay of some weeks


@dataclass(frozen=True)
class Goods:
    """Terms of one kind of goods; the first whose words occur in department or category holds."""

    words: tuple[str, ...]
    lead_days: tuple[int, int]
    weekly: float  # share of items ordered once a week; the others daily
    shelf_life_days: int
    margin: float
    weight_kg: float  # of a unit, with its share of the crate
    volume_l: float
    temperature: str = "ambient"


KINDS = (
    Goods(("PASTRY", "BAKERY", "BREAD", "面包", "烘焙"), (1, 1), 0.0, 3, 0.45, 0.5, 3.0),
    Goods(("SALAD", "DELI", "熟食"), (1, 2), 0.0, 4, 0.40, 0.5, 1.0, "chilled"),
    Goods(("PRODUCE", "FRUIT", "VEGETABLE", "FLORAL", "蔬菜", "水果", "鲜花"), (1, 2), 0.0, 5, 0.35, 1.0, 2.5),
    Goods(("SEAFOOD", "MEAT", "FISH", "肉", "水产"), (1, 2), 0.1, 6, 0.30, 0.8, 1.2, "chilled"),
    Goods(("MILK", "DAIRY", "YOGURT", "CHEESE", "EGGS", "乳", "奶", "蛋"), (1, 2), 0.2, 14, 0.25, 1.0, 1.3, "chilled"),
    Goods(("FROZEN", "FRZN", "ICE CREAM", "冷冻", "速冻"), (2, 4), 0.6, 180, 0.30, 0.7, 1.5, "frozen"),
    Goods(("DRUG", "COSMETIC", "NUTRITION", "GARDEN", "TOY", "日化", "化妆"), (4, 7), 1.0, 730, 0.38, 0.3, 0.8),
    Goods((), (2, 5), 0.6, 365, 0.27, 0.6, 1.0),
)


def simulated_terms(rows: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Columns of the contract `lead_times` for each row.

    Args:
        rows: columns store, item, department, category, rate (units a day in the long run).
        seed: of every draw.
    """
    kind = _kinds(rows)
    item, supplier = draw(rows["item"], seed), draw(rows["store"] + "/" + rows["department"].fillna(""), seed)
    first, last = (np.array([goods.lead_days[end] for goods in KINDS])[kind] for end in (0, 1))
    weekday = (1 + np.floor(supplier * 6)).astype(int)  # Monday to Saturday
    weekly = draw(rows["item"], seed + 1) < np.array([goods.weekly for goods in KINDS])[kind]
    life = np.array([goods.shelf_life_days for goods in KINDS], dtype=float)[kind]
    lasting = rows["rate"].to_numpy(float) * np.minimum(life, CASE_DAYS) * (0.5 + item / 2)
    case = CASE_PACKS[np.maximum(np.searchsorted(CASE_PACKS, lasting, side="right") - 1, 0)]
    return pd.DataFrame(
        {
            "supplier": SOURCE + " " + rows["department"].fillna("").to_numpy(),
            "lead_days": np.floor(first + supplier * (last - first + 1)).astype(float),
            "lead_days_sd": np.where(last > 2, 0.5, 0.0),
            "order_weekdays": np.where(weekly, weekday.astype(str), "1234567"),
            "delivery_weekdays": "1234567",
            "case_pack": case.astype(float),
            "moq": 0.0,
            "shelf_life_days": life,
            "shelf_capacity": np.ceil(np.maximum(6 * case, 42 * rows["rate"].to_numpy())),
            "presentation_stock": 1.0,  # an item in the range is never left out on purpose
            "order_cost": 0.0,
        },
        index=rows.index,
    )


def simulated_cost(rows: pd.DataFrame, *, seed: int) -> FloatArray:
    """Purchase cost per unit: price × (1 − margin of the kind of goods ± 5 points), (n,)."""
    margin = np.array([goods.margin for goods in KINDS])[_kinds(rows)]
    return rows["price"].to_numpy(float) * (1 - margin + 0.1 * (draw(rows["item"], seed + 2) - 0.5))


def simulated_weights(rows: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Columns weight_kg, volume_l and temperature of a unit: those of the kind of goods, weight and volume ± a half.

    Args:
        rows: columns item, department, category.
    """
    kind = _kinds(rows)
    size = 0.5 + draw(rows["item"], seed + 3)
    return pd.DataFrame(
        {
            "weight_kg": size * np.array([goods.weight_kg for goods in KINDS])[kind],
            "volume_l": size * np.array([goods.volume_l for goods in KINDS])[kind],
            "temperature": np.array([goods.temperature for goods in KINDS], dtype=object)[kind],
        },
        index=rows.index,
    )


def simulated_stock(
    sales: FloatArray, terms: pd.DataFrame, *, last_day: date, since: int
) -> tuple[FloatArray, FloatArray]:
    """Units on hand at the close of `last_day` and units on order, (n,) each.

    Args:
        sales: units sold a day, (n, T), the last column being `last_day`.
        terms: columns lead_days, order_weekdays (one weekday or all), case_pack, shelf_life_days,
            presentation_stock.
        last_day: day of the snapshot.
        since: column at which the replay starts; the days before it give the first mean.
    """
    weekly = terms["order_weekdays"].str.len().to_numpy() == 1
    first_weekday = (last_day.isoweekday() - sales.shape[1]) % 7  # ISO weekday of column 0, less 1
    ordered_on = terms["order_weekdays"].str[0].astype(int).to_numpy() - 1
    life = terms["shelf_life_days"].to_numpy(float)
    supply = Supply(
        lead=np.ceil(terms["lead_days"].to_numpy(float)).astype(np.int64),
        review=np.where(weekly, 7, 1),
        first=(ordered_on - first_weekday) % 7,
        case=terms["case_pack"].to_numpy(),
        life=np.where(life <= KEEPS, life, np.inf),
    )
    total = np.concatenate([np.zeros((len(sales), 1)), np.cumsum(sales, axis=1)], axis=1)

    def weeks_of_cover(day: int, past: FloatArray, due: NDArray[np.int64]) -> FloatArray:
        days = min(FIRST_DAYS, day)
        mean = (total[due, day] - total[due, day - days]) / max(days, 1)
        covered = np.minimum(WEEKS_OF_COVER * 7, supply.lead[due] + supply.life[due]) * mean
        return np.maximum(np.ceil(covered), terms["presentation_stock"].to_numpy()[due])

    outcome = replay(sales, supply, weeks_of_cover, start=since)
    return outcome.stock[:, -1], outcome.on_order


def _kinds(rows: pd.DataFrame) -> NDArray[np.int64]:
    """Index into `KINDS` of each row."""
    words = rows["department"].fillna("") + " " + rows["category"].fillna("")
    codes, distinct = pd.factorize(words.str.upper())
    return np.array([_kind(text) for text in distinct], dtype=np.int64)[codes]


def _kind(text: str) -> int:
    named = (k for k, goods in enumerate(KINDS) if any(word in text for word in goods.words))
    return next(named, len(KINDS) - 1)


def draw(keys: pd.Series, seed: int) -> FloatArray:
    """A number in [0, 1) for each key: a hash, the same on every machine."""
    hashed = pd.util.hash_array(keys.to_numpy(object), hash_key=f"{seed:016d}"[-16:])
    return (hashed >> np.uint64(11)).astype(float) / 2.0**53
