"""The credit report of a customer: one page to lay on a desk, made from a release."""

from gridcredit.reporting.customer.page import write_report, write_reports

__all__ = ["write_report", "write_reports"]
