"""GridCredit: customer credit management for power suppliers, as a data pipeline."""

__version__ = "0.2.0"
