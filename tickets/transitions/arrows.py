"""The state machine itself: which arrow may be taken, and the only place that takes one."""

from django.utils.translation import gettext as _

from tickets.cases import Case, TransitionRefused
from tickets.models import Ticket

Status = Ticket.Status
Level = Ticket.Level

#: Every status change there is. docs/states.md draws them; a test holds the drawing against this.
ARROWS: dict[Status, frozenset[Status]] = {
    Status.NEW: frozenset(
        {
            Status.IN_PROGRESS,
            Status.WAITING_CUSTOMER,
            Status.REMEDY_PENDING,
            Status.RESOLVED,
            Status.WITHDRAWN,
        }
    ),
    Status.IN_PROGRESS: frozenset(
        {Status.WAITING_CUSTOMER, Status.REMEDY_PENDING, Status.RESOLVED, Status.WITHDRAWN}
    ),
    Status.WAITING_CUSTOMER: frozenset(
        {Status.IN_PROGRESS, Status.REMEDY_PENDING, Status.RESOLVED, Status.WITHDRAWN}
    ),
    Status.REMEDY_PENDING: frozenset({Status.IN_PROGRESS, Status.RESOLVED}),
    Status.RESOLVED: frozenset({Status.CLOSED, Status.IN_PROGRESS}),
    Status.CLOSED: frozenset({Status.IN_PROGRESS}),
    Status.WITHDRAWN: frozenset(),
}

#: Levels only rise within a cycle; reopening begins again with an agent.
LEVEL_ORDER = (Level.AGENT, Level.SUPERVISOR, Level.REFERRED)


def move(case: Case, to: Status) -> None:
    """This function will take one arrow of the state machine.

    :raises TransitionRefused: there is no such arrow from where the ticket stands.
    """
    ticket = case.ticket
    if to not in ARROWS[Status(ticket.status)]:
        raise TransitionRefused(
            _("A dispute that is %(status)s cannot become %(to)s.")
            % {"status": ticket.get_status_display(), "to": to.label}
        )
    ticket.status = to
    case.change("status")


def raise_level(case: Case, to: Level) -> bool:
    """This function will raise the level; False when it stands there or higher already."""
    ticket = case.ticket
    if LEVEL_ORDER.index(to) <= LEVEL_ORDER.index(Level(ticket.level)):
        return False
    ticket.level = to
    case.change("level")
    return True


def reset_level(case: Case) -> None:
    """This function will hand a reopened ticket to the agents again."""
    case.ticket.level = Level.AGENT
    case.change("level")
