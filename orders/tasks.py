"""What Celery runs for orders. No rule lives here: ids in, one call."""

from celery import shared_task

from helpdesk import clock
from orders import deliveries, settlement
from orders.api import idempotency
from orders.callbacks import book
from orders.reconciling import nightly
from orders.shopdb import polling


@shared_task
def execute_refund(refund_id: int) -> None:
    settlement.execute_refund(refund_id=refund_id, clock=clock.now)


@shared_task
def rescue_refunds() -> None:
    settlement.rescue_refunds(clock=clock.now)


@shared_task
def execute_top_up(top_up_id: int) -> None:
    deliveries.execute_top_up(top_up_id=top_up_id, clock=clock.now)


@shared_task
def rescue_top_ups() -> None:
    deliveries.rescue_top_ups(clock=clock.now)


@shared_task
def forget_answers() -> None:
    idempotency.forget_answers(now=clock.now())


@shared_task
def forget_callbacks() -> None:
    book.forget_callbacks(now=clock.now())


@shared_task
def start_reconciling() -> None:
    nightly.start_reconciling()


@shared_task
def reconcile_channel(channel: str, *later: str) -> None:
    nightly.reconcile_channels(channel, *later, clock=clock.now)


@shared_task
def poll_shop() -> None:
    polling.poll_shop(source=polling.read_source(), clock=clock.now)
