"""What Celery runs for disputes. No rule lives here: ids in, one call."""

from celery import shared_task

from helpdesk import clock
from tickets.mass_refunds import carry_on_batches as carry_on
from tickets.relay import relay as relay_rows
from tickets.sweep import sweep as sweep_deadlines
from tickets.transfer_receipts import erase_spent_details as erase
from tickets.watchdog import watch


@shared_task
def sweep() -> int:
    return sweep_deadlines(now=clock.now(), driver="beat")


@shared_task
def relay() -> int:
    return relay_rows(clock=clock.now)


@shared_task
def watchdog() -> None:
    watch(now=clock.now())


@shared_task
def carry_on_batches() -> int:
    return carry_on(clock=clock.now)


@shared_task
def erase_spent_details() -> int:
    return erase(now=clock.now())
