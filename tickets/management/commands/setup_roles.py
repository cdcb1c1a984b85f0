from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from tickets.roles import UnknownRight, set_up_roles


class Command(BaseCommand):
    help = "Create the groups agent, supervisor, admin and shop with their rights; safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            given = set_up_roles()
        except UnknownRight as error:
            raise CommandError(
                _("No such right: %(names)s. Run migrate first.") % {"names": error}
            ) from error
        for role, count in given.items():
            self.stdout.write(
                _("%(role)s: %(count)d rights added") % {"role": role, "count": count}
            )
