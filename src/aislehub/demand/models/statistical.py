"""Statistical models of statsforecast, one series at a time: exponential smoothing, and two for intermittent demand.

- `auto_ets`: exponential smoothing, error, trend and season chosen by AICc (Hyndman et al. 2002,
  https://doi.org/10.1016/S0169-2070(01)00110-8);
- `croston` and `croston_sba`: size and interval of sales smoothed apart (Croston 1972,
  https://doi.org/10.1057/jors.1972.50), without and with the correction of its bias (Syntetos & Boylan 2005,
  https://doi.org/10.1016/j.ijforecast.2004.10.001);
- `tsb`: size and probability of a sale smoothed apart, so that an item that stops selling fades (Teunter et al. 2011,
  https://doi.org/10.1016/j.ejor.2011.05.018).

They know nothing of prices, promotions and calendars, and have nothing to learn ahead of a forecast.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from aislehub.core.errors import HubError
from aislehub.demand.models.seasonal import level
from aislehub.demand.panel import FloatArray, Panel

__all__ = ["Statistical", "auto_ets", "croston", "croston_sba", "import_peer", "tsb"]

YEARS, PERIODS = 2, 200
LEAST = 8
MAX_SEASON = 24


class Statistical:
    """One of statsforecast's models on every series of a panel, from the last two years or 200 periods, the longer.

    Closed and unknown periods: a seasonal model has the mean of their slot in their place, one without a season does
    not see them. Series with fewer than 8 known periods get their mean, as do all where demand has both signs and the
    model knows only sales.

    Args:
        kind: class in `statsforecast.models`.
        seasonal: takes `season_length`; else only sales ≥ 0 and no season.
        options: further arguments of the class.
    """

    def __init__(self, kind: str, *, seasonal: bool = False, **options: float) -> None:
        self._kind = kind
        self._seasonal = seasonal
        self._options = options

    def fit(self, panel: Panel, *, horizon: int, seed: int) -> None:
        import_peer("statsforecast.models")

    def predict(self, panel: Panel) -> FloatArray:
        panel = panel.recent(max(YEARS * panel.year, PERIODS))
        season = panel.cycle if panel.cycle <= MAX_SEASON else panel.season
        options = self._options | ({"season_length": season} if self._seasonal else {})
        model = getattr(import_peer("statsforecast.models"), self._kind)(**options)
        mean = np.repeat(level(panel)[:, None], panel.horizon, axis=1)
        if not (self._seasonal or panel.nonnegative):
            return mean
        for series, sold in enumerate(panel.sold.astype(np.float64)):
            known = ~np.isnan(sold)
            if known.sum() < LEAST:
                continue
            past = _without_gaps(sold[known.argmax() :], season) if self._seasonal else sold[known]
            with np.errstate(all="ignore"):  # a perfect fit has a likelihood without limit
                forecast = np.asarray(model.forecast(y=past, h=panel.horizon)["mean"])
            if np.isfinite(forecast).all():
                mean[series] = forecast
        return mean

    def save(self, folder: Path) -> None:
        pass

    def load(self, folder: Path) -> None:
        pass


def auto_ets() -> Statistical:
    """Exponential smoothing with error, trend and season chosen per series."""
    return Statistical("AutoETS", seasonal=True)


def croston() -> Statistical:
    """Croston's method, weight 0.1."""
    return Statistical("CrostonClassic")


def croston_sba() -> Statistical:
    """Croston's method with Syntetos and Boylan's correction, weight 0.1."""
    return Statistical("CrostonSBA")


def tsb() -> Statistical:
    """Teunter, Syntetos and Babai's method, both weights 0.1 as in Croston's."""
    return Statistical("TSB", alpha_d=0.1, alpha_p=0.1)


def import_peer(module: str) -> Any:
    """A module of the optional group `peers`.

    Raises:
        HubError: `demand.needs_peers`.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise HubError("demand.needs_peers", package=module.partition(".")[0]) from error


def _without_gaps(sold: FloatArray, season: int) -> FloatArray:
    """One series with the mean of its slot, or else its mean, wherever it is unknown."""
    known = ~np.isnan(sold)
    slot = np.arange(len(sold)) % season
    count = np.bincount(slot[known], minlength=season)
    total = np.bincount(slot[known], weights=sold[known], minlength=season)
    mean = np.where(count > 0, total / np.maximum(count, 1), sold[known].mean())
    return np.where(known, sold, mean[slot])
