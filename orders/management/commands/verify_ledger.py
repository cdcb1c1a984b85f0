import sys
from typing import IO, Any, cast

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from orders.admin.cells import instant, signed_yuan
from orders.trial_balance import SHOWN_DIFFERENCES, TrialBalance, draw_up

WIDTH = 160


class Command(BaseCommand):
    help = (
        "Draw up the trial balance: every account adds up, every journal is zero, every payment's "
        "counters equal the ledger. Exit code 0: all is right, 1: something is not."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        # Into a file or a mail it goes in full: nothing is cut off to fit a terminal.
        width = None if self.stdout.isatty() else WIDTH
        console = Console(file=cast("IO[str]", self.stdout), soft_wrap=True, width=width)
        balance = draw_up()
        console.print(draw(balance))
        for difference in balance.differences:
            text = _("%(what)s: %(ours)d fen in the row, %(ledger)d fen in the ledger")
            facts = {"ours": difference.ours_fen, "ledger": difference.ledger_fen}
            console.print(escape(text % {"what": difference.what, **facts}))
        if len(balance.differences) == SHOWN_DIFFERENCES:
            console.print("…")
        if not balance.is_guarded:
            console.print(_("The ledger's triggers are missing: run manage.py migrate."))
        if not balance.is_right:
            console.print(_("The books are NOT right."))
            sys.exit(1)
        console.print(_("The ledger is balanced and equals the payments' counters."))


def draw(balance: TrialBalance) -> Table:
    table = Table(show_footer=True)
    if balance.last_at is not None:
        counted = _("%(lines)d lines up to %(at)s (Beijing time)")
        table.caption = counted % {"lines": balance.lines, "at": instant(balance.last_at)}
    total = signed_yuan(balance.in_fen - balance.out_fen)
    columns = (
        (_("Account"), _("Sum")),
        (_("Lines"), str(balance.lines)),
        (_("In"), signed_yuan(balance.in_fen)),
        (_("Out"), signed_yuan(balance.out_fen)),
        (_("Balance"), total),
    )
    for place, (name, footer) in enumerate(columns):
        table.add_column(name, footer=footer, justify="right" if place else "left", no_wrap=True)
    for account in balance.accounts:
        sums = (account.in_fen, account.out_fen, account.balance_fen)
        name = f"{escape(account.label)} [dim]{escape(account.name)}[/dim]"
        table.add_row(name, str(account.lines), *map(signed_yuan, sums))
    return table
