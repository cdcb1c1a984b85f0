import json
import os
import tempfile
from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.translation import gettext as _

from helpdesk import clock
from orders.demo_shop.orders import DemoShop, store_shop, what_gateways_know
from orders.models import Order
from tickets.demo import give_credentials, set_up_desk
from tickets.demo_disputes import open_demo_disputes

DEMO_FILE = "demo.json"
SIMULATOR_SEED_FILE = "simulator-seed.json"
TIMEOUT_S = 5.0


class Command(BaseCommand):
    help = "Fill an empty desk with the demo shop: orders, people, keys, policy. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--force", action="store_true", help="even where DEMO and DEBUG are 0")

    def handle(self, *args: Any, **options: Any) -> None:
        if not (settings.DEMO or settings.DEBUG or options["force"]):
            raise CommandError(
                _("This is no demo (DEMO=0, DEBUG=0). With --force it becomes one for good.")
            )
        demo_file: Path = settings.HELPDESK_DATA / DEMO_FILE
        if is_seeded() and demo_file.exists():
            self.stdout.write(_("The demo shop is there already."))
            return
        now = clock.now()
        content = seed(now=now)
        open_demo_disputes(now=now)
        gateways = what_gateways_know()
        write_private(settings.HELPDESK_DATA / SIMULATOR_SEED_FILE, gateways)
        tell_simulator(gateways)
        write_private(demo_file, content)
        self.stdout.write(
            _("The demo shop has %(count)d orders; accounts and keys are in %(path)s")
            % {"count": Order.objects.count(), "path": demo_file}
        )


def is_seeded() -> bool:
    return Order.objects.filter(source=Order.Source.DEMO).exists()


def seed(*, now: datetime) -> dict[str, Any]:
    """This function will store all that is missing, or nothing, and say what demo.json says."""
    with transaction.atomic(durable=True):
        set_up_desk()
        if not is_seeded():
            store_shop(DemoShop(now=now).make_all(), now=now)
        shown = Order.objects.filter(source=Order.Source.DEMO).earliest("pk")
        return {
            "url": settings.SITE_URL,
            **give_credentials(now=now),
            "order": {
                "order_no": shown.order_no,
                "account_last4": (shown.target_account or shown.customer_phone)[-4:],
            },
        }


def write_private(path: Path, content: dict[str, Any]) -> None:
    """This function will write a file for its owner alone, whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, indent=2)
        file.write("\n")
    os.replace(name, path)


def tell_simulator(gateways: dict[str, Any]) -> None:
    """A simulator that runs already has read its file: it is told now. One that starts later
    reads the file."""
    address = settings.HELPDESK_DATA / "simulator.json"
    if not address.exists():
        return
    try:
        url = json.loads(address.read_text(encoding="utf-8"))["control_url"]
        for name, items in gateways.items():
            answer = httpx.post(f"{url}/{name}", json={name: items}, timeout=TIMEOUT_S)
            answer.raise_for_status()
    except (OSError, ValueError, KeyError, httpx.HTTPError) as error:
        raise CommandError(
            _("The simulator did not take the demo's payments: %(error)s") % {"error": error}
        ) from error
