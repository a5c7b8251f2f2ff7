"""The gates: checks by Great Expectations, their results, and approvals of a person."""
