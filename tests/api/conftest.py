"""People who call: a shop's program, Chen Jing (agent), Zhao Min and Sun Lei (supervisors), and
Wang Fang, the customer."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from rest_framework.test import APIClient

from orders.api.keys import create_api_key
from orders.models import Order
from tests.tickets.pages import NOON, make_order, picture, upload
from tickets.roles import set_up_roles

LAST4 = "1234"
Body = dict[str, Any]


@pytest.fixture(autouse=True)
def _cold_counters() -> None:
    cache.clear()


@pytest.fixture
def now_is(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """The one read of the clock at the edge."""

    def set_now(now: datetime) -> None:
        monkeypatch.setattr("helpdesk.clock.now", lambda: now)

    set_now(NOON)
    return set_now


def make_person(name: str, role: str = "") -> User:
    """Somebody with the rights that `setup_roles` gives to the role."""
    user = User.objects.create_user(name)
    if role:
        set_up_roles()
        user.groups.add(Group.objects.get(name=role))
    return user


def client_of(user: User, *, scopes: tuple[str, ...] = (), language: str = "en") -> APIClient:
    number = user.api_keys.count() + 1
    _key, secret = create_api_key(
        name=f"{user.username}-{number}", user=user, scopes=scopes, now=NOON
    )
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Api-Key {secret}", HTTP_ACCEPT_LANGUAGE=language)
    return client


@pytest.fixture
def shop(db: None) -> APIClient:
    return client_of(make_person("shop", "shop"))


@pytest.fixture
def agent(db: None) -> APIClient:
    return client_of(make_person("chen.jing", "agent"))


@pytest.fixture
def supervisor(db: None) -> APIClient:
    return client_of(make_person("zhao.min", "supervisor"))


@pytest.fixture
def other_supervisor(db: None) -> APIClient:
    return client_of(make_person("sun.lei", "supervisor"))


@pytest.fixture
def order(db: None) -> Order:
    return make_order(supplier="", facts_as_of=NOON)


def dispute(order: Order, **changes: Any) -> Body:
    return {
        "order_no": order.order_no,
        "account_last4": LAST4,
        "category": "non_arrival",
        "description": "付了钱，话费一直没到。",
        "contact": {"name": "王芳", "phone": "13900005678", "email": "wang.fang@example.com"},
    } | changes


def send_file(client: APIClient, kind: str = "payment_screenshot") -> Any:
    body = {"file": upload(picture()), "kind": kind}
    return client.post("/api/v1/evidence", body, format="multipart")


def open_dispute(client: APIClient, order: Order, *, proof: bool = True) -> Body:
    files = [send_file(client).json()["id"]] if proof else []
    answer = client.post("/api/v1/tickets", dispute(order, evidence=files))
    assert answer.status_code == 201, answer.content
    opened: Body = answer.json()
    return opened


@pytest.fixture
def opened(shop: APIClient, order: Order, now_is: Callable[[datetime], None]) -> Body:
    """Wang Fang's dispute with her screenshot of the payment: the promise runs from noon."""
    return open_dispute(shop, order)


@pytest.fixture
def customer(opened: Body) -> APIClient:
    return customer_of(opened)


def customer_of(opened: Body) -> APIClient:
    client = APIClient()
    client.credentials(
        HTTP_AUTHORIZATION=f"Tracking {opened['tracking_token']}", HTTP_ACCEPT_LANGUAGE="en"
    )
    return client


def act(client: APIClient, opened: Body, verb: str, **words: Any) -> Any:
    return client.post(f"/api/v1/tickets/{opened['number']}/actions/{verb}", words)


def show(client: APIClient, opened: Body) -> Body:
    answer = client.get(f"/api/v1/tickets/{opened['number']}")
    assert answer.status_code == 200, answer.content
    shown: Body = answer.json()
    return shown


def kinds(client: APIClient, opened: Body) -> list[str]:
    answer = client.get(f"/api/v1/tickets/{opened['number']}/events", {"limit": 200})
    return [event["kind"] for event in answer.json()["results"]]


def problem(answer: Any, status: int) -> Body:
    """The first error of a problem."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"].startswith("application/problem+json")
    found: Body = answer.json()["errors"][0]
    return found


def later(**delta: float) -> datetime:
    return NOON + timedelta(**delta)
