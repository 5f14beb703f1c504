"""Stocking up: what shoppers bought ahead and still have at home, so that they buy less for a while.

When a price is cut, shoppers buy more than they use. A share γ of what they buy beyond the usual lies at home, is used
up little by little, and is missed by the sales of the days after; when a price is high they run their stock down. So a
week's sales are what a day's demand at that price would be, times 1 − γ x, where x is the stock at home for γ = 1, as
far as it replaces the usual sales of a day. About a third of what a promotion sells is of that kind (van Heerde,
Leeflang & Wittink 2004, https://doi.org/10.1287/mksc.1040.0061).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aislehub.price.price_history import History

__all__ = ["LARGEST_LIFT", "MOST_MISSED", "at_home"]

FloatArray = NDArray[Any]

MOST_MISSED = 0.6
"""Share of a week's sales that stocks at home replace at most."""
LARGEST_LIFT = 8.0  # times the usual sales, beyond which a lift is not believed
DAYS = np.arange(7)


def at_home(history: History, lift: FloatArray, share: FloatArray, days: float) -> FloatArray:
    """What is missed of each row's week for γ = 1, over the usual sales, (R,).

    Args:
        lift: expected sales over the usual ones at the price and promotion of the week, (R,).
        share: γ of each item, (I,).
        days: in which a stock at home falls to 1/e.
    """
    stays = 1 - 1 / days  # each day
    at_once, later = np.mean(1 - stays**DAYS), (1 - stays**7) * np.mean(stays**DAYS)
    series, weeks = int(history.series.max()) + 1, int(history.week.max()) + 1
    lifts, of = np.ones((series, weeks)), np.zeros(series)
    lifts[history.series, history.week] = np.minimum(lift, LARGEST_LIFT)
    of[history.series] = np.clip(share, 0, 1)[history.item]
    missed, carried = np.empty_like(lifts), np.zeros(series)
    for week in range(weeks):
        wanted = lifts[:, week]
        drained = np.minimum(of * (carried + at_once * (wanted - 1)), MOST_MISSED)
        beyond = wanted * (1 - drained) - 1
        missed[:, week] = at_once * beyond + carried
        carried = stays**7 * carried + later * beyond
    return np.asarray(missed[history.series, history.week])
