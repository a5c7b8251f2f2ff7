"""What readers see joins by itself: foreign keys that are declared hold, and each column says what it is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from gridcredit.contract.described import Table, published_tables, star_tables
from gridcredit.operations import pipeline
from gridcredit.settings import Settings
from gridcredit.warehouse.comments import apply_comments
from gridcredit.warehouse.connection import connect_as_owner
from psycopg import sql

from tests.support.builders import RICH_DAY
from tests.support.prepared import Prepared
from tests.support.suppliers import deliver
from tests.support.waiting import number, rows
from tests.support.warehouses import WarehouseFactory

# Owes money, promised to pay, and is in no customer file; his first bill is older than the days that a release reaches
# back.
STRANGER = {
    "bill": "bill_id,customer_id,period,issued_on,due_on,amount,kind\n"
    "BX1,STRANGER,2019-03,2019-04-03,2019-04-23,77.00,regular\n"
    "BX2,STRANGER,2026-04,2026-05-03,2026-05-23,123456.00,regular\n",
    "collection_action": "action_id,customer_id,bill_id,acted_on,officer_id,kind,amount,promise_date\n"
    "AX1,STRANGER,BX2,2026-06-01,E0040,promise,100.00,2026-06-10\n"
    "AX2,STRANGER,BX2,2026-06-02,E0040,notice,,\n",
}


@pytest.fixture(scope="module")
def settings(new_warehouse: WarehouseFactory, rich: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A release of all extracts, with a stranger among the debtors."""
    settings = new_warehouse(rich)
    folder = tmp_path_factory.mktemp("stranger")
    for extract, text in STRANGER.items():
        deliver(folder / f"{extract}.csv", settings, text)
    pipeline.build_ratings("stranger", RICH_DAY, settings)
    return settings


def rows_without_target(schema: str, tables: Iterable[Table], settings: Settings) -> dict[str, int]:
    """By foreign key the rows whose target is not there, where there are any."""
    found = {}
    for table in tables:
        for key in table.foreign_keys:
            query = sql.SQL(
                "select count(*) from {table} as child where row({columns}) is not null "
                "and not exists (select from {target} as parent where row({to}) = row({columns}))"
            ).format(
                table=sql.Identifier(schema, table.name),
                target=sql.Identifier(schema, key.table),
                columns=sql.SQL(", ").join(sql.Identifier("child", name) for name in key.columns),
                to=sql.SQL(", ").join(sql.Identifier("parent", name) for name in key.to_columns),
            )
            found[f"{table.name} {key}"] = number(settings, query)
    assert len(found) > 20
    return {key: missing for key, missing in found.items() if missing}


def test_foreign_keys_hold(settings: Settings) -> None:
    """Joining loses no row, not even one of a debtor whom no customer file names."""
    assert number(settings, "select count(*) from published.work_list where customer_id = 'STRANGER'") == 1
    published = published_tables(settings)
    assert rows_without_target("published", published, settings) == {}
    assert rows_without_target("star", star_tables(published), settings) == {}


def test_candidate_tables_hold_no_foreign_key(settings: Settings) -> None:
    """Declared, not held: each candidate table is emptied and made again by itself."""
    assert (
        number(
            settings,
            "select count(*) from pg_constraint where contype = 'f' and connamespace = 'candidate'::regnamespace",
        )
        == 0
    )
    assert (
        number(
            settings,
            "select count(*) from pg_attribute where attrelid = 'candidate.customer_rating'::regclass and attname = "
            "'grade' and attnotnull",
        )
        == 1
    )


def test_keys_of_the_star_are_keys(settings: Settings) -> None:
    for table in star_tables(published_tables(settings)):
        key = sql.SQL(", ").join(map(sql.Identifier, table.key))
        query = sql.SQL("select count(*) - count(distinct ({key})) from {table}").format(
            key=key, table=sql.Identifier("star", table.name)
        )
        assert number(settings, query) == 0, table.name


def test_every_column_says_what_it_is(settings: Settings) -> None:
    """In Postgres, of all that BI tools and departments read; those of `star` are those that star.yml describes."""
    silent = rows(
        settings,
        "select nspname, relname, attname from pg_class join pg_namespace on pg_namespace.oid = relnamespace "
        "join pg_attribute on attrelid = pg_class.oid where relkind in ('r', 'v') and attnum > 0 and not attisdropped "
        "and (nspname in ('published', 'star') or nspname like 'dept%%') "
        "and (coalesce(col_description(attrelid, attnum), '') = '' or coalesce(obj_description(pg_class.oid), '') = "
        "'')",
    )
    assert silent == []
    described = {
        table.name: [column.name for column in table.columns] for table in star_tables(published_tables(settings))
    }
    there = rows(
        settings,
        "select table_name, array_agg(column_name::text order by ordinal_position) from information_schema.columns "
        "where table_schema = 'star' group by 1",
    )
    assert dict(there) == described


def test_joins_are_in_the_comments(settings: Settings) -> None:
    ((table, column),) = rows(
        settings,
        "select obj_description('published.warning_evidence'::regclass), "
        "col_description('star.fact_late_bill'::regclass, 2)",
    )
    assert table.endswith("foreign key (customer_id, rule) references customer_warning (customer_id, rule)")
    assert column == "the supplier's customer number; joins dim_customer"


def test_a_changed_text_reaches_readers_without_a_build(settings: Settings, tmp_path: Path) -> None:
    """Comments were copied from tables that an incremental build does not make again, and only when a view was made."""
    models = tmp_path / "dbt_project" / "models" / "candidate"
    models.mkdir(parents=True)
    text = (settings.dbt_dir / "models" / "candidate" / "candidate.yml").read_text()
    (models / "candidate.yml").write_text(text.replace("points out of 100, read against", "POINTS, read against"))
    (tmp_path / "dbt_project" / "dbt_project.yml").write_text((settings.dbt_dir / "dbt_project.yml").read_text())
    changed = settings.model_copy(update={"project_dir": tmp_path})
    with connect_as_owner(settings) as connection:
        apply_comments(connection, changed)
    for relation in ("customer_rating", "customer_rating_history"):
        ((texts,),) = rows(
            settings,
            f"select array_agg(col_description('published.{relation}'::regclass, attnum)) from pg_attribute "
            f"where attrelid = 'published.{relation}'::regclass and attnum > 0",
        )
        assert any(text and text.startswith("POINTS") for text in texts)
