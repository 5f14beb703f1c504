"""Refuse to build a wheel without the front-end files that git ignores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

__all__ = ["WheelAssets"]

VENDOR = Path("src/aislehub/serve/console/static/vendor")


class WheelAssets(BuildHookInterface[Any]):
    """Hatchling build hook: every file that package.json asks for has to be there."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Raise `SystemExit` naming the missing files; an editable install (`version`) needs none."""
        root = Path(self.root)
        wanted = json.loads((root / "package.json").read_text())["vendor"]
        missing = [name for name in wanted if not (root / VENDOR / name).is_file()]
        if missing and version != "editable":
            raise SystemExit(f"no front-end files ({', '.join(missing)}): run ./hub assets first")
