"""Competitors' prices: the lowest one that can be believed, and those that cannot.

A feed that has lost its decimal point says 2.99 as 299. A price more than `competitor_far` times above or below the
chain's own is not believed: it is left out of every decision and told to whoever keeps the feed.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd

from aislehub.price.ladder import FloatArray

__all__ = ["is_far", "latest", "lowest"]


def latest(competitor_prices: Any, day: date, days: int) -> pd.DataFrame:
    """The latest price of each competitor, item and region seen in the `days` days up to `day`.

    Returns:
        Columns competitor, item, region (empty = everywhere) and rival, the price.
    """
    seen = competitor_prices.seen_at.date()
    recent = competitor_prices.filter(seen.between(ibis.literal(day - timedelta(days=days - 1)), ibis.literal(day)))
    recent = recent.mutate(region=recent.region.fill_null(""))
    rows = recent.group_by(["competitor", "item", "region"]).aggregate(rival=recent.price.argmax(recent.seen_at))
    return rows.order_by(["competitor", "item", "region"]).to_pandas()


def is_far(rival: FloatArray, own: FloatArray, far: float) -> np.ndarray:
    """Whether a competitor's price is no price of the same goods: more than `far` times above or below one's own."""
    with np.errstate(invalid="ignore", divide="ignore"):
        times = rival / own
    return ~((times <= far) & (times >= 1 / far))


def lowest(rivals: pd.DataFrame, lines: pd.DataFrame, far: float) -> pd.DataFrame:
    """The lowest believable price of each line, and one that was not believed.

    Args:
        rivals: as from `latest`.
        lines: columns store, item, region and price, one's own.
        far: factor beyond which a price is not believed.

    Returns:
        One row a line, in their order: competitor and rival (the lowest believed), ignored_by and ignored (the farthest
        not believed); missing where there is none.
    """
    own = lines.reset_index(drop=True).reset_index(names="line")[["line", "item", "region", "price"]]
    pairs = own.merge(rivals, on="item", suffixes=("", "_seen"))
    pairs = pairs[(pairs["region_seen"] == "") | (pairs["region_seen"] == pairs["region"])]
    far_off = is_far(pairs["rival"].to_numpy(float), pairs["price"].to_numpy(float), far)
    believed = pairs[~far_off].sort_values(["line", "rival", "competitor"]).groupby("line").first()
    distance = np.abs(np.log(np.maximum(pairs["rival"], 1e-9) / np.maximum(pairs["price"], 1e-9)))
    strange = pairs.assign(distance=distance)[far_off].sort_values(["line", "distance"]).groupby("line").last()
    return pd.DataFrame(index=range(len(own))).assign(
        competitor=believed["competitor"], rival=believed["rival"].astype(float),
        ignored_by=strange["competitor"], ignored=strange["rival"].astype(float),
    )  # fmt: skip
