"""The dead man's ping: somebody outside is told each minute that the timers run, and raises the
alarm when that stops. The one alarm that a desk which stands still cannot raise itself."""

import logging
import re
from datetime import datetime

from django.conf import settings

from orders.wire import NoAnswer, exchange
from tickets.watchdog import timers_stand_still

logger = logging.getLogger(__name__)

TIMEOUT_S = 5.0


def ping_deadman(*, now: datetime) -> bool:
    """This function will ping DEADMAN_URL, only while the timers run, and tell whether it did.

    A failure is logged and left to the next minute: it is the other side's business to notice.
    """
    if not settings.DEADMAN_URL:
        return False
    if trouble := timers_stand_still(now):
        logger.error("no ping to DEADMAN_URL: %s", trouble)
        return False
    try:
        answer = exchange("GET", settings.DEADMAN_URL, timeout=TIMEOUT_S)
    except NoAnswer as error:
        # The address is a key: it does not belong into a log.
        logger.warning("DEADMAN_URL not reached: %s", re.sub(r"https?://\S+", "…", str(error)))
        return False
    if answer.status >= 400:
        logger.warning("DEADMAN_URL answered %d", answer.status)
    return answer.status < 400
