"""How many people a queue needs: Erlang's formulas.

Customers come at random (Poisson), each is served for an exponential time, the first free person takes the next one,
and nobody walks away (M/M/c). A. K. Erlang, 1917.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["mean_wait", "servers_needed", "share_waiting", "share_within"]

FloatArray = NDArray[np.float64]


def share_waiting(load: ArrayLike, servers: ArrayLike) -> FloatArray:
    """Erlang C: the share of customers that find everybody busy; 1 where the servers cannot keep up.

    Args:
        load: offered load in Erlangs, arrivals × service time, (n,).
        servers: people who serve, (n,).

    Example:
        >>> share_waiting([4.0], [5]).round(4)
        array([0.5541])
    """
    load, servers = np.broadcast_arrays(np.asarray(load, float), np.asarray(servers, int))
    blocked = np.ones(load.shape)
    for count in range(1, int(servers.max(initial=0)) + 1):
        blocked = np.where(count <= servers, load * blocked / (count + load * blocked), blocked)
    return _waiting(blocked, load, servers)


def share_within(load: ArrayLike, servers: ArrayLike, service: float, wait: float) -> FloatArray:
    """Share of customers who wait no longer than `wait`, in the unit of the mean service time `service`, (n,)."""
    spare = np.maximum(np.asarray(servers, float) - np.asarray(load, float), 0.0)
    return 1 - share_waiting(load, servers) * np.exp(-spare * wait / service)


def mean_wait(load: ArrayLike, servers: ArrayLike, service: float) -> FloatArray:
    """Mean wait of all customers in the unit of `service`, (n,); infinite where the servers cannot keep up."""
    spare = np.asarray(servers, float) - np.asarray(load, float)
    waiting = share_waiting(load, servers) * service
    return np.divide(waiting, spare, out=np.full(waiting.shape, np.inf), where=spare > 0)


def servers_needed(load: FloatArray, service: float, wait: float, share: float) -> NDArray[np.int64]:
    """The fewest people with whom at least `share` of the customers wait no longer than `wait`.

    Args:
        load: offered loads in Erlangs, (n,); 0 needs nobody.
        service: mean service time.
        wait: longest wait, in the same unit.
        share: below 1.
    """
    needed = np.zeros(load.shape, dtype=np.int64)
    blocked = np.ones(load.shape)
    count, open_ = 0, load > 0
    while open_.any():
        count += 1
        blocked = load * blocked / (count + load * blocked)  # Erlang B by its recursion
        spare = np.maximum(count - load, 0.0)
        within = 1 - _waiting(blocked, load, np.full(load.shape, count)) * np.exp(-spare * wait / service)
        enough = open_ & (within >= share)
        needed[enough] = count
        open_ &= ~enough
    return needed


def _waiting(blocked: FloatArray, load: FloatArray, servers: NDArray[np.int64]) -> FloatArray:
    """Erlang C from Erlang B."""
    idle = 1 - load / np.maximum(servers, 1)
    return np.where((servers > load) & (servers > 0), blocked / (idle + (1 - idle) * blocked), 1.0)
