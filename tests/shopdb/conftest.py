"""A shop of each script on a real MariaDB, which the desk's settings point at."""

import secrets
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from orders.shopdb.polling import Pass, poll_shop, read_source
from tests.mariadb import MariaDB, private_mariadb
from tests.shopdb.tables import ACG_FAKA, ACG_FAKA_GRANTS, DUJIAOKA, DUJIAOKA_GRANTS
from tests.stories import at

Poll = Callable[..., Pass]
Add = Callable[..., None]
NOW = at("12:00")


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDB]:
    with private_mariadb() as server:
        yield server


@pytest.fixture
def mariadb(mariadb_server: MariaDB) -> MariaDB:
    return mariadb_server


@pytest.fixture
def dujiaoka(mariadb: MariaDB, db: None, settings) -> MariaDB:
    mariadb.new_shop(f"dujiaoka_{secrets.token_hex(4)}", DUJIAOKA, DUJIAOKA_GRANTS)
    settings.SHOP_DB_URL, settings.SHOP_DB_PRESET = mariadb.url(), "dujiaoka"
    return mariadb


@pytest.fixture
def acg(mariadb: MariaDB, db: None, settings) -> MariaDB:
    mariadb.new_shop(f"acg_{secrets.token_hex(4)}", ACG_FAKA, ACG_FAKA_GRANTS)
    settings.SHOP_DB_URL, settings.SHOP_DB_PRESET = mariadb.url(), "acg-faka"
    return mariadb


@pytest.fixture
def poll() -> Poll:
    def look(now: datetime = NOW, **more: Any) -> Pass:
        return poll_shop(source=read_source(), clock=lambda: now, **more)

    return look


def insert(shop: MariaDB, table: str, row: dict[str, Any]) -> None:
    columns, marks = ", ".join(f"`{name}`" for name in row), ", ".join(["%s"] * len(row))
    shop.run(f"INSERT INTO `{table}` ({columns}) VALUES ({marks})", *row.values())


def sell(shop: MariaDB, order_sn: str = "QX7TlkCcvcQ8A1b2", **changes: Any) -> None:
    """What dujiaoka writes for a paid order that people fill by hand."""
    insert(
        shop,
        "orders",
        {
            "order_sn": order_sn,
            "goods_id": 7,
            "title": "移动话费100元x1",
            "type": 2,
            "goods_price": "99.90",
            "total_price": "99.90",
            "actual_price": "99.85",
            "email": "li.hua@example.com",
            "info": "充值手机号:13800001234\n备注:尽快\n",
            "pay_id": 1,
            "trade_no": f"2026112422001{order_sn}",
            "status": 2,
            "created_at": "2026-11-24 10:00:00",
            "updated_at": "2026-11-24 10:01:30",
        }
        | changes,
    )


def sell_acg(shop: MariaDB, trade_no: str = "126112410000012345", **changes: Any) -> None:
    """What acg-faka writes for a paid order that people fill by hand."""
    insert(
        shop,
        "acg_order",
        {
            "trade_no": trade_no,
            "amount": "100.00",
            "commodity_id": 2,
            "card_num": 1,
            "pay_id": 3,
            "create_time": "2026-11-24 10:00:00",
            "pay_time": "2026-11-24 10:00:40",
            "status": 1,
            "secret": "正在发货中",
            "contact": "13900005678",
            "delivery_status": 0,
            "widget": '{"phone":{"value":"13800001234","cn":"充值手机号"}}',
        }
        | changes,
    )
