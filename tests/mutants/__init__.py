"""Mutation testing: small faults put in on purpose, one at a time, and whether a test notices (docs/mutants.md)."""
