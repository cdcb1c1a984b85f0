"""The simulator's own book: one SQLite file, one connection, one writer at a time."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS trades (
    channel TEXT NOT NULL, trade_no TEXT NOT NULL, merchant_trade_no TEXT NOT NULL,
    amount_fen INTEGER NOT NULL, paid_at TEXT NOT NULL,
    notify_url TEXT NOT NULL DEFAULT '', PRIMARY KEY (channel, trade_no));
CREATE UNIQUE INDEX IF NOT EXISTS trades_by_merchant_no
    ON trades (channel, merchant_trade_no) WHERE merchant_trade_no <> '';
CREATE TABLE IF NOT EXISTS refunds (
    channel TEXT NOT NULL, number TEXT NOT NULL, trade_no TEXT NOT NULL,
    amount_fen INTEGER NOT NULL, channel_refund_no TEXT NOT NULL,
    made_at REAL NOT NULL, visible_at REAL NOT NULL, PRIMARY KEY (channel, number));
CREATE INDEX IF NOT EXISTS refunds_by_trade ON refunds (channel, trade_no);
CREATE TABLE IF NOT EXISTS supplier_orders (
    number TEXT PRIMARY KEY, supplier_order_no TEXT NOT NULL, account TEXT NOT NULL,
    product TEXT NOT NULL, amount_fen INTEGER NOT NULL, notify_url TEXT NOT NULL,
    state TEXT NOT NULL, delivered_fen INTEGER NOT NULL DEFAULT 0,
    voucher_no TEXT NOT NULL DEFAULT '', code TEXT NOT NULL DEFAULT '',
    changed_at REAL NOT NULL, due_at REAL, outcome TEXT NOT NULL, seeded INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS supplier_orders_due
    ON supplier_orders (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS outcomes (number TEXT PRIMARY KEY, outcome TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS faults (
    id INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, mode TEXT NOT NULL,
    code TEXT NOT NULL, remaining INTEGER, seconds REAL NOT NULL,
    probability REAL, seed INTEGER NOT NULL DEFAULT 0,
    draws INTEGER NOT NULL DEFAULT 0, hits INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS notifies (
    id INTEGER PRIMARY KEY AUTOINCREMENT, number TEXT NOT NULL, url TEXT NOT NULL,
    body TEXT NOT NULL, due_at REAL, attempts INTEGER NOT NULL DEFAULT 0,
    target TEXT NOT NULL DEFAULT 'supplier.notify', amount_fen INTEGER,
    notify_id TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS notifies_due ON notifies (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS ledger (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, at TEXT NOT NULL,
    target TEXT NOT NULL, number TEXT NOT NULL, trade_no TEXT NOT NULL,
    amount_fen INTEGER, outcome TEXT NOT NULL);
"""
#: Columns that came later than the table: a store that is kept gets them.
LATER_COLUMNS = (
    ("notifies", "target", "TEXT NOT NULL DEFAULT 'supplier.notify'"),
    ("notifies", "amount_fen", "INTEGER"),
    ("notifies", "notify_id", "TEXT NOT NULL DEFAULT ''"),
    ("trades", "notify_url", "TEXT NOT NULL DEFAULT ''"),
    ("faults", "probability", "REAL"),
    ("faults", "seed", "INTEGER NOT NULL DEFAULT 0"),
    ("faults", "draws", "INTEGER NOT NULL DEFAULT 0"),
    ("faults", "hits", "INTEGER NOT NULL DEFAULT 0"),
)


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


class Store:
    """Every read and write goes through `transaction()`: that makes a number's first use the only
    one that moves money, whatever arrives at the same moment."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(SCHEMA)
        for table, column, kind in LATER_COLUMNS:
            known = self._connection.execute(f"PRAGMA table_info({table})").fetchall()
            if column not in [row["name"] for row in known]:
                self._connection.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")

    def add_tables(self, schema: str) -> None:
        """This function will create what one gateway keeps beside the common tables."""
        with self._lock:
            self._connection.executescript(schema)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        with self._lock:
            return self._connection.execute(statement, values)

    def row(self, statement: str, *values: Any) -> sqlite3.Row | None:
        with self._lock:
            found: sqlite3.Row | None = self._connection.execute(statement, values).fetchone()
            return found

    def rows(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def get_meta(self, key: str) -> str:
        found = self.row("SELECT value FROM meta WHERE key = ?", key)
        return str(found["value"]) if found else ""

    def set_meta(self, key: str, value: str) -> None:
        self.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", key, value)

    def record_call(self, target: str, number: str, amount_fen: int | None, outcome: str) -> int:
        """This function will write one call into the ledger and return its seq."""
        return self._record("call", target, number, "", amount_fen, outcome)

    def record_effect(self, target: str, number: str, trade_no: str, amount_fen: int) -> int:
        """This function will write money or credit that really moved into the ledger."""
        return self._record("effect", target, number, trade_no, amount_fen, "")

    def set_call_outcome(self, seq: int, outcome: str) -> None:
        self.execute("UPDATE ledger SET outcome = ? WHERE seq = ?", outcome, seq)

    def _record(
        self,
        kind: str,
        target: str,
        number: str,
        trade_no: str,
        amount_fen: int | None,
        outcome: str,
    ) -> int:
        values = (kind, iso(time.time()), target, number, trade_no, amount_fen, outcome)
        cursor = self.execute(
            "INSERT INTO ledger (kind, at, target, number, trade_no, amount_fen, outcome)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            *values,
        )
        return cursor.lastrowid or 0

    def close(self) -> None:
        with self._lock:
            self._connection.close()
