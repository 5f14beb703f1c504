"""Notices: another system hears of each change once, in order, and of thousands in one, on either database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import func, select

from aislehub.core.alerts import Alerts
from aislehub.core.notices import Notice, Posted, Told, tell
from aislehub.core.state import notices, open_state

DAY = date(2017, 11, 5)


@pytest.fixture
def register(state_url: str, tmp_path: Path) -> Iterator[Alerts]:
    """An empty register on SQLite, then on PostgreSQL."""
    register = Alerts(open_state(state_url, tmp_path))
    yield register
    register.engine.dispose()


@dataclass
class Book:
    """A receiver that writes down what it is told, until it is full."""

    room: int = 1_000_000
    heard: list[Notice] = field(default_factory=list)

    def post(self, notice: Notice) -> Posted:
        if len(self.heard) >= self.room:
            return Posted("waiting", "the book is full")
        self.heard.append(notice)
        return Posted("delivered")

    def told(self) -> list[tuple[str, str]]:
        return [(notice.kind, notice.content.get("subject", "")) for notice in self.heard]


def record(register: Alerts, day: int, subjects: str | list[str]) -> None:
    """Record a day on which these are found, the first with the most money at risk."""
    row = {"cause": "late", "store": "s", "owner": "it", "facts": "{}", "source": ""}
    rows = [row | {"subject": subject, "money_at_risk": 9_999.0 - n} for n, subject in enumerate(subjects)]
    names = ("cause", "store", "subject", "owner", "facts", "source")
    schema = pa.schema([*((name, pa.string()) for name in names), ("money_at_risk", pa.float64())])
    found = {"delays": pa.Table.from_pylist(rows, schema)}
    register.record(DAY + timedelta(days=day), found, currency="EUR")


def test_each_change_is_told_once_and_in_order(register: Alerts) -> None:
    """Openings, closings and what came back, each under an id of its own; without a change there is nothing to tell."""
    book = Book()
    for day, subjects in enumerate(["ab", "ab", "b", "ba"]):
        record(register, day, subjects)
        tell(register, book, most=9)
        assert tell(register, book, most=9) == Told()
    assert book.told() == [("opened", "a"), ("opened", "b"), ("closed", "a"), ("reopened", "a")]
    assert len({notice.id for notice in book.heard}) == 4
    assert book.heard[0].content["first_day"] == "2017-11-05" and book.heard[0].content["facts"] == {}


def test_what_waits_goes_first_and_bounds_what_can_wait(register: Alerts) -> None:
    """A full book stops the telling; meanwhile nothing new is written down; with room again what waits comes first."""
    book = Book(room=1)
    record(register, 0, "abc")
    assert tell(register, book, most=9) == Told(delivered=1, waiting=2, why=["the book is full"])
    record(register, 1, "abcd")
    assert tell(register, book, most=9).waiting == 2
    book.room = 9
    assert tell(register, book, most=9) == Told(delivered=3)
    assert book.told() == [("opened", subject) for subject in "abcd"]


def test_thousands_share_one_digest(register: Alerts) -> None:
    """Of 2,500 changes ten are told one by one and the others in one notice that names each; then nothing is left."""
    book, many = Book(), [str(number) for number in range(2_500)]
    for day, subjects, kind in ((0, many, "opened"), (1, [], "closed")):
        record(register, day, subjects)
        assert tell(register, book, most=10) == Told(delivered=11)
        digest = book.heard[-1]
        assert digest.kind == "digest" and digest.content["count"] == len(digest.content["changes"]) == 2_490
        assert set(digest.content["changes"].values()) == {kind}
        assert tell(register, book, most=10) == Told()
    with register.engine.connect() as connection:
        assert connection.execute(select(func.count()).where(notices.c.state == "delivered")).scalar() == 22
