"""Copy the front-end files that package.json names out of their npm packages, checked by package-lock.json.

They land in the console's `static/vendor`, which git ignores and a wheel holds, with a copy of the
package-lock that brought them: while it is today's and every file is there, nothing is fetched.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "package-lock.json"
VENDOR = ROOT / "src" / "aislehub" / "serve" / "console" / "static" / "vendor"


def main() -> None:
    """Fetch into a folder of its own, then swap: a console that is running never sees half of it."""
    wanted: dict[str, str] = json.loads((ROOT / "package.json").read_text())["vendor"]
    if present(wanted):
        return
    with tempfile.TemporaryDirectory(dir=sys.prefix) as folder:
        modules, draft = Path(folder) / "node_modules", Path(folder) / "vendor"
        for name in ("package.json", LOCK.name, ".npmrc"):
            shutil.copy(ROOT / name, folder)
        npm_ci(folder)
        for name, source in wanted.items():
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(modules / source, draft / name)
        shutil.copyfile(LOCK, draft / LOCK.name)
        shutil.rmtree(VENDOR, ignore_errors=True)
        VENDOR.parent.mkdir(parents=True, exist_ok=True)
        draft.rename(VENDOR)
    print(f"front-end files: {len(wanted)} in {VENDOR.relative_to(ROOT)}", file=sys.stderr)


def present(wanted: Iterable[str]) -> bool:
    """Whether every wanted file is there, brought by today's package-lock.json."""
    brought_by = VENDOR / LOCK.name
    files_there = all((VENDOR / name).is_file() for name in wanted)
    return files_there and brought_by.is_file() and brought_by.read_bytes() == LOCK.read_bytes()


def npm_ci(folder: str) -> None:
    """Install what package-lock.json pins, by the system's npm or by the one beside this Python."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)])
    program = shutil.which("npm", path=path)
    if program is None:
        sys.exit("npm is missing: ./hub assets brings one, as does apt install npm")
    command = [program, "ci", "--ignore-scripts", "--loglevel", "error"]
    environment = {**os.environ, "PATH": path}
    if subprocess.call(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=sys.stderr):
        sys.exit("npm could not fetch the front-end files; its own words are above. Run ./hub assets again")


if __name__ == "__main__":
    main()
