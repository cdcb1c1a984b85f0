"""What every call of the API has in common."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.parsers import JSONParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from helpdesk import clock
from orders.api import schema  # noqa: F401  (registers how one signs in)
from orders.api.idempotency import HEADER, answer_once
from orders.api.keys import ApiKeyAuthentication, MayCall, Need
from orders.api.throttles import CallerThrottle


class StrictJSONParser(JSONParser):
    """JSON that does not dig a hole to fall into."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError(_("The JSON is nested too deeply.")) from None


class ApiView(APIView):
    """A call by key, throttled, that honours `Idempotency-Key` on POST.

    Subclasses say in `needs` what each method asks of its caller.
    """

    authentication_classes = [ApiKeyAuthentication]
    permission_classes = [MayCall]
    throttle_classes = [CallerThrottle]
    parser_classes = [StrictJSONParser]
    http_method_names = ["get", "head", "post", "put", "delete"]
    needs: ClassVar[dict[str, Need]] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        handler = getattr(self, "post", None)
        if request.method == "POST" and HEADER in request.headers and handler is not None:
            # dispatch() looks the handler up after this; the instance's hides the class's.
            self.post = self.once(handler)

    def once(self, handler: Callable[..., Response]) -> Callable[..., Response]:
        def work(request: Request, *args: Any, **kwargs: Any) -> Response:
            try:
                return handler(request, *args, **kwargs)
            except Exception as error:  # an error is an answer too, and repeated like one
                return self.handle_exception(error)

        def post(request: Request, *args: Any, **kwargs: Any) -> Response:
            return answer_once(
                request=request, work=lambda: work(request, *args, **kwargs), now=clock.now()
            )

        return post


class NoSuchCall(APIView):
    """Whatever else is asked for under /api/: the same problem, not a page."""

    authentication_classes = []
    permission_classes = [AllowAny]
    http_method_names: list[str] = []

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        raise NotFound(_("There is no such call."), code="no_such_call")
