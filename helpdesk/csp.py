"""Customers' pages keep the strict policy of settings; two areas need a measured exception."""

from collections.abc import Callable

from csp.constants import UNSAFE_EVAL, UNSAFE_INLINE
from django.http import HttpRequest
from django.http.response import HttpResponseBase

# The admin's skin is built on Alpine, which compiles the expressions in its attributes.
ADMIN = {"script-src": [UNSAFE_EVAL], "style-src": [UNSAFE_INLINE]}
# Swagger UI writes style attributes; its script is served apart (SpectacularSwaggerSplitView).
API_DOCS = {"style-src": [UNSAFE_INLINE]}

LOOSENED = {"/admin/": ADMIN, "/api/docs/": API_DOCS}


class LoosenByPath:
    """Stands below CSPMiddleware, which writes the header from what is left on the response."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for prefix, update in LOOSENED.items():
            if request.path_info.startswith(prefix):
                response._csp_update = update  # type: ignore[attr-defined]  # django-csp's name
        return response
