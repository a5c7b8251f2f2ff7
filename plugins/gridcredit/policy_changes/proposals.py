"""Proposed policies: stored in the warehouse with their files, decided by a named person, and adopted once approved."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import structlog
from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from gridcredit.errors import GridCreditError
from gridcredit.lineage.decisions import record_decision
from gridcredit.policies.adoption import fetch_adopted, proposed_files, unload
from gridcredit.policies.folder import Policy, file_names, refuse_name, write_files
from gridcredit.policies.store import has_rated, loaded_versions, read_policy
from gridcredit.policy_changes.trial import try_policy
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection, connect

log = structlog.get_logger(__name__)


class Decision(NamedTuple):
    """What was decided last of a proposal: by whom, when and why."""

    by: str
    at: datetime
    reason: str

    def __str__(self) -> str:
        return f"by {self.by} on {self.at:%Y-%m-%d}: {self.reason}"


@dataclass(frozen=True)
class Proposal:
    """A proposed policy: `facts` are its model card's, `changes` what it would change of the ratings of one day."""

    proposal_id: int
    policy_name: str
    policy_version: str
    base_version: str
    effective_from: date
    method: str
    facts: dict[str, Any]
    changes: dict[str, Any] | None
    proposed_at: datetime
    is_approved: bool | None
    approver: str | None
    reason: str | None
    decided_at: datetime | None
    withdrawn_by: str | None = None
    withdrawn_reason: str | None = None
    withdrawn_at: datetime | None = None

    @property
    def status(self) -> str:
        if self.withdrawn_at is not None:
            return "withdrawn"
        return "open" if self.is_approved is None else "approved" if self.is_approved else "refused"

    @property
    def decision(self) -> Decision | None:
        """The decision that `status` follows from; None while it is open."""
        if self.withdrawn_at is not None:
            return Decision(self.withdrawn_by or "", self.withdrawn_at, self.withdrawn_reason or "")
        if self.decided_at is not None:
            return Decision(self.approver or "", self.decided_at, self.reason or "")
        return None


def propose(policy: Policy, base_version: str, method: str, facts: dict[str, Any], settings: Settings) -> int:
    """Store a policy as proposed, with what its model card says; the same files again give the same proposal.

    Raises:
        GridCreditError: its day has been released, another policy was proposed under this version, or this one was
            refused or withdrawn.
    """
    header = policy.header
    with connect(settings) as connection:
        row = connection.execute(
            "insert into policy.proposals (policy_name, policy_version, base_version, effective_from, method, facts) "
            "values (%s, %s, %s, %s, %s, %s) on conflict (policy_version) do nothing returning proposal_id",
            [header.policy, header.version, base_version, header.effective_from, method, Jsonb(facts)],
        ).fetchone()
        files = {name: (policy.folder / name).read_text(encoding="utf-8") for name in file_names(policy.folder)}
        if row is None:
            known = find(connection, header.version)
            if proposed_files(connection, known.proposal_id) != files:
                raise GridCreditError(
                    f"another policy was proposed as {header.version!r}: give this one a version of its own in "
                    "policy.yml"
                )
            if known.status in ("refused", "withdrawn"):
                raise GridCreditError(
                    f"{header.version!r} was proposed before, as {known.proposal_id}, and {known.status} "
                    f"{known.decision}. Give it another version in policy.yml to propose it again"
                )
            if known.status == "open":
                _refuse_late(connection, header.version, header.effective_from, is_proposed=True)
            return known.proposal_id
        _refuse_late(connection, header.version, header.effective_from, is_proposed=False)
        connection.cursor().executemany(
            "insert into policy.proposal_files (proposal_id, file_name, content) values (%s, %s, %s)",
            [(row[0], name, text) for name, text in files.items()],
        )
    log.info("policy_proposed", proposal=row[0], version=header.version)
    return int(row[0])


def refuse_worse(facts: dict[str, Any]) -> None:
    """Raise a GridCreditError where a model card says that a scorecard is worse than the policy in force, so that
    nobody proposes it unawares.
    """
    if facts.get("is_worse"):
        raise GridCreditError(f"not proposed: {facts['verdicts'][0]} `--even-if-worse` proposes it anyway")


def find(connection: Connection, which: int | str) -> Proposal:
    """A proposal by its number or its policy's version."""
    column = sql.Identifier("proposal_id" if isinstance(which, int) else "policy_version")
    query = sql.SQL("select * from policy.proposals where {} = %s").format(column)
    with connection.cursor(row_factory=class_row(Proposal)) as cursor:
        found = cursor.execute(query, [which]).fetchone()
    if found is None:
        raise GridCreditError(f"there is no proposal {which!r}; see `gridcredit policy proposals`")
    return found


def read_proposal(proposal_id: int, settings: Settings) -> Proposal:
    """A proposal by its number."""
    with connect(settings) as connection:
        return find(connection, proposal_id)


def list_proposals(settings: Settings) -> list[Proposal]:
    """All of them, the newest first."""
    with connect(settings) as connection, connection.cursor(row_factory=class_row(Proposal)) as cursor:
        return cursor.execute("select * from policy.proposals order by proposal_id desc").fetchall()


def decide(proposal_id: int, approver: str, reason: str, *, is_approved: bool, settings: Settings) -> Proposal:
    """Record what a named person decided; an approved policy is rated by from its date on. A decision stands.

    Before an approval the policy is tried: loaded in a transaction that is rolled back, and everybody is rated by it
    unless `policy compare` has done so.

    Raises:
        GridCreditError: without a name or a reason, where another decision stands, or where the policy's date has
            been rated already.
        PolicyError: the warehouse cannot hold the policy.
    """
    approver, reason = approver.strip(), reason.strip()
    with connect(settings) as connection:
        proposal = find(connection, proposal_id)
        is_new = proposal.is_approved is None and is_approved
        if is_new:
            refuse_name(proposal.policy_version)
            _refuse_late(connection, proposal.policy_version, proposal.effective_from, is_proposed=True)
            _refuse_rival(connection, proposal)
            files = proposed_files(connection, proposal_id)
    if is_new:
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made) / proposal.policy_name / proposal.policy_version
            write_files(folder, files)
            try_policy(read_policy(folder, settings), settings, rates=proposal.changes is None)
    with connect(settings) as connection:
        if is_new:
            # While it was tried another may have been approved, or a day released.
            connection.execute("lock table policy.proposals in share row exclusive mode")
            _refuse_late(connection, proposal.policy_version, proposal.effective_from, is_proposed=True)
            _refuse_rival(connection, proposal)
        if proposal.is_approved is None:
            what = "approve a policy" if is_approved else "refuse a policy"
            record_decision(connection, what, proposal.policy_version, approver, reason, settings)
        connection.execute(
            "update policy.proposals set is_approved = %s, approver = %s, reason = %s, decided_at = clock_timestamp() "
            "where proposal_id = %s and is_approved is null",
            [is_approved, approver, reason, proposal_id],
        )
        # Also for who asks before the next run.
        fetch_adopted(connection, settings)
        proposal = find(connection, proposal_id)
    if (proposal.is_approved, proposal.approver, proposal.reason) != (is_approved, approver, reason):
        raise GridCreditError(f"proposal {proposal_id} was {proposal.status} {proposal.decision}")
    log.info("policy_decided", proposal=proposal_id, version=proposal.policy_version, status=proposal.status)
    return proposal


def _refuse_late(connection: Connection, version: str, effective_from: date, *, is_proposed: bool) -> None:
    (rated,) = connection.execute("select max(as_of_date) from lineage.releases").fetchone() or (None,)
    if rated and effective_from <= rated:
        raise GridCreditError(
            f"{version} would take effect on {effective_from}, and days up to {rated} have been rated and released: "
            f"propose it with a later date{', under another version (both in policy.yml)' if is_proposed else ''}"
        )


def _refuse_rival(connection: Connection, proposal: Proposal) -> None:
    """Of two approved policies of one name with one date none could be loaded, and no run would go on."""
    rival = connection.execute(
        "select proposal_id, policy_version from policy.proposals where is_approved and withdrawn_at is null "
        "and policy_name = %s and effective_from = %s and proposal_id <> %s",
        [proposal.policy_name, proposal.effective_from, proposal.proposal_id],
    ).fetchone()
    if rival:
        raise GridCreditError(
            f"{proposal.policy_version} would take effect on {proposal.effective_from}, as {rival[1]} does, which is "
            f"approved: withdraw that one (`gridcredit policy withdraw {rival[0]}`), or propose another date"
        )


def withdraw(proposal_id: int, officer: str, reason: str, settings: Settings) -> Proposal:
    """Withdraw an approved policy that has rated nothing; the proposal stays, with who withdrew it and why.

    Raises:
        GridCreditError: without a name or a reason, or where it is not approved, or has rated a released day.
    """
    officer, reason = officer.strip(), reason.strip()
    with connect(settings) as connection:
        proposal = find(connection, proposal_id)
        if proposal.status != "approved":
            raise GridCreditError(f"proposal {proposal_id} is {proposal.status}: only what was approved is withdrawn")
        # A publish that is under way is waited for.
        connection.execute("lock table policy.policies in share row exclusive mode")
        _refuse_rated(connection, proposal)
        record_decision(connection, "withdraw a policy", proposal.policy_version, officer, reason, settings)
        unload(connection, proposal.policy_version)
        connection.execute(
            "update policy.proposals set withdrawn_by = %s, withdrawn_reason = %s, withdrawn_at = clock_timestamp() "
            "where proposal_id = %s",
            [officer, reason, proposal_id],
        )
        fetch_adopted(connection, settings)
        proposal = find(connection, proposal_id)
    log.info("policy_withdrawn", proposal=proposal_id, version=proposal.policy_version)
    return proposal


def _refuse_rated(connection: Connection, proposal: Proposal) -> None:
    """What was never loaded has rated nothing, though another version may have rated its days: it was held back."""
    version = proposal.policy_version
    (rated,) = connection.execute(
        "select max(releases.as_of_date) from lineage.releases join lineage.runs using (run_id) "
        "where policy_name = %s and releases.as_of_date >= %s",
        [proposal.policy_name, proposal.effective_from],
    ).fetchone() or (None,)
    # The record of a release names the versions loaded then, and must be the same for ever.
    if rated and (version in loaded_versions(connection) or has_rated(connection, version)):
        how = "has rated" if has_rated(connection, version) else "rated nobody, but was loaded for the releases of"
        raise GridCreditError(
            f"{version} {how} days up to {rated}, and what is released stays as it is: propose a new version with a "
            "later date"
        )
