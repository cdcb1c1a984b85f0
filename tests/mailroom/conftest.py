"""A desk that reads its mail, without a mail server."""

import secrets
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from django.core import mail as outbox
from django.core.cache import cache

from tests.dovecot import Dovecot, private_dovecot
from tests.mailroom.post import TO
from tests.stories import OPENING, Desk, make_order
from tickets.mailroom.handling import handle_mails
from tickets.mailroom.receiving import store_mail
from tickets.models import InboundMail
from tickets.notices import send_due_notices

Deliver = Callable[..., InboundMail]


@pytest.fixture(autouse=True)
def _reads_mail(settings, tmp_path) -> None:
    settings.IMAP_URL = "imap+ssl://desk@imap.example.com/INBOX"
    settings.DEFAULT_FROM_EMAIL = settings.IMAP_ADDRESS = TO
    settings.MEDIA_ROOT = tmp_path / "media"
    cache.clear()


@pytest.fixture
def deliver(db: None) -> Deliver:
    """What the poller and the worker do with one mail."""

    def receive(raw: bytes, *, now: datetime = OPENING, size: int | None = None) -> InboundMail:
        stored = store_mail(raw=raw, size=size or len(raw), now=now)
        handle_mails(clock=lambda: now)
        if stored is None:
            return InboundMail.objects.latest("pk")
        stored.refresh_from_db()
        return stored

    return receive


@pytest.fixture(scope="session")
def dovecot_server() -> Iterator[Dovecot]:
    with private_dovecot() as server:
        yield server


@pytest.fixture
def dovecot(dovecot_server: Dovecot, settings) -> Dovecot:
    """A mail server with an empty mailbox, which the desk's settings point at."""
    dovecot_server.user = f"desk-{secrets.token_hex(4)}@desk.example.com"
    settings.IMAP_URL = dovecot_server.url()
    return dovecot_server


@pytest.fixture
def order(desk: Desk):
    """Zhao Lei's: 138...1234, and an address he writes from."""
    return make_order(
        order_no="LT202611240001",
        target_account="13800001234",
        customer_phone="13900005678",
        customer_email="zhao.lei@example.com",
    )


def letters_to(address: str, *, now: datetime = OPENING) -> list[outbox.EmailMessage]:
    """What leaves for somebody until ``now``."""
    send_due_notices(clock=lambda: now)
    return [message for message in outbox.outbox if address in message.to]
