"""Orthogonal: an item's price elasticity from what is left of its price once everything known of the week is taken out.

A price is seldom drawn at random. It falls before Christmas, when everybody buys anyway, or together with a display,
or after a slow month; comparing cheap weeks with dear ones then counts all of that as an answer to the price. So
units y of an item in a store and week are modelled as

    E[y] = exp(a + θ p + β'd + w + r + g(z)) (1 − γ x),

with p the logarithmic price; a an effect of every store's item; d what each item answers to in its own way
(promotion, display, days without stock, season and trend, the competitor's price, prices and promotions of the rest of
its category); w an effect of the week on its category and r one on the store; x what shoppers still have at home from
weeks in which it was cheap, and γ the share of it that they bought ahead (`stocking_up.py`): so θ is the answer of a
day's demand, and what is only shifted in time is told apart from it. g is what gradient boosting finds beyond
(`tilts.py`). The price is predicted from all that too, and θ solves

    Σ (y − E[y]) v = 0,   v = p − prediction of p.

This is double machine learning (Chernozhukov et al. 2018, https://doi.org/10.1111/ectj.12097) with the score of a
Poisson regression: first-order errors of g and of the price's prediction do not move it (Neyman orthogonality), and
each block of weeks is predicted by models that never saw it (cross-fitting). Counts may be small and even 0, for
nothing takes the logarithm of y and only the mean has to be right (Santos Silva & Tenreyro 2006,
https://doi.org/10.1162/rest.88.4.641). All items of a category are solved for at once with its weeks
(`joint_step.py`): a price that the whole category follows says nothing, whatever the search began with.

Items differ in β and γ, but not without limit: each has a normal prior around its category's mean, whose width is
estimated from all items (MacKay 1992, https://doi.org/10.1162/neco.1992.4.3.415). θ has none that matters; it is
shrunk afterwards.

Own past prices are no part of z: prices last, so that they predict today's, but mostly they explain nothing else, and
taking them out would throw away the variation one learns from and magnify what confounding is left (Pearl 2011,
https://doi.org/10.1093/aje/kwr352).

Standard errors are robust to what all items and stores of a category share in a week and to what lasts for some weeks
(Driscoll & Kraay 1998, https://doi.org/10.1162/003465398557825), which is where prices are set. Their ratio to the
model's own, noisy where few weeks count, is moderated over all items (Smyth 2004,
https://doi.org/10.2202/1544-6115.1027).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aislehub.price.joint_step import Equations, Layout, Prior
from aislehub.price.price_history import History
from aislehub.price.stocking_up import LARGEST_LIFT, MOST_MISSED, at_home
from aislehub.price.tilts import tilts

__all__ = ["Estimates", "estimate"]

FloatArray = NDArray[Any]
IntArray = NDArray[np.intp]

REGRESSORS = (
    "price", "promoted", "displayed", "stocked_up", "empty", "sine", "cosine", "sine_2", "cosine_2", "years",
    "competitor", "others_promoted", "others_price",
)  # fmt: skip
PRICE, PROMOTED, DISPLAYED, STOCKED_UP, *_ = range(len(REGRESSORS))
AIMED = [REGRESSORS.index(name) for name in ("promoted", "displayed", "stocked_up", "empty", "competitor")]
"""Those whose mean over a category is estimated; of the others it is 0, for the week's effect has it."""
USUAL = -2.5  # where the search begins
USUAL_SHARE = 1 / 3  # of what a cut sells, bought ahead: van Heerde, Leeflang & Wittink 2004
HOME_DAYS = (5.0, 10.0, 21.0, 42.0)
"""Days in which a stock at home falls to 1/e: those that fit best are taken, for the whole chain."""
BOOSTED_TURN = 1
NEWTON_STEPS = (5, 3, 3, 3)  # of each turn
LARGEST_STEP = 1.0
LARGEST_EXPONENT = 20.0
SMALLEST_WEEK = 0.05
SMALLEST_LIFT = 0.05
WEAK, MODEST = 0.01, 4.0  # precisions of the priors of θ and, to begin with, of β
APART = (0.015, 1.0)  # least and largest standard deviation of a slope between items
ITEMS_OF_A_MEAN = 2.0  # that the chain's mean slope counts for in a category's
USUAL_SCATTER, SMALLEST_SCATTER, SCATTER_WEEKS = 2.0, 0.7, 10.0
MIN_ITEMS_OF_A_WEEK = 8
"""Items that share a week's effect: of n, it takes 1/n of what is known of an item."""
MIN_ITEMS_OF_A_STORE = 20
LASTING_WEEKS = 8
PRIOR_WEEKS = 8.0
"""Weeks that the other items' scatter counts for, beside those of the item itself."""
SLOPES_SPENT = 0.7  # share of the slopes that their priors leave free, about


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
        scatter: variance of an estimate over that of Poisson's, (I,).
        shared: what the mean price of the category does to the logarithm of expected units, (R,).
        stocked_up: share of what a cut sells that was bought ahead, (I,).
        home_days: days in which a stock at home falls to 1/e.
    """

    mean: FloatArray
    sd: FloatArray
    weeks: FloatArray
    moved: FloatArray
    expected: FloatArray
    rest: FloatArray
    scatter: FloatArray
    shared: FloatArray
    stocked_up: FloatArray
    home_days: float


@dataclass(frozen=True)
class _State:
    """Slopes (I, K), effects of weeks (parts, W) and of stores' weeks (R,), variance over the mean (I,), priors, days
    that a stock at home lasts, and what boosting found in units and prices (R,)."""

    slopes: FloatArray
    weeks: FloatArray
    store_weeks: FloatArray
    scatter: FloatArray
    prior: Prior
    home_days: float
    tilt: FloatArray
    price_tilt: FloatArray


@dataclass(frozen=True)
class _Fit:
    """The last step's equations, and units expected after it, (R,)."""

    equations: Equations
    expected: FloatArray


def estimate(history: History, *, seed: int = 0) -> Estimates:
    """Elasticities of all items, each by its own rows; `seed` of the boosting."""
    layout = Layout.of(history, _parts(history))
    regressors = _regressors(history, layout.part)
    state = _start(history, layout)
    for turn, steps in enumerate(NEWTON_STEPS):
        home = _at_home(history, regressors, state) if turn else np.zeros(len(history.item))
        state, fit = _newton(history, layout, regressors, home, state, steps)
        if turn == 0:
            state = replace(state, home_days=_home_days(history, layout, regressors, state, fit))
        if turn == BOOSTED_TURN:
            tilt, price_tilt = tilts(history, fit.expected, _rest(history, fit.equations), seed)
            state = replace(state, tilt=tilt, price_tilt=price_tilt)
    return _estimates(history, layout, state, fit)


def _newton(
    history: History, layout: Layout, regressors: FloatArray, home: FloatArray, state: _State, steps: int
) -> tuple[_State, _Fit]:
    """So many joint steps; then stores' weeks, scatter and priors anew."""
    share = np.clip(state.slopes[history.item, STOCKED_UP], 0, 1)
    stays = 1 - np.minimum(share * home, MOST_MISSED)  # 1 − γ x, made linear in γ for the step
    used = regressors.copy()
    used[:, PRICE] -= state.price_tilt
    used[:, STOCKED_UP] = -home / stays
    offset = state.tilt + state.slopes[history.item, PRICE] * state.price_tilt
    offset = offset + np.log(stays) - share * used[:, STOCKED_UP]
    offset = history.on_sale * state.store_weeks * np.exp(offset)

    def expected() -> FloatArray:
        exponent = (used * slopes[history.item]).sum(axis=1) + weeks[layout.part[history.item], history.week]
        return _given_totals(history, offset * np.exp(_clipped(exponent)))

    slopes, weeks = state.slopes, state.weeks
    for _ in range(steps):
        equations = Equations.at(history, layout, used, expected(), state.scatter, state.prior, slopes, weeks)
        slopes = slopes + np.clip(equations.step, -LARGEST_STEP, LARGEST_STEP)
        weeks = weeks + np.clip(equations.week_step, -LARGEST_STEP, LARGEST_STEP)
    mean = expected()
    learned = replace(
        state,
        slopes=slopes,
        weeks=weeks,
        store_weeks=state.store_weeks * _of_stores(history, mean),
        scatter=_scatter(history, layout, mean),
        prior=_learned(history, state.prior, slopes, equations),
    )
    return learned, _Fit(equations, mean)


def _estimates(history: History, layout: Layout, state: _State, fit: _Fit) -> Estimates:
    item, items, equations = history.item, len(history.items), fit.equations
    direction = (equations.inverse[item, PRICE] * equations.apart).sum(axis=1) / state.scatter[item]
    influence, model = _influence(history, layout, state.scatter, fit, direction)
    weeks = _effective_weeks(layout, fit.expected * direction**2)
    cells = np.bincount(item, (direction * (history.units - fit.expected)) ** 2, items)
    beside = np.bincount(layout.part)[layout.part]
    spent = SLOPES_SPENT * len(REGRESSORS) / layout.weeks + 1 / np.maximum(beside, 2)
    robust = np.maximum(_lasting(influence, weeks), cells) / np.maximum(1 - spent, 0.25)
    robust = robust + (equations.inverse[:, PRICE] ** 2) @ state.prior.precision  # the priors may be wrong, too
    variance = _moderated(robust, model, weeks)
    rest = _rest(history, equations)
    total = np.maximum(np.bincount(item, fit.expected, items), 1e-12)
    moved = np.bincount(item, fit.expected * rest**2, items)
    return Estimates(
        mean=state.slopes[:, PRICE],
        sd=np.sqrt(variance),
        weeks=weeks,
        moved=np.sqrt(moved / total),
        expected=fit.expected,
        rest=rest,
        scatter=state.scatter * variance / model,
        shared=state.slopes[item, -1] * equations.apart[:, -1],
        stocked_up=np.clip(state.slopes[:, STOCKED_UP], 0, 1),
        home_days=state.home_days,
    )


def _start(history: History, layout: Layout) -> _State:
    items, rows, slopes = len(history.items), len(history.item), len(REGRESSORS)
    mean = np.zeros((items, slopes))
    mean[:, PRICE], mean[:, STOCKED_UP] = USUAL, USUAL_SHARE
    precision = np.full(slopes, MODEST)
    precision[PRICE] = WEAK
    return _State(
        slopes=mean, weeks=np.zeros((len(layout.members), layout.weeks)), store_weeks=np.ones(rows),
        scatter=np.full(items, USUAL_SCATTER), prior=Prior(mean, precision), home_days=HOME_DAYS[0],
        tilt=np.zeros(rows), price_tilt=np.zeros(rows),
    )  # fmt: skip


# What goes into the regressions


def _regressors(history: History, part: IntArray) -> FloatArray:
    """A column for each of `REGRESSORS`, (R, K); that of the stock at home is filled in by the turns."""
    usual = _given_totals(history, history.on_sale * np.exp(USUAL * history.price))
    columns = [
        history.price, history.promoted, history.displayed, np.zeros(len(history.item)), 1 - history.on_sale,
        *_season(history), np.nan_to_num(history.competitor), _of_others(history, part, history.promoted, usual),
        _of_others(history, part, history.price, usual),
    ]  # fmt: skip
    return np.stack(columns, axis=1)


def _season(history: History) -> list[FloatArray]:
    """Two harmonics of the year and the years passed, (R,) each."""
    angle = 2 * np.pi * (history.first.timetuple().tm_yday + 7 * history.week) / 365.25
    return [np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle), history.week / 52]


def _at_home(history: History, regressors: FloatArray, state: _State) -> FloatArray:
    """What is missed of each row for what lies at home, for γ = 1, (R,)."""
    return at_home(history, _lift(history, regressors, state), state.slopes[:, STOCKED_UP], state.home_days)


def _lift(history: History, regressors: FloatArray, state: _State) -> FloatArray:
    """Sales over the usual ones at each row's price and promotion, (R,)."""
    moved = [PRICE, PROMOTED, DISPLAYED]
    exponent = (regressors[:, moved] * state.slopes[history.item][:, moved]).sum(axis=1)
    return np.exp(np.clip(exponent, np.log(SMALLEST_LIFT), np.log(LARGEST_LIFT)))


def _home_days(history: History, layout: Layout, regressors: FloatArray, state: _State, fit: _Fit) -> float:
    """The days of `HOME_DAYS` that explain most of what the other regressors leave: the largest score statistic."""
    lift = _lift(history, regressors, state)
    equations, left = fit.equations, history.units - fit.expected
    weighted = fit.expected[:, None] * equations.apart
    gains = []
    for days in HOME_DAYS:
        missed = -at_home(history, lift, np.zeros(len(history.items)), days)
        score, square = np.zeros(len(history.items)), np.zeros(len(history.items))
        for item, rows in enumerate(layout.rows):
            mine = missed[rows] - (weighted[rows] @ (equations.inverse[item] / state.scatter[item]) @ (
                weighted[rows].T @ missed[rows])) / np.maximum(fit.expected[rows], 1e-12)  # fmt: skip
            score[item] = mine @ left[rows] / state.scatter[item]
            square[item] = fit.expected[rows] @ mine**2 / state.scatter[item]
        of = history.category
        gains.append((np.bincount(of, score).clip(0) ** 2 / np.maximum(np.bincount(of, square), 1e-12)).sum())
    return HOME_DAYS[int(np.argmax(gains))]


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
    return np.unique(np.where(label < 0, alone, label), return_inverse=True)[1]


def _of_others(history: History, part: IntArray, values: FloatArray, usual: FloatArray) -> FloatArray:
    """Of each row the mean over the other items of its part in that week, by their usual units, (R,); 0 where there are
    none.

    Large items count less than by their units, so that none of them is the week.
    """
    weeks = int(history.week.max()) + 1
    cell, cells = history.item * weeks + history.week, len(history.items) * weeks
    top: FloatArray = np.bincount(cell, values * usual, cells)
    bottom: FloatArray = np.bincount(cell, usual, cells)
    weight: FloatArray = 1 / (bottom + np.median(bottom[bottom > 0]))
    top, bottom = top * weight, bottom * weight
    group = np.repeat(part, weeks) * weeks + np.tile(np.arange(weeks), len(history.items))
    others_top, others_bottom = np.bincount(group, top)[group] - top, np.bincount(group, bottom)[group] - bottom
    known = others_bottom > 1e-6
    return np.where(known, others_top / np.where(known, others_bottom, 1.0), 0.0)[cell]


def _of_stores(history: History, mean: FloatArray) -> FloatArray:
    """Units over expected units of each row's store in its week, (R,); 1 where too few items tell."""
    cell = history.store * (int(history.week.max()) + 1) + history.week
    enough = (np.bincount(cell) >= MIN_ITEMS_OF_A_STORE) & (len(np.unique(history.store)) > 1)
    ratio = np.bincount(cell, history.units) / np.maximum(np.bincount(cell, mean), 1e-9)
    return np.where(enough, np.maximum(ratio, SMALLEST_WEEK), 1.0)[cell]


# Priors and scatter


def _learned(history: History, prior: Prior, slopes: FloatArray, equations: Equations) -> Prior:
    """Means over each category, and widths, of the slopes that items have; those that nothing tells stay."""
    mean, precision = prior.mean.copy(), prior.precision.copy()
    of = history.category
    variance = np.diagonal(equations.inverse, axis1=1, axis2=2)
    for one in range(len(REGRESSORS)):
        told = np.clip(1 - variance[:, one] * precision[one], 0, 1)
        if one == PRICE or told.sum() < 2:
            continue
        if one in AIMED:
            alone = slopes[:, one] - (1 - told) * mean[:, one]
            chain = alone.sum() / told.sum()
            total, count = np.bincount(of, alone), np.bincount(of, told)
            mean[:, one] = ((total + ITEMS_OF_A_MEAN * chain) / (count + ITEMS_OF_A_MEAN))[of]
        apart = ((slopes[:, one] - mean[:, one]) ** 2).sum() / told.sum()
        precision[one] = 1 / np.clip(apart, APART[0] ** 2, APART[1] ** 2)
    mean[:, STOCKED_UP] = np.clip(mean[:, STOCKED_UP], 0, 1)
    return Prior(mean, precision)


def _scatter(history: History, layout: Layout, mean: FloatArray) -> FloatArray:
    """Variance of an item's units of a week over their mean, (I,), drawn to the chain's where there are few weeks."""
    expected, left = layout.by_week(mean), layout.by_week(history.units - mean)
    weeks = (expected > 0).sum(axis=1)
    square = np.where(expected > 1e-9, left**2 / np.maximum(expected, 1e-9), 0.0).sum(axis=1)
    own = square / np.maximum(weeks - SLOPES_SPENT * len(REGRESSORS), 0.3 * weeks + 1)
    chain = np.exp(np.mean(np.log(np.maximum(own, 0.3))))
    return np.maximum((SCATTER_WEEKS * chain + weeks * own) / (SCATTER_WEEKS + weeks), SMALLEST_SCATTER)


# Standard errors


def _rest(history: History, equations: Equations) -> FloatArray:
    """The price less what the item's other regressors predict of it, but for the stock at home, which is made of the
    price itself, (R,)."""
    others = np.delete(np.arange(len(REGRESSORS)), [PRICE, STOCKED_UP])
    among, with_price = equations.information[:, others[:, None], others], equations.information[:, others, :1]
    predicted = np.linalg.solve(among, with_price)[:, :, 0]
    return np.asarray(equations.apart[:, PRICE] - (predicted[history.item] * equations.apart[:, others]).sum(axis=1))


def _influence(
    history: History, layout: Layout, scatter: FloatArray, fit: _Fit, direction: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """What each week has moved each item's elasticity by, (I, W), through its own units and, by the effects of weeks,
    those of the others of its part; and the variance that the model itself gives it, (I,)."""
    equations, left = fit.equations, history.units - fit.expected
    influence = layout.by_week(direction * left)
    variance = equations.inverse[:, PRICE, PRICE].copy()
    of_weeks = layout.by_week(left) / scatter[:, None]
    of_slopes = layout.by_week(left[:, None] * equations.apart) / scatter[:, None, None]
    for members, solved in zip(layout.members, equations.of_weeks, strict=True):
        if solved is None:
            continue
        inverse, crossing = equations.inverse[members], equations.crossing[members]
        through = (crossing @ inverse[:, :, :1])[:, :, 0]
        by = through @ solved
        variance[members] += (by * through).sum(axis=1)
        slopes = np.einsum("iw,jwk->ijk", by, crossing @ inverse, optimize=True)
        influence[members] -= by * of_weeks[members].sum(axis=0)
        influence[members] += np.einsum("ijk,jwk->iw", slopes, of_slopes[members], optimize=True)
    return influence, variance


def _effective_weeks(layout: Layout, information: FloatArray) -> FloatArray:
    """(Σ c)² / Σ c² of the information c of each week: how many weeks an item's estimate rests on, (I,)."""
    by_week = layout.by_week(information)
    return np.asarray(by_week.sum(axis=1) ** 2 / np.maximum((by_week**2).sum(axis=1), 1e-300))


def _lasting(influence: FloatArray, weeks: FloatArray) -> FloatArray:
    """Variance of the sum over weeks, where what moves one lasts for some, (I,); with Bartlett's weights, and not much
    below that of independent weeks."""
    alone = (influence**2).sum(axis=1)
    variance = alone.copy()
    for lag in range(1, min(LASTING_WEEKS, influence.shape[1] - 1) + 1):
        bartlett = 1 - lag / (LASTING_WEEKS + 1)
        variance = variance + 2 * bartlett * (influence[:, lag:] * influence[:, :-lag]).sum(axis=1)
    return np.maximum(variance * weeks / np.maximum(weeks - 1, 0.5), 0.8 * alone)


def _moderated(robust: FloatArray, model: FloatArray, weeks: FloatArray) -> FloatArray:
    """Robust variances, their ratio to the model's drawn to the usual one as far as few weeks speak, (I,).

    What stays uncertain of the ratio widens the normal interval to that of Student's t.
    """
    ratio = np.maximum(robust, 1e-12) / model
    told = weeks > 1.5
    usual = np.exp(np.average(np.log(ratio[told]), weights=weeks[told])) if told.any() else 1.0
    freedom = PRIOR_WEEKS + weeks
    return np.asarray(model * (PRIOR_WEEKS * usual + weeks * ratio) / freedom * freedom / (freedom - 2))


# Small things


def _clipped(exponent: FloatArray) -> FloatArray:
    return np.clip(exponent, -LARGEST_EXPONENT, LARGEST_EXPONENT)


def _given_totals(history: History, mean: FloatArray) -> FloatArray:
    """Scaled to the units that every series sold: its own effect, at its best value."""
    total = np.bincount(history.series, history.units) / np.maximum(np.bincount(history.series, mean), 1e-300)
    return mean * total[history.series]
