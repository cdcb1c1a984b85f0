"""Writing a dispute in three steps: self-check, proof, confirmation. A draft row holds them."""

from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from helpdesk import clock
from orders.models import Order
from tickets.actors import Actor
from tickets.cases import TransitionRefused
from tickets.evidence import remove_from_draft
from tickets.forms import CARDS, CategoryForm, ConfirmForm, DescriptionForm, KindForm
from tickets.intake import Contact, Dispute, open_ticket, save_draft, start_draft
from tickets.models import Draft, Evidence, Ticket
from tickets.throttle import DRAFTS_PER_ORDER, Throttled, count
from tickets.views.files import grid_context, receive_files, show_preview
from tickets.views.limits import limits_body
from tickets.views.lookup import too_often
from tickets.views.order_story import suggest_description, tell_order
from tickets.views.tokens import make_order_token, read_order_token

STEPS = ("check", "proof", "confirm")
FRAGMENT = "files"


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new_dispute(request: HttpRequest) -> HttpResponse:
    """Step one before there is a draft: nothing is written until the customer chose a card."""
    order = read_order_token(request.GET.get("order", ""))
    if order is None:
        messages.info(request, _("Please look your order up first."))
        return redirect("home")
    running = order.tickets.filter(status__in=Ticket.OPEN_STATUSES).first()
    if running is not None:
        messages.info(request, _("There is a dispute about this order already: this is it."))
        return redirect("tracking", token=running.tracking_token)
    now = clock.now()
    if request.method != "POST":
        form = CategoryForm(initial={"category": request.GET.get("category", "")})
        return show_check(request, order, form, now=now)
    form = CategoryForm(request.POST)
    if form.is_valid():
        try:
            count(DRAFTS_PER_ORDER, order.order_no, now=now)
        except Throttled as error:
            form.add_error(None, too_often(error))
            return show_check(request, order, form, now=now, status=429)
        draft = start_draft(order=order, now=now)
        save_draft(draft=draft, data=form.cleaned_data, now=now)
        return to_step(draft, "proof")
    return show_check(request, order, form, now=now, status=400)


def show_check(
    request: HttpRequest,
    order: Order,
    form: CategoryForm,
    *,
    now: datetime,
    draft: Draft | None = None,
    status: int = 200,
) -> HttpResponse:
    back = make_order_token(order) if draft is None else ""
    context = {
        "story": tell_order(order, now=now),
        "form": form,
        "draft": draft,
        "order_token": back,
        "step": 1,
        "now": now,
    }
    return render(request, "tickets/dispute_check.html", context, status=status)


def find_draft(token: str) -> Draft:
    draft = Draft.objects.select_related("order", "ticket").filter(token=token).first()
    if draft is None:
        raise Http404
    return draft


def to_step(draft: Draft, step: str) -> HttpResponse:
    return redirect(f"{reverse('draft', args=[draft.token])}?step={step}")


def to_ticket(draft: Draft) -> HttpResponse:
    assert draft.ticket is not None
    return redirect("tracking", token=draft.ticket.tracking_token)


@limits_body
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def draft_page(request: HttpRequest, token: str) -> HttpResponse:
    """Any step of a draft. A draft that was sent leads to its ticket, whatever is asked of it."""
    draft = find_draft(token)
    if draft.ticket is not None:
        return to_ticket(draft)
    values = request.POST if request.method == "POST" else request.GET
    step = values.get("step", "")
    step = step if step in STEPS else ("proof" if draft.data.get("category") else "check")
    show = request.method != "POST"
    if step == "check" or not draft.data.get("category"):
        return check_step(request, draft, show=show)
    if step == "proof":
        return proof_step(request, draft, show=show)
    return confirm_step(request, draft, show=show)


def check_step(request: HttpRequest, draft: Draft, *, show: bool) -> HttpResponse:
    now = clock.now()
    if show:
        return show_check(request, draft.order, CategoryForm(draft.data), now=now, draft=draft)
    form = CategoryForm(request.POST)
    if not form.is_valid():
        return show_check(request, draft.order, form, now=now, draft=draft, status=400)
    save_draft(draft=draft, data=form.cleaned_data, now=now)
    return to_step(draft, "proof")


def proof_step(request: HttpRequest, draft: Draft, *, show: bool) -> HttpResponse:
    """Files, and what happened. Without JavaScript the same form carries the files along."""
    now = clock.now()
    if show:
        typed = draft.data.get("description") or suggest_description(draft.order)
        return show_proof(request, draft, DescriptionForm(initial={"description": typed}))
    form = DescriptionForm(request.POST)
    received = receive_files(request, kind=read_kind(request), now=now, draft=draft)
    if form.is_valid():
        save_draft(draft=draft, data=form.cleaned_data, now=now)
    if received.errors or (not form.is_valid() and request.POST.get("go") == "next"):
        return show_proof(request, draft, form, received.errors, status=max(received.status, 400))
    if request.POST.get("go") == "next":
        return to_step(draft, "confirm")
    return to_step(draft, "proof")


def read_kind(request: HttpRequest) -> str:
    form = KindForm(request.POST)
    kind = form.cleaned_data["kind"] if form.is_valid() else ""
    return str(kind or Evidence.Kind.OTHER)


def show_proof(
    request: HttpRequest,
    draft: Draft,
    form: DescriptionForm,
    errors: list[str] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    context = {"form": form, "step": 2, **draft_grid(draft, errors or [])}
    return render(request, "tickets/dispute_proof.html", context, status=status)


def draft_grid(draft: Draft, errors: list[str]) -> dict[str, object]:
    grid = grid_context(draft.data["category"], list(draft.evidence.all()), errors)
    kind = KindForm(initial={"kind": grid["next_kind"]})
    return {"draft": draft, "kind_form": kind, "is_removable": True, **grid}


@limits_body
@never_cache
@require_POST
def draft_files(request: HttpRequest, token: str) -> HttpResponse:
    """Files on their way while the customer is still typing: answers with the grid anew."""
    draft = find_draft(token)
    if draft.ticket is not None or not draft.data.get("category"):
        return HttpResponse(_("This dispute has been sent already."), status=409)
    received = receive_files(request, kind=read_kind(request), now=clock.now(), draft=draft)
    return show_grid(request, draft, received.errors, status=received.status)


def show_grid(
    request: HttpRequest, draft: Draft, errors: list[str], *, status: int = 200
) -> HttpResponse:
    return render(request, "tickets/_grid.html", draft_grid(draft, errors), status=status)


@never_cache
@require_POST
def remove_draft_file(request: HttpRequest, token: str, evidence_id: UUID) -> HttpResponse:
    draft = find_draft(token)
    remove_from_draft(evidence_id=evidence_id, draft=draft)
    if request.headers.get("X-Fragment") == FRAGMENT:
        return show_grid(request, draft, [])
    return to_step(draft, "proof")


@require_safe
def draft_preview(request: HttpRequest, token: str, evidence_id: UUID) -> HttpResponse:
    return show_preview(find_draft(token).evidence.all(), evidence_id)


def confirm_step(request: HttpRequest, draft: Draft, *, show: bool) -> HttpResponse:
    if show:
        form = ConfirmForm(initial=draft.data)
        return show_confirm(request, draft, form)
    form = ConfirmForm(request.POST)
    now = clock.now()
    if request.POST.get("go") == "back":
        typed = {name: request.POST.get(name, "")[:4000] for name in form.fields}
        save_draft(draft=draft, data=typed, now=now)
        return to_step(draft, "proof")
    if not form.is_valid():
        return show_confirm(request, draft, form, status=400)
    try:
        opened = open_ticket(
            order=draft.order,
            dispute=write_dispute(draft, form.cleaned_data),
            actor=Actor.customer(),
            now=now,
            draft=draft,
        )
    except TransitionRefused as error:
        form.add_error(None, str(error))
        return show_confirm(request, draft, form, status=error.http_status)
    if opened.created:
        messages.success(request, _("Your dispute has reached us."))
    return redirect("tracking", token=opened.ticket.tracking_token)


def write_dispute(draft: Draft, data: dict[str, str]) -> Dispute:
    """This function will put the form into the words of the desk."""
    return Dispute(
        category=draft.data["category"],
        description=data["description"],
        contact=Contact(
            name=data["contact_name"], phone=data["contact_phone"], email=data["contact_email"]
        ),
        evidence_ids=tuple(draft.evidence.values_list("pk", flat=True)),
        intake=Ticket.Intake.WEB,
        language=get_language() or "zh-hans",
    )


def show_confirm(
    request: HttpRequest, draft: Draft, form: ConfirmForm, *, status: int = 200
) -> HttpResponse:
    now = clock.now()
    grid = draft_grid(draft, []) | {"is_removable": False}
    context = {
        "form": form,
        "step": 3,
        "category_label": CARDS[Ticket.Category(draft.data["category"])][0],
        "story": tell_order(draft.order, now=now),
        **grid,
    }
    return render(request, "tickets/dispute_confirm.html", context, status=status)
