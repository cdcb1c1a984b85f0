from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from rest_framework.test import APIClient

from orders.api.keys import create_api_key
from orders.models import Order
from orders.payload import OrderPayload, to_facts
from tests.orders.saga import manners, saga

__all__ = ["manners", "saga"]

NOW = datetime(2026, 11, 24, 2, 30, tzinfo=UTC)

Body = dict[str, Any]


def order_body(**changes: Any) -> Body:
    """An order of Li Lei's: 100 yuan of phone credit, paid by Alipay, not arrived."""
    body: Body = {
        "product": {
            "code": "CM-100",
            "name": "中国移动话费100元",
            "kind": "instant",
            "arrival_within": "PT1H",
        },
        "target_account": "13800001234",
        "face_value_fen": 10000,
        "price_fen": 9950,
        "customer": {"name": "李雷", "phone": "13900005678", "email": "lilei@example.com"},
        "payments": [
            {
                "channel": "alipay",
                "channel_trade_no": "2026112422001400000000000001",
                "amount_fen": 9950,
                "paid_at": "2026-11-24T09:30:00+08:00",
                "status": "paid",
            }
        ],
        "status": "recharging",
        "confirmed_input": True,
        "reseller": False,
        "supplier": "sandbox",
        "facts_as_of": "2026-11-24T10:00:00+08:00",
    }
    return body | changes


def facts_of(body: Body, *, now: datetime = NOW + timedelta(days=1)):
    payload = OrderPayload(data=body, context={"now": now})
    payload.is_valid(raise_exception=True)
    return to_facts(payload.validated_data)


@pytest.fixture
def caller(db: None) -> Callable[..., APIClient]:
    """Makes a client that calls with a key of its own, as a person with these rights."""

    def make(
        *rights: str, name: str = "shop", scopes: tuple[str, ...] = (), language: str = "en"
    ) -> APIClient:
        user = User.objects.create_user(name)
        for right in rights:
            app, codename = right.split(".")
            found = Permission.objects.get(content_type__app_label=app, codename=codename)
            user.user_permissions.add(found)
        _key, secret = create_api_key(name=name, user=user, scopes=scopes, now=NOW)
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Api-Key {secret}", HTTP_ACCEPT_LANGUAGE=language)
        return client

    return make


@pytest.fixture
def shop(caller: Callable[..., APIClient]) -> APIClient:
    return caller(
        "orders.change_order", "orders.view_order", "orders.add_topup",
        "orders.add_deliveryrecord", "orders.view_refund",
    )  # fmt: skip


@pytest.fixture
def at_the_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """The one read of the clock at the edge."""

    def set_now(now: datetime) -> None:
        monkeypatch.setattr("helpdesk.clock.now", lambda: now)

    set_now(NOW)
    return set_now


def put(client: APIClient, body: Body, order_no: str = "LT202611240930001"):
    return client.put(f"/api/v1/orders/{order_no}", body, format="json")


def the_order(order_no: str = "LT202611240930001") -> Order:
    return Order.objects.get(order_no=order_no)
