"""Quiet hours are those of the member's own clock, in every zone and on the days when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aislehub.core.errors import HubError
from aislehub.law.messages import MessageRules, is_held_back, is_quiet


@pytest.mark.parametrize(
    ("zone", "moment", "quiet"),
    [
        ("Europe/Berlin", "2026-11-02T12:00", False),
        ("America/New_York", "2026-10-31T12:00", False),  # 8 o'clock, summer time
        ("America/New_York", "2026-11-02T12:00", True),  # 7 o'clock, for clocks went back
        ("Asia/Shanghai", "2026-11-02T12:59", False),
        ("Asia/Shanghai", "2026-11-02T13:00", True),
        ("Asia/Kolkata", "2026-11-02T02:29", True),  # half past is 7:59 there
        ("Asia/Kolkata", "2026-11-02T02:30", False),
    ],
)
def test_the_clock_is_that_of_the_member(zone: str, moment: str, quiet: bool) -> None:
    """From 21 to 8 o'clock, wherever that is."""
    assert is_quiet(datetime.fromisoformat(moment).replace(tzinfo=UTC), zone, MessageRules()) is quiet


@pytest.mark.parametrize(("night", "hours"), [("2026-03-28", 10), ("2026-06-06", 11), ("2026-10-24", 12)])
def test_a_night_is_as_long_as_clocks_make_it(night: str, hours: int) -> None:
    """From 21 to 8 in Berlin: an hour less when clocks go forward, one more when they go back."""
    noon = datetime.fromisoformat(f"{night}T12:00").replace(tzinfo=UTC)
    quiet = [is_quiet(noon + timedelta(hours=n), "Europe/Berlin", MessageRules()) for n in range(24)]
    assert sum(quiet) == hours


def test_no_quiet_hours_and_quiet_hours_by_day() -> None:
    """The same hour twice is none; from 12 to 14 is a pause at noon."""
    noon = datetime(2026, 11, 2, 12, 30, tzinfo=UTC)
    assert not is_quiet(noon, "UTC", MessageRules(quiet_from=12, quiet_to=12))
    assert is_quiet(noon, "UTC", MessageRules(quiet_from=12, quiet_to=14))
    assert not is_quiet(noon + timedelta(hours=2), "UTC", MessageRules(quiet_from=12, quiet_to=14))


def test_more_are_held_back_where_more_are_asked_and_nobody_leaves() -> None:
    """With a greater share those who were held back still are."""
    members = [f"m{number}" for number in range(2000)]
    few, many = ({one for one in members if is_held_back(one, share)} for share in (0.05, 0.1))
    assert few < many and 60 < len(few) < 140 and 150 < len(many) < 250


def test_a_week_holds_its_days() -> None:
    """Two a day and one a week cannot be, and the sentence says so."""
    with pytest.raises(HubError, match="per_week is below per_day"):
        MessageRules.made_of({"per_day": 2, "per_week": 1})
