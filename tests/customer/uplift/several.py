"""Two sends by lot whose seasons, audiences and shares of the lot differ, for uplift to be learned from."""

from __future__ import annotations

import numpy as np
import pandas as pd

from aislehub.customer.uplift.sends import FEATURES, Sends, sends_of

SHARES, SEASONS = {"summer": 0.8, "autumn": 0.3}, {"summer": 0.0, "autumn": 30.0}


def several_sends(moved: float, members: int = 500, seed: int = 0, **more: int) -> Sends:
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
