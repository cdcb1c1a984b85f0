"""The sweep: claim what is due and fire it, in batches, exactly once.

A batch locks deadlines together with their tickets and skips what somebody else holds: that agent
wins, and the next second looks again. What one transaction decides it writes with a handful of
statements. A batch that raises is halved down to the one row that is at fault, which is set aside
with an alarm while the others go on.
"""

import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from django.db import OperationalError, transaction
from django.db.models import prefetch_related_objects

from tickets import commitment, referral
from tickets.actors import Actor
from tickets.cases import Case, load_cases
from tickets.deadlines import fire_deadline, start_deadline
from tickets.docket import Docket
from tickets.models import Deadline, Event, SweepBeat, Ticket
from tickets.notices import notify_customer, notify_owner, notify_supervisors
from tickets.promise import end_promise
from tickets.transitions.approvals import pass_approval_on
from tickets.transitions.arrows import Status, move
from tickets.transitions.clocks import remedied_at, stop_waiting
from tickets.transitions.external import miss_external_case
from tickets.transitions.finishing import close
from tickets.transitions.handling import pass_to_supervisor

logger = logging.getLogger(__name__)

BATCH = 300
Kind = Deadline.Kind
#: Times the customer is asked for proof before the case goes on without it.
EVIDENCE_ROUNDS = 2

#: Clocks that concern people alone: their decisions look at no other clock, and at no order.
HANDLING = frozenset({Kind.FIRST_REPLY, Kind.AGENT_RESOLUTION, Kind.SUPERVISOR_RESOLUTION})


def sweep(*, now: datetime, driver: str = "beat", batch: int = BATCH) -> int:
    """This function will fire every deadline that is due at ``now`` and say how many that were."""
    fired = 0
    while count := fire_batch(now=now, limit=batch):
        fired += count
    seen = {"last_ok_at": now, "last_fired": fired}
    if not SweepBeat.objects.filter(name=driver).update(**seen):
        SweepBeat.objects.update_or_create(name=driver, defaults=seen)
    return fired


def fire_batch(*, now: datetime, limit: int, ids: Sequence[int] | None = None) -> int:
    """This function will fire one batch in one transaction; 0 when nothing could be claimed."""
    claimed: list[Deadline] = []
    try:
        with collector_at_rest(), transaction.atomic(durable=True):
            claimed = claim_due(now=now, limit=limit, ids=ids)
            if not claimed:
                return 0
            docket = Docket(now)
            cases = open_cases(claimed, docket)
            for deadline in claimed:
                fire(cases[deadline.ticket_id], deadline)
            docket.flush()
    except OperationalError:
        # The database itself is in trouble (or chose us in a deadlock): no row is at fault.
        raise
    except Exception as error:
        if not claimed:
            raise
        return retry_smaller([d.pk for d in claimed], error, now=now)
    return len(claimed)


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """This function will keep Python from looking for garbage while a batch holds thousands of rows
    that are none: it looked through all of them again and again, a fifth of the whole time."""
    was_at_work = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_at_work:
            gc.enable()


def retry_smaller(ids: list[int], error: Exception, *, now: datetime) -> int:
    """This function will find the row that spoils a batch by halving, and set it aside."""
    if len(ids) == 1:
        logger.error("deadline %s cannot be fired and is set aside", ids[0], exc_info=error)
        Deadline.objects.filter(pk=ids[0]).update(
            quarantined_at=now, last_error=f"{type(error).__name__}: {error}"[:2000]
        )
        return 1
    middle = len(ids) // 2
    return sum(
        fire_batch(now=now, limit=len(part), ids=part) for part in (ids[:middle], ids[middle:])
    )


def claim_due(*, now: datetime, limit: int, ids: Sequence[int] | None = None) -> list[Deadline]:
    """This function will lock due deadlines with their tickets, at most one per ticket.

    Two clocks of one ticket in one batch would each decide on what the other one changes; the
    second waits for the next batch. ``now`` goes in as a parameter, which the partial index on
    pending rows can serve.
    """
    due = (
        Deadline.objects.select_for_update(skip_locked=True, of=("self", "ticket"))
        .select_related("ticket__assignee")
        .filter(state=Deadline.State.PENDING, quarantined_at__isnull=True, due_at__lte=now)
        .order_by("due_at", "id")
    )
    if ids is not None:
        due = due.filter(pk__in=ids)
    first: dict[int, Deadline] = {}
    for deadline in due[:limit]:
        first.setdefault(deadline.ticket_id, deadline)
    return list(first.values())


def open_cases(claimed: Sequence[Deadline], docket: Docket) -> dict[int, Case]:
    """This function will read what the clocks' decisions look at, and no more.

    Most of what fires passes a case from hand to hand: neither money nor the promise matters then.
    """
    handling = [d.ticket for d in claimed if d.kind in HANDLING]
    rest = [d.ticket for d in claimed if d.kind not in HANDLING]
    prefetch_related_objects(rest, "order")
    system = Actor.system()
    cases = load_cases(handling, docket=docket, actor=system, kinds=HANDLING)
    return cases | load_cases(rest, docket=docket, actor=system)


def fire(case: Case, deadline: Deadline) -> None:
    """This function will fire one clock and do what its kind demands."""
    own = next(d for d in case.deadlines if d.pk == deadline.pk)
    if own.kind == Kind.COMMITMENT and (kept_at := remedied_at(case)) and kept_at <= own.due_at:
        # The money was back in time; only the event that says so still waits to be handled.
        end_promise(case, kept_at=kept_at)
        return
    fire_deadline(case, own)
    HANDLERS[Kind(own.kind)](case, own)


def on_first_reply(case: Case, deadline: Deadline) -> None:
    notify_owner(case, "first_reply_missed")
    if case.ticket.assignee_id is not None:
        notify_supervisors(case, "first_reply_missed")


def on_agent_resolution(case: Case, deadline: Deadline) -> None:
    pass_to_supervisor(case, by=deadline.kind)


def on_supervisor_resolution(case: Case, deadline: Deadline) -> None:
    notify_supervisors(case, "supervisor_resolution_missed")


def on_evidence_due(case: Case, deadline: Deadline) -> None:
    """Silence never closes an owed refund: after two reminders the case goes on as it is."""
    if case.ticket.status != Status.WAITING_CUSTOMER:
        return
    if deadline.round % EVIDENCE_ROUNDS:
        case.record(Event.Kind.EVIDENCE_REMINDED)
        start_deadline(case, Kind.EVIDENCE_DUE)
        notify_customer(case, "evidence_reminder")
    else:
        move(case, Status.IN_PROGRESS)
        stop_waiting(case, met=False)
        notify_owner(case, "customer_silent")


def on_supplier_proof(case: Case, deadline: Deadline) -> None:
    notify_owner(case, "supplier_silent")


def on_auto_close(case: Case, deadline: Deadline) -> None:
    if case.ticket.status == Ticket.Status.RESOLVED:
        close(case)


HANDLERS: dict[Deadline.Kind, Callable[[Case, Deadline], None]] = {
    Kind.FIRST_REPLY: on_first_reply,
    Kind.AGENT_RESOLUTION: on_agent_resolution,
    Kind.SUPERVISOR_RESOLUTION: on_supervisor_resolution,
    Kind.COMMITMENT_WARNING: commitment.warn,
    Kind.COMMITMENT_ENFORCEMENT: commitment.begin_enforcement,
    Kind.COMMITMENT: commitment.break_promise,
    Kind.REFERRAL: referral.refer,
    Kind.APPROVAL: pass_approval_on,
    Kind.EVIDENCE_DUE: on_evidence_due,
    Kind.SUPPLIER_PROOF: on_supplier_proof,
    Kind.AUTO_CLOSE: on_auto_close,
    Kind.EXTERNAL_CASE: miss_external_case,
}
