"""An agent files a dispute for somebody on the telephone, on one page and in under a minute."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from orders.models import Order
from orders.refusals import Refused
from tickets.admin.edge import acting, now_of, user_of, works_disputes
from tickets.admin.links import ticket_address
from tickets.intake import DESCRIPTION_LIMIT, Contact, Dispute, open_ticket
from tickets.models import Ticket
from tickets.queries import find_order_for_customer


def line(
    label: Any, limit: int, *, help_text: Any = "", required: bool = True, **attrs: str
) -> Any:
    return forms.CharField(
        label=label,
        max_length=limit,
        required=required,
        help_text=help_text,
        widget=UnfoldAdminTextInputWidget(attrs=attrs),
    )


class CallForm(forms.Form):
    """In the order in which it is asked on the telephone."""

    order_no = line(gettext_lazy("Order number"), 64, autocomplete="off", autofocus="")
    last4 = line(
        gettext_lazy("Last four of the account or contact"),
        4,
        help_text=gettext_lazy("Ask the caller: it shows that the order is theirs."),
        autocomplete="off",
    )
    category = forms.ChoiceField(
        label=gettext_lazy("Trouble"),
        choices=Ticket.Category.choices,
        initial=Ticket.Category.NON_ARRIVAL,
        widget=UnfoldAdminRadioSelectWidget,
    )
    said = forms.CharField(
        label=gettext_lazy("What the caller says"),
        max_length=DESCRIPTION_LIMIT,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )
    name = line(gettext_lazy("Name"), 100, required=False, autocomplete="off")
    phone = line(
        gettext_lazy("Phone"),
        32,
        required=False,
        help_text=gettext_lazy("Left empty, what the shop knows is used."),
        autocomplete="off",
        inputmode="tel",
    )
    email = forms.EmailField(
        label=gettext_lazy("E-mail"),
        max_length=254,
        required=False,
        widget=UnfoldAdminEmailInputWidget(attrs={"autocomplete": "off"}),
    )
    language = forms.ChoiceField(
        label=gettext_lazy("Language of the caller"),
        choices=settings.LANGUAGES,
        widget=UnfoldAdminSelectWidget,
    )

    order: Order

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = self.cleaned_data
        if "order_no" not in said or "last4" not in said:
            return said
        found = find_order_for_customer(order_no=said["order_no"].strip(), last4=said["last4"])
        if found is None:
            self.add_error(
                "order_no",
                _("No order has this number and these last four characters. Please ask again."),
            )
        else:
            self.order = found
        return said

    def dispute(self) -> Dispute:
        said = self.cleaned_data
        return Dispute(
            category=said["category"],
            description=said["said"],
            contact=Contact(name=said["name"], phone=said["phone"], email=said["email"]),
            intake=Ticket.Intake.AGENT,
            language=said["language"],
        )


class CallPage:
    """A page of TicketAdmin: GET shows the form, POST files the dispute and leads to it."""

    admin_site: Any
    opts: Any

    def call(self, request: HttpRequest) -> HttpResponse:
        if not works_disputes(request) or not user_of(request).has_perm("tickets.add_ticket"):
            raise PermissionDenied
        form = CallForm(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            answer = file_dispute(request, form)
            if answer is not None:
                return answer
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("File for a caller"),
            "form": form,
        }
        request.current_app = self.admin_site.name
        status = 400 if form.is_bound else 200
        return TemplateResponse(request, "admin/tickets/ticket/call.html", context, status=status)


def file_dispute(request: HttpRequest, form: CallForm) -> HttpResponse | None:
    """This function will open the dispute, or show the one that is open already with the caller's
    words added; None when the domain refuses, with its words on the form."""
    try:
        opened = open_ticket(
            order=form.order, dispute=form.dispute(), actor=acting(request), now=now_of(request)
        )
    except Refused as refused:
        form.add_error(refused.field if refused.field in form.fields else None, str(refused))
        return None
    if opened.created:
        words = _("Dispute %(number)s is open. Read the number out; proof can be added later.")
        messages.success(request, words % {"number": opened.ticket.number})
    else:
        words = _("Dispute %(number)s was open already; what the caller says was added to it.")
        messages.warning(request, words % {"number": opened.ticket.number})
    return redirect(ticket_address(opened.ticket.pk))
