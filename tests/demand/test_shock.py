"""The common shock: found where planted, not where there is none, and allowed for as few origins allow."""

from __future__ import annotations

import numpy as np
import pytest

from aislehub.demand.panel import FloatArray
from aislehub.demand.shock import PRIOR, common_shock

SERIES = 200


def errors(moved: FloatArray, scatter: float, seed: int = 0) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Errors of means between 10 and 100 that move by `moved` (origins, 1, windows), sizes and variances."""
    random = np.random.default_rng(seed)
    size = np.broadcast_to(np.linspace(10, 100, SERIES)[None, :, None], (len(moved), SERIES, moved.shape[2])).copy()
    error = size * (moved + scatter * random.normal(size=size.shape))
    return error, size, np.full(size.shape, float((error**2).mean()))


def test_a_planted_shock_is_found() -> None:
    """Each origin's and window's shock within 2 percentage points, whatever is unknown."""
    planted = np.array([[0.1, 0.05], [-0.08, -0.1], [0.02, 0.06]])[:, None, :]
    error, size, variance = errors(planted, 0.05)
    error[0, ::3] = np.nan
    found, sd = common_shock(error, size, variance)
    np.testing.assert_allclose(found, planted, atol=0.02)
    assert sd > np.sqrt((planted**2).mean())


def test_scatter_alone_is_no_shock() -> None:
    """Independent errors of 30 % leave less than 1 % of a shock, and less to allow for than the prior."""
    found, sd = common_shock(*errors(np.zeros((3, 1, 4)), 0.3))
    assert np.abs(found).max() < 0.01
    assert sd < PRIOR


def test_one_series_has_nothing_in_common_with_others() -> None:
    """Its errors are its own: next to none of them counts as a shock."""
    error, size, _ = errors(np.zeros((3, 1, 4)), 0.3)
    error, size = error[:, :1], size[:, :1]
    found, _ = common_shock(error, size, np.full(error.shape, float((error**2).mean())))
    assert np.abs(found).max() < 0.01


@pytest.mark.parametrize("origins", [1, 2, 3, 10])
def test_fewer_origins_allow_for_more(origins: int) -> None:
    """The same size of shocks, seen at fewer origins, has to be allowed for with a larger margin."""
    few, many = (
        common_shock(*errors(np.resize([0.1, -0.1], count)[:, None, None], 0.05))[1] for count in (origins, origins + 1)
    )
    assert few > many > 0.1


def test_nothing_known_leaves_the_prior() -> None:
    """Without outcomes, or with means of 0, no shock is seen, and the usual one allowed for."""
    nothing = np.zeros((2, 5, 3))
    found, sd = common_shock(nothing, nothing, nothing)
    assert (found == 0).all()
    assert sd == PRIOR
