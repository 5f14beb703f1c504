"""The process that carries out one kept run: `python -m aislehub.twin.work HOME RUN`. It gives way to all others."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from aislehub.core.log import new_run
from aislehub.twin.kept import carry_out

__all__ = ["main"]

GIVES_WAY = 10


def main(arguments: Sequence[str]) -> None:
    """Carry out the run; its end is in its folder."""
    home, run = arguments
    os.environ["AISLEHUB_HOME"] = home
    os.nice(GIVES_WAY)
    new_run()
    carry_out(Path(home), run)


if __name__ == "__main__":
    main(sys.argv[1:])
