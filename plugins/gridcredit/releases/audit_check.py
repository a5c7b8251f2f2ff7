"""Checks this folder with nothing but Python's standard library: `python3 check.py [chain hash of an earlier release]`.

It computes again every hash, and of the sample each point, score, grade and limit. It ends with 1 where something
differs.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import re
import sys
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
Row = dict[str, str]
faults: list[str] = []


def expect(is_so: bool, what: str) -> None:
    """Note what does not hold."""
    if not is_so:
        faults.append(what)


def table(name: str) -> list[Row]:
    """A CSV file of the folder; the apostrophe before what a spreadsheet would take for a formula is left out."""
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return [{key: plain(value) for key, value in row.items()} for row in csv.DictReader(file)]


def plain(cell: str) -> str:
    """A cell as it was before an apostrophe was put before it."""
    return cell[1:] if re.match(r"'+[=+\-@\t\r\n＝＋－＠]", cell) else cell


def check_manifest() -> None:
    """Every file is there, as it was written, and no other."""
    lines = (FOLDER / "MANIFEST").read_text("utf-8").splitlines()
    listed = {line[66:]: line[:64] for line in lines}
    present = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()} - {"MANIFEST"}
    expect(set(listed) == present, f"MANIFEST: not the files that are here: {sorted(set(listed) ^ present)}")
    for name in set(listed) & present:
        expect(hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == listed[name], f"{name}: was changed")


def row_hash(text: str) -> int:
    """The first 64 bits of the MD5 of a row's text, without empty columns at its end."""
    number = int(hashlib.md5(text.rstrip(",)").encode(), usedforsecurity=False).hexdigest()[:16], 16)
    return number - (1 << 64) if number >= 1 << 63 else number


def fields_of(text: str) -> list[str]:
    """The columns of a row as Postgres writes it: quoted where needed, quotes and backslashes doubled."""
    quoted = r'"(?:[^"\\]|""|\\.)*"'
    found = re.findall(rf"((?:{quoted}|[^,\"])*)(?:,|$)", text[1:-1], re.DOTALL)
    return [re.sub(r"([\"\\])\1", r"\1", one[1:-1]) if one.startswith('"') else one for one in found]


def check_tables() -> list[str]:
    """Rows, their hashes and the sums of those; returns what the chain's hash says of tables."""
    lines = []
    for recorded in sorted(table("tables.csv"), key=lambda row: row["table_name"]):
        name, rows, total = recorded["table_name"], 0, 0
        with gzip.open(FOLDER / "tables" / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as file:
            reader = csv.reader(file)
            width = len(next(reader)) - 2
            for *columns, text, number in reader:
                rows, total = rows + 1, total + row_hash(text)
                expect(row_hash(text) == int(number), f"{name}: row {rows} has another hash")
                fields = fields_of(text)[:width]
                is_same = len(fields) == width and all(
                    # A row's text has one letter for true and false.
                    one in (field, {"t": "true", "f": "false"}.get(field))
                    for one, field in zip(map(plain, columns), fields, strict=True)
                )
                expect(is_same, f"{name}: row {rows} has other columns than its text")
        expect((rows, total) == (int(recorded["rows"]), int(recorded["row_hash_sum"])), f"{name}: other rows")
        lines.append(f"{name} {recorded['rows']} {recorded['row_hash_sum']}")
    return lines


def check_chain(tables: list[str], anchor: str | None) -> None:
    """The record of the run, and the link of this release to the one before."""
    *before, last = table("chain.csv")
    sealed = hashlib.sha256((FOLDER / "lineage.txt").read_bytes()).hexdigest()
    expect(sealed == last["lineage_hash"], "lineage.txt: is not the record that was sealed")
    lines = [before[-1]["chain_hash"] if before else "", last["release"], last["run_id"], last["as_of_date"], *tables]
    link = hashlib.sha256("\n".join([*lines, last["lineage_hash"]]).encode()).hexdigest()
    expect(link == last["chain_hash"], f"release {last['release']}: does not follow from the one before and its tables")
    if anchor:
        expect(anchor in {row["chain_hash"] for row in (*before, last)}, f"no release has the chain hash {anchor}")


# What lineage.txt states of each kind, by the columns of a table of the folder.
FACTS = {
    "file": (
        "inputs.csv",
        "file_id mapping file_name sha256 byte_size extract rows_read rows_accepted rows_quarantined row_hash_sum",
    ),
    "check": (
        "gates.csv",
        "gate suite expectation column_name severity success unexpected_count element_count detail",
    ),
    "model": ("models.csv", "unique_id status checksum"),
    "policy": ("policies.csv", "policy_version effective_from approver sha256"),
    "approval": ("approvals.csv", "approver is_approved reason checks"),
}


def check_record() -> None:
    """The tables say of the run what the record does, which the release's hash covers; and models are those that
    ran.
    """
    run = table("chain.csv")[-1]["run_id"]
    record = Counter((FOLDER / "lineage.txt").read_text("utf-8").splitlines())
    expect(any(line.startswith(f"run {run} ") for line in record), f"lineage.txt: is not of run {run}")
    for kind, (name, columns) in FACTS.items():
        facts = []
        for row in table(name):
            if row.get("run_id", run) == run:
                cells = (row[column] for column in columns.split())
                facts.append(" ".join([kind, *({"True": "t", "False": "f"}.get(cell, cell) for cell in cells if cell)]))
        # A text of several lines is several lines of the record.
        shown = Counter("\n".join(facts).splitlines())
        begun = {line: count for line, count in record.items() if line.startswith(f"{kind} ")}
        expect(shown >= Counter(begun) and record >= shown, f"{name}: says other than lineage.txt")
    checksums = {row["unique_id"].rpartition(".")[2]: row["checksum"] for row in table("models.csv")}
    for path in (FOLDER / "models").glob("*.source.sql"):
        digest = hashlib.sha256(path.read_text("utf-8").strip().encode()).hexdigest()
        expect(checksums.get(path.name.split(".")[1]) == digest, f"models/{path.name}: is not what was run")


def check_policies() -> None:
    """The hash of each policy, over its files."""
    recorded = {row["policy_version"]: row for row in table("policies.csv")}
    for version in sorted(path.name for path in (FOLDER / "policy").iterdir()):
        folder, digest = FOLDER / "policy" / version, hashlib.sha256()
        digest.update((folder / "policy.yml").read_bytes())
        # A version may have been signed without a table that came later.
        for name in recorded[version]["tables"].split():
            if (file := folder / f"{name}.csv").exists():
                digest.update(name.encode() + b"\0" + file.read_bytes())
        expect(digest.hexdigest() == recorded[version]["sha256"], f"policy {version}: is not the one that was signed")


def check_rating(rating: Row, indicators: list[Row]) -> None:
    """Points, score and grade of one customer."""
    who, policy = rating["customer_id"], f"policy/{rating['policy_version']}"
    bins = table(f"{policy}/bins.csv")
    rank = {row["grade"]: int(row["grade_rank"]) for row in table(f"{policy}/grades.csv")}
    available = [row for row in indicators if row["is_available"] == "True"]
    for row in available:
        value = Decimal(row["indicator_value"])
        fitting = [
            (Decimal(one["points"]), one["reason_code"])
            for one in bins
            if one["indicator"] == row["indicator"]
            and (not one["lower_bound"] or Decimal(one["lower_bound"]) <= value)
            and (not one["upper_bound"] or value < Decimal(one["upper_bound"]))
        ]
        expect(
            fitting == [(Decimal(row["points"]), row["reason_code"])],
            f"{who}: {row['indicator']} has other points",
        )
    of_missing = {row["indicator"]: row.get("missing_points") for row in table(f"{policy}/indicators.csv")}
    counted = [row for row in indicators if row["points"]]
    for row in counted:
        if row not in available:
            given = of_missing.get(row["indicator"])
            expect(
                bool(given) and Decimal(given or 0) == Decimal(row["points"]),
                f"{who}: {row['indicator']} has other points for a missing value",
            )
    if rating["score"]:
        points, weights = (sum((Decimal(row[name]) for row in counted), Decimal(0)) for name in ("points", "weight"))
        expect(weights == Decimal(rating["weight_available"]), f"{who}: another weight")
        score = (100 * points / (weights or 1)).quantize(Decimal("0.01"), ROUND_HALF_UP)
        expect(score == Decimal(rating["score"]), f"{who}: the score is {score}")
        floors = {row["grade"]: Decimal(row["min_score"]) for row in table(f"{policy}/grades.csv")}
        header = (FOLDER / policy / "policy.yml").read_text(encoding="utf-8")
        new = re.search(r"^new_customer_grade: *['\"]?([^'\"\s]+)", header, re.MULTILINE)
        if rating["grade_by_score"] == (new[1] if new else "NR"):
            # Of new customers the policy decides the grade, whatever they score.
            return
        by_score = min((grade for grade in rank if score >= floors[grade]), key=lambda grade: rank[grade])
        expect(by_score == rating["grade_by_score"], f"{who}: the score gives grade {by_score}")
        caps = {row["veto"]: row["best_grade"] for row in table(f"{policy}/vetoes.csv")}
        # In default nobody is better than the policy's grade for it, by default its worst.
        default = re.search(r"^default_grade: *['\"]?([^'\"\s]+)", header, re.MULTILINE)
        caps["in_default"] = default[1] if default else max(rank, key=lambda grade: rank[grade])
        if rating["veto"] in caps or not table(f"{policy}/transitions.csv"):
            worst = max((by_score, caps.get(rating["veto"], by_score)), key=lambda grade: rank[grade])
            expect(worst == rating["grade_by_policy"], f"{who}: the policy gives grade {worst}")
    expect(
        bool(rating["override_id"]) or rating["grade"] == rating["grade_by_policy"],
        f"{who}: another grade than the policy's, and no person's override",
    )


def check_limit(limit: Row) -> None:
    """The credit limit of one customer: mean monthly bill x peak-season factor x months, or the security."""
    months = {row["grade"]: row["limit_months"] for row in table(f"policy/{limit['policy_version']}/limits.csv")}
    granted = months.get(limit["grade"], "")
    if granted:
        mean = max(Decimal(limit["mean_monthly_bill"] or 0), Decimal(0))
        wanted = mean * Decimal(limit["peak_season_factor"] or 1) * Decimal(granted)
        # The mean is published to the cent.
        allowed = Decimal("0.01") * Decimal(limit["peak_season_factor"] or 1) * Decimal(granted) + Decimal("0.01")
    else:
        # No guarantee in releases of earlier versions; below zero nothing is secured.
        held = (limit.get(name) or 0 for name in ("deposit_amount", "guarantee_amount"))
        wanted, allowed = sum((max(Decimal(amount), Decimal(0)) for amount in held), Decimal(0)), Decimal(0)
    expect(abs(wanted - Decimal(limit["credit_limit"])) <= allowed, f"{limit['customer_id']}: the limit is {wanted}")


def main(arguments: list[str]) -> int:
    """Everything above; what does not hold, one a line."""
    check_manifest()
    check_chain(check_tables(), arguments[0] if arguments else None)
    check_record()
    check_policies()
    indicators, ratings = table("sample/indicators.csv"), table("sample/ratings.csv")
    for rating in ratings:
        check_rating(rating, [row for row in indicators if row["customer_id"] == rating["customer_id"]])
    for limit in table("sample/limits.csv"):
        check_limit(limit)
    for fault in faults:
        print(fault)  # noqa: T201
    print(f"{len(ratings)} customers of the sample; {f'{len(faults)} faults' if faults else 'all is as published'}")  # noqa: T201
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
