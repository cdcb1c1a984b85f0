"""WeChat Pay's daily bills: an offer with a hash, then the file. Cells start with a backquote, the
last two lines are the sums; CRLF, UTF-8 with a mark, gzip when tar_type=GZIP asks for it."""

from __future__ import annotations

import gzip
import hashlib
import sqlite3
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from simulator import wechatpay_book as book
from simulator.gateway import Answer, Call
from simulator.messages import Refusal, read_text
from simulator.store import Store
from simulator.wechatpay_keys import WechatpayKeys

TRADE_HEADER = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,"
    "付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,"
    "退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
TRADE_SUMS = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
)
FUND_HEADER = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),"
    "资金变更提交申请人,备注,业务凭证号"
)
FUND_SUMS = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"
#: A bill names a refund's state otherwise than the API; a closed one never left and is not there.
REFUND_STATES = {"PROCESSING": "PROCESSING", "SUCCESS": "SUCCESS", "ABNORMAL": "CHANGE"}


class Bills:
    def __init__(self, keys: WechatpayKeys) -> None:
        self._keys = keys

    def offer(self, store: Store, call: Call) -> Answer:
        """This function will answer with where the bill is and what its hash must be."""
        book.settle_due(store)
        day = _read_day(call.body.get("bill_date", ""))
        kind = call.body["argument"]
        if kind == "tradebill" and call.body.get("bill_type", "ALL") != "ALL":
            raise Refusal(400, "PARAM_ERROR", "Only ALL is simulated.", field="bill_type")
        rows = self._trade_rows(store, day) if kind == "tradebill" else _fund_rows(store, day)
        if len(rows) <= 3:
            raise Refusal(400, "NO_STATEMENT_EXIST", "There is no bill of that day.")
        content = _write(rows)
        token = f"{kind}-{day.isoformat()}-{hashlib.sha1(content).hexdigest()}"
        if call.body.get("tar_type") == "GZIP":
            token += "-gz"
        store.set_meta(f"wechatpay.bill.{token}", content.decode())
        body = {
            "hash_type": "SHA1",
            "hash_value": hashlib.sha1(content).hexdigest(),
            "download_url": f"http://{call.body['host']}/wechat/v3/billdownload/file?token={token}",
        }
        return Answer(body, "offered")

    def download(self, store: Store, call: Call) -> Answer:
        token = read_text(call.body, "token", limit=200)
        content = store.get_meta(f"wechatpay.bill.{token}").encode()
        if not content:
            raise Refusal(404, "RESOURCE_NOT_EXISTS", "There is no such bill.")
        is_packed = token.endswith("-gz")
        return Answer({"file": gzip.compress(content) if is_packed else content}, "downloaded")

    def _trade_rows(self, store: Store, day: date) -> list[str]:
        payments = [
            row
            for row in store.rows("SELECT * FROM trades WHERE channel = ?", book.CHANNEL)
            if row["paid_at"] and _beijing(row["paid_at"]).date() == day
        ]
        refunds = _refunds_of(store, day, "created_at")
        cells = [self._payment_cells(row) for row in payments]
        cells += [self._refund_cells(row) for row in refunds]
        paid_fen = sum(row["amount_fen"] for row in payments)
        back_fen = sum(row["amount_fen"] for row in refunds)
        sums = (len(cells), yuan(paid_fen), yuan(back_fen), "0.00", "0.00000")
        return [
            TRADE_HEADER,
            *map(_quote, sorted(cells, reverse=True)),
            TRADE_SUMS,
            _quote([*sums, yuan(paid_fen), yuan(back_fen)]),
        ]

    def _payment_cells(self, row: sqlite3.Row) -> list[str]:
        return self._cells(
            row["paid_at"],
            (row["trade_no"], row["merchant_trade_no"]),
            state="SUCCESS",
            paid=yuan(row["amount_fen"]),
            refund=("0", "0", "0.00", "", ""),
            asked="0.00",
        )

    def _refund_cells(self, row: sqlite3.Row) -> list[str]:
        back, state = yuan(row["amount_fen"]), REFUND_STATES[row["status"]]
        return self._cells(
            book.beijing(row["created_at"]),
            (row["trade_no"], row["merchant_trade_no"]),
            state="REFUND",
            paid="0.00",
            refund=(row["refund_id"], row["number"], back, row["channel"], state),
            asked=back,
        )

    def _cells(
        self,
        at: str,
        numbers: tuple[str, str],
        *,
        state: str,
        paid: str,
        refund: tuple[str, str, str, str, str],
        asked: str,
    ) -> list[str]:
        refund_id, refund_no, refunded, channel, refund_state = refund
        shop = ("wx0000000000000000", self._keys.mch_id, "0", "")
        payer = ("o0000000000000000000000000", "NATIVE", state, "OTHERS", "CNY")
        goods = ("充值", "", "0.00000", "0.60%")
        return [
            _beijing(at).strftime("%Y-%m-%d %H:%M:%S"),
            *(*shop, *numbers, *payer, paid, "0.00"),
            *(refund_id, refund_no, refunded, "0.00", channel, refund_state),
            *(*goods, paid, asked, ""),
        ]


def _fund_rows(store: Store, day: date) -> list[str]:
    """The money that moved from or to the merchant's account that day, refunds only: payments are
    settled to it later and in one sum."""
    refunds = _refunds_of(store, day, "success_at")
    cells = [
        [
            *(_show(row["success_at"]), row["refund_id"], row["trade_no"], "退款", "退款", "支出"),
            *(yuan(row["amount_fen"]), "100000.00", "1900000000API"),
            *(f"退款总金额{yuan(row['amount_fen'])}元;含手续费0.00元", row["number"]),
        ]
        for row in refunds
    ]
    spent = yuan(sum(row["amount_fen"] for row in refunds))
    sums = _quote([len(cells), 0, "0.00", len(cells), spent])
    return [FUND_HEADER, *map(_quote, cells), FUND_SUMS, sums]


def _refunds_of(store: Store, day: date, column: str) -> list[sqlite3.Row]:
    start = datetime(day.year, day.month, day.day, tzinfo=book.BEIJING)
    assert column in ("created_at", "success_at")
    return store.rows(
        f"SELECT * FROM wechatpay_refunds WHERE {column} >= ? AND {column} < ?"
        f" AND status <> 'CLOSED' ORDER BY {column}",
        start.timestamp(),
        (start + timedelta(days=1)).timestamp(),
    )


def _read_day(text: Any) -> date:
    try:
        return date.fromisoformat(str(text))
    except ValueError as error:
        raise Refusal(400, "PARAM_ERROR", "bill_date is wrong.", field="bill_date") from error


def _beijing(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(book.BEIJING)


def _show(at: float) -> str:
    return datetime.fromtimestamp(at, book.BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def _quote(cells: Iterable[object]) -> str:
    return ",".join(f"`{cell}" for cell in cells)


def _write(rows: list[str]) -> bytes:
    return ("\ufeff" + "\r\n".join(rows) + "\r\n").encode()


def yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
