"""Settings: every knob of the house, each with help, from one `hub.toml` and the environment.

A section is a class. Its values come, strongest first, from the environment
(`AISLEHUB_REPLENISH__SERVICE_LEVEL=0.97`), from `[replenish]` in `hub.toml` in the home folder, and
from the defaults written in the class.
"""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo

from aislehub.core.errors import HubError, did_you_mean

__all__ = ["HubSettings", "Settings", "all_settings", "field", "home", "read_toml"]

_sections: dict[str, type[Settings]] = {}


def field(default: Any, help: str, **limits: Any) -> Any:
    """A setting with its default, its help sentence and its limits (`ge`, `le`, …)."""
    return Field(default=default, description=help, **limits)


class Settings(BaseModel):
    """A frozen group of knobs; a subclass names its section: `class Policy(Settings, section="replenish")`.

    Raises:
        TypeError: at class creation, when a field has no help.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    section: ClassVar[str] = ""

    def __init_subclass__(cls, section: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)

    @classmethod
    def __pydantic_init_subclass__(cls, section: str = "", **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        missing = [name for name, info in cls.model_fields.items() if not info.description]
        if missing:
            raise TypeError(f"settings without help in {cls.__name__}: {', '.join(missing)}")
        if section:
            cls.section = section
            _sections[section] = cls

    @classmethod
    def load(cls, folder: Path | None = None) -> Self:
        """Read this section from the environment, `hub.toml` and the defaults.

        Raises:
            HubError: `settings.unknown` for a name that does not exist, `settings.invalid` for a value
                outside its limits, `settings.broken_file` when `hub.toml` is no TOML, `settings.no_section` when
                the section's name stands for a value there.
        """
        path = (folder or home()) / "hub.toml"
        values = read_toml(path).get(cls.section, {})
        if not isinstance(values, dict):
            raise HubError("settings.no_section", setting=cls.section, file=path)
        prefix = f"AISLEHUB_{cls.section.upper()}__"
        for name, text in os.environ.items():
            if name.startswith(prefix):
                name = name.removeprefix(prefix).lower()
                values[name] = _from_env(text, cls.model_fields.get(name))
        return cls.made_of(values)

    @classmethod
    def made_of(cls, values: Mapping[str, Any]) -> Self:
        """This section with these values, the rest at its defaults.

        Raises:
            HubError: `settings.unknown`, `settings.invalid`.
        """
        for name in values:
            if name not in cls.model_fields:
                suggestion = did_you_mean(name, cls.model_fields)
                raise HubError("settings.unknown", setting=f"{cls.section}.{name}", suggestion=suggestion)
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors()[0]
            setting = ".".join([cls.section, *map(str, first["loc"])])
            whole = not first["loc"]  # values that do not go together; one of them may be secret
            is_secret = whole or cls.model_fields[str(first["loc"][0])].annotation is SecretStr
            value = "…" if is_secret else first["input"]  # errors are logged and shown to many
            # Of our own checks the sentence alone: pydantic puts "Value error, " before it.
            why = str(first.get("ctx", {}).get("error", first["msg"])).removesuffix(".")
            told = HubError("settings.invalid", setting=setting, value=value, why=why)
            raise told from (None if is_secret else error)

    def digest(self) -> str:
        """A short hash of all values: which policy made a decision."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()[:12]


class HubSettings(Settings, section="hub"):
    """What holds for the whole house."""

    state_url: str = field("", "Database of ledger and users: empty = SQLite `hub.db` in the home folder, or a "
                               "PostgreSQL URL (postgresql+pg8000://user:password@host/name)")  # fmt: skip
    timezone: str = field("UTC", "IANA time zone in which the chain's business day ends, e.g. Asia/Shanghai")
    currency: str = field("USD", "ISO 4217 currency of every amount of money in the tables", min_length=3, max_length=3)
    language: str = field("", "en or zh for the command line; empty = the system's language")
    workers: int = field(1, "Processes for work per store; more than 1 pays off above some 100,000 rows", ge=1, le=256)

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # a misspelt name, a path, a folder's name
            raise ValueError(f"{name} is no IANA time zone") from error
        return name


def all_settings() -> dict[str, type[Settings]]:
    """Every declared section by name (those of capabilities appear once `aislehub.capabilities` is loaded)."""
    return dict(sorted(_sections.items()))


def home() -> Path:
    """The one folder that holds everything: AISLEHUB_HOME, else `.aislehub` in the working directory."""
    return Path(os.environ.get("AISLEHUB_HOME") or ".aislehub").absolute()


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file's content, nothing where there is no file.

    Raises:
        HubError: `settings.broken_file`.
    """
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise HubError("settings.broken_file", file=path, why=error) from error


def _from_env(text: str, wanted: FieldInfo | None) -> Any:
    """Environment values are TOML literals where they parse as one (0.97, true, [1, 2]), else plain text."""
    if wanted is None or wanted.annotation in (str, SecretStr):  # a token of digits stays a text
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
