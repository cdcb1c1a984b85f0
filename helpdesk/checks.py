"""Checks that find a half-configured environment before a customer does."""

import stat
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections
from django.http.request import validate_host

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
OLDEST_POSTGRESQL = 150000


@register(Tags.security)
def check_site_url(**kwargs: Any) -> list[CheckMessage]:
    url = urlsplit(settings.SITE_URL)
    if url.scheme not in ("http", "https") or not url.hostname or url.path or url.query:
        return [
            Error(
                f"SITE_URL is {settings.SITE_URL!r}: customers' tracking links are built on it.",
                hint="Write scheme and host only, as in https://desk.example.com",
                id="helpdesk.E001",
            )
        ]
    if settings.DEMO and url.hostname not in LOOPBACK:
        return [
            Error(
                f"DEMO=1, but SITE_URL says the desk is public at {url.hostname}.",
                hint="A demo prints its passwords and simulates its money. Set DEMO=0.",
                id="helpdesk.E002",
            )
        ]
    if not validate_host(url.hostname, settings.ALLOWED_HOSTS):
        return [
            Error(
                f"SITE_URL's host {url.hostname} is not among ALLOWED_HOSTS.",
                hint="Every tracking link would be answered with 400. Add the host.",
                id="helpdesk.E003",
            )
        ]
    return []


@register(Tags.security)
def check_data_folder_is_private(**kwargs: Any) -> list[CheckMessage]:
    mode = stat.S_IMODE(settings.HELPDESK_DATA.stat().st_mode)
    if mode & 0o007:
        return [
            Error(
                f"HELPDESK_DATA {settings.HELPDESK_DATA} is open to every account here ({mode:o}).",
                hint=f"It holds keys and customers' proofs: chmod 700 {settings.HELPDESK_DATA}",
                id="helpdesk.E004",
            )
        ]
    return []


@register()
def check_log_format(**kwargs: Any) -> list[CheckMessage]:
    if settings.LOG_FORMAT in ("text", "json"):
        return []
    return [
        Error(
            f"LOG_FORMAT is {settings.LOG_FORMAT!r}.",
            hint="It may be text or json.",
            id="helpdesk.E005",
        )
    ]


@register(deploy=True)
def check_mail_leaves_the_building(**kwargs: Any) -> list[CheckMessage]:
    private = settings.SITE_URL_IS_GUESSED or urlsplit(settings.SITE_URL).hostname in LOOPBACK
    if settings.EMAIL_URL or settings.DEMO or private:
        return []
    return [
        Error(
            "EMAIL_URL is not set: what customers should be told stays in a folder here.",
            hint="As in EMAIL_URL=smtp+tls://user:password@smtp.example.com:587",
            id="helpdesk.E006",
        )
    ]


@register(Tags.database)
def check_postgresql_version(
    databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for alias in databases or []:
        connection = connections[alias]
        if connection.vendor != "postgresql":
            continue
        connection.ensure_connection()
        version = connection.connection.info.server_version
        if version < OLDEST_POSTGRESQL:
            found.append(
                Error(
                    f"PostgreSQL {version // 10000} is older than 15, which the desk needs.",
                    hint="Upgrade the server that DATABASE_URL names.",
                    id="helpdesk.E007",
                )
            )
    return found
