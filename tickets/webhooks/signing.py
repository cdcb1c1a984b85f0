"""Standard Webhooks (standardwebhooks.com): what a receiver checks before it believes a message."""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from tickets.models import WebhookEndpoint
from tickets.sealing import seal, unseal

PREFIX = "whsec_"
SECRET_BYTES = 32
#: How long the secret before still signs after a new one was made.
OVERLAP = timedelta(hours=24)


def make_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def seal_secret(secret: str) -> str:
    return seal({"whsec": secret})


def secrets_of(endpoint: WebhookEndpoint, *, now: datetime) -> list[str]:
    """This function will open the secrets that sign now, the newest first.

    :raises UnableToUnseal: the desk's key is gone; a new secret has to be made.
    """
    sealed = [endpoint.secret]
    if endpoint.old_secret_until is not None and now < endpoint.old_secret_until:
        sealed.append(endpoint.old_secret)
    return [unseal(text)["whsec"] for text in sealed]


def sign(secret: str, *, message_id: str, timestamp: str, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def headers_of(
    endpoint: WebhookEndpoint, *, message_id: str, body: bytes, now: datetime
) -> dict[str, str]:
    timestamp = str(int(now.timestamp()))
    signatures = [
        sign(secret, message_id=message_id, timestamp=timestamp, body=body)
        for secret in secrets_of(endpoint, now=now)
    ]
    return {
        "Content-Type": "application/json",
        "User-Agent": "topup-dispute-desk-webhooks/1",
        "Webhook-Id": message_id,
        "Webhook-Timestamp": timestamp,
        "Webhook-Signature": " ".join(signatures),
    }
