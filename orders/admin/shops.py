from typing import Any

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from orders.admin.readonly import ReadOnlyAdmin
from orders.models import ShopFault, ShopFeed


@admin.register(ShopFeed)
class ShopFeedAdmin(ReadOnlyAdmin):
    """How far the shop's database has been read, and whether reading it works."""

    list_display = ("preset", "mark_at", "last_ok_at", "failing_since", "last_error")


@admin.register(ShopFault)
class ShopFaultAdmin(ReadOnlyAdmin):
    """Rows of the shop's that are no orders to us, until they are mended."""

    list_display = ("order_no", "row_id", "preset", "reasons", "found_at", "seen_at", "cleared_at")
    search_fields = ("order_no",)
    fields = (("preset", "row_id", "order_no"), "reasons", ("found_at", "seen_at", "cleared_at"))
    readonly_fields = ("reasons",)

    @display(description=gettext_lazy("what is wrong"))
    def reasons(self, fault: ShopFault) -> Any:
        lines = ((f"{e.get('field', '')}: {e.get('detail', '')}",) for e in fault.errors)
        return format_html_join("", "<div>{}</div>", lines)
