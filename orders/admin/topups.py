from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from orders.admin.cells import badge, two_lines, yuan
from orders.admin.links import order_link
from orders.admin.money import by_number
from orders.admin.readonly import ReadOnlyAdmin
from orders.models import TopUp

TOP_UP_TONES = {
    TopUp.State.SUCCEEDED: "good",
    TopUp.State.FAILED: "bad",
    TopUp.State.REVERSED: "bad",
    TopUp.State.UNKNOWN: "warn",
    TopUp.State.PARTIAL: "warn",
}


@admin.register(TopUp)
class TopUpAdmin(ReadOnlyAdmin):
    list_display = ("attempt_of", "supplier", "value", "progress", "proof_level", "submitted_at")
    list_filter = [("state", ChoicesDropdownFilter), ("proof_level", ChoicesDropdownFilter)]
    list_select_related = ("order",)
    ordering = ("-id",)
    search_fields = ("top_up_no",)
    search_help_text = _("Whole top-up, voucher or order number")
    fields = (
        ("of_order", "attempt"),
        "top_up_no",
        ("supplier", "supplier_order_no"),
        ("state", "proof_level"),
        ("voucher_no", "message"),
        ("value", "delivered"),
        ("created_at", "submitted_at"),
        ("settled_at", "next_attempt_at"),
    )
    readonly_fields = ("of_order", "value", "delivered")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[TopUp], search_term: str
    ) -> tuple[QuerySet[TopUp], bool]:
        return by_number(queryset, search_term, "top_up_no", "order__order_no", "voucher_no")

    @display(description=_("order"))
    def of_order(self, top_up: TopUp) -> SafeString:
        return order_link(top_up.order)

    @display(description=_("top-up"))
    def attempt_of(self, top_up: TopUp) -> SafeString:
        attempt = _("attempt %(number)s") % {"number": top_up.attempt}
        return two_lines(top_up.order.order_no, attempt)

    @display(description=_("state"))
    def progress(self, top_up: TopUp) -> SafeString:
        tone = TOP_UP_TONES.get(TopUp.State(top_up.state), "info")
        return badge(top_up.get_state_display(), tone, title=top_up.message)

    @display(description=_("face value"))
    def value(self, top_up: TopUp) -> str:
        return yuan(top_up.face_value_fen)

    @display(description=_("delivered face value"))
    def delivered(self, top_up: TopUp) -> str:
        return yuan(top_up.delivered_face_fen)
