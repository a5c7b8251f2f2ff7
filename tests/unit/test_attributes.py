"""What a supplier knows beside the contract's columns: declared once, typed at the door, and protected ones enter no
score.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from gridcredit.contract.attributes import read_attributes, typed_extract
from gridcredit.contract.features import features, protected_features
from gridcredit.errors import PolicyError
from gridcredit.ingestion.batch import Batch
from gridcredit.ingestion.conversion.convert import Converted, convert
from gridcredit.ingestion.mapping.read import load_mapping
from gridcredit.ingestion.mapping.rules import ExtractRule, FileRule
from gridcredit.ingestion.samples.preview import preview
from gridcredit.policies import read_policies, read_policy
from gridcredit.settings import PROJECT_DIR, Settings

from tests.support import shipped
from tests.support.page_commands import steps_of

DECLARED = """
attributes:
  direct_debit: {type: boolean, text: pays by direct debit}
  income_band: {type: code, values: [low, high], text: income}
  heated_m2: {type: number, text: heated area}
  contract_until: {type: date, text: end of the contract}
  remark: {type: text, text: what the clerk wrote}
  vulnerable: {type: boolean, protected: true, text: depends on electricity}
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The shipped policies, with these attributes."""
    folder = tmp_path / "policies"
    shutil.copytree(PROJECT_DIR / "policies", folder)
    (folder / "attributes.yml").write_text(DECLARED)
    return Settings(policies_dir=folder)


def converted(settings: Settings, rows: list[tuple[str, str, str]], **options: object) -> Converted:
    """Rows of customer, name and value."""
    file_rule = FileRule.model_validate({"pattern": "*", "extracts": {"customer_attribute": {}}} | options)
    customers, names, values = (pa.array(texts, pa.string()) for texts in zip(*rows, strict=True))
    days = pa.array(["01.01.2026"] * len(rows))
    columns = {"customer_id": customers, "name": names, "value": values, "valid_from": days}
    batch = Batch(columns, np.arange(2, 2 + len(rows)), [])
    return convert(batch, typed_extract("customer_attribute", settings), ExtractRule(), file_rule, "file.csv")


def test_each_value_has_the_type_of_its_name(settings: Settings) -> None:
    """A bad value or an unknown name is rejected with line, column and value; a value's fate does not depend on its
    neighbours.
    """
    found = converted(
        settings,
        [
            ("C1", "direct_debit", "Yes"), ("C1", "income_band", "low"), ("C1", "heated_m2", "1.234,5"),
            ("C1", "contract_until", "31.12.2026"), ("C1", "remark", "yes"), ("C1", "vulnerable", ""),
            ("C2", "direct_debit", "maybe"), ("C2", "income_band", "yes"), ("C2", "heated_m2", "many"),
            ("C2", "contract_until", "2026-12-31"), ("C2", "shoe_size", "43"), ("C2", "direct_debit", "0"),
        ],
        decimal_separator=",", thousands_separator=".", date_format="%d.%m.%Y",
    )  # fmt: skip
    assert found.rows["value"].to_pylist()[:5] == ["true", "low", "1234.5", "2026-12-31", "yes"]
    assert found.rows["value"].to_pylist()[5::6] == [None, "false"]
    assert found.keep.tolist() == [True] * 6 + [False] * 5 + [True]
    assert [(bad.index, bad.column, bad.value, bad.reason) for bad in found.rejected] == [
        (6, "value", "maybe", "of direct_debit is not yes or no"),
        (7, "value", "yes", "of income_band is not one of low, high"),
        (8, "value", "many", "of heated_m2 is not a number that fits numeric(18, 4)"),
        (9, "value", "2026-12-31", "of contract_until is not a date written as %d.%m.%Y"),
        (10, "name", "shoe_size", "is not declared in policies/attributes.yml"),
    ]


def test_what_the_shipped_file_declares() -> None:
    settings = Settings()
    assert {name: one.protected for name, one in read_attributes(settings).items()} == {
        "direct_debit": False,
        "income_band": False,
        "social_tariff": True,
        "vulnerable": True,
    }


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: {type: code, text: t}", "a code has some"),
        ("a: {type: number, text: t, values: [x]}", "`values` are those of a code"),
        ("a: {type: boolean, text: ''}", "at least 1 character"),
        ("a: {type: colour, text: t}", "'boolean', 'code', 'number', 'date' or 'text'"),
        ("Ä: {type: boolean, text: t}", "should match pattern"),
        ("a: {type: code, text: t, values: [x y]}", "should match pattern"),
        ("a: {type: boolean, text: t, protectd: true}", "Extra inputs"),
        ("a: {type: code, text: t, values: [b_c]}\n  a_b: {type: code, text: t, values: [c]}", "'attribute_a_b_c'"),
        ("a: {type: boolean, text: t}\n  a: {type: number, text: t}", "given twice"),
    ],
)
def test_a_declaration_that_cannot_be_meant_is_refused(settings: Settings, text: str, why: str) -> None:
    (settings.policies_dir / "attributes.yml").write_text(f"attributes:\n  {text}\n")
    with pytest.raises(PolicyError, match=why):
        read_attributes(settings)


def test_without_the_file_there_are_none(settings: Settings) -> None:
    (settings.policies_dir / "attributes.yml").unlink()
    assert read_attributes(settings) == {}
    assert not any(name.startswith("attribute_") for name in features(settings))


def test_attributes_are_features_and_protected_ones_no_candidates(settings: Settings) -> None:
    """What a scorecard is fitted to are the keys of `features`."""
    assert [name for name in features(settings) if name.startswith("attribute_")] == [
        "attribute_direct_debit",
        "attribute_income_band_low",
        "attribute_income_band_high",
        "attribute_heated_m2",
    ]
    assert protected_features(settings) == ["attribute_vulnerable"]


def with_rows(settings: Settings, file: str, text: str, header: str = "") -> Path:
    """The default policy with more rows in a file."""
    folder = settings.policies_dir / "default" / shipped.NUMBER
    with (folder / file).open("a", encoding="utf-8") as rows:
        rows.write(f"{header}{text}\n")
    return folder


HOLDS = "held_by,feature,comparator,threshold,step,text_en,text_zh\n"


@pytest.mark.parametrize(
    ("file", "text", "header"),
    [
        ("indicators.csv", "attribute_vulnerable,payment,0,", ""),
        ("bins.csv", "attribute_vulnerable,1,,1,0,OT6", ""),
        ("vetoes.csv", "poor,attribute_vulnerable,=,1,B,VO4", ""),
        ("advice_rules.csv", "poor,safety,attribute_vulnerable,=,1,,en,zh", ""),
    ],
)
def test_a_protected_attribute_enters_no_score(settings: Settings, file: str, text: str, header: str) -> None:
    with pytest.raises(PolicyError, match=rf"{file}: 'attribute_vulnerable' is of a protected attribute"):
        read_policy(with_rows(settings, file, text, header), settings)
    # The same attribute, not protected, is known.
    declared = settings.policies_dir / "attributes.yml"
    declared.write_text(declared.read_text().replace("protected: true, ", ""))
    try:
        read_policy(settings.policies_dir / "default" / shipped.NUMBER, settings)
    except PolicyError as error:
        # A weight and bins of its own alone are no scorecard.
        assert "of a protected attribute" not in str(error)
        assert "no feature" not in str(error)


@pytest.mark.parametrize(
    ("declared", "changed"),
    [
        ("  heated_m2: {type: number, text: heated area}\n", ""),
        ("heated_m2: {type: number", "heated_m2: {type: number, protected: true"),
    ],
)
def test_an_attribute_that_is_gone_or_protected_since_stops_no_version_that_another_has_followed(
    settings: Settings, declared: str, changed: str
) -> None:
    def name_it(version: str) -> None:
        with (settings.policies_dir / "default" / version / "vetoes.csv").open("a", encoding="utf-8") as file:
            file.write("cold,attribute_heated_m2,>,900,B,VO4\n")

    name_it("1.0")
    versions = {one.header.version for one in read_policies(settings)}
    path = settings.policies_dir / "attributes.yml"
    assert declared in path.read_text()
    path.write_text(path.read_text().replace(declared, changed))
    assert {one.header.version for one in read_policies(settings)} == versions
    name_it(shipped.NUMBER)
    with pytest.raises(PolicyError, match=r"1\.2/vetoes\.csv: 'attribute_heated_m2' is"):
        read_policies(settings)


@pytest.mark.parametrize(
    ("file", "text", "header"),
    [
        ("warning_conditions.csv", "overdue_60_days,attribute_vulnerable,=,1", ""),
        ("review_rules.csv", "vulnerable,attribute_vulnerable,=,1,12,,en,zh", ""),
        ("dunning_holds.csv", "vulnerable,attribute_vulnerable,=,1,cut_off,en,zh", HOLDS),
        ("dunning_holds.csv", "poor,attribute_income_band_low,=,1,,en,zh", HOLDS),
        ("vetoes.csv", "poor,attribute_income_band_low,=,1,B,VO4", ""),
        ("advice_rules.csv", "debit,safety,attribute_direct_debit,=,0,,en,zh", ""),
    ],
)
def test_what_may_name_an_attribute(settings: Settings, file: str, text: str, header: str) -> None:
    read_policy(with_rows(settings, file, text, header), settings)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("vulnerable,attribute_rich,=,1,cut_off,en,zh", "'attribute_rich' is no feature"),
        ("vulnerable,attribute_remark,=,1,cut_off,en,zh", "'attribute_remark' is no feature"),
        ("vulnerable,attribute_vulnerable,=,yes,cut_off,en,zh", "'yes' is not a number"),
        ("vulnerable,attribute_vulnerable,=,1,blackout,en,zh", "'blackout' is none of call, sms"),
        ("dispute,attribute_vulnerable,=,1,cut_off,en,zh", "'dispute' is a hold that every policy has"),
        ("vulnerable,attribute_vulnerable,=,1,cut_off,en,", "has no text in both languages"),
        ("o'clock,attribute_vulnerable,=,1,cut_off,en,zh", "has a quote or a backslash in it"),
    ],
)
def test_a_hold_that_cannot_be_meant_is_refused(settings: Settings, text: str, why: str) -> None:
    with pytest.raises(PolicyError, match=why):
        read_policy(with_rows(settings, "dunning_holds.csv", text, HOLDS), settings)


def test_a_further_column_comes_in_by_naming_it(settings: Settings, tmp_path: Path) -> None:
    """By the mapping and the sample of docs/how-to/bring_a_further_column.md: of each column a row, where it has a
    value.
    """
    page = (PROJECT_DIR / "docs" / "how-to" / "bring_a_further_column.md").read_text(encoding="utf-8")
    for step in steps_of(page):
        for name, content in step.files.items():
            (tmp_path / Path(name).name).write_text(content, encoding="utf-8")
    (settings.policies_dir / "attributes.yml").write_text(
        f"{DECLARED}  meter_in_cellar: {{type: boolean, text: in the cellar}}\n"
    )
    mapping = load_mapping(tmp_path / "mine.yml")
    found = preview(mapping, tmp_path / "customers.csv", settings=settings)
    part = found.after["customer_attribute"]
    assert [list(row.values()) for row in part.rows] == [
        ["C00000001", "direct_debit", "true", "2026-01-10", None],
        ["C00000002", "direct_debit", "false", "2026-02-01", None],
    ]
    assert (part.filtered, [(line, bad.value) for line, bad in part.first_rejected]) == (1, [(3, "maybe")])
    assert found.verdict(mapping.files[0]) == "would be refused: 1 of 3 customer_attribute rows are bad, over 5.0%"
    (settings.policies_dir / "attributes.yml").write_text(DECLARED)
    part = preview(mapping, tmp_path / "customers.csv", settings=settings).after["customer_attribute"]
    assert part.reasons == {"name is not declared in policies/attributes.yml": 1}
