"""Files of the format are read whole, and a wrong line is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from aislehub.core.errors import HubError
from aislehub.store.roster.nottingham import read_nottingham
from tests.store.roster.drawn import drawn


@pytest.mark.data
@pytest.mark.parametrize("number", range(1, 9))
def test_every_published_file_is_read(number: int, data_folder: Path) -> None:
    """Instances 1 to 8 have people, shifts and a head count for each day and shift."""
    problem = read_nottingham(data_folder / "rostering" / f"Instance{number}.txt")
    assert problem.days in (14, 28)
    assert len(problem.covers) == problem.days * len(problem.shifts)
    assert len(problem.weekends) == problem.days // 7
    assert len(problem.staff) >= 8


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("SECTION_COVER", "SECTION_OTHER", "roster.line"),
        ("SECTION_STAFF\nP0", "SECTION_STAFF\nP0,x", "roster.unreadable"),
        ("SECTION_DAYS_OFF\n", "SECTION_DAYS_OFF\nNobody,0\n", "roster.unknown"),
        ("SECTION_DAYS_OFF\n", "SECTION_DAYS_OFF\nP0,99\n", "roster.day"),
        ("SECTION_COVER\n", "SECTION_COVER\n0,Q,1,100,1\n", "roster.unknown"),
        ("SECTION_COVER\n", "SECTION_COVER\n0,E,-1,100,1\n", "roster.negative"),
        ("SECTION_COVER\n", "SECTION_COVER\n0,E\n", "roster.line"),
        ("SECTION_SHIFTS\n", "SECTION_SHIFTS\nE,480,\n", "roster.twice"),
    ],
)
def test_what_cannot_be_right_is_refused(old: str, new: str, code: str, tmp_path: Path) -> None:
    """Unknown names, days outside the horizon, missing fields and negative numbers have their own errors."""
    path = drawn(0, tmp_path / "wrong.txt")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(HubError) as caught:
        read_nottingham(path)
    assert caught.value.code == code
    assert str(caught.value)


def test_a_file_without_a_section_is_refused(tmp_path: Path) -> None:
    """A problem has a horizon, shifts, staff and cover."""
    path = tmp_path / "empty.txt"
    path.write_text("SECTION_HORIZON\n7\n")
    with pytest.raises(HubError) as caught:
        read_nottingham(path)
    assert caught.value.code == "roster.section"


def test_days_off_on_several_lines_add_up(tmp_path: Path) -> None:
    """A person's second line of days off does not replace the first."""
    path = drawn(0, tmp_path / "two.txt")
    path.write_text(path.read_text().replace("SECTION_DAYS_OFF\n", "SECTION_DAYS_OFF\nP0,0\nP0,1\n", 1))
    assert {0, 1} <= read_nottingham(path).staff[0].days_off
