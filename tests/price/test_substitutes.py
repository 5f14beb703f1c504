"""Close substitutes are found among neighbours, whether or not all stores promote alike."""

import numpy as np
import pytest

from aislehub.price.substitutes import Sizes, Told, losses

STORES, ITEMS, WEEKS = 12, 8, 104
TAKES = 0.12  # share that each of three substitutes takes


def planted(shock=0.03, alike=False, seed=0):
    """True shares, and the promotions, weights and rests of weeks in which every item loses to the three after it."""
    rng = np.random.default_rng(seed)
    item = np.arange(ITEMS)
    taken = np.where(np.isin((item[None, :] - item[:, None]) % ITEMS, (1, 2, 3)), TAKES, 0.0)
    promoted = rng.random((1 if alike else STORES, ITEMS, WEEKS)) < 0.12
    push = np.broadcast_to(0.9 * promoted, (STORES, ITEMS, WEEKS))
    rest = -np.einsum("ij,sjw->siw", taken, push) + shock * rng.standard_normal(WEEKS)
    rest = rest + 0.25 * rng.standard_normal(rest.shape)
    return taken, push, np.full(rest.shape, 1 / 0.25**2), rest


def found(shock=0.03, sizes=None, **given):
    """True and expected shares."""
    taken, push, weight, rest = planted(shock, **given)
    none = np.zeros_like(taken)
    return taken, losses(Told.of(push, weight, rest, none), sizes or Sizes(0.3, 0.5, shock), none)


@pytest.mark.parametrize("alike", [False, True])
def test_substitutes_are_told_from_others(alike):
    """What three neighbours take is found; the others are believed to take nearly nothing."""
    taken, shares = found(alike=alike)
    close = taken > 0
    assert shares[close].mean() == pytest.approx(TAKES, rel=0.25)
    assert shares[~close].mean() < 0.02
    assert (np.diag(shares) == 0).all()


def test_a_hard_week_is_not_blamed_on_promotions():
    """Where weeks differ much and all stores promote alike, an error of the shock's scale costs precision: taking the
    true scale is nearer to the truth than taking weeks for equal."""
    errors = {}
    for scale in (0.15, 0.001):
        apart = []
        for seed in range(6):
            taken, shares = found(0.15, Sizes(0.3, 0.5, scale), alike=True, seed=seed)
            apart.append(np.square(shares - taken).mean())
        errors[scale] = np.mean(apart)
    assert errors[0.15] < errors[0.001]


def test_weeks_that_say_nothing_leave_what_was_expected():
    """Nothing was promoted: every neighbour takes its even share of the total."""
    shape = (STORES, ITEMS, WEEKS)
    even = np.full((ITEMS, ITEMS), 0.3 / (ITEMS - 1))
    np.fill_diagonal(even, 0.0)
    told = Told.of(np.zeros(shape), np.ones(shape), np.zeros(shape), even)
    assert losses(told, Sizes(0.3, 0.5, 0.03), 0 * even) == pytest.approx(even)
