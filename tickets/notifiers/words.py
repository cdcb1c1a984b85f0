"""The words of a notice, in the reader's language, from templates/notices/<kind>.txt."""

import zoneinfo
from datetime import datetime
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from orders.masking import mask_account
from orders.models import Payment
from orders.refunds import yuan
from tickets.models import Evidence, Notice


def render(notice: Notice) -> tuple[str, str]:
    """This function will write subject and text; the template's first line is the subject."""
    language = settings.LANGUAGE_CODE
    if notice.audience == Notice.Audience.CUSTOMER:
        about = notice.ticket or notice.mail or notice.watch
        language = about.language if about is not None else language
    tz = zoneinfo.ZoneInfo(settings.TIME_ZONE)
    with translation.override(language), timezone.override(tz):
        text = render_to_string(f"notices/{notice.kind}.txt", _context(notice)).strip()
        subject, _sep, body = text.partition("\n")
        if notice.ticket is not None and notice.ticket.is_drill:
            # Whoever is called out of bed by it should see that it is an exercise.
            subject = _("[Drill] %(subject)s") % {"subject": subject}
    return subject.strip()[:300], body.strip() + "\n"


def _context(notice: Notice) -> dict[str, Any]:
    context = {name: _instant(name, value) for name, value in notice.context.items()}
    context |= {
        name.removesuffix("_fen"): yuan(value)
        for name, value in notice.context.items()
        if name.endswith("_fen") and isinstance(value, int)
    }
    if kinds := notice.context.get("kinds"):
        labels = dict(Evidence.Kind.choices)
        context["kinds"] = ", ".join(str(labels[kind]) for kind in kinds)
    if code := notice.context.get("channel_code"):
        context["channel"] = Payment.Channel(code).label
    context["site_url"] = settings.SITE_URL
    if notice.order is not None:
        context |= {"order": notice.order, "account": mask_account(notice.order.target_account)}
    if notice.watch is not None:
        context["stop_url"] = f"{settings.SITE_URL}/orders/arrival/{notice.watch.stop_token}/"
    if notice.mail is not None:
        context["mail_url"] = (
            f"{settings.SITE_URL}/admin/tickets/inboundmail/{notice.mail.pk}/change/"
        )
    if (ticket := notice.ticket) is not None:
        context |= {
            "ticket": ticket,
            "order": ticket.order,
            "account": mask_account(ticket.order.target_account),
            "tracking_url": f"{settings.SITE_URL}/t/{ticket.tracking_token}/",
            "admin_url": f"{settings.SITE_URL}/admin/tickets/ticket/{ticket.pk}/change/",
        }
    return context


def _instant(name: str, value: Any) -> Any:
    """Instants travel through the row as ISO 8601 text; a template wants them as instants."""
    return datetime.fromisoformat(value) if name.endswith("_at") and value else value
