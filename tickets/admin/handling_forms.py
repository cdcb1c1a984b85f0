"""What the everyday dialogs ask for, filled in ahead with what is most likely meant."""

from functools import cached_property
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.http import Http404
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget

from orders.admin.dialogs import DialogForm, line_field, text_field
from orders.models import Outage
from tickets.admin.edge import name_of, people_who_work
from tickets.admin.kin import find_kin, name_outage, recent_outages
from tickets.macros import find_macros
from tickets.models import Ticket
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


class MacroSelect(UnfoldAdminSelectWidget):
    """Each choice carries its text for this dispute; static/admin-words.js puts it in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.attrs["data-macros"] = ""
        self.texts: dict[str, str] = {}

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)
        if text := self.texts.get(str(value)):
            option["attrs"]["data-text"] = text
        return option


class WordsForm(TicketForm):
    """A dialog whose text may come from a macro, seen and mended before it is sent."""

    macro = forms.ChoiceField(
        label=gettext_lazy("Macro"),
        required=False,
        widget=MacroSelect,
        help_text=gettext_lazy("Its text for this dispute is put in below, to be read again."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        macros = find_macros(self.ticket)
        if not macros:
            del self.fields["macro"]
            return
        self.fields["macro"].choices = [("", "—"), *((str(pk), name) for pk, name, _t in macros)]
        self.fields["macro"].widget.texts = {str(pk): text for pk, _name, text in macros}
        self.fields["text"].widget.attrs["autofocus"] = True


class PersonField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return name_of(obj)


class OutageField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return name_outage(obj)


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


class ReplyForm(WordsForm):
    text = text_field(gettext_lazy("Message text"), limit=TEXT_LIMIT, help_text=TO_CUSTOMER)


class MergeForm(TicketForm):
    into = line_field(gettext_lazy("Number of the dispute that goes on"), limit=20)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.kin:
            self.initial.setdefault("into", self.kin[0].number)

    @cached_property
    def kin(self) -> list[Ticket]:
        return find_kin(self.ticket)

    def note(self) -> str:
        return "\n".join(
            f"{other.number} · {other.order.order_no} · {other.get_status_display()}"
            for other in self.kin
        )


class LinkOutageForm(TicketForm):
    outage = OutageField(
        queryset=Outage.objects.none(),
        label=gettext_lazy("Outage"),
        empty_label=None,
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("Where it is public, the promise runs without proof as well."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["outage"].queryset = recent_outages()

    def note(self) -> str:
        if self.fields["outage"].queryset.exists():
            return ""
        return _("No outage is known.")


class NoteForm(TicketForm):
    text = text_field(
        gettext_lazy("Note"),
        limit=TEXT_LIMIT,
        help_text=gettext_lazy("Staff alone read this."),
    )


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
