"""Orthogonal: an item's price elasticity from what is left of its price once everything known of the week is taken out.

A price is seldom drawn at random. It falls before Christmas, when everybody buys anyway, or together with a display,
or after a slow month; comparing cheap weeks with dear ones then counts all of that as an answer to the price. So
units y of an item in a store and week are modelled as

    E[y] = exp(a + θ p + β'd + D + g(z)),

with p the logarithmic price; a an effect of every store's item; d what each item answers to in its own way
(promotion, display, how cheap last week's promotion was, for shoppers stock up; two harmonics of the season, the
competitor's price, the mean price of its category); D what the week did to the rest of the category and to the store,
whose own prices and promotions are taken out first; and g what gradient boosting finds beyond in z (promotion,
competitor and the lags of sales, after which prices are often set). The price is predicted from d and z too, and θ
solves

    Σ (y − E[y]) v = 0,   v = p − prediction of p.

This is double machine learning (Chernozhukov et al. 2018, https://doi.org/10.1111/ectj.12097) with the score of a
Poisson regression: first-order errors of g and of the price's prediction do not move it (Neyman orthogonality), and
each block of weeks is predicted by models that never saw it (cross-fitting). Counts may be small and even 0, for
nothing takes the logarithm of y and only the mean has to be right (Santos Silva & Tenreyro 2006,
https://doi.org/10.1162/rest.88.4.641).

Own past prices are no part of z: prices last, so that they predict today's, but mostly they explain nothing else, and
taking them out would throw away the variation one learns from and magnify what confounding is left (Pearl 2011,
https://doi.org/10.1093/aje/kwr352).

Standard errors are robust to what stores share in a week and to what lasts for some (Driscoll & Kraay 1998,
https://doi.org/10.1162/003465398557825) and to what a store keeps (Cameron, Gelbach & Miller 2011,
https://doi.org/10.1198/jbes.2010.07136). Their ratio to Poisson's own, noisy where few weeks count, is moderated over
all items (Smyth 2004, https://doi.org/10.2202/1544-6115.1027).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from aislehub.price.price_history import History

__all__ = ["Estimates", "estimate"]

FloatArray = NDArray[Any]
IntArray = NDArray[np.intp]

USUAL = -2.0  # where the search begins
BOOSTED_TURN = 1
NEWTON_STEPS = (4, 2, 2, 3)  # of each turn
LARGEST_STEP = 1.0
LARGEST_EXPONENT = 20.0
SMALLEST_WEEK = 0.05
SHARED = 0.75
WEAK, MODEST = 0.01, 4.0  # precisions of the priors N(0, ·) of θ and β: keep what no row tells finite
MIN_ITEMS_OF_A_WEEK = 8
"""Items that share a week's effect: of n, it takes 1/(n − 1) of what an item loses to them for the week's."""
MIN_ITEMS_OF_A_STORE = 20
BLOCK_WEEKS, FOLDS = 4, 4
ROUNDS = 40
MOST_ROWS = 120_000  # that a model is trained on: more would tell it little and take long
MODEL: dict[str, Any] = {
    "num_leaves": 15, "learning_rate": 0.1, "min_data_in_leaf": 60, "lambda_l2": 10.0, "max_bin": 63,
    "feature_fraction": 0.8, "deterministic": True, "force_row_wise": True, "num_threads": 1, "verbose": -1,
}  # fmt: skip
LASTING_WEEKS = 8
PRIOR_WEEKS = 8.0
"""Weeks that the other items' scatter counts for, beside those of the item itself."""


@dataclass(frozen=True)
class Estimates:
    """What each item's own rows say.

    Attributes:
        mean: elasticity, (I,).
        sd: its standard error, (I,); large where the price hardly moved.
        weeks: effective number of weeks that it rests on, (I,).
        moved: standard deviation of the price's unexplained part v, in logarithms, (I,).
        expected: units expected in each row, (R,).
        rest: v of each row, (R,).
        scatter: variance of an estimate over Poisson's, (I,).
        shared: what the mean price of the category does to the logarithm of expected units, (R,).
    """

    mean: FloatArray
    sd: FloatArray
    weeks: FloatArray
    moved: FloatArray
    expected: FloatArray
    rest: FloatArray
    scatter: FloatArray
    shared: FloatArray


@dataclass(frozen=True)
class _Fit:
    """Slopes (I, K), expected units (R,), regressors less their mean in the series (K, R), information (I, K, K)."""

    slopes: FloatArray
    mean: FloatArray
    apart: FloatArray
    information: FloatArray


def estimate(history: History, *, seed: int = 0) -> Estimates:
    """Elasticities of all items, each by its own rows; `seed` of the boosting."""
    item, items, price = history.item, len(history.items), history.price
    part = _parts(history)
    start = _given_totals(history, history.on_sale * np.exp(USUAL * price))
    shared_price = _of_others(history, part, price * start, start, alone=0.0)
    own = [
        history.promoted, history.displayed, np.nan_to_num(_lagged(history, history.promoted * price, 1)),
        *_season(history), np.nan_to_num(history.competitor),
        _of_others(history, part, history.promoted * start, start, alone=0.0), shared_price,
    ]  # fmt: skip
    slopes = np.zeros((items, 1 + len(own)))
    slopes[:, 0] = USUAL
    store_week = np.ones(len(item))
    tilt = price_tilt = np.zeros(len(item))
    for turn, steps in enumerate(NEWTON_STEPS):
        pushed = np.exp(_clipped((slopes[item].T * np.stack([price, *own])).sum(axis=0) + tilt))
        without = _given_totals(history, history.on_sale * store_week * pushed)
        week = _week(history, part, without)
        offset = history.on_sale * store_week * week * np.exp(tilt + slopes[item, 0] * price_tilt)
        fit = _fit(history, offset, np.stack([price - price_tilt, *own]), slopes, steps)
        slopes = fit.slopes
        store_week = store_week * _of_stores(history, fit.mean)
        if turn == BOOSTED_TURN:
            tilt, price_tilt = _tilts(history, fit.mean, _rest(history, fit), seed)
    return _estimates(history, fit)


def _estimates(history: History, fit: _Fit) -> Estimates:
    item, items = history.item, len(history.items)
    inverse = np.linalg.inv(fit.information)
    direction = (inverse[item, 0].T * fit.apart).sum(axis=0)
    weeks = _effective_weeks(history, fit.mean * direction**2)
    poisson = inverse[:, 0, 0]
    freedom = 1 / max(1 - len(fit.apart) / (int(history.week.max()) + 1), 0.25)  # regressors move from week to week
    robust = freedom * _robust(history, direction * (history.units - fit.mean), weeks)
    variance = _moderated(robust, poisson, weeks)
    rest = _rest(history, fit)
    total = np.maximum(np.bincount(item, fit.mean, items), 1e-12)
    return Estimates(
        mean=fit.slopes[:, 0],
        sd=np.sqrt(variance),
        weeks=weeks,
        moved=np.sqrt(np.bincount(item, fit.mean * rest**2, items) / total),
        expected=fit.mean,
        rest=rest,
        scatter=variance / poisson,
        shared=fit.slopes[item, -1] * fit.apart[-1],
    )


# What a week and a store share


def _parts(history: History) -> IntArray:
    """Which part of the chain shares a week's effect with each item: the smallest of its category, its department and
    the chain that has enough items; a number, (I,). The few that are left over share nothing but the season."""
    chain = np.zeros(len(history.items), dtype=np.intp)
    label = np.full_like(chain, -1)
    first = 0
    for codes in (history.category, history.department[history.category], chain):
        open_ = label < 0
        large = open_ & (np.bincount(codes[open_], minlength=int(codes.max()) + 1)[codes] >= MIN_ITEMS_OF_A_WEEK)
        label[large] = first + codes[large]
        first += int(codes.max()) + 1
    alone: IntArray = first + np.arange(len(label), dtype=np.intp)
    return np.where(label < 0, alone, label)


def _week(history: History, part: IntArray, without: FloatArray) -> FloatArray:
    """What each row's week did to the other items of its part, as a factor, (R,): 1 = as usual.

    Their units over those expected. Where items have moved with the others by less than `SHARED` of that, it is mostly
    noise and drawn to 1; beyond, it counts in full, for what is drawn in would stay with the prices that follow it.
    """
    others = _of_others(history, part, history.units, without, alone=1.0)
    logs = np.log(np.maximum(others, SMALLEST_WEEK))
    of = part[history.item]
    together = np.bincount(of, (history.units - without) * logs)
    alike = np.clip(together / np.maximum(SHARED * np.bincount(of, without * logs**2), 1e-9), 0, 1)
    return np.asarray(np.exp(alike[of] * logs))


def _of_others(history: History, part: IntArray, above: FloatArray, below: FloatArray, *, alone: float) -> FloatArray:
    """Of each row the ratio of two sums over the other items of its part in that week, (R,); `alone` where there are
    none.

    Large items count less than by their units, so that none of them is the week.
    """
    weeks = int(history.week.max()) + 1
    cell, cells = history.item * weeks + history.week, len(history.items) * weeks
    top: FloatArray = np.bincount(cell, above, cells)
    bottom: FloatArray = np.bincount(cell, below, cells)
    weight: FloatArray = 1 / (bottom + np.median(bottom[bottom > 0]))
    top, bottom = top * weight, bottom * weight
    group = np.repeat(part, weeks) * weeks + np.tile(np.arange(weeks), len(history.items))
    others_top, others_bottom = np.bincount(group, top)[group] - top, np.bincount(group, bottom)[group] - bottom
    known = others_bottom > 1e-6
    return np.where(known, others_top / np.where(known, others_bottom, 1.0), alone)[cell]


def _of_stores(history: History, mean: FloatArray) -> FloatArray:
    """Units over expected units of each row's store in its week, (R,); 1 where too few items tell."""
    cell = history.store * (int(history.week.max()) + 1) + history.week
    enough = (np.bincount(cell) >= MIN_ITEMS_OF_A_STORE) & (len(np.unique(history.store)) > 1)
    ratio = np.bincount(cell, history.units) / np.maximum(np.bincount(cell, mean), 1e-9)
    return np.where(enough, np.maximum(ratio, SMALLEST_WEEK), 1.0)[cell]


# The regression of each item


def _fit(history: History, offset: FloatArray, regressors: FloatArray, start: FloatArray, steps: int) -> _Fit:
    """Newton steps of every item's Poisson regression with an effect for each store, from `start`."""
    item, items = history.item, len(history.items)
    prior = np.array([WEAK] + [MODEST] * (len(regressors) - 1))
    slopes = start
    for _ in range(steps):
        mean = _given_totals(history, offset * np.exp(_clipped((slopes[item].T * regressors).sum(axis=0))))
        apart = _centred(history, regressors, mean)
        score = np.stack([np.bincount(item, (history.units - mean) * one, items) for one in apart], axis=1)
        information = _information(history, apart, mean) + np.diag(prior)
        step = np.linalg.solve(information, (score - prior * (slopes - _aim(slopes)))[:, :, None])[:, :, 0]
        slopes = slopes + np.clip(step, -LARGEST_STEP, LARGEST_STEP)
    return _Fit(slopes, mean, apart, information)


def _rest(history: History, fit: _Fit) -> FloatArray:
    """The price less what the item's other regressors predict of it, (R,)."""
    predicted = np.linalg.solve(fit.information[:, 1:, 1:], fit.information[:, 1:, :1])[:, :, 0]
    return fit.apart[0] - (predicted[history.item].T * fit.apart[1:]).sum(axis=0)


def _aim(slopes: FloatArray) -> FloatArray:
    """What the priors aim at: the usual elasticity, and no answer to anything else."""
    aim = np.zeros_like(slopes)
    aim[:, 0] = USUAL
    return aim


def _clipped(exponent: FloatArray) -> FloatArray:
    return np.clip(exponent, -LARGEST_EXPONENT, LARGEST_EXPONENT)


def _given_totals(history: History, mean: FloatArray) -> FloatArray:
    """Scaled to the units that every series sold: its own effect, at its best value."""
    total = np.bincount(history.series, history.units) / np.maximum(np.bincount(history.series, mean), 1e-300)
    return mean * total[history.series]


def _centred(history: History, values: FloatArray, weight: FloatArray) -> FloatArray:
    """Less their weighted mean in the series, (K, R)."""
    total = np.maximum(np.bincount(history.series, weight), 1e-300)
    means = np.stack([np.bincount(history.series, weight * one) / total for one in values])
    return values - means[:, history.series]


def _information(history: History, apart: FloatArray, weight: FloatArray) -> FloatArray:
    """Σ weight · apart · apart' of each item, (I, K, K)."""
    items, count = len(history.items), len(apart)
    made = np.empty((items, count, count))
    for one in range(count):
        for other in range(one, count):
            made[:, one, other] = np.bincount(history.item, weight * apart[one] * apart[other], items)
            made[:, other, one] = made[:, one, other]
    return made


# What boosting finds beyond


def _tilts(history: History, expected: FloatArray, price: FloatArray, seed: int) -> tuple[FloatArray, FloatArray]:
    """Logarithm of units over those expected, and price, predicted for each block of weeks from the others, (R,)
    each."""
    features = _features(history, expected)
    fold = history.week // BLOCK_WEEKS % FOLDS
    units_tilt, price_tilt = np.zeros(len(price)), np.zeros(len(price))
    for held in np.unique(fold) if len(np.unique(fold)) > 1 else []:
        out = fold == held
        taught = np.flatnonzero(~out)
        taught = taught[:: -(-len(taught) // MOST_ROWS)]
        of_units = lightgbm.Dataset(features[taught], history.units[taught], init_score=np.log(expected[taught]))
        model = lightgbm.train(MODEL | {"objective": "poisson", "seed": seed}, of_units, ROUNDS)
        units_tilt[out] = model.predict(features[out], raw_score=True)
        of_price = lightgbm.Dataset(features[taught], price[taught], weight=expected[taught])
        model = lightgbm.train(MODEL | {"objective": "l2", "seed": seed}, of_price, ROUNDS)
        price_tilt[out] = model.predict(features[out])
    return units_tilt, price_tilt


def _features(history: History, expected: FloatArray) -> FloatArray:
    """What the chain knew when it set the price, (R, F); NaN = unknown."""
    surprise = np.log((history.units + 1) / (expected + 1))
    last = [_lagged(history, surprise, lag) for lag in (1, 2, 3, 4)]
    columns = [
        history.promoted, history.displayed, history.competitor, _lagged(history, history.promoted, 1), last[0],
        np.mean(last, axis=0),
    ]  # fmt: skip
    return np.stack(columns, axis=1)


def _lagged(history: History, values: FloatArray, weeks: int) -> FloatArray:
    """The value of the same series `weeks` before; NaN where there is no such row."""
    lagged = np.full(len(values), np.nan)
    same = (history.series[weeks:] == history.series[:-weeks]) & (history.week[weeks:] == history.week[:-weeks] + weeks)
    lagged[weeks:][same] = values[:-weeks][same]
    return lagged


def _season(history: History) -> list[FloatArray]:
    """Two harmonics of the year and the years passed, (R,) each."""
    angle = 2 * np.pi * (history.first.timetuple().tm_yday + 7 * history.week) / 365.25
    return [np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle), history.week / 52]


# Standard errors


def _effective_weeks(history: History, information: FloatArray) -> FloatArray:
    """(Σ c)² / Σ c² of the information c of each week: how many weeks an item's estimate rests on, (I,)."""
    by_week = _by_week(history, information)
    return by_week.sum(axis=1) ** 2 / np.maximum((by_week**2).sum(axis=1), 1e-300)


def _robust(history: History, influence: FloatArray, weeks: FloatArray) -> FloatArray:
    """Variance of each item's estimate, (I,): shared by stores of a week and the weeks around it, and by the weeks of
    a store; never below that of independent cells."""
    items = len(history.items)
    cells = np.bincount(history.item, influence**2, items)
    by_week = _by_week(history, influence)
    of_weeks = (by_week**2).sum(axis=1)
    for lag in range(1, min(LASTING_WEEKS, by_week.shape[1] - 1) + 1):
        bartlett = 1 - lag / (LASTING_WEEKS + 1)
        of_weeks = of_weeks + 2 * bartlett * (by_week[:, lag:] * by_week[:, :-lag]).sum(axis=1)
    of_weeks = of_weeks * weeks / np.maximum(weeks - 1, 0.5)
    by_series = np.bincount(history.series, influence) ** 2
    of_item = np.zeros(len(by_series), dtype=np.intp)
    of_item[history.series] = history.item
    of_stores = np.bincount(of_item, by_series, items)
    stores = np.bincount(of_item, minlength=items)
    both = np.where(stores > 1, of_weeks + of_stores * stores / np.maximum(stores - 1, 1) - cells, of_weeks)
    return np.maximum(np.maximum(cells, of_weeks), both)


def _by_week(history: History, values: FloatArray) -> FloatArray:
    """Sums by item and week, (I, W)."""
    weeks, items = int(history.week.max()) + 1, len(history.items)
    return np.bincount(history.item * weeks + history.week, values, items * weeks).reshape(items, weeks)


def _moderated(robust: FloatArray, poisson: FloatArray, weeks: FloatArray) -> FloatArray:
    """Robust variances, their ratio to Poisson's drawn to the usual one as far as few weeks speak, (I,).

    What stays uncertain of the ratio widens the normal interval to that of Student's t.
    """
    ratio = np.maximum(robust, 1e-12) / poisson
    told = weeks > 1.5
    usual = np.exp(np.average(np.log(ratio[told]), weights=weeks[told])) if told.any() else 1.0
    freedom = PRIOR_WEEKS + weeks
    return np.asarray(poisson * (PRIOR_WEEKS * usual + weeks * ratio) / freedom * freedom / (freedom - 2))
