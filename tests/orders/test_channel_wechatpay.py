"""Giving money back through WeChat Pay: what the desk concludes from each answer."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orders.channels import wechatpay
from orders.channels.base import (
    ChannelAnswer,
    ChannelError,
    Outcome,
    TradeRef,
    TradeState,
)
from orders.channels.wechatpay import BankCard
from orders.channels.wechatpay_wire import Said
from orders.channels.wechatpay_words import read_refund, read_trade
from tests.simulator_fixture import Simulator

WANG_WEI = TradeRef(channel_trade_no="4200001", merchant_trade_no="M-WANG")
PAID = "wechatpay.refund"


@pytest.fixture(autouse=True)
def _wang_wei_paid_a_hundred_yuan(simulator: Simulator) -> None:
    simulator.trade("4200001", 10000, channel="wechatpay", merchant_trade_no="M-WANG")
    simulator.wechatpay_rules(refund_spacing_s=0)
    simulator.wechatpay_plan("SUCCESS")


def refund(refund_no: str = "RF1", amount_fen: int = 10000, **more: Any) -> ChannelAnswer:
    facts = {"trade": WANG_WEI, "total_fen": 10000, "reason": "充值不到账", "timeout": 5.0, **more}
    return wechatpay.request(refund_no=refund_no, amount_fen=amount_fen, **facts)


def query(refund_no: str = "RF1", trade: TradeRef = WANG_WEI) -> ChannelAnswer:
    return wechatpay.query(refund_no=refund_no, trade=trade)


# --- What an answer means ---------------------------------------------------------------------


def test_wang_weis_refund_is_only_accepted_until_the_query_says_success(simulator):
    answer = refund()
    assert (answer.outcome, answer.retryable) == (Outcome.ACCEPTED, False)
    assert answer.request_id
    done = query()
    assert (done.outcome, done.amount_fen, done.code) == (Outcome.SUCCEEDED, 10000, "SUCCESS")
    assert done.channel_refund_no == answer.channel_refund_no
    assert simulator.effects("RF1") == [(PAID, 10000)]


def test_while_it_is_processing_nothing_has_moved(simulator):
    simulator.wechatpay_plan("PROCESSING")
    refund()
    assert (query().outcome, query().code) == (Outcome.ACCEPTED, "PROCESSING")
    assert simulator.effects() == []
    simulator.wechatpay_plan("SUCCESS", "RF1")
    assert query().outcome == Outcome.SUCCEEDED


def test_a_closed_number_is_finished_and_the_refund_needs_a_new_one(simulator):
    simulator.wechatpay_plan("CLOSED", "RF1")
    refund()
    answer = query()
    assert (answer.outcome, answer.retryable, answer.code) == (Outcome.REJECTED, False, "CLOSED")
    assert answer.needs_new_number
    assert refund().needs_new_number, "and sending it again says the same"
    refund("RF1-2")
    assert query("RF1-2").outcome == Outcome.SUCCEEDED
    assert simulator.effects() == [(PAID, 10000)]


def test_an_abnormal_refund_is_neither_done_nor_refused(simulator):
    simulator.wechatpay_plan("ABNORMAL")
    refund()
    answer = query()
    assert (answer.outcome, answer.retryable) == (Outcome.UNKNOWN, False)
    assert answer.code == "ABNORMAL"
    assert not answer.needs_new_number
    assert simulator.effects() == []


def test_the_same_number_again_pays_once(simulator):
    first, second = refund(), refund()
    assert first.channel_refund_no == second.channel_refund_no
    assert simulator.effects() == [(PAID, 10000)]


def test_the_same_number_with_another_amount_brings_the_real_one(simulator):
    refund("RF1", 3000)
    answer = refund("RF1", 2000)
    assert (answer.outcome, answer.amount_fen) == (Outcome.SUCCEEDED, 3000)
    assert simulator.effects() == [(PAID, 3000)]


def test_a_refusal_of_a_number_that_had_paid_is_no_refusal(simulator):
    refund()
    simulator.fault("wechatpay.refund", "reject:INVALID_REQUEST")
    assert refund().outcome == Outcome.SUCCEEDED


def test_a_refusal_that_cannot_be_looked_into_stays_unknown(simulator):
    simulator.fault("wechatpay.refund", "reject:INVALID_REQUEST")
    simulator.fault("wechatpay.query", "http_500")
    answer = refund()
    assert (answer.outcome, answer.retryable) == (Outcome.UNKNOWN, True)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"trade": TradeRef(channel_trade_no="4209999")}, "RESOURCE_NOT_EXISTS"),
        ({"amount_fen": 10001}, "INVALID_REQUEST"),
        ({"amount_fen": 0}, "PARAM_ERROR"),
        ({"total_fen": 9000, "amount_fen": 100}, "INVALID_REQUEST"),
    ],
)
def test_what_wechat_pay_refuses_is_rejected_for_good(simulator, facts, code):
    answer = refund(**facts)
    assert (answer.outcome, answer.retryable, answer.code) == (Outcome.REJECTED, False, code)
    assert not answer.needs_new_number
    assert simulator.effects() == []


@pytest.mark.parametrize(
    ("code", "outcome", "retryable"),
    [
        ("NOT_ENOUGH", Outcome.REJECTED, True),
        ("USER_ACCOUNT_ABNORMAL", Outcome.REJECTED, False),
        ("NO_AUTH", Outcome.REJECTED, False),
        ("FREQUENCY_LIMITED", Outcome.UNKNOWN, True),
        ("SYSTEM_ERROR", Outcome.UNKNOWN, True),
        ("SOMETHING_NEW", Outcome.UNKNOWN, False),
    ],
)
def test_what_a_refusal_means(simulator, code, outcome, retryable):
    simulator.fault("wechatpay.refund", f"reject:{code}")
    answer = refund()
    assert (answer.outcome, answer.retryable, answer.code) == (outcome, retryable, code)
    assert simulator.effects() == []


@pytest.mark.parametrize("code", ["FREQUENCY_LIMITED", "SYSTEM_ERROR", "PARAM_ERROR", "NO_AUTH"])
def test_a_refused_question_is_no_refusal_of_the_refund(simulator, code):
    refund()
    simulator.fault("wechatpay.query", f"reject:{code}")
    answer = query()
    assert (answer.outcome, answer.retryable) == (Outcome.UNKNOWN, True)
    assert query().outcome == Outcome.SUCCEEDED


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
    simulator.fault("wechatpay.refund", mode, seconds=20)
    with pytest.raises(ChannelError) as caught:
        refund(timeout=0.3)
    assert (caught.value.outcome, caught.value.retryable) == (Outcome.UNKNOWN, True)
    answer = query()
    assert answer.outcome == (Outcome.SUCCEEDED if paid else Outcome.NOT_FOUND)
    assert answer.retryable is (not paid)
    refund()
    assert simulator.effects() == [(PAID, 10000)]


def test_an_answer_about_another_payment_is_for_people(simulator):
    refund()
    answer = query(trade=TradeRef(channel_trade_no="4200002"))
    assert (answer.outcome, answer.code) == (Outcome.UNKNOWN, "ANSWER_DIFFERS")


@pytest.mark.parametrize(
    "node",
    [
        {},
        {"status": "SOMETHING_NEW", "out_refund_no": "RF1", "amount": {"refund": 500}},
        {"status": "SUCCESS", "out_refund_no": "RF2", "amount": {"refund": 500}},
        {"status": "SUCCESS", "out_refund_no": "RF1", "amount": {"refund": 400}},
        {"status": "SUCCESS", "out_refund_no": "RF1", "amount": {"refund": 500.0}},
        {"status": "SUCCESS", "out_refund_no": "RF1", "amount": 500},
        {"status": "CLOSED", "out_refund_no": "RF2", "amount": {"refund": 500}},
    ],
)
def test_an_answer_we_do_not_understand_is_unknown_and_not_repeated(node):
    answer = read_refund(Said(200, node), refund_no="RF1", amount_fen=500)
    assert (answer.outcome, answer.retryable) == (Outcome.UNKNOWN, False)
    assert not answer.needs_new_number


def test_the_merchants_number_finds_the_payment_too(simulator):
    refund(trade=TradeRef(merchant_trade_no="M-WANG"))
    assert query(trade=TradeRef(merchant_trade_no="M-WANG")).outcome == Outcome.SUCCEEDED


def test_what_is_kept_of_an_answer_names_no_account(simulator):
    refund()
    raw = query().raw
    assert json.loads(json.dumps(raw)) == raw
    assert raw["amount"]["refund"] == 10000
    assert "user_received_account" not in raw


# --- Limits -----------------------------------------------------------------------------------


def test_one_refund_of_a_payment_a_minute(simulator):
    simulator.wechatpay_rules(refund_spacing_s=60)
    refund("RF1", 3000)
    answer = refund("RF2", 3000)
    assert (answer.outcome, answer.retryable) == (Outcome.UNKNOWN, True)
    assert answer.code == "FREQUENCY_LIMITED"
    assert query("RF2").outcome == Outcome.NOT_FOUND
    assert wechatpay.CAPABILITIES.refund_spacing == timedelta(minutes=1)


def test_the_365th_day_is_the_last(simulator):
    now = datetime.now(UTC)
    for number, age in (("4200010", timedelta(days=365)), ("4200011", timedelta(days=364))):
        paid_at = (now - age - timedelta(minutes=5)).isoformat()
        simulator.trade(number, 500, channel="wechatpay", paid_at=paid_at)
    old, last = (TradeRef(channel_trade_no=number) for number in ("4200010", "4200011"))
    assert refund("RF1", 500, trade=old, total_fen=500).outcome == Outcome.REJECTED
    assert refund("RF2", 500, trade=last, total_fen=500).outcome == Outcome.ACCEPTED


def test_fifty_partial_refunds_and_no_more(simulator):
    simulator.wechatpay_rules(max_refunds=2)
    assert [refund(f"RF{n}", 100).outcome for n in (1, 2)] == [Outcome.ACCEPTED] * 2
    assert refund("RF3", 100).outcome == Outcome.REJECTED
    assert wechatpay.CAPABILITIES.max_refunds == 50


def test_an_empty_account_is_filled_and_the_same_number_goes_again(simulator):
    simulator.wechatpay_rules(balance_fen=9999)
    assert (refund().code, refund().retryable) == ("NOT_ENOUGH", True)
    simulator.wechatpay_rules(balance_fen=10000)
    assert refund().outcome == Outcome.ACCEPTED
    assert simulator.effects() == [(PAID, 10000)]


# --- An abnormal refund is sent elsewhere -----------------------------------------------------


def test_the_money_goes_to_the_customers_new_card(simulator):
    simulator.wechatpay_plan("ABNORMAL", "RF1")
    refund()
    card = BankCard("ICBC_DEBIT", "6222021234567890123", "王伟")
    answer = wechatpay.apply_abnormal_refund(
        refund_no="RF1", channel_refund_no=query().channel_refund_no, card=card
    )
    assert answer.outcome == Outcome.ACCEPTED
    assert query().outcome == Outcome.SUCCEEDED
    assert simulator.effects() == [(PAID, 10000)]
    assert "6222021234567890123" not in repr(card)
    assert "王伟" not in repr(card)


def test_back_to_the_merchant_is_not_back_to_the_customer(simulator):
    simulator.wechatpay_plan("ABNORMAL", "RF1")
    refund()
    wechatpay.apply_abnormal_refund(
        refund_no="RF1", channel_refund_no=query().channel_refund_no, card=None
    )
    answer = query()
    assert (answer.outcome, answer.retryable) == (Outcome.UNKNOWN, False)
    assert answer.code == "RETURNED_TO_MERCHANT"
    assert simulator.effects() == [("wechatpay.returned_to_merchant", 10000)]


@pytest.mark.parametrize(
    "card",
    [
        BankCard("NOBANK_DEBIT", "6222021234567890123", "王伟"),
        BankCard("ICBC_DEBIT", "622202", "王伟"),
    ],
)
def test_a_refused_card_leaves_the_refund_where_it_was(simulator, card):
    simulator.wechatpay_plan("ABNORMAL", "RF1")
    refund()
    answer = wechatpay.apply_abnormal_refund(
        refund_no="RF1", channel_refund_no=query().channel_refund_no, card=card
    )
    assert (answer.outcome, answer.retryable) == (Outcome.UNKNOWN, True)
    assert answer.code == "PARAM_ERROR"
    assert query().code == "ABNORMAL"


# --- Payments ---------------------------------------------------------------------------------


def test_a_payment_is_found_by_either_number(simulator):
    for trade in (WANG_WEI, TradeRef(merchant_trade_no="M-WANG")):
        answer = wechatpay.query_trade(trade=trade)
        assert (answer.state, answer.paid_fen, answer.refunded_fen) == (TradeState.PAID, 10000, 0)
        assert answer.paid_at is not None
        assert "payer" not in answer.raw


def test_a_payment_that_was_refunded_says_so_though_not_how_much(simulator):
    refund("RF1", 3000)
    answer = wechatpay.query_trade(trade=WANG_WEI)
    assert (answer.state, answer.code) == (TradeState.PAID, "REFUND")
    assert answer.refunded_fen > 0


def test_a_payment_nobody_made(simulator):
    answer = wechatpay.query_trade(trade=TradeRef(channel_trade_no="4209999"))
    assert (answer.state, answer.paid_fen) == (TradeState.NOT_FOUND, 0)


@pytest.mark.parametrize("state", ["NOTPAY", "CLOSED", "REVOKED", "USERPAYING", "PAYERROR"])
def test_what_was_not_paid(state):
    node = {"trade_state": state, "amount": {"total": 500}}
    answer = read_trade(Said(200, node))
    assert (answer.state, answer.paid_fen) == (TradeState.UNPAID, 0)
