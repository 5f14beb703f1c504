"""Privacy: noise and what it is worth."""

import numpy as np
import pytest
from scipy import stats

from aislehub.core.errors import HubError
from aislehub.customer.federated.budget import calibrated, spent
from aislehub.customer.federated.noise import gaussian


@pytest.mark.parametrize("epsilon", [1.0, 8.0])
def test_the_noise_keeps_the_promise_and_no_more(epsilon):
    """Two sums together spend ε, by the accountant's own privacy loss distributions too; with 1 % less noise, more."""
    from dp_accounting import ComposedDpEvent, GaussianDpEvent
    from dp_accounting.pld import PLDAccountant

    multipliers = calibrated(epsilon, 1e-5, (3.0, 1.0)).multipliers
    assert multipliers[0] == pytest.approx(3 * multipliers[1])
    assert spent(multipliers, 1e-5) == pytest.approx(epsilon, rel=1e-6)
    assert spent([0.99 * one for one in multipliers], 1e-5) > epsilon
    events = ComposedDpEvent([GaussianDpEvent(multiplier) for multiplier in multipliers])
    assert PLDAccountant().compose(events).get_epsilon(1e-5) == pytest.approx(epsilon, rel=1e-3)


def test_the_noise_is_normal():
    """Mean, spread and shape of 200,001 numbers, an odd count; two draws have nothing in common."""
    drawn = gaussian(2.0, 200_001)
    assert len(drawn) == 200_001
    assert stats.kstest(drawn / 2.0, "norm").pvalue > 1e-6
    assert abs(np.corrcoef(drawn, gaussian(2.0, 200_001))[0, 1]) < 0.02


@pytest.mark.parametrize(("epsilon", "delta"), [(0.0, 1e-5), (-1.0, 1e-5), (1.0, 0.0), (float("nan"), 1e-5)])
def test_what_is_no_promise_is_refused(epsilon, delta):
    """ε and δ outside their ranges."""
    with pytest.raises(HubError) as refused:
        calibrated(epsilon, delta, (1.0,))
    assert refused.value.code == "federated.epsilon"
