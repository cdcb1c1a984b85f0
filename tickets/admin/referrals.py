from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from orders.admin.cells import as_json, yuan
from orders.admin.readonly import ReadOnlyAdmin
from tickets.admin.links import ticket_link
from tickets.models import Referral


@admin.register(Referral)
class ReferralAdmin(ReadOnlyAdmin):
    """Who was told how to go to 12315, and the dossier that was put into their hands."""

    list_display = ("number", "at", "claim", "about", "sha256")
    list_select_related = ("ticket",)
    ordering = ("-id",)
    search_fields = ("ticket__number",)
    fields = (("about", "at"), "cycle", "dossier_sha256", "contents")
    readonly_fields = ("about", "contents")

    @display(description=gettext_lazy("12315 notice"))
    def number(self, referral: Referral) -> str:
        return referral.ticket.number

    @display(description=gettext_lazy("dispute"))
    def about(self, referral: Referral) -> SafeString:
        return ticket_link(referral.ticket)

    @display(description=gettext_lazy("claim"))
    def claim(self, referral: Referral) -> str:
        return yuan(referral.dossier.get("claim_fen"))

    @display(description=gettext_lazy("SHA-256"))
    def sha256(self, referral: Referral) -> str:
        return f"{referral.dossier_sha256[:16]}…"

    @display(description=gettext_lazy("dossier"))
    def contents(self, referral: Referral) -> SafeString:
        return as_json(referral.dossier)
