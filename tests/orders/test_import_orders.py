"""The shop's accountant, Wang Fang, exports the month's orders from Excel and imports them."""

import csv
import json
import os
import stat
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from openpyxl import Workbook

from orders.models import Order, OrderEvent, Payment
from tests.orders.conftest import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_the_time")]

SHANGHAI = ZoneInfo("Asia/Shanghai")
HEADERS = [
    "订单编号",
    "商品名称",
    "充值账号",
    "面值",
    "实付金额",
    "订单状态",
    "支付方式",
    "支付宝交易号",
    "支付时间",
]


def row(number: int = 1, **changes: str) -> list[str]:
    cells = {
        "订单编号": f"LT20261123{number:06d}",
        "商品名称": "中国移动话费100元",
        "充值账号": "13800001234",
        "面值": "100.00",
        "实付金额": "99.50",
        "订单状态": "充值失败",
        "支付方式": "支付宝",
        "支付宝交易号": f"20261123220014{number:014d}",
        "支付时间": "2026-11-23 14:30:05",
    }
    return list((cells | changes).values())


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    def write(
        rows: list[list[str]], *, headers: list[str] = HEADERS, encoding: str = "utf-8-sig",
        name: str = "orders.csv",
    ) -> Path:  # fmt: skip
        path = tmp_path / name
        with path.open("w", encoding=encoding, newline="") as file:
            csv.writer(file).writerows([headers, *rows])
        os.utime(path, (NOW.timestamp() - 3600, NOW.timestamp() - 3600))
        return path

    return write


def run(path: Path, capsys: Any = None, **options: Any) -> int:
    """The exit code of the command."""
    try:
        call_command("import_orders", str(path), **options)
    except CommandError as error:
        return error.returncode
    return 0


def rejects_of(path: Path) -> list[dict[str, str]]:
    with path.with_name(f"{path.name}.rejects.csv").open(encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def everything() -> list[Any]:
    return [list(t.objects.order_by("pk").values()) for t in (Order, Payment, OrderEvent)]


def test_a_row_becomes_an_order_with_its_payment(written: Callable[..., Path]):
    assert run(written([row()])) == 0
    order = Order.objects.get()
    assert (order.order_no, order.status, order.source) == ("LT20261123000001", "failed", "csv")
    assert (order.face_value_fen, order.price_fen) == (10000, 9950)
    assert order.facts_as_of == NOW.replace(hour=1)
    paid = order.payments.get()
    assert (paid.channel, paid.amount_fen, paid.status) == ("alipay", 9950, "paid")
    assert paid.paid_at == datetime(2026, 11, 23, 14, 30, 5, tzinfo=SHANGHAI)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_whatever_encoding_excel_chose(written: Callable[..., Path], encoding: str):
    assert run(written([row(商品名称="腾讯视频VIP会员镕")], encoding=encoding)) == 0
    assert Order.objects.get().product_name == "腾讯视频VIP会员镕"


def test_english_headers_and_amounts_in_fen(written: Callable[..., Path]):
    headers = ["Order No", "product_name", "target_account", "price_fen", "status", "channel",
               "merchant_trade_no", "paid_at"]  # fmt: skip
    cells = ["A-1", "Steam card", "", "12345", "delivered", "sandbox", "M1",
             "2026-11-23T06:30:05Z"]  # fmt: skip
    assert run(written([cells], headers=headers)) == 0
    order = Order.objects.get()
    assert (order.price_fen, order.is_card_code) == (12345, True)
    assert order.payments.get().paid_at == datetime(2026, 11, 23, 14, 30, 5, tzinfo=SHANGHAI)


def test_importing_the_same_file_again_changes_nothing(written: Callable[..., Path]):
    path = written([row(1), row(2)])
    run(path)
    before = everything()
    assert run(path) == 0
    assert everything() == before


def test_a_later_export_updates_and_an_older_one_is_left_aside(written: Callable[..., Path]):
    path = written([row(订单状态="充值中")])
    run(path)
    assert run(written([row(订单状态="充值成功")]), as_of="2026-11-24 10:00") == 0
    assert Order.objects.get().status == "delivered"
    assert run(path) == 0
    assert Order.objects.get().status == "delivered"


def test_one_broken_line_of_ten_thousand(written: Callable[..., Path], capfd: Any):
    rows = [row(number) for number in range(1, 10_001)]
    rows[4_999][4] = "九十九"
    path = written(rows)
    assert run(path) == 1
    assert Order.objects.count() == 9_999
    (reject,) = rejects_of(path)
    assert (reject["_line"], reject["_column"], reject["_code"]) == ("5001", "实付金额", "invalid")
    assert reject["订单编号"] == "LT20261123005000"


def test_the_rejects_file_is_private_and_can_be_mended_and_imported(written: Callable[..., Path]):
    path = written([row(1), row(2, 实付金额="99.505"), row(3, 订单状态="不知道")])
    assert run(path) == 1
    rejects = path.with_name("orders.csv.rejects.csv")
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600
    assert [r["_code"] for r in rejects_of(path)] == ["fraction_of_fen", "invalid_choice"]
    text = rejects.read_text(encoding="utf-8-sig")
    rejects.write_text(text.replace("99.505", "99.50").replace("不知道", "充值失败"))
    assert run(rejects) == 0
    assert Order.objects.count() == 3


@pytest.mark.parametrize(
    "line",
    [
        '"LT1,"stray, quote',
        "too,many,cells," * 9,
        "LT1",
        "LT1,商品",
    ],
)
def test_a_line_that_is_no_row_costs_only_itself(written: Callable[..., Path], line: str):
    path = written([row(1), row(2)])
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    path.write_text("\n".join([*lines[:2], line, *lines[2:]]))
    assert run(path) == 1
    assert Order.objects.count() == 2
    assert [reject["_line"] for reject in rejects_of(path)] == ["3"]


def test_a_line_of_broken_bytes_costs_only_itself(written: Callable[..., Path]):
    path = written([row(1), row(2), row(3)])
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace("移动".encode(), b"\xe7\xa7\xff\xff")
    path.write_bytes(b"".join(lines))
    assert run(path) == 1
    assert Order.objects.count() == 2


def test_a_cell_may_hold_a_line_break(written: Callable[..., Path]):
    assert run(written([row(1, 商品名称="中国移动\n话费100元"), row(2)])) == 0
    assert Order.objects.count() == 2


@pytest.mark.parametrize("damaged", ["2.02E+18", "2.02611E+15", "1E+10"])
def test_a_number_that_excel_damaged_is_rejected_and_explained(
    written: Callable[..., Path], damaged: str
):
    path = written([row(订单编号=damaged), row(2, 充值账号=damaged), row(3, 支付宝交易号=damaged)])
    assert run(path) == 1
    assert Order.objects.count() == 0
    assert [reject["_code"] for reject in rejects_of(path)] == ["damaged_number"] * 3
    assert "15" in rejects_of(path)[0]["_reason"]


@pytest.mark.parametrize("protected", ['="13800001234"', "'13800001234", "\t13800001234"])
def test_digits_that_an_export_protected_from_excel(written: Callable[..., Path], protected: str):
    assert run(written([row(充值账号=protected)])) == 0
    assert Order.objects.get().target_account == "13800001234"


@pytest.mark.parametrize(
    ("yuan", "fen"),
    [("0.29", 29), ("1,234.5", 123450), ("￥19.9", 1990), ("99元", 9900), ("4.35", 435)],
)
def test_yuan_become_fen_exactly(written: Callable[..., Path], yuan: str, fen: int):
    assert run(written([row(实付金额=yuan)])) == 0
    assert Payment.objects.get().amount_fen == fen


@pytest.mark.parametrize(
    "text",
    ["2026/11/23 14:30:05", "2026-11-23 14:30:05", "2026年11月23日 14:30:05",
     "2026-11-23T06:30:05+00:00"],
)  # fmt: skip
def test_times_without_a_zone_are_beijing_time(written: Callable[..., Path], text: str):
    run(written([row(支付时间=text)]))
    assert Payment.objects.get().paid_at == datetime(2026, 11, 23, 14, 30, 5, tzinfo=SHANGHAI)


def test_a_workbook(tmp_path: Path):
    book = Workbook()
    book.active.append(HEADERS)
    cells: list[Any] = row(1)
    cells[2], cells[3], cells[4] = 13800001234, 100, 0.1 + 0.2
    cells[8] = datetime(2026, 11, 23, 14, 30, 5)  # noqa: DTZ001 - Excel knows no zones
    book.active.append(cells)
    bad = row(2)
    bad[0] = 202611231430000010
    book.active.append(bad)
    path = tmp_path / "orders.xlsx"
    book.save(path)
    assert run(path) == 1
    paid = Payment.objects.get()
    assert (paid.order.target_account, paid.amount_fen) == ("13800001234", 30)
    assert paid.paid_at == datetime(2026, 11, 23, 14, 30, 5, tzinfo=SHANGHAI)
    (reject,) = rejects_of(path)
    assert (reject["_line"], reject["_code"]) == ("3", "damaged_number")


def test_two_payments_of_one_order_are_two_rows(written: Callable[..., Path]):
    second = row(1, 支付方式="微信支付", 支付宝交易号="4200001")
    assert run(written([row(1), second])) == 0
    assert Order.objects.get().payments.count() == 2


def test_a_trade_number_of_another_order_is_rejected(written: Callable[..., Path]):
    path = written([row(1), row(2, 支付宝交易号=row(1)[7])])
    assert run(path) == 1
    assert [reject["_code"] for reject in rejects_of(path)] == ["trade_number_taken"]
    assert Order.objects.count() == 1


def test_a_saved_mapping(written: Callable[..., Path], tmp_path: Path):
    headers = ["编码X", "货", "到谁", "元", "咋样", "流水", "何时"]
    cells = ["LT1", "Q币", "10001", "9.9", "搞定", "M1", "2026-11-23 10:00"]
    path = written([cells], headers=headers)
    assert run(path) == 2
    mapping = tmp_path / "mapping.json"
    mapping.write_text(
        json.dumps(
            {
                "fields": {
                    "order_no": "编码X", "product_name": "货", "target_account": "到谁",
                    "price": "元", "status": "咋样", "merchant_trade_no": "流水", "paid_at": "何时",
                },
                "defaults": {"channel": "sandbox"},
                "values": {"status": {"搞定": "delivered"}},
            }
        )
    )  # fmt: skip
    saved = tmp_path / "saved.json"
    assert run(path, mapping=mapping, save_mapping=saved) == 0
    assert Order.objects.get().payments.get().channel == "sandbox"
    assert json.loads(saved.read_text()) == json.loads(mapping.read_text())


def test_a_preview_stores_nothing(written: Callable[..., Path], capsys: Any):
    assert run(written([row(1), row(2, 实付金额="x")]), preview=True) == 0
    assert not Order.objects.exists()
    shown = capsys.readouterr().out
    assert "target_account" in shown
    assert "LT20261123000001" in shown


@pytest.mark.parametrize(
    "content",
    [b"", b"\xd0\xcf\x11\xe0 old workbook", b"PK\x03\x04 not a zip", "只有一列\n1\n".encode()],
)
def test_a_file_that_is_no_table_is_one_clear_line(tmp_path: Path, content: bytes):
    path = tmp_path / "orders.csv"
    path.write_bytes(content)
    assert run(path) == 2
    assert run(tmp_path / "missing.csv") == 2


def test_money_given_back_is_not_taken_away_by_a_file(written: Callable[..., Path]):
    run(written([row(1)]))
    Payment.objects.update(refunded_fen=5000)
    path = written([row(1, 实付金额="49.99")])
    assert run(path, as_of="2026-11-24 10:00") == 1
    assert rejects_of(path)[0]["_code"] == "amount_below_refunded"
    assert Payment.objects.get().amount_fen == 9950
