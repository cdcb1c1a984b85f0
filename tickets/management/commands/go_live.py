import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk import clock
from tickets.actors import Actor
from tickets.going_live import InvalidBudget, UnableToGoLive, find_obstacles, go_live

NOT_READY, WRONG_USE = 1, 2


class Command(BaseCommand):
    help = (
        "End the rehearsal: from here on the desk refunds by itself, within the budgets given. "
        "Exit code 0: live. 1: something of /admin/setup/ is open. 2: wrong use, or a no."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--hour-budget-fen", type=int, help="asked for when left out")
        parser.add_argument("--day-budget-fen", type=int, help="asked for when left out")
        parser.add_argument("--yes", action="store_true", help="do not ask once more")

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        if reasons := find_obstacles(now=now):
            self.refuse(reasons)
        hour = self.ask(options["hour_budget_fen"], _("Refunds by the desk alone, yuan an hour"))
        day = self.ask(options["day_budget_fen"], _("Refunds by the desk alone, yuan a day"))
        if not options["yes"]:
            self.make_sure(hour, day)
        try:
            live = go_live(
                hour_fen=hour, day_fen=day, actor_label=Actor.system().label, now=clock.now()
            )
        except InvalidBudget as error:
            raise CommandError(str(error), returncode=WRONG_USE) from error
        except UnableToGoLive as error:
            self.refuse(error.reasons)
        since = timezone.localtime(live.since)
        self.stdout.write(
            _("The desk is live since %(since)s. Orders paid before stay with people.")
            % {"since": f"{since:%Y-%m-%d %H:%M}"}
        )

    def refuse(self, reasons: list[str]) -> None:
        for reason in reasons:
            self.stderr.write(f"- {reason}")
        raise CommandError(
            _("Not live: the points above are open. See /admin/setup/."), returncode=NOT_READY
        )

    def ask(self, given: int | None, question: str) -> int:
        if given is not None:
            return given
        if not sys.stdin.isatty():
            raise CommandError(
                _("Nobody to ask: give --hour-budget-fen, --day-budget-fen and --yes."),
                returncode=WRONG_USE,
            )
        answer = input(f"{question}: ").strip()
        if not answer.isdecimal():
            raise CommandError(_("Whole yuan, please."), returncode=WRONG_USE)
        return int(answer) * 100

    def make_sure(self, hour: int, day: int) -> None:
        if not sys.stdin.isatty():
            raise CommandError(_("Nobody to ask: add --yes."), returncode=WRONG_USE)
        self.stdout.write(
            _("From now on the desk refunds up to ¥%(hour)s an hour and ¥%(day)s a day by itself.")
            % {"hour": f"{hour / 100:,.2f}", "day": f"{day / 100:,.2f}"}
        )
        if input("yes/no: ").strip().lower() not in ("y", "yes"):
            raise CommandError(_("Nothing was changed."), returncode=WRONG_USE)
