"""Every error of the API in one shape: RFC 9457 `application/problem+json`."""

import logging
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.signals import got_request_exception
from django.http import Http404, UnreadablePostError
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings

from orders.refusals import Refused
from orders.strict import LimitedDetail

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
LONGEST_DETAIL = 400
TITLES = {
    400: _("The request is not valid"),
    401: _("Not signed in"),
    403: _("Not allowed"),
    404: _("Not found"),
    405: _("Method not allowed"),
    406: _("Cannot answer in that format"),
    409: _("Conflict"),
    413: _("Too large"),
    415: _("Format not understood"),
    422: _("The request cannot be carried out"),
    429: _("Too many requests"),
    500: _("A fault of the desk"),
    503: _("Not available now"),
}


class Problem(exceptions.APIException):
    """An error with a status of its own choosing."""

    def __init__(
        self, status: int, message: object, code: str, *, field: str = "", limit: Any = None
    ) -> None:
        self.status_code = status
        error = exceptions.ErrorDetail(str(message), code)
        if limit is not None:
            error = LimitedDetail(str(message), code, limit)
        # Set afterwards: the constructor would make plain details of these and forget the limits.
        super().__init__()
        self.detail = {field: [error]} if field else [error]


def too_large() -> Problem:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    message = _("The body is larger than this call takes: at most %(limit)s bytes.")
    return Problem(413, message % {"limit": limit}, "too_large", limit=limit)


def answer_with_problem(exc: Exception, context: dict[str, Any]) -> Response:
    """This function will turn whatever a view raised into a problem (DRF's EXCEPTION_HANDLER)."""
    if isinstance(exc, Refused):
        item: dict[str, Any] = {"field": exc.field, "code": exc.code, "detail": printable(exc)}
        if exc.limit != "" and isinstance(exc.limit, str | int):
            item["limit"] = exc.limit
        return problem_response(exc.http_status, [item], context)
    known = as_api_exception(exc)
    if known is None:
        # Tests and error trackers listen to this signal; the caller learns nothing of the inside.
        got_request_exception.send(sender=None, request=context.get("request"))
        logger.error("unhandled error in the API", exc_info=exc)
        known = exceptions.APIException(_("Something went wrong here. It has been logged."))
    response = problem_response(known.status_code, list(error_items(known.detail)), context)
    if header := getattr(known, "auth_header", None):
        response["WWW-Authenticate"] = header
    if wait := getattr(known, "wait", None):
        response["Retry-After"] = str(int(wait) + 1)
    return response


def as_api_exception(exc: Exception) -> exceptions.APIException | None:
    match exc:
        case exceptions.APIException():
            return exc
        case Http404():
            return exceptions.NotFound()
        case DjangoPermissionDenied() | PermissionError():
            return exceptions.PermissionDenied()
        case DjangoValidationError():
            return exceptions.ValidationError(exc.messages)
        case RequestDataTooBig():
            return too_large()
        case SuspiciousOperation() | UnreadablePostError():
            return exceptions.ParseError()
    return None


def problem_response(
    status: int, items: list[dict[str, Any]], context: dict[str, Any] | None = None
) -> Response:
    request = (context or {}).get("request")
    title = TITLES.get(status) or HTTPStatus(status).phrase
    body = {
        "type": "about:blank",
        "title": str(title),
        "status": status,
        "detail": items[0]["detail"] if items else str(title),
        "code": items[0]["code"] if items else "error",
        "instance": request.path if request is not None else "",
        "errors": items,
    }
    return Response(body, status=status, content_type=CONTENT_TYPE)


def error_items(detail: Any, path: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
    """This function will flatten DRF's nested errors to `payments.0.amount_fen` and the like."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            own = name == api_settings.NON_FIELD_ERRORS_KEY
            yield from error_items(inner, path if own else (*path, str(name)))
    elif isinstance(detail, list):
        nested = any(isinstance(inner, dict | list) for inner in detail)
        for index, inner in enumerate(detail):
            yield from error_items(inner, (*path, str(index)) if nested else path)
    else:
        code = detail.code or "invalid"
        item = {"field": printable(".".join(path)), "code": str(code), "detail": printable(detail)}
        limit = getattr(code, "limit", None)
        yield item if limit is None else item | {"limit": limit}


def printable(text: object) -> str:
    """An error repeats what was sent: not all of that can be written in UTF-8 or stored, and not
    all of it need be read again."""
    told = str(text) if len(str(text)) <= LONGEST_DETAIL else f"{str(text)[:LONGEST_DETAIL]}…"
    return told.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
