"""What counts as a default is what policies/evaluation.yml says, in the nightly build too."""

from __future__ import annotations

import shutil
from datetime import timedelta

import yaml
from gridcredit.operations import pipeline

from tests.support.builders import SMALL_DAY
from tests.support.prepared import Prepared
from tests.support.waiting import rows
from tests.support.warehouses import WarehouseFactory


def test_a_changed_definition_of_default_rates_by_itself(new_warehouse: WarehouseFactory, small: Prepared) -> None:
    settings = new_warehouse(small)
    shipped, settings.policies_dir = settings.policies_dir, settings.home / "policies of its own"
    shutil.copytree(shipped, settings.policies_dir)
    path = settings.policies_dir / "evaluation.yml"
    rules = yaml.safe_load(path.read_text())
    rules["outcome"] |= {"default_days_overdue": 5, "indeterminate_days_overdue": 2}
    path.write_text(yaml.safe_dump(rules))

    pipeline.build_ratings("next", SMALL_DAY + timedelta(days=1), settings)

    because = rows(settings, "select built_because from lineage.runs where run_id = 'next'")
    assert because == [("the models, the policy or the settings changed",)]
    seen = rows(
        settings,
        "select is_in_default, pursued_days_overdue from credit.score join features.payment_behaviour using "
        "(as_of_date, customer_id)",
    )
    assert {is_in_default for is_in_default, days in seen if 5 < days <= 60} == {True}
    assert all(is_in_default == (days > 5) for is_in_default, days in seen)
