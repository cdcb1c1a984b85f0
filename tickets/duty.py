"""Who is here now: shifts, what browsers say, who looks at what, and who has least to do."""

import zoneinfo
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from tickets.models import Presence, Shift, Ticket, Visit

#: A browser speaks up every minute while somebody moves in front of it.
PRESENT_FOR = timedelta(minutes=5)
#: So long after its last word a page counts as open no more.
OPEN_FOR = timedelta(minutes=3)

MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"


def note_presence(*, user: User, now: datetime, ticket_id: int | None = None) -> None:
    """This function will note that somebody is at the desk, and which dispute is in front of them.

    It is a hint for others and changes nothing of the dispute.
    """
    Presence.objects.update_or_create(user=user, defaults={"seen_at": now})
    if ticket_id is None or not Ticket.objects.filter(pk=ticket_id).exists():
        return
    first = {"opened_at": now, "seen_at": now}
    visit, created = Visit.objects.get_or_create(ticket_id=ticket_id, user=user, defaults=first)
    if created:
        return
    if visit.seen_at < now - OPEN_FOR:
        visit.opened_at = now
    visit.seen_at = now
    visit.save(update_fields=["opened_at", "seen_at"])


def others_looking(*, ticket_id: int, user_id: int, now: datetime) -> list[Visit]:
    """This function will find who else has the dispute on the screen, whoever came first first."""
    visits = Visit.objects.filter(ticket=ticket_id, seen_at__gt=now - OPEN_FOR)
    return list(visits.exclude(user=user_id).select_related("user").order_by("opened_at")[:3])


def shifts_at(now: datetime) -> QuerySet[Shift]:
    """This function will find the shifts that run at an instant, in the desk's time zone."""
    local = now.astimezone(zoneinfo.ZoneInfo(settings.TIME_ZONE))
    time = local.time().replace(tzinfo=None)
    still = Q(ends_at__gt=time) | Q(ends_at="00:00")
    return Shift.objects.filter(still, weekday=local.weekday(), begins_at__lte=time)


def people_on_duty(now: datetime) -> QuerySet[User]:
    """This function will find who works disputes, is on shift, and was seen a moment ago.

    A desk without shifts counts everybody as on shift: a missing setting must stop nobody.
    """
    people = User.objects.with_perm(
        "tickets.work_ticket", backend=MODEL_BACKEND, include_superusers=False
    ).filter(is_active=True, presence__seen_at__gt=now - PRESENT_FOR)
    if not Shift.objects.exists():
        return people
    return people.filter(Exists(shifts_at(now).filter(user=OuterRef("pk"))))


def find_least_loaded(now: datetime) -> User | None:
    """This function will name who on duty owns the fewest open disputes; None if nobody is."""
    open_ = Q(tickets__status__in=Ticket.OPEN_STATUSES)
    load = Count("tickets", filter=open_, distinct=True)
    return people_on_duty(now).annotate(load=load).order_by("load", "pk").first()


def is_forsaken(now: datetime) -> bool:
    """This function will tell whether shifts say that somebody is at the desk, and nobody is."""
    return shifts_at(now).exists() and not people_on_duty(now).exists()
