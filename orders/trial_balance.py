"""The trial balance: every account of the books with what went in and out, and the proof that it
all adds up to zero and equals the payments' own counters."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db.models import Count, Max, Min, Q, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from orders import ledger
from orders.ledger_guard import has_triggers
from orders.models import LedgerEntry

SHOWN_DIFFERENCES = 20


@dataclass(frozen=True)
class Account:
    """One account; in fen. What came in less what went out is its balance."""

    name: str
    lines: int
    in_fen: int
    out_fen: int
    first_at: datetime
    last_at: datetime

    @property
    def balance_fen(self) -> int:
        return self.in_fen - self.out_fen

    @property
    def label(self) -> str:
        return describe_account(self.name)


@dataclass(frozen=True)
class TrialBalance:
    accounts: list[Account]
    #: What should be equal and is not, the first few.
    differences: list[ledger.Difference]
    is_guarded: bool

    @property
    def first_at(self) -> datetime | None:
        return min((account.first_at for account in self.accounts), default=None)

    @property
    def last_at(self) -> datetime | None:
        """The last movement that is counted; None in empty books."""
        return max((account.last_at for account in self.accounts), default=None)

    @property
    def lines(self) -> int:
        return sum(account.lines for account in self.accounts)

    @property
    def in_fen(self) -> int:
        return sum(account.in_fen for account in self.accounts)

    @property
    def out_fen(self) -> int:
        return sum(account.out_fen for account in self.accounts)

    @property
    def is_right(self) -> bool:
        return self.in_fen == self.out_fen and not self.differences and self.is_guarded


def draw_up() -> TrialBalance:
    """This function will add up all books as they are now."""
    return TrialBalance(
        accounts=list(list_accounts()),
        differences=list(islice(ledger.find_differences(), SHOWN_DIFFERENCES)),
        is_guarded=has_triggers(),
    )


def list_accounts() -> Iterator[Account]:
    """In one statement, which sees every journal whole or not at all."""
    rows = LedgerEntry.objects.order_by("account").values("account")
    rows = rows.annotate(
        lines=Count("pk"),
        in_fen=Coalesce(Sum("amount_fen", filter=Q(amount_fen__gt=0)), 0),
        out_fen=Coalesce(Sum("amount_fen", filter=Q(amount_fen__lt=0)), 0),
        first_at=Min("at"),
        last_at=Max("at"),
    )
    for row in rows:
        yield Account(
            name=row["account"],
            lines=row["lines"],
            in_fen=int(row["in_fen"]),
            out_fen=-int(row["out_fen"]),
            first_at=row["first_at"],
            last_at=row["last_at"],
        )


def describe_account(name: str) -> str:
    """This function will say in words what an account holds."""
    kind, _colon, whose = name.partition(":")
    words = {
        ledger.RECEIVED: _("Customers' payments: taken out to be given back"),
        ledger.RESERVED: _("Reserved for refunds under way"),
        ledger.PAID: _("Refunded through %(whose)s"),
        ledger.COMPENSATION: _("Borne by the shop: goods and money both went out"),
        ledger.GOODS: _("Goods delivered although the money went back"),
        "recourse": _("Claimed from supplier %(whose)s"),
        "recovered": _("Made good by supplier %(whose)s"),
    }
    return words.get(kind, name) % {"whose": whose}
