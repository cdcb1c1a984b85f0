import ipaddress
from collections.abc import Callable
from typing import cast

from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from helpdesk import clock
from orders.callbacks import channels, suppliers
from orders.callbacks.book import BODY_LIMIT, Letter, NobodyThere
from orders.models import Callback
from orders.news import NoticeReply


@csrf_exempt
@require_POST
def receive_from_channel(request: HttpRequest, code: str) -> HttpResponse:
    return _receive(request, Callback.Source.CHANNEL, code, channels.receive_notify)


@csrf_exempt
@require_POST
def receive_from_supplier(request: HttpRequest, code: str) -> HttpResponse:
    return _receive(request, Callback.Source.SUPPLIER, code, suppliers.receive_notify)


def _receive(
    request: HttpRequest,
    source: Callback.Source,
    code: str,
    receive: Callable[[Letter], NoticeReply],
) -> HttpResponse:
    size = _announced_size(request)
    try:
        body = request.body if size <= BODY_LIMIT else b""
    except UnreadablePostError:
        return HttpResponse(status=400)
    sender = _find_sender(request)
    headers = request.headers
    letter = Letter(source, code, body, headers, sender=sender, at=clock.now(), size=size)
    try:
        reply = receive(letter)
    except NobodyThere:
        return HttpResponse(status=404)
    return HttpResponse(reply.body, status=reply.status, content_type=reply.content_type)


def _announced_size(request: HttpRequest) -> int:
    announced = request.META.get("CONTENT_LENGTH") or "0"
    return int(announced) if announced.isdecimal() and len(announced) < 16 else 0


def _find_sender(request: HttpRequest) -> str | None:
    """Who sent it, as far as the proxies that NUM_PROXIES counts can be believed."""
    # It reads META alone, which both kinds of request have.
    ident = BaseThrottle().get_ident(cast(Request, request))
    try:
        return str(ipaddress.ip_address(ident or ""))
    except ValueError:
        return None
