"""The house stands on its layers: imports only go downwards, no capability knows another, core knows no retail."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "aislehub"
CAPABILITIES = {"data", "customer", "demand", "supply", "price", "store", "reach", "proof", "twin", "connect"}
LAYERS = [{"capabilities", "text", ""}, {"core"}, {"schema"}, {"law"}, CAPABILITIES, {"edge"}, {"serve"}]
HEIGHT = {room: height for height, layer in enumerate(LAYERS) for room in layer}
# Words of the trade. `store`, `subject`, `order` (of rows) and `day` are the ledger's own.
RETAIL = {
    "item", "sku", "gtin", "price", "sale", "stock", "shelf", "customer", "household", "supplier", "promotion",
    "coupon", "basket", "receipt", "replenish", "inventory", "markdown", "forecast", "demand", "planogram", "footfall",
}  # fmt: skip


def room(module: str) -> str:
    """The room of a dotted module name: aislehub.core.tables → core."""
    return module.split(".")[1] if "." in module else ""


def imports() -> Iterator[tuple[str, str, str]]:
    """Every import of the house's own modules, inside functions too: importing room, imported room, place."""
    for file in sorted(SOURCE.rglob("*.py")):
        parts = file.relative_to(SOURCE.parent).with_suffix("").parts
        importer = ".".join(part for part in parts if part != "__init__")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file}:{node.lineno}: imports are absolute"
                modules = [node.module or ""]
                if node.module == "aislehub":
                    modules = [f"aislehub.{alias.name}" for alias in node.names if alias.name != "__version__"]
            for module in modules:
                if module.split(".")[0] == "aislehub":
                    yield room(importer), room(module), f"{file.relative_to(SOURCE)}:{node.lineno}"


def test_every_room_has_its_place() -> None:
    """A new folder says where it stands before anything is built on it."""
    rooms = {file.relative_to(SOURCE).parts[0].removesuffix(".py") for file in SOURCE.rglob("*.py")} - {"__init__"}
    assert rooms <= set(HEIGHT)


def test_imports_only_go_downwards() -> None:
    """A room imports itself and the rooms below it; so capabilities, all on one floor, never import each other."""
    upwards = [
        f"{place}: {importer} imports {imported}"
        for importer, imported, place in imports()
        if importer != imported and HEIGHT[imported] >= HEIGHT[importer]
    ]
    assert upwards == []


def test_the_list_of_capabilities_is_only_a_list() -> None:
    """`capabilities.py` names modules and imports none, so that core may read it."""
    tree = ast.parse((SOURCE / "capabilities.py").read_text(encoding="utf-8"))
    assert not any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(tree))


def words(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Names and texts of the code with their lines, without docstrings and help sentences, split into words."""
    spoken = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            spoken.add(node.value)  # docstrings
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("field", "Column"):
            spoken |= {part for argument in node.args for part in ast.walk(argument) if isinstance(part, ast.Constant)}
    for node in ast.walk(tree):
        text = ""
        if isinstance(node, ast.Name):
            text = node.id
        elif isinstance(node, ast.Attribute) and node.attr != "items":  # a dict's
            text = node.attr
        elif isinstance(node, ast.arg):
            text = node.arg
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            text = node.name
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in spoken:
            text = node.value
        for word in re.findall(r"[A-Z]?[a-z]+", text):
            yield getattr(node, "lineno", 0), word.lower()


@pytest.mark.parametrize("file", sorted((SOURCE / "core").rglob("*.py")), ids=lambda file: file.name)
def test_core_knows_no_retail_word(file: Path) -> None:
    """What core is built of would serve any trade."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = {(line, word) for line, word in words(tree) if word.removesuffix("s") in RETAIL}
    assert found == set()


def test_schema_has_no_behaviour() -> None:
    """The vocabulary holds contracts; a function there may only check a value."""
    imported = {imported for importer, imported, _ in imports() if importer == "schema"}
    assert imported <= {"core", "schema"}
    for file in (SOURCE / "schema").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("step", "learn", "answer"), f"{file.name}:{node.lineno}"
