"""A policy file: who decides what in the twin.

```toml
replenish = "hub"           # the hub's own step, or today's weeks_of_cover
price = "regular"
promotion = "none"

[settings.replenish]        # settings of the hub's steps, as in hub.toml
service_level = 0.97
```
"""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.settings import all_settings, read_toml

__all__ = ["CHOICES", "DECISIONS", "TODAY", "Policy"]

CHOICES: Mapping[str, tuple[str, ...]] = {
    "replenish": ("weeks_of_cover", "hub"),
    "price": ("follow_competitor", "regular", "hub"),
    "promotion": ("rotating", "none", "hub"),
}
"""Decision → who may make it; the first is the default."""

DECISIONS: Mapping[str, str] = {"replenish": "orders", "price": "price_changes", "promotion": "promotion_plan"}
"""Decision → the hub's decision table that carries it."""


@dataclass(frozen=True)
class Policy:
    """Who decides what.

    Attributes:
        name: of the file.
        replenish, price, promotion: one of CHOICES.
        weeks_of_cover: weeks of mean sales up to which that rule orders.
        settings: section → settings of the hub's steps.
    """

    name: str
    replenish: str = CHOICES["replenish"][0]
    price: str = CHOICES["price"][0]
    promotion: str = CHOICES["promotion"][0]
    weeks_of_cover: float = 1.5
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: types.MappingProxyType({}))

    @classmethod
    def read(cls, path: Path) -> Policy:
        """Read a policy file.

        Raises:
            HubError: `twin.policy_file`, `twin.policy_key` for a key that does not exist, `twin.policy_value` for a
                value that is not allowed, `twin.policy_setting` for a setting that a hub.toml would not pass with.
        """
        if not path.is_file():
            raise HubError("twin.policy_file", file=path)
        told = read_toml(path)
        known = [one.name for one in fields(cls) if one.name != "name"]
        for key, value in told.items():
            if key not in known:
                raise HubError("twin.policy_key", file=path, key=key, suggestion=did_you_mean(key, known))
            _check(path, key, value)
        return cls(name=path.stem, **told)

    def hub_tables(self) -> list[str]:
        """The hub's decision tables that this policy follows."""
        return [table for decision, table in DECISIONS.items() if getattr(self, decision) == "hub"]

    def as_toml(self) -> str:
        """The settings as the text of a `hub.toml`."""
        sections = (
            "\n".join([f"[{section}]", *(f"{name} = {json.dumps(value)}" for name, value in values.items())])
            for section, values in self.settings.items()
        )
        return "\n\n".join(sections)


TODAY = Policy("today")
"""Today's rules: weeks of cover, prices half-way with the competitor's, promotions in turn."""


def _check(path: Path, key: str, value: Any) -> None:
    if key in CHOICES:
        allowed = value in CHOICES[key]
        limits = ", ".join(CHOICES[key])
    elif key == "weeks_of_cover":
        allowed = isinstance(value, int | float) and 0 < value <= 26
        limits = "0 … 26"
    else:
        allowed = isinstance(value, dict) and all(isinstance(one, dict) for one in value.values())
        limits = "[settings.SECTION]"
    if not allowed:
        raise HubError("twin.policy_value", file=path, key=key, value=value, limit=limits)
    if key == "settings":
        for section, values in value.items():
            if section not in all_settings():
                suggestion = did_you_mean(section, all_settings())
                raise HubError("twin.policy_key", file=path, key=f"settings.{section}", suggestion=suggestion)
            try:
                all_settings()[section].made_of(values)
            except HubError as error:  # told now, not after the chains have lived their common past
                raise HubError("twin.policy_setting", file=path, why=error) from error
