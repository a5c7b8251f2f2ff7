"""Follows a published rating back: its points, the policy, the checks, and the bills and payments with file and line."""

from __future__ import annotations

from gridcredit.errors import GridCreditError
from gridcredit.settings import Settings
from gridcredit.warehouse import Connection, connect

INTERVAL = "valid_from_release <= %(release)s and (valid_to_release is null or valid_to_release > %(release)s)"


def rating_trace(customer_id: str, release: int | None = None, settings: Settings | None = None) -> str:
    """A customer's rating in a release (the current one by default) and everything behind it, as text.

    Raises:
        GridCreditError: there is no such release, or the release does not rate the customer.
    """
    with connect(settings) as connection:
        number = release or _current_release(connection)
        head = connection.execute(
            "select releases.as_of_date, releases.published_at, releases.run_id, runs.code_version from lineage.releases join lineage.runs using (run_id) where release = %s",
            [number],
        ).fetchone()
        if head is None:
            raise GridCreditError(f"there is no release {number}")
        as_of_date, published_at, run_id, code_version = head
        values = {"release": number, "customer": customer_id, "as_of": as_of_date}
        rating = connection.execute(
            "select grade, grade_by_score, score, weight_available, veto, open_amount, overdue_amount, policy_version "
            f"from published.customer_rating_history where customer_id = %(customer)s and {INTERVAL}",
            values,
        ).fetchone()
        if rating is None:
            raise GridCreditError(f"release {number} does not rate customer {customer_id!r}")
        grade, by_score, score, weight, veto, open_amount, overdue_amount, policy_version = rating
        veto_text = f" (by score {by_score}, capped by veto {veto})" if veto else ""
        lines = [
            f"customer {customer_id}, release {number} as of {as_of_date}, published {published_at:%Y-%m-%d %H:%M} UTC",
            f"grade    {grade}{veto_text}, score {score}, from {weight} of 100 points of weight available",
            f"debt     open {open_amount}, of which overdue {overdue_amount}",
            *_policy_lines(connection, policy_version),
            f"run      {run_id}, code {code_version}",
            *_gate_lines(connection, run_id),
            "",
            "indicators",
            *_indicator_lines(connection, values),
            "",
            "bills",
            *_bill_lines(connection, values),
            "",
            "payments",
            *_payment_lines(connection, values),
        ]
    return "\n".join(lines)


def _current_release(connection: Connection) -> int:
    (number,) = connection.execute("select max(release) from lineage.releases").fetchone() or (None,)
    if number is None:
        raise GridCreditError("nothing has been published yet: run `make demo` or deliver files")
    return int(number)


def _policy_lines(connection: Connection, policy_version: str) -> list[str]:
    rows = connection.execute(
        "select effective_from, approver, sha256 from policy.policies where policy_version = %s",
        [policy_version],
    )
    return [
        f"policy   {policy_version}, from {day}, approved by {by}, sha256 {digest[:16]}" for day, by, digest in rows
    ]


def _gate_lines(connection: Connection, run_id: str) -> list[str]:
    rows = connection.execute(
        "select gate, count(*), count(*) filter (where not success) from lineage.gate_results where run_id = %s "
        "group by gate order by gate desc",
        [run_id],
    )
    return [f"gate     {gate}: {checks} checks, {failed} with a warning" for gate, checks, failed in rows]


def _indicator_lines(connection: Connection, values: dict[str, object]) -> list[str]:
    rows = connection.execute(
        "select indicator, is_available, indicator_value, points, weight, reason_code, reason_en "
        "from published.rating_indicator_history where customer_id = %(customer)s "
        f"and {INTERVAL} order by is_available desc, weight - points desc nulls last, indicator",
        values,
    )
    return [
        f"  {name:<22} {value.normalize():>10f} {points:>6} of {weight:<6} {code}: {text}"
        if available
        else f"  {name:<22} {'not available, its weight is shared':>10}"
        for name, available, value, points, weight, code, text in rows
    ]


# Of the same key, the newest delivery that the release knew wins, as in staging.
NEWEST = """
with newest as (
    select distinct on ({key}) * from raw.{extract} join lineage.files on file_id = _file_id
    where customer_id = %(customer)s and file_id in (
        select run_files.file_id from lineage.run_files join lineage.runs using (run_id)
        where runs.status in ('published', 'unchanged') and runs.started_at <= (
            select started_at from lineage.releases join lineage.runs using (run_id) where release = %(release)s
        )
    )
    order by {key}, _file_id desc, _line_no desc
)
"""
BILLS = f"""{NEWEST.format(extract="bill", key="bill_id")}
select bill_id, issued_on, due_on, amount, coalesce(kind, 'regular'), file_name, _line_no
from newest
where _deleted is not true and issued_on <= %(as_of)s order by due_on, bill_id
"""
PAYMENTS = f"""{NEWEST.format(extract="payment", key="payment_id")}
select payment_id, paid_on, amount, bill_id, reverses_payment_id, file_name, _line_no
from newest
where _deleted is not true and paid_on <= %(as_of)s order by paid_on, payment_id
"""


def _bill_lines(connection: Connection, values: dict[str, object]) -> list[str]:
    return [
        f"  {bill:<18} issued {issued} due {due} {amount:>14} {kind:<9} {file}:{line}"
        for bill, issued, due, amount, kind, file, line in connection.execute(BILLS, values)
    ]


def _payment_lines(connection: Connection, values: dict[str, object]) -> list[str]:
    return [
        f"  {payment:<18} paid   {paid} {amount:>14} "
        f"{f'bounces {reverses}' if reverses else f'for {bill}' if bill else 'oldest open bill'} {file}:{line}"
        for payment, paid, amount, bill, reverses, file, line in connection.execute(PAYMENTS, values)
    ]
