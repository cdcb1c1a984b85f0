"""The first page: what waits, what the desk did alone, and whether the timers run."""

from datetime import timedelta

import pytest
from django.test import Client

from orders.models import Refund
from tests.admin.conftest import QUEUE, count_queries, words_of
from tests.stories import HOUR, OPENING, Desk, acting, make_order
from tickets import remedies
from tickets.models import SweepBeat, Ticket

pytestmark = pytest.mark.django_db

ALARM = "The timers stand still"


def test_a_supervisor_sees_what_needs_one(office: Desk, wang_at_work: Client):
    ticket = office.open(make_order(price_fen=80000, face_value_fen=80000))
    remedies.refund(
        ticket_id=ticket.pk,
        amount_fen=None,
        reason="未到账",
        text="",
        actor=acting(office.people["lin"]),
        now=OPENING,
    )
    page = words_of(wang_at_work.get("/admin/"))
    assert ticket.number in page
    assert "¥800.00" in page
    state = wang_at_work.get("/admin/desk/dashboard/").context
    assert {item["count"] for item in state["reconcilers"]} == {0}
    assert {level["label"]: level["count"] for level in state["levels"]}["agent"] == 1


def test_what_the_desk_refunded_overnight(office: Desk, wang_at_work: Client, at_the_time):
    ticket = office.open()
    office.enforce(ticket)
    assert Refund.objects.get().purpose == "commitment"
    at_the_time(OPENING + 24 * HOUR)
    night = wang_at_work.get("/admin/").context["night"]
    assert (night["count"], night["amount"], night["failed"]) == (1, "¥98.00", 0)


def test_an_agent_sees_what_falls_due_next(office: Desk, lin_at_work: Client):
    ticket = office.open()
    response = lin_at_work.get("/admin/")
    assert [t.number for t in response.context["next_tickets"]] == [ticket.number]
    assert "reconcilers" not in response.context


def test_a_red_bar_while_the_timers_stand_still(office: Desk, lin_at_work: Client, at_the_time):
    assert ALARM not in words_of(lin_at_work.get(QUEUE))
    at_the_time(OPENING + timedelta(seconds=16))
    for address in ("/admin/", QUEUE, "/admin/orders/order/", "/admin/password_change/"):
        assert ALARM in words_of(lin_at_work.get(address)), address
    SweepBeat.objects.update(last_ok_at=OPENING + timedelta(seconds=16))
    assert ALARM not in words_of(lin_at_work.get(QUEUE))


def test_nobody_is_told_of_the_timers_before_signing_in(office: Desk, client: Client, at_the_time):
    at_the_time(OPENING + HOUR)
    assert ALARM not in words_of(client.get("/admin/login/"))


def test_drills_are_not_counted(office: Desk, wang_at_work: Client):
    office.open(is_drill=True)
    levels = wang_at_work.get("/admin/desk/dashboard/").context["levels"]
    assert sum(level["count"] for level in levels) == 0


def test_the_first_page_takes_at_most_21_statements(
    office: Desk, lin_at_work: Client, wang_at_work: Client
):
    for _number in range(12):
        office.open()
    assert Ticket.objects.count() == 12
    assert count_queries(wang_at_work, "/admin/") <= 21
    assert count_queries(lin_at_work, "/admin/") <= 20


def test_the_palette_finds_a_dispute_by_its_number(office: Desk, lin_at_work: Client):
    ticket = office.open()
    found = words_of(lin_at_work.get(f"/admin/search/?s={ticket.number[:9].lower()}&extended=1"))
    assert ticket.number in found
    assert ticket.order.target_account not in found
