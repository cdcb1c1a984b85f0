"""Addresses of the admin that no row can have: an id of thirty digits, the year -1."""

import logging
from collections.abc import Callable
from pathlib import Path

import django.db
from django.db import DataError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.defaults import page_not_found

logger = logging.getLogger(__name__)

ORM = str(Path(django.db.__file__).parent)


class NoSuchRow:
    """Django's admin sends a list with a filter that cannot be back to itself (`?e=1`), unless the
    database is the one to notice; then it ends in a fault. Here is the rest of it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        if not request.path_info.startswith("/admin/") or not is_of_a_lookup(request, error):
            return None
        logger.warning("no such row: %s: %s", request.path, error)
        if request.GET and "e" not in request.GET:
            return redirect(f"{request.path}?e=1")
        return page_not_found(request, error)


def is_of_a_lookup(request: HttpRequest, error: Exception) -> bool:
    """What the database refuses of a sent form stays a fault: the form should have seen it."""
    kinds: tuple[type[Exception], ...] = (OverflowError, ValueError)
    if request.method in ("GET", "HEAD"):
        kinds = (*kinds, DataError)
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    innermost = trace.tb_frame.f_code.co_filename if trace is not None else ""
    return isinstance(error, kinds) and innermost.startswith(ORM)
