"""The dashboard of a release: one page for a manager, self-contained, opened from disk."""
