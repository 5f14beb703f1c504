"""Sentences and the code that says them belong together: nothing is said without a sentence, none is left over."""

from __future__ import annotations

import ast
import re
import string
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from aislehub.core.text import sentences

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "aislehub"
SPEAKERS = {"HubError", "say", "Reason", "Note"}
ADDED = {"Reason": {"effect"}}  # `from_contributions` adds it


@dataclass(frozen=True)
class Said:
    """One place that says a code, with the names of the facts it gives; None = not to be known from the text."""

    place: str
    speaker: str
    code: str
    facts: frozenset[str] | None


@cache
def trees() -> dict[Path, ast.Module]:
    """Syntax of every module of the hub and of the benchmarks, which speak with the hub's sentences."""
    files = [*SOURCE.rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")]
    return {file: ast.parse(file.read_text(encoding="utf-8")) for file in files}


def said() -> Iterator[Said]:
    """Every call that says a code written out as text."""
    for file, tree in trees().items():
        for call in ast.walk(tree):
            if not isinstance(call, ast.Call) or not call.args:
                continue
            speaker = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
            code = call.args[0]
            if speaker in SPEAKERS and isinstance(code, ast.Constant) and isinstance(code.value, str):
                yield Said(f"{file.relative_to(ROOT)}:{call.lineno}", speaker, code.value, facts_of(call, speaker))


def facts_of(call: ast.Call, speaker: str) -> frozenset[str] | None:
    """Names of the facts that a call gives."""
    if speaker in ("HubError", "say"):
        names = [keyword.arg for keyword in call.keywords]
        return None if None in names else frozenset(name for name in names if name)
    given = call.args[1] if len(call.args) > 1 else None
    if not isinstance(given, ast.Dict):
        return None
    keys = [key.value if isinstance(key, ast.Constant) else None for key in given.keys]
    return None if None in keys else frozenset(str(key) for key in keys)


def placeholders(template: str) -> set[str]:
    """Names in braces."""
    return {re.split(r"[.\[|]", name)[0] for _, name, _, _ in string.Formatter().parse(template) if name}


@cache
def words_in_code() -> tuple[frozenset[str], tuple[str, ...]]:
    """Every text constant of the hub, templates' quoted words too, and beginnings of codes put together at run time."""
    constants: set[str] = set()
    beginnings: set[str] = set()
    for tree in trees().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                constants.add(node.value)
            elif isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                beginnings.add(str(node.values[0].value))
    for file in [*SOURCE.rglob("*.html"), *SOURCE.rglob("console/static/*.js"), *SOURCE.rglob("data/*.toml")]:
        text = file.read_text(encoding="utf-8")
        constants |= set(re.findall(r"[\"']([\w.]+)[\"']", text))
        beginnings |= set(re.findall(r"[\"']([\w.]+[._])[\"'] *~", text))
    constants |= set(tomllib.loads((SOURCE / "customer/reviews/aspects.toml").read_text(encoding="utf-8")))
    return frozenset(constants), tuple(
        beginning for beginning in beginnings if re.fullmatch(r"\w+(\.\w+)*\.(\w+_)?", beginning)
    )


def test_every_code_said_has_a_sentence() -> None:
    """A code that the hub says is in text/en (and so, by parity, in text/zh)."""
    unknown = [f"{one.place}: {one.code}" for one in said() if one.code not in sentences("en") and "." in one.code]
    assert not unknown


@pytest.mark.parametrize("language", ["en", "zh"])
def test_facts_fill_every_placeholder(language: str) -> None:
    """Whoever says a code gives all facts that its sentence and its hint name."""
    short = []
    for one in said():
        if one.facts is None:
            continue
        templates = [sentences(language).get(code, "") for code in (one.code, f"{one.code}.hint")]
        wanted = set().union(*map(placeholders, templates))
        missing = wanted - one.facts - ADDED.get(one.speaker, set())
        if missing:
            short.append(f"{one.place}: {one.code} lacks {sorted(missing)}")
    assert not short


def test_no_sentence_is_left_over() -> None:
    """Each sentence is said by something: its code, its beginning or its two halves are written in the code."""
    constants, beginnings = words_in_code()

    def is_said(code: str) -> bool:
        whole = code.removesuffix(".hint")
        return whole in constants or whole.startswith(("schema.", *beginnings)) or {*whole.split(".", 1)} <= constants

    assert [code for code in sentences("en") if not is_said(code)] == []


def test_every_cause_of_an_alert_has_a_name() -> None:
    """What is found under `ROOM.alert_…` is grouped on the console under `cause.ROOM.alert_…`."""
    causes = {code for code in sentences("en") if re.fullmatch(r"(?!cli|serve)\w+\.alert_\w+", code)}
    assert causes == {code.removeprefix("cause.") for code in sentences("en") if code.startswith("cause.")}


def test_chinese_sentences_are_chinese() -> None:
    """A Chinese sentence is no copy of the English one, unless that is only a name or a sign."""
    copied = [
        code
        for code, template in sentences("zh").items()
        if template == sentences("en").get(code) and re.search(r"[A-Za-z]{3,} [A-Za-z]{2,}", template)
    ]
    assert not copied
