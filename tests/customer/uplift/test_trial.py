"""What a table must hold to be a trial, and what it is refused for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aislehub.core.errors import HubError
from aislehub.customer.uplift.trial import LEAST, trial_of


def _frame(rows: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "customer": [f"c{n}" for n in range(rows)],
            "arm": np.where(np.arange(rows) % 2 == 0, "mail", "none"),
            "visits": rng.integers(0, 9, rows).astype(float),
            "channel": rng.choice(["web", "store", "app"], rows),
            "spend": rng.gamma(2, 10, rows),
        }
    )


def test_words_become_columns_and_names_of_rows_are_left_out() -> None:
    """A word is a column of its own beside the first one; a key of rows and a constant describe nothing."""
    trial = trial_of(_frame().assign(chain="one"), "arm", "spend", treated="mail", control="none")
    assert trial.names == ("visits", "channel", "channel")
    assert trial.left_out == ("customer", "chain")
    assert trial.share == 0.5
    assert np.isfinite(trial.features).all()


def test_a_gap_is_the_median_with_a_mark() -> None:
    """A missing number does not cost the row, and the model is told that it was missing."""
    frame = _frame()
    frame.loc[frame.index % 5 == 0, "visits"] = np.nan
    trial = trial_of(frame, "arm", "spend", ["visits"], treated="mail", control="none")
    assert trial.features.shape == (400, 2)
    assert trial.features[:, 1].sum() == 80
    assert set(trial.features[::5, 0]) == {frame["visits"].median()}


def test_rows_of_other_arms_and_without_an_outcome_are_left_out() -> None:
    """Only the two named arms are compared."""
    frame = _frame(600)
    frame.loc[frame.index % 3 == 0, "arm"] = "letter"
    frame.loc[1, "spend"] = np.nan
    trial = trial_of(frame, "arm", "spend", ["visits"], treated="mail", control="none")
    assert len(trial.rows) == 399
    assert not set(frame.loc[trial.rows, "arm"]) & {"letter"}
    assert 1 not in trial.rows


@pytest.mark.parametrize("values", [(1, 0), (True, False), ("yes", "no"), ("Treatment", "Control"), (1.0, 0.0)])
def test_two_arms_that_say_what_they_are_need_no_names(values: tuple[object, object]) -> None:
    """1 and 0, yes and no, treatment and control."""
    frame = _frame().assign(arm=[values[0] if n % 4 == 0 else values[1] for n in range(400)])
    assert trial_of(frame, "arm", "spend", ["visits"]).share == 0.25


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"treatment": "arms"}, "uplift.column"),
        ({"outcome": "channel"}, "uplift.outcome"),
        ({"features": ["customer"]}, "uplift.no_features"),
        ({"treated": ""}, "uplift.arms"),
        ({"treated": "none"}, "uplift.arms"),
    ],
)
def test_what_is_no_trial_is_refused_with_a_sentence(given: dict[str, object], code: str) -> None:
    """An unknown column, an outcome without numbers, members whom nothing tells apart, arms that cannot be told."""
    asked: dict[str, object] = {
        "treatment": "arm", "outcome": "spend", "features": [], "treated": "mail", "control": "none",
    } | given  # fmt: skip
    with pytest.raises(HubError) as refused:
        trial_of(_frame(), **asked)  # type: ignore[arg-type]
    assert refused.value.code == code


def test_one_arm_alone_is_refused() -> None:
    """Without untreated members nothing can be compared, whatever the arm is called; gaps are no arm."""
    for arms in (["mail"] * 400, [1.0] * 390 + [np.nan] * 10):
        with pytest.raises(HubError) as refused:
            trial_of(_frame().assign(arm=arms), "arm", "spend", ["visits"])
        assert refused.value.code == "uplift.one_arm"


def test_an_arm_of_a_few_is_refused() -> None:
    """Fewer than the least of an arm say nothing of parts of it."""
    with pytest.raises(HubError, match=str(LEAST)) as refused:
        trial_of(_frame(150), "arm", "spend", treated="mail", control="none")
    assert refused.value.code == "uplift.few"
