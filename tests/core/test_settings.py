"""Settings: environment before hub.toml before defaults, each with help, and no misspelling goes unnoticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from aislehub.core.errors import HubError
from aislehub.core.registry import registry
from aislehub.core.settings import HubSettings, Settings, all_settings, field
from aislehub.core.settings import home as home_folder


class Knobs(Settings, section="knobs"):
    """Knobs of this test."""

    level: float = field(0.95, "How high", ge=0.5, le=0.999)
    kinds: list[str] = field([], "Which")
    token: str = field("", "A secret")
    on: bool = field(False, "Whether")


def write(home: Path, text: str) -> None:
    """Make the house's hub.toml."""
    (home / "hub.toml").write_text(text, encoding="utf-8")


def test_the_environment_beats_the_file_beats_the_default(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each setting comes from the strongest place that has it."""
    assert Knobs.load() == Knobs(level=0.95, kinds=[], token="", on=False)
    write(home, '[knobs]\nlevel = 0.9\nkinds = ["a"]\ntoken = "t"\n')
    assert Knobs.load() == Knobs(level=0.9, kinds=["a"], token="t")
    monkeypatch.setenv("AISLEHUB_KNOBS__LEVEL", "0.8")
    monkeypatch.setenv("AISLEHUB_KNOBS__KINDS", '["b", "c"]')
    monkeypatch.setenv("AISLEHUB_KNOBS__ON", "true")
    assert Knobs.load() == Knobs(level=0.8, kinds=["b", "c"], token="t", on=True)


def test_a_text_stays_a_text(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """A token of digits, or one that looks like true or a date, is not read as something else."""
    for token in ("123456", "true", "2017-11-05", "[x", ""):
        monkeypatch.setenv("AISLEHUB_KNOBS__TOKEN", token)
        assert Knobs.load().token == token


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("[knobs]\nlevle = 0.9", "settings.unknown", "no setting knobs.levle. Did you mean level"),
        (
            "[knobs]\nlevel = 2",
            "settings.invalid",
            "knobs.level cannot be 2: Input should be less than or equal to 0.999",
        ),
        ('[knobs]\nlevel = "high"', "settings.invalid", "knobs.level cannot be 'high'"),
        ("[knobs\nlevel = 2", "settings.broken_file", "cannot be read as TOML.*line 1"),
        ("knobs = 3", "settings.no_section", r"Write \[knobs\]"),
    ],
)
def test_a_mistake_in_the_file_is_named(home: Path, text: str, code: str, said: str) -> None:
    """Unknown names get a suggestion, values out of their limits say the limit, a broken file its line."""
    write(home, text)
    with pytest.raises(HubError, match=said) as caught:
        Knobs.load()
    assert caught.value.code == code


def test_a_mistake_in_the_environment_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable of the section that is no setting is refused like one in the file."""
    monkeypatch.setenv("AISLEHUB_KNOBS__LEVEK", "0.9")
    with pytest.raises(HubError, match="Did you mean level"):
        Knobs.load()


def test_a_file_in_another_encoding_is_refused(home: Path) -> None:
    """A hub.toml that is not UTF-8 is told apart from one without settings."""
    (home / "hub.toml").write_bytes('[knobs]\ntoken = "ä"'.encode("latin-1"))
    with pytest.raises(HubError) as caught:
        Knobs.load()
    assert caught.value.code == "settings.broken_file"


def test_every_setting_has_help() -> None:
    """A field without a sentence cannot be declared, and all of the house's have one."""
    with pytest.raises(TypeError, match="settings without help in Bare: knob"):

        class Bare(Settings):
            knob: int = 3

    registry()
    for section in all_settings().values():
        assert all(info.description for info in section.model_fields.values())


def test_a_policy_has_a_hash_of_its_values() -> None:
    """Equal values have the same digest, another value another one; values cannot be changed afterwards."""
    assert Knobs().digest() == Knobs(level=0.95).digest() != Knobs(level=0.9).digest()
    with pytest.raises(ValueError, match="frozen"):
        Knobs().level = 0.7  # type: ignore[misc]


def test_the_home_is_one_folder(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """AISLEHUB_HOME names it; without, it is .aislehub where one stands."""
    assert home_folder() == home
    monkeypatch.delenv("AISLEHUB_HOME")
    monkeypatch.chdir(tmp_path)
    assert home_folder() == tmp_path / ".aislehub"


@pytest.mark.parametrize("zone", ["Mars/Base", "Asia", "/etc/passwd", "../UTC"])
def test_the_time_zone_must_exist(home: Path, zone: str) -> None:
    """A zone that nobody knows is refused when it is read, not when the first day ends, in a sentence of ours."""
    write(home, f'[hub]\ntimezone = "{zone}"')
    with pytest.raises(HubError, match=f"cannot be '{zone}': {zone} is no IANA time zone"):
        HubSettings.load()
