"""Which departments have received a policy in writing, by what is published of the extract policy_receipt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gridcredit.errors import GridCreditError
from gridcredit.policies.store import policy_in_force
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect
from gridcredit.warehouse.reading.access import read_departments


@dataclass(frozen=True)
class Receipt:
    """A department, how many of its staff received the version, and when the first did; 0 and None where none did."""

    department: str
    staff: int
    first_on: date | None
    is_known: bool = True

    @property
    def text(self) -> str:
        """For a person."""
        if not self.staff:
            return "has not received it"
        people = f"{self.staff} of its staff" if self.staff > 1 else "one of its staff"
        unknown = "" if self.is_known else "; policies/departments.yml knows no such department"
        return f"received by {people}, first on {self.first_on}{unknown}"


@dataclass(frozen=True)
class Receipts:
    """A version, and each department that reads what is published, or that has received it."""

    version: str
    departments: list[Receipt]

    @property
    def missing(self) -> list[str]:
        """The departments that have not received it."""
        return [one.department for one in self.departments if not one.staff]


def read_receipts(version: str | None, settings: Settings) -> Receipts:
    """Who has received a version, by default that in force on the release's day.

    Raises:
        GridCreditError: nothing has been published yet, or the warehouse knows no such version.
    """
    with connect(settings) as connection:
        (as_of,) = connection.execute("select max(as_of_date) from lineage.releases").fetchone() or (None,)
        if as_of is None:
            raise GridCreditError("nothing has been published yet: receipts are read from the release in force")
        query = "select from lineage.release_tables where table_name = 'policy_receipt' limit 1"
        if connection.execute(query).fetchone() is None:
            raise GridCreditError(
                "the release in force was published before receipts were read: `gridcredit run` reads them"
            )
        known = [name for (name,) in connection.execute("select policy_version from policy.policies order by 1")]
        version = version or policy_in_force(settings, as_of).header.version
        if version not in known:
            raise GridCreditError(f"the warehouse knows no policy version {version!r}; it knows {', '.join(known)}")
        received = {
            department: (staff, first)
            for department, staff, first in connection.execute(
                "select department, count(*), min(received_on) from published.policy_receipt "
                "where policy_version = %s group by department",
                [version],
            )
        }
    named = set(read_departments(settings).departments)
    return Receipts(
        version,
        [Receipt(name, *received.get(name, (0, None)), is_known=name in named) for name in sorted({*named, *received})],
    )
