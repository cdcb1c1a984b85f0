"""Who calls about disputes: a program by key, or one customer by the token of one dispute."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AnonymousUser, User
from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, NotFound
from rest_framework.exceptions import Throttled as TooManyCalls
from rest_framework.request import Request
from rest_framework.views import APIView

from orders.api.keys import ApiKeyAuthentication, MayCall
from orders.api.view import ApiView
from tickets.actors import Actor
from tickets.models import Ticket
from tickets.throttle import VERBS_PER_CASE, Throttled, count


@dataclass(frozen=True)
class TrackingPass:
    """The right of one customer to one dispute."""

    ticket_id: int


class TrackingAuthentication(BaseAuthentication):
    """`Authorization: Tracking <tracking_token>`: whoever holds the link is the customer."""

    scheme = "Tracking"

    def authenticate(self, request: Request) -> tuple[AnonymousUser, TrackingPass] | None:
        scheme, _space, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() != self.scheme.lower().encode():
            return None
        text = token.strip().decode("ascii", errors="replace").replace("\0", "")
        found = Ticket.objects.filter(tracking_token=text).values_list("pk", flat=True).first()
        if found is None:
            raise AuthenticationFailed(_("This tracking token is not valid."), code="invalid_token")
        return AnonymousUser(), TrackingPass(found)

    def authenticate_header(self, request: Request) -> str:
        return f'{self.scheme} realm="api"'


class TrackingScheme(OpenApiAuthenticationExtension):
    target_class = "tickets.api.access.TrackingAuthentication"
    name = "Tracking"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Authorization: Tracking <tracking_token>`: one customer, one dispute",
        }


class MayCallOrTrack(MayCall):
    """Keys are held against the view's `needs`; a customer's token opens its own dispute."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, TrackingPass) or super().has_permission(request, view)


class CaseView(ApiView):
    """A call that the customer of the dispute may make as well."""

    authentication_classes = [ApiKeyAuthentication, TrackingAuthentication]
    permission_classes = [MayCallOrTrack]


def get_ticket(request: Request, number: str) -> Ticket:
    """This function will find the ticket, for a customer only the one that the token opens.

    :raises NotFound: the same for another's dispute as for one that does not exist.
    """
    tickets = Ticket.objects.select_related("order", "assignee")
    if isinstance(request.auth, TrackingPass):
        tickets = tickets.filter(pk=request.auth.ticket_id)
    ticket = tickets.filter(number=number).first() if "\0" not in number else None
    if ticket is None:
        raise NotFound(_("There is no such dispute."), code="no_such_ticket")
    return ticket


def staff_or_customer(user: User | AnonymousUser | None) -> Actor:
    """This function will name who acts: a person of the desk, else the customer who is spoken for.

    The shop's own user works no disputes: what it brings, it brings on the customer's behalf.
    """
    try:
        return Actor.of(user) if isinstance(user, User) else Actor.customer()
    except PermissionError:
        return Actor.customer()


def acting_in(request: Request, ticket: Ticket, *, now: datetime) -> Actor:
    """This function will name who carries out a verb, and count a customer's.

    :raises PermissionError: the key's person works no disputes; the customer's token is needed.
    :raises rest_framework.exceptions.Throttled: a customer did more than one person does.
    """
    if not isinstance(request.auth, TrackingPass):
        assert isinstance(request.user, User)
        return Actor.of(request.user)
    with refusing_haste():
        count(VERBS_PER_CASE, ticket.uuid.hex, now=now)
    return Actor.customer()


@contextmanager
def refusing_haste() -> Iterator[None]:
    """Whoever knocks too often is told when to come again."""
    try:
        yield
    except Throttled as error:
        raise TooManyCalls(wait=error.retry_after) from None
