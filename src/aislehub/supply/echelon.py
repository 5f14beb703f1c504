"""How much stock a warehouse and its stores need together: base-stock levels of two echelons.

A store's echelon is the store; the warehouse's echelon is the warehouse and all it serves. Holding costs are echelon
costs: what a unit costs more for having come one stage further. Clark and Scarf cut a chain of stages into one
newsvendor problem a stage: the store's own, then the warehouse's, which pays for what it fails to bring to the store.
With D1 and D2 the demands over the two lead times, h1 and h2 the echelon holding costs and p the cost of a unit wanted
and not there, all per period, the store wants

    S1 = the smallest y with P(D1 ≤ y) ≥ (p + h2) / (p + h1 + h2)

and the warehouse's echelon S2, the smallest y at which one more unit no longer pays:

    h2 + E[ (h1 − (p + h1 + h2) · P(D1 > y − D2)) · 1(y − D2 < S1) ] ≥ 0

Shang and Song's newsvendor bounds enclose S2, for any number of stages, and their mean is a close guess.

Several stores are one store to this, on the assumption that stock is shared out so that all are equally likely to run
out (Eppen and Schrage): their means add up; of the days that the warehouse waits their variances do, since the stock
is still in one place; of the days that the stores wait their standard deviations do, since each needs its own safety
stock.

Sources: Clark & Scarf (1960), https://doi.org/10.1287/mnsc.6.4.475; Shang & Song (2003),
https://doi.org/10.1287/mnsc.49.5.618.15149; Eppen & Schrage (1981), in *Multi-Level Production/Inventory Control
Systems*; Snyder & Shen, *Fundamentals of Supply Chain Theory*, 2nd ed. (2019), ch. 6.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aislehub.supply.base_stock import FloatArray, covered, critical_ratio, demand_quantile

__all__ = ["Demand", "echelon_levels", "newsvendor_bounds", "pool_in_stores", "pool_in_warehouse"]

# Quantiles at which the warehouse's demand is looked at, close together where it is very low or very high, and what
# each stands for.
_NODES = np.sin(np.pi / 2 * (np.arange(128) + 0.5) / 128) ** 2
_WEIGHTS = np.diff(np.sin(np.pi / 2 * np.arange(129) / 128) ** 2)
_BLOCK = 8192  # items at a time, so that memory stays in bounds


@dataclass(frozen=True)
class Demand:
    """Total demand over a stage's lead time: mean, units, and variance, units²; (n,) each."""

    mean: FloatArray
    variance: FloatArray

    def of(self, rows: slice) -> Demand:
        """The demand of these rows."""
        return Demand(self.mean[rows], self.variance[rows])


def echelon_levels(
    store: Demand, warehouse: Demand, store_holding: FloatArray, warehouse_holding: FloatArray, penalty: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Echelon base-stock levels that cost least on average, of n systems of two stages.

    Args:
        store: demand over the store's lead time and review; several stores pooled by `pool_in_stores`.
        warehouse: demand over the warehouse's; several stores pooled by `pool_in_warehouse`.
        store_holding: what a unit in the store costs more per period than one in the warehouse, > 0, (n,).
        warehouse_holding: what a unit in the warehouse costs per period, ≥ 0, (n,).
        penalty: what a unit wanted and not there costs per period, (n,).

    Returns:
        S1 of the stores and S2 of the warehouse's echelon (stock anywhere below it and on its way), whole units, (n,).
    """
    levels = np.zeros((2, len(penalty)))
    for start in range(0, len(penalty), _BLOCK):
        rows = slice(start, start + _BLOCK)
        levels[:, rows] = _levels(
            store.of(rows), warehouse.of(rows), store_holding[rows], warehouse_holding[rows], penalty[rows]
        )
    return levels[0], levels[1]


def newsvendor_bounds(
    stages: list[Demand], holding: list[FloatArray], penalty: FloatArray
) -> list[tuple[FloatArray, FloatArray]]:
    """Lower and upper bound of each stage's optimal echelon base-stock level, whole units, (n,) each.

    Args:
        stages: demand over each stage's lead time, the store first.
        holding: echelon holding costs of the stages, the store first, (n,) each.
        penalty: what a unit wanted and not there costs per period, (n,).
    """
    bounds = []
    for j in range(len(stages)):
        mean = np.sum([stage.mean for stage in stages[: j + 1]], axis=0)
        variance = np.sum([stage.variance for stage in stages[: j + 1]], axis=0)
        short = penalty + sum(holding[j + 1 :])
        low, high = (
            demand_quantile(mean, variance, critical_ratio(short, kept)) for kept in (sum(holding[: j + 1]), holding[j])
        )
        bounds.append((low, high))
    return bounds


def pool_in_warehouse(mean: FloatArray, variance: FloatArray, system: NDArray[np.int64], systems: int) -> Demand:
    """Demand of all stores of each system while their stock is still in one place: variances add up.

    Args:
        mean, variance: of each store's demand, (stores,).
        system: which system each store belongs to, 0 … systems − 1, (stores,).
        systems: how many there are.
    """
    return Demand(_sums(mean, system, systems), _sums(variance, system, systems))


def pool_in_stores(mean: FloatArray, variance: FloatArray, system: NDArray[np.int64], systems: int) -> Demand:
    """The same once their stock is shared out: each store needs its own safety stock, standard deviations add up."""
    return Demand(_sums(mean, system, systems), _sums(np.sqrt(variance), system, systems) ** 2)


def _sums(values: FloatArray, system: NDArray[np.int64], systems: int) -> FloatArray:
    return np.bincount(system, values, systems).astype(np.float64)


def _levels(
    store: Demand, warehouse: Demand, store_holding: FloatArray, warehouse_holding: FloatArray, penalty: FloatArray
) -> tuple[FloatArray, FloatArray]:
    (_, first), (low, high) = newsvendor_bounds([store, warehouse], [store_holding, warehouse_holding], penalty)
    all_in = (penalty + store_holding + warehouse_holding)[:, None]
    ahead = demand_quantile(
        np.repeat(warehouse.mean, len(_NODES)),
        np.repeat(warehouse.variance, len(_NODES)),
        np.tile(_NODES, len(penalty)),
    ).reshape(len(penalty), -1)
    mean, variance = (np.repeat(values, len(_NODES)) for values in (store.mean, store.variance))

    def pays(units: FloatArray) -> NDArray[np.bool_]:
        """Whether one unit more than `units` lowers the cost."""
        left = units[:, None] - ahead
        short = 1 - covered(mean, variance, left.ravel()).reshape(left.shape)
        effect = np.where(left < first[:, None], store_holding[:, None] - all_in * short, 0.0)
        return warehouse_holding + effect @ _WEIGHTS < 0

    while (low < high).any():
        middle = np.floor((low + high) / 2)
        more = pays(middle)
        low, high = np.where(more, np.minimum(middle + 1, high), low), np.where(more, high, middle)
    return first, low
