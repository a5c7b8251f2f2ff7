"""China's rule for the power factor, (83) No. 215 of the Ministry of Water Resources and Electric Power, as its text
says it.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

# By standard: how far each reward goes per hundredth above it, and where the last one ends.
REWARDS = {
    Decimal("0.90"): [("0.95", "0.15")],
    Decimal("0.85"): [("0.90", "0.10"), ("0.94", "0.15")],
    Decimal("0.80"): [("0.90", "0.10"), ("0.92", "0.15")],
}


def power_factor_percentage(standard: Decimal, factor: Decimal) -> Decimal:
    """Percent added to a month's charges: hundredth by hundredth from the standard, the factor rounded to hundredths.

    Below it half a percent each for twenty hundredths, one percent each for five more, two percent each for all the
    rest.
    """
    hundredth = Decimal("0.01")
    factor = factor.quantize(hundredth, ROUND_HALF_UP)
    percentage, reached = Decimal(0), standard
    lacking = 0
    while reached > factor:
        lacking += 1
        reached -= hundredth
        percentage += Decimal("0.5") if lacking <= 20 else Decimal(1) if lacking <= 25 else Decimal(2)
    for end, reward in REWARDS[standard]:
        while reached < min(factor, Decimal(end)):
            reached += hundredth
            percentage -= Decimal(reward)
    return percentage
