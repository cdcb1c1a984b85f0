"""What another policy or another calendar would have meant for the disputes of late.

Every deadline of the last 30 days' disputes is placed twice by the same rules, once as its ticket
was promised and once as it would be promised now; pauses, which are nobody's rule, are left out of
both. Nothing is written.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tickets.calendars import NeverStaffed, StaffedCalendar
from tickets.deadlines import LATEST_SHARE
from tickets.models import Deadline, Ticket
from tickets.policy import Policy
from tickets.policy_reader import read_policy
from tickets.promise import WARNING_LEAVES

Kind = Deadline.Kind

BACK = timedelta(days=30)
#: Newest disputes looked at: a page is waited for.
MOST = 3000
#: Deadlines whose instant the policy decides, in the order in which they are told.
GOVERNED = (
    Kind.FIRST_REPLY,
    Kind.AGENT_RESOLUTION,
    Kind.SUPERVISOR_RESOLUTION,
    Kind.COMMITMENT_WARNING,
    Kind.COMMITMENT_ENFORCEMENT,
    Kind.COMMITMENT,
    Kind.REFERRAL,
)
#: Those that never pause: of them can be said whether they would have been kept.
NEVER_PAUSED = (Kind.FIRST_REPLY, Kind.COMMITMENT)


@dataclass
class Change:
    """Deadlines of one kind, of ``all`` so many were moved."""

    all: int = 0
    earlier: int = 0
    later: int = 0
    #: Kept as it was, missed as it would be; and the other way round.
    newly_missed: int = 0
    newly_kept: int = 0


@dataclass
class Foresight:
    tickets: int = 0
    #: More disputes than were looked at.
    is_cut: bool = False
    changes: dict[Kind, Change] = field(default_factory=dict)

    @property
    def all(self) -> int:
        return sum(change.all for change in self.changes.values())

    @property
    def changed(self) -> int:
        return sum(change.earlier + change.later for change in self.changes.values())


@dataclass(frozen=True)
class Rules:
    policy: Policy
    calendar: StaffedCalendar


def foresee(
    *,
    now: datetime,
    calendar: StaffedCalendar,
    new_policy: Policy | None = None,
    new_calendar: StaffedCalendar | None = None,
) -> Foresight:
    """This function will compare where deadlines were placed with where they would be.

    With ``new_policy`` only disputes under a policy of its code are looked at.
    """
    tickets = list(disputes_of_late(now, code=new_policy.code if new_policy else ""))
    result = Foresight(len(tickets[:MOST]), is_cut=len(tickets) > MOST)
    result.changes = {kind: Change() for kind in GOVERNED}
    by_id = {ticket.pk: ticket for ticket in tickets[:MOST]}
    policies: dict[int, Policy] = {pk: read_policy(t.policy) for pk, t in by_id.items()}
    for deadline in deadlines_of(by_id):
        ticket = by_id[deadline.ticket_id]
        old = Rules(policies[ticket.pk], calendar)
        new = Rules(new_policy or old.policy, new_calendar or calendar)
        compare(result.changes[Kind(deadline.kind)], deadline, ticket, old, new)
    return result


def disputes_of_late(now: datetime, *, code: str) -> Iterable[Ticket]:
    tickets = Ticket.objects.filter(is_drill=False, opened_at__gte=now - BACK, opened_at__lte=now)
    if code:
        tickets = tickets.filter(policy__code=code)
    return tickets.order_by("-opened_at")[: MOST + 1]


def deadlines_of(tickets: dict[int, Ticket]) -> Iterable[Deadline]:
    """Of the cycle the ticket is in: of an earlier one its promise's start is not known here."""
    found = Deadline.objects.filter(ticket_id__in=list(tickets), kind__in=GOVERNED)
    return (d for d in found.iterator() if d.cycle == tickets[d.ticket_id].cycle)


def compare(change: Change, deadline: Deadline, ticket: Ticket, old: Rules, new: Rules) -> None:
    was, would = place(deadline, ticket, old), place(deadline, ticket, new)
    change.all += 1
    if was is None or would is None or was == would:
        return
    change.earlier += would < was
    change.later += would > was
    if deadline.kind in NEVER_PAUSED and deadline.met_at is not None:
        change.newly_missed += was >= deadline.met_at > would
        change.newly_kept += would >= deadline.met_at > was


def place(deadline: Deadline, ticket: Ticket, rules: Rules) -> datetime | None:
    """This function will say where ``rules`` put a deadline; None where they say nothing."""
    kind, policy = Kind(deadline.kind), rules.policy
    start = ticket.commitment_started_at
    try:
        if kind in (Kind.FIRST_REPLY, Kind.AGENT_RESOLUTION, Kind.SUPERVISOR_RESOLUTION):
            due_at = run(kind, deadline.started_at, rules)
            return bring_forward(kind, deadline.started_at, due_at, start, policy)
        if kind == Kind.REFERRAL:
            due_at = deadline.started_at + policy.within(kind)
            if start is None:
                return due_at
            return max(due_at, start + policy.within("commitment") + policy.referral_grace)
        if start is None:
            return None
        promised = start + policy.within("commitment")
        if kind == Kind.COMMITMENT:
            return promised
        enforced = promised - policy.enforce_lead
        return enforced if kind == Kind.COMMITMENT_ENFORCEMENT else warn_at(start, enforced, rules)
    except NeverStaffed:
        return None


def run(kind: str, start: datetime, rules: Rules) -> datetime:
    clock = rules.policy.clocks[kind]
    if clock.clock == "staffed":
        return rules.calendar.add(start, clock.within)[0]
    return start + clock.within


def bring_forward(
    kind: Kind, began: datetime, due_at: datetime, start: datetime | None, policy: Policy
) -> datetime:
    """As tickets.deadlines.bring_forward, had the promise begun before the clock did."""
    share = LATEST_SHARE.get(kind)
    if share is None or start is None:
        return due_at
    promise = policy.within("commitment")
    latest = start + promise * share[0] / share[1]
    if latest <= began:
        latest = max(began, start + promise - policy.enforce_lead)
    return min(due_at, latest)


def warn_at(start: datetime, enforced: datetime, rules: Rules) -> datetime:
    """As tickets.promise.warning_due."""
    leaves = min(WARNING_LEAVES, rules.policy.within("commitment") / 12)
    latest = rules.calendar.latest_leaving(enforced, leaves)
    return max(min(run("commitment_warning", start, rules), latest), start)
