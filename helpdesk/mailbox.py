"""Where mail goes while no EMAIL_URL is set: a folder that a person can open."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend


class MailboxBackend(BaseEmailBackend):
    """Writes one .eml a message into HELPDESK_DATA/mail, named so that names sort by time."""

    def __init__(self, fail_silently: bool = False, **kwargs: Any) -> None:
        super().__init__(fail_silently=fail_silently)
        self.folder = Path(settings.MAILBOX_DIR)

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for message in email_messages:
            self._write(message)
        return len(email_messages)

    def _write(self, message: EmailMessage) -> None:
        stamp = datetime.now(tz=UTC).strftime("%Y%m%dT%H%M%S.%f")
        path = self.folder / f"{stamp}-{secrets.token_hex(4)}.eml"
        # Renamed into place, so that a reader of *.eml never meets half a message.
        partial = path.with_suffix(".part")
        partial.write_bytes(message.message().as_bytes())
        partial.rename(path)
