"""Off-policy estimates: unbiased where they promise it, covering what they say, open about what the log cannot tell."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aislehub.core.errors import HubError
from aislehub.price.offpolicy import ESTIMATORS, Log, difference, dr, evaluate, ips, snips


def make_log(seed, rows=600, clusters=None, chances=None):
    """A log of three arms whose rewards are known: (log, expected rewards (n, A))."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, 2))
    if chances is None:
        chances = rng.dirichlet(np.full(3, 2.0), rows)
    reward = np.stack([x[:, 0], 1 + x[:, 1], 0.5 * x[:, 0] ** 2], axis=1)
    arm = np.minimum((rng.random((rows, 1)) > chances.cumsum(axis=1)).sum(axis=1), 2)
    cluster = np.arange(rows) if clusters is None else np.arange(rows) % clusters
    luck = 0 if clusters is None else rng.standard_normal(clusters)[cluster]
    got = reward[np.arange(rows), arm] + rng.standard_normal(rows) + luck
    return Log(arm, chances, got, x, cluster), reward


def a_policy(log):
    """A policy that looks at the features."""
    score = np.exp(np.column_stack([log.features[:, 0], log.features[:, 1], np.zeros(len(log.arm))]))
    return score / score.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("name", sorted(ESTIMATORS))
def test_estimates_centre_on_the_truth_and_intervals_cover_it(name):
    """Over 150 logs the mean error is within three standard errors of 0, and 90 % intervals cover at least 87 %."""
    errors, inside = [], []
    for seed in range(150):
        log, reward = make_log(seed)
        policy = a_policy(log)
        truth = (policy * reward).sum(axis=1).mean()
        found = ESTIMATORS[name](log, policy)
        errors.append(found.value - truth)
        inside.append(found.low <= truth <= found.high)
    assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(len(errors))
    assert np.mean(inside) >= 0.87


def test_ips_is_unbiased_exactly():
    """Averaged over every log that could have been drawn, with its probability, IPS is the policy's true value."""
    rng = np.random.default_rng(3)
    chances, policy, reward = rng.dirichlet(np.ones(2), 3), rng.dirichlet(np.ones(2), 3), rng.standard_normal((3, 2))
    expected = 0.0
    for code in range(8):
        arm = np.array([code >> row & 1 for row in range(3)])
        rows = np.arange(3)
        log = Log(arm, chances, reward[rows, arm], np.zeros((3, 1)), rows)
        expected += chances[rows, arm].prod() * ips(log, policy).value
    assert expected == pytest.approx((policy * reward).sum(axis=1).mean())


def test_a_good_model_makes_doubly_robust_estimates_sharper():
    """Where rewards follow the features, the doubly robust interval is narrower than that of IPS."""
    log, _ = make_log(0, rows=3000)
    policy = a_policy(log)
    assert dr(log, policy).error < 0.85 * ips(log, policy).error


def test_a_wrong_model_does_not_bias_doubly_robust_estimates():
    """With a model that says nonsense, the estimate still centres on the truth."""
    errors = []
    for seed in range(100):
        log, reward = make_log(seed, rows=400)
        policy = a_policy(log)
        nonsense = lambda x, arm, got, asked: np.full((len(asked), 3), 7.0)  # noqa: E731
        errors.append(dr(log, policy, model=nonsense).value - (policy * reward).sum(axis=1).mean())
    assert abs(np.mean(errors)) < 3 * np.std(errors) / 10


def test_shared_luck_widens_the_interval():
    """Rows that share luck count as their clusters: the interval is wider than if they were independent."""
    log, _ = make_log(1, rows=1000, clusters=20)
    alone = Log(log.arm, log.chances, log.reward, log.features, np.arange(1000))
    assert snips(log, a_policy(log)).error > 2 * snips(alone, a_policy(log)).error


def test_what_the_log_cannot_tell_is_told():
    """A policy that takes an arm that was never possible is reported as unsupported, to its share."""
    chances = np.tile([0.5, 0.5, 0.0], (300, 1))
    log, _ = make_log(0, rows=300, chances=chances)
    policy = np.tile([0.5, 0.25, 0.25], (300, 1))
    assert all(found.unsupported == pytest.approx(0.25) for found in evaluate(log, policy).values())


def test_clipping_is_counted():
    """A cut weight lowers the standard error, and the share of cut rows is told."""
    chances = np.tile([0.96, 0.02, 0.02], (2000, 1))
    log, _ = make_log(2, rows=2000, chances=chances)
    policy = np.tile([0.1, 0.8, 0.1], (2000, 1))
    whole, cut = ips(log, policy), ips(log, policy, clip=10)
    assert whole.clipped == 0 and cut.clipped == pytest.approx((log.arm == 1).mean())
    assert cut.error < whole.error


def test_difference_of_a_policy_to_itself_is_nothing():
    """The same policy twice earns exactly nothing more, with an interval of no width."""
    log, _ = make_log(0)
    found = difference(log, a_policy(log), a_policy(log))
    assert found.value == found.low == found.high == 0


@given(st.sampled_from([0.0, -0.1, np.nan, np.inf]))
@settings(max_examples=4, deadline=None)
def test_a_log_without_probabilities_is_refused(bad):
    """A taken arm whose probability is not above 0, or unknown, makes the log useless, and it says so."""
    with pytest.raises(HubError, match=r"promotion\.propensity|probabilit"):
        Log(np.array([1]), np.array([[1.0, bad]]), np.zeros(1), np.zeros((1, 1)), np.zeros(1, dtype=np.int64))
