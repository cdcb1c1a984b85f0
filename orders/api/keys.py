"""Who calls: `Authorization: Api-Key <key>`, and what that key and its person may do."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from helpdesk import clock
from orders.models import ApiKey

#: A key looks like this so that secret scanners and people recognise it.
KEY_PREFIX = "desk_"
#: The time of last use is kept to the minute: not a write per request.
USE_NOTED_EVERY = timedelta(minutes=1)


def create_api_key(
    *, name: str, user: User, scopes: Iterable[str], now: datetime
) -> tuple[ApiKey, str]:
    """This function will make a key that acts as `user`; the second value is shown once."""
    secret = KEY_PREFIX + secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        name=name,
        user=user,
        prefix=secret[:12],
        digest=ApiKey.digest_of(secret),
        scopes=sorted(set(scopes)),
        created_at=now,
    )
    return key, secret


class ApiKeyAuthentication(BaseAuthentication):
    scheme = "Api-Key"

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        scheme, _space, secret = get_authorization_header(request).partition(b" ")
        if scheme.lower() != self.scheme.lower().encode():
            return None
        digest = ApiKey.digest_of(secret.strip().decode("utf-8", errors="replace"))
        keys = ApiKey.objects.select_related("user")
        key = keys.filter(digest=digest, revoked_at__isnull=True, user__is_active=True).first()
        if key is None:
            raise AuthenticationFailed(_("This API key is not valid."), code="invalid_key")
        note_use(key, now=clock.now())
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        return f'{self.scheme} realm="api"'


def note_use(key: ApiKey, *, now: datetime) -> None:
    if key.last_used_at is None or key.last_used_at < now - USE_NOTED_EVERY:
        unnoted = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - USE_NOTED_EVERY)
        ApiKey.objects.filter(unnoted, pk=key.pk).update(last_used_at=now)


@dataclass(frozen=True)
class Need:
    """What a call asks of its caller: one of these scopes of the key, this right of its person."""

    scopes: tuple[str, ...]
    permission: str


class MayCall(BasePermission):
    """Holds a view's `needs` (method -> Need) against the key and its person."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.auth is None:
            return False
        method = "GET" if request.method == "HEAD" else request.method
        need: Need | None = getattr(view, "needs", {}).get(method)
        if need is None:
            return True
        if isinstance(request.auth, ApiKey):
            refuse_missing_scope(request.auth, need)
        if not request.user.has_perm(need.permission):
            raise PermissionDenied(
                _("The person behind this key may not do this (%(right)s).")
                % {"right": need.permission},
                code="missing_permission",
            )
        return True


def refuse_missing_scope(key: ApiKey, need: Need) -> None:
    scopes: list[Any] = key.scopes
    if scopes and not set(scopes) & set(need.scopes):
        raise PermissionDenied(
            _("This key lacks the scope %(scopes)s.") % {"scopes": " / ".join(need.scopes)},
            code="missing_scope",
        )
