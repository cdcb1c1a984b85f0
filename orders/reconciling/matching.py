"""Their lines against our entries. Pure: no database, no clock.

An entry is looked for by its numbers, on the bill of its day and on those of the days around it:
a payment at 23:59:58 may be on the next day's bill, and a bank may post at night.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from orders.reconciling.entries import Entry, Standing
from orders.reconciling.statement import Line, LineKind, day_of

#: Entries of a day's last hours may well be on the next bill: no difference before that was read.
PATIENCE = timedelta(hours=2)


class Kind(StrEnum):
    """What can be wrong."""

    OURS_ONLY = "ours_only"
    THEIRS_ONLY = "theirs_only"
    AMOUNT_DIFFERS = "amount_differs"
    STATE_DIFFERS = "state_differs"
    PAYMENT_DIFFERS = "payment_differs"
    DAY_DIFFERS = "day_differs"
    DUPLICATE = "duplicate"
    UNKNOWN_ROW = "unknown_row"


@dataclass(frozen=True, slots=True)
class Difference:
    kind: Kind
    line: Line | None = None
    entry: Entry | None = None
    #: Perhaps none: the next day's bill will tell.
    is_waiting: bool = False


@dataclass(slots=True)
class Side:
    """All that one side has, whatever agrees; in fen."""

    payments: int = 0
    payments_fen: int = 0
    refunds: int = 0
    refunds_fen: int = 0

    def count(self, row: "Line | Entry") -> None:
        if row.kind == LineKind.PAYMENT:
            self.payments += 1
            self.payments_fen += row.amount_fen
        elif row.kind == LineKind.REFUND:
            self.refunds += 1
            self.refunds_fen += row.amount_fen


@dataclass(slots=True)
class Comparison:
    #: What is on the day's bill, and what should be.
    theirs: Side = field(default_factory=Side)
    ours: Side = field(default_factory=Side)
    matched: int = 0
    matched_payments_fen: int = 0
    matched_refunds_fen: int = 0
    #: Entries of the day that are on a bill of the days around it.
    posted_elsewhere: int = 0
    differences: list[Difference] = field(default_factory=list)


Keys = dict[tuple[str, str], Entry]


def compare(
    *,
    day: date,
    lines: Sequence[Line],
    around: Iterable[Line],
    entries: Iterable[Entry],
    expected: Sequence[Entry],
    is_next_read: bool,
) -> Comparison:
    """This function will compare a day's bill with our entries.

    `entries` are those of ours that the bill's lines may mean, `expected` those that belong on
    it, `around` the lines of the bills before and after. Each line and each expected entry is
    counted once: matched, or one difference.
    """
    result = Comparison()
    book = index([*entries, *expected])
    taken: set[tuple[str, int]] = set()
    named: set[tuple[LineKind, str]] = set()
    for line in lines:
        result.theirs.count(line)
        entry = find(line, book)
        identity = (entry.kind, entry.pk) if entry else None
        if line.kind == LineKind.UNKNOWN:
            result.differences.append(Difference(Kind.UNKNOWN_ROW, line))
        elif identity in taken or mark(line) in named:
            result.differences.append(Difference(Kind.DUPLICATE, line, entry))
        else:
            weigh(line, entry, day, result)
        if mark(line)[1]:
            named.add(mark(line))
        if identity:
            taken.add(identity)
    elsewhere = {(e.kind, e.pk) for line in around if (e := find(line, book)) is not None}
    for entry in expected:
        result.ours.count(entry)
        if (entry.kind, entry.pk) in taken:
            continue
        if (entry.kind, entry.pk) in elsewhere:
            result.posted_elsewhere += 1
            continue
        waits = not is_next_read and is_late(entry, day)
        result.differences.append(Difference(Kind.OURS_ONLY, entry=entry, is_waiting=waits))
    return result


def mark(line: Line) -> tuple[LineKind, str]:
    """What may be on a bill once. Refunds that were not made by us may have no number at all."""
    return line.kind, line.refund_no if line.kind == LineKind.REFUND else line.name


def index(entries: Iterable[Entry]) -> Keys:
    book: Keys = {}
    for entry in entries:
        for key in keys(entry.kind, entry.refund_no, entry.trade_no, entry.merchant_trade_no):
            book.setdefault(key, entry)
    return book


def keys(
    kind: LineKind, refund_no: str, trade_no: str, merchant_trade_no: str
) -> list[tuple[str, str]]:
    """A refund goes by its own number alone; a payment by the channel's first, then by ours."""
    if kind == LineKind.REFUND:
        return [("refund", refund_no)] if refund_no else []
    numbers = (("trade", trade_no), ("merchant", merchant_trade_no))
    return [key for key in numbers if key[1] and kind == LineKind.PAYMENT]


def find(line: Line, book: Keys) -> Entry | None:
    for key in keys(line.kind, line.refund_no, line.trade_no, line.merchant_trade_no):
        if key in book:
            return book[key]
    return None


def weigh(line: Line, entry: Entry | None, day: date, result: Comparison) -> None:
    kind = judge(line, entry, day)
    if kind is not None:
        result.differences.append(Difference(kind, line, entry))
        return
    result.matched += 1
    if line.kind == LineKind.PAYMENT:
        result.matched_payments_fen += line.amount_fen
    else:
        result.matched_refunds_fen += line.amount_fen


def judge(line: Line, entry: Entry | None, day: date) -> Kind | None:
    """This function will say what is wrong with a line, the gravest first; None if nothing."""
    if entry is None:
        return Kind.THEIRS_ONLY
    if not agree(line, entry):
        return Kind.STATE_DIFFERS
    if line.amount_fen != entry.amount_fen:
        return Kind.AMOUNT_DIFFERS
    if is_of_another_payment(line, entry):
        return Kind.PAYMENT_DIFFERS
    return None if entry.is_around(day) else Kind.DAY_DIFFERS


def agree(line: Line, entry: Entry) -> bool:
    """A line that was not final when the bill was made says only that it was taken in."""
    if line.is_final:
        return entry.standing == Standing.DONE
    return entry.standing != Standing.DONE_OTHERWISE


def is_of_another_payment(line: Line, entry: Entry) -> bool:
    pairs = (
        (line.trade_no, entry.trade_no),
        (line.merchant_trade_no, entry.merchant_trade_no),
    )
    known = [theirs == ours for theirs, ours in pairs if theirs and ours]
    return bool(known) and not any(known)


def is_late(entry: Entry, day: date) -> bool:
    return entry.at is not None and day_of(entry.at + PATIENCE) > day
