"""Everything that waits as a row to be carried on: order events, fact checks, alarms, notices."""

from collections.abc import Callable
from datetime import datetime

from tickets.fact_checks import run_fact_checks
from tickets.money_alarms import tell_money_alarms
from tickets.notices import send_due_notices
from tickets.order_events import consume_order_events


def relay(*, clock: Callable[[], datetime]) -> int:
    """This function will carry on one batch of each kind and say how many rows it took up."""
    return (
        consume_order_events(clock=clock)
        + run_fact_checks(clock=clock)
        + tell_money_alarms(clock=clock)
        + send_due_notices(clock=clock)
    )
