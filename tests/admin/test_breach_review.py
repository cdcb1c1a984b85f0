"""A missed deadline is looked into by a supervisor who did not handle the case."""

import pytest
from django.test import Client

from tests.admin.conftest import submit, words_of
from tests.stories import MINUTE, Desk, acting, at
from tickets import transitions
from tickets.models import Breach, Ticket

pytestmark = pytest.mark.django_db

LIST = "/admin/tickets/breach/"
REVIEW = {
    "cause_code": "overload",
    "responsible_party": "us",
    "corrective_action": "增加一名夜班客服",
}


@pytest.fixture
def missed(office: Desk) -> Breach:
    """Nobody replied to Zhao Lei within half an hour."""
    ticket = office.open()
    office.advance(at("10:31"))
    return Breach.objects.get(ticket=ticket)


def test_a_review_is_signed_off(missed: Breach, office: Desk, wang_at_work: Client):
    answer = submit(wang_at_work, missed, "review", **REVIEW)
    assert answer["HX-Redirect"]
    missed.refresh_from_db()
    assert missed.reviewed_by == office.people["wang"]
    assert missed.corrective_action == "增加一名夜班客服"
    assert (missed.cause_code, missed.responsible_party) == ("overload", "us")


def test_unreviewed_ones_stand_first(missed: Breach, office: Desk, wang_at_work: Client):
    submit(wang_at_work, missed, "review", **REVIEW)
    newer = office.open()
    office.advance(office.now + 31 * MINUTE)
    rows = [b.ticket_id for b in wang_at_work.get(LIST).context["cl"].result_list]
    assert rows[0] == newer.pk
    assert rows[-1] == missed.ticket_id
    open_ones = wang_at_work.get(LIST + "?reviewed=no").context["cl"].result_list
    assert missed.pk not in [breach.pk for breach in open_ones]


def test_who_handled_the_case_does_not_review_it(office: Desk, wang_at_work: Client):
    ticket = office.open()
    wang = acting(office.people["wang"])
    transitions.reply(ticket_id=ticket.pk, text="稍等", actor=wang, now=at("10:10"), internal=True)
    office.advance(at("10:31"))
    missed = Breach.objects.get(ticket=ticket, kind="first_reply")
    answer = submit(wang_at_work, missed, "review", **REVIEW)
    assert answer.status_code == 403
    assert "You handled this dispute" in words_of(answer)
    missed.refresh_from_db()
    assert missed.reviewed_at is None


def test_an_agent_neither_reviews_nor_opens_the_dialog(missed: Breach, lin_at_work: Client):
    assert submit(lin_at_work, missed, "review", **REVIEW).status_code == 403
    missed.refresh_from_db()
    assert missed.reviewed_at is None


def test_a_second_review_is_refused(missed: Breach, wang_at_work: Client, zhao_at_work: Client):
    submit(wang_at_work, missed, "review", **REVIEW)
    answer = submit(zhao_at_work, missed, "review", **REVIEW)
    assert answer.status_code == 409
    assert "reviewed already" in words_of(answer)


@pytest.mark.parametrize("field", list(REVIEW))
def test_every_field_is_asked_for(missed: Breach, wang_at_work: Client, field: str):
    answer = submit(wang_at_work, missed, "review", **(REVIEW | {field: ""}))
    assert "This field is required" in words_of(answer)
    missed.refresh_from_db()
    assert missed.reviewed_at is None


def test_the_list_says_how_late_it_was(missed: Breach, office: Desk, wang_at_work: Client):
    assert "still open" in words_of(wang_at_work.get(LIST))
    transitions.reply(
        ticket_id=missed.ticket_id,
        text="正在查单",
        actor=acting(office.people["lin"]),
        now=at("10:45"),
    )
    assert Ticket.objects.get().first_replied_at == at("10:45")
    assert "15 min" in words_of(wang_at_work.get(LIST))
