"""What travels between the HTTP server and the gateways: requests, replies, refusals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    peer: str
    #: Path and query as they were sent: what some providers sign.
    target: str = ""

    def header(self, name: str) -> str:
        return self.headers.get(name.lower(), "")

    def json(self) -> Body:
        """This function will parse the body as one JSON object.

        :raises Refusal: when it is anything else.
        """
        try:
            parsed = json.loads(self.body or b"{}")
            # Half a surrogate pair passes as JSON, and no database takes it.
            json.dumps(parsed, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            raise Refusal(400, "PARAM_ERROR", f"The body is not JSON: {error}") from error
        if not isinstance(parsed, dict):
            raise Refusal(400, "PARAM_ERROR", "The body must be one JSON object.")
        return parsed


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """An answer of "no" in a gateway's own words; nothing was moved."""

    def __init__(
        self, status: int, code: str, message: str, *, field: str = "", verdict: str = "REJECTED"
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        #: REJECTED: certainly not done. CONFLICT and UNKNOWN: ask before you conclude anything.
        self.verdict = verdict


def json_reply(status: int, body: Mapping[str, Any]) -> Reply:
    return Reply(
        status,
        json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(),
        {"Content-Type": "application/json; charset=utf-8"},
    )


def show_number(body: Mapping[str, Any], name: str) -> str:
    """This function will return a number for the ledger, whatever was sent as one."""
    return str(body.get(name, ""))[:64]


def show_fen(body: Mapping[str, Any]) -> int | None:
    """This function will return the amount for the ledger, or None if it is none."""
    value = body.get("amount_fen")
    return value if type(value) is int and abs(value) <= 10**15 else None


def read_text(body: Mapping[str, Any], name: str, *, required: bool = True, limit: int = 64) -> str:
    """This function will read a text field of at most `limit` characters.

    :raises Refusal: naming the field and what is wrong with it.
    """
    value = body.get(name, "")
    if not isinstance(value, str):
        raise Refusal(400, "PARAM_ERROR", f"{name} must be text.", field=name)
    if required and not value:
        raise Refusal(400, "PARAM_ERROR", f"{name} is missing.", field=name)
    if len(value) > limit:
        raise Refusal(400, "PARAM_ERROR", f"{name} is longer than {limit}.", field=name)
    return value


def read_fen(body: Mapping[str, Any], name: str, *, least: int = 1) -> int:
    """This function will read an amount in whole fen, between `least` and 10 billion.

    :raises Refusal: naming the field and what is wrong with it.
    """
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refusal(400, "PARAM_ERROR", f"{name} must be a whole number of fen.", field=name)
    if not least <= value <= 10**10:
        raise Refusal(400, "PARAM_ERROR", f"{name} must be {least} to 10^10.", field=name)
    return value


def read_seconds(body: Mapping[str, Any], name: str, default: float) -> float:
    """This function will read a duration in seconds, 0 to one day.

    :raises Refusal: naming the field and what is wrong with it.
    """
    value = body.get(name, default)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Refusal(400, "PARAM_ERROR", f"{name} must be a number of seconds.", field=name)
    if not 0 <= value <= 86_400:
        raise Refusal(400, "PARAM_ERROR", f"{name} must be 0 to 86400.", field=name)
    return float(value)
