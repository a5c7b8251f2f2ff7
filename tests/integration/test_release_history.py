"""Releases as they were: the same hashes for the same inputs, compared, proven unchanged, rolled back, read under
load.
"""

from __future__ import annotations

import threading
from datetime import date

import psycopg
import pytest
from gridcredit.errors import GridCreditError
from gridcredit.operations import pipeline
from gridcredit.releases import release
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect, connect_as_owner
from gridcredit.warehouse.published_tables import TABLES
from psycopg import sql

from tests.support.builders import SMALL_DAY, SMALL_EXTRACTS
from tests.support.depth import few_or_many
from tests.support.prepared import Prepared
from tests.support.suppliers import load
from tests.support.warehouses import WarehouseFactory

DAYS = [SMALL_DAY, date(2026, 7, 2)]
# That pass while others read; an even number, so that the last shows the last night's figures.
RELEASES = few_or_many(40, 400)


@pytest.fixture(scope="module")
def settings(new_warehouse: WarehouseFactory, small: Prepared) -> Settings:
    """Two releases."""
    own = new_warehouse(small)
    pipeline.build_ratings("second", DAYS[1], own)
    return own


def contents(settings: Settings, number: int) -> dict[str, set[str]]:
    """What a release shows, row by row."""
    found = {}
    with connect(settings) as connection:
        for table in TABLES:
            query = sql.SQL(
                "select (to_jsonb(h) - 'valid_from_release' - 'valid_to_release')::text from published.{}({}) as h"
            ).format(sql.Identifier(f"{table}_as_of"), number)
            found[table] = {text for (text,) in connection.execute(query)}
    return found


def test_the_same_inputs_give_the_same_hashes_elsewhere(
    settings: Settings, new_warehouse: WarehouseFactory, small: Prepared
) -> None:
    other = new_warehouse()
    other.history_months = settings.history_months
    load(small.files, other, SMALL_EXTRACTS)
    for run_id, day in zip(("first", "second"), DAYS, strict=True):
        pipeline.build_ratings(run_id, day, other)
    query = "select release, table_name, rows, row_hash_sum from lineage.release_tables order by 1, 2"
    with connect(settings) as one, connect(other) as two:
        assert one.execute(query).fetchall() == two.execute(query).fetchall()
    assert [one.chain_hash for one in release.list_releases(settings)] == [
        one.chain_hash for one in release.list_releases(other)
    ]


def test_a_difference_counts_what_differs(settings: Settings) -> None:
    before, after = contents(settings, 1), contents(settings, 2)
    found = {one.table: one for one in release.diff_releases(1, 2, settings)}
    assert found.keys() == TABLES.keys()
    for table, one in found.items():
        assert one.only_before + one.changed == len(before[table] - after[table])
        assert one.only_after + one.changed == len(after[table] - before[table])
    assert found["work_list"].changed > 0
    with connect(settings) as connection:
        now = connection.execute("select count(*), sum(overdue_amount) from published.work_list").fetchone()
        then = connection.execute("select count(*), sum(overdue_amount) from published.work_list_as_of(2)").fetchone()
    assert now == then
    assert all(not (one.only_before or one.only_after or one.changed) for one in release.diff_releases(2, 2, settings))


def test_a_rollback_is_a_release_of_its_own_and_facts_win_again(settings: Settings) -> None:
    first, last = contents(settings, 1), contents(settings, 2)
    with pytest.raises(GridCreditError, match="there is no release 9"):
        release.roll_back(9, "A. Chief", "wrong policy", settings)
    with pytest.raises(GridCreditError, match="release 2 is the current one"):
        release.roll_back(2, "A. Chief", "wrong policy", settings)
    assert release.roll_back(1, "A. Chief", "wrong policy", settings) == 3
    assert contents(settings, 3) == first
    assert contents(settings, 2) == last
    assert release.verify_release(3, settings) == []
    newest = release.list_releases(settings)[0]
    assert (newest.release, newest.as_of_date, newest.rolled_back_to) == (3, DAYS[0], 1)
    pipeline.build_ratings("the day after", DAYS[-1], settings)
    assert contents(settings, 4) == last
    assert release.verify_release(4, settings) == []
    with connect(settings) as connection:
        (because,) = connection.execute(
            "select built_because from lineage.runs where run_id = 'the day after'"
        ).fetchone() or ("",)
    assert because == "the last release was a rollback"


@pytest.mark.deep
def test_readers_never_see_a_mix_while_releases_go_by(settings: Settings) -> None:
    """Two tables read in one query always show the same release."""
    mixes: list[object] = []
    reads = 0
    done = threading.Event()
    # Each odd release shows the first night's figures, each even one the last night's.
    sums = {}
    for number in (1, 2):
        shown = contents(settings, number)
        sums[number] = (len(shown["customer_warning"]), len(shown["work_list"]), len(shown["late_charge"]))
    allowed = set(sums.values())
    assert len(allowed) == 2

    def read() -> None:
        nonlocal reads
        with connect(settings, autocommit=True) as connection:
            while not done.is_set():
                row = connection.execute(
                    "select (select count(*) from published.customer_warning), (select count(*) from "
                    "published.work_list), (select count(*) from published.late_charge)"
                ).fetchone()
                reads += 1
                if row not in allowed:
                    mixes.append(row)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for number in range(RELEASES):
            release.roll_back(1 if number % 2 == 0 else 2, "test", "torture", settings)
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert mixes == []
    assert reads > RELEASES
    last = release.list_releases(settings)[0].release
    assert last > RELEASES
    assert release.verify_release(last, settings) == []


def test_a_row_changed_by_hand_is_found(settings: Settings) -> None:
    for number in (1, 2):
        assert release.verify_release(number, settings) == []
    last = release.list_releases(settings)[0].release
    with connect_as_owner(settings) as connection:
        connection.execute("alter table published.customer_rating_history disable trigger user")
        connection.execute(
            "update published.customer_rating_history set grade = 'AAA' where customer_id = ("
            "select customer_id from published.customer_rating where grade <> 'AAA' order by 1 limit 1) "
            "and valid_to_release is null"
        )
    (fault,) = release.verify_release(last, settings)
    assert fault.what.startswith("published.customer_rating ")
    with connect(settings) as connection, pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        connection.execute("update lineage.releases set as_of_date = '2020-01-01' where release = 2")
    with connect_as_owner(settings) as connection:
        # Somebody who may switch the guard off is found by the chain.
        connection.execute("alter table lineage.release_tables disable trigger append_only")
        connection.execute(
            "update lineage.release_tables set rows = rows + 1 where (release, table_name) = (2, 'work_list')"
        )
        connection.execute("alter table lineage.release_tables enable trigger append_only")
    assert {(fault.release, fault.what.split()[0]) for fault in release.verify_release(2, settings)} == {
        (2, "published.work_list"),
        (2, "its"),
    }
