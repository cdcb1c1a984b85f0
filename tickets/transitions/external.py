"""A complaint that arrives from outside: attached, with a clock of its own.

It never waits for our queue: attaching one brings a finished dispute back to work, with the
supervisors, and keeps it from being closed before the outside case is settled as well.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError
from django.utils.translation import gettext as _

from tickets.actors import Actor
from tickets.cases import Case, TransitionRefused, open_case
from tickets.deadlines import Kind, cancel_deadline, start_deadline
from tickets.models import Deadline, Event, ExternalCase, Ticket
from tickets.notices import notify_supervisors
from tickets.outside_clocks import Due, NoRule, compute_due
from tickets.staffing import desk_tz, load_working_days
from tickets.transitions.finishing import begin_cycle
from tickets.transitions.handling import pass_to_supervisor, require_text

Channel = ExternalCase.Channel
Status = Ticket.Status

NUMBER_LIMIT = 64
BODY_LIMIT = 100
#: Nobody can complain of what is longer ago (domain rule COMPLAINT_LIMIT: three years).
OLDEST = timedelta(days=3 * 366)


class UnableToAttach(TransitionRefused):
    """The case cannot hang on this dispute, or what was said of it cannot be."""

    code = "unable_to_attach"


@dataclass(frozen=True)
class Incoming:
    """What is known of an outside case when it comes in. ``due_at`` is asked for where no rule
    of tickets.outside_clocks gives one."""

    channel: str
    number: str
    received_at: datetime
    body: str = ""
    due_at: datetime | None = None


def attach_external_case(
    *, ticket_id: int, incoming: Incoming, actor: Actor, now: datetime
) -> ExternalCase:
    """This function will hang an outside case on a dispute and start its clock.

    A dispute that was over is reopened; from then on the supervisors have it.

    :raises UnableToAttach: known already, no such channel, an impossible time, or the dispute was
        withdrawn or has a newer one beside it.
    """
    number = check_incoming(incoming, now=now)
    try:
        with open_case(ticket_id=ticket_id, actor=actor, now=now) as case:
            case.require_staff()
            refuse_known(incoming.channel, number)
            external = build(case, incoming, number)
            take_up(case)
            case.docket.add(external)
            case.record(
                Event.Kind.EXTERNAL_CASE_ATTACHED,
                channel=external.channel,
                rule=external.rule,
                due_at=external.settle_due_at.isoformat(),
                text_digest=case.say(f"{external.get_channel_display()} {number}", internal=True),
            )
            follow(case, [external, *open_cases(case)], fresh=external)
            due_at = min(external.awaited).isoformat()
            notify_supervisors(case, "external_case_staff", due_at=due_at)
    except IntegrityError:
        # Two people attached the same number to two disputes at the same moment.
        refuse_known(incoming.channel, number)
        raise
    return external


def check_incoming(incoming: Incoming, *, now: datetime) -> str:
    if incoming.channel not in Channel.values:
        raise UnableToAttach(
            _("channel: choose from %(codes)s.") % {"codes": ", ".join(Channel.values)},
            field="channel",
        )
    if incoming.received_at > now:
        raise UnableToAttach(_("received_at: lies in the future."), field="received_at")
    if incoming.received_at < now - OLDEST:
        raise UnableToAttach(_("received_at: more than three years ago."), field="received_at")
    if len(incoming.body) > BODY_LIMIT:
        raise UnableToAttach(
            _("body: at most %(limit)s characters.") % {"limit": BODY_LIMIT}, field="body"
        )
    return require_text(incoming.number, limit=NUMBER_LIMIT)


def refuse_known(channel: str, number: str) -> None:
    known = ExternalCase.objects.filter(channel=channel, number=number).select_related("ticket")
    if (first := known.first()) is not None:
        raise UnableToAttach(
            _("This number is attached to %(ticket)s already.") % {"ticket": first.ticket.number},
            code="known",
            field="number",
        )


def build(case: Case, incoming: Incoming, number: str) -> ExternalCase:
    settle = due_of(incoming.channel, "settle", incoming.received_at, given=incoming.due_at)
    if settle is None or settle.at <= incoming.received_at:
        raise UnableToAttach(
            _("due_at: say until when it has to be settled, after it was received."),
            field="due_at",
        )
    reply = due_of(incoming.channel, "reply", incoming.received_at)
    return ExternalCase(
        ticket=case.ticket,
        channel=incoming.channel,
        number=number,
        body=incoming.body.strip(),
        received_at=incoming.received_at,
        attached_at=case.now,
        attached_by=case.actor.label,
        reply_due_at=reply.at if reply is not None else None,
        settle_due_at=settle.at,
        rule=settle.rule,
        provisional=settle.provisional,
    )


def due_of(
    channel: str, stage: str, start: datetime, *, given: datetime | None = None
) -> Due | None:
    """This function will compute a stage's due instant by its rule; ``given`` counts where there
    is no rule."""
    try:
        return compute_due(channel, stage, start, tz=desk_tz(), is_worked=load_working_days())
    except NoRule:
        return Due(given, "GIVEN") if given is not None else None


def take_up(case: Case) -> None:
    """This function will see to it that the supervisors work the dispute, over or not."""
    ticket = case.ticket
    if ticket.status == Status.WITHDRAWN:
        raise UnableToAttach(
            _("This dispute was withdrawn. Open a new one for the order and attach the case there.")
        )
    if not ticket.is_open:
        newer = Ticket.objects.filter(order=ticket.order, status__in=Ticket.OPEN_STATUSES).first()
        if newer is not None:
            raise UnableToAttach(
                _("The order has a newer dispute that is open: attach the case to %(ticket)s.")
                % {"ticket": newer.number}
            )
        begin_cycle(case)
    if ticket.level == Ticket.Level.AGENT:
        cancel_deadline(case, Kind.AGENT_RESOLUTION)
        pass_to_supervisor(case, by="external_case")


def open_cases(case: Case) -> list[ExternalCase]:
    return list(ExternalCase.objects.filter(ticket=case.ticket, settled_at__isnull=True))


def follow(
    case: Case, cases: list[ExternalCase], *, fresh: ExternalCase | None = None
) -> Deadline | None:
    """This function will let the one clock of the outside cases stand for the earliest instant.

    What has passed has fired already, save of a ``fresh`` case, which may come in too late.
    """
    instants = [i for c in cases for i in c.awaited if c is fresh or i > case.now]
    earliest, live = min(instants, default=None), case.live(Kind.EXTERNAL_CASE)
    if live is not None and live.due_at != earliest and live.due_at > case.now:
        cancel_deadline(case, Kind.EXTERNAL_CASE)
    return start_deadline(case, Kind.EXTERNAL_CASE, due_at=earliest) if earliest else None


def miss_external_case(case: Case, deadline: Deadline) -> None:
    """This function will tell the supervisors that an outside body was kept waiting, and wait for
    the next instant that one asks for."""
    notify_supervisors(case, "external_case_missed", due_at=deadline.due_at.isoformat())
    follow(case, open_cases(case))
