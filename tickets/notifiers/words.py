"""The words of a notice, in the reader's language, from templates/notices/<kind>.txt."""

import re
import zoneinfo
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.dateformat import format as date_format
from django.utils.translation import gettext as _

from orders.masking import mask_account
from orders.models import Payment
from orders.refunds import yuan
from tickets.models import Evidence, Notice
from tickets.notice_kinds import DIGEST, WORRIES

#: So many of what a summary stands for are named in it one by one.
NAMED = 100
#: The names that the text of an SMS may use: its provider puts in the values.
SMS_NAMES = ("number", "order_no", "amount", "due", "outcome", "code")
PLACEHOLDER = re.compile(r"\$\{(\w+)\}")


def language_of(notice: Notice) -> str:
    """This function will name the language of whoever reads it."""
    about = notice.ticket or notice.mail or notice.watch
    if notice.audience != Notice.Audience.CUSTOMER or about is None:
        return settings.LANGUAGE_CODE
    return about.language


@contextmanager
def words_of(language: str) -> Iterator[None]:
    tz = zoneinfo.ZoneInfo(settings.TIME_ZONE)
    with translation.override(language), timezone.override(tz):
        yield


def render(notice: Notice) -> tuple[str, str]:
    """This function will write subject and text; the template's first line is the subject."""
    with words_of(language_of(notice)):
        text = render_to_string(f"notices/{notice.kind}.txt", _context(notice)).strip()
        subject, _sep, body = text.partition("\n")
        if notice.ticket is not None and notice.ticket.is_drill:
            # Whoever is called out of bed by it should see that it is an exercise.
            subject = _("[Drill] %(subject)s") % {"subject": subject}
    return subject.strip()[:300], body.strip() + "\n"


def sms_text(kind: str, language: str, values: Mapping[str, str] | None = None) -> str:
    """This function will write an SMS; without values, the text that is registered with the
    provider, its names left as ${name}."""
    shown = values or {name: f"${{{name}}}" for name in SMS_NAMES}
    with words_of(language):
        context = {**shown, "site_url": settings.SITE_URL}
        return " ".join(render_to_string(f"notices/sms/{kind}.txt", context).split())


def sms_values(notice: Notice) -> dict[str, str]:
    """This function will find the values of the names that this kind's text uses."""
    context, language = _context(notice), language_of(notice)
    ticket, order = context.get("ticket"), context["order"]
    with words_of(language):
        due = context.get("due_at") or (ticket.commitment_due_at if ticket is not None else None)
        known = {
            "number": ticket.number if ticket is not None else "",
            "order_no": order.order_no,
            "amount": str(context.get("amount", "")),
            "due": date_format(timezone.localtime(due), "m-d H:i") if due is not None else "",
            "outcome": str(ticket.get_outcome_display()) if ticket is not None else "",
            "code": ticket.tracking_token if ticket is not None else "",
        }
    used = PLACEHOLDER.findall(sms_text(notice.kind, language))
    return {name: known[name] for name in used}


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
    if worry := notice.context.get("worry"):
        context["worry"] = WORRIES.get(worry, worry)
    if notice.kind == DIGEST:
        context |= _summed_up(notice)
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


def _summed_up(notice: Notice) -> dict[str, Any]:
    """The subjects of the letters that a summary stands for."""
    folded = notice.folded.select_related("ticket__order", "order", "mail").order_by("pk")
    count = folded.count()
    subjects = [render(one)[0] for one in folded[:NAMED]]
    return {
        "folded_count": count,
        "folded_subjects": subjects,
        "first_subject": next(iter(subjects), ""),
        "folded_rest": max(count - NAMED, 0),
    }


def _instant(name: str, value: Any) -> Any:
    """Instants travel through the row as ISO 8601 text; a template wants them as instants."""
    return datetime.fromisoformat(value) if name.endswith("_at") and value else value
