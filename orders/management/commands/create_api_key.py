from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from helpdesk import clock
from orders.api.keys import create_api_key
from orders.models import ApiKey


class Command(BaseCommand):
    help = "Create an API key that acts as a person. It is printed once and stored as a digest."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="what the key is for, such as shop-backend")
        parser.add_argument("--as", dest="username", required=True, help="the person it acts as")
        parser.add_argument(
            "--scope",
            action="append",
            default=[],
            choices=ApiKey.Scope.values,
            help="repeatable; without any, the key may do all that its person may",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name: str = options["name"]
        user = User.objects.filter(username=options["username"], is_active=True).first()
        if user is None:
            raise CommandError(
                _("There is no active user %(name)s.") % {"name": options["username"]}
            )
        if not 1 <= len(name) <= 100:
            raise CommandError(_("A name has 1 to 100 characters."))
        if ApiKey.objects.filter(name=name).exists():
            raise CommandError(_("There is a key named %(name)s already.") % {"name": name})
        _key, secret = create_api_key(
            name=name, user=user, scopes=options["scope"], now=clock.now()
        )
        self.stderr.write(_("The key is shown only now:"))
        self.stdout.write(secret)
