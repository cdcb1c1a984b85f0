"""How often a reseller's list may be guessed at, number by number and buyer by buyer."""

from datetime import datetime

from django.utils.translation import gettext as _

from orders.models import Order
from tickets.resellers import (
    find_reseller_orders,
)
from tickets.throttle import (
    MISSES_PER_BUYER,
    MISSES_PER_ORDER,
    Limit,
    Throttled,
    check,
    count,
)


def nothing_fits() -> str:
    return _(
        "No reseller's order fits. Please check both: the numbers, and the last four characters of "
        "the buyer's account, phone or e-mail. After many wrong tries the answer stays the same "
        "for an hour."
    )


def find_within_limits(numbers: list[str], last4: str, *, now: datetime) -> list[Order]:
    """This function will look a list up and count what was guessed wrong, once for each buyer.

    What was tried too often is not found, in silence: to say so would tell that it exists.
    """
    open_numbers = [n for n in numbers if not is_shut(MISSES_PER_ORDER, n, now=now)]
    orders, missed = find_reseller_orders(
        open_numbers, last4, is_shut=lambda buyer: is_shut(MISSES_PER_BUYER, buyer, now=now)
    )
    found = {order.order_no for order in orders}
    for number in numbers:
        if number not in found:
            count_miss(MISSES_PER_ORDER, number, now=now)
    for buyer in missed:
        count_miss(MISSES_PER_BUYER, buyer, now=now)
    return orders


def is_shut(limit: Limit, key: str, *, now: datetime) -> bool:
    try:
        check(limit, key, now=now)
    except Throttled:
        return True
    return False


def count_miss(limit: Limit, key: str, *, now: datetime) -> None:
    try:
        count(limit, key, now=now)
    except Throttled:
        return
