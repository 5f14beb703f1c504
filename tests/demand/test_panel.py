"""The panel: what is understood of a long table, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aislehub.core.errors import HubError
from aislehub.demand.panel import Panel


def table(series: int = 2, periods: int = 30, freq: str = "D", start: str = "2024-01-01") -> pd.DataFrame:
    """A plain long table."""
    days = pd.date_range(start, periods=periods, freq=freq)
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "unique_id": np.repeat([f"s{number}" for number in range(series)], periods),
            "ds": np.tile(days, series),
            "y": random.poisson(3, series * periods).astype(float),
        }
    )


def future(history: pd.DataFrame, horizon: int = 7, **covariates: object) -> pd.DataFrame:
    """A plan for the days after the history."""
    days = pd.date_range(history["ds"].max() + pd.Timedelta(days=1), periods=horizon)
    ids = history["unique_id"].unique()
    return pd.DataFrame({"unique_id": np.repeat(ids, horizon), "ds": np.tile(days, len(ids)), **covariates})


def test_a_missing_row_sold_nothing_and_an_empty_y_is_unknown() -> None:
    """A period without a row inside a series is 0; a row with an empty y is NaN; nothing is known before the start."""
    rows = table(series=2)
    rows.loc[3, "y"] = np.nan
    rows = rows.drop(index=[5, 30, 31])
    panel = Panel.from_table(rows, 7)
    assert panel.y[0, 5] == 0
    assert np.isnan(panel.y[0, 3])
    assert np.isnan(panel.y[1, :2]).all()
    assert panel.gaps == 1


def test_all_series_share_the_tables_last_period() -> None:
    """A series that stops earlier has sold nothing since, and is counted."""
    panel = Panel.from_table(table().drop(index=range(50, 60)), 7)
    assert (panel.y[1, -10:] == 0).all()
    assert panel.stopped == 1
    assert panel.future[0] == pd.Timestamp("2024-01-31")


@pytest.mark.parametrize(
    ("freq", "given", "expected"),
    [
        ("D", None, "2024-01-31"),
        ("W-MON", None, "2024-07-29"),
        ("W-WED", "W", "2024-07-31"),
        ("MS", None, "2026-07-01"),
        ("ME", "M", "2026-07-31"),
        ("MS", "M", "2026-07-01"),
        ("h", "H", "2024-01-02 06:00"),
        ("15min", None, "2024-01-01 07:30"),
    ],
)
def test_the_grid_follows_the_dates(freq: str, given: str | None, expected: str) -> None:
    """Frequencies are read from the dates or anchored to them: a weekly table on Mondays goes on on Mondays."""
    panel = Panel.from_table(table(freq=freq), 3, freq=given)
    assert panel.future[0] == pd.Timestamp(expected)


def test_leap_day_is_a_day() -> None:
    """29 February is forecast like any other day."""
    panel = Panel.from_table(table(start="2024-01-29"), 3)
    assert list(panel.future.strftime("%m-%d")) == ["02-28", "02-29", "03-01"]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "UTC"])
def test_time_zones_come_back_as_given(zone: str) -> None:
    """Dates with a time zone give forecasts in that zone, at local midnight also across a clock change."""
    rows = table(start="2024-03-01")
    rows["ds"] = rows["ds"].dt.tz_localize(zone)
    panel = Panel.from_table(rows, 7)
    out = panel.to_table({"y_hat": np.zeros((2, 7))})
    assert str(out["ds"].dt.tz) == zone
    assert (out["ds"].dt.hour == 0).all()
    assert out["ds"].iloc[0] == pd.Timestamp("2024-03-31", tz=zone)


def test_hours_survive_a_clock_change() -> None:
    """The hour that a clock change repeats is two periods, not a duplicate."""
    rows = table(series=1, periods=48, freq="h", start="2024-10-26 12:00")
    rows["ds"] = rows["ds"].dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin")
    panel = Panel.from_table(rows, 2)
    assert panel.y.shape == (1, 48)
    assert panel.to_table({"y_hat": np.zeros((1, 2))})["ds"].iloc[0] == rows["ds"].max() + pd.Timedelta(hours=1)


@pytest.mark.parametrize("style", ["%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d.%m.%Y", "%Y%m%d"])
def test_dates_as_text(style: str) -> None:
    """One way of writing dates in a file is understood, day first or month first, when the file decides it."""
    rows = table()
    expected = rows["ds"].max()
    rows["ds"] = rows["ds"].dt.strftime(style)
    assert Panel.from_table(rows, 1).future[0] == expected + pd.Timedelta(days=1)


def test_covariates_are_sorted_by_what_is_known_of_them() -> None:
    """Constant within series = static; future given = known ahead; changing without a future = ignored, by name."""
    rows = table()
    rows["store"] = rows["unique_id"].str.upper()
    rows["promo"] = rows.index % 2
    rows["customers"] = rows.index
    panel = Panel.from_table(rows, 7, known=future(rows, promo=1))
    assert set(panel.static) == {"store"}
    assert set(panel.known) == {"promo"}
    assert panel.ignored == ("customers",)
    assert (panel.known["promo"][:, -7:] == 1).all()
    assert (panel.known["promo"][0, :2] == [0, 1]).all()


def test_a_plan_in_the_same_file_is_known_ahead() -> None:
    """Rows after the table's last y are the plan."""
    rows = table()
    rows["price"] = 2.0 + rows.index % 3
    rows.loc[rows["ds"] > "2024-01-23", "y"] = np.nan
    panel = Panel.from_table(rows, 7)
    assert panel.y.shape[1] == 23
    assert set(panel.known) == {"price"}


def test_the_known_table_never_brings_y() -> None:
    """Demand in the known-ahead table is not read: that would be a leak."""
    rows = table()
    panel = Panel.from_table(rows, 7, known=future(rows, y=99.0, promo=[0, 1] * 7))
    assert set(panel.known) == {"promo"}


def test_closed_periods_are_found_and_kept_out_of_averages() -> None:
    """Where a known covariate's value always goes with no sales, the periods are closed."""
    rows = table(periods=140)
    rows["open"] = (rows["ds"].dt.dayofweek != 6).astype(int)
    rows.loc[rows["open"] == 0, "y"] = 0
    rows.loc[rows["open"] == 1, "y"] += 1
    plan = future(rows)
    plan["open"] = (plan["ds"].dt.dayofweek != 6).astype(int)
    panel = Panel.from_table(rows, 7, known=plan)
    assert (panel.closed == (panel.periods.dayofweek == 6)).all()
    assert np.isnan(panel.sold[:, 6]).all()


def test_a_plan_may_skip_what_the_history_skips() -> None:
    """A table with rows for open days only (Rossmann) may have a plan of open days only; the rest is closed."""
    rows = table(periods=140)
    rows["promo"] = rows.index % 2
    rows = rows[rows["ds"].dt.dayofweek != 6]
    plan = future(rows, promo=1)
    panel = Panel.from_table(rows, 7, known=plan[plan["ds"].dt.dayofweek != 6])
    assert (panel.closed[:, -7:] == (panel.future.dayofweek == 6)).all()


def test_gaps_do_not_tell_a_learner_that_no_value_means_no_sales() -> None:
    """With a complete plan, covariates of days without a row are filled, not left empty."""
    rows = table(periods=60)
    rows["price"] = 2.0
    rows.loc[rows["ds"] >= "2024-02-01", "price"] = 3.0
    panel = Panel.from_table(rows.drop(index=[10, 45]), 7, known=future(rows, price=3.0))
    assert panel.known["price"][0, 10] == 2.0
    assert panel.known["price"][0, 45] == 3.0


def test_a_stockout_is_no_zero_and_no_covariate() -> None:
    """A period flagged as sold out is estimated above its sales, unknown where it sold 0, and known in no plan."""
    rows = table(series=1, periods=8).assign(y=[4.0, 4, 1, 0, 4, 4, 4, 4], stockout=[0, 0, 1, 1, 0, 0, None, 0])
    panel = Panel.from_table(rows, 2)
    assert 3 <= panel.y[0, 2] <= 5
    assert np.isnan(panel.y[0, 3])
    np.testing.assert_array_equal(np.delete(panel.y[0], [2, 3]), 4)
    assert (panel.known, panel.static, panel.ignored) == ({}, {}, ())
    assert (panel.truth.sold_out, panel.truth.empty) == (1, 1)
    with pytest.raises(HubError) as refused:
        Panel.from_table(rows.assign(stockout=2), 2)
    assert refused.value.code == "demand.bad_flag"


def test_a_few_returns_are_no_negative_demand() -> None:
    """Net returns under 2 % of the volume count as 0 and are counted; more make the demand two-sided."""
    rows = table(periods=100)
    rows.loc[7, "y"] = -2
    few = Panel.from_table(rows, 7)
    assert few.nonnegative and few.returns == 1 and few.y[0, 7] == 0
    many = Panel.from_table(rows.assign(y=rows["y"] - 3), 7)
    assert not many.nonnegative and many.returns == 0


@pytest.mark.parametrize(
    ("code", "spoil"),
    [
        ("demand.missing_column", lambda rows: rows.rename(columns={"y": "sales"})),
        ("demand.missing_column", lambda rows: rows.rename(columns={"unique_id": "uniqueid"})),
        ("demand.empty", lambda rows: rows.iloc[:0]),
        ("demand.empty", lambda rows: rows.assign(y=np.nan)),
        ("demand.bad_date", lambda rows: rows.assign(ds=rows["ds"].astype(str).where(rows.index != 4, "2024-02-31"))),
        ("demand.bad_number", lambda rows: rows.assign(y=rows["y"].astype(object).where(rows.index != 4, "twelve"))),
        ("demand.infinite", lambda rows: rows.assign(y=rows["y"].where(rows.index != 4, -np.inf))),
        ("demand.no_id", lambda rows: rows.assign(unique_id=rows["unique_id"].where(rows.index != 4))),
        ("demand.duplicate", lambda rows: pd.concat([rows, rows.iloc[:2]])),
        ("demand.duplicate_column", lambda rows: pd.concat([rows, rows[["y"]]], axis=1)),
    ],
)
def test_bad_tables_are_refused(code: str, spoil) -> None:
    """What cannot be understood is refused with its own code, value and place; never guessed."""
    with pytest.raises(HubError) as refused:
        Panel.from_table(spoil(table()), 7)
    assert refused.value.code == code


def test_the_place_of_a_bad_value_is_its_line_in_the_file() -> None:
    """Line numbers count the header as line 1."""
    rows = table()
    rows["y"] = rows["y"].astype(object)
    rows.loc[4, "y"] = "twelve"
    with pytest.raises(HubError) as refused:
        Panel.from_table(rows, 7)
    assert (refused.value.facts["row"], refused.value.facts["value"]) == (6, "'twelve'")


@pytest.mark.parametrize(
    ("code", "horizon", "freq"),
    [
        ("demand.horizon", 0, None),
        ("demand.horizon", -1, None),
        ("demand.horizon_end", 10**9, None),
        ("demand.freq", 7, "fortnight"),
        ("demand.freq", 7, "0D"),
        ("demand.off_grid", 7, "MS"),
    ],
)
def test_bad_questions_are_refused(code: str, horizon: int, freq: str | None) -> None:
    """A horizon below 1 or beyond the calendar, an unknown frequency, one that the dates do not follow."""
    with pytest.raises(HubError) as refused:
        Panel.from_table(table(), horizon, freq=freq)
    assert refused.value.code == code


@pytest.mark.parametrize("days", [1, -1, 30])
def test_a_shifted_plan_is_refused(days: int) -> None:
    """A known-ahead table whose dates are off by a day lacks future rows, and the first one is named."""
    rows = table().assign(promo=[0, 1] * 30)
    plan = future(rows, promo=1)
    plan["ds"] += pd.Timedelta(days=days)
    with pytest.raises(HubError) as refused:
        Panel.from_table(rows, 7, known=plan)
    assert refused.value.code == "demand.known_missing"


def test_a_plan_without_one_series_is_refused() -> None:
    """Every series needs its plan; the one that lacks it is named."""
    rows = table().assign(promo=[0, 1] * 30)
    plan = future(rows, promo=1)
    with pytest.raises(HubError) as refused:
        Panel.from_table(rows, 7, known=plan[plan["unique_id"] == "s0"])
    assert refused.value.facts["series"] == "s1"


def test_before_takes_nothing_from_the_future() -> None:
    """An earlier view of a panel has that origin's history and the next horizon's plan."""
    rows = table().assign(promo=np.arange(60) % 5)
    panel = Panel.from_table(rows, 7, known=future(rows, promo=[0, 1] * 7))
    earlier = panel.before(10)
    assert earlier.y.shape == (2, 20)
    assert earlier.horizon == 7
    assert earlier.future[0] == panel.periods[20]
    assert (earlier.known["promo"][0, 20:] == panel.known["promo"][0, 20:27]).all()


def test_a_text_that_is_empty_on_some_days_is_known_ahead() -> None:
    """One label and blanks (a promotion that is on or off) change over time; the same label on every day is static."""
    days = pd.date_range("2024-01-01", periods=24)
    table = pd.DataFrame({"unique_id": "milk", "ds": days, "y": 1.0})
    table["promo"] = np.where(np.arange(24) % 3 == 0, "yes", None)
    table["brand"] = "own"
    panel = Panel.from_table(table.iloc[:20], 4, known=table.iloc[20:][["unique_id", "ds", "promo", "brand"]])
    assert list(panel.known) == ["promo"]
    assert list(panel.static) == ["brand"]
    assert (~np.isnan(panel.known["promo"][0])).tolist() == (np.arange(24) % 3 == 0).tolist()


def test_matrices_are_read_as_the_long_table_is() -> None:
    """The same facts as matrices and as a long table make the same panel: what changes is known ahead, the rest static,
    text has labels, and before a series starts nothing is known."""
    random = np.random.default_rng(1)
    ids, periods, past = pd.Index(["1/b", "2/a"]), pd.date_range("2024-01-01", periods=37), 30
    started = np.arange(past) >= np.array([[0], [12]])
    y = np.where(started, random.poisson(3, started.shape), np.nan).astype(np.float32)
    price = random.choice([2.0, 3.0, np.nan], (2, 37)).astype(np.float32)
    event = pd.Series([None] * 37, index=periods, dtype=object)
    event.iloc[[3, 20, 33]] = ["fair", "derby", "fair"]
    known = {"price": price, "display": np.zeros((2, 37), np.float32), "event": event}
    static = pd.DataFrame({"store": ["1", "2"], "item": ["b", "a"]}, index=ids)
    cells = pd.DataFrame({"unique_id": np.repeat(ids, 37), "ds": np.tile(periods, 2), "price": price.ravel()})
    cells = cells.assign(display=0.0, event=np.tile(event, 2)).merge(static, left_on="unique_id", right_index=True)
    cells = cells.assign(y=np.hstack([y, np.full((2, 7), np.nan, np.float32)]).ravel())
    history = cells[(cells["ds"] < periods[past]) & cells["y"].notna()]
    table = Panel.from_table(history, 7, freq="D", known=cells[cells["ds"] >= periods[past]].drop(columns="y"))
    made = Panel.from_matrices(ids, periods, y, freq="D", started=started, known=known, static=static)
    assert list(made.ids) == list(table.ids) and (made.periods == table.periods).all() and made.labels == table.labels
    np.testing.assert_array_equal(made.y, table.y)
    for one, other in ((made.known, table.known), (made.static, table.static)):
        assert list(one) == list(other)
        for name in one:
            np.testing.assert_array_equal(one[name], other[name], err_msg=name)
            assert one[name].dtype == other[name].dtype
