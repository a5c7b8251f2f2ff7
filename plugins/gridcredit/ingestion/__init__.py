"""Files into raw: found in landing, checked, converted, loaded or quarantined, and reverted."""
