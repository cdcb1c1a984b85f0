"""What the simulator keeps in HELPDESK_DATA beside its store: its keys and where it listens."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

ADDRESS_FILE = "simulator.json"
KEYS_FILE = "simulator-keys.json"
STORE_FILE = "simulator.db"
#: Payments and supplier orders of the past, {"trades": [...], "orders": [...]}: read at each start.
SEED_FILE = "simulator-seed.json"
LOCK_FILE = "simulator.lock"
KEY_NAMES = ("sandbox_secret", "supplier_secret", "shop_secret")
#: A simulator that is being restarted may take a moment to leave.
LOCK_PATIENCE_S = 3.0


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """This function will write a file that only its owner may read, whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def get_keys(
    data: Path, makers: Sequence[tuple[Sequence[str], Callable[[], Mapping[str, str]]]] = ()
) -> dict[str, str]:
    """This function will read the test keys, making those that are missing.

    A maker makes the keys of one gateway, which belong together, at once.
    """
    path = data / KEYS_FILE
    keys: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    before = dict(keys)
    keys |= {name: secrets.token_hex(32) for name in KEY_NAMES if not keys.get(name)}
    for names, make in makers:
        if not all(keys.get(name) for name in names):
            keys |= make()
    if keys != before:
        write_json(path, keys)
    return keys


def lock_data(data: Path) -> IO[str] | None:
    """This function will keep a second simulator away from the same store; None when one runs."""
    file = open(data / LOCK_FILE, "w", encoding="utf-8")  # noqa: SIM115 - held until exit
    give_up_at = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if time.monotonic() > give_up_at:
                file.close()
                return None
            time.sleep(0.1)
