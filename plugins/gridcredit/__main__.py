"""`python -m gridcredit` is the `gridcredit` command."""

from gridcredit.cli import app

if __name__ == "__main__":
    app()
