"""Where a request of the admin turns into what the domain asks for: an actor and an instant."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, cast

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest

from helpdesk import clock
from tickets.actors import Actor
from tickets.models import Message


def user_of(request: HttpRequest) -> User:
    return cast(User, request.user)


def acting(request: HttpRequest) -> Actor:
    """This function will name who acts.

    :raises PermissionDenied: somebody who works no disputes.
    """
    try:
        return Actor.of(user_of(request))
    except PermissionError as error:
        raise PermissionDenied(str(error)) from None


def now_of(request: HttpRequest) -> datetime:
    """This function will read the clock once per request, however many parts of a page ask."""
    known: Any = request
    if not hasattr(known, "desk_now"):
        known.desk_now = clock.now()
    return cast(datetime, known.desk_now)


def works_disputes(request: HttpRequest, object_id: Any = None) -> bool:
    user = user_of(request)
    return user.has_perm("tickets.work_ticket") or user.has_perm("tickets.supervise_ticket")


def supervises(request: HttpRequest, object_id: Any = None) -> bool:
    return user_of(request).has_perm("tickets.supervise_ticket")


def people_who_work() -> QuerySet[User]:
    """This function will list everybody to whom a dispute can be given."""
    backend = "django.contrib.auth.backends.ModelBackend"
    people = User.objects.with_perm("tickets.work_ticket", backend=backend)
    return people.filter(is_active=True).order_by("username")


def name_of(user: User | None) -> str:
    """This function will write a person's name as its language does: 林小雨, Ada Lovelace."""
    if user is None:
        return ""
    if user.last_name and not user.last_name.isascii():
        return f"{user.last_name}{user.first_name}"
    return user.get_full_name() or user.username


def name_labels(labels: Iterable[str]) -> dict[str, str]:
    """This function will give the labels of actors the words a reader knows them by."""
    staff = {label for label in labels if label.startswith("staff:") and label[6:].isdigit()}
    people = User.objects.filter(pk__in=[int(label[6:]) for label in staff]) if staff else []
    return {
        Actor.customer().label: str(Message.Author.CUSTOMER.label),
        Actor.system().label: str(Message.Author.SYSTEM.label),
        **{f"staff:{user.pk}": name_of(user) for user in people},
    }
