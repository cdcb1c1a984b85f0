"""What the dialogs of an outside case ask for."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from orders.admin.dialogs import DialogForm, line_field, text_field
from tickets.admin.edge import now_of
from tickets.models import ExternalCase
from tickets.transitions import external, external_steps


class MomentWidget(UnfoldAdminTextInputWidget):
    """The browser's own field for a day and an hour, in the desk's time zone."""

    input_type = "datetime-local"

    def format_value(self, value: Any) -> str | None:
        if isinstance(value, datetime):
            # A form field has made it local and naive already, where it is an initial value.
            local = timezone.localtime(value) if timezone.is_aware(value) else value
            return f"{local:%Y-%m-%dT%H:%M}"
        return str(value) if value else None


def moment_field(label: Any, *, help_text: Any = "", required: bool = True) -> Any:
    return forms.DateTimeField(
        label=label,
        help_text=help_text,
        required=required,
        widget=MomentWidget,
    )


class AttachForm(DialogForm):
    channel = forms.ChoiceField(
        label=gettext_lazy("Where"),
        choices=ExternalCase.Channel.choices,
        widget=UnfoldAdminSelectWidget,
    )
    number = line_field(gettext_lazy("Number there"), limit=external.NUMBER_LIMIT)
    received_at = moment_field(
        gettext_lazy("Received at"),
        help_text=gettext_lazy("When it reached us over there; its clock begins then."),
    )
    body = line_field(
        gettext_lazy("Who keeps it"),
        limit=external.BODY_LIMIT,
        required=False,
        help_text=gettext_lazy("Which office, hotline or association."),
    )
    due_at = moment_field(
        gettext_lazy("Settlement due at"),
        required=False,
        help_text=gettext_lazy("Only for another body: the others have rules of their own."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("received_at", now_of(self.request))


class AcceptForm(DialogForm):
    accepted_at = moment_field(gettext_lazy("Accepted at"))


class SettleForm(DialogForm):
    settled_at = moment_field(gettext_lazy("Settled at"))
    process = text_field(gettext_lazy("How it went"), limit=external_steps.PROCESS_LIMIT)
    method = line_field(
        gettext_lazy("Settled by"),
        limit=external_steps.METHOD_LIMIT,
        help_text=gettext_lazy("Refund, redelivery, an explanation, …"),
    )
    result = forms.ChoiceField(
        label=gettext_lazy("Result"),
        choices=ExternalCase.Result.choices,
        widget=UnfoldAdminSelectWidget,
    )
