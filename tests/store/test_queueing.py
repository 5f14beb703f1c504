"""Queues against textbook values and the square-root rule."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from aislehub.store.queueing import mean_wait, servers_needed, share_waiting, share_within


@pytest.mark.parametrize(
    ("load", "servers", "waiting"),
    [
        (0.5, 1, 0.5),  # M/M/1: the load itself
        (0.9, 1, 0.9),
        (1.0, 2, 1 / 3),  # M/M/2: 2 ρ² / (1 + ρ) with ρ = 1/2
        (4.0, 5, 0.5541),  # the usual tables
        (10.0, 11, 0.6821),
        (2.0, 3, 0.4444),  # 4/9
    ],
)
def test_erlang_c_has_textbook_values(load: float, servers: int, waiting: float) -> None:
    """The share that waits is the one in closed forms and tables."""
    assert share_waiting([load], [servers])[0] == pytest.approx(waiting, abs=5e-5)


def test_waits_follow_from_it() -> None:
    """M/M/1 with one arrival in two minutes and one minute of service: a minute of mean wait, e^-1/2 of P(wait > 1)."""
    assert mean_wait([0.5], [1], 60.0)[0] == pytest.approx(60.0)
    assert share_within([0.5], [1], 60.0, 60.0)[0] == pytest.approx(1 - 0.5 * np.exp(-0.5))


def test_who_cannot_keep_up_lets_all_wait() -> None:
    """With no more people than work the queue grows without end."""
    assert share_waiting([3.0, 3.0, 0.5], [3, 2, 0]).tolist() == [1, 1, 1]
    assert mean_wait([3.0], [3], 60.0).tolist() == [np.inf]
    assert share_within([3.0], [3], 60.0, 60.0).tolist() == [0]


def test_the_fewest_that_keep_the_promise() -> None:
    """One person fewer would break it; nobody to serve needs nobody."""
    load = np.array([0.0, 0.01, 0.4, 1.0, 3.3, 12.5, 80.0])
    needed = servers_needed(load, 60.0, 30.0, 0.8)
    assert needed[0] == 0
    assert (share_within(load[1:], needed[1:], 60.0, 30.0) >= 0.8).all()
    assert (share_within(load[1:], needed[1:] - 1, 60.0, 30.0) < 0.8).all()


@pytest.mark.parametrize("waiting", [0.1, 0.2, 0.5])
def test_the_square_root_rule_agrees_to_a_person(waiting: float) -> None:
    """Load + β √load people, waiting = 1 / (1 + β Φ(β) / φ(β)): Halfin and Whitt, Operations Research 29 (1981)."""
    load = np.array([2.0, 5.0, 10.0, 25.0, 60.0, 150.0])
    beta = brentq(lambda x: 1 / (1 + x * norm.cdf(x) / norm.pdf(x)) - waiting, 0.0, 10.0)
    exact = servers_needed(load, 60.0, 0.0, 1 - waiting)
    assert np.abs(exact - np.ceil(load + beta * np.sqrt(load))).max() <= 1


def test_a_queue_that_is_played_waits_as_computed() -> None:
    """A hundred thousand customers, each at the first of three tills to be free: the same share waits."""
    random = np.random.default_rng(0)
    load, servers, count = 2.2, 3, 100_000
    arrives = np.cumsum(random.exponential(1 / load, count))
    service = random.exponential(1.0, count)
    free = [0.0] * servers
    waited = 0
    for at, takes in zip(arrives.tolist(), service.tolist(), strict=True):
        first = free.index(min(free))
        begins = max(at, free[first])
        waited += begins > at + 0.5
        free[first] = begins + takes
    assert waited / count == pytest.approx(1 - share_within([load], [servers], 1.0, 0.5)[0], abs=0.02)
