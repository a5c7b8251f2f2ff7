"""Each macro of macros/portable against Python's own arithmetic, on each engine."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from statistics import median
from typing import Any

import pytest
from gridcredit.settings import Settings
from gridcredit.transformation import runner
from gridcredit.transformation import spark_session as sessions
from gridcredit.transformation.engines import engine_for
from gridcredit.transformation.on_spark import Spark

from tests.support.waiting import rows
from tests.support.warehouses import WarehouseFactory

pytestmark = pytest.mark.engines

Ask = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module", params=["postgres", "duckdb", "spark"])
def ask(request: pytest.FixtureRequest, new_warehouse: WarehouseFactory) -> Iterator[Ask]:
    """Compiles a query for an engine and runs it there."""
    settings = new_warehouse().model_copy(update={"engine": request.param})
    with compiler(settings) as compiled, spark_session(settings) as spark:

        def run(query: str) -> list[tuple[Any, ...]]:
            outcome = compiled(query)
            assert outcome.success, outcome.exception
            text = outcome.result.results[0].node.compiled_code
            if request.param == "postgres":
                return rows(settings, text)
            if request.param == "spark":
                return [tuple(row) for row in spark.sql(text).collect()]
            import duckdb

            found: list[tuple[Any, ...]] = duckdb.connect().execute(text).fetchall()
            return found

        yield run


@contextmanager
def spark_session(settings: Settings) -> Iterator[Any]:
    """The session that a build on Spark has; none for another engine."""
    if settings.engine != "spark":
        yield None
        return
    engine = Spark(settings)
    engine.folder.mkdir(exist_ok=True)
    try:
        yield sessions.begin_session(engine.folder, settings)
    finally:
        engine.end()


@contextmanager
def compiler(settings: Settings) -> Iterator[Callable[[str], Any]]:
    """What dbt makes of queries with macros."""
    (settings.home / "engines").mkdir(exist_ok=True)
    command = ["--quiet", "--no-print", "compile", "--no-introspect", "--inline"]
    with runner.dbt_session(settings, writes_manifest=False, engine=engine_for(settings)) as invoke:
        yield lambda query: invoke([*command, query])


def values(columns: str, cases: Sequence[Sequence[object]]) -> str:
    """Cases as a relation, its columns typed as `name type, ...`, in their order."""
    names = [one.split()[0] for one in columns.split("; ")]
    typed = ", ".join(f"cast({one.split()[0]} as {one.split()[1]}) as {one.split()[0]}" for one in columns.split("; "))
    listed = ", ".join(f"({number}, {', '.join(map(str, case))})" for number, case in enumerate(cases))
    return (
        f"(select place, {typed} from (values {listed}) as given (place, {', '.join(names)})) as cases order by place"
    )


def exactly(number: Decimal, places: int) -> Decimal:
    """Rounded as taught in school: a half away from zero."""
    return number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def test_rounded_ratios_are_exact(ask: Ask) -> None:
    """Halves go away from zero, of thousands of millions too, where a double has no digit left for the half."""
    rng = random.Random(37)
    cases = [(1, 8), (-1, 8), (3, 8), (0, 5), (7, 0), (2, 3), (-2, 3), (1, -8)]
    cases += [(rng.randint(1, 10**13), rng.choice([2, 4, 8, 12, 7, 30])) for _ in range(60)]
    found = ask(
        "select {{ rounded_ratio('part', 'whole', 2) }}, {{ rounded_ratio('part', 'whole', 4) }} from "
        + values("part numeric(18,2); whole numeric(18,2)", [(Decimal(part) / 100, whole) for part, whole in cases])
    )
    for (part, whole), (to_cents, to_four) in zip(cases, found, strict=True):
        if whole == 0:
            assert to_cents is None
            continue
        assert to_cents == exactly(Decimal(part) / 100 / whole, 2), (part, whole)
        assert to_four == exactly(Decimal(part) / 100 / whole, 4), (part, whole)


def test_what_is_calculated_from_ratios(ask: Ask) -> None:
    """A half that a division missed by its last digit is a half: 1/3 * 0.015 = 0.005."""
    cases = [(1, 3, "0.015"), (2, 3, "0.0075"), (19, 30, "0.15"), (1, 7, "0.035"), (1, 3, "-0.015"), (1, 3, "0.014")]
    found = ask(
        "select {{ rounded(ratio('part', 'whole') ~ ' * factor', 2) }} from "
        + values("part integer; whole integer; factor numeric(18,4)", cases)
    )
    assert [value for (value,) in found] == [
        exactly(Decimal(part) * Decimal(factor) / whole, 2) for part, whole, factor in cases
    ]


def test_products_are_exact(ask: Ask) -> None:
    """Two amounts of 16 digits and a rate: no overflow, no double."""
    cases = [("1234567890123456.78", "0.001234"), ("-9999999999999999.99", "0.999999"), ("0.01", "0.000001")]
    found = ask(
        "select {{ product('amount', 'rate') }}, {{ product('rate', 'rate', 'rate') }} from "
        + values("amount numeric(18,2); rate numeric(9,6)", cases)
    )
    for (amount, rate), (product, cube) in zip(cases, found, strict=True):
        assert product == Decimal(amount) * Decimal(rate)
        assert cube == Decimal(rate) ** 3


def test_medians(ask: Ask) -> None:
    """Of an odd number the middle one, of an even one the mean of the two in the middle."""
    for count in (1, 2, 5, 8):
        drawn = [Decimal(random.Random(count).randint(0, 10**6) + place) / 8 for place in range(count)]
        ((found,),) = ask(
            "select {{ median('value') }} from (select * from "
            + values("value numeric(18,3)", [(one,) for one in drawn])
            + ") as all_of"
        )
        assert Decimal(found) == median(drawn)


def test_bits_count_days_and_months(ask: Ask) -> None:
    """Different months and days, each once; 0 of nothing."""
    days = ["2025-12-31", "2026-01-01", "2026-01-31", "2026-01-31", "2026-03-01"]
    cases = values("day date", [(f"'{day}'",) for day in days])
    query = "select {{ count_bits(month_bit('day')) }}, {{ count_bits(day_bit('day')) }} from (select * from "
    assert ask(query + cases + ") as given_days") == [(3, 2)]
    assert ask(query + cases + ") as given_days where day is null") == [(0, 0)]


def test_draws_are_the_same(ask: Ask) -> None:
    """The first 28 bits of MD5, by what is left of a division."""
    texts = [f"C{number:08d}" for number in range(50)]
    cases = values("text varchar(99)", [(f"'{one}'",) for one in texts])
    found = ask("select {{ drawn_of('text', 997) }} from " + cases)
    wanted = [int(hashlib.md5(one.encode()).hexdigest()[:7], 16) % 997 for one in texts]
    assert [value for (value,) in found] == wanted


def test_dates(ask: Ask) -> None:
    """Months are those of the calendar, and clamped to their last day; the last day that models know passes."""
    days = [date(2024, 2, 29), date(2025, 12, 31), date(2026, 3, 1), date(9999, 12, 31)]
    until = "cast('2026-06-19' as date)"
    figures = [
        "day",
        "cast({{ dbt.dateadd('month', -1, 'day') }} as date)",
        f'{{{{ months_after("day", "{until}") }}}}',
        f'{{{{ dbt.datediff("day", "{until}", "day") }}}}',
        "cast({{ dbt.date_trunc('month', 'day') }} as date)",
    ]
    found = ask(f"select {', '.join(figures)} from " + values("day date", [(f"'{day}'",) for day in days]))
    for day, (same, month_before, months, days_after, first) in zip(days, found, strict=True):
        assert same == day
        assert month_before == month_end_before(day)
        assert months == 12 * (2026 - day.year) + 6 - day.month
        assert days_after == (date(2026, 6, 19) - day).days
        assert first == day.replace(day=1)


def month_end_before(day: date) -> date:
    """A month earlier, or the last day of that month where it is shorter."""
    last = day.replace(day=1) - timedelta(days=1)
    return last.replace(day=min(day.day, last.day))


def test_hypotenuse(ask: Ask) -> None:
    """3, 4, 5; and squares of 36 digits."""
    found = ask(
        "select {{ hypotenuse('one', 'other') }} from "
        + values("one numeric(24,9); other numeric(24,9)", [(3, 4), ("300000000.000000003", "400000000.000000004")])
    )
    assert [float(value) for (value,) in found] == pytest.approx([5, 5e8], rel=1e-12)


def test_an_engine_without_a_dialect_is_refused(settings: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing stands in for a dialect that nobody wrote."""
    calls = {
        "ratio": "'1', '2'",
        "rounded_ratio": "'1', '2', 2",
        "rounded": "'1', 2",
        "product": "['1', '2']",
        "exact": "'1'",
        "median": "'x'",
        "count_bits": "'x'",
        "drawn_of": "'x', 2",
        "hypotenuse": "'3', '4'",
    }
    with compiler(settings) as compiled:
        for name, arguments in calls.items():
            assert not compiled(f"select {{{{ default__{name}({arguments}) }}}}").success
            assert f"{name} has no dialect for postgres: write postgres__{name}" in capfd.readouterr().out


def test_digits_stay_where_scales_differ(ask: Ask) -> None:
    """A charge by one of two rates, of which one has a place more: 100.33 * 0.0025 = 0.250825."""
    found = ask(
        "select case when which = 1 then {{ exact(product('amount', 'daily')) }} "
        "else {{ exact(product('amount', 'carried')) }} end from "
        + values(
            "which integer; amount numeric(18,2); daily numeric(18,3); carried numeric(18,4)",
            [
                (1, "100.33", "0.002", "0.0025"),
                (2, "100.33", "0.002", "0.0025"),
            ],
        )
    )
    assert [value for (value,) in found] == [Decimal("0.20066"), Decimal("0.250825")]


def test_a_mean_of_money(ask: Ask) -> None:
    """15 % of the mean of 100.00, 100.00 and 100.10 is 15.005, and rounded 15.01."""
    ((found,),) = ask(
        "select {{ rounded('0.15 * ' ~ ratio('sum(amount)', 'count(amount)'), 2) }} from (select * from "
        + values("amount numeric(18,2)", [("100.00",), ("100.00",), ("100.10",)])
        + ") as all_of"
    )
    assert found == Decimal("15.01")


def test_names_with_more_than_a_hundred_links(ask: Ask) -> None:
    """A recursion goes as deep as its rows do."""
    ((found,),) = ask(
        "with recursive links as (select 1 as place union all select place + 1 from links where place < 500) "
        "select max(place) from links"
    )
    assert found == 500
