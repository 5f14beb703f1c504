"""What somebody asks of the twin from a page: two policies in the same chains, or the twin beside the chain's tables.

The answer is a document of plain values, so that it can be kept and shown again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.registry import Registry
from aislehub.core.tables import Tables
from aislehub.twin.fidelity import curves, replays, resemblance
from aislehub.twin.live import WARM_UP
from aislehub.twin.observed import observe
from aislehub.twin.policy import TODAY, Policy
from aislehub.twin.report import by_day, lines, lived
from aislehub.twin.world import World

__all__ = ["FAMILIES", "OWN", "PRESETS", "Progress", "Request", "answered", "chosen", "offered"]

OWN = "own"
FAMILIES = ("heterogeneous", "none", "drift", OWN)
"""Worlds that can be asked for; the last is fitted to the house's own tables."""

QUICK = {"demand": {"model": "seasonal_mean"}}  # a simple forecast keeps a trial short
PRESETS: Mapping[str, Policy] = {
    policy.name: policy
    for policy in (
        TODAY,
        Policy("orders", replenish="hub", settings=QUICK),
        Policy("prices", price="hub", settings=QUICK),
        Policy("promotions", promotion="hub", settings=QUICK),
        Policy("whole", replenish="hub", price="hub", promotion="hub", settings=QUICK),
    )
}
"""Policies that need no file: today's rules, one decision left to the hub, all three."""

RULE_DAY, HUB_DAY = 1, 50  # what a day costs under rules, and where the hub decides, in proportion
Progress = Callable[[float, Mapping[str, Any]], None]


@dataclass(frozen=True)
class Request:
    """What is asked.

    Attributes:
        kind: `policies` or `fidelity`, which only reads `stores`, `items`, `days`, `seeds` and `seed`.
        mine, other: the policy, and the one that it is compared with.
        days: that count, after the common past; for `fidelity` the last ones that the tables hold.
        seeds: chains, the first of which has the seed `seed`.

    Raises:
        HubError: `twin.same_policy`, `twin.family`.
    """

    kind: str = "policies"
    mine: Policy = PRESETS["orders"]
    other: Policy = TODAY
    family: str = FAMILIES[0]
    stores: int = 6
    items: int = 40
    days: int = 28
    seeds: int = 3
    seed: int = 1

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise HubError("twin.family", family=self.family, suggestion=did_you_mean(self.family, FAMILIES))
        if self.kind == "policies" and self.mine.name == self.other.name:
            raise HubError("twin.same_policy", name=self.mine.name)

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Request:
        """The request that `told` tells as plain values."""
        return cls(**{**told, "mine": Policy(**told["mine"]), "other": Policy(**told["other"])})

    def told(self) -> dict[str, Any]:
        """As plain values."""
        policies = {name: vars(policy) | {"settings": dict(policy.settings)} for name, policy in
                    (("mine", self.mine), ("other", self.other))}  # fmt: skip
        return vars(self) | policies


def offered(home: Path) -> list[str]:
    """Names of policies that can be chosen: the presets, and the files in `policies/` of the house's folder."""
    return [*PRESETS, *sorted(path.name for path in (home / "policies").glob("*.toml"))]


def chosen(home: Path, name: str) -> Policy:
    """The policy of that name; the name is looked up, never made into a path.

    Raises:
        HubError: `twin.no_policy`, and what `Policy.read` refuses.
    """
    if name not in offered(home):
        raise HubError("twin.no_policy", name=name, suggestion=did_you_mean(name, offered(home)))
    if name in PRESETS:
        return PRESETS[name]
    told = vars(Policy.read(home / "policies" / name))
    return Policy(**told | {"name": name})


def answered(request: Request, tables: Tables, registry: Registry, progress: Progress) -> dict[str, Any]:
    """Carry a request out.

    Args:
        tables: the house's, for a twin that is fitted to them.
        progress: told the share that is done, and by the way the policy, the chain's number and the day.

    Returns:
        Of two policies `lines` and `days` (see `twin.report`), of fidelity `figures` and `curves` (see
        `twin.fidelity`) with the `stores`, `items` and `first` day that were taken; each line as a dictionary.
    """
    if request.kind == "fidelity":
        real = observe(tables, stores=request.stores, items=request.items, days=request.days)
        progress(0.3, {})
        made = replays(real, seeds=range(request.seed, request.seed + request.seeds))
        progress(0.8, {})
        return {
            "stores": len(real.stores), "items": len(real.items), "days": len(real.units), "first": str(real.first),
            "figures": [asdict(one) for one in resemblance(real, made)],
            "curves": [asdict(point) for point in curves(real, made)],
        }  # fmt: skip
    chains, policies = _worlds(request, tables), (request.other, request.mine)
    counted = _Counted(request, progress)
    lives = lived(chains, policies, request.days, registry, progress=counted)
    return {
        "warm_up": WARM_UP, "first": str(chains[0].start), "stores": len(chains[0].stores),
        "items": len(chains[0].items), "lines": [asdict(line) for line in lines(lives)],
        "days": [asdict(day) for day in by_day(lives)],
    }  # fmt: skip


def _worlds(request: Request, tables: Tables) -> list[World]:
    """A world a seed, of a family or fitted to the house's tables."""
    stores, items, seeds = request.stores, request.items, range(request.seed, request.seed + request.seeds)
    if request.family == OWN:
        return [World.calibrated(tables, stores=stores, items=items, seed=seed) for seed in seeds]
    return [World.make(request.family, stores=stores, items=items, seed=seed) for seed in seeds]


class _Counted:
    """Counts the days that policies live, each at what it costs."""

    def __init__(self, request: Request, progress: Progress) -> None:
        self.cost = {
            policy.name: HUB_DAY if policy.hub_tables() else RULE_DAY for policy in (request.other, request.mine)
        }
        self.whole = request.seeds * request.days * sum(self.cost.values())
        self.first, self.seeds, self.progress, self.spent = request.seed, request.seeds, progress, 0

    def __call__(self, policy: str, world: World, day: date) -> None:
        about = {"policy": policy, "number": world.seed - self.first + 1, "seeds": self.seeds, "day": str(day)}
        self.progress(self.spent / self.whole, about)
        self.spent += self.cost[policy]
