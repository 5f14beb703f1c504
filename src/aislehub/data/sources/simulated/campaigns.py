"""A simulated campaign: an example of one that is planned, for data that bring none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pyarrow as pa

from aislehub.core.tables import Tables
from aislehub.schema.campaigns import CAMPAIGN_PLANS

__all__ = ["SimulatedCampaigns"]

SOURCE = "simulated: example campaign"


@dataclass(frozen=True)
class SimulatedCampaigns:
    """Fresh fruit for price-sensitive members from the first Monday of December 2017 on, by a file for an agency."""

    tables: Tables
    seed: int = 0

    def rows(self, since: datetime | None = None) -> Iterator[tuple[str, pa.Table]]:
        """The table campaign_plans with one row."""
        known = datetime(2017, 11, 27, 14, tzinfo=UTC)
        row = {
            "campaign": "fresh-december", "segment": "price_sensitive",
            "offer": "$2 off fresh fruit and vegetables from $10",
            "channel": "file", "starts": date(2017, 12, 4), "ends": date(2017, 12, 17), "every_days": 7, "control": 0.2,
            "horizon_days": 14, "message_cost": 0.02, "offer_cost": 0.30, "budget": 400.0,
            "subject_en": "A fresh start to December",
            "text_en": "{offer}: show this message at the till until {ends}.",
            "subject_zh": "十二月鲜享开启", "text_zh": "{offer}，{ends} 前在收银台出示本消息即可享用。",
            "source": SOURCE, "known_at": known,
        }  # fmt: skip
        rows = [row] if since is None or known >= since else []
        yield "campaign_plans", pa.Table.from_pylist(rows, schema=CAMPAIGN_PLANS.schema)
