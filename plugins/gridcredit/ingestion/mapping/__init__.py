"""Mappings: how a supplier's files become extracts, as YAML says."""
