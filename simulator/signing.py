"""Signatures of the simple gateways. The desk has its own implementation of the same rules."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Any

#: How far the sender's clock may be from ours.
TOLERANCE_S = 300


def sign_parts(secret: str, *parts: str | bytes) -> str:
    """This function will sign parts joined by newlines: HMAC-SHA256, lower-case hex."""
    joined = b"\n".join(part.encode() if isinstance(part, str) else part for part in parts)
    return hmac.new(secret.encode(), joined, hashlib.sha256).hexdigest()


def sign_params(secret: str, params: Mapping[str, Any]) -> str:
    """This function will sign flat parameters as top-up suppliers do: drop `sign` and empty
    values, sort the keys, join as k=v&k=v, HMAC-SHA256, upper-case hex."""
    kept = sorted((key, value) for key, value in params.items() if key != "sign")
    text = "&".join(f"{key}={value}" for key, value in kept if value not in ("", None))
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest().upper()


def is_signature(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def is_fresh(timestamp: object) -> bool:
    """This function will say whether unix seconds lie within TOLERANCE_S of now."""
    try:
        sent_at = int(str(timestamp))
    except ValueError:
        return False
    return abs(time.time() - sent_at) <= TOLERANCE_S
