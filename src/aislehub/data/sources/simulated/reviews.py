"""Simulated reviews: what customers might have written of the items that sell most, for data that bring none.

Three items have a planted fault each, to be found: one leaks since four weeks, one was never fresh, one
tastes bad to nearly everyone. All else is praise with the odd complaint. Half of the reviews are Chinese, half English.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from ibis import _

from aislehub.core.tables import Tables
from aislehub.schema.reviews import REVIEWS

__all__ = ["SimulatedReviews"]

SOURCE = "simulated: reviews"
LAST_DAY = date(2017, 12, 3)
DAYS, ITEMS, EACH, FAULTY = 110, 24, 60, 0.85
PRAISE = (
    "味道很好，价格也实惠", "很新鲜，包装也严实", "质量不错，会再买", "物流很快，服务态度好", "口感好，家里人都喜欢",
    "Great taste and a fair price.", "Fresh, and well packed.", "Good quality, will buy again.",
    "Fast delivery, friendly staff.", "Delicious, my family loves it.",
)  # fmt: skip
COMPLAINTS = (
    "价格太贵，不划算", "送货太慢，等了很久", "服务态度很差", "The price is far too high.",
    "Delivery was terribly late.", "The staff was rude.",
)  # fmt: skip
FAULTS = {
    "packaging": ("包装破损，漏了一袋子", "盖子没盖好，漏液，很失望", "The box leaked, awful.", "Leaking package."),
    "freshness": ("不新鲜，快过期了，太差", "打开就发霉了，恶心", "It was stale and mouldy.", "Expired when bought."),
    "taste": ("难吃，口感太差", "味道很糟糕，不会再买", "Tasteless, horrible food.", "Awful taste, never again."),
}  # fmt: skip
"""Aspect → words; the first fault begins 28 days before the last day."""


@dataclass(frozen=True)
class SimulatedReviews:
    """Reviews of the items that sell most.

    Args:
        tables: with items and sales.
        seed: of the draws.
        last_day: business day of the last review.
    """

    tables: Tables
    seed: int = 0
    last_day: date = LAST_DAY

    def rows(self, since: datetime | None = None) -> Iterator[tuple[str, pa.Table]]:
        """The table reviews, sorted by time."""
        random = np.random.default_rng(self.seed)
        reviews = [row for nth, item in enumerate(self.items()) for row in self._of(nth, item, random)]
        table = pa.Table.from_pylist(sorted(reviews, key=lambda row: (row["at"], row["review"])), REVIEWS.schema)
        yield "reviews", table if since is None else table.filter(pc.greater_equal(table["at"], since))

    def items(self) -> list[str]:
        """The items that are written about, those of most receipts first; the first ones have the planted faults."""
        sellable = self.tables.read("items").filter(_.is_sellable.fill_null(True)).select("item")
        begin = self.last_day - timedelta(days=DAYS)
        sold = self.tables.read("sales_lines").filter(_.quantity > 0, _.day >= begin, _.day <= self.last_day)
        counts = sold.semi_join(sellable, "item").group_by("item").aggregate(lines=_.count())
        found: pd.DataFrame = counts.order_by(_.lines.desc(), _.item).limit(ITEMS).to_pandas()
        return list(found["item"])

    def _of(self, nth: int, item: str, random: np.random.Generator) -> Iterator[dict[str, object]]:
        fault = list(FAULTS)[nth] if nth < len(FAULTS) else None
        for number in range(EACH):
            ago = int(random.integers(0, DAYS))
            faulty = fault is not None and (fault != "packaging" or ago < 28) and random.random() < FAULTY
            words = FAULTS[fault] if faulty and fault else COMPLAINTS if random.random() < 0.12 else PRAISE
            at = datetime.combine(self.last_day - timedelta(days=ago), time(12), UTC) + timedelta(minutes=number)
            yield {
                "review": f"sim-{item}-{number:02}", "at": at, "text": words[int(random.integers(len(words)))],
                "item": item, "channel": "app", "source": SOURCE,
            }  # fmt: skip
