from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Tags, register
from django.db import connection
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class OrdersConfig(AppConfig):
    name = "orders"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = _("Orders")

    def ready(self) -> None:
        from orders import checks  # noqa: F401  (registers the checks)

        post_migrate.connect(lay_triggers, sender=self)
        register(Tags.database)(check_triggers)


def lay_triggers(**kwargs: Any) -> None:
    """SQLite drops triggers when a migration rebuilds a table: they are laid after each one."""
    from orders import ledger_guard

    if ledger_guard.TABLE in connection.introspection.table_names():
        ledger_guard.lay_triggers()


def check_triggers(**kwargs: Any) -> list[CheckMessage]:
    from orders import ledger_guard

    return ledger_guard.check_triggers(**kwargs)
