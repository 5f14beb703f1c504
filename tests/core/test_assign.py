"""Assignment to arms is fair, stable, and independent from one experiment to the next."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, chi2_contingency, chisquare, ttest_1samp

from aislehub.core.assign import arm

UNITS = [f"store-{number}" for number in range(20_000)]
ARMS = {"control": 0.5, "a": 0.3, "b": 0.2}


def test_assignments_never_change() -> None:
    """A running experiment keeps its arms across versions and machines."""
    found = " ".join(arm(f"store-{number}", ARMS, salt="shelf-2026-11") for number in range(8))
    assert found == "control a b control a control b control"


def test_arms_get_their_shares() -> None:
    """Over 20,000 units the shares are those asked for (chi-squared test, 0.1 % level)."""
    counts = Counter(arm(unit, ARMS, salt="shares") for unit in UNITS)
    assert chisquare([counts[name] for name in ARMS], [share * len(UNITS) for share in ARMS.values()]).pvalue > 0.001


def test_another_salt_is_another_draw() -> None:
    """The arm in one experiment says nothing about the arm in another (independence test, 0.1 % level)."""
    pairs = Counter((arm(unit, ARMS, salt="one"), arm(unit, ARMS, salt="two")) for unit in UNITS)
    assert chi2_contingency([[pairs[first, second] for second in ARMS] for first in ARMS]).pvalue > 0.001


def test_shares_spread_over_salts_as_a_fair_lot_does() -> None:
    """The same 500 units under 400 salts: a tenth on average, and as often far off as chance is (0.1 % level)."""
    arms, units = {"holdout": 0.1, "send": 0.9}, UNITS[:500]
    held = [sum(arm(unit, arms, salt=f"salt-{n}") == "holdout" for unit in units) for n in range(400)]
    assert ttest_1samp(held, 50).pvalue > 0.001
    spread = sum((count - 50) ** 2 for count in held) / (500 * 0.1 * 0.9)
    assert chi2.ppf(0.0005, 400) < spread < chi2.ppf(0.9995, 400)


def test_neighbours_are_independent() -> None:
    """Units that differ in one digit are assigned independently of each other (0.1 % level)."""
    names = [arm(unit, {"c": 1, "t": 1}, salt="s") for unit in UNITS]
    pairs = Counter(pairwise(names))
    assert chi2_contingency([[pairs[first, second] for second in "ct"] for first in "ct"]).pvalue > 0.001


@given(
    st.text(), st.text(), st.dictionaries(st.text(max_size=3), st.integers(1, 9), min_size=1, max_size=5), st.randoms()
)
def test_only_unit_salt_and_shares_count(unit: str, salt: str, arms: dict[str, int], random: object) -> None:
    """The order in which arms are written and the scale of their shares change nothing."""
    names = list(arms)
    random.shuffle(names)  # type: ignore[attr-defined]
    chosen = arm(unit, arms, salt=salt)
    assert chosen in arms
    assert arm(unit, {name: arms[name] * 4 for name in names}, salt=salt) == chosen


def test_an_arm_without_share_gets_nobody() -> None:
    """Share 0 switches an arm off."""
    assert {arm(unit, {"a": 0, "b": 1, "z": 0}, salt="s") for unit in UNITS[:500]} == {"b"}


@pytest.mark.parametrize("arms", [{}, {"a": 0.0}, {"a": -1.0, "b": 2.0}])
def test_arms_need_shares(arms: dict[str, float]) -> None:
    """No arm, no share or a negative share is a defect of the caller."""
    with pytest.raises(ValueError, match="shares above 0"):
        arm("x", arms, salt="s")
