"""What a release changed, in a few lines for people's mail: counts, no customer."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from gridcredit.errors import GridCreditError
from gridcredit.settings import Settings, get_settings
from gridcredit.warehouse.connection import connect


@dataclass(frozen=True)
class Digest:
    """A mail: its subject, and its body as HTML."""

    subject: str
    html: str


def make_digest(settings: Settings | None = None) -> Digest:
    """Say what the current release changed against the one before."""
    settings = settings or get_settings()
    with connect(settings) as connection:
        release = connection.execute(
            "select release, as_of_date from published.release order by release desc limit 1"
        ).fetchone()
        if release is None:
            raise GridCreditError("nothing has been published yet: run a build first")
        number, as_of_date = release
        changes = connection.execute(
            "select case when what like 'warning%%' then 'warnings' else what end as what, "
            "count(*) filter (where before is null), count(*) filter (where before is not null and after is not null), "
            "count(*) filter (where after is null) from published.change where release = %s group by 1 order by 1",
            [number],
        ).fetchall()
        warnings = connection.execute(
            "select department, level, count(*) from published.customer_warning group by department, level "
            "order by department, level"
        ).fetchall()
        (receivable, overdue) = connection.execute(
            "select sum(receivable_amount), sum(overdue_amount) from published.receivable_by_month where as_of_date = "
            "%s",
            [as_of_date],
        ).fetchone() or (None, None)
    html = (
        f"<p>Release {number}, as of {as_of_date}: receivable {receivable or 0:,.2f}, overdue {overdue or 0:,.2f}.</p>"
        + _table(("changed", "new", "changed", "gone"), changes)
        + _table(("department", "level", "warnings that stand"), warnings)
    )
    return Digest(f"GridCredit release {number}, as of {as_of_date}", html)


def _table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    lines = ["".join(f"<th>{escape(name)}</th>" for name in head)]
    lines += ["".join(f"<td>{escape(str(value))}</td>" for value in row) for row in rows]
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"
