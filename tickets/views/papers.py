"""What a customer takes along: the progress report, and the file for 12315."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from helpdesk import clock
from tickets.models import Referral, Ticket
from tickets.papers import Paper, write_pdf
from tickets.views.guard import is_verified
from tickets.views.money_story import tell_refunds
from tickets.views.report_story import write_dossier, write_report
from tickets.views.tracking import find_ticket, is_in_wechat, load_parts, verify_context


def address_of(request: HttpRequest, ticket: Ticket) -> str:
    return request.build_absolute_uri(reverse("tracking", args=[ticket.tracking_token]))


def answer_with_pdf(paper: Paper, name: str) -> HttpResponse:
    response = HttpResponse(write_pdf(paper), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{name}.pdf"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def find_report(request: HttpRequest, ticket: Ticket) -> Paper:
    load_parts(ticket)
    return write_report(ticket, address=address_of(request, ticket), now=clock.now())


@never_cache
@require_safe
def report(request: HttpRequest, token: str) -> HttpResponse:
    """As a page: what is in the PDF can be read where a file cannot be opened."""
    ticket = find_ticket(token)
    context = {
        "ticket": ticket,
        "paper": find_report(request, ticket),
        "in_wechat": is_in_wechat(request),
    }
    return render(request, "tickets/report.html", context)


@never_cache
@require_safe
def report_pdf(request: HttpRequest, token: str) -> HttpResponse:
    ticket = find_ticket(token)
    return answer_with_pdf(find_report(request, ticket), f"{ticket.number}-progress")


def name_of(ticket: Ticket) -> str:
    """Of the file; what was bought for resale is no case for 12315."""
    return f"{ticket.number}-file" if ticket.order.reseller else f"{ticket.number}-12315"


def find_referral(ticket: Ticket) -> Referral:
    referral = ticket.referrals.first()
    if referral is None:
        raise Http404
    return referral


@never_cache
@require_safe
def dossier(request: HttpRequest, token: str) -> HttpResponse:
    """What a customer takes along to 12315. Unmasked, so it asks for the last four first."""
    ticket = find_ticket(token)
    referral = find_referral(ticket)
    if not is_verified(request, ticket):
        return render(request, "tickets/verify.html", verify_context(ticket), status=403)
    if request.GET.get("download"):
        options = {"ensure_ascii": False, "indent": 2}
        response = JsonResponse(referral.dossier, json_dumps_params=options)
        response["Content-Disposition"] = f'attachment; filename="{name_of(ticket)}.json"'
        return response
    context = {
        "ticket": ticket,
        "referral": referral,
        "order": ticket.order,
        "refunds": tell_refunds(ticket),
        "payments": ticket.order.payments.all(),
        "in_wechat": is_in_wechat(request),
        "now": clock.now(),
    }
    return render(request, "tickets/dossier.html", context)


@never_cache
@require_safe
def dossier_pdf(request: HttpRequest, token: str) -> HttpResponse:
    ticket = find_ticket(token)
    referral = find_referral(ticket)
    if not is_verified(request, ticket):
        return redirect("dossier", token=token)
    paper = write_dossier(ticket, referral, address=address_of(request, ticket))
    return answer_with_pdf(paper, name_of(ticket))
