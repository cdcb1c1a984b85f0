"""WeChat Pay's trade bill of one day, type ``ALL``: UTF-8 with a mark, plain or in gzip.

Source: pay.weixin.qq.com/docs/merchant/products/bill-download/format-trade.html ("交易账单详细
说明", 2024-11-25) and .../doc/v3/merchant/4012556654 (申请交易账单): columns by their names, as
their order varies; every cell of a row begins with a backquote; two lines of sums at the end;
amounts in yuan. Older merchants still have 总金额 where newer ones have 订单金额.

A refund's time is when the channel took it in, not when it was paid, and its state is as of the
making of the bill and never corrected: PROCESSING on a bill says nothing about today.
"""

from collections.abc import Iterator
from datetime import date

from django.utils.translation import gettext as _

from orders.reconciling.packed import gunzip, read_text
from orders.reconciling.statement import (
    Line,
    LineKind,
    Statement,
    UnableToReadStatement,
    agree_on_day,
    count_lines,
    day_of,
    digest,
    read_fen,
    read_instant,
    refuse_width,
)

#: A refund is on the bill of the day on which the channel took it in.
REFUNDS_POSTED: tuple[str, ...] = ("last_sent_at", "requested_at")

MARK = "`"
AT, ACCOUNT, TRADE_NO, MERCHANT_NO = "交易时间", "商户号", "微信订单号", "商户订单号"
STATE, REFUND_NO, REFUND_STATE = "交易状态", "商户退款单号", "退款状态"
#: The amount that was ordered, coupons of the channel's included: what we know it as.
PAID = ("订单金额", "总金额")
REFUNDED = ("申请退款金额", "退款金额")
NEEDED = (AT, ACCOUNT, TRADE_NO, MERCHANT_NO, STATE)
COUNT = "总交易单数"
#: Sums of the last line, each with the column that it adds up.
SUMS = {"订单总金额": "订单金额", "申请退款总金额": "申请退款金额", "退款总金额": "退款金额"}
KINDS = {"SUCCESS": LineKind.PAYMENT, "REFUND": LineKind.REFUND}

Row = dict[str, str]


def read_statement(content: bytes, *, day: date | None = None) -> Statement:
    """This function will read a bill.

    :raises UnableToReadStatement: another kind of file, another day's, or not all of it.
    """
    texts = list(count_lines(read_text(gunzip(content))))
    header = split(texts[0][1])
    if missing := [name for name in NEEDED if name not in header]:
        raise UnableToReadStatement(
            _("This is no bill of WeChat Pay's: the column is missing."),
            line=1,
            column=missing[0],
        )
    end = next((at for at, (_n, text) in enumerate(texts) if is_sums_header(text)), len(texts))
    rows = [(number, name_cells(header, text, number)) for number, text in join(texts[1:end])]
    check_sums(texts[end:], rows)
    lines = [make_line(row, number) for number, row in rows]
    found = agree_on_day({day_of(line.at) for line in lines}, day)
    return Statement(found, lines, rows[0][1][ACCOUNT] if rows else "", digest(content))


def is_sums_header(text: str) -> bool:
    return text.lstrip(MARK).startswith(COUNT)


def split(text: str) -> list[str]:
    """A name of goods may hold a comma, but hardly one before a backquote."""
    if text.startswith(MARK):
        return [cell.strip() for cell in text[1:].split(f",{MARK}")]
    return [cell.strip() for cell in text.split(",")]


def join(texts: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """This function will give each row as one text: the shop's own data may hold line breaks, and
    what does not begin with a backquote goes on with the row before."""
    number, row = 0, ""
    for at, text in texts:
        if text.startswith(MARK):
            if row:
                yield number, row
            number, row = at, text
        elif row and text:
            row += f" {text}"
        elif text.strip():
            raise UnableToReadStatement(_("This is no row of a bill."), line=at)
    if row:
        yield number, row


def name_cells(header: list[str], text: str, number: int) -> Row:
    cells = split(text)
    if len(cells) != len(header):
        raise refuse_width(len(cells), len(header), line=number)
    return dict(zip(header, cells, strict=True))


def check_sums(texts: list[tuple[int, str]], rows: list[tuple[int, Row]]) -> None:
    """This function will hold the rows against the sums of the last line."""
    given = [(number, text) for number, text in texts if text.strip()]
    if len(given) < 2:
        raise UnableToReadStatement(_("The end of the bill is missing: the file is not complete."))
    number = given[1][0]
    sums = name_cells(split(given[0][1]), given[1][1], number)
    is_right = sums[COUNT] == str(len(rows))
    for name, column in SUMS.items():
        if name in sums and rows and column in rows[0][1]:
            added = sum(read_fen(row[column], line=line, column=column) for line, row in rows)
            is_right = is_right and added == read_fen(sums[name], line=number, column=name)
    if not is_right:
        raise UnableToReadStatement(
            _("The rows do not add up to this sum: the file is not complete."), line=number
        )


def make_line(row: Row, number: int) -> Line:
    kind = KINDS.get(row[STATE], LineKind.UNKNOWN)
    columns = REFUNDED if kind == LineKind.REFUND else PAID
    column = next((name for name in columns if name in row), columns[0])
    refund_state = row.get(REFUND_STATE, "") if kind == LineKind.REFUND else ""
    return Line(
        kind=kind,
        number=number,
        amount_fen=abs(read_fen(row.get(column, ""), line=number, column=column)),
        at=read_instant(row[AT], line=number, column=AT),
        trade_no=row[TRADE_NO],
        merchant_trade_no=row[MERCHANT_NO],
        refund_no=row.get(REFUND_NO, "") if kind == LineKind.REFUND else "",
        state=" ".join(filter(None, (row[STATE], refund_state))),
        is_final=kind != LineKind.REFUND or refund_state == "SUCCESS",
    )
