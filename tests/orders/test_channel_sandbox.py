"""Giving money back through the sandbox channel: what the desk concludes from each answer."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orders.channels import get_channel, has_channel, sandbox
from orders.channels.base import (
    Capabilities,
    ChannelAnswer,
    ChannelError,
    ChannelNotConfigured,
    Outcome,
    TradeRef,
    TradeState,
)
from tests.simulator_fixture import Simulator

LI_NA = TradeRef(channel_trade_no="T-LI-NA")


@pytest.fixture(autouse=True)
def _li_na_paid_fifty_yuan(simulator: Simulator) -> None:
    simulator.trade("T-LI-NA", 5000, merchant_trade_no="M-LI-NA")


def refund(refund_no: str = "RF1", amount_fen: int = 5000, **more: Any) -> ChannelAnswer:
    facts = {"trade": LI_NA, "total_fen": 5000, "reason": "充值不到账", "timeout": 5.0, **more}
    return sandbox.request(refund_no=refund_no, amount_fen=amount_fen, **facts)


def query(refund_no: str = "RF1") -> ChannelAnswer:
    return sandbox.query(refund_no=refund_no, trade=LI_NA)


def test_li_na_gets_her_money_back(simulator):
    answer = refund()
    assert (answer.outcome, answer.retryable) == (Outcome.SUCCEEDED, False)
    assert answer.amount_fen == 5000
    assert answer.channel_refund_no
    assert answer.request_id
    assert simulator.effects("RF1") == [("sandbox.refund", 5000)]
    assert query().outcome == Outcome.SUCCEEDED
    assert query().channel_refund_no == answer.channel_refund_no


def test_the_same_number_again_pays_once(simulator):
    first, second = refund(), refund()
    assert first.channel_refund_no == second.channel_refund_no
    assert second.outcome == Outcome.SUCCEEDED
    assert simulator.effects() == [("sandbox.refund", 5000)]


def test_eight_workers_with_one_number_pay_once(simulator):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: refund(amount_fen=3000), range(8)))
    assert {answer.outcome for answer in answers} == {Outcome.SUCCEEDED}
    assert simulator.effects() == [("sandbox.refund", 3000)]


def test_a_partial_refund_tells_its_own_amount_not_the_sum(simulator):
    refund("RF1", 2000)
    answer = refund("RF2", 1000)
    assert answer.amount_fen == 1000
    trade = sandbox.query_trade(trade=LI_NA)
    assert (trade.state, trade.paid_fen, trade.refunded_fen) == (TradeState.PAID, 5000, 3000)
    assert trade.paid_at is not None


def test_the_merchants_number_finds_the_payment_too(simulator):
    answer = refund(trade=TradeRef(merchant_trade_no="M-LI-NA"))
    assert answer.outcome == Outcome.SUCCEEDED
    assert simulator.ledger()["effects"][0]["trade_no"] == "T-LI-NA"


def test_the_same_number_with_another_amount_is_a_matter_for_people(simulator):
    refund("RF1", 2000)
    answer = refund("RF1", 1000)
    assert (answer.outcome, answer.retryable) == (Outcome.UNKNOWN, False)
    assert answer.code == "NUMBER_REUSED"
    assert simulator.effects() == [("sandbox.refund", 2000)]


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"trade": TradeRef(channel_trade_no="T-NOBODY")}, "TRADE_NOT_FOUND"),
        ({"amount_fen": 5001}, "AMOUNT_EXCEEDS_TRADE"),
        ({"amount_fen": 0}, "PARAM_ERROR"),
        ({"total_fen": 4000, "amount_fen": 100}, "PARAM_ERROR"),
    ],
)
def test_what_the_channel_refuses_is_rejected_for_good(simulator, facts, code):
    answer = refund(**facts)
    assert (answer.outcome, answer.retryable) == (Outcome.REJECTED, False)
    assert answer.code == code
    assert simulator.effects() == []


def test_no_more_than_what_is_left_of_the_payment(simulator):
    refund("RF1", 4000)
    assert refund("RF2", 1001).code == "AMOUNT_EXCEEDS_TRADE"
    assert refund("RF3", 1000).outcome == Outcome.SUCCEEDED


@pytest.mark.parametrize(
    ("code", "outcome", "retryable"),
    [
        ("BALANCE_NOT_ENOUGH", Outcome.REJECTED, True),
        ("RATE_LIMITED", Outcome.REJECTED, True),
        ("REFUND_WINDOW_CLOSED", Outcome.REJECTED, False),
        ("SYSTEM_ERROR", Outcome.UNKNOWN, True),
    ],
)
def test_what_a_refusal_means(simulator, code, outcome, retryable):
    simulator.fault("sandbox.refund", f"reject:{code}")
    answer = refund()
    assert (answer.outcome, answer.retryable, answer.code) == (outcome, retryable, code)
    assert simulator.effects() == []
    assert refund().outcome == Outcome.SUCCEEDED


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
    simulator.fault("sandbox.refund", mode, seconds=20)
    with pytest.raises(ChannelError) as caught:
        refund(timeout=0.3)
    assert (caught.value.outcome, caught.value.retryable) == (Outcome.UNKNOWN, True)
    answer = query()
    assert answer.outcome == (Outcome.SUCCEEDED if paid else Outcome.NOT_FOUND)
    assert answer.retryable is (not paid)
    assert refund().outcome == Outcome.SUCCEEDED
    assert simulator.effects() == [("sandbox.refund", 5000)]


def test_a_slow_answer_is_waited_for(simulator):
    simulator.fault("sandbox.refund", "slow", seconds=0.5)
    assert refund(timeout=5.0).outcome == Outcome.SUCCEEDED


def test_an_accepted_refund_is_asked_about_until_it_is_done(simulator):
    simulator.fault("sandbox.refund", "late_notify", seconds=0.5)
    assert refund().outcome == Outcome.ACCEPTED
    assert query().outcome == Outcome.ACCEPTED
    simulator.wait_for(lambda: query().outcome == Outcome.SUCCEEDED)
    assert simulator.effects() == [("sandbox.refund", 5000)]


def test_a_channel_that_is_down_leaves_the_outcome_unknown(simulator):
    simulator.kill()
    with pytest.raises(ChannelError) as caught:
        refund()
    assert (caught.value.outcome, caught.value.retryable) == (Outcome.UNKNOWN, True)
    simulator.start()
    assert query().outcome == Outcome.NOT_FOUND


def test_our_wrong_secret_is_no_rejection(simulator, settings):
    settings.SANDBOX_SECRET = "not the secret"
    with pytest.raises(ChannelError) as caught:
        refund()
    assert caught.value.outcome == Outcome.UNKNOWN
    assert caught.value.code == "BAD_SIGNATURE"
    assert simulator.calls() == [("sandbox.refund", "rejected:SIGN_ERROR")]
    assert simulator.effects() == []


@pytest.mark.parametrize(
    "said",
    [
        {"status": "SOMETHING_NEW", "code": "X"},
        {},
        {"status": 7},
        {"status": "SUCCEEDED", "refund_no": "RF2", "amount_fen": 5000},
        {"status": "SUCCEEDED", "refund_no": "RF1", "amount_fen": 4000},
        {"status": "SUCCEEDED", "refund_no": "RF1"},
    ],
)
def test_an_answer_we_do_not_understand_is_unknown_and_not_repeated(said):
    answer = sandbox.read_refund(said, refund_no="RF1", amount_fen=5000)
    assert (answer.outcome, answer.retryable) == (Outcome.UNKNOWN, False)


def test_a_payment_nobody_made(simulator):
    trade = sandbox.query_trade(trade=TradeRef(channel_trade_no="T-NOBODY"))
    assert (trade.state, trade.paid_fen) == (TradeState.NOT_FOUND, 0)


def test_what_is_kept_of_an_answer_is_plain_json_without_signatures(simulator):
    raw = refund().raw
    assert json.loads(json.dumps(raw)) == raw
    assert raw["status"] == "SUCCEEDED"
    assert not {"sign", "signature", "nonce"} & set(raw)


def test_a_number_with_slashes_stays_one_number(simulator):
    refund("RF/1 ?#%")
    assert query("RF/1 ?#%").outcome == Outcome.SUCCEEDED


def test_in_a_demo_the_simulators_files_say_where_it_is(simulator, settings):
    settings.SANDBOX_URL = settings.SANDBOX_SECRET = ""
    settings.HELPDESK_DATA, settings.DEMO = simulator.data, True
    assert refund().outcome == Outcome.SUCCEEDED


def test_in_a_demo_whose_simulator_is_starting_the_outcome_is_unknown(settings, tmp_path: Path):
    settings.SANDBOX_URL = settings.SANDBOX_SECRET = ""
    settings.HELPDESK_DATA, settings.DEMO = tmp_path, True
    with pytest.raises(ChannelError) as caught:
        refund()
    assert caught.value.retryable
    assert not isinstance(caught.value, ChannelNotConfigured)


@pytest.mark.parametrize("secret", ["", "half configured"])
def test_a_desk_without_a_sandbox_says_so(settings, secret):
    settings.SANDBOX_URL, settings.SANDBOX_SECRET, settings.DEMO = "", secret, False
    with pytest.raises(ChannelNotConfigured) as caught:
        refund()
    assert (caught.value.outcome, caught.value.retryable) == (Outcome.UNKNOWN, False)
    assert caught.value.code == "NOT_CONFIGURED"


def test_channels_are_found_by_code():
    assert get_channel("sandbox").CAPABILITIES.can_query_trade
    assert has_channel("sandbox")
    for code in ("offline", "nonsense"):
        assert not has_channel(code)
        with pytest.raises(ChannelNotConfigured) as caught:
            get_channel(code)
        assert not caught.value.retryable


def test_a_refund_window_ends_to_the_second():
    capabilities = Capabilities(refund_window=timedelta(days=365))
    paid_at = datetime(2025, 11, 24, tzinfo=UTC)
    last = paid_at + timedelta(days=365)
    assert capabilities.can_refund(paid_at=paid_at, now=last)
    assert not capabilities.can_refund(paid_at=paid_at, now=last + timedelta(seconds=1))
    assert Capabilities().can_refund(paid_at=paid_at, now=last + timedelta(days=9999))
