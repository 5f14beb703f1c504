"""The data-collection standard is the contracts, printed."""

from __future__ import annotations

import runpy
from pathlib import Path

from aislehub.core.text import sentences

TOOL = Path(__file__).parents[2] / "tools" / "data_standard.py"


def test_the_page_is_up_to_date() -> None:
    """docs/data-standard.md says what the contracts say; else run `python tools/data_standard.py`."""
    tool = runpy.run_path(str(TOOL))
    assert tool["PAGE"].read_text(encoding="utf-8") == tool["page"]()


def test_the_english_sentences_are_up_to_date() -> None:
    """text/en/schema.toml repeats the contracts' help; else run `python tools/data_standard.py`."""
    tool = runpy.run_path(str(TOOL))
    assert tool["ENGLISH"].read_text(encoding="utf-8") == tool["english"]()


def test_the_profile_page_is_up_to_date() -> None:
    """docs/profile-standard.md says what the contract says, and each column has a name in both languages."""
    tool = runpy.run_path(str(TOOL))
    assert tool["PROFILE"].read_text(encoding="utf-8") == tool["profile_page"]()
    named = {column.name for column in tool["schema"].CUSTOMER_PROFILES.columns} - {"day", "customer", "source"}
    assert {f"profile.{name}" for name in named} <= sentences("zh").keys() & sentences("en").keys()
