"""`Idempotency-Key`: the first answer to a POST is given again to every repeat of it."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from orders.api.problems import CONTENT_TYPE, Problem
from orders.models import ApiKey, IdempotentAnswer

HEADER = "Idempotency-Key"
#: A claim this old without an answer was left by a process that died. Above gunicorn's timeout.
CLAIM_HELD_FOR = timedelta(minutes=2)
ANSWERS_KEPT_FOR = timedelta(days=7)


def answer_once(*, request: Request, work: Callable[[], Response], now: datetime) -> Response:
    """This function will do the work under the request's key, or repeat the first answer.

    Answers of 500 and above are not kept: the caller may try again.

    :raises Problem: 422 for another body under the same key, 409 while the first is at work.
    """
    key = request.headers[HEADER]
    if not 1 <= len(key) <= 255 or not key.isprintable():
        raise Problem(400, _("A key has 1 to 255 printable characters."), "invalid", field=HEADER)
    digest = digest_request(request)
    mine = claim(caller=caller_of(request), key=key, digest=digest, now=now)
    if mine is None:
        return repeat_answer(caller=caller_of(request), key=key, digest=digest)
    try:
        response = work()
    except BaseException:
        mine.delete()
        raise
    if response.status_code >= 500:
        mine.delete()
    else:
        mine.status = response.status_code
        # A secret that is shown once is in no answer that is kept.
        kept = getattr(response, "kept_data", response.data)
        mine.body = json.loads(json.dumps(kept, cls=JSONEncoder))
        mine.save(update_fields=["status", "body"])
    return response


def claim(*, caller: str, key: str, digest: str, now: datetime) -> IdempotentAnswer | None:
    """This function will return the row if this request is the one to do the work."""
    try:
        with transaction.atomic():
            return IdempotentAnswer.objects.create(
                caller=caller, key=key, request_digest=digest, created_at=now
            )
    except IntegrityError:
        abandoned = IdempotentAnswer.objects.filter(
            caller=caller,
            key=key,
            request_digest=digest,
            status__isnull=True,
            created_at__lt=now - CLAIM_HELD_FOR,
        )
        # Compare and set: of two that find it abandoned, the second finds created_at moved.
        if abandoned.update(created_at=now) != 1:
            return None
        return IdempotentAnswer.objects.get(caller=caller, key=key)


def repeat_answer(*, caller: str, key: str, digest: str) -> Response:
    first = IdempotentAnswer.objects.filter(caller=caller, key=key).first()
    if first is None or (first.status is None and first.request_digest == digest):
        raise Problem(
            409, _("The first request with this key is still at work."), "idempotency_in_progress"
        )
    if first.request_digest != digest:
        raise Problem(
            422,
            _("This key was used for another request."),
            "idempotency_key_reused",
            field=HEADER,
        )
    status = first.status or 200
    kind = CONTENT_TYPE if status >= 400 else None
    return Response(
        first.body, status=status, content_type=kind, headers={"Idempotency-Replayed": "true"}
    )


def caller_of(request: Request) -> str:
    """Keys belong to their caller: nobody meets another's answers."""
    if isinstance(request.auth, ApiKey):
        return f"api-key:{request.auth.pk}"
    given = request.headers.get("Authorization") or request.META.get("REMOTE_ADDR", "")
    return f"other:{hashlib.sha256(given.encode()).hexdigest()}"


def digest_request(request: Request) -> str:
    """This function will digest what was asked; the same file in other multipart words is equal."""
    body: Any = request.data
    if hasattr(body, "lists"):
        body = {name: [digest_value(v) for v in values] for name, values in body.lists()}
    asked = [request.method, request.get_full_path(), body]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def digest_value(value: Any) -> str:
    if not isinstance(value, UploadedFile):
        return str(value)
    digest = hashlib.sha256()
    for chunk in value.chunks():
        digest.update(chunk)
    value.seek(0)
    return f"sha256:{digest.hexdigest()}"


def forget_answers(*, now: datetime) -> int:
    """This function will drop answers nobody repeats a request for any more."""
    old = IdempotentAnswer.objects.filter(created_at__lt=now - ANSWERS_KEPT_FOR)
    return old.delete()[0]
