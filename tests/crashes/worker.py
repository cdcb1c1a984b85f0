"""A process whose children go a refund's way and die where they are told to.

    python -m tests.crashes.worker DATABASE      one JSON object a line in, one out

    {"path": "...", "ticket": 1, "people": {"lin": ["agent", 1]}, "now": "...", "die_at": null}
        -> {"exit": 0, "points": ["before commit: orders_refund", ...]}

A point is an instant before or after a commit, or before or after a call that leaves the process.
Without "die_at" the child comes through and says which points it passed; with it, it is gone at
that point without a word to anybody, as if killed.
"""

import json
import os
import re
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402

from orders.channels import alipay_wire, sandbox, shop, wechatpay_wire  # noqa: E402
from orders.suppliers import http as supplier  # noqa: E402
from tests.crashes.paths import PATHS  # noqa: E402
from tests.stories import Desk  # noqa: E402
from tickets.actors import Actor  # noqa: E402
from tickets.models import Ticket  # noqa: E402

#: How the tests find our connections on a server.
APPLICATION = "crash_points"
DIED = 77
WRITES = re.compile(r'\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+"(\w+)"')


class Points:
    """Counts the points as they pass, and ends the process at one of them."""

    def __init__(self, die_at: int | None) -> None:
        self.passed: list[str] = []
        self._die_at = die_at
        self._written: list[str] = []

    def reach(self, label: str) -> None:
        if self._die_at == len(self.passed):
            os._exit(DIED)
        self.passed.append(label)

    def around(self, what: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            self.reach(f"before {what}")
            try:
                return act(*args, **kwargs)
            finally:
                # Also a call that brought no answer is over.
                self.reach(f"after {what}")

        return watched

    def commit(self, act: Callable[[], None]) -> Callable[[], None]:
        def watched() -> None:
            # A transaction that wrote nothing has nothing to lose.
            tables, self._written = sorted(set(self._written)), []
            self.around(f"commit: {' '.join(tables)}", act)() if tables else act()

        return watched

    def statement(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        """A write outside a transaction is a commit of its own."""
        written = WRITES.match(sql)
        if written is None:
            return execute(sql, params, many, context)
        if connection.in_atomic_block:
            self._written.append(written[1])
            return execute(sql, params, many, context)
        return self.around(f"commit: {written[1]}", execute)(sql, params, many, context)


def go(asked: dict[str, Any]) -> list[str]:
    """This function will go the way in this process, with every point watched."""
    path = PATHS[asked["path"]]
    ticket = Ticket.objects.get(pk=asked["ticket"])
    people = {name: Actor(role, pk) for name, (role, pk) in asked["people"].items()}
    desk = Desk({}, bank=True)  # type: ignore[arg-type]  # It only asks whether there is one.
    desk.now = datetime.fromisoformat(asked["now"])
    points = Points(asked["die_at"])
    connection.commit = points.commit(connection.commit)
    for module in (alipay_wire, sandbox, shop, wechatpay_wire, supplier):
        module.exchange = points.around("call", module.exchange)
    with connection.execute_wrapper(points.statement):
        path.go(desk, ticket, people)
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
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(in_a_child(json.loads(line))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
