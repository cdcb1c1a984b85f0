"""Giving money back through the shop's own endpoint: wallet balances and aggregators."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from orders.channels import get_channel, has_channel, shop
from orders.channels.base import (
    ChannelAnswer,
    ChannelError,
    ChannelNotConfigured,
    Outcome,
    TradeRef,
)
from tests.simulator_fixture import ROOT, Simulator

SUN_LI = TradeRef(channel_trade_no="W-SUN-LI", merchant_trade_no="M-SUN-LI")
PAID = "shop.refund"


@pytest.fixture(autouse=True)
def _sun_li_paid_fifty_yuan_from_her_wallet(simulator: Simulator) -> None:
    simulator.trade("W-SUN-LI", 5000, channel="shop", merchant_trade_no="M-SUN-LI")


def refund(refund_no: str = "RF1", amount_fen: int = 5000, **more: Any) -> ChannelAnswer:
    facts = {"trade": SUN_LI, "total_fen": 5000, "reason": "充值不到账", "timeout": 5.0, **more}
    return shop.request(refund_no=refund_no, amount_fen=amount_fen, **facts)


def query(refund_no: str = "RF1") -> ChannelAnswer:
    return shop.query(refund_no=refund_no, trade=SUN_LI)


def test_sun_li_gets_her_money_back(simulator):
    answer = refund()
    assert (answer.outcome, answer.retryable, answer.amount_fen) == (Outcome.SUCCEEDED, False, 5000)
    assert answer.channel_refund_no
    assert answer.request_id
    assert query().outcome == Outcome.SUCCEEDED
    assert simulator.effects("RF1") == [(PAID, 5000)]


def test_eight_workers_with_one_number_pay_once(simulator):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: refund(amount_fen=3000), range(8)))
    assert {answer.outcome for answer in answers} == {Outcome.SUCCEEDED}
    assert simulator.effects() == [(PAID, 3000)]


def test_the_merchants_number_alone_finds_the_payment(simulator):
    answer = refund(trade=TradeRef(merchant_trade_no="M-SUN-LI"))
    assert answer.outcome == Outcome.SUCCEEDED


def test_the_same_number_with_another_amount_is_a_matter_for_people(simulator):
    refund("RF1", 2000)
    answer = refund("RF1", 1000)
    assert (answer.outcome, answer.retryable) == (Outcome.UNKNOWN, False)
    assert simulator.effects() == [(PAID, 2000)]


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"trade": TradeRef(channel_trade_no="W-NOBODY")}, "TRADE_NOT_FOUND"),
        ({"amount_fen": 5001}, "AMOUNT_EXCEEDS_TRADE"),
        ({"total_fen": 4000, "amount_fen": 100}, "PARAM_ERROR"),
    ],
)
def test_what_the_shop_refuses_is_rejected_for_good(simulator, facts, code):
    answer = refund(**facts)
    assert (answer.outcome, answer.retryable, answer.code) == (Outcome.REJECTED, False, code)
    assert simulator.effects() == []


@pytest.mark.parametrize(
    ("code", "outcome", "retryable"),
    [
        ("BALANCE_NOT_ENOUGH", Outcome.REJECTED, True),
        ("RATE_LIMITED", Outcome.REJECTED, True),
        ("WALLET_CLOSED", Outcome.REJECTED, False),
        ("SYSTEM_ERROR", Outcome.UNKNOWN, True),
    ],
)
def test_what_a_refusal_means(simulator, code, outcome, retryable):
    simulator.fault("shop.refund", f"reject:{code}")
    answer = refund()
    assert (answer.outcome, answer.retryable, answer.code) == (outcome, retryable, code)
    assert simulator.effects() == []


def test_a_refused_question_is_no_refusal_of_the_refund(simulator):
    refund()
    simulator.fault("shop.query", "reject:NO_ACCESS")
    assert (query().outcome, query().outcome) == (Outcome.UNKNOWN, Outcome.SUCCEEDED)


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
    simulator.fault("shop.refund", mode, seconds=20)
    with pytest.raises(ChannelError) as caught:
        refund(timeout=0.3)
    assert (caught.value.outcome, caught.value.retryable) == (Outcome.UNKNOWN, True)
    assert query().outcome == (Outcome.SUCCEEDED if paid else Outcome.NOT_FOUND)
    assert refund().outcome == Outcome.SUCCEEDED
    assert simulator.effects() == [(PAID, 5000)]


def test_an_accepted_refund_is_asked_about_until_it_is_done(simulator):
    simulator.fault("shop.refund", "late_notify", seconds=0.5)
    assert refund().outcome == Outcome.ACCEPTED
    simulator.wait_for(lambda: query().outcome == Outcome.SUCCEEDED)


def test_a_shop_that_is_down_leaves_the_outcome_unknown(simulator):
    simulator.kill()
    with pytest.raises(ChannelError) as caught:
        refund()
    assert (caught.value.outcome, caught.value.retryable) == (Outcome.UNKNOWN, True)


def test_our_wrong_secret_is_no_rejection(simulator, settings):
    settings.SHOP_REFUND_SECRET = "not the secret"
    with pytest.raises(ChannelError) as caught:
        refund()
    assert (caught.value.outcome, caught.value.code) == (Outcome.UNKNOWN, "BAD_SIGNATURE")
    assert simulator.calls() == [("shop.refund", "rejected:SIGN_ERROR")]
    assert simulator.effects() == []


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"status": "DONE"},
        {"status": ["SUCCEEDED"]},
        {"status": "CONFLICT"},
        {"status": "SUCCEEDED", "refund_no": "RF2", "amount_fen": 5000},
        {"status": "SUCCEEDED", "refund_no": "RF1", "amount_fen": 4000},
        {"status": "SUCCEEDED", "refund_no": "RF1", "amount_fen": "5000"},
        {"status": "SUCCEEDED", "refund_no": "RF1", "amount_fen": True},
        {"status": "PROCESSING", "refund_no": "RF1"},
    ],
)
def test_an_answer_we_do_not_understand_is_unknown_and_not_repeated(said):
    answer = shop.read_refund(said, refund_no="RF1", amount_fen=5000)
    assert (answer.outcome, answer.retryable) == (Outcome.UNKNOWN, False)


def test_the_endpoint_tells_nothing_of_payments(simulator):
    assert not shop.CAPABILITIES.can_query_trade
    with pytest.raises(ChannelError):
        shop.query_trade(trade=SUN_LI)


def test_a_number_with_odd_characters_stays_one_number(simulator):
    refund("RF/1 ?#%&=+")
    assert query("RF/1 ?#%&=+").outcome == Outcome.SUCCEEDED


def test_in_a_demo_the_simulators_files_say_where_it_is(simulator, settings):
    settings.SHOP_REFUND_URL = settings.SHOP_REFUND_SECRET = ""
    settings.HELPDESK_DATA, settings.DEMO = simulator.data, True
    assert refund().outcome == Outcome.SUCCEEDED


def test_in_a_demo_whose_simulator_is_starting_the_outcome_is_unknown(settings, tmp_path: Path):
    settings.SHOP_REFUND_URL = settings.SHOP_REFUND_SECRET = ""
    settings.HELPDESK_DATA, settings.DEMO = tmp_path, True
    with pytest.raises(ChannelError) as caught:
        refund()
    assert caught.value.retryable


@pytest.mark.parametrize("secret", ["", "half configured"])
def test_a_shop_without_an_endpoint_says_so(settings, secret):
    settings.SHOP_REFUND_URL, settings.SHOP_REFUND_SECRET, settings.DEMO = "", secret, False
    assert not has_channel("shop")
    assert get_channel("shop")
    with pytest.raises(ChannelNotConfigured) as caught:
        refund()
    assert (caught.value.outcome, caught.value.retryable) == (Outcome.UNKNOWN, False)


def test_the_signatures_in_the_manual_are_right():
    manual = (ROOT / "docs" / "shop-refund-endpoint.md").read_text("utf-8")
    secret = re.search(r"Secret `(\w+)`", manual)[1]
    nonce = re.search(r"X-Desk-Nonce: (\w+)", manual)[1]
    request, answer = re.findall(
        r"```\n(.+)\nX-Desk-Timestamp: (\d+)\n(?:X-Desk-Nonce: \w+\n)?"
        r"X-Desk-Signature: (\w+)\n\n(.+)\n```",
        manual,
    )
    line, at, signature, body = request
    assert signature == shop.sign(secret, at, nonce, *line.split(), body)
    status, at, signature, body = answer
    assert signature == shop.sign(secret, at, nonce, status, body)
    read = shop.read_refund(
        {"status": "SUCCEEDED", "refund_no": "RF1", "amount_fen": 4990}, refund_no="RF1"
    )
    assert read.outcome == Outcome.SUCCEEDED
