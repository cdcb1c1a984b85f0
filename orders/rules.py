"""The published rules: versions that are announced before they apply, and which one holds when."""

import re
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from orders.by_hand import label_of
from orders.models import RuleVersion
from orders.refusals import Refused

RIGHT = "orders.publish_rules"
#: E-Commerce Law art. 34: at least seven days between publishing and applying.
NOTICE = timedelta(days=7)
TEXT_LIMIT = 20_000
VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,31}")


class UnableToPublish(Refused):
    """What was to be published does not suffice, or comes too soon."""

    code = "invalid_rules"
    http_status = 400


def publish_rules(
    *,
    version: str,
    text_zh: str,
    text_en: str,
    effective_at: datetime,
    actor: User,
    now: datetime,
) -> RuleVersion:
    """This function will publish a version of the rules for a day at least a week ahead.

    The very first version changes nothing for anybody, so it may apply at once.

    :raises UnableToPublish: naming the field and what is wrong with it.
    """
    if not actor.has_perm(RIGHT):
        refusal = UnableToPublish(_("You may not publish rules."), code="not_allowed")
        refusal.http_status = 403
        raise refusal
    _check_texts(version, text_zh=text_zh, text_en=text_en)
    versions = list(RuleVersion.objects.all())
    if any(known.version == version for known in versions):
        raise _taken(version)
    _check_instant(versions, effective_at, now=now)
    try:
        with transaction.atomic():
            return RuleVersion.objects.create(
                version=version,
                text_zh=text_zh.strip(),
                text_en=text_en.strip(),
                published_at=now,
                effective_at=effective_at,
                published_by=label_of(actor),
            )
    except IntegrityError:
        # Somebody else published between our look and our row.
        raise _taken(version) from None


def _taken(version: str) -> UnableToPublish:
    return UnableToPublish(
        _("There is a version %(version)s already.") % {"version": version},
        code="taken",
        field="version",
    )


def find_rules(*, at: datetime) -> RuleVersion | None:
    """This function will find the version in force at an instant."""
    return RuleVersion.objects.filter(effective_at__lte=at).order_by("-effective_at").first()


def version_at(at: datetime) -> str:
    """This function will name the version that an order made at an instant is bought under."""
    rules = RuleVersion.objects.filter(effective_at__lte=at).order_by("-effective_at")
    return rules.values_list("version", flat=True).first() or ""


def _check_texts(version: str, **texts: str) -> None:
    if not VERSION.fullmatch(version):
        raise UnableToPublish(
            _("1 to 32 letters, digits, dots, dashes or underscores, such as 2026-12."),
            code="invalid_version",
            field="version",
        )
    for name, text in texts.items():
        if not text.strip():
            raise UnableToPublish(
                _("The text is needed in both languages."), code="required", field=name
            )
        if len(text) > TEXT_LIMIT:
            raise UnableToPublish(
                _("At most %(limit)d characters; this has %(count)d.")
                % {"limit": TEXT_LIMIT, "count": len(text)},
                code="too_long",
                field=name,
            )


def _check_instant(versions: list[RuleVersion], effective_at: datetime, *, now: datetime) -> None:
    earliest = now + NOTICE if versions else now
    if effective_at < earliest:
        raise UnableToPublish(
            _("Rules are published at least 7 days before they apply: %(earliest)s or later.")
            % {"earliest": f"{earliest.astimezone():%Y-%m-%d %H:%M}"}
            if versions
            else _("They cannot apply before they are published."),
            code="too_soon",
            field="effective_at",
        )
    last = max((known.effective_at for known in versions), default=None)
    if last is not None and effective_at <= last:
        raise UnableToPublish(
            _("Another version applies from then on or later: choose a later day."),
            code="out_of_order",
            field="effective_at",
        )
