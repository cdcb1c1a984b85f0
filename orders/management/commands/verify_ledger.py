import sys
from typing import Any

from django.core.management.base import BaseCommand

from orders.ledger import find_differences
from orders.ledger_guard import has_triggers


class Command(BaseCommand):
    help = "Compare every payment's counters with the ledger, and every journal with zero."

    def handle(self, *args: Any, **options: Any) -> None:
        found = 0
        for difference in find_differences():
            found += 1
            self.stdout.write(
                f"{difference.what}: {difference.ours_fen} fen in the row, "
                f"{difference.ledger_fen} fen in the ledger"
            )
        if not has_triggers():
            found += 1
            self.stdout.write("The ledger's triggers are missing: run manage.py migrate.")
        if found:
            self.stdout.write(f"{found} differences.")
            sys.exit(1)
        self.stdout.write("The ledger is balanced and equals the payments' counters.")
