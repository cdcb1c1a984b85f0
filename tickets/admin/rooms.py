"""Pages of the admin that are about no single table: dashboard, reports, who looked at what."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from orders.refusals import Refused
from tickets import transitions
from tickets.admin.dashboard import fill_state
from tickets.admin.edge import acting, name_of, now_of, supervises
from tickets.admin.reporting import fill_report, send_report
from tickets.admin.reveals import fill_reveals, send_reveals
from tickets.admin.sheets import as_sheet
from tickets.models import Ticket


def room(template: str, fill: Callable[[HttpRequest], dict[str, Any]]) -> Callable[..., Any]:
    """This function will make a page of its own for those who supervise."""

    @require_safe
    def view(request: HttpRequest) -> HttpResponse:
        if not supervises(request):
            raise PermissionDenied
        if request.GET.get("format") == "csv" and (sheet := SHEETS[template](request)):
            return sheet
        request.current_app = admin.site.name
        context = {**admin.site.each_context(request), "is_fullwidth": "1", **fill(request)}
        return TemplateResponse(request, f"admin/desk/{template}.html", context)

    return admin.site.admin_view(view)


def send_days(request: HttpRequest) -> HttpResponse:
    """This function will send what the dashboard's first chart is drawn from."""
    header = [_("day"), _("promises kept"), _("promises broken"), _("promises given up")]
    rows = [
        [row["day"].isoformat(), row["kept"].kept, row["kept"].broken, row["kept"].given_up]
        for row in fill_state(request)["days"]
    ]
    return as_sheet("promises", header, rows)


def send_levels(request: HttpRequest) -> HttpResponse:
    state = fill_state(request)
    header = [_("level"), *(str(label) for label in state["left_labels"])]
    return as_sheet("open", header, [[row["label"], *row["cells"]] for row in state["levels"]])


SHEETS: dict[str, Callable[[HttpRequest], HttpResponse | None]] = {
    "dashboard": lambda request: (
        send_levels(request) if request.GET.get("of") == "levels" else send_days(request)
    ),
    "reports": send_report,
    "reveals": send_reveals,
}


@require_POST
def assign(request: HttpRequest) -> HttpResponse:
    """Gives one dispute of the morning's list to somebody, by one click."""
    if not supervises(request):
        raise PermissionDenied
    number, person = request.POST.get("ticket", ""), request.POST.get("assignee", "")
    if not (is_key(number) and is_key(person)):
        raise Http404
    ticket = get_object_or_404(Ticket, pk=number)
    assignee = get_object_or_404(User, pk=person)
    try:
        transitions.assign_ticket(
            ticket_id=ticket.pk, assignee=assignee, actor=acting(request), now=now_of(request)
        )
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        values = {"number": ticket.number, "name": name_of(assignee)}
        messages.success(request, _("%(number)s goes to %(name)s.") % values)
    return redirect("admin:index")


def is_key(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 18


app_name = "desk"
urlpatterns = [
    path("dashboard/", room("dashboard", fill_state), name="dashboard"),
    path("reports/", room("reports", fill_report), name="reports"),
    path("reveals/", room("reveals", fill_reveals), name="reveals"),
    path("assign/", admin.site.admin_view(assign), name="assign"),
]
