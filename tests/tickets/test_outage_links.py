"""A dispute about an order that was caught in an outage belongs to it from the start."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission

from orders.models import Outage
from orders.outages import OutageFacts, declare_outage
from tests.stories import HOUR, OPENING, Desk, deadline_of, events_of
from tickets.models import Ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def outage(desk: Desk) -> Any:
    def declare(**changes: Any) -> Outage:
        wang = desk.people["wang"]
        wang.user_permissions.add(Permission.objects.get(codename="declare_outage"))
        facts = {
            "title": "云充中断",
            "started_at": OPENING - HOUR,
            "supplier": "yunchong",
            **changes,
        }
        person = type(wang).objects.get(pk=wang.pk)
        return declare_outage(
            facts=OutageFacts(**facts), actor=person, now=changes.get("ended_at") or OPENING
        )

    return declare


def caught(desk: Desk, **fields: Any) -> Ticket:
    order = desk.order(**{"supplier": "yunchong", "status": "recharging", **fields})
    return desk.open(order, proof=())


def test_it_is_linked_and_the_public_notice_starts_the_promise(desk: Desk, outage) -> None:
    running = outage(is_public=True, text_zh="延迟", text_en="Late")
    ticket = desk.tell(caught(desk))
    assert ticket.outage == running
    (event,) = events_of(ticket, "outage_linked")
    assert event.data == {"outage": running.pk}
    # Without any proof: the shop has owned up to it.
    assert deadline_of(ticket, "commitment").due_at == OPENING + 24 * HOUR


def test_one_that_the_public_does_not_know_starts_nothing(desk: Desk, outage) -> None:
    running = outage()
    ticket = desk.tell(caught(desk))
    assert (ticket.outage, ticket.commitment_due_at) == (running, None)


@pytest.mark.parametrize(
    "fields",
    [
        {"supplier": "kami"},
        {"status": "delivered"},
        {"created_at": OPENING - 2 * HOUR},
    ],
    ids=["another supplier", "it arrived", "paid before"],
)
def test_what_it_did_not_hit(desk: Desk, outage, fields: dict[str, Any]) -> None:
    outage()
    assert desk.tell(caught(desk, **fields)).outage is None


def test_one_that_was_over_yesterday_still_counts_and_one_before_that_does_not(
    desk: Desk, outage
) -> None:
    over = outage(started_at=OPENING - 3 * HOUR, ended_at=OPENING - HOUR)
    desk.now = OPENING + 22 * HOUR
    assert desk.tell(caught(desk, created_at=OPENING - 2 * HOUR)).outage == over
    desk.now = OPENING + 24 * HOUR
    assert desk.tell(caught(desk, created_at=OPENING - 2 * HOUR)).outage is None


def test_of_two_the_one_that_the_public_knows(desk: Desk, outage) -> None:
    public = outage(
        supplier="", product_code="CM100", is_public=True, text_zh="延迟", text_en="Late"
    )
    outage(started_at=OPENING - HOUR / 2 - HOUR / 4)
    assert desk.tell(caught(desk)).outage == public
