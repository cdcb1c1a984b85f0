"""Verbs that end a dispute or give something back. Each is one dialog and one call."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.enums import ActionVariant

from orders.admin.dialogs import DialogForm, dialog_action
from tickets import remedies, transitions
from tickets.admin import deciding_forms as forms
from tickets.admin.edge import acting, now_of
from tickets.admin.onward import go_on
from tickets.models import Approval, Ticket

DONE = gettext_lazy("Done.")
ASKED = gettext_lazy("A supervisor has been asked to decide.")


class DecidingVerbs:
    """Dialogs of TicketAdmin: refund, redeliver, resolve, refuse, and the second pair of eyes."""

    @dialog_action(
        name=gettext_lazy("Refund"),
        title=gettext_lazy("Refund the customer"),
        submit=gettext_lazy("Refund"),
        url_path="refund",
        permission="work",
        form_class=forms.RefundForm,
        icon="currency_yuan",
        variant=ActionVariant.PRIMARY,
    )
    def refund(self, request: HttpRequest, form: DialogForm, pk: int) -> str | HttpResponse:
        ticket = remedies.refund(
            ticket_id=pk,
            amount_fen=form.cleaned_data["amount"],
            reason=form.cleaned_data["reason"],
            text=form.cleaned_data["text"],
            actor=acting(request),
            now=now_of(request),
        )
        return go_on(request, done_or_asked(ticket), ticket_id=pk)

    @dialog_action(
        name=gettext_lazy("Redeliver"),
        title=gettext_lazy("Deliver the order once more"),
        description=gettext_lazy("Refused while an earlier attempt may still arrive."),
        submit=gettext_lazy("Redeliver"),
        url_path="redeliver",
        permission="work",
        form_class=forms.RemedyForm,
        icon="redo",
    )
    def redeliver(self, request: HttpRequest, form: DialogForm, pk: int) -> str | HttpResponse:
        remedies.redeliver(
            ticket_id=pk,
            reason=form.cleaned_data["reason"],
            text=form.cleaned_data["text"],
            actor=acting(request),
            now=now_of(request),
        )
        done = _("The order is being delivered once more.")
        return go_on(request, done, ticket_id=pk)

    @dialog_action(
        name=gettext_lazy("Resolve"),
        title=gettext_lazy("Resolve this dispute"),
        submit=gettext_lazy("Resolve"),
        url_path="resolve",
        permission="work",
        form_class=forms.ResolveForm,
        icon="check_circle",
    )
    def resolve(self, request: HttpRequest, form: DialogForm, pk: int) -> str | HttpResponse:
        ticket = transitions.resolve(
            ticket_id=pk,
            outcome=form.cleaned_data["outcome"],
            text=form.cleaned_data["text"],
            actor=acting(request),
            now=now_of(request),
        )
        return go_on(request, done_or_asked(ticket), ticket_id=pk)

    @dialog_action(
        name=gettext_lazy("Refuse"),
        title=gettext_lazy("Refuse the claim with reasons"),
        description=gettext_lazy("A supervisor who did not ask decides."),
        submit=gettext_lazy("Ask for the decision"),
        url_path="refuse",
        permission="work",
        form_class=forms.RefuseForm,
        icon="block",
    )
    def refuse(self, request: HttpRequest, form: DialogForm, pk: int) -> str | HttpResponse:
        transitions.refuse(
            ticket_id=pk,
            reason=form.cleaned_data["reason"],
            text=form.cleaned_data["text"],
            actor=acting(request),
            now=now_of(request),
        )
        return go_on(request, ASKED, ticket_id=pk)

    @dialog_action(
        name=gettext_lazy("Approve"),
        title=gettext_lazy("Approve: it is carried out at once"),
        submit=gettext_lazy("Approve"),
        url_path="approve",
        permission="work",
        form_class=forms.DecideForm,
        icon="thumb_up",
        variant=ActionVariant.SUCCESS,
    )
    def approve(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        return decide(request, form, ticket_id=pk, decision=True)

    @dialog_action(
        name=gettext_lazy("Decline"),
        title=gettext_lazy("Decline: nothing is carried out"),
        submit=gettext_lazy("Decline"),
        url_path="decline",
        permission="work",
        form_class=forms.DecideForm,
        icon="thumb_down",
        variant=ActionVariant.DANGER,
    )
    def decline(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        return decide(request, form, ticket_id=pk, decision=False)

    @dialog_action(
        name=gettext_lazy("Reopen"),
        title=gettext_lazy("Reopen this dispute"),
        description=gettext_lazy("A new cycle with clocks of its own begins."),
        submit=gettext_lazy("Reopen"),
        url_path="reopen",
        permission="work",
        form_class=forms.ReopenForm,
        icon="undo",
    )
    def reopen(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        transitions.reopen(
            ticket_id=pk,
            reason=form.cleaned_data["reason"],
            actor=acting(request),
            now=now_of(request),
        )
        return _("The dispute is open again.")


def done_or_asked(ticket: Ticket) -> str:
    waiting = ticket.approvals.filter(state=Approval.State.PENDING)
    return str(ASKED if waiting.exists() else DONE)


def decide(request: HttpRequest, form: DialogForm, *, ticket_id: int, decision: bool) -> str:
    transitions.approve(
        ticket_id=ticket_id,
        decision=decision,
        reason=form.cleaned_data["reason"],
        actor=acting(request),
        now=now_of(request),
        # No question was shown: none has the number 0, so that none is answered by mistake.
        approval_id=form.cleaned_data["approval"] or 0,
    )
    return _("Approved and under way.") if decision else _("Declined.")
