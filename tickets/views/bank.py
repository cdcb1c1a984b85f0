"""Where a customer says which account a refund shall go to, if it cannot go back as it came."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from helpdesk import clock
from tickets.actors import Actor
from tickets.bank_form import BankForm
from tickets.cases import TransitionRefused
from tickets.models import Ticket
from tickets.throttle import VERBS_PER_CASE, Throttled, count
from tickets.transfers import Account, give_details
from tickets.views.guard import is_verified, remember
from tickets.views.lookup import too_often
from tickets.views.tracking import find_ticket
from tickets.views.transfer_story import TransferStory, tell_transfer
from tickets.views.verbs import check_last4


@never_cache
@sensitive_post_parameters("name", "number", "last4")
@require_http_methods(["GET", "HEAD", "POST"])
def bank_details(request: HttpRequest, token: str) -> HttpResponse:
    ticket = find_ticket(token)
    story = tell_transfer(ticket)
    if story is None or not story.is_open or not ticket.is_open:
        # An old letter's link, or the money has been sent meanwhile.
        return redirect("tracking", token=ticket.tracking_token)
    verified = is_verified(request, ticket)
    if request.method != "POST":
        return show_form(request, ticket, story, BankForm(verified=verified))
    form = BankForm(request.POST, verified=verified)
    valid = form.is_valid()
    if "last4" in form.cleaned_data and not verified:
        verified = check_last4(form, ticket)
    response, status = None, 400
    if valid and verified:
        response, status = keep(request, ticket, form)
    if response is None:
        response = show_form(request, ticket, story, form, status=status)
    if verified:
        remember(response, ticket)
    return response


def keep(request: HttpRequest, ticket: Ticket, form: BankForm) -> tuple[HttpResponse | None, int]:
    """This function will keep what was entered; None and a status when it was refused."""
    now = clock.now()
    account = Account(*(form.cleaned_data[name] for name in ("name", "bank", "number")))
    try:
        count(VERBS_PER_CASE, ticket.uuid.hex, now=now)
        give_details(ticket_id=ticket.pk, account=account, actor=Actor.customer(), now=now)
    except Throttled as error:
        form.add_error(None, too_often(error))
        return None, 429
    except TransitionRefused as error:
        form.add_error(None, str(error))
        return None, error.http_status
    messages.success(request, _("Your bank details have reached us, sealed."))
    return redirect("tracking", token=ticket.tracking_token), 302


def show_form(
    request: HttpRequest,
    ticket: Ticket,
    story: TransferStory,
    form: BankForm,
    *,
    status: int = 200,
) -> HttpResponse:
    context = {"ticket": ticket, "transfer": story, "form": form}
    return render(request, "tickets/bank_details.html", context, status=status)
