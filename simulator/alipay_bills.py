"""The bill of one day, as Alipay hands it out: a zip of GBK files behind an address of its own."""

from __future__ import annotations

import hashlib
import io
import re
import sqlite3
import time
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from simulator import trades
from simulator.alipay_trades import BEIJING, BUYER, CHANNEL, fen_to_yuan, local
from simulator.gateway import Answer, Call
from simulator.messages import Refusal
from simulator.store import Store

NO_BILL = "isp.bill_not_exist"
#: An address of a bill is good for this long.
ADDRESS_GOOD_FOR_S = 30
ACCOUNT = "20880000000000010156"
RULE = "-----------------------------------------"
COLUMNS = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,"
    "对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,"
    "商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,"
    "退款批次号/请求号,服务费（元）,分润（元）,备注"
)
SUMMARY_COLUMNS = (
    "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,"
    "支付宝优惠（元）,商家优惠（元）,卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）"
)


@dataclass(frozen=True, slots=True)
class BillRow:
    at: float
    #: Below zero for a refund.
    fen: int
    line: str


def find_bill(store: Store, call: Call) -> Answer:
    """This function will answer where the bill of a day is. Alipay has it from the next morning
    on; here also today's can be had, so that a day of practice can be reconciled."""
    if call.body.get("bill_type") not in ("trade", "signcustomer"):
        raise Refusal(200, "isv.invalid-bill-type", "bill_type must be trade or signcustomer.")
    if call.body["bill_type"] != "trade":
        raise Refusal(200, NO_BILL, "This account has bills of the type trade only.")
    day = _read_day(call.body.get("bill_date"))
    if day > datetime.now(BEIJING).date():
        raise Refusal(200, NO_BILL, f"There is no bill of {day} yet.")
    expires = int(time.time()) + ADDRESS_GOOD_FOR_S
    token = f"{day:%Y%m%d}-{expires}-{_seal(store, day, expires)}"
    url = f"http://127.0.0.1:{store.get_meta('port')}/alipay/bill/{token}"
    return Answer({"code": "10000", "msg": "Success", "bill_download_url": url}, "found")


def download(store: Store, call: Call) -> Answer:
    match = re.fullmatch(r"(\d{8})-(\d{1,12})-([0-9a-f]{32})", str(call.body["token"]))
    if match is None:
        raise Refusal(404, NO_BILL, "There is no such bill.")
    day, expires = datetime.strptime(match[1], "%Y%m%d").date(), int(match[2])  # noqa: DTZ007
    if match[3] != _seal(store, day, expires) or time.time() > expires:
        raise Refusal(404, NO_BILL, "This address is no longer good.")
    content = pack_bill(day, list_rows(store, day))
    return Answer({"zip": content, "name": f"{ACCOUNT}_{day:%Y%m%d}.csv.zip"}, "downloaded")


def _read_day(text: object) -> date:
    try:
        return date.fromisoformat(str(text))
    except ValueError as error:
        raise Refusal(200, "isv.invalid-bill-date", "bill_date must be yyyy-MM-dd.") from error


def _seal(store: Store, day: date, expires: int) -> str:
    secret = store.get_meta("port")
    return hashlib.sha256(f"{day}:{expires}:{secret}".encode()).hexdigest()[:32]


def list_rows(store: Store, day: date) -> list[BillRow]:
    """This function will list a day's payments and refunds in the order of their time."""
    rows = []
    for trade in store.rows("SELECT * FROM trades WHERE channel = ?", CHANNEL):
        paid_at = _instant(trade)
        if paid_at and datetime.fromtimestamp(paid_at, BEIJING).date() == day:
            line = _line(trade, "交易", trade["amount_fen"], paid_at)
            rows.append(BillRow(paid_at, trade["amount_fen"], line))
    for made in store.rows("SELECT * FROM refunds WHERE channel = ?", CHANNEL):
        if datetime.fromtimestamp(made["made_at"], BEIJING).date() == day:
            trade, fen = trades.get_trade(store, CHANNEL, made["trade_no"]), -made["amount_fen"]
            line = _line(trade, "退款", fen, made["made_at"], number=made["number"])
            rows.append(BillRow(made["made_at"], fen, line))
    return sorted(rows, key=lambda row: row.at)


def _line(trade: sqlite3.Row, kind: str, fen: int, at: float, *, number: str = "") -> str:
    yuan = signed_yuan(fen)
    # Numbers end in a tab, so that a spreadsheet leaves them whole.
    return ",".join(
        [
            f"{trade['trade_no']}\t", f"{trade['merchant_trade_no']}\t", f"{kind}\t", "充值",
            local(_instant(trade) or at), local(at), "\t", "\t", "\t", "\t",
            f"*雷({BUYER['buyer_logon_id']})\t", yuan, yuan, "0.00", "0.00", "0.00", "0.00", "0.00",
            "", "0.00\t", "0.00", f"{number}\t", "0.00", "0.00", "",
        ]
    )  # fmt: skip


def _instant(trade: sqlite3.Row) -> float | None:
    return datetime.fromisoformat(trade["paid_at"]).timestamp() if trade["paid_at"] else None


def pack_bill(day: date, rows: list[BillRow]) -> bytes:
    """This function will write the two files of a bill into a zip, names in GBK as well."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, lines in (
            ("业务明细", detail(day, rows)),
            ("业务明细(汇总)", summary(day, rows)),
        ):
            info = GbkZipInfo(f"{ACCOUNT}_{day:%Y%m%d}_{name}.csv")
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, "\r\n".join([*lines, ""]).encode("gbk"))
    return packed.getvalue()


class GbkZipInfo(zipfile.ZipInfo):
    """A name that no flag announces as UTF-8, as Alipay's zips have it."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        return self.filename.encode("gbk"), self.flag_bits


def _head(day: date, title: str, section: str) -> Iterable[str]:
    yield f"#支付宝{title}查询"
    yield f"#账号：[{ACCOUNT}]"
    start = datetime(day.year, day.month, day.day, tzinfo=BEIJING)
    end = start + timedelta(days=1)
    yield f"#起始日期：[{_in_words(start)}]   终止日期：[{_in_words(end)}]"
    yield f"#{RULE}{section}{RULE[:-1]}"


def detail(day: date, rows: list[BillRow]) -> Iterable[str]:
    yield from _head(day, "业务明细", "业务明细列表")
    yield COLUMNS
    yield from (row.line for row in rows)
    yield f"#{RULE}业务明细列表结束{RULE[:-5]}"
    paid, given_back = _split(rows)
    total = f"商家实收共{signed_yuan(sum(paid))}元，商家优惠共0.00元"
    yield f"#交易合计：{len(paid)}笔，{total}"
    total = f"商家实收退款共{signed_yuan(sum(given_back))}元，商家优惠退款共0.00元"
    yield f"#退款合计：{len(given_back)}笔，{total}"
    yield f"#导出时间：[{_in_words(datetime.now(BEIJING))}]"


def summary(day: date, rows: list[BillRow]) -> Iterable[str]:
    yield from _head(day, "业务汇总", "业务汇总列表")
    yield SUMMARY_COLUMNS
    paid, given_back = _split(rows)
    yuan = signed_yuan(sum(paid) + sum(given_back))
    counts = f"{len(paid)},{len(given_back)}"
    yield f"合计\t,\t,{counts},{yuan},{yuan},0.00,0.00,0.00,0.00,0.00,{yuan}"
    yield f"#{RULE}业务汇总列表结束{RULE[:-5]}"
    yield f"#导出时间：[{_in_words(datetime.now(BEIJING))}]"


def _split(rows: list[BillRow]) -> tuple[list[int], list[int]]:
    return [row.fen for row in rows if row.fen > 0], [row.fen for row in rows if row.fen < 0]


def _in_words(at: datetime) -> str:
    return f"{at.year}年{at.month:02d}月{at.day:02d}日 {at:%H:%M:%S}"


def signed_yuan(fen: int) -> str:
    return f"-{fen_to_yuan(-fen)}" if fen < 0 else fen_to_yuan(fen)
