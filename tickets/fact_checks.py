"""Fact checks: ask outside any transaction, decide under the ticket's lock."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from orders.inquiry import ask_about
from orders.models import Order
from tickets.actors import Actor
from tickets.cases import lock_case
from tickets.commitment import decide
from tickets.docket import Docket
from tickets.models import Event, FactCheck

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=20)
LONGEST_WAIT = timedelta(seconds=30)
SHORTEST_WAIT = timedelta(seconds=1)
BATCH = 20


def run_fact_checks(*, clock: Callable[[], datetime]) -> int:
    """This function will take up every fact check that is due, and say how many it took."""
    due = FactCheck.objects.filter(decided_at__isnull=True, not_before__lte=clock())
    ids = list(due.order_by("not_before").values_list("pk", flat=True)[:BATCH])
    for check_id in ids:
        try:
            run_fact_check(check_id=check_id, clock=clock)
        except Exception:
            # Its lease lets it try again; the watchdog alarms when its time is over.
            logger.exception("fact check %s failed", check_id)
    return len(ids)


def run_fact_check(*, check_id: int, clock: Callable[[], datetime]) -> None:
    """This function will ask the sources once and then decide, or wait for a better answer."""
    order = claim_fact_check(check_id=check_id, now=clock())
    if order is None:
        return
    answers = ask_about(order, now=clock())
    conclude_fact_check(check_id=check_id, answers=answers, now=clock())


def claim_fact_check(*, check_id: int, now: datetime) -> Order | None:
    """This function will take a due check for this worker alone, for the length of a lease."""
    with transaction.atomic(durable=True):
        check = (
            FactCheck.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("ticket__order")
            .filter(pk=check_id, decided_at__isnull=True, not_before__lte=now)
            .first()
        )
        if check is None:
            return None
        check.not_before, check.attempts = now + LEASE, check.attempts + 1
        check.save(update_fields=["not_before", "attempts"])
    return check.ticket.order


def conclude_fact_check(*, check_id: int, answers: list[dict[str, Any]], now: datetime) -> None:
    """This function will keep the answers and decide once they suffice or time is up."""
    with transaction.atomic(durable=True):
        ticket_id = FactCheck.objects.values_list("ticket_id", flat=True).get(pk=check_id)
        case = lock_case(ticket_id=ticket_id, docket=Docket(now), actor=Actor.system())
        check = FactCheck.objects.select_for_update().get(pk=check_id)
        if check.decided_at is not None:
            return
        check.answers = answers
        case.docket.change(check, "answers")
        silent = [a for a in answers if not a["answered"] and not a.get("final")]
        if silent and now < check.decide_by:
            wait = min(max((check.decide_by - now) / 4, SHORTEST_WAIT), LONGEST_WAIT)
            check.not_before = now + wait
            case.docket.change(check, "not_before")
        else:
            case.record(
                Event.Kind.FACTS_CHECKED,
                asked=len(answers),
                answered=sum(a["answered"] for a in answers),
            )
            decide(case, check)
        case.docket.flush()
