"""Lives that the domain leads in a bench's database, to be copied by bench.population."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User

from orders.models import Order, Payment
from tickets.actors import Actor
from tickets.demo import give_credentials, set_up_desk
from tickets.intake import Contact, Dispute, open_ticket
from tickets.models import Ticket
from tickets.policies import replace_policy
from tickets.policy import DEFAULT_POLICY
from tickets.sweep import sweep
from tickets.transitions.finishing import withdraw
from tickets.transitions.handling import assign_ticket, escalate, reply
from tickets.transitions.proving import request_evidence

CUSTOMER = Actor.customer()
#: Longer than any bench: what was opened a moment ago is not due while something is measured.
CALM = "P30D"
AGENTS = 5


def set_up(*, now: datetime) -> dict[str, Any]:
    """This function will make the demo's people, hours and calendar, and five more agents."""
    set_up_desk()
    credentials = give_credentials(now=now)
    pattern = User.objects.get(username="agent")
    for number in range(AGENTS):
        user, _created = User.objects.get_or_create(
            username=f"agent{number}",
            defaults={"email": f"agent{number}@desk.example.com", "is_staff": True},
        )
        user.groups.set(pattern.groups.all())
    return credentials


def promise(*, now: datetime, agent_resolution: str = CALM) -> None:
    """This function will give what opens from now on long clocks, but for the agent's perhaps."""
    body = DEFAULT_POLICY.to_json()
    within = {
        "first_reply": CALM,
        "agent_resolution": agent_resolution,
        "supervisor_resolution": CALM,
        "commitment_warning": "P80D",
        "commitment": "P90D",
        "referral": "P100D",
        "evidence_due": CALM,
    }
    clocks = {
        name: {"within": within.get(name, clock["within"]), "clock": "wall"}
        for name, clock in body["clocks"].items()
    }
    replace_policy(code="default", body=body | {"clocks": clocks}, actor_label="bench", now=now)


def open_dispute(*, now: datetime) -> Ticket:
    """This function will have Zhao Lei file a dispute about an order that failed."""
    dispute = Dispute(
        category=Ticket.Category.NON_ARRIVAL,
        description="付款成功，一直没有到账，请帮我查一下。",
        contact=Contact(name="赵磊"),
    )
    order = make_order(now=now)
    return open_ticket(order=order, dispute=dispute, actor=CUSTOMER, now=now).ticket


def make_order(*, now: datetime) -> Order:
    """This function will make an order that was paid half an hour ago and failed."""
    mark = uuid.uuid4().int
    order = Order.objects.create(
        order_no=f"PATTERN{mark}",
        source=Order.Source.SHOP_API,
        product_code="CM100",
        product_name="中国移动话费100元",
        arrival_within=timedelta(minutes=10),
        target_account=f"138{mark}",
        face_value_fen=10000,
        price_fen=9800,
        customer_name="赵磊",
        customer_phone=f"139{str(mark)[:20]}",
        customer_email=f"zhao.lei.{mark}@example.com",
        buyer_ref=f"buyer-{mark}",
        status=Order.Status.FAILED,
        facts_as_of=now,
        created_at=now - timedelta(minutes=30),
        updated_at=now,
    )
    Payment.objects.create(
        order=order,
        channel=Payment.Channel.SHOP,
        channel_trade_no=f"PATTERN{mark}",
        amount_fen=9800,
        status=Payment.Status.PAID,
        paid_at=now - timedelta(minutes=30),
    )
    return order


def lead_lives(*, now: datetime) -> Iterator[tuple[int, int]]:
    """This function will lead the lives of a desk in use and give each one's ticket and weight.

    70 of 100 are open: 14 belong to nobody, 40 to five agents, 8 wait for the customer, 8 are with
    the supervisors. 30 are over: their agent's clock fired before the customer withdrew.
    """
    promise(now=now)
    agents = [User.objects.get(username=f"agent{n}") for n in range(AGENTS)]
    yield open_dispute(now=now).pk, 14
    for agent in agents:
        yield _owned(agent, now=now).pk, 8
    yield _waiting(agents[0], now=now).pk, 8
    yield _escalated(agents[1], now=now).pk, 8
    yield _over(agents[2], now=now).pk, 30


def _owned(agent: User, *, now: datetime) -> Ticket:
    ticket, actor = open_dispute(now=now), Actor.of(agent)
    assign_ticket(ticket_id=ticket.pk, assignee=agent, actor=actor, now=now)
    return reply(ticket_id=ticket.pk, text="您好，我来为您处理。", actor=actor, now=now)


def _waiting(agent: User, *, now: datetime) -> Ticket:
    ticket = _owned(agent, now=now)
    return request_evidence(
        ticket_id=ticket.pk,
        kinds=["payment_screenshot"],
        text="请补充付款截图。",
        actor=Actor.of(agent),
        now=now,
    )


def _escalated(agent: User, *, now: datetime) -> Ticket:
    ticket = _owned(agent, now=now)
    return escalate(ticket_id=ticket.pk, reason="金额较大", actor=Actor.of(agent), now=now)


def _over(agent: User, *, now: datetime) -> Ticket:
    earlier = now - timedelta(days=3)
    promise(now=earlier, agent_resolution="PT2H")
    ticket = _owned(agent, now=earlier)
    sweep(now=earlier + timedelta(hours=2, seconds=1), driver="bench")
    promise(now=now)
    return withdraw(
        ticket_id=ticket.pk,
        reason="已经到账了",
        actor=CUSTOMER,
        now=earlier + timedelta(hours=3),
    )
