import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from helpdesk import clock
from tickets.policies import replace_policy
from tickets.policy_reader import InvalidPolicy


class Command(BaseCommand):
    help = "Replaces the policy that a JSON file names by its code; open disputes keep theirs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="as GET /api/v1/policies/default gives it; - is stdin")

    def handle(self, *args: Any, file: str, **options: Any) -> None:
        body = read_object(file)
        try:
            row = replace_policy(
                code=body.get("code", "default"), body=body, actor_label="system", now=clock.now()
            )
        except InvalidPolicy as refused:
            for error in refused.errors:
                limit = f"; possible is {error.limit}" if error.limit else ""
                self.stderr.write(f"{error.field}: {error.code}{limit}")
            raise CommandError(f"{file} is no policy; nothing was changed.") from None
        self.stdout.write(f"Policy {row.code} is at version {row.version}.")


def read_object(file: str) -> dict[str, Any]:
    try:
        if file == "-":
            body = json.load(sys.stdin)
        else:
            with open(file, encoding="utf-8-sig") as opened:
                body = json.load(opened)
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{file} is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise CommandError(f"{file} holds no JSON object.")
    return body
