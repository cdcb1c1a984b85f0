"""The shop's own bill: what its wallet and the aggregators behind it took in and gave back.

From its refund endpoint as JSON (see plain), or by hand out of its back office as CSV in UTF-8 or
GBK, with these columns by their Chinese or English names, amounts in yuan, Beijing time:

    类型,交易号,商户订单号,退款单号,金额,时间
    付款,W2026112300017,LT202611230017,,98.00,2026-11-23 09:30:05
    退款,W2026112300017,LT202611230017,RF5c1d0e...,98.00,2026-11-23 16:40:11
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from orders.importing import cells
from orders.importing.sheets import SheetRow, fit, read_csv
from orders.reconciling.packed import gunzip, read_text
from orders.reconciling.statement import (
    Line,
    LineKind,
    Statement,
    UnableToReadStatement,
    agree_on_day,
    day_of,
    digest,
    refuse_width,
)
from orders.reconciling.statements.plain import read_json

#: A refund is on the bill of the day on which it was paid.
REFUNDS_POSTED: tuple[str, ...] = ("settled_at",)

COLUMNS = {
    "kind": ("类型", "kind"),
    "trade_no": ("交易号", "trade_no"),
    "merchant_trade_no": ("商户订单号", "merchant_trade_no"),
    "refund_no": ("退款单号", "refund_no"),
    "amount": ("金额", "amount"),
    "at": ("时间", "at"),
}
KINDS = {
    **dict.fromkeys(("付款", "支付", "交易", "payment"), LineKind.PAYMENT),
    **dict.fromkeys(("退款", "refund"), LineKind.REFUND),
}
JSON_MARKS = (b"{", b"[")
ZIP_MARK = b"PK"


def read_statement(content: bytes, *, day: date | None = None) -> Statement:
    """This function will read a bill.

    :raises UnableToReadStatement: no bill, another day's, or not all of it.
    """
    unpacked = gunzip(content)
    if unpacked.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(JSON_MARKS):
        return read_json(unpacked, day=day)
    if unpacked.startswith(ZIP_MARK):
        raise UnableToReadStatement(_("This is a workbook or a zip. Save it as CSV."))
    lines = list(read_table(read_text(unpacked)))
    found = agree_on_day({day_of(line.at) for line in lines}, day)
    return Statement(found, lines, "", digest(content))


def read_table(text: str) -> list[Line]:
    rows = [row for row in read_csv(text) if not row.is_blank]
    places = find_places(rows[0]) if rows else {}
    lines = []
    for row in rows[1:]:
        fitted = fit(row, len(rows[0].cells))
        if row.fault:
            raise UnableToReadStatement(row.fault, line=row.line)
        if fitted.fault:
            raise refuse_width(len(row.cells), len(rows[0].cells), line=row.line)
        lines.append(read_line(fitted, places))
    return lines


def find_places(header: SheetRow) -> dict[str, int]:
    names = [str(cell).strip().lower() for cell in header.cells]
    places = {}
    for column, known in COLUMNS.items():
        found = [names.index(name) for name in known if name in names]
        if not found:
            raise UnableToReadStatement(
                _("This is no bill of the shop's: the column is missing."),
                line=header.line,
                column=known[0],
            )
        places[column] = found[0]
    return places


def read_line(row: SheetRow, places: Mapping[str, int]) -> Line:
    def read(column: str, reader: Any) -> Any:
        try:
            return reader(row.cells[places[column]])
        except cells.BadCell as bad:
            name = COLUMNS[column][0]
            raise UnableToReadStatement(str(bad), line=row.line, column=name) from bad

    said = read("kind", cells.read_text)
    kind = KINDS.get(said.lower(), LineKind.UNKNOWN)
    return Line(
        kind=kind,
        number=row.line,
        amount_fen=abs(read("amount", cells.read_fen)),
        at=read("at", cells.read_time),
        trade_no=read("trade_no", cells.read_text),
        merchant_trade_no=read("merchant_trade_no", cells.read_text),
        refund_no=read("refund_no", cells.read_text) if kind == LineKind.REFUND else "",
        state=said,
    )
