"""News from WeChat Pay: which notifies the desk believes, and what it reads in them."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from orders.channels import wechatpay
from orders.channels.base import ChannelAnswer, NoticeRefused, Outcome, TradeRef
from simulator.wechatpay_keys import WechatpayKeys
from tests.listener import Letter, Listener
from tests.simulator_fixture import Simulator

WANG_WEI = TradeRef(channel_trade_no="4200001", merchant_trade_no="M-WANG")
PAID = "wechatpay.refund"


@pytest.fixture(autouse=True)
def _wang_wei_paid_a_hundred_yuan(simulator: Simulator) -> None:
    simulator.trade("4200001", 10000, channel="wechatpay", merchant_trade_no="M-WANG")
    simulator.wechatpay_plan("SUCCESS")


def refund(refund_no: str = "RF1", amount_fen: int = 10000) -> ChannelAnswer:
    facts = {"trade": WANG_WEI, "total_fen": 10000, "reason": "充值不到账"}
    return wechatpay.request(refund_no=refund_no, amount_fen=amount_fen, **facts)


def query() -> ChannelAnswer:
    return wechatpay.query(refund_no="RF1", trade=WANG_WEI)


@pytest.fixture
def listener(settings: Any):
    with Listener() as ears:
        settings.WECHATPAY_NOTIFY_URL = f"{ears.url}/callbacks/channels/wechatpay/"
        yield ears


def read(letter: Letter, now: datetime | None = None, **changes: str) -> Any:
    headers = httpx.Headers({**letter.headers, **changes})
    now = now or datetime.now(UTC)
    return wechatpay.parse_notify(body=letter.body, headers=headers, now=now)


def test_a_notify_tells_what_became_of_the_refund(simulator, listener):
    answer = refund("RF1", 3000)
    letter = listener.wait()
    notice = read(letter)
    assert (notice.refund_no, notice.outcome, notice.amount_fen) == ("RF1", Outcome.SUCCEEDED, 3000)
    assert notice.trade == WANG_WEI
    assert (notice.code, notice.raw["refund_id"]) == ("SUCCESS", answer.channel_refund_no)
    assert notice.notice_id.startswith("N")
    assert notice.at is not None
    assert "user_received_account" not in notice.raw
    simulator.wait_for(lambda: ("wechatpay.notify", "delivered") in simulator.calls("RF1"))


@pytest.mark.parametrize(
    ("status", "outcome"), [("CLOSED", Outcome.REJECTED), ("ABNORMAL", Outcome.UNKNOWN)]
)
def test_a_notify_of_what_went_wrong(simulator, listener, status, outcome):
    simulator.wechatpay_plan(status, "RF1")
    refund()
    notice = read(listener.wait())
    assert (notice.outcome, notice.code) == (outcome, status)


def test_it_is_repeated_with_the_same_id_and_a_new_signature_until_it_is_taken(simulator, listener):
    simulator.wechatpay_rules(notify_scale=0.01)
    listener.status = 500
    refund()
    first = listener.wait()
    again = listener.wait()
    listener.status = 204
    last = listener.wait()
    assert len({read(letter).notice_id for letter in (first, again, last)}) == 1
    assert len({letter.headers["wechatpay-signature"] for letter in (first, again, last)}) == 3
    simulator.wait_for(lambda: simulator.calls("RF1")[-1] == ("wechatpay.notify", "delivered"))


def test_twice_with_one_id(simulator, listener):
    simulator.fault("wechatpay.refund", "duplicate_notify")
    refund()
    first, second = listener.wait(), listener.wait()
    assert read(first).notice_id == read(second).notice_id
    assert simulator.effects() == [(PAID, 10000)]


def test_older_news_after_newer(simulator, listener):
    simulator.fault("wechatpay.refund", "out_of_order_notify")
    refund()
    new, old = read(listener.wait()), read(listener.wait())
    assert (new.code, old.code) == ("SUCCESS", "ABNORMAL")
    assert old.at < new.at
    assert query().outcome == Outcome.SUCCEEDED


def test_late_news(simulator, listener):
    simulator.fault("wechatpay.refund", "late_notify", seconds=0.5)
    asked_at = time.monotonic()
    refund()
    assert query().outcome == Outcome.SUCCEEDED, "the query knows before the news comes"
    listener.wait()
    assert time.monotonic() - asked_at >= 0.5


def test_a_changed_body_is_refused(simulator, listener):
    refund()
    letter = listener.wait()
    letter.body = letter.body.replace(b"REFUND.SUCCESS", b"REFUND.CLOSED")
    with pytest.raises(NoticeRefused) as caught:
        read(letter)
    assert caught.value.reason == NoticeRefused.Reason.BAD_SIGNATURE


@pytest.mark.parametrize(
    "changes",
    [
        {"Wechatpay-Signature": "WECHATPAY/SIGNTEST/abcdef"},
        {"Wechatpay-Signature": ""},
        {"Wechatpay-Serial": "PUB_KEY_ID_OTHER"},
        {"Wechatpay-Timestamp": "1700000000"},
        {"Wechatpay-Nonce": "another"},
    ],
)
def test_changed_headers_are_refused(simulator, listener, changes):
    refund()
    with pytest.raises(NoticeRefused) as caught:
        read(listener.wait(), **changes)
    assert caught.value.reason == NoticeRefused.Reason.BAD_SIGNATURE


@pytest.mark.parametrize("shift", [timedelta(minutes=6), timedelta(minutes=-6)])
def test_a_replayed_notify_is_refused(simulator, listener, shift):
    refund()
    letter = listener.wait()
    with pytest.raises(NoticeRefused) as caught:
        read(letter, now=datetime.now(UTC) + shift)
    assert caught.value.reason == NoticeRefused.Reason.STALE
    sent_at = datetime.fromtimestamp(int(letter.headers["wechatpay-timestamp"]), UTC)
    for at_the_edge in (timedelta(minutes=5), timedelta(minutes=-5)):
        read(letter, now=sent_at + at_the_edge)


@pytest.mark.parametrize("name", ["WECHATPAY_APIV3_KEY", "WECHATPAY_MCH_ID"])
def test_another_merchants_notify_is_refused(simulator, listener, settings, name):
    refund()
    letter = listener.wait()
    setattr(settings, name, "0" * 32)
    with pytest.raises(NoticeRefused) as caught:
        read(letter)
    assert caught.value.reason == NoticeRefused.Reason.OTHER_ACCOUNT


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b"[" * 100_000,
        b'{"id": "E1"}',
        b'{"id": "", "resource": {}}',
        b'{"id": "E1", "resource": {"algorithm": "none"}}',
        b'{"id": "E1", "resource": {"algorithm": "AEAD_AES_256_GCM", "ciphertext": ""}}',
        b'{"id": "E1", "resource": {"algorithm": "AEAD_AES_256_GCM", "ciphertext": "\xc3"}}',
    ],
)
def test_a_signed_notify_that_makes_no_sense(simulator, content):
    headers = httpx.Headers(WechatpayKeys(simulator.secrets).sign(content))
    with pytest.raises(NoticeRefused) as caught:
        wechatpay.parse_notify(body=content, headers=headers, now=datetime.now(UTC))
    assert caught.value.reason in (
        NoticeRefused.Reason.UNREADABLE,
        NoticeRefused.Reason.OTHER_ACCOUNT,
    )


def test_news_of_a_payment_is_no_news_of_a_refund(simulator):
    keys = WechatpayKeys(simulator.secrets)
    told = {"mchid": keys.mch_id, "transaction_id": "4200001", "trade_state": "SUCCESS"}
    body = json.dumps(
        {
            "id": "E1",
            "event_type": "TRANSACTION.SUCCESS",
            "resource": keys.seal_json(told, associated_data="transaction"),
        }
    ).encode()
    headers = httpx.Headers(keys.sign(body))
    notice = wechatpay.parse_notify(body=body, headers=headers, now=datetime.now(UTC))
    assert (notice.refund_no, notice.outcome) == ("", Outcome.UNKNOWN)


def test_a_desk_without_wechat_pay_refuses_every_notify(settings, simulator):
    settings.WECHATPAY_MCH_ID = ""
    with pytest.raises(NoticeRefused) as caught:
        wechatpay.parse_notify(body=b"{}", headers=httpx.Headers(), now=datetime.now(UTC))
    assert caught.value.reason == NoticeRefused.Reason.NOT_CONFIGURED


def test_how_a_notify_is_answered():
    assert wechatpay.answer_notify(taken=True).status == 204
    refused = wechatpay.answer_notify(taken=False)
    assert refused.status == 400
    assert json.loads(refused.body)["code"] == "FAIL"
