"""Alipay's envelope: RSA2 (PKCS#1 v1.5, SHA-256) over what is sent and over what comes back.

A request is signed over all its parameters, sorted, as k=v&k=v. An answer is a JSON object whose
"sign" covers the text of the inner "<method>_response" exactly as it was sent.
"""

import base64
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from orders.channels.base import ChannelError, ChannelNotConfigured
from orders.wire import Answer, NoAnswer, exchange, read_object, read_simulator

#: Alipay reads and writes local time without a zone: always Beijing's, wherever this machine is.
BEIJING = ZoneInfo("Asia/Shanghai")
TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
GATEWAY_URL = "https://openapi.alipay.com/gateway.do"


@dataclass(frozen=True)
class Account:
    """The app that speaks for the merchant, and the keys of both sides."""

    app_id: str
    gateway_url: str
    private_key: RSAPrivateKey
    alipay_public_key: RSAPublicKey


@dataclass(frozen=True)
class Said:
    """An answer whose signature was right."""

    node: Mapping[str, Any]
    request_id: str = ""

    def text(self, name: str) -> str:
        value = self.node.get(name, "")
        return value if isinstance(value, str) else ""

    def fen(self, name: str) -> int | None:
        return yuan_to_fen(self.node.get(name))

    def instant(self, name: str) -> datetime | None:
        return read_instant(self.text(name))

    @property
    def is_success(self) -> bool:
        """The request as such went through; what became of the money is in the other fields."""
        return self.text("code") == "10000"

    @property
    def error_code(self) -> str:
        return self.text("sub_code") or self.text("code")


def get_account() -> Account:
    """This function will read the account: from the settings, in a demo from the simulator.

    :raises ChannelNotConfigured: something is missing, or a key is not one.
    :raises ChannelError: in a demo whose simulator is not running just now.
    """
    given = (settings.ALIPAY_APP_ID, settings.ALIPAY_PRIVATE_KEY, settings.ALIPAY_PUBLIC_KEY)
    url = settings.ALIPAY_GATEWAY_URL or GATEWAY_URL
    if not any(given) and settings.DEMO:
        try:
            simulated, keys = read_simulator()
            given = (
                keys["alipay_app_id"],
                keys["alipay_app_private_key"],
                keys["alipay_public_key"],
            )
        except (NoAnswer, KeyError) as error:
            raise ChannelError("The gateway simulator is not running.") from error
        url = f"{simulated}/alipay/gateway.do"
    app_id, private_key, public_key = given
    if not all(given):
        raise ChannelNotConfigured(
            _("ALIPAY_APP_ID, ALIPAY_PRIVATE_KEY and ALIPAY_PUBLIC_KEY are not all set.")
        )
    try:
        return Account(app_id, url, read_private_key(private_key), read_public_key(public_key))
    except ValueError as error:
        raise ChannelNotConfigured(_("A key of Alipay's cannot be read.")) from error


@functools.cache
def read_private_key(text: str) -> RSAPrivateKey:
    """This function will read a key as PEM, or as the bare base64 that Alipay's tools print.

    :raises ValueError: it is no RSA private key.
    """
    try:
        pem = _pem(text)
        key = load_pem_private_key(pem, None) if pem else load_der_private_key(_der(text), None)
    except (TypeError, UnsupportedAlgorithm) as error:
        raise ValueError("not a private key without a password") from error
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("not an RSA key")
    return key


@functools.cache
def read_public_key(text: str) -> RSAPublicKey:
    """This function will read a public key, as PEM or bare base64.

    :raises ValueError: it is no RSA public key.
    """
    try:
        pem = _pem(text)
        key = load_pem_public_key(pem) if pem else load_der_public_key(_der(text))
    except (TypeError, UnsupportedAlgorithm) as error:
        raise ValueError("not a public key") from error
    if not isinstance(key, RSAPublicKey):
        raise ValueError("not an RSA key")
    return key


def _pem(text: str) -> bytes:
    """In an environment variable the lines of a PEM often stand with a written-out \\n."""
    return text.replace("\\n", "\n").strip().encode() if "-----BEGIN" in text else b""


def _der(text: str) -> bytes:
    return base64.b64decode("".join(text.split()), validate=True)


def join_params(params: Mapping[str, str]) -> bytes:
    """This function will join parameters for a signature, sorted, as k=v&k=v."""
    return "&".join(f"{name}={value}" for name, value in sorted(params.items())).encode()


def sign(key: RSAPrivateKey, content: bytes) -> str:
    return base64.b64encode(key.sign(content, PKCS1v15(), SHA256())).decode()


def is_signed(key: RSAPublicKey, content: bytes, signature: str) -> bool:
    try:
        raw = base64.b64decode(signature, validate=True)
        key.verify(raw, content, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def call(method: str, biz_content: Mapping[str, Any], *, timeout: float) -> Said:
    """This function will call one method and return its answer, once the signature is right.

    :raises ChannelError: no usable answer; what happened is unknown.
    """
    account = get_account()
    params = {
        "app_id": account.app_id,
        "method": method,
        "format": "JSON",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "timestamp": datetime.now(BEIJING).strftime(TIME_FORMAT),
        "version": "1.0",
        "biz_content": json.dumps(biz_content, ensure_ascii=False, separators=(",", ":")),
    }
    params["sign"] = sign(account.private_key, join_params(params))
    # The charset has to stand in the address: from there the gateway learns how to read the body.
    body = urlencode({"biz_content": params.pop("biz_content")})
    headers = {"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"}
    try:
        answer = exchange(
            "POST",
            f"{account.gateway_url}?{urlencode(params)}",
            content=body.encode(),
            headers=headers,
            timeout=timeout,
        )
    except NoAnswer as error:
        raise ChannelError(str(error)) from error
    return open_answer(account, method, answer)


def open_answer(account: Account, method: str, answer: Answer) -> Said:
    """This function will take the inner object out of an answer and verify it.

    :raises ChannelError: an error page, or not signed by Alipay.
    """
    request_id = answer.headers.get("trace_id", "")[:128]
    inner, signature = _split(answer.body, f"{method.replace('.', '_')}_response")
    if not inner or not is_signed(account.alipay_public_key, inner.encode(), signature):
        code = "BAD_SIGNATURE" if answer.status == 200 else f"HTTP_{answer.status}"
        told = _unsigned_reason(inner)
        message = f"HTTP {answer.status} without Alipay's signature{told}."
        raise ChannelError(message, code=code, request_id=request_id)
    return Said(read_object(inner) or {}, request_id)


def _split(body: bytes, name: str) -> tuple[str, str]:
    """The text of the inner object and the signature; empty when there is no such thing.

    The text is cut out, never built anew: another spacing or escape would be another text.
    """
    try:
        text = body.decode()
        whole = json.loads(text)
        if not isinstance(whole, dict):
            return "", ""
        node = name if name in whole else "error_response"
        start = text.index("{", text.index(f'"{node}"') + len(node) + 2)
        inner, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, TypeError, RecursionError):
        return "", ""
    signature = whole.get("sign", "")
    if not isinstance(inner, dict) or not isinstance(signature, str):
        return "", ""
    return text[start:end], signature


def _unsigned_reason(inner: str) -> str:
    """Alipay does not sign when it does not know the app: what it says then may help people."""
    code = (read_object(inner) or {}).get("sub_code")
    return f" ({code[:64]})" if isinstance(code, str) else ""


def yuan_to_fen(value: object) -> int | None:
    """This function will read an amount in yuan ("12.30") as integer fen; None if it is none."""
    text = value if isinstance(value, str) else ""
    whole, _dot, part = text.partition(".")
    if not (whole.isdecimal() and whole.isascii() and len(whole) <= 12):
        return None
    if part and not (part.isdecimal() and part.isascii() and len(part) <= 2):
        return None
    return int(whole) * 100 + int(part.ljust(2, "0"))


def fen_to_yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def read_instant(text: str) -> datetime | None:
    """This function will read a local time of Alipay's, with or without parts of a second."""
    try:
        return datetime.strptime(text[:19], TIME_FORMAT).replace(tzinfo=BEIJING)
    except ValueError:
        return None
