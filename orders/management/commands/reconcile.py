from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from helpdesk import clock
from orders.admin.cells import instant
from orders.models import ReconciliationDifference, ReconciliationRun
from orders.reconciling.bills import Bills, fetched_bills, given_bills
from orders.reconciling.nightly import find_due_days, list_channels
from orders.reconciling.runs import reconcile
from orders.reconciling.statement import UnableToReadStatement, day_of
from orders.reconciling.statements import READERS

SHOWN_DIFFERENCES = 20
WIDTH = 160
#: Exit codes.
DIFFERENCES, NO_STATEMENT = 1, 2

#: One channel's days, and where their bills are.
Work = tuple[str, list[date], Bills]


class Command(BaseCommand):
    help = (
        "Compare channels' bills with our payments and refunds. "
        "Exit code 0: no differences, 1: differences, 2: a bill is missing or unreadable."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--channel", choices=sorted(READERS), help="default: all connected")
        parser.add_argument("--date", help="YYYY-MM-DD; default: yesterday and what is unfinished")
        parser.add_argument(
            "--file",
            type=Path,
            action="append",
            default=[],
            help="the bill as the channel gave it; more than one for neighbouring days",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # Into a file or a mail it goes in full: nothing is cut off to fit a terminal.
        width = None if self.stdout.isatty() else WIDTH
        self.console = Console(file=cast("IO[str]", self.stdout), soft_wrap=True, width=width)
        day = read_day(options["date"])
        runs = self.reconcile_all(list_work(options["channel"], day, options["file"]))
        self.show(runs)
        self.console.print(conclude(runs))

    def reconcile_all(self, work: list[Work]) -> list[ReconciliationRun]:
        bar = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        console, runs = Console(stderr=True), []
        with Progress(*bar, TimeElapsedColumn(), console=console, transient=True) as progress:
            task = progress.add_task("", total=sum(len(days) for _c, days, _b in work))
            for channel, days, bills in work:
                for day in days:
                    progress.update(task, description=f"{channel} {day.isoformat()}")
                    runs.append(
                        reconcile(
                            channel=channel,
                            day=day,
                            bills=bills,
                            by="command",
                            now=clock.now(),
                        )
                    )
                    progress.advance(task)
        return runs

    def show(self, runs: list[ReconciliationRun]) -> None:
        table = Table()
        for name in (
            _("Channel"),
            _("Day"),
            _("Matched"),
            _("Ours only"),
            _("Theirs only"),
            _("Amount differs"),
            _("Other"),
            _("Waiting"),
            _("Signed off"),
        ):
            table.add_column(name)
        for run in runs:
            counts = (
                run.matched,
                run.ours_only,
                run.theirs_only,
                run.amount_differs,
                run.other,
                run.waiting,
                run.signed_off,
            )
            is_compared = run.state == ReconciliationRun.State.COMPARED
            cells = map(str, counts) if is_compared else [run.get_state_display()]
            table.add_row(run.channel, run.day.isoformat(), *cells)
        self.console.print(table)
        for run in runs:
            if run.message:
                self.console.print(escape(f"{run.channel} {run.day.isoformat()}: {run.message}"))
            if run.state == ReconciliationRun.State.COMPARED:
                self.console.print(escape(describe_sums(run)))
                self.show_differences(run)

    def show_differences(self, run: ReconciliationRun) -> None:
        found = run.differences.filter(state=ReconciliationDifference.State.OPEN).order_by("pk")
        for row in found[:SHOWN_DIFFERENCES]:
            amounts = f"{show_fen(row.ours_fen)} / {show_fen(row.theirs_fen)}"
            states = f"{row.ours_state or '-'} / {row.theirs_state or '-'}"
            what = f"{row.get_kind_display()}  {row.get_subject_display()} {row.number}"
            if row.line:
                what += "  " + _("line %(line)d") % {"line": row.line}
            self.console.print(escape(f"{run.channel} {run.day}  {what}  {amounts}  {states}"))
        if run.differences_count > SHOWN_DIFFERENCES:
            self.console.print("…")


def describe_sums(run: ReconciliationRun) -> str:
    """This function will say what each side's total counts, and up to when."""
    sides = (
        _("Bill: payments %(payments)d (%(paid)s), refunds %(refunds)d (%(back)s).")
        % {
            "payments": run.their_payments,
            "paid": show_fen(run.their_payments_fen),
            "refunds": run.their_refunds,
            "back": show_fen(run.their_refunds_fen),
        },
        _("Ours until %(at)s: payments %(payments)d (%(paid)s), refunds %(refunds)d (%(back)s).")
        % {
            "at": instant(run.counted_until),
            "payments": run.our_payments,
            "paid": show_fen(run.our_payments_fen),
            "refunds": run.our_refunds,
            "back": show_fen(run.our_refunds_fen),
        },
    )
    return f"{run.channel} {run.day.isoformat()}  {'  '.join(sides)}"


def read_day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        message = _("--date “%(text)s” is no date such as 2026-11-23.") % {"text": text}
        raise CommandError(message, returncode=NO_STATEMENT) from error


def list_work(channel: str | None, day: date | None, paths: list[Path]) -> list[Work]:
    """This function will say which bills to go through, and where they come from.

    :raises CommandError: none at all.
    """
    if paths and channel is None:
        raise CommandError(_("--file needs --channel."), returncode=NO_STATEMENT)
    if paths and channel is not None:
        try:
            bills, days = given_bills(channel, paths, day=day)
        except UnableToReadStatement as error:
            raise CommandError(str(error), returncode=NO_STATEMENT) from error
        return [(channel, [day] if day else days, bills)]
    channels = [channel] if channel else list_channels()
    if not channels:
        message = _("This desk is connected to no channel whose bills it could fetch.")
        raise CommandError(message, returncode=NO_STATEMENT)
    now = clock.now()
    return [
        (
            code,
            [day] if day else sorted(find_due_days(channel=code, now=now)),
            fetched_bills(code, today=day_of(now)),
        )
        for code in channels
    ]


def conclude(runs: list[ReconciliationRun]) -> str:
    """This function will say how it went.

    :raises CommandError: with the exit code that the runs deserve.
    """
    count = sum(run.differences_count for run in runs)
    matched = sum(run.matched for run in runs)
    if count:
        message = ngettext(
            "%(count)d difference; %(matched)d matched.",
            "%(count)d differences; %(matched)d matched.",
            count,
        )
        raise CommandError(message % {"count": count, "matched": matched}, returncode=DIFFERENCES)
    if any(run.state != ReconciliationRun.State.COMPARED for run in runs):
        raise CommandError(
            _("No differences where there was a bill; not every day has one."),
            returncode=NO_STATEMENT,
        )
    text = _("No differences; %(matched)d matched.") % {"matched": matched}
    if waiting := sum(run.waiting for run in runs):
        waits = ngettext(
            "%(count)d entry of the last hours waits for the next day's bill.",
            "%(count)d entries of the last hours wait for the next day's bill.",
            waiting,
        )
        text = f"{text} {waits % {'count': waiting}}"
    return text


def show_fen(fen: int | None) -> str:
    return "-" if fen is None else f"{fen // 100}.{fen % 100:02d}"
