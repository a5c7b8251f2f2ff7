"""Releases: published, listed, compared, verified, rolled back, audited, and who may read them."""
