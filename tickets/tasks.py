"""What Celery runs for disputes. No rule lives here: ids in, one call."""

from celery import shared_task
from django.conf import settings

from helpdesk import clock
from tickets.closures import draw_closures as draw
from tickets.deadman import ping_deadman
from tickets.mailroom.handling import handle_mails
from tickets.mailroom.imap import UnableToPoll
from tickets.mailroom.polling import poll_mailbox
from tickets.mass_refunds import carry_on_batches as carry_on
from tickets.relay import relay as relay_rows
from tickets.sources import alarm_silent_sources
from tickets.steady_clock import read_steady
from tickets.sweep import sweep as sweep_deadlines
from tickets.transfer_receipts import erase_spent_details as erase
from tickets.transitions.external_steps import recount_provisional
from tickets.watchdog import watch
from tickets.webhooks.delivering import deliver_webhooks as deliver
from tickets.webhooks.delivering import forget_deliveries as forget
from tickets.worries import tell_worries


@shared_task
def sweep() -> int:
    now = read_steady(clock.now)
    return sweep_deadlines(now=now, driver="beat") if now is not None else 0


@shared_task
def relay() -> int:
    return relay_rows(clock=clock.now)


@shared_task
def watchdog() -> None:
    now = clock.now()
    tell_worries(watch(now=now), now=now)
    alarm_silent_sources(now=now)
    ping_deadman(now=now)


@shared_task
def deliver_webhooks() -> int:
    return deliver(clock=clock.now)


@shared_task
def forget_deliveries() -> int:
    return forget(now=clock.now())


@shared_task
def poll_mail() -> None:
    """Beat sends it only where there is a mailbox. What an earlier one left is handled all the
    same when the mailbox cannot be read."""
    try:
        poll_mailbox(url=settings.IMAP_URL, clock=clock.now)
    except UnableToPoll:
        # Noted with the mailbox; the watchdog tells people when it lasts.
        pass
    finally:
        handle_mails(clock=clock.now)


@shared_task
def carry_on_batches() -> int:
    return carry_on(clock=clock.now)


@shared_task
def draw_closures() -> int:
    return draw(now=clock.now())


@shared_task
def recount_outside_cases() -> int:
    return recount_provisional(now=clock.now())


@shared_task
def erase_spent_details() -> int:
    return erase(now=clock.now())
