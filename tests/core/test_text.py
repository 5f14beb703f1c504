"""Both languages say the same things, with the same placeholders."""

from __future__ import annotations

import string
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from aislehub.core.text import LANGUAGES, current_language, has, language, say, sentences

TEXT = Path(__file__).parents[2] / "src" / "aislehub" / "text"


def placeholders(template: str) -> set[str]:
    """Names that stand in braces."""
    return {name.split("|")[0] for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_both_languages_have_the_same_codes() -> None:
    """A sentence that exists in one language exists in the other, in the file of the same room."""
    for file in sorted((TEXT / "en").glob("*.toml")):
        other = TEXT / "zh" / file.name
        assert tomllib.loads(file.read_text()).keys() == tomllib.loads(other.read_text()).keys(), file.name
    assert {file.name for file in (TEXT / "en").iterdir()} == {file.name for file in (TEXT / "zh").iterdir()}


def test_both_languages_have_the_same_placeholders() -> None:
    """Each fact of a sentence is in its translation; none has an unnamed placeholder."""
    en, zh = sentences("en"), sentences("zh")
    unlike = {code for code in en if placeholders(en[code]) != placeholders(zh[code]) or "" in placeholders(en[code])}
    assert unlike == set()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_code_belongs_to_one_room(lang: str) -> None:
    """No two files give the same code, where one would silently win."""
    codes = Counter(code for file in (TEXT / lang).glob("*.toml") for code in tomllib.loads(file.read_text()))
    assert [code for code, count in codes.items() if count > 1] == []


def test_a_block_the_environment_and_the_system_choose_the_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """The strongest wish wins; without one it is English."""
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    monkeypatch.setenv("AISLEHUB_LANG", "en")
    assert current_language() == "en"
    with language("zh"):
        assert (current_language(), say("core.did_you_mean", near="x")) == ("zh", "您是不是要找 x？")
        with language("en"):
            assert current_language() == "en"
    monkeypatch.delenv("AISLEHUB_LANG")
    assert current_language() == "zh"
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    assert current_language() == "en"


def test_one_is_not_many() -> None:
    """A number brings its word: one day, 1.0 or 1,200 of them; what counts is the number as it is written."""
    for days, told in ((1, "1 day"), ("1", "1 day"), (0, "0 days"), (2, "2 days"), (1.0, "1.0 days")):
        assert say("experiment.days", "en", days=days) == told
    assert say("loop.expected", "en", count=1200).startswith("Expected of 1,200 proposals in")
    assert say("law.hours_day", "en", hours=1.0, limit=8.0, day="Monday").startswith("1 hour of work on Monday")
    assert say("twin.points", "en", points="−1") == "−1 point"
    assert say("experiment.days", "en", other=1) == "{days}"
    assert say("experiment.days", "zh", days=1) == "1 天"


def test_a_choice_of_words_is_whole() -> None:
    """A placeholder with words has two of them, which differ: one for one, one for many."""
    names = [name for template in sentences("en").values() for _, name, _, _ in string.Formatter().parse(template)]
    choices = [name.split("|") for name in names if name and "|" in name]
    assert choices and all(len(parts) == 3 and parts[1] != parts[2] for parts in choices)


def test_an_unknown_code_reads_as_itself() -> None:
    """Old data may name a code that is gone: its facts are still told."""
    assert say("gone.code", "en", item="milk", n=3) == "gone.code (item=milk, n=3)"
    assert say("gone.code") == "gone.code"
    assert has("tables.busy") and not has("gone.code")


def test_a_missing_fact_stays_visible() -> None:
    """A reason stored before its sentence asked for more is shown with a gap, and no page fails."""
    assert say("tables.unknown", "en", other=1).startswith("No table is called {table}.")
    assert say("settings.invalid", "en", setting="a.b") == "Setting a.b cannot be {value}: {why}."
