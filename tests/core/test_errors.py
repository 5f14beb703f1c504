"""Errors carry a code and facts, and read as a sentence with a hint in either language."""

from __future__ import annotations

import copy
import pickle

import pytest

from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.text import language

ERROR = HubError("tables.busy", table="sales", seconds=120)


def test_an_error_is_a_sentence_and_a_hint() -> None:
    """Value, limit and what to do, in the language in force."""
    assert str(ERROR) == (
        "Another process has been writing table sales for 120 seconds. "
        "Wait for it to end and try again; nothing was changed."
    )
    with language("zh"):
        assert "sales" in str(ERROR) and "120" in ERROR.message() and ERROR.hint() != HubError("tables.busy").code
        assert str(ERROR) != f"{ERROR.message('en')} {ERROR.hint('en')}"


def test_an_error_without_hint_is_only_the_sentence() -> None:
    """No blank is left where a hint would be."""
    error = HubError("file.missing", file="x.csv")
    assert (str(error), error.hint()) == ("There is no file x.csv.", "")


@pytest.mark.parametrize("again", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy])
def test_an_error_crosses_process_borders_whole(again: object) -> None:
    """Code and facts survive pickling, as workers need."""
    other = again(ERROR)  # type: ignore[operator]
    assert (other.code, other.facts, str(other)) == (ERROR.code, ERROR.facts, str(ERROR))


def test_the_nearest_word_is_suggested() -> None:
    """One near word is asked for; without one, what is known is listed; nothing known is said too."""
    assert did_you_mean("sale_lines", ["sales_lines", "stock"]) == "Did you mean sales_lines?"
    assert did_you_mean("xyz", ["stock", "sales"]) == "Known: sales, stock."
    assert did_you_mean("xyz", []) == "Known: —."


def test_a_long_list_of_known_words_says_how_many_it_leaves_out() -> None:
    """Of more than thirty the first ten are shown, and how many more there are: nobody takes these for all."""
    told = did_you_mean("xyz", [f"store{number:03}" for number in range(42)])
    assert told.startswith("Known: store000, ") and told.endswith("store009 and 32 more.")
