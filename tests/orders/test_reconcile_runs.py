"""A day is reconciled: what is written down, found again, cleared by itself, signed off."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from orders import by_hand
from orders.models import Payment, ReconciliationDifference, ReconciliationRun
from orders.reconciling.bills import Bills, NoStatement
from orders.reconciling.differences import UnableToSignOff, sign_off
from orders.reconciling.runs import find_due_days, reconcile
from orders.reconciling.statement import UnableToReadStatement
from orders.reconciling.statements import READERS
from tests.orders.bill_files import NOV_23, GivenBack, Paid, alipay_day, wechatpay_day
from tests.orders.saga import Saga
from tests.stories import HOUR, at, make_order, make_person

pytestmark = pytest.mark.django_db

NOV_22, NOV_24, NOV_25 = date(2026, 11, 22), date(2026, 11, 24), date(2026, 11, 25)
TEN = at("2026-11-24 10:00")
DAYS = {"alipay": alipay_day, "wechatpay": wechatpay_day}


def bills(channel: str = "alipay", **days: list[Paid]) -> Bills:
    """Bills of these days: `bills(nov_23=[...])`."""
    known = {
        date(2026, 11, int(name[-2:])): DAYS[channel](date(2026, 11, int(name[-2:])), *rows)
        for name, rows in days.items()
    }

    def read(day: date) -> Any:
        if day not in known:
            raise NoStatement("There is no bill of that day yet.")
        return READERS[channel].read_statement(known[day], day=day)

    return Bills(read)


def run(known: Bills, day: date = NOV_23, channel: str = "alipay", now: datetime = TEN) -> Any:
    return reconcile(channel=channel, day=day, bills=known, by="system", now=now)


def paid(time: str, fen: int = 9800, channel: str = "alipay", **fields: Any) -> Payment:
    """Zhao Lei pays at that time."""
    order = make_order(created_at=at(time), paid=[fen], channel=channel, **fields)
    return order.payments.get()


def line(payment: Payment, **more: Any) -> Paid:
    return Paid(payment.channel_trade_no, payment.amount_fen, **more)


def found(**conditions: Any) -> list[tuple[str, str, str]]:
    rows = ReconciliationDifference.objects.filter(**conditions).order_by("pk")
    return [(row.kind, row.number, row.state) for row in rows]


def given_back(saga: Saga, payment: Payment, asked: str, settled: str) -> Any:
    """A refund of all that was paid, asked for and answered at these times."""
    saga.now = at(asked)
    refund = saga.plan(payment.order)
    claim = saga.claim(refund)
    assert claim is not None
    saga.now = at(settled)
    from orders.settlement import settle_refund
    from tests.orders.saga import said

    settle_refund(claim=claim, answer=said("succeeded"), now=saga.now)
    return saga.refund(refund)


def test_a_day_that_agrees(saga: Saga):
    payment = paid("2026-11-23 09:30")
    refund = given_back(saga, payment, "2026-11-23 10:00", "2026-11-23 10:01")
    back = GivenBack(payment.channel_trade_no, 9800, refund_no=refund.refund_no)
    told = run(bills(nov_23=[line(payment), back], nov_24=[]))
    assert (told.state, told.matched, told.differences_count) == ("compared", 2, 0)
    assert (told.matched_payments_fen, told.matched_refunds_fen) == (9800, 9800)
    assert told.is_complete
    assert (told.account, told.lines, len(told.sha256)) == ("20880000000000010156", 2, 64)
    assert found() == []


def test_each_kind_of_difference_is_a_row_with_both_sides(saga: Saga):
    missing, wrong = paid("2026-11-23 09:00"), paid("2026-11-23 09:10")
    strange = Paid("T-STRANGE", 4200)
    told = run(bills(nov_23=[Paid(wrong.channel_trade_no, 9801), strange, strange], nov_24=[]))
    assert (told.ours_only, told.theirs_only, told.amount_differs, told.other) == (1, 1, 1, 1)
    assert found() == [
        ("amount_differs", wrong.channel_trade_no, "open"),
        ("theirs_only", "T-STRANGE", "open"),
        ("duplicate", "T-STRANGE", "open"),
        ("ours_only", missing.channel_trade_no, "open"),
    ]
    row = ReconciliationDifference.objects.get(kind="amount_differs")
    assert (row.ours_fen, row.theirs_fen, row.payment) == (9800, 9801, wrong)
    assert (row.line, row.found_at) == (6, TEN)


def test_only_the_channels_own_payments_are_expected_on_its_bill():
    paid("2026-11-23 09:00", channel="wechatpay")
    unpaid = paid("2026-11-23 09:00")
    Payment.objects.filter(pk=unpaid.pk).update(status=Payment.Status.PENDING)
    assert run(bills(nov_23=[], nov_24=[])).differences_count == 0


def test_a_payment_that_we_think_unpaid_and_they_have_is_a_difference():
    unpaid = paid("2026-11-23 09:00")
    Payment.objects.filter(pk=unpaid.pk).update(status=Payment.Status.PENDING)
    run(bills(nov_23=[line(unpaid)], nov_24=[]))
    assert found() == [("state_differs", unpaid.channel_trade_no, "open")]


def test_a_refund_that_the_channel_paid_and_we_do_not_know_of(saga: Saga):
    """A notify was lost and every query failed: the bill is where it is found at the latest."""
    payment = paid("2026-11-23 09:30")
    saga.now = at("2026-11-23 10:00")
    refund = saga.plan(payment.order)
    saga.answer(refund, "unknown", retryable=True)
    back = GivenBack(payment.channel_trade_no, 9800, refund_no=refund.refund_no)
    known = bills(nov_23=[line(payment), back], nov_24=[])
    run(known)
    assert found() == [("state_differs", refund.refund_no, "open")]
    saga.answer(refund, "succeeded")
    assert run(known).differences_count == 0
    assert found() == [("state_differs", refund.refund_no, "cleared")]


def test_a_refund_that_was_refused_and_yet_paid(saga: Saga):
    payment = paid("2026-11-23 09:30")
    saga.now = at("2026-11-23 10:00")
    refund = saga.plan(payment.order)
    saga.answer(refund, "rejected")
    back = GivenBack(payment.channel_trade_no, 9800, refund_no=refund.refund_no)
    run(bills(nov_23=[line(payment), back], nov_24=[]))
    row = ReconciliationDifference.objects.get()
    assert (row.kind, row.ours_state, row.refund) == ("state_differs", "rejected", refund)


def test_money_that_went_back_by_hand_is_not_expected_but_noticed(saga: Saga):
    wang, zhao = make_person("wang", "admin"), make_person("zhao", "admin")
    payment = paid("2026-11-23 09:30")
    saga.now = at("2026-11-23 10:00")
    refund = saga.plan(payment.order)
    saga.answer(refund, "unknown", retryable=False)
    proposed = by_hand.settle_by_hand(
        refund_id=refund.pk, paid=True, proof="bank receipt 7", actor=wang, now=saga.now
    )
    by_hand.approve_settlement(settlement_id=proposed.pk, decision=True, actor=zhao, now=saga.now)
    assert run(bills(nov_23=[line(payment)], nov_24=[])).differences_count == 0
    back = GivenBack(payment.channel_trade_no, 9800, refund_no=refund.refund_no)
    run(bills(nov_23=[line(payment), back], nov_24=[]))
    assert found() == [("state_differs", refund.refund_no, "open")]


def test_a_payment_just_before_midnight_is_on_the_next_bill():
    """Domain case 15: paid 23:59:58, posted the next day."""
    payment = paid("2026-11-23 23:59:58")
    first = run(bills(nov_23=[]))
    assert (first.waiting, first.differences_count, first.is_complete) == (1, 0, False)
    both = bills(nov_23=[], nov_24=[line(payment, time="00:00:07")], nov_25=[])
    second = run(both, now=at("2026-11-25 10:00"))
    assert (second.posted_elsewhere, second.waiting, second.is_complete) == (1, 0, True)
    assert found() == [("ours_only", payment.channel_trade_no, "cleared")]
    assert run(both, NOV_24, now=at("2026-11-26 10:00")).matched == 1


def test_a_payment_that_is_on_neither_bill_does_not_wait_for_ever():
    payment = paid("2026-11-23 23:59:58")
    run(bills(nov_23=[]))
    told = run(bills(nov_23=[], nov_24=[]), now=at("2026-11-25 10:00"))
    assert (told.ours_only, told.waiting) == (1, 0)
    assert found() == [("ours_only", payment.channel_trade_no, "open")]


def test_a_refund_we_heard_of_days_later_is_looked_for_on_the_bills_between(saga: Saga):
    payment = paid("2026-11-20 09:30")
    refund = given_back(saga, payment, "2026-11-20 10:00", "2026-11-23 10:01")
    back = GivenBack(payment.channel_trade_no, 9800, refund_no=refund.refund_no)
    told = run(bills(nov_21=[back], nov_22=[], nov_23=[], nov_24=[]))
    assert (told.posted_elsewhere, told.differences_count) == (1, 0)
    # On the day itself it counts as matched: the money moved while we did not know.
    assert run(bills(nov_21=[back], nov_22=[]), date(2026, 11, 21)).matched == 1


def test_wechat_pay_lists_a_refund_when_it_took_it_in(saga: Saga):
    payment = paid("2026-11-20 09:30", channel="wechatpay")
    refund = given_back(saga, payment, "2026-11-23 10:00", "2026-11-26 08:00")
    back = GivenBack(payment.channel_trade_no, 9800, refund_no=refund.refund_no, state="PROCESSING")
    known = bills("wechatpay", nov_23=[back], nov_24=[], nov_26=[])
    assert run(known, channel="wechatpay").matched == 1
    later = run(known, date(2026, 11, 26), "wechatpay", at("2026-11-27 10:00"))
    assert (later.matched, later.differences_count) == (0, 0)


def test_a_second_run_finds_the_same_rows_and_makes_no_new_ones():
    run(bills(nov_23=[Paid("T-STRANGE", 4200)]))
    told = run(bills(nov_23=[Paid("T-STRANGE", 4200)]))
    assert found() == [("theirs_only", "T-STRANGE", "open")]
    assert ReconciliationDifference.objects.get().run == told
    assert ReconciliationRun.objects.count() == 2


def test_what_is_signed_off_stays_so_until_the_amounts_change():
    run(bills(nov_23=[Paid("T-STRANGE", 4200)]))
    row = ReconciliationDifference.objects.get()
    sign_off(difference_id=row.pk, reason=" 线下收款，已核对 ", by="staff:7", now=TEN + HOUR)
    row.refresh_from_db()
    assert (row.reason, row.closed_by, row.closed_at) == (
        "线下收款，已核对", "staff:7", TEN + HOUR,
    )  # fmt: skip
    told = run(bills(nov_23=[Paid("T-STRANGE", 4200)]))
    assert (told.differences_count, told.signed_off) == (0, 1)
    told = run(bills(nov_23=[Paid("T-STRANGE", 4300)]))
    assert (told.differences_count, told.signed_off) == (1, 0)


def test_nothing_is_signed_off_twice_or_without_a_reason():
    run(bills(nov_23=[Paid("T-STRANGE", 4200)]))
    row = ReconciliationDifference.objects.get()
    for reason in ("  ", "x" * 501):
        with pytest.raises(UnableToSignOff) as refused:
            sign_off(difference_id=row.pk, reason=reason, by="staff:7", now=TEN)
        assert refused.value.field == "reason"
    sign_off(difference_id=row.pk, reason="x" * 500, by="staff:7", now=TEN)
    with pytest.raises(UnableToSignOff) as refused:
        sign_off(difference_id=row.pk, reason="again", by="staff:8", now=TEN)
    assert refused.value.code == "settled_already"


def test_a_difference_that_was_cleared_and_comes_back_is_open_again():
    strange = [Paid("T-STRANGE", 4200)]
    run(bills(nov_23=strange))
    run(bills(nov_23=[]))
    assert found() == [("theirs_only", "T-STRANGE", "cleared")]
    run(bills(nov_23=strange))
    assert found() == [("theirs_only", "T-STRANGE", "open")]
    assert ReconciliationDifference.objects.get().closed_at is None


def test_without_a_bill_nothing_is_found_and_nothing_cleared():
    run(bills(nov_23=[Paid("T-STRANGE", 4200)]))
    paid("2026-11-23 09:00")
    told = run(bills())
    assert told.state == "no_statement"
    assert "1" in told.message
    assert found() == [("theirs_only", "T-STRANGE", "open")]


def test_an_unreadable_bill_is_an_error_and_no_empty_day():
    paid("2026-11-23 09:00")

    def read(day: date) -> Any:
        raise UnableToReadStatement("The end of the bill is missing.")

    told = run(Bills(read))
    assert (told.state, told.differences_count) == ("unreadable", 0)
    assert "The end of the bill is missing." in told.message


def test_what_came_in_after_the_bill_was_made_is_not_missing_from_it():
    paid("2026-11-24 10:30")
    assert run(bills(nov_24=[]), NOV_24, now=at("2026-11-24 10:29")).differences_count == 0
    assert run(bills(nov_24=[]), NOV_24, now=at("2026-11-24 10:31")).differences_count == 1


def test_a_bill_is_read_once_for_all_the_days_that_look_into_it():
    asked: list[date] = []

    def read(day: date) -> Any:
        asked.append(day)
        raise NoStatement("none")

    known = Bills(read)
    for day in (NOV_22, NOV_23):
        run(known, day)
    assert sorted(asked) == sorted(set(asked))


def due(now: datetime = TEN) -> list[date]:
    return find_due_days(channel="alipay", now=now)


def test_a_day_is_due_until_the_bill_after_it_was_there_too():
    assert due() == [NOV_23, NOV_22]
    run(bills(nov_22=[], nov_23=[]), NOV_22)
    run(bills(nov_22=[], nov_23=[]), NOV_23)
    assert due() == [NOV_23]
    tomorrow = TEN + timedelta(days=1)
    assert due(tomorrow) == [NOV_24, NOV_23]
    run(bills(nov_23=[], nov_24=[]), NOV_23, now=tomorrow)
    assert due(tomorrow) == [NOV_24]


def test_a_day_with_an_unexplained_difference_is_looked_into_for_two_weeks():
    run(bills(nov_23=[Paid("T-STRANGE", 4200)], nov_24=[]), now=at("2026-11-25 10:00"))
    assert NOV_23 in due(at("2026-12-07 10:00"))
    assert NOV_23 not in due(at("2026-12-08 10:00"))
    row = ReconciliationDifference.objects.get()
    sign_off(difference_id=row.pk, reason="known", by="staff:7", now=TEN)
    assert NOV_23 not in due(at("2026-12-07 10:00"))


def test_a_day_whose_bill_is_late_is_asked_for_again():
    run(bills(), NOV_23)
    assert NOV_23 in due(at("2026-11-27 10:00"))
