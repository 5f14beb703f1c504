"""What modules declare is found by its type, ordered by who needs whom, and never twice."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from aislehub.core.answers import answer
from aislehub.core.contract import Column, Contract
from aislehub.core.errors import HubError
from aislehub.core.registry import Registry, collect, registry
from aislehub.core.step import Step, learn, step

FACTS = Contract("facts", "Facts", (Column("id", "text", "Identity"),), key="id")


def result(name: str) -> Contract:
    """A contract that a step writes."""
    return Contract(name, "A result", (Column("id", "text", "Identity"),), key="id", derived=True)


def works(name: str, reads: str, model: str | None = None, writes: Contract | None = None) -> Step:
    """A step called `name` that writes a table of that name."""

    def function(*tables: Any) -> Any:
        return tables[0]

    function.__name__ = name
    return step(reads=reads, writes=writes or result(name), model=model)(function)


def module(**declared: Any) -> ModuleType:
    """A module with these attributes."""
    made = ModuleType("declared")
    vars(made).update(declared)
    return made


def order(*steps: Step, **more: Any) -> list[str]:
    """Names of the steps of one module in running order."""
    declared = {f"step{place}": each for place, each in enumerate(steps)}
    return [each.name for each in collect([module(facts=FACTS, **declared, **more)]).steps]


def test_producers_run_before_readers() -> None:
    """Whatever the order of declaration; among equals that order stays."""
    assert order(works("c", "b"), works("b", "a facts"), works("a", "facts")) == ["a", "b", "c"]
    assert order(works("b", "facts"), works("a", "facts")) == ["b", "a"]


def test_what_a_model_is_learned_from_is_needed_too() -> None:
    """A step waits for the tables of its model; a model may learn from the step's own earlier results."""
    taught = learn(reads="late own", model="m")(lambda late, own, *, folder: {})
    steps = works("own", "facts", model="m"), works("late", "facts")
    assert order(*steps, taught=taught) == ["late", "own"]
    found = collect([module(facts=FACTS, a=steps[0], b=steps[1], taught=taught)])
    assert found.inputs(steps[0]) == ("facts", "late")


def test_a_circle_is_named() -> None:
    """Steps that need each other's results cannot be ordered."""
    with pytest.raises(HubError, match="each other's results: a, b") as caught:
        order(works("a", "b"), works("b", "a"), works("c", "facts"))
    assert caught.value.code == "day.cycle"


def test_a_table_that_nobody_writes_is_named() -> None:
    """A step reads facts or another step's table; anything else is a misspelling."""
    with pytest.raises(HubError, match="No step writes facst") as caught:
        order(works("a", "facst"))
    assert caught.value.code == "day.no_step_for"


def test_one_name_is_one_thing() -> None:
    """The same object in two modules is one; two objects of one name, or two steps for one table, are a defect."""
    shared, other = works("a", "facts"), works("a", "facts")
    assert [s.name for s in collect([module(facts=FACTS, a=shared), module(a=shared)]).steps] == ["a"]
    twice: list[dict[str, Any]] = [
        {"a": shared, "b": other},
        {"a": FACTS, "b": Contract("facts", "Others", FACTS.columns[:1], key="id")},
        {"a": shared, "b": works("b", "facts", writes=shared.writes)},
        {
            "a": learn(reads="facts", model="m")(lambda facts: {}),
            "b": learn(reads="facts", model="m")(lambda facts: {}),
        },
        {"a": answer(reads="facts")(lambda r, s, v: {}), "b": answer(reads="facts")(lambda r, s, v: {})},
    ]
    for declared in twice:
        with pytest.raises(ValueError, match="two "):
            collect([module(facts=FACTS, **declared)])


def test_a_module_offers_pages_and_checks() -> None:
    """Collected in order, each once."""
    found = collect([module(pages=("p",), checks={"c": len}), module(pages=("p", "q"))])
    assert found == Registry(pages=["p", "q"], checks={"c": len})


def test_the_house_itself_is_sound() -> None:
    """All listed modules load, every step's inputs exist, and every result has one producer."""
    found = registry()
    assert found.steps and len(found.producers()) == len(found.steps)
    ready = {name for name, contract in found.contracts.items() if contract.is_fact}
    for each in found.steps:
        assert set(found.inputs(each)) <= ready
        ready.add(each.writes.name)
