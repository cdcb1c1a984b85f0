"""Notices: a row in the transaction of the decision, words and sending afterwards.

At least once: a worker that dies after the mail server took a message leaves a row that another
one sends again; a key keeps one reason from making two rows.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from orders.models import Order
from tickets.bulk import new_row
from tickets.cases import Case
from tickets.docket import Docket
from tickets.folding import fold_notices
from tickets.models import ArrivalWatch, Notice
from tickets.notice_kinds import SMS, URGENT
from tickets.notifiers import Letter, UnableToSend, compose, deliver, group_routes, sms_number
from tickets.texting import reason_to_withhold, sms_due_at

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
RETRY_WAITS = [timedelta(seconds=s) for s in (5, 30, 120, 600, 1800, 3600, 3600, 7200)]
BATCH = 50
#: Before a provider is asked what became of a message, its own records need a moment.
UNKNOWN_WAIT = timedelta(minutes=2)


def notify_customer(case: Case, kind: str, **context: Any) -> None:
    """This function will tell the customer; ``kind`` names the words in templates/notices/."""
    _add(case, kind, audience=Notice.Audience.CUSTOMER, user=None, context=context)


def notify_owner(case: Case, kind: str, **context: Any) -> None:
    """This function will tell the ticket's owner, or every supervisor where it has none."""
    if case.ticket.assignee_id is None:
        notify_supervisors(case, kind, **context)
    else:
        _add(
            case,
            kind,
            audience=Notice.Audience.STAFF,
            user=case.ticket.assignee,
            context=context,
        )


def notify_supervisors(case: Case, kind: str, *, about: str = "", **context: Any) -> None:
    """This function will tell every supervisor. ``about`` names a piece of news that no event of
    the ticket stands for: two of them are two reasons."""
    for user in case.docket.on_call.supervisors:
        staff = Notice.Audience.STAFF
        _add(case, kind, audience=staff, user=user, context=context, about=about)


def notify_person(case: Case, kind: str, user: User, **context: Any) -> None:
    _add(case, kind, audience=Notice.Audience.STAFF, user=user, context=context)


def notify_buyer(docket: Docket, order: Order, kind: str, **context: Any) -> None:
    """This function will tell a buyer who never filed a dispute what was done of itself, once per
    refund."""
    notice = new_row(
        Notice,
        order=order,
        audience=Notice.Audience.CUSTOMER,
        kind=kind,
        context=context,
        key=f"{order.uuid}:{context['refund_no']}:{kind}",
        created_at=docket.now,
        not_before=docket.now,
    )
    docket.add(notice)
    _also_by_sms(docket, notice)


def notify_watcher(docket: Docket, watch: ArrivalWatch, kind: str) -> None:
    """This function will tell somebody who asked to be told of an order's end."""
    docket.add(
        Notice(
            order=watch.order,
            watch=watch,
            audience=Notice.Audience.CUSTOMER,
            kind=kind,
            key=f"watch:{watch.pk}:{watch.created_at.isoformat()}:{kind}",
            created_at=docket.now,
            not_before=docket.now,
        )
    )


def _add(
    case: Case,
    kind: str,
    *,
    audience: Notice.Audience,
    user: User | None,
    context: dict[str, Any],
    about: str = "",
) -> None:
    to = user.pk if user is not None else "customer"
    reason = f"{case.ticket.uuid}:{case.ticket.event_seq}:{about}{kind}"
    notice = new_row(
        Notice,
        ticket=case.ticket,
        audience=audience,
        user=user,
        kind=kind,
        context=context,
        key=f"{reason}:{to}",
        created_at=case.now,
        not_before=case.now,
    )
    case.docket.add(notice)
    if audience == Notice.Audience.CUSTOMER:
        _also_by_sms(case.docket, notice)
    else:
        also_to_groups(notice, key=reason, add=case.docket.add)


def _also_by_sms(docket: Docket, notice: Notice) -> None:
    """At night a message that can wait is held as a row until the morning."""
    if notice.kind in SMS and sms_number(notice):
        not_before = sms_due_at(notice.kind, now=docket.now)
        copy = copied(notice, Notice.Route.SMS, key=f"{notice.key}:sms")
        copy.not_before = not_before
        docket.add(copy)


def also_to_groups(notice: Notice, *, key: str, add: Callable[[Notice], None]) -> None:
    """This function will have an alarm said once in every group that has a robot, however many
    people are told of it."""
    if notice.kind in URGENT:
        for route in group_routes():
            copy = copied(notice, route, key=f"{key}:{route}")
            copy.user = None
            add(copy)


def copied(notice: Notice, route: Notice.Route, *, key: str) -> Notice:
    return Notice(
        ticket=notice.ticket,
        order=notice.order,
        mail=notice.mail,
        audience=notice.audience,
        user=notice.user,
        route=route,
        kind=notice.kind,
        context=notice.context,
        key=key,
        created_at=notice.created_at,
        not_before=notice.not_before,
    )


def send_due_notices(*, clock: Callable[[], datetime]) -> int:
    """This function will send what is waiting, each outside any transaction, and say how many."""
    fold_notices(now=clock())
    claimed = claim_notices(now=clock())
    for notice in claimed:
        if renew_claim(notice, now=clock()):
            _send(notice, now=clock())
    return len(claimed)


def claim_notices(*, now: datetime) -> list[Notice]:
    """This function will take a batch for this worker alone, for the length of a lease."""
    with transaction.atomic(durable=True):
        notices = list(
            Notice.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("ticket__order", "order", "user", "mail", "watch")
            .filter(state=Notice.State.PENDING, not_before__lte=now)
            .order_by("not_before", "id")[:BATCH]
        )
        Notice.objects.filter(pk__in=[n.pk for n in notices]).update(not_before=now + LEASE)
        for notice in notices:
            notice.not_before = now + LEASE
    return notices


def renew_claim(notice: Notice, *, now: datetime) -> bool:
    """This function will tell whether a claimed notice is still this worker's, and keep it so.

    A slow mail server may use up the lease of the batch on its first letters; another worker then
    takes the rest, and only one of the two may send each.
    """
    mine = Notice.objects.filter(
        pk=notice.pk, state=Notice.State.PENDING, not_before=notice.not_before
    )
    notice.not_before = now + LEASE
    return mine.update(not_before=notice.not_before) == 1


def _send(notice: Notice, *, now: datetime) -> None:
    try:
        letter = compose(notice, now=now)
        notice.recipient, notice.subject, notice.body = (
            letter.recipient,
            letter.subject,
            letter.body,
        )
        if reason := _reason_not_to(notice, letter, now=now):
            notice.state, notice.last_error = Notice.State.WITHHELD, reason
        elif letter.recipient:
            notice.attempts += 1
            notice.reference = deliver(notice, letter)
            notice.state, notice.sent_at = Notice.State.SENT, now
        else:
            notice.state, notice.sent_at = Notice.State.NO_ADDRESS, now
    except UnableToSend as error:
        _put_off(notice, error, now=now)
    except Exception as error:
        # Words that cannot be made are no reason to keep the next letter waiting.
        logger.exception("notice %s cannot be written", notice.key)
        notice.attempts += 1
        _put_off(notice, UnableToSend(f"{type(error).__name__}: {error}"), now=now)
    notice.save(update_fields=WRITTEN)


WRITTEN = [
    *("attempts", "state", "sent_at", "not_before", "recipient", "subject", "body"),
    *("last_error", "unknowns", "reference"),
]


def _reason_not_to(notice: Notice, letter: Letter, *, now: datetime) -> str:
    if notice.route != Notice.Route.SMS or not letter.recipient or notice.attempts:
        return ""
    if not letter.template:
        return "no template is registered for it"
    return reason_to_withhold(notice, number=letter.recipient, now=now)


def _put_off(notice: Notice, error: UnableToSend, *, now: datetime) -> None:
    logger.warning("notice %s: %s", notice.key, error)
    notice.last_error = str(error)[:500]
    notice.unknowns += error.unknown
    if not error.retryable or notice.attempts > len(RETRY_WAITS):
        notice.state = Notice.State.FAILED
    else:
        wait = RETRY_WAITS[notice.attempts - 1]
        notice.not_before = now + (max(wait, UNKNOWN_WAIT) if notice.unknowns else wait)
