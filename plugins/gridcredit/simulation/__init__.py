"""A simulated supplier: customers whose hidden creditworthiness drives how they use and pay. Same seed, same bytes."""

from gridcredit.simulation.supplier import simulate

__all__ = ["simulate"]
