"""Fixed-point integers modulo 2^64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from aislehub.core.errors import HubError
from aislehub.customer.federated.fixed import decode, encode, fractional_bits

VECTORS = hnp.arrays(float, (3, 5), elements=st.floats(-1e6, 1e6))


@given(VECTORS)
def test_a_sum_of_integers_is_the_sum_of_numbers(vectors):
    """Encoded vectors add up to the encoded sum, to half a step a vector; nothing wraps at the bound."""
    bits = fractional_bits(1e6, 3)
    total = sum((encode(vector, 1e6, bits) for vector in vectors), start=np.zeros(5, dtype=np.uint64))
    exact = [sum(int(number) for number in np.rint(np.ldexp(column, bits))) for column in vectors.T]
    assert (decode(total, bits) == np.array([float(one) for one in exact]) / 2.0**bits).all()
    assert np.abs(decode(total, bits) - vectors.sum(axis=0)).max() <= 1.5 * 2.0**-bits + 1e-9


def test_the_largest_sum_has_room():
    """As many parties as planned, all at the bound, with either sign."""
    for parties in (3, 4, 50):
        bits = fractional_bits(1e7, parties)
        total = np.zeros(2, dtype=np.uint64)
        for _ in range(parties):
            total += encode(np.array([1e7, -1e7]), 1e7, bits)
        assert decode(total, bits).tolist() == [parties * 1e7, -parties * 1e7]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused(bad):
    """NaN and infinity never enter a sum."""
    with pytest.raises(HubError) as refused:
        encode(np.array([1.0, bad]), 10.0, 20)
    assert refused.value.code == "federated.not_finite"


def test_what_is_too_large_is_refused():
    """A number above the bound is refused with both; a bound without room for a sum is refused too."""
    with pytest.raises(HubError) as refused:
        encode(np.array([11.0]), 10.0, 20)
    assert (refused.value.code, refused.value.facts["largest"]) == ("federated.out_of_bound", 11.0)
    with pytest.raises(HubError) as refused:
        fractional_bits(2.0**62, 4)
    assert refused.value.code == "federated.no_room"
