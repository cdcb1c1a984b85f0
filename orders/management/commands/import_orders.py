from argparse import ArgumentParser
from datetime import UTC, datetime
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
from orders.importing.cells import BadCell, read_time
from orders.importing.columns import Columns, UnableToMap, find_columns, load_mapping
from orders.importing.rejects import write_rejects
from orders.importing.rows import Reject, Report, import_orders, read_orders
from orders.importing.sheets import Sheet, UnableToRead, read_sheet

SHOWN_REJECTS = 10
PREVIEWED = 5


class Command(BaseCommand):
    help = "Import orders from a CSV or .xlsx file. Rejected rows go to a file; exit code 1 then."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--mapping", type=Path, help="a saved mapping of columns (JSON)")
        parser.add_argument("--save-mapping", type=Path, help="write the mapping used to this file")
        parser.add_argument("--preview", action="store_true", help="show, store nothing")
        parser.add_argument("--as-of", help="when the file was exported; default: its own time")
        parser.add_argument("--rejects", type=Path, help="default: FILE.rejects.csv beside it")

    def handle(self, *args: Any, **options: Any) -> None:
        self.console = Console(file=cast("IO[str]", self.stdout), soft_wrap=True)
        path: Path = options["file"]
        now = clock.now()
        try:
            sheet = read_sheet(path)
            saved = load_mapping(options["mapping"]) if options["mapping"] else None
            columns = find_columns(sheet.headers, saved)
            as_of = read_as_of(options["as_of"], path, now=now)
        except (UnableToRead, UnableToMap, BadCell) as error:
            raise CommandError(str(error), returncode=2) from error
        if options["save_mapping"]:
            options["save_mapping"].write_text(columns.mapping.to_json(), encoding="utf-8")
        if options["preview"]:
            self.preview(sheet, columns, as_of=as_of, now=now)
            return
        report = self.import_with_progress(sheet, columns, as_of=as_of, now=now)
        rejects_path = options["rejects"] or path.with_name(f"{path.name}.rejects.csv")
        self.conclude(report, sheet, columns, rejects_path)

    def import_with_progress(
        self, sheet: Sheet, columns: Columns, *, as_of: datetime, now: datetime
    ) -> Report:
        bar = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        console = Console(stderr=True)
        with Progress(*bar, TimeElapsedColumn(), console=console, transient=True) as progress:
            task = progress.add_task(_("Importing"), total=len(sheet.rows))
            return import_orders(
                sheet=sheet,
                columns=columns,
                as_of=as_of,
                now=now,
                advance=lambda rows: progress.advance(task, rows),
            )

    def preview(self, sheet: Sheet, columns: Columns, *, as_of: datetime, now: datetime) -> None:
        self.show_columns(sheet, columns)
        rejects: list[Reject] = []
        rows = read_orders(sheet.rows, columns, as_of=as_of, now=now, rejects=rejects)
        table = Table(title=_("The first rows as they would be stored"))
        for name in (_("Line"), _("Order"), _("Product"), _("Price (fen)"), _("Status")):
            table.add_column(name)
        good = list(rows)
        for read in good[:PREVIEWED]:
            facts = read.facts
            shown = (read.order_no, facts.product_name, str(facts.price_fen), facts.status)
            table.add_row(str(read.row.line), *map(escape, shown))
        self.console.print(table)
        self.show_rejects(rejects)
        counts = {"good": len(good), "rejected": len(rejects)}
        self.console.print(
            _("Nothing was stored: %(good)d rows are good, %(rejected)d are not.") % counts
        )

    def show_columns(self, sheet: Sheet, columns: Columns) -> None:
        table = Table(title=_("Columns of this %(kind)s file") % {"kind": sheet.kind})
        table.add_column(_("Column"))
        table.add_column(_("Means"))
        meanings = {index: name for name, index in columns.places.items()}
        for index, header in enumerate(sheet.headers):
            table.add_row(escape(header), meanings.get(index, "-"))
        for name, value in columns.mapping.defaults.items():
            table.add_row(f"= {escape(value)}", name)
        self.console.print(table)

    def conclude(self, report: Report, sheet: Sheet, columns: Columns, path: Path) -> None:
        if columns.unused:
            names = escape(", ".join(columns.unused))
            self.console.print(_("Columns not used: %(names)s") % {"names": names})
        words = {
            "created": _("created"),
            "updated": _("updated"),
            "unchanged": _("unchanged"),
            "older": _("older than what is stored, left aside"),
        }
        for name, word in words.items():
            if name == "created" or report.counts[name]:
                self.console.print(f"{report.counts[name]:>8}  {word}")
        self.console.print(f"{len(report.rejects):>8}  {_('rejected')}")
        if not report.rejects:
            path.unlink(missing_ok=True)
            return
        self.show_rejects(report.rejects)
        write_rejects(path, sheet.headers, report.rejects)
        raise CommandError(
            ngettext(
                "%(count)d row was rejected. It is in %(path)s with the reasons.",
                "%(count)d rows were rejected. They are in %(path)s with the reasons.",
                len(report.rejects),
            )
            % {"count": len(report.rejects), "path": path},
            returncode=1,
        )

    def show_rejects(self, rejects: list[Reject]) -> None:
        for reject in rejects[:SHOWN_REJECTS]:
            for column, _code, why in reject.errors:
                where = _("Line %(line)d") % {"line": reject.row.line}
                self.console.print(
                    escape(f"{where}  {column}: {why}" if column else f"{where}: {why}")
                )
        if len(rejects) > SHOWN_REJECTS:
            self.console.print("…")


def read_as_of(text: str | None, path: Path, *, now: datetime) -> datetime:
    """A file states what was true when it was written: its time is the safest guess of that."""
    if text:
        return read_time(text)
    return min(datetime.fromtimestamp(path.stat().st_mtime, tz=UTC), now)
