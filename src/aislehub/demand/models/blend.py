"""The house's own choice: several models, mixed for each class of demand as a rehearsal on the past says.

Stacking (Breiman 1996, https://doi.org/10.1007/BF00117832): weights ≥ 0 that sum to 1 and minimise the squared error of
forecasts of the past that no part has seen, each series weighted by 1 / its level (demand's variance grows with its
mean). Every class of demand (`demand.classes`) has weights of its own, drawn to those of all series together where it
has few outcomes. Beside accuracy counts stability: what the forecast changes from one rehearsed origin to the next
weighs like an error, at a discount, because every change of a forecast moves orders. Where history is too short to
rehearse, the seasonal mean alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import scipy
from numpy.typing import NDArray

from aislehub.core.errors import HubError
from aislehub.demand.backtest import Rehearsal, rehearse_all, weekly_error
from aislehub.demand.classes import CLASSES, demand_classes
from aislehub.demand.models import Explained, Model, Stored, make_model
from aislehub.demand.models.boosted import Boosted
from aislehub.demand.models.seasonal import SeasonalMean
from aislehub.demand.panel import FloatArray, Panel

__all__ = ["PARTS", "Blend", "Choice", "light"]

PARTS = ("boosted", "seasonal_mean", "mean28", "seasonal_naive")
FALLBACK = "seasonal_mean"
STABILITY = 0.1
"""What a squared change of a forecast between two origins weighs beside a squared error."""
PRIOR_OUTCOMES = 5_000.0
"""Outcomes of all series together that a class's own are weighed against."""
LEAST_WEIGHT = 0.02
LIGHT_ROWS, LIGHT_TREES = 40_000, 150


@dataclass(frozen=True)
class Choice:
    """What one class of demand is forecast with, and why.

    Attributes:
        demand_class: one of `demand.classes.CLASSES`.
        series: how many of the series forecast now were of this class when they were rehearsed.
        weights: part → its share in the forecast; one alone is the champion, several are a blend.
        wape: part, and `blend`, → cycle WAPE in the rehearsal.
        change: part, and `blend`, → absolute change of the horizon's total from one origin to the next, over demand.
    """

    demand_class: str
    series: int
    weights: dict[str, float]
    wape: dict[str, float]
    change: dict[str, float]


class Blend:
    """Weighted means of other models, with weights by class of demand.

    Args:
        parts: name → a function that makes the model; the seasonal mean joins where it is missing, as what stands in.

    Attributes:
        weights: shape (classes, parts), after `fit`.
        choices: what each class is forecast with, after `fit`; empty without a rehearsal.
        rehearsal: the blend's forecasts of the past, out of sample but for the weights.
    """

    def __init__(self, parts: Mapping[str, Callable[[], Model]] | None = None) -> None:
        makers = dict(parts) if parts is not None else {name: partial(make_model, name) for name in PARTS}
        self._make = makers | ({} if FALLBACK in makers else {FALLBACK: SeasonalMean})
        self._parts = {name: make() for name, make in self._make.items()}
        self.weights = np.tile([float(name == FALLBACK) for name in self._parts], (len(CLASSES), 1))
        self.choices: list[Choice] = []
        self.rehearsal: Rehearsal | None = None

    def fit(self, panel: Panel, *, horizon: int, seed: int) -> None:
        done = rehearse_all(self._make.values(), panel, horizon=horizon, seed=seed)
        if done:
            means, actual = np.stack([rehearsal.mean for rehearsal in done]), done[0].actual
            classes = demand_classes(panel.before(actual.shape[0] * actual.shape[2]))
            self.weights = _stack(means, actual, classes)
            mixed = _mix(self.weights[classes], means)
            scored = dict(zip([*self._parts, "blend"], [*means, mixed], strict=True))
            wanted = np.ones(len(classes), dtype=bool) if panel.eligible is None else panel.eligible[:, -1]
            now = np.bincount(classes[wanted], minlength=len(CLASSES))
            self.choices = _choices(scored, self.weights, actual, classes, now, panel.cycle)
            self.rehearsal = Rehearsal(mixed, actual)
        for part in self._used().values():
            part.fit(panel, horizon=horizon, seed=seed)

    def predict(self, panel: Panel) -> FloatArray:
        weights = self._weights_of(panel)
        mean = np.zeros((len(panel.ids), panel.horizon))
        for name, part in self._used().items():
            mean += weights[name] * part.predict(panel)
        return mean

    def decompose(self, panel: Panel, periods: int) -> dict[str, FloatArray]:
        """What each forecast is made of (`models.Explained`): the weighted sum of what the parts are made of.

        A part that does not know stands as the seasonal mean; what it adds to that is left to the caller.
        """
        weights = self._weights_of(panel)
        made: dict[str, FloatArray] = {}
        for name, part in self._used().items():
            known = part if isinstance(part, Explained) else SeasonalMean()
            for kind, values in known.decompose(panel, periods).items():
                made[kind] = made.get(kind, 0) + weights[name] * values
        return made

    def save(self, folder: Path) -> None:
        """Weights and choices, and a folder for each part that has a say.

        Raises:
            HubError: `demand.not_stored` when a part has no `save`.
        """
        for name, part in self._used().items():
            if not isinstance(part, Stored):
                raise HubError("demand.not_stored", name=name)
            place = folder / f"part{list(self._parts).index(name)}"
            place.mkdir()
            part.save(place)
        facts = {"weights": self.weights.tolist(), "choices": [asdict(choice) for choice in self.choices]}
        (folder / "blend.json").write_text(json.dumps(facts), encoding="utf-8")

    def load(self, folder: Path) -> None:
        facts = json.loads((folder / "blend.json").read_text(encoding="utf-8"))
        self.weights = np.array(facts["weights"])
        self.choices = [Choice(**choice) for choice in facts["choices"]]
        for name, part in self._used().items():
            if isinstance(part, Stored):
                part.load(folder / f"part{list(self._parts).index(name)}")

    def _used(self) -> dict[str, Model]:
        """The parts that have a say in some class."""
        used = self.weights.max(axis=0) > 0
        return {name: part for (name, part), has in zip(self._parts.items(), used, strict=True) if has}

    def _weights_of(self, panel: Panel) -> dict[str, FloatArray]:
        """Part → its weight in each series, (N, 1)."""
        weights = self.weights[demand_classes(panel)]
        return {name: weights[:, [place]] for place, name in enumerate(self._parts)}


def light() -> Blend:
    """The same for a few hundred series (stores, sums of series), at a tenth of the cost: fewer rows and trees."""
    makers: dict[str, Callable[[], Model]] = {name: partial(make_model, name) for name in PARTS}
    return Blend(makers | {"boosted": partial(Boosted, LIGHT_ROWS, LIGHT_TREES)})


def _mix(weights: FloatArray, means: FloatArray) -> FloatArray:
    """Weighted means of parts: (series, parts) and (parts, origins, series, steps) → (origins, series, steps)."""
    return np.einsum("np,ponh->onh", weights, means)


def _stack(means: FloatArray, actual: FloatArray, classes: NDArray[np.intp]) -> FloatArray:
    """Weights, (classes, parts); `means` has shape (parts, origins, series, steps)."""
    level = np.nanmean(np.abs(means), axis=(0, 1, 3))
    scale = 1 / np.sqrt(np.maximum(level, 1e-3 * max(level.mean(), 1e-9)))
    known = ~np.isnan(actual)
    error = np.where(known, means - np.nan_to_num(actual), 0) * scale[:, None]
    change = np.where(known[1:] & known[:-1], np.diff(means, axis=1), 0) * scale[:, None]

    def gram(member: NDArray[np.bool_]) -> FloatArray:
        """What a pair of weights costs: products of the parts' errors, and of their changes."""
        wrong, moved = (values[:, :, member].reshape(len(means), -1) for values in (error, change))
        return wrong @ wrong.T + STABILITY * moved @ moved.T

    everything, count = gram(np.ones(len(level), dtype=bool)), max(int(known.sum()), 1)
    weights = [_least(gram(classes == place) + PRIOR_OUTCOMES / count * everything) for place in range(len(CLASSES))]
    return np.array(weights)


def _least(cost: FloatArray) -> FloatArray:
    """The weights ≥ 0, of sum 1, with the least quadratic cost; a heavy extra row makes them sum to 1."""
    ridge = 1e-9 * max(float(np.trace(cost)), 1e-9)
    heavy = 1e3 * max(float(np.trace(cost)) / len(cost), 1e-9)
    factor = np.linalg.cholesky(cost + ridge * np.eye(len(cost)))
    rows = np.vstack([factor.T, np.full(len(cost), np.sqrt(heavy))])
    weights, _ = scipy.optimize.nnls(rows, np.append(np.zeros(len(cost)), np.sqrt(heavy)))
    weights = weights / weights.sum()
    weights[weights < LEAST_WEIGHT] = 0
    return np.asarray(weights / weights.sum())


def _choices(
    scored: Mapping[str, FloatArray], weights: FloatArray, actual: FloatArray, classes: NDArray[np.intp],
    now: NDArray[np.intp], cycle: int,
) -> list[Choice]:  # fmt: skip
    """One record per class that was rehearsed; `scored` holds the rehearsed means of the parts and of the blend."""
    made = []
    for place in np.unique(classes):
        member = classes == place
        real, steps = actual[:, member], actual.shape[2]
        demand = max(float(np.nansum(np.abs(real[1:]))), 1e-12)
        wape, change = {}, {}
        for name, means in scored.items():
            mine = means[:, member]
            wape[name] = round(weekly_error(real.reshape(-1, steps), mine.reshape(-1, steps), cycle)[0], 4)
            change[name] = round(float(np.abs(np.diff(mine.sum(axis=2), axis=0)).sum()) / demand, 4)
        share = {name: round(float(part), 4) for name, part in zip(scored, weights[place], strict=False) if part}
        made.append(Choice(CLASSES[place], int(now[place]), share, wape, change))
    return made
