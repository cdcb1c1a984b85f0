"""WeChat Pay: who answers us, as whom we speak, and the bills of the account."""

import base64
import gzip
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from orders.channels import find_billing_channel, find_notifying_channel, has_channel, wechatpay
from orders.channels.base import (
    ChannelAnswer,
    ChannelError,
    ChannelNotConfigured,
    NoBill,
    Outcome,
    TradeRef,
)
from orders.channels.wechatpay_account import SETTINGS, get_account
from orders.channels.wechatpay_wire import seal_field
from orders.checks import PAIRS, check_pairs, check_wechatpay
from simulator.wechatpay_keys import WechatpayKeys
from tests.simulator_fixture import Simulator

WANG_WEI = TradeRef(channel_trade_no="4200001", merchant_trade_no="M-WANG")


@pytest.fixture(autouse=True)
def _wang_wei_paid_a_hundred_yuan(simulator: Simulator) -> None:
    simulator.trade("4200001", 10000, channel="wechatpay", merchant_trade_no="M-WANG")
    simulator.wechatpay_plan("SUCCESS")


def refund(refund_no: str = "RF1", amount_fen: int = 10000) -> ChannelAnswer:
    facts: dict[str, Any] = {"trade": WANG_WEI, "total_fen": 10000, "reason": "充值不到账"}
    return wechatpay.request(refund_no=refund_no, amount_fen=amount_fen, **facts)


def query() -> ChannelAnswer:
    return wechatpay.query(refund_no="RF1", trade=WANG_WEI)


def test_an_answer_signed_with_another_key_proves_nothing(simulator, settings):
    refund()
    settings.WECHATPAY_PUBLIC_KEY_ID = "PUB_KEY_ID_OLD"
    with pytest.raises(ChannelError) as caught:
        query()
    assert (caught.value.code, caught.value.outcome) == ("BAD_SIGNATURE", Outcome.UNKNOWN)


def test_our_wrong_key_is_no_rejection_and_is_waited_out(simulator, settings):
    good = settings.WECHATPAY_PRIVATE_KEY
    settings.WECHATPAY_PRIVATE_KEY = simulator.secrets["wechatpay_platform_private_key"]
    with pytest.raises(ChannelError) as caught:
        refund()
    assert (caught.value.code, caught.value.outcome) == ("SIGN_ERROR", Outcome.UNKNOWN)
    assert caught.value.retryable
    assert simulator.effects() == []
    settings.WECHATPAY_PRIVATE_KEY = good
    assert refund().outcome == Outcome.ACCEPTED


def test_the_platform_certificate_serves_as_well_as_the_public_key(simulator, settings):
    keys = WechatpayKeys(simulator.secrets)
    settings.WECHATPAY_PUBLIC_KEY_ID = keys.certificate_serial
    settings.WECHATPAY_PUBLIC_KEY = keys.certificate_pem.replace("\n", "\\n")
    assert refund().outcome == Outcome.ACCEPTED
    assert query().outcome == Outcome.SUCCEEDED


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WECHATPAY_MCH_ID", ""),
        ("WECHATPAY_APIV3_KEY", "short"),
        ("WECHATPAY_PRIVATE_KEY", "nonsense"),
        ("WECHATPAY_PUBLIC_KEY", "nonsense"),
    ],
)
def test_a_half_configured_desk_says_so(settings, simulator, name, value):
    setattr(settings, name, value)
    with pytest.raises(ChannelNotConfigured) as caught:
        refund()
    assert (caught.value.outcome, caught.value.retryable) == (Outcome.UNKNOWN, False)
    assert [found.id for found in check_wechatpay()] == ["orders.E010"]


def test_a_desk_with_all_of_it_or_nothing_is_left_alone(settings, simulator):
    assert check_wechatpay() == []
    for name in SETTINGS:
        setattr(settings, name, "")
    assert check_wechatpay() == []


@pytest.mark.parametrize("missing", [name for pair in PAIRS for name in pair[1:3]])
def test_an_address_and_its_secret_belong_together(settings, simulator, missing):
    assert check_pairs() == []
    setattr(settings, missing, "")
    (error_id,) = [pair[3] for pair in PAIRS if missing in pair]
    assert [found.id for found in check_pairs()] == [error_id]


def test_whether_this_desk_has_wechat_pay(settings, simulator):
    assert has_channel("wechatpay")
    assert find_notifying_channel("wechatpay") is wechatpay
    assert find_billing_channel("wechatpay") is wechatpay
    settings.WECHATPAY_MCH_ID = ""
    assert not has_channel("wechatpay")


def test_in_a_demo_the_simulators_files_say_where_it_is(settings, simulator):
    for name in SETTINGS:
        setattr(settings, name, "")
    settings.HELPDESK_DATA, settings.DEMO = simulator.data, True
    assert has_channel("wechatpay")
    assert refund().outcome == Outcome.ACCEPTED


def test_in_a_demo_whose_simulator_is_starting_the_outcome_is_unknown(settings, tmp_path: Path):
    for name in SETTINGS:
        setattr(settings, name, "")
    settings.HELPDESK_DATA, settings.DEMO = tmp_path, True
    with pytest.raises(ChannelError) as caught:
        refund()
    assert caught.value.retryable


def test_the_bill_of_a_day_is_fetched_and_its_hash_checked(simulator):
    refund("RF1", 3000)
    today = datetime.now(UTC).astimezone().date()
    paid_on = date(2026, 11, 24)
    for day in {today, paid_on}:
        text = gzip.decompress(wechatpay.fetch_bill(day=day)).decode("utf-8-sig")
        assert text.startswith("交易时间,公众账号ID")
    assert "`M-WANG" in text


def test_a_day_without_a_bill(simulator):
    with pytest.raises(NoBill):
        wechatpay.fetch_bill(day=date(2020, 1, 1))


def test_sensitive_fields_are_sealed_with_wechat_pays_key(simulator):
    sealed = seal_field(get_account(), "6222021234567890123")
    assert base64.b64decode(sealed)
    assert WechatpayKeys(simulator.secrets).open_field(sealed) == "6222021234567890123"
