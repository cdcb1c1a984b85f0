"""Would a supervisor trust the number? A week of disputes, counted by hand beside it."""

from datetime import date, timedelta

import pytest

from orders.models import Refund
from tests.stories import CUSTOMER, HOUR, MINUTE, OPENING, TICK, Desk, acting, at, deadline_of
from tickets import transitions
from tickets.report_rows import GROUPS, report, total
from tickets.reports import Period, count_by_day, count_promises
from tickets.sweep import sweep

pytestmark = pytest.mark.django_db

WEEK = Period(date(2026, 11, 23), date(2026, 11, 29))


@pytest.fixture
def week(desk: Desk) -> Desk:
    """Six disputes of customers and one drill:

    Tue 24, 10:00  kept-1  Lin's, supplier north: refunded by the desk on Wed 25, 09:00 -> kept
    Tue 24, 10:00  lost-1  supplier north, nobody's: the channel never answers -> broken Wed 10:00
    Tue 24, 10:00  gone    supplier south: withdrawn at 11:00 -> given up
    Thu 26, 14:00  kept-2  supplier south: refunded by the desk on Fri 27, 13:00 -> kept
    Thu 26, 14:00  noproof no file: no promise runs
    Thu 26, 14:00  drill   broken like lost-1, and not counted
    Sun 29, 23:00  fresh   still running at the end of the week
    """
    lin = acting(desk.people["lin"])
    kept_1 = desk.open(desk.order(supplier="north", price_fen=5000))
    lost_1 = desk.open(desk.order(supplier="north", price_fen=7000))
    gone = desk.open(desk.order(supplier="south"))
    transitions.assign_ticket(
        ticket_id=kept_1.pk, assignee=desk.people["lin"], actor=lin, now=OPENING + MINUTE
    )
    transitions.reply(ticket_id=kept_1.pk, text="在查", actor=lin, now=OPENING + 5 * MINUTE)
    transitions.withdraw(ticket_id=gone.pk, reason="到了", actor=CUSTOMER, now=OPENING + HOUR)
    desk.advance(at("11-25 09:00"))
    desk.settle(kept_1, "succeeded")
    desk.advance(at("11-26 14:00"))
    second = at("11-26 13:30")
    kept_2 = desk.open(desk.order(supplier="south", price_fen=3000, created_at=second))
    desk.open(desk.order(supplier="south", created_at=second), proof=())
    drill = desk.open(desk.order(supplier="north", created_at=second), is_drill=True)
    desk.advance(at("11-27 13:00"))
    desk.settle(kept_2, "succeeded")
    desk.advance(at("11-29 23:00"))
    desk.open(desk.order(supplier="north", created_at=at("11-29 22:30")))
    assert desk.tell(kept_1).outcome == desk.tell(kept_2).outcome == "refunded"
    assert {b.kind for b in lost_1.breaches.all()} >= {"commitment"}
    assert {b.kind for b in drill.breaches.all()} >= {"commitment"}
    return desk


def test_the_promise_is_counted_as_by_hand(week: Desk):
    promise = count_promises(WEEK, now=week.now)["commitment"]
    assert (promise.kept, promise.broken, promise.given_up) == (2, 1, 1)
    assert promise.share == pytest.approx(2 / 3)


def test_each_promise_counts_on_the_day_its_fate_was_sealed(week: Desk):
    days = count_by_day(WEEK, now=week.now)
    assert len(days) == 7
    told = {d.day: (k.kept, k.broken, k.given_up) for d, k in days.items() if k != type(k)()}
    assert told == {24: (0, 0, 1), 25: (1, 1, 0), 27: (1, 0, 0)}


def test_a_day_that_is_over_does_not_change_any_more(week: Desk):
    before = count_by_day(WEEK, now=week.now)
    week.advance(at("12-10 12:00"))
    assert count_by_day(WEEK, now=week.now) == before


def test_what_is_due_and_not_swept_yet_is_broken_already(desk: Desk):
    ticket = desk.open()
    due_at = deadline_of(ticket, "commitment").due_at
    period = Period.of_days(7, now=due_at)
    # Nobody sweeps: the facts alone decide, to the microsecond.
    assert count_promises(period, now=due_at - TICK)["commitment"].broken == 0
    assert count_promises(period, now=due_at)["commitment"].broken == 1
    sweep(now=due_at + HOUR, driver="test")
    assert count_promises(period, now=due_at + HOUR)["commitment"].broken == 1


def test_by_supplier(week: Desk):
    rows = {row.key: row for row in report("supplier", WEEK, now=week.now)}
    north, south = rows["north"], rows["south"]
    assert (north.opened, south.opened) == (3, 3)
    assert (north.promise.kept, north.promise.broken, north.promise.given_up) == (1, 1, 0)
    assert (south.promise.kept, south.promise.broken, south.promise.given_up) == (1, 0, 1)
    assert (north.refunds, north.refunded_fen) == (1, 5000)
    assert (south.refunds, south.refunded_fen) == (1, 3000)


def test_by_agent_and_by_hour(week: Desk):
    by_agent = {row.key: row for row in report("agent", WEEK, now=week.now)}
    lin = by_agent[week.people["lin"].pk]
    assert (lin.opened, lin.promise.kept, lin.refunds, lin.late_replies) == (1, 1, 1, 0)
    assert by_agent[None].opened == 5
    hours = {row.key: row.opened for row in report("hour", WEEK, now=week.now)}
    assert hours == {10: 3, 14: 2, 23: 1}


def test_every_report_adds_up_to_the_same(week: Desk):
    def sums(by: str):
        row = total(report(by, WEEK, now=week.now))
        return (row.opened, row.promise, row.late_replies, row.late_handling, row.refunded_fen)

    assert len({repr(sums(by)) for by in GROUPS}) == 1
    assert sums("agent")[0] == 6
    assert sums("agent")[4] == 8000


def test_money_that_has_not_arrived_is_not_counted(week: Desk):
    # The lost one's refund is requested and unanswered: nothing went back.
    assert Refund.objects.filter(state="requested").exists()
    assert total(report("channel", WEEK, now=week.now)).refunded_fen == 8000


def test_a_period_is_whole_local_days():
    period = Period.of_days(7, now=at("11-24 00:00"))
    assert (period.first, period.last) == (date(2026, 11, 18), date(2026, 11, 24))
    assert period.since == at("11-18 00:00")
    assert period.until == at("11-25 00:00")
    assert Period.of_days(1, now=at("11-24 00:00") - TICK).first == date(2026, 11, 23)
    assert (period.until - period.since) == timedelta(days=7)
