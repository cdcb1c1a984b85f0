"""NUL bytes in an address: PostgreSQL takes none in any text, and no honest address has one."""

from collections.abc import Callable

from django.core.exceptions import SuspiciousOperation
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase


class RefuseNul:
    """Pages only: the API says itself, in its own shape, which field was wrong."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith("/api/"):
            if "\0" in request.path_info:
                raise Http404
            if "%00" in request.META.get("QUERY_STRING", ""):
                raise SuspiciousOperation("NUL in the query")
        return self.get_response(request)
