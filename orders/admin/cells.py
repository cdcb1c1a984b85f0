"""How values look in the admin's lists and pages: badges, money, instants."""

import json
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

#: The tones a badge may have; static/admin-desk.css gives each a light and a dark colour.
TONES = ("plain", "info", "good", "warn", "bad")


def badge(text: object, tone: str = "plain", *, title: str = "") -> SafeString:
    return format_html(
        '<span class="desk-badge desk-badge--{}" title="{}">{}</span>', tone, title, text
    )


def two_lines(first: object, second: object) -> SafeString:
    return format_html(
        '<span class="desk-two"><span>{}</span><span class="desk-soft">{}</span></span>',
        first,
        second,
    )


def yuan(fen: int | None) -> str:
    """Exact: integer fen in, two decimals out."""
    return "" if fen is None else f"¥{fen // 100:,}.{fen % 100:02d}"


def signed_yuan(fen: int) -> str:
    return f"-{yuan(-fen)}" if fen < 0 else yuan(fen)


def instant(at: datetime | None) -> str:
    """To the second, in the desk's time zone."""
    return "" if at is None else f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S}"


def short_instant(at: datetime | None) -> str:
    return "" if at is None else f"{timezone.localtime(at):%m-%d %H:%M}"


def as_json(value: Any) -> SafeString:
    text = json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)
    return format_html('<pre class="desk-json">{}</pre>', text)
