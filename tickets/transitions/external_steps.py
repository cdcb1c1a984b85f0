"""What becomes of an outside case: answered, accepted by the authority, settled, counted anew."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from tickets.actors import Actor
from tickets.cases import Case, TransitionRefused, open_case
from tickets.deadlines import Kind, meet_deadline, start_deadline
from tickets.models import Event, ExternalCase, Ticket
from tickets.transitions.external import due_of, follow, open_cases
from tickets.transitions.handling import require_text

Result = ExternalCase.Result
Status = Ticket.Status

METHOD_LIMIT = 200
PROCESS_LIMIT = 2000


class UnableToSettle(TransitionRefused):
    """The outside case does not stand where this could be done."""

    code = "unable_to_settle"


@contextmanager
def work_on(
    external_id: int, *, actor: Actor, now: datetime
) -> Iterator[tuple[Case, ExternalCase, list[ExternalCase]]]:
    """This function will lock the dispute of an outside case, and find the case as it stands."""
    ticket_id = ExternalCase.objects.values_list("ticket_id", flat=True).get(pk=external_id)
    with open_case(ticket_id=ticket_id, actor=actor, now=now) as case:
        if actor.role != "system":
            case.require_staff()
        cases = open_cases(case)
        external = next((c for c in cases if c.pk == external_id), None)
        if external is None:
            raise UnableToSettle(_("This outside case is settled already."))
        yield case, external, cases


def meet_own(case: Case, due_at: datetime | None) -> None:
    """The clock is met where it stood for this very instant, or for an earlier one now past."""
    live = case.live(Kind.EXTERNAL_CASE)
    if live is not None and live.due_at == due_at:
        meet_deadline(case, Kind.EXTERNAL_CASE)


def answer_external_case(*, external_id: int, actor: Actor, now: datetime) -> ExternalCase:
    """This function will note that the first answer was given over there.

    :raises UnableToSettle: none is asked for, or it was given.
    """
    with work_on(external_id, actor=actor, now=now) as (case, external, cases):
        if external.reply_due_at is None or external.replied_at is not None:
            raise UnableToSettle(_("No first answer is waited for."))
        external.replied_at = now
        case.docket.change(external, "replied_at")
        meet_own(case, external.reply_due_at)
        case.record(Event.Kind.EXTERNAL_CASE_ANSWERED, external_case=external.pk)
        follow(case, cases)
    return external


def accept_external_case(
    *, external_id: int, accepted_at: datetime, actor: Actor, now: datetime
) -> ExternalCase:
    """This function will note that the authority took the complaint: its time of mediation runs.

    :raises UnableToSettle: the body accepts nothing, did so before, or at an impossible time.
    """
    with work_on(external_id, actor=actor, now=now) as (case, external, cases):
        if not external.received_at <= accepted_at <= now:
            raise UnableToSettle(
                _("accepted_at: between the receipt and now."), field="accepted_at"
            )
        due = due_of(external.channel, "accepted", accepted_at)
        if due is None or external.accepted_at is not None:
            raise UnableToSettle(_("Nothing is accepted here, or it was accepted before."))
        meet_own(case, external.settle_due_at)
        external.accepted_at, external.settle_due_at = accepted_at, due.at
        external.rule, external.provisional = due.rule, due.provisional
        case.docket.change(external, "accepted_at", "settle_due_at", "rule", "provisional")
        case.record(
            Event.Kind.EXTERNAL_CASE_ACCEPTED,
            external_case=external.pk,
            rule=due.rule,
            due_at=due.at.isoformat(),
        )
        follow(case, cases)
    return external


@dataclass(frozen=True)
class Settlement:
    """What the record of an outside case has to say (12315 ODR rules)."""

    settled_at: datetime
    process: str
    method: str
    result: str


def settle_external_case(
    *, external_id: int, settlement: Settlement, actor: Actor, now: datetime
) -> ExternalCase:
    """This function will record how an outside case ended: time, process, method and result.

    Its clock is met now, whatever time was typed: a time that somebody enters moves no clock.

    :raises UnableToSettle: settled before, an unknown result, or an impossible time.
    """
    process = require_text(settlement.process, limit=PROCESS_LIMIT)
    method = require_text(settlement.method, limit=METHOD_LIMIT)
    if settlement.result not in Result.values:
        raise UnableToSettle(
            _("result: choose from %(codes)s.") % {"codes": ", ".join(Result.values)},
            field="result",
        )
    with work_on(external_id, actor=actor, now=now) as (case, external, cases):
        if not external.received_at <= settlement.settled_at <= now:
            raise UnableToSettle(_("settled_at: between the receipt and now."), field="settled_at")
        for due_at in list(external.awaited):
            meet_own(case, due_at)
        external.settled_at, external.result = settlement.settled_at, settlement.result
        external.process, external.method = process, method
        external.settled_by = actor.label
        case.docket.change(external, "settled_at", "result", "process", "method", "settled_by")
        case.record(
            Event.Kind.EXTERNAL_CASE_SETTLED, external_case=external.pk, result=external.result
        )
        follow(case, cases)
        left = [c for c in cases if c.is_open]
        if case.ticket.status == Status.RESOLVED and not left:
            start_deadline(case, Kind.AUTO_CLOSE)
    return external


def recount_provisional(*, now: datetime) -> int:
    """This function will count anew what was counted through a year nobody had announced, where
    it has been announced since. It says how many cases that were."""
    waiting = ExternalCase.objects.filter(provisional=True, settled_at__isnull=True)
    return sum(recount(pk, now=now) for pk in list(waiting.values_list("pk", flat=True)))


def recount(external_id: int, *, now: datetime) -> bool:
    try:
        with work_on(external_id, actor=Actor.system(), now=now) as (case, external, cases):
            stage = "accepted" if external.accepted_at is not None else "settle"
            due = due_of(external.channel, stage, external.accepted_at or external.received_at)
            if due is None or due.provisional:
                return False
            if external.settle_due_at > now:
                external.settle_due_at = due.at
            external.provisional = False
            case.docket.change(external, "settle_due_at", "provisional")
            case.record(
                Event.Kind.EXTERNAL_CASE_RECOUNTED,
                external_case=external.pk,
                rule=due.rule,
                due_at=external.settle_due_at.isoformat(),
            )
            # The new instant may have passed by now, which nobody could know: due at once.
            follow(case, cases, fresh=external)
    except UnableToSettle:
        # Settled between the list and the lock.
        return False
    return True
