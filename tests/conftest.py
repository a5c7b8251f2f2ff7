"""The fixtures that all tests share: a server for each worker, warehouses in it, and those that are prepared."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from gridcredit.settings import PROJECT_DIR, Settings
from gridcredit.warehouse.embedded_postgres import EmbeddedPostgres

from tests.support import depth
from tests.support.builders import BUILDERS
from tests.support.prepared import FOLDER_VARIABLE, MIGRATED_AIRFLOW, Prepared, copy_server, prepare_all
from tests.support.progress import Progress
from tests.support.warehouses import WarehouseFactory, Warehouses

IBM_LEDGER = PROJECT_DIR.parent / "shared" / "data" / "ibm-accounts-receivable" / "accounts_receivable.csv"
NEEDED = pytest.StashKey[set[str]]()
# These take longest: begun last, one worker would be waited for.
LONGEST_FIRST = (
    *("test_airflow.py", "test_incremental.py", "test_evaluation.py", "test_layers.py", "test_first_day.py"),
    *("test_two_runs.py", "test_server_killed.py", "test_upgrade.py", "test_safe_scorecards.py", "test_lineage.py"),
)


def is_worker(config: pytest.Config) -> bool:
    """Whether this process only runs what another hands it."""
    return hasattr(config, "workerinput")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--deep", action="store_true", help="many random sequences where `make test` has few")
    parser.addoption("--shuffle-files", type=int, metavar="SEED", help="run the test files in a random order")
    parser.addoption("--prepared", metavar="FOLDER", help="warehouses prepared before, which stay (tests/mutants)")
    parser.addoption("--pictures", metavar="FOLDER", help="where the tests of pages leave what they drew")


def pytest_configure(config: pytest.Config) -> None:
    depth.set_depth(is_deep=config.getoption("--deep"))
    if not is_worker(config):
        folder = config.getoption("--prepared") or tempfile.mkdtemp(prefix="gridcredit-prepared-")
        Path(folder).chmod(0o755)
        # Workers inherit the environment, and with it the folder.
        os.environ[FOLDER_VARIABLE] = folder
        config.pluginmanager.register(Progress(config, Path(folder)))


def pytest_unconfigure(config: pytest.Config) -> None:
    if not is_worker(config) and not config.getoption("--prepared"):
        shutil.rmtree(os.environ[FOLDER_VARIABLE], ignore_errors=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Files as they are handed to workers: the longest first, or shuffled; within a file as they stand."""
    files: dict[Path, list[pytest.Item]] = defaultdict(list)
    for item in items:
        files[item.path].append(item)
    order = sorted(files)
    seed = config.getoption("--shuffle-files")
    if seed is None:
        order.sort(key=lambda path: path.name not in LONGEST_FIRST)
    else:
        random.Random(seed).shuffle(order)
    items[:] = [item for path in order for item in files[path]]


def pytest_collection_finish(session: pytest.Session) -> None:
    """What the tests chosen ask for is prepared together, so that the one server can be copied."""
    asked: set[str] = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    session.config.stash[NEEDED] = {"empty"} | (asked & {*BUILDERS, MIGRATED_AIRFLOW})


@pytest.fixture(scope="session")
def prepared_folder(pytestconfig: pytest.Config) -> Path:
    """Where the prepared warehouses are, once they are there."""
    folder = Path(os.environ[FOLDER_VARIABLE])
    needed = pytestconfig.stash[NEEDED]
    prepare_all(needed, folder)
    return folder


@pytest.fixture(scope="session")
def server(prepared_folder: Path) -> Iterator[EmbeddedPostgres]:
    """The worker's Postgres, with what is prepared in it; stopped and removed at the end."""
    home = Path(tempfile.mkdtemp(prefix="gridcredit-test-"))
    home.chmod(0o755)
    server = copy_server(prepared_folder, home / "server")
    yield server
    server.stop()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def empty(prepared_folder: Path) -> Prepared:
    """A warehouse as migrations leave it."""
    return Prepared("empty", prepared_folder)


@pytest.fixture(scope="session")
def small(prepared_folder: Path) -> Prepared:
    """One release of few customers and one month-end."""
    return Prepared("small", prepared_folder)


@pytest.fixture(scope="session")
def rich(prepared_folder: Path) -> Prepared:
    """One release of 26 months of all extracts."""
    return Prepared("rich", prepared_folder)


@pytest.fixture(scope="session")
def evaluated(prepared_folder: Path) -> Prepared:
    """Two years of ratings with their outcomes."""
    return Prepared("evaluated", prepared_folder)


@pytest.fixture(scope="session")
def oracle_warehouse(prepared_folder: Path) -> Prepared:
    """Simulated and wild customers, which the oracles know too."""
    return Prepared("oracle_warehouse", prepared_folder)


@pytest.fixture(scope="session")
def migrated_airflow(prepared_folder: Path) -> Prepared:
    """The database of a migrated Airflow."""
    return Prepared(MIGRATED_AIRFLOW, prepared_folder)


@pytest.fixture(scope="session")
def warehouses(server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Warehouses:
    """Lends warehouses for as long as they are used."""
    return Warehouses(server, tmp_path_factory.mktemp("warehouses"))


@pytest.fixture(scope="module")
def new_warehouse(warehouses: Warehouses, empty: Prepared) -> Iterator[WarehouseFactory]:
    """Makes warehouses that last for the module: empty ones, or copies of a prepared one."""
    made: list[Settings] = []

    def make(prepared: Prepared = empty) -> Settings:
        made.append(warehouses.make(prepared))
        return made[-1]

    yield make
    for settings in made:
        warehouses.drop(settings)


@pytest.fixture
def settings(warehouses: Warehouses, empty: Prepared) -> Iterator[Settings]:
    """Settings with an empty warehouse."""
    with warehouses.lent(empty) as settings:
        yield settings


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where servers may be, also as root."""
    folder = Path(tempfile.mkdtemp(prefix="gridcredit-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def ibm_ledger() -> Path:
    """The public ledger, where this checkout has it beside it."""
    if not IBM_LEDGER.exists():
        pytest.skip(f"needs the IBM accounts-receivable sample at {IBM_LEDGER}")
    return IBM_LEDGER
