"""Every layer from bills to warnings and receivables, against the oracle, on simulated and on wild customers."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gridcredit import pipeline, policy, runs, transform
from gridcredit.extracts.contract import BILL, CUSTOMER, EXTRACTS, PAYMENT, Extract
from gridcredit.extracts.loader import load_file
from gridcredit.extracts.mapping import load_mappings
from gridcredit.policy.simulation import simulate_policy
from gridcredit.settings import PROJECT_DIR, Settings
from gridcredit.simulate import simulate
from gridcredit.warehouse import connect
from psycopg import sql

from tests.conftest import WarehouseFactory
from tests.dbt import oracle, service_oracle, usage_oracle, warning_oracle
from tests.dbt.delivered import Delivered, all_features, as_oracles_read, read_rows
from tests.dbt.wild import draw_rows, reformed_rows, wild_conduct, wild_customer, wild_meter

DAYS = [
    date(2025, 12, 31),
    date(2026, 2, 28),
    date(2026, 3, 31),
    date(2026, 4, 30),
    date(2026, 5, 31),
    date(2026, 6, 19),
]
POLICY = oracle.Policy(PROJECT_DIR / "policies" / "default" / "1.0")


FeaturesByDay = dict[tuple[date, str], oracle.Features]


@dataclass
class Built:
    settings: Settings
    ledger: oracle.Ledger
    months: dict[str, dict[int, usage_oracle.Month]]
    differences: dict[str, tuple[Decimal, ...]]
    delivered: Delivered

    def rows(self, query: Any) -> list[tuple[Any, ...]]:
        with connect(self.settings) as connection:
            return connection.execute(query).fetchall()


def bill_wrongly(path: Path) -> dict[str, tuple[Decimal, ...]]:
    """Change parts of some of the simulator's bills, which are otherwise exact; by bill the differences of parts and sum."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    parts = ("energy_charge", "demand_charge", "adjustment")
    found: dict[str, tuple[Decimal, ...]] = {}
    # The last is within the policy's tolerance of 0.05, and no difference to tell.
    wrong: dict[int, tuple[str | int, ...]] = {
        97: ("12.34", 0, 0),
        101: (0, "-5.00", "3.21"),
        103: ("0.06", 0, 0),
        107: (0, 0, "0.05"),
    }
    for number, row in enumerate(rows):
        for each, changes in wrong.items():
            if number % each == 5 and row["bill_id"] not in found:
                changed = tuple(Decimal(change) for change in changes)
                for part, change in zip(parts, changed, strict=True):
                    row[part] = str(Decimal(row[part] or 0) + change)
                row["amount"] = str(Decimal(row["amount"]) + sum(changed))
                found[row["bill_id"]] = (*changed, sum(changed, Decimal(0)))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return {bill: changed for bill, changed in found.items() if any(abs(one) > Decimal("0.05") for one in changed)}


def write(path: Path, extract: Extract, rows: list[dict[str, object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [column.name for column in extract.columns], restval="")
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def built(new_warehouse: WarehouseFactory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    settings = new_warehouse()
    folder = tmp_path_factory.mktemp("files")
    simulate(250, 24, 3, folder)
    differences = bill_wrongly(folder / "bill.csv")
    paths = [
        folder / f"{name}.csv"
        for name in (
            "customer",
            "bill",
            "payment",
            "tariff",
            "meter",
            "meter_reading",
            "department_notice",
            "warning_acknowledgement",
            *oracle.CONDUCT,
        )
    ]
    wild = draw_rows(250, wild_customer)
    for extract in (CUSTOMER, BILL, PAYMENT):
        # Delivered twice, the second time corrected: the newest delivery of a key wins.
        first = [row | {"amount": "1.00"} if "amount" in row else row for row in wild[extract.name][:50]]
        if extract is CUSTOMER:
            # A contract that was another one until April: what is as of an earlier day reads the earlier one.
            first = [row | {"deposit_amount": 777, "contract_capacity_kva": 20} for row in first]
            for row in wild["customer"][:50]:
                row["updated_at"] = "2026-04-15 09:00:00"
        for name, rows in (("first", first), ("wild", wild[extract.name])):
            path = folder / f"{extract.name}_{name}_{extract.name}.csv"
            write(path, extract, rows)
            paths.append(path)
    drawn = [str(row["customer_id"]) for row in wild["customer"]]
    meters = round(1.3 * len(drawn) / 2)
    for told, batch in {
        "wild": draw_rows(len(drawn) // 3, lambda rng, number: wild_conduct(drawn[3 * number], rng, number))
        | draw_rows(meters, lambda rng, number: wild_meter(drawn[2 * number % len(drawn)], DAYS[-1], rng, number)),
        "reformed": reformed_rows(5),
    }.items():
        for name, rows in batch.items():
            path = folder / f"{name}_{told}_{name}.csv"
            write(path, EXTRACTS[name], rows)
            paths.append(path)
    mapping = load_mappings(settings.mappings_dir)["demo"]
    for path in paths:
        counts = load_file(path, mapping, settings).counts
        assert all(count.quarantined == 0 for count in counts.values())
    runs.start_run("oracle", DAYS[-1], settings)
    policy.load_policies(settings)
    transform.build("oracle", DAYS, settings)
    delivered = read_rows(paths)
    yield Built(settings, *as_oracles_read(delivered), differences, delivered)


@pytest.fixture(scope="module")
def features(built: Built) -> FeaturesByDay:
    found: FeaturesByDay = {}
    for day in DAYS:
        for customer in built.ledger.customers:
            if customer.opened_on <= day:
                months = built.months.get(customer.customer_id, {})
                found[day, customer.customer_id] = all_features(POLICY, built.ledger, customer, months, day)
    return found


Rated = dict[tuple[date, str], oracle.Rating]


@pytest.fixture(scope="module")
def ratings(built: Built, features: FeaturesByDay) -> Rated:
    customers = {customer.customer_id: customer for customer in built.ledger.customers}
    return {key: oracle.rate(POLICY, built.ledger, customers[key[1]], found, key[0]) for key, found in features.items()}


def dated(table: str, columns: str) -> str:
    """Rows of a table of the last day and of its twin of month-ends, with their dates."""
    last_day = f"select date '{DAYS[-1]}' as as_of_date, {columns} from {table}"
    return f"{last_day} union all select as_of_date, {columns} from {table}_at_month_end"


def test_open_bills(built: Built) -> None:
    got = {
        (day, bill): rest
        for day, bill, *rest in built.rows(
            dated("archive.open_bill", "bill_id, customer_id, amount, open_amount, due_on")
        )
    }
    want = {
        (day, state.bill.bill_id): [customer.customer_id, state.bill.amount, state.open, state.bill.due_on]
        for day in DAYS
        for customer in built.ledger.customers
        for state in oracle.bills_as_of(built.ledger, customer.customer_id, day)
        if state.open > 0
    }
    assert len(want) > 1000
    assert got == want


def test_features(built: Built, features: FeaturesByDay) -> None:
    names = ["on_time_rate_12m", "avg_days_late_12m", "times_over_30d_12m", "overdue_months", "bounced_12m"]
    names += ["max_days_overdue", "next_due_on", "theft_or_breach_36m", "open_theft_cases", "external_risk"]
    names += ["insolvency_listings", "dishonest_debtor_listings", "investigated_standing", "tenure", "service_change"]
    names += ["party_change", "security", "usage_trend", "capacity_use", "evasion_signal", "bill_size"]
    names += [
        "worst_days_late_12m",
        "overdue_bills",
        "theft_24m",
        "breach_12m",
        "safety_findings_12m",
        "court_listings",
    ]
    names += ["closing_orders_6m", "months_since_review"]
    names += ["regulatory_listings", "broken_promises_12m", "load_factor_12m", "peak_share_12m", "power_factor_12m"]
    names += ["usage_against_segment", "usage_growth_12m", "estimated_months_12m", "gap_months_12m", "tamper_events_6m"]
    opened = {customer.customer_id: customer.opened_on for customer in built.ledger.customers}
    got: FeaturesByDay = {}
    for day, customer, *values in built.rows(dated("features.customer_feature", f"customer_id, {', '.join(names)}")):
        if opened[customer] <= day:
            found = {name: value for name, value in zip(names, values, strict=True) if value is not None}
            if "next_due_on" in found:
                found["days_to_next_due"] = Decimal((found.pop("next_due_on") - day).days)
            got[day, customer] = found
    differing = {
        (key, name): (got[key].get(name), want.get(name))
        for key, want in features.items()
        for name in want.keys() | got[key].keys()
        if got[key].get(name) != want.get(name)
    }
    assert differing == {}
    assert got.keys() == features.keys()


def test_months_of_use(built: Built) -> None:
    got = {
        (customer, 12 * month.year + month.month): tuple(rest)
        for customer, month, *rest in built.rows(
            "select customer_id, usage_month, energy_kwh, reactive_kvarh, max_demand_kw, coalesce(days_measured, 0), "
            "coalesce(has_gap, false), readings, estimated_readings, tamper_events, reverse_events from archive.usage_month"
        )
    }
    want = {
        (customer, number): (
            month.energy, month.amounts.get("reactive"), month.amounts.get("demand"), month.days, month.has_gap,
            len(month.spans), month.estimated,
            sum(kind == "tamper" for kind, _ in month.events), sum(kind == "reverse" for kind, _ in month.events),
        )
        for customer, months in built.months.items()
        for number, month in months.items()
    }  # fmt: skip
    assert len(want) > 5000
    assert got == want
    assert built.rows(
        "select sum(roll_overs) > 20, bool_or(has_gap), sum(reverse_events) > 20 from archive.usage_month"
    ) == [(True, True, True)]


def test_ratings(built: Built, ratings: Rated) -> None:
    got = {
        (day, customer): (grade, rank, score)
        for day, customer, grade, rank, score in built.rows(
            dated("ratings.rating", "customer_id, grade, grade_rank, score")
        )
    }
    assert got == ratings
    assert {grade for grade, _, _ in ratings.values()} == {"AAA", "AA", "A", "BBB", "BB", "B", "C", "D", "NR"}


def test_points_and_reasons_add_up_to_the_score(built: Built, features: FeaturesByDay) -> None:
    customers = {customer.customer_id: customer for customer in built.ledger.customers}
    got: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for customer, indicator, points in built.rows(
        "select customer_id, indicator, points from ratings.indicator_points"
    ):
        got[customer][indicator] = points
    want = {
        customer: {
            name: POLICY.points(name, found[name]) for name in oracle.indicators_of(POLICY, customers[customer], found)
        }
        for (day, customer), found in features.items()
        if day == DAYS[-1]
    }
    assert {customer: got.get(customer, {}) for customer in want} == want


def test_the_life_of_warnings(built: Built, features: FeaturesByDay, ratings: Rated) -> None:
    """Every rule, as each look at a customer finds it, lived day by day from the first month-end on."""
    last_day = DAYS[-1]
    looked: dict[str, list[date]] = defaultdict(list)
    for customer, day in built.rows("select customer_id, as_of_date from features.payment_behaviour_on_warning_day"):
        looked[customer].append(day)
    acknowledged: dict[tuple[str, str], list[date]] = defaultdict(list)
    for row in built.delivered["warning_acknowledgement"].values():
        acknowledged[row["customer_id"], row["rule"]].append(date.fromisoformat(row["acknowledged_on"]))
    sample = built.ledger.customers[::4]
    want: set[tuple[object, ...]] = set()
    events: set[tuple[object, ...]] = set()
    for customer in sample:
        name = customer.customer_id
        met: dict[date, set[str]] = {}
        for day in sorted({*DAYS[:-1], *looked[name]}):
            if day < customer.opened_on:
                continue
            found = features.get((day, name)) or all_features(
                POLICY, built.ledger, customer, built.months.get(name, {}), day
            )
            rating = ratings.get((day, name)) or oracle.rate(POLICY, built.ledger, customer, found, day)
            before = ratings.get((oracle.previous_month_end(day), name), ("", None, None))[1]
            facts = warning_oracle.facts_of(POLICY, built.ledger, customer, found, rating, before, day)
            met[day] = oracle.warnings(POLICY, customer.segment, facts)
        for rule in POLICY.rows("warning_rules") if met else []:
            looks = {day: rule["rule"] in rules for day, rules in met.items()}
            for one, happened in warning_oracle.live(rule, looks, acknowledged[name, rule["rule"]], last_day):
                status = "cleared" if one.cleared_on else "acknowledged" if one.acknowledged_on else "open"
                want.add((name, one.rule, one.opened_on, one.level, status, one.is_reopened))
                events |= {(name, one.rule, one.opened_on, *event) for event in happened}
    names = sql.Literal([customer.customer_id for customer in sample])
    got = built.rows(
        sql.SQL(
            "select customer_id, rule, opened_on, level, status, is_reopened from warnings.warning "
            "where customer_id = any({})"
        ).format(names)
    )
    assert set(got) == want
    got = built.rows(
        sql.SQL(
            "select customer_id, rule, opened_on, event, happened_on from warnings.warning_history "
            "where customer_id = any({})"
        ).format(names)
    )
    assert set(got) == events
    assert {status for *_, status, _ in want} == {"open", "acknowledged", "cleared"}
    seen = {rule for (rule,) in built.rows("select distinct rule from warnings.warning")}
    assert seen == {row["rule"] for row in POLICY.rows("warning_rules")}


def test_no_day_of_a_warning_is_missed(built: Built) -> None:
    """What debts and cases alone decide is found on its very day, though most days are not looked at."""
    held: dict[tuple[str, str], list[tuple[date, date]]] = defaultdict(list)
    for customer, rule, start, end in built.rows(
        "select customer_id, rule, met_from, coalesce(met_until, date '9999-12-31') from warnings.rule_met"
    ):
        held[customer, rule].append((start, end))
    days = [DAYS[0] + timedelta(days=number) for number in range((DAYS[-1] - DAYS[0]).days + 1)]
    differing = set()
    for customer in built.ledger.customers[::10]:
        name = customer.customer_id
        for day in days:
            if day < customer.opened_on:
                continue
            bills = oracle.bills_as_of(built.ledger, name, day)
            overdue = max(((day - state.bill.due_on).days for state in bills if state.open > 0), default=0)
            theft = any(
                fact.extract == "inspection" and fact.kind == "theft" and fact.day <= day
                and (fact.until is None or fact.until > day)
                for fact in built.ledger.facts_of[name]
            )  # fmt: skip
            for rule, is_met in (("overdue_30_days", overdue > 30), ("theft_unsettled", theft)):
                if is_met != any(start <= day < end for start, end in held[name, rule]):
                    differing.add((name, rule, day))
    assert differing == set()


def test_credit_limits(built: Built, ratings: Rated) -> None:
    modes = {row["grade"]: row["payment_mode"] for row in POLICY.rows("limits")}
    day = DAYS[-1]
    want = {}
    for customer in built.ledger.customers:
        if (day, customer.customer_id) not in ratings:
            continue
        grade = ratings[day, customer.customer_id][0]
        limit, exposure = service_oracle.limit_and_exposure(POLICY, built.ledger, customer, grade, day)
        used = oracle.rounded(exposure / limit, 4) if limit else None
        want[customer.customer_id] = (limit, exposure, limit - exposure, used, modes[grade])
    got = built.rows(
        "select customer_id, credit_limit, exposure, headroom, utilisation, recommended_payment_mode "
        "from candidate.credit_limit"
    )
    assert {customer: tuple(rest) for customer, *rest in got} == want
    assert any(headroom < 0 for _, _, headroom, _, _ in want.values())


def test_overrides_stand_beside_the_policys_grade(built: Built, features: FeaturesByDay, ratings: Rated) -> None:
    customers = {customer.customer_id: customer for customer in built.ledger.customers}
    got = built.rows(
        "select customer_id, grade, grade_by_policy, override_id is not null, override_approver_id, "
        "override_ends_on >= date '2026-06-19' from candidate.customer_rating"
    )
    overridden = 0
    for customer, grade, by_policy, is_override, approver, still_stands in got:
        found = features[DAYS[-1], customer]
        assert grade == ratings[DAYS[-1], customer][0]
        assert by_policy == oracle.rate_by_policy(POLICY, customers[customer], found, DAYS[-1])[0]
        override = oracle.override_of(built.ledger, customer, DAYS[-1], {grade for grade, _, _ in POLICY.grades})
        assert is_override == (override is not None)
        assert (approver is not None) == is_override
        assert still_stands == (True if is_override else None)
        overridden += is_override
    assert len(got) == sum(day == DAYS[-1] for day, _ in features)
    assert overridden > 5


def test_a_three_grade_policy_on_trial(built: Built, features: FeaturesByDay, ratings: Rated, tmp_path: Path) -> None:
    """The regional policy, never in force, rates every customer as the oracle does; nothing of the trial stays."""
    day, month_end = DAYS[-1], DAYS[-2]
    regional = oracle.Policy(PROJECT_DIR / "policies" / "regional" / "1.0")
    out = tmp_path / "changes.csv"
    simulation = simulate_policy(policy.read_policy(regional.folder), day, built.settings, out=out)
    want = {
        customer.customer_id: oracle.rate(
            regional,
            built.ledger,
            customer,
            features[day, customer.customer_id],
            day,
            features.get((month_end, customer.customer_id)),
        )
        for customer in built.ledger.customers
        if (day, customer.customer_id) in features
    }
    moves = Counter((ratings[day, customer][0], grade) for customer, (grade, _, _) in want.items())
    assert {(move.grade_before, move.grade_after): move.customers for move in simulation.moves} == moves
    with out.open(newline="") as file:
        changed = {
            row["customer_id"]: (row["grade_after"], Decimal(row["score_after"])) for row in csv.DictReader(file)
        }
    for customer, (grade, _, score) in want.items():
        if grade != ratings[day, customer][0]:
            assert changed.pop(customer) == (grade, score)
    assert changed == {}
    assert {grade for _, grade in moves} >= {"A", "B", "C"}
    held_back = [
        customer.customer_id
        for customer in built.ledger.customers
        if (found := features.get((day, customer.customer_id))) and (day, customer.customer_id) in features
        if oracle.rate_by_policy(regional, customer, found, day)[0] == "A" and want[customer.customer_id][0] == "B"
    ]
    assert held_back
    assert built.rows("select nspname from pg_namespace where nspname like 'simulated%'") == []


def test_classes_advice_and_reviews(built: Built, features: FeaturesByDay, ratings: Rated) -> None:
    day = DAYS[-1]
    prices: dict[tuple[str, str], tuple[Decimal, Decimal | None]] = {
        (row["tariff_code"], row["register"]): (
            Decimal(row["unit_price"]), Decimal(row["demand_price"]) if row["demand_price"] else None,
        )
        for row in built.delivered["tariff"].values()
    }  # fmt: skip
    surcharges: dict[str, list[tuple[date, Decimal]]] = defaultdict(list)
    for row in built.delivered["bill"].values():
        if row["adjustment"] and not row["reverses_bill_id"]:
            surcharges[row["customer_id"]].append((date.fromisoformat(row["issued_on"]), Decimal(row["adjustment"])))
    notices: dict[str, list[date]] = defaultdict(list)
    for row in built.delivered["department_notice"].values():
        notices[row["customer_id"]].append(date.fromisoformat(row["noted_on"]))
    classes: dict[str, str] = {}
    advice: dict[tuple[str, str], Decimal | None] = {}
    reviews: dict[str, tuple[str, date]] = {}
    for customer in built.ledger.customers:
        name = customer.customer_id
        if (day, name) not in features:
            continue
        found, rank = features[day, name], ratings[day, name][1]
        classes[name] = service_oracle.class_of(POLICY, found, rank)
        months = built.months.get(name, {})
        mine = service_oracle.advice_of(POLICY, customer, found, months, prices, surcharges, day)
        advice |= {(name, one): money for one, money in mine.items()}
        before = ratings.get((oracle.previous_month_end(day), name), ("", None, None))[1]
        facts = dict(found) | ({"grade_rank": Decimal(rank)} if rank else {})
        if rank and before:
            facts["grade_steps_down"] = Decimal(rank - before)
        due = service_oracle.review_of(POLICY, built.ledger, customer, facts, notices[name], day)
        if due:
            reviews[name] = due
    assert dict(built.rows("select customer_id, customer_class from candidate.customer_class")) == classes
    got = built.rows("select customer_id, advice, money_at_stake from candidate.customer_advice")
    found_advice = {(customer, one): money for customer, one, money in got}
    assert {
        key: (found_advice.get(key), advice.get(key))
        for key in found_advice.keys() | advice.keys()
        if found_advice.get(key, 0) != advice.get(key, 0)
    } == {}
    due_rows = built.rows("select customer_id, review_rule, due_on from candidate.investigation_due")
    assert {customer: (rule, due_on) for customer, rule, due_on in due_rows} == reviews
    assert set(classes.values()) == {row["customer_class"] for row in POLICY.rows("customer_classes")}
    assert {one for _, one in advice} == {row["advice"] for row in POLICY.rows("advice_rules")}
    assert {rule for rule, _ in reviews.values()} == {row["review_rule"] for row in POLICY.rows("review_rules")}


def test_bills_that_differ_from_readings_and_tariff(built: Built) -> None:
    got = {
        bill: tuple(differences)
        for bill, *differences in built.rows(
            "select bill_id, energy_difference, demand_difference, adjustment_difference, difference "
            "from candidate.bill_verification"
        )
    }
    assert len(built.differences) > 100
    assert got == built.differences
    # Wild bills name no charges, and are not computed again.
    (checked,) = built.rows("select count(*) from billing.bill_check where outcome = 'agrees'")[0]
    assert checked == sum(bill.bill_id.startswith("B") for bill in built.ledger.bills) - len(got)


def test_ageing(built: Built) -> None:
    want: dict[tuple[object, ...], Decimal] = defaultdict(Decimal)
    for day in DAYS:
        for customer in built.ledger.customers:
            for state in oracle.bills_as_of(built.ledger, customer.customer_id, day):
                if state.open > 0:
                    bucket = oracle.ageing_bucket((day - state.bill.due_on).days)
                    want[day, customer.region, customer.segment, bucket] += state.open
    got = {
        tuple(row[:4]): row[4]
        for row in built.rows(
            "select as_of_date, region, segment, ageing_bucket, open_amount from receivables.receivable_ageing"
        )
    }
    assert got == dict(want)


def test_collection_and_dso(built: Built) -> None:
    ledger = built.ledger
    place = {customer.customer_id: (customer.region, customer.segment) for customer in ledger.customers}
    amounts: dict[tuple[object, ...], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 3)
    for day in DAYS:

        def in_month(moment: date | None, day: date = day) -> bool:
            return moment is not None and (moment.year, moment.month) == (day.year, day.month) and moment <= day

        for bills in ledger.bills_of.values():
            for bill in bills:
                cell = amounts[(day, *place[bill.customer_id])]
                cell[0] += bill.amount * (
                    in_month(bill.issued_on) - in_month(ledger.bill_reversed_on.get(bill.bill_id))
                )
        for payments in ledger.payments_of.values():
            for payment in payments:
                cell = amounts[(day, *place[payment.customer_id])]
                bounced = in_month(ledger.payment_reversed_on.get(payment.payment_id))
                cell[1] += payment.amount * (in_month(payment.paid_on) - bounced)
        for customer in ledger.customers:
            for state in oracle.bills_as_of(ledger, customer.customer_id, day):
                amounts[(day, *place[customer.customer_id])][2] += state.open
    got = built.rows(
        "select as_of_date, region, segment, billed_amount, collected_amount, receivable_amount, dso, collection_rate "
        "from receivables.receivable_month"
    )
    seen = set()
    for day, region, segment, billed, collected, receivable, dso, rate in got:
        assert [billed, collected, receivable] == amounts[day, region, segment]
        seen.add((day, region, segment))
        if billed > 0:
            assert dso == oracle.rounded(receivable / billed * day.day, 2)
            assert rate == oracle.rounded(collected / billed, 4)
        else:
            assert dso is None
            assert rate is None
    assert all(not any(cell) for key, cell in amounts.items() if key not in seen)


def test_days_late_equals_the_ibm_publishers_own(new_warehouse: WarehouseFactory, ibm_ledger: Path) -> None:
    settings = new_warehouse()
    load_file(ibm_ledger, load_mappings(settings.mappings_dir)["ibm_receivables"], settings)
    release = pipeline.build_ratings("ibm", date(2013, 12, 31), settings)
    assert release.is_new
    with ibm_ledger.open(newline="") as file:
        rows = list(csv.DictReader(file))
    want = {row["invoiceNumber"]: int(row["DaysLate"]) for row in rows}
    with connect(settings) as connection:
        got: dict[str, int] = dict(
            connection.execute(
                "select distinct on (bill_id) bill_id, greatest(settled_on - due_on, 0) from archive.bill_state "
                "order by bill_id, valid_from desc"
            ).fetchall()
        )
        (total,) = connection.execute("select sum(amount) from raw.bill").fetchone() or (None,)
        (customers,) = connection.execute("select count(*) from raw.customer").fetchone() or (None,)
    assert len(got) == 2466
    assert got == want
    assert total == Decimal("147703.18")
    assert customers == 100
