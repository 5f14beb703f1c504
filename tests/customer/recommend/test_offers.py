"""What is on offer in a chain is counted for the catalogue that asks."""

from __future__ import annotations

import numpy as np

from aislehub.customer.recommend.offers import NO_OFFERS, Offers


def test_chains_of_any_size_share_nothing() -> None:
    """Where nothing is offered, a catalogue has as many zeros as items, whichever other one was counted before."""
    for items in (3, 30, 3):
        display, mailer = NO_OFFERS.in_chain(17_000, items)
        assert display.tolist() == mailer.tolist() == [0.0] * items


def test_stores_that_show_an_item_are_counted() -> None:
    """Two stores show item 1 in a second place on the day, one of them in the leaflet, too; the day after none does."""
    place, day = np.array([1, 4]), np.array([10, 10])  # store × 3 items + item
    shown = np.array([1, 1], dtype=np.float32)
    offers = Offers(3, place, day, day, day - 1, shown, np.array([0, 1], dtype=np.float32), 0 * shown)
    assert [counted.tolist() for counted in offers.in_chain(10, 3)] == [[0, 2, 0], [0, 1, 0]]
    assert [counted.tolist() for counted in offers.in_chain(11, 3)] == [[0, 0, 0], [0, 0, 0]]
