"""The lake holds what raw holds: written by the load itself, forgotten with the load."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gridcredit.contract.arrow import raw_schema
from gridcredit.contract.extracts import EXTRACTS
from gridcredit.errors import FileRefusedError, GridCreditError, NotReadyError
from gridcredit.ingestion.revert import revert_load
from gridcredit.lake.copies import bring_up_to_date, drop_lake
from gridcredit.lake.store import LakeStore
from gridcredit.operations.erasure import erase_customer
from gridcredit.operations.maintenance import merge_loads, retire_loads
from gridcredit.settings import Settings
from gridcredit.simulation import simulate
from gridcredit.warehouse.connection import connect
from pydantic import SecretStr

from tests.support.suppliers import deliver, load
from tests.support.waiting import number, rows
from tests.support.warehouses import WarehouseFactory

PAYMENTS = "payment_id,customer_id,bill_id,paid_on,amount,channel,clerk\n"


@pytest.fixture
def filled(settings: Settings, tmp_path: Path) -> Settings:
    """A warehouse whose loads fill a lake."""
    settings.lake_url = SecretStr(f"file://{tmp_path}/lake of mine")
    return settings


@pytest.fixture(scope="module")
def supplier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All extracts of a few customers."""
    folder = tmp_path_factory.mktemp("supplier")
    simulate(30, 14, 7, folder)
    return folder


def in_lake(settings: Settings) -> dict[str, pa.Table]:
    """By the name of a file what is in it."""
    root = Path(LakeStore.of(settings).url.removeprefix("file://"))
    return {str(path.relative_to(root)): pq.read_table(path) for path in sorted(root.rglob("*.parquet"))}


def copied(settings: Settings, folder: Path) -> dict[str, pa.Table]:
    """What Postgres says of the same loads, in another lake."""
    other = settings.model_copy(update={"lake_url": SecretStr(f"file://{folder}")})
    with connect(other) as connection:
        bring_up_to_date(connection, other)
    return in_lake(other)


def test_a_load_writes_what_raw_holds(filled: Settings, supplier: Path, tmp_path: Path) -> None:
    """37.2: every extract, typed by the contract, with tombstones, columns that nobody reads and hashed numbers."""
    load(supplier, filled)
    deliver(
        tmp_path / "payment_odd.csv",
        filled,
        PAYMENTS
        + 'X1,C00000001,,2026-06-01,+10.5,"a ""quoted"", one",Ann\nX2,C00000002,B2,2026-06-02,-0.10,,\n'
        + "X3,C00000003,,1950-01-01,9999999999999999.99,北京,\nbad,C00000003,,2026-13-01,1,,\n"
        + "".join(f"Y{row},C00000004,,2026-06-01,1,,\n" for row in range(40)),
    )
    written = in_lake(filled)
    assert {name.split("/")[0] for name in written} >= set(EXTRACTS) - {"outcome"}
    for name, table in written.items():
        assert table.schema.equals(raw_schema(EXTRACTS[name.split("/")[0]])), name
    by_postgres = copied(filled, tmp_path / "copies")
    assert written.keys() == by_postgres.keys()
    for name, table in written.items():
        # A row's other columns are text of JSON, which Postgres words in its own way.
        assert table.drop_columns("_extra").equals(by_postgres[name].drop_columns("_extra")), name
    (odd,) = (table for name, table in written.items() if name.startswith("payment/") and len(table) == 43)
    assert [str(value) for value in odd["amount"].to_pylist()[:3]] == ["10.50", "-0.10", "9999999999999999.99"]
    assert odd["paid_on"].to_pylist()[2] == date(1950, 1, 1)
    assert odd["channel"].to_pylist()[:3] == ['a "quoted", one', None, "北京"]
    assert '"Ann"' in odd["_extra"].to_pylist()[0]
    # Lineage says how many rows each file has, and by which hash it is known; the copies are recorded after them.
    recorded = rows(filled, "select extract, file_id, rows, sha256 from lineage.lake_files where because = 'loaded'")
    root = Path(LakeStore.of(filled).url.removeprefix("file://"))
    assert {(f"{extract}/load_{file_id}.parquet", *rest) for extract, file_id, *rest in recorded} == {
        (name, len(table), hashlib.sha256((root / name).read_bytes()).hexdigest()) for name, table in written.items()
    }
    assert len(recorded) == len(written) == number(filled, "select count(*) from lineage.lake_files") / 2


def test_a_file_that_is_refused_leaves_nothing(filled: Settings, tmp_path: Path) -> None:
    with pytest.raises(FileRefusedError, match="are bad"):
        deliver(tmp_path / "payment_bad.csv", filled, PAYMENTS + "X1,C1,,2026-06-01,ten,,\n")
    assert in_lake(filled) == {}
    assert list(LakeStore.of(filled).workshop.iterdir()) == []
    assert number(filled, "select count(*) from lineage.lake_files") == 0


def test_what_leaves_raw_leaves_the_lake(filled: Settings, tmp_path: Path) -> None:
    """Reverted, retired, erased; loads that are merged in raw stay as they were delivered."""
    filled.policies_dir = tmp_path / "policies"
    shutil.copytree(Settings().policies_dir, filled.policies_dir)
    retention = filled.policies_dir / "retention.yml"
    text = retention.read_text(encoding="utf-8").replace("raw:", "raw:\n  investigation: 365")
    retention.write_text(re.sub("merge_loads_over: .*", "merge_loads_over: 2", text), encoding="utf-8")
    old = deliver(
        tmp_path / "investigation_old.csv",
        filled,
        "investigation_id,customer_id,done_on,score,officer_id\nI1,C1,2001-01-01,50,O1\n",
    )
    loads = [
        deliver(tmp_path / f"payment_{day}.csv", filled, PAYMENTS + f"P{day},C1,,2026-06-0{day},1,,\n").file_id
        for day in range(1, 7)
    ]
    named = {number: f"payment/load_{number}.parquet" for number in loads}
    assert set(in_lake(filled)) == {f"investigation/load_{old.file_id}.parquet", *named.values()}
    revert_load(loads[0], "a test", filled)
    retire_loads(date(2026, 6, 19), filled)
    assert set(in_lake(filled)) == {named[number] for number in loads[1:]}
    assert merge_loads(filled) == {"payment": 5}
    before = in_lake(filled)
    with connect(filled) as connection:
        assert bring_up_to_date(connection, filled)["payment"]
    assert in_lake(filled) == before
    assert number(filled, "select count(*) from lineage.lake_files where because = 'copied'") == 0
    deliver(
        tmp_path / "customer_1.csv",
        filled,
        "customer_id,name,segment,opened_on,updated_at\nC1,Ann,residential,2020-01-01,2024-01-01 00:00:00\n",
    )
    assert "customer" in {name.split("/")[0] for name in in_lake(filled)}
    erase_customer("C1", "A. Chief", "asked for it", filled)
    assert in_lake(filled) == {}


def test_a_file_that_was_changed_is_written_again_and_reported(
    filled: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Figures never rest on a file that is not as it was written, nor on one of an earlier contract."""
    number_of = deliver(tmp_path / "payment_1.csv", filled, PAYMENTS + "P1,C1,,2026-06-01,1,,\n").file_id
    name = f"payment/load_{number_of}.parquet"
    path = Path(LakeStore.of(filled).url.removeprefix("file://")) / name
    before = in_lake(filled)[name]
    amount = before.schema.get_field_index("amount")
    forged = before.set_column(amount, "amount", pa.array([1000], before.schema.field("amount").type))
    pq.write_table(forged, path)
    with connect(filled) as connection:
        assert bring_up_to_date(connection, filled)["payment"] == [path]
    assert in_lake(filled)[name].equals(before)
    assert "lake_file_changed" in "".join(capsys.readouterr())
    pq.write_table(before.drop_columns("channel"), path)
    with connect(filled) as connection:
        bring_up_to_date(connection, filled)
    assert in_lake(filled)[name].equals(before)


def test_what_others_have_in_the_place_stays(filled: Settings, tmp_path: Path) -> None:
    """An erasure, also one by a mistyped number, a revert and a build remove files of loads, and nothing else."""
    root = Path(LakeStore.of(filled).url.removeprefix("file://"))
    (root / "payment").mkdir(parents=True)
    root.chmod(0o755)
    others = [root / "budget.xlsx", root / "payment" / "load_old.parquet", root / "other" / "load_1.parquet"]
    for path in others:
        path.parent.mkdir(exist_ok=True)
        path.write_text("not ours", encoding="utf-8")
    load_id = deliver(tmp_path / "payment_1.csv", filled, PAYMENTS + "P1,C1,,2026-06-01,1,,\n").file_id
    assert root.stat().st_mode & 0o777 == 0o755
    with pytest.raises(GridCreditError, match="nothing has been loaded of customer 'C0'"):
        erase_customer("C0", "A. Chief", "asked for it", filled)
    assert LakeStore.of(filled).keys() == {("payment", load_id)}
    with connect(filled) as connection:
        drop_lake(connection, filled)
    assert LakeStore.of(filled).keys() == set()
    assert all(path.read_text(encoding="utf-8") == "not ours" for path in others)


def test_another_warehouse_keeps_out(filled: Settings, new_warehouse: WarehouseFactory, tmp_path: Path) -> None:
    """Two warehouses number their loads alike: one place is one warehouse's."""
    deliver(tmp_path / "payment_1.csv", filled, PAYMENTS + "P1,C1,,2026-06-01,1,,\n")
    before = in_lake(filled)
    other = new_warehouse()
    other.lake_url = filled.lake_url
    with pytest.raises(NotReadyError, match=r"belongs to another warehouse.*GRIDCREDIT_LAKE_URL"):
        deliver(tmp_path / "payment_2.csv", other, PAYMENTS + "P2,C1,,2026-06-01,2,,\n")
    with connect(other) as connection, pytest.raises(NotReadyError, match="belongs to another warehouse"):
        bring_up_to_date(connection, other)
    assert in_lake(filled) == before


def test_erasure_names_places_of_earlier_settings(filled: Settings, tmp_path: Path) -> None:
    """What lies where the settings named before is nobody's to remove but a person's."""
    deliver(
        tmp_path / "customer_1.csv",
        filled,
        "customer_id,name,segment,opened_on,updated_at\nC1,Ann,residential,2020-01-01,2024-01-01 00:00:00\n",
    )
    before, filled.lake_url = LakeStore.of(filled).place, None
    done = erase_customer("C1", "A. Chief", "asked for it", filled)
    assert done.not_searched == [f"the lake at {before}"]


def test_what_killed_builds_left_goes_with_an_erasure(filled: Settings, tmp_path: Path) -> None:
    deliver(
        tmp_path / "customer_1.csv",
        filled,
        "customer_id,name,segment,opened_on,updated_at\nC1,Ann,residential,2020-01-01,2024-01-01 00:00:00\n",
    )
    left = [filled.home / "engines" / "build.duckdb", LakeStore.of(filled).workshop / "tmpabc.csv"]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_text("Ann", encoding="utf-8")
    erase_customer("C1", "A. Chief", "asked for it", filled)
    assert not any(path.exists() for path in left)


@pytest.fixture
def in_memory(settings: Settings) -> Iterator[Settings]:
    """A lake in a store that is no folder."""
    settings.lake_url = SecretStr("memory://a lake")
    yield settings
    LakeStore.of(settings).drop()


def test_an_object_store(in_memory: Settings, tmp_path: Path) -> None:
    """By a URL of fsspec: files are put there whole, and fetched for a build."""
    load_id = deliver(tmp_path / "payment_1.csv", in_memory, PAYMENTS + "P1,C1,,2026-06-01,1,,\n").file_id
    store = LakeStore.of(in_memory)
    assert store.keys() == {("payment", load_id)}
    assert not list(store.workshop.rglob("*.unfinished"))
    with connect(in_memory) as connection:
        (fetched,) = bring_up_to_date(connection, in_memory)["payment"]
    assert pq.read_table(fetched)["payment_id"].to_pylist() == ["P1"]
    assert fetched.stat().st_mode & 0o077 == 0 or fetched.parent.stat().st_mode & 0o077 == 0
    # What was fetched is forgotten with the load, with the customer, and with the build (tests/engines).
    revert_load(load_id, "a test", in_memory)
    assert store.keys() == set()
    assert not fetched.exists()
    deliver(
        tmp_path / "customer_1.csv",
        in_memory,
        "customer_id,name,segment,opened_on,updated_at\nC1,Ann,residential,2020-01-01,2024-01-01 00:00:00\n",
    )
    with connect(in_memory) as connection:
        (fetched,) = bring_up_to_date(connection, in_memory)["customer"]
    erase_customer("C1", "A. Chief", "asked for it", in_memory)
    assert not fetched.exists()


def test_what_a_client_of_a_store_says_is_told(in_memory: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their errors are of no common kind; a password of the URL is not shown."""
    in_memory.lake_url = SecretStr("memory://bob:s3cret@host/lake")

    class NoCredentialsError(Exception):
        """As botocore has it."""

    def refuse(*_: object, **__: object) -> None:
        raise NoCredentialsError("unable to locate credentials for memory://bob:s3cret@host/lake")

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.glob", refuse)
    with pytest.raises(NotReadyError, match="the lake at memory://host/lake: unable to locate") as caught:
        LakeStore.of(in_memory).keys()
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(in_memory)
    monkeypatch.undo()


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no second disk here")
def test_a_folder_on_another_disk(settings: Settings, tmp_path: Path) -> None:
    """A file is written on the lake's own disk, where it can be renamed."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        settings.lake_url = SecretStr(f"file://{name}/lake")
        load_id = deliver(tmp_path / "payment_1.csv", settings, PAYMENTS + "P1,C1,,2026-06-01,1,,\n").file_id
        assert LakeStore.of(settings).keys() == {("payment", load_id)}


@pytest.mark.parametrize("url", ["nowhere://bucket", "file:///proc/lake"])
def test_a_lake_that_cannot_be_reached(settings: Settings, tmp_path: Path, url: str) -> None:
    """One line, and nothing is loaded."""
    settings.lake_url = SecretStr(url)
    with pytest.raises(NotReadyError, match="the lake at .*check space and permissions there") as caught:
        deliver(tmp_path / "payment_1.csv", settings, PAYMENTS + "P1,C1,,2026-06-01,1,,\n")
    assert "\n" not in str(caught.value)
    assert number(settings, "select count(*) from raw.payment") == 0


def test_without_a_setting_no_lake_is_written(settings: Settings, tmp_path: Path) -> None:
    deliver(tmp_path / "payment_1.csv", settings, PAYMENTS + "P1,C1,,2026-06-01,1,,\n")
    assert not settings.lake_dir.exists()
    assert not (settings.home / "lake_workshop").exists()
