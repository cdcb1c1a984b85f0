"""From one dispute to the next, and who else is looking."""

import pytest
from django.test import Client

from tests.admin.conftest import QUEUE, dialog_of, page_of, submit, words_of
from tests.stories import MINUTE, OPENING, Desk, acting, make_order, make_top_up
from tickets import transitions
from tickets.models import Presence

pytestmark = pytest.mark.django_db
NEXT = "/admin/tickets/ticket/next/"


def submit_on_page(client: Client, ticket, verb: str, **fields):
    return client.post(
        dialog_of(ticket, verb),
        {"_form_submitted": "True", **fields},
        headers={"hx-request": "true", "hx-current-url": f"http://testserver{page_of(ticket)}"},
    )


def test_after_a_refund_the_next_due_dispute_opens(office: Desk, lin_at_work: Client):
    second = office.open(now=OPENING - 10 * MINUTE)
    first = office.open(now=OPENING - 20 * MINUTE)
    answer = submit_on_page(lin_at_work, first, "refund", amount="98.00", reason="未到账")
    assert answer["HX-Redirect"] == page_of(second)
    assert first.number in words_of(lin_at_work.get(page_of(second)))


def test_from_the_queue_one_stays_in_the_queue(office: Desk, lin_at_work: Client):
    office.open(now=OPENING - 10 * MINUTE)
    ticket = office.open(now=OPENING - 20 * MINUTE)
    answer = submit(lin_at_work, ticket, "refund", amount="98.00", reason="未到账")
    assert answer["HX-Redirect"] == QUEUE


def test_with_nothing_else_to_do_the_queue_says_so(office: Desk, lin_at_work: Client):
    ticket = office.open()
    assert lin_at_work.get(f"{NEXT}?after={ticket.pk}")["Location"] == QUEUE
    assert "Nothing else waits for you." in words_of(lin_at_work.get(QUEUE))


def test_the_next_one_is_mine_or_nobodys_and_ours_to_act_on(office: Desk, lin_at_work: Client):
    mine, others, waiting, escalated = (
        office.open(now=OPENING - minutes * MINUTE) for minutes in (5, 10, 15, 20)
    )
    lin, wang = acting(office.people["lin"]), acting(office.people["wang"])
    transitions.assign_ticket(
        ticket_id=others.pk, assignee=office.people["wang"], actor=wang, now=OPENING
    )
    transitions.request_evidence(
        ticket_id=waiting.pk, kinds=["chat_log"], text="请补充", actor=lin, now=OPENING
    )
    transitions.escalate(ticket_id=escalated.pk, reason="金额大", actor=lin, now=OPENING)
    assert lin_at_work.get(NEXT)["Location"] == page_of(mine)


@pytest.mark.parametrize("after", ["", "abc", "9" * 40, "-1", "²"])
def test_an_odd_number_is_no_number(office: Desk, lin_at_work: Client, after: str):
    ticket = office.open()
    assert lin_at_work.get(NEXT, {"after": after})["Location"] == page_of(ticket)


def test_the_suggestion_stands_first_with_its_reason(office: Desk, lin_at_work: Client):
    order = make_order(status="failed", supplier="sandbox")
    make_top_up(order, "failed")
    page = words_of(lin_at_work.get(page_of(office.open(order))))
    assert "The only attempt failed for certain, and there is time for another." in page
    assert page.index('data-key="r"') < page.index('data-key="d"')
    assert f'href="{dialog_of(office.tell(order.tickets.get()), "redeliver")}" data-key="r"' in page


def test_lin_reads_that_wang_has_it_open(office: Desk, lin_at_work: Client, wang_at_work: Client):
    ticket = office.open()
    here = "/admin/tickets/ticket/here/"
    assert wang_at_work.post(here, {"ticket": ticket.pk}).json() == {"hint": ""}
    assert Presence.objects.get().user == office.people["wang"]
    hint = lin_at_work.post(here, {"ticket": ticket.pk}).json()["hint"]
    assert hint == "wang opened this 0 s ago."


@pytest.mark.parametrize("ticket", ["", "abc", "9" * 40, "999999"])
def test_presence_of_no_dispute_is_presence_all_the_same(
    office: Desk, lin_at_work: Client, ticket: str
):
    answer = lin_at_work.post("/admin/tickets/ticket/here/", {"ticket": ticket})
    assert answer.json() == {"hint": ""}
    assert Presence.objects.get().seen_at == OPENING


def test_presence_is_said_by_post_and_by_staff_alone(office: Desk, lin_at_work: Client):
    assert lin_at_work.get("/admin/tickets/ticket/here/").status_code == 405
    assert "/login/" in Client().post("/admin/tickets/ticket/here/")["Location"]
