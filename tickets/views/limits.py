"""Bodies that are too big are turned away before anything of them is read."""

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from tickets.evidence import MAX_BYTES, MAX_FILES

View = Callable[..., HttpResponse]
#: Nine whole files and the fields around them.
MAX_BODY = MAX_FILES * MAX_BYTES + 1024 * 1024


def limits_body(view: View) -> View:
    """The CSRF check reads the whole body, so the length is looked at before it."""
    protected = csrf_protect(view)

    @csrf_exempt
    @wraps(view)
    def checked(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdigit() or int(length) > MAX_BODY:
            size = int(length) // (1024 * 1024) if length.isdigit() else 0
            context = {"size": size, "limit": MAX_BODY // (1024 * 1024), "each": 10}
            return render(request, "413.html", context, status=413)
        return protected(request, *args, **kwargs)

    return checked
