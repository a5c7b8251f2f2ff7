"""What a person does with samples of a supplier's files: draft a mapping, see what it would do."""
