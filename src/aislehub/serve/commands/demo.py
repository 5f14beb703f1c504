"""`aislehub demo`: a real chain's data, one business day, a plan; no key, GPU or account."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from aislehub.core.errors import HubError
from aislehub.core.hub import Hub, open_hub
from aislehub.core.settings import home
from aislehub.core.tables import Tables
from aislehub.core.text import say
from aislehub.data.loading import ingest_source
from aislehub.data.sources import Source
from aislehub.data.sources.complete_journey import TIMEZONE, CompleteJourney
from aislehub.data.sources.simulated.browsing import SimulatedBrowsing
from aislehub.data.sources.simulated.campaigns import SimulatedCampaigns
from aislehub.data.sources.simulated.consents import SimulatedConsents
from aislehub.data.sources.simulated.reviews import SimulatedReviews
from aislehub.serve.commands.day import run
from aislehub.serve.plan import show_plan

__all__ = ["DEMO_DAY", "commands", "demo", "load_demo", "prepare_home"]

DEMO_DAY = datetime(2017, 12, 3)
_MARK = ".demo"
_SIMULATED: tuple[tuple[str, Callable[[Tables], Source]], ...] = (
    ("simulated-consents", SimulatedConsents),
    ("simulated-campaigns", SimulatedCampaigns),
    ("simulated-browsing", SimulatedBrowsing),
    ("simulated-reviews", SimulatedReviews),
)
_SHARE = 0.005  # of a store's customers that the data hold: its largest store sees 9 receipts a day
# The article's LSTM, trained before all that the demo rehearses, competes with the house's own models.
_SETTINGS = f"""[hub]
timezone = "{TIMEZONE}"
currency = "USD"

[demand]
model = "aislehub+lstm_demo"

[routes]
data_share = {_SHARE}

[staffing]
data_share = {_SHARE}

[roster]
simulate_stores = 12
"""


def demo(
    date_: Annotated[
        datetime, typer.Option("--day", formats=["%Y-%m-%d"], help="Business day of 2017 to run")
    ] = DEMO_DAY,
    top: Annotated[int, typer.Option(help="How many decisions to show", min=1)] = 10,
) -> None:
    """Load dunnhumby's Complete Journey, run one business day and print tomorrow's plan.

    Example: aislehub demo --day 2017-12-03 --top 5
    """
    started = time.perf_counter()
    prepare_home(home())
    with open_hub() as hub:
        load_demo(hub)
        loaded = time.perf_counter()
        report = run(hub, date_.date())
        show_plan(hub, report, top=top)
        done = time.perf_counter()
        print()
        print(say("demo.elapsed", load=f"{loaded - started:.0f}", day=f"{done - loaded:.0f}", home=hub.home))
        print(say("demo.next"))
    if report.failed:
        raise typer.Exit(1)


def load_demo(hub: Hub) -> None:
    """Load the data once; a killed load is finished by the next one, since known rows are known."""
    mark = hub.home / _MARK
    if mark.read_text() == "loaded":
        return
    _load(hub, CompleteJourney(), "complete-journey")
    for name, source in _SIMULATED:  # what the data lack comes in by the same door, marked
        _load(hub, source(hub.tables), name)
    mark.write_text("loaded")


def _load(hub: Hub, source: Source, name: str) -> None:
    for loaded in ingest_source(hub, source, name=name):
        counts = {"new": loaded.new, "known": loaded.known, "rejected": loaded.rejected}
        print(say("demo.loaded", table=loaded.table, **counts), file=sys.stderr)


def prepare_home(folder: Path) -> None:
    """A new home for the demo; a home with other data is left alone.

    Raises:
        HubError: `demo.home_in_use`.
    """
    if (folder / "tables").exists() and not (folder / _MARK).exists():
        raise HubError("demo.home_in_use", home=folder)
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "hub.toml"
    if not settings.exists():
        settings.write_text(_SETTINGS, encoding="utf-8")
    mark = folder / _MARK
    if not mark.exists():
        mark.write_text("")


commands = (demo,)
