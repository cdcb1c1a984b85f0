"""A reseller's page: many order numbers at once, one table, and the disputes about them."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from helpdesk import clock
from orders.masking import mask_account
from tickets.intake import Contact, Dispute
from tickets.models import Evidence, Ticket
from tickets.reseller_rows import list_rows
from tickets.resellers import Filed, Submission, file_disputes
from tickets.throttle import (
    LISTS_PER_ADDRESS,
    Throttled,
    address_of,
    count,
)
from tickets.views.files import receive_files
from tickets.views.limits import limits_body
from tickets.views.lookup import too_often
from tickets.views.reseller_forms import FileForm, ListForm
from tickets.views.reseller_limits import find_within_limits, nothing_fits

SALT = "tickets.reseller-list"
VALID_FOR = timedelta(hours=2)
#: Refusals that are spelt out; of the others the number is said.
SHOWN_REFUSALS = 10


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def look_up_list(request: HttpRequest) -> HttpResponse:
    """Unknown orders, other people's, and wrong last four get the same answer."""
    if request.method != "POST":
        return show_list_form(request, ListForm())
    form = ListForm(request.POST)
    if not form.is_valid():
        return show_list_form(request, form, status=400)
    now = clock.now()
    try:
        count(LISTS_PER_ADDRESS, address_of(request), now=now)
    except Throttled as error:
        form.add_error(None, too_often(error))
        response = show_list_form(request, form, status=429)
        response["Retry-After"] = str(error.retry_after)
        return response
    numbers = form.cleaned_data["numbers"]
    orders = find_within_limits(numbers, form.cleaned_data["last4"], now=now)
    if not orders:
        form.add_error(None, nothing_fits())
        return show_list_form(request, form)
    submission = Submission.of(orders)
    known = {order.order_no for order in orders}
    missing = [number for number in numbers if number not in known]
    return show_table(request, submission, now=now, missing=missing)


def show_list_form(request: HttpRequest, form: ListForm, *, status: int = 200) -> HttpResponse:
    return render(request, "tickets/reseller_list.html", {"form": form}, status=status)


def make_list_token(submission: Submission) -> str:
    content = [submission.nonce, list(submission.order_ids)]
    return signing.dumps(content, salt=SALT, compress=True)


def read_list_token(token: str) -> Submission | None:
    try:
        nonce, order_ids = signing.loads(token, salt=SALT, max_age=VALID_FOR)
    except signing.BadSignature:
        return None
    return Submission(nonce, tuple(order_ids))


@limits_body
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def reseller_table(request: HttpRequest, token: str) -> HttpResponse:
    submission = read_list_token(token)
    if submission is None:
        messages.info(
            request, _("For your safety this page closes after 2 hours. Please look it up again.")
        )
        return redirect("reseller-list")
    now = clock.now()
    if request.method != "POST":
        return show_table(request, submission, now=now, token=token)
    rows = list_rows(submission.orders())
    form = FileForm(request.POST, rows=rows)
    carrier = submission.draft("files", rows[0].order, now=now)
    received = receive_files(request, kind=read_kind(form), now=now, draft=carrier)
    if not form.is_valid() or received.errors:
        return show_table(
            request,
            submission,
            now=now,
            token=token,
            form=form,
            file_errors=received.errors,
            status=max(received.status, 400),
        )
    filed = file_disputes(
        submission=submission,
        order_ids=form.cleaned_data["chosen"],
        dispute=write_dispute(form.cleaned_data),
        files=list(carrier.evidence.all()),
        now=now,
    )
    tell_outcome(request, filed)
    return redirect("reseller-table", token=token)


def read_kind(form: FileForm) -> str:
    form.full_clean()
    return str(form.cleaned_data.get("kind") or Evidence.Kind.OTHER)


def write_dispute(data: dict[str, Any]) -> Dispute:
    return Dispute(
        category=data["category"],
        description=data["description"],
        contact=Contact(
            name=data["contact_name"], phone=data["contact_phone"], email=data["contact_email"]
        ),
        intake=Ticket.Intake.WEB,
        language=get_language() or "zh-hans",
    )


def tell_outcome(request: HttpRequest, filed: Filed) -> None:
    if filed.opened:
        number = len(filed.opened)
        text = ngettext("%(n)d dispute has reached us.", "%(n)d disputes have reached us.", number)
        messages.success(request, text % {"n": number})
    if filed.known:
        number = len(filed.known)
        text = ngettext(
            "%(n)d order has its dispute already.", "%(n)d orders have theirs already.", number
        )
        messages.info(request, text % {"n": number})
    for order_no, why in filed.refused[:SHOWN_REFUSALS]:
        messages.error(request, _("%(order)s: %(why)s") % {"order": order_no, "why": why})
    more = len(filed.refused) - SHOWN_REFUSALS
    if more > 0:
        text = ngettext("%(n)d more was not filed.", "%(n)d more were not filed.", more)
        messages.error(request, text % {"n": more})


def show_table(
    request: HttpRequest,
    submission: Submission,
    *,
    now: datetime,
    token: str = "",
    missing: list[str] | None = None,
    form: FileForm | None = None,
    file_errors: list[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    rows = list_rows(submission.orders())
    carrier = submission.draft_token("files")
    bound = form is not None and form.is_bound
    ticked = set(request.POST.getlist("chosen")) if bound else None
    context = {
        "rows": [
            {
                "row": row,
                "account": mask_account(row.order.target_account),
                "is_ticked": ticked is None or str(row.order.pk) in ticked,
            }
            for row in rows
        ],
        "can_file": sum(row.can_file for row in rows),
        "form": form or FileForm(rows=rows),
        "files": list(Evidence.objects.filter(draft__token=carrier)),
        "file_errors": file_errors or [],
        "missing": missing or [],
        "token": token or make_list_token(submission),
        "now": now,
    }
    return render(request, "tickets/reseller_table.html", context, status=status)
