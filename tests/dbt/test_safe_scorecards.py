"""Every step from fit to withdraw, on a warehouse, in the hands of somebody who is not a statistician."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from gridcredit.errors import GridCreditError, PolicyError
from gridcredit.evaluation.scorecards import sample
from gridcredit.evaluation.scorecards.calibration import METHOD as CALIBRATION
from gridcredit.evaluation.scorecards.calibration import calibrate_policy
from gridcredit.evaluation.scorecards.card import card_as_markdown
from gridcredit.evaluation.scorecards.develop import develop
from gridcredit.evaluation.scorecards.facts import METHOD, facts_of
from gridcredit.evaluation.scorecards.score import score
from gridcredit.evaluation.soundness import missing_for_sound_results
from gridcredit.operations import pipeline
from gridcredit.operations.runs import start_run
from gridcredit.policies.folder import Policy, Rows, policy_files, read_folder, write_files
from gridcredit.policies.store import load_policies, policy_in_force
from gridcredit.policy_changes.effects import describe_proposal
from gridcredit.policy_changes.proposals import decide, propose, read_proposal, withdraw
from gridcredit.releases import publish
from gridcredit.releases.audit import Sample as AuditSample
from gridcredit.releases.audit import write_audit
from gridcredit.reporting.customer.why import explain
from gridcredit.reporting.dashboard.facts import OF_CUSTOMERS
from gridcredit.settings import PROJECT_DIR, Settings
from gridcredit.warehouse.connection import connect
from psycopg.rows import dict_row

from tests.support import shipped
from tests.support.builders import EVALUATED_DAY as LAST_DAY
from tests.support.builders import SMALL_DAY
from tests.support.prepared import Prepared
from tests.support.waiting import rows
from tests.support.warehouses import WarehouseFactory, Warehouses

DEFAULT = PROJECT_DIR / "policies" / "default" / "1.0"
NEXT_MONTH = date(2026, 7, 20)


@pytest.fixture
def settings(warehouses: Warehouses, evaluated: Prepared) -> Iterator[Settings]:
    with warehouses.lent(evaluated) as settings:
        yield settings


def another(
    folder: Path, version: str, effective_from: date = NEXT_MONTH, replaced: dict[str, tuple[str, str]] | None = None
) -> Policy:
    """The default policy as another version; `replaced` gives by table what stands in place of what."""
    base = read_folder(DEFAULT)
    header = base.header.model_dump(mode="json") | {"version": version, "effective_from": effective_from.isoformat()}
    files = policy_files(header, base.tables)
    for table, (old, new) in (replaced or {}).items():
        assert old in files[f"{table}.csv"]
        files[f"{table}.csv"] = files[f"{table}.csv"].replace(old, new, 1)
    write_files(folder, files)
    return read_folder(folder)


@pytest.mark.parametrize(
    ("table", "old", "new", "why"),
    [
        ("limits", "AAA,", "AAA,1000", r"limits\.csv: the warehouse cannot hold it"),
        ("late_charges", "residential,", "residential,-", r"late_charges\.csv: the warehouse cannot hold it"),
        ("warning_conditions", ">=", "=>", r"warning_conditions\.csv: the warehouse cannot hold it"),
        ("default_rates", "AAA,", "AAA,7", r"default_rates\.csv: the warehouse cannot hold it"),
    ],
)
def test_an_approval_cannot_stop_the_runs(
    settings: Settings, tmp_path: Path, table: str, old: str, new: str, why: str
) -> None:
    """What a constraint of the warehouse refuses is refused to the approver, and nothing of it is left."""
    policy = another(tmp_path / "bad", "bad-1", replaced={table: (old, new)})
    number = propose(policy, shipped.VERSION, "written by hand", {}, settings)
    with pytest.raises(PolicyError, match=why):
        decide(number, "Li Wei", "looks fine", is_approved=True, settings=settings)
    assert read_proposal(number, settings).status == "open"
    assert rows(settings, "select count(*) from policy.policies where policy_version = 'bad-1'") == [(0,)]
    load_policies(settings)


def test_what_was_approved_and_has_rated_nothing_is_withdrawn(settings: Settings, tmp_path: Path) -> None:
    policy = another(tmp_path / "soon", "soon-1")
    number = propose(policy, shipped.VERSION, "written by hand", {}, settings)
    with pytest.raises(GridCreditError, match="only what was approved is withdrawn"):
        withdraw(number, "Wang", "too early", settings)
    decide(number, "Li Wei", "agreed", is_approved=True, settings=settings)
    # A run before its date loads it.
    load_policies(settings)
    folder = settings.policy_folders[1] / "default" / "soon-1"
    assert folder.exists()
    withdraw(number, "Wang", "the committee changed its mind", settings)
    assert not folder.exists()
    assert read_proposal(number, settings).status == "withdrawn"
    assert rows(settings, "select count(*) from policy.bins where policy_version = 'soon-1'") == [(0,)]
    load_policies(settings)
    assert not folder.exists()
    assert policy_in_force(settings, NEXT_MONTH).header.version == shipped.VERSION
    with pytest.raises(GridCreditError, match=r"withdrawn by Wang on .*changed its mind.* another version"):
        propose(policy, shipped.VERSION, "written by hand", {}, settings)
    # The rows of others are evidence still.
    with pytest.raises(Exception, match="append-only"), connect(settings) as connection:
        connection.execute("delete from policy.bins")


def test_a_day_that_was_released_is_refused_to_who_proposes(
    new_warehouse: WarehouseFactory, small: Prepared, tmp_path: Path
) -> None:
    """The refusal says to propose under another version: the same one with another date is another policy."""
    settings = new_warehouse(small)
    ((last_day,),) = rows(settings, "select max(as_of_date) from lineage.releases")
    later = last_day + timedelta(days=1)
    with pytest.raises(GridCreditError, match=r"have been rated and released: propose it with a later date$"):
        propose(another(tmp_path / "late", "late-1", last_day), shipped.VERSION, "written by hand", {}, settings)
    assert rows(settings, "select count(*) from policy.proposals") == [(0,)]
    # The same version, with a later date, then has it.
    policy = another(tmp_path / "later", "late-1", later)
    number = propose(policy, shipped.VERSION, "written by hand", {}, settings)
    pipeline.build_ratings("overtakes", later, settings)
    way_out = r"propose it with a later date, under another version \(both in policy\.yml\)"
    with pytest.raises(GridCreditError, match=way_out):
        decide(number, "Li Wei", "agreed", is_approved=True, settings=settings)
    with pytest.raises(GridCreditError, match=way_out):
        propose(policy, shipped.VERSION, "written by hand", {}, settings)


def test_a_version_approved_before_it_could_be_tried_is_withdrawn(settings: Settings, tmp_path: Path) -> None:
    """As an older version of this code approved it: each run stops, and says how to continue."""
    policy = another(tmp_path / "bad", "bad-2", replaced={"limits": ("AAA,", "AAA,1000")})
    number = propose(policy, shipped.VERSION, "written by hand", {}, settings)
    with connect(settings) as connection:
        connection.execute(
            "update policy.proposals set is_approved = true, approver = 'Li Wei', reason = 'fine', decided_at = now() "
            "where proposal_id = %s",
            [number],
        )
    with pytest.raises(PolicyError, match="`gridcredit policy withdraw`"):
        load_policies(settings)
    withdraw(number, "Li Wei", "it stops the runs", settings)
    load_policies(settings)


@pytest.mark.parametrize("version", ["own/1", ".."])
def test_an_approved_version_that_can_be_no_folder_is_named_and_taken_back(
    settings: Settings, tmp_path: Path, version: str
) -> None:
    """As an older version of this code approved it. Nothing beside its own folder is written or removed."""
    number = propose(another(tmp_path / "odd", version), shipped.VERSION, "written by hand", {}, settings)
    with connect(settings) as connection:
        connection.execute(
            "update policy.proposals set is_approved = true, approver = 'Li Wei', reason = 'fine', decided_at = now() "
            "where proposal_id = %s",
            [number],
        )
    kept = settings.policy_folders[1] / "default" / "kept"
    kept.mkdir(parents=True)
    with pytest.raises(PolicyError, match=f"no folder has it.* withdraw {number}"):
        load_policies(settings)
    withdraw(number, "Li Wei", "its name is no name", settings)
    load_policies(settings)
    assert [one.name for one in kept.parent.iterdir() if one.name in ("kept", "own")] == ["kept"]
    kept.rmdir()


def with_missing_points(policy: Policy) -> Policy:
    """The policy, where a missing value gets a quarter of each indicator's points."""
    rows_of = [row | {"missing_points": f"{float(row['weight']) / 4:.2f}"} for row in policy.tables["indicators"]]
    header = policy.header.model_dump(mode="json")
    write_files(policy.folder, policy_files(header, {**policy.tables, "indicators": rows_of}))
    return read_folder(policy.folder)


def test_what_has_rated_is_not_withdrawn_and_its_gaps_are_explained(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two versions are approved: one that names an attribute, and from the next day on one without it, which gives
    missing values points. The attribute is gone when the second rates.
    """
    shutil.copytree(settings.policies_dir, tmp_path / "policies")
    settings.policies_dir = tmp_path / "policies"
    declared = settings.policies_dir / "attributes.yml"
    before = declared.read_text(encoding="utf-8")
    declared.write_text(f"{before}\n  solar: {{type: boolean, text: has panels}}\n", encoding="utf-8")
    begins = LAST_DAY + timedelta(days=2)
    monkeypatch.setattr("gridcredit.policies.store._today", lambda: begins)
    named = {
        "vetoes": ("\n", "\nsunny,attribute_solar,=,0,B,VO4\n"),
        "advice_rules": ("\n", "\nsunny,safety,attribute_solar,=,1,,sun,sun\n"),
        "review_rules": ("\n", "\nsunny,attribute_solar,=,1,12,,sun,sun\n"),
    }
    for policy in (
        another(tmp_path / "solar", "solar-1", begins - timedelta(days=1), named),
        with_missing_points(another(tmp_path / "now", "now-1", begins)),
    ):
        number = propose(policy, shipped.VERSION, "written by hand", {}, settings)
        with connect(settings) as connection:
            connection.execute("update policy.proposals set changes = '{}' where proposal_id = %s", [number])
        decide(number, "Li Wei", "agreed", is_approved=True, settings=settings)
    load_policies(settings)
    declared.write_text(before, encoding="utf-8")
    # An upgrade ships another policy with the name of the approved one.
    another(settings.policies_dir / "default" / "shipped", "now-1", begins)
    release = pipeline.build_ratings("by the new one", begins, settings)
    with pytest.raises(GridCreditError, match="has rated days up to"):
        withdraw(number, "Wang", "too late", settings)
    with connect(settings) as connection:
        missing = missing_for_sound_results(connection, settings)
    assert any("is left aside: now-1, which Li Wei has approved, has its version" in one for one in missing)
    _require_gaps_explained(read_folder(tmp_path / "now"), release.number, tmp_path / "audit", settings)


def _require_gaps_explained(policy: Policy, release: int, audit: Path, settings: Settings) -> None:
    """Of everybody: points and weights of what has points make the score, in SQL and in Python. Of whom a missing value
    cost much: the paragraph, the dashboard and the audit folder say so.
    """
    names = [row["indicator"] for row in policy.tables["indicators"]]
    with connect(settings) as connection, connection.cursor(row_factory=dict_row) as cursor:
        ratings = cursor.execute("select * from published.customer_rating order by customer_id").fetchall()
        known = cursor.execute("select * from published.feature_library order by customer_id").fetchall()
        indicators = cursor.execute("select * from published.rating_indicator").fetchall()
    of_python = score(policy, pd.DataFrame(known).astype(dict.fromkeys(names, "float64")))
    assert [None if one["score"] is None else float(one["score"]) for one in ratings] == [
        None if np.isnan(one) else float(one) for one in of_python
    ]
    gaps: dict[str, list[tuple[Decimal, str]]] = {}
    for rating in ratings:
        own = [row for row in indicators if row["customer_id"] == rating["customer_id"]]
        counted = [row for row in own if row["points"] is not None]
        weight = sum(row["weight"] for row in counted)
        if rating["score"] is None:
            assert counted == []
            continue
        assert (weight, len(counted)) == (rating["weight_available"], len(own))
        lost = sum(row["weight"] - row["points"] for row in counted)
        assert rating["score"] == (100 * (weight - lost) / weight).quantize(Decimal("0.01"), ROUND_HALF_UP)
        for row in counted:
            if not row["is_available"]:
                assert row["points"] == round(row["weight"] / 4, 2)
                assert row["reason_code"] is None
        dearest = sorted((row["points"] - row["weight"], row["indicator"]) for row in counted)[:3]
        missing = {row["indicator"] for row in own if not row["is_available"]}
        if rating["grade_rank"] and any(name in missing for _, name in dearest):
            gaps[rating["customer_id"]] = dearest
    assert len(gaps) > 5
    customers = tuple(list(gaps)[:5])
    for customer in customers:
        assert "no value is known" in explain(customer, "en", settings)
    with connect(settings) as connection, connection.cursor(row_factory=dict_row) as cursor:
        shown = cursor.execute(OF_CUSTOMERS["costs"], [list(customers)]).fetchall()
    for customer in customers:
        of_customer = [
            (one["points"] - one["weight"], one["indicator"]) for one in shown if one["customer_id"] == customer
        ]
        assert of_customer == gaps[customer]
    write_audit(release, audit, settings, AuditSample(customers))
    checked = subprocess.run([sys.executable, "check.py"], cwd=audit, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout) == (0, "5 customers of the sample; all is as published\n")
    assert "where is_available is false they are `missing_points`" in (audit / "README.md").read_text(encoding="utf-8")


def test_an_approval_while_a_run_waits_at_its_gate(
    new_warehouse: WarehouseFactory, small: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run built before an approval for its day is not published: it is built again, or the policy is withdrawn.
    What was held back, since a day was released without it, has rated nothing and is withdrawn too.
    """
    settings = new_warehouse(small)
    ((last_day,),) = rows(settings, "select max(as_of_date) from lineage.releases")
    begins = last_day + timedelta(days=1)
    # The tables are those of the first build: it stands for one that found nothing new.
    run = start_run("waits", begins, settings)
    with connect(settings) as connection:
        connection.execute("update lineage.runs set build_began_at = clock_timestamp() where run_id = 'waits'")
        connection.execute(
            "insert into lineage.gate_results (run_id, gate, suite, expectation, severity, success) "
            "values ('waits', 'candidate', 'made up', 'made up', 'critical', true)"
        )
    numbers = [
        propose(another(tmp_path / name, name, begins), shipped.VERSION, "written by hand", {}, settings)
        for name in ("first-1", "second-1")
    ]
    monkeypatch.setattr("gridcredit.policy_changes.proposals.try_policy", lambda *_, **__: None)
    decide(numbers[0], "Li Wei", "agreed", is_approved=True, settings=settings)
    for is_loaded in (False, True):
        if is_loaded:
            load_policies(settings)
        with pytest.raises(
            GridCreditError, match=r"first-1 takes effect on .* approved or shipped since.* `build_ledger`"
        ):
            publish.publish(run)
    withdraw(numbers[0], "Wang", "the run comes first", settings)
    # Month-ends that a withdrawn version rated are not published either.
    with connect(settings) as connection, connection.transaction(force_rollback=True):
        connection.execute("update candidate.rating_month_end set policy_version = 'gone-1'")
        with pytest.raises(GridCreditError, match="gone-1 was withdrawn since the build began"):
            publish._require_policies(connection, "waits")
    # As versions before this rule published it.
    decide(numbers[1], "Li Wei", "agreed", is_approved=True, settings=settings)
    with monkeypatch.context() as earlier:
        earlier.setattr(publish, "NOT_BUILT_BY", "select 1 where %s = ''")
        publish.publish(run)
    assert rows(settings, "select max(as_of_date) from lineage.releases") == [(begins,)]
    load_policies(settings)
    assert rows(settings, "select count(*) from policy.policies where policy_version = 'second-1'") == [(0,)]
    withdraw(numbers[1], "Wang", "it was held back", settings)
    assert read_proposal(numbers[1], settings).status == "withdrawn"
    load_policies(settings)


# Tables whose rows a policy may all leave out.
MAY_BE_EMPTY = (
    *("transitions", "bill_sizes", "review_rules", "advice_rules", "holidays", "recovery_targets", "required_weights"),
    *("power_factor_adjustments", "dunning_steps"),
)


def saying_less(folder: Path, begins: date) -> Policy:
    """The policy in force without a grade, a veto, a strategy, most ageing buckets and most warnings, and without the
    tables that may be empty: what customers have had so far is no part of it any more.
    """
    base = read_folder(shipped.FOLDER)
    tables: dict[str, Rows] = {**base.tables, **{table: [] for table in MAY_BE_EMPTY}}
    for table in ("grades", "limits", "default_rates"):
        tables[table] = [dict(row) for row in tables[table] if row["grade"] != "BB"]
    for rank, row in enumerate(tables["grades"], start=1):
        row["grade_rank"] = str(rank)
    tables["vetoes"] = [row for row in tables["vetoes"] if row["veto"] == "insolvent"]
    tables["ageing_buckets"] = [
        {"ageing_bucket": "not due", "bucket_rank": "1", "from_days": "", "to_days": "0"},
        {"ageing_bucket": "overdue", "bucket_rank": "2", "from_days": "1", "to_days": ""},
    ]
    for table in ("warning_rules", "warning_conditions"):
        tables[table] = [row for row in tables[table] if row["rule"] == "overdue_60_days"]
    tables["dunning_strategies"] = [{"strategy": "other", "share_pct": "100"}]
    header = base.header.model_dump(mode="json") | {"version": "less-1", "effective_from": begins.isoformat()}
    write_files(folder, policy_files(header, tables))
    return read_folder(folder)


def test_a_policy_that_says_less_rates_the_next_day_and_is_not_withdrawn(
    warehouses: Warehouses, small: Prepared, tmp_path: Path
) -> None:
    """Open warnings, steps taken, buckets and grades of the days before name what it does not have."""
    with warehouses.lent(small) as settings:
        begins = SMALL_DAY + timedelta(days=1)
        number = propose(saying_less(tmp_path / "less", begins), shipped.VERSION, "written by hand", {}, settings)
        decide(number, "Li Wei", "fewer rules", is_approved=True, settings=settings)
        pipeline.build_ratings("by less", begins, settings)
        assert rows(settings, "select distinct policy_version from published.customer_rating") == [("less-1",)]
        with pytest.raises(GridCreditError, match="has rated days up to"):
            withdraw(number, "Wang", "too late", settings)


def test_customers_without_a_bill_do_not_stop_a_fit(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tenth of the customers without any indicator: counted apart, and the fit continues."""
    read = sample._rows

    def blank(connection: Any, names: list[str], *rest: Any) -> pd.DataFrame:
        frame = read(connection, names, *rest)
        frame.loc[frame["customer_id"].map(lambda one: zlib.crc32(one.encode()) % 10 == 0), names] = np.nan
        return frame

    monkeypatch.setattr(sample, "_rows", blank)
    made = develop(tmp_path / "fitted", "fitted-1", NEXT_MONTH, settings)
    assert all(one.without_score > 0 for one in made.judged)
    for one in made.judged:
        assert one.fitted.observed + one.without_score == made.sample.parts[one.part].observed
    facts = facts_of(made)
    assert [one["without_score"] for one in facts["parts"]] == [one.without_score for one in made.judged]
    number = propose(made.policy, made.base.header.version, METHOD, facts, settings)
    card = card_as_markdown(read_proposal(number, settings))
    assert f"| {made.judged[0].without_score:,} |" in card
    # What judges comes first on the card and on the approver's page.
    assert card.splitlines()[2] == f"**{made.verdict.lines[0]}**"
    assert describe_proposal(read_proposal(number, settings)).startswith(f"**{made.verdict.lines[0]}**")


def test_a_single_cohort_is_fitted_and_marked(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample, "split_month_ends", lambda month_ends, *_: (month_ends[-12:], []))
    made = develop(tmp_path / "fitted", "fitted-1", NEXT_MONTH, settings)
    assert [one.part for one in made.judged] == ["fitted on", "cross-validated"]
    assert any(line.startswith("Cross-validated") for line in made.verdict.lines)
    number = propose(made.policy, made.base.header.version, METHOD, facts_of(made), settings)
    assert "Cross-validated" in card_as_markdown(read_proposal(number, settings))


def test_rates_are_those_of_the_suppliers_own_history(settings: Settings, tmp_path: Path) -> None:
    made = calibrate_policy(tmp_path / "own", "own-1", NEXT_MONTH, settings)
    counted = {
        grade: (observed, defaults)
        for grade, observed, defaults in rows(
            settings,
            "select grade_by_policy, count(*)::int, count(*) filter (where outcome = 'default')::int from "
            "outcomes.outcome where outcome is not null group by 1",
        )
    }
    written = {row["grade"]: float(row["probability_of_default"]) for row in made.policy.tables["default_rates"]}
    for one in made.rates:
        assert (one.observed, one.defaults) == counted.get(one.grade, (0, 0))
        # Card and console show what the folder has.
        assert one.now.value == written[one.grade]
        assert one.now.lower <= one.now.value <= one.now.upper
    ranked = [
        written[row["grade"]] for row in sorted(made.policy.tables["grades"], key=lambda row: int(row["grade_rank"]))
    ]
    assert ranked == sorted(ranked)
    number = propose(made.policy, made.base.header.version, CALIBRATION, made.facts, settings)
    assert "own history" in card_as_markdown(read_proposal(number, settings))
    decide(number, "Li Wei", "as it came", is_approved=True, settings=settings)


def test_a_folder_that_is_there_is_said_before_anything_is_read(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(GridCreditError, match="already exists"):
        develop(tmp_path, "fitted-1", date(1900, 1, 1), settings)
