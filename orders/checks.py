"""Checks that find a half-configured channel before a refund does. Ids: Alipay E001 to E009,
WeChat Pay E010; addresses and their secrets E011 to E019; the shop's database E020."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning

from orders.channels.alipay_wire import read_private_key, read_public_key
from orders.channels.base import ChannelError
from orders.channels.wechatpay_account import SETTINGS as WECHATPAY_SETTINGS
from orders.channels.wechatpay_account import get_account as get_wechatpay_account
from orders.shopdb.connection import UnableToReadShop
from orders.shopdb.polling import read_source

PAIRS = (
    ("The shop's refund endpoint", "SHOP_REFUND_URL", "SHOP_REFUND_SECRET", "orders.E011"),
    ("The sandbox channel", "SANDBOX_URL", "SANDBOX_SECRET", "orders.E012"),
    ("The supplier", "SUPPLIER_URL", "SUPPLIER_SECRET", "orders.E013"),
)
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@register(Tags.security)
def check_alipay(**kwargs: Any) -> list[CheckMessage]:
    given = {
        name: getattr(settings, name)
        for name in ("ALIPAY_APP_ID", "ALIPAY_PRIVATE_KEY", "ALIPAY_PUBLIC_KEY")
    }
    missing = [name for name, value in given.items() if not value]
    if len(missing) == len(given):
        return []
    if missing:
        return [
            Error(
                f"Alipay is half configured: {' and '.join(missing)} missing.",
                hint="Refunds of Alipay payments would all go to people. Set all three or none.",
                id="orders.E001",
            )
        ]
    return [*_check_alipay_keys(), *_check_alipay_manners()]


def _check_alipay_keys() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    own = theirs = None
    try:
        own = read_private_key(settings.ALIPAY_PRIVATE_KEY)
    except ValueError as error:
        found.append(Error(f"ALIPAY_PRIVATE_KEY is no RSA private key: {error}", id="orders.E002"))
    try:
        theirs = read_public_key(settings.ALIPAY_PUBLIC_KEY)
    except ValueError as error:
        found.append(Error(f"ALIPAY_PUBLIC_KEY is no RSA public key: {error}", id="orders.E003"))
    if own and theirs and own.public_key().public_numbers() == theirs.public_numbers():
        found.append(
            Error(
                "ALIPAY_PUBLIC_KEY is the public key of ALIPAY_PRIVATE_KEY.",
                hint="Take Alipay's own public key from the open platform, not the app's.",
                id="orders.E004",
            )
        )
    return found


def _check_alipay_manners() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    url = urlsplit(settings.ALIPAY_GATEWAY_URL or "https://openapi.alipay.com/gateway.do")
    is_safe = url.scheme == "https" or (url.scheme == "http" and url.hostname in LOOPBACK)
    if not is_safe or not url.hostname or url.query:
        found.append(
            Error(
                f"ALIPAY_GATEWAY_URL is {settings.ALIPAY_GATEWAY_URL!r}.",
                hint="It must be an https address without parameters.",
                id="orders.E005",
            )
        )
    if settings.ALIPAY_REFUND_WINDOW.days <= 0:
        found.append(Error("ALIPAY_REFUND_WINDOW must be at least 1.", id="orders.E006"))
    elif settings.ALIPAY_REFUND_WINDOW.days > 365:
        found.append(
            CheckWarning(
                "ALIPAY_REFUND_WINDOW is more than a year.",
                hint="Alipay refuses later refunds; they then go to people hours too late.",
                id="orders.W001",
            )
        )
    return found


@register(Tags.security)
def check_wechatpay(**kwargs: Any) -> list[CheckMessage]:
    if not any(getattr(settings, name) for name in WECHATPAY_SETTINGS):
        return []
    try:
        get_wechatpay_account()
    except ChannelError as error:
        hint = "Refunds of WeChat Pay payments would all go to people. Set all of it or none."
        return [Error(f"WeChat Pay is half configured: {error}", hint=hint, id="orders.E010")]
    return []


@register(Tags.security)
def check_pairs(**kwargs: Any) -> list[CheckMessage]:
    """An address without its secret, or the other way round."""
    return [
        Error(
            f"{whose} is half configured: {url} and {secret} belong together.",
            hint="Set both or none.",
            id=error_id,
        )
        for whose, url, secret, error_id in PAIRS
        if bool(getattr(settings, url)) != bool(getattr(settings, secret))
    ]


@register()
def check_shop_database(**kwargs: Any) -> list[CheckMessage]:
    if not settings.SHOP_DB_URL:
        return []
    try:
        read_source()
    except UnableToReadShop as error:
        hint = "No order would be read. docs/shop-scripts.md says what each setting means."
        return [Error(str(error), hint=hint, id="orders.E020")]
    return []
