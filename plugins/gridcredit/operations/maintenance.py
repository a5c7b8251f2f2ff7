"""Maintains the warehouse: retires what is past its retention, and merges the partitions of many small loads."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import structlog
from psycopg import sql
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.files.policy_file import read_policy_file
from gridcredit.lake.copies import remove_stale
from gridcredit.lineage.transport import events_folder
from gridcredit.settings import Settings, get_settings
from gridcredit.warehouse.connection import Connection, connect
from gridcredit.warehouse.load_hashes import hashed_rows, record_load_hash, unhashed_loads
from gridcredit.warehouse.locks import exclusive
from gridcredit.warehouse.raw_tables import (
    analyze_partition,
    attach_partition,
    create_partition,
    partition,
    partitions,
    take_out,
    wait_briefly,
)

log = structlog.get_logger(__name__)

# What else is in raw makes up today's figures: a debt does not end because its bill is old.
RETIRABLE = ("meter_reading", "investigation", "collection_action")


class Retention(BaseModel):
    """policies/retention.yml: how long things are retained, in days, and when small loads are merged."""

    model_config = ConfigDict(extra="forbid")

    raw: dict[str, int] = Field(
        description=f"days by extract; {', '.join(RETIRABLE)} can be retired, and what is not named stays for good"
    )
    quarantine: int = Field(gt=0, description="days that quarantined rows are retained; the counts of their loads stay")
    accepted_files: int = Field(
        gt=0,
        # As the key was named before.
        validation_alias=AliasChoices("accepted_files", "archived_files"),
        description="days that accepted files are retained",
    )
    refused_files: int = Field(gt=0, description="days that refused files are retained")
    lineage_events: int = Field(
        gt=0, description="days that files of lineage events are retained; what is in the warehouse stays"
    )
    merge_loads_over: int = Field(gt=1, description="number of small partitions of an extract that are left alone")
    merge_rows_below: int = Field(gt=0, description="a partition with more rows stays by itself")

    @field_validator("raw")
    @classmethod
    def _retirable(cls, value: dict[str, int]) -> dict[str, int]:
        for extract in value:
            if extract not in RETIRABLE:
                raise ValueError(
                    f"{extract!r} cannot be retired: today's figures rest on it; {', '.join(RETIRABLE)} can"
                )
        return value


def read_retention(settings: Settings) -> Retention:
    """Read the retention policy; a PolicyError names the file and what is wrong."""
    return read_policy_file(settings.policies_dir / "retention.yml", Retention)


def retire_loads(today: date, settings: Settings | None = None) -> list[tuple[int, str]]:
    """Take out of raw the loads whose every fact is older than the policy retains; their record stays.

    Returns the file and extract of each.
    """
    settings = settings or get_settings()
    retired: list[tuple[int, str]] = []
    for extract, days in read_retention(settings).raw.items():
        last_day = today - timedelta(days=days)
        with connect(settings) as connection:
            wait_briefly(connection)
            loads = connection.execute(
                "select file_id from lineage.loads join lineage.files using (file_id) "
                "where extract = %s and retired_at is null and undone_at is null and rows_accepted > 0 order by 1",
                [extract],
            ).fetchall()
            newest = sql.SQL("select max({}) from raw.{} where _file_id = %s").format(
                sql.Identifier(EXTRACTS[extract].dated_by), sql.Identifier(extract)
            )
            for (file_id,) in loads:
                (newest_day,) = connection.execute(newest, [file_id]).fetchone() or (None,)
                if newest_day is not None and newest_day < last_day:
                    take_out(connection, extract, file_id)
                    connection.execute(
                        "update lineage.loads set retired_at = clock_timestamp() where file_id = %s and extract = %s",
                        [file_id, extract],
                    )
                    retired.append((file_id, extract))
            remove_stale(connection, settings)
    log.info("loads_retired", loads=retired)
    return retired


def merge_loads(settings: Settings | None = None) -> dict[str, int]:
    """Put the rows of many small loads into one partition, so that planning stays quick; returns how many were
    merged.
    """
    settings = settings or get_settings()
    retention = read_retention(settings)
    merged: dict[str, int] = {}
    for name, extract in EXTRACTS.items():
        with connect(settings) as connection:
            wait_briefly(connection)
            small = {
                table: files
                for table, files in partitions(connection, name).items()
                if _row_count(connection, table, retention.merge_rows_below) < retention.merge_rows_below
            }
            if len(small) <= retention.merge_loads_over:
                continue
            files = sorted(file_id for ids in small.values() for file_id in ids)
            target = partition(name, files[0], files[-1])
            connection.execute(create_partition(extract, target, files))
            for table in sorted(small, key=lambda one: small[one][0]):
                source = sql.Identifier("raw", table)
                connection.execute(sql.SQL("insert into {} select * from {}").format(target, source))
            for table in small:
                connection.execute(sql.SQL("drop table {}").format(sql.Identifier("raw", table)))
            connection.execute(analyze_partition(target))
            connection.execute(attach_partition(extract, target, files))
            merged[name] = len(small)
    log.info("loads_merged", partitions=merged)
    return merged


def hash_loads(settings: Settings | None = None) -> int:
    """Hash the rows of loads of earlier versions, which did not, one load a transaction; returns how many."""
    # What a release states of hashes is complete when it is made.
    with exclusive("build", settings), connect(settings, autocommit=True) as connection:
        loads = unhashed_loads(connection)
        for file_id, extract in loads:
            rows = hashed_rows(connection, EXTRACTS[extract], file_id, sql.Identifier("raw", extract))
            record_load_hash(connection, rows, "hashed later")
    log.info("loads_hashed", loads=len(loads))
    return len(loads)


def purge_quarantine(today: date, settings: Settings | None = None) -> int:
    """Delete quarantined rows whose time is up; the counts of their loads stay. Returns how many rows."""
    settings = settings or get_settings()
    with connect(settings) as connection:
        return connection.execute(
            "delete from quarantine.rows using lineage.files where files.file_id = rows.file_id and loaded_at < %s",
            [today - timedelta(days=read_retention(settings).quarantine)],
        ).rowcount


def purge_files(today: date, settings: Settings | None = None) -> int:
    """Delete accepted and refused files, and files of lineage events, whose time is up; returns how many."""
    settings = settings or get_settings()
    retention = read_retention(settings)
    count = 0
    for folder, days in (
        (settings.accepted_dir, retention.accepted_files),
        (settings.refused_dir, retention.refused_files),
    ):
        # The folders are named for mapping and day.
        for day in folder.glob("*/????-??-??"):
            if day.name < (today - timedelta(days=days)).isoformat():
                for path in day.iterdir():
                    path.unlink()
                    count += 1
                day.rmdir()
    for path in events_folder(settings).glob("events_????-??.ndjson"):
        # Named for its month, after which nothing more is written to it.
        if path.stem < f"events_{today - timedelta(days=retention.lineage_events):%Y-%m}":
            path.unlink()
            count += 1
    return count


def maintain(settings: Settings | None = None) -> dict[str, object]:
    """Everything above, as of today; what the DAG does task by task."""
    today = datetime.now(UTC).date()
    return {
        "loads retired": len(retire_loads(today, settings)),
        "loads hashed": hash_loads(settings),
        "partitions merged": sum(merge_loads(settings).values()),
        "quarantined rows purged": purge_quarantine(today, settings),
        "files purged": purge_files(today, settings),
    }


def _row_count(connection: Connection, table: str, at_most: int) -> int:
    query = sql.SQL("select count(*) from (select from {} limit {}) as rows").format(
        sql.Identifier("raw", table), sql.Literal(at_most)
    )
    (count,) = connection.execute(query).fetchone() or (0,)
    return int(count)
