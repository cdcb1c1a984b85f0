"""Who the shop is, and what its operator has tried in the first hour."""

import hashlib
import hmac
import json
import secrets
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from helpdesk.wake import wake
from orders.models import ShopProfile
from orders.payload import PHONE
from orders.refusals import Refused
from tickets.models import Notice
from tickets.policies import get_policy
from tickets.policy_reader import read_policy

NAME_LIMIT, ADDRESS_LIMIT, PHONE_LIMIT = 100, 200, 32
CODE_DIGITS = 6
CODE_LIVES = timedelta(days=1)
TEST_MAIL = "setup_test_mail"


class UnableToSetUp(Refused):
    """What was filled in cannot be; ``field`` names where."""

    code = "invalid"
    http_status = 400


def find_profile() -> ShopProfile:
    """This function will read the shop's row, or give an empty one without storing it."""
    return ShopProfile.objects.filter(key=ShopProfile.KEY).first() or ShopProfile()


def change_profile(
    change: Callable[[ShopProfile], None], *, actor_label: str, now: datetime
) -> ShopProfile:
    with transaction.atomic():
        ShopProfile.objects.get_or_create(key=ShopProfile.KEY)
        profile = ShopProfile.objects.select_for_update().get(key=ShopProfile.KEY)
        change(profile)
        profile.updated_at, profile.updated_by = now, actor_label
        profile.save()
    return profile


def describe_shop(
    *, legal_name: str, address: str, phone: str, actor_label: str, now: datetime
) -> ShopProfile:
    """This function will keep what customers read of the shop, and put into their file for 12315.

    :raises UnableToSetUp: name or address missing, or something too long.
    """
    given = {"legal_name": legal_name, "address": address, "phone": phone}
    given = {name: " ".join(value.split()) for name, value in given.items()}
    for name, shortest, limit in (
        ("legal_name", 2, NAME_LIMIT),
        ("address", 5, ADDRESS_LIMIT),
        ("phone", 0, PHONE_LIMIT),
    ):
        if not shortest <= len(given[name]) <= limit:
            raise UnableToSetUp(
                _("%(field)s: %(least)s to %(limit)s characters.")
                % {"field": label_of(name), "least": shortest, "limit": limit},
                field=name,
            )
    try:
        PHONE(given["phone"])
    except ValidationError as error:
        raise UnableToSetUp(" ".join(error.messages), field="phone") from None

    def change(profile: ShopProfile) -> None:
        profile.legal_name, profile.address = given["legal_name"], given["address"]
        profile.phone = given["phone"]

    return change_profile(change, actor_label=actor_label, now=now)


def label_of(name: str) -> str:
    labels = {"legal_name": _("legal name"), "address": _("address"), "phone": _("telephone")}
    return labels[name]


def send_test_mail(*, user: User, actor_label: str, now: datetime) -> ShopProfile:
    """This function will have a code sent to whoever asks, the way every notice is sent.

    :raises UnableToSetUp: mail goes nowhere, or the person has no address.
    """
    if not settings.EMAIL_URL:
        raise UnableToSetUp(_("EMAIL_URL is not set: no mail leaves this machine."))
    if not user.email:
        raise UnableToSetUp(_("Your account has no e-mail address."))
    code = "".join(secrets.choice("0123456789") for _digit in range(CODE_DIGITS))

    def change(profile: ShopProfile) -> None:
        profile.mail_to, profile.mail_code = user.email, code
        profile.mail_settings, profile.mail_sent_at = mail_settings(), now
        profile.mail_confirmed_at = None

    with transaction.atomic():
        profile = change_profile(change, actor_label=actor_label, now=now)
        Notice.objects.create(
            audience=Notice.Audience.STAFF,
            user=user,
            kind=TEST_MAIL,
            context={"code": code},
            key=f"{TEST_MAIL}:{uuid.uuid4()}",
            created_at=now,
            not_before=now,
        )
        wake("tickets.tasks.relay")
    return profile


def confirm_test_mail(*, code: str, actor_label: str, now: datetime) -> ShopProfile:
    """This function will take the code as proof that the mail arrived; each can be tried once.

    :raises UnableToSetUp: another code, none sent, or a day has gone by.
    """
    known = find_profile()
    sent = known.mail_sent_at is not None and now - known.mail_sent_at <= CODE_LIVES
    right = bool(known.mail_code) and hmac.compare_digest(known.mail_code, code.strip())

    def change(profile: ShopProfile) -> None:
        profile.mail_code = ""
        profile.mail_confirmed_at = now if sent and right else None

    changed = change_profile(change, actor_label=actor_label, now=now)
    if changed.mail_confirmed_at is None:
        raise UnableToSetUp(
            _("This is not the code of the last test mail. Send another one."), field="code"
        )
    return changed


def mail_settings() -> str:
    """This function will fix how mail leaves: another server or sender has to be tried anew."""
    text = f"{settings.EMAIL_URL} {settings.DEFAULT_FROM_EMAIL}"
    return salted_hmac("tickets.shop_profile", text, algorithm="sha256").hexdigest()


def note_policy_read(*, actor_label: str, now: datetime) -> ShopProfile:
    """This function will remember that the promises as they stand have been read."""

    def change(profile: ShopProfile) -> None:
        profile.policy_digest, profile.policy_seen_at = policy_digest(), now

    return change_profile(change, actor_label=actor_label, now=now)


def policy_digest() -> str:
    """Of clocks and limits; budgets and rehearsal have their own places in the checklist."""
    body = read_policy(get_policy().body).to_json()
    kept = {k: v for k, v in body.items() if k not in ("rehearsal", "auto_refund_budget_fen")}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
