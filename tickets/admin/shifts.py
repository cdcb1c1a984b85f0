"""Who is on duty when, and who is here now."""

from typing import Any

from django.contrib import admin
from django.db.models import DateTimeField, QuerySet, Value
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from orders.admin.cells import badge
from tickets.admin.countdown import write_length
from tickets.admin.edge import name_of, now_of, people_who_work
from tickets.duty import PRESENT_FOR
from tickets.models import Shift


@admin.register(Shift)
class ShiftAdmin(ModelAdmin):
    list_display = ("who", "weekday", "begins_at", "ends_at", "here")
    list_filter = [("weekday", ChoicesDropdownFilter)]
    list_filter_submit = True
    list_select_related = ("user__presence",)
    search_fields = ("user__username", "user__first_name", "user__last_name")
    ordering = ("weekday", "begins_at", "user")
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Shift]:
        shifts = super().get_queryset(request)
        # A column's method sees the row alone, and this object serves many requests at once.
        asked_at = Value(now_of(request), output_field=DateTimeField())
        return shifts.annotate(asked_at=asked_at)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "user":
            kwargs["queryset"] = people_who_work()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @display(description=gettext_lazy("person"))
    def who(self, shift: Shift) -> str:
        return name_of(shift.user)

    @display(description=gettext_lazy("here now"))
    def here(self, shift: Any) -> SafeString:
        presence = getattr(shift.user, "presence", None)
        if presence is None:
            return badge(_("never seen"), "plain")
        away = shift.asked_at - presence.seen_at
        if away < PRESENT_FOR:
            return badge(_("here"), "good")
        return badge(_("last seen %(length)s ago") % {"length": write_length(away)}, "plain")
