"""Finding an order again, and its page."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from helpdesk import clock
from orders.models import Order
from tickets.forms import LookupForm
from tickets.queries import find_order_for_customer
from tickets.throttle import (
    LOOKUPS_PER_ADDRESS,
    MISSES_PER_ORDER,
    Throttled,
    address_of,
    check,
    count,
)
from tickets.views.home import home_context
from tickets.views.tokens import make_order_token


@never_cache
def look_up(request: HttpRequest) -> HttpResponse:
    """An unknown order and wrong last four get the same answer after the same work."""
    if request.method != "POST":
        return redirect("home")
    now = clock.now()
    form = LookupForm(request.POST)
    if not form.is_valid():
        return render(request, "tickets/home.html", home_context(form, now=now), status=400)
    try:
        order = find_order(request, form, now=now)
    except Throttled as error:
        form.add_error(None, too_often(error))
        response = render(request, "tickets/home.html", home_context(form, now=now), status=429)
        response["Retry-After"] = str(error.retry_after)
        return response
    if order is None:
        form.add_error(
            None,
            _(
                "No order fits these two. Please check both: the order number without spaces, and "
                "the last four characters of the account, phone or e-mail."
            ),
        )
        return render(request, "tickets/home.html", home_context(form, now=now))
    return redirect("order", token=make_order_token(order))


def find_order(request: HttpRequest, form: LookupForm, *, now: datetime) -> Order | None:
    """This function will look an order up and count what was guessed wrong.

    :raises Throttled: too many tries from one address, or too many wrong ones for one order.
    """
    order_no = form.cleaned_data["order_no"]
    count(LOOKUPS_PER_ADDRESS, address_of(request), now=now)
    check(MISSES_PER_ORDER, order_no, now=now)
    order = find_order_for_customer(order_no=order_no, last4=form.cleaned_data["last4"])
    if order is None:
        count(MISSES_PER_ORDER, order_no, now=now)
    return order


def too_often(error: Throttled) -> str:
    return _(
        "That was more than %(times)s tries within %(window)s minutes. Please try again in "
        "%(minutes)s minutes."
    ) % {
        "times": error.limit.times,
        "window": int(error.limit.per.total_seconds() // 60),
        "minutes": error.minutes,
    }
