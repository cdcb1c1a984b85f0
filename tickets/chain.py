"""The hash chain of a ticket's events. Pure: what goes in is what a reader of the API sees."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def event_hash(
    *, prev_hash: str, seq: int, kind: str, actor: str, at: datetime, data: Mapping[str, Any]
) -> str:
    """This function will hash one event onto the chain.

    SHA-256 over the previous hash and the JSON array ``[seq, kind, actor, at, data]`` with sorted
    keys, no spaces and ``at`` in UTC with microseconds, so that anybody can compute it again.
    """
    body = json.dumps(
        [seq, kind, actor, format_instant(at), data],
        ensure_ascii=False,
        separators=(",", ":"),
        sort_keys=True,
    )
    return hashlib.sha256((prev_hash + body).encode()).hexdigest()


def format_instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def text_digest(*, salt: str, text: str) -> str:
    """This function will stand for a text in the chain; erasing text and salt leaves it opaque."""
    return hashlib.sha256((salt + text).encode()).hexdigest()
