"""What a bench found: rows and goals, a file for programs and a table for people."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median_low
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).resolve().parent / "results"


class NothingMeasured(Exception):
    """The bench ran and proved nothing: no figure may be made of it."""


@dataclass(frozen=True)
class Row:
    what: str
    value: float
    unit: str
    min: float | None = None
    max: float | None = None
    runs: int = 1


@dataclass(frozen=True)
class Goal:
    goal: str
    target: str
    value: float
    met: bool
    #: For a person, when it was missed.
    plainly: str = ""
    #: No wish but a promise: when it is missed, the desk is broken and the bench fails.
    is_promise: bool = False


@dataclass
class Result:
    name: str
    machine: dict[str, object]
    versions: dict[str, str]
    rows: list[Row] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    #: How it was done: sizes, seeds, whether it was the quick one.
    setup: dict[str, Any] = field(default_factory=dict)
    #: What somebody who reads the figures has to know.
    notes: list[str] = field(default_factory=list)
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def row(self, what: str, value: float, unit: str) -> None:
        self.rows.append(Row(what, value, unit, min=value, max=value))

    def row_of(self, what: str, values: Sequence[float], unit: str) -> None:
        """This function will add a figure of several runs: the middle one, and how far apart."""
        middle = median_low(values)
        self.rows.append(Row(what, middle, unit, min(values), max(values), len(values)))

    def goal(self, goal: str, target: str, value: float, met: bool, plainly: str = "") -> None:
        self.goals.append(Goal(goal, target, value, met, plainly))

    def promise(self, goal: str, target: str, value: float, met: bool, plainly: str = "") -> None:
        self.goals.append(Goal(goal, target, value, met, plainly, is_promise=True))

    def say_unmeasured(self, what: str, why: str) -> None:
        """This function will say aloud that something could not be measured, and note it."""
        note = f"NOT MEASURED: {what}. {why}"
        print(note, flush=True)
        self.notes.append(note)

    @property
    def is_broken(self) -> bool:
        return any(goal.is_promise and not goal.met for goal in self.goals)

    def write(self) -> Path:
        """This function will replace the bench's result file."""
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{self.name}.json"
        content = {"name": self.name, "at": self.at, **asdict(self)}
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return path

    def show(self, console: Console) -> None:
        """This function will print all of it, and in plain words what was missed."""
        table = Table(title=f"{self.name}, {self.at}", title_justify="left")
        table.add_column("what")
        table.add_column("value", justify="right")
        table.add_column("unit")
        several = any(row.runs > 1 for row in self.rows)
        if several:
            table.add_column("least - most", justify="right")
        for row in self.rows:
            spread = [f"{_number(row.min or 0)} - {_number(row.max or 0)}"] if several else []
            table.add_row(row.what, _number(row.value), row.unit, *spread)
        console.print(table)
        goals = Table(title="Promises and goals", title_justify="left")
        for column in ("goal", "target", "measured", ""):
            goals.add_column(column)
        for goal in self.goals:
            missed = "BROKEN" if goal.is_promise else "MISSED"
            met = "[green]met[/green]" if goal.met else f"[red]{missed}[/red]"
            goals.add_row(goal.goal, goal.target, _number(goal.value), met)
        console.print(goals)
        for goal in self.goals:
            if not goal.met:
                said = goal.plainly or f"{_number(goal.value)} instead of {goal.target}."
                word = "Broken" if goal.is_promise else "Missed"
                console.print(f"[red]{word}:[/red] {goal.goal}. {said}", markup=True)
        for note in self.notes:
            console.print(f"Note: {note}")
        console.print(f"{_describe(self.machine)}\n{_describe(self.versions)}")


def _number(value: float) -> str:
    return (
        f"{value:,}"
        if isinstance(value, int)
        else f"{value:,.3g}"
        if value < 1
        else f"{value:,.1f}"
    )


def _describe(facts: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items())
