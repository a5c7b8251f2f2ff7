"""The dashboard's lists: rows that a reader searches, sorts and filters, in the words of the page's language."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import quote

from gridcredit.reporting.dashboard.cells import Cell, Head, Line, Listing, day, money, percent, place, whole
from gridcredit.reporting.dashboard.facts import Dashboard, Row

Words = dict[str, Any]


class Listings:
    """The lists of a dashboard; `t` are the dashboard's words, `shared` those of all pages."""

    def __init__(self, dashboard: Dashboard, t: Words, shared: Words, language: str, currency: str) -> None:
        self.dashboard, self.rows, self.t, self.shared, self.language = dashboard, dashboard.rows, t, shared, language
        self.currency = currency
        self.grades = [row["grade"] for row in self.rows["grades"]]

    def places(self) -> Listing:
        """What each unit's customers of a segment owe."""
        t = self.t
        heads = [Head(t["unit"]), Head(t["filters"]["segment"])]
        heads += [self._amount(name) for name in ("receivable", "overdue")] + [Head(t["overdue_share"], True)]
        heads += [self._amount(name) for name in ("billed", "collected")]
        lines: list[Line] = []
        for row in self.rows["places"]:
            share = row["overdue"] / row["receivable"] if row["receivable"] else None
            amounts = [money(row[name]) for name in ("receivable", "overdue")] + [percent(share)]
            amounts += [money(row[name]) for name in ("billed", "collected")]
            lines.append((place(row), [Cell(row["org_unit"]), Cell(self._segment(row)), *amounts]))
        is_running = bool(self.rows["months"]) and self.rows["months"][-1]["is_running"]
        return Listing("places", t["places"], heads, lines, [t["running"]] if is_running else [])

    def debtors(self) -> Listing:
        """Who owes most, and what is next; a step that is overdue is marked."""
        t = self.t
        heads = [Head(t["customer"]), Head(t["filters"]["segment"]), Head(t["unit"]), Head(t["grade"])]
        heads += [self._amount("open"), Head(t["share"], True), Head(t["days_overdue"], True)]
        heads += [Head(t["next_step"]), Head(t["from"]), Head(t["held_by"])]
        lines: list[Line] = []
        for row in self.rows["debtors"]:
            cells = [
                self._customer(row),
                Cell(self._segment(row)),
                Cell(row["org_unit"] or "–"),
                self._grade(row),
            ]
            cells += [money(row["open_amount"]), percent(row["share"]), whole(row["days_overdue"])]
            cells += [self.step(row), day(row["earliest_on"]), Cell(self._word("holds", row["held_by"]))]
            lines.append((place(row), cells))
        return Listing("largest", t["who_owes"], heads, lines)

    def warnings(self) -> Listing:
        """All red warnings, and of each other level the most urgent ones."""
        t = self.t
        heads = [
            Head(t["level"]),
            Head(t["customer"]),
            Head(t["filters"]["segment"]),
            Head(t["unit"]),
            Head(t["grade"]),
        ]
        heads += [
            Head(t["reason"]),
            Head(t["measure"]),
            Head(t["department"]),
            Head(t["deadline"]),
            Head(f"{t['at_risk']}, {self.currency}", True),
        ]
        lines: list[Line] = []
        for row in self.rows["warning_list"]:
            level = Cell(self.shared["levels"][row["level"]], row["level_rank"], f"level {row['level']}")
            cells = [
                level,
                self._customer(row),
                Cell(self._segment(row)),
                Cell(row["org_unit"] or "–"),
                self._grade(row),
            ]
            cells += [
                Cell(row[f"reason_{self.language}"], look="long"),
                Cell(self._word("measures", row["measure"]), look="long"),
            ]
            cells += [
                Cell(self._word("departments", row["department"])),
                self.deadline(row["deadline"]),
                money(row["money_at_risk"]),
            ]
            lines.append((place(row), cells))
        notes = []
        for level in self.shared["levels"]:
            of_level = [row for row in self.rows["warning_list"] if row["level"] == level]
            if of_level and of_level[0]["of_level"] > len(of_level):
                shown = {"level": self.shared["levels"][level], "shown": len(of_level), "all": of_level[0]["of_level"]}
                notes.append(t["shown_of"].format(**shown))
        return Listing("warning_list", t["warning_list"], heads, lines, notes)

    def officers(self) -> Listing:
        """What officers recovered, against their targets."""
        t = self.t
        heads = [Head(t["officer"]), self._amount("overdue")]
        for days in (30, 90):
            heads += [Head(t["within"].format(days), True), Head(t["target"], True)]
        heads.append(Head(t["promises"], True))
        lines: list[Line] = []
        for row in self.rows["officers"]:
            cells = [Cell(row["officer_id"]), money(row["overdue"])]
            for days in (30, 90):
                rate, target = row[f"rate_{days}"], row[f"target_{days}"]
                is_missed = rate is not None and target is not None and rate < target
                cells += [percent(rate, "missed" if is_missed else ""), percent(target)]
            kept = t["of"].format(row["promises_kept"], row["promises_due"])
            lines.append(({}, [*cells, Cell(kept, row["promises_kept"])]))
        return Listing("officers", t["officers"], heads, lines)

    def strategies(self) -> Listing:
        """What each strategy recovers, beside the champion."""
        t = self.t
        heads = [Head(t["strategy"])]
        heads += [Head(text, True) for text in (t["days"], t["customers"], t["recovered"], t["difference"])]
        heads.append(Head(t["interval"]))
        lines: list[Line] = []
        for row in self.rows["strategies"]:
            name = row["strategy"] + (f" ({t['champion']})" if row["is_champion"] else "")
            ends = [percent(row[f"difference_{end}"]).text for end in ("low", "high")]
            interval = f"{ends[0]} {t['to']} {ends[1]}" if row["difference_low"] is not None else "–"
            cells = [
                Cell(name),
                whole(row["days_recovered"]),
                whole(row["customers"]),
                percent(row["mean_recovered_rate"]),
            ]
            lines.append(({}, [*cells, percent(row["difference"]), Cell(interval)]))
        return Listing("strategies", t["strategies"], heads, lines)

    def watched(self) -> Listing:
        """Figures of the ratings that are beyond their bounds."""
        t = self.t
        heads = [Head(t["figure"]), Head(t["member"]), Head(t["as_of"]), Head(t["value"], True), Head(t["note"])]
        lines: list[Line] = []
        for row in self.rows["watched"]:
            note = f"{row['officer']}: {row['note']}" if row["officer"] else t["nobody"]
            value = Cell(f"{row['value']:.4f}", row["value"], "missed")
            lines.append(
                (
                    {},
                    [
                        Cell(row["figure"]),
                        Cell(row["member"] or t["all"]),
                        day(row["as_of_date"]),
                        value,
                        Cell(note, look="long"),
                    ],
                )
            )
        return Listing("watched", t["watched"], heads, lines)

    def checks(self) -> Listing:
        """How many checks each gate made, and how many failed."""
        t = self.t
        heads = [Head(t["gate"]), Head(t["severity"]), Head(t["count"], True, True), Head(t["failed"], True, True)]
        lines: list[Line] = [
            (
                {},
                [
                    Cell(t["gates"].get(row["gate"], row["gate"])),
                    Cell(t["severities"].get(row["severity"], row["severity"])),
                    whole(row["checks"]),
                    whole(row["failed"], "missed" if row["failed"] else ""),
                ],
            )
            for row in self.rows["checks"]
        ]
        return Listing("checks", t["checks"], heads, lines)

    def failed_checks(self) -> Listing:
        """What failed, and what was found."""
        t = self.t
        heads = [Head(t["suite"]), Head(t["check"]), Head(t["severity"]), Head(t["found"])]
        lines: list[Line] = []
        for row in self.rows["failed_checks"]:
            severity = Cell(t["severities"].get(row["severity"], row["severity"]))
            lines.append(
                ({}, [Cell(row["suite"]), Cell(row["expectation"]), severity, Cell(row["detail"] or "–", look="long")])
            )
        return Listing("failed_checks", t["failed_checks"], heads, lines)

    def loads(self) -> Listing:
        """What was loaded of each extract."""
        t = self.t
        heads = [Head(t["extract"])] + [
            Head(t[name], True, True) for name in ("loads_count", "accepted", "quarantined")
        ]
        lines: list[Line] = [
            (
                {},
                [
                    Cell(self._word("extracts", row["extract"])),
                    *(money(row[name]) for name in ("loads", "accepted", "quarantined")),
                ],
            )
            for row in self.rows["loads"]
        ]
        return Listing("loads", t["loads"], heads, lines)

    def step(self, row: Row) -> Cell:
        """The next step of recovery; red and with its days where it is overdue."""
        words = self._word("steps", row["next_step"])
        late = row["step_days_late"]
        return Cell(f"{words}, {self.t['late'].format(late)}", late, "missed") if late else Cell(words)

    def deadline(self, due: date | None) -> Cell:
        """A deadline; red and with its days where it was missed."""
        today: date = self.dashboard.release["as_of_date"]
        if due is None or due >= today:
            return day(due)
        return Cell(f"{due}, {self.t['missed'].format((today - due).days)}", str(due), "missed")

    def _amount(self, name: str) -> Head:
        return Head(f"{self.t[name]}, {self.currency}", is_number=True, is_summed=True)

    def _customer(self, row: Row) -> Cell:
        return Cell(row["customer_id"], href=f"#customer-{quote(row['customer_id'], safe='')}")

    def _grade(self, row: Row) -> Cell:
        """A grade, sorted from the best to the worst."""
        grade = row["grade"]
        return Cell(grade, self.grades.index(grade) if grade in self.grades else None) if grade else Cell("–")

    def _segment(self, row: Row) -> str:
        return self._word("segments", row["segment"])

    def _word(self, kind: str, name: str | None) -> str:
        return "–" if name is None else str(self.shared[kind].get(name, name))
