"""Who speaks with WeChat Pay: the merchant, his keys, and WeChat Pay's own public key."""

import functools
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
)
from cryptography.x509 import load_pem_x509_certificate
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from orders.channels.base import ChannelError, ChannelNotConfigured
from orders.wire import NoAnswer, read_simulator

API_URL = "https://api.mch.weixin.qq.com"
SETTINGS = (
    "WECHATPAY_MCH_ID",
    "WECHATPAY_SERIAL_NO",
    "WECHATPAY_PRIVATE_KEY",
    "WECHATPAY_APIV3_KEY",
    "WECHATPAY_PUBLIC_KEY_ID",
    "WECHATPAY_PUBLIC_KEY",
)


@dataclass(frozen=True)
class Account:
    """The merchant, his key, the key shared for news, and WeChat Pay's own public key."""

    url: str
    mch_id: str
    serial_no: str
    private_key: RSAPrivateKey
    apiv3_key: bytes
    public_key_id: str
    public_key: RSAPublicKey


def get_account() -> Account:
    """This function will read the account: from the settings, in a demo from the simulator.

    :raises ChannelNotConfigured: something is missing, or a key is not one.
    :raises ChannelError: in a demo whose simulator is not running just now.
    """
    given = [getattr(settings, name) for name in SETTINGS]
    url = settings.WECHATPAY_URL or API_URL
    if not any(given) and settings.DEMO:
        try:
            simulated, keys = read_simulator()
            given = [keys[name.lower()] for name in SETTINGS]
        except (NoAnswer, KeyError) as error:
            raise ChannelError("The gateway simulator is not running.") from error
        url = f"{simulated}/wechat"
    missing = [name for name, value in zip(SETTINGS, given, strict=True) if not value]
    if missing:
        message = _("WeChat Pay is not set up: %(names)s missing.")
        raise ChannelNotConfigured(message % {"names": ", ".join(missing)})
    mch_id, serial_no, private_key, apiv3_key, public_key_id, public_key = given
    try:
        return Account(
            url=url.rstrip("/"),
            mch_id=mch_id,
            serial_no=serial_no,
            private_key=read_private_key(private_key),
            apiv3_key=read_apiv3_key(apiv3_key),
            public_key_id=public_key_id,
            public_key=read_public_key(public_key),
        )
    except ValueError as error:
        raise ChannelNotConfigured(_("A key of WeChat Pay's cannot be read.")) from error


@functools.cache
def read_private_key(text: str) -> RSAPrivateKey:
    """This function will read the merchant's apiclient_key.pem.

    :raises ValueError: it is no RSA private key.
    """
    try:
        key = load_pem_private_key(_pem(text), None)
    except (TypeError, UnsupportedAlgorithm) as error:
        raise ValueError("not a private key without a password") from error
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("not an RSA key")
    return key


@functools.cache
def read_public_key(text: str) -> RSAPublicKey:
    """This function will read WeChat Pay's pub_key.pem, or its older platform certificate.

    :raises ValueError: it is no RSA public key.
    """
    pem = _pem(text)
    try:
        is_certificate = b"BEGIN CERTIFICATE" in pem
        key = (
            load_pem_x509_certificate(pem).public_key()
            if is_certificate
            else load_pem_public_key(pem)
        )
    except UnsupportedAlgorithm as error:
        raise ValueError("not a public key") from error
    if not isinstance(key, RSAPublicKey):
        raise ValueError("not an RSA key")
    return key


def read_apiv3_key(text: str) -> bytes:
    """This function will read the key that the merchant chose for news.

    :raises ValueError: it has not 32 bytes.
    """
    key = text.encode()
    if len(key) != 32:
        raise ValueError("the APIv3 key has 32 characters")
    return key


def _pem(text: str) -> bytes:
    """In one line of an .env file newlines stand as backslash and n."""
    return text.replace("\\n", "\n").encode()
