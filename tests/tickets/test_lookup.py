"""Wang Fang looks her order up; somebody else tries to."""

import re

import pytest
from django.core.cache import cache
from django.test import override_settings

from tests.stories import HOUR, MINUTE, at, make_order, make_payment, make_top_up
from tests.tickets.web import Browser
from tickets.queries import find_order_for_customer
from tickets.throttle import MISSES_PER_ORDER, Throttled, count
from tickets.views.tokens import make_order_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def web(monkeypatch):
    cache.clear()
    return Browser(monkeypatch)


@pytest.fixture
def order():
    return make_order(
        order_no="LT202611240900001",
        target_account="13800001234",
        customer_phone="13900005678",
        customer_email="wang.fang@example.com",
        created_at=at("09:40"),
    )


class TestFound:
    @pytest.mark.parametrize("last4", ["1234", "5678", "fang", "FANG", "１２３４", " 1234 "])
    def test_account_phone_and_mail_each_open_the_order(self, web, order, last4):
        web.look_up(order.order_no, last4)
        assert web.address.startswith("/orders/")
        assert web.says("138****1234")
        assert "13800001234" not in web.text
        assert "13900005678" not in web.text

    def test_letters_identify_a_game_account(self, web):
        make_order(order_no="LT2", target_account="dragon_QQab", customer_phone="")
        web.look_up("LT2", "qqAB")
        assert web.says("dr****ab")

    def test_the_number_may_be_typed_with_spaces(self, web, order):
        web.look_up(" LT20261124 0900001 ", "1234")
        assert web.says("Your order")

    def test_the_page_says_where_the_money_is_and_since_when_it_is_late(self, web, order):
        make_top_up(order, "pending")
        web.look_up(order.order_no, "1234")
        assert web.says("Should have arrived by today 09:50. That is over.")
        assert web.says("it takes longer than promised")

    def test_within_the_promised_time_nobody_is_blamed(self, web):
        order = make_order(order_no="LT3", status="paid", created_at=at("09:55"))
        web.look_up("LT3", order.target_account[-4:])
        assert web.says("Expected by today 10:05 at the latest.")
        assert not web.says("our side")
        assert web.says("Is the account wrong? It can still be changed")

    def test_a_running_dispute_is_one_press_away(self, web, order, desk):
        ticket = desk.open(order)
        web.look_up(order.order_no, "1234")
        assert f"/t/{ticket.tracking_token}/" in web.text
        assert web.says("Follow my dispute")

    def test_a_second_payment_is_shown(self, web, order):
        make_payment(order, 9800, channel="alipay", channel_trade_no="2026112422001400000001")
        web.look_up(order.order_no, "1234")
        assert web.says("2026112422001400000001")


class TestNotFound:
    def test_unknown_and_wrong_get_the_same_answer(self, web, order):
        web.look_up(order.order_no, "9999")
        wrong, status = web.text.replace(order.order_no, "X"), web.status
        web.look_up("LT0", "9999")
        unknown = web.text.replace("LT0", "X")
        assert blank_csrf(wrong) == blank_csrf(unknown)
        assert status == web.status == 200
        assert web.says("No order fits these two")

    def test_unknown_and_wrong_cost_the_same_queries(self, order, django_assert_num_queries):
        for order_no in (order.order_no, "LT0"):
            with django_assert_num_queries(1):
                assert find_order_for_customer(order_no=order_no, last4="9999") is None

    def test_what_stands_behind_the_at_sign_opens_nothing(self, order):
        assert find_order_for_customer(order_no=order.order_no, last4=".com") is None

    @pytest.mark.parametrize("last4", ["", "    "])
    def test_empty_characters_never_match_an_empty_contact(self, last4):
        make_order(order_no="LT9", customer_email="", customer_phone="", target_account="")
        assert find_order_for_customer(order_no="LT9", last4=last4) is None

    def test_the_wrong_length_is_named(self, web, order):
        web.look_up(order.order_no, "123")
        assert web.status == 400
        assert web.says("Exactly four characters, please; you entered 3.")

    def test_an_endless_number_is_refused_with_its_length(self, web):
        web.look_up("L" * 65, "1234")
        assert web.says("at most 64 characters; yours has 65")

    def test_reading_the_address_of_the_form_leads_home(self, web):
        web.get("/orders/lookup/")
        assert web.address == "/"


class TestThrottled:
    def test_the_eleventh_wrong_guess_is_not_looked_at(self, web, order):
        for _guess in range(10):
            web.look_up(order.order_no, "9999")
        web.look_up(order.order_no, "1234")
        assert web.status == 429
        assert web.says("more than 10 tries within 60 minutes")
        assert web.response["Retry-After"]

    def test_an_hour_later_the_customer_is_let_in(self, web, order):
        for _guess in range(11):
            web.look_up(order.order_no, "9999")
        web.at(at("11:00")).look_up(order.order_no, "1234")
        assert web.says("Your order")

    def test_right_ones_are_not_counted_as_guesses(self, web, order):
        for _visit in range(15):
            web.look_up(order.order_no, "1234")
        assert web.says("Your order")

    def test_one_address_cannot_try_numbers_for_ever(self, web):
        for number in range(60):
            web.look_up(f"LT-{number}", "1234")
        web.look_up("LT-61", "1234")
        assert web.status == 429

    def test_a_dead_cache_still_counts(self, tmp_path):
        dead = {
            "BACKEND": "helpdesk.cache.FallbackCache",
            "LOCATION": f"unix://{tmp_path}/nobody.sock",
        }
        with override_settings(CACHES={"default": dead}):
            for _miss in range(10):
                count(MISSES_PER_ORDER, "LT1", now=at("10:00"))
            with pytest.raises(Throttled) as caught:
                count(MISSES_PER_ORDER, "LT1", now=at("10:00"))
        assert caught.value.minutes == 60


class TestAddressOfAnOrder:
    def test_it_closes_after_two_hours(self, web, order, time_machine):
        time_machine.move_to(at("10:00"))
        token = make_order_token(order)
        time_machine.move_to(at("10:00") + 2 * HOUR - MINUTE)
        assert "Your order" in web.get(f"/orders/{token}/")
        time_machine.move_to(at("10:00") + 2 * HOUR + MINUTE)
        web.get(f"/orders/{token}/")
        assert web.address == "/"
        assert web.says("closes after 2 hours")

    def test_a_forged_one_opens_nothing(self, web, order):
        web.get(f"/orders/{make_order_token(order)[:-1]}x/")
        assert web.address == "/"

    def test_nobody_keeps_the_page(self, web, order):
        web.get(f"/orders/{make_order_token(order)}/")
        assert "no-store" in web.response["Cache-Control"]
        assert web.response["Referrer-Policy"] == "same-origin"


class TestEverybodysPages:
    @pytest.mark.parametrize("address", ["/", "/rules/", "/notices/"])
    def test_they_open(self, web, address):
        web.get(address)
        assert web.status == 200
        assert "script-src 'self'" in web.response["Content-Security-Policy"]
        assert "unsafe" not in web.response["Content-Security-Policy"]

    def test_the_promise_and_its_limit_stand_together(self, web):
        text = web.get("/", headers={"accept-language": "zh-CN"})
        assert '<html lang="zh-Hans">' in text
        assert web.says("凭证齐全后24小时内到账或退款")
        assert web.says("（账号填错另行处理）")

    def test_the_language_is_switched_and_stays(self, web):
        web.post("/i18n/setlang/", {"language": "zh-hans", "next": "/rules/"})
        assert web.says("服务承诺")
        assert web.says("English")

    def test_at_night_the_desk_says_who_is_there(self, web, desk):
        web.at(at("03:00")).get("/")
        assert web.says("somebody looks at it today 09:00. The promised time runs on all the same")

    def test_the_rules_are_those_of_the_policy(self, web, desk):
        web.get("/rules/")
        assert web.says("If nobody has solved it after 23 hours")
        assert web.says("¥500.00")
        assert web.says("48 hours")

    def test_an_unknown_address_says_so_in_the_shops_clothes(self, web):
        web.get("/nosuch/")
        assert web.status == 404
        assert web.says("There is no such page")


def blank_csrf(text):
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", text)
