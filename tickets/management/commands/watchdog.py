import sys
from typing import Any

from django.core.management.base import BaseCommand

from helpdesk import clock
from tickets.watchdog import timers_stand_still, watch


class Command(BaseCommand):
    help = "Asks every reconciler once; exit code 1 when one finds something."

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        found = watch(now=now)
        for name, count in found.items():
            style = self.style.ERROR if count else self.style.SUCCESS
            self.stdout.write(f"{name:<24}{style(str(count))}")
        self.stdout.write(f"{'timers':<24}{timers_stand_still(now) or 'running'}")
        if any(found.values()):
            sys.exit(1)
