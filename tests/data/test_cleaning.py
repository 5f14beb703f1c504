"""Cleaning: values are read as people write them, and never made up."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislehub.core.contract import Column
from aislehub.data.cleaning import Style, clean
from aislehub.data.written_moments import DateEvidence, parse_moment
from aislehub.data.written_numbers import NumberEvidence, parse_number

NUMBER = Column("amount", "float", "An amount")
WHOLE = Column("stop", "int", "A count")
FLAG = Column("counted", "bool", "A flag")
DAY = Column("day", "date", "A day")
MOMENT = Column("sold_at", "time", "A moment")
TEXT = Column("item", "text", "An item")
PLAIN = Style()


def cleaned(values: list[str | None], column: Column, style: Style = PLAIN, zone: str = "UTC") -> list[object]:
    """Values as a list."""
    return clean(pa.chunked_array([pa.array(values, pa.string())]), column, style, zone, is_code=True).to_pylist()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.234,56", 1234.56),
        ("1,234.56", 1234.56),
        ("¥12.50", 12.5),
        ("12.5元", 12.5),
        ("(3.00)", -3.0),
        ("3.00-", -3.0),
        ("1 234,5", 1234.5),
        ("１２．５", 12.5),
        ("12%", 0.12),
        ("0,500", 0.5),
        ("1’234.50", 1234.5),
        ("-$3.5", -3.5),
        ("$-3.5", -3.5),
        ("3个", 3.0),
        ("1.2万", 12000.0),
        ("−7", -7.0),
        ("1,23,456.78", 123456.78),
        ("1e3", 1000.0),
    ],
)
def test_numbers_as_people_write_them(text: str, value: float) -> None:
    """Currency, thousands, signs, full-width digits, percent and units are understood."""
    assert parse_number(text) == value


@pytest.mark.parametrize("text", ["abc", "1,2,3", "12 34", "--5", "1-2", "1.2.3,4,5", "", ".", "5 x 3", "12.3.4"])
def test_what_is_no_number_is_not_one(text: str) -> None:
    """Nothing is made up from text that is no number."""
    assert parse_number(text) is None


@given(st.floats(-1e9, 1e9).map(lambda x: round(x, 2)), st.sampled_from(",."))
def test_a_formatted_number_reads_back(value: float, decimal: str) -> None:
    """Thousands and decimals in either style give the number that was written, or none."""
    text = f"{value:,.2f}"
    if decimal == ",":
        text = text.translate(str.maketrans(",.", ".,"))
    assert parse_number(text, decimal) == value  # type: ignore[arg-type]


@given(st.text("0123456789.,-()% ¥e", max_size=12))
def test_cleaning_never_invents_digits(text: str) -> None:
    """A number read has the digits that were written, in their order."""
    value = parse_number(text)
    if value and "%" not in text and "e" not in text:
        written = "".join(c for c in text if c.isdigit()).lstrip("0")
        read = f"{abs(value):.15g}"
        if "e" not in read and len(written) <= 14:
            assert written.rstrip("0").startswith(read.replace(".", "").lstrip("0").rstrip("0"))


def test_a_columns_values_decide_what_a_lone_mark_means() -> None:
    """1,234 is a thousand beside 1,234.50 and a decimal beside 0,5; alone the file's clue decides."""
    for values, mark in ((["1,234", "1,234.50"], "."), (["1,234", "0,5"], ","), (["1.234.567", "1.234"], ",")):
        evidence = NumberEvidence()
        evidence.add(values)
        assert evidence.decide("." if mark == "," else ",") == mark
    evidence = NumberEvidence()
    evidence.add(["1,234"])
    assert not evidence.settled
    assert cleaned(["1,234"], NUMBER, Style(decimal=",")) == [1.234]
    assert cleaned(["1,234"], NUMBER, Style(decimal=".")) == [1234.0]


def test_an_unreadable_value_stays_as_written() -> None:
    """A column with one unreadable value keeps it as text, for the contract to reject its row with it."""
    assert cleaned(["1,5", "two", None, "n/a"], NUMBER, Style(decimal=",")) == ["1.5", "two", None, None]
    assert cleaned(["2.0", "2.5"], WHOLE) == ["2", "2.5"]
    assert cleaned(["2017-01-05", "2017-02-30"], DAY) == ["2017-01-05", "2017-02-30"]


@pytest.mark.parametrize(
    "text",
    [
        "2017-01-05 14:03",
        "2017/1/5 14:03:00",
        "2017.01.05 14:03",
        "20170105140300",
        "20170105 140300",
        "5.1.2017 14:03",
        "05/01/2017 2:03 PM",
        "2017年1月5日 14:03",
        "2017年1月5日14时03分",
        "2017-1-5 下午2:03",
        "Jan 5, 2017 2:03 PM",
        "Thu, 05 Jan 2017 14:03",
        "5. Januar 2017 14:03",
        "05-Jan-17 14:03",
        "2017-01-05T14:03:00Z",
        "2017-01-05 22:03:00 +0800",
        "2017-01-05T09:03:00.000-05:00",
        "1483624980",
        "1483624980000",
        "２０１７-01-05 14:03",
    ],
)
def test_moments_as_people_write_them(text: str) -> None:
    """ISO, European, Chinese, named months, offsets, Unix seconds: all the same moment."""
    moment = parse_moment(text, "dmy")
    assert moment is not None
    assert datetime(1970, 1, 1) + timedelta(microseconds=moment.micros) == datetime(2017, 1, 5, 14, 3)


@pytest.mark.parametrize(
    "text", ["2017-13-05", "31/02/2017", "hello", "12", "2017", "2017-01-05 25:00", "0/0/2017", "1/1/1"]
)
def test_what_is_no_date_is_not_one(text: str) -> None:
    """No date is made up, and small counts are no dates."""
    assert parse_moment(text) is None


@given(
    st.datetimes(datetime(1955, 1, 1), datetime(2099, 12, 31)),
    st.sampled_from(
        [
            "%Y-%m-%d %H:%M:%S",
            "%Y/%m/%d %H:%M:%S",
            "%Y年%m月%d日 %H:%M:%S",
            "%d.%m.%Y %H:%M:%S",
            "%Y%m%d%H%M%S",
            "%d %b %Y %I:%M:%S %p",
        ]
    ),
)
def test_a_formatted_moment_reads_back(moment: datetime, form: str) -> None:
    """Every format gives the moment that was written."""
    read = parse_moment(moment.strftime(form), "dmy")
    assert read is not None
    assert datetime(1970, 1, 1) + timedelta(microseconds=read.micros) == moment.replace(microsecond=0)


@given(st.dates(date(1955, 1, 1), date(2099, 12, 31)))
def test_a_spreadsheet_serial_reads_back(day: date) -> None:
    """Days since 1899-12-30 give the day."""
    assert cleaned([str((day - date(1899, 12, 30)).days)], DAY) == [day]


def test_a_columns_values_decide_the_order_of_dates() -> None:
    """A 25 decides; else the order that spans fewer days; else the clue, said to be unsure."""
    for values, order in (
        (["01/05/2017", "25/05/2017"], ("dmy", True)),
        (["01/05/2017", "05/25/2017"], ("mdy", True)),
        ([f"03/{day:02}/2017" for day in range(1, 13)], ("mdy", True)),
        ([f"{day:02}/03/2017" for day in range(1, 13)], ("dmy", True)),
        (["17/01/05", "17/01/06", "17/02/07"], ("ymd", True)),
        (["01/05/2017"], ("dmy", False)),
        (["01/05/2017 2:03 PM"], ("mdy", False)),
        (["2017-01-05"], ("dmy", True)),
    ):
        evidence = DateEvidence()
        evidence.add(values)
        assert evidence.decide("dmy") == order, values


def test_moments_are_local_to_the_store_and_stored_in_utc() -> None:
    """A moment without a zone is the store's; its day is the store's; an offset beats the store."""
    assert cleaned(["2017-01-05 23:30"], MOMENT, zone="Asia/Shanghai")[0].isoformat() == "2017-01-05T15:30:00+00:00"  # type: ignore[attr-defined]
    assert cleaned(["2017-01-05T23:30:00Z"], DAY, zone="Asia/Shanghai") == [date(2017, 1, 6)]
    zones = pa.array(["UTC", "Asia/Shanghai"])
    raw = pa.chunked_array([pa.array(["2017-01-05 23:30"] * 2)])
    found = clean(raw, MOMENT, Style(), zones, is_code=False).to_pylist()
    assert found[0] - found[1] == timedelta(hours=8)


def test_a_day_as_a_moment_is_its_close() -> None:
    """In a column without times a moment is 23:59:59 of its day; beside times it is midnight."""
    assert cleaned(["2017-01-05"], MOMENT, Style(timed=False))[0].isoformat() == "2017-01-05T23:59:59+00:00"  # type: ignore[attr-defined]
    assert cleaned(["2017-01-05"], MOMENT, Style(timed=True))[0].isoformat() == "2017-01-05T00:00:00+00:00"  # type: ignore[attr-defined]


def test_codes_and_flags() -> None:
    """What spreadsheets do to codes is undone; yes and no are read in both languages."""
    assert cleaned(['="0012"', "'0012", "１２a", "12.0", " x ", "n/a", "0012"], TEXT) == [
        "0012",
        "0012",
        "12a",
        "12",
        "x",
        None,
        "0012",
    ]
    assert cleaned(["是", "否", "yes", "N", "1", "", None], FLAG) == [True, False, True, False, True, None, None]
    floats = pa.chunked_array([pa.array([7.0, None])])
    assert clean(floats, TEXT, Style(), "UTC", is_code=True).to_pylist() == ["7", None]
