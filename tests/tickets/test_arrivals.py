"""到账提醒: one letter when the order arrives or fails, to whoever asked for it."""

import re

import pytest
from django.core import mail
from django.core.cache import cache

from orders.models import Order, OrderEvent
from tests.stories import MINUTE, at, make_order
from tests.tickets.web import Browser
from tickets.arrivals import UnableToWatch, watch_arrival
from tickets.models import ArrivalWatch

pytestmark = pytest.mark.django_db
FANG = "wang.fang@example.com"


@pytest.fixture
def order():
    return make_order(order_no="LT1", target_account="13800001234", created_at=at("09:50"))


def wait(order, email=FANG, language="en", now=None):
    return watch_arrival(order=order, email=email, language=language, now=now or at("10:00"))


def becomes(order, status):
    Order.objects.filter(pk=order.pk).update(status=status)
    OrderEvent.objects.create(
        order=order, kind="facts_changed", at=at("10:05"), not_before=at("10:05"), data={}
    )


def letters():
    return [(letter.to, letter.subject) for letter in mail.outbox]


def test_she_is_told_once_when_it_arrives(desk, order):
    wait(order)
    becomes(order, "delivered")
    desk.tick(at("10:06"))
    assert letters() == [([FANG], "Order LT1 has arrived")]
    assert "138****1234" in mail.outbox[0].body
    assert "13800001234" not in mail.outbox[0].body
    becomes(order, "delivered")
    desk.tick(at("10:07"))
    assert len(mail.outbox) == 1


def test_that_it_failed_is_told_as_well(desk, order):
    wait(order, language="zh-hans")
    becomes(order, "failed")
    desk.tick(at("10:06"))
    assert letters() == [([FANG], "订单 LT1 充值失败")]


def test_other_news_of_the_order_is_no_reason_to_write(desk, order):
    wait(order)
    becomes(order, "recharging")
    desk.tick(at("10:06"))
    assert letters() == []


def test_the_link_in_the_letter_ends_it_and_reading_it_does_not(desk, order, monkeypatch):
    watch = wait(order)
    web = Browser(monkeypatch)
    web.get(f"/orders/arrival/{watch.stop_token}/")
    assert ArrivalWatch.objects.get().ended_at is None
    web.post(f"/orders/arrival/{watch.stop_token}/")
    assert web.says("You get no letter about this order any more.")
    becomes(order, "delivered")
    desk.tick(at("10:06"))
    assert letters() == []


def test_asking_twice_is_asking_once_and_again_after_stopping(desk, order):
    wait(order)
    ArrivalWatch.objects.update(ended_at=at("10:01"), end="stopped")
    wait(order, email=FANG.upper(), now=at("10:02"))
    assert ArrivalWatch.objects.get().ended_at is None


def test_an_order_is_told_of_to_three_addresses_at_most(desk, order):
    for name in "abc":
        wait(order, email=f"{name}@example.com")
    with pytest.raises(UnableToWatch, match="3"):
        wait(order)


def test_there_is_nothing_to_wait_for_after_the_end(desk, order):
    becomes(order, "delivered")
    with pytest.raises(UnableToWatch):
        wait(order)


class TestOnTheOrdersPage:
    @pytest.fixture
    def web(self, monkeypatch, desk, order):
        cache.clear()
        web = Browser(monkeypatch).at(at("10:00"))
        web.look_up("LT1", "1234")
        web.page = web.address
        return web

    def test_she_asks_there(self, web, desk, order):
        web.post(f"{web.page}arrival/", {"email": FANG})
        assert web.says("We write to you once")
        becomes(order, "delivered")
        desk.tick(at("10:06") + MINUTE)
        link = re.search(r"/orders/arrival/[\w-]+/", mail.outbox[0].body)
        assert link is not None
        assert web.client.get(link[0]).status_code == 200

    def test_what_is_no_address_is_named(self, web):
        web.post(f"{web.page}arrival/", {"email": "wang.fang"})
        assert web.status == 400
        assert web.says("This is no e-mail address")
        assert not ArrivalWatch.objects.exists()
