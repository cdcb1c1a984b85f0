"""A desk full of truthful rows: lives that the domain itself led, copied by the hundred thousand.

A pattern is one real dispute with everything that hangs on it. A copy has keys, numbers and a
shifted time of its own and its own hash chain, so that every reconciler and every audit of the
desk finds as much wrong with a million copies as with the pattern: nothing.
"""

import hashlib
import json
import random
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

from tickets.chain import format_instant
from tickets.models import NUMBER_ALPHABET

#: What a life consists of, in writing order: table, and how its rows are found.
TABLES = {
    "orders_order": "id = %(order)s",
    "orders_payment": "order_id = %(order)s",
    "tickets_ticket": "id = %(ticket)s",
    "tickets_message": "ticket_id = %(ticket)s",
    "tickets_deadline": "ticket_id = %(ticket)s",
    "tickets_clockpause": "deadline_id IN (SELECT id FROM tickets_deadline"
    " WHERE ticket_id = %(ticket)s)",
    "tickets_event": "ticket_id = %(ticket)s",
    "tickets_breach": "ticket_id = %(ticket)s",
    "tickets_notice": "ticket_id = %(ticket)s",
}
REFERENCES = {
    "order_id": "orders_order",
    "ticket_id": "tickets_ticket",
    "deadline_id": "tickets_deadline",
}
#: What no two lives share.
OWN = {
    "tickets_ticket": ("uuid", "number", "tracking_token"),
    "orders_order": (
        "uuid",
        "order_no",
        "target_account",
        "customer_phone",
        "customer_email",
        "buyer_ref",
    ),
    "orders_payment": ("uuid", "channel_trade_no"),
}
CHUNK = 5000
INSTANT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?\+00(?::00)?")

Shift = Callable[[int], timedelta]


@dataclass
class Pattern:
    """One life, its rows as lines for COPY with a hole wherever copies differ."""

    columns: dict[str, list[str]] = field(default_factory=dict)
    lines: dict[str, list[str]] = field(default_factory=dict)
    #: The events' texts that are hashed, in the order of the chain.
    bodies: list[str] = field(default_factory=list)
    #: Hole -> instant.
    instants: dict[str, datetime] = field(default_factory=dict)
    #: Hole -> how a copy fills it.
    makers: dict[str, Callable[[int], str]] = field(default_factory=dict)

    def count(self, table: str) -> int:
        return len(self.lines[table])


def read_pattern(connection: "psycopg.Connection[Any]", ticket_id: int) -> Pattern:
    """This function will read a dispute that was led by the domain as a pattern for copies."""
    (order_id,) = connection.execute(
        "SELECT order_id FROM tickets_ticket WHERE id = %s", (ticket_id,)
    ).fetchone() or (0,)
    keys = {"order": order_id, "ticket": ticket_id}
    rows = {table: _read_rows(connection, table, where, keys) for table, where in TABLES.items()}
    places = {
        table: {row["id"]: place for place, row in enumerate(found)}
        for table, found in rows.items()
    }
    pattern = Pattern()
    marks = _own_marks(pattern, rows) | {
        row["hash"]: f"%(hash{place})s" for place, row in enumerate(rows["tickets_event"])
    }
    for table, found in rows.items():
        pattern.columns[table] = list(found[0]) if found else []
        pattern.lines[table] = [_as_line(pattern, table, row, places, marks) for row in found]
    pattern.bodies = [_as_body(pattern, row, marks) for row in rows["tickets_event"]]
    return pattern


def _read_rows(
    connection: "psycopg.Connection[Any]", table: str, where: str, keys: Mapping[str, int]
) -> list[dict[str, Any]]:
    query = f"SELECT * FROM {table} WHERE {where} ORDER BY id"
    cursor = connection.execute(query.encode(), keys)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _own_marks(pattern: Pattern, rows: Mapping[str, list[dict[str, Any]]]) -> dict[str, str]:
    marks = {}
    for table, names in OWN.items():
        for place, row in enumerate(rows[table]):
            for name in names:
                if not row[name]:
                    continue
                hole = f"{table}_{name}{place}"
                marks[str(row[name])] = f"%({hole})s"
                pattern.makers[hole] = _maker(name, row)
    return marks


def _maker(name: str, row: Mapping[str, Any]) -> Callable[[int], str]:
    if name == "uuid":
        return lambda _n: str(uuid.UUID(int=random.getrandbits(128), version=4))
    if name == "number":
        return lambda n: f"D{row['opened_at']:%y%m%d}{_spell(n)}"
    if name == "tracking_token":
        return lambda _n: f"{random.getrandbits(192):048x}"[:32]
    shapes = {
        "order_no": "LTB{:012d}",
        "target_account": "137{:08d}",
        "customer_phone": "136{:08d}",
        "customer_email": "buyer.{}@example.com",
        "buyer_ref": "bench-{}",
        "channel_trade_no": "B{:020d}",
    }
    return shapes[name].format


def _spell(number: int) -> str:
    letters = ""
    for _place in range(6):
        number, letter = divmod(number, len(NUMBER_ALPHABET))
        letters = NUMBER_ALPHABET[letter] + letters
    return letters


def _as_line(
    pattern: Pattern,
    table: str,
    row: Mapping[str, Any],
    places: Mapping[str, Mapping[int, int]],
    marks: Mapping[str, str],
) -> str:
    cells = []
    for name, value in row.items():
        refers_to = table if name == "id" else REFERENCES.get(name)
        if refers_to is not None and value is not None:
            cells.append(f"%({refers_to}{places[refers_to][value]})s")
        else:
            cells.append(_fill_holes(pattern, _as_cell(value), marks))
    return "\t".join(cells) + "\n"


def _as_cell(value: Any) -> str:
    if value is None:
        return r"\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, timedelta):
        return f"{value.total_seconds()} seconds"
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    text = str(value)
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def _as_body(pattern: Pattern, row: Mapping[str, Any], marks: Mapping[str, str]) -> str:
    """What tickets.chain hashes of one event, as canonical JSON with holes."""
    body = json.dumps(
        [row["seq"], row["kind"], row["actor"], format_instant(row["at"]), row["data"]],
        ensure_ascii=False,
        separators=(",", ":"),
        sort_keys=True,
    )
    return _fill_holes(pattern, body, marks)


def _fill_holes(pattern: Pattern, text: str, marks: Mapping[str, str]) -> str:
    text = text.replace("%", "%%")
    for mark, hole in marks.items():
        text = text.replace(mark, hole)

    def replace(found: re.Match[str]) -> str:
        at = datetime.fromisoformat(found[0]).astimezone(UTC)
        # An instant without microseconds is written without them, as isoformat does.
        hole = f"at{at:%Y%m%d%H%M%S%f}"
        pattern.instants[hole] = at
        return f"%({hole})s"

    return INSTANT.sub(replace, text)


def add_copies(
    url: str, patterns: list[tuple[Pattern, int]], count: int, *, shift: Shift, start: int
) -> None:
    """This function will add ``count`` disputes, the patterns in turns by their weights.

    ``shift`` moves the n-th one in time; ``start`` is the first number no copy has had yet.
    """
    turns = [pattern for pattern, weight in patterns for _turn in range(weight)]
    random.Random(1).shuffle(turns)
    with psycopg.connect(url, autocommit=True) as connection:
        # Every reference is right by construction; checking 15 million of them takes minutes.
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET synchronous_commit = off")
        for first in range(start, start + count, CHUNK):
            numbers = range(first, min(first + CHUNK, start + count))
            _copy_chunk(connection, turns, numbers, shift)
        for table in TABLES:
            _advance_key(connection, table)
        names = sql.SQL(", ").join(map(sql.Identifier, TABLES))
        connection.execute(sql.SQL("VACUUM (ANALYZE) {}").format(names))
        connection.execute("CHECKPOINT")


def _copy_chunk(
    connection: "psycopg.Connection[Any]", turns: list[Pattern], numbers: range, shift: Shift
) -> None:
    next_keys = {table: _last_key(connection, table) + 1 for table in TABLES}
    lines: dict[str, list[str]] = {table: [] for table in TABLES}
    for number in numbers:
        pattern = turns[number % len(turns)]
        values = _values_of(pattern, number, shift(number), next_keys)
        for table, patterns in pattern.lines.items():
            next_keys[table] += len(patterns)
            lines[table].extend(line % values for line in patterns)
    columns = {table: names for p in turns for table, names in p.columns.items() if names}
    with connection.transaction(), connection.cursor() as cursor:
        for table, rows in lines.items():
            if not rows:
                continue
            names = sql.SQL(", ").join(map(sql.Identifier, columns[table]))
            into = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
            with cursor.copy(into) as copy:
                copy.write("".join(rows))


def _values_of(
    pattern: Pattern, number: int, shift: timedelta, next_keys: Mapping[str, int]
) -> dict[str, Any]:
    values: dict[str, Any] = {hole: make(number) for hole, make in pattern.makers.items()}
    for table, rows in pattern.lines.items():
        for place in range(len(rows)):
            values[f"{table}{place}"] = next_keys[table] + place
    for hole, at in pattern.instants.items():
        values[hole] = format_instant(at + shift)
    prev_hash = ""
    for place, body in enumerate(pattern.bodies):
        prev_hash = hashlib.sha256((prev_hash + body % values).encode()).hexdigest()
        values[f"hash{place}"] = prev_hash
    return values


def _last_key(connection: "psycopg.Connection[Any]", table: str) -> int:
    query = sql.SQL("SELECT coalesce(max(id), 0) FROM {}").format(sql.Identifier(table))
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _advance_key(connection: "psycopg.Connection[Any]", table: str) -> None:
    query = sql.SQL("SELECT setval(pg_get_serial_sequence({}, 'id'), max(id)) FROM {}")
    connection.execute(query.format(sql.Literal(table), sql.Identifier(table)))


def spread(start: timedelta, length: timedelta) -> Shift:
    """This function will make a shift that spreads copies evenly and at random over a stretch."""
    chance = random.Random(7)
    return lambda _n: start + length * chance.random()
