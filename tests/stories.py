"""People, orders and a desk for tests that are told as stories.

    def test_the_desk_refunds_alone(desk):
        ticket = desk.open(proof=["payment_screenshot"])      # at("10:00") unless said otherwise
        desk.advance(at("11-25 09:00"))                       # every timer on the way fires on time
        assert desk.tell(ticket).status == "remedy_pending"
        desk.settle(ticket, "succeeded")                      # the channel's answer, said by us

`desk` talks to no channel: its orders were paid in the shop's own wallet, so facts are decided on
what our records say, and `settle` speaks for the channel. `banked_desk` has the simulator for a
bank: money moves over real HTTP while time advances.

`at("10:00")` is that time in Shanghai on Tuesday 2026-11-24, `at("11-25 09:00")` in 2026,
`at("2027-01-01 00:00:00")` is complete.
"""

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection

from orders import ledger_guard
from orders.channels.base import ChannelAnswer, Outcome
from orders.models import LedgerEntry, Order, OrderEvent, Payment, ProofLevel, Refund, TopUp
from orders.settlement import claim_refund, rescue_refunds, settle_refund
from tickets import append_only
from tickets.actors import Actor
from tickets.fact_checks import claim_fact_check, conclude_fact_check
from tickets.intake import Contact, Dispute, open_ticket
from tickets.models import Deadline, Event, Evidence, FactCheck, Notice, StaffedHours, Ticket
from tickets.policies import replace_policy
from tickets.policy import DEFAULT_POLICY
from tickets.relay import relay
from tickets.sweep import sweep
from tickets.watchdog import watch

if TYPE_CHECKING:
    from tests.simulator_fixture import Simulator

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
TICK = timedelta(microseconds=1)

CUSTOMER = Actor.customer()
SYSTEM = Actor.system()


def at(text: str) -> datetime:
    """This function will read an instant in Shanghai; what is left out is 2026-11-24."""
    day, _space, time = text.rpartition(" ")
    day = {0: "2026-11-24", 5: f"2026-{day}", 10: day}[len(day)]
    return datetime.fromisoformat(f"{day} {time}").replace(tzinfo=SHANGHAI)


OPENING = at("10:00")


def make_person(name: str, role: str) -> User:
    """This function will employ somebody: an agent, a supervisor or an admin."""
    user = User.objects.create_user(
        name, email=f"{name}@desk.example.com", is_staff=True, is_superuser=role == "admin"
    )
    codenames = {"agent": ["work_ticket"], "supervisor": ["work_ticket", "supervise_ticket"]}
    if role in codenames:
        group, _created = Group.objects.get_or_create(name=role)
        group.permissions.add(
            *Permission.objects.filter(
                content_type__app_label="tickets", codename__in=codenames[role]
            )
        )
        user.groups.add(group)
    return User.objects.get(pk=user.pk)


def acting(user: User) -> Actor:
    return Actor.of(user)


_serial = iter(range(1, 10**9))


def make_order(**fields: Any) -> Order:
    """Zhao Lei paid 98.00 for 100.00 of phone credit half an hour ago; nothing has arrived.

    ``paid`` is a list of amounts (one payment each), ``channel`` where they were paid.
    """
    number = next(_serial)
    paid, channel = fields.pop("paid", None), fields.pop("channel", "shop")
    created_at = fields.setdefault("created_at", OPENING - 30 * MINUTE)
    values = {
        "order_no": f"LT2026112409{number:05d}",
        "source": Order.Source.SHOP_API,
        "product_code": "CM100",
        "product_name": "中国移动话费100元",
        "arrival_within": timedelta(minutes=10),
        "target_account": f"138{number:08d}",
        "face_value_fen": 10000,
        "price_fen": 9800,
        "customer_name": "赵磊",
        "customer_phone": f"139{number:08d}",
        "customer_email": f"zhao.lei.{number}@example.com",
        "buyer_ref": f"buyer-{number}",
        "status": Order.Status.RECHARGING,
        "facts_as_of": created_at,
        "updated_at": created_at,
        **fields,
    }
    order = Order.objects.create(**values)
    for index, amount_fen in enumerate([order.price_fen] if paid is None else paid):
        make_payment(order, amount_fen, channel=channel, paid_at=order.created_at + index * MINUTE)
    return order


def make_payment(order: Order, amount_fen: int, **fields: Any) -> Payment:
    values = {
        "order": order,
        "channel": Payment.Channel.SHOP,
        "channel_trade_no": f"T{next(_serial):020d}",
        "amount_fen": amount_fen,
        "status": Payment.Status.PAID,
        "paid_at": order.created_at,
        **fields,
    }
    return Payment.objects.create(**values)


def make_top_up(order: Order, state: str = "succeeded", **fields: Any) -> TopUp:
    """One attempt of a supplier's; with ``voucher_no`` its success is proven at level 2."""
    voucher = fields.get("voucher_no", "")
    proven = ProofLevel.VOUCHER if voucher else ProofLevel.SUPPLIER_SAYS_SO
    values = {
        "order": order,
        "top_up_no": f"TU{next(_serial):020d}",
        "attempt": order.top_ups.count() + 1,
        "supplier": "nobody",
        "face_value_fen": order.face_value_fen,
        "state": state,
        "proof_level": proven if state in ("succeeded", "partial") else ProofLevel.NONE,
        "submitted_at": order.created_at,
        "created_at": order.created_at,
        **fields,
    }
    return TopUp.objects.create(**values)


def make_evidence(
    kind: str = "payment_screenshot", received_at: datetime = OPENING - MINUTE, **fields: Any
) -> Evidence:
    """A file that was received and checked already; what is in it does not matter here."""
    name = uuid.uuid4().hex
    values = {
        "kind": kind,
        "filename": "付款截图.jpg",
        "content_type": "image/jpeg",
        "size": 1234,
        "sha256": name * 2,
        "original": f"evidence/original/{name}.jpg",
        "actor": "customer",
        "received_at": received_at,
        **fields,
    }
    return Evidence.objects.create(**values)


def make_dispute(
    *evidence: Evidence,
    category: str = "non_arrival",
    description: str = "付款成功，一直没有到账",
    contact: Contact | None = None,
    **more: Any,
) -> Dispute:
    return Dispute(
        category=category,
        description=description,
        contact=contact or Contact(name="赵磊"),
        evidence_ids=tuple(file.pk for file in evidence),
        **more,
    )


def open_dispute(
    order: Order | None = None,
    *,
    proof: Sequence[str] = ("payment_screenshot",),
    now: datetime = OPENING,
    **dispute: Any,
) -> Ticket:
    """This function will file Zhao Lei's dispute with files received a minute before."""
    files = [make_evidence(kind, received_at=now - MINUTE) for kind in proof]
    opened = open_ticket(
        order=order or make_order(created_at=now - 30 * MINUTE),
        dispute=make_dispute(*files, **dispute),
        actor=CUSTOMER,
        now=now,
    )
    return opened.ticket


def staff(hours: str, *, days: Sequence[int] = range(7), follows_holidays: bool = False) -> None:
    """This function will replace the staffed hours, e.g. ``staff("9-18", days=range(5))``."""
    opens, closes = (int(part) % 24 for part in hours.split("-"))
    StaffedHours.objects.all().delete()
    for day in days:
        StaffedHours.objects.create(
            weekday=day,
            opens_at=f"{opens:02d}:00",
            closes_at=f"{closes:02d}:00",
            follows_holidays=follows_holidays,
        )


def set_policy(now: datetime = OPENING - HOUR, **changes: Any) -> None:
    """This function will change the default policy; ``clocks`` are merged into it, e.g.
    ``set_policy(rehearsal=True, clocks={"first_reply": "PT10M"})``."""
    body = DEFAULT_POLICY.to_json()
    for name, value in changes.pop("clocks", {}).items():
        clock = {"within": value} if isinstance(value, str) else value
        body["clocks"][name] = {**body["clocks"][name], **clock}
    replace_policy(code="default", body={**body, **changes}, actor_label="system", now=now)


def events_of(ticket: Ticket, kind: str = "") -> list[Event]:
    events = Event.objects.filter(ticket=ticket).order_by("seq")
    return list(events.filter(kind=kind) if kind else events)


def kinds_of(ticket: Ticket) -> list[str]:
    return [event.kind for event in events_of(ticket)]


def deadline_of(ticket: Ticket, kind: str) -> Deadline:
    """The newest deadline of a kind."""
    found = Deadline.objects.filter(ticket=ticket, kind=kind).order_by("cycle", "round").last()
    assert found is not None, f"{ticket} has no deadline {kind}"
    return found


def live_kinds(ticket: Ticket) -> set[str]:
    live = Deadline.objects.filter(ticket=ticket, state__in=Deadline.LIVE_STATES)
    return set(live.values_list("kind", flat=True))


def told(ticket: Ticket, audience: str = "customer") -> list[str]:
    """The kinds of messages somebody was or will be sent, in order."""
    notices = Notice.objects.filter(ticket=ticket, audience=audience).order_by("pk")
    return list(notices.values_list("kind", flat=True))


def breaches_of(ticket: Ticket) -> list[str]:
    return sorted(ticket.breaches.values_list("kind", flat=True))


class Desk:
    """A desk whose time is in the test's hands."""

    def __init__(self, people: dict[str, User], bank: "Simulator | None" = None) -> None:
        self.people, self.bank = people, bank
        self.now = OPENING

    def clock(self) -> datetime:
        return self.now

    def order(self, **fields: Any) -> Order:
        """An order; with a bank its payments are known there."""
        if self.bank is not None:
            fields.setdefault("channel", "sandbox")
        order = make_order(**fields)
        if self.bank is not None:
            for payment in order.payments.filter(channel="sandbox"):
                self.bank.trade(payment.channel_trade_no, payment.amount_fen)
        return order

    def open(
        self, order: Order | None = None, *, now: datetime | None = None, **how: Any
    ) -> Ticket:
        self.now = now or self.now
        order = order or self.order(created_at=self.now - 30 * MINUTE)
        return open_dispute(order, now=self.now, **how)

    def tell(self, ticket: Ticket) -> Ticket:
        """The ticket as it stands now."""
        return Ticket.objects.get(pk=ticket.pk)

    def tick(self, now: datetime | None = None) -> None:
        """One round of everything that Celery beat wakes each second, until nothing is left."""
        self.now = now or self.now
        for _round in range(20):
            done = sweep(now=self.now, driver="test") + relay(clock=self.clock)
            if self.bank is not None:
                done += rescue_refunds(clock=self.clock)
            if not done:
                return
        raise AssertionError("the desk does not come to rest")

    def advance(self, to: datetime) -> None:
        """Let time pass: whatever falls due on the way is done at its own instant."""
        for _step in range(1000):
            upcoming = self.next_due()
            if upcoming is None or upcoming > to:
                break
            self.tick(max(upcoming, self.now))
        else:
            raise AssertionError("time stands still")
        self.tick(to)

    def next_due(self) -> datetime | None:
        """When something happens by itself, after or at the present instant."""
        pending = Deadline.objects.filter(state="pending", quarantined_at=None)
        instants = [
            pending.order_by("due_at").values_list("due_at", flat=True).first(),
            *FactCheck.objects.filter(decided_at=None).values_list("not_before", flat=True),
            *OrderEvent.objects.filter(consumed_at=None).values_list("not_before", flat=True),
            *Notice.objects.filter(state="pending").values_list("not_before", flat=True),
        ]
        if self.bank is not None:
            refunds = Refund.objects.exclude(next_attempt_at=None)
            instants += refunds.values_list("next_attempt_at", flat=True)
        return min((instant for instant in instants if instant is not None), default=None)

    def refunds(self, ticket: Ticket, **states: Any) -> list[Refund]:
        return list(Refund.objects.filter(origin=ticket.uuid, **states).order_by("pk"))

    def settle(
        self, what: Ticket | Refund, outcome: str, *, retryable: bool = False, code: str = ""
    ) -> None:
        """Be the channel: answer every refund under way, and let the desk take note."""
        answer = ChannelAnswer(outcome=Outcome(outcome), retryable=retryable, code=code)
        sent = Refund.objects.exclude(next_attempt_at=None)
        if isinstance(what, Refund):
            sent = sent.filter(pk=what.pk)
        else:
            sent = sent.filter(origin=what.uuid)
        for refund in sent:
            assert refund.next_attempt_at is not None
            self.now = max(self.now, refund.next_attempt_at)
            claim = claim_refund(refund_id=refund.pk, now=self.now)
            assert claim is not None
            settle_refund(claim=claim, answer=answer, now=self.now)
        relay(clock=self.clock)

    def conclude(self, ticket: Ticket, *answers: dict[str, Any]) -> FactCheck:
        """Be channel and supplier: answer the open fact check, which is then decided."""
        check = FactCheck.objects.get(ticket=ticket, decided_at=None)
        assert claim_fact_check(check_id=check.pk, now=self.now) is not None
        conclude_fact_check(check_id=check.pk, answers=list(answers), now=self.now)
        check.refresh_from_db()
        return check

    def enforce(self, ticket: Ticket, *answers: dict[str, Any]) -> FactCheck:
        """Let the promise come to the point where the desk acts, and answer what it asks."""
        due_at = deadline_of(ticket, "commitment_enforcement").due_at
        self.tick(due_at - TICK)
        self.now = due_at
        sweep(now=self.now, driver="test")
        return self.conclude(ticket, *answers)

    def worries(self) -> dict[str, int]:
        """What the watchdog finds wrong; empty is good."""
        return {name: count for name, count in watch(now=self.now).items() if count}


@pytest.fixture
def agent_lin(db: None) -> User:
    return make_person("lin", "agent")


@pytest.fixture
def agent_chen(db: None) -> User:
    return make_person("chen", "agent")


@pytest.fixture
def supervisor_wang(db: None) -> User:
    return make_person("wang", "supervisor")


@pytest.fixture
def supervisor_zhao(db: None) -> User:
    return make_person("zhao", "supervisor")


@pytest.fixture
def admin(db: None) -> User:
    return make_person("root", "admin")


@pytest.fixture
def lin(agent_lin: User) -> Actor:
    return acting(agent_lin)


@pytest.fixture
def wang(supervisor_wang: User) -> Actor:
    return acting(supervisor_wang)


@pytest.fixture
def zhao(supervisor_zhao: User) -> Actor:
    return acting(supervisor_zhao)


@pytest.fixture
def customer() -> Actor:
    return CUSTOMER


@pytest.fixture
def desk(agent_lin: User, supervisor_wang: User, supervisor_zhao: User) -> Desk:
    """Staffed 9 to 24 every day, with the policy of the demo, and no bank."""
    staff("9-24")
    set_policy()
    people = {"lin": agent_lin, "wang": supervisor_wang, "zhao": supervisor_zhao}
    return Desk(people)


@pytest.fixture
def banked_desk(desk: Desk, simulator: "Simulator") -> Desk:
    """The same desk, with the simulator for a bank."""
    return Desk(desk.people, bank=simulator)


@pytest.fixture(autouse=True)
def _events_can_be_flushed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Emptying the database after a transactional test would trip the triggers that keep events
    from being deleted: they are lifted for that moment, in the test database alone."""
    marker = request.node.get_closest_marker("django_db")
    transactional = {"transactional_db", "live_server"} & set(request.fixturenames)
    if not transactional and not (marker and marker.kwargs.get("transaction")):
        yield
        return
    request.getfixturevalue("transactional_db")
    yield
    if append_only.TABLE in connection.introspection.table_names():
        with append_only.lifted(), ledger_guard.lifted():
            Event.objects.all().delete()
            LedgerEntry.objects.all().delete()


def at_every(start: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    while start < end:
        yield start
        start += step
