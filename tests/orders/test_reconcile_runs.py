"""A day is reconciled: what is written down, found again, cleared by itself, signed off."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from orders import by_hand
from orders.alarms import UnableToCloseAlarm, close_alarm
from orders.models import MoneyAlarm, Payment, ReconciliationDifference, ReconciliationRun
from orders.reconciling.bills import Bills, NoStatement
from orders.reconciling.differences import UnableToSignOff, sign_off
from orders.reconciling.nightly import find_due_days
from orders.reconciling.runs import reconcile
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


def test_both_sides_are_added_up_whatever_agrees(saga: Saga):
    payment, other = paid("2026-11-23 09:30"), paid("2026-11-23 09:40", fen=500)
    refund = given_back(saga, payment, "2026-11-23 10:00", "2026-11-23 10:01")
    back = GivenBack(payment.channel_trade_no, 9700, refund_no=refund.refund_no)
    told = run(bills(nov_23=[line(payment), back, Paid("T-STRANGE", 4200)], nov_24=[]))
    assert (told.their_payments, told.their_payments_fen) == (2, 14000)
    assert (told.their_refunds, told.their_refunds_fen) == (1, 9700)
    assert (told.our_payments, told.our_payments_fen) == (2, 9800 + other.amount_fen)
    assert (told.our_refunds, told.our_refunds_fen) == (1, 9800)
    assert told.counted_until == at("2026-11-24 00:00")
    assert run(bills(nov_24=[]), NOV_24).counted_until == TEN


class TestADayOnWhichNothingHappened:
    """Channels make no bill of it, and say the same when they have not made it yet."""

    def bills(self) -> Bills:
        def read(day: date) -> Any:
            raise NoStatement("NO_STATEMENT_EXIST", is_told=True)

        return Bills(read)

    def test_it_agrees_where_we_have_nothing_either(self):
        told = run(self.bills(), now=at("2026-11-24 12:00"))
        assert (told.state, told.lines, told.differences_count) == ("compared", 0, 0)

    def test_before_noon_it_may_yet_come(self):
        assert run(self.bills(), now=at("2026-11-24 11:59")).state == "no_statement"

    def test_where_we_have_something_it_is_missing(self):
        paid("2026-11-23 09:00")
        told = run(self.bills(), now=at("2026-11-24 12:00"))
        assert (told.state, told.differences_count) == ("no_statement", 0)

    def test_a_bill_that_was_there_before_is_not_empty_now(self):
        run(bills(nov_23=[Paid("T-STRANGE", 4200)]))
        assert run(self.bills(), now=at("2026-11-24 12:00")).state == "no_statement"
        assert found() == [("theirs_only", "T-STRANGE", "open")]

    def test_a_channel_that_cannot_be_reached_says_nothing(self):
        assert run(bills(), now=at("2026-11-24 12:00")).state == "no_statement"

    def test_an_entry_of_the_last_hours_does_not_wait_for_a_bill_that_never_comes(self):
        late = paid("2026-11-23 23:30")
        told = run(bills(nov_23=[]), now=at("2026-11-25 11:59"))
        assert (told.waiting, told.is_complete) == (1, False)
        told = run(bills(nov_23=[]), now=at("2026-11-25 12:00"))
        assert (told.waiting, told.ours_only, told.is_complete) == (0, 1, True)
        assert found() == [("ours_only", late.channel_trade_no, "open")]


def alarms() -> list[tuple[str, int, bool, bool]]:
    found = MoneyAlarm.objects.order_by("pk")
    return [(a.kind, a.amount_fen, a.told_at is None, a.closed_at is None) for a in found]


class TestAlarms:
    def test_a_day_with_differences_is_one_alarm_with_all_that_is_at_issue(self):
        wrong = paid("2026-11-23 09:10")
        rows = [Paid(wrong.channel_trade_no, 9801), Paid("T-STRANGE", 4200)]
        run(bills(nov_23=rows))
        assert alarms() == [("bill_differs", 1 + 4200, True, True)]
        alarm = MoneyAlarm.objects.get()
        assert (alarm.channel, alarm.day, alarm.refund) == ("alipay", NOV_23, None)

    def test_what_waits_for_the_next_bill_is_no_alarm(self):
        paid("2026-11-23 23:30")
        run(bills(nov_23=[]))
        assert alarms() == []

    def test_the_same_differences_are_told_once_new_ones_again(self):
        run(bills(nov_23=[Paid("T-STRANGE", 4200)]))
        MoneyAlarm.objects.update(told_at=TEN)
        run(bills(nov_23=[Paid("T-STRANGE", 4200)]))
        assert alarms() == [("bill_differs", 4200, False, True)]
        run(bills(nov_23=[Paid("T-STRANGE", 4200), Paid("T-OTHER", 100)]))
        assert alarms() == [("bill_differs", 4300, True, True)]

    def test_it_closes_by_itself_when_both_agree_again(self):
        run(bills(nov_23=[Paid("T-STRANGE", 4200)]))
        run(bills(nov_23=[]))
        assert alarms() == [("bill_differs", 4200, True, False)]
        assert MoneyAlarm.objects.get().closed_by == "system"

    def test_the_last_explanation_closes_it(self):
        run(bills(nov_23=[Paid("T-STRANGE", 4200), Paid("T-OTHER", 100)]))
        first, second = ReconciliationDifference.objects.order_by("pk")
        sign_off(difference_id=first.pk, reason="paid at the counter", by="staff:7", now=TEN)
        assert alarms()[0][3] is True
        sign_off(difference_id=second.pk, reason="a test", by="staff:7", now=TEN)
        alarm = MoneyAlarm.objects.get()
        assert (alarm.closed_at, alarm.closed_by, alarm.note) == (TEN, "staff:7", "a test")

    def test_nobody_closes_it_over_what_is_unexplained(self):
        run(bills(nov_23=[Paid("T-STRANGE", 4200)]))
        with pytest.raises(UnableToCloseAlarm) as refused:
            close_alarm(alarm_id=MoneyAlarm.objects.get().pk, note="seen", by="staff:7", now=TEN)
        assert refused.value.code == "unexplained"
        assert alarms()[0][3] is True

    def test_a_bill_that_is_not_there_at_noon_is_told_until_it_comes(self):
        payment = paid("2026-11-23 09:00")
        run(bills(), now=at("2026-11-24 11:00"))
        assert alarms() == []
        for _again in range(2):
            run(bills(), now=at("2026-11-24 12:00"))
        assert alarms() == [("bill_missing", 0, True, True)]
        run(bills(nov_23=[line(payment)]), now=at("2026-11-24 12:30"))
        assert alarms() == [("bill_missing", 0, True, False)]

    def test_a_missing_bill_without_anything_of_ours_is_no_alarm(self):
        run(bills(), now=at("2026-11-24 12:00"))
        assert alarms() == []

    def test_nobody_is_called_for_what_he_asked_by_hand(self):
        paid("2026-11-23 09:00")
        reconcile(
            channel="alipay", day=NOV_23, bills=bills(), by="command", now=at("2026-11-24 12:00")
        )
        assert alarms() == []


def test_days_on_which_the_desk_was_off_are_made_up_for():
    run(bills(nov_22=[], nov_23=[]), date(2026, 11, 20))
    days = [date(2026, 11, day) for day in (26, 25, 24, 23, 22, 21, 20)]
    assert due(at("2026-11-27 10:00")) == days
    assert min(due(at("2026-12-27 10:00"))) == date(2026, 12, 13)


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


@pytest.mark.django_db(transaction=True)
def test_two_runs_of_one_day_at_the_same_time_find_the_same_rows_once():
    """Whoever is second meets the first one's rows, or its alarm, and finds them again."""
    rows = [Paid(f"T-{number}", 100 + number) for number in range(20)]
    ready = threading.Barrier(4)

    def compare() -> int:
        try:
            known = bills(nov_23=rows)
            ready.wait(30)
            return int(run(known).theirs_only)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        told = [future.result(60) for future in [pool.submit(compare) for _n in range(4)]]
    assert told == [20] * 4
    assert len(found(kind="theirs_only", state="open")) == 20
    assert MoneyAlarm.objects.count() == 1
