from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from tickets.public_calendar import UnableToLoadCalendar, days_of_year, read_days, store_days


class Command(BaseCommand):
    help = "Load public holidays and working weekends: of years the package knows, or from a CSV."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", help="CSV of date,kind,name")
        parser.add_argument("--year", type=int, action="append", default=[])

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["file"]) == bool(options["year"]):
            raise CommandError(_("Give either a file or --year."))
        try:
            days = read_days(options["file"]) if options["file"] else []
            for year in options["year"]:
                days += days_of_year(year)
        except UnableToLoadCalendar as error:
            raise CommandError(str(error)) from error
        self.stdout.write(_("%(count)d days loaded") % {"count": store_days(days)})
