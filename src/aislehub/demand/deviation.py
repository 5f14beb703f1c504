"""How far sales may stray from their forecast before somebody should look, and which node to look at.

A node is a total: the chain, a region, a department or category, a store, a category of a store. Its weekly error is
log(sold / forecast). Four things make small shifts visible without crying wolf:

- Errors are added up over windows of 1, 2 and 3 weeks, and every week of a window is compared with the forecast made
  before the window began. A forecast that has seen the shift would hide it.
- What the rest of the node's parents did in the same weeks (the other stores, the other categories), and where the node
  itself stood before, is taken out of its error: a shift is what these do not explain.
- A window's error is divided by its usual size: the node's own, drawn to that of nodes of its size; wider in a week in
  which all nodes of a level scatter (a feast, a storm), and wider or narrower as the node's latest weeks were wild or
  calm.
- The limit is read off the far tail of such ratios as they were met in the past, each judged by what the weeks before
  had shown (peaks over threshold, a spell of high weeks counted once: Pickands 1975,
  https://doi.org/10.1214/aos/1176343003), so that a quiet node raises an alert once in so many weeks and no oftener.

All of it is learnt on weeks before those that are judged.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy
from numpy.typing import NDArray

from aislehub.demand.panel import FloatArray

__all__ = ["WINDOWS", "Cause", "Limits", "Outcomes", "first_known"]

WINDOWS = (1, 2, 3)
"""Weeks over which errors are added up."""

LEAST_EXPECTED = 5.0
"""Expected units a week below which a relative error says nothing."""

_CLIP = 4.0
"""Weekly errors count up to this many of their usual sizes in longer windows: one wild week is no shift."""
_OWN_WEEKS = 8
"""Latest weeks in which a node shows where it stands and how restless it is."""
_PRIOR_WEEKS = 8.0
_BLOCK = 13
"""Weeks that are met by one past."""
_SPELL = max(WINDOWS) - 1
"""Weeks around a peak that belong to its alert: their windows overlap."""
_MARGIN = 0.7
"""Aim below the promised rate: a limit learnt on one past is exceeded oftener on the next."""
_WILD = 3.0
_MIN_PEERS = 8
_MIN_SCATTER = 20
_MIN_VALUES = 100
_CLASS_VALUES = 1_000
_MAX_CLASSES = 6
_TAIL = 0.05
_PRIOR_SHAPE, _PRIOR_PEAKS = 0.1, 30.0


@dataclass(frozen=True)
class Outcomes:
    """Weekly sales of nodes beside what was forecast for them.

    Attributes:
        sold, expected: (nodes, weeks, leads). Entry [n, w, j] is of week w and of the forecast made j + 1 weeks before
            its end; both are of the items that this forecast covers. NaN where there was no such forecast.
        parents: (nodes, P), positions of the nodes that contain the node; -1 = none. The chain has none.
        level: (nodes,), a code of the level; noise is compared within a level.
    """

    sold: FloatArray
    expected: FloatArray
    parents: NDArray[np.intp]
    level: NDArray[np.intp]

    def weeks(self, first: int, last: int) -> Outcomes:
        """The same nodes in the weeks `first` to before `last`."""
        span = slice(max(first, 0), last)
        return Outcomes(self.sold[:, span], self.expected[:, span], self.parents, self.level)

    @cached_property
    def errors(self) -> FloatArray:
        """log(sold / expected), NaN below `LEAST_EXPECTED`; half a unit on either side bears a week without sales."""
        return _log_ratio(self.sold, self.expected)

    @cached_property
    def weekly(self) -> tuple[FloatArray, FloatArray]:
        """Sold and expected of each week by the latest forecast made before it, each (nodes, weeks)."""
        return first_known(self.sold), first_known(self.expected)

    @cached_property
    def size(self) -> FloatArray:
        """Mean expected units a week, (nodes,)."""
        return np.maximum(_quiet_mean(self.expected.reshape(len(self.level), -1)), 1.0)

    @cached_property
    def around(self) -> FloatArray:
        """What may explain a node's error, (nodes, P + 1, weeks, leads): the errors of its parents without it, and its
        own mean error in the 8 weeks before the forecast. 0 where unknown."""
        parts = []
        for parent in self.parents.T:
            rest = _log_ratio(self.sold[parent] - self.sold, self.expected[parent] - self.expected)
            parts.append(np.where(parent[:, None, None] < 0, np.nan, rest))
        return np.nan_to_num(np.stack([*parts, self._own()], axis=1))

    def _own(self) -> FloatArray:
        nodes, weeks, leads = self.errors.shape
        latest = first_known(self.errors)
        known = np.isfinite(latest)
        total = np.pad(np.cumsum(np.where(known, latest, 0), axis=1), ((0, 0), (1, 0)))
        count = np.pad(np.cumsum(known, axis=1), ((0, 0), (1, 0)))
        own = np.zeros((nodes, weeks, leads))
        for lead in range(leads):
            end = np.maximum(np.arange(weeks) - lead, 0)
            start = np.maximum(end - _OWN_WEEKS, 0)
            seen = count[:, end] - count[:, start]
            own[:, :, lead] = (total[:, end] - total[:, start]) / np.maximum(seen, _OWN_WEEKS // 2)
        return own

    def over(self, window: int) -> tuple[FloatArray, FloatArray]:
        """Sold and expected over the `window` weeks up to each week, seen from before the window; (nodes, weeks)."""
        return _over(self.sold, window), _over(self.expected, window)


@dataclass(frozen=True)
class Cause:
    """One node whose sales have left their forecast, and that no other node explains.

    Attributes:
        node: position.
        window: weeks over which it shows best.
        signal: its error as a multiple of the limit, > 0 = sold more than expected.
    """

    node: int
    window: int
    signal: float


@dataclass(frozen=True)
class _Usual:
    """How wrong forecasts of these nodes usually are.

    Attributes:
        slope: (nodes, P + 1), how much of the errors around goes into the node's own.
        centre: (nodes,), median of what is left.
        scale: (nodes,), usual size of a week's remaining error, in logs.
        spread: (windows, nodes), usual size of a window's sum of `error / scale`, over √window.
    """

    slope: FloatArray
    centre: FloatArray
    scale: FloatArray
    spread: FloatArray

    @classmethod
    def of(cls, past: Outcomes) -> _Usual:
        slope = _slopes(past)
        left = past.errors - np.einsum("np,npwl->nwl", slope, past.around)
        flat = left.reshape(len(left), -1)
        centre = _quiet_median(flat) * _trust(flat)
        left = left - centre[:, None, None]
        scale = np.sqrt(_variance(first_known(left), past))
        scaled = left / scale[:, None, None]
        scaled = scaled / _restless(scaled, past.level)
        spread = [np.sqrt(_variance(_window_sum(scaled, window), past)) for window in WINDOWS]
        return cls(slope, centre, scale, np.stack(spread))

    def aside(self, outcomes: Outcomes) -> FloatArray:
        """Errors that those around, and past ones, make one expect, in logs, (nodes, weeks, leads)."""
        return np.einsum("np,npwl->nwl", self.slope, outcomes.around) + self.centre[:, None, None]

    def unit(self, outcomes: Outcomes) -> FloatArray:
        """Usual size of a week's remaining error, in logs, given how restless the weeks are, (nodes, weeks, leads)."""
        scaled = (outcomes.errors - self.aside(outcomes)) / self.scale[:, None, None]
        return self.scale[:, None, None] * _restless(scaled, outcomes.level)

    def ratios(self, outcomes: Outcomes, clip: float = _CLIP) -> FloatArray:
        """Errors of the windows ending at each week over their usual size, (windows, nodes, weeks)."""
        scaled = (outcomes.errors - self.aside(outcomes)) / self.unit(outcomes)
        sums = [_window_sum(scaled, window, clip) for window in WINDOWS]
        return np.stack(sums) / self.spread[:, :, None]


@dataclass(frozen=True)
class Limits:
    """What is beyond chance.

    Attributes:
        usual: how wrong forecasts of these nodes usually are.
        limit: (windows, nodes), multiples of that beyond chance.
        band: the multiple within which 90 % of single weeks lie.
    """

    usual: _Usual
    limit: FloatArray
    band: float

    @classmethod
    def learn(cls, past: Outcomes, *, rate: float = 0.001) -> Limits | None:
        """Learn on weeks that are not judged.

        The tail is that of ratios as they would have been met: of each block of weeks by what the weeks before it
        showed to be usual. So a past that is no guide to what follows it widens the limits.

        Args:
            rate: series-weeks per series-week in which a quiet node may exceed its limit.

        Returns:
            None with fewer than 100 series-weeks in the later half of the past: there is no tail to read a limit from.
        """
        usual = _Usual.of(past)
        ratios = np.abs(_as_met(past))
        if np.isfinite(ratios[0]).sum() < _MIN_VALUES:
            return None
        alone = np.stack([_tail_limits(_peaks(ratio), usual.scale, rate) for ratio in ratios])
        largest = _quiet_max(ratios / alone[:, :, None])
        limit = alone * _tail_limits(_peaks(largest), usual.scale, rate * _MARGIN)
        band = float(np.nanquantile(ratios[0], 0.9))
        return cls(usual, limit, band)

    def signals(self, outcomes: Outcomes, *, clip: float = _CLIP) -> FloatArray:
        """Signed errors of the windows ending at each week as multiples of the limit, (windows, nodes, weeks).

        Beyond ±1 is beyond chance. NaN where the window lacks a forecast.
        """
        return self.usual.ratios(outcomes, clip) / self.limit[:, :, None]

    def reach(self, outcomes: Outcomes, window: int) -> FloatArray:
        """The smallest steady deviation (in logs, > 0) that exceeds the limit in the window up to each week,
        (nodes, weeks); NaN where the window lacks a forecast."""
        at = WINDOWS.index(window)
        unit = _over(self.usual.unit(outcomes), window) / window
        return unit * (self.usual.spread[at] * self.limit[at])[:, None] / np.sqrt(window)

    def foreseen(self, outcomes: Outcomes, window: int) -> FloatArray:
        """Mean error (in logs) over the window up to each week that past errors and the rest make one expect,
        (nodes, weeks)."""
        aside = self.usual.aside(outcomes)
        return _over(np.where(np.isfinite(outcomes.errors), aside, np.nan), window) / window

    def expectation(self, outcomes: Outcomes) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Sales expected of each week given the rest, and the 90 % band around them, each (nodes, weeks)."""
        aside = self.usual.aside(outcomes)
        middle = first_known(np.where(np.isfinite(outcomes.errors), outcomes.expected * np.exp(aside), np.nan))
        unit = first_known(np.where(np.isfinite(outcomes.errors), self.usual.unit(outcomes), np.nan))
        width = np.exp(self.band * unit * self.usual.spread[0][:, None])
        return middle, middle / width, middle * width

    def causes(self, outcomes: Outcomes, week: int) -> list[Cause]:
        """The nodes to look at after `week`, one per cause, the clearest first.

        The clearest node beyond its limit, or the highest one above it that moves as a whole, is a cause. Its deviation
        is taken off everything that it contains, and so off every total of that; what is beyond its limit still
        is looked at in the same way, until nothing is.
        """
        span = 2 * _OWN_WEEKS + outcomes.sold.shape[2] + max(WINDOWS)
        now = outcomes.weeks(week + 1 - span, week + 1)
        above = _above(outcomes.parents)
        parts = np.bincount(outcomes.parents[outcomes.parents >= 0], minlength=len(outcomes.level)) == 0
        open_ = np.abs(self._strongest(now)[0]) > 1
        found: list[Cause] = []
        while True:
            signal, best = self._strongest(now)
            beyond = open_ & (np.abs(signal) > 1)
            if not beyond.any():
                return found
            clear = np.abs(np.nan_to_num(self.signals(now, clip=np.inf)[:, :, -1])).max(axis=0)
            node = int(np.where(beyond, clear, 0.0).argmax())
            node = self._origin(now, node, np.where(beyond, signal, 0.0), WINDOWS[best[node]], above)
            found.append(Cause(node, WINDOWS[best[node]], float(signal[node])))
            open_[node] = False
            now = self._without(now, node, above, parts)

    def _strongest(self, outcomes: Outcomes) -> tuple[FloatArray, NDArray[np.intp]]:
        """Of each node's windows up to the last week the largest signal, 0 where unknown, and which window it is."""
        signals = np.nan_to_num(self.signals(outcomes)[:, :, -1])
        best = np.abs(signals).argmax(axis=0)
        return np.take_along_axis(signals, best[None], axis=0)[0], best

    def _origin(
        self, outcomes: Outcomes, node: int, signal: FloatArray, window: int, above: scipy.sparse.csc_array
    ) -> int:
        """The highest node above that is beyond its limit too and moves as a whole; `signal` is 0 where it is not."""
        error = _log_ratio(*outcomes.over(window))[:, -1]
        foreseen = self.foreseen(outcomes, window)[:, -1]
        higher = [one for one in above[[node]].nonzero()[1].tolist() if signal[one] * signal[node] > 0 and one != node]
        for one in sorted(higher, key=lambda candidate: above[[candidate]].count_nonzero()):
            if _moves_as_a_whole(error - foreseen[one], one, outcomes):
                return int(one)
        return node

    def _without(
        self, outcomes: Outcomes, node: int, above: scipy.sparse.csc_array, parts: NDArray[np.bool_]
    ) -> Outcomes:
        """What would have been sold had the node sold what was expected of it in the weeks of the windows."""
        late = np.arange(outcomes.sold.shape[1]) >= outcomes.sold.shape[1] - max(WINDOWS)
        off = np.where(late[:, None], np.nan_to_num(outcomes.errors[node] - self.usual.aside(outcomes)[node]), 0.0)
        change = np.zeros(outcomes.sold.shape)
        inside = above[:, [node]].nonzero()[0]
        inside = inside[parts[inside]]
        change[inside] = np.nan_to_num(outcomes.sold[inside]) * np.expm1(-off)
        moved = (above.T @ change.reshape(len(change), -1)).reshape(change.shape)
        return Outcomes(outcomes.sold + moved, outcomes.expected, outcomes.parents, outcomes.level)


def _above(parents: NDArray[np.intp]) -> scipy.sparse.csc_array:
    """Which nodes contain which, themselves included: entry [node, above] is 1."""
    count = len(parents)
    node, place = np.nonzero(parents >= 0)
    step = scipy.sparse.csc_array((np.ones(len(node)), (node, parents[node, place])), shape=(count, count))
    reached = scipy.sparse.eye_array(count, format="csc")
    while True:
        further = ((reached @ step + reached) > 0).astype(float).tocsc()
        if further.nnz == reached.nnz:
            return reached
        reached = further


def _log_ratio(sold: FloatArray, expected: FloatArray) -> FloatArray:
    enough = expected >= LEAST_EXPECTED
    return np.log((np.where(enough, np.maximum(sold, 0), np.nan) + 0.5) / (np.where(enough, expected, 1.0) + 0.5))


def first_known(values: FloatArray) -> FloatArray:
    """Of each week the entry of the shortest lead that is known, (nodes, weeks)."""
    known = np.isfinite(values)
    at = known.argmax(axis=2)[:, :, None]
    return np.take_along_axis(values, at, axis=2)[:, :, 0]


def _over(values: FloatArray, window: int) -> FloatArray:
    """Sum over the `window` weeks up to each week, all by the one forecast made last before them; NaN without one.

    The forecast made `lead` weeks before the end of week w is that made `lead − 1` weeks before the end of w − 1.
    """
    nodes, weeks, leads = values.shape
    found = np.full((nodes, weeks), np.nan)
    for lead in range(leads - 1, window - 2, -1):
        total = values[:, :, lead].copy()
        for back in range(1, window):
            total[:, :back] = np.nan
            total[:, back:] += values[:, : weeks - back, lead - back]
        found = np.where(np.isfinite(total), total, found)
    return found


def _window_sum(scaled: FloatArray, window: int, clip: float = _CLIP) -> FloatArray:
    """Sum of a window's weekly ratios over √window, each week clipped where the window has several."""
    return _over(scaled if window == 1 else np.clip(scaled, -clip, clip), window) / np.sqrt(window)


def _as_met(past: Outcomes) -> FloatArray:
    """Ratios of the later half of the known weeks, each block by what is usual in all before; NaN in the others."""
    weeks = past.sold.shape[1]
    met = np.full((len(WINDOWS), *past.sold.shape[:2]), np.nan)
    known = np.flatnonzero(np.isfinite(past.errors).any(axis=(0, 2)))
    for start in range(int(known[len(known) // 2]) if len(known) else weeks, weeks, _BLOCK):
        stop = min(start + _BLOCK, weeks)
        met[:, :, start:stop] = _Usual.of(past.weeks(0, start)).ratios(past.weeks(0, stop))[:, :, start:stop]
    return met


def _restless(scaled: FloatArray, level: NDArray[np.intp]) -> FloatArray:
    """How much more than usual a week's errors may be: what all nodes of its level scatter in it, times what the node
    itself scattered in the weeks before the forecast; (nodes, weeks, leads)."""
    common = np.ones(scaled.shape)
    for member in (level == one for one in np.unique(level)):
        if member.sum() >= _MIN_SCATTER:
            scatter = 1.4826 * _quiet_median(np.abs(np.moveaxis(scaled[member], 0, -1)))
            common[member] = np.maximum(scatter, 1.0)
    return common * _lately(scaled / common)


def _lately(scaled: FloatArray) -> FloatArray:
    """Root mean square of the latest errors known when each forecast was made, drawn to 1; (nodes, weeks, leads).

    Errors of sales come in calm and wild spells: one limit for both is too wide in the one, too narrow in the other.
    """
    squares = np.minimum(first_known(scaled) ** 2, _WILD**2)
    known = np.isfinite(squares)
    total = np.pad(np.cumsum(np.where(known, squares, 0), axis=1), ((0, 0), (1, 0)))
    count = np.pad(np.cumsum(known, axis=1), ((0, 0), (1, 0)))
    lately = np.ones(scaled.shape)
    for lead in range(scaled.shape[2]):
        end = np.maximum(np.arange(scaled.shape[1]) - lead, 0)
        start = np.maximum(end - _OWN_WEEKS, 0)
        seen = count[:, end] - count[:, start]
        lately[:, :, lead] = np.sqrt((total[:, end] - total[:, start] + _PRIOR_WEEKS) / (seen + _PRIOR_WEEKS))
    return lately


def _slopes(past: Outcomes) -> FloatArray:
    """Per level, the share of the errors around that goes into the node's own: least squares, each share in [0, 1]."""
    around = np.where(np.isfinite(past.errors)[:, None], past.around, np.nan)
    nodes, factors = around.shape[:2]
    around = around - _quiet_median(around.reshape(nodes, factors, -1))[:, :, None, None]
    own = past.errors - _quiet_median(past.errors.reshape(nodes, -1))[:, None, None]
    slope = np.zeros((nodes, factors))
    for level in np.unique(past.level):
        member = past.level == level
        target = own[member].ravel()
        known = np.isfinite(target)
        if known.sum() < _MIN_PEERS * factors:
            continue
        usual = 3 * 1.4826 * np.median(np.abs(target[known]))
        target = np.clip(target[known], -usual, usual)
        columns = np.clip(np.moveaxis(around[member], 1, -1).reshape(-1, factors)[known], -usual, usual)
        gram = columns.T @ columns
        gram += np.eye(factors) * (1e-3 * np.trace(gram) / factors + 1e-12)
        root = np.linalg.cholesky(gram)
        shares, _ = scipy.optimize.nnls(root.T, np.linalg.solve(root, columns.T @ target))
        slope[member] = np.minimum(shares, 1.0)
    return slope


def _variance(values: FloatArray, past: Outcomes) -> FloatArray:
    """Variance about 0 of each node's values, (nodes, weeks) → (nodes,).

    Squares are capped at 16 times their level's median. Where a level has several nodes, noise is τ² + φ / size
    (steady disturbance and chance of counts); each node is drawn to that by 8 weeks' weight.
    """
    known = np.isfinite(values)
    count = known.sum(axis=1)
    squares = np.where(known, values, 0.0) ** 2
    prior = np.ones(len(values))
    for level in np.unique(past.level):
        member = past.level == level
        seen = known[member]
        if not seen.any():
            continue
        squares[member] = np.minimum(squares[member], 16 * np.median(squares[member][seen]))
        own = squares[member].sum(axis=1) / np.maximum(count[member], 1)
        prior[member] = _noise_of_size(own, count[member], past.size[member])
    return np.maximum((squares.sum(axis=1) + _PRIOR_WEEKS * prior) / (count + _PRIOR_WEEKS), 1e-8)


def _noise_of_size(own: FloatArray, count: NDArray[np.intp], size: FloatArray) -> FloatArray:
    """Variance expected of nodes of each size: τ² + φ / size, by weighted least squares with both ≥ 0."""
    seen = count > 0
    fitted = np.full(len(own), np.average(own[seen], weights=count[seen]))
    if seen.sum() < _MIN_PEERS:
        return fitted
    parts = np.column_stack([np.ones(len(own)), 1 / size])
    for _ in range(4):  # the variance of a variance goes with its square
        weight = np.sqrt(count[seen]) / np.maximum(fitted[seen], 1e-8)
        shares, _ = scipy.optimize.nnls(parts[seen] * weight[:, None], own[seen] * weight)
        fitted = np.maximum(parts @ shares, 1e-8)
    return fitted


def _peaks(largest: FloatArray) -> FloatArray:
    """The same with the weeks beside a higher one set to 0: they belong to its alert."""
    around = np.pad(np.nan_to_num(largest), ((0, 0), (_SPELL, _SPELL)))
    highest = np.lib.stride_tricks.sliding_window_view(around, 2 * _SPELL + 1, axis=1).max(axis=2)
    return np.where(np.isnan(largest) | (largest >= highest), largest, 0.0)


def _tail_limits(largest: FloatArray, scale: FloatArray, rate: float) -> FloatArray:
    """Per node, the value that `largest` exceeds at `rate`; nodes of like noise share a tail."""
    counts = np.isfinite(largest).sum(axis=1)
    classes = int(np.clip(counts.sum() // _CLASS_VALUES, 1, _MAX_CLASSES))
    order = np.argsort(scale, kind="stable")
    position = np.cumsum(counts[order]) - counts[order] / 2
    group = np.empty(len(scale), dtype=int)
    group[order] = np.minimum((position * classes / max(counts.sum(), 1)).astype(int), classes - 1)
    limits = np.full(len(scale), np.inf)
    for member in (group == number for number in range(classes)):
        values = largest[member]
        values = np.sort(values[np.isfinite(values)])
        if len(values) >= _MIN_VALUES:
            limits[member] = _exceeded_at(values, rate)
    return limits


def _exceeded_at(values: FloatArray, rate: float) -> float:
    """The value that a share `rate` of the distribution of `values` (sorted) exceeds: a generalised Pareto tail.

    Shape by probability-weighted moments (Hosking & Wallis 1987, https://doi.org/10.1080/00401706.1987.10488243),
    drawn to a slightly heavy tail where peaks are few.
    """
    start = values[int((1 - _TAIL) * len(values))]
    peaks = values[values > start] - start
    count = len(peaks)
    if count < 2:
        return float(values[-1])
    mean = peaks.mean()
    weighted = float((peaks * (count - 1 - np.arange(count))).sum() / (count * (count - 1)))
    shape = 2 - mean / (mean - 2 * weighted)
    shape = float(np.clip((count * shape + _PRIOR_PEAKS * _PRIOR_SHAPE) / (count + _PRIOR_PEAKS), -0.2, 0.5))
    width = mean * (1 - shape)
    beyond = rate * len(values) / count
    growth = (beyond**-shape - 1) / shape if abs(shape) > 1e-6 else -np.log(beyond)
    return float(start + width * growth)


def _moves_as_a_whole(error: FloatArray, node: int, outcomes: Outcomes) -> bool:
    """Whether on each level right below a node, two thirds by weight go at least half its way."""
    below = (outcomes.parents == node).any(axis=1) & np.isfinite(error)
    with_it = error * np.sign(error[node]) >= abs(error[node]) / 2
    return all(
        outcomes.size[part & with_it].sum() >= 2 / 3 * outcomes.size[part].sum()
        for part in (below & (outcomes.level == level) for level in np.unique(outcomes.level[below]))
    )


def _trust(values: FloatArray) -> FloatArray:
    """Weight of each row's own median against 0."""
    count = np.isfinite(values).sum(axis=1)
    return count / (count + _PRIOR_WEEKS)


def _quiet_median(values: FloatArray) -> FloatArray:
    """Median of the known values along the last axis, 0 where there is none."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        return np.nan_to_num(np.nanmedian(values, axis=-1))


def _quiet_mean(values: FloatArray) -> FloatArray:
    known = np.isfinite(values)
    return np.where(known, values, 0).sum(axis=-1) / np.maximum(known.sum(axis=-1), 1)


def _quiet_max(values: FloatArray) -> FloatArray:
    """Largest known value along the first axis, NaN where there is none."""
    return np.where(np.isfinite(values).any(axis=0), np.fmax.reduce(values, axis=0), np.nan)
