"""A policy in words and tables, to be signed and handed out, and who has received it."""
