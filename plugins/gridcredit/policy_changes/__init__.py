"""Policies before they count: tried, compared, proposed, approved, withdrawn."""
