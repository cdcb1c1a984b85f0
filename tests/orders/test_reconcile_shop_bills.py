"""The shop's own bill: JSON from its endpoint, CSV out of its back office."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.utils import translation

from orders.reconciling.statement import BEIJING, UnableToReadStatement
from orders.reconciling.statements import shop
from tests.orders.bill_files import NOV_23

Bill = dict[str, Any]

CSV = """类型,交易号,商户订单号,退款单号,金额,时间
付款,W1,LT1,,98.00,2026-11-23 09:30:05
退款,W1,LT1,RF1,"￥1,098.50",2026/11/23 16:40:11
提现,W9,,,5.00,2026-11-23 20:00:00
"""


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


def shown(content: bytes) -> list[tuple[str, str, int]]:
    statement = shop.read_statement(content)
    assert statement.day == NOV_23
    return [(line.kind, line.name, line.amount_fen) for line in statement.lines]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
def test_csv_as_a_back_office_exports_it(encoding: str):
    assert shown(CSV.encode(encoding)) == [
        ("payment", "W1", 9800),
        ("refund", "RF1", 109850),
        ("unknown", "W9", 500),
    ]
    second = shop.read_statement(CSV.encode(encoding)).lines[1]
    assert second.at == datetime(2026, 11, 23, 16, 40, 11, tzinfo=BEIJING)
    assert second.number == 3


def test_english_columns_in_another_order():
    text = "at,amount,kind,trade_no,merchant_trade_no,refund_no,remark\n"
    text += "2026-11-23T01:30:05Z,98,payment,W1,,,hello\n"
    assert shown(text.encode()) == [("payment", "W1", 9800)]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("98.00", "98.001", "line 2, column “金额”: “98.001” has a fraction of a fen."),
        ("98.00", "abc", "line 2, column “金额”: “abc” is no amount in yuan."),
        ("付款,W1", "付款,2.02E+18", "line 2, column “交易号”: “2.02E+18” was a longer number"),
        ("2026-11-23 09:30:05", "09:30", "line 2, column “时间”: “09:30” is no time"),
        ("2026-11-23 09:30:05", "2026-11-22 09:30:05", "The rows are of several days."),
        ("W1,LT1,,98.00", "W1,LT1,,98.00,1,2,3", "line 2: 9 cells instead of 6."),
        ("退款单号", "单号", "line 1, column “退款单号”: This is no bill of the shop's"),
        ("RF1", '"RF1', "line 3: "),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_column(old: str, new: str, says: str):
    with pytest.raises(UnableToReadStatement) as refused:
        shop.read_statement(CSV.replace(old, new, 1).encode())
    assert str(refused.value).startswith(says)


def test_a_workbook_is_not_taken_for_text():
    with pytest.raises(UnableToReadStatement, match="Save it as CSV"):
        shop.read_statement(b"PK\x03\x04" + b"\0" * 100)


def bill(**changes: Any) -> bytes:
    row = {"kind": "refund", "trade_no": "W1", "refund_no": "RF1", "amount_fen": 500}
    known: Bill = {
        "date": "2026-11-23",
        "lines": [{**row, "at": "2026-11-23T16:40:11+08:00"}],
        "payments": {"count": 0, "fen": 0},
        "refunds": {"count": 1, "fen": 500},
    }
    return json.dumps(known | changes).encode()


def row(**changes: Any) -> list[Bill]:
    return [{**json.loads(bill())["lines"][0], **changes}]


def test_json_from_the_endpoint():
    assert shown(bill()) == [("refund", "RF1", 500)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (bill(date="23.11."), "column “date”: Write the day as YYYY-MM-DD."),
        (bill(lines={}), "column “lines”: This is no list."),
        (bill(lines=["x"]), "line 1: This is no row of a bill."),
        (bill(lines=row(amount_fen=4.5)), "line 1, column “amount_fen”: “4.5” is no whole number"),
        (bill(lines=row(amount_fen=True)), "line 1, column “amount_fen”: “True” is no whole"),
        (bill(lines=row(amount_fen=-1)), "line 1, column “amount_fen”: “-1” is no whole number"),
        (bill(lines=row(at="2026-11-23T16:40:11")), "line 1, column “at”: Write the time with"),
        (bill(lines=row(trade_no=7)), "line 1, column “trade_no”: This is no text."),
        (bill(lines=row(kind=None)), "line 1, column “kind”: This is no text."),
        (bill(refunds={"count": 2, "fen": 500}), "column “refunds”: The rows do not add up"),
        (bill(payments=None), "column “payments”: The end of the bill is missing"),
        (bill()[:-20], "line 1: This is no JSON, or not all of it."),
        (b"[1]", "This is no bill: no object in JSON."),
    ],
)
def test_what_is_wrong_in_json_is_named(content: bytes, says: str):
    with pytest.raises(UnableToReadStatement) as refused:
        shop.read_statement(content)
    assert str(refused.value).startswith(says)


def test_another_days_bill_is_refused():
    with pytest.raises(UnableToReadStatement, match="not of 2026-11-24"):
        shop.read_statement(bill(), day=NOV_23.replace(day=24))
