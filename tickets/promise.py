"""The clocks of the 24-hour promise: they start together, never pause and end together."""

from datetime import datetime, timedelta

from tickets.cases import Case
from tickets.deadlines import (
    Kind,
    bring_forward,
    cancel_deadline,
    meet_deadline,
    start_deadline,
)

PROMISE = (
    Kind.COMMITMENT_WARNING,
    Kind.COMMITMENT_ENFORCEMENT,
    Kind.COMMITMENT,
    Kind.REFERRAL,
)
#: Staffed time the warning leaves to people before the desk acts by itself.
WARNING_LEAVES = timedelta(hours=2)


def start_promise(case: Case, *, started_at: datetime) -> None:
    """This function will start the clocks of the 24-hour promise, which then never stop.

    ``started_at`` is when proof was complete or our records showed the fault, not when somebody
    looked at it. The staffed clocks already running are brought forward before the promise.
    """
    ticket, policy = case.ticket, case.policy
    due_at = started_at + policy.within("commitment")
    ticket.commitment_started_at, ticket.commitment_due_at = started_at, due_at
    case.change("commitment_started_at", "commitment_due_at")
    start_deadline(case, Kind.COMMITMENT, due_at=due_at, started_at=started_at)
    start_deadline(
        case,
        Kind.COMMITMENT_ENFORCEMENT,
        due_at=due_at - policy.enforce_lead,
        started_at=started_at,
    )
    start_deadline(case, Kind.COMMITMENT_WARNING, due_at=warning_due(case), started_at=started_at)
    move_referral(case)
    for deadline in list(case.deadlines):
        bring_forward(case, deadline)


def warning_due(case: Case) -> datetime:
    """This function will place the warning: by policy, or earlier where the night would eat it."""
    ticket, policy = case.ticket, case.policy
    assert ticket.commitment_started_at is not None
    assert ticket.commitment_due_at is not None
    by_policy = ticket.commitment_started_at + policy.within("commitment_warning")
    if policy.clocks["commitment_warning"].clock == "staffed":
        by_policy, _provisional = case.docket.calendar.add(
            ticket.commitment_started_at, policy.within("commitment_warning")
        )
    leaves = min(WARNING_LEAVES, policy.within("commitment") / 12)
    enforced_at = ticket.commitment_due_at - policy.enforce_lead
    latest = case.docket.calendar.latest_leaving(enforced_at, leaves)
    return max(min(by_policy, latest), ticket.commitment_started_at)


def move_referral(case: Case) -> None:
    """This function will keep the 12315 notice after the promise it would report as broken."""
    referral, ticket = case.live(Kind.REFERRAL), case.ticket
    if referral is None or ticket.commitment_due_at is None:
        return
    referral.due_at = max(referral.due_at, ticket.commitment_due_at + case.policy.referral_grace)
    case.docket.change(referral, "due_at")


def end_promise(case: Case, *, kept_at: datetime | None) -> None:
    """This function will end the promise's clocks: kept, or (None) given up by whoever may."""
    for kind in PROMISE:
        if kept_at is not None:
            meet_deadline(case, kind, met_at=kept_at)
        else:
            cancel_deadline(case, kind)
