"""What the everyday dialogs ask for, filled in ahead with what is most likely meant."""

from functools import cached_property
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.http import Http404
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelectWidget

from orders.admin.dialogs import DialogForm, line_field, text_field
from tickets.admin.edge import name_of, people_who_work
from tickets.completeness import missing
from tickets.models import Evidence, Ticket
from tickets.transitions.handling import TEXT_LIMIT

TO_CUSTOMER = gettext_lazy("The customer reads this.")


class TicketForm(DialogForm):
    """A dialog about one ticket."""

    @cached_property
    def ticket(self) -> Ticket:
        ticket = Ticket.objects.select_related("order").filter(pk=self.pk).first()
        if ticket is None:
            raise Http404
        return ticket

    def say(self, message: str, **values: Any) -> str:
        """This function will write a suggestion in the customer's language."""
        with translation.override(self.ticket.language):
            return _(message) % values

    def note(self) -> str:
        """What the dialog says above its fields."""
        return ""


class PersonField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return name_of(obj)


class AssignForm(TicketForm):
    assignee = PersonField(
        queryset=User.objects.none(),
        label=gettext_lazy("Owner"),
        empty_label=None,
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["assignee"].queryset = people_who_work()
        self.initial.setdefault("assignee", self.request.user.pk)


class ReplyForm(TicketForm):
    text = text_field(gettext_lazy("Message text"), limit=TEXT_LIMIT, help_text=TO_CUSTOMER)


class NoteForm(TicketForm):
    text = text_field(
        gettext_lazy("Note"),
        limit=TEXT_LIMIT,
        help_text=gettext_lazy("Staff alone read this."),
    )


class RequestEvidenceForm(TicketForm):
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


class EscalateForm(TicketForm):
    reason = text_field(
        gettext_lazy("Reason"), limit=500, help_text=gettext_lazy("Staff alone read this.")
    )


class RevealForm(TicketForm):
    reason = line_field(
        gettext_lazy("Reason"),
        limit=500,
        help_text=gettext_lazy("Kept with your name in the dispute's history."),
    )
