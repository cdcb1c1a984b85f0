"""Who was told how to go to 12315, what was sent, and the dossier put into their hands."""

from typing import Any

from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from orders.admin.cells import as_json, badge, instant, two_lines, yuan
from orders.admin.readonly import ReadOnlyAdmin
from orders.masking import mask_account, mask_email
from tickets.admin.links import ticket_link
from tickets.models import Notice, Referral

TONES = {Notice.State.SENT: "good", Notice.State.PENDING: "warn"}


@admin.register(Referral)
class ReferralAdmin(ReadOnlyAdmin):
    """The customer's copy of the message is what was sent; the dossier is as it stood then."""

    list_display = ("number", "at", "claim", "sent", "outside", "about")
    list_select_related = ("ticket",)
    ordering = ("-id",)
    search_fields = ("ticket__number",)
    fields = (("about", "at"), ("claim", "cycle"), "sent", "facts", "dossier_sha256", "contents")
    readonly_fields = ("about", "claim", "sent", "facts", "contents")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Referral]:
        told = Notice.objects.filter(kind="referred").order_by("pk")
        rows: QuerySet[Referral] = super().get_queryset(request)
        return rows.prefetch_related(
            Prefetch("ticket__notices", told, to_attr="told"), "ticket__external_cases"
        )

    @display(description=gettext_lazy("12315 notice"))
    def number(self, referral: Referral) -> str:
        return referral.ticket.number

    @display(description=gettext_lazy("dispute"))
    def about(self, referral: Referral) -> SafeString:
        return ticket_link(referral.ticket)

    @display(description=gettext_lazy("claim"))
    def claim(self, referral: Referral) -> str:
        return yuan(referral.dossier.get("claim_fen"))

    @display(description=gettext_lazy("what was sent to whom"))
    def sent(self, referral: Referral) -> SafeString | str:
        told: Any = referral.ticket
        lines = [
            two_lines(
                badge(notice.get_state_display(), TONES.get(Notice.State(notice.state), "bad")),
                f"{mask_email(notice.recipient) or _('no address')} {instant(notice.sent_at)}",
            )
            for notice in told.told
        ]
        return format_html_join(" ", "{}", ((line,) for line in lines)) if lines else "—"

    @display(description=gettext_lazy("outside case"))
    def outside(self, referral: Referral) -> str:
        cases = referral.ticket.external_cases.all()
        return ", ".join(f"{case.get_channel_display()} {case.number}" for case in cases) or "—"

    @display(description=gettext_lazy("facts of the dossier"))
    def facts(self, referral: Referral) -> SafeString:
        """In words; what it holds to the letter stands below, under its digest."""
        dossier = referral.dossier
        lines = [
            (_("Order"), dossier.get("order_no", "")),
            (_("Product"), dossier.get("product", "")),
            (_("Account"), mask_account(dossier.get("target_account", ""))),
            (_("Claim"), yuan(dossier.get("claim_fen"))),
            *((_("Paid"), tell_payment(paid)) for paid in dossier.get("payments", [])),
            *((_("Refund"), tell_refund(refund)) for refund in dossier.get("refunds", [])),
            *((_("Proof"), file.get("filename", "")) for file in dossier.get("evidence", [])),
        ]
        rows = format_html_join("", "<dt>{}</dt><dd>{}</dd>", lines)
        return format_html('<dl class="desk-facts">{}</dl>', rows)

    @display(description=gettext_lazy("dossier"))
    def contents(self, referral: Referral) -> SafeString:
        shown = dict(referral.dossier)
        shown["target_account"] = mask_account(shown.get("target_account", ""))
        return as_json(shown)


def tell_payment(paid: dict[str, Any]) -> str:
    return f"{yuan(paid.get('amount_fen'))} · {paid.get('channel')} · {paid.get('trade_no')}"


def tell_refund(refund: dict[str, Any]) -> str:
    return f"{yuan(refund.get('amount_fen'))} · {refund.get('state')} · {refund.get('refund_no')}"
