"""How much time is left, in words that need no script to be right when the page was made."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from orders.admin.cells import badge, instant

#: From here on a badge warns, and from here on it is urgent.
SOON = timedelta(hours=2)
URGENT = timedelta(minutes=30)


@dataclass(frozen=True)
class Countdown:
    text: str
    tone: str
    #: The absolute instant.
    title: str

    @property
    def html(self) -> SafeString:
        return badge(self.text, self.tone, title=self.title)


def count_down(due_at: datetime, *, now: datetime) -> Countdown:
    """This function will say how long until ``due_at``, or how long ago that was."""
    left = due_at - now
    if left <= timedelta():
        text, tone = _("overdue %(length)s") % {"length": write_length(-left)}, "bad"
    else:
        text = _("in %(length)s") % {"length": write_length(left)}
        tone = "urgent" if left <= URGENT else "warn" if left <= SOON else "good"
    return Countdown(text, tone, instant(due_at))


def write_length(length: timedelta) -> str:
    """This function will write a stretch of time in its two largest units."""
    minutes, seconds = divmod(max(int(length.total_seconds()), 0), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days and not hours:
        return _("%(days)s d") % {"days": days}
    if days:
        return _("%(days)s d %(hours)s h") % {"days": days, "hours": hours}
    if hours and not minutes:
        return _("%(hours)s h") % {"hours": hours}
    if hours:
        return _("%(hours)s h %(minutes)s min") % {"hours": hours, "minutes": minutes}
    if minutes:
        return _("%(minutes)s min") % {"minutes": minutes}
    return _("%(seconds)s s") % {"seconds": seconds}
