"""Proof that is asked for and accepted: two dialogs of a dispute, and what they ask for."""

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from orders.admin.dialogs import DialogForm, dialog_action, text_field
from tickets import transitions
from tickets.admin.edge import acting, now_of
from tickets.admin.handling_forms import TO_CUSTOMER, TicketForm, WordsForm
from tickets.admin.onward import go_on
from tickets.completeness import missing
from tickets.models import Evidence
from tickets.transitions.handling import TEXT_LIMIT


class RequestEvidenceForm(WordsForm):
    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("What is needed"),
        choices=Evidence.Kind.choices,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    text = text_field(gettext_lazy("Message text"), limit=TEXT_LIMIT, help_text=TO_CUSTOMER)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_bound:
            return
        present = self.ticket.evidence.values_list("kind", flat=True)
        lacking = missing(self.ticket.category, present)
        if lacking:
            self.initial["kinds"] = sorted(lacking[0])
        self.initial["text"] = self.say(
            gettext_noop("To go on we need the proof named here. A photo of the screen is enough.")
        )


class AcceptEvidenceForm(TicketForm):
    evidence = forms.MultipleChoiceField(
        label=gettext_lazy("Files"), widget=UnfoldAdminCheckboxSelectMultipleWidget
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        waiting = [file for file in self.ticket.evidence.all() if file.accepted_at is None]
        choices = [(str(f.pk), f"{f.get_kind_display()} · {f.filename}") for f in waiting]
        self.fields["evidence"].choices = choices
        self.initial.setdefault("evidence", [pk for pk, _label in choices])


class ProofVerbs:
    """Dialogs of TicketAdmin: ask for proof, and say that it is good."""

    @dialog_action(
        name=gettext_lazy("Ask for proof"),
        title=gettext_lazy("Ask the customer for proof"),
        description=gettext_lazy(
            "The internal clocks stand still meanwhile. The 24-hour promise never does."
        ),
        submit=gettext_lazy("Ask"),
        url_path="request-evidence",
        permission="work",
        form_class=RequestEvidenceForm,
        icon="add_a_photo",
    )
    def request_evidence(
        self, request: HttpRequest, form: DialogForm, pk: int
    ) -> str | HttpResponse:
        transitions.request_evidence(
            ticket_id=pk,
            kinds=form.cleaned_data["kinds"],
            text=form.cleaned_data["text"],
            actor=acting(request),
            now=now_of(request),
        )
        return go_on(request, _("The customer is asked for proof."), ticket_id=pk)

    @dialog_action(
        name=gettext_lazy("Accept proof"),
        title=gettext_lazy("Say that proof was looked at and found good"),
        description=gettext_lazy("This moves no clock: the promise counts from receipt."),
        submit=gettext_lazy("Accept"),
        url_path="accept-evidence",
        permission="work",
        form_class=AcceptEvidenceForm,
        icon="task_alt",
    )
    def accept_evidence(self, request: HttpRequest, form: DialogForm, pk: int) -> str:
        transitions.accept_evidence(
            ticket_id=pk,
            evidence_ids=[UUID(value) for value in form.cleaned_data["evidence"]],
            actor=acting(request),
            now=now_of(request),
        )
        return _("The proof is accepted.")
