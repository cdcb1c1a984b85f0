"""Starting, pausing, meeting and firing the clocks of a case.

The table of deadline kinds in docs/states.md is the specification; a test holds it against this.
"""

from datetime import datetime, timedelta

from tickets.bulk import new_row
from tickets.cases import Case
from tickets.models import Breach, ClockPause, Deadline, Event

Kind = Deadline.Kind
State = Deadline.State

#: Internal handling clocks: they may pause while we wait for the customer, with a reason.
PAUSABLE = (Kind.AGENT_RESOLUTION, Kind.SUPERVISOR_RESOLUTION)
#: Missing one of these is a breach that a supervisor reviews.
BREACHING = (
    Kind.FIRST_REPLY,
    Kind.AGENT_RESOLUTION,
    Kind.SUPERVISOR_RESOLUTION,
    Kind.COMMITMENT,
    Kind.EXTERNAL_CASE,
)
#: How far into the promise each staffed clock may reach at most: the ladder comes before it.
LATEST_SHARE = {Kind.AGENT_RESOLUTION: (1, 2), Kind.SUPERVISOR_RESOLUTION: (5, 6)}


def start_deadline(
    case: Case, kind: Kind, *, due_at: datetime | None = None, started_at: datetime | None = None
) -> Deadline:
    """This function will start a clock by the ticket's policy, or with a given due instant.

    A live deadline of the kind is left as it is and returned: a clock never starts over.
    """
    if running := case.live(kind):
        return running
    started_at = started_at or case.now
    clock, provisional = Deadline.Clock.WALL, False
    if due_at is None:
        rule = case.policy.clocks[kind]
        clock = Deadline.Clock(rule.clock)
        due_at = started_at + rule.within
        if clock == Deadline.Clock.STAFFED:
            due_at, provisional = case.docket.calendar.add(started_at, rule.within)
    round_ = case.rounds[kind] = case.rounds.get(kind, 0) + 1
    deadline = new_row(
        Deadline,
        ticket=case.ticket,
        kind=kind,
        cycle=case.ticket.cycle,
        round=round_,
        state=State.PENDING,
        clock=clock,
        started_at=started_at,
        due_at=due_at,
        provisional=provisional,
    )
    case.deadlines.append(deadline)
    case.docket.add(deadline)
    bring_forward(case, deadline)
    return deadline


def bring_forward(case: Case, deadline: Deadline) -> None:
    """This function will move a staffed clock ahead of the promise, where it would come after.

    Staffed hours alone would let a night pass between agent and supervisor; the move is recorded.
    """
    share = LATEST_SHARE.get(Kind(deadline.kind))
    ticket = case.ticket
    if share is None or ticket.commitment_started_at is None or deadline.state != State.PENDING:
        return
    assert ticket.commitment_due_at is not None
    promise = ticket.commitment_due_at - ticket.commitment_started_at
    latest = ticket.commitment_started_at + promise * share[0] / share[1]
    if deadline.due_at <= latest:
        return
    if latest <= case.now:
        # Its share of the promise is over already, while nobody could act or before it started:
        # people keep the time until the desk acts. A clock never moves into the past.
        enforced_at = ticket.commitment_due_at - case.policy.enforce_lead
        latest = max(case.now, enforced_at)
        if deadline.due_at <= latest:
            return
    move_deadline(case, deadline, latest)


def advance_deadline(case: Case, kind: Kind, due_at: datetime) -> None:
    """This function will move a running clock to an earlier instant; never to a later one.

    An instant that is over already is kept as it is: the clock is late, and fires so.
    """
    deadline = case.live(kind)
    if deadline is not None and deadline.state == State.PENDING and due_at < deadline.due_at:
        move_deadline(case, deadline, due_at)


def move_deadline(case: Case, deadline: Deadline, due_at: datetime) -> None:
    deadline.policy_due_at = deadline.policy_due_at or deadline.due_at
    case.record(
        Event.Kind.DEADLINE_BROUGHT_FORWARD,
        kind=deadline.kind,
        from_at=deadline.due_at.isoformat(),
        to_at=due_at.isoformat(),
    )
    deadline.due_at = due_at
    case.docket.change(deadline, "due_at", "policy_due_at")


def pause_internal(case: Case, *, reason: str) -> None:
    """This function will stop the internal clocks. The customer's own clocks go on.

    A clock that is due already is left to the sweep: asking for proof then hides no lateness.
    """
    for deadline in case.deadlines:
        if deadline.kind not in PAUSABLE or deadline.state != State.PENDING:
            continue
        if deadline.due_at <= case.now:
            continue
        deadline.remaining = remaining(case, deadline)
        deadline.state = State.PAUSED
        case.docket.change(deadline, "remaining", "state")
        case.docket.add(
            ClockPause(deadline=deadline, from_at=case.now, reason=reason, actor=case.actor.label)
        )
        case.record(Event.Kind.CLOCK_PAUSED, kind=deadline.kind, reason=reason)


def resume_internal(case: Case) -> None:
    """This function will let the paused clocks go on with the time they had left."""
    for deadline in case.deadlines:
        if deadline.state != State.PAUSED:
            continue
        left = deadline.remaining or timedelta()
        deadline.due_at = case.now + left
        if deadline.clock == Deadline.Clock.STAFFED:
            deadline.due_at, deadline.provisional = case.docket.calendar.add(case.now, left)
        deadline.state, deadline.remaining = State.PENDING, None
        case.docket.change(deadline, "due_at", "provisional", "state", "remaining")
        close_pause(case, deadline)
        case.record(Event.Kind.CLOCK_RESUMED, kind=deadline.kind)
        bring_forward(case, deadline)


def close_pause(case: Case, deadline: Deadline) -> None:
    pause = deadline.pauses.filter(to_at__isnull=True).first()
    if pause is not None:
        pause.to_at = case.now
        case.docket.change(pause, "to_at")


def remaining(case: Case, deadline: Deadline) -> timedelta:
    """This function will measure what is left of a clock, in that clock's own time."""
    if deadline.due_at <= case.now:
        return timedelta()
    if deadline.clock == Deadline.Clock.STAFFED:
        return case.docket.calendar.between(case.now, deadline.due_at)
    return deadline.due_at - case.now


def meet_deadline(case: Case, kind: Kind, *, met_at: datetime | None = None) -> None:
    """This function will stop a clock because what it waited for has happened, at ``met_at``.

    Lateness is judged from facts: met after ``due_at`` is a breach, whether or not a sweep ever
    looked at it in between; met before it is none, however late we hear of it.
    """
    deadline = case.live(kind)
    if deadline is None:
        return
    was_paused = deadline.state == State.PAUSED
    met_at = min(met_at or case.now, case.now)
    deadline.state, deadline.met_at = State.MET, met_at
    case.docket.change(deadline, "state", "met_at")
    late_ms = max(milliseconds(met_at - deadline.due_at), 0)
    case.record(Event.Kind.DEADLINE_MET, kind=kind, late_ms=0 if was_paused else late_ms)
    if was_paused:
        close_pause(case, deadline)
    elif met_at > deadline.due_at:
        record_breach(case, deadline)


def cancel_deadline(case: Case, kind: Kind) -> None:
    """This function will end a clock that nobody needs any more; a missed one stays a breach."""
    deadline = case.live(kind)
    if deadline is None:
        return
    if deadline.state == State.PAUSED:
        close_pause(case, deadline)
    elif case.now > deadline.due_at:
        record_breach(case, deadline)
    deadline.state, deadline.cancelled_at = State.CANCELLED, case.now
    case.docket.change(deadline, "state", "cancelled_at")


def fire_deadline(case: Case, deadline: Deadline) -> None:
    """This function will mark one due clock as fired, with the event that can exist only once."""
    deadline.state, deadline.fired_at = State.FIRED, case.now
    case.docket.change(deadline, "state", "fired_at")
    case.record(
        Event.Kind.DEADLINE_FIRED,
        deadline=deadline,
        kind=deadline.kind,
        due_at=deadline.due_at.isoformat(),
        late_ms=milliseconds(case.now - deadline.due_at),
    )
    record_breach(case, deadline)


def record_breach(case: Case, deadline: Deadline) -> None:
    """This function will put a missed deadline before the supervisors, once per deadline."""
    if deadline.kind not in BREACHING:
        return
    case.docket.add(
        new_row(
            Breach,
            ticket=case.ticket,
            deadline=deadline,
            kind=deadline.kind,
            due_at=deadline.due_at,
            detected_at=case.now,
        )
    )


def milliseconds(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)
