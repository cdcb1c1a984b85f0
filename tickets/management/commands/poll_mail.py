from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from helpdesk import clock
from tickets.mailroom.handling import handle_mails
from tickets.mailroom.imap import UnableToPoll
from tickets.mailroom.polling import poll_mailbox


class Command(BaseCommand):
    help = "Read the mailbox of IMAP_URL once and handle what is new. Beat does it by itself."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.IMAP_URL:
            raise CommandError(_("IMAP_URL is not set: there is no mailbox to read."), returncode=2)
        try:
            polled = poll_mailbox(url=settings.IMAP_URL, clock=clock.now)
        except UnableToPoll as error:
            raise CommandError(str(error)) from error
        if polled.busy:
            self.stdout.write(_("Another reader has the mailbox at this moment."))
        counts = {
            "stored": polled.stored,
            "known": polled.known,
            "handled": handle_mails(clock=clock.now),
        }
        self.stdout.write(
            _("New: %(stored)d, known already: %(known)d, handled: %(handled)d") % counts
        )
