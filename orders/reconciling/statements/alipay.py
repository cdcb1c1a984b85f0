"""Alipay's bill of one day, type ``trade``: a zip of two GBK files, of which the details count.

Sources: opendocs.alipay.com, alipay.data.dataservice.bill.downloadurl.query and "对账说明"
(open/204/106262): two files, csv, one line per payment or refund, in yuan, from 10:00 on the next
day; developer.aliyun.com/article/707638: "ANSI", which is GBK, and the file names. The columns and
the closing lines are as merchants' files of 2016 to 2026 have them:

    #支付宝业务明细查询
    #账号：[20880000000000010156]
    #起始日期：[2026年11月23日 00:00:00]   终止日期：[2026年11月24日 00:00:00]
    #-----------业务明细列表----------
    支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,...,订单金额（元）,商家实收（元）,...
    #-----------业务明细列表结束------
    #交易合计：6笔，商家实收共0.06元，商家优惠共0.00元
    #退款合计：4笔，商家实收退款共-0.04元，商家优惠退款共0.00元

Cells end in a tab. Older files name 交易金额 in the closing lines, which is the sum of 订单金额.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from django.utils.translation import gettext as _

from orders.reconciling.packed import ZIP_MARK, read_text, unzip
from orders.reconciling.statement import (
    CLOCK,
    Line,
    LineKind,
    Statement,
    UnableToReadStatement,
    count_lines,
    digest,
    read_fen,
    read_instant,
    refuse_width,
    require_day,
)

#: A refund is on the bill of the day on which it was paid.
REFUNDS_POSTED: tuple[str, ...] = ("settled_at",)

TRADE_NO, MERCHANT_NO, KIND = "支付宝交易号", "商户订单号", "业务类型"
GOODS, DONE_AT, REFUND_NO = "商品名称", "完成时间", "退款批次号/请求号"
AMOUNT, RECEIVED = "订单金额", "商家实收"
NEEDED = (TRADE_NO, MERCHANT_NO, KIND, GOODS, DONE_AT, REFUND_NO, AMOUNT, RECEIVED)
KINDS = {"交易": LineKind.PAYMENT, "退款": LineKind.REFUND}
END = "业务明细列表结束"
UNIT = re.compile(r"[（(]元[）)]")
ACCOUNT = re.compile(r"#账号：\[(\d+)\]")
PERIOD = re.compile(r"#起始日期：\[(\d{4})年(\d{2})月(\d{2})日 [\d:]+\]\s*终止日期")
TOTAL = re.compile(r"#+(交易|退款)合计：(\d+)笔，\D*?共(-?[\d.]+)元")


@dataclass
class Reading:
    """What has been read so far; what must be there at the end."""

    day: date | None = None
    account: str = ""
    places: dict[str, int] = field(default_factory=dict)
    width: int = 0
    lines: list[Line] = field(default_factory=list)
    #: Kind -> (rows, sum of 订单金额, sum of 商家实收), with their signs.
    sums: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    has_end: bool = False
    totals: set[str] = field(default_factory=set)


def read_statement(content: bytes, *, day: date | None = None) -> Statement:
    """This function will read a bill: the zip, or the file of details out of it.

    :raises UnableToReadStatement: another kind of file, another day's, or not all of it.
    """
    name, details = find_details(content)
    reading = Reading()
    try:
        for number, text in count_lines(details):
            if text.startswith("#"):
                read_comment(text, reading, number)
            elif text.strip(" \t,") and not reading.has_end:
                read_row(text, reading, number)
        check(reading, day)
    except UnableToReadStatement as error:
        error.file = name
        raise
    assert reading.day is not None
    return Statement(reading.day, reading.lines, reading.account, digest(content))


def find_details(content: bytes) -> tuple[str, str]:
    """This function will find the details among the files, and their name: the sums by shop are no
    use here."""
    if not content.startswith(ZIP_MARK):
        return "", read_text(content)
    for name, unpacked in unzip(content).items():
        if name.lower().endswith(".csv") and unpacked:
            text = read_text(unpacked, file=name)
            if TRADE_NO in text:
                return name, text
    raise UnableToReadStatement(_("The zip holds no file of Alipay's payments and refunds."))


def read_comment(text: str, reading: Reading, number: int) -> None:
    if match := ACCOUNT.match(text):
        reading.account = match[1]
    elif match := PERIOD.match(text):
        reading.day = date(*map(int, match.groups()))
    elif END in text:
        reading.has_end = True
    elif match := TOTAL.match(text):
        count, orders_fen, received_fen = reading.sums.get(match[1], (0, 0, 0))
        added = received_fen if RECEIVED in text else orders_fen
        given = read_fen(match[3], line=number, column=f"{match[1]}合计")
        if (int(match[2]), given) != (count, added):
            raise UnableToReadStatement(
                _("The rows do not add up to this sum: the file is not complete."), line=number
            )
        reading.totals.add(match[1])


def read_row(text: str, reading: Reading, number: int) -> None:
    cells = [cell.strip() for cell in next(csv.reader([text]))]
    if not reading.places:
        names = [UNIT.sub("", cell) for cell in cells]
        reading.places = {name: place for place, name in enumerate(names)}
        reading.width = len(names)
        if missing := [name for name in NEEDED if name not in reading.places]:
            raise UnableToReadStatement(
                _("This is no bill of Alipay's: the column is missing."),
                line=number,
                column=missing[0],
            )
        return
    # A quote that was never closed swallows commas; Alipay itself quotes nothing.
    if len(cells) < reading.width:
        cells = [cell.strip() for cell in text.split(",")]
    cells = fit(cells, reading)
    if len(cells) != reading.width:
        raise refuse_width(len(cells), reading.width, line=number)
    line, received_fen = make_line(cells, reading.places, number)
    reading.lines.append(line)
    kind = cells[reading.places[KIND]]
    count, orders_sum, received_sum = reading.sums.get(kind, (0, 0, 0))
    order_fen = read_fen(cells[reading.places[AMOUNT]], line=number, column=AMOUNT)
    reading.sums[kind] = (count + 1, orders_sum + order_fen, received_sum + received_fen)


def fit(cells: list[str], reading: Reading) -> list[str]:
    """This function will put together what the shop's own commas took apart: nothing is quoted,
    and the name of the goods and the remark at the end are free text."""
    surplus = len(cells) - reading.width
    goods = reading.places[GOODS]
    if surplus > 0:
        times = (i for i in range(goods + 1, len(cells)) if CLOCK.fullmatch(cells[i]))
        split = min(next(times, goods + 1) - goods - 1, surplus)
        cells = [*cells[:goods], ",".join(cells[goods : goods + split + 1]),
                 *cells[goods + split + 1 :]]  # fmt: skip
        cells = [*cells[: reading.width - 1], ",".join(cells[reading.width - 1 :])]
    return cells


def make_line(cells: Sequence[str], places: dict[str, int], number: int) -> tuple[Line, int]:
    def cell(name: str) -> str:
        return cells[places[name]]

    kind = KINDS.get(cell(KIND), LineKind.UNKNOWN)
    line = Line(
        kind=kind,
        number=number,
        amount_fen=abs(read_fen(cell(AMOUNT), line=number, column=AMOUNT)),
        at=read_instant(cell(DONE_AT), line=number, column=DONE_AT),
        trade_no=cell(TRADE_NO),
        merchant_trade_no=cell(MERCHANT_NO),
        refund_no=cell(REFUND_NO) if kind == LineKind.REFUND else "",
        state=cell(KIND),
    )
    return line, read_fen(cell(RECEIVED), line=number, column=RECEIVED)


def check(reading: Reading, day: date | None) -> None:
    if not reading.places or reading.day is None:
        raise UnableToReadStatement(_("This is no bill of Alipay's."))
    if not reading.has_end or reading.totals != set(KINDS):
        raise UnableToReadStatement(_("The end of the bill is missing: the file is not complete."))
    require_day(reading.day, day)
