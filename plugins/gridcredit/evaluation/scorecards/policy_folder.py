"""Writes a policy folder in which the scorecard is another than the base policy's, and all else is as it was."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from gridcredit.contract.features import features
from gridcredit.errors import GridCreditError
from gridcredit.evaluation.scorecards.fit import BOUND_DIGITS, Fitted, FittedBin
from gridcredit.pages.texts import Language, read_texts
from gridcredit.policies.checks import ALL_DIMENSIONS
from gridcredit.policies.folder import Policy, Rows, policy_files, write_files
from gridcredit.policies.store import read_policy
from gridcredit.settings import Settings


def scorecard_tables(fitted: Fitted, base: Policy, settings: Settings) -> dict[str, Rows]:
    """indicators, bins and reasons of a fitted scorecard; weights add up to 100 to the hundredth.

    Raises:
        GridCreditError: it has no indicator of a dimension that the base policy asks for.
    """
    dimensions = features(settings)
    _refuse_unmet([dimensions[one.name] for one in fitted.indicators], base)
    hundredths = _whole_hundredths({one.name: 100 * one.weight for one in fitted.indicators})
    indicators, bins, reasons = [], [], []
    for one in fitted.indicators:
        weight = hundredths[one.name]
        indicators.append(
            {
                "indicator": one.name,
                "dimension": dimensions[one.name],
                "weight": _decimal(weight),
                "not_for": one.not_for,
                "missing_points": _decimal(min(round(100 * one.missing_points), weight)),
            }
        )
        best = max(b.points for b in one.bins)
        for number, each in enumerate(one.bins, start=1):
            code = f"{one.name}:{number}"
            points = weight if each.points == best else min(round(100 * each.points), weight)
            bins.append(
                {
                    "indicator": one.name,
                    "bin": str(number),
                    "lower_bound": _bound(each.lower),
                    "upper_bound": _bound(each.upper),
                    "points": _decimal(points),
                    "reason_code": code,
                }
            )
            reasons.append({"reason_code": code} | _reason(one.name, each))
    used = {row["reason_code"] for table in ("vetoes", "transitions") for row in base.tables[table]}
    reasons = [row for row in base.tables["reasons"] if row["reason_code"] in used] + reasons
    return {"indicators": indicators, "reasons": reasons, "bins": bins}


def _refuse_unmet(dimensions: list[str], base: Policy) -> None:
    for needed in base.tables["required_weights"]:
        if needed["dimension"] not in (ALL_DIMENSIONS, *dimensions):
            raise GridCreditError(
                f"no {needed['dimension']} indicator is in the scorecard, and required_weights.csv of "
                f"{base.header.version} asks for {needed['min_share']} of that dimension's weight: name one by "
                "`--indicators`, or first approve a version without that row"
            )


def write_policy(
    out: Path,
    base: Policy,
    tables: Mapping[str, Rows],
    header: Mapping[str, object],
    settings: Settings,
) -> Policy:
    """Write the folder and read it back, checked like any other.

    Raises:
        GridCreditError: the folder already exists, or what was written is not a sound policy.
    """
    refuse_existing(out)
    document = base.header.model_dump(mode="json") | dict(header)
    out.parent.mkdir(parents=True, exist_ok=True)
    # Written beside and then named: what fails leaves no half of a folder.
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as made:
        folder = Path(made) / out.name
        write_files(folder, policy_files(document, {**base.tables, **tables}))
        read_policy(folder, settings)
        folder.rename(out)
    return read_policy(out, settings)


def refuse_existing(out: Path) -> None:
    """Raise a GridCreditError where a folder to be written already exists."""
    if out.exists():
        raise GridCreditError(f"{out} already exists: give the policy a folder of its own")


def _whole_hundredths(weights: Mapping[str, float]) -> dict[str, int]:
    """Weights in whole hundredths that add up to 100: the largest remainders are rounded up, so none is a hundredth
    off.
    """
    whole = {name: int(weight) for name, weight in weights.items()}
    by_remainder = sorted(weights, key=lambda name: whole[name] - weights[name])
    # A weight of less than a hundredth comes first: a policy has none of 0.
    by_remainder.sort(key=lambda name: whole[name] > 0)
    for name in by_remainder[: 10_000 - sum(whole.values())]:
        whole[name] += 1
    return whole


def _decimal(hundredths: int) -> str:
    return f"{hundredths / 100:.2f}"


def _bound(value: float | None) -> str:
    return "" if value is None else f"{value:.{BOUND_DIGITS}f}".rstrip("0").rstrip(".")


def _reason(indicator: str, each: FittedBin) -> dict[str, str]:
    low, high = _bound(each.lower), _bound(each.upper)
    spans: dict[Language, str] = {"en": f"from {low} to below {high}", "zh": f"{low}至{high}(不含)"}
    if not low:
        spans = {"en": f"below {high}", "zh": f"低于{high}"}
    elif not high:
        spans = {"en": f"{low} or more", "zh": f"{low}及以上"}
    return {f"text_{language}": f"{_label(language, indicator)}: {span}" for language, span in spans.items()}


def _label(language: Language, indicator: str) -> str:
    label: str = read_texts(language)["indicators_named"].get(indicator, indicator)
    return label
