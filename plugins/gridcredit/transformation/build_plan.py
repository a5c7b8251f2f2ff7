"""What a build has to compute: what changed since the last release, or everything where that cannot be known."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date

from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from gridcredit.contract.attributes import Attributes, read_attributes
from gridcredit.lineage.run import Run
from gridcredit.policies import Policy, read_policies
from gridcredit.policies.evaluation_rules import OutcomeRules, read_rules
from gridcredit.policies.store import loaded_versions
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection, connect
from gridcredit.warehouse.load_hashes import require_as_loaded


@dataclass(frozen=True)
class BuildPlan:
    """The dates a build covers, and what of them it computes.

    `because` says why everything is computed; None where only what changed is: the rows of new and reverted files, the
    customers whose state ages between two days, and the month-ends that came or went.
    """

    as_of_dates: list[date]
    fingerprint: str
    outcome_rules: OutcomeRules
    because: str | None = None
    new_files: list[int] = field(default_factory=list)
    reverted_files: list[int] = field(default_factory=list)
    aged_from: date | None = None
    new_month_ends: list[date] = field(default_factory=list)
    dropped_dates: list[date] = field(default_factory=list)

    def variables(self, settings: Settings) -> dict[str, object]:
        """As the dbt project's variables."""
        last_day = self.as_of_dates[-1]
        return {
            "as_of_dates": [day.isoformat() for day in self.as_of_dates],
            "policy_name": settings.policy,
            "evaluation": self.outcome_rules.model_dump(),
            "is_incremental_build": self.because is None,
            "new_files": self.new_files,
            "reverted_files": self.reverted_files,
            "aged_from": (self.aged_from or last_day).isoformat(),
            "is_new_month": self.aged_from is not None and self.aged_from.replace(day=1) != last_day.replace(day=1),
            "new_month_ends": [day.isoformat() for day in self.new_month_ends],
            "dropped_dates": [day.isoformat() for day in self.dropped_dates],
        }


_AS_JSON = TypeAdapter(BuildPlan)


def begin_build(run: Run, as_of_dates: list[date], *, full_refresh: bool = False) -> BuildPlan:
    """Decide what the run computes, and store it: from here on the models' tables are this run's."""
    plan = plan_build(run, as_of_dates, full_refresh=full_refresh)
    with connect(run.settings) as connection:
        if plan.because:
            # Everything is read once more; hashing it costs little beside that.
            require_as_loaded(connection)
        connection.execute("delete from ops.built_layer")
        connection.execute(
            "update lineage.runs set as_of_dates = %s, fingerprint = %s, built_because = %s, build_plan = %s, "
            "engine = %s, build_began_at = clock_timestamp() where run_id = %s",
            [
                plan.as_of_dates,
                plan.fingerprint,
                plan.because,
                Jsonb(_AS_JSON.dump_python(plan, mode="json")),
                run.settings.engine,
                run.id,
            ],
        )
    return plan


def stored_plan(run: Run) -> BuildPlan:
    """What the run computes, as it was decided before its first layer."""
    with connect(run.settings) as connection:
        (plan,) = connection.execute("select build_plan from lineage.runs where run_id = %s", [run.id]).fetchone() or (
            None,
        )
    return _AS_JSON.validate_python(plan)


def plan_build(run: Run, as_of_dates: list[date], *, full_refresh: bool = False) -> BuildPlan:
    """Compare the run with the last release, which is what the models' tables rest on.

    A build that failed in between may have changed some of the tables: what it was about is computed again.
    """
    run_id, settings = run.id, run.settings
    with connect(settings) as connection:
        loaded = loaded_versions(connection)
        policies = [
            policy
            for policy in read_policies(settings)
            if policy.header.policy == settings.policy and policy.header.version in loaded
        ]
        rules = read_rules(settings).outcome
        fingerprint = _fingerprint(as_of_dates[-1], policies, rules, settings)
        base = connection.execute(
            "select as_of_dates, fingerprint, started_at, build_began_at from lineage.runs "
            "where status in ('published', 'unchanged') order by finished_at desc limit 1"
        ).fetchone()
        because = _why_everything(connection, base, fingerprint, full_refresh=full_refresh)
        if because or base is None:
            return BuildPlan(as_of_dates, fingerprint, rules, because)
        base_dates, _, base_started, base_began = base
        attempts = connection.execute(
            "select as_of_dates, fingerprint from lineage.runs "
            "where build_began_at > %s and run_id <> %s and as_of_dates is not null",
            [base_began, run_id],
        ).fetchall()
        # Also of this run's own earlier try.
        if connection.execute(
            "select 1 from lineage.runs where build_began_at > %s and built_because is not null limit 1", [base_began]
        ).fetchone():
            return BuildPlan(as_of_dates, fingerprint, rules, "a build of everything has not been released")
        if any(tried != fingerprint for _, tried in attempts):
            return BuildPlan(as_of_dates, fingerprint, rules, "a build with other models, policy or settings failed")
        known = [base_dates, *(dates for dates, _ in attempts)]
        last_days = [dates[-1] for dates in known]
        # What only the later day added or dropped is not known one by one.
        if max(last_days) > as_of_dates[-1]:
            return BuildPlan(as_of_dates, fingerprint, rules, "an earlier day than that of the last build")
        reverted = connection.execute(
            "select file_id from lineage.files where undone_at is not null and undone_at > %s order by 1",
            [base_started],
        ).fetchall()
        new = connection.execute(
            "select file_id from lineage.run_files join lineage.files using (file_id) "
            "where run_id = %s and undone_at is null order by 1",
            [run_id],
        ).fetchall()
    return BuildPlan(
        as_of_dates,
        fingerprint,
        rules,
        new_files=[file_id for (file_id,) in new],
        reverted_files=[file_id for (file_id,) in reverted],
        aged_from=min(last_days),
        new_month_ends=_month_ends_to_compute(as_of_dates[:-1], base_dates[:-1], policies),
        dropped_dates=sorted({day for dates in known for day in dates} - set(as_of_dates)),
    )


def _month_ends_to_compute(month_ends: list[date], known: list[date], policies: list[Policy]) -> list[date]:
    """New month-ends; where a policy asks for the grade before, also the first one, whose predecessor is no longer
    stored.
    """
    new = [day for day in month_ends if day not in known]
    asks_before = any(policy.tables["transitions"] for policy in policies)
    if asks_before and month_ends and known[:1] != month_ends[:1]:
        new = sorted({*new, month_ends[0]})
    return new


def _why_everything(
    connection: Connection, base: tuple[object, ...] | None, fingerprint: str, *, full_refresh: bool
) -> str | None:
    if full_refresh:
        return "asked for"
    if base is None:
        return "nothing has been released yet"
    if connection.execute(
        "select 1 from lineage.releases where release = (select max(release) from lineage.releases) "
        "and rolled_back_to is not null"
    ).fetchone():
        return "the last release was a rollback"
    if base[1] != fingerprint:
        return "the models, the policy or the settings changed"
    if connection.execute("select 1 from ops.built").fetchone() is None:
        return "the database lost its unlogged tables in a crash, or models were built by hand"
    return None


def _fingerprint(last_day: date, policies: list[Policy], rules: OutcomeRules, settings: Settings) -> str:
    """Changes with anything but facts and days that a figure rests on; its first 64 characters with the models' SQL
    alone.
    """
    models = hashlib.sha256(settings.policy.encode())
    for pattern in ("models/**/*.sql", "macros/**/*.sql", "dbt_project.yml"):
        for path in sorted(settings.dbt_dir.glob(pattern)):
            models.update(path.relative_to(settings.dbt_dir).as_posix().encode() + b"\0" + path.read_bytes())
    for text in sorted(policy.sha256 for policy in policies):
        models.update(text.encode() + b"\0")
    models.update(rules.model_dump_json().encode())
    models.update(
        Attributes(attributes=read_attributes(settings))
        .model_dump_json(exclude={"attributes": {"__all__": {"text"}}})
        .encode()
    )
    in_force = sorted(policy.header.version for policy in policies if policy.header.effective_from <= last_day)
    dates = hashlib.sha256(f"{settings.history_months} {in_force}".encode())
    return f"{models.hexdigest()}{dates.hexdigest()[:16]}"
