"""What the log says of a recommendation, as facts that can be counted again: of many members' lists at once.

The nightly lists state these. What an answer says while somebody waits is weighed and tested besides (`because`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from aislehub.core.reasons import Reason
from aislehub.customer.recommend.baskets import EPOCH, Baskets, FloatArray, IntArray
from aislehub.customer.recommend.offers import Offers

__all__ = ["AHEAD", "LATELY", "offer_facts", "popular", "stated"]

LATELY = 90
"""Days in which purchases are counted."""
AHEAD = (2, 9)
"""Days ahead on which an offer is looked for: this week's and next week's, those that the features look at."""


def stated(
    baskets: Baskets, offers: Offers, everywhere: FloatArray, customer: IntArray, item: IntArray, store: IntArray,
    day: int,
) -> list[list[Reason]]:  # fmt: skip
    """Of each row: how often they bought it and when again, what is on offer; else how many baskets hold it.

    Args:
        everywhere: share of all visits with each item, (I,).
        customer, item, store: codes, (q,); store −1 = unknown.
        day: on which the lists hold, days since 1970.
    """
    habits, offered = _habits(baskets, customer, item, day), _offers(offers, store, item, day)
    rows = zip(habits, offered, everywhere[item], strict=True)
    return [[*habit, *offer] or [popular(float(share))] for habit, offer, share in rows]


def popular(share: float) -> Reason:
    """How many of all baskets hold an item."""
    return Reason("recommend.because.popular", {"share": round(100 * share, 1)})


def offer_facts(offers: Offers, at: int) -> dict[str, Any]:
    """What a promotion is, with its first and last day."""
    what = ["discount"] if offers.discount[at] > 0 else []
    what += [name for name in ("display", "mailer") if getattr(offers, name)[at] > 0]
    first, last = (EPOCH + timedelta(days=int(edge[at])) for edge in (offers.starts, offers.ends))
    return {"what": "+".join(what) or "offer", "from": first.isoformat(), "until": last.isoformat()}


def _habits(baskets: Baskets, customer: IntArray, item: IntArray, day: int) -> Iterator[list[Reason]]:
    """Visits with the item in the last days, and how often it is bought where it is not bought too lately."""
    pair = customer * len(baskets.items) + item
    lines = pd.DataFrame({
        "pair": baskets.customer * len(baskets.items) + baskets.item, "visit": baskets.visit,
        "day": baskets.visit_day[baskets.visit],
    })  # fmt: skip
    lines = lines[np.isin(lines["pair"], pair)]
    lately = lines[lines["day"] >= day - LATELY].drop_duplicates(["pair", "visit"]).groupby("pair").size()
    days = lines.drop_duplicates(["pair", "day"]).groupby("pair")["day"].agg(["min", "max", "size"]).reindex(pair)
    for count, first, last, times in zip(
        lately.reindex(pair, fill_value=0), days["min"], days["max"], days["size"].fillna(0), strict=True
    ):
        found = [Reason("recommend.because.habit", {"count": int(count), "days": LATELY})] if count else []
        if times > 1 and 2 * (day - last) >= (gap := round((last - first) / (times - 1))):
            found.append(Reason("recommend.because.due", {"gap": gap, "ago": int(day - last)}))
        yield found


def _offers(offers: Offers, store: IntArray, item: IntArray, day: int) -> Iterator[list[Reason]]:
    soon, later = (offers.at(store, item, day + ahead) for ahead in AHEAD)
    for at in np.where(soon >= 0, soon, later).tolist():
        yield [Reason("recommend.because.offer", offer_facts(offers, at))] if at >= 0 else []
