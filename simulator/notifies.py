"""News that providers send by themselves: rows first, delivered by one thread, repeated until
answered."""

from __future__ import annotations

import http.client
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from simulator.faults import Fault, take_fault
from simulator.gateway import Gateway
from simulator.store import Store

#: Seconds after each attempt that was not taken; then never again.
RETRY_AFTER_S = (1.0, 5.0, 15.0, 60.0, 300.0)
TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Letter:
    """A notify as it goes out, signed at the moment of sending."""

    content: bytes
    headers: Mapping[str, str]


class Postman(Protocol):
    """Whoever sends notifies of one kind: its words, its signature, what it takes for a yes.

    One with a schedule of its own has `repeat_after_s`, as RETRY_AFTER_S.
    """

    @property
    def notify_target(self) -> str:
        """Its name in the ledger, such as "supplier.notify"."""

    def write_notify(self, body: Mapping[str, Any], *, notify_id: str) -> Letter:
        """This function will sign a queued body. The id is the same when it is sent again."""

    def is_taken(self, status: int, text: str) -> bool:
        """This function will say whether the receiver's answer means that it took the notify."""


class TellingGateway(Gateway, Postman, Protocol):
    """A gateway that also tells news by itself."""


@dataclass(frozen=True, slots=True)
class News:
    """Something to be told: what, to whom, and what was true before."""

    #: The postman's notify_target.
    target: str
    #: The operation whose armed notify faults hit it, such as "alipay.refund".
    fault_target: str
    number: str
    url: str
    body: Mapping[str, Any]
    before: Mapping[str, Any]
    amount_fen: int | None = None
    #: Seconds until it is known.
    delay_s: float = 0.0


def announce(store: Store, news: News, fault: Fault | None = None) -> None:
    """This function will queue a notify, with the armed fault of its kind: late, twice, or
    followed by the older state. Without an address there is nobody to tell.

    A caller whose own answer depends on the fault takes it and hands it on.
    """
    if not news.url:
        return
    fault = fault or take_fault(store, news.fault_target, notify=True)
    known_at = time.time() + news.delay_s
    first_at = known_at + (fault.seconds if fault.mode == "late_notify" else 0.0)
    notify_id = _queue(store, news, news.body, first_at)
    if fault.mode == "duplicate_notify":
        _queue(store, news, news.body, known_at + 0.2 + fault.seconds, notify_id)
    if fault.mode == "out_of_order_notify":
        _queue(store, news, news.before, known_at + 0.2 + fault.seconds)


def _queue(
    store: Store, news: News, body: Mapping[str, Any], due_at: float, notify_id: str = ""
) -> str:
    notify_id = notify_id or f"N{time.time_ns():x}"
    store.execute(
        "INSERT INTO notifies (number, url, body, due_at, target, amount_fen, notify_id)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        news.number,
        news.url,
        json.dumps(body),
        due_at,
        news.target,
        news.amount_fen,
        notify_id,
    )
    return notify_id


class Notifier(threading.Thread):
    """Delivers what is due, every twentieth of a second."""

    def __init__(
        self,
        store: Store,
        *,
        settle_due: Callable[[Store], None],
        postmen: Sequence[Postman],
        stopping: threading.Event,
    ) -> None:
        super().__init__(name="notifier", daemon=True)
        self._store = store
        self._settle_due = settle_due
        self._postmen = {postman.notify_target: postman for postman in postmen}
        self._stopping = stopping

    def run(self) -> None:
        while not self._stopping.wait(0.05):
            self._settle_due(self._store)
            for row in self._store.rows(
                "SELECT * FROM notifies WHERE due_at <= ? ORDER BY due_at, id LIMIT 50", time.time()
            ):
                self._deliver(row)

    def _deliver(self, row: sqlite3.Row) -> None:
        postman = self._postmen[row["target"]]
        letter = postman.write_notify(json.loads(row["body"]), notify_id=row["notify_id"])
        is_done, outcome = post_notify(row["url"], letter, is_taken=postman.is_taken)
        attempts = row["attempts"] + 1
        schedule = getattr(postman, "repeat_after_s", RETRY_AFTER_S)
        again = not is_done and attempts <= len(schedule)
        due_at = time.time() + schedule[attempts - 1] if again else None
        with self._store.transaction():
            updated = self._store.execute(
                "UPDATE notifies SET due_at = ?, attempts = ? WHERE id = ?",
                due_at,
                attempts,
                row["id"],
            )
            if updated.rowcount != 1:  # A reset came while it was under way.
                return
            self._store.record_call(row["target"], row["number"], row["amount_fen"], outcome)


def post_notify(
    url: str, letter: Letter, *, is_taken: Callable[[int, str], bool]
) -> tuple[bool, str]:
    """This function will post one notify and say whether the receiver took it."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        try:
            connection.request("POST", path, letter.content, dict(letter.headers))
            response = connection.getresponse()
            text = response.read(64).decode(errors="replace").strip().lower()
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        return False, f"undelivered:{type(error).__name__}"
    if is_taken(response.status, text):
        return True, "delivered"
    return False, f"refused:{response.status}"
