"""What a customer may do from the tracking page. Each is a POST, one call, and a way back."""

from collections.abc import Callable
from datetime import datetime

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from helpdesk import clock
from tickets import transitions
from tickets.actors import Actor
from tickets.cases import TransitionRefused
from tickets.forms import LastFourForm, RateForm, ReasonForm, TextForm, WithdrawForm
from tickets.models import Ticket
from tickets.throttle import VERBS_PER_CASE, Throttled, count
from tickets.views.dispute import FRAGMENT, read_kind
from tickets.views.files import receive_files
from tickets.views.guard import is_verified, remember, verify
from tickets.views.limits import limits_body
from tickets.views.lookup import too_often
from tickets.views.tracking import find_ticket, show_ticket, ticket_grid, verify_context

CUSTOMER = Actor.customer()


def back_to(ticket: Ticket) -> HttpResponse:
    return redirect("tracking", token=ticket.tracking_token)


def act(
    request: HttpRequest,
    token: str,
    name: str,
    form: forms.Form,
    call: Callable[[Ticket, forms.Form, datetime], object],
    done: str,
) -> HttpResponse:
    """This function will carry one verb out, or show the page again with what was wrong."""
    ticket, now = find_ticket(token), clock.now()
    status = 400
    if form.is_valid():
        try:
            count(VERBS_PER_CASE, ticket.uuid.hex, now=now)
            call(ticket, form, now)
        except Throttled as error:
            form.add_error(None, too_often(error))
            status = 429
        except TransitionRefused as error:
            form.add_error(None, str(error))
            status = error.http_status
        else:
            messages.success(request, done)
            return back_to(ticket)
    return show_ticket(request, ticket, now=now, refused={name: form}, status=status)


@never_cache
@require_POST
def nudge(request: HttpRequest, token: str) -> HttpResponse:
    ticket, now = find_ticket(token), clock.now()
    try:
        transitions.nudge(ticket_id=ticket.pk, actor=CUSTOMER, now=now)
    except TransitionRefused as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, _("We have passed your reminder on."))
    return back_to(ticket)


@never_cache
@require_POST
def reply(request: HttpRequest, token: str) -> HttpResponse:
    def call(ticket: Ticket, form: forms.Form, now: datetime) -> object:
        text = form.cleaned_data["text"]
        return transitions.reply(ticket_id=ticket.pk, text=text, actor=CUSTOMER, now=now)

    form = TextForm(request.POST, auto_id="reply_%s")
    return act(request, token, "reply", form, call, _("Your message has reached us."))


@never_cache
@require_POST
def escalate(request: HttpRequest, token: str) -> HttpResponse:
    def call(ticket: Ticket, form: forms.Form, now: datetime) -> object:
        reason = form.cleaned_data["text"]
        return transitions.escalate(ticket_id=ticket.pk, reason=reason, actor=CUSTOMER, now=now)

    form = ReasonForm(request.POST, auto_id="escalate_%s")
    return act(
        request,
        token,
        "escalate",
        form,
        call,
        _("A supervisor has it now. Your progress report is ready below."),
    )


@never_cache
@require_POST
def reopen(request: HttpRequest, token: str) -> HttpResponse:
    def call(ticket: Ticket, form: forms.Form, now: datetime) -> object:
        reason = form.cleaned_data["text"]
        return transitions.reopen(ticket_id=ticket.pk, reason=reason, actor=CUSTOMER, now=now)

    form = ReasonForm(request.POST, auto_id="reopen_%s")
    return act(request, token, "reopen", form, call, _("Your dispute is open again."))


@never_cache
@require_POST
def rate(request: HttpRequest, token: str) -> HttpResponse:
    def call(ticket: Ticket, form: forms.Form, now: datetime) -> object:
        score, text = form.cleaned_data["score"], form.cleaned_data["text"]
        return transitions.rate(
            ticket_id=ticket.pk, score=score, text=text, actor=CUSTOMER, now=now
        )

    form = RateForm(request.POST, auto_id="rate_%s")
    return act(request, token, "rate", form, call, _("Thank you for your opinion."))


@never_cache
@require_POST
def withdraw(request: HttpRequest, token: str) -> HttpResponse:
    """The link alone is not enough: the last four characters, once per device."""
    ticket = find_ticket(token)
    verified = is_verified(request, ticket)
    form = WithdrawForm(request.POST, auto_id="withdraw_%s", verified=verified)
    if form.is_valid() and not verified:
        verified = check_last4(form, ticket)

    def call(ticket: Ticket, form: forms.Form, now: datetime) -> object:
        reason = form.cleaned_data["text"]
        return transitions.withdraw(ticket_id=ticket.pk, reason=reason, actor=CUSTOMER, now=now)

    response = act(request, token, "withdraw", form, call, _("Your dispute is withdrawn."))
    if verified:
        remember(response, ticket)
    return response


@never_cache
@require_POST
def verify_device(request: HttpRequest, token: str) -> HttpResponse:
    """Asked before the dossier, which is not masked."""
    ticket = find_ticket(token)
    form = LastFourForm(request.POST)
    if not form.is_valid() or not check_last4(form, ticket):
        return render(request, "tickets/verify.html", verify_context(ticket, form), status=403)
    response = redirect("dossier", token=token)
    remember(response, ticket)
    return response


def check_last4(form: forms.Form, ticket: Ticket) -> bool:
    """This function will check the last four characters; errors stand at their field."""
    try:
        if verify(ticket, form.cleaned_data["last4"], now=clock.now()):
            return True
    except Throttled as error:
        form.add_error("last4", too_often(error))
        return False
    form.add_error("last4", _("These are not the last four characters of this order."))
    return False


@limits_body
@never_cache
@require_POST
def add_files(request: HttpRequest, token: str) -> HttpResponse:
    """More proof. Each file is kept first; then one decision puts all of them to the case."""
    ticket, now = find_ticket(token), clock.now()
    if not ticket.is_open:
        messages.error(request, _("This dispute is over; files can be added after reopening it."))
        return back_to(ticket)
    received = receive_files(request, kind=read_kind(request), now=now, ticket=ticket)
    if received.files:
        ids = [file.pk for file in received.files]
        try:
            transitions.add_evidence(ticket_id=ticket.pk, evidence_ids=ids, actor=CUSTOMER, now=now)
        except TransitionRefused as error:
            received.errors.append(str(error))
            received.status = error.http_status
    if request.headers.get("X-Fragment") == FRAGMENT:
        context = ticket_grid(find_ticket(token), received.errors)
        return render(request, "tickets/_grid.html", context, status=received.status)
    if received.errors:
        return show_ticket(
            request,
            find_ticket(token),
            now=now,
            file_errors=received.errors,
            status=received.status,
        )
    if not received.files:
        messages.warning(request, _("No file was chosen."))
    else:
        messages.success(request, _("Your proof has reached us."))
    return back_to(ticket)
