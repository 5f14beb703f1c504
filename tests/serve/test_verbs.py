"""A call loads what its verb needs and no more; what takes long to load waits for the function that uses it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from aislehub.serve.cli import main
from aislehub.serve.verbs import as_commands, declared

LONG = {
    "alembic", "lightgbm", "onnxruntime", "openpyxl", "ortools", "sklearn", "scipy.optimize", "scipy.sparse",
    "scipy.special", "scipy.stats", "torch",
}  # fmt: skip
TABLES = {"duckdb", "ibis", "numpy", "pandas", "pyarrow", "sqlalchemy"}


def loaded(code: str) -> set[str]:
    """Names of the modules that a new process has loaded after this code."""
    told = f"import sys\n{code}\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("words", [["--version"], ["--help"]])
def test_the_list_of_verbs_loads_none_of_them(words: list[str]) -> None:
    """Help and version come from the index: no capability, no table, no model is loaded for them."""
    modules = loaded(f"from aislehub.serve.cli import main\nassert main({words}) == 0")
    assert not modules & (LONG | TABLES)
    assert {name for name in modules if name.startswith("aislehub.")} <= {
        "aislehub.capabilities", "aislehub.core", "aislehub.core.errors", "aislehub.core.log", "aislehub.core.settings",
        "aislehub.core.text", "aislehub.serve", "aislehub.serve.cli", "aislehub.serve.verbs",
    }  # fmt: skip


def test_all_that_the_hub_can_do_loads_no_solver_and_no_learner() -> None:
    """SciPy's parts, learners, solvers and Alembic cost seconds: functions that use them load them."""
    assert not loaded("from aislehub.core.registry import registry\nregistry()") & LONG


def test_a_verb_loads_its_own_module(capsys: pytest.CaptureFixture[str]) -> None:
    """The module that declares `alerts` is loaded, the one of `demo` is not, and the options are the real ones."""
    modules = loaded("from aislehub.serve.cli import main\nassert main(['alerts', '--help']) == 0")
    assert "aislehub.serve.commands.alerts" in modules and "aislehub.serve.commands.demo" not in modules
    assert main(["experiment", "plan", "--help"]) == 0
    assert "--effect" in capsys.readouterr().out


def test_verbs_have_names_of_their_own() -> None:
    """Two modules that declare one verb would hide each other."""
    verbs = [name for _, verb in declared() for name in as_commands([verb])]
    assert len(verbs) == len(set(verbs))


def test_a_verb_that_the_index_lacks_is_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A new capability's verb works before `./hub docs` was run; a misspelt one is refused with the nearest names."""
    monkeypatch.setattr("aislehub.serve.verbs._index", dict)
    assert main(["kpis", "--help"]) == 0
    assert "--store" in capsys.readouterr().out
    monkeypatch.undo()
    assert main(["decsions"]) == 2
    assert "'decisions'" in capsys.readouterr().err
