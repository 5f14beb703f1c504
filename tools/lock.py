"""Write requirements.lock: every package of every group, one version each, with the hashes of its index.

One resolution serves Python 3.11 to 3.13 and all groups together, so that adding a group never moves a
version. A section of the lock names the groups that need it: `# [core]`, `# [lint test]`. The file names no
index and no host: where packages come from is pip's configuration on the machine that installs.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent
HEADER = """\
# Written by ./hub lock from pyproject.toml; do not edit. Python 3.11 to 3.13, wheels only.
# A section belongs to the groups that its title names; `core` is always installed.
"""
EXCLUDES = ROOT / "tools" / "lock_excludes.txt"
UNLOCKED = {"deep"}  # torch: the build that fits depends on the machine
ADDED_INDEXES = {"UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"}


def left_out(groups: set[str]) -> str:
    """The lines of `EXCLUDES` that hold for a resolution of these groups: a package may be wanted by one of them."""
    lines = (line.partition(" unless ") for line in EXCLUDES.read_text().splitlines() if not line.startswith("#"))
    return "\n".join(package for package, _, wanted_by in lines if wanted_by not in groups)


def resolve(requirements: list[str], groups: set[str], *options: str) -> dict[str, str]:
    """Pinned requirements by their first line, which holds name, version and environment marker."""
    command = [str(Path(sys.executable).with_name("uv")), "pip", "compile", "-", "--no-config", "--quiet"]
    command += ["--universal", "--python-version", "3.11", "--fork-strategy", "fewest"]
    command += ["--only-binary", ":all:", "--generate-hashes", "--no-annotate", "--no-header", *options]
    # A machine's added indexes may offer other builds under the same version: only the index itself counts.
    environment = {key: value for key, value in os.environ.items() if key not in ADDED_INDEXES}
    listed = "\n".join(requirements)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as excludes:
        excludes.write(left_out(groups))
        excludes.flush()
        command += ["--excludes", excludes.name]
        pinned = subprocess.check_output(command, input=listed, env=environment, cwd="/", text=True)
    return {entry.split(" \\")[0]: entry for entry in re.split(r"\n(?=\S)", pinned.strip())}


def main() -> None:
    """Resolve all groups at once, then each alone within that result, and write the sections."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())
    core = declared["project"]["dependencies"]
    added = declared["project"]["optional-dependencies"] | declared["dependency-groups"]
    groups = {"core": core} | {group: core + added[group] for group in added if group not in UNLOCKED}

    everything = resolve(sorted({requirement for listed in groups.values() for requirement in listed}), set(groups))
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
        constraints.write("\n".join(everything))
        constraints.flush()
        names = {group: set(resolve(listed, {group}, "-c", constraints.name)) for group, listed in groups.items()}

    sections: dict[str, list[str]] = {}
    for line, entry in everything.items():
        wanted_by = sorted(group for group, lines in names.items() if line in lines)
        title = "core" if "core" in wanted_by else " ".join(wanted_by)
        sections.setdefault(title, []).append(entry)
    ordered = sorted(sections, key=lambda title: (title != "core", title))
    body = "".join(f"\n# [{title}]\n" + "\n".join(sections[title]) + "\n" for title in ordered)
    (ROOT / "requirements.lock").write_text(HEADER + body)
    print(f"requirements.lock: {len(everything)} packages in {len(sections)} sections", file=sys.stderr)


if __name__ == "__main__":
    main()
