"""The sweep: everything due, once, in few statements; one bad row holds nobody up."""

import re

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from orders.models import Order
from tests.stories import (
    HOUR,
    MINUTE,
    OPENING,
    SECOND,
    TICK,
    Desk,
    at,
    deadline_of,
    events_of,
    live_kinds,
    make_order,
    open_dispute,
)
from tickets.models import Deadline, Event, SweepBeat, Ticket
from tickets.policy import DEFAULT_POLICY
from tickets.sweep import claim_due, fire_batch, sweep
from tickets.transitions import reply
from tickets.watchdog import timers_stand_still, watch

pytestmark = pytest.mark.django_db


def claim(now, limit: int = 300) -> list[Deadline]:
    with transaction.atomic():
        return claim_due(now=now, limit=limit)


class TestClaiming:
    def test_at_most_one_clock_of_a_ticket_in_a_batch_the_earliest(self, desk: Desk) -> None:
        one, two = desk.open(), desk.open()
        claimed = claim(at("11-25 12:00"))
        assert [(d.ticket, d.kind) for d in claimed] == [
            (one, "first_reply"),
            (two, "first_reply"),
        ]
        assert sweep(now=at("11-25 12:00")) > 2, "the others follow in the next batches"

    def test_nothing_a_microsecond_early(self, desk: Desk) -> None:
        desk.open()
        assert claim(at("10:30") - TICK) == []
        assert len(claim(at("10:30"))) == 1

    def test_what_is_paused_met_fired_or_set_aside_is_nobodys(self, desk: Desk, lin) -> None:
        ticket = desk.open(proof=[])
        reply(ticket_id=ticket.pk, text="在查", actor=lin, now=at("10:05"))
        Deadline.objects.filter(kind="agent_resolution").update(state="paused")
        Deadline.objects.filter(kind="referral").update(quarantined_at=OPENING)
        assert claim(at("12-24 10:00")) == []

    def test_no_more_than_the_limit(self, desk: Desk) -> None:
        for _i in range(5):
            desk.open()
        assert len(claim(at("10:30"), limit=3)) == 3

    def test_small_batches_reach_everybody(self, desk: Desk) -> None:
        for _i in range(7):
            desk.open()
        assert sweep(now=at("10:30"), batch=2) == 7

    @pytest.mark.usefixtures("desk")
    def test_the_claim_costs_what_is_due_not_what_is_open(self) -> None:
        """The plan uses the partial index on pending rows with due_at as its condition."""
        crowd(400, due_at=at("12-24 10:00"))
        Deadline.objects.filter(ticket__number__endswith="0007").update(due_at=OPENING)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert len(claim(at("10:30"))) == 1
        (statement,) = [q["sql"] for q in queries if "tickets_deadline" in q["sql"]]
        plan = explain(statement)
        if connection.vendor == "postgresql":
            assert "deadline_due" in plan
            assert re.search(r"Index Cond: \((tickets_deadline\.)?due_at <=", plan)
            assert "Seq Scan on tickets_deadline" not in plan
        else:
            assert "USING INDEX deadline_due (due_at<?)" in plan

    def test_a_batch_is_a_handful_of_statements(self, desk: Desk) -> None:
        counts = []
        for size in (2, 40):
            Deadline.objects.filter(state="pending").update(state="met", met_at=OPENING)
            for _i in range(size):
                desk.open()
            with CaptureQueriesContext(connection) as queries:
                assert fire_batch(now=at("10:30"), limit=300) == size
            counts.append(len(queries))
        assert counts[1] <= counts[0] + 4
        assert counts[1] < 25


def crowd(count: int, *, due_at) -> None:
    """Many open tickets, each with one pending clock and ten that are history."""
    order = make_order()
    Order.objects.bulk_create(
        Order(
            order_no=f"X{n:06d}",
            source="demo",
            product_code="m",
            product_name="m",
            arrival_within=HOUR,
            face_value_fen=1,
            price_fen=1,
            facts_as_of=OPENING,
            created_at=order.created_at,
            updated_at=OPENING,
        )
        for n in range(count)
    )
    orders = Order.objects.filter(order_no__startswith="X").order_by("pk")
    Ticket.objects.bulk_create(
        Ticket(
            number=f"D{order.order_no}",
            order=order,
            intake="web",
            category="other",
            policy=DEFAULT_POLICY.to_json(),
            opened_at=OPENING,
            updated_at=OPENING,
        )
        for order in orders
    )
    common = {"clock": "wall", "started_at": OPENING}
    rows = []
    for ticket in Ticket.objects.filter(number__startswith="DX"):
        rows.append(
            Deadline(
                ticket=ticket,
                kind="commitment",
                state="pending",
                due_at=due_at,
                **common,
            )
        )
        rows += [
            Deadline(
                ticket=ticket,
                kind="agent_resolution",
                round=n,
                state="met",
                due_at=OPENING,
                met_at=OPENING,
                **common,
            )
            for n in range(10)
        ]
    Deadline.objects.bulk_create(rows)


def explain(statement: str) -> str:
    prefix = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        cursor.execute(f"{prefix} {statement}")
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


class TestOnce:
    def test_the_database_itself_refuses_a_second_firing(self, desk: Desk) -> None:
        ticket = desk.open()
        sweep(now=at("10:30"))
        (fired,) = events_of(ticket, "deadline_fired")
        with pytest.raises(IntegrityError), transaction.atomic():
            Event.objects.create(
                ticket=ticket,
                seq=999,
                kind="deadline_fired",
                actor="system",
                at=OPENING,
                deadline=fired.deadline,
                hash="0" * 64,
            )

    def test_and_one_before_its_time(self, desk: Desk) -> None:
        first = deadline_of(desk.open(), "first_reply")
        with pytest.raises(IntegrityError), transaction.atomic():
            Deadline.objects.filter(pk=first.pk).update(state="fired", fired_at=first.due_at - TICK)

    def test_and_two_live_clocks_of_a_kind(self, desk: Desk) -> None:
        first = deadline_of(desk.open(), "first_reply")
        first.pk, first.round = None, 2
        with pytest.raises(IntegrityError), transaction.atomic():
            first.save(force_insert=True)


class TestPoison:
    def poisoned(self, desk: Desk, among: int = 8) -> tuple[Ticket, list[Ticket]]:
        """Tickets whose agents' clocks fall due together; one has lost its policy."""
        tickets = [desk.open() for _i in range(among)]
        sweep(now=at("10:30"))
        bad = tickets.pop(among // 2)
        Ticket.objects.filter(pk=bad.pk).update(policy={})
        return bad, tickets

    def test_the_one_bad_row_is_set_aside_and_the_others_go_on(self, desk: Desk, caplog) -> None:
        bad, good = self.poisoned(desk)
        sweep(now=at("12:00"))
        assert {desk.tell(t).level for t in good} == {"supervisor"}
        set_aside = deadline_of(bad, "agent_resolution")
        assert (set_aside.state, set_aside.quarantined_at) == ("pending", at("12:00"))
        assert "InvalidPolicy" in set_aside.last_error
        assert "set aside" in caplog.text
        assert desk.tell(bad).level == "agent"
        assert not [e for e in events_of(bad) if e.data.get("kind") == "agent_resolution"]

    def test_nothing_of_it_was_half_done(self, desk: Desk) -> None:
        bad, _good = self.poisoned(desk)
        before = len(events_of(bad))
        sweep(now=at("12:00"))
        assert len(events_of(bad)) == before
        assert "supervisor_resolution" not in live_kinds(bad)

    def test_it_does_not_hold_up_later_rounds(self, desk: Desk) -> None:
        _bad, good = self.poisoned(desk)
        sweep(now=at("12:00"))
        assert sweep(now=at("12:00") + SECOND) == 0
        assert sweep(now=at("15:00")) == len(good)

    def test_the_watchdog_shouts_and_lets_it_try_again(self, desk: Desk) -> None:
        bad, _good = self.poisoned(desk)
        sweep(now=at("12:00"))
        assert watch(now=at("12:01"))["overdue_deadlines"] == 0
        assert watch(now=at("12:01") + SECOND)["overdue_deadlines"] == 1
        assert deadline_of(bad, "agent_resolution").quarantined_at is not None
        Ticket.objects.filter(pk=bad.pk).update(policy=DEFAULT_POLICY.to_json())
        watch(now=at("12:05") + SECOND)
        assert deadline_of(bad, "agent_resolution").quarantined_at is None
        sweep(now=at("12:06"))
        assert desk.tell(bad).level == "supervisor"


class TestLastMoment:
    """At the very instant of the deadline both orders are possible, and each is whole."""

    def test_the_agent_first(self, desk: Desk, lin) -> None:
        ticket = desk.open()
        reply(ticket_id=ticket.pk, text="在查", actor=lin, now=at("10:30"))
        assert sweep(now=at("10:30")) == 0
        assert deadline_of(ticket, "first_reply").state == "met"
        assert not ticket.breaches.exists()

    def test_the_sweep_first(self, desk: Desk, lin) -> None:
        ticket = desk.open()
        assert sweep(now=at("10:30")) == 1
        reply(ticket_id=ticket.pk, text="在查", actor=lin, now=at("10:30"))
        assert deadline_of(ticket, "first_reply").state == "fired"
        assert ticket.breaches.count() == 1
        assert not events_of(ticket, "deadline_met")
        assert desk.tell(ticket).first_replied_at == at("10:30")


class TestHeartbeat:
    def test_every_driver_leaves_its_mark_even_with_nothing_to_do(self, desk: Desk) -> None:
        sweep(now=OPENING, driver="beat")
        desk.open()
        sweep(now=at("10:30"), driver="cron")
        assert {b.name: (b.last_ok_at, b.last_fired) for b in SweepBeat.objects.all()} == {
            "beat": (OPENING, 0),
            "cron": (at("10:30"), 1),
        }

    def test_a_sweep_that_stays_away_is_noticed(self, desk: Desk) -> None:
        assert timers_stand_still(OPENING)
        sweep(now=OPENING)
        assert timers_stand_still(OPENING + 15 * SECOND) == ""
        assert timers_stand_still(OPENING + 15 * SECOND + TICK) == "no sweep within 15 s"

    def test_one_that_comes_and_does_nothing_too(self, desk: Desk) -> None:
        desk.open()
        SweepBeat.objects.create(name="beat", last_ok_at=at("10:30") + MINUTE)
        assert timers_stand_still(at("10:30") + 30 * SECOND) == ""
        assert timers_stand_still(at("10:30") + 31 * SECOND) != ""


def test_two_hundred_due_at_once_with_all_that_follows(desk: Desk) -> None:
    order_count = 60
    tickets = [open_dispute() for _i in range(order_count)]
    sweep(now=at("12:00"))
    assert Ticket.objects.filter(level="supervisor").count() == order_count
    assert Event.objects.filter(kind="deadline_fired").count() == 2 * order_count
    assert all(events_of(t)[-1].kind == "escalated" for t in tickets)
