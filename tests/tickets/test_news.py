"""What an open page asks every two seconds."""

import pytest
from django.core.cache import cache

from tests.stories import at
from tests.tickets.web import Browser
from tickets import transitions

pytestmark = pytest.mark.django_db


@pytest.fixture
def web(monkeypatch, desk):
    cache.clear()
    return Browser(monkeypatch)


def ask(web, ticket, since):
    return web.client.get(f"/t/{ticket.tracking_token}/news/?since={since}")


def test_nothing_new_is_an_empty_answer_for_one_query(web, desk, django_assert_num_queries):
    ticket = desk.open()
    with django_assert_num_queries(1):
        answer = ask(web, ticket, ticket.event_seq)
    assert (answer.status_code, answer.content) == (204, b"")
    assert "no-store" in answer["Cache-Control"]


def test_an_answer_of_staff_is_news(web, desk, lin):
    ticket = desk.open()
    transitions.reply(ticket_id=ticket.pk, text="正在核实", actor=lin, now=at("10:05"))
    answer = ask(web, ticket, ticket.event_seq)
    assert answer.json() == {"seq": desk.tell(ticket).event_seq}


def test_what_is_no_number_is_news_and_an_unknown_link_is_not_found(web, desk):
    ticket = desk.open()
    assert ask(web, ticket, "x").status_code == 200
    assert web.client.get("/t/nobodys/news/").status_code == 404
    assert web.client.post(f"/t/{ticket.tracking_token}/news/").status_code == 405
