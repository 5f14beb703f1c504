"""What several sends tell of whom to write to; with the campaign's own steps in tests/reach/campaign/test_picks.py."""

from __future__ import annotations

import pytest

from aislehub.core.errors import HubError
from aislehub.customer.uplift.daily import Policy, studied
from tests.customer.uplift.several import several_sends


def test_a_season_is_no_effect_and_the_effect_is_found() -> None:
    """The season's 30 and the other mix of members are not taken for what the message changed."""
    found = several_sends(10.0, 2000)
    told = studied(found, 3.0, "s_linear")
    assert told["verdict"] == "picks" and told["qini_low"] > 0 and told["sends"] == 2 and told["members"] == 4000
    assert told["all_low"] < 5 < told["all_high"] and told["all_high"] - told["all_low"] < 2
    assert told["picked_low"] > told["all"]
    assert 0.3 < told["picked_share"] < 0.8


def test_without_an_effect_it_claims_as_seldom_as_its_interval_says() -> None:
    """Over 20 pairs of sends that changed nothing, members are told apart about once."""
    verdicts = [studied(several_sends(0.0, 300, seed=seed, least=60), 1.0, "s_linear")["verdict"] for seed in range(20)]
    assert verdicts.count("picks") <= 4 and set(verdicts) <= {"picks", "no_rank"}  # 5 would come once in 400


def test_a_learner_that_there_is_not_is_refused() -> None:
    """The settings say which one was meant."""
    with pytest.raises(HubError, match="s_linear"):
        Policy.made_of({"learner": "s_linera"})
