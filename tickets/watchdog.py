"""What watches the watchers: questions whose only good answer is zero."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet, Value

from orders.models import OrderEvent, Refund, TopUp
from tickets.duty import is_forsaken
from tickets.models import (
    Approval,
    ClockPause,
    Deadline,
    Event,
    ExternalCase,
    FactCheck,
    Notice,
    SweepBeat,
    Ticket,
)
from tickets.sources import count_silent_sources
from tickets.staffing import OnCall

logger = logging.getLogger(__name__)

OUTBOX_AGE = timedelta(minutes=5)
REFUND_AGE = timedelta(minutes=10)
OVERDUE_AGE = timedelta(seconds=60)
SWEEP_AGE = timedelta(seconds=15)
OLDEST_DUE_AGE = timedelta(seconds=30)
QUARANTINE = timedelta(minutes=5)
FIRED_WINDOW = timedelta(days=1)
#: A desk of more disputes is looked at in parts of this size, of which there are at most so many.
PART, MOST_PARTS = 20_000, 60

Kind = Deadline.Kind
State = Deadline.State
Status = Ticket.Status


def watch(*, now: datetime) -> dict[str, int]:
    """This function will ask every reconciler once, log what is wrong and free set-aside rows."""
    found = {name: reconciler(now) for name, reconciler in RECONCILERS.items()}
    for name, count in found.items():
        if count:
            logger.error("watchdog: %s is %d, should be 0", name, count)
    Deadline.objects.filter(
        state=Deadline.State.PENDING, quarantined_at__lt=now - QUARANTINE
    ).update(quarantined_at=None)
    return found


def has(kind: str, *states: str) -> Q:
    """This function will ask for a deadline of a kind in the ticket's present cycle."""
    found = Deadline.objects.filter(
        ticket=OuterRef("pk"), kind=kind, cycle=OuterRef("cycle"), state__in=states
    )
    return Q(Exists(found))


def has_live(kind: str) -> Q:
    found = Deadline.objects.filter(
        ticket=OuterRef("pk"), kind=kind, state__in=Deadline.LIVE_STATES
    )
    return Q(Exists(found))


def tickets_without_clock() -> QuerySet[Ticket]:
    """This function will find tickets that lack the live deadline their state requires.

    The table is in docs/states.md. This catches the timer that was never made, which no timer
    engine can see.
    """
    asked = Approval.objects.filter(ticket=OuterRef("pk"), state=Approval.State.PENDING)
    outside = ExternalCase.objects.filter(ticket=OuterRef("pk"), settled_at__isnull=True)
    lacking = (
        lacks_handling()
        | lacks_promise()
        | lacks_remedy()
        | (Q(status=Status.WAITING_CUSTOMER) & ~has_live(Kind.EVIDENCE_DUE))
        | (Q(status=Status.RESOLVED) & ~has_live(Kind.AUTO_CLOSE) & ~Q(Exists(outside)))
        | lacks_outside_clock()
        | (Q(Exists(asked)) & ~has_live(Kind.APPROVAL))
    )
    return Ticket.objects.filter(lacking)


def lacks_outside_clock() -> Q:
    """An outside case that is open waits for its instant, or has been told as missed."""
    clock = Deadline.objects.filter(ticket=OuterRef("ticket"), kind=Kind.EXTERNAL_CASE)
    missed = Q(state=State.FIRED, due_at__gte=OuterRef("settle_due_at"))
    watched = Exists(clock.filter(Q(state__in=Deadline.LIVE_STATES) | missed))
    open_cases = ExternalCase.objects.filter(ticket=OuterRef("pk"), settled_at__isnull=True)
    return Q(Exists(open_cases.filter(~watched)))


def lacks_handling() -> Q:
    """Nobody is held to handle it: running while we act, paused while we wait for the customer."""
    handled = Q(status__in=[Status.NEW, Status.IN_PROGRESS, Status.WAITING_CUSTOMER])
    agent = Q(level=Ticket.Level.AGENT) & ~has_live(Kind.AGENT_RESOLUTION)
    supervisor = (
        Q(level=Ticket.Level.SUPERVISOR)
        & ~has_live(Kind.SUPERVISOR_RESOLUTION)
        & ~(has(Kind.SUPERVISOR_RESOLUTION, State.FIRED) & has_live(Kind.REFERRAL))
    )
    unanswered = Q(cycle=1, first_replied_at__isnull=True) & ~has(
        Kind.FIRST_REPLY, State.PENDING, State.FIRED
    )
    return handled & (agent | supervisor | unanswered)


def lacks_promise() -> Q:
    open_ = Q(status__in=Ticket.OPEN_STATUSES)
    started = Q(commitment_started_at__isnull=False) & ~has(
        Kind.COMMITMENT, State.PENDING, State.FIRED, State.MET
    )
    # In a later cycle complete proof promises nothing where everything went back before.
    never_started = Q(cycle=1, proof_complete_at__isnull=False, commitment_started_at__isnull=True)
    return open_ & (started | never_started)


def lacks_remedy() -> Q:
    refunds = Refund.objects.filter(origin=OuterRef("uuid"), state__in=Refund.HOLDING_STATES)
    top_ups = TopUp.objects.filter(order=OuterRef("order"), state__in=TopUp.LIVE_STATES)
    news = OrderEvent.objects.filter(order=OuterRef("order"), consumed_at__isnull=True)
    under_way = Q(Exists(refunds)) | Q(Exists(top_ups)) | Q(Exists(news))
    return Q(status=Status.REMEDY_PENDING) & ~under_way


def tickets_in_turn(now: datetime) -> QuerySet[Ticket]:
    """This function will find them among all disputes, or every minute in another part of a huge
    desk: a look at a million takes seconds, and parts of some 20,000 go round within the hour."""
    ends = Ticket.objects.aggregate(first=Min("pk"), last=Max("pk"))
    if ends["last"] is None:
        return Ticket.objects.none()
    span = ends["last"] - ends["first"] + 1
    parts = min(span // PART + 1, MOST_PARTS)
    part = int(now.timestamp() // 60) % parts
    begin, end = (ends["first"] + span * n // parts for n in (part, part + 1))
    return tickets_without_clock().filter(pk__gte=begin, pk__lt=end)


def count_tickets_without_clock(now: datetime) -> int:
    return tickets_in_turn(now).count()


def fired_without_event(now: datetime) -> QuerySet[Deadline]:
    """Of the last day: what is older was looked at once a minute for a day."""
    told = Event.objects.filter(deadline=OuterRef("pk"), kind=Event.Kind.DEADLINE_FIRED)
    return Deadline.objects.filter(
        ~Exists(told), state=Deadline.State.FIRED, fired_at__gt=now - FIRED_WINDOW
    )


def count_fired_without_event(now: datetime) -> int:
    return fired_without_event(now).count()


def stuck_outboxes(now: datetime) -> list[QuerySet[Any]]:
    return [
        Notice.objects.filter(state=Notice.State.PENDING, created_at__lt=now - OUTBOX_AGE),
        OrderEvent.objects.filter(consumed_at__isnull=True, at__lt=now - OUTBOX_AGE),
        FactCheck.objects.filter(decided_at__isnull=True, decide_by__lt=now - OUTBOX_AGE),
    ]


def count_stuck_outbox(now: datetime) -> int:
    rows = [waiting.order_by().values("pk") for waiting in stuck_outboxes(now)]
    return rows[0].union(*rows[1:], all=True).count()


def stuck_refunds(now: datetime) -> QuerySet[Refund]:
    return Refund.objects.filter(
        state__in=[Refund.State.UNKNOWN, Refund.State.REQUESTED],
        requested_at__lt=now - REFUND_AGE,
    )


def count_stuck_refunds(now: datetime) -> int:
    return stuck_refunds(now).count()


def overdue_deadlines(now: datetime) -> list[QuerySet[Deadline]]:
    """What the sweep sees and what it set aside: each has an index of its own."""
    late = Deadline.objects.filter(state=Deadline.State.PENDING, due_at__lt=now - OVERDUE_AGE)
    return [late.filter(quarantined_at__isnull=seen) for seen in (True, False)]


def count_overdue_deadlines(now: datetime) -> int:
    seen, set_aside = (late.order_by().values("pk") for late in overdue_deadlines(now))
    return seen.union(set_aside, all=True).count()


def paused_without_pause() -> QuerySet[Deadline]:
    open_pause = ClockPause.objects.filter(deadline=OuterRef("pk"), to_at__isnull=True)
    return Deadline.objects.filter(~Exists(open_pause), state=Deadline.State.PAUSED)


def count_paused_without_pause(now: datetime) -> int:
    return paused_without_pause().count()


def count_levels_without_people(now: datetime) -> int:
    """Supervisors have to exist; agents have to be here while their shifts say so."""
    return (0 if OnCall.load().supervisors else 1) + int(is_forsaken(now))


RECONCILERS: dict[str, Callable[[datetime], int]] = {
    "tickets_without_clock": count_tickets_without_clock,
    "fired_without_event": count_fired_without_event,
    "stuck_outbox": count_stuck_outbox,
    "stuck_refunds": count_stuck_refunds,
    "overdue_deadlines": count_overdue_deadlines,
    "paused_without_pause": count_paused_without_pause,
    "levels_without_people": count_levels_without_people,
    "silent_sources": count_silent_sources,
}


def ask_reconcilers(now: datetime) -> dict[str, int]:
    """This function will ask every reconciler for a page that people wait for: what is counted in
    one table goes into one statement, the rest is asked one by one."""
    asked: dict[str, list[QuerySet[Any]]] = {
        "tickets_without_clock": [tickets_in_turn(now)],
        "fired_without_event": [fired_without_event(now)],
        "stuck_outbox": stuck_outboxes(now),
        "stuck_refunds": [stuck_refunds(now)],
        "overdue_deadlines": list(overdue_deadlines(now)),
        "paused_without_pause": [paused_without_pause()],
    }
    counts = [
        rows.order_by().values(what=Value(name)).annotate(n=Count("pk"))
        for name, several in asked.items()
        for rows in several
    ]
    found = dict.fromkeys(asked, 0)
    for name, count in counts[0].union(*counts[1:], all=True).values_list("what", "n"):
        found[name] += count
    return {
        name: found[name] if name in found else reconciler(now)
        for name, reconciler in RECONCILERS.items()
    }


def timers_stand_still(now: datetime) -> str:
    """This function will say what is wrong with the timers, or "" when they run."""
    last = SweepBeat.objects.order_by("-last_ok_at").values_list("last_ok_at", flat=True).first()
    if last is None or now - last > SWEEP_AGE:
        return "no sweep within 15 s"
    oldest = (
        Deadline.objects.filter(
            state=Deadline.State.PENDING, quarantined_at__isnull=True, due_at__lte=now
        )
        .order_by("due_at")
        .values_list("due_at", flat=True)
        .first()
    )
    if oldest is not None and now - oldest > OLDEST_DUE_AGE:
        return "a deadline is due for more than 30 s"
    return ""
