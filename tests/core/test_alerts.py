"""The register of alerts: one alert a cause over all days, whatever days, people and failures come."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import delete

from aislehub.core.alerts import AlertFilter, Alerts, Recorded, alert_id
from aislehub.core.errors import HubError
from aislehub.core.state import alert_days, alert_moves, alerts, open_state

DAY = date(2017, 11, 5)
COLUMNS = ("cause", "store", "subject", "owner", "money_at_risk", "facts", "source")


@pytest.fixture
def register(state_url: str, tmp_path: Path) -> Iterator[Alerts]:
    """An empty register on SQLite, then on PostgreSQL."""
    register = Alerts(open_state(state_url, tmp_path), run="run1")
    yield register
    register.engine.dispose()


def rows(*subjects: str, **changed: Any) -> pa.Table:
    """Alert rows, one a subject."""
    row = {"cause": "late", "store": "s", "owner": "it", "money_at_risk": 5.0, "facts": "{}", "source": None} | changed
    return pa.Table.from_pylist([row | {"subject": subject} for subject in subjects], _schema())


def _schema() -> pa.Schema:
    kinds = {"money_at_risk": pa.float64()}
    return pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])


def record(register: Alerts, day: int, *subjects: str, **changed: Any) -> Recorded:
    """Record a day, counted from DAY, of the one table `delays`."""
    return register.record(DAY + timedelta(days=day), {"delays": rows(*subjects, **changed)}, currency="EUR")


def id_of(subject: str) -> str:
    """Id of the alert on a subject."""
    return alert_id("delays", "late", "s", subject)


def path(register: Alerts, subject: str) -> list[tuple[str, str]]:
    """Who moved it where."""
    return [(move["who"], move["state_to"]) for move in register.history(id_of(subject))]


def refusal(caught: pytest.ExceptionInfo[HubError]) -> str:
    """Code of a refusal, whose sentence can be said."""
    assert "{" not in str(caught.value)
    return caught.value.code


def test_an_alert_keeps_what_was_found(register: Alerts) -> None:
    """Owner, money, facts and source are read back, with the days; texts survive as they are."""
    facts = json.dumps({"short": 3.5, "name": '店 "1"'})
    assert record(register, 0, "🛒", facts=facts, store="店", source="simulated") == Recorded(opened=1)
    (alert,) = register.find(AlertFilter())
    assert alert["id"] == alert_id("delays", "late", "店", "🛒")
    assert (alert["owner"], alert["money_at_risk"], alert["currency"], alert["source"]) == ("it", 5, "EUR", "simulated")
    assert alert["facts"] == {"short": 3.5, "name": '店 "1"'}
    assert (alert["state"], alert["first_day"], alert["last_day"], alert["days"]) == ("open", DAY, DAY, 1)
    (move,) = register.history(alert["id"])
    assert (move["state_from"], move["state_to"], move["who"], move["day"], move["run"]) == (
        "",
        "open",
        "day",
        DAY,
        "run1",
    )


def test_the_same_cause_is_the_same_alert(register: Alerts) -> None:
    """On following days the latest money and facts count, the days add up, and nothing is opened again."""
    record(register, 0, "a")
    assert record(register, 1, "a", money_at_risk=9.0, facts='{"n": 2}') == Recorded()
    record(register, 3, "a", money_at_risk=9.0, facts='{"n": 3}')
    alert = register.get(id_of("a"))
    assert (alert["money_at_risk"], alert["facts"], alert["days"]) == (9.0, {"n": 3}, 3)
    assert (alert["first_day"], alert["last_day"]) == (DAY, DAY + timedelta(days=3))
    assert path(register, "a") == [("day", "open")]


def test_a_gone_cause_closes_and_reopens_with_its_history(register: Alerts) -> None:
    """Closed by the first day without it; back again it is the same alert with every move in its history."""
    record(register, 0, "a", "b")
    assert record(register, 1, "b") == Recorded(closed=1)
    assert record(register, 2, "a", "b") == Recorded(reopened=1)
    assert path(register, "a") == [("day", "open"), ("day", "closed"), ("day", "open")]
    assert [move["why"] for move in register.history(id_of("a"))] == ["", "alerts.note_gone", "alerts.note_back"]
    assert [move["number"] for move in register.history(id_of("a"))] == [1, 2, 3]
    assert path(register, "b") == [("day", "open")]


def test_the_same_day_again_is_the_day_corrected(register: Alerts) -> None:
    """The same rows change nothing; other rows of the last day count, without counting the day twice."""
    record(register, 0, "a", "b")
    before = register.find(AlertFilter())
    assert record(register, 0, "a", "b") == Recorded() and register.find(AlertFilter()) == before
    assert record(register, 0, "a", "c", money_at_risk=7.0) == Recorded(opened=1, closed=1)
    assert {a["subject"]: (a["state"], a["days"]) for a in register.find(AlertFilter())} == {
        "a": ("open", 1), "b": ("closed", 1), "c": ("open", 1)
    }  # fmt: skip


def test_a_table_without_rows_closes_its_own_alerts_only(register: Alerts) -> None:
    """Each table speaks for itself: one that is empty, or of which a later day is known, touches no other."""
    both = {"delays": rows("a"), "errors": rows("a")}
    register.record(DAY, both, currency="EUR")
    register.record(DAY + timedelta(days=1), {"delays": rows()}, currency="EUR")
    assert {a["kind"]: a["state"] for a in register.find(AlertFilter())} == {"delays": "closed", "errors": "open"}
    assert register.record(DAY, both | {"errors": rows()}, currency="EUR") == Recorded(closed=1)
    assert {a["kind"]: a["state"] for a in register.find(AlertFilter())} == {"delays": "closed", "errors": "closed"}


def test_what_nothing_looks_for_any_more_is_closed(register: Alerts) -> None:
    """The alerts of a table that is no longer declared close, unless the day is older than its last one."""
    record(register, 1, "a")
    for day, state in ((0, "open"), (1, "closed")):
        register.record(DAY + timedelta(days=day), {"errors": rows("a")}, currency="EUR", declared=["errors"])
        assert register.get(id_of("a"))["state"] == state
    assert [alert["kind"] for alert in register.find(AlertFilter(states=("open",)))] == ["errors"]


def test_a_suppressed_alert_comes_back_on_its_day(register: Alerts) -> None:
    """Quiet until the day named, then open again if it is still there; the reason stands in the history."""
    record(register, 0, "a")
    until = DAY + timedelta(days=3)
    assert register.suppress(id_of("a"), until, who="ann", why="lorry is repaired")["state"] == "suppressed"
    assert record(register, 2, "a") == Recorded()
    assert (register.get(id_of("a"))["state"], register.get(id_of("a"))["days"]) == ("suppressed", 2)
    assert record(register, 3, "a") == Recorded(reopened=1)
    assert register.get(id_of("a"))["until"] is None
    assert path(register, "a") == [("day", "open"), ("ann", "suppressed"), ("day", "open")]
    move = register.history(id_of("a"))[1]
    assert (move["until"], move["why"]) == (until, "lorry is repaired")


def test_a_suppression_outlasts_a_gap(register: Alerts) -> None:
    """What comes and goes stays quiet until the day named: gone it is closed, back it is suppressed."""
    record(register, 0, "a")
    register.suppress(id_of("a"), DAY + timedelta(days=5), who="ann", why="known")
    assert record(register, 1) == Recorded(closed=1)
    assert record(register, 2, "a") == Recorded()
    assert register.get(id_of("a"))["state"] == "suppressed"
    assert register.resume(id_of("a"), who="bob")["state"] == "open"
    assert record(register, 3, "a") == Recorded()
    assert path(register, "a")[-2:] == [("day", "suppressed"), ("bob", "open")]


def test_what_cannot_be_done_is_refused(register: Alerts) -> None:
    """No suppression without a reason, to a day that has passed or of a closed alert; no resuming of an open one."""
    record(register, 0, "a", "b")
    record(register, 1, "a")
    later = DAY + timedelta(days=9)
    for subject, until, why, code in (
        ("a", later, " ", "alerts.why"),
        ("a", DAY + timedelta(days=1), "so", "alerts.until"),
        ("b", later, "so", "alerts.move"),
        ("x", later, "so", "alerts.unknown"),
    ):
        with pytest.raises(HubError) as caught:
            register.suppress(id_of(subject), until, who="ann", why=why)
        assert refusal(caught) == code
    for id, code in ((id_of("a"), "alerts.move"), ("zz", "alerts.unknown"), ("a" * 40, "alerts.unknown")):
        with pytest.raises(HubError) as caught:
            register.resume(id, who="ann")
        assert refusal(caught) == code
    assert len(register.history(id_of("a"))) == 1


def test_an_id_may_be_shortened(register: Alerts) -> None:
    """Six characters will do while they begin one alert only."""
    record(register, 0, *map(str, range(50)))
    assert register.get(id_of("7")[:6])["subject"] == "7"
    with register.engine.begin() as connection:
        twin = dict(register.get(id_of("7"))) | {"id": id_of("7")[:8] + "00000000", "facts": "{}"}
        connection.execute(alerts.insert().values(twin))
    with pytest.raises(HubError, match="the beginning of 2 alerts") as caught:
        register.get(id_of("7")[:8])
    assert refusal(caught) == "alerts.ambiguous"


def test_the_most_money_at_risk_comes_first(register: Alerts) -> None:
    """Lists are ranked by money, go on where the page before ended, and narrow by every field."""
    day = {"delays": pa.concat_tables([rows("a", money_at_risk=1.0), rows("b", "c", money_at_risk=3.0, store="")])}
    register.record(DAY, day, currency="EUR")
    everything = register.find(AlertFilter())
    assert [alert["money_at_risk"] for alert in everything] == [3, 3, 1]
    first = everything[0]
    assert register.find(AlertFilter(), after=(first["money_at_risk"], first["id"])) == everything[1:]
    assert register.find(AlertFilter(), limit=1, offset=2) == everything[2:]
    assert [alert["subject"] for alert in register.find(AlertFilter(store="s"))] == ["a"]
    assert len(register.find(AlertFilter(store="", owner="it", cause="late", states=("open",)))) == 2
    assert register.find(AlertFilter(states=("closed",))) == register.find(AlertFilter(owner="store")) == []
    assert register.summary(AlertFilter()) == [{"state": "open", "cause": "late", "count": 3, "money_at_risk": 7.0}]
    assert register.stores() == ["", "s"]


def test_two_rows_of_one_alert_are_refused(register: Alerts) -> None:
    """A store that is empty and one that is missing are both the chain: the whole day is left unrecorded."""
    twice = {"others": rows("b"), "delays": pa.concat_tables([rows("a", store=None), rows("a", store="")])}
    with pytest.raises(HubError) as caught:
        register.record(DAY, twice, currency="EUR")
    assert refusal(caught) == "alerts.twice"
    assert register.find(AlertFilter()) == []


def test_thousands_of_alerts_are_recorded(register: Alerts) -> None:
    """More alerts than a statement has parameters for open, stay and close like a few."""
    many = [str(number) for number in range(2_500)]
    assert record(register, 0, *many).opened == 2_500
    assert record(register, 1, *many[:1_000], money_at_risk=6.0).closed == 1_500
    assert record(register, 2, *many).reopened == 1_500


def test_a_killed_recording_leaves_all_or_nothing(tmp_path: Path) -> None:
    """A process that dies while it records leaves the register as it was; recording again makes up for it."""
    register = Alerts(open_state("", tmp_path))
    record(register, 0, "a", "b")
    before = register.find(AlertFilter())
    script = (
        "import os, sys; from datetime import date; from pathlib import Path; import pyarrow as pa\n"
        "from aislehub.core import alerts; from aislehub.core.state import open_state\n"
        "insert = alerts.insert_rows\n"
        "def die(connection, table, rows):\n"
        "    os._exit(9) if table is alerts.alert_moves else insert(connection, table, rows)\n"
        "alerts.insert_rows = die\n"
        "row = dict(cause='late', store='s', subject='c', owner='it', money_at_risk=1.0, facts='{}', source='')\n"
        "register = alerts.Alerts(open_state('', Path(sys.argv[1])))\n"
        "register.record(date(2017, 11, 6), {'delays': pa.Table.from_pylist([row])}, currency='EUR')"
    )
    assert subprocess.run([sys.executable, "-c", script, tmp_path], timeout=120).returncode == 9
    assert register.find(AlertFilter()) == before
    assert record(register, 1, "b", "c") == Recorded(opened=1, closed=1)
    register.engine.dispose()


# -- any order of events -----------------------------------------------------------------------------

KINDS = ("delays", "errors")
SUBJECTS = "abc"
FOUND = st.dictionaries(st.sampled_from(KINDS), st.sets(st.sampled_from(SUBJECTS)))


@dataclass
class Naive:
    """One alert as a plain reading of the rules has it."""

    state: str
    seen: set[date]
    money: float
    until: date | None = None
    path: list[tuple[str, str]] = field(default_factory=list)

    def go(self, who: str, to: str) -> None:
        if to != self.state or who != "day":
            self.state = to
            self.path.append((who, to))


class AnyDays(RuleBasedStateMachine):
    """Days in any order, complete or not, and people in between; after each, the register is what the model says."""

    register: Alerts

    @initialize()
    def empty(self) -> None:
        with self.register.engine.begin() as connection:
            for table in (alerts, alert_moves, alert_days):
                connection.execute(delete(table))
        self.model: dict[tuple[str, str], Naive] = {}
        self.last: dict[str, date] = {}

    @rule(day=st.integers(0, 9), found=FOUND, money=st.integers(1, 3), again=st.booleans())
    def run(self, day: int, found: dict[str, set[str]], money: int, again: bool) -> None:
        """A table that is not in `found` is one whose step failed or was skipped."""
        today = DAY + timedelta(days=day)
        given = {kind: rows(*sorted(subjects), money_at_risk=float(money)) for kind, subjects in found.items()}
        for _ in range(1 + again):
            self.register.record(today, given, currency="EUR")
        for kind, subjects in found.items():
            if today < self.last.get(kind, today):
                continue
            self.last[kind] = today
            for subject in SUBJECTS:
                alert = self.model.get((kind, subject))
                if subject in subjects:
                    if alert is None:
                        alert = self.model[kind, subject] = Naive("", set(), money)
                    alert.seen.add(today)
                    alert.money = money
                    if alert.until and today >= alert.until:
                        alert.until = None
                    alert.go("day", "suppressed" if alert.until else "open")
                elif alert is not None:
                    alert.go("day", "closed")

    @rule(kind=st.sampled_from(KINDS), subject=st.sampled_from(SUBJECTS), days=st.integers(0, 4))
    def suppress(self, kind: str, subject: str, days: int) -> None:
        alert, id = self.model.get((kind, subject)), alert_id(kind, "late", "s", subject)
        until = DAY + timedelta(days=days) if alert is None else max(alert.seen) + timedelta(days=days)
        if alert is None or days == 0 or alert.state == "closed":
            with pytest.raises(HubError):
                self.register.suppress(id, until, who="ann", why="so")
            return
        self.register.suppress(id, until, who="ann", why="so")
        alert.until = until
        alert.go("ann", "suppressed")

    @rule(kind=st.sampled_from(KINDS), subject=st.sampled_from(SUBJECTS))
    def resume(self, kind: str, subject: str) -> None:
        alert, id = self.model.get((kind, subject)), alert_id(kind, "late", "s", subject)
        if alert is None or alert.state != "suppressed":
            with pytest.raises(HubError):
                self.register.resume(id, who="bob")
            return
        self.register.resume(id, who="bob")
        alert.until = None
        alert.go("bob", "open")

    @invariant()
    def the_register_is_the_model(self) -> None:
        found = {(row["kind"], row["subject"]): row for row in self.register.find(AlertFilter())}
        assert found.keys() == self.model.keys()
        for key, alert in self.model.items():
            row = found[key]
            assert (row["state"], row["money_at_risk"], row["until"]) == (alert.state, alert.money, alert.until)
            assert (row["first_day"], row["last_day"]) == (min(alert.seen), max(alert.seen))
            assert (row["days"], row["moves"]) == (len(alert.seen), len(alert.path))
            history = self.register.history(row["id"])
            assert [(move["who"], move["state_to"]) for move in history] == alert.path
            assert [move["state_from"] for move in history] == ["", *(move["state_to"] for move in history[:-1])]


def test_any_sequence_of_days_keeps_the_register(register: Alerts) -> None:
    """Days in any order and again, failed steps, suppressions: states, days, money and histories as in a naive one."""

    class OnThis(AnyDays):
        pass

    OnThis.register = register
    run_state_machine_as_test(
        OnThis, settings=settings(max_examples=20, stateful_step_count=25, suppress_health_check=list(HealthCheck))
    )
