"""A mistake noticed in time: the account corrected, the order cancelled, from its own page."""

from datetime import timedelta

import pytest
from django.core.cache import cache

from orders.models import Order
from tests.stories import MINUTE, at, make_order, make_top_up, set_policy
from tests.tickets.web import Browser
from tickets.cancelling import cancel_unsent
from tickets.models import Ticket

pytestmark = pytest.mark.django_db
WRONG, RIGHT = "13800001234", "13800004321"


@pytest.fixture
def web(monkeypatch, desk):
    cache.clear()
    return Browser(monkeypatch)


@pytest.fixture
def order():
    return make_order(order_no="LT1", target_account=WRONG, status="paid", created_at=at("09:50"))


@pytest.fixture
def do(web, order):
    web.look_up("LT1", WRONG[-4:])
    page = web.address
    return lambda verb, **fields: web.post(f"{page}{verb}/", fields)


class TestCorrecting:
    def test_the_order_goes_to_the_right_account_and_people_know(self, web, do, order):
        do("correct", account="138 0000 4321", again=RIGHT)
        assert Order.objects.get().target_account == RIGHT
        ticket = Ticket.objects.get()
        assert (ticket.category, ticket.status) == ("wrong_account", "new")
        assert web.says("The account is corrected; our people have been told.")
        assert RIGHT not in web.text

    @pytest.mark.parametrize(
        ("account", "again", "words"),
        [
            ("1380000", "1380000", "11 digits and begins with 1; you entered 7 signs."),
            (RIGHT, "13800004322", "The two are not the same."),
            (WRONG, WRONG, "The order has exactly this account already."),
            ("", "", "Please enter the account."),
        ],
    )
    def test_another_mistake_is_named_and_nothing_is_written(self, web, do, account, again, words):
        do("correct", account=account, again=again)
        assert web.status == 400
        assert web.says(words)
        assert Order.objects.get().target_account == WRONG
        assert not Ticket.objects.exists()

    def test_too_late(self, web, do, order):
        make_top_up(order, "submitted")
        do("correct", account=RIGHT, again=RIGHT)
        assert web.status == 409
        assert web.says("The order has been sent, or its money goes back")
        assert not Ticket.objects.exists()


class TestCancelling:
    def test_all_of_it_goes_back_at_once(self, web, desk, do, order):
        do("cancel")
        ticket = Ticket.objects.get()
        assert ticket.status == "remedy_pending"
        assert [refund.amount_fen for refund in desk.refunds(ticket)] == [9800]
        assert web.says("Being refunded")
        desk.settle(ticket, "succeeded")
        assert desk.tell(ticket).outcome == "refunded"

    def test_twice_is_once(self, web, desk, do, order):
        do("cancel")
        do("cancel")
        assert web.status == 409
        assert len(desk.refunds(Ticket.objects.get())) == 1

    def test_afterwards_the_order_says_so_and_cannot_be_corrected(self, web, do, order):
        do("cancel")
        web.look_up("LT1", WRONG[-4:])
        assert web.says("Your money is on its way back")
        assert not web.says("It can still be changed")
        do("correct", account=RIGHT, again=RIGHT)
        assert web.status == 409

    def test_above_the_limit_it_is_reserved_and_a_supervisor_asked(self, desk, order):
        dear = make_order(status="paid", price_fen=98000, face_value_fen=100000)
        ticket = cancel_unsent(order=dear, language="zh-hans", now=at("10:00"))
        (refund,) = desk.refunds(ticket)
        assert refund.held
        assert ticket.approvals.get().action == "refund"

    def test_in_a_rehearsal_nothing_is_sent(self, desk, order):
        set_policy(rehearsal=True)
        ticket = cancel_unsent(order=order, language="zh-hans", now=at("10:00"))
        assert [refund.held for refund in desk.refunds(ticket)] == [True]

    def test_what_the_shop_said_long_ago_is_asked_about(self, desk):
        old = make_order(
            status="paid",
            created_at=at("10:00") - timedelta(hours=30),
            facts_as_of=at("10:00") - timedelta(hours=25),
        )
        ticket = cancel_unsent(order=old, language="zh-hans", now=at("10:00"))
        assert [refund.held for refund in desk.refunds(ticket)] == [True]

    def test_the_page_of_two_hours_ago_cancels_nothing(self, web, do, order, monkeypatch):
        monkeypatch.setattr("tickets.views.tokens.VALID_FOR", timedelta(seconds=-1))
        do("cancel")
        assert web.says("this page closes after 2 hours")
        assert not Ticket.objects.exists()
        assert web.at(at("10:00") + MINUTE)
