"""Everyday arrows: take a case, talk about it, ask for proof, receive it, pass it up."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from tickets.actors import Actor
from tickets.cases import Case, NotAllowed, TransitionRefused, open_case
from tickets.deadlines import Kind, cancel_deadline, pause_internal, start_deadline
from tickets.duty import find_least_loaded
from tickets.models import Event, Ticket
from tickets.notices import notify_customer, notify_owner, notify_person, notify_supervisors
from tickets.transitions.arrows import move, raise_level
from tickets.transitions.clocks import meet_first_reply, stop_waiting

Status = Ticket.Status
Level = Ticket.Level

NUDGE_COOLDOWN = timedelta(minutes=30)
TEXT_LIMIT = 2000


class UnableToEscalate(TransitionRefused):
    """The case is as high as it can go."""

    code = "highest_level"


class NudgedAlready(TransitionRefused):
    """The owner was told a moment ago; ``again_at`` says when it helps again."""

    code = "cooldown"

    def __init__(self, again_at: datetime) -> None:
        self.again_at = again_at
        super().__init__(_("We were reminded a moment ago and are on it."))


class InvalidText(TransitionRefused):
    """A text is missing or longer than the limit."""

    code = "invalid_text"
    http_status = 400


def require_text(text: str, *, limit: int = TEXT_LIMIT) -> str:
    """This function will give the text without surrounding space.

    :raises InvalidText: nothing is left, or more than ``limit`` characters.
    """
    text = text.strip()
    if not text:
        raise InvalidText(_("Please write a text."))
    if len(text) > limit:
        raise InvalidText(
            _("The text has %(count)s characters; at most %(limit)s are possible.")
            % {"count": len(text), "limit": limit}
        )
    return text


def assign_ticket(*, ticket_id: int, assignee: User, actor: Actor, now: datetime) -> Ticket:
    """This function will give the ticket an owner; a new one is in progress from then on.

    :raises NotAllowed: the actor is not staff, or the owner would be nobody who works disputes.
    """
    with open_case(ticket_id=ticket_id, actor=actor, now=now) as case:
        case.require_staff()
        case.require_open()
        if not assignee.is_active or not assignee.has_perm("tickets.work_ticket"):
            raise NotAllowed(_("%(name)s works no disputes.") % {"name": assignee.username})
        take_over(case, assignee)
        if assignee.pk != actor.user_id:
            notify_person(case, "assigned", assignee)
    return case.ticket


def assign_by_load(case: Case) -> None:
    """This function will give a new dispute to whoever is on duty and has least to do.

    It stays new: an owner who was found for it has not looked at it yet. With nobody on duty it
    waits in the queue, and the watchdog alarms.
    """
    person = find_least_loaded(case.now)
    if person is None:
        return
    case.ticket.assignee = person
    case.change("assignee")
    case.record(Event.Kind.ASSIGNED, to=f"staff:{person.pk}", by="load")
    notify_person(case, "assigned", person)


def acting_user(actor: Actor) -> User:
    assert actor.user_id is not None, "only people take cases over"
    return User.objects.get(pk=actor.user_id)


def take_over(case: Case, assignee: User) -> None:
    if case.ticket.assignee_id == assignee.pk and case.ticket.status != Status.NEW:
        return
    case.ticket.assignee = assignee
    case.change("assignee")
    case.record(Event.Kind.ASSIGNED, to=f"staff:{assignee.pk}")
    if case.ticket.status == Status.NEW:
        move(case, Status.IN_PROGRESS)


def reply(
    *, ticket_id: int, text: str, actor: Actor, now: datetime, internal: bool = False
) -> Ticket:
    """This function will add words of the customer or of staff.

    The first reply a person writes meets that clock; an internal note meets nothing. A customer's
    answer ends our waiting.
    """
    text = require_text(text)
    with open_case(ticket_id=ticket_id, actor=actor, now=now) as case:
        if internal:
            case.require_staff()
            case.record(Event.Kind.NOTED, text_digest=case.say(text, internal=True))
            return case.ticket
        case.require_open()
        if not actor.is_staff:
            answer_as_customer(case, text)
            return case.ticket
        case.record(Event.Kind.REPLIED, text_digest=case.say(text))
        meet_first_reply(case)
        if case.ticket.status == Status.NEW:
            take_over(case, acting_user(actor))
        notify_customer(case, "replied")
    return case.ticket


def answer_as_customer(case: Case, text: str, **origin: Any) -> None:
    """This function will add the customer's words; ``origin`` says in the event where they came
    from."""
    case.record(Event.Kind.REPLIED, text_digest=case.say(text), **origin)
    if case.ticket.status == Status.WAITING_CUSTOMER:
        move(case, Status.IN_PROGRESS)
        stop_waiting(case, met=True)
    notify_owner(case, "customer_replied")


def nudge(*, ticket_id: int, actor: Actor, now: datetime) -> Ticket:
    """This function will count a customer's reminder and pass it on once per half hour.

    :raises NudgedAlready: the last one is less than the cooldown ago.
    """
    with open_case(ticket_id=ticket_id, actor=actor, now=now) as case:
        case.require_customer()
        case.require_open()
        last = case.ticket.last_nudged_at
        if last is not None and now < last + NUDGE_COOLDOWN:
            raise NudgedAlready(last + NUDGE_COOLDOWN)
        case.ticket.nudges += 1
        case.ticket.last_nudged_at = now
        case.change("nudges", "last_nudged_at")
        case.record(Event.Kind.NUDGED, count=case.ticket.nudges)
        notify_owner(case, "nudged")
    return case.ticket


def escalate(*, ticket_id: int, reason: str, actor: Actor, now: datetime) -> Ticket:
    """This function will pass the case to a supervisor at an agent's or the customer's wish.

    :raises UnableToEscalate: a supervisor has it already.
    """
    reason = require_text(reason, limit=500)
    with open_case(ticket_id=ticket_id, actor=actor, now=now) as case:
        case.require_open()
        if case.ticket.level != Level.AGENT:
            raise UnableToEscalate(_("A supervisor has this case already."))
        digest = case.say(reason, internal=actor.is_staff)
        cancel_deadline(case, Kind.AGENT_RESOLUTION)
        pass_to_supervisor(case, by=actor.role, text_digest=digest)
    return case.ticket


def pass_to_supervisor(case: Case, *, by: str, text_digest: str = "") -> None:
    """This function will raise the level and start the supervisor's clock, if none runs there."""
    if not raise_level(case, Level.SUPERVISOR):
        return
    case.record(Event.Kind.ESCALATED, to="supervisor", by=by, text_digest=text_digest)
    if case.ticket.status != Status.REMEDY_PENDING:
        start_deadline(case, Kind.SUPERVISOR_RESOLUTION)
    if case.ticket.status == Status.WAITING_CUSTOMER:
        pause_internal(case, reason="waiting_customer")
    notify_supervisors(case, "escalated_staff", by=by)
    notify_customer(case, "escalated")
