"""A second look at one closure in twenty: drawn by a fixed rule, reviewed by somebody else.

docs/closure-reviews.md states the rule. It can be worked out again by whoever holds the desk's
secret key, and by nobody else beforehand: who closes a dispute cannot know whether it is drawn.
"""

import hashlib
import hmac
import math
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _

from tickets.actors import Actor
from tickets.calendars import StaffedCalendar
from tickets.cases import NotAllowed, TransitionRefused
from tickets.models import ClockPause, ClosureReview, Deadline, Event, Ticket
from tickets.reports import Period
from tickets.staffing import desk_tz, load_calendar

#: One of this many.
ONE_IN = 20
#: A pause that leaves less than this of a clock looks like a way around it.
NEAR = timedelta(minutes=30)
#: An agent and a buyer who met in this many other finished disputes of the last 30 days.
PAIR = 2
PAIR_DAYS = timedelta(days=30)
LATE_PAUSE_WEIGHT = 4
PAIR_WEIGHT = 3
#: Days back that are still drawn from, should the desk have stood still.
CATCH_UP = 3
FINDINGS_LIMIT = 2000


class UnableToReviewClosure(TransitionRefused):
    """Reviewed already, or the review says too little."""

    code = "unable_to_review"


def draw_closures(*, now: datetime) -> int:
    """This function will draw from every local day that is over and was not drawn from yet, and
    say how many disputes that gave. Run again it draws nothing more."""
    today = now.astimezone(desk_tz()).date()
    days = [today - timedelta(days=back) for back in range(CATCH_UP, 0, -1)]
    done = set(ClosureReview.objects.filter(day__in=days).values_list("day", flat=True))
    return sum(draw_day(day, now=now) for day in days if day not in done)


def draw_day(day: date, *, now: datetime) -> int:
    closed = list(closures_of(day).select_related("order"))
    drawn = pick(weigh(closed), day)
    rows = [
        ClosureReview(
            ticket=ticket,
            cycle=ticket.cycle,
            day=day,
            drawn_at=now,
            drawn_of=len(closed),
            weight=weight_of(late, pair),
            late_pause=late,
            repeated_pair=pair,
        )
        for ticket, late, pair in drawn
    ]
    # Two rounds at the same moment draw the same: the constraint lets one of them in.
    ClosureReview.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def closures_of(day: date) -> QuerySet[Ticket]:
    """Disputes that a day of the desk's ended and that stand ended; drills are not looked at."""
    period = Period(day, day)
    return Ticket.objects.filter(
        is_drill=False, resolved_at__gte=period.since, resolved_at__lt=period.until
    ).order_by("pk")


Weighed = tuple[Ticket, bool, bool]


def weigh(tickets: list[Ticket]) -> list[Weighed]:
    late, pairs = find_late_pauses(tickets), find_pairs(tickets)
    return [(ticket, ticket.pk in late, ticket.pk in pairs) for ticket in tickets]


def weight_of(late: bool, pair: bool) -> int:
    return 1 + LATE_PAUSE_WEIGHT * late + PAIR_WEIGHT * pair


def pick(weighed: list[Weighed], day: date) -> list[Weighed]:
    """This function will take one in twenty, rounded up: those with the largest u^(1/weight),
    where u is a fraction that the secret key, the day and the dispute decide (weighted sampling
    without replacement, Efraimidis and Spirakis 2006)."""

    def rank(one: Weighed) -> float:
        ticket, late, pair = one
        return float(fraction(ticket, day) ** (1 / weight_of(late, pair)))

    return sorted(weighed, key=rank, reverse=True)[: math.ceil(len(weighed) / ONE_IN)]


def fraction(ticket: Ticket, day: date) -> float:
    text = f"closure:{day.isoformat()}:{ticket.uuid}:{ticket.cycle}".encode()
    digest = hmac.new(settings.SECRET_KEY.encode(), text, hashlib.sha256).digest()
    return (int.from_bytes(digest[:8], "big") + 1) / 2**64


def find_late_pauses(tickets: list[Ticket]) -> set[int]:
    """This function will find disputes one of whose clocks was paused shortly before it was due.

    What was left then is kept while the clock stands still, and runs off after it went on.
    """
    pauses = ClockPause.objects.filter(deadline__ticket__in=tickets).select_related("deadline")
    calendar = load_calendar()
    return {pause.deadline.ticket_id for pause in pauses if left_at_pause(pause, calendar) <= NEAR}


def left_at_pause(pause: ClockPause, calendar: StaffedCalendar) -> timedelta:
    deadline = pause.deadline
    if deadline.remaining is not None:
        return deadline.remaining
    if pause.to_at is None:
        return timedelta.max
    if deadline.clock == Deadline.Clock.STAFFED:
        return calendar.between(pause.to_at, deadline.due_at)
    return max(deadline.due_at - pause.to_at, timedelta())


def find_pairs(tickets: list[Ticket]) -> set[int]:
    """This function will find disputes whose owner settled others of the same buyer before."""
    known = [t for t in tickets if t.assignee_id is not None and t.order.buyer_ref]
    if not known:
        return set()
    since = min(t.resolved_at for t in known if t.resolved_at is not None) - PAIR_DAYS
    settled = (
        Ticket.objects.filter(
            is_drill=False,
            resolved_at__gte=since,
            assignee__in={t.assignee_id for t in known},
            order__buyer_ref__in={t.order.buyer_ref for t in known},
        )
        .order_by()
        .values_list("assignee", "order__buyer_ref")
        .annotate(n=Count("pk"))
    )
    often = {(owner, buyer) for owner, buyer, count in settled if count > PAIR}
    return {t.pk for t in known if (t.assignee_id, t.order.buyer_ref) in often}


def review_closure(
    *, review_id: int, verdict: str, findings: str, reviewer: User, now: datetime
) -> ClosureReview:
    """This function will sign off the second look at a finished dispute.

    :raises NotAllowed: the reviewer is no supervisor, or had a hand in the dispute.
    :raises UnableToReviewClosure: reviewed before, an unknown verdict, or no word of what was
        found.
    """
    if verdict not in ClosureReview.Verdict.values:
        raise UnableToReviewClosure(
            _("verdict: choose from %(codes)s.")
            % {"codes": ", ".join(ClosureReview.Verdict.values)},
            field="verdict",
        )
    text = findings.strip()
    if not 1 <= len(text) <= FINDINGS_LIMIT:
        raise UnableToReviewClosure(
            _("findings: 1 to %(limit)s characters.") % {"limit": FINDINGS_LIMIT},
            field="findings",
        )
    with transaction.atomic():
        rows = ClosureReview.objects.select_for_update(of=("self",)).select_related("ticket")
        review = rows.get(pk=review_id)
        if review.reviewed_at is not None:
            raise UnableToReviewClosure(_("This closure has been reviewed already."))
        check_reviewer(review, reviewer)
        review.verdict, review.findings = verdict, text
        review.reviewed_by, review.reviewed_at = reviewer, now
        review.save(update_fields=["verdict", "findings", "reviewed_by", "reviewed_at"])
    return review


def check_reviewer(review: ClosureReview, reviewer: User) -> None:
    if not reviewer.has_perm("tickets.supervise_ticket"):
        raise NotAllowed(_("Only a supervisor may review a closure."))
    if review.ticket.assignee_id == reviewer.pk or handled(review, [Actor.of(reviewer).label]):
        raise NotAllowed(
            _("You handled this dispute: somebody else has to review it."), code="handler"
        )


def handled(review: ClosureReview, labels: Iterable[str]) -> bool:
    """Looking at contact data or at a file is a hand in it as well: whatever is in the chain."""
    return Event.objects.filter(ticket=review.ticket_id, actor__in=labels).exists()
