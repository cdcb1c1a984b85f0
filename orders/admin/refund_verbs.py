"""What people may do to a refund: have its channel asked now, and settle by hand with four eyes."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminRadioSelectWidget

from helpdesk import clock
from orders.admin.cells import instant
from orders.admin.dialogs import DialogForm, dialog_action, line_field, person_at, text_field
from orders.by_hand import RIGHT, approve_settlement, settle_by_hand
from orders.models import HandSettlement, Refund
from orders.settlement import hasten_refund

State = Refund.State
PAID = "paid"


class ByHandForm(DialogForm):
    outcome = forms.ChoiceField(
        label=gettext_lazy("What became of it"),
        choices=[
            (PAID, gettext_lazy("The money went back in another way")),
            ("unpaid", gettext_lazy("It certainly did not go back")),
        ],
        widget=UnfoldAdminRadioSelectWidget(),
    )
    proof = line_field(
        gettext_lazy("Proof"),
        limit=200,
        help_text=gettext_lazy("Where the bank's receipt or the channel's word is kept."),
    )
    note = text_field(gettext_lazy("Note"), limit=500, required=False)


class RefundVerbs:
    actions_detail = ("query_now", "settle_by_hand", "confirm_settlement", "decline_settlement")

    @dialog_action(
        name=gettext_lazy("Query now"),
        title=gettext_lazy("Ask the channel now"),
        submit=gettext_lazy("Ask"),
        url_path="query-now",
        permission="query",
        description=gettext_lazy(
            "It is asked as soon as a worker is free and the channel's minimum wait is over. "
            "Asking moves no money."
        ),
        icon="sync",
    )
    def query_now(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        refund = Refund.objects.get(pk=pk)
        now = clock.now()
        if not hasten_refund(refund_no=refund.refund_no, now=now):
            messages.warning(request, _("It was never sent: there is nothing to ask about."))
            return _("Nothing was changed.")
        refund.refresh_from_db()
        if refund.next_attempt_at is None or refund.next_attempt_at <= now:
            return _("The channel is asked.")
        return _("The channel is asked at %(at)s.") % {"at": instant(refund.next_attempt_at)}

    @dialog_action(
        name=gettext_lazy("Settle by hand"),
        title=gettext_lazy("Settle by hand, with proof"),
        submit=gettext_lazy("Propose"),
        url_path="settle-by-hand",
        permission="propose",
        form_class=ByHandForm,
        description=gettext_lazy("Nothing is booked before a second person has confirmed it."),
        icon="front_hand",
    )
    def settle_by_hand(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        settle_by_hand(
            refund_id=pk,
            paid=form.cleaned_data["outcome"] == PAID,
            proof=form.cleaned_data["proof"],
            note=form.cleaned_data["note"],
            actor=person_at(request),
            now=clock.now(),
        )
        return _("Proposed. A second person has to confirm it.")

    @dialog_action(
        name=gettext_lazy("Confirm settlement"),
        title=gettext_lazy("Confirm this settlement by hand"),
        submit=gettext_lazy("Confirm"),
        url_path="confirm-settlement",
        permission="decide",
        description=gettext_lazy("You have seen the proof. It is booked at once."),
        icon="check",
        variant=ActionVariant.PRIMARY,
    )
    def confirm_settlement(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        decide(request, pk, decision=True)
        return _("Confirmed and booked.")

    @dialog_action(
        name=gettext_lazy("Decline settlement"),
        title=gettext_lazy("Decline this settlement by hand"),
        submit=gettext_lazy("Decline"),
        url_path="decline-settlement",
        permission="decide",
        description=gettext_lazy("The refund stays in people's hands."),
        icon="close",
    )
    def decline_settlement(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        decide(request, pk, decision=False)
        return _("Declined.")

    def has_query_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        if not request.user.has_perm("orders.view_refund"):
            return False
        return object_id is None or _has(object_id, last_sent_at__isnull=False)

    def has_propose_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        if not request.user.has_perm(RIGHT):
            return False
        return object_id is None or _has(object_id, state=State.MANUAL)

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        if not request.user.has_perm(RIGHT):
            return False
        waiting = HandSettlement.State.PROPOSED
        return object_id is None or _has(object_id, hand_settlements__state=waiting)


def decide(request: HttpRequest, refund_id: int, *, decision: bool) -> None:
    waiting = HandSettlement.objects.get(refund_id=refund_id, state=HandSettlement.State.PROPOSED)
    approve_settlement(
        settlement_id=waiting.pk, decision=decision, actor=person_at(request), now=clock.now()
    )


def describe_next_step(refund: Refund) -> str:
    """This function will say who moves next in a refund, and when."""
    at = {"at": instant(refund.next_attempt_at)}
    if refund.state == State.PLANNED:
        return _("Waits for a decision.")
    if refund.state == State.MANUAL:
        proposed = HandSettlement.State.PROPOSED
        if refund.hand_settlements.filter(state=proposed).exists():
            return _("Waits for a second person to confirm the settlement by hand.")
        return _("People: find out what became of it and settle it by hand.")
    if refund.next_attempt_at is None:
        return _("None: it is over.")
    if refund.is_to_be_sent:
        return _("It is sent at %(at)s.") % at
    return _("The channel is asked at %(at)s.") % at


def _has(refund_id: Any, **conditions: Any) -> bool:
    return Refund.objects.filter(pk=refund_id, **conditions).exists()
