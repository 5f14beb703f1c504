"""Whose data may be used for what: the last word holds, and silence means what the law says it means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislehub.core.errors import HubError
from aislehub.law.consent import ARTICLES, ASKED_FIRST, may_use
from aislehub.schema.consents import PURPOSES

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
COLUMNS = ["customer", "purpose", "granted", "at"]


def words(*rows: tuple[str, str, bool, int]) -> pd.DataFrame:
    """Consents said so many hours before `NOW`."""
    return pd.DataFrame([(who, what, yes, NOW - timedelta(hours=ago)) for who, what, yes, ago in rows], columns=COLUMNS)


@pytest.mark.parametrize(
    ("purpose", "pack", "silence"),
    [("messages", "cn", False), ("messages", "eu", False), ("messages", "us", True), ("personalisation", "cn", True),
     ("analysis", "eu", True)],
)  # fmt: skip
def test_silence_is_a_yes_only_where_the_law_lets_it(purpose: str, pack: str, silence: bool) -> None:
    """Messages need a yes first in China and in the European Union; everything else ends at a no."""
    assert may_use(["a"], purpose, words(), NOW, [pack]).tolist() == [silence]


def test_the_strictest_pack_decides() -> None:
    """Where the country is unknown all packs hold, so that nobody is written to without a yes."""
    assert not may_use(["a"], "messages", words(), NOW)[0]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(PURPOSES), st.booleans(), st.integers(-5, 5)),
                unique_by=lambda row: (row[0], row[1], row[3])))  # fmt: skip
def test_the_last_word_said_holds(rows: list[tuple[str, str, bool, int]]) -> None:
    """Whatever the order of the rows; a word of tomorrow and one on another purpose do not count."""
    for purpose in PURPOSES:
        found = may_use(["a", "b"], purpose, words(*rows), NOW, ["cn"])
        for who, allowed in zip("ab", found, strict=True):
            said = [(-ago, yes) for name, what, yes, ago in rows if name == who and what == purpose and ago >= 0]
            assert allowed == (max(said)[1] if said else purpose not in ASKED_FIRST)


def test_an_unknown_purpose_is_refused() -> None:
    """A misspelt purpose must not let anything through."""
    with pytest.raises(HubError) as refused:
        may_use(["a"], "mesages", words(), NOW)
    assert refused.value.code == "law.purpose"


def test_every_purpose_that_is_asked_first_names_its_article() -> None:
    """Who is asked why nothing was sent can be told where it is written."""
    assert all((purpose, pack) in ARTICLES for purpose, packs in ASKED_FIRST.items() for pack in packs)
