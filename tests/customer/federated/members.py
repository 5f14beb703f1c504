"""A federation whose members are on one machine, and a small chain whose rows they have."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from aislehub.core.errors import HubError
from aislehub.core.tables import Tables
from aislehub.customer.federated.certificates import COORDINATOR, Identity, found, load_identity
from aislehub.customer.federated.hall import Hall, open_hall
from aislehub.customer.federated.party import Contribution, Session, Work, take_part
from aislehub.customer.federated.plan import Plan, least_threshold, new_plan
from aislehub.customer.federated.terms import Answered, Terms
from aislehub.customer.federated.wire import Tap
from aislehub.schema import CONSENTS, ITEMS, SALES_LINES

LAST = date(2017, 12, 3)
FACTS = {"sales_lines": SALES_LINES, "items": ITEMS, "consents": CONSENTS}
NAMES = ("east", "north", "south", "west")


@dataclass
class Fixed:
    """Work that gives the same numbers whatever is asked for."""

    values: Any
    members: int = 100
    about: bool = True
    before: Callable[[], None] = lambda: None

    def contribute(self, plan: Plan) -> Contribution:
        self.before()
        return Contribution(np.asarray(self.values, dtype=float), self.members)

    def about_members(self, task: str) -> bool:
        return self.about

    def sensitivity(self, plan: Plan) -> float:
        return 1.0


@dataclass
class Federation:
    """The members' identities, and how a test lets them meet."""

    folder: Path
    members: Mapping[str, Identity]
    told: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name in self.members if name != COORDINATOR)

    def plan(self, length: int, **changes: Any) -> Plan:
        threshold = least_threshold(len(self.names))
        return new_plan("gram", {"of": "test"}, length, 1e6, self.names, **{"threshold": threshold} | changes)

    def meet(
        self, works: Mapping[str, Work], lead: Callable[[Hall], Any], *, tap: Tap | None = None, again: bool = False,
        terms: Terms | None = None, others: Callable[[int], Any] | None = None, expected: int = 0,
    ) -> tuple[Any, dict[str, Session | HubError]]:  # fmt: skip
        """What `lead` returns once all parties with work are there, and how each party's session ended."""

        async def party(name: str, port: int) -> Session | HubError:
            answered = Answered(self.folder / f"{name}.answered.json", again)
            try:
                return await take_part(
                    self.members[name],
                    "127.0.0.1",
                    port,
                    works[name],
                    terms=terms or Terms(),
                    answered=answered,
                    wait=5,
                )
            except HubError as error:
                return error

        async def all_of_it() -> tuple[Any, dict[str, Session | HubError]]:
            def tell(code: str, facts: Mapping[str, Any]) -> None:
                self.told.append((code, facts))

            async with AsyncExitStack() as stack:
                hall = await stack.enter_async_context(
                    open_hall(self.members[COORDINATOR], "127.0.0.1", tap=tap, tell=tell)
                )
                parties = {name: asyncio.create_task(party(name, hall.port)) for name in works}
                other = asyncio.create_task(others(hall.port)) if others else None
                wanted = expected or len(works) + (1 if others else 0)
                while len(hall.present()) < wanted:
                    await asyncio.sleep(0.01)
                try:
                    result: Any = await lead(hall)
                except HubError as error:
                    result = error
                await hall.end(5)
                ended = {name: await task for name, task in parties.items()}
                if other:
                    await other
                return result, ended

        return asyncio.run(asyncio.wait_for(all_of_it(), 30))


def make_federation(folder: Path, names: tuple[str, ...] = NAMES) -> Federation:
    """Certificates of a new federation, read."""
    found(folder / "members", names)
    members = {name: load_identity(folder / "members" / name) for name in (COORDINATOR, *names)}
    return Federation(folder, members)


def fill(tables: Tables, seed: int = 5, members: int = 160, stores: int = 8, objecting: int = 10) -> Tables:
    """A chain: members with tastes shop weekly in two stores each; some object to analysis."""
    rng = np.random.default_rng(seed)
    items = [f"item-{number:03d}" for number in range(60)]
    lines = []
    for member in range(members):
        taste, home = member % 6, rng.choice(stores, 2, replace=False)
        for week in range(40):
            day = LAST - timedelta(days=int(7 * week + rng.integers(7)))
            liked = rng.choice(10, 4, replace=False) + 10 * taste
            for item in {*liked.tolist(), int(rng.integers(60))}:
                lines.append(
                    {"store": f"store-{rng.choice(home)}", "receipt": f"{member}-{week}", "line": str(item), "day": day,
                     "sold_at": datetime(day.year, day.month, day.day, 12, tzinfo=UTC), "item": items[item],
                     "customer": f"member-{member:04d}-key", "quantity": 1.0, "amount": 2.0}
                )  # fmt: skip
    goods = [
        {"item": item, "category": f"category-{place // 10}", "is_sellable": True} for place, item in enumerate(items)
    ]
    said = datetime(2017, 1, 1, tzinfo=UTC)
    words = [
        {"customer": f"member-{member:04d}-key", "purpose": "analysis", "granted": False, "at": said}
        for member in range(objecting)
    ]
    for name, rows in (("items", goods), ("sales_lines", lines), ("consents", words)):
        checked = FACTS[name].check(pa.Table.from_pandas(pd.DataFrame(rows), preserve_index=False))
        assert not checked.rejected.num_rows, checked.rejected.to_pylist()[:2]
        tables.append(name, checked.good)
    return tables
