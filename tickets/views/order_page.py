"""An order's page, and what may still be done there: correct, cancel, be told of the arrival."""

from collections.abc import Callable
from datetime import datetime

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from helpdesk import clock
from orders.models import Order
from orders.outages import find_public_outages, hits
from orders.refusals import Refused
from tickets.arrivals import end_of, stop_watching, watch_arrival
from tickets.cancelling import cancel_unsent, correct_unsent
from tickets.forms import AccountForm, WatchForm
from tickets.models import ArrivalWatch, Ticket
from tickets.throttle import WISHES_PER_ORDER, Throttled, count
from tickets.views.lookup import too_often
from tickets.views.order_story import tell_order
from tickets.views.tokens import read_order_token


@never_cache
@require_safe
def order_page(request: HttpRequest, token: str) -> HttpResponse:
    order = read_order_token(token)
    if order is None:
        return look_up_again(request)
    return show_order(request, order, token, now=clock.now())


def look_up_again(request: HttpRequest) -> HttpResponse:
    messages.info(
        request, _("For your safety this page closes after 2 hours. Please look it up again.")
    )
    return redirect("home")


def show_order(
    request: HttpRequest,
    order: Order,
    token: str,
    *,
    now: datetime,
    refused: dict[str, forms.Form] | None = None,
    status: int = 200,
) -> HttpResponse:
    """This function will show the page; forms that were refused stay open with their errors."""
    tickets = list(order.tickets.exclude(status=Ticket.Status.WITHDRAWN))
    context = {
        "story": tell_order(order, now=now),
        "tickets": tickets,
        "open_ticket": next((ticket for ticket in tickets if ticket.is_open), None),
        "outages": [outage for outage in find_public_outages(now=now) if hits(outage, order)],
        "is_awaited": not end_of(order),
        "forms": fresh_forms(order) | (refused or {}),
        "open_form": next(iter(refused), "") if refused else "",
        "token": token,
        "now": now,
    }
    return render(request, "tickets/order.html", context, status=status)


def fresh_forms(order: Order) -> dict[str, forms.Form]:
    return {
        "correct": AccountForm(typed=order.target_account, auto_id="correct_%s"),
        "cancel": forms.Form(),
        "watch": WatchForm(initial={"email": ""}, auto_id="watch_%s"),
    }


def act(
    request: HttpRequest,
    token: str,
    name: str,
    make_form: Callable[[Order], forms.Form],
    call: Callable[[Order, forms.Form, datetime], HttpResponse],
) -> HttpResponse:
    """This function will carry one wish out, or show the page again with what was wrong."""
    order, now = read_order_token(token), clock.now()
    if order is None:
        return look_up_again(request)
    form, status = make_form(order), 400
    if form.is_valid():
        try:
            count(WISHES_PER_ORDER, order.order_no, now=now)
            return call(order, form, now)
        except Throttled as error:
            form.add_error(None, too_often(error))
            status = 429
        except Refused as error:
            form.add_error(None, str(error))
            status = error.http_status
    order = read_order_token(token) or order
    return show_order(request, order, token, now=now, refused={name: form}, status=status)


@never_cache
@sensitive_post_parameters("account", "again")
@require_POST
def correct(request: HttpRequest, token: str) -> HttpResponse:
    """The token is proof that somebody knew the last four characters, within two hours."""

    def call(order: Order, form: forms.Form, now: datetime) -> HttpResponse:
        account = form.cleaned_data["account"]
        ticket = correct_unsent(order=order, target_account=account, language=language(), now=now)
        messages.success(request, _("The account is corrected; our people have been told."))
        return redirect("tracking", token=ticket.tracking_token)

    def make_form(order: Order) -> forms.Form:
        return AccountForm(request.POST, typed=order.target_account, auto_id="correct_%s")

    return act(request, token, "correct", make_form, call)


@never_cache
@require_POST
def cancel(request: HttpRequest, token: str) -> HttpResponse:
    def call(order: Order, form: forms.Form, now: datetime) -> HttpResponse:
        ticket = cancel_unsent(order=order, language=language(), now=now)
        messages.success(request, _("Cancelled: below you see where your money is."))
        return redirect("tracking", token=ticket.tracking_token)

    return act(request, token, "cancel", lambda order: forms.Form(request.POST), call)


@never_cache
@sensitive_post_parameters("email")
@require_POST
def watch(request: HttpRequest, token: str) -> HttpResponse:
    def call(order: Order, form: forms.Form, now: datetime) -> HttpResponse:
        email = form.cleaned_data["email"]
        watch_arrival(order=order, email=email, language=language(), now=now)
        messages.success(request, _("We write to you once, as soon as it arrives or fails."))
        return redirect("order", token=token)

    def make_form(order: Order) -> forms.Form:
        return WatchForm(request.POST, auto_id="watch_%s")

    return act(request, token, "watch", make_form, call)


def language() -> str:
    return get_language() or "zh-hans"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def stop_watch(request: HttpRequest, token: str) -> HttpResponse:
    """Behind the link in a letter: a mail program that opens it beforehand ends nothing."""
    found = ArrivalWatch.objects.filter(stop_token=token).first()
    if found is None:
        raise Http404
    if request.method == "POST":
        stop_watching(watch_id=found.pk, now=clock.now())
        found.refresh_from_db()
    return render(request, "tickets/stop_watch.html", {"watch": found})
