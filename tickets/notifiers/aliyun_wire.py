"""Aliyun's OpenAPI over HTTP, signed with ACS3-HMAC-SHA256 ("V3 signature", help.aliyun.com:
"Request syntax and signature method V3")."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from orders.wire import Answer, exchange

ALGORITHM = "ACS3-HMAC-SHA256"
EMPTY_DIGEST = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class Account:
    url: str
    key_id: str
    secret: str


def call(
    account: Account, action: str, version: str, params: Mapping[str, str], *, now: datetime
) -> Answer:
    """This function will call one operation; its parameters travel in the query, as the API says.

    :raises NoAnswer: nobody answered, or not in time.
    """
    query = canonical_query(params)
    headers = {
        "host": urlsplit(account.url).netloc,
        "x-acs-action": action,
        "x-acs-version": version,
        "x-acs-date": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": secrets.token_hex(16),
        "x-acs-content-sha256": EMPTY_DIGEST,
    }
    headers["Authorization"] = authorize(account, query, headers)
    return exchange("POST", f"{account.url}/?{query}", headers=headers)


def canonical_query(params: Mapping[str, str]) -> str:
    return "&".join(f"{encode(name)}={encode(params[name])}" for name in sorted(params))


def encode(text: str) -> str:
    return quote(text, safe="-_.~")


def authorize(account: Account, query: str, headers: Mapping[str, str]) -> str:
    """This function will make the Authorization header of a POST to "/" without a body."""
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    request = "\n".join(["POST", "/", query, lines, names, headers["x-acs-content-sha256"]])
    text = f"{ALGORITHM}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.new(account.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return f"{ALGORITHM} Credential={account.key_id},SignedHeaders={names},Signature={signature}"
