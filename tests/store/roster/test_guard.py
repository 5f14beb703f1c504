"""A roster that nobody may be told is refused, whoever approves it and however."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from aislehub.core.approval import Approval, approve_by_rule
from aislehub.core.book import Filter
from aislehub.core.errors import HubError
from aislehub.core.ledger import Ledger
from aislehub.core.state import open_state
from aislehub.schema import AVAILABILITY, ROSTERED
from aislehub.store.roster.daily import ROSTERS
from aislehub.store.roster.duty import duties_of, hours_of
from aislehub.store.roster.guard import may_be_told
from tests.store.roster.test_daily import MONDAY, POLICY, SUNDAY, add, house, made, told


class Desk:
    """A house with a proposed roster in a ledger that asks the guard."""

    def __init__(self, folder: Path, **place: str) -> None:
        self.tables = house(**place)
        vet = partial(may_be_told, self.tables, policy=POLICY)
        self.ledger = Ledger(open_state("", folder), guards={"rosters": vet})
        rows = pa.Table.from_pylist(made(self.tables), schema=ROSTERS.schema)
        self.ledger.propose("rosters", SUNDAY, rows.drop_columns(["day"]), currency="EUR")
        (self.decision,) = self.ledger.find(Filter(kind="rosters"))
        self.id = str(self.decision["id"])

    def overridden(self, *more: dict[str, Any], hours: float | None = None) -> dict[str, Any]:
        """Override the roster with these shifts alone."""
        shifts = [{"breaks": [], "skill": "till"} | shift for shift in more]
        action = {"hours": hours_of(duties_of({"shifts": shifts})) if hours is None else hours, "shifts": shifts}
        return self.ledger.override(self.id, action, who="ann", why="wanted")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk with one roster of the hub's on it."""
    made = Desk(tmp_path)
    yield made
    made.ledger.engine.dispose()


def shift(staff: str, day: date, begins: str, ends: str, **more: Any) -> dict[str, Any]:
    """A shift as an action has it."""
    return {"staff": staff, "day": day.isoformat(), "begins": begins, "ends": ends} | more


def test_what_the_hub_proposes_can_be_approved(desk: Desk) -> None:
    """A proposed roster passes its own guard."""
    assert desk.ledger.approve(Filter(ids=(desk.id,)), who="ann") == 1


def test_what_the_law_forbids_is_refused_with_person_day_and_article(desk: Desk) -> None:
    """A late shift before an early one is refused by name; the decision stays proposed."""
    tuesday = MONDAY + timedelta(days=1)
    with pytest.raises(HubError) as caught:
        desk.overridden(shift("Ana", MONDAY, "16:00", "22:00"), shift("Ana", tuesday, "06:00", "12:00"))
    assert caught.value.code == "roster.forbidden"
    assert (caught.value.facts["staff"], caught.value.facts["day"]) == ("Ana", MONDAY)
    assert "2003/88/EC, art. 3" in str(caught.value)
    assert desk.ledger.get(desk.id)["state"] == "proposed"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (shift("Ana", MONDAY, "08:00", "12:00", skill="bakery"), "roster.forbidden"),
        (shift("Eva", MONDAY, "08:00", "12:00"), "roster.forbidden"),
        (shift("Dia", MONDAY, "19:00", "23:00"), "roster.forbidden"),  # a minor at night
        (shift("Ana", MONDAY + timedelta(days=7), "08:00", "12:00"), "roster.outside"),
        (shift("Ana", MONDAY, "12:00", "08:00"), "roster.shift"),
        (shift("Ana", MONDAY, "noon", "14:00"), "roster.shift"),
    ],
)
def test_shifts_that_cannot_be_worked_are_refused(desk: Desk, given: dict[str, Any], code: str) -> None:
    """A skill nobody has, a stranger, a minor at night, another week, a time that is none."""
    with pytest.raises(HubError) as caught:
        if code == "roster.shift":
            desk.overridden(given, hours=4.0)
        else:
            desk.overridden(given)
    assert caught.value.code == code


def test_hours_follow_from_the_shifts(desk: Desk) -> None:
    """A number alone is no other roster."""
    with pytest.raises(HubError) as caught:
        desk.ledger.override(desk.id, 30, who="ann", why="less")
    assert caught.value.code == "roster.hours"


def test_shifts_told_outside_of_the_roster_count(desk: Desk) -> None:
    """Rest is counted from the shift of the day before the roster's first, told earlier."""
    add(desk.tables, ROSTERED, [told("Ana", SUNDAY, "16:00", "22:00")])
    with pytest.raises(HubError):
        desk.overridden(shift("Ana", MONDAY, "06:00", "10:00"))
    assert desk.overridden(shift("Ana", MONDAY, "10:00", "14:00"))["state"] == "overridden"


def test_bulk_approval_leaves_the_refused_and_says_which(desk: Desk) -> None:
    """Somebody turned sick since: by filter and by rule the roster stays proposed, by id it is an error."""
    sick = {"notice": "9", "staff": duties_of(desk.decision["action"])[0].staff, "day": MONDAY, "kind": "sick",
            "told_at": datetime(2026, 2, 1, tzinfo=UTC)}  # fmt: skip
    add(desk.tables, AVAILABILITY, [sick])
    refused: list[str] = []
    found = desk.ledger.approve(
        Filter(kind="rosters"), who="ann", expected=1, refused=lambda decision, error: refused.append(decision["id"])
    )
    assert (found, refused) == (0, [desk.id])
    with pytest.raises(HubError):
        desk.ledger.approve(Filter(ids=(desk.id[:8],)), who="ann")
    assert approve_by_rule(desk.ledger, SUNDAY, Approval(kinds=["rosters"], max_outlay=1e6, max_outlay_day=1e6)) == 0
    assert desk.ledger.get(desk.id)["state"] == "proposed"


def test_what_stands_in_another_store_counts(desk: Desk) -> None:
    """A shift that another store's roster of the week gives somebody, proposed or approved, bars them here that day."""
    elsewhere = {
        "store": "s2", "subject": MONDAY.isoformat(), "money": 1.0, "money_low": 0.0, "money_high": 2.0,
        "horizon_days": 7, "outlay": 80.0, "bound": "none", "reasons": "[]", "source": "test",
        "baseline": json.dumps({"name": "same_every_day", "hours": 0.0, "outlay": 0.0}),
    }  # fmt: skip
    away = shift("Ana", MONDAY, "10:00", "14:00", breaks=[], skill="till")
    elsewhere["action"] = json.dumps({"hours": 4.0, "shifts": [away]})
    own = {"store": "s1", "subject": MONDAY.isoformat()} | {
        name: desk.decision[name] for name in ("money", "money_low", "money_high", "horizon_days", "outlay", "bound")
    }
    own |= {name: json.dumps(desk.decision[name]) for name in ("action", "baseline", "reasons")} | {"source": "staff"}
    desk.ledger.propose("rosters", SUNDAY, pa.Table.from_pylist([own, elsewhere]), currency="EUR")
    with pytest.raises(HubError) as caught:
        desk.overridden(shift("Ana", MONDAY, "12:00", "16:00"))
    assert caught.value.code == "roster.forbidden"
    assert desk.overridden(shift("Ben", MONDAY, "12:00", "16:00"))["state"] == "overridden"


def test_a_shift_within_the_notice_needs_the_person_s_word(tmp_path: Path) -> None:
    """New York: less than 72 hours ahead is refused with its article, unless the person agreed in writing."""
    made_up = Desk(tmp_path, country="US", city="New York")
    try:
        with pytest.raises(HubError) as caught:
            made_up.overridden(shift("Ana", MONDAY + timedelta(days=1), "10:00", "14:00"))
        assert "20-1252" in str(caught.value) and caught.value.facts["staff"] == "Ana"
        later = shift("Ben", MONDAY + timedelta(days=4), "10:00", "14:00")
        kept = made_up.overridden(shift("Ana", MONDAY + timedelta(days=1), "10:00", "14:00", agreed=True), later)
        assert kept["state"] == "overridden"
    finally:
        made_up.ledger.engine.dispose()


def test_a_told_shift_is_not_taken_back_within_the_notice(tmp_path: Path) -> None:
    """New York: whoever was told Tuesday's shift keeps it, unless a colleague takes it by agreement or they are ill."""
    desk, tuesday = Desk(tmp_path, country="US", city="New York"), MONDAY + timedelta(days=1)
    add(desk.tables, ROSTERED, [told("Ana", tuesday, "10:00", "14:00")])
    try:
        with pytest.raises(HubError) as caught:
            desk.overridden()
        assert "20-1251" in str(caught.value)
        assert desk.overridden(shift("Ben", tuesday, "10:00", "14:00", agreed=True))["state"] == "overridden"
        desk.ledger.undo(desk.id, who="ann")
        sick = {
            "notice": "9",
            "staff": "Ana",
            "day": tuesday,
            "kind": "sick",
            "told_at": datetime(2026, 2, 1, tzinfo=UTC),
        }
        add(desk.tables, AVAILABILITY, [sick])
        assert desk.overridden()["state"] == "overridden"
    finally:
        desk.ledger.engine.dispose()
