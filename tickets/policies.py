"""Policy rows: read at an opening, replaced as a whole; a few controls are read live."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from helpdesk import clock
from tickets.models import ServicePolicy
from tickets.policy import DEFAULT_POLICY, Policy
from tickets.policy_reader import InvalidPolicy, PolicyError, read_policy


def get_policy(code: str = "default") -> ServicePolicy:
    """This function will give the policy row, with the demo's values where there is none yet.

    :raises ServicePolicy.DoesNotExist: no policy of that code, and it is not the default one.
    """
    if code != DEFAULT_POLICY.code:
        return ServicePolicy.objects.get(code=code)
    row, _created = ServicePolicy.objects.get_or_create(
        code=code,
        defaults={
            "body": first_policy().to_json(),
            "updated_at": clock.now(),
            "updated_by": "system",
        },
    )
    return row


def first_policy() -> Policy:
    """This function will give the promises a desk starts with.

    Outside the demo it begins in rehearsal and trusts the shop's facts for half an hour only: no
    money moves by itself before somebody has decided that it may.
    """
    if settings.DEMO:
        return DEFAULT_POLICY
    return replace(DEFAULT_POLICY, rehearsal=True, facts_max_age=timedelta(minutes=30))


def replace_policy(
    *, code: str, body: Mapping[str, Any], actor_label: str, now: datetime
) -> ServicePolicy:
    """This function will replace a policy as a whole; open tickets keep the one they copied.

    :raises InvalidPolicy: naming every wrong field.
    """
    policy = read_policy({"code": code, **body})
    if policy.code != code:
        raise InvalidPolicy([PolicyError("code", "does_not_match", code)])
    with transaction.atomic():
        first = {"body": {}, "version": 0, "updated_at": now, "updated_by": actor_label}
        ServicePolicy.objects.get_or_create(code=code, defaults=first)
        row = ServicePolicy.objects.select_for_update().get(code=code)
        row.body, row.version = policy.to_json(), row.version + 1
        row.updated_at, row.updated_by = now, actor_label
        row.save()
    return row


def live_controls(code: str) -> Policy:
    """This function will read the policy as it stands now, for rehearsal and budgets alone.

    Clocks and refund rules come from the ticket's own copy.
    """
    return read_policy(get_policy(code).body)
