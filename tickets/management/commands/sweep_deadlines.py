import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from helpdesk import clock
from tickets.driver import run_forever, run_once
from tickets.steady_clock import accept_clock as accept_clocks


class Command(BaseCommand):
    help = "Fires what is due and carries on what waits: the timers without Celery and Redis."

    def add_arguments(self, parser: ArgumentParser) -> None:
        how_long = parser.add_mutually_exclusive_group()
        how_long.add_argument("--once", action="store_true", help="one round (default)")
        how_long.add_argument("--forever", action="store_true", help="until SIGTERM or Ctrl-C")
        how_long.add_argument(
            "--accept-clock",
            action="store_true",
            help="go on after a jump of the database's clock: it is right as it stands now",
        )

    def handle(self, *args: Any, forever: bool, accept_clock: bool, **options: Any) -> None:
        if accept_clock:
            self.stdout.write(f"{accept_clocks()} hosts go on with the clock as it stands.")
            return
        if not forever:
            fired = run_once(clock=clock.now)
            self.stdout.write(f"{fired} deadlines fired.")
            return
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        self.stdout.write("Sweeping until SIGTERM or Ctrl-C.")
        self.stdout.flush()
        run_forever(clock=clock.now, stopping=stopping)
        self.stdout.write("Stopped.")
