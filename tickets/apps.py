from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connection
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class TicketsConfig(AppConfig):
    name = "tickets"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Tickets")

    def ready(self) -> None:
        from tickets import checks  # noqa: F401  (registers the checks)

        post_migrate.connect(lay_triggers, sender=self)
        register(Tags.database)(check_triggers)
        register(Tags.security)(check_mailbox)


def lay_triggers(**kwargs: Any) -> None:
    """SQLite drops triggers when a migration rebuilds a table: they are laid after each one."""
    from tickets import append_only

    if append_only.TABLE in connection.introspection.table_names():
        append_only.install()


def check_mailbox(**kwargs: Any) -> list[CheckMessage]:
    from tickets.mailroom.imap import UnableToPoll, read_account

    if not settings.IMAP_URL:
        return []
    try:
        read_account(settings.IMAP_URL)
    except UnableToPoll as error:
        return [Error(str(error), hint=".env.example shows its form.", id="tickets.E002")]
    return []


def check_triggers(**kwargs: Any) -> list[CheckMessage]:
    from tickets import append_only

    if append_only.TABLE not in connection.introspection.table_names():
        return []
    if append_only.is_installed():
        return []
    return [
        Error(
            "Nothing keeps events from being changed: the database triggers are missing.",
            hint="Run manage.py migrate.",
            id="tickets.E001",
        )
    ]
