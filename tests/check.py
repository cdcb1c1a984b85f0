"""`./run check`: everything CI runs, in the order of what fails fastest."""

import os
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BIN = Path(sys.executable).parent
MANAGE = [sys.executable, "manage.py"]
STEPS: list[tuple[str, list[str]]] = [
    ("format", [sys.executable, "-m", "ruff", "format", "--check", "."]),
    ("lint", [sys.executable, "-m", "ruff", "check", "."]),
    ("types", [sys.executable, "-m", "mypy"]),
    ("imports", [str(BIN / "lint-imports"), "--no-cache"]),
    ("migrations", [*MANAGE, "makemigrations", "--check", "--dry-run"]),
    ("deploy", [*MANAGE, "check", "--deploy", "--fail-level", "WARNING"]),
    ("translations", [sys.executable, "-m", "tests.translations"]),
]


def main(arguments: list[str]) -> int:
    failed = []
    with tempfile.TemporaryDirectory(prefix="helpdesk-check-") as data:
        # As a real installation has it, and nothing from this machine's own.
        installation = os.environ | {
            "HELPDESK_DATA": data,
            "DATABASE_URL": "",
            "DEBUG": "0",
            "DEMO": "0",
            "SECRET_KEY": secrets.token_urlsafe(64),
            "SITE_URL": "https://desk.example.com",
            "ALLOWED_HOSTS": "desk.example.com",
            "EMAIL_URL": "smtp+tls://desk:secret@smtp.example.com:587",
        }
        for name, command in STEPS:
            if not step(name, command, installation):
                failed.append(name)
    if not step("tests", [sys.executable, "-m", "tests.run", *arguments], dict(os.environ)):
        failed.append("tests")
    print(f"\nFailed: {', '.join(failed)}" if failed else "\nAll checks passed.")
    return 1 if failed else 0


def step(name: str, command: list[str], environment: dict[str, str]) -> bool:
    print(f"--- {name}", flush=True)
    started = time.monotonic()
    passed = subprocess.run(command, env=environment, check=False).returncode == 0
    print(f"    {'ok' if passed else 'FAILED'}, {time.monotonic() - started:.1f} s", flush=True)
    return passed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
