"""Disturbances: declared by people, told to the public in both languages, over when they say so."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from orders.affected import find_orders, scope_of
from orders.by_hand import label_of
from orders.models import Order, Outage, Payment
from orders.refusals import Refused

RIGHT = "orders.declare_outage"
#: A disturbance that is over is still told of for this long.
TOLD_AFTERWARDS = timedelta(hours=24)
ARRIVED = (Order.Status.DELIVERED, Order.Status.AWAITING_PAYMENT)
LIMITS = {
    "title": 100,
    "supplier": 32,
    "product_code": 64,
    "text_zh": 500,
    "text_en": 500,
}


class UnableToDeclare(Refused):
    """What was said of an outage does not suffice, or this person may not say it."""

    code = "invalid_outage"
    http_status = 400


@dataclass(frozen=True, kw_only=True)
class OutageFacts:
    """What is said of an outage. Scope: what is left blank does not narrow it."""

    title: str
    started_at: datetime
    ended_at: datetime | None = None
    supplier: str = ""
    channel: str = ""
    product_code: str = ""
    text_zh: str = ""
    text_en: str = ""
    is_public: bool = False


def declare_outage(*, facts: OutageFacts, actor: User, now: datetime) -> Outage:
    """This function will put an outage on record.

    :raises UnableToDeclare: naming the field and what is wrong with it.
    """
    facts = check_facts(facts, actor, now=now)
    return Outage.objects.create(
        **_columns(facts),
        published_at=now if facts.is_public else None,
        declared_by=label_of(actor),
        declared_at=now,
    )


def revise_outage(*, outage_id: int, facts: OutageFacts, actor: User, now: datetime) -> Outage:
    """This function will correct what is known of an outage, end it, publish it or take it back.

    Refund batches keep the scope that they were proposed with.
    """
    facts = check_facts(facts, actor, now=now)
    # Not durable: the admin saves its forms in a transaction of its own.
    with transaction.atomic():
        outage = Outage.objects.select_for_update().get(pk=outage_id)
        for name, value in _columns(facts).items():
            setattr(outage, name, value)
        # Published again it is news again; a correction keeps the instant that promises count from.
        if not facts.is_public:
            outage.published_at = None
        elif outage.published_at is None:
            outage.published_at = now
        outage.save()
    return outage


def facts_of(outage: Outage) -> OutageFacts:
    return OutageFacts(
        title=outage.title,
        started_at=outage.started_at,
        ended_at=outage.ended_at,
        supplier=outage.supplier,
        channel=outage.channel,
        product_code=outage.product_code,
        text_zh=outage.text_zh,
        text_en=outage.text_en,
        is_public=outage.is_public,
    )


def find_public_outages(*, now: datetime) -> QuerySet[Outage]:
    """This function will select what the public is told of: what runs, or was over within a day."""
    current = Q(ended_at__isnull=True) | Q(ended_at__gt=now - TOLD_AFTERWARDS)
    return Outage.objects.filter(current, published_at__lte=now).order_by("-started_at")


def hits(outage: Outage, order: Order) -> bool:
    """This function will tell whether a disturbance is in an order's way: begun before it was
    over, and about its supplier, product and channel as far as it names them.

    Reads the order's payments, so that a prefetched one costs no query.
    """
    channels = {payment.channel for payment in order.payments.all()}
    return (
        (outage.ended_at is None or order.created_at <= outage.ended_at)
        and outage.supplier in ("", order.supplier)
        and outage.product_code in ("", order.product_code)
        and (not outage.channel or outage.channel in channels)
    )


def find_outage_of(order: Order, *, now: datetime) -> Outage | None:
    """This function will find the outage that an order was caught in: it is going on or was over
    within a day, the order was paid meanwhile, and nothing has arrived. Of several, the one that
    the public knows of, else the latest."""
    if order.status in ARRIVED:
        return None
    recent = Q(ended_at__isnull=True) | Q(ended_at__gt=now - TOLD_AFTERWARDS)
    outages = Outage.objects.filter(recent, started_at__lte=now)
    hit = [o for o in outages if find_orders(scope_of(o, now=now)).filter(pk=order.pk).exists()]
    return max(hit, key=lambda o: (o.is_public, o.started_at, o.pk), default=None)


def _columns(facts: OutageFacts) -> Mapping[str, Any]:
    return {
        "title": facts.title,
        "supplier": facts.supplier,
        "channel": facts.channel,
        "product_code": facts.product_code,
        "started_at": facts.started_at,
        "ended_at": facts.ended_at,
        "text_zh": facts.text_zh,
        "text_en": facts.text_en,
    }


def check_facts(facts: OutageFacts, actor: User, *, now: datetime) -> OutageFacts:
    """This function will refuse what is not enough, or not allowed, and return the rest trimmed.

    :raises UnableToDeclare: naming the field and what is wrong with it.
    """
    if not actor.has_perm(RIGHT):
        refusal = UnableToDeclare(_("You may not declare outages."), code="not_allowed")
        refusal.http_status = 403
        raise refusal
    facts = replace(facts, **{name: getattr(facts, name).strip() for name in LIMITS})
    for name, limit in LIMITS.items():
        if (length := len(getattr(facts, name))) > limit:
            raise UnableToDeclare(
                _("At most %(limit)d characters; this has %(count)d.")
                % {"limit": limit, "count": length},
                code="too_long",
                field=name,
            )
    if not facts.title:
        raise UnableToDeclare(_("Give it a title."), code="required", field="title")
    if facts.channel and facts.channel not in Payment.Channel.values:
        raise UnableToDeclare(
            _("channel: choose from %(channels)s.") % {"channels": ", ".join(Payment.Channel)},
            code="invalid_choice",
            field="channel",
        )
    if not (facts.supplier or facts.channel or facts.product_code):
        raise UnableToDeclare(
            _("Name the supplier, the payment channel or the product that is disturbed."),
            code="required",
            field="supplier",
        )
    _check_times(facts, now=now)
    _check_texts(facts)
    return facts


def _check_times(facts: OutageFacts, *, now: datetime) -> None:
    if facts.started_at > now:
        raise UnableToDeclare(
            _("It cannot start in the future."), code="in_future", field="started_at"
        )
    if facts.ended_at is not None and not facts.started_at <= facts.ended_at <= now:
        raise UnableToDeclare(
            _("It ends after its start and not in the future."),
            code="out_of_order",
            field="ended_at",
        )


def _check_texts(facts: OutageFacts) -> None:
    for name in ("text_zh", "text_en"):
        if facts.is_public and not getattr(facts, name):
            raise UnableToDeclare(
                _("A public notice needs its text in both languages."),
                code="required",
                field=name,
            )
