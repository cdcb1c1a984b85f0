"""Pages for everybody: the promise, the look-up, the rules, the notices."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from helpdesk import clock
from orders.outages import find_public_outages
from tickets.calendars import NeverStaffed
from tickets.forms import LookupForm
from tickets.models import StaffedHours
from tickets.policies import get_policy
from tickets.policy_reader import read_policy
from tickets.staffing import load_calendar


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    now = clock.now()
    return render(request, "tickets/home.html", home_context(LookupForm(), now=now))


def home_context(form: LookupForm, *, now: datetime) -> dict[str, object]:
    policy = read_policy(get_policy().body)
    return {
        "form": form,
        "promise": policy.within("commitment"),
        "outages": find_public_outages(now=now).filter(ended_at=None),
        "now": now,
        **desk_hours(now),
    }


def desk_hours(now: datetime) -> dict[str, object]:
    """This function will say whether somebody is at the desk, and else when somebody will be."""
    calendar = load_calendar()
    try:
        opens_at = calendar.next_opening(now)
    except NeverStaffed:
        return {"is_staffed": False, "opens_at": None}
    return {"is_staffed": opens_at <= now, "opens_at": opens_at}


@require_safe
def notices(request: HttpRequest) -> HttpResponse:
    now = clock.now()
    hours = list(StaffedHours.objects.all())
    outages = list(find_public_outages(now=now))
    context = {"hours": hours, "outages": outages, "now": now, **desk_hours(now)}
    return render(request, "tickets/notices.html", context)
