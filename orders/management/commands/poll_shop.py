from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from helpdesk import clock
from orders.shopdb.connection import UnableToReadShop
from orders.shopdb.polling import Pass, Source, poll_shop, read_source
from orders.shopdb.preview import Shown, preview_shop


class Command(BaseCommand):
    help = "Read the shop's database of SHOP_DB_URL once, to its end. Beat does it by itself."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--preview",
            nargs="?",
            type=int,
            const=20,
            metavar="N",
            help="show what the N newest orders (20) would become; store nothing",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.SHOP_DB_URL:
            raise CommandError(_("SHOP_DB_URL is not set: there is no shop to read."), returncode=2)
        try:
            source = read_source()
            if options["preview"] is not None:
                self.preview(source, options["preview"])
            else:
                self.poll(source)
        except UnableToReadShop as error:
            raise CommandError(str(error)) from error

    def preview(self, source: Source, size: int) -> None:
        if not 1 <= size <= 500:
            raise CommandError(_("--preview takes 1 to 500."), returncode=2)
        rows = preview_shop(source=source, size=size, clock=clock.now)
        for row in rows:
            self.stdout.write(self.line(row))
        bad = sum(bool(row.errors) for row in rows)
        self.stdout.write(
            _("%(good)d would be stored, %(bad)d rejected. Nothing was stored.")
            % {"good": len(rows) - bad, "bad": bad}
        )

    def line(self, row: Shown) -> str:
        if row.errors:
            why = "; ".join(f"{error['field']}: {error['detail']}" for error in row.errors)
            return self.style.ERROR(f"{row.order_no}  {why}")
        return (
            f"{row.order_no}  {row.status}  {row.price_fen / 100:.2f}  {row.channel or '-'}"
            f"  {row.account or '-'}  {row.product}"
        )

    def poll(self, source: Source) -> None:
        done = poll_shop(source=source, clock=clock.now, budget_s=float("inf"))
        if done.busy:
            self.stdout.write(_("Another reader has the shop at this moment."))
            return
        self.stdout.write(self.summary(done))
        if done.counts["rejected"]:
            self.stdout.write(_("The rejected rows are in the admin under unread shop orders."))

    def summary(self, done: Pass) -> str:
        names = ("created", "updated", "unchanged", "rejected")
        return _(
            "New: %(created)d, changed: %(updated)d, unchanged: %(unchanged)d, "
            "rejected: %(rejected)d"
        ) % {name: done.counts[name] for name in names}
