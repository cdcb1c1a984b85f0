"""Bills as the channels hand them out, over real HTTP, against refunds that really were made."""

import gzip
import io
import zipfile
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from orders.channels import alipay, alipay_bills, find_billing_channel, shop
from orders.channels.base import ChannelError, NoBill
from orders.models import MoneyAlarm, Refund
from orders.reconciling.bills import fetched_bills
from orders.reconciling.nightly import list_channels, reconcile_channels
from orders.reconciling.runs import reconcile
from orders.reconciling.statement import day_of
from orders.settlement import execute_refund
from tests.orders.saga import Saga
from tests.simulator_fixture import Simulator
from tests.stories import MINUTE, make_order

pytestmark = pytest.mark.django_db

CHANNELS = ["alipay", "wechatpay", "shop", "sandbox"]


@pytest.fixture(autouse=True)
def _in_english():
    with translation.override("en"):
        yield


def now() -> datetime:
    return datetime.now(UTC)


def pay_and_give_back(simulator: Simulator, saga: Saga, channel: str) -> Refund:
    """Zhao Lei pays 50.00 and gets 20.00 back, all of it now and through the real channel code."""
    simulator.wechatpay_plan("SUCCESS")
    saga.now = now()
    order = make_order(created_at=saga.now, paid=[5000], price_fen=5000, channel=channel)
    payment = order.payments.get()
    simulator.trade(payment.channel_trade_no, 5000, channel=channel, paid_at=saga.now.isoformat())
    refund = saga.plan(order, amount_fen=2000)
    sent_at = saga.now
    execute_refund(refund_id=refund.pk, clock=lambda: sent_at)
    if channel == "wechatpay":
        execute_refund(refund_id=refund.pk, clock=lambda: sent_at + MINUTE)
    refund = saga.refund(refund)
    assert refund.state == Refund.State.SUCCEEDED
    return refund


def reconcile_now(channel: str, since: datetime) -> list[Any]:
    """The day, or both where midnight has just passed."""
    until = now()
    bills = fetched_bills(channel, today=day_of(until))
    return [
        reconcile(channel=channel, day=day, bills=bills, by="system", now=until)
        for day in sorted({day_of(since), day_of(until)})
    ]


@pytest.mark.parametrize("channel", CHANNELS)
def test_what_was_paid_and_given_back_is_on_the_channels_own_bill(
    channel: str, simulator: Simulator, saga: Saga
):
    began = now()
    pay_and_give_back(simulator, saga, channel)
    runs = reconcile_now(channel, began)
    assert [run.message for run in runs if run.state != "compared"] == []
    assert sum(run.matched for run in runs) == 2
    assert sum(run.differences_count for run in runs) == 0
    assert sum(run.their_payments_fen for run in runs) == 5000
    assert sum(run.their_refunds_fen for run in runs) == 2000
    assert sum(run.our_refunds_fen for run in runs) == 2000


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_refund_that_our_books_forgot_is_found(channel: str, simulator: Simulator, saga: Saga):
    """The worst of all: the money went out, and we would send it again."""
    began = now()
    refund = pay_and_give_back(simulator, saga, channel)
    Refund.objects.filter(pk=refund.pk).update(state=Refund.State.REJECTED, paid_fen=None)
    runs = reconcile_now(channel, began)
    assert sum(run.other for run in runs) == 1
    alarm = MoneyAlarm.objects.get()
    assert (alarm.kind, alarm.amount_fen, alarm.closed_at) == ("bill_differs", 2000, None)


def test_every_channel_that_is_connected_is_reconciled(simulator: Simulator):
    assert list_channels() == CHANNELS
    woken: list[Any] = []
    runs = reconcile_channels("sandbox", clock=now)
    assert {run.channel for run in runs} == {"sandbox"}
    assert woken == []


def test_one_channel_that_breaks_does_not_keep_the_next_from_its_turn(
    simulator: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
):
    def explode() -> datetime:
        raise RuntimeError("the worker is shut down")

    sent: list[Any] = []
    monkeypatch.setattr("helpdesk.wake._send", lambda *message: sent.append(message))
    with (
        django_capture_on_commit_callbacks(execute=True),
        pytest.raises(RuntimeError),
    ):
        reconcile_channels("alipay", "wechatpay", "shop", clock=explode)
    assert sent == [("orders.tasks.reconcile_channel", ("wechatpay", "shop"), None)]


class TestAlipaysAddress:
    def test_a_day_that_has_no_bill_yet(self, simulator: Simulator):
        tomorrow = day_of(now() + timedelta(days=2))
        with pytest.raises(NoBill):
            alipay.fetch_bill(day=tomorrow)

    def test_an_error_page_instead_of_the_file(self, simulator: Simulator):
        simulator.fault("alipay.download", "http_500")
        with pytest.raises(ChannelError, match="no zip") as caught:
            alipay.fetch_bill(day=day_of(now()))
        assert not isinstance(caught.value, NoBill)

    def test_what_travels_on_the_open_net_is_encrypted(self, simulator: Simulator):
        seen = "http://dwbillcenter.alipay.com/downloadBillFile.resource?fileId=1&x=%E4"
        assert alipay_bills.secure(seen) == seen.replace("http:", "https:")
        assert alipay_bills.secure(f"{simulator.url}/alipay/bill/1") == (
            f"{simulator.url}/alipay/bill/1"
        )

    @pytest.mark.parametrize("address", ["", "ftp://dwbillcenter.alipay.com/x", "file:///etc/x"])
    def test_what_is_no_address_is_not_followed(self, simulator: Simulator, address: str):
        with pytest.raises(ChannelError, match="no address"):
            alipay_bills.secure(address)


def test_a_shop_that_has_no_bill_of_the_day(simulator: Simulator):
    with pytest.raises(NoBill, match="has not begun yet"):
        shop.fetch_bill(day=day_of(now() + timedelta(days=2)))


def test_the_simulated_bills_are_packed_as_the_real_ones(simulator: Simulator, saga: Saga):
    began = now()
    for channel in ("alipay", "wechatpay"):
        pay_and_give_back(simulator, saga, channel)
    source = find_billing_channel("wechatpay")
    assert source is not None
    text = gzip.decompress(source.fetch_bill(day=day_of(began))).decode("utf-8")
    assert text.startswith("\ufeff交易时间,")
    assert "\r\n`20" in text
    with zipfile.ZipFile(io.BytesIO(alipay.fetch_bill(day=day_of(began)))) as archive:
        details = archive.read(archive.namelist()[0])
    assert details.decode("gbk").startswith("#支付宝业务明细查询\r\n")


class TestTheCommandFetches:
    def run(self, *arguments: str) -> tuple[int, str]:
        out = StringIO()
        try:
            call_command("reconcile", *arguments, stdout=out)
        except CommandError as ended:
            return ended.returncode, f"{out.getvalue()}{ended}"
        return 0, out.getvalue()

    def test_one_channel_one_day(self, simulator: Simulator, saga: Saga):
        refund = pay_and_give_back(simulator, saga, "sandbox")
        day = day_of(refund.settled_at or now()).isoformat()
        code, text = self.run("--channel", "sandbox", "--date", day)
        assert (code, "No differences; 2 matched." in text) == (0, True), text
        assert "Bill: payments 1 (50.00), refunds 1 (20.00)." in text
        Refund.objects.filter(pk=refund.pk).update(state=Refund.State.REJECTED, paid_fen=None)
        code, text = self.run("--channel", "sandbox", "--date", day)
        assert (code, "1 difference; 1 matched." in text) == (1, True), text
        assert f"state differs  refund {refund.refund_no}  line 2  20.00 / 20.00" in text

    def test_a_channel_that_is_down_is_no_day_without_differences(self, simulator: Simulator):
        simulator.fault("sandbox.bill", "http_500")
        code, text = self.run("--channel", "sandbox", "--date", day_of(now()).isoformat())
        assert code == 2
        assert "no bill" in text

    def test_without_a_channel_it_takes_all_that_are_connected(self, simulator: Simulator):
        code, text = self.run("--date", day_of(now()).isoformat())
        assert all(channel in text for channel in CHANNELS)
        assert code in (0, 2)  # WeChat Pay and Alipay have no bill of an empty day.
