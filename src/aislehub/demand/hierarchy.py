"""Coherence: items add up to departments, stores and the chain, in forecasts as they do in life.

A `Hierarchy` says which series add up to which aggregates, over any labels that the series carry, grouped or crossed:
`store/department` beside `item`, which runs over all stores. Forecasts of the parts and of the sums, made apart,
never agree; `reconcile` moves both to the nearest forecasts that do, nearest by how wrong each usually is (MinT,
Wickramasuriya, Athanasopoulos & Hyndman 2019, https://doi.org/10.1080/01621459.2018.1448825):

    ỹ = S (S′ W⁻¹ S)⁻¹ S′ W⁻¹ ŷ        W: variances of the forecasts' errors, S: which parts make up which sum

That inverse has a row for every series of the chain. The same answer comes from the other side, where the system is
as small as the aggregates are few: what the sums disagree with their parts, spread over the parts by their variance:

    ỹ_b = ŷ_b + W_b A′ (A W_b A′ + W_a)⁻¹ (ŷ_a − A ŷ_b)        ỹ_a = A ỹ_b        A: aggregates × series
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray

from aislehub.core.errors import HubError, did_you_mean
from aislehub.demand.panel import FloatArray, Panel

__all__ = ["Hierarchy", "labels_of"]

ALL = "total"
CROSS = "/"
ROUNDS = 20
_TINY = 1e-12


@dataclass(frozen=True)
class Hierarchy:
    """Which of N series add up to which of M aggregates.

    Attributes:
        levels: name of each level, e.g. `("total", "store", "store/department")`.
        ids: `unique_id` of each aggregate, `level=label/label`, unique; length M.
        level: the level of each aggregate, as a position in `levels`; shape (M,).
        labels: one row per aggregate: the label of each column that its level fixes, None for the others.
        sums: zeros and ones, shape (M, N).
    """

    levels: tuple[str, ...]
    ids: pd.Index
    level: NDArray[Any]
    labels: pd.DataFrame
    sums: scipy.sparse.csr_array

    @classmethod
    def of(cls, labels: pd.DataFrame | Panel, levels: Sequence[str]) -> Hierarchy:
        """The hierarchy of some series.

        Args:
            labels: one row per series, in the order of the series, one column per label (store, item,
                department …); or a panel, whose static text covariates are taken. A series without a label is in no
                aggregate of the levels that ask for it.
            levels: each is `total` or names of label columns joined by `/`.

        Raises:
            HubError: `demand.level_unknown` when a level names a column that there is not.
        """
        table = labels_of(labels) if isinstance(labels, Panel) else labels
        rows, blocks = [], []
        for at, level in enumerate(levels):
            fixed = [] if level == ALL else level.split(CROSS)
            for name in fixed:
                if name not in table:
                    raise HubError(
                        "demand.level_unknown", level=level, column=name, suggestion=did_you_mean(name, table.columns)
                    )
            group, members = _groups(table, fixed)
            blocks.append(members)
            names = [f"{level}={CROSS.join(row)}" for row in group.astype(str).to_numpy()] if fixed else level
            rows.append(group.assign(level=at, id=names))
        count = len(table)
        found = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame({"level": [], "id": []})
        columns = [name for name in table if name in found]
        found[columns] = found[columns].astype(object).where(found[columns].notna(), None)
        return cls(
            levels=tuple(levels),
            ids=pd.Index(found["id"], dtype=object),
            level=found["level"].to_numpy(int),
            labels=found[columns],
            sums=scipy.sparse.csr_array(scipy.sparse.vstack(blocks)) if blocks else scipy.sparse.csr_array((0, count)),
        )

    def aggregate(self, values: FloatArray) -> FloatArray:
        """Sums over the members, (…, N, T) → (…, M, T); unknown counts as 0."""
        filled = np.nan_to_num(np.asarray(values, dtype=np.float64))
        flat = np.moveaxis(filled, -2, 0)
        sums = self.sums @ flat.reshape(flat.shape[0], -1)
        return np.moveaxis(sums.reshape(-1, *flat.shape[1:]), 0, -2)

    def only(self, chosen: NDArray[Any]) -> Hierarchy:
        """The same without the other aggregates; `chosen` is a mask or positions."""
        return replace(
            self, ids=self.ids[chosen], level=self.level[chosen], labels=self.labels.loc[chosen].reset_index(drop=True),
            sums=self.sums[chosen],
        )  # fmt: skip

    def demand(self, panel: Panel) -> FloatArray:
        """Demand of the aggregates, shape (M, T): over the members whose own is known, NaN where no member's is."""
        known = self.sums @ (~np.isnan(panel.sold)).astype(np.float32) > 0
        return np.where(known, self.aggregate(panel.sold), np.nan).astype(np.float32)

    def panel(self, panel: Panel) -> Panel:
        """The panel of the aggregates: summed demand, what is known ahead shared out, `level` as static covariate.

        A period counts as closed for a sum when it is closed for all its members.
        """
        open_ = ~panel.closed
        shared = {name: _shared(self, name, values, panel) for name, values in panel.known.items()}
        ahead = {name: values for name, values in shared.items() if values is not None}
        labels = {name: panel.labels[name] for name in ahead if name in panel.labels}
        return Panel(
            ids=self.ids,
            periods=panel.periods,
            y=self.demand(panel),
            known=ahead,
            static={"level": self.level.astype(np.float32)},
            labels=labels | {"level": list(self.levels)},
            freq=panel.freq,
            timezone=panel.timezone,
            unplanned=None if open_.all() else self.sums @ open_.astype(np.float32) == 0,
        )

    def reconcile(
        self,
        bottom: FloatArray,
        aggregates: FloatArray,
        bottom_variance: FloatArray,
        aggregate_variance: FloatArray,
        *,
        nonnegative: bool = True,
    ) -> FloatArray:
        """The parts, moved so that they and their sums are nearest to all forecasts; `aggregate` of them is coherent.

        Args:
            bottom: forecasts of the series, shape (N, H).
            aggregates: forecasts of the aggregates, shape (M, H); NaN where there is none.
            bottom_variance, aggregate_variance: of their errors, the same shapes or one column; ≥ 0. A part of
                variance 0 stays as it is; a sum of variance 0 is met, unless another forbids it.
            nonnegative: a part that would go below 0 is set to 0 and what it owed is spread over the others.

        Returns:
            Shape (N, H).
        """
        bottom = np.asarray(bottom, dtype=np.float64)
        scale = np.broadcast_to(np.asarray(bottom_variance, dtype=np.float64), bottom.shape)
        noise = np.broadcast_to(np.asarray(aggregate_variance, dtype=np.float64), aggregates.shape)
        steps = [
            self._one(bottom[:, at], aggregates[:, at], scale[:, at], noise[:, at], nonnegative)
            for at in range(bottom.shape[1])
        ]
        return np.stack(steps, axis=1) if steps else bottom

    def _one(
        self, bottom: FloatArray, aggregates: FloatArray, scale: FloatArray, noise: FloatArray, nonnegative: bool
    ) -> FloatArray:
        """One period. Parts that fall below 0 leave the system at 0, until none does."""
        given = ~np.isnan(aggregates)
        sums, target, noise = self.sums[given], aggregates[given], noise[given]
        found = bottom + _correction(sums, bottom, target, scale, noise)
        held = np.zeros(len(bottom), dtype=bool)
        for _ in range(ROUNDS if nonnegative else 0):
            below = found < 0
            if not below.any():
                break
            held |= below
            start, free = np.where(held, 0.0, bottom), np.where(held, 0.0, scale)
            found = start + _correction(sums, start, target, free, noise)
        return np.maximum(found, 0.0) if nonnegative else found


def labels_of(panel: Panel) -> pd.DataFrame:
    """The static covariates of a panel's series as text, one row per series; None where a series has none."""
    table = {}
    for name, values in panel.static.items():
        if name in panel.labels:
            words = np.array([*panel.labels[name], None], dtype=object)
            table[name] = words[np.where(np.isnan(values), len(words) - 1, values).astype(int)]
        else:
            table[name] = np.array([None if np.isnan(value) else f"{value:g}" for value in values], dtype=object)
    return pd.DataFrame(table, index=range(len(panel.ids)))


def _shared(hierarchy: Hierarchy, name: str, values: FloatArray, panel: Panel) -> FloatArray | None:
    """A covariate of the sums: the same for all as it is; a number as its mean over the members, by their demand;
    None for a text in which members differ, which has no mean."""
    if len(values) == 1:
        return values
    if name in panel.labels:
        low, high = np.fmin.reduce(values, axis=0), np.fmax.reduce(values, axis=0)
        empty = np.isnan(values).any(axis=0) & ~np.isnan(low)
        return None if (low < high).any() or empty.any() else low[None].astype(np.float32)
    known = ~np.isnan(panel.sold)
    demand = np.where(known, np.abs(panel.sold), 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1) + _TINY
    given = ~np.isnan(values)
    total = hierarchy.sums @ (demand[:, None] * np.where(given, values, 0))
    weight = hierarchy.sums @ (demand[:, None] * given)
    return np.divide(total, weight, out=np.full(total.shape, np.nan), where=weight > 0).astype(np.float32)


def _correction(
    sums: scipy.sparse.csr_array, bottom: FloatArray, target: FloatArray, scale: FloatArray, noise: FloatArray
) -> FloatArray:
    """W_b A′ (A W_b A′ + W_a)⁻¹ (target − A bottom)."""
    spread = sums @ scipy.sparse.diags_array(scale) @ sums.T
    own = spread.diagonal() + noise
    # A sum that nothing can move, or the second of two that mean the same, would leave the system singular.
    system = spread + scipy.sparse.diags_array(noise + _TINY * np.where(own > 0, own, 1.0))
    gap = target - sums @ bottom
    return scale * (sums.T @ scipy.sparse.linalg.splu(scipy.sparse.csc_array(system)).solve(gap))


def _groups(table: pd.DataFrame, fixed: list[str]) -> tuple[pd.DataFrame, scipy.sparse.csr_array]:
    """The distinct combinations of some labels, sorted, and who belongs to each."""
    complete = table[fixed].notna().all(axis=1).to_numpy() if fixed else np.ones(len(table), dtype=bool)
    member = np.flatnonzero(complete)
    if fixed:
        by = table.iloc[member].groupby(fixed, sort=True, observed=True)
        code, group = by.ngroup().to_numpy(), by.size().index.to_frame(index=False)
    else:
        code, group = np.zeros(len(member), dtype=int), pd.DataFrame(index=range(min(len(member), 1)))
    ones = np.ones(len(member))
    return group, scipy.sparse.csr_array((ones, (code, member)), shape=(len(group), len(table)))
