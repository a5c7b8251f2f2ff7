"""`python -m gridcredit` is the `gridcredit` command."""

from gridcredit.cli.app import app

if __name__ == "__main__":
    app()
