"""Everyday verbs of a dispute. Each is one dialog and one call of the domain."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orders.admin.dialogs import DialogForm, dialog_action
from tickets import outages, transitions
from tickets.admin import handling_forms as forms
from tickets.admin.edge import acting, now_of, user_of
from tickets.admin.proof_verbs import ProofVerbs
from tickets.reveal import reveal_contact


class HandlingVerbs(ProofVerbs):
    """Dialogs of TicketAdmin: take a case, talk about it, ask for proof, pass it up."""

    @dialog_action(
        name=gettext_lazy("Take it"),
        title=gettext_lazy("Take this dispute"),
        description=gettext_lazy("You become its owner, and it is in progress from then on."),
        submit=gettext_lazy("Take it"),
        url_path="take",
        permission="work",
        icon="front_hand",
    )
    def take(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        user = user_of(request)
        transitions.assign_ticket(
            ticket_id=pk, assignee=user, actor=acting(request), now=now_of(request)
        )
        return _("The dispute is yours.")

    @dialog_action(
        name=gettext_lazy("Assign"),
        title=gettext_lazy("Give this dispute an owner"),
        submit=gettext_lazy("Assign"),
        url_path="assign",
        permission="work",
        form_class=forms.AssignForm,
        icon="person_add",
    )
    def assign(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        transitions.assign_ticket(
            ticket_id=pk,
            assignee=form.cleaned_data["assignee"],
            actor=acting(request),
            now=now_of(request),
        )
        return _("The owner is told.")

    @dialog_action(
        name=gettext_lazy("Reply"),
        title=gettext_lazy("Reply to the customer"),
        submit=gettext_lazy("Send"),
        url_path="reply",
        permission="work",
        form_class=forms.ReplyForm,
        icon="reply",
    )
    def reply(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        transitions.reply(
            ticket_id=pk,
            text=form.cleaned_data["text"],
            actor=acting(request),
            now=now_of(request),
        )
        return _("The reply is on its way to the customer.")

    @dialog_action(
        name=gettext_lazy("Note"),
        title=gettext_lazy("Internal note"),
        submit=gettext_lazy("Save"),
        url_path="note",
        permission="work",
        form_class=forms.NoteForm,
        icon="sticky_note_2",
    )
    def note(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        transitions.reply(
            ticket_id=pk,
            text=form.cleaned_data["text"],
            actor=acting(request),
            now=now_of(request),
            internal=True,
        )
        return _("The note is kept.")

    @dialog_action(
        name=gettext_lazy("Escalate"),
        title=gettext_lazy("Pass this dispute to a supervisor"),
        submit=gettext_lazy("Escalate"),
        url_path="escalate",
        permission="work",
        form_class=forms.EscalateForm,
        icon="keyboard_double_arrow_up",
    )
    def escalate(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        transitions.escalate(
            ticket_id=pk,
            reason=form.cleaned_data["reason"],
            actor=acting(request),
            now=now_of(request),
        )
        return _("The supervisors have it now.")

    @dialog_action(
        name=gettext_lazy("Merge"),
        title=gettext_lazy("Merge into another dispute of the same customer"),
        description=gettext_lazy(
            "This one ends as a duplicate; the other one keeps the earlier of every clock."
        ),
        submit=gettext_lazy("Merge"),
        url_path="merge",
        permission="work",
        form_class=forms.MergeForm,
        icon="merge",
    )
    def merge(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        transitions.merge(
            ticket_id=pk,
            into=form.cleaned_data["into"],
            actor=acting(request),
            now=now_of(request),
        )
        return _("Merged; the customer is told.")

    @dialog_action(
        name=gettext_lazy("Link to outage"),
        title=gettext_lazy("Say which outage this dispute belongs to"),
        submit=gettext_lazy("Link"),
        url_path="link-outage",
        permission="work",
        form_class=forms.LinkOutageForm,
        icon="link",
    )
    def link_outage(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        outages.link_outage(
            ticket_id=pk,
            outage=form.cleaned_data["outage"].pk,
            actor=acting(request),
            now=now_of(request),
        )
        return _("The dispute belongs to the outage now.")

    @dialog_action(
        name=gettext_lazy("Show contact data"),
        title=gettext_lazy("Show full contact data"),
        description=gettext_lazy("Shown once, and recorded with your reason."),
        submit=gettext_lazy("Show"),
        url_path="reveal",
        permission="work",
        form_class=forms.RevealForm,
        icon="visibility",
    )
    def reveal(self, request: HttpRequest, form: DialogForm, pk: int) -> HttpResponse:
        acting(request)
        contact = reveal_contact(
            ticket_id=pk,
            reason=form.cleaned_data["reason"],
            user=user_of(request),
            now=now_of(request),
        )
        return render(request, "admin/tickets/ticket/revealed.html", {"contact": contact})
