"""A simulated log of the app: what members might have looked at before they shopped, for data that bring none.

Of a third of the members' visits, the app was opened the evening before: some of what was bought the next day was
looked at, and as many other items of the same kinds, which were not bought. Some evenings lie further back. What is
looked at is drawn from what sold; a real log would show what was searched for in vain, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from ibis import _

from aislehub.core.tables import Tables, end_of_day
from aislehub.schema.events import EVENTS

__all__ = ["SimulatedBrowsing"]

SOURCE = "simulated: browsing log"
FIRST_DAY = date(2017, 11, 1)
OPENED, LOOKED_AT, IN_VAIN = 1 / 3, 0.5, 0.3
"""Share of visits before which the app was opened, of their lines that were looked at, and of evenings further back."""
EVENING_HOURS = (17.0, 22.0)


@dataclass(frozen=True)
class SimulatedBrowsing:
    """Looks of the members who are in the tables.

    Args:
        tables: with items and sales.
        seed: of the draws.
        first_day: business day of the first visit that was prepared in the app.
    """

    tables: Tables
    seed: int = 0
    first_day: date = FIRST_DAY

    def rows(self, since: datetime | None = None) -> Iterator[tuple[str, pa.Table]]:
        """The table events, sorted by time."""
        looks = _looks(self._lines(), self.tables.timezone, np.random.default_rng(self.seed))
        table = pa.Table.from_pandas(looks, schema=EVENTS.schema, preserve_index=False)
        yield "events", table if since is None else table.filter(pc.greater_equal(table["at"], since))

    def _lines(self) -> pd.DataFrame:
        """What members bought since the first day: customer, store, receipt, day, item, kind."""
        items = self.tables.read("items").filter(_.is_sellable.fill_null(True))
        sold = self.tables.read("sales_lines").filter(_.customer.notnull(), _.quantity > 0, _.day >= self.first_day)
        lines = sold.join(items.select("item", kind=_.subcategory.fill_null(_.item)), "item")
        order = ["day", "store", "receipt", "item"]
        return lines.select("customer", *order, "kind").distinct().order_by(*order).to_pandas()


def _looks(lines: pd.DataFrame, timezone: str, random: np.random.Generator) -> pd.DataFrame:
    """Rows of `events`."""
    if lines.empty:
        return EVENTS.empty().to_pandas()
    visit, visits = pd.factorize(lines["store"] + "\x1f" + lines["receipt"])
    opened = random.random(len(visits)) < OPENED
    seen = lines[opened[visit] & (random.random(len(lines)) < LOOKED_AT)].assign(visit=lambda rows: visit[rows.index])
    looks = pd.concat([seen, _alike(seen, lines, random)], ignore_index=True).drop_duplicates(["visit", "item"])
    in_vain = random.random(len(visits)) < IN_VAIN
    moved = np.where(in_vain[looks["visit"]], random.integers(2, 10, len(visits))[looks["visit"]], 1)
    hours = random.uniform(*EVENING_HOURS, len(visits))[looks["visit"]] + random.uniform(0, 0.4, len(looks))
    midnights = {day: end_of_day(day - timedelta(days=1), timezone) for day in looks["day"].unique()}
    started = pd.to_datetime(looks["day"].map(midnights), utc=True) - pd.to_timedelta(moved, unit="D")
    place = visits[looks["visit"]].str.replace("\x1f", "-")
    at = (started + pd.to_timedelta(hours, unit="h")).dt.floor("s")
    made = pd.DataFrame({
        "event_id": "sim-" + place + "-" + looks["item"], "at": at, "kind": "view", "session": "sim-" + place,
        "customer": looks["customer"], "item": looks["item"], "channel": "app", "source": SOURCE, "known_at": at,
    })  # fmt: skip
    return made.reindex(columns=EVENTS.schema.names).sort_values(["at", "event_id"], ignore_index=True)


def _alike(seen: pd.DataFrame, lines: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """For each look another item of its kind, as likely as it sells."""
    sold = lines.sort_values("kind", kind="stable")
    kinds, first, count = np.unique(sold["kind"].to_numpy(str), return_index=True, return_counts=True)
    at = np.searchsorted(kinds, seen["kind"].to_numpy(str))
    chosen = first[at] + (random.random(len(seen)) * count[at]).astype(int)
    return seen.assign(item=sold["item"].to_numpy(object)[chosen])
