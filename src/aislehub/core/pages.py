"""What a capability declares to get a page of the console, without knowing the console."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Page"]


@dataclass(frozen=True)
class Page:
    """One page, declared as `pages = (Page(…),)` in a capability's module.

    Args:
        path: address below the console's root, e.g. `customers`; unique.
        title: code of its title in `text/`, also its name in the navigation.
        order: place in the navigation, lowest first (Today 10, Demand 20, Data 80).
        context: `(hub, query) -> values for the template`; `query` holds the address's parameters, lists of
            text. It may only read.
        template: a file in the console's templates. The default shows, in this order and all optional:
            `empty` (code of the sentence when there is nothing yet), `figures` (list of {label, value}),
            `charts` (list of {title, option}, an ECharts option) and `tables` (list of {title, columns,
            rows}, rows as lists); labels, titles and column names are codes or plain text.
        role: the least role that sees it.
    """

    path: str
    title: str
    order: int
    context: Callable[[Any, Mapping[str, list[str]]], Mapping[str, Any]]
    template: str = "page.html"
    role: Literal["viewer", "planner", "admin"] = "viewer"
