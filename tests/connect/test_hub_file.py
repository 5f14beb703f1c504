"""Approved changes of settings in `hub.toml`: that line and nothing else, or nothing at all."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aislehub.connect.hub_file import HubFile, with_setting
from aislehub.core.errors import HubError
from aislehub.core.outbox import Batch
from aislehub.core.registry import registry
from aislehub.demand.daily import Policy

FILE = """# the chain
[hub]
currency = "EUR"

[demand]  # forecasts
horizon_days = 21
model = "seasonal_mean"  # since May

[replenish]
service_level = 0.97
"""


def batch(**more: Any) -> Batch:
    """The approved change of the forecasting model."""
    row = {"decision": "x", "subject": "demand.model", "value": "boosted", "instead_of": "seasonal_mean"}
    return Batch("b", [row | more])


@pytest.fixture
def house(home: Path) -> Path:
    """A home whose settings say how demand is forecast."""
    registry()
    (home / "hub.toml").write_text(FILE, encoding="utf-8")
    return home


def test_only_that_line_changes(house: Path) -> None:
    """The next day runs by the new value; all other lines are as they were; sending again changes nothing."""
    for _ in range(2):
        HubFile(house).send(batch())
        text = (house / "hub.toml").read_text(encoding="utf-8")
        assert text == FILE.replace('model = "seasonal_mean"  # since May', 'model = "boosted"')
    assert Policy.load(house).model == "boosted"


def test_who_may_read_the_file_stays(house: Path) -> None:
    """A file that only its owner may read is one afterwards."""
    (house / "hub.toml").chmod(0o600)
    HubFile(house).send(batch())
    assert (house / "hub.toml").stat().st_mode & 0o777 == 0o600


def test_what_was_taken_back_is_changed_back(house: Path) -> None:
    """A compensating decision carries out the value before."""
    HubFile(house).send(batch())
    HubFile(house).send(batch(cancel=True))
    assert Policy.load(house).model == "seasonal_mean"


def test_a_value_that_the_settings_refuse_changes_nothing(house: Path) -> None:
    """The file is checked before it takes the old one's place."""
    with pytest.raises(HubError) as refused:
        HubFile(house).send(batch(subject="demand.horizon_days", value=1000))
    assert refused.value.code == "settings.invalid"
    assert (house / "hub.toml").read_text(encoding="utf-8") == FILE
    assert [file.name for file in house.iterdir()] == ["hub.toml"]


def test_a_variable_that_would_win_is_told(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that would have no effect is refused."""
    monkeypatch.setenv("AISLEHUB_DEMAND__MODEL", "mean28")
    with pytest.raises(HubError, match="AISLEHUB_DEMAND__MODEL"):
        HubFile(house).send(batch())


def test_a_home_without_settings_gets_a_file(home: Path) -> None:
    """Nothing was set before: the file has the section and the line."""
    registry()
    HubFile(home).send(batch())
    assert (home / "hub.toml").read_text(encoding="utf-8") == '[demand]\nmodel = "boosted"\n'


@pytest.mark.parametrize(
    "text", ['demand = {model = "a"}\n', 'demand.model = "a"\n', '[demand]\nmodel = """\nb"""\n'],
    ids=["inline", "dotted", "many lines"],
)  # fmt: skip
def test_what_cannot_be_changed_by_line_is_refused(text: str) -> None:
    """Never a file that says something else than is wanted."""
    with pytest.raises(HubError) as refused:
        with_setting(text, "demand.model", "boosted")
    assert refused.value.code == "hub_file.shape"


SECTIONS = st.dictionaries(st.sampled_from("xyz"), st.integers())
WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]))


@given(
    st.dictionaries(st.sampled_from(["demand", "hub", "a", "b"]), SECTIONS),
    st.one_of(st.booleans(), st.integers(), WORDS),
)
def test_the_rest_of_any_file_stays(sections: dict[str, dict[str, int]], value: Any) -> None:
    """Whatever sections and values there are, the setting is as wanted and all else as before."""
    text = "\n".join(
        f"[{section}]\n" + "".join(f"{name} = {number}\n" for name, number in values.items())
        for section, values in sections.items()
    )
    before = tomllib.loads(text)
    after = tomllib.loads(with_setting(text, "demand.x", value))
    assert after.pop("demand") == before.pop("demand", {}) | {"x": value}
    assert after == before
