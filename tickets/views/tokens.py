"""The short-lived address of an order's page: proof that somebody knew its last four characters."""

from datetime import timedelta

from django.core import signing

from orders.models import Order

VALID_FOR = timedelta(hours=2)
SALT = "tickets.order-page"


def make_order_token(order: Order) -> str:
    return signing.dumps(order.uuid.hex, salt=SALT)


def read_order_token(token: str) -> Order | None:
    """This function will find the order a token opens; None when it is forged or has run out."""
    try:
        uuid = signing.loads(token, salt=SALT, max_age=VALID_FOR)
    except signing.BadSignature:
        return None
    return (
        Order.objects.prefetch_related("payments", "top_ups", "delivery_records")
        .filter(uuid=uuid)
        .first()
    )
