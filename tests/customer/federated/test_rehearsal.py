"""A federation on one machine: real processes, some of them killed in the middle of a training."""

import asyncio
import json
import multiprocessing
import time
from datetime import timedelta

import pytest

from aislehub.core.errors import HubError
from aislehub.core.hub import open_hub
from aislehub.customer.federated.certificates import COORDINATOR, found, load_identity
from aislehub.customer.federated.rehearsal import rehearse, shared_seconds
from aislehub.customer.federated.split import deal, party_names
from aislehub.customer.federated.train import Course, train
from tests.customer.federated.members import LAST, fill

PARTIES = party_names(4)


def rehearsed(home, folder, killed):
    """A training of four processes, of which some are killed once the first sum is there; the model and its sums."""
    with open_hub(home) as hub:
        fill(hub.tables)
        found(folder / "members", PARTIES)
        for name, stores in zip(PARTIES, deal(hub.tables, len(PARTIES)), strict=True):
            (folder / f"{name}.stores").write_text("\n".join(stores), encoding="utf-8")
        items = sorted(hub.tables.fetch("items", columns=["item"])["item"].to_pylist())
        course = Course(items, LAST - timedelta(days=28), ahead_days=28, head=40, clip=5.0, seconds=300.0)

        async def run(hall):
            def after(done):
                for process in multiprocessing.active_children():
                    if done.plan.task == "counts" and process.name in killed:
                        process.kill()

            await hall.wait(len(PARTIES), 300.0)
            try:
                return await train(hall, course, after)
            finally:
                await hall.end(30.0)

        identity = load_identity(folder / "members" / COORDINATOR)
        return asyncio.run(rehearse(hub.home, identity, folder, 60.0, run))


def test_a_party_killed_in_the_middle_is_named_and_the_rest_go_on(home, tmp_path, capfd):
    """The first sum is of all four, the next of the three that live; they write down what they gained."""
    learned, sums = rehearsed(home, tmp_path, PARTIES[1:2])
    alive = [PARTIES[0], *PARTIES[2:]]
    assert list(sums[0].parties) == PARTIES and learned.card["parties"] == alive
    assert "the process of franchisee-2 ended early (code -9)" in capfd.readouterr().err
    reports = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in tmp_path.glob("franchisee-?.json")}
    assert sorted(reports) == alive and all(report["recall_federated"] > 0 for report in reports.values())


def test_with_too_few_left_it_ends_with_a_sentence_and_no_process(home, tmp_path):
    """Two of four killed: it is refused at once and not when the time for an answer is over; nobody is left behind."""
    with pytest.raises(HubError) as refused:
        rehearsed(home, tmp_path, PARTIES[:2])
    assert refused.value.code in ("federated.too_few", "federated.few_came")
    deadline = time.monotonic() + 20
    while multiprocessing.active_children() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not multiprocessing.active_children()


def test_parties_that_share_a_machine_get_time_for_their_turns():
    """A party alone has the time that was said; a hundred have at least as many times it as they are to a core."""
    assert shared_seconds(120.0, 1) == 120.0
    assert shared_seconds(120.0, 10_000) > shared_seconds(120.0, 100) >= 120.0
