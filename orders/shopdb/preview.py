"""What a shop's newest orders would become, without storing one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from orders.masking import mask_account
from orders.models import Order
from orders.shopdb.connection import open_shop
from orders.shopdb.polling import Source
from orders.shopdb.rows import Errors, UnableToTakeRow, read_row


@dataclass(frozen=True)
class Shown:
    order_no: str
    status: str = ""
    price_fen: int = 0
    channel: str = ""
    #: Masked.
    account: str = ""
    product: str = ""
    errors: Errors = field(default_factory=list)


def preview_shop(*, source: Source, size: int, clock: Callable[[], datetime]) -> list[Shown]:
    """This function will read the newest rows and say what each would be, or what is wrong.

    :raises UnableToReadShop: the shop does not answer, or has not the tables of its script.
    """
    as_of = clock()
    with open_shop(source.account) as shop:
        rows = shop.fetch(f"{source.select()} ORDER BY o.id DESC LIMIT %s", (size,))
    shown = []
    for row in rows:
        try:
            facts = read_row(source.preset, row, source.local(as_of), now=clock()).facts
        except UnableToTakeRow as bad:
            shown.append(Shown(str(row["order_no"]), errors=bad.errors))
            continue
        shown.append(
            Shown(
                order_no=str(row["order_no"]),
                status=str(Order.Status(facts.status).label),
                price_fen=facts.price_fen,
                channel=facts.payments[0].channel if facts.payments else "",
                account=mask_account(facts.target_account),
                product=facts.product_name,
            )
        )
    return shown
