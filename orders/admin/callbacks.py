from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from orders.admin.cells import as_json, badge, two_lines
from orders.admin.money import by_number
from orders.admin.readonly import ReadOnlyAdmin
from orders.models import Callback

#: What a provider's own habits bring along: nothing to worry about.
HARMLESS = (Callback.Reason.REPLAYED, Callback.Reason.OVERTAKEN)


@admin.register(Callback)
class CallbackAdmin(ReadOnlyAdmin):
    """What providers told by themselves, and why some of it was not believed."""

    list_display = ("what", "verdict", "word", "sender", "at")
    list_filter = [
        ("source", ChoicesDropdownFilter),
        "taken",
        ("reason", ChoicesDropdownFilter),
    ]
    ordering = ("-id",)
    search_fields = ("number",)
    search_help_text = _("Whole refund or top-up number")
    fields = (
        ("source", "code"),
        ("verdict", "at"),
        ("number", "word"),
        "notice_id",
        ("sender", "size"),
        "digest",
        "shown_payload",
    )
    readonly_fields = ("verdict", "shown_payload")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Callback], search_term: str
    ) -> tuple[QuerySet[Callback], bool]:
        return by_number(queryset, search_term, "number")

    @display(description=_("provider's message"))
    def what(self, row: Callback) -> SafeString:
        return two_lines(row.number or "–", f"{row.get_source_display()} {row.code}")

    @display(description=_("state"))
    def verdict(self, row: Callback) -> SafeString:
        if row.taken:
            return badge(_("taken"), "good")
        return badge(row.get_reason_display(), "plain" if row.reason in HARMLESS else "bad")

    @display(description=_("masked payload"))
    def shown_payload(self, row: Callback) -> SafeString:
        return as_json(row.payload)
