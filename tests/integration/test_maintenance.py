"""Retention and merging: what is retained stays readable and can still be reverted."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from gridcredit.errors import PolicyError
from gridcredit.ingestion.landing import take_in
from gridcredit.ingestion.loader import load_file
from gridcredit.ingestion.mapping.read import load_mappings
from gridcredit.ingestion.mapping.rules import Mapping
from gridcredit.ingestion.revert import revert_load
from gridcredit.lineage.transport import events_folder
from gridcredit.operations import maintenance
from gridcredit.releases.release import verify_loads
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect
from gridcredit.warehouse.raw_tables import partitions

TODAY = date(2026, 6, 19)
RETENTION = """
raw: {meter_reading: 365}
quarantine: 30
accepted_files: 60
refused_files: 10
lineage_events: 365
merge_loads_over: 3
merge_rows_below: 100
"""


@pytest.fixture
def with_retention(settings: Settings, tmp_path: Path) -> Settings:
    settings.policies_dir = tmp_path / "policies"
    settings.policies_dir.mkdir()
    (settings.policies_dir / "retention.yml").write_text(RETENTION)
    return settings


@pytest.fixture
def demo(settings: Settings) -> Mapping:
    return load_mappings(settings.mappings_dir)["demo"]


def payments(settings: Settings) -> list[tuple[str, int]]:
    with connect(settings) as connection:
        return connection.execute("select payment_id, _file_id from raw.payment order by 1").fetchall()


def tables(settings: Settings, extract: str) -> dict[str, list[int]]:
    with connect(settings) as connection:
        return partitions(connection, extract)


def test_readings_are_retired_when_all_are_old(with_retention: Settings, demo: Mapping, tmp_path: Path) -> None:
    def readings(name: str, *days: str) -> int:
        path = tmp_path / f"meter_reading_{name}.csv"
        path.write_text("meter_id,read_on,register,reading\n" + "".join(f"M1,{day},total,1\n" for day in days))
        return load_file(path, demo, with_retention).file_id

    old = readings("old", "2025-01-31", "2025-06-18")
    mixed = readings("mixed", "2025-01-30", "2025-06-19")
    assert maintenance.retire_loads(TODAY, with_retention) == [(old, "meter_reading")]
    assert maintenance.retire_loads(TODAY, with_retention) == []
    assert tables(with_retention, "meter_reading") == {f"meter_reading_load_{mixed}": [mixed]}
    with connect(with_retention) as connection:
        record = connection.execute(
            "select rows_accepted, retired_at is not null from lineage.loads order by file_id"
        ).fetchall()
    assert record == [(2, True), (2, False)]
    assert verify_loads(with_retention) == ([], [])
    revert_load(old, "still possible", with_retention)


def test_small_loads_are_merged_and_each_can_still_be_reverted(
    with_retention: Settings, demo: Mapping, tmp_path: Path
) -> None:
    def load(number: int, rows: int = 2) -> int:
        path = tmp_path / f"payment_{number}.csv"
        lines = [f"P{number}-{row},C1,2026-01-05,1.00\n" for row in range(rows)]
        path.write_text("payment_id,customer_id,paid_on,amount\n" + "".join(lines))
        return load_file(path, demo, with_retention).file_id

    ids = [load(number) for number in range(3)]
    assert maintenance.merge_loads(with_retention) == {}
    large, last = load(3, rows=100), load(4)
    before = payments(with_retention)
    assert maintenance.merge_loads(with_retention) == {"payment": 4}
    assert payments(with_retention) == before
    assert tables(with_retention, "payment") == {
        f"payment_load_{ids[0]}_to_{last}": [*ids, last],
        f"payment_load_{large}": [large],
    }
    # Checks are planned by what is there: of a table that it does not know, Postgres expects a few rows.
    expected = "select reltuples from pg_class where relname ~ '^payment_load_[0-9_to]+$' order by 1"
    with connect(with_retention) as connection:
        assert connection.execute(expected).fetchall() == [(8,), (100,)]
    revert_load(ids[1], "one of many", with_retention)
    assert payments(with_retention) == [row for row in before if row[1] != ids[1]]
    again = [load(number) for number in (1, 5, 6)]
    assert maintenance.merge_loads(with_retention) == {"payment": 4}
    assert verify_loads(with_retention) == ([], [])
    assert {file_id for _, file_id in payments(with_retention)} == {ids[0], ids[2], large, last, *again}


def test_what_is_old_is_purged(with_retention: Settings) -> None:
    landing = with_retention.landing_dir / "demo"
    landing.mkdir(parents=True)
    rows = "".join(f"P{number},C1,2026-01-05,1.00\n" for number in range(40))
    (landing / "payment.csv").write_text(f"payment_id,customer_id,paid_on,amount\n{rows}PX,C1,never,1\n")
    take_in(landing / "payment.csv", with_retention)
    today = datetime.now(UTC).date()
    for days, purged in ((29, (0, 0)), (32, (1, 0)), (59, (0, 0)), (61, (0, 1))):
        day = today + timedelta(days=days)
        assert (
            maintenance.purge_quarantine(day, with_retention),
            maintenance.purge_files(day, with_retention),
        ) == purged
    with connect(with_retention) as connection:
        assert connection.execute("select rows_quarantined from lineage.loads").fetchone() == (1,)


def test_events_of_old_months_are_purged(with_retention: Settings) -> None:
    folder = events_folder(with_retention)
    folder.mkdir(parents=True)
    months = ("2024-12", "2025-05", "2025-06", "2026-06")
    for month in months:
        (folder / f"events_{month}.ndjson").write_text("{}\n")
    assert maintenance.purge_files(date(2026, 6, 19), with_retention) == 2
    assert sorted(path.stem for path in folder.iterdir()) == ["events_2025-06", "events_2026-06"]


def test_the_shipped_policy_is_sound_and_figures_cannot_be_retired(settings: Settings, tmp_path: Path) -> None:
    assert maintenance.read_retention(settings).raw["meter_reading"] > 1100
    shutil.copyfile(settings.policies_dir / "retention.yml", tmp_path / "retention.yml")
    settings.policies_dir = tmp_path
    path = tmp_path / "retention.yml"
    path.write_text(path.read_text().replace("meter_reading:", "bill:"))
    with pytest.raises(PolicyError, match=r"raw: 'bill' cannot be retired: today's figures rest on it"):
        maintenance.read_retention(settings)


def test_maintenance_runs_as_a_whole(with_retention: Settings) -> None:
    assert set(maintenance.maintain(with_retention).values()) == {0}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_file_that_cannot_be_moved_is_not_touched(settings: Settings) -> None:
    from gridcredit.errors import NotReadyError

    landing = settings.landing_dir / "demo"
    landing.mkdir(parents=True)
    (landing / "payment.csv").write_text("payment_id,customer_id,paid_on,amount\nP1,C1,2026-01-05,1.00\n")
    landing.chmod(0o555)
    try:
        with pytest.raises(NotReadyError, match="may not be written to"):
            take_in(landing / "payment.csv", settings)
    finally:
        landing.chmod(0o755)
    assert payments(settings) == []
