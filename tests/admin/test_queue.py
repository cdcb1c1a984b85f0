"""The queue: what falls due next stands first, found by number, seen through saved views."""

import re
from datetime import timedelta

import pytest
from django.test import Client

from tests.admin.conftest import QUEUE, count_queries, dialog_of, page_of, words_of
from tests.stories import MINUTE, OPENING, Desk, at, make_order
from tickets import transitions
from tickets.actors import Actor
from tickets.models import Ticket

pytestmark = pytest.mark.django_db


def listed(client: Client, query: str = "") -> list[str]:
    response = client.get(QUEUE + query)
    assert response.status_code == 200
    return [ticket.number for ticket in response.context["cl"].result_list]


def test_what_falls_due_next_stands_first(office: Desk, lin_at_work: Client):
    late = office.open(now=OPENING - 20 * MINUTE)
    early = office.open(now=OPENING - 5 * MINUTE)
    between = office.open(now=OPENING - 10 * MINUTE)
    assert listed(lin_at_work) == [late.number, between.number, early.number]


def test_the_time_left_is_words_with_the_instant_behind_them(office: Desk, lin_at_work: Client):
    office.open(now=OPENING - 20 * MINUTE)
    page = words_of(lin_at_work.get(QUEUE))
    assert 'title="2026-11-24 10:10:00">in 10 min</span>' in page


def test_overdue_says_by_how_much(office: Desk, lin_at_work: Client, at_the_time):
    office.open()
    at_the_time(at("10:35"))
    assert ">overdue 5 min</span>" in words_of(lin_at_work.get(QUEUE))


def test_who_is_waited_for(office: Desk, lin_at_work: Client):
    ticket = office.open()
    assert "whoever takes it" in words_of(lin_at_work.get(QUEUE))
    lin = Actor.of(office.people["lin"])
    transitions.request_evidence(
        ticket_id=ticket.pk, kinds=["chat_log"], text="请补充聊天记录", actor=lin, now=OPENING
    )
    page = words_of(lin_at_work.get(QUEUE))
    assert re.search(r"field-waits_for[^>]*>\s*customer\s*<", page)


def test_only_open_disputes_unless_asked_otherwise(office: Desk, lin_at_work: Client):
    kept, gone = office.open(), office.open()
    transitions.withdraw(
        ticket_id=gone.pk, reason="已到账", actor=Actor.customer(), now=OPENING + MINUTE
    )
    assert listed(lin_at_work) == [kept.number]
    assert set(listed(lin_at_work, "?status=all")) == {kept.number, gone.number}
    assert listed(lin_at_work, "?status=withdrawn") == [gone.number]


def test_views_of_ones_own_and_of_nobodys(office: Desk, lin_at_work: Client):
    mine, nobodys = office.open(), office.open()
    lin = office.people["lin"]
    transitions.assign_ticket(ticket_id=mine.pk, assignee=lin, actor=Actor.of(lin), now=OPENING)
    assert listed(lin_at_work, "?view=mine") == [mine.number]
    assert listed(lin_at_work, "?view=unowned") == [nobodys.number]
    assert listed(lin_at_work, "?view=overdue") == []
    assert len(listed(lin_at_work, "?view=soon")) == 2


def test_the_views_count_what_they_show(office: Desk, lin_at_work: Client, at_the_time):
    office.open()
    at_the_time(OPENING + timedelta(minutes=31))
    views = {v["code"]: v["count"] for v in lin_at_work.get(QUEUE).context["queue_views"]}
    assert views["overdue"] == views["unowned"] == views[""] == 1
    assert views["mine"] == views["waiting"] == views["decision"] == 0


def test_a_dispute_is_found_by_its_number_or_its_orders(office: Desk, lin_at_work: Client):
    wanted = office.open(make_order(order_no="KM2026-7781"))
    office.open()
    for term in (wanted.number, wanted.number.lower(), wanted.number[:-1], "KM2026", "KM2026-7781"):
        assert listed(lin_at_work, f"?q={term}") == [wanted.number], term
    assert listed(lin_at_work, "?q=7781") == []


def test_a_search_finds_what_is_over(office: Desk, lin_at_work: Client):
    ticket = office.open()
    transitions.withdraw(
        ticket_id=ticket.pk, reason="已到账", actor=Actor.customer(), now=OPENING + MINUTE
    )
    assert listed(lin_at_work, f"?q={ticket.number}") == [ticket.number]


def test_accounts_are_masked(office: Desk, lin_at_work: Client):
    office.open(make_order(target_account="13800001234"))
    page = words_of(lin_at_work.get(QUEUE))
    assert "138****1234" in page
    assert "13800001234" not in page


def test_twenty_rows_take_at_most_twelve_statements(
    office: Desk, lin_at_work: Client, wang_at_work: Client
):
    for _number in range(25):
        office.open()
    assert len(listed(lin_at_work)) == 20
    assert count_queries(lin_at_work, QUEUE) <= 12
    assert count_queries(wang_at_work, QUEUE) <= 12


def test_nothing_is_added_edited_or_deleted(office: Desk, admin):
    """Not even by an administrator: a status comes from a transition alone."""
    ticket, client = office.open(), Client()
    client.force_login(admin)
    assert client.get(QUEUE + "add/").status_code == 404
    assert client.post(page_of(ticket), {"status": "closed"}).status_code == 403
    assert client.post(f"{QUEUE}{ticket.pk}/delete/", {"post": "yes"}).status_code == 403
    selected = {"action": "delete_selected", "_selected_action": [ticket.pk], "post": "yes"}
    client.post(QUEUE, selected)
    assert Ticket.objects.get(pk=ticket.pk).status == "new"


def test_who_works_no_disputes_sees_none(office: Desk, django_user_model):
    office.open()
    client = Client()
    client.force_login(django_user_model.objects.create_user("warehouse", is_staff=True))
    assert client.get(QUEUE).status_code == 403
    assert client.get(dialog_of(Ticket.objects.get(), "reply")).status_code == 403
