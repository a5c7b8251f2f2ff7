"""Texts of a file into typed values, or a reason why not."""
