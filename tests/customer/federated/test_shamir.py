"""Shamir's secret sharing."""

import secrets
from itertools import combinations

import pytest

from aislehub.customer.federated.shamir import combine, share


def test_any_threshold_shares_give_the_secret_back_and_fewer_do_not():
    """Of 5 shares with a threshold of 3, every 3, 4 and 5 give the secret, no 2 do."""
    for secret in (bytes(32), b"\xff" * 32, secrets.token_bytes(32)):
        shares = share(secret, 3, [1, 2, 3, 4, 9])
        for count in (3, 4, 5):
            assert all(combine(dict(chosen)) == secret for chosen in combinations(shares.items(), count))
        assert all(combine(dict(chosen)) != secret for chosen in combinations(shares.items(), 2))


def test_a_false_share_is_noticed():
    """One byte of one share changed gives no secret of 32 bytes."""
    shares = share(secrets.token_bytes(32), 2, [1, 2])
    assert combine(shares | {2: bytes(reversed(shares[2]))}) is None


def test_shares_of_the_same_secret_look_different():
    """Shares are drawn anew each time."""
    secret = secrets.token_bytes(32)
    assert share(secret, 2, [1, 2])[1] != share(secret, 2, [1, 2])[1]


def test_impossible_thresholds_are_wrong_use():
    """More shares needed than there are, or the secret's own place 0 as a share."""
    for threshold, points in ((3, [1, 2]), (0, [1]), (1, [0, 1])):
        with pytest.raises(ValueError):
            share(bytes(32), threshold, points)
