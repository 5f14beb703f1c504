"""The model catalogue: no file is used unless its bytes are those that were listed or learned."""

from __future__ import annotations

import hashlib
import json
from importlib import resources, util
from pathlib import Path

import pytest

from aislehub.core import models
from aislehub.core.errors import HubError
from aislehub.core.models import catalogue, find_learned, model_file, save_learned, sha256, verified


def entry(home: Path, name: str, **fields: str) -> None:
    """Add an entry to the user's hub.toml."""
    lines = [f"[models.{name}]", *(f"{key} = {json.dumps(value)}" for key, value in fields.items()), ""]
    with (home / "hub.toml").open("a", encoding="utf-8") as file:
        file.write("\n".join(lines))


def digest(content: bytes) -> str:
    """SHA-256 of bytes."""
    return hashlib.sha256(content).hexdigest()


def refused(name: str) -> tuple[str, str]:
    """Code and sentence of the refusal to hand out a model's file."""
    with pytest.raises(HubError) as caught:
        model_file(name)
    return caught.value.code, str(caught.value)


def test_a_file_inside_an_installed_package_is_found(home: Path) -> None:
    """Package and path name the file wherever the package is installed."""
    file = Path((util.find_spec("pytest").submodule_search_locations or [""])[0]) / "py.typed"  # type: ignore[union-attr]
    entry(home, "typed", package="pytest", file="py.typed", sha256=sha256(file), licence="MIT")
    assert model_file("typed") == file
    assert catalogue()["typed"].licence == "MIT"


def test_the_user_may_point_an_entry_at_a_file(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """hub.toml overlays the house's list field by field: another file needs its own hash."""
    listed = tmp_path / "core" / "models.toml"
    listed.parent.mkdir()
    said = {"package": "pytest", "file": "eye.onnx", "sha256": digest(b"theirs"), "licence": "MIT"}
    listed.write_text("\n".join(["[eye]", *(f'{name} = "{value}"' for name, value in said.items())]))
    everywhere = models.resources.files
    monkeypatch.setattr(
        models.resources, "files", lambda room: listed.parent if room == "aislehub.core" else everywhere(room)
    )
    assert refused("eye")[0] == "models.missing"
    own = tmp_path / "own.onnx"
    own.write_bytes(b"mine")
    (home / "hub.toml").write_text(f'[models.eye]\nfile = "{own}"\n')
    assert refused("eye")[0] == "models.hash"
    (home / "hub.toml").write_text(f'[models.eye]\nfile = "{own}"\nsha256 = "{digest(b"mine")}"\n')
    assert model_file("eye") == own
    assert catalogue()["eye"].licence == "MIT"


def test_another_hash_is_refused_with_both(home: Path, tmp_path: Path) -> None:
    """The error says what was found and what was expected; the file is not handed out."""
    file = tmp_path / "m.bin"
    file.write_bytes(b"changed")
    entry(home, "m", file=str(file), sha256=digest(b"original"))
    code, said = refused("m")
    assert code == "models.hash"
    assert digest(b"changed")[:12] in said and digest(b"original")[:12] in said and str(file) in said


def test_what_is_missing_is_named(home: Path) -> None:
    """An unknown name is suggested for, a package that is not installed is named, an entry without hash is refused."""
    entry(home, "eye", package="no_such_package", file="eye.onnx", sha256="0")
    assert refused("eyes") == ("models.unknown", "No model is called 'eyes'. Did you mean eye?")
    code, said = refused("eye")
    assert code == "models.missing" and "Install package no_such_package" in said
    entry(home, "ear", file="ear.onnx")
    assert refused("eye") == (
        "models.entry", "The entry of model ear does not say: sha256. Add it in hub.toml under [models.ear]."
    )  # fmt: skip


def test_a_misspelt_field_is_named(home: Path) -> None:
    """A field that entries do not have is refused like any setting."""
    entry(home, "eye", file="x", sha265="0")
    assert refused("eye") == (
        "settings.unknown",
        "There is no setting models.eye.sha265. Did you mean sha256? `aislehub settings` lists them all.",
    )


def test_the_house_lists_complete_entries() -> None:
    """Every entry that ships has a file, a hash, a licence and a source."""
    listed = (resources.files("aislehub.core") / "models.toml").read_text(encoding="utf-8")
    for entry in (entry for name, entry in catalogue().items() if f"[{name}]" in listed):
        assert entry.file and entry.licence and entry.source and len(entry.sha256) == 64


# -- learned models --------------------------------------------------------------------------------


def learn(folder: Path, day: str, content: str, code: str = "c1") -> models.Card:
    """Save a learned model of one file."""
    made = folder / ".made"
    made.mkdir(parents=True)
    (made / "weights.txt").write_text(content)
    return save_learned(
        folder, "mean", made, day=day, metrics={"wape": 0.5}, versions={"sales": 3}, code=code, policy="p"
    )


def test_a_learned_model_has_a_card(tmp_path: Path) -> None:
    """Day, files with hashes, metrics, table versions, code and policy are kept beside the files."""
    card = learn(tmp_path, "2017-11-05", "1")
    found, place = find_learned(tmp_path, "mean", day="2017-11-05") or pytest.fail("not found")
    assert found == card and card.files == {"weights.txt": digest(b"1")}
    assert (card.versions, card.metrics, card.policy) == ({"sales": 3}, {"wape": 0.5}, "p")
    assert (place / "weights.txt").read_text() == "1"
    assert not (tmp_path / ".made").exists()


def test_files_in_folders_of_a_model_are_verified_too(tmp_path: Path) -> None:
    """A model may be made of parts, each in a folder; a part that was changed is not loaded."""
    made = tmp_path / ".made"
    (made / "part").mkdir(parents=True)
    (made / "part" / "weights.txt").write_text("1")
    card = save_learned(tmp_path, "mean", made, day="2017-11-05", metrics={}, versions={}, code="c", policy="p")
    assert card.files == {"part/weights.txt": digest(b"1")}
    next(tmp_path.rglob("weights.txt")).write_text("damaged")
    with pytest.raises(HubError) as caught:
        find_learned(tmp_path, "mean", day="2017-11-05")
    assert caught.value.code == "models.hash"


def test_a_day_uses_the_newest_model_of_its_past(tmp_path: Path) -> None:
    """No model of the future is used; of two of the same day, the later one."""
    for day, content in (("2017-11-05", "1"), ("2017-11-12", "2"), ("2017-11-12", "3")):
        learn(tmp_path, day, content)
    found = {day: find_learned(tmp_path, "mean", day=day) for day in ("2017-11-04", "2017-11-11", "2017-11-12")}
    texts = [(entry[1] / "weights.txt").read_text() if entry else None for entry in found.values()]
    assert texts == [None, "1", "3"]
    assert find_learned(tmp_path, "other", day="2017-11-12") is None


def test_learning_the_same_again_renews_its_card_and_files(tmp_path: Path) -> None:
    """The same files under other code are the same model with a newer card; damaged files are put right."""
    first = learn(tmp_path, "2017-11-05", "1")
    next(tmp_path.rglob("weights.txt")).write_text("damaged")
    second = learn(tmp_path, "2017-11-05", "1", code="c2")
    assert second.id == first.id
    found, _ = find_learned(tmp_path, "mean", day="2017-11-05") or pytest.fail("not found")
    assert found.code == "c2"


@pytest.mark.parametrize(("damage", "code"), [("other", "models.hash"), (None, "models.missing")])
def test_a_damaged_model_is_refused(tmp_path: Path, damage: str | None, code: str) -> None:
    """A learned file that was changed or removed is not loaded."""
    learn(tmp_path, "2017-11-05", "1")
    file = next(tmp_path.rglob("weights.txt"))
    file.unlink()
    if damage is not None:
        file.write_text(damage)
    with pytest.raises(HubError) as caught:
        find_learned(tmp_path, "mean", day="2017-11-05")
    assert caught.value.code == code


def test_verified_gives_the_path_back(tmp_path: Path) -> None:
    """A file whose bytes are those expected is handed on."""
    file = tmp_path / "f"
    file.write_bytes(b"x")
    assert verified(file, digest(b"x"), model="m") == file
