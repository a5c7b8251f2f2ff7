"""Lineage: columns, events, rows traced up and down, the audit folder, and changes by hand that are found."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import attr
import jsonschema
import psycopg
import pytest
from gridcredit.contract.extracts import EXTRACTS
from gridcredit.errors import GridCreditError, PolicyError
from gridcredit.lineage.decisions import record_decision
from gridcredit.lineage.drawing import as_html
from gridcredit.lineage.facets import SCHEMA as OWN_FACETS
from gridcredit.lineage.seal import lineage_hash
from gridcredit.lineage.touched import touched_by_bill, touched_by_file
from gridcredit.lineage.trace import trace_row
from gridcredit.lineage.transport import events_folder
from gridcredit.operations import pipeline
from gridcredit.policies import load_policies
from gridcredit.policies.adoption import unload
from gridcredit.policies.store import restore_policy
from gridcredit.releases.audit import Sample, write_audit
from gridcredit.releases.release import verify_release
from gridcredit.reporting.site.pages import write_site
from gridcredit.settings import PROJECT_DIR, Settings
from gridcredit.warehouse.comments import OF_RELEASE
from gridcredit.warehouse.connection import connect, connect_as_owner, warehouse_url
from gridcredit.warehouse.published_tables import TABLES
from openlineage.client import facet_v2

from tests.support import shipped
from tests.support.prepared import Prepared
from tests.support.suppliers import deliver
from tests.support.waiting import rows
from tests.support.warehouses import WarehouseFactory

CUSTOMER = "C00000003"
LATE_PAYMENT = "payment_id,customer_id,bill_id,paid_on,amount\nP-late,C00000003,,2026-06-10,77.70\n"


@dataclass(frozen=True)
class Released:
    """A warehouse with two releases, and the files that came in."""

    settings: Settings
    files: Path


@pytest.fixture(scope="module")
def released(
    new_warehouse: WarehouseFactory, rich: Prepared, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Released]:
    """Two releases of simulated customers: the second knows of a late payment."""
    settings = new_warehouse(rich)
    settings.gate_pages = True
    folder = tmp_path_factory.mktemp("files") / "all"
    shutil.copytree(rich.files, folder)
    deliver(folder / "payment_late.csv", settings, LATE_PAYMENT)
    assert pipeline.build_ratings("second", settings=settings).number == 2
    yield Released(settings, folder)


# Columns


def test_every_published_column_is_described_and_rests_on_others(released: Released) -> None:
    published = {
        (table, column)
        for table, column in rows(
            released.settings,
            "select table_name, column_name from information_schema.columns where table_schema = 'published'",
        )
        if table in TABLES
    }
    described = rows(
        released.settings,
        "select relname, attname from pg_attribute join pg_class on pg_class.oid = attrelid "
        "where relnamespace = 'published'::regnamespace and attnum > 0 and col_description(attrelid, attnum) <> ''",
    )
    assert published - set(described) == set()
    traced = rows(
        released.settings,
        "select distinct table_name, column_name from lineage.columns where schema_name = 'candidate'",
    )
    # What the views say of the release in force rests on no column.
    assert {one for one in published - set(traced) if one[1] not in OF_RELEASE} == set()


def test_columns_rest_on_what_the_models_say(released: Released) -> None:
    """Of some columns it can be read in the models' SQL where they come from."""
    found: dict[tuple[str, str, str], set[tuple[str, str, str]]] = defaultdict(set)
    for *column, schema, table, name in rows(
        released.settings,
        "select schema_name, table_name, column_name, upstream_schema, upstream_table, upstream_column "
        "from lineage.columns join lineage.runs using (fingerprint) where run_id = 'first' and is_direct",
    ):
        found[tuple(column)].add((schema, table, name))
    assert found["staging", "stg_bill", "due_on"] == {("raw", "bill", "due_on")}
    assert ("credit", "score", "score") in found["credit", "rating", "score"]
    assert {table for _, table, _ in found["receivables", "receivable_ageing", "open_amount"]} >= {"open_bill"}


# Events


def test_each_event_is_one_that_the_client_knows(released: Released) -> None:
    """Every event and facet, read back from the file, is built again by the classes that OpenLineage generates from
    its schema.
    """
    known = facet_classes()
    events = [
        json.loads(line)
        for path in sorted(events_folder(released.settings).glob("events_????-??.ndjson"))
        for line in path.read_text().splitlines()
    ]
    assert len(events) == rows(released.settings, "select count(*) from lineage.events")[0][0]
    for event in events:
        assert event["schemaURL"] == "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
        UUID(event["run"]["runId"])
        datasets = [*event["inputs"], *event["outputs"]]
        kinds = ("facets", "inputFacets", "outputFacets")
        held = [event["run"]["facets"], event["job"]["facets"]]
        held += [dataset[kind] for dataset in datasets for kind in kinds if kind in dataset]
        for facet in (facet for facets in held for facet in facets.values()):
            if facet["_schemaURL"].startswith(OWN_FACETS):
                continue
            fields = attr.fields(known[facet["_schemaURL"]])
            required = {field.name for field in fields if field.default is attr.NOTHING}
            assert required <= set(facet) <= {field.name for field in fields} | {"_schemaURL", "_producer", "_deleted"}
    states = Counter((event["job"]["name"], event["eventType"]) for event in events)
    models = {
        f"dbt.{schema}.{name}"
        for schema, name in rows(released.settings, "select distinct schema_name, table_name from lineage.columns")
    }
    for job in models:
        assert states[job, "START"] == states[job, "COMPLETE"] == 2, job
    assert {job for job, _ in states if job.startswith("gate_raw.")} == {
        *(f"gate_raw.{name}" for name in EXTRACTS),
        "gate_raw.delivery",
    }
    assert sum(job.startswith("gate_candidate.") for job, state in states if state == "COMPLETE") == len(
        list((released.settings.expectations_dir / "suites" / "candidate").glob("*.json"))
    )


def facet_classes() -> dict[str, Any]:
    """By the address of its schema each class of the client's that is a facet."""
    classes = [known for module in vars(facet_v2).values() for known in getattr(module, "__dict__", {}).values()]
    return {
        known._get_schema(): known
        for known in classes
        if isinstance(known, type) and issubclass(known, facet_v2.BaseFacet) and hasattr(known, "_get_schema")
    }


def test_events_state_schema_columns_checks_code_and_run(released: Released) -> None:
    def last(job: str) -> dict[str, Any]:
        ((event,),) = rows(
            released.settings,
            "select event from lineage.events where job_name = %s and event_type = 'COMPLETE' order by event_id desc "
            "limit 1",
            job,
        )
        return dict(event)

    event = last("dbt.staging.stg_bill")
    (output,) = event["outputs"]
    types = {field["name"]: field["type"] for field in output["facets"]["schema"]["fields"]}
    assert (types["due_on"], types["amount"]) == ("date", "numeric(18,2)")
    (source,) = output["facets"]["columnLineage"]["fields"]["due_on"]["inputFields"]
    # By OpenLineage's naming rules: postgres://host:port, and database.schema.table.
    url = urlsplit(warehouse_url(released.settings))
    database = url.path.lstrip("/")
    assert source["namespace"] == output["namespace"] == f"postgres://{url.hostname}:{url.port}"
    assert (source["name"], source["field"]) == (f"{database}.raw.bill", "due_on")
    assert "newest_delivery" in event["job"]["facets"]["sourceCode"]["sourceCode"]
    assert {"key": "build", "value": "second", "source": "GRIDCREDIT"} in event["run"]["facets"]["tags"]["tags"]
    (checked,) = last("gate_candidate.customer_rating")["inputs"]
    assertions = checked["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert all(one["success"] for one in assertions)
    assert ("expect_column_values_to_be_between", "score") in {
        (one["assertion"], one.get("column")) for one in assertions
    }


def test_an_event_of_a_load_says_file_and_lines(new_warehouse: WarehouseFactory, tmp_path: Path) -> None:
    """A facet of our own, by its published schema: forty lines, of which the second has no amount."""
    settings = new_warehouse()
    text = "payment_id,customer_id,bill_id,paid_on,amount\n"
    text += "".join(f"P{one},C1,,2026-06-10,{'x' if one == 2 else one}\n" for one in range(1, 41))
    loaded = deliver(tmp_path / "payment.csv", settings, text)
    ((event,),) = rows(settings, "select event from lineage.events where event_type = 'COMPLETE'")
    (output,) = event["outputs"]
    facet = output["facets"]["gridcredit_fileLines"]
    schema = json.loads((PROJECT_DIR / "docs" / "reference" / "lineage_facets.json").read_text())
    assert facet["_schemaURL"].split("#") == [schema["$id"], "/$defs/FileLinesDatasetFacet"]
    jsonschema.validate(facet, schema["$defs"]["FileLinesDatasetFacet"])
    assert (facet["fileId"], facet["fileName"]) == (loaded.file_id, "payment.csv")
    assert [facet[f"lines{what}"] for what in ("Read", "Used", "Quarantined")] == [40, 39, 1]
    # The columns that it names hold them.
    of_rows = rows(settings, f"select {facet['fileColumn']}, {facet['lineColumn']} from raw.payment order by 2")
    assert of_rows == [(loaded.file_id, line) for line in range(2, 42) if line != 3]


def test_events_lead_from_a_file_to_what_is_published(released: Released) -> None:
    """From the late payment's file, dataset by dataset, to the published ratings, by the events alone."""
    database = urlsplit(warehouse_url(released.settings)).path.lstrip("/")
    reads: dict[str, set[str]] = defaultdict(set)
    versions = {}
    for (event,) in rows(released.settings, "select event from lineage.events where event_type = 'COMPLETE'"):
        for read in event["inputs"]:
            versions[read["name"]] = read["facets"].get("version", {}).get("datasetVersion")
            reads[read["name"]] |= {written["name"] for written in event["outputs"]}
        for written in event["outputs"]:
            if written["name"] == f"{database}.published.customer_rating":
                assert written["facets"]["version"]["datasetVersion"] in ("1", "2")
                assert "candidate.customer_rating" in json.dumps(written["facets"]["columnLineage"]["fields"]["score"])
    late = released.files / "payment_late.csv"
    assert versions[str(late)] == hashlib.sha256(late.read_bytes()).hexdigest()
    assert reads[str(late)] == {f"{database}.raw.payment"}
    reached, ahead = set(), [str(late)]
    while ahead:
        if (name := ahead.pop()) not in reached:
            reached.add(name)
            ahead += reads[name]
    assert {f"{database}.published.{table}" for table in TABLES} & reached >= {
        f"{database}.published.customer_rating",
        f"{database}.published.customer_warning",
        f"{database}.published.receivable_by_month",
    }


# Rows, up


def test_a_row_of_every_table_leads_to_files(released: Released) -> None:
    for table, published in TABLES.items():
        keys = rows(released.settings, f"select {', '.join(published.key)} from published.{table} order by 1 limit 1")
        for key in keys:
            trace = trace_row(table, dict(zip(published.key, map(str, key), strict=True)), settings=released.settings)
            for kind in ("release", "run", "gate", "model", "file"):
                assert trace.of_kind(kind), (table, kind)


def test_records_are_the_lines_of_the_files(released: Released) -> None:
    trace = trace_row("customer_rating", {"customer_id": CUSTOMER}, settings=released.settings)
    lines = {path.name: path.read_text().splitlines() for path in released.files.glob("*.csv")}
    found: Counter[str] = Counter()
    for node in trace.of_kind("record"):
        extract, key = node.name.split(" ", 1)
        file_name, line_no = str(node.facts["at"]).rsplit(":", 1)
        header = next(csv.reader([lines[file_name][0]]))
        line = next(csv.reader([lines[file_name][int(line_no) - 1]]))
        delivered = dict(zip(header, line, strict=True))
        assert line[0] == key.split(" ")[0]
        assert delivered.get("customer_id", CUSTOMER) == CUSTOMER
        if extract in ("bill", "payment"):
            assert Decimal(delivered["amount"]) == node.facts["amount"]
        found[extract] += 1
    # All that the files said of the customer when the row was made, and nothing else.
    for extract in ("bill", "payment"):
        expected = {line.split(",")[0].strip('"') for line in lines[f"{extract}.csv"][1:] if CUSTOMER in line}
        assert found[extract] == len(expected)


def test_a_row_that_a_late_file_changed_leads_to_it(released: Released) -> None:
    key = TABLES["receivable_by_month"].key
    changed = rows(
        released.settings,
        f"select {', '.join(key)} from published.receivable_by_month_history where valid_from_release = 2 limit 1",
    )[0]
    named = dict(zip(key, map(str, changed), strict=True))
    files = {
        number: {
            node.facts["name"]
            for node in trace_row("receivable_by_month", named, number, released.settings).of_kind("file")
        }
        for number in (1, 2)
    }
    assert files[2] - files[1] == {"payment_late.csv"}


def test_what_a_lateral_subquery_reads_is_known(released: Released) -> None:
    direct = rows(
        released.settings,
        "select distinct upstream_table, upstream_column from lineage.columns "
        "where table_name = 'payment_behaviour' and column_name = 'open_amount' and is_direct",
    )
    assert set(direct) == {("bill_balance", "open_amount")}


def test_a_trace_is_shown_as_json_and_drawn(released: Released) -> None:
    trace = trace_row("customer_warning", _first_key(released, "customer_warning"), settings=released.settings)
    shown = json.loads(trace.as_json())
    names = {node["id"] for node in shown["nodes"]}
    assert {edge[end] for edge in shown["edges"] for end in ("from", "to")} <= names
    # The clause that the warning rests on, and its condition.
    assert any(node["name"].startswith("warning_rules") for node in shown["nodes"])
    assert any(node["name"].startswith("warning_conditions") for node in shown["nodes"])
    page = as_html(trace)
    assert "http" not in page.split("<body>")[1].split("vega-lite", 1)[0]
    assert "raw.customer" in page


def test_the_site_shows_every_published_column(released: Released) -> None:
    index = write_site(released.settings)
    reference = index.parent / "reference"
    dictionary = (reference / "warehouse" / "dictionary.html").read_text(encoding="utf-8")
    cells = {
        name: re.findall(r"<td>(.*?)</td>", row, re.DOTALL)
        for name, row in re.findall(r'<tr id="([\w.]+)">(.*?)</tr>', dictionary, re.DOTALL)
    }
    known = {
        f"{table}.{column}"
        for table, column in rows(
            released.settings,
            "select replace(table_name, '_history', ''), column_name from information_schema.columns "
            "where table_schema = 'published' and table_name = any(%s) "
            "and column_name not in ('valid_from_release', 'valid_to_release')",
            [f"{table}_history" for table in TABLES],
        )
    }
    assert set(cells) == known
    assert all(meaning and made_from for _, _, meaning, made_from, _ in cells.values())
    # A debt's age rests on bills and on what was paid for them.
    assert {"<code>bill</code>", "<code>payment</code>"} <= set(cells["receivable_by_age.open_amount"][4].split())
    # Each model is drawn, and every link leads to a page that is there.
    models = rows(released.settings, "select distinct split_part(unique_id, '.', 3) from lineage.columns")
    picture = (reference / "warehouse" / "lineage_all.html").read_text("utf-8")
    assert all(f'"{model}"' in picture for (model,) in models)
    _check_neighbourhoods((reference / "warehouse" / "lineage.html").read_text("utf-8"), released)
    linked = set(re.findall(r'href="(warehouse/[^"#]+)"', (reference / "warehouse.html").read_text("utf-8")))
    assert {
        f"warehouse/{name}"
        for name in ("dictionary.html", "lineage.html", "lineage_all.html", "dbt.html", "gates/index.html")
    } <= linked
    assert all((reference / target).exists() for target in linked)
    # The gates' pages fetch nothing either, and the dictionary can be searched.
    gates = (reference / "warehouse" / "gates" / "index.html").read_text("utf-8")
    assert not re.search(r'<(?:script|img)[^>]*src="https?://|<link[^>]*href="https?://', gates)
    assert "published.customer_rating" in (index.parent / "search" / "search_index.json").read_text("utf-8")


def _check_neighbourhoods(page: str, released: Released) -> None:
    """Each table stands between those it is made from and those made of it; links lead on, columns too."""
    identities = re.findall(r'\bid="([^"]+)"', page)
    assert len(identities) == len(set(identities))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(identities)
    assert not re.search(r"<link|<script[^>]|src=", page)
    edges = rows(
        released.settings,
        "select distinct schema_name || '.' || table_name, upstream_schema || '.' || upstream_table from "
        "lineage.columns where (schema_name, table_name) <> (upstream_schema, upstream_table)",
    )
    assert len(edges) > 200
    sections = {
        found.group(1): found.group(2).split('<div class="three">')[1]
        for found in re.finditer(
            r'<div class="page" id="([\w.]+)" data-name(.*?)(?=<div class="page"|<script>)', page, re.DOTALL
        )
    }
    for table, upstream in edges:
        above, _, below = sections[table].partition('class="box this"')
        assert f'href="#{upstream}"' in above, (table, upstream)
        assert f'href="#{table}"' in sections[upstream].partition('class="box this"')[2], (table, upstream)
        assert below
    # From a delivered column down to a published one, step by step.
    steps = ("raw.bill.amount", "staging.stg_bill.amount")
    row = page.split(f'<tr id="{steps[0]}">')[1].split("</tr>")[0]
    assert f'href="#{steps[1]}"' in row
    assert f'href="#{steps[0]}"' in page.split(f'<tr id="{steps[1]}">')[1].split("</tr>")[0]


def _first_key(released: Released, table: str) -> dict[str, str]:
    key = TABLES[table].key
    (found,) = rows(released.settings, f"select {', '.join(key)} from published.{table} order by 1, 2 limit 1")
    return dict(zip(key, map(str, found), strict=True))


def test_a_wrong_question_is_answered(released: Released) -> None:
    for table, key, text in (
        ("nothing", {"x": "1"}, "there is no published table 'nothing'"),
        ("customer_rating", {"bill_id": "B"}, "the key of customer_rating is customer_id"),
        ("customer_rating", {"customer_id": "nobody"}, "shows no row"),
    ):
        with pytest.raises(GridCreditError, match=text):
            trace_row(table, key, settings=released.settings)
    with pytest.raises(GridCreditError, match="there is no file 999"):
        touched_by_file(999, settings=released.settings)
    with pytest.raises(GridCreditError, match="no bill 'none' has been loaded, and none lies in quarantine"):
        touched_by_bill("none", released.settings)


# Rows, down


def test_a_file_leads_to_the_rows_it_changed(released: Released) -> None:
    """What the second release changed of a customer's rows is what the late payment touched."""
    ((file_id,),) = rows(released.settings, "select file_id from lineage.files where file_name = 'payment_late.csv'")
    trace = touched_by_file(file_id, settings=released.settings)
    touched = {node.name.split(" ")[0]: node.facts["rows"] for node in trace.of_kind("row") if node.facts}
    for table in TABLES:
        ((opened,),) = rows(
            released.settings, f"select count(*) from published.{table}_history where valid_from_release = 2"
        )
        assert touched.get(table, 0) == opened, table
    assert touched
    by_line = touched_by_file(file_id, 2, released.settings)
    assert by_line.of_kind("record")[0].facts == {"payment_id": "P-late"}
    assert {node.name.split(" ")[0] for node in by_line.of_kind("row")} == set(touched)


def test_a_bill_leads_to_its_customers_rows(released: Released) -> None:
    late = "select bill_id, issued_on from raw.bill where bill_id in (select bill_id from published.late_charge)"
    bill, issued_on = rows(released.settings, f"{late} order by issued_on desc, bill_id limit 1")[0]
    trace = touched_by_bill(bill, released.settings)
    days = [date.fromisoformat(day) for day in re.findall(r"as_of_date=(\S+)", trace.as_text())]
    # Of earlier days, of which there are more, none rests on it.
    assert days
    assert min(days) >= issued_on
    ratings = rows(released.settings, "select min(as_of_date) from published.rating_month_end")
    assert ratings[0][0] < issued_on
    assert f"late_charge bill_id={bill}" in trace.as_text()
    assert "bill.csv" in trace.as_text()


# The audit folder


def test_an_outsider_can_check_a_release(released: Released, tmp_path: Path) -> None:
    """With the folder alone: hashes of files and rows, the chain, and the ratings of the sample."""
    folder = write_audit(2, tmp_path / "audit", released.settings)

    def table(name: str) -> list[dict[str, str]]:
        with (folder / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    listed = {line[66:]: line[:64] for line in (folder / "MANIFEST").read_text().splitlines()}
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert set(listed) == present - {"MANIFEST"}
    for name, digest in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    for row in table("inputs.csv"):
        assert hashlib.sha256((released.files / row["file_name"]).read_bytes()).hexdigest() == row["sha256"]
        kinds = ("rows_accepted", "rows_quarantined", "rows_filtered", "rows_repeated")
        assert int(row["rows_read"]) == sum(int(row[kind]) for kind in kinds)

    contents = []
    for row in table("tables.csv"):
        with gzip.open(folder / "tables" / f"{row['table_name']}.csv.gz", "rt", newline="") as file:
            exported = list(csv.DictReader(file))
        hashes = []
        for one in exported:
            number = int(hashlib.md5(one["row_text"].rstrip(",)").encode()).hexdigest()[:16], 16)
            hashes.append(number - (1 << 64) if number >= 1 << 63 else number)
        assert hashes == [int(one["row_hash"]) for one in exported]
        assert (len(exported), sum(hashes)) == (int(row["rows"]), int(row["row_hash_sum"]))
        contents.append(f"{row['table_name']} {row['rows']} {row['row_hash_sum']}")
    before, last = table("chain.csv")
    lines = [before["chain_hash"], last["release"], last["run_id"], last["as_of_date"], *contents, last["lineage_hash"]]
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == last["chain_hash"]

    source = {row["unique_id"]: row["checksum"] for row in table("models.csv")}["model.gridcredit.customer_rating"]
    code = (folder / "models" / "candidate.customer_rating.source.sql").read_text()
    assert hashlib.sha256(code.strip().encode()).hexdigest() == source
    assert "select" in (folder / "models" / "candidate.customer_rating.run.sql").read_text()

    ratings = table("sample/ratings.csv")
    assert len(ratings) == 20
    for rating in ratings:
        policy = Path("policy") / rating["policy_version"]
        indicators = [
            row
            for row in table("sample/indicators.csv")
            if row["customer_id"] == rating["customer_id"] and row["is_available"] == "True"
        ]
        bins = {(row["indicator"], row["lower_bound"], row["upper_bound"]): row for row in table(f"{policy}/bins.csv")}
        for row in indicators:
            value = Decimal(row["indicator_value"])
            assert row["lower_bound"] == "" or Decimal(row["lower_bound"]) <= value
            assert row["upper_bound"] == "" or value < Decimal(row["upper_bound"])
            signed = bins[row["indicator"], row["lower_bound"], row["upper_bound"]]
            assert (Decimal(signed["points"]), signed["reason_code"]) == (Decimal(row["points"]), row["reason_code"])
        points, weights = (sum((Decimal(row[name]) for row in indicators), Decimal(0)) for name in ("points", "weight"))
        assert weights == Decimal(rating["weight_available"])
        score = (100 * points / weights).quantize(Decimal("0.01"), ROUND_HALF_UP)
        assert score == Decimal(rating["score"])
        by_score = next(
            row["grade"]
            for row in sorted(table(f"{policy}/grades.csv"), key=lambda row: int(row["grade_rank"]))
            if score >= Decimal(row["min_score"])
        )
        # Of new customers the policy decides the grade.
        assert rating["grade_by_score"] in (by_score, "NR")

    signed_hash = hashlib.sha256()
    version = folder / "policy" / ratings[0]["policy_version"]
    signed_hash.update((version / "policy.yml").read_bytes())
    names = (folder / "README.md").read_text().split("bytes of its CSV:\n")[1].split(".\n")[0].split(", ")
    # A policy may leave some tables out.
    for name in (name for name in names if (version / f"{name}.csv").exists()):
        signed_hash.update(name.encode() + b"\0" + (version / f"{name}.csv").read_bytes())
    assert rows(
        released.settings, "select sha256 from policy.policies where policy_version = %s", ratings[0]["policy_version"]
    ) == [(signed_hash.hexdigest(),)]

    with pytest.raises(GridCreditError, match="is not empty"):
        write_audit(2, folder, released.settings)
    again = write_audit(2, tmp_path / "again", released.settings)
    assert (again / "MANIFEST").read_bytes() == (folder / "MANIFEST").read_bytes()
    shutil.rmtree(again)


def checked(folder: Path, *arguments: str, script: str = "check.py") -> tuple[int, str]:
    """What one of the folder's own scripts says, run by a Python with nothing installed."""
    python = Path(sys.base_prefix) / "bin" / "python3"
    done = subprocess.run(
        [str(python), "-I", "-S", str(folder / script), *arguments], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_the_script_of_the_folder_checks_it(released: Released, tmp_path: Path) -> None:
    everybody = Sample(size=1000)
    folder = write_audit(2, tmp_path / "audit", released.settings, everybody)
    ((customers,),) = rows(released.settings, "select count(*) from published.customer_rating")
    assert checked(folder) == (0, f"{customers} customers of the sample; all is as published\n")
    sums = subprocess.run(["sha256sum", "--check", "--quiet", "MANIFEST"], cwd=folder, check=False)
    assert sums.returncode == 0
    (first, _) = rows(released.settings, "select chain_hash from lineage.releases order by release")
    assert checked(folder, *first)[0] == 0
    assert checked(folder, "0" * 64)[0] == 1
    # Of everything that can be changed it finds the change, also where the manifest was written again.
    for name, before, after in (
        ("sample/ratings.csv", ",A,", ",AAA,"),
        ("sample/limits.csv", ".00,default", ".01,default"),
        ("sample/indicators.csv", ",True,", ",False,"),
        ("lineage.txt", "run second", "run secund"),
        ("policy/default-1.0/grades.csv", "AAA,1,90", "AAA,1,80"),
        ("inputs.csv", "payment_late.csv", "payment_lost.csv"),
        ("gates.csv", ",True,", ",False,"),
        ("models/candidate.customer_rating.source.sql", "select", "select distinct"),
        ("chain.csv", "second", "secund"),
    ):
        path = folder / name
        text = path.read_text()
        assert before in text, name
        path.write_text(text.replace(before, after))
        code, said = checked(folder)
        assert code == 1, name
        assert said.count("\n") >= 3 or name.startswith("sample/limits"), (name, said)
        # Also of what nothing but the record covers.
        assert [line for line in said.splitlines()[:-1] if ": was changed" not in line], (name, said)
        path.write_text(text)
    assert checked(folder)[0] == 0


def test_indicators_are_computed_again_from_the_records(released: Released, tmp_path: Path) -> None:
    """By a script that knows nothing of the models: of every customer whose account has bills and payments alone."""
    folder = write_audit(2, tmp_path / "audit", released.settings, Sample(size=1000))
    code, said = checked(folder, script="check_indicators.py")
    computed = re.fullmatch(r"(\d+) indicators of (\d+) customers computed again, of (\d+) in the sample; (.*)\n", said)
    assert computed is not None, said
    assert (code, computed[4]) == (0, "all are as published")
    indicators, customers, of = map(int, computed.groups()[:3])
    assert customers > of / 4
    assert indicators > 10 * customers
    for name, before, after in (
        ("sample/indicators.csv", r"(recent_days_late,)(\d+)(\.\d+,True)", r"\g<1>9\2\3"),
        ("sample/indicators.csv", r"(bill_spread_12m,)(\d+)(\.\d+,True)", r"\g<1>9\2\3"),
        ("sample/bill.csv", r",(\d{4})-(\d\d)-(\d\d),", r",\1-\2-01,"),
        ("sample/payment.csv", r",(\d+)\.(\d\d),", r",1\1.\2,"),
    ):
        path = folder / name
        text = path.read_text()
        path.write_text(re.sub(before, after, text))
        assert path.read_text() != text
        code, said = checked(folder, script="check_indicators.py")
        assert code == 1, name
        assert said.count("\n") > 10
        path.write_text(text)


def test_the_sample_has_every_kind_of_rating_and_is_the_auditors(released: Released, tmp_path: Path) -> None:
    def sampled(name: str, sample: Sample) -> list[str]:
        with (write_audit(2, tmp_path / name, released.settings, sample) / "sample" / "ratings.csv").open() as file:
            return [row["customer_id"] for row in csv.DictReader(file)]

    kinds = rows(
        released.settings,
        "select array_agg(customer_id) from published.customer_rating group by grade, veto, override_id is null",
    )
    assert len(kinds) > 5
    one = sampled("one", Sample(size=len(kinds), seed="one"))
    assert all(set(of_kind) & set(one) for (of_kind,) in kinds)
    assert sampled("same", Sample(size=len(kinds), seed="one")) == one
    assert sampled("two", Sample(size=len(kinds), seed="two")) != one
    assert sampled("named", Sample((CUSTOMER,))) == [CUSTOMER]
    with (tmp_path / "named" / "sample" / "payment.csv").open() as file:
        assert "payment_late.csv" in {row["file_name"] for row in csv.DictReader(file)}
    with pytest.raises(GridCreditError, match="release 2 does not rate nobody"):
        sampled("nobody", Sample(("nobody",)))


def test_the_chain_is_checked_against_a_hash_stored_elsewhere(released: Released) -> None:
    for (anchor,) in rows(released.settings, "select chain_hash from lineage.releases"):
        assert verify_release(2, released.settings, anchor=anchor) == []
    (fault,) = verify_release(2, released.settings, anchor="0" * 64)
    assert "the chain was written again" in fault.what


# Changes by hand


def test_what_is_recorded_of_a_release_is_closed(released: Released) -> None:
    for statement in (
        "update lineage.gate_results set success = true where run_id = 'first'",
        "delete from lineage.run_files where run_id = 'first'",
        "insert into lineage.model_results (run_id, unique_id, resource_type, status, seconds) values ('first', 'x', "
        "'model', 'ok', 1)",
        "update lineage.runs set code_version = 'other' where run_id = 'first'",
        "update lineage.files set sha256 = 'other'",
        "update lineage.loads set rows_quarantined = 0",
        "delete from lineage.events",
        "update policy.grades set min_score = 1",
        "delete from policy.files",
    ):
        with pytest.raises(Exception, match=r"append-only|is closed"), connect(released.settings) as connection:
            connection.execute(statement)
    # Nor does running it again change anything.
    before = rows(released.settings, "select max(recorded_at), count(*) from lineage.gate_results")
    pipeline.build_ratings("first", settings=released.settings)
    assert rows(released.settings, "select max(recorded_at), count(*) from lineage.gate_results") == before


CHANGES = (
    "update lineage.gate_results set success = not success where run_id = 'second' and gate = 'raw'",
    "update lineage.model_results set checksum = 'other' where run_id = 'second'",
    "update lineage.files set sha256 = 'other' where file_name = 'payment_late.csv'",
    "update lineage.loads set rows_quarantined = 1, rows_read = rows_read + 1",
    "delete from lineage.run_files where run_id = 'second'",
    "update lineage.runs set code_version = 'other' where run_id = 'second'",
    "update policy.policies set approver = 'Somebody else'",
)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_by_hand_changes_the_hash(released: Released, change: str) -> None:
    """An owner can take the triggers away; the hash still shows it."""
    with connect_as_owner(released.settings) as connection:
        before = lineage_hash(connection, "second")
        for table in ("gate_results", "model_results", "files", "loads", "run_files", "runs"):
            connection.execute(f"alter table lineage.{table} disable trigger user")
        connection.execute("alter table policy.policies disable trigger user")
        connection.execute(change)
        assert lineage_hash(connection, "second") != before
        connection.rollback()


def test_verify_names_the_release_whose_record_was_changed(released: Released) -> None:
    assert verify_release(2, released.settings) == []
    with connect_as_owner(released.settings) as connection:
        connection.execute("alter table lineage.gate_results disable trigger user")
        connection.execute("update lineage.gate_results set detail = 'all is well' where run_id = 'first'")
    (fault,) = verify_release(2, released.settings)
    assert (fault.release, fault.what) == (1, "what lineage states of its run is not what was recorded")


def change_policy(settings: Settings, *statements: str) -> None:
    """As the owner of the tables can, who takes their triggers away."""
    with connect_as_owner(settings) as connection:
        for table in ("policies", "grades", "reasons", "files"):
            connection.execute(f"alter table policy.{table} disable trigger user")
        for statement in statements:
            connection.execute(statement)


LOWER = "update policy.grades set min_score = min_score - 1 where grade = 'AAA' and policy_version = 'default-1.0'"


def test_a_policy_whose_rows_were_changed_is_found(new_warehouse: WarehouseFactory, small: Prepared) -> None:
    """By the next build, which does not begin, and by verify, whoever took the trigger away."""
    settings = new_warehouse(small)
    change_policy(settings, LOWER)
    with pytest.raises(
        PolicyError, match=r"policy.grades: .* what .*default/1.0 says .*`gridcredit policy restore default-1.0 "
    ):
        pipeline.build_ratings("after the change", settings=settings, full_refresh=True)
    assert [fault.what for fault in verify_release(1, settings)] == [
        "policy.grades of default-1.0 is not what was loaded"
    ]
    with pytest.raises(GridCreditError, match="needs the name of who decides"):
        restore_policy("default-1.0", "", "found by the build", settings)
    assert restore_policy("default-1.0", "A. Chief", "found by the build", settings) == ["grades"]
    assert rows(settings, "select decision, subject from lineage.decisions") == [("restore a policy", "default-1.0")]
    assert verify_release(1, settings) == []
    with pytest.raises(GridCreditError, match="holds what was loaded of version 'default-1.0'"):
        restore_policy("default-1.0", "A. Chief", "once more", settings)

    change_policy(settings, "insert into policy.reasons values ('default-1.0', 'XX', 'x', 'x')")
    assert [fault.what for fault in verify_release(1, settings)] == [
        "policy.reasons of default-1.0 is not what was loaded"
    ]
    assert restore_policy("default-1.0", "A. Chief", "found by verify", settings) == ["reasons"]
    # The files that verify compares with are evidence too.
    change_policy(settings, LOWER, "delete from policy.files where policy_version = 'default-1.0'")
    assert [fault.what for fault in verify_release(1, settings)] == [
        "policy.files of default-1.0 is not what was loaded"
    ]
    assert restore_policy("default-1.0", "A. Chief", "found by verify", settings) == ["grades", "files"]
    assert verify_release(1, settings) == []
    with pytest.raises(GridCreditError, match="'default-9.9' was never loaded"):
        restore_policy("default-9.9", "A. Chief", "smuggled", settings)
    # So is that there is such a version at all.
    with connect(settings) as connection:
        with (
            pytest.raises(psycopg.errors.RaiseException, match="not unloaded without a decision"),
            connection.transaction(),
        ):
            unload(connection, shipped.VERSION)
        record_decision(connection, "restore a policy", shipped.VERSION, "A. Chief", "smuggled out", settings)
        unload(connection, shipped.VERSION)
    said = rf"policy.policies: .*default/{shipped.NUMBER} says of version '{shipped.VERSION}'"
    with pytest.raises(PolicyError, match=said):
        pipeline.build_ratings("removed", settings=settings)
    assert "policies" in restore_policy(shipped.VERSION, "A. Chief", "found by the build", settings)
    assert verify_release(1, settings) == []
    pipeline.build_ratings("after it was put back", settings=settings)


def test_a_policy_without_a_folder_is_compared_with_what_was_loaded(
    new_warehouse: WarehouseFactory, small: Prepared, tmp_path: Path
) -> None:
    """A version that nobody signed, and one whose folder is gone, are found as well."""
    settings = new_warehouse(small)
    change_policy(
        settings,
        "create temp table smuggled as select * from policy.policies where policy_version = 'default-1.0'",
        "update smuggled set policy_version = 'default-9.9', effective_from = '2020-01-01'",
        "insert into policy.policies select * from smuggled",
    )
    with pytest.raises(PolicyError, match=r"policy.files: .* what was loaded of version 'default-9.9'"):
        pipeline.build_ratings("smuggled", settings=settings, full_refresh=True)
    change_policy(settings, "delete from policy.policies where policy_version = 'default-9.9'")
    shutil.copytree(settings.policies_dir, tmp_path / "policies")
    settings.policies_dir = tmp_path / "policies"
    shutil.rmtree(settings.policies_dir / "default" / "1.0")
    load_policies(settings)
    change_policy(settings, LOWER)
    with pytest.raises(PolicyError, match=r"policy.grades: .* what was loaded of version 'default-1.0'"):
        load_policies(settings)
    assert restore_policy("default-1.0", "A. Chief", "found by the build", settings) == ["grades"]
    load_policies(settings)


def test_a_policy_changed_between_build_and_release_is_not_published(
    new_warehouse: WarehouseFactory, small: Prepared
) -> None:
    settings = new_warehouse(small)
    pipeline.check_raw("changed midway", settings=settings)
    pipeline.build_models("changed midway", settings)
    pipeline.check_candidate("changed midway", settings)
    change_policy(settings, LOWER)
    with pytest.raises(
        GridCreditError, match=r"policy.grades of default-1.0: not what was loaded.* nothing is published"
    ):
        pipeline.publish_release("changed midway", settings)
    assert rows(settings, "select max(release) from lineage.releases") == [(1,)]
    change_policy(settings, LOWER.replace("min_score - 1", "min_score + 1"))
    pipeline.publish_release("changed midway", settings)
