from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tickets.evidence import verify_evidence
from tickets.models import Evidence, Ticket


class Command(BaseCommand):
    help = "Holds files of proof against their digests and the chain of events; exit code 1 if not."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("ticket", nargs="?", help="number of one dispute; all when left out")

    def handle(self, *args: Any, ticket: str | None, **options: Any) -> None:
        one = None
        if ticket is not None:
            one = Ticket.objects.filter(number=ticket).first()
            if one is None:
                raise CommandError(f"There is no dispute {ticket}.")
        findings = verify_evidence(ticket=one)
        for finding in findings:
            self.stderr.write(
                f"{finding.ticket or 'no dispute yet'}  {finding.code}  {finding.subject}: "
                f"{finding.text}"
            )
        files = Evidence.objects.filter(ticket=one) if one else Evidence.objects.all()
        chains = 1 if one else Ticket.objects.count()
        checked = f"{files.count()} files and {chains} chains checked"
        if findings:
            raise CommandError(f"{checked}, {len(findings)} findings.")
        self.stdout.write(f"{checked}, all as received.")
