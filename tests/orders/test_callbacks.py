"""News at /callbacks/channels/: what is believed, what is refused, and that this changes nothing.

Letters are signed here with the simulator's keys; at the end the simulator sends some by itself.
"""

import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from orders.callbacks import book
from orders.models import Callback, MoneyAlarm, OrderEvent, Refund, RefundCall
from orders.settlement import execute_refund
from simulator import rsa
from simulator.wechatpay_keys import WechatpayKeys
from tests.orders.saga import Saga
from tests.simulator_fixture import Simulator
from tests.stories import make_order, make_payment

pytestmark = pytest.mark.django_db
BEIJING = ZoneInfo("Asia/Shanghai")
Answer = tuple[int, str]


class Channel:
    """A channel that writes to us. `write` makes a letter about a refund: (body, headers)."""

    code: str
    yes: Answer
    no: Answer

    def __init__(self, simulator: Simulator) -> None:
        self.keys = simulator.secrets

    def post(self, body: bytes, headers: dict[str, str], **extra: Any) -> Answer:
        answer = Client().generic(
            "POST", f"/callbacks/channels/{self.code}/", body, headers=headers, **extra
        )
        return answer.status_code, answer.content.decode()

    def tell(self, refund: Refund, **changes: Any) -> Answer:
        return self.post(*self.write(refund, **changes))

    def write(self, refund: Refund, **changes: Any) -> tuple[bytes, dict[str, str]]:
        raise NotImplementedError


class Alipay(Channel):
    code, yes, no = "alipay", (200, "success"), (400, "fail")

    def write(self, refund: Refund, **changes: Any) -> tuple[bytes, dict[str, str]]:
        payment = refund.payment
        now = datetime.now(BEIJING).strftime("%Y-%m-%d %H:%M:%S")
        params = {
            "app_id": self.keys["alipay_app_id"],
            "charset": "utf-8",
            "notify_id": "N1",
            "notify_time": now,
            "trade_no": payment.channel_trade_no,
            "out_trade_no": payment.merchant_trade_no,
            "out_biz_no": refund.refund_no,
            "trade_status": "TRADE_SUCCESS",
            "total_amount": f"{payment.amount_fen / 100:.2f}",
            "refund_fee": f"{refund.amount_fen / 100:.2f}",
            "gmt_refund": now,
            "buyer_logon_id": "138****0000",
        }
        key = self.keys[changes.pop("key", "alipay_private_key")]
        params = {k: v for k, v in {**params, **changes}.items() if v}
        text = "&".join(f"{k}={v}" for k, v in sorted(params.items()))
        form = {**params, "sign": rsa.sign(key, text.encode()), "sign_type": "RSA2"}
        return urlencode(form).encode(), {"Content-Type": "application/x-www-form-urlencoded"}

    other_account = {"app_id": "2021000000000000"}
    stale = {"notify_time": "2026-01-01 10:00:00"}
    other_trade = {"trade_no": "A-SOMEBODY"}
    other_amount = {"total_amount": "98.01"}
    strangers_key = {"key": "alipay_app_private_key"}


class WechatPay(Channel):
    code, yes = "wechatpay", (204, "")
    no = (400, '{"code": "FAIL", "message": "refused"}')

    def write(self, refund: Refund, **changes: Any) -> tuple[bytes, dict[str, str]]:
        payment, keys = refund.payment, dict(self.keys)
        status = changes.pop("status", "SUCCESS")
        keys |= {name: changes.pop(name) for name in list(changes) if name in keys}
        told = {
            "mchid": self.keys["wechatpay_mch_id"],
            "transaction_id": payment.channel_trade_no,
            "out_trade_no": payment.merchant_trade_no,
            "out_refund_no": refund.refund_no,
            "refund_id": "5030",
            "refund_status": status,
            "amount": {"refund": refund.amount_fen, "total": payment.amount_fen},
            "user_received_account": "招商银行信用卡0403",
        }
        notify_id, age_s = changes.pop("notify_id", "N1"), changes.pop("age_s", 0)
        pen = WechatpayKeys(keys)
        letter = {
            "id": notify_id,
            "create_time": datetime.now(BEIJING).isoformat(timespec="seconds"),
            "event_type": f"REFUND.{status}",
            "resource": pen.seal_json({**told, **changes}, associated_data="refund"),
        }
        body = json.dumps(letter).encode()
        lines = f"{int(time.time()) - age_s}", "nonce", body.decode()
        signed = "".join(f"{line}\n" for line in lines).encode()
        return body, {
            "Wechatpay-Timestamp": lines[0],
            "Wechatpay-Nonce": lines[1],
            "Wechatpay-Signature": rsa.sign(keys["wechatpay_platform_private_key"], signed),
            "Wechatpay-Serial": pen.public_key_id,
        }

    other_account = {"mchid": "1900000000"}
    stale = {"age_s": 3600}
    other_trade = {"transaction_id": "4209999"}
    other_amount = {"amount": {"refund": 1, "total": 9800}}

    @property
    def strangers_key(self) -> dict[str, str]:
        return {"wechatpay_platform_private_key": self.keys["wechatpay_private_key"]}


@pytest.fixture(params=[Alipay, WechatPay])
def channel(request: pytest.FixtureRequest, simulator: Simulator) -> Channel:
    return request.param(simulator)


@pytest.fixture
def refund(channel: Channel, saga: Saga) -> Refund:
    """Li Lei's 98 yuan went out; the channel has not answered yet."""
    return send(saga, channel.code)


def send(saga: Saga, code: str, amount_fen: int | None = None) -> Refund:
    order = make_order(paid=[])
    make_payment(order, 9800, channel=code, channel_trade_no=uuid.uuid4().hex[:28])
    refund = saga.plan(order, amount_fen)
    saga.answer(refund, "unknown", retryable=True)
    return saga.refund(refund)


def everything() -> list[Any]:
    """All that a callback could change."""
    tables = (Refund, RefundCall, OrderEvent, MoneyAlarm)
    return [list(table.objects.order_by("pk").values()) for table in tables]


def rows() -> list[tuple[bool, str]]:
    return list(Callback.objects.order_by("pk").values_list("taken", "reason"))


def refused(channel: Channel, reason: str, answer: Answer, before: list[Any]) -> None:
    """One row says why, the answer is the provider's word for no, and nothing else happened."""
    assert answer == channel.no
    assert rows() == [(False, reason)]
    assert everything() == before


def test_a_success_is_booked_and_told_only_once(channel, refund, saga):
    assert channel.tell(refund) == channel.yes
    assert saga.refund(refund).state == "succeeded"
    assert saga.money(refund) == (9800, 0)
    taken = Callback.objects.get()
    assert (taken.taken, taken.number, taken.notice_id) == (True, refund.refund_no, "N1")
    assert taken.sender == "127.0.0.1"
    kept = json.dumps(taken.payload, ensure_ascii=False)
    assert refund.refund_no in kept
    assert "138****0000" not in kept
    assert "0403" not in kept
    assert RefundCall.objects.filter(refund=refund, operation="notify").count() == 1


def test_the_address_works_without_its_last_slash_too(channel, refund):
    body, headers = channel.write(refund)
    url = f"/callbacks/channels/{channel.code}"
    answer = Client().generic("POST", url, body, headers=headers)
    assert answer.status_code == channel.yes[0]


def test_repeated_and_replayed_news_changes_nothing_and_is_answered_as_taken(channel, refund):
    letter = channel.write(refund)
    assert channel.post(*letter) == channel.yes
    before = everything()
    assert channel.post(*letter) == channel.yes
    assert channel.tell(refund) == channel.yes, "signed anew, with the same id"
    assert rows() == [(True, ""), (False, "replayed"), (False, "replayed")]
    assert everything() == before


def test_two_workers_that_take_the_same_news_at_once_write_it_down_once(channel, refund):
    channel.tell(refund)
    taken = Callback.objects.get()
    letter = book.Letter(
        Callback.Source.CHANNEL, channel.code, b"", {}, sender=None, at=taken.at, size=0
    )
    book.note_taken(letter, book.Content("N1"))
    assert Callback.objects.count() == 1


def test_a_changed_body(channel, refund):
    body, headers = channel.write(refund)
    before = everything()
    changed = body.replace(b"N1", b"N2", 1)
    assert changed != body
    refused(channel, "bad_signature", channel.post(changed, headers), before)
    assert Callback.objects.get().payload == {}


def test_a_letter_signed_by_somebody_else(channel, refund):
    before = everything()
    answer = channel.tell(refund, **channel.strangers_key)
    refused(channel, "bad_signature", answer, before)


def test_a_stale_letter(channel, refund):
    before = everything()
    refused(channel, "stale", channel.tell(refund, **channel.stale), before)


def test_a_letter_for_another_account(channel, refund):
    before = everything()
    refused(channel, "other_account", channel.tell(refund, **channel.other_account), before)


def test_a_letter_about_another_payment(channel, refund):
    before = everything()
    refused(channel, "other_subject", channel.tell(refund, **channel.other_trade), before)


def test_a_letter_with_another_amount(channel, refund):
    before = everything()
    refused(channel, "wrong_amount", channel.tell(refund, **channel.other_amount), before)


def test_a_number_that_nobody_here_knows(channel, refund):
    before = everything()
    refund.refund_no = "RF-UNKNOWN"
    refused(channel, "unknown_number", channel.tell(refund), before)


def test_a_refund_of_another_channel(channel, refund, saga):
    """Its number is ours, and this channel has nothing to say about it."""
    others = send(saga, "sandbox")
    before = everything()
    refused(channel, "unknown_number", channel.tell(others), before)


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff\xfe", b"a=1&a=2", b"[" * 50_000, b"\x00"])
def test_garbage(channel, refund, body):
    before = everything()
    answer = channel.post(body, {"Wechatpay-Signature": "\xff", "Wechatpay-Timestamp": "²"})
    assert answer == channel.no
    assert [taken for taken, _reason in rows()] == [False]
    assert everything() == before


def test_a_body_that_is_too_large_is_not_read(channel, refund):
    before = everything()
    refused(channel, "too_large", channel.post(b"x" * (book.BODY_LIMIT + 1), {}), before)
    assert Callback.objects.get().size == book.BODY_LIMIT + 1


def test_a_desk_without_the_account(channel, refund, settings):
    settings.ALIPAY_APP_ID = settings.WECHATPAY_MCH_ID = ""
    before = everything()
    refused(channel, "not_configured", channel.tell(refund), before)


def test_news_of_a_payment_is_taken_and_means_nothing_here(channel, refund):
    nothing = {"out_biz_no": "", "refund_fee": "", "gmt_refund": ""}
    before = everything()
    if channel.code == "alipay":
        assert channel.tell(refund, **nothing) == channel.yes
        assert rows() == []
    assert everything() == before


def test_doors_without_a_house():
    for code in ("sandbox", "shop", "offline", "nobody"):
        assert Client().post(f"/callbacks/channels/{code}/").status_code == 404
    assert Client().get("/callbacks/channels/alipay/").status_code == 405
    assert rows() == []


def test_a_sender_behind_a_proxy_and_one_that_lies(channel, refund, monkeypatch):
    body, headers = channel.write(refund)
    monkeypatch.setattr("rest_framework.throttling.api_settings.NUM_PROXIES", 1)
    for sent in ("6.6.6.6, 203.0.113.9", "nonsense"):
        channel.post(body + b"x", {**headers, "X-Forwarded-For": sent})
    assert list(Callback.objects.order_by("pk").values_list("sender", flat=True)) == [
        "203.0.113.9", None,
    ]  # fmt: skip


def test_a_flood_fills_no_table(channel, refund, monkeypatch):
    monkeypatch.setattr(book, "REFUSALS_AN_HOUR", 3)
    for number in range(6):
        assert channel.post(b"x%d" % number, {}) == channel.no
    assert [reason for _taken, reason in rows()][3:] == ["flood"]
    assert channel.tell(refund) == channel.yes, "what is true still comes through"


def test_old_rows_are_forgotten(channel, refund):
    channel.tell(refund)
    channel.post(b"x", {})
    now = datetime.now(UTC)
    assert book.forget_callbacks(now=now + timedelta(days=179)) == 0
    assert book.forget_callbacks(now=now + timedelta(days=181)) == 1
    assert rows() == [(True, "")]
    assert book.forget_callbacks(now=now + timedelta(days=1100)) == 1


class TestOfAlipay:
    @pytest.fixture
    def alipay(self, simulator: Simulator) -> Alipay:
        return Alipay(simulator)

    def test_the_sum_of_two_refunds_is_no_amount_of_one(self, alipay, saga):
        """refund_fee says all that went back of the trade."""
        refund = send(saga, "alipay", 1000)
        assert alipay.tell(refund, refund_fee="30.00") == alipay.yes
        assert saga.money(refund) == (1000, 0)

    @pytest.mark.parametrize("refund_fee", ["9.99", "98.01"])
    def test_a_sum_that_cannot_be(self, alipay, saga, refund_fee):
        refund = send(saga, "alipay", 1000)
        before = everything()
        refused(alipay, "wrong_amount", alipay.tell(refund, refund_fee=refund_fee), before)

    def test_another_seller_of_the_same_app(self, alipay, saga, settings):
        settings.ALIPAY_SELLER_ID = "2088000000000009"
        refund = send(saga, "alipay")
        before = everything()
        answer = alipay.tell(refund, seller_id="2088000000000001")
        refused(alipay, "other_account", answer, before)
        assert alipay.tell(refund, seller_id="2088000000000009") == alipay.yes

    def test_what_no_database_takes_is_replaced(self, alipay, saga):
        refund = send(saga, "alipay")
        assert alipay.tell(refund, notify_id="N\x00" + "é" * 200, msg="\x00") == alipay.no
        # NUL cannot be signed here as it is read there: the letter counts as changed.
        assert rows() == [(False, "bad_signature")]
        assert alipay.tell(refund, notify_id="N" * 300) == alipay.yes
        assert len(Callback.objects.get(taken=True).notice_id) == 64


class TestOfWechatPay:
    @pytest.fixture
    def wechatpay(self, simulator: Simulator) -> WechatPay:
        return WechatPay(simulator)

    @pytest.mark.parametrize("status", ["CLOSED", "ABNORMAL", "SOMETHING_NEW"])
    def test_what_is_no_success_has_the_channel_asked(self, wechatpay, saga, status):
        """A later word may have overtaken it: only the query's answer counts."""
        refund = send(saga, "wechatpay")
        Refund.objects.filter(pk=refund.pk).update(next_attempt_at=saga.now + timedelta(days=90))
        assert wechatpay.tell(refund, status=status) == wechatpay.yes
        after = saga.refund(refund)
        assert (after.state, after.number_closed) == ("unknown", False)
        assert after.next_attempt_at < saga.now + timedelta(days=80)
        assert saga.money(refund) == (0, 9800)

    def test_older_news_after_the_success(self, wechatpay, saga):
        refund = send(saga, "wechatpay")
        wechatpay.tell(refund)
        assert wechatpay.tell(refund, notify_id="N2", status="ABNORMAL") == wechatpay.yes
        assert saga.refund(refund).state == "succeeded"
        assert saga.money(refund) == (9800, 0)

    def test_success_into_the_merchants_own_account_is_none(self, wechatpay, saga):
        refund = send(saga, "wechatpay")
        account = {"user_received_account": "商户结算银行账户"}
        assert wechatpay.tell(refund, **account) == wechatpay.yes
        assert saga.refund(refund).state == "unknown"

    def test_a_letter_sealed_with_another_key(self, wechatpay, saga):
        refund = send(saga, "wechatpay")
        before = everything()
        answer = wechatpay.tell(refund, wechatpay_apiv3_key="0" * 32)
        refused(wechatpay, "other_account", answer, before)


@pytest.mark.django_db(transaction=True)
class TestFromTheSimulator:
    """The whole way: we ask, the channel pays and writes to us by itself."""

    def settled(self, simulator: Simulator, saga: Saga, refund: Refund) -> None:
        def is_settled() -> bool:
            return saga.refund(refund).state == "succeeded"

        simulator.wait_for(is_settled, within=30)
        simulator.wait_for(lambda: Callback.objects.filter(taken=True).exists(), within=30)
        assert [amount for _target, amount in simulator.effects(refund.refund_no)] == [9800]
        assert saga.money(refund) == (9800, 0)

    def plan(self, code: str, saga: Saga, tell: Callable[..., None]) -> Refund:
        order = make_order(paid=[])
        payment = make_payment(order, 9800, channel=code, channel_trade_no=uuid.uuid4().hex[:28])
        tell(payment.channel_trade_no, 9800, channel=code)
        return saga.plan(order)

    @pytest.mark.parametrize("mode", ["", "duplicate_notify", "out_of_order_notify"])
    def test_wechat_pay(self, simulator, saga, live_server, settings, mode):
        settings.SITE_URL = live_server.url
        simulator.wechatpay_plan("SUCCESS", after_s=0.2)
        simulator.wechatpay_rules(notify_scale=0.01)
        if mode:
            simulator.fault("wechatpay.refund", mode)
        refund = self.plan("wechatpay", saga, simulator.trade)
        execute_refund(refund_id=refund.pk, clock=lambda: saga.now)
        self.settled(simulator, saga, refund)
        if mode:
            simulator.wait_for(lambda: Callback.objects.count() == 2, within=30)
            assert saga.money(refund) == (9800, 0)

    def test_alipay_whose_answer_got_lost(self, simulator, saga, live_server):
        address = f"{live_server.url}/callbacks/channels/alipay/"

        def tell(trade_no: str, amount_fen: int, **more: Any) -> None:
            simulator.trade(trade_no, amount_fen, notify_url=address, **more)

        refund = self.plan("alipay", saga, tell)
        simulator.fault("alipay.refund", "http_500_after_effect")
        execute_refund(refund_id=refund.pk, clock=lambda: saga.now)
        self.settled(simulator, saga, refund)
