"""A bill that differs from our records is no dispute's business: every supervisor gets a mail."""

from datetime import date, timedelta

import pytest

from orders.models import MoneyAlarm, ReconciliationRun
from orders.reconciling.bills import Bills
from orders.reconciling.runs import reconcile
from orders.reconciling.statements import READERS
from tests.orders.bill_files import NOV_23, Paid, alipay_day
from tests.stories import Desk, at, make_order
from tickets.models import Notice
from tickets.money_alarms import tell_money_alarms
from tickets.notices import send_due_notices

pytestmark = pytest.mark.django_db

TEN = at("2026-11-24 10:00")


def compare(*rows: Paid, day: date = NOV_23, now=TEN) -> ReconciliationRun:
    content = alipay_day(day, *rows)
    bills = Bills(lambda wanted: READERS["alipay"].read_statement(content, day=wanted))
    return reconcile(channel="alipay", day=day, bills=bills, by="system", now=now)


def tell(now=TEN) -> int:
    return tell_money_alarms(clock=lambda: now)


def letters() -> list[tuple[str, str]]:
    notices = Notice.objects.order_by("pk").select_related("user")
    return [(notice.user.username, notice.kind) for notice in notices]


def test_every_supervisor_is_told_once(desk: Desk):
    compare(Paid("T-STRANGE", 4200))
    assert (tell(), tell()) == (1, 0)
    assert letters() == [("wang", "bill_differs_staff"), ("zhao", "bill_differs_staff")]


def test_the_same_differences_the_next_night_are_no_news(desk: Desk):
    for _night in range(3):
        compare(Paid("T-STRANGE", 4200))
        tell()
    assert len(letters()) == 2


def test_another_difference_is(desk: Desk):
    compare(Paid("T-STRANGE", 4200))
    tell()
    compare(Paid("T-STRANGE", 4200), Paid("T-OTHER", 100))
    tell()
    assert len(letters()) == 4


def test_what_was_explained_before_anybody_was_told_is_not_told(desk: Desk):
    compare(Paid("T-STRANGE", 4200))
    compare()
    assert tell() == 0
    assert letters() == []


def test_the_letter_says_what_where_and_how_much(desk: Desk, mailoutbox, settings):
    settings.SITE_URL = "https://desk.example"
    told = compare(Paid("T-STRANGE", 4200), Paid("T-OTHER", 100))
    tell()
    send_due_notices(clock=lambda: TEN)
    letter = mailoutbox[0]
    assert letter.to == ["wang@desk.example.com"]
    assert letter.subject == "支付宝 2026-11-23：账单与我方记录不一致"
    assert "2 笔" in letter.body
    assert "43.00" in letter.body
    assert f"https://desk.example/admin/orders/reconciliationrun/{told.pk}/change/" in letter.body


def test_a_missing_bill_is_told_with_the_reason(desk: Desk, mailoutbox):
    make_order(created_at=at("2026-11-23 09:00"), channel="alipay")
    bills = Bills(lambda day: READERS["alipay"].read_statement(b"<html>", day=day))
    noon = TEN + timedelta(hours=2)
    reconcile(channel="alipay", day=NOV_23, bills=bills, by="system", now=noon)
    assert MoneyAlarm.objects.get().kind == "bill_missing"
    desk.tick(noon)
    body = next(letter.body for letter in mailoutbox if "支付宝" in letter.subject)
    assert "manage.py reconcile --channel alipay --file" in body
    assert "1" in body
