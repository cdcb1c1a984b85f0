"""Checks that find a half-configured way to people before an alarm does. Ids: SMS E020 to E029,
group robots E030 to E039."""

import re
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning

from tickets.notice_kinds import SMS, URGENT

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
SMS_SETTINGS = (
    *("ALIYUN_SMS_ACCESS_KEY_ID", "ALIYUN_SMS_ACCESS_KEY_SECRET"),
    *("ALIYUN_SMS_SIGN_NAME", "ALIYUN_SMS_TEMPLATES"),
)
TEMPLATE_CODE = re.compile(r"SMS_\d+")


@register(Tags.security)
def check_sms(**kwargs: Any) -> list[CheckMessage]:
    missing = [name for name in SMS_SETTINGS if not getattr(settings, name)]
    if len(missing) == len(SMS_SETTINGS):
        return []
    if missing:
        return [
            Error(
                f"SMS is half configured: {' and '.join(missing)} missing.",
                hint="Set all four or none; `./run manage sms_templates` prints the texts.",
                id="tickets.E021",
            )
        ]
    return [*check_sms_templates(), *check_sms_manners()]


def check_sms_templates() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    codes = settings.ALIYUN_SMS_TEMPLATES
    if unknown := sorted(name for name in codes if name.removesuffix(".en") not in SMS):
        found.append(
            Error(
                f"ALIYUN_SMS_TEMPLATES names {', '.join(unknown)}, of which no SMS is sent.",
                hint=f"There are {', '.join(sorted(SMS))}, each also with .en at its end.",
                id="tickets.E022",
            )
        )
    if wrong := sorted(code for code in codes.values() if not TEMPLATE_CODE.fullmatch(code)):
        message = f"ALIYUN_SMS_TEMPLATES holds {', '.join(wrong)}; a code looks like SMS_123456789."
        found.append(Error(message, id="tickets.E023"))
    if silent := sorted((SMS & URGENT) - set(codes)):
        found.append(
            CheckWarning(
                f"No SMS template for {', '.join(silent)}: urgent news goes by e-mail alone.",
                hint="Register the texts that `./run manage sms_templates` prints.",
                id="tickets.W021",
            )
        )
    return found


def check_sms_manners() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if not is_safe(settings.ALIYUN_SMS_URL or "https://dysmsapi.aliyuncs.com"):
        message = f"ALIYUN_SMS_URL is {settings.ALIYUN_SMS_URL!r}; it must be an https address."
        found.append(Error(message, id="tickets.E024"))
    if settings.SMS_PER_NUMBER_DAY < 1:
        found.append(Error("SMS_PER_NUMBER_DAY must be at least 1.", id="tickets.E025"))
    return found


@register(Tags.security)
def check_robots(**kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for number, name in enumerate(("WECOM", "DINGTALK", "FEISHU")):
        url = getattr(settings, f"{name}_ROBOT_URL")
        if url and not is_safe(url):
            # The address is a key: it is not repeated here.
            message = f"{name}_ROBOT_URL is no https address."
            found.append(Error(message, id=f"tickets.E{30 + number:03d}"))
    for number, name in enumerate(("DINGTALK", "FEISHU")):
        url, secret = (getattr(settings, f"{name}_ROBOT_{part}") for part in ("URL", "SECRET"))
        if secret and not url:
            message = f"{name}_ROBOT_SECRET is set, {name}_ROBOT_URL is not."
            found.append(Error(message, id=f"tickets.E{33 + number:03d}"))
        elif url and not secret:
            found.append(
                CheckWarning(
                    f"{name}_ROBOT_SECRET is not set: whoever knows the address can speak.",
                    hint="Switch the signature on in the robot's security settings.",
                    id=f"tickets.W{30 + number:03d}",
                )
            )
    return found


def is_safe(url: str) -> bool:
    parts = urlsplit(url)
    is_local = parts.scheme == "http" and parts.hostname in LOOPBACK
    return bool(parts.hostname) and (parts.scheme == "https" or is_local)
