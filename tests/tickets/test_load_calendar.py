"""Every November the State Council says which days of the next year are worked."""

from datetime import date
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from tickets.models import CalendarDay

pytestmark = pytest.mark.django_db


def kind_of(on: str) -> str:
    return CalendarDay.objects.get(date=on).kind


def test_a_year_that_is_announced():
    call_command("load_calendar", year=[2026])
    assert CalendarDay.objects.filter(kind="workday").count() == 6
    assert [kind_of(d) for d in ("2026-02-17", "2026-02-28", "2026-10-10")] == [
        "holiday", "workday", "workday",
    ]  # fmt: skip
    assert CalendarDay.objects.get(date="2026-10-01").name == "国庆节"


def test_again_changes_nothing():
    call_command("load_calendar", year=[2025, 2026])
    before = list(CalendarDay.objects.values())
    call_command("load_calendar", year=[2025, 2026])
    assert list(CalendarDay.objects.values()) == before


def test_a_year_nobody_announced_is_not_guessed():
    with pytest.raises(CommandError):
        call_command("load_calendar", year=[2027])
    assert not CalendarDay.objects.exists()


def test_a_file_for_the_year_the_package_does_not_know(tmp_path: Path):
    call_command("load_calendar", year=[2026])
    path = tmp_path / "2027.csv"
    path.write_text("date,kind,name\n2027-01-01,holiday,元旦\n2027-01-03,workday,元旦\n")
    call_command("load_calendar", str(path))
    assert CalendarDay.objects.get(date=date(2027, 1, 3)).kind == "workday"
    # A corrected list takes a day back, and leaves the other years alone.
    path.write_text("date,kind,name\n2027-01-01,holiday,元旦\n")
    call_command("load_calendar", str(path))
    assert CalendarDay.objects.filter(date__year=2027).count() == 1
    assert CalendarDay.objects.filter(date__year=2026).count() > 30


@pytest.mark.parametrize("line", ["2027-13-01,holiday,x", "2027-01-01,feast,x", "nonsense"])
def test_a_line_that_is_no_day_is_named_and_nothing_is_stored(tmp_path: Path, line: str):
    path = tmp_path / "2027.csv"
    path.write_text(f"date,kind,name\n2027-01-02,holiday,x\n{line}\n")
    with pytest.raises(CommandError, match="3"):
        call_command("load_calendar", str(path))
    assert not CalendarDay.objects.exists()


def test_a_file_or_a_year_and_not_both(tmp_path: Path):
    for options in ({}, {"file": tmp_path / "x.csv", "year": [2026]}):
        with pytest.raises(CommandError):
            call_command("load_calendar", **options)
