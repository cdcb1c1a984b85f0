"""Many disputes at once: each decided by itself, each with its own answer."""

import pytest
from django.test import Client

from orders.models import Outage
from tests.admin.conftest import QUEUE, words_of
from tests.stories import CUSTOMER, OPENING, Desk
from tickets import transitions
from tickets.admin.own_views import MOST as MOST_VIEWS
from tickets.admin.together import MOST
from tickets.models import Macro, Message, SavedView, Ticket

pytestmark = pytest.mark.django_db
JSON = {"accept": "application/json"}


def together(client: Client, verb: str, tickets, **fields):
    body = {"ticket": [getattr(t, "pk", t) for t in tickets], **fields}
    return client.post(f"{QUEUE}together/{verb}/", body, headers=JSON)


def declare_outage() -> Outage:
    times = {"started_at": OPENING, "declared_at": OPENING}
    return Outage.objects.create(title="维护", supplier="nobody", declared_by="system", **times)


def test_the_list_offers_it_and_asking_changes_nothing(office: Desk, lin_at_work: Client):
    one, two = office.open(), office.open()
    page = words_of(
        lin_at_work.post(QUEUE, {"action": "assign_together", "_selected_action": [one.pk, two.pk]})
    )
    assert "Do it to 2 disputes" in page
    assert one.number in page
    assert office.tell(one).assignee is None


def test_owners_outages_and_replies(office: Desk, lin_at_work: Client):
    lin, tickets = office.people["lin"], [office.open(), office.open(language="en")]
    outage = Outage.objects.create(
        title="维护",
        supplier="nobody",
        started_at=OPENING,
        declared_by="system",
        declared_at=OPENING,
    )
    macro = Macro.objects.create(name="维护", text_zh="订单 {order_no}", text_en="Order {order_no}")
    for verb, fields in (
        ("assign", {"assignee": lin.pk}),
        ("link-outage", {"outage": outage.pk}),
        ("reply", {"macro": macro.pk}),
    ):
        results = together(lin_at_work, verb, tickets, **fields).json()["results"]
        assert [result["ok"] for result in results] == [True, True], verb
    for ticket, word in zip(tickets, ("订单", "Order"), strict=True):
        told = office.tell(ticket)
        assert (told.assignee, told.outage) == (lin, outage)
        said = Message.objects.filter(ticket=ticket, author="staff").get()
        assert said.body == f"{word} {ticket.order.order_no}"


def test_one_refusal_stops_no_other(office: Desk, lin_at_work: Client):
    over, open_ = office.open(), office.open()
    transitions.withdraw(ticket_id=over.pk, reason="已到账", actor=CUSTOMER, now=OPENING)
    answer = together(
        lin_at_work, "assign", [over, open_, 999999], assignee=office.people["lin"].pk
    )
    assert [result["ok"] for result in answer.json()["results"]] == [False, True, False]
    assert "withdrawn" in answer.json()["results"][0]["said"]
    assert office.tell(open_).assignee == office.people["lin"]


def test_without_a_script_the_page_says_how_each_went(office: Desk, lin_at_work: Client):
    ticket = office.open()
    body = {"ticket": [ticket.pk], "assignee": office.people["lin"].pk}
    assert "Done." in words_of(lin_at_work.post(f"{QUEUE}together/assign/", body))
    assert office.tell(ticket).assignee == office.people["lin"]


def test_what_cannot_be_done_is_said_and_nothing_is(office: Desk, lin_at_work: Client):
    ticket, lin = office.open(), office.people["lin"].pk
    assert together(lin_at_work, "assign", [ticket]).status_code == 400
    assert together(lin_at_work, "assign", [], assignee=lin).status_code == 400
    assert together(lin_at_work, "assign", ["x", "9" * 40], assignee=lin).status_code == 400
    assert together(lin_at_work, "refund", [ticket], assignee=lin).status_code == 404
    many = together(lin_at_work, "assign", range(1, MOST + 2), assignee=lin)
    assert many.status_code == 400
    assert f"at most {MOST} are possible" in words_of(many)
    assert lin_at_work.get(f"{QUEUE}together/assign/").status_code == 405
    assert office.tell(ticket).assignee is None


def test_a_view_is_kept_shown_and_forgotten_by_its_owner(
    office: Desk, lin_at_work: Client, wang_at_work: Client
):
    office.open(category="card_code", proof=("account_screenshot",))
    keep = {"name": "卡密", "query": "category__exact=card_code&p=2"}
    assert lin_at_work.post(f"{QUEUE}views/keep/", keep)["Location"].endswith(
        "?category__exact=card_code"
    )
    page = words_of(lin_at_work.get(QUEUE))
    assert '<a href="/admin/tickets/ticket/?category__exact=card_code">卡密</a>' in page
    assert "卡密" not in words_of(wang_at_work.get(QUEUE))
    view = SavedView.objects.get()
    wang_at_work.post(f"{QUEUE}views/{view.pk}/forget/")
    assert SavedView.objects.exists()
    lin_at_work.post(f"{QUEUE}views/{view.pk}/forget/")
    assert not SavedView.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "", "query": "q=1"},
        {"name": "长" * 31, "query": "q=1"},
        {"name": "空", "query": ""},
        {"name": "空", "query": "p=3&q="},
        {"name": "长", "query": "q=" + "x" * 600},
        {"name": "\0", "query": "q=1"},
    ],
)
def test_a_view_that_is_none_is_refused(office: Desk, lin_at_work: Client, fields):
    assert lin_at_work.post(f"{QUEUE}views/keep/", fields).status_code in (302, 400)
    assert not SavedView.objects.exists()


def test_views_have_a_limit(office: Desk, lin_at_work: Client):
    for number in range(MOST_VIEWS + 1):
        lin_at_work.post(f"{QUEUE}views/keep/", {"name": str(number), "query": "q=1"})
    assert SavedView.objects.count() == MOST_VIEWS
    assert "please forget one first" in words_of(lin_at_work.get(QUEUE))


def test_the_outage_view_shows_what_is_linked(office: Desk, lin_at_work: Client):
    office.open()
    outage = Outage.objects.create(
        title="维护",
        supplier="nobody",
        started_at=OPENING,
        declared_by="system",
        declared_at=OPENING,
    )
    linked = office.open()
    Ticket.objects.filter(pk=linked.pk).update(outage=outage)
    found = lin_at_work.get(QUEUE + "?view=outage").context["cl"].result_list
    assert [ticket.number for ticket in found] == [linked.number]
