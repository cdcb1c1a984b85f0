"""A shop is read to its end, again and again, and nothing of it is missed or changed."""

from datetime import timedelta
from io import StringIO

import pymysql
import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command

from orders.models import Order, ShopFault, ShopFeed
from orders.shopdb import polling
from orders.shopdb.connection import UnableToReadShop, open_shop
from orders.shopdb.polling import LEASE, read_source
from orders.tasks import poll_shop as poll_shop_task
from tests.mariadb import MariaDB
from tests.shopdb.conftest import NOW, Poll, sell, sell_acg
from tests.stories import MINUTE, at
from tickets.models import Notice
from tickets.sources import alarm_silent_sources, count_silent_sources

pytestmark = pytest.mark.django_db


def test_page_by_page_and_then_nothing_new(dujiaoka: MariaDB, poll: Poll) -> None:
    for number in range(7):
        sell(dujiaoka, f"N{number}", status=4)
    first = poll(page=2)
    assert (first.finished, first.counts["created"]) == (True, 7)
    feed = ShopFeed.objects.get()
    assert (feed.mark_at, feed.cursor_at, feed.last_ok_at) == (at("10:01:30"), None, NOW)
    again = poll(page=2, now=NOW + MINUTE)
    assert (again.counts["created"], again.counts["updated"]) == (0, 0)


def test_a_pass_goes_on_where_its_time_was_over(dujiaoka: MariaDB, poll: Poll) -> None:
    for number in range(5):
        sell(dujiaoka, f"N{number}", status=4, updated_at=f"2026-11-24 10:0{number}:00")
    # No time at all: one page, and the place is kept.
    seen = [poll(page=2, budget_s=0.0, now=NOW + n * MINUTE) for n in range(3)]
    assert [done.finished for done in seen] == [False, False, True]
    assert [done.counts["created"] for done in seen] == [2, 2, 1]


def test_a_reader_that_dies_in_the_middle(dujiaoka: MariaDB, poll: Poll, monkeypatch) -> None:
    class PowerCutError(BaseException): ...

    real, calls = polling.store_row, []

    def cut(*args, **more):
        calls.append(args)
        if len(calls) == 4:
            raise PowerCutError
        return real(*args, **more)

    for number in range(6):
        sell(dujiaoka, f"N{number}", status=4, updated_at=f"2026-11-24 10:0{number}:00")
    with monkeypatch.context() as power:
        power.setattr(polling, "store_row", cut)
        with pytest.raises(PowerCutError):
            poll(page=2)
    assert Order.objects.count() == 3
    assert poll(page=2).busy, "the dead reader's lease"
    done = poll(page=2, now=NOW + LEASE)
    assert (done.finished, Order.objects.count()) == (True, 6)


def test_changes_are_seen_and_late_commits_too(dujiaoka: MariaDB, poll: Poll) -> None:
    sell(dujiaoka, "PAID")
    poll()
    dujiaoka.run("UPDATE orders SET status = 4, updated_at = '2026-11-24 12:00:30'")
    # Written before the mark, committed after it was set.
    sell(dujiaoka, "LATE", status=4, updated_at="2026-11-24 11:58:00")
    done = poll(now=NOW + MINUTE)
    assert (done.counts["updated"], done.counts["created"]) == (1, 1)
    assert Order.objects.get(order_no="PAID").status == "delivered"
    assert ShopFeed.objects.get().mark_at == at("12:00:30")


def test_a_row_dated_tomorrow_hides_nothing(dujiaoka: MariaDB, poll: Poll) -> None:
    sell(dujiaoka, "AHEAD", updated_at="2026-11-25 10:00:00")
    poll()
    assert ShopFeed.objects.get().mark_at == NOW
    sell(dujiaoka, "TODAY", updated_at="2026-11-24 12:00:30")
    poll(now=NOW + MINUTE)
    assert Order.objects.filter(order_no="TODAY").exists()


def test_a_row_without_a_time_of_change(dujiaoka: MariaDB, poll: Poll) -> None:
    sell(dujiaoka, updated_at=None)
    assert poll().counts["created"] == 1


def test_a_delivery_of_acg_faka_leaves_no_time_and_is_seen(acg: MariaDB, poll: Poll) -> None:
    sell_acg(acg)
    sell_acg(acg, "2", create_time="2026-11-20 10:00:00", pay_time="2026-11-20 10:00:00")
    poll()
    acg.run("UPDATE acg_order SET delivery_status = 1")
    poll(now=NOW + 3 * MINUTE)
    assert set(Order.objects.values_list("status", flat=True)) == {"delivered"}


def test_what_is_not_finished_stays_fresh(dujiaoka: MariaDB, poll: Poll) -> None:
    """A dispute must find facts younger than the policy's half hour."""
    sell(dujiaoka, updated_at="2026-11-24 06:00:00", created_at="2026-11-24 06:00:00")
    poll()
    poll(now=NOW + 40 * MINUTE)
    order = Order.objects.get()
    assert order.facts_as_of == NOW + 40 * MINUTE
    assert order.events.count() == 1, "nothing happened"


def test_a_corrected_account_is_not_taken_back(dujiaoka: MariaDB, poll: Poll) -> None:
    sell(dujiaoka)
    poll()
    Order.objects.update(target_account="13800004321")
    poll(now=NOW + MINUTE)
    assert Order.objects.get().target_account == "13800004321"


def test_a_fault_is_mended_there(dujiaoka: MariaDB, poll: Poll) -> None:
    sell(dujiaoka, "BAD", status=9, updated_at="2026-11-20 10:00:00")
    sell(dujiaoka, "GONE", status=9, updated_at="2026-11-20 10:00:00")
    sell(dujiaoka, "LATER", updated_at="2026-11-24 11:00:00")
    poll()
    # By hand, without a new time: it is found all the same.
    dujiaoka.run("UPDATE orders SET status = 4 WHERE order_sn = 'BAD'")
    dujiaoka.run("DELETE FROM orders WHERE order_sn = 'GONE'")
    assert poll(now=NOW + MINUTE).counts["rejected"] == 0
    assert Order.objects.get(order_no="BAD").status == "delivered"
    assert not ShopFault.objects.filter(cleared_at=None).exists()
    assert ShopFault.objects.count() == 2


def test_the_session_can_write_nothing(dujiaoka: MariaDB) -> None:
    """Not even with an account that might."""
    dujiaoka.run(f"GRANT ALL ON {dujiaoka.database}.* TO desk_reader@localhost")
    sell(dujiaoka)
    with open_shop(read_source().account) as shop:
        with pytest.raises(UnableToReadShop, match="READ ONLY"):
            shop.fetch("UPDATE orders SET status = 4")
        limit = shop.fetch("SELECT @@max_statement_time AS s")[0]["s"]
    assert 0 < limit <= 20


def test_a_shop_that_does_not_answer_alarms(dujiaoka: MariaDB, poll: Poll, settings, desk) -> None:
    sell(dujiaoka)
    poll()
    settings.SHOP_DB_URL = dujiaoka.url(password="wrong")
    for minutes in (1, 2):
        with pytest.raises(UnableToReadShop, match="Access denied"):
            poll(now=NOW + minutes * MINUTE)
    feed = ShopFeed.objects.get()
    assert feed.failing_since == NOW + MINUTE
    assert "wrong" not in feed.last_error
    assert count_silent_sources(NOW + 10 * MINUTE) == 0
    late = NOW + 17 * MINUTE
    assert count_silent_sources(late) == 1
    for _time in range(2):
        alarm_silent_sources(now=late)
    assert Notice.objects.filter(kind="shop_silent_staff").count() == 2, "two supervisors"
    settings.SHOP_DB_URL = dujiaoka.url()
    poll(now=late)
    assert count_silent_sources(late) == 0


def test_nobody_reads_any_more(dujiaoka: MariaDB, poll: Poll) -> None:
    poll()
    assert count_silent_sources(NOW + timedelta(hours=1)) == 1


def test_a_shop_of_another_script_says_which_column(dujiaoka: MariaDB, poll: Poll) -> None:
    dujiaoka.run("ALTER TABLE orders DROP COLUMN actual_price")
    with pytest.raises(UnableToReadShop, match="actual_price"):
        poll()


def test_the_command(dujiaoka: MariaDB) -> None:
    sell(dujiaoka)
    sell(dujiaoka, "BAD", status=9)
    out = StringIO()
    call_command("poll_shop", "--preview", stdout=out)
    assert not Order.objects.exists()
    assert not ShopFeed.objects.exists()
    shown = out.getvalue()
    assert "99.85  alipay  138****1234" in shown
    assert "BAD" in shown
    out = StringIO()
    call_command("poll_shop", stdout=out)
    assert Order.objects.count() == 1
    assert "1" in out.getvalue()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SHOP_DB_PRESET", "woocommerce"),
        ("SHOP_DB_TIME_ZONE", "Asia/Beijing2"),
        ("SHOP_DB_CHANNELS", {"wxpay": "bitcoin"}),
        ("SHOP_DB_URL", "postgres://a:b@c/d"),
        ("SHOP_DB_URL", "mysql://c/d"),
        ("SHOP_DB_URL", "mysql://a:b@c:x/d"),
        ("SHOP_DB_URL", "mysql://a:b@c/"),
    ],
)
def test_a_wrong_setting_is_found_at_the_start(settings, name: str, value: object) -> None:
    settings.SHOP_DB_URL, settings.SHOP_DB_PRESET = "mysql://a:b@c/d", "dujiaoka"
    assert not [found for found in run_checks() if found.id == "orders.E020"]
    setattr(settings, name, value)
    found = [found for found in run_checks() if found.id == "orders.E020"]
    assert len(found) == 1
    with pytest.raises(CommandError):
        call_command("poll_shop")


def test_without_a_shop_there_is_nothing_to_do(settings) -> None:
    settings.SHOP_DB_URL = ""
    with pytest.raises(CommandError) as error:
        call_command("poll_shop")
    assert error.value.returncode == 2


def test_the_task_of_the_worker(dujiaoka: MariaDB) -> None:
    sell(dujiaoka)
    poll_shop_task()
    assert Order.objects.count() == 1


def test_two_families_one_limit() -> None:
    from orders.shopdb.connection import limit_statements

    assert "max_statement_time = 15" in limit_statements("10.11.14-MariaDB-0+deb12u2")
    assert "max_execution_time = 15000" in limit_statements("8.0.36")


def test_the_driver_is_the_declared_one() -> None:
    assert pymysql.VERSION[:2] == (1, 2)
