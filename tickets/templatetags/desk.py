"""How instants, stretches of time and money are written on the customers' pages."""

from datetime import datetime, timedelta

from django import template
from django.utils import dateformat, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orders.models import ShopProfile
from tickets.shop_profile import find_profile

register = template.Library()


@register.filter
def yuan(fen: int | None) -> str:
    """Exact: integer fen in, two decimals out."""
    return "" if fen is None else f"¥{fen // 100:,}.{fen % 100:02d}"


@register.filter
def moment(at: datetime | None, now: datetime) -> str:
    """The hour when it is today or yesterday or tomorrow, else the date with it."""
    if at is None:
        return ""
    local, today = timezone.localtime(at), timezone.localtime(now).date()
    time = f"{local:%H:%M}"
    days = (local.date() - today).days
    if days == 0:
        return _("today %(time)s") % {"time": time}
    if days == -1:
        return _("yesterday %(time)s") % {"time": time}
    if days == 1:
        return _("tomorrow %(time)s") % {"time": time}
    # Translators: a date format of Django, for a day of this year and of another one.
    pattern = _("j M H:i") if local.year == today.year else _("j M Y H:i")
    return dateformat.format(local, pattern)


@register.filter
def full_moment(at: datetime | None) -> str:
    """The date and the hour, whatever today is: for promises."""
    # Translators: a date format of Django.
    return "" if at is None else dateformat.format(timezone.localtime(at), _("j M H:i"))


@register.filter
def stretch(length: timedelta | None) -> str:
    """In the two largest units that are not zero."""
    if length is None:
        return ""
    seconds = max(int(length.total_seconds()), 0)
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = []
    if hours >= 72 and not rest:
        days, hours = divmod(hours, 24)
        parts.append(ngettext("%(n)s day", "%(n)s days", days) % {"n": days})
    if hours:
        parts.append(ngettext("%(n)s hour", "%(n)s hours", hours) % {"n": hours})
    if minutes:
        parts.append(ngettext("%(n)s minute", "%(n)s minutes", minutes) % {"n": minutes})
    if seconds or not parts:
        parts.append(ngettext("%(n)s second", "%(n)s seconds", seconds) % {"n": seconds})
    return " ".join(parts[:2])


@register.simple_tag
def shop_profile() -> ShopProfile:
    """Whom the customer deals with (E-Commerce Law art. 15)."""
    return find_profile()
