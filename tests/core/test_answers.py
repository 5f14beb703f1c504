"""Live events: they only grow, and are found by any of their fields."""

from __future__ import annotations

import threading
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aislehub.core.answers import Live

EVENTS = st.lists(st.fixed_dictionaries({"item": st.sampled_from("abc"), "n": st.integers()}))


@given(EVENTS, EVENTS, st.booleans())
def test_events_are_found_by_a_field(early: list[dict[str, Any]], late: list[dict[str, Any]], asked: bool) -> None:
    """In the order they came, whether they came before the first such question or after it."""
    live = Live(early)
    if asked:
        live.of("item", "a")
    live.add(late)
    assert list(live.events) == early + late
    for item in "abcd":
        assert list(live.of("item", item)) == [event for event in early + late if event["item"] == item]


def test_an_event_that_comes_while_others_ask_is_counted_once() -> None:
    """Threads ask by several fields while events are added: none is lost, none twice."""
    live = Live()
    names = [f"field {number}" for number in range(20)]

    def ask() -> None:
        for name in names:
            live.of(name, 1)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(300):
        live.add([dict.fromkeys(names, 1)])
    for thread in threads:
        thread.join()
    assert [len(live.of(name, 1)) for name in names] == [300] * 20
