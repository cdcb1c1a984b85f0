"""When somebody is at the desk, and the days that break the rule of the week."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from tickets.admin.edge import now_of
from tickets.admin.foreseeing import Foreseeing
from tickets.calendars import StaffedCalendar
from tickets.foresight import Foresight, foresee
from tickets.models import CalendarDay, StaffedHours
from tickets.staffing import build_calendar, load_calendar


def without(rows: Any, edited: Any) -> list[Any]:
    return [*(row for row in rows if row.pk != edited.pk), edited]


def foresee_calendar(request: HttpRequest, new: StaffedCalendar) -> Foresight:
    return foresee(now=now_of(request), calendar=load_calendar(), new_calendar=new)


@admin.register(StaffedHours)
class StaffedHoursAdmin(Foreseeing, ModelAdmin):
    """When somebody is at the desk. Clocks that run already keep the instant they were given."""

    list_display = ("weekday", "opens_at", "closes_at", "follows_holidays")
    ordering = ("weekday",)
    actions = None

    def foresee(self, request: HttpRequest, form: Any) -> Foresight:
        hours = without(StaffedHours.objects.all(), form.instance)
        return foresee_calendar(request, build_calendar(hours, list(CalendarDay.objects.all())))


@admin.register(CalendarDay)
class CalendarDayAdmin(Foreseeing, ModelAdmin):
    list_display = ("date", "kind", "name", "source")
    list_filter = [("kind", ChoicesDropdownFilter)]
    list_filter_submit = True
    ordering = ("-date",)
    date_hierarchy = "date"

    def foresee(self, request: HttpRequest, form: Any) -> Foresight:
        days = without(CalendarDay.objects.all(), form.instance)
        return foresee_calendar(request, build_calendar(list(StaffedHours.objects.all()), days))
