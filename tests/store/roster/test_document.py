"""Problems in JSON: times become shifts, rests and head counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aislehub.core.errors import HubError
from aislehub.store.roster.document import read_document
from aislehub.store.roster.problem import Problem

EXAMPLE = Path(__file__).parent / "two_tills.json"


def read(tmp_path: Path, **changes: Any) -> Problem:
    """The example with some of its parts replaced."""
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(json.loads(EXAMPLE.read_text()) | changes))
    return read_document(path)


def test_rest_forbids_shifts_that_follow_too_soon() -> None:
    """11 hours of rest: after 21:00 no shift begins at 07:00; breaks are not paid."""
    early, late = read_document(EXAMPLE).shifts
    assert (early.minutes, late.minutes) == (450, 450)
    assert (early.not_next, late.not_next) == (frozenset(), frozenset({"early"}))


def test_a_shift_past_midnight_ends_on_the_next_day(tmp_path: Path) -> None:
    """22:00 to 06:00 is 8 hours, and with 11 hours of rest nothing begins before 17:00."""
    shifts = [
        {"id": "night", "start": "22:00", "end": "06:00"},
        {"id": "early", "start": "07:00", "end": "15:00"},
        {"id": "late", "start": "17:00", "end": "21:00"},
    ]
    night, *_ = read(tmp_path, shifts=shifts).shifts
    assert night.minutes == 480
    assert night.not_next == {"early"}


def test_a_head_count_by_time_counts_every_shift_that_spans_it() -> None:
    """From 13:00 to 15:00 both shifts are there."""
    assert read_document(EXAMPLE).covers[1].shifts == ("early", "late")


def test_who_must_leave_early_gets_no_late_shift() -> None:
    """A latest time of 20:00 rules out a shift until 21:00."""
    dee = read_document(EXAMPLE).staff[3]
    assert dee.max_shifts == {"late": 0}


def test_weekends_are_those_of_the_calendar(tmp_path: Path) -> None:
    """A horizon that begins on a Sunday has that Sunday as a weekend of its own."""
    assert read_document(EXAMPLE).weekends == ((5, 6),)
    assert read(tmp_path, first="2026-03-01").weekends == ((0,), (6,))


@pytest.mark.parametrize(
    "changes",
    [
        {"first": "soon"},
        {"unheard": 1},
        {"staff": []},
        {"cover": [{"day": 0, "skill": "till", "required": 1}]},
        {"shifts": [{"id": "early", "start": "25:00", "end": "15:00"}]},
    ],
)
def test_what_the_form_does_not_allow_is_named(changes: dict[str, Any], tmp_path: Path) -> None:
    """The error says the place in the document."""
    with pytest.raises(HubError) as caught:
        read(tmp_path, **changes)
    assert caught.value.code == "roster.unreadable"
    assert next(iter(changes)) in str(caught.value)


def test_a_file_that_is_no_json_is_told_in_one_sentence(tmp_path: Path) -> None:
    """A file cut off has no place inside to name; the sentence has none either."""
    path = tmp_path / "cut.json"
    path.write_text('{"first": ')
    with pytest.raises(HubError, match="is no rostering problem: Invalid JSON"):
        read_document(path)
