"""Any sequence of daily runs publishes what a rebuild from zero publishes."""

from __future__ import annotations

import csv
import random
from datetime import date, timedelta
from pathlib import Path

import pytest
from gridcredit.contract.extracts import EXTRACTS
from gridcredit.ingestion.loader import load_file
from gridcredit.ingestion.mapping.read import load_mappings
from gridcredit.ingestion.mapping.rules import Mapping
from gridcredit.ingestion.revert import revert_load
from gridcredit.operations import pipeline, runs
from gridcredit.settings import Settings
from gridcredit.simulation import simulate
from gridcredit.transformation.build_plan import plan_build
from gridcredit.warehouse.connection import connect

from tests.support.builders import SMALL_EXTRACTS
from tests.support.careless_supplier import START, Supplier, careless_mapping, write
from tests.support.depth import few_or_many
from tests.support.prepared import Prepared
from tests.support.rebuilds import assert_a_rebuild_changes_nothing, pass_gates
from tests.support.suppliers import load, write_rows
from tests.support.warehouses import WarehouseFactory


@pytest.fixture(scope="module")
def mapping(tmp_path_factory: pytest.TempPathFactory) -> Mapping:
    return careless_mapping(tmp_path_factory.mktemp("mapping"))


@pytest.fixture(autouse=True)
def open_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is checked here is the models; the gates would refuse such a supplier."""
    pass_gates(monkeypatch)


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(few_or_many(1, 24)))
def test_any_sequence_of_daily_runs(settings: Settings, tmp_path: Path, mapping: Mapping, seed: int) -> None:
    own = settings
    own.history_months = 5
    supplier = Supplier(random.Random(seed))
    # The other tests of this module are of the default policy.
    own.policy = "default" if seed % 2 else "regional"
    steps = [
        (supplier.rng.randint(-3, 45), supplier.rng.randint(0, 40), supplier.rng.random() < 0.5)
        for _ in range(supplier.rng.randint(3, 4))
    ]
    day, loads = START, []
    for number, (days, events, reverts) in enumerate([(0, 150, False), *steps]):
        day += timedelta(days=days)
        for extract, rows in supplier.deliver(day, events).items():
            if rows:
                path = tmp_path / f"{extract}_{number}.csv"
                write(path, rows)
                loads.append(load_file(path, mapping, own).file_id)
        if reverts and number:
            revert_load(loads.pop(supplier.rng.randrange(len(loads))), "at random", own)
        pipeline.build_ratings(f"run {number}", day, own)
    with connect(own) as connection:
        incremental = connection.execute("select count(*) from lineage.runs where built_because is null").fetchone()
    assert incremental == (sum(days >= 0 for days, _, _ in steps),)
    assert_a_rebuild_changes_nothing(own, day)


def test_daily_runs_of_a_simulated_supplier(settings: Settings, tmp_path: Path) -> None:
    """Delivered day by day over a month's end, with a failed build between; then a full refresh."""
    settings.history_months = 3
    simulate(80, 12, 11, tmp_path / "all")
    demo = load_mappings(settings.mappings_dir)["demo"]
    dated = {"bill": "issued_on", "payment": "paid_on"}
    load_file(tmp_path / "all" / "customer.csv", demo, settings)
    last = date(2000, 1, 1)
    for number, day in enumerate(
        [date(2026, 5, 28), date(2026, 5, 31), date(2026, 6, 1), date(2026, 6, 5), date(2026, 6, 19)]
    ):
        for extract, column in dated.items():
            with (tmp_path / "all" / f"{extract}.csv").open(newline="") as file:
                rows = [row for row in csv.DictReader(file) if last.isoformat() < row[column] <= day.isoformat()]
            if not rows:
                continue
            path = tmp_path / f"{extract}_{number}.csv"
            write_rows(path, [column.name for column in EXTRACTS[extract].columns], rows)
            load_file(path, demo, settings)
        last = day
        if number == 2:
            # Built, but stopped before it was published: the next run must cover it too.
            pipeline.check_raw("stopped", day, settings)
            pipeline.build_models("stopped", settings)
            continue
        pipeline.build_ratings(f"run {number}", day, settings)
    assert_a_rebuild_changes_nothing(settings, last)


def test_a_day_after_later_ones(new_warehouse: WarehouseFactory, rich: Prepared) -> None:
    """A backfill beside nights, one that was published, one that was stopped before."""
    settings = new_warehouse(rich)
    pipeline.build_ratings("ahead", date(2026, 6, 24), settings)
    pipeline.check_raw("stopped", date(2026, 6, 26), settings)
    pipeline.build_models("stopped", settings)
    pipeline.build_ratings("back", date(2026, 6, 21), settings)
    assert_a_rebuild_changes_nothing(settings, date(2026, 6, 21))


def test_what_makes_a_build_compute_everything(
    new_warehouse: WarehouseFactory, settings: Settings, small: Prepared
) -> None:
    def because(own: Settings) -> str | None:
        run = runs.start_run("next", settings=own)
        return plan_build(run, runs.as_of_dates(run.as_of_date, own.history_months)).because

    load(small.files, settings, SMALL_EXTRACTS)
    assert because(settings) == "nothing has been released yet"
    settings = new_warehouse(small)
    assert because(settings) is None
    assert (
        because(settings.model_copy(update={"history_months": 2})) == "the models, the policy or the settings changed"
    )
    with connect(settings) as connection:
        connection.execute("delete from ops.built")  # as a crash leaves it
    assert because(settings) == "the database lost its unlogged tables in a crash, or models were built by hand"
    pipeline.build_ratings("after a crash", date(2026, 7, 1), settings)
    by_the_files = runs.start_run("by the files", settings=settings)
    assert by_the_files.as_of_date == date(2026, 7, 1)
    assert plan_build(by_the_files, runs.as_of_dates(date(2026, 7, 1), 1)).because is None
    earlier = runs.start_run("earlier", date(2026, 6, 30), settings)
    assert (
        plan_build(earlier, runs.as_of_dates(date(2026, 6, 30), 1)).because
        == "an earlier day than that of the last build"
    )
