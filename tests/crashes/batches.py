"""A process whose children carry batches of refunds on and die where they are told to.

python -m tests.crashes.batches DATABASE      one JSON object a line in, one out

{"now": "...", "die_at": null} -> {"exit": 0, "points": ["before commit: orders_batchrow", ...]}
"""

import json
import os
import sys
from datetime import datetime
from typing import Any

from tests.crashes.worker import APPLICATION, Points

from django.conf import settings  # isort: skip
from django.db import connection  # isort: skip

from tickets.mass_refunds import carry_on_batches  # isort: skip


def go(asked: dict[str, Any]) -> list[str]:
    """This function will carry batches on in this process, with every commit watched."""
    points = Points(asked["die_at"])
    now = datetime.fromisoformat(asked["now"])
    connection.commit = points.commit(connection.commit)
    with connection.execute_wrapper(points.statement):
        carry_on_batches(clock=lambda: now)
    return points.passed


def in_a_child(asked: dict[str, Any]) -> dict[str, Any]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.write(writing, json.dumps(go(asked)).encode())
            code = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    _pid, status = os.waitpid(pid, 0)
    return {"exit": os.waitstatus_to_exitcode(status), "points": json.loads(said or "[]")}


def main(database: str) -> None:
    settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = database
    if connection.vendor == "postgresql":
        connection.settings_dict["OPTIONS"]["application_name"] = APPLICATION
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(in_a_child(json.loads(line))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
