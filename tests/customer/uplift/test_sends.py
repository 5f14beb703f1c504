"""Several sends as one trial: seasons and shares of the lot differ, and are not taken for an effect."""

from __future__ import annotations

import numpy as np
import pandas as pd

from aislehub.customer.uplift.daily import studied
from aislehub.customer.uplift.sends import FEATURES, Sends, sends_of

SHARES, SEASONS = {"summer": 0.8, "autumn": 0.3}, {"summer": 0.0, "autumn": 30.0}


def _sends(moved: float, members: int = 500, seed: int = 0, **more: int) -> Sends:
    """Two sends by lot with other shares in other seasons; who visits rarely is moved by `moved`, in autumn they are
    most of the audience."""
    rng = np.random.default_rng(seed)
    profiles, responses = [], []
    for name, share in SHARES.items():
        visits = rng.poisson(np.where(rng.random(members) < {"summer": 0.3, "autumn": 0.7}[name], 2, 9))
        treated = rng.random(members) < share
        before = 10.0 * visits + rng.normal(0, 10, members)
        money = before + SEASONS[name] + moved * treated * (visits < 5) + rng.normal(0, 8, members)
        keys = [f"m{number}" for number in range(members)]
        frame = pd.DataFrame({"sent": name, "customer": keys, "visits_28": visits, "spend_28": before})
        profiles.append(frame.assign(**{column: 1 for column in FEATURES if column not in frame}))
        responses.append(pd.DataFrame(
            {"earlier": name, "customer": keys, "sent": name, "arm": np.where(treated, "treatment", "control"),
             "money": money, "money_before": before}
        ))  # fmt: skip
    before = pd.concat(profiles, ignore_index=True)
    today = before[before["sent"] == "autumn"].drop(columns="sent").assign(source="")
    return sends_of(pd.concat(responses, ignore_index=True), before, today, **({"least": 100} | more))


def test_a_season_is_no_effect_and_the_effect_is_found() -> None:
    """The season's 30 and the other mix of members are not taken for what the message changed."""
    found = _sends(10.0, 2000)
    told = studied(found, 1.0, "s_linear")
    assert told["verdict"] == "picks" and told["qini_low"] > 0 and told["sends"] == 2 and told["members"] == 4000
    assert told["all_low"] < 5 < told["all_high"] and told["all_high"] - told["all_low"] < 2
    assert told["picked_low"] > told["all"]
    assert 0.4 < told["picked_share"] < 0.7
    assert found.today.shape == (2000, found.trial.features.shape[1])
    assert found.member.max() + 1 == 2000


def test_without_an_effect_it_claims_as_seldom_as_its_interval_says() -> None:
    """Over 20 pairs of sends that changed nothing, members are told apart about once."""
    verdicts = [studied(_sends(0.0, 300, seed=seed, least=60), 1.0, "s_linear")["verdict"] for seed in range(20)]
    assert verdicts.count("picks") <= 4 and set(verdicts) <= {"picks", "no_rank"}  # 5 would come once in 400


def test_a_send_with_a_small_arm_does_not_count() -> None:
    """What a send has to have is asked of each, not of all together."""
    found = _sends(5.0, 400, least=200)
    assert (found.count, found.few) == (0, 2)
    assert studied(found, 1.0, "s_linear") == {"sends": 0, "members": 0, "verdict": "few"}
    assert _sends(5.0, 600, least=130).count == 1
