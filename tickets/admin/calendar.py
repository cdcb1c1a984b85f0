from django.contrib import admin
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from tickets.models import CalendarDay, StaffedHours


@admin.register(StaffedHours)
class StaffedHoursAdmin(ModelAdmin):
    """When somebody is at the desk. Clocks that run already keep the instant they were given."""

    list_display = ("weekday", "opens_at", "closes_at", "follows_holidays")
    ordering = ("weekday",)
    actions = None


@admin.register(CalendarDay)
class CalendarDayAdmin(ModelAdmin):
    list_display = ("date", "kind", "name", "source")
    list_filter = [("kind", ChoicesDropdownFilter)]
    list_filter_submit = True
    ordering = ("-date",)
    date_hierarchy = "date"
