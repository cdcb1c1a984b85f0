"""Deadlines explained: due then, because of this policy, this start, these pauses."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from orders.admin.cells import badge, instant, short_instant, two_lines
from orders.admin.readonly import ReadOnlyAdmin, ReadOnlyInline
from tickets.admin.countdown import count_down, write_length
from tickets.admin.filters import WaitingFirst
from tickets.admin.links import ticket_link
from tickets.admin.timeline import tell_reason
from tickets.models import ClockPause, Deadline, Ticket
from tickets.policy import Policy

Kind = Deadline.Kind
State = Deadline.State

STATE_TONES = {State.PENDING: "info", State.PAUSED: "warn", State.MET: "good", State.FIRED: "bad"}


@dataclass(frozen=True)
class Clock:
    kind: str
    cycle: int
    due_at: datetime
    state: SafeString
    is_live: bool
    why: list[str]


def explain_clocks(
    deadlines: list[Deadline], *, ticket: Ticket, policy: Policy, now: datetime
) -> list[Clock]:
    """This function will explain every clock, live ones by what falls due first, then the rest."""
    live = sorted((d for d in deadlines if d.is_live), key=lambda d: d.due_at)
    over = sorted((d for d in deadlines if not d.is_live), key=lambda d: -d.pk)
    return [
        Clock(
            kind=deadline.get_kind_display(),
            cycle=deadline.cycle,
            due_at=deadline.due_at,
            state=tell_state(deadline, now=now),
            is_live=deadline.is_live,
            why=[tell_rule(deadline, ticket, policy), *tell_changes(deadline)],
        )
        for deadline in [*live, *over]
    ]


def tell_state(deadline: Deadline, *, now: datetime) -> SafeString:
    if deadline.state == State.PENDING:
        return count_down(deadline.due_at, now=now).html
    if deadline.state == State.PAUSED:
        left = write_length(deadline.remaining) if deadline.remaining is not None else "?"
        return badge(_("paused, %(length)s left") % {"length": left}, "warn")
    at = deadline.met_at or deadline.fired_at or deadline.cancelled_at
    late = deadline.late_by_s or 0
    is_late = deadline.state == State.MET and late > 0
    tone = "bad" if is_late else STATE_TONES.get(State(deadline.state), "plain")
    text = f"{deadline.get_state_display()} {short_instant(at)}"
    return badge(text, tone, title=_("late by %(s)s s") % {"s": f"{late:.1f}"} if late else "")


def tell_rule(deadline: Deadline, ticket: Ticket, policy: Policy) -> str:
    """This function will say which rule of the ticket's own policy put the deadline there."""
    kind = Kind(deadline.kind)
    if kind == Kind.COMMITMENT:
        return tell_promise(deadline, ticket, policy)
    if kind == Kind.COMMITMENT_ENFORCEMENT:
        lead = write_length(policy.enforce_lead)
        return _("%(lead)s before the promise, so that a refund arrives in time") % {"lead": lead}
    if kind == Kind.EXTERNAL_CASE:
        return _("the earliest instant that an open outside case asks for")
    within = write_length(policy.within(kind))
    if kind == Kind.COMMITMENT_WARNING:
        return _("%(within)s into the promise, earlier where people would be left no time") % {
            "within": within
        }
    if kind == Kind.REFERRAL:
        return _("%(within)s after opening, and at least %(grace)s after the promise") % {
            "within": within,
            "grace": write_length(policy.referral_grace),
        }
    start = {"within": within, "start": short_instant(deadline.started_at)}
    if deadline.clock == Deadline.Clock.STAFFED:
        return _("%(within)s of staffed time from %(start)s") % start
    return _("%(within)s from %(start)s, day and night") % start


def tell_promise(deadline: Deadline, ticket: Ticket, policy: Policy) -> str:
    values = {
        "within": write_length(policy.within("commitment")),
        "start": instant(deadline.started_at),
    }
    file = ticket.commitment_started_by
    if deadline.cycle == ticket.cycle and file is not None:
        values["file"] = file.filename
        return _("%(within)s from %(start)s, when “%(file)s” made the proof complete") % values
    if deadline.cycle == ticket.cycle:
        return _("%(within)s from %(start)s: our own records show the failure") % values
    return _("%(within)s from %(start)s, day and night") % values


def tell_changes(deadline: Deadline) -> list[str]:
    """This function will list what moved a deadline from where its rule alone would have it."""
    changes = []
    if deadline.policy_due_at is not None:
        at = short_instant(deadline.policy_due_at)
        changes.append(_("brought forward from %(at)s: the promise comes first") % {"at": at})
    for pause in deadline.pauses.all():
        values = {
            "from": short_instant(pause.from_at),
            "to": short_instant(pause.to_at) or "…",
            "reason": tell_reason(pause.reason),
        }
        changes.append(_("stood still %(from)s to %(to)s: %(reason)s") % values)
    if deadline.provisional:
        changes.append(_("provisional: the calendar of that time is not published yet"))
    return changes


class StateFilter(WaitingFirst):
    title = gettext_lazy("state")
    choices_of = State
    default = State.PENDING


class ClockPauseInline(ReadOnlyInline):
    model = ClockPause
    fields = ("from_at", "to_at", "reason", "actor")


@admin.register(Deadline)
class DeadlineAdmin(ReadOnlyAdmin):
    """Every timer as it stands. What is here is what fires: nothing else remembers."""

    list_display = ("which", "due_at", "progress", "clock", "started_at", "late")
    list_filter = [
        StateFilter,
        ("kind", ChoicesDropdownFilter),
        ("clock", ChoicesDropdownFilter),
    ]
    list_select_related = ("ticket",)
    ordering = ("due_at", "id")
    search_fields = ("ticket__number",)
    search_help_text = gettext_lazy("Whole number of the dispute")
    fields = (
        ("about", "kind"),
        ("cycle", "round"),
        ("state", "clock"),
        ("started_at", "due_at"),
        ("policy_due_at", "provisional"),
        ("met_at", "fired_at"),
        ("cancelled_at", "remaining"),
        ("quarantined_at", "last_error"),
    )
    readonly_fields = ("about",)
    sortable_by = ()
    inlines = [ClockPauseInline]

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        term = search_term.strip().upper()
        return (queryset.filter(ticket__number=term) if term else queryset), False

    @display(description=gettext_lazy("dispute"))
    def about(self, deadline: Deadline) -> SafeString:
        return ticket_link(deadline.ticket)

    @display(description=gettext_lazy("deadline"))
    def which(self, deadline: Deadline) -> SafeString:
        return two_lines(deadline.get_kind_display(), deadline.ticket.number)

    @display(description=gettext_lazy("state"))
    def progress(self, deadline: Deadline) -> SafeString:
        tone = STATE_TONES.get(State(deadline.state), "plain")
        return badge(deadline.get_state_display(), tone, title=deadline.last_error)

    @display(description=gettext_lazy("late by"))
    def late(self, deadline: Deadline) -> str:
        late = deadline.late_by_s
        return write_length(timedelta(seconds=late)) if late else "—"
