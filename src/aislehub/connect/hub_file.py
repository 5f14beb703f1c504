"""Approved changes of a setting, written into the home's `hub.toml`: the next business day runs by them.

Only that line changes; comments and everything else in the file stay. What was taken back is changed back.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from aislehub.core.errors import HubError
from aislehub.core.outbox import Batch
from aislehub.core.settings import all_settings

__all__ = ["KIND", "HubFile", "with_setting"]

KIND = "model_changes"


class HubFile:
    """Writes the settings of a batch into the `hub.toml` of a home; the same batch again leaves the same file."""

    name = "hub.toml"

    def __init__(self, home: Path) -> None:
        self._home = home

    def send(self, batch: Batch) -> str:
        """Change the settings; returns the file.

        Raises:
            HubError: `hub_file.environment` (a variable says another value and would win), `hub_file.shape`, and what
                the settings refuse; the file is as it was then.
        """
        file = self._home / "hub.toml"
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        for row in batch.rows:
            setting = str(row["subject"])
            variable = f"AISLEHUB_{setting.replace('.', '__').upper()}"
            if variable in os.environ:
                raise HubError("hub_file.environment", setting=setting, variable=variable)
            text = with_setting(text, setting, row["instead_of"] if row.get("cancel") else row["value"])
        with tempfile.TemporaryDirectory(prefix=".hub-", dir=self._home) as folder:
            changed = Path(folder) / "hub.toml"
            changed.write_text(text, encoding="utf-8")
            for row in batch.rows:
                all_settings()[str(row["subject"]).partition(".")[0]].load(Path(folder))
            if file.exists():
                shutil.copymode(file, changed)  # it may hold passwords that others must not read
            changed.replace(file)
        return str(file)


def with_setting(text: str, setting: str, value: Any) -> str:
    """The text of a `hub.toml` with another value of `section.name`.

    Raises:
        HubError: `hub_file.shape` where the file writes the setting otherwise than on a line below its [section].

    Example:
        >>> print(with_setting("[demand]\\nmodel = 'boosted'  # since May\\n", "demand.model", "aislehub"), end="")
        [demand]
        model = "aislehub"
    """
    section, _, name = setting.partition(".")
    line = f"{name} = {json.dumps(value, ensure_ascii=False)}"
    wanted = tomllib.loads(text)
    wanted[section] = wanted.get(section, {}) | {name: value}
    lines = text.splitlines()
    heads = [at for at, one in enumerate(lines) if re.match(r"\s*\[", one)] + [len(lines)]
    head = next((at for at in heads[:-1] if re.fullmatch(rf"\s*\[\s*{section}\s*\]\s*(#.*)?", lines[at])), None)
    if head is None:
        lines += ["", f"[{section}]", line] if lines else [f"[{section}]", line]
    else:
        inside = range(head + 1, next(at for at in heads if at > head))
        place = next((at for at in inside if re.match(rf"\s*{name}\s*=", lines[at])), None)
        if place is None:
            lines.insert(head + 1, line)
        else:
            lines[place] = line
    changed = "\n".join(lines) + "\n"
    try:
        understood = tomllib.loads(changed) == wanted
    except tomllib.TOMLDecodeError:
        understood = False
    if not understood:
        raise HubError("hub_file.shape", setting=setting, value=json.dumps(value, ensure_ascii=False))
    return changed
