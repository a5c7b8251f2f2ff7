"""Credit policies: reviewed folders of CSV and YAML, checked, hashed and loaded append-only into the warehouse."""

from gridcredit.policies.folder import Policy
from gridcredit.policies.store import load_policies, read_policies, read_policy

__all__ = ["Policy", "load_policies", "read_policies", "read_policy"]
