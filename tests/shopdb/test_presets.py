"""What two shop scripts write becomes orders by the rules of PUT /api/v1/orders/."""

from datetime import timedelta
from pathlib import Path

import pytest

from orders.models import Order, Payment, ShopFault
from tests.mariadb import MariaDB
from tests.shopdb.conftest import NOW, Poll, sell, sell_acg
from tests.shopdb.tables import ACG_FAKA_GRANTS, DUJIAOKA_GRANTS
from tests.stories import at

pytestmark = pytest.mark.django_db

DOCS = Path(__file__).resolve().parents[2] / "docs" / "shop-scripts.md"


def reasons() -> list[tuple[str, str, str]]:
    faults = ShopFault.objects.filter(cleared_at=None).order_by("row_id")
    return [(f.order_no, f.errors[0]["field"], f.errors[0]["code"]) for f in faults]


def test_an_order_of_dujiaoka(dujiaoka: MariaDB, poll: Poll) -> None:
    sell(dujiaoka)
    assert poll().counts == {"created": 1, "unchanged": 1, "rejected": 0}
    order = Order.objects.get()
    assert (order.order_no, order.source, order.status) == ("QX7TlkCcvcQ8A1b2", "dujiaoka", "paid")
    assert (order.price_fen, order.face_value_fen) == (9985, 9990)
    assert (order.target_account, order.customer_email) == ("13800001234", "li.hua@example.com")
    assert (order.product_kind, order.arrival_within) == ("slow", timedelta(hours=24))
    assert order.facts_as_of == NOW
    payment = order.payments.get()
    assert (payment.channel, payment.amount_fen, payment.paid_at) == ("alipay", 9985, at("10:00"))
    assert payment.merchant_trade_no == "QX7TlkCcvcQ8A1b2"
    assert payment.channel_trade_no == "2026112422001QX7TlkCcvcQ8A1b2"


@pytest.mark.parametrize(
    ("theirs", "ours", "paid"),
    [
        (-1, "awaiting_payment", False),
        (1, "awaiting_payment", False),
        (2, "paid", True),
        (3, "recharging", True),
        (4, "delivered", True),
        (5, "failed", True),
        (6, "failed", True),
    ],
)
def test_every_status_of_dujiaoka(
    dujiaoka: MariaDB, poll: Poll, theirs: int, ours: str, paid: bool
) -> None:
    sell(dujiaoka, status=theirs)
    poll()
    order = Order.objects.get()
    assert (order.status, order.payments.exists()) == (ours, paid)


def test_card_codes_of_dujiaoka_are_never_read(dujiaoka: MariaDB, poll: Poll) -> None:
    sell(dujiaoka, "AUTO", type=1, status=4, info="账号:CODE-1234-SECRET")
    sell(dujiaoka, "DONE", type=2, status=4, info="账号:CODE-5678-SECRET")
    poll()
    automatic = Order.objects.get(order_no="AUTO")
    assert automatic.is_card_code
    assert automatic.code_revealed_at == at("10:01:30")
    assert (automatic.product_kind, automatic.arrival_within) == ("instant", timedelta(minutes=10))
    assert not Order.objects.filter(target_account__contains="SECRET").exists()


@pytest.mark.parametrize(
    ("info", "account"),
    [
        ("游戏区服:华东一区\n游戏账号:steam_9527\n账号密码:hunter2", "steam_9527"),
        ("登录密码:hunter2\nQQ:2233445566", "2233445566"),
        ("区服:华东:一区", "华东:一区"),
        ("没有冒号的一行", ""),
        (None, ""),
    ],
)
def test_the_account_in_the_answers_of_a_form(
    dujiaoka: MariaDB, poll: Poll, info: str | None, account: str
) -> None:
    sell(dujiaoka, info=info)
    poll()
    assert Order.objects.get().target_account == account


def test_ways_to_pay(dujiaoka: MariaDB, poll: Poll, settings) -> None:
    sell(dujiaoka, "A", pay_id=8)
    sell(dujiaoka, "B", pay_id=15)
    sell(dujiaoka, "C", pay_id=None)
    poll()
    found = dict(Payment.objects.values_list("order__order_no", "channel"))
    assert found == {"A": "wechatpay", "B": "offline", "C": "offline"}
    settings.SHOP_DB_CHANNELS = {"wxpay": "shop"}
    sell(dujiaoka, "D", pay_id=15)
    poll()
    assert Payment.objects.get(order__order_no="D").channel == "shop"


def test_bad_rows_are_named_and_stop_no_other(dujiaoka: MariaDB, poll: Poll) -> None:
    sell(dujiaoka, "GOOD")
    sell(dujiaoka, "有空格 的号")
    sell(dujiaoka, "STATUS", status=9)
    sell(dujiaoka, "LONGNO", trade_no="9" * 65)
    sell(dujiaoka, "TAKEN", trade_no="2026112422001GOOD")
    sell(dujiaoka, "TOMORROW", created_at="2026-11-25 10:00:00")
    assert poll().counts["rejected"] == 5
    assert reasons() == [
        ("有空格 的号", "order_no", "invalid"),
        ("STATUS", "status", "invalid_choice"),
        ("LONGNO", "payments.0.channel_trade_no", "max_length"),
        ("TAKEN", "payments", "trade_number_taken"),
        ("TOMORROW", "payments.paid_at", "in_future"),
    ]
    assert Order.objects.get().order_no == "GOOD"


def test_a_free_order_has_no_payment(dujiaoka: MariaDB, poll: Poll) -> None:
    sell(dujiaoka, actual_price="0.00", status=4)
    poll()
    order = Order.objects.get()
    assert (order.price_fen, order.payments.count()) == (0, 0)


def test_an_order_of_acg_faka(acg: MariaDB, poll: Poll) -> None:
    sell_acg(acg)
    poll()
    order = Order.objects.get()
    assert (order.source, order.status, order.price_fen) == ("acg-faka", "paid", 10000)
    assert (order.target_account, order.customer_phone) == ("13800001234", "13900005678")
    assert order.product_name == "话费充值100元"
    payment = order.payments.get()
    assert (payment.channel, payment.paid_at) == ("alipay", at("10:00:40"))
    assert payment.merchant_trade_no == "126112410000012345"


def test_a_member_of_acg_faka_and_a_card_code(acg: MariaDB, poll: Poll) -> None:
    sell_acg(
        acg,
        owner=1000,
        contact="-",
        commodity_id=1,
        delivery_status=1,
        pay_id=1,
        secret="CODE-1234",
        widget="[]",
    )
    poll()
    order = Order.objects.get()
    assert (order.status, order.is_card_code) == ("delivered", True)
    assert order.code_revealed_at == at("10:00:40")
    assert (order.customer_phone, order.customer_email) == ("13700007777", "chen@example.com")
    assert (order.buyer_ref, order.payments.get().channel) == ("acg-faka:1000", "offline")


def test_acg_faka_unpaid_unknown_and_impossible(acg: MariaDB, poll: Poll) -> None:
    sell_acg(acg, "1", status=0, pay_time=None)
    sell_acg(acg, "2", status=7)
    sell_acg(acg, "3", pay_time=None)
    poll()
    assert Order.objects.get().status == "awaiting_payment"
    assert reasons() == [("2", "status", "invalid_choice"), ("3", "pay_time", "invalid")]


@pytest.mark.parametrize("grants", [DUJIAOKA_GRANTS, ACG_FAKA_GRANTS])
def test_the_documented_account_is_the_tested_one(grants: list[str]) -> None:
    """Every test above read with exactly these rights."""
    text = " ".join(DOCS.read_text().split())
    for grant in grants:
        assert grant.format(database="shop", reader="desk_reader") in text.replace("`", "").replace(
            "'desk_reader'@'203.0.113.7'", "desk_reader"
        )
