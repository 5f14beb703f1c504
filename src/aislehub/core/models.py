"""The model catalogue: which file a name stands for, its sha256 and its licence; nothing unverified is loaded.

Two kinds of entries share it. *Catalogued* models are listed in `models.toml` (a file inside an installed
package, or one that the user points to). *Learned* models are made here by a `@learn` function: a folder of
files beside a card (`card.json`) with their hashes, metrics, day and input versions.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from importlib import resources, util
from pathlib import Path
from typing import Any

from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.settings import home, read_toml

__all__ = [
    "Card", "Entry", "catalogue", "find_learned", "is_outdated", "learned_cards", "mark_outdated", "model_file",
    "save_learned", "sha256", "verified",
]  # fmt: skip

_OUTDATED = "outdated"


@dataclass(frozen=True)
class Entry:
    """One catalogued model.

    Attributes:
        package: installed package that ships the file, empty when the user provides it.
        file: path inside the package, or an absolute path of the user's.
        sha256: of the file.
        licence: SPDX name of the weights' own licence, upstream's, not the package's.
        source: where upstream publishes it.
    """

    name: str
    file: str
    sha256: str
    licence: str = ""
    package: str = ""
    source: str = ""


@dataclass(frozen=True)
class Card:
    """What is known of a learned model; `why` says what it was learned for."""

    model: str
    id: str
    day: str
    files: dict[str, str]
    metrics: dict[str, Any]
    versions: dict[str, int]
    code: str
    policy: str
    why: str = ""


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def catalogue() -> dict[str, Entry]:
    """All entries: the house's `models.toml`, overlaid by `[models.NAME]` of the user's `hub.toml`.

    Raises:
        HubError: `settings.broken_file`, `settings.unknown` for a field that entries do not have,
            `models.entry` when the file or its hash is not said.
    """
    listed = tomllib.loads((resources.files("aislehub.core") / "models.toml").read_text(encoding="utf-8"))
    overlay = read_toml(home() / "hub.toml").get("models", {})
    return {name: _entry(name, {**listed.get(name, {}), **overlay.get(name, {})}) for name in {**listed, **overlay}}


def _entry(name: str, given: Mapping[str, str]) -> Entry:
    known = [field.name for field in fields(Entry) if field.name != "name"]
    for word in given:
        if word not in known:
            raise HubError("settings.unknown", setting=f"models.{name}.{word}", suggestion=did_you_mean(word, known))
    missing = [word for word in ("file", "sha256") if not given.get(word)]
    if missing:
        raise HubError("models.entry", model=name, missing=", ".join(missing))
    return Entry(name=name, **given)


def model_file(name: str) -> Path:
    """The verified file of a catalogued model.

    Raises:
        HubError: `models.unknown`, `models.missing`, `models.hash`.
    """
    entries = catalogue()
    if name not in entries:
        raise HubError("models.unknown", model=name, suggestion=did_you_mean(name, entries))
    entry = entries[name]
    path = Path(entry.file)
    if entry.package and not path.is_absolute():
        spec = util.find_spec(entry.package)
        path = Path((spec.submodule_search_locations or ["."])[0]) / entry.file if spec else path
    return verified(path, entry.sha256, model=name, package=entry.package)


def verified(path: Path, expected: str, *, model: str, package: str = "") -> Path:
    """`path`, once its bytes are those expected.

    Raises:
        HubError: `models.missing`, `models.hash`.
    """
    if not path.is_file():
        raise HubError("models.missing", model=model, file=path, package=package or "—")
    found = sha256(path)
    if found != expected:
        raise HubError("models.hash", model=model, file=path, found=found[:12], expected=expected[:12])
    return path


def save_learned(
    folder: Path, model: str, made: Path, *, day: str, metrics: Mapping[str, Any], versions: Mapping[str, int],
    code: str, policy: str, why: str = "",
) -> Card:  # fmt: skip
    """Move a freshly made model folder into the catalogue `folder/model/<day>-<hash>`, with its card, in one rename."""
    made_files = sorted(path for path in made.rglob("*") if path.is_file())
    files = {path.relative_to(made).as_posix(): sha256(path) for path in made_files}
    digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:8]
    card = Card(model, f"{model}@{day}-{digest}", day, files, dict(metrics), dict(versions), code, policy, why)
    (made / "card.json").write_text(json.dumps(asdict(card), indent=2, ensure_ascii=False), encoding="utf-8")
    place = folder / model / f"{day}-{digest}"
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists():  # the same files under an older card, or damaged since
        shutil.rmtree(place)
    made.rename(place)
    return card


def find_learned(folder: Path, model: str, *, day: str) -> tuple[Card, Path] | None:
    """The newest learned version that was learned on `day` or before, its files verified; None when there is none.

    Raises:
        HubError: `models.hash`, `models.missing` when a file is not the one that was learned.
    """
    found = [entry for entry in learned_cards(folder, model) if entry[0].day <= day]
    if not found:
        return None
    card, place = found[-1]
    for name, expected in card.files.items():
        verified(place / name, expected, model=model)
    return card, place


def learned_cards(folder: Path, model: str = "*") -> list[tuple[Card, Path]]:
    """Every learned version of one model, or of all, with its folder: oldest first, files not looked at."""
    paths = sorted(folder.glob(f"{model}/*/card.json"), key=lambda path: path.stat().st_mtime_ns)
    found = [(Card(**json.loads(path.read_text(encoding="utf-8"))), path.parent) for path in paths]
    return sorted(found, key=lambda entry: entry[0].day)


def mark_outdated(place: Path) -> None:
    """Rows that the model in this folder was learned from are gone: the next day that needs it learns it anew."""
    (place / _OUTDATED).touch()


def is_outdated(place: Path) -> bool:
    """Whether rows that the model was learned from are gone."""
    return (place / _OUTDATED).exists()
