"""Lin files for Zhao Lei, who is on the telephone."""

import pytest
from django.test import Client

from tests.admin.conftest import page_of, words_of
from tests.stories import Desk, events_of, make_order, told
from tickets.models import Message, Ticket

pytestmark = pytest.mark.django_db
CALL = "/admin/tickets/ticket/call/"


def call(client: Client, order, **changes):
    fields = {
        "order_no": order.order_no,
        "last4": order.target_account[-4:],
        "category": "non_arrival",
        "said": "付了钱，一直没到账",
        "name": "",
        "phone": "",
        "email": "",
        "language": "zh-hans",
    }
    return client.post(CALL, fields | changes)


def test_one_page_opens_the_dispute_and_shows_it(office: Desk, lin_at_work: Client):
    assert lin_at_work.get(CALL).status_code == 200
    order = make_order()
    answer = call(lin_at_work, order, phone="13911112222")
    ticket = Ticket.objects.get()
    assert answer["Location"] == page_of(ticket)
    assert (ticket.intake, ticket.contact_phone, ticket.status) == ("agent", "13911112222", "new")
    opened = events_of(ticket, "opened")[0]
    assert opened.actor == f"staff:{office.people['lin'].pk}"
    assert Message.objects.get().body == "付了钱，一直没到账"
    assert told(ticket)[0] == "opened"
    assert f"Dispute {ticket.number} is open." in words_of(lin_at_work.get(page_of(ticket)))
    assert office.worries() == {}


def test_where_our_records_show_the_failure_the_promise_runs_at_once(
    office: Desk, lin_at_work: Client
):
    call(lin_at_work, make_order(status="failed"))
    ticket = Ticket.objects.get()
    assert ticket.commitment_started_at == ticket.opened_at


def test_an_open_dispute_is_shown_with_the_callers_words_added(office: Desk, lin_at_work: Client):
    ticket = office.open()
    answer = call(lin_at_work, ticket.order, said="又等了一小时")
    assert answer["Location"] == page_of(ticket)
    assert Ticket.objects.count() == 1
    page = words_of(lin_at_work.get(page_of(ticket)))
    assert "was open already; what the caller says was added to it." in page
    assert "又等了一小时" in page


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"last4": "0000"}, "order_no"),
        ({"order_no": "LT0"}, "order_no"),
        ({"last4": "123"}, "order_no"),
        ({"last4": "12345"}, "last4"),
        ({"said": "  "}, "said"),
        ({"said": "长" * 2001}, "said"),
        ({"category": "robbery"}, "category"),
        ({"email": "nobody"}, "email"),
        ({"name": "\0"}, "name"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_filed(
    office: Desk, lin_at_work: Client, changes, field: str
):
    answer = call(lin_at_work, make_order(), **changes)
    assert answer.status_code == 400
    assert field in answer.context["form"].errors
    assert not Ticket.objects.exists()
    assert answer.context["form"]["said"].value() == changes.get("said", "付了钱，一直没到账")


def test_who_works_no_disputes_files_none(office: Desk, django_user_model):
    client = Client()
    client.force_login(django_user_model.objects.create_user("warehouse", is_staff=True))
    assert client.get(CALL).status_code == 403
    assert call(client, make_order()).status_code == 403
