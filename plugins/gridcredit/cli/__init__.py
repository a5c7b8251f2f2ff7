"""The command `gridcredit`, one module a subject."""
