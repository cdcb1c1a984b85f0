import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Run the gateway simulator: payment channels and a supplier to practise with."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, help="default: last time's, else a free one")
        parser.add_argument("--data", type=Path, help="default: HELPDESK_DATA")

    def handle(self, *args: Any, port: int | None, data: Path | None, **options: Any) -> None:
        # A program of its own, replaced in this process: the desk's code never imports it.
        if not (settings.BASE_DIR / "simulator" / "__main__.py").is_file():
            raise CommandError("This installation came without the simulator.")
        command = [sys.executable, "-m", "simulator"]
        command += ["--data", str((data or settings.HELPDESK_DATA).resolve())]
        if port is not None:
            command += ["--port", str(port)]
        os.chdir(settings.BASE_DIR)
        os.execv(sys.executable, command)
