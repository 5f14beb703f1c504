"""The inbox: events wait in the order they came, each once, until they are facts."""

from __future__ import annotations

from pathlib import Path

from aislehub.core.inbox import Inbox


def seen(*ids: str) -> list[dict[str, str]]:
    """Events of these ids."""
    return [{"event_id": id} for id in ids]


def test_the_inbox_survives_its_process(tmp_path: Path) -> None:
    """Events are kept in the order they came until they are removed; numbers are never used again."""
    Inbox(tmp_path / "inbox.db").add(seen("b", "a"))
    inbox = Inbox(tmp_path / "inbox.db")
    waiting = inbox.since()
    assert [event["event_id"] for _, event in waiting] == ["b", "a"]
    last = waiting[-1][0]
    assert inbox.since(last) == [] and inbox.span() == (waiting[0][0], last)
    assert inbox.remove(last) == 2 and inbox.span() == (None, None)
    inbox.add(seen("c"))
    assert [event for _, event in inbox.since(last)] == seen("c")


def test_the_same_event_counts_once(tmp_path: Path) -> None:
    """A shop that sends a parcel again for want of a reply adds nothing."""
    inbox = Inbox(tmp_path / "inbox.db")
    assert inbox.add(seen("a", "b")) == 2
    assert inbox.add(seen("b", "a", "c")) == 1
    assert len(inbox.since()) == 3


def test_an_erased_event_is_in_no_byte_and_no_hand(tmp_path: Path) -> None:
    """Erasing takes an event from the middle, its bytes too; the others stay in order under new numbers."""
    inbox = Inbox(tmp_path / "inbox.db")
    inbox.add(seen("first", "in-the-middle", "last"))
    before = inbox.span()
    assert inbox.erase(lambda event: event["event_id"] == "in-the-middle") == 1
    assert [event for _, event in inbox.since()] == seen("first", "last")
    assert inbox.span()[0] != before[0]
    assert all(b"in-the-middle" not in file.read_bytes() for file in tmp_path.iterdir())
    assert inbox.erase(lambda event: False) == 0
