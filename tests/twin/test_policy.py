"""Policy files: every key is known and every value allowed, or the file is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from aislehub.core.errors import HubError
from aislehub.core.registry import registry
from aislehub.core.settings import read_toml
from aislehub.twin.policy import TODAY, Policy

EXAMPLES = Path(__file__).parents[2] / "examples"
registry()  # capabilities declare the sections of settings


def written(tmp_path: Path, text: str) -> Path:
    """A policy file of this text."""
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_policy_says_who_decides(tmp_path: Path) -> None:
    """What the file leaves out is decided by today's rules; its name is the file's."""
    policy = Policy.read(written(tmp_path, 'replenish = "hub"\n[settings.replenish]\nservice_level = 0.97\n'))
    assert (policy.name, policy.replenish, policy.price) == ("mine", "hub", TODAY.price)
    assert policy.hub_tables() == ["orders"]
    assert TODAY.hub_tables() == []


def test_settings_become_a_hub_toml(tmp_path: Path) -> None:
    """The hub's steps read a policy's settings as they read those of a house."""
    text = (
        '[settings.replenish]\nservice_level = 0.97\nservice = "cycle_service"\n[settings.demand]\nneighbours = true\n'
    )
    policy = Policy.read(written(tmp_path, text))
    file = tmp_path / "hub.toml"
    file.write_text(policy.as_toml())
    assert read_toml(file) == policy.settings


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('replenishment = "hub"', "Did you mean replenish"),
        ('replenish = "hubb"', "weeks_of_cover, hub"),
        ("weeks_of_cover = 0", "0 … 26"),
        ("settings = 3", "SECTION"),
        ("[settings.replenis]\nservice_level = 0.9", "Did you mean replenish"),
        ("[settings.replenish]\nservice_levle = 0.9", "no setting replenish.service_levle. Did you mean service_level"),
        ("[settings.price]\nmax_step = 7", "price.max_step cannot be 7: .* less than or equal to 1"),
        ("replenish = ", "cannot be read as TOML"),
    ],
)
def test_what_no_policy_knows_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """An unknown key, section or value names the file, the key and what is allowed."""
    with pytest.raises(HubError, match=told) as refused:
        Policy.read(written(tmp_path, text))
    assert "mine.toml" in str(refused.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """A path to nothing is refused."""
    with pytest.raises(HubError, match=r"no policy file"):
        Policy.read(tmp_path / "none.toml")


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("policy_*.toml")), ids=lambda file: file.name)
def test_the_examples_are_policies(file: Path) -> None:
    """Each policy file in examples/ can be read."""
    assert Policy.read(file).name == file.stem
