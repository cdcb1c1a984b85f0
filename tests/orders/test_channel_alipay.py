"""Giving money back through Alipay: what the desk concludes from each answer."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

import httpx
import pytest
from django.core import checks

from orders.channels import alipay, alipay_wire, find_notifying_channel, get_channel, has_channel
from orders.channels.alipay_wire import Said
from orders.channels.base import (
    ChannelAnswer,
    ChannelError,
    ChannelNotConfigured,
    NoticeRefused,
    Outcome,
    TradeRef,
    TradeState,
)
from orders.checks import check_alipay
from orders.wire import Answer
from simulator import rsa
from tests.simulator_fixture import Simulator

BEIJING = ZoneInfo("Asia/Shanghai")
HAN_MEI = TradeRef(channel_trade_no="A-HAN-MEI", merchant_trade_no="M-HAN-MEI")
SUCCESS = {"code": "10000", "msg": "Success", "trade_no": "A-HAN-MEI"}


@pytest.fixture(autouse=True)
def _han_mei_paid_fifty_yuan(simulator: Simulator) -> None:
    simulator.trade(
        "A-HAN-MEI",
        5000,
        channel="alipay",
        merchant_trade_no="M-HAN-MEI",
        paid_at="2026-11-24T10:00:00+08:00",
    )


def refund(refund_no: str = "RF1", amount_fen: int = 5000, **more: Any) -> ChannelAnswer:
    facts = {"trade": HAN_MEI, "total_fen": 5000, "reason": "充值不到账", "timeout": 5.0, **more}
    return alipay.request(refund_no=refund_no, amount_fen=amount_fen, **facts)


def query(refund_no: str = "RF1") -> ChannelAnswer:
    return alipay.query(refund_no=refund_no, trade=HAN_MEI)


def test_han_mei_gets_her_money_back(simulator):
    answer = refund()
    assert (answer.outcome, answer.retryable, answer.code) == (Outcome.SUCCEEDED, False, "SUCCESS")
    assert answer.request_id
    assert simulator.effects("RF1") == [("alipay.refund", 5000)]
    asked = query()
    assert (asked.outcome, asked.amount_fen) == (Outcome.SUCCEEDED, 5000)
    assert asked.raw["gmt_refund_pay"]


def test_the_same_number_again_pays_once_and_only_the_query_says_so(simulator):
    refund()
    again = refund()
    assert (again.outcome, again.code) == (Outcome.ACCEPTED, "FUND_CHANGE_N")
    assert query().outcome == Outcome.SUCCEEDED
    assert simulator.effects() == [("alipay.refund", 5000)]


def test_eight_workers_with_one_number_pay_once(simulator):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: refund(amount_fen=3000), range(8)))
    assert sorted(answer.outcome for answer in answers) == [Outcome.ACCEPTED] * 7 + ["succeeded"]
    assert simulator.effects() == [("alipay.refund", 3000)]


def test_a_second_part_is_not_taken_for_the_sum(simulator):
    refund("RF1", 2000)
    too_soon = refund("RF2", 1000)
    assert (too_soon.outcome, too_soon.retryable) == (Outcome.UNKNOWN, True)
    answer = simulator.wait_for(
        lambda: next((a for a in [refund("RF2", 1000)] if a.outcome == Outcome.SUCCEEDED), None)
    )
    assert answer.raw["refund_fee"] == "30.00"
    assert (answer.amount_fen, query("RF2").amount_fen) == (None, 1000)


def test_the_merchants_number_finds_the_payment_too(simulator):
    ours = TradeRef(merchant_trade_no="M-HAN-MEI")
    assert refund(trade=ours).outcome == Outcome.SUCCEEDED
    assert alipay.query(refund_no="RF1", trade=ours).outcome == Outcome.SUCCEEDED
    assert simulator.ledger()["effects"][0]["trade_no"] == "A-HAN-MEI"


def test_the_same_number_with_another_amount_brings_the_real_one(simulator):
    refund(amount_fen=2000)
    answer = refund(amount_fen=1000)
    assert (answer.outcome, answer.amount_fen) == (Outcome.SUCCEEDED, 2000)
    assert simulator.effects() == [("alipay.refund", 2000)]


def test_a_trade_that_somebody_else_closed_is_a_rejection(simulator):
    refund("BY-THE-SHOP")
    answer = refund("RF1", 1000)
    assert (answer.outcome, answer.retryable) == (Outcome.REJECTED, False)
    assert answer.code == "ACQ.TRADE_HAS_CLOSE"


def test_a_trade_that_this_very_refund_closed_is_a_success(simulator):
    refund()
    simulator.fault("alipay.refund", "reject:ACQ.TRADE_HAS_CLOSE")
    assert refund().outcome == Outcome.SUCCEEDED


def test_a_closed_trade_whose_query_fails_is_uncertain(simulator):
    simulator.fault("alipay.refund", "reject:ACQ.TRADE_HAS_CLOSE")
    simulator.fault("alipay.query", "http_500")
    answer = refund()
    assert (answer.outcome, answer.retryable) == (Outcome.UNKNOWN, True)


#: domain notes 2.2, row by row, and what they do not name.
TABLE = [
    ("20000", Outcome.UNKNOWN, True),
    ("isp.unknow-error", Outcome.UNKNOWN, True),
    ("aop.unknow-error", Outcome.UNKNOWN, True),
    ("40005", Outcome.REJECTED, True),
    ("ACQ.SYSTEM_ERROR", Outcome.UNKNOWN, True),
    ("AQC.SYSTEM_ERROR", Outcome.UNKNOWN, True),
    ("ACQ.DISCORDANT_REPEAT_REQUEST", Outcome.UNKNOWN, False),
    ("ACQ.REFUND_CHARGE_ERROR", Outcome.UNKNOWN, True),
    ("ACQ.SELLER_BALANCE_NOT_ENOUGH", Outcome.REJECTED, True),
    ("ACQ.TRADE_HAS_FINISHED", Outcome.REJECTED, False),
    ("ACQ.TRADE_HAS_CLOSE", Outcome.REJECTED, False),
    ("ACQ.TRADE_NOT_EXIST", Outcome.REJECTED, False),
    ("ACQ.INVALID_PARAMETER", Outcome.REJECTED, False),
    ("ACQ.REASON_TRADE_REFUND_FEE_ERR", Outcome.REJECTED, False),
    ("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", Outcome.REJECTED, False),
    ("ACQ.REFUND_FEE_ERROR", Outcome.REJECTED, False),
    ("ACQ.TRADE_STATUS_ERROR", Outcome.REJECTED, False),
    ("ACQ.NOT_ALLOW_PARTIAL_REFUND", Outcome.REJECTED, False),
    ("ACQ.BUYER_NOT_EXIST", Outcome.REJECTED, False),
    ("ACQ.BUYER_ERROR", Outcome.REJECTED, False),
    ("ACQ.BUYER_ENABLE_STATUS_FORBID", Outcome.REJECTED, False),
    ("ACQ.CUSTOMER_VALIDATE_ERROR", Outcome.REJECTED, False),
    ("ACQ.REASON_TRADE_BEEN_FREEZEN", Outcome.REJECTED, False),
    ("ACQ.USER_NOT_MATCH_ERR", Outcome.REJECTED, False),
    ("ACQ.SOMETHING_NEW", Outcome.UNKNOWN, False),
    # Nothing is known of the money, and a repair of the settings ends it.
    ("isv.invalid-app-id", Outcome.UNKNOWN, True),
    ("isv.missing-app-id", Outcome.UNKNOWN, True),
    ("isv.invalid-signature", Outcome.UNKNOWN, True),
    ("isv.invalid-signature-type", Outcome.UNKNOWN, True),
    ("isv.missing-signature", Outcome.UNKNOWN, True),
    ("isv.missing-signature-key", Outcome.UNKNOWN, True),
    ("isv.missing-signature-config", Outcome.UNKNOWN, True),
    ("isv.invalid-timestamp", Outcome.UNKNOWN, True),
    ("isv.app-cert-sn-is-invalid", Outcome.UNKNOWN, True),
    ("40006", Outcome.UNKNOWN, True),
]


@pytest.mark.parametrize(("code", "outcome", "retryable"), TABLE)
def test_what_a_refusal_means(simulator, code, outcome, retryable):
    simulator.fault("alipay.refund", f"reject:{code}")
    answer = refund()
    assert (answer.outcome, answer.retryable) == (outcome, retryable)
    # A bare gateway code comes with a sub_code of its own.
    assert answer.code == code or code.isdecimal()
    assert simulator.effects() == []


def test_every_code_of_the_table_has_a_row_here():
    assert set(alipay.REFUND_CODES) <= {code for code, _outcome, _retryable in TABLE}
    assert set(alipay.GATEWAY_CODES) <= {code for code, _outcome, _retryable in TABLE}


@pytest.mark.parametrize(
    ("mode", "paid"),
    [
        ("timeout_before_effect", False),
        ("timeout_after_effect", True),
        ("http_500", False),
        ("http_500_after_effect", True),
    ],
)
def test_no_answer_is_unknown_and_the_query_tells(simulator, mode, paid):
    simulator.fault("alipay.refund", mode, seconds=20)
    with pytest.raises(ChannelError) as caught:
        refund(timeout=0.3)
    assert (caught.value.outcome, caught.value.retryable) == (Outcome.UNKNOWN, True)
    answer = query()
    assert answer.outcome == (Outcome.SUCCEEDED if paid else Outcome.NOT_FOUND)
    assert answer.retryable is (not paid)
    assert refund().outcome == (Outcome.ACCEPTED if paid else Outcome.SUCCEEDED)
    assert simulator.effects() == [("alipay.refund", 5000)]


def test_a_late_refund_is_accepted_then_not_found_then_done(simulator):
    """Why nothing is concluded from a query within ten seconds."""
    simulator.fault("alipay.refund", "late_notify", seconds=2)
    assert refund().outcome == Outcome.ACCEPTED
    assert query().outcome == Outcome.NOT_FOUND
    assert alipay.CAPABILITIES.min_query_wait == timedelta(seconds=10)
    simulator.wait_for(lambda: query().outcome == Outcome.SUCCEEDED, within=30)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("ACQ.TRADE_NOT_EXIST", Outcome.NOT_FOUND),
        ("ACQ.SYSTEM_ERROR", Outcome.UNKNOWN),
        ("ACQ.INVALID_PARAMETER", Outcome.UNKNOWN),
        ("40005", Outcome.UNKNOWN),
        ("20000", Outcome.UNKNOWN),
    ],
)
def test_a_question_that_is_refused_is_no_refusal_of_the_refund(simulator, code, outcome):
    refund()
    simulator.fault("alipay.query", f"reject:{code}")
    answer = query()
    assert (answer.outcome, answer.retryable) == (outcome, True)


@pytest.mark.parametrize(
    ("node", "outcome", "retryable"),
    [
        # Another trade's answer, or one that names none.
        (
            {**SUCCESS, "trade_no": "A9", "fund_change": "Y", "refund_fee": "50.00"},
            "unknown",
            False,
        ),
        ({"code": "10000", "fund_change": "Y", "refund_fee": "50.00"}, "unknown", False),
        # The request went through; the money is not said to have moved.
        (SUCCESS, "accepted", False),
        ({**SUCCESS, "fund_change": "N", "refund_fee": "50.00"}, "accepted", False),
        ({**SUCCESS, "fund_change": "Y"}, "accepted", False),
        ({**SUCCESS, "fund_change": "Y", "refund_fee": "49.99"}, "accepted", False),
        ({**SUCCESS, "fund_change": "Y", "refund_fee": 50.0}, "accepted", False),
        ({**SUCCESS, "fund_change": "Y", "refund_fee": "50.00"}, "succeeded", False),
        ({**SUCCESS, "fund_change": "Y", "refund_fee": "80.5"}, "succeeded", False),
        ({}, "unknown", False),
        ({"code": 10000}, "unknown", False),
    ],
)
def test_what_counts_as_paid(node, outcome, retryable):
    answer = alipay.read_refund(Said(node), trade=HAN_MEI, amount_fen=5000)
    assert (answer.outcome, answer.retryable) == (outcome, retryable)


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({}, "not_found"),
        ({"out_request_no": "RF1", "refund_status": "REFUND_SUCCESS"}, "unknown"),
        ({"out_request_no": "RF1", "refund_amount": "20.00"}, "succeeded"),
        ({"out_request_no": "RF2", "refund_amount": "20.00"}, "unknown"),
        (
            {"out_request_no": "RF1", "refund_amount": "20", "refund_status": "REFUND_FAIL"},
            "unknown",
        ),
        ({"out_request_no": "RF1", "refund_amount": "20", "trade_no": "A9"}, "unknown"),
    ],
)
def test_what_a_query_proves(fields, outcome):
    answer = alipay.read_query(Said(SUCCESS | fields), refund_no="RF1", trade=HAN_MEI)
    assert answer.outcome == outcome
    assert answer.amount_fen == (2000 if outcome == "succeeded" else None)


@pytest.mark.parametrize(
    ("fields", "state", "refunded_fen"),
    [
        ({"trade_status": "TRADE_SUCCESS"}, TradeState.PAID, 0),
        ({"trade_status": "TRADE_FINISHED"}, TradeState.PAID, 0),
        ({"trade_status": "TRADE_CLOSED"}, TradeState.PAID, 5000),
        ({"trade_status": "TRADE_CLOSED", "send_pay_date": ""}, TradeState.UNPAID, 0),
        ({"trade_status": "WAIT_BUYER_PAY", "send_pay_date": ""}, TradeState.UNPAID, 0),
        ({"trade_status": "TRADE_PENDING"}, TradeState.UNKNOWN, 0),
        ({"trade_status": "TRADE_SUCCESS", "total_amount": "x"}, TradeState.UNKNOWN, 0),
        ({"code": "40004", "sub_code": "ACQ.TRADE_NOT_EXIST"}, TradeState.NOT_FOUND, 0),
        ({"code": "40004", "sub_code": "ACQ.SYSTEM_ERROR"}, TradeState.UNKNOWN, 0),
    ],
)
def test_what_a_trade_query_says(fields, state, refunded_fen):
    node = {**SUCCESS, "total_amount": "50.00", "send_pay_date": "2026-11-24 10:00:00"} | fields
    answer = alipay.read_trade(Said(node))
    assert (answer.state, answer.refunded_fen) == (state, refunded_fen)
    assert answer.paid_fen == (5000 if state == TradeState.PAID else 0)


def test_a_payment_at_alipay_and_one_that_nobody_made(simulator):
    trade = alipay.query_trade(trade=HAN_MEI)
    assert (trade.state, trade.paid_fen, trade.refunded_fen) == (TradeState.PAID, 5000, 0)
    assert trade.paid_at == datetime(2026, 11, 24, 2, tzinfo=UTC)
    nobody = alipay.query_trade(trade=TradeRef(channel_trade_no="A-NOBODY"))
    assert nobody.state == TradeState.NOT_FOUND
    refund()
    assert alipay.query_trade(trade=HAN_MEI).refunded_fen == 5000


def test_past_the_window_the_channel_says_so_for_good(simulator):
    paid_at = datetime.now(UTC) - timedelta(days=366)
    simulator.trade("A-OLD", 5000, channel="alipay", paid_at=paid_at.isoformat())
    answer = refund(trade=TradeRef(channel_trade_no="A-OLD"))
    assert (answer.outcome, answer.code) == (Outcome.REJECTED, "ACQ.TRADE_HAS_FINISHED")
    assert not alipay.CAPABILITIES.can_refund(paid_at=paid_at, now=datetime.now(UTC))


def test_what_is_kept_names_no_buyer(simulator):
    for raw in (refund().raw, query().raw, dict(alipay.query_trade(trade=HAN_MEI).raw)):
        assert json.loads(json.dumps(raw)) == raw
        assert not [name for name in raw if name.startswith("buyer") or name == "sign"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"alipay_trade_refund_response":{"code":"10000"},"sign":"AAAA"}', 200, "BAD_SIGNATURE"),
        (b'{"alipay_trade_refund_response":{"code":"10000"}}', 200, "BAD_SIGNATURE"),
        (b'{"alipay_trade_refund_response":"x","sign":"AAAA"}', 200, "BAD_SIGNATURE"),
        (b"[]", 200, "BAD_SIGNATURE"),
        (b"\xff", 200, "BAD_SIGNATURE"),
        (b"<h1>Bad Gateway</h1>", 502, "HTTP_502"),
    ],
)
def test_whatever_is_not_signed_by_alipay_is_unknown(body, status, code):
    with pytest.raises(ChannelError) as caught:
        alipay_wire.open_answer(
            alipay_wire.get_account(), "alipay.trade.refund", Answer(status, {}, body)
        )
    assert (caught.value.outcome, caught.value.code) == (Outcome.UNKNOWN, code)


def test_an_app_that_alipay_does_not_know_is_told_in_the_message(simulator, settings):
    settings.ALIPAY_APP_ID = "2099"
    answer = refund()
    assert (answer.outcome, answer.retryable) == (Outcome.UNKNOWN, True)
    assert answer.code == "isv.invalid-app-id"


def test_our_wrong_key_moves_nothing_and_is_no_rejection(simulator, settings):
    settings.ALIPAY_PRIVATE_KEY = simulator.secrets["alipay_private_key"]
    answer = refund()
    assert (answer.outcome, answer.code) == (Outcome.UNKNOWN, "isv.invalid-signature")
    assert simulator.effects() == []


def test_time_is_beijings_wherever_the_machine_is(simulator, monkeypatch):
    """A desk on a UTC machine: the gateway turns away a stamp that is eight hours off."""
    monkeypatch.setenv("TZ", "America/New_York")
    assert refund().outcome == Outcome.SUCCEEDED


def test_keys_as_bare_base64_and_with_written_out_newlines(simulator, settings):
    for name in ("ALIPAY_PRIVATE_KEY", "ALIPAY_PUBLIC_KEY"):
        pem = getattr(settings, name)
        setattr(settings, name, "".join(pem.splitlines()[1:-1]))
    assert refund().outcome == Outcome.SUCCEEDED
    settings.ALIPAY_PRIVATE_KEY = simulator.secrets["alipay_app_private_key"].replace("\n", "\\n")
    assert query().outcome == Outcome.SUCCEEDED


def test_in_a_demo_the_simulators_files_say_where_it_is(simulator, settings, tmp_path: Path):
    settings.ALIPAY_APP_ID = settings.ALIPAY_PRIVATE_KEY = settings.ALIPAY_PUBLIC_KEY = ""
    settings.HELPDESK_DATA, settings.DEMO = simulator.data, True
    assert has_channel("alipay")
    assert refund().outcome == Outcome.SUCCEEDED
    settings.HELPDESK_DATA = tmp_path
    with pytest.raises(ChannelError) as caught:
        refund()
    assert caught.value.retryable


@pytest.mark.parametrize("missing", ["ALIPAY_APP_ID", "ALIPAY_PRIVATE_KEY", "ALIPAY_PUBLIC_KEY"])
def test_a_half_configured_channel_is_not_connected_and_said(simulator, settings, missing):
    setattr(settings, missing, "")
    assert not has_channel("alipay")
    assert [found.id for found in check_alipay()] == ["orders.E001"]
    assert missing in check_alipay()[0].msg
    with pytest.raises(ChannelNotConfigured) as caught:
        refund()
    assert (caught.value.outcome, caught.value.retryable) == (Outcome.UNKNOWN, False)


def test_what_the_system_check_finds(simulator, settings):
    def found(**changes: Any) -> list[str | None]:
        before = {name: getattr(settings, name) for name in changes}
        for name, value in changes.items():
            setattr(settings, name, value)
        messages: list[checks.CheckMessage] = check_alipay()
        for name, value in before.items():
            setattr(settings, name, value)
        return [message.id for message in messages]

    assert found() == []
    assert found(ALIPAY_PRIVATE_KEY="no key") == ["orders.E002"]
    assert found(ALIPAY_PRIVATE_KEY=simulator.secrets["alipay_public_key"]) == ["orders.E002"]
    assert found(ALIPAY_PUBLIC_KEY="QUJD") == ["orders.E003"]
    assert found(ALIPAY_PUBLIC_KEY=simulator.secrets["alipay_app_public_key"]) == ["orders.E004"]
    assert found(ALIPAY_GATEWAY_URL="http://openapi.alipay.com/gateway.do") == ["orders.E005"]
    assert found(ALIPAY_GATEWAY_URL="") == []
    assert found(ALIPAY_REFUND_WINDOW=timedelta(0)) == ["orders.E006"]
    assert found(ALIPAY_REFUND_WINDOW=timedelta(days=400)) == ["orders.W001"]


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("0.01", 1), ("12.3", 1230), ("12.30", 1230), ("12", 1200), ("0.00", 0),
        ("12.345", None), ("-1.00", None), ("1e3", None), ("1,000.00", None), ("", None),
        (12.3, None), (None, None), ("１.００", None), ("12.", 1200), (" 1.00", None),
    ],
)  # fmt: skip
def test_yuan_are_read_without_a_float(text, fen):
    assert alipay_wire.yuan_to_fen(text) == fen


def test_fen_are_written_as_yuan():
    assert [alipay_wire.fen_to_yuan(fen) for fen in (1, 10, 1230, 100_000)] == [
        "0.01", "0.10", "12.30", "1000.00",
    ]  # fmt: skip


# --- The notify -------------------------------------------------------------------------------

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
Notify = Callable[..., bytes]


@pytest.fixture
def notify(simulator) -> Notify:
    """Writes a notify as Alipay would, of a refund of 20 yuan; `unsigned` is put in afterwards."""

    def write(unsigned: dict[str, str] | None = None, **changes: str) -> bytes:
        params = {
            "app_id": simulator.secrets["alipay_app_id"],
            "charset": "utf-8",
            "notify_id": "N1",
            "notify_time": "2026-11-24 18:00:00",
            "notify_type": "trade_status_sync",
            "trade_no": "A-HAN-MEI",
            "out_trade_no": "M-HAN-MEI",
            "out_biz_no": "RF1",
            "trade_status": "TRADE_SUCCESS",
            "total_amount": "50.00",
            "refund_fee": "20.00",
            "gmt_refund": "2026-11-24 17:59:58.123",
            "subject": "移动话费 & 100%+",
            "buyer_logon_id": "138****0000",
        } | changes
        text = "&".join(f"{k}={v}" for k, v in sorted(params.items()))
        params["sign"] = rsa.sign(simulator.secrets["alipay_private_key"], text.encode())
        return urlencode({**params, "sign_type": "RSA2"} | (unsigned or {})).encode()

    return write


def parse(body: bytes, now: datetime = NOW) -> Any:
    return alipay.parse_notify(body=body, headers={}, now=now)


def refused(body: bytes, now: datetime = NOW) -> str:
    with pytest.raises(NoticeRefused) as caught:
        parse(body, now)
    return caught.value.reason


def test_news_of_a_refund(notify):
    notice = parse(notify())
    assert (notice.notice_id, notice.refund_no, notice.outcome) == ("N1", "RF1", "succeeded")
    assert notice.trade == HAN_MEI
    assert notice.amount_fen is None, "refund_fee is the sum of all refunds"
    assert notice.at == datetime(2026, 11, 24, 17, 59, 58, tzinfo=BEIJING)
    assert notice.code == "TRADE_SUCCESS"
    assert "buyer_logon_id" not in notice.raw


def test_the_payments_own_news_is_none_of_a_refund(notify):
    notice = parse(notify(refund_fee="", gmt_refund="", out_biz_no=""))
    assert (notice.refund_no, notice.outcome) == ("", "unknown")


@pytest.mark.parametrize(
    "unsigned",
    [
        {"refund_fee": "50.00"}, {"app_id": "2099"}, {"sign": ""}, {"sign": "AAAA"},
        {"sign_type": "RSA"}, {"extra": "1"}, {"notify_time": "2026-11-24 18:00:01"},
    ],
)  # fmt: skip
def test_tampered_news_is_refused(notify, unsigned):
    assert refused(notify(unsigned)) == "bad_signature"


def test_news_signed_with_somebody_elses_key(notify, settings):
    body = notify()
    settings.ALIPAY_PUBLIC_KEY = rsa.make_pair()[1]
    assert refused(body) == "bad_signature"


def test_anothers_news_with_a_good_signature(notify):
    assert refused(notify(app_id="2021000000000000")) == "other_account"


@pytest.mark.parametrize(
    ("sent_at", "taken"),
    [
        ("2026-11-23 17:00:00", True),
        ("2026-11-23 16:59:59", False),
        ("2026-11-24 18:05:00", True),
        ("2026-11-24 18:05:01", False),
        ("yesterday", False),
    ],
)
def test_news_is_good_for_a_day_and_an_hour(notify, sent_at, taken):
    body = notify(notify_time=sent_at)
    if taken:
        assert parse(body).refund_no == "RF1"
    else:
        assert refused(body) == "stale"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"\xff\xfe", b"a=%ff", b"a=1&a=2", b"a",
        b"&".join(b"k%d=1" % number for number in range(101)), b"charset=GBK",
    ],
)  # fmt: skip
def test_what_is_no_form_is_unreadable(body):
    assert refused(body) == "unreadable"


@pytest.mark.parametrize("changes", [{"notify_id": ""}, {"trade_no": "", "out_trade_no": ""}])
def test_news_without_an_id_or_a_trade(notify, changes):
    assert refused(notify(**changes)) == "unreadable"


def test_without_an_account_no_news_is_taken(notify, settings):
    body = notify()
    settings.ALIPAY_PUBLIC_KEY = ""
    assert refused(body) == "not_configured"


def test_what_alipay_wants_to_hear():
    assert alipay.answer_notify(taken=True).body == b"success"
    assert alipay.answer_notify(taken=False).body != b"success"
    assert find_notifying_channel("alipay") is get_channel("alipay")
    assert find_notifying_channel("offline") is None


def test_the_simulators_own_request_is_what_our_side_sends(simulator, monkeypatch):
    """charset has to stand in the address, or the gateway reads the body as GBK."""
    sent: list[httpx.Request] = []
    real = httpx.Client.send
    monkeypatch.setattr(
        httpx.Client,
        "send",
        lambda self, request, **kw: sent.append(request) or real(self, request, **kw),
    )
    refund()
    assert sent[0].url.params["charset"] == "utf-8"
    assert json.loads(dict(parse_qsl(sent[0].content.decode()))["biz_content"]) == {
        "trade_no": "A-HAN-MEI",
        "out_request_no": "RF1",
        "refund_amount": "50.00",
        "refund_reason": "充值不到账",
    }
